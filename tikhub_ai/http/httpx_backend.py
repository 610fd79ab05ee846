"""The backend over the libraries of httpx's family, sync and async, with injected clients or shared ones."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from contextlib import suppress
from socket import socket
from typing import TYPE_CHECKING, Any, cast

from tikhub_ai.errors import InvalidRequestError, TikHubAIError
from tikhub_ai.http import failures
from tikhub_ai.http.httpx_family import library, library_of
from tikhub_ai.http.inflating import inflater_of
from tikhub_ai.http.metering import meter_of
from tikhub_ai.http.pools import key_of, pools
from tikhub_ai.http.watchdog import watchdog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator, Mapping

    from tikhub_ai.http.exchange import AsyncPieces, AsyncWireResponse, Body, WireRequest, WireResponse
    from tikhub_ai.http.httpx_family import Library
    from tikhub_ai.http.inflating import Inflater
    from tikhub_ai.http.shared import Lease
    from tikhub_ai.settings import Settings


# --- sync -----------------------------------------------------------------------------------------------------------


class _AtWork(threading.local):
    """Whether this thread is inside httpcore, whose locks it cannot take twice.

    Python's garbage collector may run at any allocation, there too, and may end a stream that somebody dropped: closing
    it then would wait for ever for a lock that the thread itself holds. Such streams wait in `dropped`.
    """

    def __init__(self) -> None:
        self.depth = 0
        self.dropped: list[_HttpxResponse] = []

    def __enter__(self) -> None:
        self.depth += 1

    def __exit__(self, *_: object) -> None:
        self.depth -= 1
        while self.dropped and not self.depth:  # one after the other, none within another's end: they may be many
            if (answer := self.dropped.pop()).pid != os.getpid():
                _leave(answer)
                continue
            self.depth += 1
            try:
                answer.response.close()
            finally:
                self.depth -= 1
            answer.release()

    def close(self, answer: _HttpxResponse) -> None:
        with self:
            self.dropped.append(answer)


def _leave(answer: _HttpxResponse) -> None:
    """Let a forked child never touch a stream of its parent, not even at the end of the interpreter.

    A thread that is not here may hold httpcore's lock for ever, and a generator that is freed closes its connection.
    """
    import ctypes  # noqa: PLC0415 - rarely needed

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(answer))


_at_work = _AtWork()
_open: set[_HttpxResponse] = set()
"""Held here, so that what is closed of a dropped stream, and when, is for us to say and not for the collector."""


class SharedClient:
    """Mixed into a library's client: closed as everything of it is."""

    def close(self) -> None:
        """Close its connections."""
        with _at_work:
            super().close()  # type: ignore[misc]  # the library's


class _Guarded:
    """A body whose socket is the watchdog's no more before its connection may serve somebody else.

    Mixed into a library's `SyncByteStream`.
    """

    def __init__(self, stream: Any, guarded: socket) -> None:
        self._stream = stream
        self._socket = guarded

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def close(self) -> None:
        watchdog.release(self._socket)
        self._stream.close()


class _HttpxResponse:
    """An open answer, and the iterator over its body."""

    __slots__ = (
        "_deadline",
        "_inflater",
        "_lease",
        "_library",
        "_pieces",
        "_socket",
        "headers",
        "pid",
        "response",
        "status_code",
    )

    def __init__(self, library: Library, response: Any, lease: Lease[Any] | None, most: int | None) -> None:
        self.response = response
        self._library = library
        self._lease = lease
        self.pid = os.getpid()
        self._deadline: float | None = None
        self._socket: socket | None = None
        self._inflater = _inflater_of(response)
        self._pieces: Iterator[bytes] = _pieces_of(library, response)
        self.status_code: int = response.status_code
        self.headers: Mapping[str, str] = dict(response.headers.items())  # by itself, it is quadratic in them
        _allow(response, most)
        _open.add(self)

    def iter_bytes(self) -> Iterator[bytes]:
        """The body, decompressed, as it comes."""
        return self if self._inflater is None else self._inflated(self._inflater)

    def _inflated(self, inflater: Inflater) -> Iterator[bytes]:
        for raw in self:
            yield from inflater.pieces(raw)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._deadline is not None:
            return self._in_time(self._deadline)
        try:
            with _at_work:
                return next(self._pieces)
        except StopIteration:
            self.close()
            raise
        except self._library.failures as failure:
            error = self._library.error(failure, self.response.url)
        raise error  # outside the handler, so that no context holds httpx's exception

    def hurry(self, seconds: float | None) -> bool:
        """See `Hurried`. httpcore takes a read's timeout once for the whole body, so the watchdog keeps the time."""
        if seconds is None:
            self._deadline = None
            return True
        if self._socket is None:
            self._socket = _own_socket(self.response)
            if self._socket is None:
                return False
            guarded = self._library.subclass(_Guarded, "SyncByteStream")
            self.response.stream = guarded(self.response.stream, self._socket)
        self._deadline = time.monotonic() + seconds
        return True

    def _in_time(self, deadline: float) -> bytes:
        error: TikHubAIError = failures.not_ended(str(self.response.url))
        if time.monotonic() >= deadline:
            raise error
        guarded = cast("socket", self._socket)
        watchdog.watch(guarded, deadline)
        try:
            with _at_work:
                return next(self._pieces)
        except self._library.failures as failure:
            if time.monotonic() < deadline:
                error = self._library.error(failure, self.response.url)
        finally:
            watchdog.release(guarded)
        raise error

    def close(self) -> None:
        _open.discard(self)
        _at_work.close(self)

    def release(self) -> None:
        """The exchange is over."""
        if self._lease is not None:
            self._lease.release()


def _allow(response: Any, most: int | None) -> None:
    """The head is here: from now on the body is counted."""
    meter = meter_of(response)
    if meter is not None:
        meter.expect_body(most)


def _pieces_of(library: Library, response: Any) -> Iterator[bytes]:
    """The body as it came. The library's iterators cost time per piece, and undo br and zstd without a limit."""
    if not response.is_stream_consumed and (_is_coded(response) or library.is_own_response(response)):
        return iter(response.stream)
    return iter(response.iter_bytes())


def _own_socket(response: Any) -> socket | None:
    """The socket that serves this answer alone; None where there is none."""
    if response.http_version not in {"HTTP/1.0", "HTTP/1.1"}:
        return None
    stream = response.extensions.get("network_stream")
    found = None if stream is None else stream.get_extra_info("socket")
    return found if isinstance(found, socket) else None


def _inflater_of(response: Any) -> Inflater | None:
    """What undoes the coding, if it is one that we do ourselves. A body that is read already is undone, too."""
    return inflater_of(response.headers["content-encoding"], str(response.url)) if _is_coded(response) else None


def _is_coded(response: Any) -> bool:
    """Whether a body is to come under a content-encoding."""
    return not response.is_stream_consumed and bool(response.headers.get("content-encoding"))


def _whose(injected: object) -> str:
    return "a shared client" if injected is None else "the injected client"


class _Pieces:
    """A body as a library iterates over it, from its start each time."""

    def __init__(self, body: Body) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        return self._body.pieces()


class HttpxBackend:
    """Sync exchanges over the injected client, else over one shared by equal settings."""

    __slots__ = ("_library", "_settings")

    def __init__(self, library: Library, settings: Settings) -> None:
        self._library = library
        self._settings = settings

    @property
    def name(self) -> str:
        """See `Backend.name`."""
        return f"{self._library.name}, {_whose(self._settings.http_client)}"

    def open(self, request: WireRequest) -> WireResponse:
        """See `Backend.open`."""
        client, lease = self._client()
        content = request.content if isinstance(request.content, bytes) else _Pieces(request.content)
        answer = None
        try:
            with _at_work:
                answer = _HttpxResponse(self._library, self._sent(client, request, content, lease), lease, request.most)
        except InvalidRequestError as failure:  # the body's own
            error: TikHubAIError = failure.with_traceback(None)  # its frames are the library's, and hold the key
        except self._library.failures as failure:
            error = self._library.error(failure, request.url)
        else:
            return answer
        finally:
            if answer is None and lease is not None:
                lease.release()
        raise error

    def _sent(self, client: Any, request: WireRequest, content: Any, lease: Lease[Any] | None) -> Any:
        library, is_ours = self._library, lease is not None
        built = library.request(client, request, content or None, is_ours=is_ours)
        if is_ours and (transport := library.transport_of(client, built.url)) is not None:
            return library.carried(transport.handle_request(built), built)
        return client.send(built, **library.how(request))

    def _client(self) -> tuple[Any, Lease[Any] | None]:
        settings = self._settings
        if settings.http_client is not None:
            return settings.http_client, None
        lease = pools.sync_client(
            key_of(self._library.name, settings), lambda: self._library.new_client(settings, SharedClient)
        )
        return lease.client, lease


def sync_backend(settings: Settings, name: str) -> HttpxBackend:
    """Over the injected client, of whichever library it is, else over that named.

    Raises:
        ImportError: It is not installed.
    """
    client = settings.http_client
    return HttpxBackend(library(name) if client is None else library_of(client), settings)


# --- async ----------------------------------------------------------------------------------------------------------


class _FirstPiece:
    """Awaits the first piece of a body, and keeps the library's generators from the loop.

    A loop that ends closes all generators that it knows of at once, and httpx2's close each other: one is then found at
    work, and the loop logs an error. What they hold is the response's, which we close. A generator tells the loop of
    itself when it first runs, and all of a body do so before the first byte is waited for.
    """

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces

    def __await__(self) -> Generator[Any, Any, bytes]:
        hooks = sys.get_asyncgen_hooks()
        try:
            sys.set_asyncgen_hooks(firstiter=_nothing, finalizer=_nothing)
            try:
                step = anext(self._pieces, b"").__await__()
                waited = step.send(None)
            finally:
                sys.set_asyncgen_hooks(*hooks)
            while True:
                try:
                    sent = yield waited
                except BaseException as thrown:  # noqa: BLE001 - passed on
                    waited = step.throw(thrown)
                else:
                    waited = step.send(sent)
        except StopIteration as ended:
            piece: bytes = ended.value
            return piece


def _nothing(_: object) -> None:
    """In place of what the loop does with a generator."""


class _HttpxAsyncResponse:
    """An open answer, async."""

    __slots__ = ("_deadline", "_lease", "_library", "_response", "headers", "status_code")

    def __init__(self, library: Library, response: Any, lease: Lease[Any] | None, most: int | None) -> None:
        self._response = response
        self._library = library
        self._lease = lease
        self._deadline: float | None = None
        self.status_code: int = response.status_code
        self.headers: Mapping[str, str] = dict(response.headers.items())
        _allow(response, most)

    def aiter_bytes(self) -> AsyncIterator[bytes]:
        """The body, decompressed, as it comes."""
        inflater = _inflater_of(self._response)
        if inflater is None:
            is_other = _is_coded(self._response)  # see `_pieces_of`
            return self._read(self._response.aiter_raw() if is_other else self._response.aiter_bytes())
        return self._inflated(inflater)

    async def _inflated(self, inflater: Inflater) -> AsyncIterator[bytes]:
        async for raw in self._read(self._response.aiter_raw()):
            for piece in inflater.pieces(raw):
                yield piece

    async def _read(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        try:
            chunk = await _FirstPiece(pieces)
            while chunk:
                yield chunk
                if self._deadline is not None:
                    break
                chunk = await anext(pieces, b"")
            while self._deadline is not None and (piece := await self._in_time(pieces, self._deadline)):
                yield piece
            async for chunk in pieces:  # the limit was taken away again, or they have ended
                yield chunk
        except TikHubAIError as own:
            error = own
        except self._library.failures as failure:
            error = self._library.error(failure, self._response.url)
        else:
            return
        raise error

    async def _in_time(self, pieces: AsyncIterator[bytes], deadline: float) -> bytes:
        """The next piece, if it comes before a time; empty where there is none."""
        if asyncio.get_running_loop().time() < deadline:  # `timeout_at` stops nothing that need not wait
            with suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    return await anext(pieces, b"")
        raise failures.not_ended(str(self._response.url))

    def hurry(self, seconds: float | None) -> bool:
        """See `Hurried`."""
        self._deadline = None if seconds is None else asyncio.get_running_loop().time() + seconds
        return True

    async def aclose(self) -> None:
        # Nothing is awaited: a loop that ends closes all its generators at once, and none may find another one at work.
        if not self._response.is_closed:
            pools.close_soon(self._closed())
        elif self._lease is not None:
            self._lease.release()

    async def _closed(self) -> None:
        try:
            with suppress(*self._library.failures):
                await self._response.aclose()
        finally:
            if self._lease is not None:
                self._lease.release()


class _AsyncPieces:
    """A body as a library iterates over it, async, from its start each time."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._under_way: list[AsyncPieces] = []

    def __aiter__(self) -> AsyncIterator[bytes]:
        self._under_way.append(self._body.apieces())
        return aiter(self._under_way[-1])

    def close(self) -> None:
        for pieces in self._under_way:
            pieces.close()


class HttpxAsyncBackend:
    """Async exchanges over the injected client, else over one shared by equal settings within the running loop."""

    __slots__ = ("_library", "_settings")

    def __init__(self, library: Library, settings: Settings) -> None:
        self._library = library
        self._settings = settings

    @property
    def name(self) -> str:
        """See `Backend.name`."""
        return f"async {self._library.name}, {_whose(self._settings.http_async_client)}"

    async def aopen(self, request: WireRequest) -> AsyncWireResponse:
        """See `Backend.open`."""
        client, lease = self._client()
        content = request.content if isinstance(request.content, bytes) else _AsyncPieces(request.content)
        answer = None
        try:
            response = await self._sent(client, request, content, lease)
            answer = _HttpxAsyncResponse(self._library, response, lease, request.most)
        except InvalidRequestError as failure:
            error: TikHubAIError = failure.with_traceback(None)
        except self._library.failures as failure:
            error = self._library.error(failure, request.url)
        else:
            return answer
        finally:
            if isinstance(content, _AsyncPieces):
                content.close()
            if answer is None and lease is not None:
                lease.release()
        raise error

    async def _sent(self, client: Any, request: WireRequest, content: Any, lease: Lease[Any] | None) -> Any:
        library, is_ours = self._library, lease is not None
        built = library.request(client, request, content or None, is_ours=is_ours)
        if is_ours and (transport := library.transport_of(client, built.url)) is not None:
            return library.carried(await transport.handle_async_request(built), built)
        return await client.send(built, **library.how(request))

    def _client(self) -> tuple[Any, Lease[Any] | None]:
        settings = self._settings
        if settings.http_async_client is not None:
            return settings.http_async_client, None
        lease = pools.async_client(
            key_of(self._library.name, settings), lambda: self._library.new_async_client(settings)
        )
        return lease.client, lease


def async_backend(settings: Settings, name: str) -> HttpxAsyncBackend:
    """Over the injected client, of whichever library it is, else over that named.

    Raises:
        ImportError: It is not installed.
    """
    client = settings.http_async_client
    return HttpxAsyncBackend(library(name) if client is None else library_of(client), settings)
