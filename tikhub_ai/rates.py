"""Requests and tokens a minute: the limits, and what of the last minute counts against them. No I/O, no clock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from tikhub_ai.errors import ConfigurationError

MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Rates:
    """What may be sent in a minute.

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


UNLIMITED = Rates()


class Window:
    """The requests that count against rates. Not safe for threads.

    Each counts for a minute. At a rate below one a minute, or with more tokens than a minute has, it counts for as many
    minutes as it is worth.
    """

    def __init__(self) -> None:
        self._held: deque[tuple[float, int]] = deque()
        self._tokens = 0

    def release(self, at: float) -> None:
        """Let go of what counts no more at a time."""
        while self._held and self._held[0][0] <= at:
            self._tokens -= self._held.popleft()[1]

    def free_at(self, tokens: int, rates: Rates) -> float | None:
        """When to look again for room for a request of so many tokens; None where there is room."""
        if not self._held:
            return None
        requests, most = rates.requests_per_minute, rates.tokens_per_minute
        has_places = requests is None or len(self._held) + 1 <= requests
        has_tokens = most is None or self._tokens + tokens <= most
        return None if has_places and has_tokens else self._held[0][0]

    def hold(self, at: float, tokens: int, rates: Rates) -> None:
        """Count a request that goes out at a time."""
        minutes = max(1.0, 1.0 / (rates.requests_per_minute or 1.0))
        if rates.tokens_per_minute is not None:
            minutes = max(minutes, tokens / rates.tokens_per_minute)
        self._held.append((at + MINUTE * minutes, tokens))
        self._tokens += tokens
