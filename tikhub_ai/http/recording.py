"""A client that keeps what passes over it: the doctor looks at the bytes themselves, and may write them down.

No header of a request is kept but those of `KEPT_HEADERS`, so that no key ever lies here.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tikhub_ai.errors import TikHubAIError
from tikhub_ai.http.httpx_backend import SharedClient
from tikhub_ai.http.httpx_family import library
from tikhub_ai.http.inflating import inflater_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tikhub_ai.settings import Settings

KEPT_HEADERS = frozenset({"accept", "accept-encoding", "content-type", "content-length"})
"""Request headers that are kept. Any other may be a caller's own, and its value secret."""
MOST_OF_A_BODY = 4 * 1024 * 1024
"""Bytes of a body that are kept."""


@dataclass(slots=True)
class Exchange:
    """One request and its answer.

    Attributes:
        method: HTTP method.
        url: Whole address.
        headers: Of the request, lower case; see `KEPT_HEADERS`.
        content: The request's body.
        status_code: 0 where no answer came.
        reason: The status in words.
        answer_headers: Of the answer, lower case.
        raw: The answer's body as it came, compressed or not.
    """

    method: str
    url: str
    headers: dict[str, str]
    content: bytes
    status_code: int = 0
    reason: str = ""
    answer_headers: dict[str, str] = field(default_factory=dict)
    raw: bytearray = field(default_factory=bytearray)

    @property
    def body(self) -> bytes:
        """The answer's body, decompressed where that can be done."""
        inflater = inflater_of(self.answer_headers.get("content-encoding", ""), self.url)
        if inflater is None or not self.raw:
            return bytes(self.raw)
        plain = bytearray()
        with suppress(TikHubAIError):
            for piece in inflater.pieces(bytes(self.raw)):
                plain += piece
                if len(plain) >= MOST_OF_A_BODY:  # a few kilobytes may stand for gigabytes
                    break
        return bytes(plain)


@dataclass(slots=True)
class Certificate:
    """What TLS said of the server.

    Attributes:
        version: Of the protocol, such as `TLSv1.3`.
        issuer: Who signed the certificate; empty where it was not verified.
        expires: Until when it holds, in OpenSSL's words; empty where it was not verified.
    """

    version: str
    issuer: str = ""
    expires: str = ""


@dataclass(slots=True)
class Tape:
    """What passed, in order."""

    exchanges: list[Exchange] = field(default_factory=list)
    certificate: Certificate | None = None


class _Kept:
    """A body that is kept as it passes. Mixed into a library's `SyncByteStream`."""

    def __init__(self, stream: Any, exchange: Exchange) -> None:
        self._stream = stream
        self._exchange = exchange

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._stream:
            if len(self._exchange.raw) < MOST_OF_A_BODY:
                self._exchange.raw += piece
            yield piece

    def close(self) -> None:
        self._stream.close()


class _RecordingClient(SharedClient):
    """Mixed into a library's client."""

    _tape: Any = None

    def send(self, request: Any, **how: Any) -> Any:
        tape, kept = self._tape
        exchange = Exchange(
            request.method,
            str(request.url),
            {name.lower(): value for name, value in request.headers.items() if name.lower() in KEPT_HEADERS},
            request.read(),
        )
        tape.exchanges.append(exchange)
        response = super().send(request, **how)  # type: ignore[misc]  # the library's
        exchange.status_code, exchange.reason = response.status_code, response.reason_phrase
        exchange.answer_headers = {name.lower(): value for name, value in response.headers.items()}
        tape.certificate = _certificate_of(response) or tape.certificate
        response.stream = kept(response.stream, exchange)
        return response


def recording_client(settings: Settings) -> tuple[Any, Tape]:
    """A client of the library that the settings name, with their proxy and certificates, and what it keeps.

    To be given as `http_client`, and to be closed.

    Raises:
        ConfigurationError: The proxy or the CA file cannot be used.
        ImportError: The library is not installed.
    """
    of = library("httpx2" if settings.http_backend == "httpx2" else "httpx")
    client, tape = of.new_client(settings, _RecordingClient), Tape()
    client._tape = tape, of.subclass(_Kept, "SyncByteStream")  # noqa: SLF001 - of the class above
    return client, tape


def _certificate_of(response: Any) -> Certificate | None:
    """What TLS said, or None where there is none."""
    stream = response.extensions.get("network_stream")
    tls = None if stream is None else stream.get_extra_info("ssl_object")
    if tls is None:
        return None
    shown = tls.getpeercert() or {}
    names = {name: value for part in shown.get("issuer", ()) for name, value in part}
    issuer = names.get("organizationName") or names.get("commonName") or ""
    return Certificate(tls.version() or "", issuer, shown.get("notAfter", ""))
