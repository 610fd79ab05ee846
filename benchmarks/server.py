"""The server of the benchmarks, in a process of its own, so that its CPU is not the client's: `serving()`.

It answers at once, or after the seconds that it is told, every request of any of the wire APIs with the same bytes. A
first segment of the path such as `/chunks-100000` asks for a large answer (see `answers.LARGE`).
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import answers

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNKS = 1000
"""Of a stream that no path says otherwise of."""
_HEADERS = (
    b"date: Thu, 26 Nov 2026 06:00:00 GMT\r\nserver: cloudflare\r\nx-request-id: req_0123456789abcdef\r\n"
    b"openai-processing-ms: 312\r\nopenai-version: 2020-10-01\r\nx-ratelimit-limit-requests: 10000\r\n"
    b"x-ratelimit-remaining-requests: 9999\r\nstrict-transport-security: max-age=31536000\r\n"
    b"cf-cache-status: DYNAMIC\r\nvary: Accept-Encoding\r\n"
)
"""About what gateways and providers send."""
_PATHS = (
    ("chat/completions", "chat_completions"),
    ("responses", "responses"),
    ("messages", "messages"),
    ("enerateContent", "generate_content"),
)
_LARGE = re.compile(rb"/(\w+)-(\d+)/")
_FILM = b'HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\netag: "1"\r\ncontent-length: %d\r\n\r\n'
FILM_BYTES = 200_000_000
_POLLS = 3
"""A video is done with this poll."""
_MODEL = {"name": "models/gemini-2.5-flash", "inputTokenLimit": 1_000_000, "outputTokenLimit": 65_536, "id": "m"}


@contextmanager
def serving(delay: float = 0.0) -> Iterator[str]:
    """The base URL of a running server.

    Args:
        delay: Seconds that each answer takes.
    """
    command = [sys.executable, __file__, str(delay)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def _plain(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n%bcontent-length: %d\r\n\r\n"
    return head % (_HEADERS, len(body)) + body


def _stream(events: list[bytes]) -> list[bytes]:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n%btransfer-encoding: chunked\r\n\r\n" % _HEADERS
    return [head, *(b"%x\r\n%b\r\n" % (len(one), one) for one in events), b"0\r\n\r\n"]


_polled: Counter[bytes] = Counter()


def _video(path: bytes) -> list[bytes]:
    """A job of `/v1/videos`, which is done after some polls, or its film."""
    if path.endswith(b"/content"):
        return [_FILM % FILM_BYTES, *[bytes(1_000_000)] * (FILM_BYTES // 1_000_000)]
    _polled[path] += 1
    state = "completed" if _polled[path] % _POLLS == 0 else "in_progress"
    job = {"id": path.rpartition(b"/")[2].decode(), "object": "video", "model": "sora-2", "status": state}
    return [_plain(json.dumps(job | {"progress": 50, "created_at": 1782955818}).encode())]


@lru_cache(maxsize=32)
def _answer(path: bytes, *, is_streamed: bool) -> list[bytes]:
    """What is written, one write each."""
    api = next((name for part, name in _PATHS if part.encode() in path), None)
    if api is None:
        return [_plain(json.dumps(_MODEL).encode())]
    if large := _LARGE.match(path):
        kind, size = large[1].decode(), int(large[2])
        return [_plain(answers.image(size))] if kind == "image" else _stream(answers.LARGE[kind](size))
    if is_streamed:
        return _stream(answers.STREAMS[api]([f" word{number}" for number in range(CHUNKS)]))
    return [_plain(json.dumps(answers.PLAIN[api]).encode())]


class Answering(asyncio.Protocol):
    """Answers every request as fast as Python can."""

    delay = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.came: list[bytes] = []
        self.missing = 0
        self.head = b""

    def data_received(self, data: bytes) -> None:
        """A head, then its body, of which only its length counts."""
        self.came.append(data)
        self.missing -= len(data)
        while self.missing <= 0 and self.came:
            come = b"".join(self.came)
            end = come.find(b"\r\n\r\n")
            if end < 0:
                self.came = [come] if come else []
                return
            length = come[:end].lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
            whole = end + 4 + int(length or 0)
            if len(come) < whole:
                self.came, self.missing = [come], whole - len(come)
                return
            self.came = [come[whole:]] if come[whole:] else []
            path = come[:end].split(b" ", 2)[1]
            body = come[end + 4 : whole]
            is_streamed = b"stream" in path or b'"stream":true' in body or b'"stream": true' in body
            pieces = _video(path) if b"/videos" in path else _answer(path, is_streamed=is_streamed)
            if self.delay:
                asyncio.get_running_loop().call_later(self.delay, self._write, pieces)
            else:
                self._write(pieces)

    def _write(self, pieces: list[bytes]) -> None:
        for piece in pieces:
            self.transport.write(piece)


async def main(delay: float) -> None:
    Answering.delay = delay
    listening = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0, backlog=8192)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
