"""Files that a caller gives, opened and looked at: what an upload and an image are made from."""

from __future__ import annotations

import os
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias, cast

from tikhub_ai.apis.jobs.images import media_of_bytes, media_of_text
from tikhub_ai.errors import InvalidRequestError
from tikhub_ai.file_types import HEAD
from tikhub_ai.wire import Upload

if TYPE_CHECKING:
    from tikhub_ai.conversation import Media

FileSource: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO | tuple[str, bytes | BinaryIO]
"""A path, bytes, an open binary file, or a name with bytes or an open binary file."""

_SAMPLE = 80


def upload_of(file: FileSource, filename: str | None = None) -> Upload:
    """A file to be sent, looked at but not read.

    Args:
        file: The file.
        filename: Its name, in place of the one that `file` tells.

    Raises:
        InvalidRequestError: There is no such file, it cannot be read, or it is a URL.
        TypeError: It is no file at all, such as text, a generator, or a file opened for text.
    """
    name: str | None = None
    content: Any = file
    if isinstance(file, tuple):
        if len(file) != 2 or not isinstance(file[0], str):
            raise TypeError("A file given as a tuple is (name, bytes) or (name, binary file).")
        name, content = file
        if isinstance(content, (str, os.PathLike)):
            raise TypeError("A file given as (name, ...) holds bytes or an open binary file, no path.")
    if isinstance(content, (bytes, bytearray, memoryview)):
        content = bytes(content)
        return Upload(content, filename or name or "", len(content), content[:HEAD])
    if isinstance(content, (str, os.PathLike)):
        return _of_path(content, filename)
    if hasattr(content, "read"):
        return _of_open_file(cast("BinaryIO", content), filename or name)
    raise TypeError(
        f"A file is a path, bytes, an open binary file, or (name, bytes or binary file); not a {type(file).__name__}."
    )


def image_of(image: Any) -> Media:
    """An image, or other media, for a request: a URL and base64 as they are, bytes and files read whole.

    Args:
        image: A path, bytes, an open binary file, a URL (http, https, gs), a `data:` URI, base64, or a name with bytes
            or an open binary file.

    Raises:
        InvalidRequestError: It is empty, or there is no such file.
        TypeError: It is none of these.
    """
    if isinstance(image, str) and (found := media_of_text(image)) is not None:
        return found
    try:
        upload = upload_of(image)
    except InvalidRequestError as error:
        if isinstance(image, str) and len(image) > _SAMPLE:
            raise InvalidRequestError(
                "An image is neither a URL, base64 of a known kind of file, nor the path of one."
            ) from error
        raise
    content = upload.content
    if isinstance(content, Path):
        content = _read(content)
    elif not isinstance(content, bytes):
        content = content.read()
    return media_of_bytes(content, upload.filename or None)


def _of_path(path: str | os.PathLike[str], filename: str | None) -> Upload:
    text = os.fspath(path)
    if isinstance(path, str) and "://" in path[:12]:
        raise InvalidRequestError(
            f"The file is an address ({path[:_SAMPLE]}), and only its content can be sent: download it first, and give "
            "its path or bytes."
        )
    place = Path(text)
    try:
        if place.is_file():
            with place.open("rb") as opened:
                head = opened.read(HEAD)
                size = os.fstat(opened.fileno()).st_size
            return Upload(place, filename or place.name, size, head)
        fault = "is a folder" if place.is_dir() else "is not there"
    except (OSError, ValueError) as error:
        words = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise InvalidRequestError(f"The file {text[:_SAMPLE]!r} cannot be read: {words}.") from None
    raise InvalidRequestError(f"The file {text[:_SAMPLE]!r} {fault}. Give the path of a file, or its bytes.")


def _of_open_file(file: BinaryIO, filename: str | None) -> Upload:
    if getattr(file, "closed", False):
        raise InvalidRequestError("The file is closed. Give an open one, or its path.")
    told = getattr(file, "name", None)
    name = filename or (PurePath(told).name if isinstance(told, str) else "")
    try:
        start = file.tell()
        end = file.seek(0, os.SEEK_END)
        file.seek(start)
    except (OSError, AttributeError, ValueError):
        peek = getattr(file, "peek", None)  # a pipe that is buffered shows its beginning without giving it away
        return Upload(file, name, None, peek(HEAD)[:HEAD] if peek else b"", is_seekable=False)
    head = file.read(HEAD)
    file.seek(start)
    if not isinstance(head, bytes):
        raise TypeError("The file is open for text. Open it for bytes: open(path, 'rb').")
    return Upload(file, name, end - start, head, start)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        fault = error.strerror
    raise InvalidRequestError(f"The file {str(path)[:_SAMPLE]!r} cannot be read: {fault}.")
