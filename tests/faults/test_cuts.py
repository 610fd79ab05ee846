"""One real recording, cut at every byte offset: whole once its finish has come, else incomplete, never in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tests import cassettes
from tests.faults.lanes import CORE, FRAMEWORKS, REQUEST, Lane, assert_ours
from tests.faults.wire import CLOSE, EVENTS, RESET, Step, chunk, head, send, sleep
from tests.streams import items_of, pieces_of
from tikhub_ai import APIConnectionError, ChatReply, End, IncompleteStreamError, TextDelta
from tikhub_ai.apis import chat_completions
from tikhub_ai.catalog import facts
from tikhub_ai.chat import ChatReader

if TYPE_CHECKING:
    from tests.faults.conftest import FaultServer
    from tikhub_ai import Delta, Transcript

pytestmark = pytest.mark.outside_openapi("one request again and again; others hold it against the OpenAPI")

FAULT = "stream cut at every byte of a recording"


def recording() -> bytes:
    """The body of a stream that llama.cpp once sent."""
    document = yaml.safe_load(cassettes.path_of("llama", "langchain_stream").read_text())
    body = document["interactions"][0]["response"]["body"]["string"]
    return body if isinstance(body, bytes) else body.encode()


STREAM = recording()


def read(body: bytes, size: int) -> tuple[str, bool]:
    """The text that a reader hands out of a body in pieces, and whether it called the answer whole."""
    reader = ChatReader(chat_completions.decoder(REQUEST, facts("m")), {"content-type": "text/event-stream"})
    deltas: list[Delta] = []
    partial: ChatReply | Transcript | None = None
    is_whole = True
    try:
        deltas.extend(items_of(reader, *pieces_of(body, size)))
    except IncompleteStreamError as error:
        partial, is_whole = error.partial, False
    assert isinstance(partial, ChatReply | None)
    text = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
    assert is_whole or (partial.text if partial else "") == text
    assert [isinstance(delta, End) for delta in deltas].count(True) == is_whole
    return text, is_whole


WHOLE, _ = read(STREAM, len(STREAM))
END = STREAM.index(b"\n\n", STREAM.index(b'"finish_reason":"stop"'))
"""Where the event with the finish reason ends."""


@pytest.mark.long
@pytest.mark.parametrize("size", [61, 10_000])
def test_at_every_byte_the_reader_gives_the_whole_answer_or_says_that_it_is_cut(size: int) -> None:
    before = ""
    for offset in range(len(STREAM) + 1):
        text, is_whole = read(STREAM[:offset], size)
        assert is_whole is (offset >= END), offset
        assert WHOLE.startswith(text)
        assert len(text) >= len(before)
        before = text
    assert before == WHOLE


OFFSETS = [0, 1, 5, 6, *range(300, END, 1201), END - 1, END, END + 1, END + 2, END + 40, len(STREAM) - 1, len(STREAM)]
ENDS: dict[str, list[Step]] = {
    "closed": [CLOSE],
    "reset": [sleep(0.02), RESET],
    "ended quietly": send(b"0\r\n\r\n"),
}


@pytest.mark.fault(FAULT)
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("lane", [lane for lane in (*CORE, *FRAMEWORKS) if lane.streamed], ids=lambda lane: lane.name)
async def test_over_the_wire_the_answer_is_whole_or_its_error_holds_what_came(
    faults: FaultServer, lane: Lane, end: str
) -> None:
    for offset in OFFSETS:
        body = chunk(STREAM[:offset]) if offset else b""
        faults.script("x", [*send(head(EVENTS, "transfer-encoding: chunked") + body), *ENDS[end]])
        if offset >= END:
            assert await lane.ask(base_url=faults.url()) == WHOLE
            assert len(faults.seen("x")) == 1
            continue
        with pytest.raises((IncompleteStreamError, APIConnectionError)) as caught:
            await lane.ask(base_url=faults.url())
        assert_ours(caught.value)
        text, _ = read(STREAM[:offset], len(STREAM))
        partial = getattr(caught.value, "partial", None)
        assert (partial.text if partial else "") == text
        assert len(faults.seen("x")) == (1 if text else 3)
