"""What gateways and converted upstreams make of POST /v1/messages: `tikhub_api.md` §9.3 is the list."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.streams import fed, items_of
from tests.unit.messages_streams import (
    BEGIN,
    FINISH,
    OVER,
    delta,
    deltas_of,
    framed,
    message,
    plain,
    reader_of,
    request_of,
    start,
    stop,
    streamed,
    text,
    tool_use,
)
from tikhub_ai import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ContextWindowExceededError,
    End,
    IncompleteStreamError,
    InvalidResponseError,
    ModelNotFoundError,
    RateLimitError,
    ResponseFormat,
    ServerError,
    TextDelta,
)
from tikhub_ai.apis import messages
from tikhub_ai.catalog import facts

OLDER = "claude-sonnet-4-0"
"""Holds no answer to a schema by itself."""
ANSWER = ResponseFormat("json_schema", {"type": "object", "properties": {}}, name="place")
HELLO = [BEGIN, start(0, text("")), delta(0, "text_delta", text="Hel"), delta(0, "text_delta", text="lo"), stop(0)]

THINKING = {"type": "thinking", "thinking": "Let me see.", "signature": "c2lnbmF0dXJl=="}


@pytest.mark.parametrize(
    ("payload", "kind", "status"),
    [
        ({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, ServerError, 529),
        ({"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}}, RateLimitError, 429),
        ({"type": "error", "error": {"type": "api_error", "message": "oops"}}, ServerError, 500),
        ({"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}, BadRequestError, 400),
        ({"type": "error", "error": {"type": "authentication_error", "message": "no"}}, AuthenticationError, 401),
        (
            {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 > 8"}},
            ContextWindowExceededError,
            400,
        ),
        (
            {"error": {"message": "No available channel", "type": "new_api_error", "code": "model_not_found"}},
            ModelNotFoundError,
            404,
        ),
        (
            {"error": {"message": "bad (request id: 7)", "type": "new_api_error", "code": "invalid_request"}},
            BadRequestError,
            500,
        ),
        ({"error": "all broken"}, ServerError, 500),
        ({"success": False, "message": "no"}, APIStatusError, 500),
    ],
    ids=lambda value: (
        value["error"]["type"] if isinstance(value, dict) and isinstance(value.get("error"), dict) else ""
    ),
)
def test_an_error_in_the_stream_is_its_member_of_the_tree(payload: Any, kind: Any, status: int) -> None:
    for event in (payload, json.dumps(payload).encode() + b"\n"):  # new-api writes it without `data:` too
        reader = reader_of()
        assert [type(one) for one in reader.feed(framed([*HELLO[:3], event]))] == [TextDelta]
        with pytest.raises(kind) as error:
            list(items_of(reader))
        assert error.value.status_code == status
        partial = reader.partial()
        assert partial is not None
        assert partial.text == "Hel"


def test_an_overloaded_upstream_may_be_asked_again_and_a_wrong_request_may_not() -> None:
    for word, retryable in (("overloaded_error", True), ("invalid_request_error", False)):
        with pytest.raises(APIStatusError) as error:
            deltas_of(framed([{"type": "error", "error": {"type": word, "message": "x"}}]))
        assert error.value.is_retryable is retryable


def test_a_field_named_error_that_says_nothing_is_none() -> None:
    begin = {**BEGIN, "error": None}
    assert streamed(begin, *HELLO[1:], {**FINISH, "error": None}, OVER).text == "Hello"


@pytest.mark.parametrize(
    "events",
    [
        HELLO,
        HELLO[:4],
        [*HELLO, b"data: [DONE]\n\n"],
        [*HELLO, {**FINISH, "delta": {"stop_reason": None}}],
        [*HELLO, {"type": "message_delta", "usage": {"output_tokens": 5}}],
        [*HELLO, b'data: {"type": "message_del'],
        [*HELLO, {"type": "ping"}, b": PING\n\n"],
    ],
    ids=["quiet end", "open block", "DONE", "null reason", "no delta", "cut event", "pings"],
)
def test_a_stream_that_ends_without_its_finish_raises_with_the_partial_answer(events: list[Any]) -> None:
    with pytest.raises(IncompleteStreamError, match="5 characters") as cut:
        deltas_of(framed(events))
    assert cut.value.partial is not None
    assert cut.value.partial.text == "Hello"
    assert cut.value.partial.usage is not None


@pytest.mark.parametrize(
    "end", [[OVER], [FINISH], [FINISH, b"data: [DONE]\n\n"], [FINISH, FINISH], [FINISH, OVER, OVER]]
)
def test_either_finish_marker_makes_the_answer_whole(end: list[Any]) -> None:
    """new-api#1428, #4697, #4943, #5345, #5870: converted upstreams leave one of them out."""
    assert streamed(*HELLO, *end).text == "Hello"


def test_a_stream_of_nothing_raises_without_a_partial_answer() -> None:
    for stream in (b"", b": PING\n\n"):
        with pytest.raises(IncompleteStreamError) as cut:
            deltas_of(stream)
        assert cut.value.partial is None


@pytest.mark.parametrize(
    "odd",
    [
        {"type": "content_block_delta"},
        {"type": "content_block_delta", "index": 0, "delta": None},
        {"type": "content_block_delta", "index": 0, "delta": "x"},
        delta(0, "text_delta"),
        delta(0, "text_delta", text=None),
        delta(0, "input_json_delta", partial_json=None),
        delta(0, "citations_delta", citation=None),
        delta(0, "brand_new_delta", x=[1]),
        delta(9, "brand_new_delta", x=1),
        {"type": "content_block_stop", "index": 9},
        {"type": "content_block_stop"},
        {"type": "message_start"},
        {"type": "message_start", "message": None},
        {"type": "message_delta"},
        {"type": "message_delta", "delta": None, "usage": None},
        {"type": "brand_new", "error": None},
        {},
        [],
        None,
        "x",
        7,
    ],
    ids=str,
)
def test_odd_events_are_no_reason_to_lose_the_answer(odd: Any) -> None:
    event = f"data: {json.dumps(odd)}\n\n".encode()
    assert streamed(*HELLO[:3], event, *HELLO[3:], FINISH, OVER).text == "Hello"


@pytest.mark.parametrize("block", [None, "x", [], {}], ids=str)
def test_a_start_that_names_no_kind_is_one_of_text(block: Any) -> None:
    assert streamed(BEGIN, start(0, block), *HELLO[2:], FINISH, OVER).text == "Hello"


def test_deltas_without_any_start_make_blocks_of_their_own_kind() -> None:
    for indices in ((0, 1, 2), (0, 0, 0), (None, None, None)):
        thought, said, called = indices
        reply = streamed(
            delta(thought, "thinking_delta", thinking="Hm"),
            delta(thought, "signature_delta", signature="s="),
            delta(said, "text_delta", text="Hel"),
            delta(said, "text_delta", text="lo"),
            delta(called, "input_json_delta", partial_json='{"a":'),
            delta(called, "input_json_delta", partial_json="1}"),
            FINISH,
        )
        assert reply.reasoning == "Hm"
        assert reply.text == "Hello"
        assert [call.arguments for call in reply.tool_calls] == ['{"a":1}']


@pytest.mark.parametrize("given", [{"a": 1}, '{"a": 1}'], ids=["object", "text"])
def test_arguments_in_another_form_than_the_wires_are_read(given: Any) -> None:
    block = {**tool_use(), "input": given}
    assert streamed(BEGIN, start(0, block), stop(0), FINISH, OVER).tool_calls[0].arguments == '{"a": 1}'
    piece = delta(0, "input_json_delta", partial_json=given)
    assert streamed(BEGIN, start(0, tool_use()), piece, stop(0), FINISH, OVER).tool_calls[0].arguments == '{"a": 1}'


def test_a_whole_message_in_place_of_a_stream_is_read() -> None:
    body = message(THINKING, text("Hello"))
    reader = reader_of({"content-type": "application/json"})
    reader.feed(json.dumps(body).encode())
    end = reader.end()[-1]
    assert isinstance(end, End)
    assert end.reply.text == "Hello"
    assert streamed(body).parts == plain(body).parts


@pytest.mark.parametrize("body", [{}, {"content": None}, {"content": "hi"}, {"choices": []}], ids=str)
def test_a_plain_answer_without_content_is_invalid_and_says_what_it_holds(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidResponseError, match="no content"):
        plain(body)


def test_a_plain_answer_with_odd_blocks_keeps_the_others() -> None:
    assert plain({"content": [None, "x", 7, {}, {"type": None, "text": "a"}, text("b")], "usage": 3}).text == "ab"


def test_an_event_that_is_no_json_is_invalid() -> None:
    with pytest.raises(InvalidResponseError):
        fed(reader_of(), b"data: <html>\n\n")


def test_the_request_that_was_asked_is_not_changed_by_its_answer() -> None:
    request = request_of(model=OLDER, response_format=ANSWER)
    decoder = messages.decoder(request, facts(OLDER))
    decoder.body(message(tool_use("toolu_1", "place", a=1)))
    assert request == request_of(model=OLDER, response_format=ANSWER)


def test_the_answers_own_blocks_are_not_changed_by_its_deltas() -> None:
    block = {"type": "compaction", "content": "a"}
    body = message(block)
    plain(body)
    assert body == message({"type": "compaction", "content": "a"})
