"""However a call ends, and whoever forgets to end it: nothing is left of it, and its connection is closed in silence.

What is left is counted in objects, not in bytes; silent is a run without warnings in which the loop's handler for
exceptions is told nothing, in its debug mode.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from collections import Counter
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.lanes import REQUEST, chat_tikhub, client_of, tikhub
from tests.faults.wire import CLOSE, FIRST, HOLD, chunked, good, whole
from tikhub_ai import APIStatusError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator

    from tests.faults.conftest import FaultServer

    Call = Callable[[], Coroutine[Any, Any, None]]

pytestmark = pytest.mark.long  # by CPU: each is many runs

OURS = ("tikhub_ai", "langchain_tikhub", "llama_index_tikhub")
LIBRARIES = ("aiohttp", "httpx", "httpx2", "httpcore", "httpcore2", "h11", "asyncio", "ssl", "socket")
KINDS = {"builtins.generator", "builtins.async_generator", "builtins.coroutine", "builtins.frame", "_asyncio.Task"}


def alive() -> Counter[str]:
    """Objects of ours and of the HTTP libraries, and whatever may be under way."""
    gc.collect()
    objects = gc.get_objects()
    kinds = Counter(map(type, objects))
    # The loop sweeps up cancelled timers, which hold nothing, once there are a hundred of them.
    kinds[asyncio.TimerHandle] -= sum(type(one) is asyncio.TimerHandle and one.cancelled() for one in objects)
    named = {f"{kind.__module__}.{kind.__qualname__}": count for kind, count in kinds.items()}
    packages = {*OURS, *LIBRARIES}
    return Counter({name: n for name, n in named.items() if name in KINDS or name.partition(".")[0] in packages})


@contextmanager
def nothing_else() -> Iterator[None]:
    """What was there before is neither looked at nor counted, which would take the collector most of the time.

    Nor afterwards: `conftest.py` froze what the collection made, and no other test is to go through that either.
    """
    gc.collect()
    gc.freeze()
    yield


def in_a_cycle(one: Any) -> None:
    """Drop it so that the garbage collector alone finds it."""
    dropped = [one]
    dropped.append(dropped)


def collected_elsewhere() -> None:
    thread = threading.Thread(target=gc.collect)
    thread.start()
    thread.join()


# --- async ----------------------------------------------------------------------------------------------------------


class Async:
    """Calls of a framework over a library."""

    def __init__(self, faults: FaultServer, framework: str, backend: str) -> None:
        self.faults = faults
        settings = {"base_url": faults.url(), "http_backend": backend, "max_retries": 0}
        self.framework = framework
        self.client = client_of(settings)
        self.chat = chat_tikhub(settings)
        self.llm, self.messages = tikhub(settings)

    async def stream(self) -> AsyncGenerator[Any, None]:
        """A stream that had its first piece, where its server goes on to wait."""
        self.faults.script("x", [*chunked(FIRST, end=False), HOLD])
        stream = await self.opened()
        await anext(stream)
        return stream

    async def cut(self) -> AsyncGenerator[Any, None]:
        """A stream whose connection has broken off since: the loop holds nothing of it any more."""
        self.faults.script("x", [*chunked(FIRST, end=False), CLOSE])
        stream = await self.opened()
        await anext(stream)
        await asyncio.sleep(0.02)
        return stream

    async def opened(self) -> AsyncGenerator[Any, None]:
        if self.framework == "core":
            return self.client.astream(REQUEST)
        if self.framework == "LangChain":
            return self.chat.astream("hi")  # type: ignore[no-any-return]  # the class is imported late
        return await self.llm.astream_chat(self.messages)  # type: ignore[no-any-return]  # likewise

    async def whole(self) -> None:
        async for _ in await self.opened():
            pass

    async def is_gone(self) -> None:
        assert await asyncio.to_thread(self.faults.gone, "x"), "its connection is still open"


async def answered(calls: Async) -> None:
    calls.faults.script("x", good(streamed=True))
    await calls.whole()


async def failed(calls: Async) -> None:
    calls.faults.script("x", whole(b"{}", status="400 No"))
    with suppress(APIStatusError):
        await calls.whole()


async def cancelled_before_the_headers(calls: Async) -> None:
    calls.faults.script("x", [HOLD])
    task = asyncio.create_task(calls.whole())
    while not calls.faults.seen("x"):  # noqa: ASYNC110 - the event would be another process's
        await asyncio.sleep(0.005)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await calls.is_gone()


async def cancelled_in_the_body(calls: Async) -> None:
    stream = await calls.stream()
    task = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0.005)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await calls.is_gone()


async def closed(calls: Async) -> None:
    await (await calls.stream()).aclose()
    await calls.is_gone()


async def dropped(calls: Async) -> None:
    await calls.stream()
    await calls.is_gone()


async def dropped_in_a_cycle(calls: Async) -> None:
    in_a_cycle(await calls.stream())
    gc.collect()
    await calls.is_gone()


async def dropped_and_collected_by_another_thread(calls: Async) -> None:
    in_a_cycle(await calls.stream())
    collected_elsewhere()
    await calls.is_gone()


async def dropped_by_a_task_that_failed(calls: Async) -> None:
    async def fails() -> None:
        stream = await calls.stream()
        kept = None
        try:
            async for _ in stream:
                pass
        except asyncio.CancelledError as error:
            kept = error  # a cycle of frame and traceback, as programs make them
            raise
        finally:
            assert kept is not None

    task = asyncio.create_task(fails())
    while not calls.faults.seen("x"):  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.005)
    task.cancel()
    with suppress(asyncio.CancelledError, AssertionError):
        await task
    del task
    gc.collect()
    await calls.is_gone()


async def cut_then_dropped_in_a_cycle(calls: Async) -> None:
    in_a_cycle(await calls.cut())
    gc.collect()


async def cut_then_collected_by_another_thread(calls: Async) -> None:
    in_a_cycle(await calls.cut())
    collected_elsewhere()


async def left_in_the_loop(calls: Async) -> None:
    in_a_cycle(await calls.stream())


ASYNC = [
    answered,
    failed,
    cancelled_before_the_headers,
    cancelled_in_the_body,
    closed,
    dropped,
    dropped_in_a_cycle,
    dropped_and_collected_by_another_thread,
    dropped_by_a_task_that_failed,
    cut_then_dropped_in_a_cycle,
    cut_then_collected_by_another_thread,
    left_in_the_loop,
]


def run(call: Call, told: list[Any], *, is_shut_down: bool) -> None:
    """Run it in a loop of its own; `asyncio.run` shuts its streams down, LlamaIndex's `asyncio_run` does not."""
    loop = asyncio.new_event_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 60
    loop.set_exception_handler(lambda _, context: told.append(context))
    gc.disable()  # it runs where the endings say
    try:
        loop.run_until_complete(call())
        if is_shut_down:
            loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
        gc.enable()


def each_in_its_own_loop(call: Call, told: list[Any], *, is_shut_down: bool) -> Counter[str]:
    run(call, told, is_shut_down=is_shut_down)
    before = alive()
    for _ in range(2):
        run(call, told, is_shut_down=is_shut_down)
    return alive() - before


def all_in_one_loop(call: Call, told: list[Any]) -> Counter[str]:
    left: Counter[str] = Counter()

    async def calls() -> None:
        await call()
        gc.collect()
        await asyncio.sleep(0.02)
        before = alive()
        for _ in range(2):
            await call()
        for _ in range(3000):  # what was collected ends in the loop, and connections with their peers
            left.clear()
            left.update(alive() - before)
            if not left:
                break
            await asyncio.sleep(0.01)

    run(calls, told, is_shut_down=True)
    return left


WAYS: dict[str, Callable[[Call, list[Any]], Counter[str]]] = {
    "each in a loop that is shut down": partial(each_in_its_own_loop, is_shut_down=True),
    "each in a loop that is left": partial(each_in_its_own_loop, is_shut_down=False),
    "all in one loop": all_in_one_loop,
}


@pytest.mark.parametrize("framework", ["core", "LangChain", "LlamaIndex"])
@pytest.mark.parametrize("backend", ["aiohttp", "httpx", "httpx2"])
def test_nothing_is_left_of_an_async_call(faults: FaultServer, backend: str, framework: str) -> None:
    calls = Async(faults, framework, backend)
    run(lambda: answered(calls), [], is_shut_down=True)  # whatever is made at a first call is there
    with nothing_else():
        for ending in ASYNC:
            for named_way, way in WAYS.items():
                told: list[Any] = []
                with warnings.catch_warnings(record=True) as warned:
                    warnings.simplefilter("always")
                    left = way(partial(ending, calls), told)
                named = f"{ending.__name__}, {named_way}"
                assert not told, named
                assert not [str(one.message) for one in warned], named
                assert dict(left) == {}, named


# --- sync -----------------------------------------------------------------------------------------------------------


class Sync:
    """Calls of a framework over a library."""

    def __init__(self, faults: FaultServer, framework: str, backend: str) -> None:
        self.faults = faults
        settings = {"base_url": faults.url(), "http_backend": backend, "max_retries": 0}
        llm, messages = tikhub(settings)
        client, chat = client_of(settings), chat_tikhub(settings)
        self.opened: Callable[[], Generator[Any, None, None]] = {
            "core": lambda: client.stream(REQUEST),
            "LangChain": lambda: chat.stream("hi"),
            "LlamaIndex": lambda: llm.stream_chat(messages),
        }[framework]

    def stream(self) -> Generator[Any, None, None]:
        self.faults.script("x", [*chunked(FIRST, end=False), HOLD])
        stream = self.opened()
        next(stream)
        return stream

    def is_gone(self) -> None:
        assert self.faults.gone("x"), "its connection is still open"


def sync_answered(calls: Sync) -> None:
    calls.faults.script("x", good(streamed=True))
    list(calls.opened())


def sync_failed(calls: Sync) -> None:
    calls.faults.script("x", whole(b"{}", status="400 No"))
    with suppress(APIStatusError):
        list(calls.opened())


def sync_closed(calls: Sync) -> None:
    calls.stream().close()
    calls.is_gone()


def sync_dropped(calls: Sync) -> None:
    calls.stream()
    calls.is_gone()


def sync_dropped_in_a_cycle(calls: Sync) -> None:
    in_a_cycle(calls.stream())
    gc.collect()
    calls.is_gone()


def sync_dropped_and_collected_by_another_thread(calls: Sync) -> None:
    in_a_cycle(calls.stream())
    collected_elsewhere()
    calls.is_gone()


SYNC = [
    sync_answered,
    sync_failed,
    sync_closed,
    sync_dropped,
    sync_dropped_in_a_cycle,
    sync_dropped_and_collected_by_another_thread,
]


@pytest.mark.parametrize("framework", ["core", "LangChain", "LlamaIndex"])
@pytest.mark.parametrize("backend", ["httpx", "httpx2"])
def test_nothing_is_left_of_a_sync_call(faults: FaultServer, backend: str, framework: str) -> None:
    calls = Sync(faults, framework, backend)
    sync_answered(calls)
    with nothing_else():
        for ending in SYNC:
            seen: list[Counter[str]] = []
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                for _ in range(3):
                    gc.disable()
                    try:
                        ending(calls)
                    finally:
                        gc.enable()
                    seen.append(alive())
            assert not [str(one.message) for one in warned], ending.__name__
            assert dict(seen[-1] - seen[0]) == {}, ending.__name__
