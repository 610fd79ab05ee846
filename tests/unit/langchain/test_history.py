"""Histories made by any class are understood, never changed, and what the framework edited is what is sent."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import (
    AIMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_tikhub.history import to_conversation
from langchain_tikhub.input_blocks import part_of, parts_of_content
from tests.unit.langchain.support import CLAUDE, INTERLEAVED, REASONING, SCRIPTS, TOOLS, ScriptedChat, summed
from tikhub_ai import (
    Document,
    InvalidRequestError,
    Issuer,
    Media,
    Message,
    Opaque,
    Reasoning,
    ReasoningDelta,
    Refusal,
    ServerToolCall,
    Text,
    TextDelta,
    TikHubAIWarning,
    ToolCall,
    ToolResult,
)

if TYPE_CHECKING:
    from tikhub_ai import AnyPart

PNG = "iVBORw0KGgo="

BLOCKS: dict[str, tuple[dict[str, Any], AnyPart]] = {
    # LangChain
    "text": ({"type": "text", "text": "hi"}, Text("hi")),
    "text with a cache mark": (
        {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}},
        Text("hi", options={"cache_control": {"type": "ephemeral"}}),
    ),
    "text with v1 extras": (
        {"type": "text", "text": "hi", "extras": {"cache_control": {"type": "ephemeral"}}, "index": 0, "id": "lc_1"},
        Text("hi", options={"cache_control": {"type": "ephemeral"}}),
    ),
    "v1 image url": ({"type": "image", "url": "https://a/b.png"}, Media("image", url="https://a/b.png")),
    "v1 image base64": (
        {"type": "image", "base64": PNG, "mime_type": "image/png"},
        Media("image", data=PNG, mime_type="image/png"),
    ),
    "v1 image file id": ({"type": "image", "file_id": "file-1"}, Media("image", file_id="file-1")),
    "v0 image url": (
        {"type": "image", "source_type": "url", "url": "https://a/b.png"},
        Media("image", url="https://a/b.png"),
    ),
    "v0 image base64": (
        {"type": "image", "source_type": "base64", "data": PNG, "mime_type": "image/png"},
        Media("image", data=PNG, mime_type="image/png"),
    ),
    "v0 file id": ({"type": "file", "source_type": "id", "id": "file-1"}, Media("file", file_id="file-1")),
    "v0 text file": ({"type": "file", "source_type": "text", "text": "words"}, Document([Text("words")])),
    "v1 audio": (
        {"type": "audio", "base64": "UklG", "mime_type": "audio/wav"},
        Media("audio", data="UklG", mime_type="audio/wav"),
    ),
    "v1 video": ({"type": "video", "url": "https://a/b.mp4"}, Media("video", url="https://a/b.mp4")),
    "v1 pdf": (
        {"type": "file", "base64": "JVBE", "mime_type": "application/pdf", "filename": "a.pdf"},
        Media("file", data="JVBE", mime_type="application/pdf", name="a.pdf"),
    ),
    "v1 plain text": (
        {"type": "text-plain", "text": "words", "mime_type": "text/plain", "title": "T"},
        Document([Text("words")], "T"),
    ),
    "v1 reasoning": ({"type": "reasoning", "reasoning": "hm"}, Reasoning(text="hm")),
    "v1 tool call": ({"type": "tool_call", "id": "c", "name": "f", "args": {"a": 1}}, ToolCall("c", "f", '{"a": 1}')),
    "non-standard, known inside": ({"type": "non_standard", "value": {"type": "text", "text": "hi"}}, Text("hi")),
    "non-standard": ({"type": "non_standard", "value": {"x": 1}}, Opaque({"x": 1})),
    # OpenAI Chat Completions
    "image_url": (
        {"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "low"}},
        Media("image", url="https://a/b.png", options={"detail": "low"}),
    ),
    "image_url as text": ({"type": "image_url", "image_url": "https://a/b.png"}, Media("image", url="https://a/b.png")),
    "image_url with data": (
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        Media("image", data=PNG, mime_type="image/png"),
    ),
    "input_audio": (
        {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}},
        Media("audio", data="UklG", mime_type="audio/wav"),
    ),
    "file with data": (
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"}},
        Media("file", data="JVBE", mime_type="application/pdf", name="a.pdf"),
    ),
    "file with id": ({"type": "file", "file": {"file_id": "file-1"}}, Media("file", file_id="file-1")),
    "refusal": ({"type": "refusal", "refusal": "no"}, Refusal("no")),
    # OpenAI Responses
    "input_text": ({"type": "input_text", "text": "hi"}, Text("hi")),
    "output_text": ({"type": "output_text", "text": "hi", "annotations": []}, Text("hi")),
    "input_image": (
        {"type": "input_image", "image_url": "https://a/b.png", "detail": "high"},
        Media("image", url="https://a/b.png", options={"detail": "high"}),
    ),
    "input_file": (
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"},
        Media("file", data="JVBE", mime_type="application/pdf", name="a.pdf"),
    ),
    "reasoning item": (
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "hm"}],
            "encrypted_content": "x",
        },
        Reasoning(text="hm"),
    ),
    "function_call": (
        {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": '{"a":1}'},
        ToolCall("c", "f", '{"a":1}'),
    ),
    "web_search_call": (
        {"type": "web_search_call", "id": "ws_1"},
        Opaque({"type": "web_search_call", "id": "ws_1"}),
    ),
    # Anthropic
    "image source": (
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        Media("image", data=PNG, mime_type="image/png"),
    ),
    "image source url": (
        {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}},
        Media("image", url="https://a/b.png"),
    ),
    "document": (
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"},
            "title": "A",
            "citations": {"enabled": True},
        },
        Media("file", data="JVBE", mime_type="application/pdf", name="A", options={"citations": {"enabled": True}}),
    ),
    "text document": (
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
        Document([Text("words")]),
    ),
    "content document": (
        {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "words"}]}},
        Document([Text("words")]),
    ),
    "search result": (
        {
            "type": "search_result",
            "title": "T",
            "source": "https://a.test",
            "content": [{"type": "text", "text": "words"}],
            "citations": {"enabled": True},
            "cache_control": {"type": "ephemeral"},
        },
        Document(
            [Text("words")],
            "T",
            "https://a.test",
            options={"citations": {"enabled": True}, "cache_control": {"type": "ephemeral"}},
        ),
    ),
    "file source": (
        {"type": "document", "source": {"type": "file", "file_id": "file-1"}},
        Media("file", file_id="file-1"),
    ),
    "tool_use": ({"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}, ToolCall("c", "f", '{"a": 1}')),
    "thinking": ({"type": "thinking", "thinking": "hm", "signature": "s"}, Reasoning(text="hm")),
    "redacted thinking": ({"type": "redacted_thinking", "data": "x"}, Reasoning()),
    "tool_result": (
        {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "42"}], "is_error": True},
        ToolResult("c", [Text("42")], is_error=True),
    ),
    # Google and Bedrock
    "media": (
        {"type": "media", "mime_type": "video/mp4", "file_uri": "gs://a/b.mp4"},
        Media("video", url="gs://a/b.mp4", mime_type="video/mp4"),
    ),
    "media with bytes": (
        {"type": "media", "mime_type": "image/png", "data": b"hi"},
        Media("image", data="aGk=", mime_type="image/png"),
    ),
    "reasoning_content": (
        {"type": "reasoning_content", "reasoning_content": {"text": "hm", "signature": "s"}},
        Reasoning(text="hm"),
    ),
    # nobody
    "unknown": ({"type": "hologram", "x": 1}, Opaque({"type": "hologram", "x": 1})),
    "an image that shows nothing": ({"type": "image"}, Opaque({"type": "image"})),
}


@pytest.mark.parametrize(("block", "part"), BLOCKS.values(), ids=BLOCKS)
def test_every_form_of_block_is_understood(block: dict[str, Any], part: AnyPart) -> None:
    before = copy.deepcopy(block)
    assert part_of(block) == part
    assert block == before


def test_content_may_mix_texts_and_blocks() -> None:
    assert parts_of_content(["a", {"type": "text", "text": ""}, {"text": "b"}, ""]) == [Text("a"), Text("b")]


def test_each_message_has_its_role() -> None:
    messages = [
        SystemMessage("s"),
        SystemMessage("d", additional_kwargs={"__openai_role__": "developer"}),
        HumanMessage("u", name="ann"),
        AIMessage("a", name="bot"),
        ChatMessage(content="c", role="developer"),
        ChatMessage(content="m", role="model"),
    ]
    assert to_conversation(messages) == [
        Message("system", [Text("s")]),
        Message("developer", [Text("d")]),
        Message("user", [Text("u")], "ann"),
        Message("assistant", [Text("a")], "bot"),
        Message("developer", [Text("c")]),
        Message("assistant", [Text("m")]),
    ]


@pytest.mark.parametrize("message", [ChatMessage(content="x", role="wizard"), RemoveMessage("1")])
def test_a_message_that_no_model_can_be_told_is_refused(message: Any) -> None:
    with pytest.raises(InvalidRequestError, match=r"wizard|RemoveMessage"):
        to_conversation([message])


def test_tool_messages_carry_text_images_errors_and_any_object() -> None:
    content: list[Any] = ["a", {"type": "image", "base64": PNG, "mime_type": "image/png"}, {"rows": [1, 2]}]
    messages = [
        ToolMessage("42", tool_call_id="c1", artifact=object()),
        ToolMessage("boom", tool_call_id="c2", status="error", name="f"),
        ToolMessage(content, tool_call_id="c3"),
    ]
    first, second, third = to_conversation(messages)
    assert first == Message("tool", [ToolResult("c1", [Text("42")])])
    assert second == Message("tool", [ToolResult("c2", [Text("boom")], "f", is_error=True)])
    image = Media("image", data=PNG, mime_type="image/png")
    assert third == Message("tool", [ToolResult("c3", [Text("a"), image, Opaque({"rows": [1, 2]})])])


def test_tool_results_in_a_user_message_are_messages_of_their_own() -> None:
    content: list[Any] = [
        {"type": "tool_result", "tool_use_id": "c", "content": "42"},
        {"type": "text", "text": "go on"},
    ]
    assert to_conversation([HumanMessage(content)]) == [
        Message("tool", [ToolResult("c", [Text("42")])]),
        Message("user", [Text("go on")]),
    ]


def test_function_messages_of_2023_find_their_call() -> None:
    call = AIMessage("", additional_kwargs={"function_call": {"name": "f", "arguments": "{}"}})
    asked, answered = to_conversation([call, FunctionMessage(content="42", name="f")])
    assert isinstance(asked.parts[0], ToolCall)
    assert isinstance(answered.parts[0], ToolResult)
    assert asked.parts[0].id == answered.parts[0].tool_call_id


# --- answers of other classes ---------------------------------------------------------------------------------------

CALL = {"name": "f", "args": {"a": 1}, "id": "c"}


def test_reasoning_of_another_class_has_no_issuer() -> None:
    somebody = AIMessage("hi", additional_kwargs={"reasoning_content": "hm"})
    content: list[Any] = [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": "hi"}]
    other = AIMessage(content, response_metadata={"model_provider": "somebody else"})
    for message in (somebody, other):
        (back,) = to_conversation([message])
        assert back.parts == [Reasoning(text="hm"), Text("hi")]


def test_calls_stand_where_the_content_says_and_hold_what_tool_calls_say() -> None:
    content: list[Any] = [
        {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 0}},
        {"type": "text", "text": "and"},
        {"type": "tool_use", "id": "gone", "name": "g", "input": {}},
    ]
    message = AIMessage(content, tool_calls=[CALL, {"name": "h", "args": {}, "id": "new"}])
    (back,) = to_conversation([message])
    assert back.parts == [ToolCall("c", "f", '{"a": 1}'), Text("and"), ToolCall("new", "h", "{}")]


def test_calls_that_the_content_lacks_keep_their_order() -> None:
    """As in ChatOpenAI's streamed v1, where the first call of an answer melts into the text before it."""
    calls: list[Any] = [{"name": "f", "args": {}, "id": name} for name in ("a", "b", "c", "d")]
    content: list[Any] = [{"type": "tool_call", "id": "d", "name": "f"}, {"type": "tool_call", "id": "b", "name": "f"}]
    (back,) = to_conversation([AIMessage([*content, "so"], tool_calls=calls)])
    assert [part.id for part in back.parts if isinstance(part, ToolCall)] == ["a", "c", "d", "b"]
    assert back.parts[-1] == Text("so")


def test_blocks_that_another_class_made_are_not_the_callers_own() -> None:
    """Without an issuer, they would be sent as they are: a Claude's search to GPT."""
    block = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    others = AIMessage([block], response_metadata={"model_provider": "somebody else"})
    given, made, claudes = to_conversation([HumanMessage([block]), others, AIMessage([block])])
    assert given.parts == [Opaque(block)]
    assert made.parts == [Opaque(block, issuer=Issuer("another class", "somebody else"))]
    assert claudes.parts == [ServerToolCall("s", "web_search", {}, state={"block": block}, issuer=CLAUDE)]


def test_a_thought_without_words_goes_back_to_its_place_in_a_sum_of_chunks() -> None:
    hidden = ReasoningDelta("", 0, state={"redacted": "x=="}, issuer=CLAUDE)
    for output_version in (None, "v1"):
        chat = ScriptedChat([hidden, TextDelta("Four.", 1)], output_version=output_version)
        (back,) = to_conversation([summed(chat.stream("hi"))])
        assert back.parts == [Reasoning(state={"redacted": "x=="}, issuer=CLAUDE), Text("Four.")]


def test_calls_that_only_the_content_knows_are_kept() -> None:
    message = AIMessage([{"type": "tool_use", "id": "c", "name": "f", "input": {"a": 0}}])
    (back,) = to_conversation([message])
    assert back.parts == [ToolCall("c", "f", '{"a": 0}')]


def test_an_invalid_call_is_sent_back_only_with_its_answer() -> None:
    message = AIMessage("", invalid_tool_calls=[{"name": "f", "args": "{", "id": "c", "error": None}])
    with pytest.warns(TikHubAIWarning, match="'f' with invalid arguments"):
        (back,) = to_conversation([message])
    assert back.parts == []
    back, _ = to_conversation([message, ToolMessage("that was no JSON", tool_call_id="c", status="error")])
    assert back.parts == [ToolCall("c", "f", "{")]


def test_refusals_and_spoken_words_of_other_classes_are_kept() -> None:
    refused = AIMessage("", additional_kwargs={"refusal": "no"})
    spoken = AIMessage("", additional_kwargs={"audio": {"id": "a", "data": "x", "transcript": "hello"}})
    assert [message.parts for message in to_conversation([refused, spoken])] == [[Refusal("no")], [Text("hello")]]


def test_of_the_extras_of_an_answer_only_cache_marks_are_sent() -> None:
    block = {"type": "text", "text": "hi", "extras": {"signature": "s"}, "cache_control": {"type": "ephemeral"}}
    (back,) = to_conversation([AIMessage([block], response_metadata={"model_provider": "somebody else"})])
    assert back.parts == [Text("hi", options={"cache_control": {"type": "ephemeral"}})]


# --- what the framework edited wins ---------------------------------------------------------------------------------


def test_an_edited_text_is_what_is_sent() -> None:
    message = ScriptedChat(TOOLS).invoke("hi")
    edited = message.model_copy(update={"content": "[REDACTED] looked."})
    (back,) = to_conversation([edited])
    assert back.parts[0] == Text("[REDACTED] looked.")
    assert [part.id for part in back.parts[1:] if isinstance(part, ToolCall)] == ["call_a", "call_b", "call_c"]
    assert edited.content_blocks[0] == {"type": "text", "text": "[REDACTED] looked.", "index": 0}


def test_an_edited_text_of_several_parts_is_one_text() -> None:
    message = ScriptedChat(INTERLEAVED).invoke("hi").model_copy(update={"content": "All new."})
    (back,) = to_conversation([message])
    assert [part.text for part in back.parts if isinstance(part, Text)] == ["All new."]
    assert not [part for part in back.parts if isinstance(part, Text) and part.citations]


def test_an_edited_call_is_what_is_sent_without_its_signature() -> None:
    message = ScriptedChat(TOOLS).invoke("hi")
    (unedited,) = to_conversation([message])
    kept = unedited.parts[1]
    assert isinstance(kept, ToolCall)
    assert kept.state == {"thought_signature": "ts", "exact": True}
    assert kept.issuer == CLAUDE
    assert kept.arguments == '{"city": "Paris"}'
    message.tool_calls = [{**message.tool_calls[0], "args": {"city": "Lyon"}}, *message.tool_calls[2:]]
    with pytest.warns(TikHubAIWarning, match=r"The call of 'weather' \(call_a\) of an answer was edited"):
        (back,) = to_conversation([message])
    assert back.parts == [Text("I look."), ToolCall("call_a", "weather", '{"city": "Lyon"}'), ToolCall("call_c", "now")]


def test_a_call_that_was_added_comes_last_and_one_renamed_loses_nothing() -> None:
    message = ScriptedChat(REASONING).invoke("hi")
    message.tool_calls = [{"name": "f", "args": {}, "id": "new", "type": "tool_call"}]
    (back,) = to_conversation([message])
    assert back.parts[-1] == ToolCall("new", "f", "{}")
    assert message.content_blocks[-1]["type"] == "tool_call"


def test_edited_reasoning_is_not_sent_back_as_the_issuers() -> None:
    message = ScriptedChat(REASONING).invoke("hi")
    message.additional_kwargs["reasoning_content"] = "Something else entirely."
    with pytest.warns(TikHubAIWarning, match="reasoning of an answer was edited"):
        (back,) = to_conversation([message])
    assert back.parts[0] == Reasoning(text="Something else entirely.")


def test_a_cache_mark_on_the_text_keeps_all_else() -> None:
    message = ScriptedChat(REASONING).invoke("hi")
    mark = {"cache_control": {"type": "ephemeral"}}
    message.content = [{"type": "text", "text": "It is four.", **mark}]
    (back,) = to_conversation([message])
    assert back.parts == [
        Reasoning(text="Let me think.", state={"signature": "signature"}, issuer=CLAUDE),
        Text("It is four.", options=mark),
    ]


def test_edits_of_v1_content_are_what_is_sent() -> None:
    message = ScriptedChat(INTERLEAVED, output_version="v1").invoke("hi")
    assert isinstance(message.content, list)
    first, *others = message.content
    assert isinstance(first, dict)
    message.content = [{**first, "reasoning": "Edited."}, *others]
    message.tool_calls = [{**message.tool_calls[0], "args": {"a": 2}}]
    with pytest.warns(TikHubAIWarning, match="reasoning of an answer was edited"):
        (back,) = to_conversation([message])
    assert back.parts[0] == Reasoning(text="Edited.")
    assert back.parts[-1] == ToolCall("call_z", "save", '{"a": 2}')
    assert back.parts[4].state == {"signature": "s4"}


def test_a_skeleton_that_somebody_broke_raises_nothing() -> None:
    for broken in ([], "x", [1], [{"index": "a"}], [{"index": 0}], [{"index": 0, "type": "media", "part": 3}]):
        message = AIMessage(
            "hi", additional_kwargs={"tikhub_parts": broken}, response_metadata={"model_provider": "tikhub"}
        )
        assert [block["text"] for block in message.content_blocks if block["type"] == "text"] == ["hi"]
        (back,) = to_conversation([message])
        assert back.parts == [Text("hi")]


@pytest.mark.parametrize("deltas", SCRIPTS.values(), ids=SCRIPTS)
@pytest.mark.filterwarnings("ignore:A call of:tikhub_ai.TikHubAIWarning")
def test_messages_are_never_changed(deltas: list[Any]) -> None:
    for version in (None, "v1"):
        message = ScriptedChat(deltas, output_version=version).invoke("hi")
        history = [HumanMessage([{"type": "image_url", "image_url": {"url": "https://a"}}]), message]
        before = copy.deepcopy(history)
        to_conversation(history)
        _ = message.content_blocks
        assert history == before
