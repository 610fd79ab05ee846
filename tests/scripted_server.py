"""A real HTTP/1.1 server on loopback that answers as a test says, for what no real provider will do on demand."""

from __future__ import annotations

import itertools
import json
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass
class Request:
    """What came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    """What goes out.

    Attributes:
        body: Bytes, or a JSON value, or a list of byte pieces sent one by one as a chunked body.
        cut: Close the connection without ending the chunked body.
        cut_at: Close the connection after so many bytes of a body that was announced whole.
        pause: Seconds between pieces.
        before: Seconds before the status line.
        is_endless: The pieces come again and again, until the client goes away.
        held: Nothing is sent until the test ends: only a call that does not wait for it comes back.
    """

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    cut_at: int | None = None
    pause: float = 0.0
    before: float = 0.0
    is_endless: bool = False
    held: bool = False


def sse(*payloads: Any, done: bool = True) -> Answer:
    """An event stream of JSON payloads (bytes go out as they are)."""
    pieces = [p if isinstance(p, bytes) else b"data: " + json.dumps(p).encode() + b"\n\n" for p in payloads]
    if done:
        pieces.append(b"data: [DONE]\n\n")
    return Answer(pieces, headers={"content-type": "text/event-stream"})


class ScriptedServer:
    """Answers from `answers`, the last one again and again, or by calling `answer`; keeps what came in `requests`.

    Requests that were cut are in `cut_requests`, by their headers.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.cut_requests: list[dict[str, str]] = []
        self.connections = 0
        self.answers: Sequence[Answer] = [Answer({"error": {"message": "nothing scripted"}}, status=500)]
        self.answer: Callable[[Request], Answer] | None = None
        self.closed_early = threading.Event()
        self._is_over = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.002}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait_for_the_end(self) -> None:
        self._is_over.wait()

    def next(self, request: Request) -> Answer:
        self.requests.append(request)
        if self.answer is not None:
            return self.answer(request)
        return self.answers[min(len(self.requests), len(self.answers)) - 1]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that resets its connection is what some tests are about; anything else is printed."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _handler(script: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 240
        disable_nagle_algorithm = True  # else a body waits 40 ms for the head's acknowledgement

        def setup(self) -> None:
            script.connections += 1
            super().setup()

        def _serve(self) -> None:
            headers = {key.lower(): value for key, value in self.headers.items()}
            try:
                body = self._body()
            except ValueError:  # the client went away within it
                script.cut_requests.append(headers)
                self.close_connection = True
                return
            answer = script.next(Request(self.command, self.path, headers, body))
            time.sleep(answer.before)
            if answer.held:
                script.wait_for_the_end()
            try:
                self._send(answer)
            except OSError:  # the client went away
                script.closed_early.set()
                self.close_connection = True

        do_GET = do_POST = do_DELETE = _serve

        def _body(self) -> bytes:
            if self.headers.get("transfer-encoding") != "chunked":
                length = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(length)
                if len(body) < length:
                    raise ValueError("cut")
                return body
            body = b""
            while size := int(self.rfile.readline(), 16):  # an empty line is no number
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def _send(self, answer: Answer) -> None:
            streamed = isinstance(answer.body, list) and all(isinstance(piece, bytes) for piece in answer.body)
            body = (
                answer.body
                if isinstance(answer.body, bytes)
                else json.dumps(answer.body).encode()
                if not streamed
                else b""
            )
            self.send_response(answer.status)
            headers = {"content-type": "application/json"} | answer.headers
            for name, value in headers.items():
                self.send_header(name, value)
            if not streamed:
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: answer.cut_at])
                if answer.cut_at is not None:
                    self.close_connection = True
                return
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for piece in itertools.cycle(answer.body) if answer.is_endless else answer.body:
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                self.wfile.flush()
                time.sleep(answer.pause)
            if answer.cut:
                self.close_connection = True
                self.connection.close()
                return
            self.wfile.write(b"0\r\n\r\n")

        def date_time_string(self, timestamp: float | None = None) -> str:
            """One moment for ever: two answers of one script are equal, whatever second the clock shows."""
            return "Thu, 26 Nov 2026 00:00:00 GMT"

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    return Handler
