"""What comes out: the neutral reply and its deltas as LlamaIndex's `ChatResponse` and `CompletionResponse`. Pure."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar, assert_never

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LogProb,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from pydantic import BaseModel

from llama_index_tikhub.content_blocks import (
    MEDIA_BLOCKS,
    block_of,
    citation_block,
    media_block,
    part_of,
    tool_call_dict,
)
from llama_index_tikhub.raw import raw_of, token_counts
from llama_index_tikhub.skeleton import REFUSAL, SKELETON, TRANSCRIPT, skeleton_of
from tikhub_ai import (
    AudioDelta,
    ChatReply,
    Choice,
    CitationDelta,
    Document,
    End,
    GuardedStream,
    Media,
    Opaque,
    PartDelta,
    Reasoning,
    ReasoningDelta,
    Refusal,
    RefusalDelta,
    ServerToolCall,
    ServerToolResult,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolResult,
    guarded,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tikhub_ai import AnyPart, Delta


def from_reply(parts: Sequence[AnyPart], *, reasoning_tokens: int | None = None) -> ChatMessage:
    """An answer's parts as a LlamaIndex message.

    All text is in one `TextBlock`, at the place of the first: `ChatMessage.content` puts line ends between blocks, so
    with more of them it would not be the text that was streamed.

    Args:
        parts: The answer, in order.
        reasoning_tokens: Tokens the wire counted for reasoning, if it did.
    """
    blocks: list[Any] = []
    text_at: int | None = None
    shown: dict[int, Media] = {}
    for number, part in enumerate(parts):
        if isinstance(part, (Text, Refusal)):
            if text_at is None:
                text_at = len(blocks)
                blocks.append(None)
        elif (block := block_of(part, reasoning_tokens)) is not None:
            blocks.append(block)
            if isinstance(part, Reasoning):
                reasoning_tokens = None  # counted for the answer as a whole, so said once
            elif isinstance(part, Media) and isinstance(seen := part_of(block), Media):
                shown[number] = seen
    if text_at is not None:
        blocks[text_at] = TextBlock(text="".join(part.text for part in parts if isinstance(part, (Text, Refusal))))
    elif not any(isinstance(block, (ToolCallBlock, *MEDIA_BLOCKS)) for block in blocks):
        blocks.append(TextBlock(text=""))  # so that `content` is a string wherever the answer is not a call
    cited = [citation_block(citation) for part in parts if isinstance(part, Text) for citation in part.citations]
    return ChatMessage(
        role=MessageRole.ASSISTANT, blocks=[*blocks, *cited], additional_kwargs=_beside_blocks(parts, shown)
    )


def _beside_blocks(parts: Sequence[AnyPart], shown: Mapping[int, Media]) -> dict[str, Any]:
    """What goes into `additional_kwargs`. See `history`."""
    kwargs: dict[str, Any] = {}
    refusals = [part.text for part in parts if isinstance(part, Refusal)]
    if refusals:
        kwargs[REFUSAL] = "".join(refusals)
    if spoken := "".join(part.transcript or "" for part in parts if isinstance(part, Media)):
        kwargs[TRANSCRIPT] = spoken
    if skeleton := skeleton_of(parts, shown):
        kwargs[SKELETON] = skeleton
    return kwargs


def chat_response(reply: ChatReply, *, delta: str | None = None) -> ChatResponse:
    """A whole answer. With n > 1 the first choice is the message; all of them are in `raw["choices"]`.

    Args:
        reply: The answer, plain or folded from a stream.
        delta: The new text: `""` for the last item of a stream, None for a plain answer.

    Raises:
        InvalidResponseError: LlamaIndex's classes refuse the answer. `.partial` is the answer.
    """
    return guarded(lambda: _chat_response(reply, delta), reply)


def _chat_response(reply: ChatReply, delta: str | None) -> ChatResponse:
    usage = reply.usage
    reasoning_tokens = usage.output_details.get("reasoning") if usage else None
    return ChatResponse(
        message=from_reply(reply.parts, reasoning_tokens=reasoning_tokens),
        delta=delta,
        raw=raw_of(reply),
        logprobs=_logprobs(reply.choices[0]) if reply.choices else None,
        additional_kwargs=token_counts(usage) if usage else {},
    )


def completion_response(response: ChatResponse) -> CompletionResponse:
    """A chat answer as a completion."""
    return CompletionResponse(
        text=response.message.content or "",
        delta=response.delta,
        raw=response.raw,
        logprobs=response.logprobs,
        additional_kwargs={**response.message.additional_kwargs, **response.additional_kwargs},
    )


def _logprobs(choice: Choice) -> list[list[LogProb]] | None:
    """For each token its likeliest alternatives; the token itself where none were asked for."""
    said = choice.logprobs or {}
    tokens = said.get("content")
    if isinstance(tokens, list):
        return [_place(_objects(token.get("top_logprobs")) or [token]) for token in _objects(tokens)]
    tokens, likeliest = said.get("chosenCandidates"), said.get("topCandidates")  # Google's words
    if not isinstance(tokens, list):
        return None
    if isinstance(likeliest, list) and len(likeliest) == len(tokens):
        return [_place(_objects(place.get("candidates"))) for place in _objects(likeliest)]
    return [_place([token]) for token in _objects(tokens)]


def _objects(items: Any) -> list[dict[str, Any]]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _place(items: list[dict[str, Any]]) -> list[LogProb]:
    """The alternatives for one token, without what a server wrote in another form than a token and a number."""
    found: list[LogProb] = []
    for item in items:
        value = item.get("logprob", item.get("logProbability"))
        with suppress(ValueError):  # pydantic's ValidationError is one
            found.append(LogProb(token=item.get("token") or "", logprob=value or 0.0, bytes=item.get("bytes") or []))
    return found


_ModelT = TypeVar("_ModelT", bound=BaseModel)
_set = object.__setattr__  # pydantic's own looks at each field


class _Mould(Generic[_ModelT]):
    """Makes objects of a class of pydantic's as unpickling does: validation would be half of what a token costs.

    Args:
        model: An object whose fields the others have, but for those that are filled.
    """

    __slots__ = ("_fields", "_kind", "_said")

    def __init__(self, model: _ModelT) -> None:
        self._kind = type(model)
        state = model.__getstate__()
        self._fields: dict[str, Any] = state["__dict__"]
        self._said = frozenset(state["__pydantic_fields_set__"])
        if state["__pydantic_extra__"] is not None or state["__pydantic_private__"] is not None:
            raise TypeError(f"{self._kind.__name__} has more than its fields, which its copies would share.")

    def filled(self, **fields: Any) -> _ModelT:
        """Another object, with these fields, which nobody else may hold."""
        made = self._kind.__new__(self._kind)
        _set(made, "__dict__", {**self._fields, **fields})
        _set(made, "__pydantic_fields_set__", set(self._said))
        _set(made, "__pydantic_extra__", None)
        _set(made, "__pydantic_private__", None)
        return made


_BLOCK = _Mould(TextBlock(text=""))
_MESSAGE = _Mould(ChatMessage.model_construct(role=MessageRole.ASSISTANT, blocks=[], additional_kwargs={}))
_RESPONSE = _Mould(ChatResponse.model_construct(message=ChatMessage(), delta="", additional_kwargs={}))


class StreamBuilder(GuardedStream[ChatResponse]):
    """Grows a message from a stream's deltas.

    Each item's `message` holds all that came so far, its `delta` only what is new; the last one is the whole answer, as
    a plain call gives it. Blocks are replaced as they grow, never changed, so that items yielded before stay as they
    were. Choices other than the first are in the last item's `raw` only.
    """

    def __init__(self) -> None:
        self._blocks: list[Any] = []
        self._slots: dict[int, int] = {}  # a part's position -> its block's
        self._text: str = ""
        self._text_at = -1
        self._thoughts: dict[int, str] = {}
        self._calls: list[dict[str, Any]] = []
        self._call_slots: dict[int, int] = {}
        self._refusal = ""

    def add(self, delta: Delta) -> ChatResponse | None:
        """The item that a delta makes; None where there is nothing to show."""
        return self.item(delta)

    def _item(self, delta: Delta) -> ChatResponse | None:
        if type(delta) is TextDelta and not delta.choice:
            return self._add_text(delta)
        if isinstance(delta, End):
            return chat_response(delta.reply, delta="")
        if delta.choice:
            return None
        match delta:
            case TextDelta():
                return self._add_text(delta)
            case ReasoningDelta():
                return self._add_reasoning(delta)
            case ToolCallDelta():
                return self._add_tool_call(delta)
            case RefusalDelta():
                return self._add_refusal(delta)
            case CitationDelta():
                return self._add_citations(delta)
            case AudioDelta():
                return self._add_audio(delta)
            case PartDelta():
                return self._add_part(delta)
            case _:
                assert_never(delta)

    def _response(self, delta: str = "", **kwargs: Any) -> ChatResponse:
        """An item with everything so far. Not validated: that would look at all blocks again for each token."""
        said: dict[str, Any] = {}
        if self._calls:
            said["tool_calls"] = self._calls.copy()
        if self._refusal:
            said[REFUSAL] = self._refusal
        message = _MESSAGE.filled(blocks=self._blocks.copy(), additional_kwargs=said)
        return _RESPONSE.filled(message=message, delta=delta, additional_kwargs=kwargs)

    def _put(self, index: int, block: Any) -> None:
        slot = self._slots.get(index)
        if slot is None:
            self._slots[index] = len(self._blocks)
            self._blocks.append(block)
        else:
            self._blocks[slot] = block

    def _add_text(self, delta: TextDelta) -> ChatResponse:
        self._text += delta.text
        block = _BLOCK.filled(text=self._text)
        if self._text_at < 0:
            self._text_at = len(self._blocks)
            self._blocks.append(block)
        else:
            self._blocks[self._text_at] = block
        return self._response(delta.text)

    def _add_refusal(self, delta: RefusalDelta) -> ChatResponse:
        self._refusal += delta.text
        return self._add_text(TextDelta(delta.text, delta.index))

    def _add_reasoning(self, delta: ReasoningDelta) -> ChatResponse | None:
        text = self._thoughts[delta.index] = self._thoughts.get(delta.index, "") + delta.text
        self._put(delta.index, ThinkingBlock(content=text))
        return self._response(thinking_delta=delta.text) if delta.text else None

    def _add_tool_call(self, delta: ToolCallDelta) -> ChatResponse:
        slot = self._call_slots.get(delta.index)
        if slot is None:
            self._call_slots[delta.index] = len(self._calls)
            grown = tool_call_dict(delta.id or "", delta.name or "", delta.arguments)
            self._calls.append(grown)
        else:
            grown = self._calls[slot]
            function = grown["function"]
            called = function["name"] + (delta.name or "")
            grown = tool_call_dict(grown["id"], called, function["arguments"] + delta.arguments)
            self._calls[slot] = grown
        function = grown["function"]
        block = ToolCallBlock(tool_call_id=grown["id"], tool_name=function["name"], tool_kwargs=function["arguments"])
        self._put(delta.index, block)
        return self._response()

    def _add_citations(self, delta: CitationDelta) -> ChatResponse:
        self._blocks += [citation_block(citation) for citation in delta.citations]
        return self._response()

    def _add_audio(self, delta: AudioDelta) -> ChatResponse:
        """Sound as it comes; the block is made once, at the end: it would decode all that came so far each time."""
        new = {"audio_delta": delta.data, "audio_transcript_delta": delta.transcript}
        return self._response(**{name: value for name, value in new.items() if value})

    def _add_part(self, delta: PartDelta) -> ChatResponse | None:
        match delta.part:
            case Text() as part:
                return self._add_text(TextDelta(part.text, delta.index))
            case Refusal() as part:
                return self._add_refusal(RefusalDelta(part.text, delta.index))
            case Reasoning() as part:
                return self._add_reasoning(ReasoningDelta(part.text, delta.index))
            case ToolCall() as part:
                return self._add_tool_call(ToolCallDelta(part.arguments, delta.index, id=part.id, name=part.name))
            case Media() as part:
                if (block := media_block(part)) is None:
                    return None
                self._put(delta.index, block)
                return self._response()
            case ServerToolCall() | ServerToolResult() | Opaque() | ToolResult() | Document():
                return None  # in the skeleton, which comes with the last item
            case _:
                assert_never(delta.part)
