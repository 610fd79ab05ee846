"""Which HTTP library carries a call. The libraries themselves are imported on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tikhub_ai.errors import ConfigurationError

if TYPE_CHECKING:
    from tikhub_ai.http.exchange import AsyncBackend, Backend
    from tikhub_ai.settings import Settings


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
