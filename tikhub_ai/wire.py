"""Requests and answers as values: what codecs make and read, and what the transport carries. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import orjson

from tikhub_ai.error_bodies import error_from_payload, error_in_body, public_headers, request_id_of
from tikhub_ai.errors import InvalidResponseError, ResponseInfo, TikHubAIError
from tikhub_ai.secret_values import SecretHeaders

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(slots=True)
class ApiRequest:
    """A call of the gateway, without its address and key.

    Attributes:
        path: Path below the base URL, such as `/v1/chat/completions`.
        body: JSON value of the body; None sends none.
        method: HTTP method.
        auth_header: Header that carries the key; `authorization` carries it as a bearer token.
        headers: Further headers of the wire API.
        extra_headers: Headers of this call from the caller. Secret.
        retry_when_sent: Whether it may go out again although the server may already have acted on it.
        amend: Asked once, with the request and its error: what to send instead, where that may help; else None.
    """

    path: str
    body: Any = None
    method: Literal["GET", "POST", "DELETE"] = "POST"
    auth_header: str = "authorization"
    headers: dict[str, str] = field(default_factory=dict)
    extra_headers: Mapping[str, str] | SecretHeaders | None = field(default=None, repr=False)
    retry_when_sent: bool = True
    amend: Callable[[ApiRequest, TikHubAIError], ApiRequest | None] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.extra_headers = SecretHeaders.of(self.extra_headers)


@dataclass(slots=True)
class ApiResponse:
    """A whole answer with a 2xx status. Header names are lower case."""

    status_code: int
    headers: Mapping[str, str]
    body: bytes

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
        try:
            payload = orjson.loads(self.body)
        except ValueError:
            payload = None
        if (error := error_in_body(payload)) is not None:
            raise error_from_payload(error, self.headers)
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
