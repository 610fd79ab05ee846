"""How fast a client sends: so many requests at once, so many requests and tokens a minute. No I/O, one clock.

A refusal for too many requests (429) halves how many go out at once, for all calls of the client; each answer after it
lets a little more through: additive increase, multiplicative decrease, as TCP does it (RFC 5681).
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from tikhub_ai.rates import UNLIMITED, Rates, Window

if TYPE_CHECKING:
    from collections.abc import Callable


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
        self._window = Window()

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

    def wait(self, tokens: int, rates: Rates = UNLIMITED) -> float:
        """Take a place for a request, if there is one.

        In no 60 seconds do more requests, or tokens, go out than may. One request of more tokens than a minute has goes
        out alone, and the next one after as many minutes as it is worth; so it is at a rate below one a minute.

        Args:
            tokens: Of the request, as estimated.
            rates: What may go out.

        Returns:
            0 where it may go out now, else the seconds after which to ask again.
        """
        with self._lock:
            now = self._clock()
            if now < self._held_until:
                return self._held_until - now
            if not rates.are_limited:
                return 0.0
            self._window.release(now)
            if (at := self._window.free_at(tokens, rates)) is not None:
                return at - now
            self._window.hold(now, tokens, rates)
            return 0.0

    def spend(self, tokens: int, rates: Rates) -> None:
        """Count a request that nobody asks a place for: a retry."""
        with self._lock:
            now = self._clock()
            self._window.release(now)
            self._window.hold(now, tokens, rates)
