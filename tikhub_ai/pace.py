"""How fast a client sends: so many requests at once, so many requests and tokens a minute. No I/O, one clock.

A refusal for too many requests (429) halves how many go out at once, for all calls of the client; each answer after it
lets a little more through: additive increase, multiplicative decrease, as TCP does it (RFC 5681).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

MINUTE = 60.0


class Pace:
    """What all calls of one client share about their speed. Safe for threads.

    A copy, or one that comes out of a pickle, knows nothing yet.

    Args:
        clock: Seconds, of any origin.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._part = 1.0
        self._lowered_at = float("-inf")
        self._held_until = float("-inf")
        self._sent: deque[tuple[float, int]] = deque()
        self._tokens = 0

    def __reduce__(self) -> tuple[Any, ...]:
        return Pace, ()

    def __deepcopy__(self, memo: Any) -> Pace:
        return Pace(self._clock)

    def limit(self, most: int) -> int:
        """How many requests may be under way.

        Args:
            most: How many the caller allows.
        """
        return max(1, int(most * self._part + 1e-9))

    @property
    def now(self) -> float:
        """The clock's time."""
        return self._clock()

    def answered(self, most: int) -> None:
        """A request was answered: so many answers as may be under way allow for one more."""
        with self._lock:
            if self._part < 1.0:
                limit = max(1.0, most * self._part)
                self._part = min(1.0, (limit + 1.0 / limit) / most)

    def refused(self, most: int, began: float, retry_after: float | None) -> bool:
        """A request was refused since there were too many.

        Those that went out with it, before anyone knew, lower nothing further.

        Args:
            most: How many requests at once the caller allows.
            began: When it went out, by the clock.
            retry_after: Seconds that the server asks to wait; no other request goes out before.

        Returns:
            Whether fewer go out from now on than did when it went out.
        """
        with self._lock:
            if retry_after is not None:
                self._held_until = max(self._held_until, self._clock() + retry_after)
            if began <= self._lowered_at:
                return True
            if most * self._part <= 1.0:
                return False
            self._part = max(1.0 / most, self._part / 2)
            self._lowered_at = self._clock()
            return True

    def wait(self, tokens: int, requests_per_minute: float | None, tokens_per_minute: float | None) -> float:
        """Take a place for a request, if there is one.

        In no 60 seconds do more requests, or tokens, go out than may. One request of more tokens than a minute has goes
        out alone.

        Args:
            tokens: Of the request, as estimated.
            requests_per_minute: None sets no limit, as below.
            tokens_per_minute: Of all requests.

        Returns:
            0 where it may go out now, else the seconds after which to ask again.
        """
        with self._lock:
            now = self._clock()
            if now < self._held_until:
                return self._held_until - now
            if requests_per_minute is None and tokens_per_minute is None:
                return 0.0
            while self._sent and self._sent[0][0] <= now - MINUTE:
                self._tokens -= self._sent.popleft()[1]
            are_too_many = requests_per_minute is not None and len(self._sent) + 1 > requests_per_minute
            are_too_long = tokens_per_minute is not None and self._tokens + tokens > tokens_per_minute
            if self._sent and (are_too_many or are_too_long):
                return self._sent[0][0] + MINUTE - now
            self._spend(now, tokens)
            return 0.0

    def spend(self, tokens: int) -> None:
        """Count a request that nobody asks a place for: a retry."""
        with self._lock:
            self._spend(self._clock(), tokens)

    def _spend(self, now: float, tokens: int) -> None:
        self._sent.append((now, tokens))
        self._tokens += tokens
