"""Requests and tokens a minute, promised one after another: what all workers of a bulk job share. No I/O, one clock."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tikhub_ai.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Rates:
    """What a whole job may send.

    Attributes:
        requests_per_minute: None sets no limit, as below.
        tokens_per_minute: As estimated: 3 bytes of UTF-8 each, and the answer's `max_tokens` where one is asked for.

    Raises:
        ConfigurationError: One of them is no number above 0.
    """

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None

    def __post_init__(self) -> None:
        for name in ("requests_per_minute", "tokens_per_minute"):
            rate = getattr(self, name)
            if rate is not None and (isinstance(rate, bool) or not isinstance(rate, (int, float)) or not rate > 0):
                raise ConfigurationError(f"{name} must be a number greater than 0, or None, not {rate!r}.")

    @property
    def are_limited(self) -> bool:
        """Whether there is a limit at all."""
        return self.requests_per_minute is not None or self.tokens_per_minute is not None

    def share(self, workers: int) -> Rates:
        """What one of so many workers may send, where they cannot ask each other."""
        return Rates(
            None if self.requests_per_minute is None else self.requests_per_minute / workers,
            None if self.tokens_per_minute is None else self.tokens_per_minute / workers,
        )


class Budget(Protocol):
    """Whoever promises a worker when its next request may go out."""

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
        self._held: deque[tuple[float, int]] = deque()
        self._tokens = 0

    def reserve(self, tokens: int) -> float:
        """Promise a place. See `Budget`."""
        with self._lock:
            now = self._clock()
            if not self._rates.are_limited:
                return max(0.0, self._last - now)
            at = max(now, self._last)
            self._release(at)
            while self._held and not self._has_room(tokens):
                at = max(at, self._held[0][0])
                self._release(at)
            self._hold(at, tokens)
            return at - now

    def spend(self, tokens: int) -> None:
        """Count a retry, for what comes after it. See `Budget`."""
        with self._lock:
            at = max(self._clock(), self._last)
            self._release(at)
            self._hold(at, tokens)

    def pause(self, seconds: float) -> None:
        """Promise nothing before so many seconds are over."""
        with self._lock:
            self._last = max(self._last, self._clock() + seconds)

    def _has_room(self, tokens: int) -> bool:
        requests, most = self._rates.requests_per_minute, self._rates.tokens_per_minute
        return (requests is None or len(self._held) + 1 <= requests) and (most is None or self._tokens + tokens <= most)

    def _release(self, at: float) -> None:
        while self._held and self._held[0][0] <= at:
            self._tokens -= self._held.popleft()[1]

    def _hold(self, at: float, tokens: int) -> None:
        minutes = max(1.0, 1.0 / (self._rates.requests_per_minute or 1.0))
        if self._rates.tokens_per_minute is not None:
            minutes = max(minutes, tokens / self._rates.tokens_per_minute)
        self._held.append((at + MINUTE * minutes, tokens))
        self._tokens += tokens
        self._last = at
