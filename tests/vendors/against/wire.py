"""Every HTTP request of the process, of any client of httpx or httpx2, sync or async, answered here."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import httpx2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LIBRARIES = (httpx, httpx2)
_APIS = {
    "/chat/completions": "chat_completions",
    "/responses": "responses",
    "/messages": "messages",
    "/messages/count_tokens": "count_tokens",
    "/embeddings": "embeddings",
}


@dataclass
class Sent:
    """A request, as it left its client.

    Attributes:
        api: The wire API, by the path; "other" for paths that none of the classes here uses.
        body: The JSON body; None where there is none.
        headers: By lower-case name.
        path: Path and query.
        method: Of HTTP.
    """

    api: str
    body: Any
    headers: dict[str, str]
    path: str
    method: str = "POST"


@dataclass
class Answer:
    """What comes back: a status, headers and the whole body."""

    status: int
    headers: dict[str, str]
    content: bytes


class Captured(BaseException):
    """Ends a call whose request was all that was wanted. No client catches a BaseException, so nothing is resent."""

    def __init__(self, sent: Sent) -> None:
        super().__init__(f"captured {sent.path}")
        self.sent = sent


def capture(sent: Sent) -> Answer:
    """An answerer that ends the call at its first request."""
    raise Captured(sent)


@contextmanager
def answering(answer: Callable[[Sent], Answer]) -> Iterator[None]:
    """Answer all requests of this process by a function, until the block ends. No socket is opened."""
    kept = []
    for library in _LIBRARIES:
        kept.append((library.HTTPTransport, "handle_request", library.HTTPTransport.handle_request))
        kept.append(
            (library.AsyncHTTPTransport, "handle_async_request", library.AsyncHTTPTransport.handle_async_request)
        )
        library.HTTPTransport.handle_request = _sync_handler(library, answer)
        library.AsyncHTTPTransport.handle_async_request = _async_handler(library, answer)
    try:
        yield
    finally:
        for owner, name, method in kept:
            setattr(owner, name, method)


def _sync_handler(library: Any, answer: Callable[[Sent], Answer]) -> Any:
    def handle_request(_self: Any, request: Any) -> Any:
        return _response(library, answer(_sent(request, request.read())))

    return handle_request


def _async_handler(library: Any, answer: Callable[[Sent], Answer]) -> Any:
    async def handle_async_request(_self: Any, request: Any) -> Any:
        return _response(library, answer(_sent(request, await request.aread())))

    return handle_async_request


def _response(library: Any, answer: Answer) -> Any:
    return library.Response(answer.status, headers=answer.headers, content=answer.content)


def _sent(request: Any, content: bytes) -> Sent:
    parts = urlsplit(str(request.url))
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        body = json.loads(content) if content else None
    except ValueError:
        body = content.decode(errors="replace")
    return Sent(
        _api(parts.path), body, headers, parts.path + (f"?{parts.query}" if parts.query else ""), request.method
    )


def _api(path: str) -> str:
    if "enerateContent" in path:
        return "generate_content"
    return next((api for end, api in _APIS.items() if path.endswith(end)), "other")
