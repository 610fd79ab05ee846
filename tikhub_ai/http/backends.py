"""What the transport stands on: one HTTP library behind one small interface.

A backend opens an exchange and gives its answer as bytes. It raises members of our error tree only, and none of them
keeps the library's own exception: that holds the request, and with it the key. The libraries themselves are imported on
first use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tikhub_ai.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from tikhub_ai.secret_values import SecretHeaders
    from tikhub_ai.settings import Settings, Timeouts


@dataclass(slots=True)
class WireRequest:
    """A request as it goes out: whole URL, headers with the key, body.

    Attributes:
        method: HTTP method.
        url: Where; path and query go out as they are.
        headers: All of them, `content-length` included where the body has one and is sent in pieces.
        content: The body.
        timeouts: For each phase.
        is_foreign: Whether it goes to another host than the gateway, so that nothing may be added of what an injected
            client holds: its headers, cookies and credentials are for the gateway.
    """

    method: str
    url: str
    headers: SecretHeaders
    content: bytes | Body
    timeouts: Timeouts
    is_foreign: bool = False


class Body(Protocol):
    """A body that is sent in pieces. Each call begins anew, for an attempt of its own."""

    def pieces(self) -> Iterator[bytes]:
        """Its bytes.

        Raises:
            InvalidRequestError: They cannot be had. The request is broken off.
        """

    def apieces(self) -> AsyncPieces:
        """`pieces`, async."""


class AsyncPieces(Protocol):
    """The pieces of a body, async."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def __anext__(self) -> bytes: ...

    def close(self) -> None:
        """Let go of what was opened for them, wherever the sending ended."""


class Hurried(Protocol):
    """An open answer whose reading can be given a limit."""

    def hurry(self, seconds: float | None) -> bool:
        """Let the pieces that are still to come take no longer than so many seconds from now, all together.

        Then the iterator over them raises APITimeoutError, and the connection is not used again.

        Args:
            seconds: None takes the limit away.

        Returns:
            Whether that can be done. False over HTTP/2, whose connection is not one answer's alone, and over
            transports without a socket; then nothing has changed.
        """


class WireResponse(Hurried, Protocol):
    """An open answer. Header names are lower case; `close` may be called again."""

    status_code: int
    headers: Mapping[str, str]

    def iter_bytes(self) -> Iterator[bytes]:
        """The body, decompressed, as it comes."""

    def close(self) -> None:
        """Give the connection back, or drop it where the body was not read to its end."""


class AsyncWireResponse(Hurried, Protocol):
    """`WireResponse`, async."""

    status_code: int
    headers: Mapping[str, str]

    def aiter_bytes(self) -> AsyncIterator[bytes]:
        """The body, decompressed, as it comes."""

    async def aclose(self) -> None:
        """Give the connection back, or drop it where the body was not read to its end."""


class Backend(Protocol):
    """Opens exchanges, sync."""

    @property
    def name(self) -> str:
        """The library, and whose client it is."""

    def open(self, request: WireRequest) -> WireResponse:
        """Send, and give the answer when its headers are here. Redirects are not followed.

        Raises:
            APIConnectionError: Not reached, or broken; `may_have_been_sent` tells which.
            APITimeoutError: Too slow.
            InvalidRequestError: The body could not be had whole.
        """


class AsyncBackend(Protocol):
    """Opens exchanges, async."""

    @property
    def name(self) -> str:
        """See `Backend.name`."""

    async def aopen(self, request: WireRequest) -> AsyncWireResponse:
        """`Backend.open`, async."""


def sync_backend(settings: Settings) -> Backend:
    """The backend of sync calls.

    Raises:
        ConfigurationError: httpx2 was asked for and is not installed.
    """
    from tikhub_ai.http import httpx_backend  # noqa: PLC0415 - httpx costs 20 ms that an import need not pay

    try:
        return httpx_backend.sync_backend(settings, _of_family(settings))
    except ImportError:
        error = _lacking(settings, f"{settings.http_backend} is not installed: `pip install {settings.http_backend}`")
    raise error


def async_backend(settings: Settings, url: str) -> AsyncBackend:
    """The backend of async calls in the running loop: aiohttp where it is installed and nothing else was asked.

    Args:
        settings: Which library, proxy and certificates.
        url: What is to be reached: the environment may name a proxy for it that not every library speaks to.

    Raises:
        ConfigurationError: Its proxy or CA file cannot be used, or the library that was asked for is not installed.
    """
    if settings.http_async_client is None and settings.http_backend in {"auto", "aiohttp"}:
        try:
            from tikhub_ai.http import aiohttp_backend  # noqa: PLC0415 - as above, and it may be missing
        except ImportError:
            lack = "aiohttp is not installed: `pip install aiohttp`"
        else:
            if (backend := aiohttp_backend.async_backend(settings, url)) is not None:
                return backend
            lack = "aiohttp knows no SOCKS proxies"
        if settings.http_backend == "aiohttp":
            raise _lacking(settings, lack)
    from tikhub_ai.http import httpx_backend  # noqa: PLC0415 - as above

    try:
        return httpx_backend.async_backend(settings, _of_family(settings))
    except ImportError:
        error = _lacking(settings, f"{settings.http_backend} is not installed: `pip install {settings.http_backend}`")
    raise error


def _of_family(settings: Settings) -> str:
    """The library of httpx's family that serves what aiohttp does not."""
    return "httpx2" if settings.http_backend == "httpx2" else "httpx"


def _lacking(settings: Settings, lack: str) -> ConfigurationError:
    return ConfigurationError(
        f"http_backend={settings.http_backend!r} cannot be used: {lack}, or leave http_backend='auto'."
    )


def close(settings: Settings) -> None:
    """Close the shared connections of sync calls with such settings. The next call opens others.

    An injected `http_client` is left open.
    """
    from tikhub_ai.http.pools import key_of, pools  # noqa: PLC0415 - as above

    for library in ("httpx", "httpx2"):
        pools.close(key_of(library, settings))


async def aclose(settings: Settings) -> None:
    """`close`, for the async calls of the running loop."""
    from tikhub_ai.http.pools import key_of, pools  # noqa: PLC0415 - as above

    for library in ("aiohttp", "httpx", "httpx2"):
        await pools.aclose(key_of(library, settings))
