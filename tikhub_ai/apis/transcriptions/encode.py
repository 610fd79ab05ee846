"""A transcription's request on the wire: a multipart form, its fields in the order of OpenAI's own client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tikhub_ai.apis.form import form_fields
from tikhub_ai.apis.transcriptions.audio import part_of, warn_of_limits
from tikhub_ai.apis.transcriptions.errors import judge
from tikhub_ai.errors import InvalidRequestError, warn
from tikhub_ai.wire import ApiRequest, FilePart, FormField

if TYPE_CHECKING:
    from typing import Any

    from tikhub_ai.transcript import TranscriptionRequest

PATH = "/v1/audio/transcriptions"

_ACCEPT = "application/json, text/plain, text/vtt, */*;q=0.5"
_MAX_SPEAKERS = 4


def encode(request: TranscriptionRequest, path: str = PATH) -> ApiRequest:
    """The request on the wire. Warns of what the file's size and name, or the formats, make unlikely to succeed.

    Args:
        request: What is asked.
        path: Where, below the base URL.

    Raises:
        InvalidRequestError: The file is empty or no recording, or a field cannot be sent.
    """
    if not request.model:
        raise InvalidRequestError("No transcription model was named: give model=, such as 'whisper-1'.")
    file = part_of(request.file)
    warn_of_limits(request.file, request.model)
    form: list[FormField | FilePart] = []
    for name, value in (_fields(request) | dict(request.extra_body)).items():
        if name != "file":
            form += form_fields(name, value, brackets=request.brackets)
    form.append(file)
    return ApiRequest(
        path,
        form=form,
        accept="text/event-stream, application/json" if request.stream else _ACCEPT,
        extra_headers=request.extra_headers,
        retry_when_sent=request.file.is_seekable,
        judge=lambda error: judge(error, file, request.model),
    )


def response_format(request: TranscriptionRequest) -> str:
    """The format to ask for: the one given, else the one that holds what else is asked for."""
    if request.response_format is not None:
        return request.response_format
    if request.speakers or request.known_speakers or _is_diarizing(request.model):
        return "diarized_json"
    return "verbose_json" if request.timestamps else "json"


def _is_diarizing(model: str) -> bool:
    return "diarize" in model.lower()


def _fields(request: TranscriptionRequest) -> dict[str, Any]:
    """The form's fields by the names that a list has without brackets."""
    asked = response_format(request)
    diarized = asked == "diarized_json" or _is_diarizing(request.model)
    chunking = request.chunking
    if chunking is None and diarized:
        chunking = "auto"  # without it, recordings of more than 30 s are refused
    if isinstance(chunking, dict) and "type" not in chunking:
        chunking = {"type": "server_vad", **chunking}
    if len(request.known_speakers) > _MAX_SPEAKERS:
        warn(f"{len(request.known_speakers)} known speakers were given; OpenAI takes {_MAX_SPEAKERS} at most.")
    timestamps = request.timestamps
    if timestamps and diarized:  # refused by the wire; segments have their times there anyway
        if "word" in timestamps:
            warn("Times of words are not to be had together with speakers: only segments have them.")
        timestamps = ()
    elif timestamps and asked != "verbose_json":
        warn(f"response_format={asked!r} holds no timestamps: leave it out, or use 'verbose_json'.")
    several = None if request.language is None or isinstance(request.language, str) else request.language
    return {
        "model": request.model,
        "chunking_strategy": chunking,
        "include": ("logprobs",) if request.logprobs else None,
        "known_speaker_names": tuple(request.known_speakers) or None,
        "known_speaker_references": tuple(request.known_speakers.values()) or None,
        "language": None if several else request.language,
        "languages": several,
        "prompt": request.prompt,
        "response_format": asked,
        "stream": True if request.stream else None,
        "temperature": request.temperature,
        "timestamp_granularities": timestamps or None,
    }
