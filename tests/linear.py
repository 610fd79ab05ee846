"""Whether work grows with its input, or faster: the CPU time of one size beside that of a multiple of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

TIMES = 8
ALLOWED = 3.0
"""Linear work takes 8 times as long for 8 times as much, quadratic work 64 times: 24 is far from both."""
LEAST = 0.002
"""Seconds that the small size must take, so that what does not grow with the size is none of it."""
MOST = 1 << 22


def assert_linear(make: Callable[[int], Any], work: Callable[[Any], object], *, size: int = 1 << 12) -> None:
    """Fail where the CPU time of `work` grows faster than its input.

    Args:
        make: Makes the input of a size.
        work: Takes an input.
        size: Where to begin; doubled until the work takes long enough to be measured.
    """
    while (small := _seconds(work, make(size))) < LEAST and size * TIMES < MOST:
        size *= 2
    large = _seconds(work, make(size * TIMES))
    assert large < TIMES * ALLOWED * max(small, LEAST / 2), f"{small:.4f} s at {size}, {large:.4f} s at {size * TIMES}"


def _seconds(work: Callable[[Any], object], given: Any) -> float:
    runs = []
    for _ in range(3):
        start = time.process_time()
        work(given)
        runs.append(time.process_time() - start)
    return min(runs)
