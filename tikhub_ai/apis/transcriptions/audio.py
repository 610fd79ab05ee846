"""What can be told of a recording before it is sent: its format, its name, its length, whether it is too large.

The extension of the file's name decides the format at the provider, so a missing or wrong one is a 400 for a good file
(openai-python#2315, vercel/ai#17352).
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from tikhub_ai.errors import InvalidRequestError, warn
from tikhub_ai.file_types import FileType, file_type
from tikhub_ai.wire import FilePart

if TYPE_CHECKING:
    from tikhub_ai.wire import Upload

MAX_BYTES = 25 * 1024 * 1024
"""OpenAI's limit. Gateways and other servers have lower and higher ones."""
MAX_SECONDS = 1400
"""What `gpt-4o-*transcribe*` and `gpt-transcribe` take; whisper-1 has no such limit."""

_MIME_TYPES = {
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "mpeg": "audio/mpeg",
    "mpga": "audio/mpeg",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "wav": "audio/wav",
    "webm": "video/webm",
}
"""The extensions that OpenAI reads."""
_ALIKE = (
    frozenset({"mp3", "mpga", "mpeg"}),
    frozenset({"m4a", "mp4", "m4b", "mov", "3gp", "3g2"}),
    frozenset({"ogg", "oga", "opus", "ogv", "spx"}),
    frozenset({"webm", "weba", "mkv", "mka"}),
    frozenset({"wav", "wave"}),
    frozenset({"flac", "fla"}),
)
"""Extensions of one container: a name with one is right for content that would be named with another."""


def part_of(upload: Upload) -> FilePart:
    """The file as a part of the form, under a name that says what it is.

    Warns where name and content disagree, and where neither tells the format.

    Raises:
        InvalidRequestError: It is empty, or no recording.
    """
    if upload.size == 0:
        raise InvalidRequestError(f"The file {upload.filename or ''} is empty: there is nothing to transcribe.")
    kind = file_type(upload.head)
    if kind is not None and kind.kind not in {"audio", "video"}:
        name = f" {upload.filename}" if upload.filename else ""
        raise InvalidRequestError(f"The file{name} is no recording: its first bytes are {kind.mime_type}.")
    filename = _named(upload.filename, kind)
    extension = _extension(filename)
    return FilePart(
        "file", filename, _MIME_TYPES.get(extension) or (kind.mime_type if kind else "application/octet-stream"), upload
    )


def warn_of_limits(upload: Upload, model: str) -> None:
    """Warn where the file is larger or longer than OpenAI takes, since that shows only after a long upload."""
    if upload.size is not None and upload.size > MAX_BYTES:
        warn(
            f"{upload.filename or 'The file'} has {upload.size:,} bytes ({upload.size / 2**20:.1f} MiB). OpenAI takes "
            f"{MAX_BYTES:,} (25 MiB) at most, other servers more or less. Compress it, or cut it into pieces."
        )
    seconds = seconds_of(upload)
    if seconds is not None and seconds > MAX_SECONDS and model.rpartition("/")[2].startswith("gpt-"):
        warn(
            f"{upload.filename or 'The file'} lasts {seconds:,.0f} s. {model} takes {MAX_SECONDS:,} s at most at "
            "OpenAI: cut it into pieces, or use whisper-1."
        )


def seconds_of(upload: Upload) -> float | None:
    """How long a recording lasts, where its header tells (WAV, FLAC).

    A WAV that was written as a stream has no true length in its header (0, or all bits set), so the size of what is
    there wins over what the header says.
    """
    if upload.head[:4] in {b"RIFF", b"RF64", b"BW64"}:
        return _wav_seconds(upload.head, upload.size)
    if upload.head[:4] == b"fLaC" and len(upload.head) >= 26:
        packed = int.from_bytes(upload.head[18:26], "big")
        rate, samples = packed >> 44, packed & 0xFFFFFFFFF
        return samples / rate if rate and samples else None
    return None


def _wav_seconds(head: bytes, size: int | None) -> float | None:
    at, rate = 12, 0
    while at + 8 <= len(head):
        name, length = head[at : at + 4], int.from_bytes(head[at + 4 : at + 8], "little")
        at += 8
        if name == b"fmt " and at + 12 <= len(head):
            rate = int.from_bytes(head[at + 8 : at + 12], "little")
        if name == b"data":
            there = None if size is None else max(0, size - at)
            if length in {0, 0xFFFFFFFF}:
                length = there or 0
            elif there is not None:
                length = min(length, there)
            return length / rate if rate and length else None
        at += length + length % 2
    return None


def _named(filename: str, kind: FileType | None) -> str:
    """The name to send. Its extension is one that OpenAI reads, and that fits the content where that can be told."""
    name = PurePosixPath(filename.replace("\\", "/")).name
    extension = _extension(name)
    if kind is None:
        if extension not in _MIME_TYPES:
            warn(
                f"Neither the name {name!r} nor its first bytes tell the file's format, which most servers refuse. "
                f"Give filename= with one of the extensions {', '.join(_MIME_TYPES)}."
            )
        return name or "audio"
    due = next((alike for alike in _ALIKE if kind.extension in alike), frozenset({kind.extension}))
    if extension in due and extension in _MIME_TYPES:
        return name
    stem = PurePosixPath(name).stem if extension else name
    mended = f"{stem or 'audio'}.{_readable(kind.extension, due)}"
    if extension and extension not in due:
        warn(f"{name} is {kind.mime_type} by its first bytes, so it is sent as {mended}: the name decides the format.")
    return mended


def _readable(extension: str, alike: frozenset[str]) -> str:
    """The extension that OpenAI reads, among those of one container."""
    if extension in _MIME_TYPES:
        return extension
    return next((name for name in ("mp4", "webm", "ogg") if name in alike), extension)


def _extension(filename: str) -> str:
    return PurePosixPath(filename).suffix[1:].lower()
