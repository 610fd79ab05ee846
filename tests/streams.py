"""Streams as bytes, read to their end, and the codecs that they are of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from tikhub_ai import End
from tikhub_ai.apis import chat_completions, generate_content, messages, responses

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tikhub_ai import Delta
    from tikhub_ai.http.reader import StreamReader

T = TypeVar("T")
CODECS: dict[str, Any] = {
    "chat_completions": chat_completions,
    "messages": messages,
    "responses": responses,
    "generate_content": generate_content,
}
"""By the name of the API."""


def pieces_of(stream: bytes, size: int) -> Iterator[bytes]:
    """A stream in pieces of a size, in bytes."""
    return (stream[start : start + size] for start in range(0, len(stream), size))


def items_of(reader: StreamReader[T], *pieces: bytes) -> Iterator[T]:
    """What a reader makes of pieces and of their end. Raises what it found wrong when that is handed out."""
    for piece in pieces:
        yield from reader.feed(piece)
    yield from reader.end()
    raise_error(reader)


def end_of(deltas: Iterable[Delta]) -> End:
    """The last delta of a stream, which holds the whole reply."""
    *_, last = deltas
    assert isinstance(last, End)
    return last


def fed(reader: StreamReader[T], piece: bytes) -> list[T]:
    """What a reader makes of one piece. Raises what it found wrong with it."""
    items = list(reader.feed(piece))
    raise_error(reader)
    return items


def raise_error(reader: StreamReader[T]) -> None:
    """Raise what a reader found wrong, if anything."""
    if reader.error is not None:
        raise reader.error
