"""What a backend is: one HTTP library behind one small interface.

A backend opens an exchange and returns its answer as bytes. It raises members of our error tree only, and none of them
keeps the library's own exception: that holds the request, and with it the key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from tikhub_ai.secret_values import SecretHeaders
    from tikhub_ai.settings import Timeouts


@dataclass(slots=True)
class WireRequest:
    """A request as it goes out: whole URL, headers with the key, body.

    Attributes:
        method: HTTP method.
        url: Where; path and query go out as they are.
        headers: All of them, `content-length` included where the body has one and is sent in pieces.
        content: The body.
        timeouts: For each phase.
        most: Bytes that the answer may have, decompressed; None sets no limit.
        is_foreign: Whether it goes to another host than the gateway, so that nothing may be added of what an injected
            client holds: its headers, cookies and credentials are for the gateway.
    """

    method: str
    url: str
    headers: SecretHeaders
    content: bytes | Body
    timeouts: Timeouts
    most: int | None = None
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
        """Send, and return the answer once its headers are here. Redirects are not followed.

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
