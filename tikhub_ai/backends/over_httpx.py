"""The backend over httpx, sync and async, with injected clients or shared ones."""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from tikhub_ai.errors import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    InvalidResponseError,
    TikHubAIError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping

    from tikhub_ai.backends import AsyncWireResponse, WireRequest, WireResponse
    from tikhub_ai.settings import Settings

_LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=30.0)


_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.ProxyError,
)
_HTTPX_FAILURES = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError)


def _from_httpx(failure: Exception, url: str | httpx.URL) -> TikHubAIError:
    """The member of our tree that an exception of httpx is; keeps its words, not the exception."""
    origin = "/".join(str(url).split("/")[:3])
    words = f"{type(failure).__name__}: {failure}" if str(failure) else type(failure).__name__
    sent = not isinstance(failure, _NEVER_SENT)
    match failure:
        case httpx.PoolTimeout():
            return APITimeoutError(
                "All connections are in use and none came free in time: lower the concurrency.",
                may_have_been_sent=False,
            )
        case httpx.TimeoutException():
            return APITimeoutError(
                f"{origin} did not answer in time ({words}). Raise timeout= if it needs longer.",
                may_have_been_sent=sent,
            )
        case httpx.DecodingError():
            return InvalidResponseError(f"The answer of {origin} could not be decompressed ({words}).")
        case httpx.LocalProtocolError() | httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return ConfigurationError(f"The request to {origin} cannot be sent: check base_url and default_headers.")
        case _ if not sent:
            return APIConnectionError(
                f"Could not connect to {origin} ({words}). Check base_url and the network.", may_have_been_sent=False
            )
        case _:
            return APIConnectionError(f"The connection to {origin} broke ({words}).", may_have_been_sent=True)


def _httpx_request(client: httpx.Client | httpx.AsyncClient, request: WireRequest) -> httpx.Request:
    limits = request.timeouts
    return client.build_request(
        request.method,
        request.url,
        headers=request.headers,
        content=request.content or None,
        timeout=httpx.Timeout(connect=limits.connect, read=limits.read, write=limits.write, pool=limits.pool),
    )


class _HttpxResponse:
    """Either response over httpx: only one of the two pairs of methods is used, by the backend that made it."""

    __slots__ = ("_response", "headers", "status_code")

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.status_code = response.status_code
        self.headers: Mapping[str, str] = dict(response.headers)

    def iter_bytes(self) -> Iterator[bytes]:
        try:
            yield from self._response.iter_bytes()
        except _HTTPX_FAILURES as failure:
            error = _from_httpx(failure, self._response.url)
        else:
            return
        raise error  # outside the handler, so that no context holds httpx's exception

    def close(self) -> None:
        self._response.close()

    async def aiter_bytes(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response.aiter_bytes():
                yield chunk
        except _HTTPX_FAILURES as failure:
            error = _from_httpx(failure, self._response.url)
        else:
            return
        raise error

    async def aclose(self) -> None:
        await self._response.aclose()


class HttpxBackend:
    """Sync exchanges over an `httpx.Client`."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def open(self, request: WireRequest) -> WireResponse:
        """See `Backend.open`."""
        try:
            outgoing = _httpx_request(self._client, request)
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
            return _HttpxResponse(response)
        raise error


# --- shared clients -------------------------------------------------------------------------------------------------


@dataclass(slots=True, frozen=True)
class _ClientKey:
    """What clients must have in common to be one."""

    proxy: str | None
    verify: Any


class _Pool:
    """Clients by settings: one set for sync calls, one for each event loop. A forked child starts with none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forget()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._after_fork)

    def _forget(self) -> None:
        self._contexts: dict[Any, ssl.SSLContext] = {}
        self._sync: dict[_ClientKey, httpx.Client] = {}
        self._by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[_ClientKey, httpx.AsyncClient]] = (
            weakref.WeakKeyDictionary()
        )

    def _after_fork(self) -> None:
        """The parent's connections are not the child's; its lock may be held by a thread that is gone."""
        self._lock = threading.Lock()
        self._forget()

    def sync_client(self, key: _ClientKey) -> httpx.Client:
        with self._lock:
            client = self._sync.get(key)
            if client is None or client.is_closed:
                client = self._sync[key] = httpx.Client(
                    verify=self._context(key.verify), proxy=key.proxy, limits=_LIMITS
                )
            return client

    async def async_client(self, key: _ClientKey) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        clients = self._by_loop.get(loop)
        if clients is None:
            clients = self._by_loop[loop] = {}
        client = clients.get(key)
        if client is None or client.is_closed:
            with self._lock:
                context = self._context(key.verify)
            client = clients[key] = httpx.AsyncClient(verify=context, proxy=key.proxy, limits=_LIMITS)
            await _close_with_loop(client)
        return client

    def _context(self, verify: Any) -> ssl.SSLContext:
        """One TLS context for all clients: loading the CA store takes longer than a request on loopback."""
        if isinstance(verify, ssl.SSLContext):
            return verify
        if verify not in self._contexts:
            if isinstance(verify, str):
                self._contexts[verify] = ssl.create_default_context(cafile=verify)
            else:
                self._contexts[verify] = httpx.create_ssl_context(verify=verify)
        return self._contexts[verify]


async def _close_with_loop(client: httpx.AsyncClient) -> None:
    """Have the running loop close the client when it shuts its async generators down, as `asyncio.run` does."""

    async def parked() -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            await client.aclose()

    generator = parked()
    await anext(generator)
    _parked[client] = generator


_parked: weakref.WeakKeyDictionary[httpx.AsyncClient, AsyncGenerator[None, None]] = weakref.WeakKeyDictionary()
_pool = _Pool()


def sync_backend(settings: Settings) -> HttpxBackend:
    """Over the injected client, else over one shared by equal settings."""
    if settings.http_client is not None:
        return HttpxBackend(settings.http_client)
    return HttpxBackend(_pool.sync_client(_ClientKey(settings.proxy, settings.verify)))


async def async_backend(settings: Settings) -> HttpxAsyncBackend:
    """Over the injected client, else over one shared by equal settings within the running loop."""
    if settings.http_async_client is not None:
        return HttpxAsyncBackend(settings.http_async_client)
    return HttpxAsyncBackend(await _pool.async_client(_ClientKey(settings.proxy, settings.verify)))
