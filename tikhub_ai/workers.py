"""Where the requests of one bulk call run: in threads, a single one in the caller's own, or in tasks."""

from __future__ import annotations

import asyncio
import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from concurrent.futures import Future, ThreadPoolExecutor

T = TypeVar("T")


class Threads:
    """Workers of one call. Where it ends before they do, they are left to end their requests, and send nothing more.

    A request that nothing else can go out beside is made in the caller's own thread: a single one costs no thread.

    Args:
        most: Most threads.
    """

    def __init__(self, most: int) -> None:
        self.stop = threading.Event()
        self._most = most
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def begin(self, send: Callable[[], T]) -> Call[T]:
        """A request, which is made in `finished`, or where its result is asked for."""
        return Call(send)

    def finished(self, running: Collection[Call[T]], seconds: float | None) -> Sequence[Call[T]]:
        """Those that have ended, once one has or the time is over.

        Args:
            running: All that are under way.
            seconds: After which another request may go out; None where only an answer lets one.
        """
        if not running:
            self.stop.wait(seconds or 0)
            return ()
        if seconds is None and len(running) == 1 and not any(call.future for call in running):
            return list(running)
        from concurrent import futures  # noqa: PLC0415 - rarely needed

        if self._pool is None:
            self._pool = futures.ThreadPoolExecutor(self._most, thread_name_prefix="tikhub-embeddings")
        for call in running:
            if call.future is None:
                # Each thread gets a copy of the caller's context, where an api_key function may look for its tenant.
                call.future = self._pool.submit(copy_context().run, call.send)
        begun = {call.future: call for call in running if call.future is not None}
        return [begun[one] for one in futures.wait(begun, seconds, futures.FIRST_COMPLETED).done]


class Call(Generic[T]):
    """A request, made by a thread or, without one, where its result is asked for.

    Attributes:
        send: Makes it.
        future: Its result, where a thread makes it.
    """

    __slots__ = ("future", "send")

    def __init__(self, send: Callable[[], T]) -> None:
        self.send = send
        self.future: Future[T] | None = None

    def result(self) -> T:
        """What came of it."""
        return self.send() if self.future is None else self.future.result()


async def finished(running: Iterable[asyncio.Task[Any]], seconds: float | None) -> Iterable[asyncio.Task[Any]]:
    """The tasks that have ended, once one has or the time is over."""
    if not running:
        await asyncio.sleep(seconds or 0)
        return ()
    finished, _ = await asyncio.wait(running, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    return finished
