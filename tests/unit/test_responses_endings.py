"""How an answer of POST /v1/responses ends: by the wire, by a failure, or at a stop text."""

from __future__ import annotations

import contextlib
import copy
import json
from typing import Any

import pytest

from tests.streams import end_of, items_of
from tests.unit.responses_streams import (
    CREATED,
    HELLO,
    SERVER_ITEMS,
    added,
    completed,
    data,
    deltas_of,
    done,
    event,
    function_call,
    message,
    piece_of,
    plain,
    reader_of,
    reasoning,
    reply_of,
    request_of,
    response,
    streamed,
    text,
    text_in,
    thought,
)
from tikhub_ai import (
    APIConnectionError,
    APITimeoutError,
    BadRequestError,
    ChatReply,
    IncompleteStreamError,
    InsufficientBalanceError,
    InvalidResponseError,
    RateLimitError,
    ServerError,
    Text,
    TextDelta,
    TikHubAIError,
)
from tikhub_ai.apis import responses
from tikhub_ai.catalog import facts
from tikhub_ai.http.reader import DRAIN

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
    with pytest.raises(IncompleteStreamError) as caught:
        list(items_of(reader, data(CREATED, text("Hel")) + end))
    assert isinstance(caught.value.partial, ChatReply)
    assert caught.value.partial.text == "Hel"
    assert caught.value.partial.id == "resp_1"


def test_the_finish_ends_the_answer_whatever_follows_it() -> None:
    reader = reader_of()
    deltas = list(reader.feed(data(*HELLO, text("more"), completed(message("other")), done=True)))
    assert list(reader.end()) == []
    assert end_of(deltas).reply.text == text_in(deltas) == "Hello"


def test_done_in_the_last_events_own_data_does_not_hide_it() -> None:
    reader = reader_of()
    deltas = reader.feed(
        data(CREATED, text("Hi")) + b"data: " + json.dumps(completed()).encode() + b"\ndata: [DONE]\n\n"
    )
    assert end_of(deltas).reply.text == "Hi"


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


def test_at_the_stop_text_the_answer_is_whole_and_nothing_more_is_read_where_nobody_counts() -> None:
    reader = reader_of(stop=["STOP"], stream_usage=False)
    deltas = list(reader.feed(data(CREATED, text("one STOP two"), text(" three"), added(function_call(), 1))))
    assert end_of(deltas).reply.text == "one "
    assert end_of(deltas).reply.finish_reason == "stop"
    assert reader.is_over
    assert reader.patience == 0
    assert list(reader.feed(data(text("four"), {"type": "error", "message": "late"}))) == []
    assert list(reader.end()) == []


AFTER_STOP: list[dict[str, Any]] = [
    text(" three"), added(function_call(), 1), done(function_call(), 1), {"type": "response.of_tomorrow"},
]  # fmt: skip


@pytest.mark.parametrize("status", ["completed", "incomplete", "failed", "cancelled"])
@pytest.mark.parametrize("cut", [text("one STOP two"), completed(message("one STOP two"))], ids=["delta", "whole"])
def test_after_the_stop_text_a_stream_is_read_on_silently_until_its_usage_has_come(
    cut: dict[str, Any], status: str
) -> None:
    last = completed(message("one STOP two three"), function_call(), status=status)
    last["type"] = f"response.{status}"
    events = [CREATED, cut, *AFTER_STOP, last] if cut["type"] != last["type"] else [CREATED, cut]
    reader = reader_of(stop=["STOP"])
    deltas = [delta for event in events for delta in reader.feed(data(event))]
    assert reader.is_over
    assert reader.patience == DRAIN  # the exchange has ended, and its connection can be used again
    reply = end_of(deltas).reply
    whole = plain(message("one STOP two three"), function_call(), asked={"stop": ["STOP"]})
    assert deltas[:-1] == [TextDelta("one ", 0)]
    assert reply.usage == whole.usage is not None
    assert [part.text for part in reply.parts if isinstance(part, Text)] == ["one "]
    assert reply.finish_reason == whole.finish_reason == "stop"


@pytest.mark.parametrize(
    "fault", [None, APITimeoutError("slow"), APIConnectionError("gone")], ids=lambda fault: type(fault).__name__
)
def test_an_answer_that_has_ended_at_a_stop_text_is_whole_whatever_happens_to_the_rest(fault: Any) -> None:
    reader = reader_of(stop=["STOP"])
    deltas = list(reader.feed(data(CREATED, text("one STOP two"))))
    assert not reader.is_over
    assert reader.patience is None  # silence does not end it: the model goes on to think
    ended = end_of([*deltas, *reader.end(fault)])
    assert reader.error is None
    assert (ended.reply.text, ended.reply.finish_reason, ended.reply.usage) == ("one ", "stop", None)


def test_an_error_after_the_stop_text_ends_the_wait_for_usage() -> None:
    reader = reader_of(stop=["STOP"])
    deltas = list(reader.feed(data(CREATED, text("one STOP"), {"type": "error", "message": "late"})))
    assert reader.is_over
    assert end_of(deltas).reply.text == "one "


def test_what_comes_after_the_stop_text_of_a_plain_answer_is_dropped_and_its_usage_kept() -> None:
    reply = plain(message("one STOP two"), function_call(), asked={"stop": ["STOP"]})
    assert [type(part) for part in reply.parts] == [Text]
    assert reply.parts[0].state is None  # it is no longer the text that was issued
    assert reply.usage is not None


def test_without_a_stop_text_a_stream_is_not_cut() -> None:
    reader = reader_of(stop=[])
    reader.feed(data(*HELLO))
    assert reader.is_over
    assert reader.patience == DRAIN
