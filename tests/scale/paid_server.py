"""A server of embeddings, chats and transcripts that keeps a journal of what was asked, hence paid: `serving()`.

It is told to hold its answers back once it has given so many, so that a test knows what is in flight when it kills.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

LENGTH = 8


def vector_of(text: str, length: int = LENGTH) -> list[float]:
    """The vector of a text: numbers that float32 holds exactly, and that tell texts apart."""
    digest = hashlib.sha256(text.encode()).digest()
    return [digest[place % 32] / 64 for place in range(length)]


def answer_to(prompt: str) -> str:
    """The answer to a prompt."""
    return f"You said: {prompt}"


def transcript_of(recording: bytes) -> str:
    """The words of a recording."""
    return f"Heard {hashlib.sha256(recording).hexdigest()[:16]}"


@dataclass(frozen=True)
class Entry:
    """A request of the journal.

    Attributes:
        worker: Process id of the worker that asked, as its header says.
        rows: What was asked: texts, a prompt, a hash of a recording.
        status: `held`, `answered`, or `lost` where nobody was there any more to be answered.
        came: When it came, in seconds of the server's clock.
    """

    worker: int
    rows: tuple[str, ...]
    status: str
    came: float


@dataclass(frozen=True)
class PaidServer:
    """A running server, from outside."""

    url: str

    def _ask(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return json.loads(answer.read())

    def journal(self) -> list[Entry]:
        """Every request that came and was not refused, in order."""
        return [Entry(worker, tuple(rows), status, came) for worker, rows, status, came in self._ask("/journal")]

    def refused(self) -> int:
        """How many requests were refused."""
        return int(self._ask("/refused"))

    def hold(self, after: int) -> None:
        """Hold back every answer once so many have been given."""
        self._ask(f"/hold/{after}")

    def release(self) -> None:
        """Give all answers again."""
        self._ask("/release")

    def paid(self) -> Counter[str]:
        """How often each row was asked."""
        return Counter(row for entry in self.journal() for row in entry.rows)


@contextmanager
def serving(seconds: float = 0.0, length: int = LENGTH) -> Iterator[PaidServer]:
    """A server in a process of its own.

    Args:
        seconds: That each answer takes.
        length: Of its vectors.
    """
    command = [sys.executable, __file__, str(seconds), str(length)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield PaidServer(f"http://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.terminate()


class _Journal:
    def __init__(self) -> None:
        self.lock = threading.Condition()
        self.entries: list[list[Any]] = []
        self.hold_after: int | None = None
        self.answered = 0
        self.refused = 0

    def enter(self, worker: int, rows: list[str]) -> list[Any]:
        with self.lock:
            entry = [worker, rows, "held", time.monotonic()]
            self.entries.append(entry)
            self.lock.wait_for(lambda: self.hold_after is None or self.answered < self.hold_after)
            self.answered += 1
            return entry


def _handler(seconds: float, length: int) -> type[BaseHTTPRequestHandler]:
    journal = _Journal()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            with journal.lock:
                if self.path in {"/journal", "/refused"}:
                    return self._send(200, journal.entries if self.path == "/journal" else journal.refused)
                journal.hold_after = int(self.path.rpartition("/")[2]) if "hold" in self.path else None
                journal.lock.notify_all()
            return self._send(200, {})

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["content-length"]))
            rows, answer = self._embeddings(content) if "embed" in self.path else self._other(content)
            bad = next(
                (word for row in rows for word in ("FORBIDDEN", "REFUSED", "LEAKING", "BROKEN") if word in row), None
            )
            if bad is not None:
                journal.refused += 1
                said = "This input is refused." + (f" {self.headers['authorization']}" if bad == "LEAKING" else "")
                status = {"BROKEN": 500, "FORBIDDEN": 401}.get(bad, 400)
                kind = "server_error" if status == 500 else "invalid_request_error"
                return self._send(status, {"error": {"message": said, "type": kind, "code": None}})
            entry = journal.enter(int(self.headers.get("x-worker") or 0), rows)
            time.sleep(seconds)
            entry[2] = "answered"
            try:
                self._send(200, answer)
            except OSError:
                entry[2] = "lost"
            return None

        def _embeddings(self, content: bytes) -> tuple[list[str], Any]:
            asked = json.loads(content)
            rows = asked["input"]
            is_base64 = asked.get("encoding_format") == "base64"
            data = [
                {"object": "embedding", "index": index, "embedding": _as(vector_of(text, length), is_base64)}
                for index, text in enumerate(rows)
            ]
            return rows, {"object": "list", "model": asked["model"], "data": data}

        def _other(self, content: bytes) -> tuple[list[str], Any]:
            if "transcriptions" in self.path:
                recording = re.split(rb"\r\n--", content.partition(b"RIFF")[2])[0]
                return [transcript_of(b"RIFF" + recording)], {"text": transcript_of(b"RIFF" + recording)}
            asked = json.loads(content)["messages"][-1]["content"]
            prompt = asked if isinstance(asked, str) else asked[0]["text"]
            message = {"role": "assistant", "content": answer_to(prompt)}
            return [prompt], {
                "id": "chat",
                "object": "chat.completion",
                "model": "m",
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
            }

        def _send(self, status: int, value: Any) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


def _as(vector: list[float], is_base64: bool) -> Any:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode() if is_base64 else vector


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients may go away."""


if __name__ == "__main__":
    server = _Server(("127.0.0.1", 0), _handler(float(sys.argv[1]), int(sys.argv[2])))
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
