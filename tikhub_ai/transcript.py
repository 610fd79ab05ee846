"""What was said in a recording: the neutral values of transcription, as subtitles too. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from tikhub_ai.conversation import Usage
from tikhub_ai.languages import CODES
from tikhub_ai.secret_values import SecretHeaders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tikhub_ai.wire import Upload

TimestampGranularity: TypeAlias = Literal["word", "segment"]

_CUE_SECONDS = 6.0
_CUE_CHARACTERS = 80
"""A cue made of words ends before it is longer than these."""


@dataclass(slots=True)
class Word:
    """A word and when it was said.

    Attributes:
        word: The word, without blanks around it.
        start: Seconds from the recording's beginning.
        end: Seconds from the recording's beginning.
        speaker: Who said it; None where the answer does not tell.
    """

    word: str
    start: float
    end: float
    speaker: str | None = None


@dataclass(slots=True)
class Segment:
    """A stretch of speech.

    Attributes:
        text: What was said, without blanks around it.
        start: Seconds from the recording's beginning.
        end: Seconds from the recording's beginning. May exceed the recording's length by a little.
        speaker: Who said it: `A`, `speaker_1`, a name that was given; None where the answer does not tell.
        id: The wire's own, as text; None where it has none.
        words: Its words, where the wire nests them in segments.
        raw: The wire's object, unchanged.
    """

    text: str
    start: float
    end: float
    speaker: str | None = None
    id: str | None = None
    words: list[Word] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(slots=True)
class Transcript:
    """What was said in a recording.

    Attributes:
        text: All of it, without blanks around it, cue marks or speakers' names.
        segments: Stretches of speech, where the answer tells them.
        words: Words with their times, where the answer tells them: on top, or in its segments.
        language: As the answer says it: a name (`english`) or a code (`en`); None where it does not.
        duration: The recording's length in seconds; None where the answer does not tell.
        usage: Tokens. A model that counts seconds has them in `usage.raw` alone.
        logprobs: The wire's log probabilities of the text's tokens, unchanged; None where none were asked for.
        raw: The answer: its JSON value, or its text where it is none (text, srt, vtt).
    """

    text: str = ""
    segments: list[Segment] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    language: str | None = None
    duration: float | None = None
    usage: Usage = field(default_factory=Usage)
    logprobs: list[Any] | None = None
    raw: Any = field(default=None, repr=False)

    @property
    def speakers(self) -> list[str]:
        """The speakers, each once, in the order in which they first speak."""
        parts: list[Segment | Word] = [*self.segments, *self.words]
        return list(dict.fromkeys(part.speaker for part in parts if part.speaker))

    @property
    def language_code(self) -> str | None:
        """`language` as an ISO 639 code, such as `en`; unchanged where it is neither a known name nor a code."""
        if self.language is None:
            return None
        return CODES.get(self.language.strip().lower(), self.language)

    @property
    def end(self) -> float | None:
        """Seconds at which the last segment or word ends; None where the answer tells no times."""
        parts: list[Segment | Word] = [*self.segments, *self.words]
        return max((part.end for part in parts), default=None)

    def to_srt(self) -> str:
        """The transcript as SubRip subtitles.

        Raises:
            ValueError: It tells no times.
        """
        cues = (
            f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{_named(cue)}\n\n"
            for number, cue in enumerate(self._cues(), 1)
        )
        return "".join(cues)

    def to_vtt(self) -> str:
        """The transcript as WebVTT subtitles.

        Raises:
            ValueError: It tells no times.
        """
        cues = (f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{_voiced(cue)}\n\n" for cue in self._cues())
        return "WEBVTT\n\n" + "".join(cues)

    def _cues(self) -> list[Segment]:
        if self.segments:
            return [segment for segment in self.segments if segment.text]
        if self.words:
            return list(_cues_of(self.words))
        if not self.text:
            return []
        if self.duration:
            return [Segment(self.text, 0.0, self.duration)]
        raise ValueError(
            "This transcript tells no times. Ask for them: timestamps=('segment',), with a model that can."
        )


@dataclass(slots=True)
class TranscriptEvent:
    """What a streamed transcription hands out.

    Attributes:
        kind: `delta` for further text, `segment` for a whole segment with its times and speaker, `done` at the end.
        text: The further text as it came, blanks included; the segment's; at the end all of it.
        segment: The segment; None for the other kinds.
        transcript: At the end, the whole transcript; None before.
    """

    kind: Literal["delta", "segment", "done"]
    text: str = ""
    segment: Segment | None = None
    transcript: Transcript | None = None


@dataclass(slots=True)
class TranscriptionRequest:
    """What is asked of a transcription.

    Attributes:
        model: Model name.
        file: The recording.
        language: ISO 639-1 code of what is spoken, or several that may be (`gpt-transcribe` alone); None leaves it to
            the model, which is best unless you know it.
        prompt: Words that guide spelling and style.
        temperature: From 0 to 1; None is the model's own.
        response_format: `json`, `text`, `srt`, `verbose_json`, `vtt` or `diarized_json`; None is the one that holds
            what else is asked for.
        timestamps: What times are wanted of.
        speakers: Whether speakers are to be told apart.
        known_speakers: Names, each with 2 to 10 seconds of that voice as a `data:` URL.
        chunking: `auto`, or the fields of a `server_vad` object; None leaves it out, but for telling speakers apart,
            which needs it.
        logprobs: Whether log probabilities are wanted.
        stream: Whether the text is wanted as it is made.
        brackets: Whether a list's field is written `name[]`, as OpenAI reads it, or `name`, as some servers do.
        extra_body: Further fields; they win over ours, but for the file. A list is sent as `name[]`, a mapping as
            `name[key]`.
        extra_headers: Further headers. Secret.
    """

    model: str
    file: Upload
    language: str | tuple[str, ...] | None = None
    prompt: str | None = None
    temperature: float | None = None
    response_format: str | None = None
    timestamps: tuple[str, ...] = ()
    speakers: bool = False
    known_speakers: Mapping[str, str] = field(default_factory=dict, repr=False)
    chunking: str | Mapping[str, Any] | None = None
    logprobs: bool = False
    stream: bool = False
    brackets: bool = True
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    extra_headers: Mapping[str, str] | SecretHeaders | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.extra_headers = SecretHeaders.of(self.extra_headers)


def _clock(seconds: float, mark: str) -> str:
    """A time as subtitles write it, to the millisecond."""
    whole = max(0, round(seconds * 1000))
    minutes, milliseconds = divmod(whole, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{milliseconds // 1000:02}{mark}{milliseconds % 1000:03}"


def _lines(text: str) -> str:
    """Text that a cue can hold: a blank line would end it, and an arrow begins the next."""
    return "\n".join(line for line in text.splitlines() if line.strip()).replace("-->", "->")


def _named(cue: Segment) -> str:
    return _lines(f"{cue.speaker}: {cue.text}" if cue.speaker else cue.text)


def _voiced(cue: Segment) -> str:
    text = _escaped(_lines(cue.text))
    return f"<v {_escaped(' '.join(cue.speaker.split()))}>{text}</v>" if cue.speaker else text


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cues_of(words: Iterable[Word]) -> Iterator[Segment]:
    """Cues made of words: a new one where it grows long, or another speaks."""
    cue: Segment | None = None
    for word in words:
        if (
            cue is None
            or word.speaker != cue.speaker
            or word.end - cue.start > _CUE_SECONDS
            or len(cue.text) + len(word.word) >= _CUE_CHARACTERS
        ):
            if cue is not None:
                yield cue
            cue = Segment(word.word, word.start, word.end, word.speaker)
        else:
            cue.text, cue.end = f"{cue.text} {word.word}", word.end
    if cue is not None:
        yield cue
