"""gzip and deflate, undone a bounded piece at a time: a few kilobytes on the wire may stand for gigabytes."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from tikhub_ai.http import failures

if TYPE_CHECKING:
    from collections.abc import Iterator

OFFERED = "gzip, deflate"
"""What we ask for. What other codings a library knows depends on what happens to be installed beside it."""
PIECE = 1 << 16
"""Bytes: the most that comes out at once."""
_CODINGS = frozenset({"gzip", "x-gzip", "deflate"})


class Inflater:
    """One body. `deflate` is read with its header or, as some servers send it, without.

    Args:
        url: Named in errors.
    """

    __slots__ = ("_url", "_zlib")

    def __init__(self, url: str) -> None:
        self._url = url
        self._zlib: Any = None

    def pieces(self, raw: bytes) -> Iterator[bytes]:
        """What some bytes of the body stand for.

        Raises:
            InvalidResponseError: It is not what its content-encoding says.
        """
        if self._zlib is None:
            has_header = raw[0] == 0x1F or raw[0] & 0x0F == zlib.DEFLATED
            self._zlib = zlib.decompressobj(32 + zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)
        while raw:
            try:
                piece = self._zlib.decompress(raw, PIECE)
            except zlib.error as failure:
                error = failures.not_decompressed(self._url, failures.words_of(failure))
            else:
                raw = self._zlib.unconsumed_tail
                if piece:
                    yield piece
                continue
            raise error  # outside the handler, so that no context holds zlib's


def inflater_of(coding: str, url: str) -> Inflater | None:
    """For a content-encoding; None where the body is to be read as it is.

    Args:
        coding: The header's value; empty where there is none.
        url: Of the answer.
    """
    return Inflater(url) if is_undone(coding) else None


def is_undone(coding: str) -> bool:
    """Whether a content-encoding is one that is undone here."""
    return coding.strip().lower() in _CODINGS
