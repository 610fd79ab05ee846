"""A form made of what libFuzzer says, sent, and read back by the RFC and by python-multipart, Starlette's parser.

What must be refused is said here by itself, so that a form that is refused without need is found as well.
"""

from __future__ import annotations

import asyncio
import io
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import python_multipart

from tikhub_ai.errors import InvalidRequestError
from tikhub_ai.http.multipart import PIECE, MultipartBody, is_repeatable
from tikhub_ai.secret_values import SecretHeaders
from tikhub_ai.wire import FilePart, FormField, Upload

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fuzz.choices import Choices

_TYPES = ["audio/mpeg", "text/plain; charset=utf-8", "", "a/b\r\nX-More: 1", "a/\0", "a/é"]
_LINE_END = re.compile(r"[\r\n\0]")
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_HEAD = re.compile(
    rf"\r\nContent-Disposition: form-data; name={_QUOTED}(?:; filename={_QUOTED}\r\nContent-Type: [^\r\n]*)?"
)

Read = tuple[str, str | None, bytes]
"""Name, filename and content of a part; a field has no filename."""


class _Pipe(io.RawIOBase):
    """A source that cannot seek, and gives as little at once as it likes."""

    def __init__(self, content: bytes, most: int) -> None:
        self._rest, self._most = content, most

    def read(self, most: int = -1) -> bytes:
        most = min(most, self._most)
        piece, self._rest = self._rest[:most], self._rest[most:]
        return piece


@dataclass
class _Made:
    """A part, what a server must read of it, and whether it can be said or sent at all."""

    part: FormField | FilePart
    read: Read
    is_sayable: bool
    is_sendable: bool = True
    is_of_known_size: bool = True


def check(given: Choices) -> None:
    """One form, of what an input says."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        _check(given, [_part(given, Path(folder) / f"{number}.mp3") for number in range(given.number(0, 5))])


def _check(given: Choices, made: list[_Made]) -> None:
    form = [each.part for each in made]
    try:
        body = MultipartBody(form)
    except InvalidRequestError:
        assert not all(each.is_sayable for each in made), "refused without need"
        return
    assert all(each.is_sayable for each in made), "what cannot be said was said"
    headers = SecretHeaders({"content-length": "7", "transfer-encoding": "chunked", "x-own": "1"})
    body.describe(headers)
    is_async = given.flag()
    for _ in range(2 if is_repeatable(form) else 1):
        try:
            pieces = asyncio.run(_apieces(body)) if is_async else list(body.pieces())
        except InvalidRequestError:
            assert not all(each.is_sendable for each in made), "broken off without need"
            return
        assert all(each.is_sendable for each in made), "a file that is not what it was went out"
        sent = b"".join(pieces)
        assert max(map(len, pieces)) <= PIECE
        assert dict(headers.items()) == _headers(body, len(sent) if all(e.is_of_known_size for e in made) else None)
        expected = [each.read for each in made]
        assert _read(sent, body.content_type) == expected
        if not any("\\" in f"{name}{filename}" for name, filename, _ in expected):
            assert _parsed(sent, body.content_type) == expected


def _headers(body: MultipartBody, length: int | None) -> dict[str, str]:
    said = {"x-own": "1", "content-type": body.content_type}
    return said if length is None else {**said, "content-length": str(length)}


async def _apieces(body: MultipartBody) -> list[bytes]:
    return [piece async for piece in body.apieces()]


def _part(given: Choices, path: Path) -> _Made:
    name = given.text(12)
    is_sayable = not _LINE_END.search(name) and _is_text(name)
    if given.flag():
        value = given.text(40)
        read: Read = (_escaped(name), None, value.encode("utf-8", "replace"))
        return _Made(FormField(name, value), read, is_sayable and _is_text(value))
    filename = given.text(12)
    kind = given.one_of(_TYPES)
    upload, content, is_sendable = _upload(given, filename, path)
    part = FilePart(name, filename, kind, upload)
    is_sayable = is_sayable and not _LINE_END.search(filename + kind) and kind.isascii()
    is_of_known_size = isinstance(upload.content, bytes) or upload.size is not None
    read = (_escaped(name), _escaped(filename), content)
    return _Made(part, read, is_sayable, is_sendable, is_of_known_size)


def _upload(given: Choices, filename: str, path: Path) -> tuple[Upload, bytes, bool]:
    """A file of any kind and size, its content, and whether it is what is said of it."""
    content = given.content(120) * given.one_of([1, 1, 1, 1200])
    size = given.one_of([len(content), len(content), len(content), len(content) + 1, len(content) - 1, None])
    size = None if size is None else max(size, 0)
    is_sendable = size == len(content) or (size is None and content != b"")
    makers: list[Callable[[], tuple[Any, dict[str, Any]]]] = [
        lambda: (content, {}),
        lambda: (_from_disk(content, path), {}),
        lambda: (_from_its_middle(content), {"start": 6}),
        lambda: (_Pipe(content, given.number(1, 5000)), {"is_seekable": False}),
    ]
    source, known = given.one_of(makers)()
    upload = Upload(source, filename, size, head=content[:100], **known)
    return upload, content, is_sendable or isinstance(source, bytes)


def _from_disk(content: bytes, path: Path) -> Path:
    path.write_bytes(content)
    return path


def _from_its_middle(content: bytes) -> io.BytesIO:
    file = io.BytesIO(b"before" + content)
    file.seek(6)
    return file


def _is_text(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _escaped(name: str) -> str:
    """What the WHATWG's standard of forms makes of a name, other control characters as httpx has them."""
    named = name.encode("utf-8", "replace").decode()
    return "".join(
        "%22" if each == '"' else f"%{ord(each):02X}" if each < " " and each != "\x1b" else each for each in named
    )


def _read(sent: bytes, content_type: str) -> list[Read]:
    """The parts as RFC 7578 says them, their names as RFC 9110's quoted strings."""
    boundary = b"--" + content_type.partition("boundary=")[2].encode()
    start, *parts, end = (b"\r\n" + sent).split(b"\r\n" + boundary)
    assert (start, end) == (b"", b"--\r\n")
    found = []
    for part in parts:
        head, _, content = part.partition(b"\r\n\r\n")
        said = _HEAD.fullmatch(head.decode())
        assert said, head
        name, filename = (None if one is None else re.sub(r"\\(.)", r"\1", one) for one in said.group(1, 2))
        found.append((name or "", filename, content))
    return found


def _parsed(body: bytes, content_type: str) -> list[Read]:
    """The parts as Starlette reads them. A backslash at a name's end makes it lose the name's end."""
    found: list[Read] = []

    def take_field(field: Any) -> None:
        found.append(((field.field_name or b"").decode(), None, field.value or b""))

    def take_file(file: Any) -> None:
        file.file_object.seek(0)
        found.append(((file.field_name or b"").decode(), (file.file_name or b"").decode(), file.file_object.read()))
        file.close()

    headers = {"Content-Type": content_type.encode()}
    python_multipart.parse_form(headers, io.BytesIO(body), take_field, take_file)
    return found
