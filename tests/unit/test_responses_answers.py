"""What comes in on POST /v1/responses, plain and streamed, as OpenAI sends it and as gateways do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.responses_streams import (
    CREATED,
    GPT,
    HELLO,
    SERVER_ITEMS,
    added,
    completed,
    deltas_of,
    done,
    event,
    function_call,
    message,
    piece_of,
    plain,
    reasoning,
    reply_of,
    shown,
    streamed,
    text,
    thought,
)
from tikhub_ai import (
    Citation,
    Issuer,
    Media,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)

# --- text -----------------------------------------------------------------------------------------------------------


def test_a_stream_folds_to_the_plain_answer() -> None:
    folded = reply_of(*HELLO)
    assert shown(folded) == shown(plain(message("Hello")))
    assert folded.text == "Hello"
    assert (folded.id, folded.model, folded.finish_reason) == ("resp_1", "gpt-4o-2024", "stop")
    assert folded.usage is not None
    assert (folded.usage.input_tokens, folded.usage.output_tokens, folded.usage.total_tokens) == (3, 5, 8)


def test_events_are_known_by_their_type_with_and_without_event_lines() -> None:
    assert deltas_of(*HELLO) == deltas_of(*HELLO, named=False)


def test_events_without_numbers_or_ids_are_understood_as_llama_cpp_sends_them() -> None:
    """llama.cpp: no sequence_number, output_index or content_index, and no model in `response.created`."""
    bare = [
        {key: value for key, value in each.items() if key not in {"output_index", "content_index", "item_id"}}
        for each in HELLO
    ]
    assert shown(reply_of(*bare)) == shown(reply_of(*HELLO))


@pytest.mark.parametrize(
    "events",
    [
        [event("output_text.done", text="Hello", item_id="msg_1", output_index=0, content_index=0)],
        [event("content_part.done", part=message("Hello")["content"][0], item_id="msg_1")],
        [done(message("Hello"))],
        [completed(message("Hello"))],
        [added(message("Hello")), text("He"), completed(message("Hello"))],
        [added(message("Hello")), text("He"), event("output_text.done", text="Hello", item_id="msg_1"), completed()],
    ],
    ids=["text.done", "content_part.done", "item.done", "completed", "half in deltas", "half, then done"],
)
def test_text_that_the_deltas_left_out_is_filled_in_once(events: list[dict[str, Any]]) -> None:
    assert reply_of(CREATED, *events, completed(message("Hello"))).text == "Hello"


def test_a_final_response_with_empty_output_loses_nothing() -> None:
    """new-api#4362: `response.completed` holds `output: []` though deltas came."""
    begun = [added(message("Hello")), text("Hello"), added(function_call(), 1), piece_of("{}")]
    reply = reply_of(CREATED, *begun, completed())
    assert reply.text == "Hello"
    assert reply.usage is not None
    assert [(part.state or {})["status"] for part in reply.parts] == ["completed", "completed"]


def test_the_same_text_under_other_ids_is_not_told_twice() -> None:
    """litellm and relays that make up an id for every event."""
    events = [added(message("Hello", id="a")), text("Hello", "b"), done(message("Hello", id="c"))]
    assert reply_of(CREATED, *events, completed(message("Hello", id="d"))).text == "Hello"


def test_several_message_items_stay_apart_and_in_order() -> None:
    first, second = message("AB", phase="commentary"), message("CD", id="msg_2", phase="final_answer")
    events = [added(first), text("AB"), done(first), added(second, 1), text("CD", "msg_2", 1), done(second, 1)]
    reply = reply_of(CREATED, *events, completed(first, second))
    assert [part.text for part in reply.parts if isinstance(part, Text)] == ["AB", "CD"]
    assert [(part.state or {}).get("phase") for part in reply.parts] == ["commentary", "final_answer"]
    assert shown(reply) == shown(plain(first, second))


def test_two_messages_without_added_events_stay_apart_by_their_ids() -> None:
    bare = [{"type": "response.output_text.delta", "delta": word, "item_id": word} for word in ("AB", "CD")]
    reply = reply_of(CREATED, *bare, completed())
    assert [part.text for part in reply.parts if isinstance(part, Text)] == ["AB", "CD"]


def test_content_parts_of_one_message_are_parts_of_their_own() -> None:
    whole = message("AB", "CD")
    reply = reply_of(CREATED, added(whole), text("AB"), text("CD", content_index=1), done(whole), completed(whole))
    assert shown(reply) == shown(plain(whole))
    assert len(reply.parts) == 2


def test_content_parts_without_an_index_follow_each_other() -> None:
    begun = event("content_part.added", part={"type": "output_text", "text": ""}, item_id="msg_1")
    pieces = [begun, *[{"type": "response.output_text.delta", "item_id": "msg_1", "delta": piece} for piece in "AB"]]
    other = [begun, {"type": "response.output_text.delta", "item_id": "msg_1", "delta": "C"}]
    reply = reply_of(CREATED, added(message()), *pieces, *other, completed())
    assert [part.text for part in reply.parts if isinstance(part, Text)] == ["AB", "C"]


def test_citations_come_one_by_one_or_with_the_text_and_count_once() -> None:
    note = {"type": "url_citation", "url": "https://x.test", "title": "X", "start_index": 0, "end_index": 5}
    file = {"type": "file_citation", "file_id": "file_1", "filename": "a.pdf", "index": 3}
    whole = message("Hello")
    whole["content"][0]["annotations"] = [note, file]
    came = event("output_text.annotation.added", annotation=note, item_id="msg_1", output_index=0, content_index=0)
    reply = reply_of(CREATED, added(whole), text("Hello"), came, done(whole), completed(whole))
    part = reply.parts[0]
    assert isinstance(part, Text)
    assert part.citations == [
        Citation("url_citation", url="https://x.test", title="X", start=0, end=5, raw=note),
        Citation("file_citation", title="a.pdf", raw=file),
    ]
    assert shown(reply) == shown(plain(whole))


def test_log_probabilities_of_the_deltas_are_kept_and_the_final_ones_win() -> None:
    token = {"token": "Hello", "logprob": -0.1, "top_logprobs": []}
    assert reply_of(CREATED, text("Hello", logprobs=[token]), completed()).choices[0].logprobs == {"content": [token]}
    whole = message("Hello")
    whole["content"][0]["logprobs"] = [token | {"bytes": [72]}]
    folded = reply_of(CREATED, text("Hello", logprobs=[token]), completed(whole))
    assert folded.choices[0].logprobs == plain(whole).choices[0].logprobs == {"content": [token | {"bytes": [72]}]}


def test_a_refusal_is_a_refusal() -> None:
    whole = message(content=[{"type": "refusal", "refusal": "I cannot."}])
    at: dict[str, Any] = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    pieces = [event("refusal.delta", delta=piece, **at) for piece in ("I ", "cannot.")]
    reply = reply_of(CREATED, added(whole), *pieces, event("refusal.done", refusal="I cannot.", **at), completed(whole))
    assert reply.refusal == "I cannot."
    assert [type(part) for part in reply.parts] == [Refusal]
    assert shown(reply) == shown(plain(whole))


def test_content_of_an_unknown_kind_is_kept_in_its_message() -> None:
    strange = {"type": "output_hologram", "data": "x"}
    whole = message("Hello") | {"content": [strange]}
    reply = plain(whole)
    assert reply.parts == [Opaque(strange, state={key: whole[key] for key in whole if key != "content"}, issuer=GPT)]


def test_refusals_without_numbers_are_told_apart_by_their_beginnings() -> None:
    parts = [{"type": "refusal", "refusal": words} for words in ("I can't.", "I won't.")]
    whole = message("") | {"content": parts}
    said = [
        told
        for part in parts
        for told in (
            event("content_part.added", part=part | {"refusal": ""}),
            event("refusal.delta", delta=part["refusal"]),
            event("content_part.done", part=part),
        )
    ]
    reply = reply_of(CREATED, added(whole), *said, done(whole), completed(whole))
    assert shown(reply) == shown(plain(whole))
    assert [part.text for part in reply.parts if isinstance(part, Refusal)] == ["I can't.", "I won't."]


# --- reasoning ------------------------------------------------------------------------------------------------------


def test_reasoning_keeps_its_item_and_its_summaries_are_paragraphs() -> None:
    item = reasoning("First.", "Second.")
    begun = event("reasoning_summary_part.added", item_id="rs_1", output_index=0, part={"type": "summary_text"})
    events = [added(item), begun, thought("First."), begun, thought("Sec", 1), thought("ond.", 1), done(item)]
    reply = reply_of(CREATED, *events, completed(item))
    assert reply.parts == [Reasoning(text="First.\n\nSecond.", state={"item": item}, issuer=GPT)]
    assert shown(reply) == shown(plain(item))


def test_summaries_without_an_index_are_told_apart_by_their_part_events() -> None:
    begun = event("reasoning_summary_part.added")
    pieces = [event("reasoning_summary_text.delta", delta=word) for word in ("First.", "Second.")]
    reply = reply_of(CREATED, begun, pieces[0], begun, pieces[1], completed())
    assert reply.reasoning == "First.\n\nSecond."


def test_reasoning_text_is_reasoning_as_deepseek_sends_it() -> None:
    item = {"id": "r", "type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]}
    piece = event("reasoning_text.delta", delta="Hm.", item_id="r", output_index=0, content_index=0)
    reply = reply_of(CREATED, added(item), piece, done(item), completed(item), model="deepseek-v4-flash")
    assert reply.parts == [Reasoning(text="Hm.", state={"item": item}, issuer=Issuer("responses", "deepseek"))]


def test_reasoning_announced_by_its_deltas_alone_is_no_text() -> None:
    """litellm opens the message first, and gives reasoning the same output_index."""
    events = [added(message("Hello")), thought("Hm."), text("Hello"), completed(message("Hello"))]
    assert reply_of(CREATED, *events).text == "Hello"
    assert reply_of(CREATED, *events).reasoning == "Hm."


def test_of_two_encrypted_forms_the_final_one_is_kept() -> None:
    """OpenAI encrypts a reasoning item anew for `response.completed`."""
    item, final = reasoning(encrypted_content="one"), reasoning(encrypted_content="two")
    reply = reply_of(CREATED, added(item), done(item), completed(final))
    assert reply.parts == [Reasoning(state={"item": final}, issuer=GPT)]


# --- calls ----------------------------------------------------------------------------------------------------------


def test_a_call_streams_its_arguments_and_keeps_its_item_id() -> None:
    item = function_call(namespace="weather")
    events = [added(item), piece_of('{"city":'), piece_of('"Paris"}'), done(item)]
    reply = reply_of(CREATED, *events, completed(item))
    state = {"id": "fc_1", "type": "function_call", "status": "completed", "namespace": "weather"}
    assert reply.parts == [ToolCall("call_1", "get_weather", '{"city":"Paris"}', state=state, issuer=GPT)]
    assert reply.finish_reason == "tool_calls"
    assert shown(reply) == shown(plain(item))


def test_parallel_calls_may_interleave() -> None:
    one, two = function_call("{}"), function_call('{"a":1}', 2)
    events = [added(one), added(two, 1), piece_of('{"a"', 2), piece_of("{}"), piece_of(":1}", 2), completed(one, two)]
    assert [(call.id, call.arguments) for call in reply_of(CREATED, *events).tool_calls] == [
        ("call_1", "{}"),
        ("call_2", '{"a":1}'),
    ]


@pytest.mark.parametrize(
    "events",
    [
        [event("function_call_arguments.done", arguments='{"city":"Paris"}', item_id="fc_1")],
        [done(function_call())],
        [],
    ],
    ids=["arguments.done", "item.done", "completed"],
)
def test_arguments_that_the_deltas_left_out_are_filled_in(events: list[dict[str, Any]]) -> None:
    reply = reply_of(CREATED, added(function_call()), *events, completed(function_call()))
    assert [call.arguments for call in reply.tool_calls] == ['{"city":"Paris"}']


def test_a_call_may_be_named_by_its_call_id_as_llama_cpp_does() -> None:
    item = {key: value for key, value in function_call().items() if key != "id"}
    begun = {key: value for key, value in added(item).items() if key != "output_index"}
    piece = event("function_call_arguments.delta", delta='{"city":"Paris"}', item_id="call_1")
    reply = reply_of(CREATED, begun, piece, {"type": done(item)["type"], "item": item}, completed(item))
    assert [(call.id, call.arguments) for call in reply.tool_calls] == [("call_1", '{"city":"Paris"}')]


def test_arguments_that_come_before_their_call_wait_for_it() -> None:
    reply = reply_of(CREATED, piece_of('{"city":'), piece_of('"Paris"}'), done(function_call()), completed())
    assert [(call.id, call.name, call.arguments) for call in reply.tool_calls] == [
        ("call_1", "get_weather", '{"city":"Paris"}')
    ]


def test_arguments_as_an_object_are_json_text() -> None:
    assert plain(function_call({"a": 1})).tool_calls[0].arguments == '{"a":1}'


def test_a_custom_tools_text_is_the_input_of_a_json_object() -> None:
    said = 'print("é")\n'
    item = {"id": "ctc_1", "type": "custom_tool_call", "call_id": "call_1", "name": "python", "input": said}
    pieces = [event("custom_tool_call_input.delta", delta=piece, item_id="ctc_1") for piece in (said[:7], said[7:])]
    reply = reply_of(CREATED, added(item), *pieces, done(item), completed(item))
    call = reply.tool_calls[0]
    assert (call.id, call.name, json.loads(call.arguments)) == ("call_1", "python", {"input": said})
    assert call.state == {"id": "ctc_1", "type": "custom_tool_call"}
    assert shown(reply) == shown(plain(item))


# --- the provider's own tools ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "parts"), SERVER_ITEMS, ids=lambda value: value["type"] if isinstance(value, dict) else ""
)
def test_what_the_providers_own_tools_did_is_kept_in_order(item: dict[str, Any], parts: list[Any]) -> None:
    reply = reply_of(*streamed(item, message("Done")))
    assert len(reply.parts) == len(parts) + 1
    for part, wanted in zip(reply.parts, parts, strict=False):
        assert part.issuer == GPT
        kept = part.state
        part.state = part.issuer = None
        assert part == wanted
        part.state = kept
    first = reply.parts[0]
    assert isinstance(first, Opaque) or first.state == {"item": item}
    assert reply.text == "Done"


def test_a_generated_image_is_media_and_partial_ones_are_not() -> None:
    item = {"id": "ig_1", "type": "image_generation_call", "status": "completed", "result": "AAAA"}
    early = event("image_generation_call.partial_image", partial_image_b64="BB", item_id="ig_1", output_index=0)
    webp = item | {"output_format": "webp"}
    assert reply_of(CREATED, added(item), early, done(item), completed(item)).parts == [
        Media("image", data="AAAA", mime_type="image/png", issuer=GPT,
              state={"item": {"id": "ig_1", "type": "image_generation_call", "status": "completed"}})
    ]  # fmt: skip
    part = plain(webp).parts[0]
    assert isinstance(part, Media)
    assert part.mime_type == "image/webp"
