"""JSON that is too large to hold, read with its long texts put aside: a film in base64 is one of 270 MB for 200 MB.

The answer goes through in pieces, as it comes from the wire. What is left is small JSON that any codec reads, in which
each long text has its beginning and a mark that says which it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable

_LIMIT = 1 << 16
"""Bytes: a longer text is put aside."""
_BEGINNING = 256
"""Bytes of such a text that stay: enough for the type in a `data:` URI."""
_LONGEST_OPEN_END = 11
"""Bytes: all of a pair of surrogates but its last character."""


class LongTexts:
    """Cuts the long texts out of JSON that comes in pieces of any size.

    Args:
        put_aside: Called with a text's number, from 0, and its next bytes, without JSON's escapes.
        mark: What stands in the JSON where a text was put aside, followed by its number. It must be one that nobody
            else can know, since the answer may hold any other.
        limit: Bytes from which a text is long.
    """

    __slots__ = ("_count", "_held", "_is_aside", "_is_text", "_limit", "_mark", "_put_aside")

    def __init__(self, put_aside: Callable[[int, bytes], None], mark: str, limit: int = _LIMIT) -> None:
        self._put_aside = put_aside
        self._mark = mark.encode()
        self._limit = max(limit, _BEGINNING)
        self._is_text = False
        self._is_aside = False
        self._held = b""
        self._count = 0

    def feed(self, piece: bytes) -> bytes:
        """Take the next bytes of the answer, and give the next bytes of the JSON that is left."""
        left = bytearray()
        at = 0
        while at < len(piece):
            if not self._is_text:
                quote = piece.find(b'"', at)
                end = len(piece) if quote < 0 else quote + 1
                left += piece[at:end]
                self._is_text, at = quote >= 0, end
                continue
            end, is_over = self._end_of_text(piece, at)
            self._held += piece[at:end]
            at = end
            if is_over:
                self._close(left)
                left += b'"'
                at += 1
            elif len(self._held) > self._limit or self._is_aside:
                self._move(left)
        return bytes(left)

    def close(self) -> bytes:
        """The answer has ended. Give what is left of it, should it have been cut within a text."""
        return b"" if self._is_aside else self._held

    def _end_of_text(self, piece: bytes, at: int) -> tuple[int, bool]:
        """Where the text ends in this piece: at the quote that is not escaped, or where the piece ends."""
        start = at
        while (quote := piece.find(b'"', start)) >= 0:
            slashes = quote
            while slashes > at and piece[slashes - 1 : slashes] == b"\\":
                slashes -= 1
            count = quote - slashes
            if slashes == at:
                count += len(self._held) - len(self._held.rstrip(b"\\"))
            if count % 2 == 0:
                return quote, True
            start = quote + 1
        return len(piece), False

    def _move(self, left: bytearray) -> None:
        """Put aside what is held of a long text, but for an escape or a character at its end that is not yet whole."""
        for open_end in range(min(_LONGEST_OPEN_END, len(self._held)) + 1):
            cut = len(self._held) - open_end
            text = _plain(self._held[:cut])
            if text is not None:
                break
        else:  # no JSON: let whoever reads it say so
            cut, text = len(self._held), self._held
        self._held = self._held[cut:]
        if not self._is_aside:
            self._is_aside = True
            left += orjson.dumps(text[:_BEGINNING].decode("utf-8", "ignore"))[1:-1]
        self._put_aside(self._count, text)

    def _close(self, left: bytearray) -> None:
        if self._is_aside:
            text = _plain(self._held)
            self._put_aside(self._count, self._held if text is None else text)
            left += self._mark + str(self._count).encode()
            self._count += 1
        else:
            left += self._held
        self._held, self._is_text, self._is_aside = b"", False, False


def _plain(raw: bytes) -> bytes | None:
    """A text without JSON's escapes, which some servers put before every `/` and `=`. None where it is not whole."""
    if b"\\" not in raw and raw.isascii():
        return raw
    try:
        text: str = orjson.loads(b'"' + raw + b'"')
    except ValueError:
        return None
    return text.encode()
