"""Films that stand in an answer in base64, put on the disk as they come, so that they never stand in memory whole."""

from __future__ import annotations

import pickle
import secrets
import tempfile
import time
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, cast

from tikhub_ai.apis.jobs.long_texts import LongTexts
from tikhub_ai.errors import APITimeoutError
from tikhub_ai.video_job import InlineData, decoded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tikhub_ai.video_job import VideoFile

_PIECE = 1 << 20
_FILM = 1 << 16
"""Bytes: a larger answer has a film in it."""


class StoredData(InlineData):
    """A result that stood in the answer itself, kept in a temporary file that is gone with this object."""

    __slots__ = ("_file",)

    def __init__(self) -> None:
        super().__init__("")
        self._file = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - as long as this is held

    def __del__(self) -> None:
        with suppress(AttributeError):  # none could be made
            self._file.close()

    def write(self, text: bytes) -> None:
        """Take the next of the base64."""
        self._file.write(text)

    def __repr__(self) -> str:
        return "StoredData()"

    def pieces(self, size: int = _PIECE) -> Iterator[bytes]:
        """The bytes, a piece at a time. See `InlineData.pieces`."""
        self._file.seek(0)
        start = self._file.read(256)
        if start[:5].lower() == b"data:":
            self._file.seek(start.index(b",") + 1)
        else:
            self._file.seek(0)
        return decoded(iter(lambda: self._file.read(size), b""))

    def __reduce__(self) -> tuple[object, ...]:
        raise pickle.PicklingError("A video that came within the answer is in no pickle: download it first.")


class SideFiles:
    """What an answer's body goes through: its long texts go to temporary files, one each; the rest is small JSON.

    Args:
        until: When the answer must be there, by the monotonic clock; None waits as long as bytes come. A film in it is
            waited for.
    """

    __slots__ = ("_files", "_mark", "_received", "_texts", "_until")

    def __init__(self, until: float | None = None) -> None:
        self._until = until
        self._received = 0
        self._mark = secrets.token_hex(16)
        self._texts = LongTexts(self._write, self._mark)
        self._files: list[StoredData] = []

    def feed(self, piece: bytes) -> bytes:
        """Take the next bytes of the body, and return the next bytes of what is left.

        Raises:
            APITimeoutError: The time is over.
        """
        self._received += len(piece)
        if self._until is not None and self._received < _FILM and time.monotonic() > self._until:
            raise APITimeoutError("The answer to a poll was not whole when the time was over.")
        return self._texts.feed(piece)

    def close(self) -> bytes:
        """The body has ended. Return the last of what is left."""
        return self._texts.close()

    def attach(self, videos: Sequence[VideoFile]) -> None:
        """Give the files of an answer that was read since their content back."""
        for video in videos:
            if video.inline is None:
                continue
            _, mark, number = video.inline.text.rpartition(self._mark)
            if mark and number.isdigit() and int(number) < len(self._files):
                video.inline = self._files[int(number)]

    def _write(self, number: int, text: bytes) -> None:
        while len(self._files) <= number:
            self._files.append(StoredData())
        self._files[number].write(text)
