"""The neutral model: what every wire API is decoded to and encoded from.

A conversation is a list of `Message`; a message is an ordered list of parts. Everything here is plain data: no I/O, no
framework, no wire names. Unknown things have a place (`Opaque`, `extras`), so nothing has to be dropped or refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from tikhub_ai.secret_values import SecretHeaders

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]
"""Who speaks. `tool` messages hold `ToolResult` parts only."""

MediaKind: TypeAlias = Literal["image", "audio", "video", "file"]
"""What a `Media` part shows."""


class Issuer(NamedTuple):
    """Who issued a piece of state that only they can read back.

    Three providers share the chat_completions API and refuse each other's reasoning, so the API alone does not say it.
    """

    api: str
    family: str


@dataclass(slots=True, kw_only=True)
class Part:
    """What all parts share.

    Attributes:
        state: What must be sent back unchanged when the part is replayed (a signature, encrypted reasoning, an item id,
            the wire's field name). JSON values only. Used only where `issuer` equals the target's.
        issuer: Who issued `state`; None for parts that the caller made.
        options: What the caller asks of the wire for this part (`cache_control`, `detail`, video options), unchanged.
    """

    state: dict[str, Any] | None = None
    issuer: Issuer | None = None
    options: dict[str, Any] | None = None


@dataclass(slots=True)
class Citation:
    """A source that a piece of answer text rests on.

    Attributes:
        type: The wire's own kind, such as `url_citation` or `char_location`.
        url: Address of the source.
        title: Title of the source.
        cited_text: The passage of the source.
        start: First character of the answer text that it supports, counted from the start of its text part.
        end: Character after the last one.
        raw: The wire's object, unchanged.
    """

    type: str
    url: str | None = None
    title: str | None = None
    cited_text: str | None = None
    start: int | None = None
    end: int | None = None
    raw: dict[str, Any] | None = None


@dataclass(slots=True)
class Text(Part):
    """Words said, and the sources they rest on."""

    text: str
    citations: list[Citation] = field(default_factory=list)


@dataclass(slots=True)
class Reasoning(Part):
    """What the model thought before it answered. `text` may be empty where only `state` came (signed, encrypted)."""

    text: str = ""


@dataclass(slots=True)
class ToolCall(Part):
    """A call of one of the caller's functions.

    Attributes:
        id: The wire's id, or a made one where the wire has none.
        name: Function name.
        arguments: A JSON object, as the text the model wrote: it may be cut or invalid. No text and `null`, which some
            models write for a function without parameters, are the empty object.
    """

    id: str
    name: str
    arguments: str = "{}"

    def __post_init__(self) -> None:
        if not self.arguments or (isinstance(self.arguments, str) and self.arguments.strip() in {"", "null"}):
            self.arguments = "{}"


@dataclass(slots=True)
class ToolResult(Part):
    """What a function gave back.

    Its `state`, without an issuer, is what the caller wrote beside it for OpenAI's Responses: the `type` of the item,
    and fields of that.

    Attributes:
        tool_call_id: The `ToolCall.id` that it answers.
        content: `Text`, `Media` and `Document` parts; and `Opaque` ones, which are blocks of a wire that has such in
            its results, and JSON that the tool returned on others.
        name: Function name, where known.
        is_error: The function failed and `content` says how.
    """

    tool_call_id: str
    content: list[Text | Media | Document | Opaque] = field(default_factory=list)
    name: str | None = None
    is_error: bool = False


@dataclass(slots=True)
class Media(Part):
    """An image, a sound, a film or a document; exactly one of `url`, `data` and `file_id` is set.

    Attributes:
        kind: What it shows.
        url: Where the provider can fetch it.
        data: The bytes, base64.
        file_id: The provider's own id for an uploaded file.
        mime_type: Such as `image/png`; None where nobody said.
        name: File name or title.
        transcript: Words spoken in an audio answer.
    """

    kind: MediaKind
    url: str | None = None
    data: str | None = None
    file_id: str | None = None
    mime_type: str | None = None
    name: str | None = None
    transcript: str | None = None


@dataclass(slots=True)
class Document(Part):
    """A source in words, that an answer may cite.

    Attributes:
        content: `Text` and `Media` parts, each a block that can be cited.
        title: Its title.
        source: Where it comes from: an address, or any name. With it, it is a search result; without, a document.
    """

    content: list[Text | Media]
    title: str | None = None
    source: str | None = None


@dataclass(slots=True)
class ServerToolCall(Part):
    """A call of a tool that the provider runs by itself, such as web search. `arguments` is a JSON value."""

    id: str
    name: str
    arguments: Any = None


@dataclass(slots=True)
class ServerToolResult(Part):
    """What a provider's own tool gave back. `output` is a JSON value."""

    tool_call_id: str
    output: Any = None
    is_error: bool = False


@dataclass(slots=True)
class Refusal(Part):
    """The model declined, in words of its own."""

    text: str


@dataclass(slots=True)
class Opaque(Part):
    """A part of a kind not known here, kept as the wire's JSON object and replayed to its issuer only."""

    value: dict[str, Any]


AnyPart: TypeAlias = (
    Text | Reasoning | ToolCall | ToolResult | Media | Document | ServerToolCall | ServerToolResult | Refusal | Opaque
)


@dataclass(slots=True)
class Message:
    """One turn. `name` tells speakers of one role apart, where the wire has room for it."""

    role: Role
    parts: list[AnyPart] = field(default_factory=list)
    name: str | None = None


def media_kind(mime_type: str | None) -> MediaKind:
    """The kind of media that a MIME type names; a file where it names none of the others."""
    match (mime_type or "").partition("/")[0]:
        case "image" | "audio" | "video" as kind:
            return kind
        case _:
            return "file"


COMMENTARY = "commentary"
"""The `phase`, in a text's state, of words that a model says while it works: they are not its answer."""


def text_of(parts: Sequence[AnyPart]) -> str:
    """The answer's text, joined without a separator, as the wire would stream it.

    What the model said while it worked is no part of it, unless there is nothing else.
    """
    texts = [part for part in parts if isinstance(part, Text)]
    said = [part.text for part in texts if not is_commentary(part)]
    return "".join(said or [part.text for part in texts])


def is_commentary(part: AnyPart) -> bool:
    """Whether a text is what the model said while it worked, and not its answer."""
    return isinstance(part, Text) and (part.state or {}).get("phase") == COMMENTARY


@dataclass(slots=True)
class Tool:
    """Something that the model may call.

    Attributes:
        name: Function name.
        description: What it does, for the model.
        parameters: JSON Schema of its arguments, an object schema.
        strict: Ask the provider to hold the arguments to the schema.
        options: Wire options such as `cache_control`, unchanged.
        raw: A provider's own tool, sent unchanged where the API is its own; then all else is ignored.
    """

    name: str = ""
    description: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    strict: bool | None = None
    options: dict[str, Any] | None = None
    raw: dict[str, Any] | None = None


@dataclass(slots=True)
class ToolChoice:
    """Which tool the model must use.

    Attributes:
        mode: `auto` (free), `none`, `required` (any of them) or `tool` (the one in `name`).
        name: The forced function's name, with mode `tool`.
        raw: A wire object of another form, sent unchanged; then all else is ignored.
        parallel: Whether several calls in one answer are welcome, where the choice said so; it stands for the request's
            `parallel_tool_calls`.
    """

    mode: Literal["auto", "none", "required", "tool"] = "auto"
    name: str | None = None
    raw: dict[str, Any] | None = None
    parallel: bool | None = None


@dataclass(slots=True)
class ResponseFormat:
    """What form the answer's text must have: `text`, any JSON object, or JSON that follows `schema`.

    `source` is the class that the schema describes, for who reads the answer; no codec looks at it.
    """

    type: Literal["text", "json_object", "json_schema"]
    schema: dict[str, Any] | None = None
    name: str = "response"
    description: str | None = None
    strict: bool | None = None
    source: Any = field(default=None, repr=False, compare=False)


@dataclass(slots=True)
class Overrides:
    """What a call said, where the constructor's `extra_body` may say the same. See `tikhub_ai.precedence`.

    Attributes:
        names: The arguments that the call gave, by the names of `ChatRequest`, native ones included.
        constructor: The fields of the body that the constructor gave.
        call: Those that the call gave.
    """

    names: frozenset[str]
    constructor: dict[str, Any]
    call: dict[str, Any]


@dataclass(slots=True)
class ChatRequest:
    """Everything one chat call asks, in neutral terms. None means: not said, so not sent.

    The arguments of the answer, from `max_tokens` on, are documented one by one in `ChatArgumentsMixin`.

    Attributes:
        model: Model name, sent as it is.
        messages: The conversation, oldest first. Never changed by a codec.
        tools: What the model may call.
        tool_choice: Which tool it must call.
        response_format: The form of the answer's text.
        metadata: Tags for the provider's own log.
        native: Arguments that few wire APIs have, by their own names (see `tikhub_ai.arguments`); an API that lacks one
            warns and leaves it out.
        extra_body: Fields of the wire merged over the encoded body, last.
        extra_headers: Headers for this call. Secret.
        overrides: What of `extra_body` the arguments of this call beat; None where there is no question.
    """

    model: str
    messages: list[Message]
    tools: list[Tool] = field(default_factory=list)
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: list[str] | None = None
    reasoning_effort: str | None = None
    thinking: dict[str, Any] | None = None
    thinking_budget: int | None = None
    reasoning: dict[str, Any] | None = None
    seed: int | None = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    user: str | None = None
    metadata: dict[str, Any] | None = None
    modalities: list[str] | None = None
    audio: dict[str, Any] | None = None
    stream_usage: bool = True
    native: dict[str, Any] = field(default_factory=dict)
    extra_body: dict[str, Any] | None = None
    extra_headers: Mapping[str, str] | SecretHeaders | None = field(default=None, repr=False)
    overrides: Overrides | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.extra_headers = SecretHeaders.of(self.extra_headers)


@dataclass(slots=True)
class Usage:
    """Tokens of one call, as the wire counted them (a gateway may have estimated).

    Attributes:
        input_tokens: All input, cached and not, of every kind.
        output_tokens: All output as the wire counts it.
        total_tokens: The wire's own total, else the sum.
        input_details: Parts of the input: `cache_read`, `cache_creation`, `audio`, ...
        output_details: Parts of the output: `reasoning`, `audio`, ...
        raw: The wire's object, unchanged.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    input_details: dict[str, int] = field(default_factory=dict)
    output_details: dict[str, int] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Choice:
    """One answer of the model.

    Attributes:
        parts: What it said, in order.
        finish_reason: Why it ended, in the wire's own word; None where the wire never said.
        logprobs: The wire's log probabilities, unchanged.
        extras: Fields of the choice that have no name here, such as `content_filter_results`.
    """

    parts: list[AnyPart] = field(default_factory=list)
    finish_reason: str | None = None
    logprobs: dict[str, Any] | None = None
    extras: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The answer's text."""
        return text_of(self.parts)

    @property
    def reasoning(self) -> str:
        """The reasoning's text."""
        return "".join(part.text for part in self.parts if isinstance(part, Reasoning))

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The calls of the caller's functions, in order."""
        return [part for part in self.parts if isinstance(part, ToolCall)]

    @property
    def refusal(self) -> str | None:
        """The refusal's text, or None."""
        words = [part.text for part in self.parts if isinstance(part, Refusal)]
        return "".join(words) if words else None


@dataclass(slots=True)
class ChatReply:
    """A whole answer, plain or folded from a stream; both give the same.

    `parts`, `text`, `reasoning`, `tool_calls`, `refusal` and `finish_reason` speak of the first choice.

    Attributes:
        choices: The answers, `n` of them, in the wire's order.
        api: The wire API that served it, such as `chat_completions`.
        model: The model's name as the wire gave it, which may differ from the one asked for.
        id: The wire's id of the answer.
        usage: Token counts; None where the wire gave none.
        extras: Fields of the answer that have no name here, such as `system_fingerprint`.
        headers: Response headers, lower case, without those that hold credentials.
        request_id: The gateway's id of the call, for support.
    """

    choices: list[Choice]
    api: str
    model: str | None = None
    id: str | None = None
    usage: Usage | None = None
    extras: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    request_id: str | None = None

    @property
    def _first(self) -> Choice:
        return self.choices[0] if self.choices else Choice()

    @property
    def parts(self) -> list[AnyPart]:
        """The first choice's parts."""
        return self._first.parts

    @property
    def text(self) -> str:
        """The first choice's text."""
        return self._first.text

    @property
    def reasoning(self) -> str:
        """The first choice's reasoning."""
        return self._first.reasoning

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The first choice's tool calls."""
        return self._first.tool_calls

    @property
    def refusal(self) -> str | None:
        """The first choice's refusal."""
        return self._first.refusal

    @property
    def finish_reason(self) -> str | None:
        """The first choice's finish reason."""
        return self._first.finish_reason
