"""Requests over clients of ours skip the library's client and reach its transport, and nobody can tell by the bytes."""

from __future__ import annotations

import functools
import inspect
import logging
import os
import socketserver
import threading
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import httpx
import httpx2
import pytest

from tests.unit.test_http_families import WAYS
from tikhub_ai.http import httpx_backend, httpx_family
from tikhub_ai.http.httpx_family import Library, library

if TYPE_CHECKING:
    from collections.abc import Iterator

FAMILY = {"httpx": httpx, "httpx2": httpx2}
PLAIN_WAYS = [way for way in WAYS if "stream" not in way]
SENDERS = {name: getattr(Library, name) for name in ("transport_of", "request")}
ANSWER = (
    b'{"id": "1", "model": "m", "object": "list", "data": [{"id": "m", "index": 0, "embedding": [0.5]}], '
    b'"choices": [{"index": 0, "message": {"content": "Hello"}, "finish_reason": "stop"}], "usage": {}}'
)


class Recorder(socketserver.ThreadingTCPServer):
    """Keeps the bytes of each request."""

    daemon_threads = True

    def __init__(self) -> None:
        self.came: list[bytes] = []
        super().__init__(("127.0.0.1", 0), Recording)


class Recording(socketserver.StreamRequestHandler):
    server: Recorder

    def _line(self) -> bytes:
        """A line of a head; nothing at its end, or where the client has gone."""
        line = self.rfile.readline()
        return b"" if line == b"\r\n" else line

    def handle(self) -> None:
        while head := b"".join(iter(self._line, b"")):
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            self.server.came.append(head + self.rfile.read(int(length or 0)))
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(ANSWER)
            self.wfile.write(head + ANSWER)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with Recorder() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


async def ask(way: str, server: Recorder, **given: Any) -> None:
    port = server.server_address[1]
    answer = WAYS[way](api_key="sk-1", max_retries=0, base_url=f"http://127.0.0.1:{port}", **given)
    if inspect.isawaitable(answer):
        await answer


@pytest.fixture
def by_the_client(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sends as the library's client builds and sends it."""

    def build(self: Library, client: Any, request: Any, content: Any, *, is_ours: bool = False) -> Any:
        assert is_ours
        return SENDERS["request"](self, client, request, content)

    def switch() -> None:
        monkeypatch.setattr(Library, "transport_of", lambda *_: None)
        monkeypatch.setattr(Library, "request", build)

    return switch


@pytest.mark.parametrize("headers", [{}, {"Accept-Encoding": "identity", "X-Tenant": "acme", "User-Agent": "mine"}])
@pytest.mark.parametrize("backend", FAMILY)
@pytest.mark.parametrize("way", PLAIN_WAYS)
async def test_the_bytes_are_those_that_the_librarys_client_sends(
    way: str, backend: str, headers: dict[str, str], recorder: Recorder, by_the_client: Any
) -> None:
    given = {"http_backend": backend, "default_headers": headers}
    await ask(way, recorder, **given)
    by_the_client()
    await ask(way, recorder, **given)
    straight, sent = recorder.came
    assert straight == sent


@pytest.mark.parametrize("wraps", [True, False])
@pytest.mark.parametrize("backend", FAMILY)
@pytest.mark.parametrize("way", ["ChatClient.complete", "ChatClient.acomplete"])
async def test_what_traces_a_client_by_its_send_sees_every_request(
    way: str, backend: str, wraps: bool, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sentry, Datadog and others put a function of theirs in its place, whenever they are set up."""
    seen: list[Any] = []
    await ask(way, recorder, http_backend=backend)
    for kind in (FAMILY[backend].Client, FAMILY[backend].AsyncClient):
        send = kind.send

        def traced(self: Any, request: Any, *args: Any, send: Any = send, **kwargs: Any) -> Any:
            seen.append(request)
            return send(self, request, *args, **kwargs)

        monkeypatch.setattr(kind, "send", functools.wraps(send)(traced) if wraps else traced)
    await ask(way, recorder, http_backend=backend)
    monkeypatch.undo()
    await ask(way, recorder, http_backend=backend)
    assert len(seen) == 1
    assert len(recorder.came) == 3


@pytest.mark.parametrize("backend", FAMILY)
async def test_what_records_or_mocks_a_transport_by_its_class_is_asked(
    backend: str, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def mocked(_: Any, request: Any) -> Any:
        seen.append(request.read().decode())
        return FAMILY[backend].Response(200, content=ANSWER, request=request)

    monkeypatch.setattr(FAMILY[backend].HTTPTransport, "handle_request", mocked)
    await ask("ChatClient.complete", recorder, http_backend=backend)
    assert len(seen) == 1
    assert '"content":"hi"' in seen[0]
    assert not recorder.came


@pytest.mark.parametrize("backend", FAMILY)
@pytest.mark.parametrize("way", ["ChatClient.complete", "ChatClient.acomplete"])
async def test_the_library_logs_the_line_that_its_client_does(
    way: str, backend: str, recorder: Recorder, by_the_client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger=backend):
        await ask(way, recorder, http_backend=backend)
        by_the_client()
        await ask(way, recorder, http_backend=backend)
    straight, sent = (record.getMessage() for record in caplog.records if record.name == backend)
    assert straight == sent


def test_a_kept_address_is_no_signed_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httpx_family, "_MOST_URLS", 3)
    httpx_ = Library("httpx")
    for number in range(7):
        assert str(httpx_._url(f"http://gateway.test/{number}")) == f"http://gateway.test/{number}"
        httpx_._url(f"http://gateway.test/{number}?signature=secret")
    assert 1 <= len(httpx_._urls) <= 3
    assert not any("?" in url for url in httpx_._urls)


def test_a_closed_client_is_the_librarys_to_refuse() -> None:
    client = httpx.Client()
    assert library("httpx").transport_of(client, httpx.URL("http://gateway.test")) is not None
    client.close()
    assert library("httpx").transport_of(client, httpx.URL("http://gateway.test")) is None


def test_any_number_of_streams_that_are_dropped_within_a_request_are_closed_after_it() -> None:
    """As Python's collector may drop them; a thousand at once were ended each within another's end."""
    at_work, answer = httpx_backend._at_work, MagicMock(pid=os.getpid())
    with at_work:
        for _ in range(2000):
            at_work.close(answer)
        assert not answer.response.close.called
    assert answer.response.close.call_count == answer.release.call_count == 2000
    assert not at_work.dropped
