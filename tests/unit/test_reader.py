"""Where a stream ends: what is handed out does not depend on how its bytes are cut, on any API."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from tests.streams import items_of, pieces_of
from tikhub_ai import ChatRequest, End, InvalidResponseError, Message, Text, TikHubAIError
from tikhub_ai.catalog import facts
from tikhub_ai.chat import ChatReader
from tikhub_ai.http.reader import DRAIN, SETTLE, StreamReader

if TYPE_CHECKING:
    from tikhub_ai.wire import ApiResponse, ServerSentEvent

SSE = {"content-type": "text/event-stream"}
REQUEST = ChatRequest("m", [Message("user", [Text("hi")])])


def event(payload: Any) -> bytes:
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


def chunk(**choice: Any) -> bytes:
    return event({"id": "1", "model": "m", "choices": [{"index": 0, **choice}]})


def candidate(text: str, **more: Any) -> bytes:
    return event({"candidates": [{"content": {"parts": [{"text": text}]}, **more}], "modelVersion": "m"})


BLOCK = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}}
BEGUN = event({"type": "message_start", "message": {"id": "1", "type": "message", "role": "assistant", "model": "m"}})
STOPPED = event({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}})
OUTPUT = {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}
STREAMS: dict[str, tuple[bytes, bytes, bytes]] = {
    "chat_completions": (
        chunk(delta={"content": "Hi"}),
        chunk(delta={}, finish_reason="stop"),
        event({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}),
    ),
    "messages": (BEGUN + event(BLOCK), STOPPED, event({"type": "message_stop"})),
    "generate_content": (candidate("H"), candidate("i", finishReason="STOP"), b"data: [DONE]\n\n"),
    "responses": (
        event({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Hi"}),
        event({"type": "response.completed", "response": {"id": "1", "output": [OUTPUT], "status": "completed"}}),
        b"data: [DONE]\n\n",
    ),
}
"""By API: what comes before the finish marker, the marker, and what says that nothing follows."""
JUNK = {
    "no JSON": b"data: <html>\n\n",
    "half a document": b'data: {"choices": [\n\n',
    "a bare page": b"<html>\n<body>502</body>\n",
    "bare rubbish": b"{]}\n",
    "an empty event": b"data: {}\n\n",
    "a number": b"data: 7\n\n",
    "a comment": b": PING\n\n",
    "bytes": b"data: \xff\xfe\n\n",
    "cut": b'data: {"choi',
}


def reader_of(api: str, **options: Any) -> ChatReader:
    return ChatReader(import_module(f"tikhub_ai.apis.{api}").decoder(REQUEST, facts("m")), SSE, **options)


def outcome(api: str, *pieces: bytes, **options: Any) -> tuple[list[Any], str, Any]:
    """What is handed out, and how it ends: an error's type and partial, or nothing."""
    items: list[Any] = []
    try:
        items.extend(items_of(reader_of(api, **options), *pieces))
    except TikHubAIError as error:
        return items, f"{type(error).__name__}: {error}", getattr(error, "partial", None)
    return items, "", None


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("place", ["before the marker", "after the marker", "after the end"])
@pytest.mark.parametrize("api", STREAMS)
def test_junk_means_the_same_wherever_the_bytes_are_cut(api: str, place: str, junk: str) -> None:
    before, marker, end = STREAMS[api]
    match place:
        case "before the marker":
            stream = before + JUNK[junk] + marker + end
        case "after the marker":
            stream = before + marker + JUNK[junk] + end
        case _:
            stream = before + marker + end + JUNK[junk]
    whole = outcome(api, stream)
    assert outcome(api, *pieces_of(stream, 1)) == whole
    for cut in range(len(stream) + 1):
        assert outcome(api, stream[:cut], stream[cut:]) == whole, cut
    items, error, _ = whole
    if place != "before the marker":
        assert not error
        assert isinstance(items[-1], End)
        assert items[-1].reply.text == "Hi"


@pytest.mark.parametrize("api", [api for api in STREAMS if api != "responses"])  # whose marker is its end
def test_junk_after_the_marker_hides_nothing_that_follows_it(api: str) -> None:
    before, marker, end = STREAMS[api]
    clean, _, _ = outcome(api, before + marker + end)
    for name in JUNK.keys() - {"cut"}:
        items, error, _ = outcome(api, before + marker + JUNK[name] + end)
        assert not error
        assert items == clean, name
    if api == "chat_completions":
        assert clean[-1].reply.usage.output_tokens == 2


@pytest.mark.parametrize("api", STREAMS)
def test_junk_before_the_marker_is_invalid_with_what_had_come(api: str) -> None:
    before, marker, end = STREAMS[api]
    items, error, partial = outcome(api, before + b"data: <html>\n\n" + marker + end)
    assert error.startswith("InvalidResponseError")
    assert partial.text == "".join(item.text for item in items)


@pytest.mark.parametrize("api", STREAMS)
def test_an_error_after_the_marker_is_an_error_and_after_the_end_is_nothing(api: str) -> None:
    before, marker, end = STREAMS[api]
    said = event({"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}})
    if api != "responses":
        assert outcome(api, before + marker + said)[1].startswith("RateLimitError")
    assert outcome(api, before + marker + end + said)[1] == ""


@pytest.mark.parametrize("api", STREAMS)
def test_the_states_of_a_stream(api: str) -> None:
    before, marker, end = STREAMS[api]
    reader = reader_of(api)
    patience = []
    for piece in (before, marker, end):
        reader.feed(piece)
        patience.append(reader.patience)
    assert patience == [None, DRAIN if api == "responses" else SETTLE, DRAIN]
    assert reader.is_over
    assert reader.feed(before) == reader.end() == ()


def test_of_several_answers_the_first_ones_end_says_nothing_of_the_others() -> None:
    reader = ChatReader(
        import_module("tikhub_ai.apis.chat_completions").decoder(REQUEST, facts("m")), SSE, settles=False
    )
    reader.feed(chunk(delta={"content": "Hi"}, finish_reason="stop"))
    assert reader.patience is None


def test_content_after_a_finish_marker_shows_that_it_was_none() -> None:
    reader = reader_of("generate_content")
    reader.feed(candidate("a", finishReason="STOP"))
    assert reader.patience == SETTLE
    reader.feed(candidate("b", finishReason="STOP"))
    assert reader.patience is None


def test_a_second_choice_opens_the_answer_again() -> None:
    reader = reader_of("chat_completions")
    reader.feed(chunk(delta={"content": "a"}, finish_reason="stop"))
    reader.feed(event({"choices": [{"index": 1, "delta": {"content": "b"}}]}))
    assert reader.patience is None
    assert [type(one).__name__ for one in outcome("chat_completions", chunk(finish_reason="stop", delta={}))[0]] == [
        "End"
    ]


# --- the bound ------------------------------------------------------------------------------------------------------


def test_an_event_that_is_too_large_names_the_setting_and_keeps_what_had_come() -> None:
    before, marker, end = STREAMS["chat_completions"]
    for stream in (before + chunk(delta={"content": "x" * 500}) + marker, before + b"data: " + b"x" * 500):
        whole = outcome("chat_completions", stream, max_event_bytes=200)
        assert "max_event_bytes=200" in whole[1]
        assert whole[2].text == "Hi"
        for size in (1, 100):
            assert outcome("chat_completions", *pieces_of(stream, size), max_event_bytes=200) == whole
    items, error, _ = outcome("chat_completions", before + marker + b"data: " + b"x" * 500, end, max_event_bytes=200)
    assert not error
    assert isinstance(items[-1], End)


# --- another decoder ------------------------------------------------------------------------------------------------


class Words:
    """A decoder of no chat: a word an event, `.` as its finish."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.is_complete = self.is_done = False

    def event(self, event: ServerSentEvent) -> list[str]:
        if event.data == b".":
            self.is_complete = self.is_done = True
            return []
        if event.data == b"?":
            raise InvalidResponseError("what?")
        self.said.append(event.data.decode())
        return self.said[-1:]


class WordReader(StreamReader[str]):
    no_streams = frozenset({"text/plain"})

    def __init__(self, words: Words, kind: str = "text/event-stream") -> None:
        super().__init__(words, {"content-type": kind})
        self.words = words

    def partial(self) -> None:
        return None

    def whole(self, response: ApiResponse) -> list[str]:
        self.words.is_complete = True
        return response.body.decode().split()

    def last(self) -> list[str]:
        return ["THE END"]


def test_a_reader_serves_any_decoder() -> None:
    stream = b"data: a\n\ndata: b\n\ndata: .\n\ndata: c\n\n"
    assert list(items_of(WordReader(Words()), stream)) == ["a", "b", "THE END"]
    assert list(items_of(WordReader(Words(), "text/plain; charset=utf-8"), b"a ", b"b")) == ["a", "b", "THE END"]
    with pytest.raises(InvalidResponseError, match=r"what\?"):
        list(items_of(WordReader(Words()), b"data: a\n\ndata: ?\n\n"))
