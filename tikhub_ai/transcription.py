"""Transcriber: a recording in, its words out. Sync and async, whole and streamed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, cast

from pydantic import Field

from tikhub_ai.apis import transcriptions as codec
from tikhub_ai.apis.jobs.images import data_uri
from tikhub_ai.apis.jobs.paths import checked_paths
from tikhub_ai.apis.transcriptions.audio import seconds_of
from tikhub_ai.apis.transcriptions.decode import warn_of_silence
from tikhub_ai.errors import InvalidRequestError
from tikhub_ai.field_docs import documented
from tikhub_ai.http.reader import StreamReader
from tikhub_ai.http.sources import FileSource, image_of, upload_of
from tikhub_ai.media_client import MediaClient
from tikhub_ai.progress import progress_bar
from tikhub_ai.secret_values import seal
from tikhub_ai.transcript import Transcript, TranscriptEvent, TranscriptionRequest

if TYPE_CHECKING:
    from tikhub_ai.wire import ApiRequest, ApiResponse, Upload

DEFAULT_MODEL = "whisper-1"
RESPONSE_FORMATS = ("json", "text", "srt", "verbose_json", "vtt", "diarized_json")
GRANULARITIES = ("word", "segment")


class TranscriptionOptions(TypedDict, total=False):
    """What may be asked of a transcription. None says nothing."""

    language: str | Sequence[str] | None
    """ISO 639-1 code of what is spoken, such as `en`; for `gpt-transcribe` also several that may be. Default: the model
    finds out."""
    prompt: str | None
    """Words that guide spelling and style. Not together with `speakers`."""
    temperature: float | None
    """From 0 to 1. Default: the model's own."""
    response_format: str | None
    """`json`, `text`, `srt`, `verbose_json`, `vtt` or `diarized_json`. Default: `verbose_json` where timestamps are
    asked for, `diarized_json` where speakers are, else `json`."""
    timestamps: str | Sequence[str] | None
    """What times are asked for: `word`, `segment`, or both."""
    speakers: bool | Mapping[str, FileSource] | None
    """True tells speakers apart. `{"Ann": "ann.wav"}` also names known ones, at most 4, each by a file of 2 to 10
    seconds of their voice."""
    chunking: str | Mapping[str, Any] | None
    """`auto`, or the fields of OpenAI's `server_vad`, such as `{"threshold": 0.6}`. Default: none, but for `speakers`,
    which need it: `auto`."""
    logprobs: bool | None
    """Whether to ask for log probabilities, which `gpt-4o-transcribe` has with `json` alone."""
    filename: str | None
    """The file's name, in place of its own."""
    timeout: Any
    """Of this call, in the forms that the class takes."""
    extra_body: Mapping[str, Any] | None
    """Further fields of the form, such as `{"keywords": [...]}`; they win over all others but the file."""
    extra_headers: Mapping[str, str] | None
    """Further headers. Secret."""
    progress: bool | None
    """Whether to draw a bar of the upload, on a terminal or in a notebook; needs `tqdm`."""


@documented
class Transcriber(MediaClient):
    """Writes down what is said in a recording, by `POST /v1/audio/transcriptions`, OpenAI's format.

    ```python
    from tikhub_ai import Transcriber

    transcript = Transcriber(model="whisper-1").transcribe("talk.mp3", timestamps=("word", "segment"))
    print(transcript.text, transcript.segments[0].start, transcript.to_srt())
    ```

    Raises:
        ConfigurationError: An argument cannot work.
        TypeError: An argument is not known.
    """

    model: str = DEFAULT_MODEL
    """Model name, such as `whisper-1`, `gpt-4o-transcribe`, `gpt-4o-transcribe-diarize` or `gpt-transcribe`."""
    brackets: bool = True
    """Whether a field that is a list is sent as `name[]`, as OpenAI reads it, or as `name`, as some servers do."""
    extra_body: Mapping[str, Any] | None = Field(default=None)
    """Further fields of the form of every call. A list is sent as `name[]`, a mapping as `name[key]`."""

    def __init__(self, model: str | None = None, **kwargs: Any) -> None:
        kwargs = seal(kwargs)
        if model is not None:
            kwargs["model"] = model
        super().__init__(**kwargs)

    def transcribe(self, file: FileSource, **options: Unpack[TranscriptionOptions]) -> Transcript:
        """Transcribe a recording.

        A call is tried again as a chat call is, the file from its start; never where the file cannot be rewound.

        Args:
            file: A path, bytes, an open binary file, or `(name, bytes or open binary file)`. A URL is refused, since
                only content can be sent. The name's extension decides the format at the provider: a missing or wrong
                one is mended from the first bytes, with a warning where they disagree.
            **options: See `TranscriptionOptions`.

        Returns:
            The transcript. What the server answers is read by its content, whatever was asked for.

        Raises:
            InvalidRequestError: The file is missing, empty, unreadable or no recording, or a field cannot be sent.
            BadRequestError: The server refuses the recording: its format, its length or its size.
            IncompleteStreamError: The answer was a stream that was cut; `.partial` is the transcript so far.
            TikHubAIError: Another member of the tree.
            TypeError: `file` is no file at all, or an option is not known.
        """
        options = _sealed(options)
        request = self._request(file, options)
        with _bar(request.file, options):
            transport = self.transport(timeout=options.get("timeout"))
            return transport.send(self._encoded(request), partial(_decode, request))

    async def atranscribe(self, file: FileSource, **options: Unpack[TranscriptionOptions]) -> Transcript:
        """`transcribe`, async."""
        options = _sealed(options)
        request = await asyncio.to_thread(self._request, file, options)
        with _bar(request.file, options):
            transport = self.transport(timeout=options.get("timeout"))
            return await transport.asend(self._encoded(request), partial(_decode, request))

    def stream(
        self, file: FileSource, **options: Unpack[TranscriptionOptions]
    ) -> Generator[TranscriptEvent, None, None]:
        """Transcribe a recording and hand out the text as it is made: deltas or segments, then `done` with all of it.

        A model that does not stream, such as whisper-1, gives one delta and the end.

        Args:
            file: As for `transcribe`.
            **options: As for `transcribe`.

        Raises:
            IncompleteStreamError: The stream ended without its `done`; `.partial` is the transcript so far.
            TikHubAIError: As for `transcribe`.
        """
        options = _sealed(options)
        request = self._request(file, options, stream=True)
        with _bar(request.file, options):
            transport = self.transport(timeout=options.get("timeout"))
            for events in transport.stream(self._encoded(request), partial(_reader, request, self.max_event_bytes)):
                yield from events

    async def astream(
        self, file: FileSource, **options: Unpack[TranscriptionOptions]
    ) -> AsyncGenerator[TranscriptEvent, None]:
        """`stream`, async."""
        options = _sealed(options)
        request = await asyncio.to_thread(self._request, file, options, stream=True)
        with _bar(request.file, options):
            transport = self.transport(timeout=options.get("timeout"))
            stream = transport.astream(self._encoded(request), partial(_reader, request, self.max_event_bytes))
            async with aclosing(stream):
                async for events in stream:
                    for event in events:
                        yield event

    # --- the request ------------------------------------------------------------------------------------------------

    def _request(
        self, file: FileSource, options: TranscriptionOptions, *, stream: bool = False
    ) -> TranscriptionRequest:
        if strange := sorted(options.keys() - TranscriptionOptions.__annotations__.keys()):
            raise TypeError(
                f"A transcription has no option {', '.join(map(repr, strange))}. Fields of the wire go in extra_body=."
            )
        speakers, language = options.get("speakers") or False, options.get("language")
        known = speakers if isinstance(speakers, Mapping) else {}
        return TranscriptionRequest(
            model=self.model,
            file=upload_of(file, options.get("filename")),
            language=language if language is None or isinstance(language, str) else tuple(language),
            prompt=options.get("prompt"),
            temperature=options.get("temperature"),
            response_format=_one_of("response_format", options.get("response_format"), RESPONSE_FORMATS),
            timestamps=_granularities(options.get("timestamps")),
            speakers=bool(speakers),
            known_speakers={name: data_uri(image_of(voice)) for name, voice in known.items()},
            chunking=options.get("chunking"),
            logprobs=bool(options.get("logprobs")),
            stream=stream,
            brackets=self.brackets,
            extra_body={**(self.extra_body or {}), **(options.get("extra_body") or {})},
            extra_headers=options.get("extra_headers"),
        )

    def _encoded(self, request: TranscriptionRequest) -> ApiRequest:
        return codec.encode(request, checked_paths(self.paths)["transcriptions"])


def _sealed(options: TranscriptionOptions) -> TranscriptionOptions:
    return cast("TranscriptionOptions", seal(options))


def _one_of(name: str, value: Any, known: Sequence[str]) -> str | None:
    """A value that the wire has. A strange one would be refused after the upload was paid for."""
    if value is not None and value not in known:
        raise InvalidRequestError(f"{name}={value!r} is not known. Use one of {', '.join(map(repr, known))}.")
    return value if value is None else str(value)


def _granularities(given: str | Sequence[str] | None) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else tuple(given or ())
    for name in names:
        _one_of("timestamps", name, GRANULARITIES)
    return names


@contextmanager
def _bar(upload: Upload, options: TranscriptionOptions) -> Iterator[None]:
    """A bar of the upload while the context lasts."""
    wanted = bool(options.get("progress"))
    with progress_bar(wanted, f"Uploading {upload.filename}".strip(), "B", upload.size) as show:
        if wanted:
            upload.on_read = show
        yield
        show(upload.size or 0)


def _decode(request: TranscriptionRequest, response: ApiResponse) -> Transcript:
    return codec.decode(response, seconds=seconds_of(request.file))


def _reader(request: TranscriptionRequest, max_event_bytes: int, headers: Mapping[str, str]) -> TranscriptReader:
    return TranscriptReader(headers, seconds=seconds_of(request.file), max_event_bytes=max_event_bytes)


class TranscriptReader(StreamReader[TranscriptEvent]):
    """Makes events of a streamed transcription's bytes. Whatever is no event stream is read whole.

    Args:
        headers: Response headers.
        seconds: How long the recording lasts; None where nobody knows.
        max_event_bytes: Most bytes of one event.
    """

    __slots__ = ("_seconds", "_transcripts")

    no_streams = StreamReader.no_streams | {"text/plain", "text/vtt", "text/srt", "application/x-subrip"}

    def __init__(self, headers: Mapping[str, str], *, seconds: float | None, max_event_bytes: int) -> None:
        self._transcripts = codec.TranscriptDecoder()
        self._seconds = seconds
        super().__init__(self._transcripts, headers, max_event_bytes=max_event_bytes)

    def partial(self) -> Transcript | None:
        """The transcript so far, or None where nothing came."""
        transcript = self._transcripts.transcript()
        return transcript if transcript.text or transcript.segments else None

    def whole(self, response: ApiResponse) -> Sequence[TranscriptEvent]:
        """An answer that is no stream, as one delta and the end. See `codec.TranscriptDecoder.body`."""
        return self._transcripts.body(response)

    def last(self) -> Sequence[TranscriptEvent]:
        """Nothing more: the wire's own `done` is the last event."""
        warn_of_silence(self._transcripts.transcript(), self._seconds)
        return ()
