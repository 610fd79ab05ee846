"""Multipart forms whose files go out piece by piece, and again from their start where a request is tried again.

The framing is RFC 7578's, with names quoted as httpx, and so OpenAI's own client, quotes them. None of the encoders at
hand fits: httpx's reads files within the event loop, rewinds them to 0 wherever they stood, and is private; aiohttp's
can be sent only once; those for requests are sync. And none notices a file that changes while it is sent.
"""

from __future__ import annotations

import asyncio
import os
import re
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

from tikhub_ai.errors import InvalidRequestError
from tikhub_ai.http.failures import words_of
from tikhub_ai.wire import FormField

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence

    from tikhub_ai.secret_values import SecretHeaders
    from tikhub_ai.wire import FilePart, Upload

T = TypeVar("T")

PIECE = 64 * 1024
"""Bytes that are read, and written, at once. A write's timeout holds for each piece."""

_UNQUOTABLE = re.compile(r"[\r\n\0]")
_ESCAPES = {'"': "%22", "\\": "\\\\"} | {chr(code): f"%{code:02X}" for code in range(0x20) if code != 0x1B}
_ESCAPED = re.compile("|".join(map(re.escape, _ESCAPES)))


class MultipartBody:
    """A form as the body of a request. Each call of `pieces` or `apieces` begins anew.

    Args:
        form: Its parts, in order.

    Attributes:
        content_type: The value of the header.
        length: Bytes in all; None where the size of a file is not known, so that the body must be sent chunked.

    Raises:
        InvalidRequestError: A name or value cannot be sent.
    """

    __slots__ = ("_parts", "content_type", "length")

    def __init__(self, form: Sequence[FormField | FilePart]) -> None:
        boundary = os.urandom(16).hex()
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._parts: list[bytes | FilePart] = []
        lines = b""
        for part in form:
            lines += f"--{boundary}\r\n".encode() + _head(part)
            if isinstance(part, FormField):
                lines += _encoded(part.name, part.value)
            else:
                content = part.upload.content
                self._parts += [lines, content if isinstance(content, bytes) else part]
                lines = b""
            lines += b"\r\n"
        self._parts.append(lines + f"--{boundary}--\r\n".encode())
        self.length: int | None = 0
        for one in self._parts:
            size = len(one) if isinstance(one, bytes) else one.upload.size
            self.length = None if self.length is None or size is None else self.length + size

    def describe(self, headers: SecretHeaders) -> None:
        """Set the headers that say what the body is; the caller's own would not fit it."""
        for name in ("content-length", "transfer-encoding"):
            if name in headers:
                del headers[name]
        headers["content-type"] = self.content_type
        if self.length is not None:
            headers["content-length"] = str(self.length)

    def pieces(self) -> Iterator[bytes]:
        """The body.

        Raises:
            InvalidRequestError: A file cannot be read, or is not what it was when it was looked at.
        """
        for part in self._parts:
            if isinstance(part, bytes):
                yield from _cut(part)
                continue
            with closing(_Reading(part)) as reading:
                reading.open()
                while piece := reading.read():
                    yield piece

    def apieces(self) -> AsyncPieces:
        """`pieces`, async: files are read outside the event loop."""
        return AsyncPieces(self._parts)


class AsyncPieces:
    """The pieces of a form, async. No generator, since nobody could close one that its cancelled task left at work."""

    __slots__ = ("_parts", "_pieces", "_reading")

    def __init__(self, parts: Iterable[bytes | FilePart]) -> None:
        self._parts = iter(parts)
        self._pieces: Iterator[bytes] = iter(())
        self._reading: _Reading | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """See `MultipartBody.pieces`."""
        while True:
            for piece in self._pieces:
                return piece
            if self._reading is not None and (piece := await self._off_loop(self._reading.read)):
                return piece
            self.close()
            part = next(self._parts, None)
            if part is None:
                raise StopAsyncIteration
            if isinstance(part, bytes):
                self._pieces = _cut(part)
            else:
                self._reading = _Reading(part)
                await self._off_loop(self._reading.open)

    async def _off_loop(self, read: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(read)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file that is being read, if it is not the caller's."""
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.close()


def is_repeatable(form: Sequence[FormField | FilePart] | None) -> bool:
    """Whether a form can be sent more than once."""
    return all(isinstance(part, FormField) or part.upload.is_seekable for part in form or ())


def _cut(content: bytes) -> Iterator[bytes]:
    if len(content) <= PIECE:
        yield content
        return
    for start in range(0, len(content), PIECE):
        yield content[start : start + PIECE]


class _Reading:
    """One reading of a file from its start, which notices where the file changes meanwhile."""

    __slots__ = ("_at", "_file", "_is_closed", "_is_ours", "_name", "_upload")

    def __init__(self, part: FilePart) -> None:
        self._upload: Upload = part.upload
        self._name = part.filename
        self._file: BinaryIO | None = None
        self._is_ours = self._is_closed = False
        self._at = 0

    def close(self) -> None:
        """Close the file, if it is ours; a thread may still be about to open it, or to read from it."""
        self._is_closed = True
        if self._is_ours and self._file is not None:
            self._file.close()

    def open(self) -> None:
        """Open the file, and look whether it still has its size.

        Raises:
            InvalidRequestError: It cannot be opened, or has not.
        """
        content, size = self._upload.content, self._upload.size
        if not isinstance(content, Path):
            self._file = cast("BinaryIO", content)
            return
        try:
            file = content.open("rb")
            self._is_ours, self._file = True, file
            now = os.fstat(file.fileno()).st_size
            if self._is_closed:
                file.close()
        except OSError as failure:
            error = self._fault(f"cannot be read ({words_of(failure)})")
        else:
            if size is None or now == size:
                return
            error = self._fault(f"had {size:,} bytes and now has {now:,}: it changed meanwhile")
        raise error

    def read(self) -> bytes:
        """The next piece; empty at the end.

        Raises:
            InvalidRequestError: It cannot be read, or is longer or shorter than it was.
        """
        size = self._upload.size
        left = PIECE if size is None else size - self._at
        piece, failed = self._next(min(PIECE, left) or 1)  # at the end, one byte more tells whether it grew
        if failed:
            raise self._fault(failed)
        self._at += len(piece)
        if size is not None and self._at > size:
            raise self._fault(f"had {size:,} bytes and grew while it was sent")
        if not piece and size is not None and self._at < size:
            raise self._fault(f"had {size:,} bytes and ended after {self._at:,}: it shrank while it was sent")
        if not piece and size is None and not self._at:
            raise self._fault("gave no bytes at all; perhaps it was read already. Open it anew, or give its path")
        if self._upload.on_read is not None:
            self._upload.on_read(self._at)
        return piece

    def _next(self, most: int) -> tuple[bytes, str]:
        """Bytes, or why there are none."""
        file: Any = self._file
        try:
            if self._upload.is_seekable:  # each time: two requests may share an open file
                file.seek(self._upload.start + self._at)
            piece = file.read(most)
        except Exception as failure:  # noqa: BLE001 - whoever wrote the file object chose its exceptions
            return b"", f"cannot be read ({words_of(failure)})"
        if isinstance(piece, str):
            return b"", "is open for text. Open it for bytes: open(path, 'rb')"
        if not isinstance(piece, (bytes, bytearray, memoryview)):
            return b"", f"gave {type(piece).__name__} in place of bytes"
        return bytes(piece), ""

    def _fault(self, words: str) -> InvalidRequestError:
        name = f"The file {self._name!r}" if self._name else "The file"
        return InvalidRequestError(f"{name} {words}. The request was broken off.")


def _head(part: FormField | FilePart) -> bytes:
    """The lines before a part's content."""
    head = f'Content-Disposition: form-data; name="{_quoted(part.name)}"'
    if not isinstance(part, FormField):
        if _UNQUOTABLE.search(part.content_type) or not part.content_type.isascii():
            raise InvalidRequestError(f"{part.content_type!r} cannot be the type of a file.")
        # A name from the disk may hold bytes that are no text; servers read UTF-8.
        filename = _quoted(part.filename.encode("utf-8", "replace").decode())
        head += f'; filename="{filename}"\r\nContent-Type: {part.content_type}'
    return _encoded(part.name, head + "\r\n\r\n")


def _quoted(name: str) -> str:
    if _UNQUOTABLE.search(name):
        raise InvalidRequestError(f"{name!r} cannot be sent in a form: a name holds no line ends.")
    return _ESCAPED.sub(lambda found: _ESCAPES[found.group()], name)


def _encoded(name: str, value: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError:
        error = InvalidRequestError(f"The form's field {name!a} holds half a character, which cannot be sent.")
    raise error
