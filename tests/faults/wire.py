"""Answers as bytes, and the steps that send them."""

from __future__ import annotations

import gzip
import json
from typing import Any

Step = tuple[str, Any]
Steps = list[Step]

TEXT = "Gr\u00fc\u00dfe \u4f60\u597d"
HELLO = {"id": "1", "model": "m", "choices": [{"index": 0, "message": {"content": TEXT}, "finish_reason": "stop"}]}
PLAIN = json.dumps(HELLO, ensure_ascii=False).encode()
JSON = "content-type: application/json"
EVENTS = "content-type: text/event-stream"
PING = b": PING\n\n"
DONE = b"data: [DONE]\n\n"


def event(value: Any) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def delta(content: str, finish: str | None = None) -> bytes:
    """A chunk of an answer, as an event."""
    choice = {"index": 0, "delta": {"content": content} if content else {}, "finish_reason": finish}
    return event({"id": "1", "model": "m", "choices": [choice]})


FIRST, SECOND, FINISH = delta(TEXT[:6]), delta(TEXT[6:]), delta("", "stop")
STREAM = FIRST + SECOND + FINISH + DONE


def head(*headers: str, status: str = "200 OK") -> bytes:
    """Status line and headers."""
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode("latin-1")


def whole(body: bytes, *headers: str, status: str = "200 OK") -> Steps:
    """An answer of which nothing is wrong but what it says."""
    return send(head(*headers, f"content-length: {len(body)}", status=status) + body)


def send(*pieces: bytes) -> Steps:
    """Bytes as they are, each piece in a send of its own."""
    return [("send", piece.decode("latin-1")) for piece in pieces]


def chunk(piece: bytes) -> bytes:
    """A piece of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def chunked(*pieces: bytes, end: bool = True) -> Steps:
    """A chunked event stream."""
    steps = send(head(EVENTS, "transfer-encoding: chunked"), *(chunk(piece) for piece in pieces if piece))
    return [*steps, *send(b"0\r\n\r\n")] if end else steps


def good(*, streamed: bool) -> Steps:
    """An answer of which nothing is wrong."""
    return chunked(STREAM) if streamed else whole(PLAIN, JSON)


def zipped(body: bytes) -> bytes:
    """A body for `content-encoding: gzip`, the same each time."""
    return gzip.compress(body, mtime=0)


CLOSE: Step = ("close", None)
RESET: Step = ("reset", None)
HOLD: Step = ("hold", None)
UNREAD: Step = ("unread", None)
TLS: Step = ("tls", None)


def repeat(piece: bytes) -> Step:
    """Send the bytes again and again, until the client goes away."""
    return "repeat", piece.decode("latin-1")


def fill(piece: bytes, times: int) -> Step:
    """Send the bytes so many times."""
    return "fill", [piece.decode("latin-1"), times]


def sleep(seconds: float) -> Step:
    """Do nothing for a while."""
    return "sleep", seconds
