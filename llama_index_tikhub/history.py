"""What goes in: LlamaIndex's messages as the neutral conversation, message by message.

Nothing of the caller's is changed. `content_blocks` reads single blocks.

What an answer holds beyond LlamaIndex's blocks stands in its message's `additional_kwargs`:

- `tikhub_parts`: the skeleton: the order of all parts and what must be sent back with them. Left out where
  the blocks alone are enough.
- `refusal`: the words of a refusal, which are the message's text as well.
- `audio_transcript`: the words of an audio answer.

A message that still grows has `tool_calls` too, for core's streaming helpers. A whole one has its calls in blocks
alone: LlamaIndex's Google class would send them twice, and its OpenAIResponses in a form that OpenAI refuses.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import (
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    TextBlock,
    ToolCallBlock,
)

from llama_index_tikhub.content_blocks import citation_of, part_of, shown_citation, word_or_none
from llama_index_tikhub.open_calls import OpenCalls
from llama_index_tikhub.skeleton import (
    SKELETON,
    Skeleton,
    as_arguments,
    calls_in_kwargs,
    parsed_arguments,
)
from llama_index_tikhub.vendor_state import Signatures
from tikhub_ai import (
    Document,
    Media,
    Message,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    warn,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tikhub_ai import AnyPart, Role

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
        self._open = OpenCalls()

    def add(self, message: ChatMessage) -> None:
        role = _ROLES.get(message.role.value, "user")
        if role == "tool":
            self.messages.append(Message("tool", [self._tool_result(message)]))
        elif role == "assistant":
            self._assistant(message)
        else:
            said = Message(role, [], name=word_or_none(message.additional_kwargs.get("name")))
            self.messages.append(said)
            said.parts.extend(self._parts(message.blocks, said))
        self._mark_message(message.additional_kwargs.get("cache_control"))

    def _assistant(self, message: ChatMessage) -> None:
        if not self.messages or self.messages[-1].role != "assistant":
            self._open.begin()
        said = Message("assistant", [], name=word_or_none(message.additional_kwargs.get("name")))
        self.messages.append(said)
        calls = deque(self._calls(message))
        signatures = Signatures(message)
        parts: list[AnyPart] = []
        blocks: list[Any] = []
        for block in message.blocks:
            if isinstance(block, ToolCallBlock):
                parts += self._parts(blocks, said, parts, signatures=signatures)
                blocks = []
                call = calls.popleft()
                signatures.put(call, block)
                parts.append(call)
            else:
                blocks.append(block)
        parts += [*self._parts(blocks, said, parts, signatures=signatures), *calls]
        entries = message.additional_kwargs.get(SKELETON)
        if isinstance(entries, list) and entries:
            parts = Skeleton(entries, message.additional_kwargs, parts, shown_citation).restored()
        said.parts = parts
        found = [part for part in parts if isinstance(part, ToolCall)]
        self._open.add(found, (call.id for call in found if call.id.startswith(self._made_ids())))

    def _calls(self, message: ChatMessage) -> list[ToolCall]:
        """The calls of the blocks, else those that older classes keep in `additional_kwargs` alone."""
        kept = calls_in_kwargs(message.additional_kwargs)
        blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
        if not blocks:
            made = self._made_ids()
            return [ToolCall(call.id or f"{made}{n}", call.name, call.arguments) for n, call in enumerate(kept)]
        originals = {call.id: call for call in kept if call.id}
        return [
            ToolCall(
                block.tool_call_id or f"{self._made_ids()}{number}",
                block.tool_name,
                _arguments(block, originals.get(block.tool_call_id or "")),
            )
            for number, block in enumerate(blocks)
        ]

    def _made_ids(self) -> str:
        """How the ids begin of calls of this answer that came without: the same each time the same history is sent."""
        return f"call_{len(self.messages)}_"

    def _tool_result(self, message: ChatMessage) -> ToolResult:
        kwargs = message.additional_kwargs
        name = word_or_none(kwargs.get("name"))
        result = ToolResult("", is_error=bool(kwargs.get("is_error")))
        given = str(kwargs.get("tool_call_id") or kwargs.get("call_id") or "")
        result.tool_call_id, result.name = self._open.answered(given, name)
        for part in self._parts(message.blocks, None, marks=result):
            if isinstance(part, Text | Media | Document):
                result.content.append(part)
            elif isinstance(part, Reasoning):
                warn("A ThinkingBlock in a tool result has no place there: it is left out.")
        return result

    def _parts(
        self,
        blocks: Iterable[Any],
        said: Message | None,
        before: Sequence[AnyPart] = (),
        marks: ToolResult | None = None,
        signatures: Signatures | None = None,
    ) -> list[AnyPart]:
        """Parts of blocks. A cache point marks the part before it, which may stand in the message before."""
        parts: list[AnyPart] = []
        for block in blocks:
            match block:
                case CachePoint():
                    self._mark(
                        block.cache_control, [marks] if marks else chain(reversed(parts), reversed(before)), said
                    )
                case CitationBlock():
                    _cite(block, before, parts)
                case CitableBlock():
                    parts.append(self._citable(block))
                case _:
                    if (part := part_of(block)) is not None:
                        parts.append(part)
                        if signatures is not None:
                            signatures.put(part, block)
        return parts

    def _mark_message(self, control: Any) -> None:
        """Mark the end of the message that was added last, where its `additional_kwargs` say so.

        LlamaIndex's Anthropic class marks each block of it, of which the last is enough: what stands before a mark is
        cached with it.
        """
        if control is not None:
            self._mark(control, (), None)

    def _mark(self, control: Any, parts: Iterable[AnyPart], said: Message | None) -> None:
        """Mark the last part that can be, among those given, else in what was said before.

        Args:
            control: Anthropic's `cache_control`, as LlamaIndex's object or a dict.
            parts: The last one first.
            said: The message that they belong to, which is no part of what was said before.
        """
        earlier = (
            part for message in reversed(self.messages) if message is not said for part in reversed(message.parts)
        )
        part = next((part for part in chain(parts, earlier) if _can_be_marked(part)), None)
        if part is None:
            warn("A CachePoint, or cache_control, with nothing before it marks nothing: it is left out.")
            return
        part.options = {**(part.options or {}), "cache_control": _control(control)}

    def _citable(self, block: CitableBlock) -> Document:
        """A source to be cited; an API without citations gets it as text."""
        content = [part for part in self._parts(block.content, None) if isinstance(part, Text | Media)]
        options = {"citations": {"enabled": True}}
        return Document(content, block.title or None, block.source or None, options=options)


def _can_be_marked(part: AnyPart) -> bool:
    """Claude caches no thought by itself, and what says nothing is not sent."""
    return not isinstance(part, Reasoning | Opaque) and not (isinstance(part, Text) and not part.text.strip())


def _control(given: Any) -> dict[str, Any]:
    control = dict(given) if isinstance(given, Mapping) else {"type": given.type, "ttl": given.ttl}
    if control.get("ttl") == "5m":  # the default, which older endpoints do not know by name
        del control["ttl"]
    return control


def _cite(block: CitationBlock, before: Sequence[AnyPart], parts: list[AnyPart]) -> None:
    """A citation belongs to the text before it; where there is none, what it quotes is text itself."""
    quoted = block.cited_content.text if isinstance(block.cited_content, TextBlock) else None
    told = chain(reversed(parts), reversed(before))
    cited = next((part for part in told if isinstance(part, Text)), None)
    if cited is not None:
        cited.citations.append(citation_of(block, quoted))
    elif quoted:
        parts.append(Text(quoted))


def _arguments(block: ToolCallBlock, original: ToolCall | None) -> str:
    """The call's arguments as text: the model's own, where the block still holds the same."""
    if isinstance(block.tool_kwargs, str):
        return block.tool_kwargs or "{}"
    if original and original.name == block.tool_name and parsed_arguments(original.arguments) == block.tool_kwargs:
        return original.arguments
    return as_arguments(block.tool_kwargs)
