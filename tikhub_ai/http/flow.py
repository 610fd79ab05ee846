"""The time that a streamed answer may take, and where its reading ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Generic, TypeVar

from tikhub_ai.errors import APITimeoutError
from tikhub_ai.http.failures import too_long

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tikhub_ai.errors import TikHubAIError
    from tikhub_ai.http.exchange import Hurried
    from tikhub_ai.http.reader import StreamReader

T = TypeVar("T")


class Flow(Generic[T]):
    """The time that a stream may take: what the sync and the async loop share of it.

    Args:
        reader: Knows where the answer ends.
        response: What is read.
        silence: The longest time between two events, in seconds; None sets no limit.
        most: Bytes that the whole stream may have.

    Attributes:
        failure: What broke the stream off.
        patience: What the response was last told of the reader's.
    """

    __slots__ = ("_events", "_last_event", "_left", "_most", "_reader", "_response", "_silence", "failure", "patience")

    def __init__(self, reader: StreamReader[T], response: Hurried, silence: float | None, most: int) -> None:
        self._reader = reader
        self._response = response
        self._silence = silence
        self._most = self._left = most
        self.patience: float | None = None
        self._events = 0
        self._last_event = time.monotonic()
        self.failure: TikHubAIError | None = None

    def feed(self, chunk: bytes) -> Sequence[T]:
        """Take the next bytes, and look at the time.

        Raises:
            APITimeoutError: Keep-alive comments came, and no event for too long.
            InvalidResponseError: The stream has more bytes than it may.
        """
        self._left -= len(chunk)
        if self._left < 0:
            raise too_long(self._most)
        items = self._reader.feed(chunk)
        now = time.monotonic()
        if self._reader.events != self._events:
            self._events = self._reader.events
            self._last_event = now
        elif self._silence is not None and now - self._last_event > self._silence:
            raise APITimeoutError(f"The stream gave no event for {self._silence:g} s, only keep-alive comments.")
        return items

    def goes_on(self) -> bool:
        """Whether to read on when the reader's patience is another than before.

        Asked when the caller has taken the items: that time is the caller's.
        """
        patience = self.patience = self._reader.patience
        return patience != 0 and (self._response.hurry(patience) or not self._reader.is_over)

    def end(self) -> Sequence[T]:
        """The bytes have ended or broken off."""
        failure, self.failure = self.failure, None
        return self._reader.end(failure)

    def raise_error(self) -> None:
        """Raise what the reader found wrong, if anything."""
        error, self._reader.error = self._reader.error, None
        if error is not None:
            try:
                raise error
            finally:
                del error  # else the exception's frames would hold the exception
