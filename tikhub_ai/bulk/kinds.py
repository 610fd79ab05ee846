"""The three kinds of bulk work: embeddings, chats and transcripts."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, fields
from hashlib import blake2b
from typing import Any, ClassVar, Literal

import orjson

from tikhub_ai.apis.embeddings import estimated_tokens
from tikhub_ai.bulk.checkpoints import ADDRESS
from tikhub_ai.bulk.work import Ask, BulkWork, Came, Client, ColumnKind, address_of, refuse_others, utf8_of
from tikhub_ai.chat import ChatClient
from tikhub_ai.conversation import AnyPart, ChatReply, ChatRequest, Message, Text
from tikhub_ai.embedding_session import EmbeddingsSession
from tikhub_ai.embeddings import DEFAULT_BATCH_SIZE, EmbeddingsClient
from tikhub_ai.embeddings import DEFAULT_MODEL as EMBEDDING_MODEL
from tikhub_ai.errors import ConfigurationError, InvalidRequestError
from tikhub_ai.http.sources import upload_of
from tikhub_ai.pace import Pace
from tikhub_ai.routing import ChatAPI
from tikhub_ai.settings import Settings
from tikhub_ai.transcription import DEFAULT_MODEL as TRANSCRIPTION_MODEL
from tikhub_ai.transcription import Transcriber, TranscriptionOptions

_ROLES = frozenset({"system", "developer", "user", "assistant"})

# --- embeddings -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class BulkEmbeddings(BulkWork):
    """A vector for each text, as a list of 32-bit floats.

    Attributes:
        model: Model name.
        column: The column of texts.
        dimensions: Length of the vectors, for models that can shorten them.
        encoding_format: How numbers travel: `auto`, `float` or `base64`. See `EmbeddingsClient`.
        batch_size: Most texts of one request, up to 2,048. What is in flight when a worker is killed may be paid twice,
            so larger batches are fewer requests and a larger loss.
        extra_body: Further fields of the request.
    """

    kind: ClassVar[str] = "embeddings"
    model: str = EMBEDDING_MODEL
    column: str = "text"
    into: str = "embedding"
    dimensions: int | None = None
    encoding_format: Literal["auto", "float", "base64"] = "auto"
    batch_size: int = DEFAULT_BATCH_SIZE
    extra_body: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        client = self._client(Settings())  # says here what cannot work
        object.__setattr__(self, "batch_size", client.batch_size)

    @property
    def columns(self) -> dict[str, ColumnKind]:
        """The vectors."""
        return {self.into: "vector"}

    @property
    def said(self) -> Mapping[str, Any]:
        """See `BulkWork.said`. Batches and the form of numbers change no vector."""
        return {"dimensions": self.dimensions, "extra_body": self.extra_body}

    def ask(self, value: Any, mark: Any = None) -> Ask:
        """A text as it is asked. See `BulkWork.ask`."""
        text = utf8_of(value, self.column)
        return Ask(value, address_of(mark, text), estimated_tokens(value))

    def _client(self, settings: Settings, pace: Pace | None = None) -> EmbeddingsClient:
        return EmbeddingsClient(
            settings,
            model=self.model,
            dimensions=self.dimensions,
            encoding_format=self.encoding_format,
            extra_body=self.extra_body,
            batch_size=self.batch_size,
            max_concurrency=1,
            session=EmbeddingsSession(pace),
        )

    def client(self, settings: Settings, pace: Pace | None = None) -> Client:
        """See `BulkWork.client`."""
        client, first = self._client(settings, pace), threading.Lock()

        def send(asks: Sequence[Ask], came: Came) -> None:
            with ExitStack() as alone:
                if client.session.answers_base64 is None and self.encoding_format == "auto":
                    alone.enter_context(first)  # whose first text finds out whether the server answers in base64
                batches = client.embed_iter([ask.content for ask in asks], as_array=True)
                for batch in batches:
                    alone.close()
                    came(batch.positions, [row.tobytes() for row in batch.vectors.astype("<f4", copy=False)])

        return send

    def read(self, answer: bytes) -> Sequence[Any]:
        """See `BulkWork.read`."""
        import numpy as np  # noqa: PLC0415 - an optional dependency, of both engines

        return (np.frombuffer(answer, "<f4"),)


# --- chat -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class BulkChat(BulkWork):
    """An answer to each prompt.

    Its columns are `answer`, `answer_finish_reason`, `answer_input_tokens`, `answer_output_tokens`, and `answer_parts`:
    as JSON whatever the answer holds besides its text (reasoning, calls of tools, refusals, further choices), null
    where there is no more.

    Attributes:
        model: Model name.
        column: The column of prompts: texts, or lists of messages, `{"role": "user", "content": "Hi"}` each.
        system: What is said to the model before each of them; None says nothing.
        api: The wire API, or `auto`.
        arguments: Fields of `tikhub_ai.ChatRequest`, such as `{"max_tokens": 200, "temperature": 0}`.
    """

    kind: ClassVar[str] = "chat"
    model: str
    column: str = "prompt"
    into: str = "answer"
    system: str | None = None
    api: ChatAPI = "auto"
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.system is not None and not isinstance(self.system, str):
            raise ConfigurationError(f"system must be a string, or None, not a {type(self.system).__name__}.")
        known = {one.name for one in fields(ChatRequest)} - {"model", "messages", "extra_headers", "overrides"}
        refuse_others("chat", "argument", self.arguments, known)
        ChatClient(Settings(), api=self.api)  # says here what cannot work

    @property
    def columns(self) -> dict[str, ColumnKind]:
        """The answer's text, and what is known of it."""
        return {
            self.into: "text",
            f"{self.into}_finish_reason": "text",
            f"{self.into}_input_tokens": "whole number",
            f"{self.into}_output_tokens": "whole number",
            f"{self.into}_parts": "text",
        }

    @property
    def said(self) -> Mapping[str, Any]:
        """See `BulkWork.said`."""
        return {"system": self.system, "api": self.api, "arguments": self.arguments}

    def ask(self, value: Any, mark: Any = None) -> Ask:
        """A prompt as it is asked. See `BulkWork.ask`."""
        said: list[tuple[Any, Any]] = [("user", value)] if isinstance(value, str) else self._turns(value)
        pieces = [piece for role, words in said for piece in (role.encode(), utf8_of(words, self.column))]
        messages = [Message(role, [Text(words)]) for role, words in said]
        if self.system is not None:
            messages.insert(0, Message("system", [Text(self.system)]))
        tokens = sum(estimated_tokens(text) for _, text in said) + estimated_tokens(self.system or "")
        most = self.arguments.get("max_tokens")
        tokens += most if isinstance(most, int) else 0
        return Ask(messages, address_of(mark, *pieces), tokens)

    def _turns(self, value: Any) -> list[tuple[Any, Any]]:
        if value is None or isinstance(value, (bytes, Mapping)) or not hasattr(value, "__iter__"):
            utf8_of(value, self.column)
        turns = [(one.get("role"), one.get("content")) if isinstance(one, Mapping) else (None, None) for one in value]
        if not turns or any(role not in _ROLES or not isinstance(words, str) for role, words in turns):
            raise InvalidRequestError(
                f"{self.column} is neither a text nor a list of messages, each with a role "
                f"({', '.join(sorted(_ROLES))}) and a text as its content."
            )
        return turns

    def client(self, settings: Settings, pace: Pace | None = None) -> Client:  # noqa: ARG002 - one request a row
        """See `BulkWork.client`."""
        client = ChatClient(settings, api=self.api)

        def send(asks: Sequence[Ask], came: Came) -> None:
            request = ChatRequest(model=self.model, messages=asks[0].content, **self.arguments)
            came((0,), (_chat_answer(client.complete(request)),))

        return send

    def read(self, answer: bytes) -> Sequence[Any]:
        """See `BulkWork.read`."""
        return tuple(orjson.loads(answer))


def _chat_answer(reply: ChatReply) -> bytes:
    said = [_beside_the_text(choice.parts, is_first=not number) for number, choice in enumerate(reply.choices)]
    usage = reply.usage
    return _json(
        (
            reply.text,
            reply.finish_reason,
            None if usage is None else usage.input_tokens,
            None if usage is None else usage.output_tokens,
            _json(said).decode() if any(said) else None,
        )
    )


def _beside_the_text(parts: Sequence[AnyPart], *, is_first: bool) -> list[Any]:
    """Parts as JSON; none where the text is all that there is."""
    if is_first and all(isinstance(part, Text) and not part.citations for part in parts):
        return []
    return [{"type": type(part).__name__, **asdict(part)} for part in parts]


def _json(value: Any) -> bytes:
    return orjson.dumps(value, default=repr, option=orjson.OPT_NON_STR_KEYS)


# --- transcription --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class BulkTranscription(BulkWork):
    """The words of each recording.

    Its columns are `transcript`, `transcript_language`, `transcript_duration` (seconds), and `transcript_segments`: the
    stretches of speech as JSON, null where the answer has none.

    Attributes:
        model: Model name.
        column: The column of recordings: paths that workers can open, or bytes.
        options: See `tikhub_ai.TranscriptionOptions`: `{"language": "en", "timestamps": "segment"}`.
    """

    kind: ClassVar[str] = "transcription"
    model: str = TRANSCRIPTION_MODEL
    column: str = "path"
    into: str = "transcript"
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        known = TranscriptionOptions.__annotations__.keys() - {"extra_headers", "progress", "timeout"}
        refuse_others("transcription", "option", self.options, known)

    @property
    def columns(self) -> dict[str, ColumnKind]:
        """The words, and what is known of them."""
        return {
            self.into: "text",
            f"{self.into}_language": "text",
            f"{self.into}_duration": "number",
            f"{self.into}_segments": "text",
        }

    @property
    def said(self) -> Mapping[str, Any]:
        """See `BulkWork.said`."""
        return {"options": self.options}

    def ask(self, value: Any, mark: Any = None) -> Ask:
        """A recording as it is asked. Its address is a hash of its content, whatever its name. See `BulkWork.ask`."""
        digest = blake2b(digest_size=ADDRESS)
        if isinstance(value, (bytes, bytearray, memoryview)):
            digest.update(value)
            return Ask(bytes(value), address_of(mark, digest.digest()), 0)
        utf8_of(value, self.column)
        upload_of(value)  # raises where it is no file that can be read
        try:
            with open(value, "rb") as file:
                while piece := file.read(1 << 20):
                    digest.update(piece)
        except OSError as error:
            fault = error.strerror
        else:
            return Ask(value, address_of(mark, digest.digest()), 0)
        raise InvalidRequestError(f"{self.column} cannot be read: {fault}.")

    def client(self, settings: Settings, pace: Pace | None = None) -> Client:  # noqa: ARG002 - one request a row
        """See `BulkWork.client`."""
        given = {one.name: getattr(settings, one.name) for one in fields(Settings)}
        transcriber = Transcriber(model=self.model, **given)

        def send(asks: Sequence[Ask], came: Came) -> None:
            transcript = transcriber.transcribe(asks[0].content, **self.options)
            segments = [
                {"start": one.start, "end": one.end, "speaker": one.speaker, "text": one.text}
                for one in transcript.segments
            ]
            answer = (
                transcript.text,
                transcript.language,
                transcript.duration,
                _json(segments).decode() if segments else None,
            )
            came((0,), (_json(answer),))

        return send

    def read(self, answer: bytes) -> Sequence[Any]:
        """See `BulkWork.read`."""
        return tuple(orjson.loads(answer))
