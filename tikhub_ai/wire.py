"""Requests and answers as values: what codecs make and read, and what the transport carries. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, NamedTuple, Protocol

from tikhub_ai.error_bodies import error_from_payload, error_in_body, public_headers, request_id_of
from tikhub_ai.errors import InvalidResponseError, ResponseInfo, TikHubAIError
from tikhub_ai.json_text import NO_JSON, parsed
from tikhub_ai.secret_values import SecretHeaders

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


class FormField(NamedTuple):
    """A field of a multipart form."""

    name: str
    value: str


@dataclass(slots=True)
class Upload:
    """A file on its way out, and what is known of it before it is sent.

    Attributes:
        content: Bytes in memory; a path, opened anew for each attempt; or the caller's open binary file.
        filename: Its name without folders; empty where nobody said.
        size: Bytes from `start` to the end; None where that cannot be told before reading.
        head: Its first bytes, for telling what it is.
        start: Where an open file stood when it was given: a further attempt begins there again.
        is_seekable: Whether a further attempt can be made at all. False only for an open file that cannot seek.
        on_read: Called with the bytes that have been read so far in this attempt, as they are sent.
    """

    content: bytes | Path | BinaryIO = field(repr=False)
    filename: str = ""
    size: int | None = None
    head: bytes = field(default=b"", repr=False)
    start: int = 0
    is_seekable: bool = True
    on_read: Callable[[int], object] | None = field(default=None, repr=False)


@dataclass(slots=True)
class FilePart:
    """A file in a multipart form.

    Attributes:
        name: The form field's name.
        filename: The name that the server is told. Its extension says the format to most servers.
        content_type: MIME type.
        upload: What is sent.
    """

    name: str
    filename: str
    content_type: str
    upload: Upload


@dataclass(slots=True)
class ApiRequest:
    """A call of the gateway, without its address and key.

    Attributes:
        path: Path below the base URL, such as `/v1/chat/completions`.
        body: JSON value of the body; None sends none.
        form: Parts of a multipart form, in order, in place of `body`.
        accept: Media types that the answer may have, as the `accept` header says them; None is JSON.
        method: HTTP method.
        auth_header: Header that carries the key; `authorization` carries it as a bearer token.
        headers: Further headers of the wire API.
        extra_headers: Headers of this call from the caller. Secret.
        retry_when_sent: Whether it may go out again although the server may already have acted on it.
        made_nothing: For a request that may not: whether an error says that the server made nothing all the same, so
            that it may go out again where the error `is_retryable`.
        judge: What an error is on this wire: itself, or another member of the tree in its place. Asked before it is
            decided whether to try again.
        amend: Asked once, with the request and its error: what to send instead, where that may help; else None.
        new_sieve: Makes what the body of a plain answer goes through, for each attempt; None takes it whole.
    """

    path: str
    body: Any = None
    form: Sequence[FormField | FilePart] | None = field(default=None, repr=False)
    accept: str | None = None
    method: Literal["GET", "POST", "DELETE"] = "POST"
    auth_header: str = "authorization"
    headers: dict[str, str] = field(default_factory=dict)
    extra_headers: Mapping[str, str] | SecretHeaders | None = field(default=None, repr=False)
    retry_when_sent: bool = True
    made_nothing: Callable[[TikHubAIError], bool] | None = field(default=None, repr=False)
    judge: Callable[[TikHubAIError], TikHubAIError] | None = field(default=None, repr=False)
    amend: Callable[[ApiRequest, TikHubAIError], ApiRequest | None] | None = field(default=None, repr=False)
    new_sieve: Callable[[], Sieve] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.extra_headers = SecretHeaders.of(self.extra_headers)


class Sieve(Protocol):
    """What a body goes through on its way, so that what is too large to hold never is."""

    def feed(self, piece: bytes) -> bytes:
        """Take the next bytes of the body, and return the next bytes of what is left of it."""

    def close(self) -> bytes:
        """The body has ended. Return the last of what is left."""


def _as_it_is(text: str) -> str:
    return text


@dataclass(slots=True)
class ApiResponse:
    """A whole answer with a 2xx status. Header names are lower case.

    Attributes:
        status_code: HTTP status.
        headers: Response headers, without what was sent and came back.
        body: The bytes, decompressed, or what a sieve left of them.
        hide: Returns a text without the secrets that were sent, should the body repeat them.
        sieve: What the body went through, or None.
    """

    status_code: int
    headers: Mapping[str, str]
    body: bytes
    hide: Callable[[str], str] = field(default=_as_it_is, repr=False)
    sieve: Any = field(default=None, repr=False)

    @property
    def info(self) -> ResponseInfo:
        """The answer as errors carry it."""
        return ResponseInfo(self.status_code, public_headers(self.headers), self.body)

    def json_object(self) -> dict[str, Any]:
        """The JSON object that the body holds.

        Raises:
            APIStatusError: It is an error in spite of its status.
            InvalidResponseError: It is no JSON object.
        """
        payload = self.json()
        if (error := error_in_body(payload)) is not None:
            raise error_from_payload(error, self.headers)
        return self.object_in(payload)

    def json(self) -> Any:
        """The JSON value that the body holds, or None where it holds none."""
        payload = parsed(self.body)
        return None if payload is NO_JSON else payload

    def object_in(self, payload: Any) -> dict[str, Any]:
        """`payload`, which must be an object. For wires on which an `error` in a 200 may be a state and no error.

        Raises:
            InvalidResponseError: It is none.
        """
        if isinstance(payload, dict):
            return payload
        info, body = self.info, self.body.strip()
        start = "an empty body" if not body else "an HTML page" if body[:1] == b"<" else repr(info.text[:80])
        raise InvalidResponseError(
            f"The gateway answered {self.status_code} with {start} where a JSON object was due. Check base_url.",
            status_code=self.status_code,
            request_id=request_id_of(info.headers),
            response=info,
        )


class ServerSentEvent(NamedTuple):
    """One event: its `event:` name, empty where there was none, and its data lines joined by a line feed."""

    event: str
    data: bytes
