"""How much a server may send before its answer begins, and for one answer in all, whatever the bytes are.

HTTP libraries take every byte for a sign of life. They bound a head (h11 at 100 KB, aiohttp by the line), but not how
many interim answers (1xx) come before it, and chunk extensions, trailers and empty blocks of gzip make no body that
could be counted: a broken or hostile server would keep a call for ever. So the bytes are counted where they arrive.
"""

from __future__ import annotations

import sys
import time
from typing import Any

MOST_OF_A_HEAD = 96 * 1024
"""Bytes of a head with the interim answers before it. Less than h11's own limit, so that all libraries say the same."""
MOST_TIMES = 4
"""A read may take so many times the bytes that the library asks for, which are 64 KB: of a large answer that is there
already, fewer reads and fewer turns of threads are to be made."""


class EndlessError(Exception):
    """More came than may.

    Attributes:
        most: The limit of the answer; None where its head did not end.
    """

    def __init__(self, most: int | None = None) -> None:
        super().__init__()
        self.most = most


class SlowHeadError(Exception):
    """A head comes byte by byte, and takes longer than an answer may."""


class Meter:
    """What may still come for the exchange under way.

    Attributes:
        left: Bytes.
        in_head: Whether the head is still to come.
    """

    __slots__ = ("_deadline", "_most", "_times", "in_head", "left")

    def __init__(self) -> None:
        self.expect_head()

    def expect_head(self) -> None:
        """A request goes out."""
        self.left = MOST_OF_A_HEAD
        self.in_head = True
        self._most: int | None = None
        self._deadline: float | None = None
        self._times = 1

    def expect_body(self, most: int | None) -> None:
        """The head is here.

        Args:
            most: Bytes of the body, decompressed; what carries them may be as much again. None sets no limit.
        """
        self.left = sys.maxsize if most is None else 2 * most + MOST_OF_A_HEAD
        self.in_head = False
        self._most = most

    def allowed(self, most: int, timeout: float | None) -> tuple[int, float | None]:
        """Bytes and seconds that the next read may take, where the library asks for so many.

        Raises:
            EndlessError: There have been enough bytes.
            SlowHeadError: The head takes too long.
        """
        if self.in_head:
            timeout = self._time_for_head(timeout)
        left = self.left
        if left <= 0:
            raise self.overflow()
        most *= self._times
        return (most if most < left else left), timeout

    def came(self, count: int, most: int) -> None:
        """A read has come back. One that was filled lets the next ones of this answer take more.

        Args:
            count: Bytes that came.
            most: Bytes that could.
        """
        self.left -= count
        if count == most and self._times < MOST_TIMES:
            self._times *= 2

    def _time_for_head(self, timeout: float | None) -> float | None:
        if timeout is None:
            return None
        now = time.monotonic()
        if self._deadline is None:
            self._deadline = now + timeout
        if now >= self._deadline:
            raise SlowHeadError
        return self._deadline - now

    def overflow(self) -> EndlessError:
        """What is raised where nothing may come any more."""
        return EndlessError(None if self.in_head else self._most)


class MeteredBackend:
    """Mixed into a `NetworkBackend` of httpcore's or httpcore2's: what connects.

    Args:
        backend: The library's own.
        stream: The class of metered streams.
    """

    def __init__(self, backend: Any, stream: type) -> None:
        self._backend = backend
        self._stream = stream

    def connect_tcp(self, *given: Any, **more: Any) -> Any:
        """See httpcore."""
        return self._stream(self._backend.connect_tcp(*given, **more), Meter())

    def connect_unix_socket(self, *given: Any, **more: Any) -> Any:
        """See httpcore."""
        return self._stream(self._backend.connect_unix_socket(*given, **more), Meter())

    def sleep(self, seconds: float) -> Any:
        """See httpcore."""
        return self._backend.sleep(seconds)


class AsyncMeteredBackend(MeteredBackend):
    """`MeteredBackend`, async."""

    async def connect_tcp(self, *given: Any, **more: Any) -> Any:
        """See httpcore."""
        return self._stream(await self._backend.connect_tcp(*given, **more), Meter())

    async def connect_unix_socket(self, *given: Any, **more: Any) -> Any:
        """See httpcore."""
        return self._stream(await self._backend.connect_unix_socket(*given, **more), Meter())


class MeteredStream:
    """A `NetworkStream` of httpcore's or httpcore2's, sync, that counts what comes.

    Args:
        stream: The library's own.
        meter: Of the connection, also once it goes on over TLS.
    """

    __slots__ = ("_read", "_stream", "_write", "meter")

    def __init__(self, stream: Any, meter: Meter) -> None:
        self._stream = stream
        self._read = stream.read
        self._write = stream.write
        self.meter = meter

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes.

        Raises:
            EndlessError: There have been enough.
            SlowHeadError: The head takes too long.
        """
        meter = self.meter
        most, timeout = meter.allowed(max_bytes, timeout)
        data: bytes = self._read(most, timeout)
        meter.came(len(data), most)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send a piece of a request."""
        self.meter.expect_head()
        self._write(buffer, timeout)

    def start_tls(self, *given: Any, **more: Any) -> MeteredStream:
        """Go on over TLS."""
        return type(self)(self._stream.start_tls(*given, **more), self.meter)

    def get_extra_info(self, info: str) -> Any:
        """See httpcore."""
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        """See httpcore."""
        self._stream.close()


class AsyncMeteredStream(MeteredStream):
    """`MeteredStream`, async."""

    __slots__ = ()

    async def read(  # type: ignore[override]  # async
        self,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ASYNC109 - as httpcore calls it
    ) -> bytes:
        """See `MeteredStream`."""
        meter = self.meter
        most, timeout = meter.allowed(max_bytes, timeout)
        data: bytes = await self._read(most, timeout)
        meter.came(len(data), most)
        return data

    async def write(  # type: ignore[override]  # async
        self,
        buffer: bytes,
        timeout: float | None = None,  # noqa: ASYNC109 - as httpcore calls it
    ) -> None:
        """See `MeteredStream`."""
        self.meter.expect_head()
        await self._write(buffer, timeout)

    async def start_tls(self, *given: Any, **more: Any) -> MeteredStream:  # type: ignore[override]  # async
        """See `MeteredStream`."""
        return type(self)(await self._stream.start_tls(*given, **more), self.meter)

    async def aclose(self) -> None:
        """See httpcore."""
        await self._stream.aclose()


def metered(client: Any, *, is_async: bool) -> Any:
    """A client of httpx's family whose connections are metered, those through its proxies too."""
    transport: Any
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001 - there is no other way to them
        pool: Any = getattr(transport, "_pool", None)
        backend = getattr(pool, "_network_backend", None)
        if backend is not None:
            pool._network_backend = (  # noqa: SLF001 - what a pool of httpcore's itself is made with
                AsyncMeteredBackend(backend, AsyncMeteredStream) if is_async else MeteredBackend(backend, MeteredStream)
            )
    return client


def meter_of(response: Any) -> Meter | None:
    """The meter of the connection that a response of httpx's family comes on; None with injected clients."""
    stream = response.extensions.get("network_stream")
    return stream.meter if isinstance(stream, MeteredStream) else None
