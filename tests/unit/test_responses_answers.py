"""What comes in on POST /v1/responses, plain and streamed, as OpenAI sends it and as gateways do."""

from __future__ import annotations

import contextlib
import copy
import json
from typing import Any

import pytest

from tests.unit.responses_streams import (
    CREATED,
    added,
    completed,
    data,
    deltas_of,
    done,
    event,
    function_call,
    message,
    plain,
    reader_of,
    reasoning,
    reply_of,
    request_of,
    response,
    text,
    text_in,
)
from tikhub_ai import (
    BadRequestError,
    Citation,
    IncompleteStreamError,
    InsufficientBalanceError,
    InvalidResponseError,
    Issuer,
    Media,
    Opaque,
    RateLimitError,
    Reasoning,
    Refusal,
    ServerError,
    ServerToolCall,
    ServerToolResult,
    Text,
    TextDelta,
    TikHubAIError,
    ToolCall,
)
from tikhub_ai.apis import responses
from tikhub_ai.catalog import facts

GPT = Issuer("responses", "gpt")
HELLO = [CREATED, added(message("Hello")), text("Hel"), text("lo"), done(message("Hello")), completed(message("Hello"))]


def streamed(*items: dict[str, Any]) -> list[dict[str, Any]]:
    """The shortest stream of an answer: its items, each whole."""
    return [CREATED, *[done(item, index) for index, item in enumerate(items)], completed(*items)]


def shown(reply: Any) -> Any:
    return reply.choices, reply.usage, reply.id, reply.model, reply.extras


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


# --- reasoning ------------------------------------------------------------------------------------------------------


def thought(piece: str, number: int = 0, kind: str = "reasoning_summary_text") -> dict[str, Any]:
    return event(f"{kind}.delta", delta=piece, item_id="rs_1", output_index=0, summary_index=number)


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


def piece_of(arguments: str, number: int = 1, **more: Any) -> dict[str, Any]:
    return event("function_call_arguments.delta", delta=arguments, item_id=f"fc_{number}", **more)


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

SERVER_ITEMS: list[tuple[dict[str, Any], list[Any]]] = [
    (
        {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}},
        [ServerToolCall("ws_1", "web_search", {"type": "search", "query": "q"})],
    ),
    (
        {"id": "fs_1", "type": "file_search_call", "status": "completed", "queries": ["q"], "results": [{"text": "t"}]},
        [ServerToolCall("fs_1", "file_search", {"queries": ["q"]}), ServerToolResult("fs_1", [{"text": "t"}])],
    ),
    (
        {"id": "ci_1", "type": "code_interpreter_call", "code": "1+1", "container_id": "c", "outputs": [{"logs": "2"}]},
        [
            ServerToolCall("ci_1", "code_interpreter", {"code": "1+1", "container_id": "c"}),
            ServerToolResult("ci_1", [{"logs": "2"}]),
        ],
    ),
    (
        {"id": "mcp_1", "type": "mcp_call", "name": "roll", "server_label": "d", "arguments": '{"n":2}', "output": "7"},
        [ServerToolCall("mcp_1", "roll", {"n": 2}), ServerToolResult("mcp_1", "7")],
    ),
    (
        {"id": "mcp_1", "type": "mcp_call", "name": "roll", "server_label": "d", "arguments": "{}", "error": "no"},
        [ServerToolCall("mcp_1", "roll", {}), ServerToolResult("mcp_1", "no", is_error=True)],
    ),
    (
        {"id": "mcpl_1", "type": "mcp_list_tools", "server_label": "d", "tools": [{"name": "roll"}]},
        [
            ServerToolCall("mcpl_1", "mcp_list_tools", {"server_label": "d"}),
            ServerToolResult("mcpl_1", [{"name": "roll"}]),
        ],
    ),
    (
        {"id": "mcpr_1", "type": "mcp_approval_request", "name": "roll", "server_label": "d", "arguments": "{}"},
        [ServerToolCall("mcpr_1", "roll", {})],
    ),
    (
        {"id": "tso_1", "type": "tool_search_output", "call_id": None, "tools": [{"name": "roll"}]},
        [ServerToolResult("tso_1", [{"name": "roll"}])],
    ),
    (
        {
            "id": "cu_1",
            "type": "computer_call",
            "call_id": "call_9",
            "action": {"type": "click"},
            "status": "completed",
        },
        [ServerToolCall("cu_1", "computer", {"type": "click"})],
    ),
    ({"id": "x", "type": "hologram_call", "data": 1}, [Opaque({"id": "x", "type": "hologram_call", "data": 1})]),
]


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


# --- how an answer ends ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "details", "reason"),
    [
        ("completed", None, "stop"),
        ("incomplete", {"reason": "max_output_tokens"}, "length"),
        ("incomplete", {"reason": "content_filter"}, "content_filter"),
        ("incomplete", {"reason": "some_new_reason"}, "some_new_reason"),
        ("incomplete", None, "incomplete"),
        ("cancelled", None, "cancelled"),
    ],
)
def test_every_status_has_its_finish_reason(status: str, details: Any, reason: str) -> None:
    said: dict[str, Any] = {"status": status, "incomplete_details": details}
    kind = "response.incomplete" if status == "incomplete" else "response.completed"
    ended = {"type": kind, "response": response(message("Hel"), **said)}
    for reply in (plain(message("Hel"), **said), reply_of(CREATED, text("Hel"), ended)):
        assert (reply.text, reply.finish_reason) == ("Hel", reason)
        assert reply.extras["status"] == status
        assert reply.extras.get("incomplete_details") == details


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_an_answer_made_in_the_background_says_that_it_is_not_there_yet(status: str) -> None:
    reply = plain(status=status, usage=None)
    assert (reply.parts, reply.finish_reason, reply.id, reply.usage) == ([], status, "resp_1", None)


FAILED = {"code": "server_error", "message": "boom"}


@pytest.mark.parametrize(
    ("said", "member"),
    [
        (FAILED, ServerError),
        ({"code": "rate_limit_exceeded", "message": "slow down"}, RateLimitError),
        ({"code": "insufficient_quota", "message": "pay"}, InsufficientBalanceError),
        ({"code": "invalid_prompt", "message": "no"}, BadRequestError),
        ({"code": "image_too_large", "message": "no"}, BadRequestError),
        (None, ServerError),
    ],
)
def test_a_failed_response_raises_its_member(said: Any, member: type[TikHubAIError]) -> None:
    failed = response(status="failed", error=said, usage=None)
    with pytest.raises(member) as caught:
        plain(**{key: failed[key] for key in ("status", "error", "usage")})
    with pytest.raises(member):
        deltas_of(CREATED, {"type": "response.failed", "response": failed})
    if said:
        assert getattr(caught.value, "code", None) == said["code"]
        assert said["message"] in str(caught.value)


def test_a_failed_plain_answer_keeps_what_it_had() -> None:
    with pytest.raises(ServerError) as caught:
        plain(message("Hel"), status="failed", error=FAILED)
    assert caught.value.partial is not None
    assert caught.value.partial.text == "Hel"


@pytest.mark.parametrize(
    "said",
    [
        {"type": "error", "code": "rate_limit_exceeded", "message": "slow", "param": None, "sequence_number": 2},
        {"type": "error", "error": {"type": "rate_limit_error", "code": "rate_limit_exceeded", "message": "slow"}},
        {"error": {"code": "rate_limit_exceeded", "message": "slow"}},
    ],
    ids=["flat", "nested", "without a type"],
)
def test_an_error_event_raises_its_member_after_what_came_before_it(said: dict[str, Any]) -> None:
    reader = reader_of()
    deltas = reader.feed(data(CREATED, text("Hel"), said))
    assert text_in(list(deltas)) == "Hel"
    assert isinstance(reader.error, RateLimitError)
    assert (reader.error.code, reader.error.request_id) == ("rate_limit_exceeded", "req-1")


@pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n"], ids=["closed", "[DONE]"])
def test_a_stream_without_a_terminal_event_raises_with_the_partial(end: bytes) -> None:
    reader = reader_of()
    with pytest.raises(IncompleteStreamError) as caught:  # noqa: PT012 - either may raise
        reader.feed(data(CREATED, text("Hel")) + end)
        reader.finish()
    assert caught.value.partial is not None
    assert caught.value.partial.text == "Hel"
    assert caught.value.partial.id == "resp_1"


def test_the_finish_ends_the_answer_whatever_follows_it() -> None:
    reader = reader_of()
    deltas = list(reader.feed(data(*HELLO, text("more"), completed(message("other")), done=True)))
    assert list(reader.finish()) == []
    assert deltas[-1].reply.text == text_in(deltas) == "Hello"


def test_done_in_the_last_events_own_data_does_not_hide_it() -> None:
    reader = reader_of()
    deltas = reader.feed(
        data(CREATED, text("Hi")) + b"data: " + json.dumps(completed()).encode() + b"\ndata: [DONE]\n\n"
    )
    assert deltas[-1].reply.text == "Hi"


def test_a_plain_answer_where_a_stream_was_due_is_the_answer() -> None:
    assert reply_of(response(message("Hello"))).text == "Hello"


def test_a_body_that_is_no_response_says_what_it_holds() -> None:
    decoder = responses.decoder(request_of(), facts("gpt-4o"))
    with pytest.raises(InvalidResponseError, match="'choices'"):
        decoder.body({"choices": []})


def test_unknown_events_and_fields_are_no_matter() -> None:
    strange = [
        event("hologram.delta", delta="x"),
        {"type": "keepalive"},
        {"type": "response.mcp_call.failed", "error": "x"},
    ]
    reply = reply_of(CREATED, *strange, *HELLO[1:-1], completed(message("Hello"), system_mood="fine"))
    assert reply.text == "Hello"
    assert reply.extras["system_mood"] == "fine"


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the values of a JSON value stand."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in items for found in [(*path, key), *paths_in(item, (*path, key))]]


@pytest.mark.parametrize("odd", [None, "", 1.5, True, [], [None], {}, {"a": 1}], ids=repr)
def test_no_field_of_an_unexpected_type_is_fatal(odd: Any) -> None:
    whole = message("Hello")
    whole["content"][0]["annotations"] = [{"type": "url_citation", "url": "https://x.test"}]
    answer = [reasoning("Hm."), whole, function_call(), SERVER_ITEMS[3][0]]
    token = {"token": "Hello", "logprob": -0.1}
    stream = [
        *streamed(*answer)[:-1],
        text("Hello", logprobs=[token]),
        thought("Hm."),
        piece_of("{}"),
        completed(*answer),
    ]
    for path in paths_in(stream):
        broken = copy.deepcopy(stream)
        at: Any = broken
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = odd
        with contextlib.suppress(TikHubAIError):
            deltas_of(*broken, named=False)


@pytest.mark.parametrize("details", [{}, {"input_tokens_details": None}, {"output_tokens_details": {}}])
def test_usage_needs_no_details(details: dict[str, Any]) -> None:
    usage = {"input_tokens": 3, "output_tokens": 5} | details
    reply = plain(message("Hi"), usage=usage)
    assert reply.usage is not None
    assert reply.usage.total_tokens == 8


def test_usage_tells_cached_and_reasoning_tokens() -> None:
    given = {"cached_tokens": 2, "cache_write_tokens": 1}
    usage = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8, "input_tokens_details": given}
    reply = plain(message("Hi"), usage=usage | {"output_tokens_details": {"reasoning_tokens": 4}})
    assert reply.usage is not None
    assert reply.usage.input_details == {"cache_read": 2, "cache_creation": 1}
    assert reply.usage.output_details == {"reasoning": 4}


# --- stop -----------------------------------------------------------------------------------------------------------


def pieces(*words: str) -> list[dict[str, Any]]:
    whole = "".join(words)
    return [CREATED, added(message(whole)), *map(text, words), done(message(whole)), completed(message(whole))]


@pytest.mark.parametrize(
    ("words", "stop", "kept"),
    [
        (["one STOP two"], ["STOP"], "one "),
        (["one S", "TO", "P two"], ["STOP"], "one "),
        (["one S", "TOMP"], ["STOP"], "one STOMP"),
        (["SSTOP"], ["STOP"], "S"),
        (["a\n", "\nb"], ["\n\n"], "a"),
        (["abc"], ["abc", "b"], "a"),
        (["a", "b", "c"], ["abc", "b"], "a"),
        (["one ST"], ["STOP"], "one ST"),
        (["STOP"], ["STOP"], ""),
    ],
)
def test_the_text_ends_before_the_first_stop_text_however_it_is_cut(
    words: list[str], stop: list[str], kept: str
) -> None:
    folded = reply_of(*pieces(*words), stop=stop)
    whole = plain(message("".join(words)), asked={"stop": stop})
    assert folded.text == whole.text == kept
    assert folded.finish_reason == whole.finish_reason == "stop"


def test_only_what_could_begin_a_stop_text_is_held_back() -> None:
    reader = reader_of(stop=["STOP"])
    assert list(reader.feed(data(CREATED, text("one S")))) == [TextDelta("one ", 0)]
    assert list(reader.feed(data(text("o")))) == [TextDelta("So", 0)]


def test_at_the_stop_text_the_answer_is_whole_and_nothing_more_is_read() -> None:
    reader = reader_of(stop=["STOP"])
    deltas = list(reader.feed(data(CREATED, text("one STOP two"), text(" three"), added(function_call(), 1))))
    assert deltas[-1].reply.text == "one "
    assert deltas[-1].reply.finish_reason == "stop"
    assert reader.is_complete
    assert reader.is_cut
    assert list(reader.feed(data(text("four"), {"type": "error", "message": "late"}))) == []
    assert list(reader.finish()) == []


def test_what_comes_after_the_stop_text_of_a_plain_answer_is_dropped_and_its_usage_kept() -> None:
    reply = plain(message("one STOP two"), function_call(), asked={"stop": ["STOP"]})
    assert [type(part) for part in reply.parts] == [Text]
    assert reply.parts[0].state is None  # it is no longer the text that was issued
    assert reply.usage is not None


def test_without_a_stop_text_a_stream_is_not_cut() -> None:
    reader = reader_of(stop=[])
    reader.feed(data(*HELLO))
    assert reader.is_complete
    assert not reader.is_cut
