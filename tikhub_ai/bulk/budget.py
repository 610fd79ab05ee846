"""Requests and tokens a minute, promised one after another: what all workers of a bulk job share. No I/O, one clock."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

from tikhub_ai.rates import Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from tikhub_ai.rates import Rates


class Budget(Protocol):
    """Promises a worker when its next request may go out."""

    def reserve(self, tokens: int) -> float:
        """Promise a place to a request of so many tokens. Returns the seconds after which it may go out."""

    def spend(self, tokens: int) -> None:
        """Count a request that nobody asked a place for: a retry."""


class MinuteBudget:
    """Promises places so that in no 60 seconds more requests, or tokens, go out than may. Safe for threads.

    A place is promised once and not asked for again, so that a thousand workers that wait cost one question each. What
    is promised to a worker that is killed stays unused. A rate below one a minute, and a request of more tokens than a
    minute has, hold for as many minutes as they are worth.

    Args:
        rates: The limits.
        clock: Seconds, of any origin.
    """

    def __init__(self, rates: Rates, clock: Callable[[], float] = time.monotonic) -> None:
        self._rates = rates
        self._clock = clock
        self._lock = threading.Lock()
        self._last = float("-inf")
        self._window = Window()

    def reserve(self, tokens: int) -> float:
        """Promise a place. See `Budget`."""
        with self._lock:
            now = self._clock()
            if not self._rates.are_limited:
                return max(0.0, self._last - now)
            at = max(now, self._last)
            self._window.release(at)
            while (free_at := self._window.free_at(tokens, self._rates)) is not None:
                at = max(at, free_at)
                self._window.release(at)
            self._hold(at, tokens)
            return at - now

    def spend(self, tokens: int) -> None:
        """Count a retry, for what comes after it. See `Budget`."""
        with self._lock:
            at = max(self._clock(), self._last)
            self._window.release(at)
            self._hold(at, tokens)

    def pause(self, seconds: float) -> None:
        """Promise nothing before so many seconds are over."""
        with self._lock:
            self._last = max(self._last, self._clock() + seconds)

    def _hold(self, at: float, tokens: int) -> None:
        self._window.hold(at, tokens, self._rates)
        self._last = at
