"""A stream's deltas as the events of LangChain's content-block protocol (`stream_events(version="v3")`). Pure.

LangChain could derive these from our chunks, but it would lose what comes late (sources, speech in fragments), and
build a message for every token on the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never, cast

from langchain_core.callbacks.base import AsyncCallbackHandler, LLMManagerMixin

from langchain_tikhub.content_blocks import issued_fields, whole_block
from langchain_tikhub.profile import PROVIDER
from langchain_tikhub.reply import from_reply, other_choices
from langchain_tikhub.skeleton import COMMENTARY
from tikhub_ai import (
    AudioDelta,
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
    is_commentary,
)

if TYPE_CHECKING:
    from langchain_protocol.protocol import MessagesData

    from tikhub_ai import AnyPart, ChatReply, Delta, ResponseFormat

_HEAVY = frozenset({"args", "base64", "output", "value"})
"""Fields that come with a block's end only."""


class EventStream(GuardedStream["list[MessagesData]"]):
    """Makes events of one stream's deltas.

    Args:
        model: The model asked for.
        message_id: LangChain's id of the message.
        headers: Whether the response headers go into the last event's metadata.
        form: The form that was asked for.
    """

    def __init__(
        self, model: str, message_id: str, *, headers: bool = False, form: ResponseFormat | None = None
    ) -> None:
        self._model = model
        self._form = form
        self._message_id = message_id
        self._headers = headers
        self._started = False
        self._open: dict[int, tuple[int, dict[str, Any]]] = {}

    def events(self, delta: Delta) -> list[MessagesData]:
        """The events of one delta; none where it belongs to another choice than the first."""
        return self.item(delta) or []

    def _item(self, delta: Delta) -> list[MessagesData]:
        is_other = not isinstance(delta, End) and delta.choice
        return [] if is_other else cast("list[MessagesData]", self._delta(delta))

    def _delta(self, delta: Delta) -> list[dict[str, Any]]:
        match delta:
            case TextDelta():
                block = _TEXT if delta.phase is None else {**_TEXT, "phase": delta.phase}
                return self._said(delta.index, block, {"type": "text-delta", "text": delta.text}, delta.text)
            case ReasoningDelta(state={"redacted": _}):
                return self._opened(delta.index, {"type": "non_standard", "value": {}})
            case ReasoningDelta():
                said = {"type": "reasoning-delta", "reasoning": delta.text}
                return self._said(delta.index, _REASONING, said, delta.text)
            case ToolCallDelta():
                call = {"type": "tool_call_chunk", "id": delta.id, "name": delta.name, "args": "", "index": delta.index}
                call |= issued_fields("tool_call", delta.state, delta.issuer)
                return self._said(
                    delta.index, call, {"type": "tool-call-delta", "args": delta.arguments}, delta.arguments
                )
            case RefusalDelta():
                return self._opened(delta.index, {"type": "non_standard", "value": {}})
            case CitationDelta():
                return self._opened(delta.index, _TEXT)
            case AudioDelta():
                mime = {"mime_type": delta.mime_type} if delta.mime_type else {}
                return self._opened(delta.index, {"type": "audio", **mime})
            case PartDelta():
                return self._part(delta.part, delta.index)
            case End():
                return self._end(delta.reply)
            case _:
                assert_never(delta)

    def _part(self, part: AnyPart, index: int) -> list[dict[str, Any]]:
        match part:
            case Text():
                return self._delta(TextDelta(part.text, index, phase=COMMENTARY if is_commentary(part) else None))
            case Reasoning():
                return self._delta(ReasoningDelta(part.text, index, state=part.state))
            case ToolCall():
                return self._delta(ToolCallDelta(part.arguments, index, id=part.id, name=part.name))
            case Refusal():
                return self._delta(RefusalDelta(part.text, index))
            case Media() | ServerToolCall() | ServerToolResult() | Opaque() | ToolResult() | Document():
                return self._opened(index, _light(whole_block(part)))
            case _:
                assert_never(part)

    def _said(self, index: int, block: dict[str, Any], delta: dict[str, Any], words: str) -> list[dict[str, Any]]:
        events = self._opened(index, block)
        if words:
            events.append({"event": "content-block-delta", "index": self._open[index][0], "delta": delta})
        return events

    def _opened(self, index: int, block: dict[str, Any]) -> list[dict[str, Any]]:
        """The start of the message and of the block, where they are due. Their numbers count from 0, without gaps."""
        if index in self._open:
            return []
        number = len(self._open)
        self._open[index] = (number, block)
        return [*self._start(), {"event": "content-block-start", "index": number, "content": dict(block)}]

    def _start(self) -> list[dict[str, Any]]:
        if self._started:
            return []
        self._started = True
        metadata = {"provider": PROVIDER, "model": self._model}
        return [{"event": "message-start", "role": "ai", "id": self._message_id, "metadata": metadata}]

    def _end(self, reply: ChatReply) -> list[dict[str, Any]]:
        result = from_reply(reply, self._model, headers=self._headers, only_first=True, form=self._form)
        message = result.generations[0].message
        blocks = {int(block["index"]): dict(block) for block in message.content_blocks if "index" in block}
        events = self._start()
        for index in sorted(blocks.keys() - self._open.keys()):
            events += self._opened(index, _light(blocks[index]))
        for index, (number, start) in self._open.items():
            block = blocks.get(index, start)
            if block["type"] in {"tool_call", "invalid_tool_call"}:
                del block["index"]  # as LangChain itself ends them: nothing may be merged into parsed arguments
            elif block["type"] == "refusal":  # up to 1.8.2, LangChain's stream drops this block of its own
                block = {"type": "non_standard", "value": {"type": "refusal", "refusal": block["refusal"]}}
            events.append({"event": "content-block-finish", "index": number, "content": block})
        metadata = message.response_metadata | other_choices(reply)
        end: dict[str, Any] = {"event": "message-finish", "metadata": metadata}
        if message.additional_kwargs:
            end["additional_kwargs"] = message.additional_kwargs
        if (usage := getattr(message, "usage_metadata", None)) is not None:
            end["usage"] = usage
        return [*events, end]


_DEAF = frozenset({LLMManagerMixin.on_llm_new_token, AsyncCallbackHandler.on_llm_new_token})


def hears_tokens(run_manager: Any) -> bool:
    """Whether a handler of a run listens to tokens, so that it is worth making a message of each.

    Args:
        run_manager: LangChain's; None where there is none.
    """
    handlers = getattr(run_manager, "handlers", ())
    return any(getattr(type(handler), "on_llm_new_token", None) not in _DEAF for handler in handlers)


_TEXT = {"type": "text", "text": ""}
_REASONING = {"type": "reasoning", "reasoning": ""}


def _light(block: dict[str, Any]) -> dict[str, Any]:
    light = {key: value for key, value in block.items() if key not in _HEAVY}
    if block["type"] == "non_standard":
        light["value"] = {}
    if block["type"] in {"tool_call", "server_tool_call"}:
        light["args"] = {}
    return light
