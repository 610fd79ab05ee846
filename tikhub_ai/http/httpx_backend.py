"""The backend over httpx, sync and async, with injected clients or shared ones."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from http.cookiejar import CookieJar, DefaultCookiePolicy
from socket import socket
from typing import TYPE_CHECKING, Any, cast

import httpx

from tikhub_ai.errors import TikHubAIError
from tikhub_ai.http import failures
from tikhub_ai.http.pools import KEEPALIVE, MAX_CONNECTIONS, key_of, pools
from tikhub_ai.http.watchdog import watchdog
from tikhub_ai.secret_values import secret_proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping

    from tikhub_ai.http.backends import AsyncWireResponse, WireRequest, WireResponse
    from tikhub_ai.settings import Settings

_IDLE = 20
"""Most idle connections. httpcore's time for a request grows with their square: with 100 it does 200 calls a second."""

_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.ProxyError,
    UnicodeError,  # a host name that IDNA cannot encode
)
_HTTPX_FAILURES = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, UnicodeError)


def _from_httpx(failure: Exception, url: str | httpx.URL) -> TikHubAIError:
    """The member of our tree that an exception of httpx is; keeps its words, not the exception."""
    url, words = str(url), failures.words_of(failure)
    sent = not isinstance(failure, _NEVER_SENT)
    match failure:
        case httpx.PoolTimeout():
            return failures.pool_exhausted()
        case httpx.TimeoutException():
            return failures.too_slow(url, words, may_have_been_sent=sent)
        case httpx.DecodingError():
            return failures.not_decompressed(url, words)
        case httpx.LocalProtocolError() | httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return failures.cannot_be_sent(url)
        case _ if not sent:
            return failures.not_connected(url, words)
        case _:
            return failures.broken(url, words)


def _httpx_request(client: httpx.Client | httpx.AsyncClient, request: WireRequest) -> httpx.Request:
    limits = request.timeouts
    return client.build_request(
        request.method,
        request.url,
        headers=request.headers,
        content=request.content or None,
        timeout=httpx.Timeout(connect=limits.connect, read=limits.read, write=limits.write, pool=limits.pool),
    )


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
        while self.dropped and not self.depth:
            self.close(self.dropped.pop())

    def close(self, answer: _HttpxResponse) -> None:
        if self.depth:
            self.dropped.append(answer)
            return
        with self:
            answer.response.close()


_at_work = _AtWork()
_open: set[_HttpxResponse] = set()
"""Held here, so that what is closed of a dropped stream, and when, is for us to say and not for the collector."""


class _Guarded(httpx.SyncByteStream):
    """A body whose socket is the watchdog's no more before its connection may serve somebody else."""

    def __init__(self, stream: httpx.SyncByteStream, guarded: socket) -> None:
        self._stream = stream
        self._socket = guarded

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def close(self) -> None:
        watchdog.release(self._socket)
        self._stream.close()


class _HttpxResponse:
    """An open answer, and the iterator over its body."""

    __slots__ = ("_deadline", "_pieces", "_socket", "headers", "response", "status_code")

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._deadline: float | None = None
        self._socket: socket | None = None
        self._pieces = response.iter_bytes()
        self.status_code = response.status_code
        self.headers: Mapping[str, str] = dict(response.headers)
        _open.add(self)

    def iter_bytes(self) -> Iterator[bytes]:
        """The body, decompressed, as it comes."""
        return self

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._deadline is not None:
            return self._in_time(self._deadline)
        try:
            with _at_work:
                return next(self._pieces)
        except _HTTPX_FAILURES as failure:
            error = _from_httpx(failure, self.response.url)
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
            self.response.stream = _Guarded(cast("httpx.SyncByteStream", self.response.stream), self._socket)
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
        except _HTTPX_FAILURES as failure:
            if time.monotonic() < deadline:
                error = _from_httpx(failure, self.response.url)
        finally:
            watchdog.release(guarded)
        raise error

    def close(self) -> None:
        _open.discard(self)
        _at_work.close(self)


def _own_socket(response: httpx.Response) -> socket | None:
    """The socket that serves this answer alone; None where there is none."""
    if response.http_version not in {"HTTP/1.0", "HTTP/1.1"}:
        return None
    stream = response.extensions.get("network_stream")
    found = None if stream is None else stream.get_extra_info("socket")
    return found if isinstance(found, socket) else None


class _HttpxAsyncResponse:
    """An open answer, async."""

    __slots__ = ("_deadline", "_response", "headers", "status_code")

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._deadline: float | None = None
        self.status_code = response.status_code
        self.headers: Mapping[str, str] = dict(response.headers)

    async def aiter_bytes(self) -> AsyncIterator[bytes]:
        pieces = self._response.aiter_bytes()
        try:
            async for chunk in pieces:
                yield chunk
                if self._deadline is not None:
                    break
            while self._deadline is not None and (piece := await self._in_time(pieces, self._deadline)):
                yield piece
            async for chunk in pieces:  # the limit was taken away again, or they have ended
                yield chunk
        except TikHubAIError as own:
            error = own
        except _HTTPX_FAILURES as failure:
            error = _from_httpx(failure, self._response.url)
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
            pools.close_soon(_quietly(self._response.aclose()))


async def _quietly(closing: Coroutine[Any, Any, None]) -> None:
    with suppress(*_HTTPX_FAILURES):
        await closing


class HttpxBackend:
    """Sync exchanges over an `httpx.Client`."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def open(self, request: WireRequest) -> WireResponse:
        """See `Backend.open`."""
        try:
            outgoing = _httpx_request(self._client, request)
            with _at_work:
                response = self._client.send(outgoing, stream=True, follow_redirects=False)
        except _HTTPX_FAILURES as failure:
            error = _from_httpx(failure, request.url)
        else:
            return _HttpxResponse(response)
        raise error


class HttpxAsyncBackend:
    """Async exchanges over an `httpx.AsyncClient`."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def aopen(self, request: WireRequest) -> AsyncWireResponse:
        """See `Backend.open`."""
        try:
            outgoing = _httpx_request(self._client, request)
            response = await self._client.send(outgoing, stream=True, follow_redirects=False)
        except _HTTPX_FAILURES as failure:
            error = _from_httpx(failure, request.url)
        else:
            return _HttpxAsyncResponse(response)
        raise error


def _arguments(settings: Settings) -> dict[str, Any]:
    """What a shared client is made with."""
    return {
        "verify": pools.context(settings.verify),
        "proxy": None if (proxy := secret_proxy(settings.proxy)) is None else proxy.get_secret_value(),
        "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # kept by nobody: clients are shared
        "limits": httpx.Limits(
            max_connections=MAX_CONNECTIONS, max_keepalive_connections=_IDLE, keepalive_expiry=KEEPALIVE
        ),
    }


class _SharedClient(httpx.Client):
    def close(self) -> None:
        with _at_work:
            super().close()


def _new_client(settings: Settings) -> httpx.Client:
    try:
        return _SharedClient(**_arguments(settings))
    except (ImportError, ValueError, httpx.InvalidURL) as failure:
        error = failures.unusable_proxy(failures.words_of(failure))
    raise error


def _new_async_client(settings: Settings) -> httpx.AsyncClient:
    try:
        return httpx.AsyncClient(**_arguments(settings))
    except (ImportError, ValueError, httpx.InvalidURL) as failure:
        error = failures.unusable_proxy(failures.words_of(failure))
    raise error


def sync_backend(settings: Settings) -> HttpxBackend:
    """Over the injected client, else over one shared by equal settings."""
    client = settings.http_client
    return HttpxBackend(client or pools.sync_client(key_of("httpx", settings), lambda: _new_client(settings)))


def async_backend(settings: Settings) -> HttpxAsyncBackend:
    """Over the injected client, else over one shared by equal settings within the running loop."""
    client = settings.http_async_client
    return HttpxAsyncBackend(
        client or pools.async_client(key_of("httpx", settings), lambda: _new_async_client(settings))
    )
