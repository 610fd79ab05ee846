"""What the errors of a transcription mean beyond their status."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING

from tikhub_ai.apis.transcriptions.audio import MAX_BYTES, MAX_SECONDS, seconds_of
from tikhub_ai.errors import APIStatusError, ModelNotFoundError, TikHubAIError

if TYPE_CHECKING:
    from tikhub_ai.wire import FilePart

_FORMAT = re.compile(r"unsupported_format|unrecognized file format|invalid file format|could not be decoded", re.I)
_TOO_LONG = re.compile(r"longer than \d+ seconds|audio duration|too long", re.IGNORECASE)


def judge(error: TikHubAIError, file: FilePart, model: str) -> TikHubAIError:
    """The error, with what is known of the file where it speaks of that; not to be tried again where that is vain."""
    if not isinstance(error, APIStatusError):
        return error
    size = file.upload.size
    hint = ""
    if error.status_code == 413:
        told = "" if size is None else f"{file.filename} has {size:,} bytes ({size / 2**20:.1f} MiB). "
        hint = (
            f"{told}OpenAI takes {MAX_BYTES:,} (25 MiB) at most; this gateway, or a proxy before it, may take less. "
            "Compress the recording, or cut it into pieces."
        )
    elif error.status_code in {404, 405, 501} and not isinstance(error, ModelNotFoundError):
        hint = "Where the gateway serves transcription at another path, give paths={'transcriptions': ...}."
    elif _FORMAT.search(f"{error.code} {error.message}"):
        hint = (
            f"It was sent as {file.filename}, {file.content_type}; its first bytes are {file.upload.head[:12]!r}. Give "
            "filename= with the right extension, or convert it to mp3 or wav."
        )
    elif error.status_code == 400 and _TOO_LONG.search(error.message):
        seconds = seconds_of(file.upload)
        told = "" if seconds is None else f"{file.filename} lasts {seconds:,.0f} s. "
        hint = f"{told}{model} takes {MAX_SECONDS:,} s at most at OpenAI: cut it into pieces, or use whisper-1."
    judged = copy.copy(error) if hint else error
    if hint:
        judged.message = f"{error.message.rstrip('. ')}. {hint}"
        judged.args = (judged.message,)
    if _is_vain(error):
        judged.is_retryable = False
    return judged


def _is_vain(error: APIStatusError) -> bool:
    """Servers that cannot read a recording say no more than this: it would be uploaded, and paid, again for nothing."""
    body = error.response.body.strip() if error.response else b""
    return error.status_code == 500 and body in {b"Internal Server Error", b'"Internal Server Error"'}
