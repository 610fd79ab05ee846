"""LlamaIndex messages and their blocks <-> the neutral conversation.

Pure, but for local files that a block names: they are read. A `url` is passed on, never fetched, and nothing of the
caller is changed.

What an answer holds beyond LlamaIndex's blocks stands in its message's `additional_kwargs`:

- `tikhub_parts`: the skeleton: the order of all parts and what must be sent back with them. Only where the blocks alone
  do not say it.
- `refusal`: the words of a refusal, which are the message's text as well.
- `audio_transcript`: the words of an audio answer.

A message that still grows has `tool_calls` too, for core's streaming helpers. A whole one has its calls in blocks
alone: LlamaIndex's Google class would send them twice, and its OpenAIResponses in a form that OpenAI refuses.
"""

from __future__ import annotations

import base64
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)

from llama_index_tikhub.skeleton import (
    REFUSAL,
    SKELETON,
    Skeleton,
    as_arguments,
    calls_in_kwargs,
    issued,
    parsed_arguments,
    skeleton_of,
)
from tikhub_ai import (
    Citation,
    Document,
    InvalidRequestError,
    Media,
    Message,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    errors,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tikhub_ai import AnyPart, MediaKind, Role

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "chatbot": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
}
_AUDIO_MIMES = {"mp3": "audio/mpeg", "m4a": "audio/mp4", "wave": "audio/wav"}
_AUDIO_EXTENSIONS = {"mpeg": "mp3", "mp4": "m4a", "x-wav": "wav"}
_MEDIA_BLOCKS = (ImageBlock, AudioBlock, VideoBlock, DocumentBlock)


# --- to the conversation --------------------------------------------------------------------------------------------


def to_conversation(messages: Sequence[ChatMessage]) -> list[Message]:
    """LlamaIndex messages as the neutral conversation.

    Takes histories made by any LlamaIndex class: tool calls as blocks or in `additional_kwargs`, as dicts or as the
    vendor's objects; tool results with role `tool` or `function`. What a framework edited wins over what was kept.

    Args:
        messages: Oldest first. Not changed.

    Raises:
        InvalidRequestError: A block names a file that cannot be read, or holds nothing.
    """
    history = _History()
    for message in messages:
        history.add(message)
    return history.messages


def reads_files(messages: Iterable[ChatMessage]) -> bool:
    """Whether `to_conversation` will read files, which async code leaves to a thread."""
    return any(getattr(block, "path", None) is not None for message in messages for block in message.blocks)


class _History:
    """Builds the conversation, and remembers the calls that results refer to."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._names: dict[str, str] = {}
        self._unanswered: list[ToolCall] = []

    def add(self, message: ChatMessage) -> None:
        role = _ROLES.get(message.role.value, "user")
        if role == "tool":
            self.messages.append(Message("tool", [self._tool_result(message)]))
        elif role == "assistant":
            self._assistant(message)
        else:
            said = Message(role, [], name=_text_or_none(message.additional_kwargs.get("name")))
            self.messages.append(said)
            said.parts.extend(self._parts(message.blocks, said))

    def _assistant(self, message: ChatMessage) -> None:
        said = Message("assistant", [])
        self.messages.append(said)
        calls = deque(self._calls(message))
        parts: list[AnyPart] = []
        blocks: list[Any] = []
        for block in message.blocks:
            if isinstance(block, ToolCallBlock):
                parts += self._parts(blocks, said, parts)
                blocks = []
                parts.append(calls.popleft())
            else:
                blocks.append(block)
        parts += [*self._parts(blocks, said, parts), *calls]
        entries = message.additional_kwargs.get(SKELETON)
        if isinstance(entries, list) and entries:
            parts = Skeleton(entries, message.additional_kwargs, parts).restored()
        said.parts = parts
        for part in parts:
            if isinstance(part, ToolCall):
                self._names[part.id] = part.name
                self._unanswered.append(part)

    def _calls(self, message: ChatMessage) -> list[ToolCall]:
        """The calls of the blocks, else those that older classes keep in `additional_kwargs` alone."""
        kept = calls_in_kwargs(message.additional_kwargs)
        blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
        if not blocks:
            return [ToolCall(call.id or self._made_id(n), call.name, call.arguments) for n, call in enumerate(kept)]
        originals = {call.id: call for call in kept if call.id}
        return [
            ToolCall(
                block.tool_call_id or self._made_id(number),
                block.tool_name,
                _arguments(block, originals.get(block.tool_call_id or "")),
            )
            for number, block in enumerate(blocks)
        ]

    def _made_id(self, number: int) -> str:
        """An id for a call that came without one: the same each time the same history is sent."""
        return f"call_{len(self.messages)}_{number}"

    def _tool_result(self, message: ChatMessage) -> ToolResult:
        kwargs = message.additional_kwargs
        name = _text_or_none(kwargs.get("name"))
        result = ToolResult("", is_error=bool(kwargs.get("is_error")))
        result.tool_call_id = str(kwargs.get("tool_call_id") or kwargs.get("call_id") or self._call_awaiting(name))
        result.name = name or self._names.get(result.tool_call_id)
        self._unanswered = [call for call in self._unanswered if call.id != result.tool_call_id]
        for part in self._parts(message.blocks, None, marks=result):
            if isinstance(part, Text | Media | Document):
                result.content.append(part)
            elif isinstance(part, Reasoning):
                errors.warn("A ThinkingBlock in a tool result has no place there: it is left out.")
        return result

    def _call_awaiting(self, name: str | None) -> str:
        """The call that a result without an id answers: the first one open, of its name where it has one."""
        return next((call.id for call in self._unanswered if name is None or call.name == name), "")

    def _parts(
        self,
        blocks: Iterable[Any],
        said: Message | None,
        before: Sequence[AnyPart] = (),
        marks: ToolResult | None = None,
    ) -> list[AnyPart]:
        """Parts of blocks. A cache point marks the part before it, which may stand in the message before."""
        parts: list[AnyPart] = []
        for block in blocks:
            match block:
                case CachePoint():
                    self._mark(block, marks or _last(parts) or _last(before) or self._last_part(said))
                case CitationBlock():
                    _cite(block, [*before, *parts], parts)
                case CitableBlock():
                    parts.append(self._citable(block))
                case _:
                    if (part := _part(block)) is not None:
                        parts.append(part)
        return parts

    def _last_part(self, said: Message | None) -> AnyPart | None:
        earlier = [message for message in self.messages if message is not said and message.parts]
        return earlier[-1].parts[-1] if earlier else None

    def _mark(self, point: CachePoint, part: AnyPart | None) -> None:
        if part is None:
            errors.warn("A CachePoint with nothing before it marks nothing: it is left out.")
            return
        control = {"type": point.cache_control.type}
        if point.cache_control.ttl != "5m":  # the default, which older endpoints do not know by name
            control["ttl"] = point.cache_control.ttl
        part.options = {**(part.options or {}), "cache_control": control}

    def _citable(self, block: CitableBlock) -> Document:
        """A source to be cited; an API that cites none is given it as text."""
        content = [part for part in self._parts(block.content, None) if isinstance(part, Text | Media)]
        options = {"citations": {"enabled": True}}
        return Document(content, block.title or None, block.source or None, options=options)


def _last(parts: Sequence[AnyPart]) -> AnyPart | None:
    return parts[-1] if parts else None


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _part(block: Any) -> AnyPart | None:
    match block:
        case TextBlock():
            return Text(block.text)
        case ThinkingBlock():
            return _reasoning(block)
        case ImageBlock():
            options = {"detail": block.detail} if block.detail else None
            return _media("image", block, block.image, block.image_mimetype, options)
        case AudioBlock():
            return _media("audio", block, block.audio, _audio_mime(block.format))
        case VideoBlock():
            options = {name: value for name in ("detail", "fps") if (value := getattr(block, name)) is not None}
            return _media("video", block, block.video, block.video_mimetype, options or None)
        case DocumentBlock():
            return _media("file", block, block.data, block.document_mimetype)
        case _:
            errors.warn(f"{type(block).__name__} is not known here: it is left out.")
            return None


def _reasoning(block: ThinkingBlock) -> Reasoning:
    """Reasoning with what was kept beside it, where that is ours and its text was not edited."""
    text = block.content or ""
    kept = block.additional_information.get("tikhub")
    if not isinstance(kept, dict):
        return Reasoning(text)
    if kept.get("check") != crc32(text.encode()):
        errors.warn("A ThinkingBlock was edited, so its signature no longer fits: the block is not sent back.")
        return Reasoning(text)
    return Reasoning(text, **issued(kept))


def _cite(block: CitationBlock, before: Sequence[AnyPart], parts: list[AnyPart]) -> None:
    """A citation belongs to the text before it; where there is none, what it quotes is text itself."""
    quoted = block.cited_content.text if isinstance(block.cited_content, TextBlock) else None
    cited = next((part for part in reversed(before) if isinstance(part, Text)), None)
    if cited is None:
        if quoted:
            parts.append(Text(quoted))
        return
    where = block.additional_location_info
    cited.citations.append(
        Citation("citation", block.source or None, block.title or None, quoted, where.get("start"), where.get("end"))
    )


def _arguments(block: ToolCallBlock, original: ToolCall | None) -> str:
    """The call's arguments as text: the model's own, where the block still says the same."""
    if isinstance(block.tool_kwargs, str):
        return block.tool_kwargs or "{}"
    if original and original.name == block.tool_name and parsed_arguments(original.arguments) == block.tool_kwargs:
        return original.arguments
    return as_arguments(block.tool_kwargs)


# --- media ----------------------------------------------------------------------------------------------------------


def _audio_mime(extension: str | None) -> str | None:
    if not extension or "/" in extension:
        return extension
    return _AUDIO_MIMES.get(extension.lower(), f"audio/{extension.lower()}")


def _media(
    kind: MediaKind, block: Any, data: Any, mime_type: str | None, options: dict[str, Any] | None = None
) -> Media:
    """A block's bytes as base64, from wherever it has them, or its address."""
    media = Media(kind, mime_type=mime_type, name=getattr(block, "title", None), options=options)
    url = str(block.url) if block.url is not None else ""
    if data is not None:
        media.data = _base64(block, data)
    elif block.path is not None:
        media.data = _file(block)
    elif url.startswith("data:") and ";base64," in url:
        mime, _, media.data = url[len("data:") :].partition(";base64,")
        media.mime_type = mime_type or mime or None
    elif url:
        media.url = url
    if not (media.data or media.url):
        raise InvalidRequestError(f"{type(block).__name__} is empty: give it bytes, a path or a url.")
    return media


def _base64(block: Any, data: Any) -> str:
    """The bytes that a block holds: base64 where it was made with them, raw in a stream, which is left where it was."""
    if isinstance(data, bytes):
        try:
            return data.decode("ascii")
        except UnicodeDecodeError:  # set after the block was made
            return base64.b64encode(data).decode()
    try:
        position = data.tell()
        data.seek(0)
        raw = data.read()
        data.seek(position)
    except (OSError, ValueError) as failure:
        raise InvalidRequestError(f"{type(block).__name__} holds a stream that cannot be read: {failure}") from None
    return base64.b64encode(raw).decode()


def _file(block: Any) -> str:
    try:
        return base64.b64encode(Path(block.path).read_bytes()).decode()
    except OSError as failure:
        raise InvalidRequestError(f"{type(block).__name__} names a file that cannot be read: {failure}") from None


# --- from an answer -------------------------------------------------------------------------------------------------


def from_reply(parts: Sequence[AnyPart], *, reasoning_tokens: int | None = None) -> ChatMessage:
    """An answer's parts as a LlamaIndex message.

    All text is in one `TextBlock`, at the place of the first: `ChatMessage.content` puts line ends between blocks, so
    more of them would not give the text that was streamed.

    Args:
        parts: The answer, in order.
        reasoning_tokens: Tokens the wire counted for reasoning, if it did.
    """
    blocks: list[Any] = []
    text_at: int | None = None
    texts: list[str] = []
    citations: list[CitationBlock] = []
    kwargs: dict[str, Any] = {}
    for part in parts:
        match part:
            case Text() | Refusal():
                if text_at is None:
                    text_at = len(blocks)
                    blocks.append(None)
                texts.append(part.text)
                if isinstance(part, Refusal):
                    kwargs[REFUSAL] = kwargs.get(REFUSAL, "") + part.text
                else:
                    citations += [citation_block(citation) for citation in part.citations]
            case Reasoning():
                blocks.append(thinking_block(part, reasoning_tokens))
                reasoning_tokens = None  # counted for the answer as a whole, so said once
            case ToolCall():
                blocks.append(_tool_call_block(part))
            case Media():
                if (block := media_block(part)) is not None:
                    blocks.append(block)
                if part.transcript:
                    kwargs["audio_transcript"] = kwargs.get("audio_transcript", "") + part.transcript
            case _:
                pass  # in the skeleton
    if text_at is not None:
        blocks[text_at] = TextBlock(text="".join(texts))
    elif not any(isinstance(block, (ToolCallBlock, *_MEDIA_BLOCKS)) for block in blocks):
        blocks.append(TextBlock(text=""))  # so that `content` is a string wherever the answer is not a call
    if skeleton := skeleton_of(parts):
        kwargs[SKELETON] = skeleton
    return ChatMessage(role=MessageRole.ASSISTANT, blocks=[*blocks, *citations], additional_kwargs=kwargs)


def thinking_block(part: Reasoning, num_tokens: int | None) -> ThinkingBlock:
    """Reasoning as a block, with what must be sent back with it.

    A signature stands where LlamaIndex's Anthropic class looks for it, too.
    """
    information: dict[str, Any] = {}
    if isinstance(signature := (part.state or {}).get("signature"), str):
        information["signature"] = signature
    if part.state or part.issuer:
        information["tikhub"] = {
            "state": part.state,
            "issuer": list(part.issuer) if part.issuer else None,
            "check": crc32(part.text.encode()),
        }
    return ThinkingBlock(content=part.text, num_tokens=num_tokens or None, additional_information=information)


def _tool_call_block(part: ToolCall) -> ToolCallBlock:
    arguments = parsed_arguments(part.arguments)
    return ToolCallBlock(
        tool_call_id=part.id, tool_name=part.name, tool_kwargs=part.arguments if arguments is None else arguments
    )


def tool_call_dict(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    """A call as a plain dict, in OpenAI's shape."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def citation_block(citation: Citation) -> CitationBlock:
    """A citation as a block; of its place LlamaIndex's has room for whole numbers, the rest is in the skeleton."""
    raw = citation.raw or {}
    where = {name: value for name, value in raw.items() if isinstance(value, int) and not isinstance(value, bool)}
    where |= {name: value for name in ("start", "end") if (value := getattr(citation, name)) is not None}
    return CitationBlock(
        cited_content=TextBlock(text=citation.cited_text or ""),
        source=citation.url or _text_or_none(raw.get("source")) or "",
        title=citation.title or "",
        additional_location_info=where,
    )


def media_block(part: Media) -> Any:
    """Media of an answer as a block; None where only the provider has the bytes."""
    data = part.data.encode() if part.data else None
    if not data and not part.url:
        return None
    where: dict[str, Any] = {"url": part.url} if part.url else {}  # some versions of core refuse a url that is None
    match part.kind:
        case "image":
            return ImageBlock(image=data, image_mimetype=part.mime_type, **where)
        case "audio":
            kind = (part.mime_type or "").partition(";")[0].rpartition("/")[2]
            return AudioBlock(audio=data, format=_AUDIO_EXTENSIONS.get(kind, kind) or None, **where)
        case "video":
            return VideoBlock(video=data, video_mimetype=part.mime_type, **where)
        case _:
            return DocumentBlock(data=data, title=part.name, document_mimetype=part.mime_type, **where)
