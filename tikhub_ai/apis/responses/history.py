"""A conversation as the `instructions` and `input` items of POST /v1/responses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, assert_never

from tikhub_ai.apis import free_text
from tikhub_ai.apis.common_history import (
    Dropped,
    cannot_carry,
    fitting_id,
    paired,
    result_parts,
    sources_in_words,
    warn_of_lone_thoughts,
)
from tikhub_ai.apis.due_calls import settled
from tikhub_ai.apis.responses.answers import answer
from tikhub_ai.conversation import (
    AnyPart,
    Document,
    Issuer,
    Media,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    ToolCall,
    ToolResult,
)
from tikhub_ai.errors import warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tikhub_ai.catalog import ModelFacts

_DEFAULT_MIME = {"image": "image/png", "file": "application/pdf"}
_CALL_ID = re.compile(r".{1,64}", re.DOTALL)
_OF_CHAT_COMPLETIONS = frozenset({"text", "image_url", "file"})
_MESSAGE = {"type": "message", "role": "assistant", "status": "completed"}
_UNNAMED = {"type": "message", "role": "assistant"}
_CALLS = frozenset({"function_call", "custom_tool_call"})
_OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output"})
_OF_OUTPUTS = frozenset({"id", "caller", "name", "namespace", "status"})
"""Fields of such an output beside what it says, and which call it answers."""


def encode_items(
    messages: Sequence[Message], issuer: Issuer, facts: ModelFacts, *, stores: bool, is_whole: bool, replays: bool
) -> dict[str, Any]:
    """The wire's `input`, and `instructions` where the conversation begins with system messages.

    Args:
        messages: The conversation; not changed.
        issuer: Who will read it: only state that it issued is sent.
        facts: The model's dialect.
        stores: Whether the provider keeps answers, so that items may be named by their ids alone.
        is_whole: Whether `messages` is all there is, and the provider keeps nothing before it.
        replays: Whether anything is sent back as it was issued.

    Raises:
        InvalidRequestError: A part that this wire cannot carry, or a tool result without its call.
    """
    messages = settled(messages, issuer if replays else None, answer, is_whole=is_whole)
    if is_whole:
        messages = paired(messages, issuer if replays else None)
    leading = _leading(messages, _mark(facts))
    if leading == len(messages) and is_whole:
        leading = 0  # instructions alone are refused: something must be asked
    encoder = _Encoder(issuer, facts, stores=stores, replays=replays)
    for message in messages[leading:]:
        encoder.add(message)
    said = [_words(message) for message in messages[:leading]]
    instructions = "\n\n".join(text for text in said if text)
    return ({"instructions": instructions} if instructions else {}) | {"input": encoder.finish()}


def _leading(messages: Sequence[Message], mark: str) -> int:
    """How many messages at the start are instructions in words alone, none of them with a cache mark."""
    for number, message in enumerate(messages):
        if message.role not in {"system", "developer"}:
            return number
        if not all(isinstance(part, Text) and mark not in (part.options or ()) for part in message.parts):
            return number
    return len(messages)


def _mark(facts: ModelFacts) -> str:
    """How a part says that a cache is to keep the prompt up to it; empty where the provider has no such word."""
    return "prompt_cache_breakpoint" if facts.family == "gpt" else ""


def _words(message: Message) -> str:
    return "\n\n".join(part.text for part in message.parts if isinstance(part, Text))


class _Encoder:
    """Builds the wire's list of items."""

    def __init__(self, issuer: Issuer, facts: ModelFacts, *, stores: bool, replays: bool) -> None:
        self._issuer = issuer if replays else None
        self._facts = facts
        self._stores = stores
        self._out: list[dict[str, Any]] = []
        self._held: list[dict[str, Any]] = []
        self._custom: set[str] = set()
        self._callers: dict[str, Any] = {}
        self._named = False
        self._dropped = Dropped(issuer)
        self._mark = _mark(facts)

    def add(self, message: Message) -> None:
        if message.role == "assistant":
            self._assistant(message.parts)
            return
        self._release()
        rest = [part for part in message.parts if not isinstance(part, ToolResult)]
        self._out += [self._tool_result(part) for part in message.parts if isinstance(part, ToolResult)]
        if rest or message.role != "tool":
            self._speak(self._role(message.role), rest)
        self._named = self._named or (message.role == "user" and bool(message.name))

    def finish(self) -> list[dict[str, Any]]:
        self._release()
        self._out = _without_lone_thoughts(self._out)
        self._dropped.warn()
        if self._named:
            warn("responses has no place for the names of speakers: they are not sent.")
        return self._out

    def _release(self) -> None:
        self._out += self._held
        self._held = []

    def _put(self, item: dict[str, Any]) -> None:
        """DeepSeek wants results right after calls (400 else): what stands between a turn's calls goes before them."""
        into = self._held if self._facts.family == "deepseek" and item.get("type") in _CALLS else self._out
        into.append(item)

    def _is_own(self, part: AnyPart) -> bool:
        return part.issuer is not None and part.issuer == self._issuer

    # --- user, system and tool messages -----------------------------------------------------------------------------

    def _role(self, role: str) -> str:
        if role in {"user", "tool"}:
            return "user"
        return "developer" if self._facts.family == "gpt" else "system"

    def _speak(self, role: str, parts: Sequence[AnyPart]) -> None:
        """A message, or several where the caller's own items stand in between."""
        content: list[dict[str, Any]] = []
        items = 0
        for part in sources_in_words(parts):
            if isinstance(part, Opaque) and part.issuer in {None, self._issuer} and not _is_content(part.value):
                self._message(role, content)
                content = []
                self._out.append(part.value)
                items += 1
            elif (block := self._block(part)) is not None:
                content.append(block)
        if content or not items:
            self._message(role, content or [{"type": "input_text", "text": ""}])

    def _message(self, role: str, content: list[dict[str, Any]]) -> None:
        if not content:
            return
        alone = content[0] if len(content) == 1 else {}
        text = alone.get("text") if alone.keys() == {"type", "text"} else None
        self._out.append({"role": role, "content": content if text is None else text})

    def _block(self, part: AnyPart) -> dict[str, Any] | None:
        match part:
            case Text() | Refusal():
                return self._with_options({"type": "input_text", "text": part.text}, part)
            case Media():
                return self._with_options(_media(part), part)
            case Opaque() if part.issuer in {None, self._issuer}:
                return part.value
            case (
                Opaque() | Reasoning() | ToolCall() | ToolResult() | Document() | ServerToolCall() | ServerToolResult()
            ):
                self._dropped.add(part)
                return None
            case _:
                assert_never(part)

    def _with_options(self, block: dict[str, Any], part: AnyPart) -> dict[str, Any]:
        """A block with what the caller asks for it, of what the wire has fields for."""
        if not part.options:
            return block
        taken = (self._mark, *(("detail",) if block["type"] in {"input_image", "input_file"} else ()))
        self._dropped.options(part, taken)
        return block | {name: part.options[name] for name in taken if part.options.get(name) is not None}

    def _tool_result(self, result: ToolResult) -> dict[str, Any]:
        said = result.state or {}
        self._dropped.options(result, (self._mark,))
        kind = "custom_tool_call_output" if result.tool_call_id in self._custom else "function_call_output"
        if said.get("type") in _OUTPUTS:  # by the caller: the call itself may be kept at the provider
            kind = said["type"]
        item: dict[str, Any] = {"type": kind, "call_id": fitting_id(result.tool_call_id, _CALL_ID, "call_")}
        content = result_parts(result)
        blocks = [self._block(part) for part in content]
        if blocks and blocks[-1] and self._mark in (result.options or ()):
            blocks[-1] = self._with_options(blocks[-1], result)
        if all(isinstance(part, Text) for part in content) and all(block and len(block) == 2 for block in blocks):
            item["output"] = "\n".join(part.text for part in content if isinstance(part, Text))
        else:
            item["output"] = [block for block in blocks if block is not None]
        if caller := self._callers.get(result.tool_call_id):
            item["caller"] = caller
        return item | {name: value for name, value in said.items() if name in _OF_OUTPUTS}

    # --- assistant --------------------------------------------------------------------------------------------------

    def _assistant(self, parts: Sequence[AnyPart]) -> None:
        """The items of an answer, in their order. Texts of one message item stand together in it."""
        said: list[AnyPart] = []
        for part in sources_in_words(parts):
            if self._is_said(part):
                if said and _item_id(said[0]) != _item_id(part):
                    self._answer(said)
                    said = []
                said.append(part)
                continue
            self._answer(said)
            said = []
            item = self._item(part)
            if item is not None:
                self._put(item)
        self._answer(said)

    def _is_said(self, part: AnyPart) -> bool:
        """Whether a part is content of a message item."""
        match part:
            case Text() | Refusal():
                return True
            case Opaque():
                return self._is_own(part) and part.state is not None
            case Media():
                return bool(part.transcript) and not self._is_own(part)
            case Reasoning() | ToolCall() | ToolResult() | Document() | ServerToolCall() | ServerToolResult():
                return False
            case _:
                assert_never(part)

    def _answer(self, parts: Sequence[AnyPart]) -> None:
        """A message item: as it was issued, with the words that are there now; else in words alone."""
        if not parts:
            return
        first = parts[0]
        state = (first.state or {}) if self._is_own(first) else {}
        if "id" in state or "phase" in state:  # ChatOpenAI's streams keep the phase alone
            content = [_output(part) for part in parts]
            self._put((_MESSAGE if "id" in state else _UNNAMED) | state | {"content": content})
            return
        texts = [(part.transcript if isinstance(part, Media) else getattr(part, "text", None)) or "" for part in parts]
        if text := "".join(texts):
            self._put({"type": "message", "role": "assistant", "content": text})  # llama.cpp: 400 without its type

    def _item(self, part: AnyPart) -> dict[str, Any] | None:
        is_own, state = self._is_own(part), part.state or {}
        match part:
            case ToolCall():
                return self._tool_call(part, state if is_own else {})
            case Reasoning() if is_own and self._can_read(state.get("item")):
                return dict(state["item"])
            case Media() if is_own and "item" in state:
                return {**state["item"], "result": part.data}
            case ServerToolCall() | ServerToolResult() if is_own and "item" in state:
                return dict(state["item"])
            case ServerToolResult() if is_own:
                return None  # its call's item holds it
            case Opaque() if is_own or part.issuer is None:
                return part.value
            case (
                Text() | Refusal() | Reasoning() | Media() | Opaque() | ToolResult() | Document() | ServerToolCall()
                | ServerToolResult()
            ):  # fmt: skip
                self._dropped.add(part)
                return None
            case _:
                assert_never(part)

    def _can_read(self, item: Any) -> bool:
        """Whether a reasoning item means something to the model.

        By its id alone only what the provider has kept can be found (404 with `store` false), and OpenAI's models that
        do not reason refuse all of it.
        """
        facts = self._facts
        if not isinstance(item, dict) or (facts.family == "gpt" and facts.is_known and not facts.reasoning):
            return False
        return bool(self._stores or item.get("encrypted_content") or item.get("content"))

    def _tool_call(self, call: ToolCall, state: dict[str, Any]) -> dict[str, Any]:
        item = {"type": "function_call", **state}
        if "caller" in state:
            self._callers[call.id] = state["caller"]
        item |= {"call_id": fitting_id(call.id, _CALL_ID, "call_"), "name": call.name}
        if item["type"] == "custom_tool_call":
            self._custom.add(call.id)
            item["input"] = free_text.text_of(call.arguments)
        else:
            item["arguments"] = call.arguments or "{}"
        return item


def _without_lone_thoughts(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The items without reasoning that no item of the same answer follows, to which the wire answers 400."""
    out: list[dict[str, Any]] = []
    count = 0
    leads_on = False
    for item in reversed(items):
        if item.get("type") != "reasoning":
            leads_on = not _is_said_to_the_model(item)
        elif not leads_on:
            count += 1
            continue
        out.append(item)
    warn_of_lone_thoughts("responses", count)
    return out[::-1]


def _is_said_to_the_model(item: dict[str, Any]) -> bool:
    role, kind = item.get("role"), str(item.get("type") or "message")
    return kind.endswith(("_output", "_response")) if role is None else role != "assistant"


def _item_id(part: AnyPart) -> tuple[Any, ...]:
    state = part.state or {}
    return part.issuer, state.get("id"), state.get("phase")


def _output(part: AnyPart) -> dict[str, Any]:
    """A content part of a message item."""
    match part:
        case Text():
            annotations = [citation.raw for citation in part.citations if citation.raw]
            return {"type": "output_text", "text": part.text, "annotations": annotations, "logprobs": []}
        case Refusal():
            return {"type": "refusal", "refusal": part.text}
        case Opaque():
            return part.value
        case (
            Media() | Reasoning() | ToolCall() | ToolResult() | Document() | ServerToolCall() | ServerToolResult()
        ):  # fmt: skip
            raise TypeError(f"{type(part).__name__} is no content of a message item")
        case _:
            assert_never(part)


def _is_content(value: dict[str, Any]) -> bool:
    """Whether a caller's own JSON is content of a message; else it is an item, such as `computer_call_output`."""
    kind = str(value.get("type", ""))
    return kind.startswith("input_") or kind in _OF_CHAT_COMPLETIONS or not kind


def _media(part: Media) -> dict[str, Any]:
    mime = part.mime_type or _DEFAULT_MIME.get(part.kind, "application/octet-stream")
    data = f"data:{mime};base64,{part.data}"
    match part.kind:
        case "image":
            image: dict[str, Any] = {"type": "input_image", "detail": "auto"}
            return image | ({"file_id": part.file_id} if part.file_id else {"image_url": part.url or data})
        case "file" if part.file_id:
            return {"type": "input_file", "file_id": part.file_id}
        case "file" if part.url:
            return {"type": "input_file", "file_url": part.url}
        case "file":
            name = part.name or f"document.{mime.rsplit('/', 1)[-1]}"
            return {"type": "input_file", "filename": name, "file_data": data}
        case _:
            raise cannot_carry("responses", part, "images and files, each by URL, base64 or file id")
