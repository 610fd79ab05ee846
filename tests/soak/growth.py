"""What a process holds, round after round, and whether it goes on growing. Standard library only."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Held:
    """What the process holds after so many calls.

    Attributes:
        calls: Calls so far.
        blocks: Blocks of memory that Python has given out: about one for each small object.
        megabytes: Resident memory.
        descriptors: Open files and sockets.
    """

    calls: int
    blocks: int
    megabytes: float
    descriptors: int


@dataclass(frozen=True, slots=True)
class Limit:
    """What may be held more.

    Attributes:
        name: Of `Held`.
        rate: For each 1,000 calls.
        noise: In all, from the first look that counts to the last: what idle connections and pages half full amount to.
    """

    name: str
    rate: float
    noise: float


LIMITS = (Limit("blocks", 20, 1500), Limit("megabytes", 0.03, 1.5), Limit("descriptors", 0.3, 12))
"""20 blocks are less than one for each of the 50 faults and 50 cancellations among 1,000 calls."""


def look(calls: int, known: int = 0) -> Held:
    """What is held now, once all garbage is collected and the C library has given free pages back.

    Args:
        calls: Calls so far.
        known: Blocks that are accounted for.
    """
    while gc.collect():
        pass
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
    with Path("/proc/self/statm").open() as file:
        megabytes = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return Held(calls, sys.getallocatedblocks() - known, megabytes, len(os.listdir("/proc/self/fd")))


def rate(series: Sequence[Held], name: str) -> float:
    """How much more is held for each 1,000 calls, over the last two thirds: the median slope of all pairs of looks.

    A few looks that are off, whichever way, do not move it.
    """
    settled = series[len(series) // 3 :]
    pairs = combinations(settled, 2)
    slopes = ((getattr(b, name) - getattr(a, name)) / (b.calls - a.calls) for a, b in pairs)
    return float(median(slopes)) * 1000


def grown(series: Sequence[Held]) -> list[str]:
    """What goes on growing, each as a sentence. Growth of the first third is warm-up."""
    settled = series[len(series) // 3 :]
    thousands = (settled[-1].calls - settled[0].calls) / 1000
    return [
        f"{limit.name} go on growing, by {found:.2f} for each 1,000 calls"
        for limit in LIMITS
        if (found := rate(series, limit.name)) > max(limit.rate, limit.noise / thousands)
    ]
