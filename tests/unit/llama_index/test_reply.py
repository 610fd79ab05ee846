"""Answers as LlamaIndex sees them, whole and streamed, and what of them goes back."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    ChatResponse,
    CitationBlock,
    ContentBlock,
    ImageBlock,
    LogProb,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from pydantic import BaseModel

from llama_index_tikhub.history import to_conversation
from llama_index_tikhub.raw import raw_of
from llama_index_tikhub.reply import StreamBuilder, _Mould, chat_response, from_reply
from tests.unit.llama_index.sound import keeps_sound
from tikhub_ai import (
    Accumulator,
    AnyPart,
    AudioDelta,
    ChatReply,
    Choice,
    Citation,
    CitationDelta,
    End,
    Issuer,
    Media,
    Opaque,
    PartDelta,
    Reasoning,
    ReasoningDelta,
    Refusal,
    RefusalDelta,
    ServerToolCall,
    ServerToolResult,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)

CLAUDE = Issuer("messages", "claude")
RICH: list[Any] = [
    Reasoning("Hm.", state={"signature": "EqQB"}, issuer=CLAUDE),
    Text("I look it up. ", state={"id": "msg_1"}, issuer=CLAUDE),
    ServerToolCall("s1", "web_search", {"query": "Seine"}, state={"type": "server_tool_use"}, issuer=CLAUDE),
    ServerToolResult("s1", [{"url": "https://r.test"}], issuer=CLAUDE),
    Opaque({"type": "container", "id": "x"}, issuer=CLAUDE),
    Reasoning("", state={"data": "encrypted"}, issuer=CLAUDE),
    Text("The Seine is 777 km long.", [Citation("page", "https://r.test", "R", "777", 4, 9, {"encrypted_index": "E"})]),
    ToolCall("c1", "f", '{ "a":1}', state={"thought_signature": "CiQ"}, issuer=CLAUDE),
    ToolCall("c2", "g", "{}"),
    Media("image", data="aGVsbG8=", mime_type="image/png", state={"id": "ig_1"}, issuer=CLAUDE),
]


def replayed(message: ChatMessage) -> list[Any]:
    return to_conversation([message])[0].parts


def stored(message: ChatMessage) -> ChatMessage:
    """As a memory or a workflow's context gives it back: through JSON."""
    return ChatMessage.model_validate_json(message.model_dump_json())


@pytest.mark.parametrize(
    "parts",
    [
        [Text("Hello")],
        [
            Reasoning("Hm.", state={"field": "reasoning_content"}, issuer=Issuer("chat_completions", "deepseek")),
            Text("Hi"),
        ],
        [Text("Look:"), ToolCall("c1", "f", '{"a": 1}'), ToolCall("c2", "f", "not json")],
        [Text("One"), ToolCall("c1", "f"), Text("Two")],
        [Refusal("I will not.")],
        [Text("So far. "), Refusal("No further.")],
        RICH,
        [Media("file", file_id="f1", state={"id": "x"}, issuer=CLAUDE), Text("Here.")],
    ],
)
def test_an_answer_goes_back_as_it_came(parts: list[Any]) -> None:
    message = from_reply(parts)
    assert replayed(message) == parts
    assert replayed(stored(message)) == parts


def test_sound_goes_back_with_its_id_and_its_words() -> None:
    state = {"id": "audio_1"}
    sound = Media("audio", data="//s=", mime_type="audio/mpeg", transcript="Hi", state=state, issuer=CLAUDE)
    assert replayed(from_reply([sound])) == [sound]


@pytest.mark.skipif(not keeps_sound(), reason="this llama-index-core cannot read its own AudioBlock back from JSON")
def test_raw_sound_keeps_its_rate_and_a_servers_call_its_empty_input() -> None:
    """Gemini speaks `audio/L16;codec=pcm;rate=24000`; OpenAI's image_generation_call has no input."""
    parts: list[AnyPart] = [
        ServerToolCall("ig_1", "image_generation", {}, state={"item": {}}, issuer=Issuer("responses", "gpt")),
        Media("audio", data="aGVsbG8=", mime_type="audio/L16;codec=pcm;rate=24000"),
    ]
    message = chat_response(ChatReply([Choice(parts)], "responses")).message
    assert replayed(stored(message)) in (parts, [*parts, Text("")])


def test_a_plain_answer_needs_no_skeleton() -> None:
    assert from_reply([Text("Hello")]).additional_kwargs == {}
    thought: list[AnyPart] = [
        Reasoning("Hm.", state={"field": "reasoning"}, issuer=CLAUDE),
        Text("Hi"),
        ToolCall("c1", "f"),
    ]
    assert from_reply(thought).additional_kwargs == {}
    written: list[AnyPart] = [Text("Hi"), ToolCall("c1", "f", '{"a":1}')]  # no block keeps how the model spaced it
    assert from_reply(written).additional_kwargs.keys() == {"tikhub_parts"}


def test_calls_stand_in_blocks_alone() -> None:
    """LlamaIndex's Google class sends those of `additional_kwargs` again, its OpenAIResponses in a wrong form."""
    assert "tool_calls" not in from_reply(RICH).additional_kwargs


def test_sources_are_citation_blocks_after_all_else() -> None:
    *_, source = from_reply(RICH).blocks
    assert isinstance(source, CitationBlock)
    assert isinstance(source.cited_content, TextBlock)
    assert (source.source, source.title, source.cited_content.text) == ("https://r.test", "R", "777")
    assert source.additional_location_info == {"start": 4, "end": 9}


def test_a_signature_stands_where_the_anthropic_class_of_llama_index_looks_for_it() -> None:
    [thought, _] = from_reply([Reasoning("Hm.", state={"signature": "E=="}, issuer=CLAUDE), Text("Hi")]).blocks
    assert isinstance(thought, ThinkingBlock)
    assert thought.additional_information["signature"] == "E=="


def test_all_text_is_one_block_so_that_content_is_what_was_streamed() -> None:
    message = from_reply(RICH)
    assert message.content == "I look it up. The Seine is 777 km long."
    kinds = [type(block) for block in message.blocks]
    assert kinds == [
        ThinkingBlock,
        TextBlock,
        ThinkingBlock,
        ToolCallBlock,
        ToolCallBlock,
        ImageBlock,
        CitationBlock,
    ]


def test_arguments_are_an_object_where_they_are_json_and_text_where_not() -> None:
    message = from_reply([ToolCall("c1", "f", '{"a": 1}'), ToolCall("c2", "f", '{"a": ')])
    calls = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    assert [call.tool_kwargs for call in calls] == [{"a": 1}, '{"a": ']


def test_an_empty_answer_has_empty_text_and_a_call_has_none() -> None:
    assert from_reply([]).content == ""
    assert from_reply([Reasoning("Hm.")]).content == ""
    assert from_reply([ToolCall("c1", "f")]).content is None


# --- what the framework edited wins -----------------------------------------------------------------------------------


def edited(message: ChatMessage, **changes: Any) -> ChatMessage:
    blocks: list[ContentBlock] = []
    for block in message.blocks:
        if isinstance(block, TextBlock) and "text" in changes:
            blocks.append(TextBlock(text=changes["text"]))
        elif isinstance(block, ToolCallBlock) and "kwargs" in changes:
            blocks.append(block.model_copy(update={"tool_kwargs": changes["kwargs"]}))
        elif isinstance(block, ThinkingBlock) and "thought" in changes:
            blocks.append(block.model_copy(update={"content": changes["thought"]}))
        else:
            blocks.append(block)
    return ChatMessage(role=message.role, blocks=blocks, additional_kwargs=message.additional_kwargs)


def test_edited_text_is_sent_once_and_without_the_state_of_the_old() -> None:
    message = edited(from_reply(RICH), text="[redacted]")
    with pytest.warns(UserWarning, match="The text of an answer was edited"):
        parts = replayed(message)
    assert [part for part in parts if isinstance(part, Text)] == [Text("[redacted]")]
    assert [type(part) for part in parts][:2] == [Reasoning, Text]


def test_text_that_was_removed_stays_removed() -> None:
    message = from_reply([Text("One"), ToolCall("c1", "f"), Text("Two")])
    kept = [block for block in message.blocks if not isinstance(block, TextBlock)]
    bare = ChatMessage(role="assistant", blocks=kept, additional_kwargs=message.additional_kwargs)
    assert replayed(bare) == [ToolCall("c1", "f")]


def test_an_edited_call_goes_back_without_its_signature() -> None:
    message = edited(from_reply([ToolCall("c1", "f", '{"a":1}', state={"s": "CiQ"}, issuer=CLAUDE)]), kwargs={"a": 2})
    with pytest.warns(UserWarning, match=r"The call of 'f' \(c1\) of an answer was edited"):
        assert replayed(message) == [ToolCall("c1", "f", '{"a": 2}')]


def test_calls_that_a_framework_took_out_or_put_in() -> None:
    message = from_reply(RICH)
    blocks: list[Any] = [block for block in message.blocks if getattr(block, "tool_call_id", None) != "c1"]
    blocks.append(ToolCallBlock(tool_call_id="c9", tool_name="h", tool_kwargs={}))
    parts = replayed(ChatMessage(role="assistant", blocks=blocks, additional_kwargs=message.additional_kwargs))
    assert [part.id for part in parts if isinstance(part, ToolCall)] == ["c2", "c9"]


def test_an_edited_thought_loses_its_signature() -> None:
    message = edited(from_reply([Reasoning("Hm.", state={"signature": "E"}, issuer=CLAUDE), Text("Hi")]), thought="Oh.")
    with pytest.warns(UserWarning, match="The reasoning of an answer was edited"):
        assert replayed(message) == [Reasoning("Oh."), Text("Hi")]


def test_a_skeleton_of_another_version_is_survived() -> None:
    kwargs = {"tikhub_parts": [{"type": "text", "length": 5}, {"type": "dream"}, {"type": "opaque", "odd": 1}, 7]}
    message = ChatMessage(role="assistant", content="Hello", additional_kwargs=kwargs)
    assert replayed(message) == [Text("Hello")]


# --- raw, usage, logprobs ---------------------------------------------------------------------------------------------


def test_usage_has_the_names_that_llama_index_looks_for_whatever_the_api() -> None:
    claude = Usage(
        12,
        34,
        46,
        {"cache_read": 5},
        {"reasoning": 7},
        raw={"input_tokens": 7, "cache_read_input_tokens": 5, "output_tokens": 34},
    )
    response = chat_response(ChatReply([Choice([Reasoning("Hm."), Text("Hi")])], "messages", usage=claude))
    assert response.raw is not None
    assert response.raw["usage"] == {
        "input_tokens": 7,
        "cache_read_input_tokens": 5,
        "output_tokens": 34,
        "prompt_tokens": 12,
        "completion_tokens": 34,
        "total_tokens": 46,
        "prompt_tokens_details": {"cached_tokens": 5},
        "completion_tokens_details": {"reasoning_tokens": 7},
    }
    assert response.additional_kwargs == {"prompt_tokens": 12, "completion_tokens": 34, "total_tokens": 46}
    [thought] = [block for block in response.message.blocks if isinstance(block, ThinkingBlock)]
    assert thought.num_tokens == 7


@pytest.mark.parametrize(
    "logprobs",
    [
        {"content": ["odd", {"token": "a", "logprob": -1.0}, None]},
        {"content": [{"token": "a", "logprob": -1.0, "top_logprobs": "n/a"}]},
        {"content": [{"token": "a", "logprob": -1.0, "top_logprobs": [7, {"token": "a", "logprob": -1.0}]}]},
        {"chosenCandidates": [{"token": "a", "logProbability": -1.0}], "topCandidates": "n/a"},
        {"chosenCandidates": [{}], "topCandidates": [{"candidates": [{"token": "a", "logProbability": -1.0}, []]}]},
        {"content": [{"top_logprobs": [{"token": "a", "logprob": -1.0}, {"token": "b", "logprob": "low"}]}]},
    ],
)
def test_odd_log_probabilities_are_left_out_and_the_others_read(logprobs: dict[str, Any]) -> None:
    response = chat_response(ChatReply([Choice([Text("a")], logprobs=logprobs)], "chat_completions"))
    assert response.logprobs == [[LogProb(token="a", logprob=-1.0)]]
    assert response.message.content == "a"


@pytest.mark.parametrize("logprobs", [{}, {"content": "n/a"}, {"content": None}, {"chosenCandidates": 7}])
def test_log_probabilities_that_are_none(logprobs: dict[str, Any]) -> None:
    assert chat_response(ChatReply([Choice([Text("a")], logprobs=logprobs)], "chat_completions")).logprobs is None


def test_no_usage_is_not_a_usage_of_nothing() -> None:
    response = chat_response(ChatReply([Choice([Text("Hi")])], "chat_completions"))
    assert response.raw is not None
    assert response.raw["usage"] is None
    assert response.additional_kwargs == {}


def test_the_first_of_several_answers_is_the_message_and_all_are_in_raw() -> None:
    reply = ChatReply([Choice([Text("one")], "stop"), Choice([Text("two")], "length")], "chat_completions")
    response = chat_response(reply)
    assert response.message.content == "one"
    choices = raw_of(reply)["choices"]
    assert [choice["message"]["content"] for choice in choices] == ["one", "two"]
    assert [choice["finish_reason"] for choice in choices] == ["stop", "length"]


def test_log_probabilities() -> None:
    tokens = [
        {"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []},
        {"token": "!", "logprob": -0.2, "bytes": None, "top_logprobs": [{"token": "!", "logprob": -0.2}]},
    ]
    logprobs = chat_response(ChatReply([Choice([Text("Hi!")], logprobs={"content": tokens})], "x")).logprobs
    assert logprobs is not None
    assert [[item.token for item in token] for token in logprobs] == [["Hi"], ["!"]]
    assert logprobs[0][0].bytes == [72, 105]


# --- streams ----------------------------------------------------------------------------------------------------------


def stream(*deltas: Any) -> list[Any]:
    """All items of a stream: the deltas, then the reply that they fold into."""
    accumulator, builder = Accumulator("chat_completions"), StreamBuilder()
    items = []
    for delta in deltas:
        accumulator.add(delta)
        items.append(builder.add(delta))
    items.append(builder.add(End(accumulator.reply())))
    return [item for item in items if item is not None]


def test_text_of_several_parts_is_one_growing_block() -> None:
    items = stream(
        TextDelta("One", 0), ToolCallDelta('{"a":', 1, id="c1", name="f"), ToolCallDelta("1}", 1), TextDelta("Two", 2)
    )
    assert [item.message.content for item in items] == ["One", "One", "One", "OneTwo", "OneTwo"]
    assert [item.delta for item in items] == ["One", "", "", "Two", ""]
    assert items[2].message.additional_kwargs["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"a":1}'}
    assert items[-1].message.blocks[1].tool_kwargs == {"a": 1}


def test_thoughts_are_told_as_they_come() -> None:
    items = stream(
        ReasoningDelta("H", 0, state={"field": "x"}, issuer=CLAUDE),
        ReasoningDelta("m", 0),
        ReasoningDelta("", 0),
        TextDelta("Hi", 1),
    )
    assert [item.additional_kwargs.get("thinking_delta") for item in items] == ["H", "m", None, None]
    assert items[1].message.blocks[0].content == "Hm"
    assert items[-1].message.blocks[0].additional_information["tikhub"]["issuer"] == list(CLAUDE)


def test_other_choices_never_mix_with_the_first() -> None:
    items = stream(TextDelta("a", 0), TextDelta("x", 0, choice=1), TextDelta("b", 0))
    assert [item.message.content for item in items] == ["a", "ab", "ab"]
    assert items[-1].raw["choices"][1]["message"]["content"] == "x"


def test_a_refusal_is_said_and_marked() -> None:
    items = stream(RefusalDelta("I will ", 0), RefusalDelta("not.", 0))
    assert [item.message.content for item in items] == ["I will ", "I will not.", "I will not."]
    assert [item.message.additional_kwargs["refusal"] for item in items] == ["I will ", "I will not.", "I will not."]


def test_sound_comes_in_pieces_and_whole_at_the_end() -> None:
    items = stream(AudioDelta(0, data="//s=", mime_type="audio/wav"), AudioDelta(0, transcript="Hi", data="//s="))
    assert items[0].additional_kwargs == {"audio_delta": "//s="}
    assert items[1].additional_kwargs == {"audio_delta": "//s=", "audio_transcript_delta": "Hi"}
    [block] = items[-1].message.blocks
    assert isinstance(block, AudioBlock)
    assert block.format == "wav"
    assert items[-1].message.additional_kwargs["audio_transcript"] == "Hi"


def test_sources_and_whole_parts() -> None:
    items = stream(
        TextDelta("Hi", 0),
        CitationDelta([Citation("url_citation", "https://r.test", "R", start=0, end=2)], 0),
        PartDelta(Media("image", url="https://pics.test/a.png"), 1),
        PartDelta(Opaque({"x": 1}), 2),
        PartDelta(Text(" there"), 3),
        PartDelta(ToolCall("c1", "f", '{"a": 1}'), 4),
        PartDelta(Reasoning("Hm."), 5),
        PartDelta(Refusal(" No."), 6),
    )
    last = items[-1].message
    assert last.content == "Hi there No."
    kinds = [type(block) for block in last.blocks]
    assert kinds == [TextBlock, ImageBlock, ToolCallBlock, ThinkingBlock, CitationBlock]
    assert {type(block) for block in items[-2].message.blocks} == set(kinds)
    assert (last.blocks[-1].source, last.blocks[-1].additional_location_info) == (
        "https://r.test",
        {"start": 0, "end": 2},
    )


def test_a_stream_of_nothing_has_one_item() -> None:
    [item] = stream()
    assert (item.delta, item.message.content) == ("", "")


def test_an_item_of_a_stream_is_what_validation_makes_and_shares_nothing() -> None:
    items = stream(TextDelta("One", 0), RefusalDelta("No", 1), TextDelta("Two", 2), ReasoningDelta("Hm", 3))
    for item in items[:-1]:
        message = item.message
        made = ChatMessage(role=message.role, blocks=message.blocks, additional_kwargs=message.additional_kwargs)
        twin = ChatResponse(message=made, delta=item.delta, additional_kwargs=item.additional_kwargs)
        assert item == twin
        assert pickle.loads(pickle.dumps(item)) == twin
        assert item.model_dump() == twin.model_dump()
        assert copy.deepcopy(item) == twin
        message.blocks.append(TextBlock(text="mine"))
        message.additional_kwargs["mine"] = item.additional_kwargs["mine"] = True
        message.blocks[0].text = "mine"
    assert items[-1].message.content == "OneNoTwo"
    assert not any("mine" in one.additional_kwargs for one in stream(TextDelta("One", 0)))


def test_a_class_whose_objects_hold_more_than_fields_gets_no_mould() -> None:
    class Open(BaseModel, extra="allow"):
        pass

    with pytest.raises(TypeError, match="Open has more than its fields"):
        _Mould(Open())
