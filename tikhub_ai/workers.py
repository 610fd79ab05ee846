"""Where the requests of one bulk call run: in threads, in the caller's own, or in tasks."""

from __future__ import annotations

import asyncio
import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future

T = TypeVar("T")


class Threads:
    """Workers of one call. Where it ends before they do, they are left to end their requests, and send nothing more."""

    def __init__(self, most: int) -> None:
        from concurrent import futures  # noqa: PLC0415 - rarely needed

        self.stop = threading.Event()
        self._futures = futures
        self._pool = futures.ThreadPoolExecutor(most, thread_name_prefix="tikhub-embeddings")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def begin(self, send: Callable[[], T]) -> Future[T]:
        """Make a request in a thread."""
        # Each thread gets a copy of the caller's context, where an api_key function may look for its tenant.
        return self._pool.submit(copy_context().run, send)

    def finished(self, running: Iterable[Any], seconds: float | None) -> Iterable[Any]:
        """Those that have ended, once one has or the time is over."""
        if not running:
            self.stop.wait(seconds or 0)
        return self._futures.wait(running, seconds, self._futures.FIRST_COMPLETED).done if running else ()


class Here:
    """`Threads` without any: a request is made where its result is asked for."""

    def __init__(self) -> None:
        self.stop = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()

    def begin(self, send: Callable[[], T]) -> _Lazy[T]:
        """Make a request when it is asked for."""
        return _Lazy(send)

    def finished(self, running: Iterable[Any], seconds: float | None) -> Iterable[Any]:
        """All of them, since each is made when its result is asked for."""
        if not running:
            self.stop.wait(seconds or 0)
        return list(running)


class _Lazy(Generic[T]):
    """A result that is made when it is asked for."""

    __slots__ = ("result",)

    def __init__(self, result: Callable[[], T]) -> None:
        self.result = result


async def finished(running: Iterable[asyncio.Task[Any]], seconds: float | None) -> Iterable[asyncio.Task[Any]]:
    """The tasks that have ended, once one has or the time is over."""
    if not running:
        await asyncio.sleep(seconds or 0)
        return ()
    finished, _ = await asyncio.wait(running, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    return finished
