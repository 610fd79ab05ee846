"""What is taken out of an exchange before it is written down: keys, cookies, ids, addresses, names."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING

from tikhub_ai.masking import MASK, masked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HOST = "gateway.invalid"
"""Stands for the gateway; no such host exists."""
BOUNDARY = "boundary"
KEPT_ANSWER_HEADERS = frozenset(
    {"content-type", "content-length", "transfer-encoding", "cache-control", "retry-after", "x-accel-buffering",
     "x-oneapi-request-id", "x-request-id", "request-id", "openai-poll-after-ms", "openai-version",
     "openai-processing-ms", "allow", "accept-ranges"}
)  # fmt: skip
"""Headers of an answer that a recording keeps. Any other may name an account, a machine or a moment."""
_ID_HEADERS = frozenset({"x-oneapi-request-id", "x-request-id", "request-id"})
_KEY_LIKE = re.compile(r"(?i)\bbearer\s+[\w.~+/=*-]{3,}|\bsk-[\w-]{3,}|\bAIza[\w-]{10,}|\beyJ[\w-]{8,}\.[\w.-]+")
_KEY_HEADER = re.compile(r"x-(?:goog-)?api-key", re.IGNORECASE)
_ID = re.compile(
    r"\b(chatcmpl|cmpl|resp|rs|msg|fc|call|toolu|srvtoolu|req|task|video|vid|cgt|gen|org|proj|user|acct|asst|batch|run"
    r"|file|item|ws|ctc|thread)([-_])(?=[\w-]*\d)[\w-]{8,}"
)
_REQUEST_ID = re.compile(r"(request[ _]id['\"]?[:=] ?['\"]?)[\w-]{6,}", re.IGNORECASE)
_ADDRESS = re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b|(?<![\w:])(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{1,4}\b", re.IGNORECASE)
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")


def secrets_in(text: str) -> list[str]:
    """What looks like a key in a recording."""
    return re.findall(r"(?i)bearer \S+|sk-[a-z0-9]{3,}|x-api-key\S*|x-goog-api-key\S*", text)


def shown(text: str, secrets: Iterable[str]) -> str:
    """A text fit for a terminal: without secrets, and without what looks like anybody's."""
    return _KEY_LIKE.sub(MASK, masked(text, secrets))


def scrubbed(text: str, secrets: Iterable[str], host: str) -> str:
    """A text without what is somebody's own. The same id always gets the same name, so that what refers to it holds.

    Args:
        text: Of a request or an answer.
        secrets: The key, and whatever else was sent and is nobody's business.
        host: The gateway's host, with its port.
    """
    text = masked(text, secrets)
    for name in (host, host.partition(":")[0]):
        if name:
            text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", HOST, text, flags=re.IGNORECASE)
    text = _KEY_HEADER.sub("key-header", _KEY_LIKE.sub(MASK, text))
    text = _REQUEST_ID.sub(lambda found: f"{found[1]}scrubbed", text)
    text = _ID.sub(lambda found: f"{found[1]}{found[2]}{_renamed(found[0])}", text)
    return _MAIL.sub("somebody@example.invalid", _ADDRESS.sub("192.0.2.1", text))


def _renamed(name: str) -> str:
    """Another id of the same kind, from which nobody finds the first again among so few."""
    return f"scrubbed{sha256(name.encode()).hexdigest()[:6]}"


def answer_headers(headers: Mapping[str, str], secrets: Iterable[str], host: str) -> dict[str, str]:
    """Headers of an answer as they are kept. Ids of calls are there, but are none."""
    kept = {name: value for name, value in headers.items() if name in KEPT_ANSWER_HEADERS}
    secrets = list(secrets)
    return {name: "scrubbed" if name in _ID_HEADERS else scrubbed(value, secrets, host) for name, value in kept.items()}


def plain_form(body: bytes, content_type: str) -> tuple[bytes, str]:
    """A multipart form with one boundary for all, and the sum of each file in place of the file.

    Args:
        body: The form.
        content_type: Its header, which names the boundary.

    Returns:
        The form and its header; as they were where it is no form, or is plain already.
    """
    _, mark, boundary = content_type.partition("multipart/form-data; boundary=")
    if not mark or boundary == BOUNDARY:
        return body, content_type
    parts = [_without_file(part) for part in body.split(f"--{boundary}".encode())]
    return f"--{BOUNDARY}".encode().join(parts), f"multipart/form-data; boundary={BOUNDARY}"


def _without_file(part: bytes) -> bytes:
    head, blank, content = part.partition(b"\r\n\r\n")
    if b"; filename=" not in head:
        return part
    content = content.removesuffix(b"\r\n")
    return head + blank + f"{len(content)} bytes, sha256 {sha256(content).hexdigest()}\r\n".encode()
