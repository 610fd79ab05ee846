"""The backend over aiohttp, async, on shared sessions. Twice as fast as httpx where many calls run at once."""

from __future__ import annotations

import asyncio
import re
from functools import lru_cache
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from tikhub_ai.errors import TikHubAIError
from tikhub_ai.http import failures
from tikhub_ai.http.aiohttp_connections import (
    FAILURES,
    LONGEST_LINE,
    MANY_HEADERS,
    REQUEST_AT_FAULT,
    Connector,
    MeteredProtocol,
    NotConnectedError,
)
from tikhub_ai.http.inflating import OFFERED, inflater_of
from tikhub_ai.http.metering import EndlessError
from tikhub_ai.http.pools import KEEPALIVE, MAX_CONNECTIONS, key_of, pools
from tikhub_ai.http.proxies import environment_proxy
from tikhub_ai.secret_values import SecretHeaders, secret_proxy

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Mapping

    from tikhub_ai.http.exchange import AsyncPieces, AsyncWireResponse, WireRequest
    from tikhub_ai.http.inflating import Inflater
    from tikhub_ai.http.shared import Lease
    from tikhub_ai.secret_values import SecretProxy
    from tikhub_ai.settings import Settings, Timeouts

_PIECE = 256 * 1024
"""Bytes of a body that are written at once: a larger one would hold the loop up."""
_SENDABLE = re.compile(r"[\x21-\x7e]+")
_MOST_ORIGINS = 64
"""Origins whose proxies are remembered, since looking into the environment takes as long as a local request."""


class AiohttpClient:
    """A session with its limit of exchanges, and the proxies that its addresses need.

    Args:
        context: For TLS.
        proxy: For every address; None asks the environment for each.

    Attributes:
        session: aiohttp's.
        slots: One for each exchange that may be under way.
        open: Answers that were not closed yet, held here until they are. Once its peer has broken a connection off, the
            loop holds nothing of it: a stream that was dropped is garbage together with its connection, and the
            collector ends both in any order and any thread. aiohttp's may go first, and tells "Unclosed connection".
    """

    def __init__(self, context: ssl.SSLContext, proxy: SecretProxy | None) -> None:
        # aiohttp counts waiting for a free connection as connecting; we do it ourselves, to tell the two apart.
        connector = Connector(ssl=context, limit=0, keepalive_timeout=KEEPALIVE)
        self.session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # aiohttp's offers and refuses what happens to be installed, and its errors vary
            skip_auto_headers=("accept", "content-type", "user-agent"),
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_LINE,
            **MANY_HEADERS,
        )
        self.session._retry_connection = False  # noqa: SLF001 - it would send a GET twice; aiohttp's test client does so too
        self.slots = asyncio.Semaphore(MAX_CONNECTIONS)
        self.open: set[aiohttp.ClientResponse] = set()
        self._proxy = proxy
        self._proxies: dict[str, SecretProxy | None] = {}

    @property
    def is_closed(self) -> bool:
        """Whether it can be used no more."""
        return self.session.closed

    async def aclose(self) -> None:
        """Close its connections, those of open answers too."""
        for response in self.open:
            response.close()
        self.open.clear()
        await self.session.close()

    def abandon(self) -> None:
        """Leave its connections as they are, without a word."""
        self.session.detach()

    def proxy_for(self, url: str) -> SecretProxy | None:
        """The proxy on the way to an address."""
        origin = failures.origin_of(url)
        if origin not in self._proxies:
            if len(self._proxies) >= _MOST_ORIGINS:
                self._proxies.clear()
            self._proxies[origin] = self._proxy or secret_proxy(environment_proxy(url))
        return self._proxies[origin]


def _parsed(proxy: SecretProxy | None) -> URL | None:
    """A proxy's address as aiohttp takes it.

    Raises:
        ConfigurationError: It is none.
    """
    if proxy is None or not proxy.get_secret_value():
        return None
    try:
        return URL(proxy.get_secret_value())
    except ValueError:
        error = failures.unusable_proxy("no address")
    raise error


def _is_beyond(proxy: SecretProxy | None) -> bool:
    """Whether a proxy is of a kind that aiohttp does not speak to."""
    url = _parsed(proxy)
    return url is not None and url.scheme not in {"http", "https"}


class AiohttpResponse:
    """An open answer, and the iterator over its body. See `AsyncWireResponse`."""

    __slots__ = (
        "_deadline",
        "_error",
        "_inflater",
        "_lease",
        "_response",
        "_sending",
        "_url",
        "headers",
        "status_code",
    )

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        lease: Lease[AiohttpClient],
        request: WireRequest,
        sending: _Sending | None,
    ) -> None:
        url = request.url
        self._sending = sending
        self.status_code = response.status
        self.headers = _headers(response)
        self._inflater = inflater_of(self.headers.get("content-encoding", ""), url)
        self._response = response
        lease.client.open.add(response)
        self._lease: Lease[AiohttpClient] | None = lease
        self._url = url
        self._error: TikHubAIError | None = None
        self._deadline: float | None = None
        connection = response.connection
        protocol = None if connection is None else connection.protocol
        if isinstance(protocol, MeteredProtocol):
            protocol.meter.expect_body(request.most)

    def aiter_bytes(self) -> AsyncIterator[bytes]:
        """The body, decompressed, as it comes."""
        return self if self._inflater is None else self._inflated(self._inflater)

    async def _inflated(self, inflater: Inflater) -> AsyncIterator[bytes]:
        async for raw in self:
            for piece in inflater.pieces(raw):
                yield piece

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._error is None:
            content = self._response.content
            try:
                piece = await (content.readany() if self._deadline is None else self._in_time(self._deadline))
            except FAILURES as failure:
                self._error = _from_aiohttp(failure, self._url)
                # aiohttp raises before it gives what had come by then, and that may be the whole answer.
                content.set_exception(None)  # type: ignore[arg-type]  # forgets the failure; nothing else does
                piece = content.read_nowait()
            if piece:
                return piece
        if self._error is not None:
            raise self._error  # outside the handler, so that no context holds aiohttp's exception
        raise StopAsyncIteration

    def hurry(self, seconds: float | None) -> bool:
        """See `Hurried`."""
        self._deadline = None if seconds is None else asyncio.get_running_loop().time() + seconds
        return True

    async def _in_time(self, deadline: float) -> bytes:
        if asyncio.get_running_loop().time() >= deadline:  # `timeout_at` stops nothing that need not wait
            raise TimeoutError
        async with asyncio.timeout_at(deadline):
            return await self._response.content.readany()

    async def aclose(self) -> None:
        """Give the connection back, or drop it where the body was not read to its end.

        Nothing is awaited: a loop that ends closes all its generators at once, and none may find another one at work.
        """
        lease, self._lease = self._lease, None
        if lease is None:
            return
        connection = self._response.connection
        transport = None if connection is None else connection.transport
        if transport is not None:
            transport.abort()  # `close` would wait for a peer over TLS, perhaps longer than the loop lives
        self._response.close()
        lease.client.open.discard(self._response)
        if self._sending is not None:
            self._sending.close()  # the answer may have come before the whole request had gone
        lease.client.slots.release()
        lease.release()


class AiohttpBackend:
    """Async exchanges over an `AiohttpClient`."""

    __slots__ = ("_settings",)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def name(self) -> str:
        """See `Backend.name`."""
        return "aiohttp, a shared client"

    async def aopen(self, request: WireRequest) -> AsyncWireResponse:
        """See `Backend.open`."""
        lease = _leased(self._settings)
        try:
            return await self._opened(request, lease)
        except BaseException:
            lease.release()
            raise

    async def _opened(self, request: WireRequest, lease: Lease[AiohttpClient]) -> AsyncWireResponse:
        client, url, content, response, sending = lease.client, request.url, request.content, None, None
        headers = SecretHeaders({"accept-encoding": OFFERED}).merged(request.headers)
        if not isinstance(content, bytes):
            sending = _Sending(content.apieces(), request.timeouts.write)
        elif len(content) > _PIECE:
            sending = _Sending(_Cut(content), request.timeouts.write)
            headers["content-length"] = str(len(content))
        await _take(client.slots, request.timeouts.pool)
        try:
            async with asyncio.timeout(None) as limit:
                if sending is not None:
                    sending.limit = limit
                response = await client.session.request(
                    request.method,
                    _address(url),
                    data=(content or None) if sending is None else sending,
                    headers=headers.get_secret_value(),
                    proxy=_parsed(client.proxy_for(url)),
                    timeout=_timeout(request.timeouts),
                    allow_redirects=False,
                )
        except NotConnectedError as failure:
            error = _not_connected(failure, url)
        except FAILURES as failure:
            if sending is None or sending.failure is None:
                error = _from_aiohttp(failure, url)
            else:
                error = sending.failure.with_traceback(None)  # its frames are aiohttp's, and hold the key
        else:
            return AiohttpResponse(response, lease, request, sending)
        finally:
            if sending is not None:
                sending.limit = None
            if response is None:
                client.slots.release()
                if sending is not None:
                    sending.close()
        raise error


async def _take(slots: asyncio.Semaphore, seconds: float | None) -> None:
    """A place among the exchanges of a client."""
    if not slots.locked():
        await slots.acquire()
        return
    try:
        async with asyncio.timeout(seconds):
            await slots.acquire()
    except TimeoutError:
        error = failures.pool_exhausted()
    else:
        return
    raise error


class _Cut:
    """A large body, bit by bit; aiohttp warns of one that is written at once."""

    __slots__ = ("_at", "_content")

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = self._content[self._at : self._at + _PIECE]
        self._at += len(piece)
        if not piece:
            raise StopAsyncIteration
        return piece

    def close(self) -> None:
        """There is nothing to close."""


class _Sending:
    """A body on its way out: how long each piece may take, which aiohttp does not limit, and what broke it off.

    Args:
        pieces: The body.
        seconds: The longest that the connection may take for a piece; None sets no limit.

    Attributes:
        limit: On the request that it belongs to; None once that has its answer.
        failure: Why there were no further pieces.
    """

    __slots__ = ("_pieces", "_seconds", "failure", "limit")

    def __init__(self, pieces: AsyncPieces, seconds: float | None) -> None:
        self._pieces = pieces
        self._seconds = seconds
        self.limit: asyncio.Timeout | None = None
        self.failure: TikHubAIError | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        self._allow(None)  # reading the next piece is not the connection's time
        try:
            piece = await anext(self._pieces)
        except TikHubAIError as failure:
            self.failure = failure
            raise
        self._allow(self._seconds)
        return piece

    def _allow(self, seconds: float | None) -> None:
        if self.limit is not None and not self.limit.expired():
            self.limit.reschedule(None if seconds is None else asyncio.get_running_loop().time() + seconds)

    def close(self) -> None:
        """Let go of what is open."""
        self._pieces.close()


@lru_cache(maxsize=64)
def _timeout(limits: Timeouts) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=limits.connect, sock_read=limits.read)


def _headers(response: aiohttp.ClientResponse) -> Mapping[str, str]:
    """Names in lower case, and the values of one name joined, as httpx does."""
    headers: dict[str, list[str]] = {}
    for given, value in response.headers.items():
        headers.setdefault(given.lower(), []).append(value if value.isascii() else _decoded(value))
    return {name: ", ".join(values) for name, values in headers.items()}


def _decoded(value: str) -> str:
    """A header value that was no UTF-8, as Latin-1: the surrogates that aiohttp leaves in it cannot be written out."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogateescape").decode("latin-1")
    return value


def _not_connected(failure: NotConnectedError, url: str) -> TikHubAIError:
    if failure.bad_request:
        return failures.cannot_be_sent(url)
    if failure.too_slow:
        return failures.too_slow(url, str(failure), may_have_been_sent=False)
    return failures.not_connected(url, str(failure))


def _from_aiohttp(failure: Exception, url: str) -> TikHubAIError:
    """The member of our tree that an exception of aiohttp is, where a connection stood; keeps its words only."""
    if isinstance(failure, EndlessError):
        return failures.endless(url, failure.most)
    words = failures.words_of(failure)
    if isinstance(failure, REQUEST_AT_FAULT):
        return failures.cannot_be_sent(url)
    if isinstance(failure, TimeoutError) and getattr(failure, "errno", None) is None:
        return failures.too_slow(url, words, may_have_been_sent=True)
    return failures.broken(url, words)


def _address(url: str) -> URL:
    """An address that goes out as it is; where it cannot, it is encoded."""
    return URL(url, encoded=_SENDABLE.fullmatch(url) is not None)


def async_backend(settings: Settings, url: str) -> AiohttpBackend | None:
    """Over a client shared by equal settings within the running loop.

    Returns:
        None where the proxy on the way to `url` is SOCKS, beyond aiohttp.
    """
    lease = _leased(settings)
    lease.release()
    return None if _is_beyond(lease.client.proxy_for(url)) else AiohttpBackend(settings)


def _leased(settings: Settings) -> Lease[AiohttpClient]:
    return pools.async_client(
        key_of("aiohttp", settings),
        lambda: AiohttpClient(pools.context(settings.verify), secret_proxy(settings.proxy)),
    )
