"""What comes as the bytes of a result, or in their place: base64 within an answer, a text where a film was due."""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from tikhub_ai.errors import DownloadError
from tikhub_ai.server_text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from tikhub_ai.errors import ResponseInfo

PIECE = 1 << 20
"""Characters of base64 that are decoded at once."""
SHOWN = 300
"""Characters of a text that an error's message quotes."""

_MOST_BOXES = 100_000
_BEGINNING = 20_000
_CONTROLS = bytes({*range(0x20), 0x7F} - set(b"\t\n\r\x0c\x1b"))
_DATA_URI = re.compile(r"\s*data:[^;,]*((?:;[^;,]*)*),", re.IGNORECASE)
_XML_MESSAGE = re.compile(r"<(?:Code|Message|title)\b[^<>]{0,200}>([^<]{1,500})", re.IGNORECASE)
_URL_SAFE = str.maketrans("-_", "+/")


def is_text(head: bytes) -> bool:
    """Whether bytes are text from the first to the last; no film or image is."""
    text = head.removeprefix(b"\xef\xbb\xbf")
    if text.translate(None, _CONTROLS) != text:
        return False
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(text) - 3 and error.reason == "unexpected end of data"  # cut within a character
    return True


def words_in(info: ResponseInfo) -> str:
    """What a text that came in place of a file says, in short."""
    text = info.text.strip()
    if text.startswith("<"):
        said = ": ".join(found.strip() for found in _XML_MESSAGE.findall(text[:_BEGINNING]))
        text = said or ("an HTML page" if "<html" in text[:SHOWN].lower() else text)
    return printable(" ".join(text[: 2 * SHOWN].split()), SHOWN)


def ends_within_a_box(file: BinaryIO, size: int) -> bool:
    """Whether an MP4 is cut. Where nobody said how long a file is, its own structure alone tells (ISO 14496-12, 4.2).

    Args:
        file: Open for reading; left anywhere.
        size: Its bytes.
    """
    at = 0
    for _ in range(_MOST_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return bool(head)
        length = int.from_bytes(head[:4])
        if length == 1:
            length = int.from_bytes(head[8:16])
        if length < 8:  # 0 is a box up to the end; else it is no MP4
            return False
        at += length
        if at >= size:
            return at > size
    return False


def pieces_of_data_uri(text: str) -> Iterator[bytes] | None:
    """The bytes of a `data:` URI, a piece at a time: it may be tens of megabytes, and is not copied.

    Returns:
        None where it is no such URI.

    Raises:
        DownloadError: As they are taken: it holds no base64.
    """
    found = _DATA_URI.match(text, 0, SHOWN)
    if found is None:
        return None
    if ";base64" not in found[1].lower():
        return iter((unquote_to_bytes(text[found.end() :]),))
    return _decoded(text, found.end())


def _decoded(text: str, start: int) -> Iterator[bytes]:
    end = len(text)
    while text[end - 3 : end].lower() == "%3d" or text[end - 1 : end].isspace():
        end -= 1 if text[end - 1].isspace() else 3
    rest = ""
    for at in range(start, end, PIECE):
        piece = rest + "".join(text[at : min(at + PIECE, end)].translate(_URL_SAFE).split())
        whole = len(piece) - len(piece) % 4
        rest = piece[whole:]
        yield _from_base64(piece[:whole])
    if rest:
        yield _from_base64(rest + "=" * (-len(rest) % 4))


def _from_base64(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        error = DownloadError("The result that came within the answer is no base64.")
    raise error
