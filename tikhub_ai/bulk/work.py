"""What a bulk job asks of each row: embeddings, chats or transcripts. Travels to workers by pickle, without any key."""

from __future__ import annotations

import inspect
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, fields
from hashlib import blake2b
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

import orjson

from tikhub_ai.apis.embeddings import estimated_tokens
from tikhub_ai.bulk.checkpoints import ADDRESS
from tikhub_ai.chat import ChatClient
from tikhub_ai.conversation import AnyPart, ChatReply, ChatRequest, Message, Text
from tikhub_ai.embedding_session import EmbeddingsSession
from tikhub_ai.embeddings import DEFAULT_BATCH_SIZE, EmbeddingsClient
from tikhub_ai.embeddings import DEFAULT_MODEL as EMBEDDING_MODEL
from tikhub_ai.errors import ConfigurationError, InvalidRequestError, check_whole
from tikhub_ai.http.sources import upload_of
from tikhub_ai.pace import Pace
from tikhub_ai.routing import ChatAPI
from tikhub_ai.secret_values import Key, secret_proxy
from tikhub_ai.settings import Settings
from tikhub_ai.transcription import DEFAULT_MODEL as TRANSCRIPTION_MODEL
from tikhub_ai.transcription import Transcriber, TranscriptionOptions

ColumnKind: TypeAlias = Literal["text", "number", "whole number", "vector"]
"""What a column holds: strings, 64-bit floats, 64-bit integers, or lists of 32-bit floats; and nulls, each of them."""
Came: TypeAlias = Callable[[Sequence[int], Sequence[bytes]], None]
"""Is told what has come, as soon as it has: the positions of rows in their request, and their answers as bytes."""

_VERSION = 1
"""Of the answers' bytes and of what is hashed: another one asks for everything anew."""
_ROLES = frozenset({"system", "developer", "user", "assistant"})


@dataclass(slots=True)
class Ask:
    """A row that can be asked.

    Attributes:
        content: What is sent.
        address: What its answer is found by: a hash of it.
        tokens: How many it is worth, as estimated.
    """

    content: Any
    address: bytes
    tokens: int


class Client(Protocol):
    """What a worker asks with: one for each, safe for threads."""

    def __call__(self, asks: Sequence[Ask], came: Came) -> None:
        """Make the request for some rows. Raises `TikHubAIError`."""


@dataclass(frozen=True, kw_only=True)
class BulkWork(ABC):
    """What all kinds of work have in common.

    Attributes:
        column: The column that is read.
        into: The column that is added, and what the names of further ones begin with.
        error: The column that says why a row has no answer: null where it has one.
        distinct_by: A column of text or whole numbers. Rows that ask the same are asked once, and share the answer,
            unless this column tells them apart. None tells none apart.
        settings: Key, address, timeouts and retries; or a function that makes them in each worker, for what cannot
            travel (secret headers, a proxy with a password, a client of your own). By default, with eight retries. A
            key given as text does not travel: let it come from the environment of the workers or from a function.
        max_concurrency: Most requests at once of one worker.
        give_up_after: So many requests in a row that failed though they might have succeeded (the server is down, the
            network is gone) end the job, in place of giving each further row an error.
    """

    kind: ClassVar[str]
    model: str
    column: str
    into: str
    error: str = "error"
    distinct_by: str | None = None
    settings: Settings | Callable[[], Settings] = field(default_factory=lambda: Settings(max_retries=8), repr=False)
    max_concurrency: int = 16
    give_up_after: int = 64

    def __post_init__(self) -> None:
        if not self.model or not isinstance(self.model, str):
            raise ConfigurationError("No model was named: give model=, a string.")
        check_whole(
            1, max_concurrency=self.max_concurrency, give_up_after=self.give_up_after, batch_size=self.batch_size
        )
        given: Any = self.settings
        if not isinstance(given, Settings):
            if not callable(given) or inspect.iscoroutinefunction(given):
                raise ConfigurationError("settings must be Settings, or a function that returns them.")
            return
        if isinstance(given.api_key, Key) and given.api_key.variable is None:
            raise ConfigurationError(
                "A key given as text does not travel to workers: set TIKHUB_AI_API_KEY in their environment, or give a "
                "function of a module, Settings(api_key=read_key)."
            )
        for name in ("default_headers", "http_client", "http_async_client"):
            if getattr(given, name):
                raise ConfigurationError(
                    f"{name} does not travel to workers: give settings=make_settings, a function that returns Settings "
                    "with it, and is called in each of them."
                )
        if given.proxy is not None and "@" in secret_proxy(given.proxy).get_secret_value():
            raise ConfigurationError(
                "A proxy's password does not travel to workers: give settings=make_settings, a function that returns "
                "Settings with it, and is called in each of them."
            )

    # --- what a job is ----------------------------------------------------------------------------------------------

    @property
    def batch_size(self) -> int:
        """Most rows of one request."""
        return 1

    @property
    @abstractmethod
    def columns(self) -> dict[str, ColumnKind]:
        """The columns that are added, but for the one of errors, and what they hold."""

    @property
    @abstractmethod
    def said(self) -> Mapping[str, Any]:
        """Whatever an answer depends on besides its row, the model and the gateway, as JSON."""

    def settings_here(self) -> Settings:
        """The settings of this process.

        Raises:
            ConfigurationError: The function returned none.
        """
        made: Any = self.settings if isinstance(self.settings, Settings) else self.settings()
        if not isinstance(made, Settings):
            raise ConfigurationError(f"The function that settings is must return Settings, not {type(made).__name__}.")
        return made

    def job(self, settings: Settings) -> bytes:
        """A digest of what all rows ask in common.

        Args:
            settings: Of this process.
        """
        parts = (_VERSION, self.kind, self.model, settings.base_url, self.said)
        whole = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS, default=repr)
        return blake2b(whole, digest_size=8).digest()

    @abstractmethod
    def ask(self, value: Any, mark: Any = None) -> Ask:
        """A row as it is asked.

        Args:
            value: Of `column`.
            mark: Of `distinct_by`.

        Raises:
            InvalidRequestError: It cannot be. Nothing is sent.
        """

    @abstractmethod
    def client(self, settings: Settings, pace: Pace | None = None) -> Client:
        """What asks, for one worker.

        Args:
            settings: Of this process.
            pace: Is asked for a place for each request; one that knows no limit by default.
        """

    @abstractmethod
    def read(self, answer: bytes) -> Sequence[Any]:
        """An answer's values, in the order of `columns`."""


def _address(mark: Any, *pieces: bytes) -> bytes:
    digest = blake2b(digest_size=ADDRESS)
    for piece in (b"" if mark is None else repr(mark).encode("utf-8", "surrogatepass"), *pieces):
        digest.update(len(piece).to_bytes(8, "little"))
        digest.update(piece)
    return digest.digest()


def _checked(value: Any, column: str) -> bytes:
    """A text as UTF-8."""
    if not isinstance(value, str):
        kind = "missing" if value is None else f"of type {type(value).__name__}, not a text"
        raise InvalidRequestError(f"{column} is {kind}.")
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        at = error.start
    raise InvalidRequestError(f"{column} holds half a character at {at}, which UTF-8 cannot carry.")


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
        text = _checked(value, self.column)
        return Ask(value, _address(mark, text), estimated_tokens(value))

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
        known = {one.name for one in fields(ChatRequest)} - {"model", "messages", "extra_headers", "overrides"}
        _refuse_others("chat", "argument", self.arguments, known)
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
        pieces = [piece for role, words in said for piece in (role.encode(), _checked(words, self.column))]
        messages = [Message(role, [Text(words)]) for role, words in said]
        if self.system is not None:
            messages.insert(0, Message("system", [Text(self.system)]))
        tokens = sum(estimated_tokens(text) for _, text in said) + estimated_tokens(self.system or "")
        tokens += self.arguments.get("max_tokens") or 0
        return Ask(messages, _address(mark, *pieces), tokens)

    def _turns(self, value: Any) -> list[tuple[Any, Any]]:
        if value is None or isinstance(value, (bytes, Mapping)) or not hasattr(value, "__iter__"):
            _checked(value, self.column)
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
        _refuse_others("transcription", "option", self.options, known)

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
            return Ask(bytes(value), _address(mark, digest.digest()), 0)
        _checked(value, self.column)
        upload_of(value)  # raises where it is no file that can be read
        try:
            with open(value, "rb") as file:
                while piece := file.read(1 << 20):
                    digest.update(piece)
        except OSError as error:
            fault = error.strerror
        else:
            return Ask(value, _address(mark, digest.digest()), 0)
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


def _refuse_others(what: str, kind: str, given: Mapping[str, Any], known: AbstractSet[str]) -> None:
    if strange := sorted(map(str, given.keys() - known)):
        raise ConfigurationError(
            f"A bulk {what} has no {kind} {', '.join(map(repr, strange))}. Fields of the wire go in "
            f"{kind}s={{'extra_body': ...}}."
        )
