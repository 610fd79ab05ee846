"""How much each read of a metered connection may take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tikhub_ai.http.metering import AsyncMeteredStream, EndlessError, Meter, MeteredStream

if TYPE_CHECKING:
    from collections.abc import Callable

KB = 1024


class Stream:
    """In place of httpcore's: a server that has always more, or only so much, to send."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.there = 10**9

    def read(self, most: int, _: float | None) -> bytes:
        self.asked.append(most)
        return bytes(min(most, self.there))

    def write(self, *_: Any) -> None:
        """Takes it."""


class AsyncStream(Stream):
    async def read(self, most: int, _: float | None) -> bytes:  # type: ignore[override]  # async
        return super().read(most, _)

    async def write(self, *_: Any) -> None:  # type: ignore[override]  # async
        """Takes it."""


async def done(given: Any) -> Any:
    return await given if hasattr(given, "__await__") else given


@pytest.mark.parametrize("kinds", [(Stream, MeteredStream), (AsyncStream, AsyncMeteredStream)], ids=["sync", "async"])
async def test_a_read_takes_more_only_within_an_answer_that_has_filled_one(
    kinds: tuple[Callable[..., Any], ...],
) -> None:
    library, meter = kinds[0](), Meter()
    stream = kinds[1](library, meter)
    meter.expect_body(None)
    library.there = 64 * KB - 1
    for _ in range(3):  # the events of a stream
        await done(stream.read(64 * KB))
    library.there = 10**9
    for _ in range(4):
        await done(stream.read(64 * KB))
    assert library.asked == [64 * KB] * 4 + [128 * KB] + [256 * KB] * 2
    await done(stream.write(b"GET / HTTP/1.1"))
    await done(stream.read(64 * KB))
    assert library.asked[-1] == 64 * KB


@pytest.mark.parametrize("kinds", [(Stream, MeteredStream), (AsyncStream, AsyncMeteredStream)], ids=["sync", "async"])
async def test_no_read_takes_more_than_what_may_still_come(kinds: tuple[Callable[..., Any], ...]) -> None:
    library, meter = kinds[0](), Meter()
    stream = kinds[1](library, meter)
    meter.expect_body(500 * KB)
    while sum(library.asked) < (2 * 500 + 96) * KB:
        await done(stream.read(64 * KB))
    assert sum(library.asked) == (2 * 500 + 96) * KB
    with pytest.raises(EndlessError):
        await done(stream.read(64 * KB))
