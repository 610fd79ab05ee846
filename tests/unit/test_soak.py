"""The soak's own judgement: a slow leak fails it, noise does not, and nothing that is complained of passes it by."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from tests.soak.complaints import Complaints
from tests.soak.growth import LIMITS, Held, grown, rate

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 30


def series(calls: int, blocks: Callable[[int], float], megabytes: Callable[[int], float] = lambda _: 160) -> list[Held]:
    """What is held after each round of so many calls in all."""
    done = [calls * (number + 1) // ROUNDS for number in range(ROUNDS)]
    return [Held(at, int(blocks(at)), megabytes(at), 30) for at in done]


@pytest.mark.parametrize("calls", [60_000, 100_000, 1_000_000])
@pytest.mark.parametrize("seed", range(5))
def test_one_block_kept_at_every_tenth_call_is_growth_whatever_the_noise(calls: int, seed: int) -> None:
    noise = random.Random(seed)
    found = grown(series(calls, lambda at: 800_000 + at / 10 + noise.uniform(-400, 400)))
    assert len(found) == 1
    assert found[0].startswith("blocks go on growing")


@pytest.mark.parametrize("calls", [60_000, 100_000])
@pytest.mark.parametrize("seed", range(5))
def test_a_hundred_bytes_kept_of_each_call_are_growth_where_blocks_do_not_tell(calls: int, seed: int) -> None:
    noise = random.Random(seed)
    found = grown(series(calls, lambda _: 800_000, lambda at: 160 + at * 100 / 1e6 + noise.uniform(-0.2, 0.2)))
    assert len(found) == 1
    assert found[0].startswith("megabytes go on growing")


@pytest.mark.parametrize("calls", [3_000, 20_000, 100_000])
@pytest.mark.parametrize("seed", range(20))
def test_warm_up_and_noise_are_no_growth(calls: int, seed: int) -> None:
    noise = random.Random(seed)

    def blocks(at: int) -> float:
        return 800_000 + 20_000 * min(1, at * 3 / calls) + noise.uniform(-400, 400) + noise.choice([0] * 9 + [3000])

    def megabytes(at: int) -> float:
        return 150 + 10 * min(1, at * 3 / calls) + noise.uniform(-0.3, 0.3) + noise.choice([0] * 9 + [5])

    assert grown(series(calls, blocks, megabytes)) == []


def test_a_single_look_does_not_hide_a_leak() -> None:
    looks = series(100_000, lambda at: 800_000 + at)
    looks[-1] = Held(looks[-1].calls, 0, 0.0, 0)
    assert rate(looks, "blocks") == pytest.approx(1000)
    assert len(LIMITS) == 3
    assert [one.partition(" ")[0] for one in grown(looks)] == ["blocks"]


def a_connection_that_nobody_closed() -> None:
    socket.socket()
    gc.collect()


def a_task_that_nobody_waited_for() -> None:
    async def fails() -> None:
        raise ZeroDivisionError

    async def main() -> None:
        task = asyncio.ensure_future(fails())
        await asyncio.sleep(0)
        del task
        gc.collect()

    asyncio.run(main())


def a_task_that_was_destroyed() -> None:
    async def waits() -> None:
        await asyncio.get_running_loop().create_future()

    loop = asyncio.new_event_loop()
    task = loop.create_task(waits())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    del task, loop
    gc.collect()


def a_finalizer_that_failed() -> None:
    class Broken:
        def __del__(self) -> None:
            raise ZeroDivisionError

    Broken()


def a_thread_that_failed() -> None:
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()


def a_coroutine_that_was_never_awaited() -> None:
    async def call() -> None: ...

    call()  # type: ignore[unused-coroutine]  # on purpose
    gc.collect()


def what_asyncio_logs() -> None:
    logging.getLogger("asyncio").error("socket.send() raised exception.")


@pytest.mark.parametrize(
    "happens",
    [
        a_connection_that_nobody_closed,
        a_task_that_nobody_waited_for,
        a_task_that_was_destroyed,
        a_finalizer_that_failed,
        a_thread_that_failed,
        a_coroutine_that_was_never_awaited,
        what_asyncio_logs,
    ],
)
def test_complaints_are_heard(happens: Callable[[], None]) -> None:
    complaints = Complaints()
    with complaints.listening():
        happens()
    assert len(complaints.heard) == 1


def test_what_a_loop_with_a_handler_is_told_is_heard() -> None:
    complaints = Complaints()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(complaints.of_a_loop)
        loop.call_exception_handler({"message": "Unclosed connection"})

    asyncio.run(main())
    assert complaints.heard == ["event loop: Unclosed connection ''"]
