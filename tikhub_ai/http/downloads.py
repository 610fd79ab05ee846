"""A result on its way to the disk: all that there is to it but the exchange itself, which is the transport's.

The bytes go to a temporary file beside the target, which is renamed when it is whole. Whatever goes wrong, at any
stage, Ctrl-C included, the temporary file is gone and the target is what it was. A download that is cut goes on where
it was, if the server can and its validator says that it is still the same file (RFC 9110, 13.1.5 and 14.2); else it
begins again.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, NoReturn, Protocol, TypeAlias

from tikhub_ai.error_bodies import error_from_response, public_headers
from tikhub_ai.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    DownloadError,
    InvalidResponseError,
    ResponseInfo,
    TikHubAIError,
    warn,
)
from tikhub_ai.file_types import file_type
from tikhub_ai.http import failures
from tikhub_ai.http.addresses import address_of, redirected
from tikhub_ai.http.contents import ends_within_a_box, is_text, pieces_of_data_uri, words_in
from tikhub_ai.http.inflating import is_undone
from tikhub_ai.http.retries import retry_after
from tikhub_ai.wire import ApiRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Self

HEAD = 512
"""First bytes that are looked at before any is written."""
FLUSH = 1 << 18
"""Bytes that are written at once. With four times as many held, 200 MB take twice the CPU: memory is had anew for each
piece, where httpx alone has the last one's again."""
MOST_TEXT = 64 * 1024
"""Bytes that are kept of a text that came in place of a file."""
MAX_HOPS = 10
"""Most redirects of one request."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OF_THE_WAY = (APIConnectionError, APITimeoutError, APIStatusError, InvalidResponseError)
_SHOWN = 200
_RANGE = re.compile(r"bytes\s+(?:(\d+)-(\d+)|\*)/(\d+|\*)", re.IGNORECASE)


class Answer(Protocol):
    """The head of an answer."""

    status_code: int
    headers: Mapping[str, str]


class Inline(Protocol):
    """A result that stood in the answer itself."""

    def pieces(self) -> Iterator[bytes]:
        """Its bytes, a piece at a time."""


Source: TypeAlias = str | ApiRequest | Inline
"""What is downloaded: an address, a request of the gateway's API, or a file that stood in an answer."""


class Download:
    """One file on its way to the disk. A context manager: leaving it removes what is not whole.

    Args:
        source: An address, absolute or relative to the gateway; a `data:` URI; a request of the gateway's API; or a
            file that stood in an answer.
        target: The file to make.
        base_url: The gateway's address.
        overwrite: Whether a file that is there may be replaced.
        on_progress: Called with the bytes so far and the bytes in all, or None where nobody said. What it raises ends
            the download.
        most_unpacked: Most bytes of a file that comes compressed, as no film does: a few may stand for a full disk.

    Attributes:
        here: The address that is asked next.
        is_whole: Whether all bytes are there.
        is_stale: Whether a fresh address is needed; `renew` takes it.

    Raises:
        DownloadError: The target is there already, is a folder, or is in none that can be written to.
    """

    def __init__(
        self,
        source: Source | None,
        target: str | os.PathLike[str],
        base_url: str,
        overwrite: bool = False,
        on_progress: Callable[[int, int | None], object] | None = None,
        *,
        most_unpacked: int = 1 << 30,
    ) -> None:
        self._source = source
        self._most_unpacked = most_unpacked
        self._target = Path(target)
        self._base_url = base_url
        self._overwrite = overwrite
        self._on_progress = on_progress
        self._file: BinaryIO | None = None
        self._part: Path | None = None
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._at = 0
        self._total: int | None = None
        self._validator: str | None = None
        self._is_looked_at = self._is_text = self._is_film = self._is_unmeasured = False
        self._coding = ""
        self._base = address_of("/", base_url)
        self._seen: set[str] = set()
        self._best = 0
        self._is_refreshed = False
        self.here = self._base
        self.is_whole = False
        self.is_stale = False

    def __enter__(self) -> Self:
        target = self._target
        if not target.name or os.path.isdir(target):
            raise DownloadError(f"{target} is a folder: give the name of a file.")
        if os.path.lexists(target) and not self._overwrite:
            raise self._exists()
        part = (
            target.parent / f".{os.urandom(8).hex()}.part"
        )  # no part of the name: that may be as long as a name can be
        try:
            with suppress(FileNotFoundError):
                os.lstat(target)  # tells a name that no file can have
            self._file = part.open("x+b")
        except (OSError, ValueError) as failure:
            error = self._disk(failure)
        else:
            self._part = part
            return self
        raise error

    def __exit__(self, *_: object) -> None:
        file, part = self._file, self._part
        self._file = self._part = None
        self._waiting.clear()
        with suppress(OSError):  # what could not be written is not wanted any more
            if file is not None:
                file.close()
        with suppress(OSError):
            if part is not None:
                part.unlink()

    # --- where it is ------------------------------------------------------------------------------------------------

    @property
    def request(self) -> ApiRequest:
        """The request of the gateway's API that it is, or stands for: then its path is the address, for the log."""
        if isinstance(self._source, ApiRequest):
            return self._source
        place = self._source[:_SHOWN].partition("?")[0] if isinstance(self._source, str) else ""
        return ApiRequest(place, method="GET", accept="*/*")

    @property
    def inline(self) -> Iterator[bytes] | None:
        """The file's pieces, where it need not be fetched."""
        source = self._source
        if isinstance(source, str):
            return pieces_of_data_uri(source)
        return None if source is None or isinstance(source, ApiRequest) else source.pieces()

    @property
    def is_abroad(self) -> bool:
        """Whether the address is at another origin than the gateway's, which gets nothing of ours."""
        return not self.here.has_origin_of(self._base)

    def progress(self) -> int:
        """The most bytes that were there at any time."""
        return self._best

    def start(self) -> None:
        """Begin an attempt, at the first address.

        Raises:
            DownloadError: Nothing can be fetched there.
        """
        source = self._source
        if self.inline is None:
            url = f"{self._base_url}{source.path}" if isinstance(source, ApiRequest) else source
            self.here = address_of(url if isinstance(url, str) else None, self._base_url)
        self._seen = {self.here.url}

    def renew(self, source: Source | None) -> None:
        """Take a fresh address, in place of one that is no longer served."""
        self._source = source
        self._is_refreshed = True
        self.is_stale = False
        if self._validator and not self._validator.startswith('"'):
            self._validator = None  # a date alone does not tell that it is the same file elsewhere
        self.start()

    def _follow(self, location: str | None) -> None:
        """Go where a redirect leads."""
        here = self.here
        if not location:
            raise DownloadError(f"{here.shown} redirects to no address.")
        there = redirected(location, here, self._base_url)
        if there.url in self._seen:
            raise DownloadError(f"{here.shown} redirects in a circle.")
        if len(self._seen) > MAX_HOPS:
            raise DownloadError(f"More than {MAX_HOPS} redirects, the last one from {here.shown}: they lead nowhere.")
        self._seen.add(there.url)
        self.here = there

    # --- an answer --------------------------------------------------------------------------------------------------

    def range_headers(self) -> dict[str, str]:
        """Headers that ask for the rest only."""
        if not self._at or self._validator is None:
            return {}
        return {"range": f"bytes={self._at}-", "if-range": self._validator}

    def begin(self, status: int, headers: Mapping[str, str]) -> Literal["file", "redirect", "refused", "whole"]:
        """Take the head of an answer.

        Returns:
            What it is: the file, or a part of it, whose bytes are to be taken; a redirect, which `here` follows; an
            error, to be told with its body by `refused`; or that nothing of the file is missing.

        Raises:
            APIConnectionError: It is not the part that was asked for: to be asked again from the start.
            DownloadError: A redirect leads nowhere.
        """
        if status in _REDIRECTS:
            self._follow(headers.get("location"))
            return "redirect"
        found = _RANGE.match(headers.get("content-range", ""))
        total = int(found[3]) if found and found[3] != "*" else None
        if status == 416 and self._at:
            if total == self._at and self._total in {None, total}:
                self.is_whole = True
                return "whole"
            self._again("does not have the rest of the file")
        if status >= 300:
            return "refused"
        self._begin_file(status, headers, found, total)
        return "file"

    def _begin_file(
        self, status: int, headers: Mapping[str, str], found: re.Match[str] | None, total: int | None
    ) -> None:
        self._coding = headers.get("content-encoding", "").strip().lower().replace("identity", "")
        is_encoded = bool(self._coding)
        if status == 206 and found and found[1]:
            is_same = self._total is None or total in {None, self._total}
            etag = headers.get("etag")
            if self._validator and self._validator[0] == '"' and etag and etag != self._validator:
                is_same = False
            if int(found[1]) != self._at or not is_same or (is_encoded and self._at):
                self._again("answered with another part of the file than was asked for")
            self._total = total
        else:
            if status == 206 and self._at:
                self._again("answered with a part of the file and does not say which")
            self._restart()
            length = headers.get("content-length", "").strip()
            self._total = int(length) if length.isdigit() and not is_encoded else None
        self._is_unmeasured = self._total is None
        self._validator = None if is_encoded else _validator(headers)
        self._told()

    def take(self, piece: bytes) -> bool:
        """Take bytes of the file.

        Returns:
            Whether it is time to `flush`.

        Raises:
            DownloadError: They are no file but a text, or more than was announced.
        """
        self._waiting.append(piece)
        self._waiting_bytes += len(piece)
        self._at += len(piece)
        if not self._is_looked_at and self._waiting_bytes >= HEAD:
            self._look()
        if self._is_text:
            if self._waiting_bytes >= MOST_TEXT:
                raise self._no_file()
            return False
        if self._total is not None and self._at > self._total:
            raise DownloadError(f"The result has more bytes than the {self._total:,} that were announced.")
        if self._coding and self._at > self._most_unpacked:
            raise failures.too_long(self._most_unpacked)
        self._best = max(self._best, self._at)
        self._told()
        return self._is_looked_at and self._waiting_bytes >= FLUSH

    def flush(self) -> None:
        """Write what was taken. May be called in another thread.

        Raises:
            DownloadError: The disk is full, or fails.
        """
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        file = self._file
        if file is None:
            return
        try:
            for piece in waiting:
                file.write(piece)
        except (OSError, ValueError) as failure:  # ValueError: closed meanwhile, since the download was cancelled
            error = self._disk(failure)
        else:
            return
        raise error

    def end(self) -> None:
        """The bytes of an answer have ended.

        Raises:
            APIConnectionError: Too early.
            DownloadError: There were none, or no file but a text.
        """
        if not self._is_looked_at and self._at:
            self._look()
        if self._is_text:
            raise self._no_file()
        if self._total is not None and self._at < self._total:
            raise APIConnectionError(f"The result broke off after {self._at:,} of {self._total:,} bytes.")
        if not self._at:
            raise DownloadError(f"{self.here.shown} answered with no bytes at all.")
        if self._is_unmeasured and self._is_film:  # a relay that lost its own source ends its answer well
            self.flush()
            if self._file is not None and ends_within_a_box(self._file, self._at):
                raise APIConnectionError(f"The result broke off after {self._at:,} bytes, within a part of the film.")
        self.is_whole = True

    def finish(self) -> Path:
        """Put the whole file in its place.

        Raises:
            DownloadError: The disk is full or fails, or the target has come to be meanwhile.
        """
        self.flush()
        file, part, target = self._file, self._part, self._target
        if file is None or part is None:
            raise DownloadError("The download was ended.")
        try:
            file.close()
            if self._overwrite or not _placed(part, target):
                os.replace(part, target)
        except FileExistsError:
            error = self._exists()
        except OSError as failure:
            error = self._disk(failure)
        else:
            self._file = self._part = None
            return target
        raise error

    # --- errors -----------------------------------------------------------------------------------------------------

    def refused(self, response: Answer, body: bytes, *, is_fresh: bool) -> None:
        """Take an error's body.

        Args:
            response: The answer.
            body: As much of it as anybody reads.
            is_fresh: Whether no fresher address can be had.

        Raises:
            APIStatusError: The gateway refused it.
            DownloadError: Another host did. That has nothing to do with the key or the base URL.
        """
        status, headers = response.status_code, public_headers(response.headers)
        if status in {403, 410} and not (is_fresh or self._is_refreshed):
            self.is_stale = True
            return
        wait = retry_after(headers, time.time())
        if not self.is_abroad:
            raise error_from_response(status, headers, body, retry_after=wait)
        info = ResponseInfo(status, headers, body)
        words = words_in(info)
        error = DownloadError(f"{self.here.shown} answered {status}{f': {words}' if words else ''}.", response=info)
        error.is_retryable = status in {408, 425, 429} or (status >= 500 and status != 501)
        error.retry_after = wait
        raise error

    def failure(self, error: TikHubAIError) -> TikHubAIError:
        """The error to raise in the end: a DownloadError, unless the key, a setting or the job itself is at fault."""
        if not isinstance(error, _OF_THE_WAY) or isinstance(error, AuthenticationError):
            return error
        got = f" after {self._at:,} bytes" if self._at else ""
        failed = DownloadError(
            f"The result could not be downloaded{got}: {error.message.rstrip('. ')}. Download it again; "
            "do not create it again.",
            response=getattr(error, "response", None),
        )
        failed.is_retryable, failed.retry_after = error.is_retryable, getattr(error, "retry_after", None)
        failed.__cause__ = error
        return failed

    def _exists(self) -> DownloadError:
        return DownloadError(f"{self._target} is there already: give another name, or overwrite=True.")

    def _disk(self, failure: Exception) -> DownloadError:
        words = getattr(failure, "strerror", None) or str(failure)
        return DownloadError(f"{self._target} cannot be written: {words}. Nothing is left of the download.")

    def _no_file(self) -> DownloadError:
        body = b"".join(self._waiting)[:MOST_TEXT]
        info = ResponseInfo(200, {}, body)
        return DownloadError(
            f"{self.here.shown} answered with a text in place of the result: {words_in(info)}", response=info
        )

    # --- inside -----------------------------------------------------------------------------------------------------

    def _again(self, words: str) -> NoReturn:
        self._restart()
        raise APIConnectionError(f"{self.here.shown} {words}.")

    def _restart(self) -> None:
        self._waiting.clear()
        self._waiting_bytes = self._at = 0
        self._total = self._validator = None
        self._is_looked_at = self._is_text = False
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate()

    def _look(self) -> None:
        """What the first bytes are, whatever their label says."""
        head = b"".join(self._waiting)[:HEAD]
        self._is_looked_at = True
        kind = file_type(head)
        self._is_film = head[4:8] == b"ftyp"
        if kind is not None and kind.kind in {"video", "image", "audio"}:
            return
        if self._coding and not is_undone(self._coding):
            raise failures.not_decompressed(self.here.url, f"its content-encoding is {self._coding[:40]!r}")
        self._is_text = is_text(head)
        if not self._is_text:
            what = kind.mime_type if kind else head[:8].hex(" ")
            warn(f"The result does not begin as a video or an image does ({what}); it is kept as it came.")

    def _told(self) -> None:
        if self._on_progress is not None:
            self._on_progress(self._at, self._total)


def _validator(headers: Mapping[str, str]) -> str | None:
    """What tells whether it is still the same file: a strong ETag, else a date that is old enough to be as strong."""
    if headers.get("accept-ranges", "").strip().lower() == "none":
        return None
    etag = headers.get("etag", "").strip()
    if etag.startswith('"'):
        return etag
    modified = headers.get("last-modified")
    try:
        at = parsedate_to_datetime(modified or "")
        now = parsedate_to_datetime(headers["date"]) if "date" in headers else None
    except (ValueError, TypeError):
        return None
    return modified if now is None or (now - at).total_seconds() >= 1 else None


def _placed(part: Path, target: Path) -> bool:
    """Give a file its name where no other has it; False where the file system cannot do that in one step.

    Raises:
        FileExistsError: Another one has it.
    """
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:
        if os.path.lexists(target):
            raise FileExistsError(target) from None
        return False
    part.unlink()
    return True
