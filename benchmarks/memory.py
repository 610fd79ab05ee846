"""What a piece of work takes of the process's memory and CPU, measured in a process that does nothing else."""

from __future__ import annotations

import gc
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = resource.getpagesize()


class Taken(NamedTuple):
    """What it took.

    Attributes:
        wall: Seconds.
        cpu: Seconds.
        peak: MB above what the process had before, at the most.
        result: What it returned.
    """

    wall: float
    cpu: float
    peak: float
    result: Any


def resident() -> float:
    """MB that the process has in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6


def reset_peak() -> None:
    """Forget the most memory that the process has had."""
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> float:
    """The most MB that the process has had since then."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def taken(work: Callable[[], Any]) -> Taken:
    """Do something, and say what it took."""
    gc.collect()
    reset_peak()
    before = resident()
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Taken(wall, cpu, peak() - before, result)
