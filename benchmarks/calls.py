"""Measures of chat calls: a round of one subject each. CPU is the process's own; wall is the clock's."""

from __future__ import annotations

import asyncio
import gc
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from subjects import Ways, subject

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MICRO = 1e6


@lru_cache
def _ways(family: str, name: str, api: str, url: str) -> Ways:
    return subject(family, name).make(api, url)


def plain(family: str, name: str, api: str, url: str, count: int) -> dict[str, float]:
    """CPU and wall microseconds of a plain call."""
    call = _ways(family, name, api, url).call
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        call()
    return {
        "cpu": (time.process_time() - cpu) / count * MICRO,
        "wall": (time.perf_counter() - wall) / count * MICRO,
    }


def chunk(family: str, name: str, api: str, url: str) -> dict[str, float]:
    """CPU and wall microseconds of a chunk of a stream of 1,000."""
    stream = _ways(family, name, api, url).stream
    gc.collect()  # else a round pays for what the rounds before it have left
    wall, cpu = time.perf_counter(), time.process_time()
    count = sum(1 for _ in stream())
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    if count < 1000:
        raise ValueError(f"only {count} chunks came")
    return {"cpu": cpu / 1000 * MICRO, "wall": wall / 1000 * MICRO}


def first(family: str, name: str, api: str, url: str, count: int) -> dict[str, float]:
    """Wall and CPU milliseconds until the first chunk of a stream; the median of several."""
    stream = _ways(family, name, api, f"{url}/chunks-3").stream
    walls, cpus = [], []
    for _ in range(count):
        wall, cpu = time.perf_counter(), time.process_time()
        chunks = iter(stream())
        next(chunks)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        for _ in chunks:
            pass
    return {"wall": sorted(walls)[count // 2] * 1000, "cpu": sorted(cpus)[count // 2] * 1000}


def rate(family: str, name: str, api: str, url: str, in_flight: int, calls: int) -> dict[str, float]:
    """Async calls a second, of the clock and of CPU, with so many going on at any time.

    The first ones, which connect, do not count.
    """
    made = _ways(family, name, api, url)
    assert made.acall is not None
    return asyncio.run(_rate(made.acall, in_flight, calls))


async def _rate(ask: Callable[[], Awaitable[object]], in_flight: int, calls: int) -> dict[str, float]:
    failed = 0

    async def asked() -> None:
        nonlocal failed
        try:
            await ask()
        except Exception:  # noqa: BLE001 - how many, is told
            failed += 1

    await asyncio.gather(*(asked() for _ in range(in_flight)))
    left = calls
    lost, failed = failed, 0

    async def again_and_again() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await asked()

    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(again_and_again() for _ in range(in_flight)))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    good = calls - failed
    return {"wall": good / wall, "cpu": good / cpu, "failed": float(failed + lost)}


def threads(family: str, name: str, api: str, url: str, count: int, at_once: int) -> dict[str, float]:
    """CPU and wall milliseconds of so many calls on so many threads."""
    many = _ways(family, name, api, url).many
    assert many is not None
    wall, cpu = time.perf_counter(), time.process_time()
    answers: Any = many(count, at_once)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    if len(answers) != count:
        raise ValueError(f"only {len(answers)} answers came")
    return {"cpu": cpu * 1000, "wall": wall * 1000}
