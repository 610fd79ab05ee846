"""Whether work grows with its input, or faster: the CPU time of one size beside that of a multiple of it."""

from __future__ import annotations

import gc
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
TRIES = 4
"""Comparisons before it fails, since other processes and the processor's caches blur a measurement."""


def assert_linear(
    make: Callable[[int], Any],
    work: Callable[[Any], object],
    *,
    size: int = 1 << 12,
    times: int = TIMES,
    allowed: float = ALLOWED,
) -> None:
    """Fail where the CPU time of `work` grows faster than its input.

    Args:
        make: Makes the input of a size.
        work: Takes an input.
        size: Where to begin; doubled until the work takes long enough to be measured.
        times: How much larger the other input is.
        allowed: How many times as much it may take per unit of input.
    """
    while (small := _seconds(work, make(size))) < LEAST and size * times < MOST:
        size *= 2
    large = _seconds(work, make(size * times))
    for _ in range(TRIES - 1):
        if large < times * allowed * max(small, LEAST / 2):
            return
        small = min(small, _seconds(work, make(size)))
        large = min(large, _seconds(work, make(size * times)))
    assert large < times * allowed * max(small, LEAST / 2), f"{small:.4f} s at {size}, {large:.4f} s at {size * times}"


def _seconds(work: Callable[[Any], object], given: Any) -> float:
    """CPU time without the garbage collector, whose rounds depend on what ran before."""
    gc.collect()
    gc.disable()
    try:
        start = time.process_time()
        work(given)
        return time.process_time() - start
    finally:
        gc.enable()
