"""A transcript as passages of text with metadata: what both frameworks make documents of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, cast, get_args

from tikhub_ai.errors import ConfigurationError
from tikhub_ai.http.sources import FileSource
from tikhub_ai.secret_values import seal
from tikhub_ai.transcription import Transcriber, TranscriptionOptions

if TYPE_CHECKING:
    from tikhub_ai.transcript import Segment, Transcript

PassageMode: TypeAlias = Literal["text", "segments", "srt", "vtt"]
"""What becomes a document: the whole text, each segment with its times, or the whole as subtitles."""


class Passage(NamedTuple):
    """A piece of a transcript.

    Attributes:
        text: What was said.
        metadata: `source`, `language`, and for a segment `start` and `end` in seconds and `speaker`. What is not known
            is left out.
    """

    text: str
    metadata: dict[str, Any]


def checked_mode(mode: str) -> PassageMode:
    """A mode that is known.

    Raises:
        ConfigurationError: It is not.
    """
    if mode not in get_args(PassageMode):
        raise ConfigurationError(
            f"mode={mode!r} is not known. Use one of {', '.join(map(repr, get_args(PassageMode)))}."
        )
    return cast("PassageMode", mode)


def options_for(mode: PassageMode, options: dict[str, Any]) -> dict[str, Any]:
    """A transcription's options, with segments' timestamps where the mode needs them and nothing asks for times."""
    has_times = options.get("timestamps") or options.get("speakers") or options.get("response_format")
    return options if mode == "text" or has_times else {**options, "timestamps": ("segment",)}


def passages_of(transcript: Transcript, mode: PassageMode, source: str | None) -> list[Passage]:
    """The passages of a transcript; none where nothing was said.

    Args:
        transcript: What was said.
        mode: What becomes a passage. Without segments in the transcript, `segments` is one passage of the whole text.
        source: Where the recording comes from.

    Raises:
        ValueError: Subtitles are asked for, and the transcript tells no times.
    """
    known = {"source": source, "language": transcript.language_code}
    match mode:
        case "srt":
            texts = [transcript.to_srt()]
        case "vtt":
            texts = [transcript.to_vtt() if transcript.text else ""]
        case "segments" if transcript.segments:
            return [
                _passage(segment.text, {**_times(segment), **known}) for segment in transcript.segments if segment.text
            ]
        case _:
            texts = [transcript.text]
    return [_passage(text, {**known, "duration": transcript.duration}) for text in texts if text]


def _times(segment: Segment) -> dict[str, Any]:
    return {"start": segment.start, "end": segment.end, "speaker": segment.speaker}


def _passage(text: str, metadata: dict[str, Any]) -> Passage:
    return Passage(text, {name: value for name, value in metadata.items() if value is not None})


class PassageReader:
    """Recordings in, passages out: a transcriber, what to ask of it, and what becomes a passage.

    Args:
        transcriber: The client; None makes one from `given`.
        mode: `text`, `segments`, `srt` or `vtt`.
        **given: Options of each transcription, such as `language` and `speakers`; the others go to the client.

    Raises:
        ConfigurationError: The mode is not known, or a setting cannot work.
        TypeError: An argument is not known, or settings are given beside a client.
    """

    def __init__(self, transcriber: Transcriber | None = None, mode: str = "text", **given: Any) -> None:
        given = seal(given)
        self.mode = checked_mode(mode)
        names = TranscriptionOptions.__annotations__.keys() - (
            {"timeout", "extra_body"} if transcriber is None else set()
        )
        options = {name: value for name, value in given.items() if name in names}
        settings = {name: value for name, value in given.items() if name not in names}
        if transcriber is not None and settings:
            raise TypeError(f"{', '.join(map(repr, sorted(settings)))}: give it to the transcriber.")
        self.transcriber = Transcriber(**settings) if transcriber is None else transcriber
        self.options = options_for(self.mode, options)

    def read(self, file: FileSource, source: str | None) -> list[Passage]:
        """The passages of a recording.

        Args:
            file: As for `Transcriber.transcribe`.
            source: What the metadata call it.

        Raises:
            TikHubAIError: A member of the tree.
        """
        return passages_of(self.transcriber.transcribe(file, **self.options), self.mode, source)

    async def aread(self, file: FileSource, source: str | None) -> list[Passage]:
        """`read`, async."""
        return passages_of(await self.transcriber.atranscribe(file, **self.options), self.mode, source)
