"""Real streams of POST /v1/messages, cut at every byte: whole once the finish has come, else incomplete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.streams import items_of, pieces_of
from tests.wire.recordings import named, needs_recordings
from tikhub_ai import ChatReply, ChatRequest, End, IncompleteStreamError, Message, Text, TextDelta
from tikhub_ai.apis import messages
from tikhub_ai.catalog import facts
from tikhub_ai.chat import ChatReader

if TYPE_CHECKING:
    from tests.wire.recordings import Exchange
    from tikhub_ai import Delta, Transcript

pytestmark = needs_recordings

MODEL = "claude-sonnet-4-5"
REQUEST = ChatRequest(MODEL, [Message("user", [Text("as recorded")])])
RECORDED = [
    param for param in named("messages", "cache-read", "streams-citat", "tool-search") if param.values[0].is_stream
]
"""Text, citations, and a server's tool with a call of ours."""


def read(body: bytes, size: int) -> tuple[ChatReply | None, bool]:
    """What a reader makes of a body in pieces: the reply, or its partial, and whether it called it whole."""
    reader = ChatReader(messages.decoder(REQUEST, facts(MODEL)), {"content-type": "text/event-stream"})
    deltas: list[Delta] = []
    reply: ChatReply | Transcript | None
    try:
        deltas.extend(items_of(reader, *pieces_of(body, size)))
    except IncompleteStreamError as error:
        assert not any(isinstance(delta, End) for delta in deltas)
        reply, is_whole = error.partial, False
    else:
        (end,) = [delta for delta in deltas if isinstance(delta, End)]
        assert deltas[-1] is end
        reply, is_whole = end.reply, True
    assert isinstance(reply, ChatReply | None)
    given = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
    assert given == (reply.text if reply else "")
    return reply, is_whole


def finish_of(stream: bytes) -> int:
    """Where the payload that says why the answer ended is whole."""
    return stream.index(b"\n", stream.index(b"data:", stream.index(b"event: message_delta")))


@pytest.mark.long
@pytest.mark.parametrize("size", [83, 100_000])
@pytest.mark.parametrize("exchange", RECORDED)
def test_at_every_byte_the_reader_gives_the_whole_answer_or_says_that_it_is_cut(exchange: Exchange, size: int) -> None:
    stream = exchange.body
    whole, is_whole = read(stream, size)
    assert is_whole
    assert whole is not None
    finish = finish_of(stream)
    before = 0
    for offset in range(len(stream) + 1):
        reply, is_whole = read(stream[:offset], size)
        assert is_whole is (offset >= finish), offset
        if is_whole:
            assert reply == whole, offset
            continue
        said: list[Any] = reply.parts if reply else []
        assert len(said) <= len(whole.parts)
        for part, wanted in zip(said, whole.parts, strict=False):
            assert type(part) is type(wanted)
        text = reply.text if reply else ""
        assert whole.text.startswith(text)
        assert len(text) >= before
        before = len(text)
