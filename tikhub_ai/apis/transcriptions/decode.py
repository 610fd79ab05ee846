"""What a server answers to a recording, read by its content, whatever was asked.

Servers take a format that they do not know for one that they do, ignore `stream`, and label WebVTT as plain text
(`media_api.md` §3.2). So one decoder reads whole answers and events alike.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import orjson

from tikhub_ai.apis.openai_usage import usage_of
from tikhub_ai.apis.payloads import payloads_of, says_done
from tikhub_ai.apis.transcriptions.subtitles import is_subtitles, segments_in
from tikhub_ai.conversation import Usage
from tikhub_ai.error_bodies import error_from_payload, error_in_body, request_id_of
from tikhub_ai.errors import IncompleteStreamError, InvalidResponseError, warn
from tikhub_ai.transcript import Segment, Transcript, TranscriptEvent, Word
from tikhub_ai.wire import ServerSentEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tikhub_ai.wire import ApiResponse

_SHORTEST_GAP = 40.0
"""Seconds of recording after the last word that make a warning, where they are a tenth of it too."""
_NO_JSON = object()


def decode(response: ApiResponse, *, seconds: float | None = None) -> Transcript:
    """The transcript that a 2xx answer holds.

    Args:
        response: The answer.
        seconds: How long the recording lasts, where that is known; warns where its words end long before.

    Raises:
        APIStatusError: The answer is an error in spite of its status.
        InvalidResponseError: It holds no transcript.
        IncompleteStreamError: It is an event stream that was cut.
    """
    decoder = TranscriptDecoder()
    decoder.body(response)
    transcript = decoder.transcript()
    if not decoder.is_complete:
        raise IncompleteStreamError(
            "The transcription ended before its finish marker: what had come is in .partial.", partial=transcript
        )
    warn_of_silence(transcript, seconds)
    return transcript


def warn_of_silence(transcript: Transcript, seconds: float | None = None) -> None:
    """Warn where the words end long before the recording does: some servers lose the rest without an error.

    Args:
        transcript: What came.
        seconds: How long the recording lasts; None takes what the answer says.
    """
    whole, end = seconds or transcript.duration, transcript.end
    if whole and end is not None and whole - end > max(_SHORTEST_GAP, whole / 10):
        warn(
            f"The transcript ends at {end:,.0f} s of {whole:,.0f} s: the rest may be silent, or may have been lost. "
            "Check it, or send the recording in pieces."
        )


class TranscriptDecoder:
    """Makes events of one answer, streamed or whole."""

    __slots__ = ("_logprobs", "_said", "_transcript", "is_complete", "is_done")

    def __init__(self) -> None:
        self.is_complete = False
        """Whether the finish marker has come."""
        self.is_done = False
        """Whether the wire has said that nothing follows."""
        self._transcript = Transcript()
        self._said: list[str] = []
        self._logprobs: list[Any] = []

    def transcript(self) -> Transcript:
        """What has come so far; the whole transcript once `is_complete`."""
        if not self.is_complete:
            self._transcript.text = self._text()
            self._transcript.logprobs = self._logprobs or None
        return self._transcript

    def event(self, event: ServerSentEvent) -> Sequence[TranscriptEvent]:
        """Take one event of a stream.

        Raises:
            APIStatusError: The event is an error.
            InvalidResponseError: It is no JSON.
        """
        found: list[TranscriptEvent] = []
        for payload in () if event.data.strip() == b"[DONE]" else payloads_of(event.data):
            if isinstance(payload, dict):
                self._payload(payload, event.event, found)
        if says_done(event.data):
            self.is_done = True
        return found

    def body(self, response: ApiResponse) -> Sequence[TranscriptEvent]:
        """Take a whole answer: one delta and the end, or what the events in it make.

        Raises:
            APIStatusError: The answer is an error in spite of its status.
            InvalidResponseError: It holds no transcript.
        """
        text = response.body.decode("utf-8", "replace").removeprefix("\ufeff")
        if text.startswith(("data:", "event:")):
            return [made for event in _events(text) for made in self.event(event)]
        payload = _parsed(text)
        if not _has_words(payload) and (error := _error_in(payload)) is not None:
            raise error_from_payload(error, response.headers)
        if isinstance(payload, dict):
            if not _is_transcript(payload):
                raise _invalid(response, "a JSON object without a text")
            self._transcript = _from_json(payload)
        elif isinstance(payload, list) and any("text" in item for item in _dicts(payload)):
            self._transcript = _from_json({"segments": _dicts(payload)})
        elif isinstance(payload, str) or _is_text(text, response):
            self._transcript = _from_text(payload if isinstance(payload, str) else text)
        else:
            raise _invalid(response, _kind_of(text))
        self.is_complete = self.is_done = True
        whole = self._transcript
        delta = [TranscriptEvent("delta", whole.text)] if whole.text else []
        return [*delta, TranscriptEvent("done", whole.text, transcript=whole)]

    def _payload(self, payload: dict[str, Any], name: str, found: list[TranscriptEvent]) -> None:
        kind = _string(payload.get("type")) or name
        if payload.get("error") or kind == "error":
            raise error_from_payload(payload, {})
        if kind.endswith("text.delta"):
            text = _string(payload.get("delta"))
            self._said.append(text)
            if isinstance(logprobs := payload.get("logprobs"), list):
                self._logprobs += logprobs
            if text:
                found.append(TranscriptEvent("delta", text))
        elif kind.endswith("text.segment"):
            segment = _segment(payload)
            self._transcript.segments.append(segment)
            self._transcript.words += segment.words
            found.append(TranscriptEvent("segment", segment.text, segment))
        elif kind.endswith("text.done") or (not kind and _is_transcript(payload)):
            found.append(self._done(payload))

    def _done(self, payload: dict[str, Any]) -> TranscriptEvent:
        """The end. What it does not say again is what came before."""
        so_far, said = self._transcript, self._text()
        whole = _from_json(payload)
        whole.text = whole.text or said
        whole.segments = whole.segments or so_far.segments
        whole.words = whole.words or so_far.words
        whole.logprobs = whole.logprobs or self._logprobs or None
        self._transcript = whole
        self.is_complete = self.is_done = True
        return TranscriptEvent("done", whole.text, transcript=whole)

    def _text(self) -> str:
        return "".join(self._said).strip() or _joined(self._transcript.segments)


def _is_transcript(payload: dict[str, Any]) -> bool:
    return isinstance(payload.get("text"), str) or isinstance(payload.get("segments"), list) or "words" in payload


def _has_words(payload: Any) -> bool:
    """Whether an answer says something, whatever stands beside it."""
    if isinstance(payload, list):
        return any(item.get("text") for item in _dicts(payload))
    return not isinstance(payload, dict) or bool(payload.get("text")) or _has_words(payload.get("segments") or [])


def _error_in(payload: Any) -> dict[str, Any] | None:
    """The error that an answer is; servers of this wire that are written with FastAPI say `detail`."""
    if isinstance(payload, dict) and "detail" in payload and not _is_transcript(payload):
        return payload
    return error_in_body(payload)


def _from_json(payload: dict[str, Any]) -> Transcript:
    segments = [_segment(item) for item in _dicts(payload.get("segments"))]
    words = [_word(item, None) for item in _dicts(payload.get("words"))]
    logprobs = payload.get("logprobs")
    return Transcript(
        text=_string(payload.get("text")).strip() or _joined(segments),
        segments=segments,
        words=words or [word for segment in segments for word in segment.words],
        language=_language(payload),
        duration=_number(payload.get("duration")),
        usage=_usage(payload.get("usage")),
        logprobs=logprobs if isinstance(logprobs, list) else None,
        raw=payload,
    )


def _from_text(text: str) -> Transcript:
    if is_subtitles(text):
        segments = segments_in(text)
        return Transcript(" ".join(" ".join(segment.text.split()) for segment in segments), segments, raw=text)
    return Transcript(text.strip(), raw=text)


def _joined(segments: Sequence[Segment]) -> str:
    return " ".join(segment.text for segment in segments if segment.text)


def _segment(item: dict[str, Any]) -> Segment:
    speaker = item.get("speaker") if item.get("speaker") is not None else item.get("speaker_id")
    name = None if speaker is None or isinstance(speaker, (dict, list)) else str(speaker)
    start = _number(item.get("start")) or 0.0
    end = _number(item.get("end"))
    found = item.get("id")
    return Segment(
        _string(item.get("text")).strip(),
        start,
        start if end is None else end,
        speaker=name or None,
        id=str(found) if isinstance(found, (str, int)) else None,
        words=[_word(word, name or None) for word in _dicts(item.get("words"))],
        raw=item,
    )


def _word(item: dict[str, Any], speaker: str | None) -> Word:
    text = _string(item.get("word")) or _string(item.get("text"))
    start = _number(item.get("start")) or 0.0
    end = _number(item.get("end"))
    own = item.get("speaker") if item.get("speaker") is not None else item.get("speaker_id")
    return Word(
        text.strip(),
        start,
        start if end is None else end,
        str(own) if isinstance(own, (str, int)) and own != "" else speaker,
    )


def _language(payload: dict[str, Any]) -> str | None:
    """The language; the first where the answer tells several."""
    if language := _string(payload.get("language")):
        return language
    several = payload.get("languages")
    for item in several if isinstance(several, list) else ():
        if code := _string(item.get("code") if isinstance(item, dict) else item):
            return code
    return None


def _usage(raw: Any) -> Usage:
    if not isinstance(raw, dict):
        return Usage()
    given, made = ("input_tokens", "output_tokens") if "input_tokens" in raw else ("prompt_tokens", "completion_tokens")
    usage = usage_of({"input_tokens_details": raw.get("input_token_details"), **raw}, given=given, made=made)
    usage.raw = raw
    return usage


def _number(value: Any) -> float | None:
    """A number of seconds, which may be a string."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _parsed(text: str) -> Any:
    """The JSON value; a number or a word alone is what somebody said, and no JSON."""
    start = text.lstrip()[:1]
    if start not in {"{", "[", '"'}:
        return _NO_JSON
    try:
        return orjson.loads(text)
    except ValueError:
        return _NO_JSON


def _is_text(text: str, response: ApiResponse) -> bool:
    """Whether a body that is no JSON is a transcript. JSON that was cut is none, nor is a page of HTML.

    Nothing at all is the transcript of silence where a text was due.
    """
    if is_subtitles(text):
        return True
    label = response.headers.get("content-type", "").lower()
    if "html" in label or text.lstrip()[:9].lower().startswith(("<!doctype", "<html")):
        return False
    return "json" not in label and (bool(text.strip()) or "text/" in label) and not text.lstrip().startswith('{"')


def _kind_of(text: str) -> str:
    start = text.strip()[:80]
    return "an HTML page" if start.startswith("<") else "an empty body" if not start else f"{start!r}"


def _invalid(response: ApiResponse, found: str) -> InvalidResponseError:
    info = response.info
    return InvalidResponseError(
        f"The gateway answered {response.status_code} with {found} where a transcript was due. Check base_url, "
        "response_format and paths={'transcriptions': ...}.",
        status_code=response.status_code,
        request_id=request_id_of(info.headers),
        response=info,
    )


def _events(text: str) -> list[ServerSentEvent]:
    """The events of a stream that came as one body, unasked."""
    events = []
    for block in text.replace("\r\n", "\n").replace("\r", "\n").split("\n\n"):
        lines = block.split("\n")
        data = "\n".join(line[5:].removeprefix(" ") for line in lines if line.startswith("data:"))
        name = next((line[6:].strip() for line in lines if line.startswith("event:")), "")
        if data:
            events.append(ServerSentEvent(name, data.encode()))
    return events
