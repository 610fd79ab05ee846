"""A plugin that makes the tests' process a bad machine: `make test ARGS="-p tests.chaos"`.

Tests come in another order, reads of sockets return less than there is, threads begin and end late, what is sent,
closed and accepted is held up, as are event loops, and threads take turns more or less often. `CHAOS` is the seed, of
which each process makes its own. A test that fails here alone depends on order, on load or on a race.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

SEED = int(os.environ.get("CHAOS", "0"))
OFTEN = 0.02
"""How often something is held up."""
LONGEST = 0.03
"""Seconds that it is held up at most."""
FEWEST = 3000
"""Bytes that a read returns at most where it is cut."""

sleep = time.sleep


def pytest_configure() -> None:
    chance = random.Random(SEED + os.getpid())

    def held_up(original: Any, *, afterwards: bool = False) -> Any:
        def late(*arguments: Any, **more: Any) -> Any:
            _perhaps(chance)
            result = original(*arguments, **more)
            if afterwards:
                _perhaps(chance)
            return result

        return late

    def cut(original: Callable[..., Any], size: Callable[..., int], place: int) -> Any:
        def read(self: socket.socket, *given: Any) -> Any:
            _perhaps(chance)
            most = size(*given)
            if most > 1 and chance.random() < 0.3:
                given = (*given[:place], chance.randint(1, min(most, FEWEST)), *given[place + 1 :])
            return original(self, *given)

        return read

    of_sockets: Any = socket.socket
    of_sockets.recv = cut(socket.socket.recv, lambda most, *_: most, 0)
    of_sockets.recv_into = cut(socket.socket.recv_into, lambda buffer, most=0, *_: most or len(buffer), 1)
    for name in ("send", "sendall", "close", "accept"):
        setattr(of_sockets, name, held_up(getattr(of_sockets, name), afterwards=name.startswith("send")))
    of_threads: Any = threading.Thread
    of_threads.run = held_up(threading.Thread.run, afterwards=True)
    of_threads.start = held_up(threading.Thread.start, afterwards=True)
    of_loops: Any = asyncio.BaseEventLoop
    of_loops._run_once = held_up(of_loops._run_once)
    sys.setswitchinterval(chance.choice([1e-5, 1e-4, 5e-3, 0.1]))


def _perhaps(chance: random.Random) -> None:
    if chance.random() < OFTEN:
        sleep(chance.random() * LONGEST)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files in any order, and the tests of each; what is of one module stays together, as its fixtures need."""
    chance = random.Random(SEED)
    ranks: dict[Any, float] = {}
    items.sort(key=lambda item: (ranks.setdefault(item.path, chance.random()), chance.random()))
