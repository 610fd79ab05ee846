"""A conversation as the `messages` of POST /v1/chat/completions."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, assert_never

from tikhub_ai.apis import free_text
from tikhub_ai.apis.common_history import (
    OPENING,
    Dropped,
    cannot_carry,
    fitting_id,
    paired,
    result_parts,
    sources_in_words,
    warn_of_lone_thoughts,
    warn_of_opening,
)
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
    from collections.abc import Iterable, Sequence

    from tikhub_ai.catalog import ModelFacts

_AUDIO_FORMATS = {
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/flac": "flac",
    "audio/ogg": "ogg",
    "audio/aac": "aac",
    "audio/mp4": "m4a",
}
_MARKS = {"claude": "cache_control", "gpt": "prompt_cache_breakpoint"}
"""How a part says that a cache is to keep the prompt up to it: OpenAI's field, and Anthropic's, which gateways take on
Claude's messages here. Others cache by themselves."""
_INSTRUCTS = frozenset({"system", "developer"})
_OPENED_BY_USERS = frozenset({"claude", "gemini"})
"""Families whose own wire, which stands behind the gateway, refuses a conversation that a call begins."""
_DEFAULT_MIME = {"image": "image/png", "file": "application/pdf"}
_OPENAI_ID = re.compile(r".{1,40}", re.DOTALL)
_CALL_ID = dict.fromkeys(("gpt", "o", "chatgpt", "codex", "deepseek"), _OPENAI_ID) | {
    "claude": re.compile(r"[a-zA-Z0-9_-]{1,40}")
}
"""What a family takes as the id of a call. OpenAI answers 400 `string_above_max_length` to 41 characters
(vercel/ai#5171), and behind a Claude stands Anthropic's own wire. Other families' ids are left alone: some mean
something to who made them (LiteLLM keeps Gemini's signatures in them, Kimi counts its calls there)."""


def encode_messages(messages: Sequence[Message], issuer: Issuer, facts: ModelFacts) -> list[dict[str, Any]]:
    """The wire's `messages`.

    Args:
        messages: The conversation; not changed.
        issuer: Who will read it: only state that it issued is sent.
        facts: The model's dialect.

    Raises:
        InvalidRequestError: A part that this wire cannot carry, or a tool result without its call.
    """
    messages = paired(messages)
    encoder = _Encoder(issuer, facts)
    for message, replays_reasoning in zip(messages, _in_tool_turn(messages), strict=True):
        encoder.add(message, replays_reasoning=replays_reasoning)
    return encoder.finish()


def _in_tool_turn(messages: Sequence[Message]) -> list[bool]:
    """For each message, whether a tool was called between the user messages around it.

    DeepSeek's thinking-mode guide: reasoning of such turns must be sent back in all later requests, of others need not
    (and deepseek-reasoner's first versions answered 400 to it).
    """
    flags = [False] * len(messages)
    start = 0
    for end in range(len(messages) + 1):
        if end == len(messages) or messages[end].role == "user":
            turn = messages[start:end]
            if any(isinstance(part, ToolCall) for message in turn for part in message.parts):
                flags[start:end] = [True] * len(turn)
            start = end
    return flags


def _lone_thoughts(parts: Sequence[AnyPart], said: dict[str, Any]) -> int:
    """How many thoughts an answer has, where nothing else of it is sent: such a message is no turn."""
    count = sum(isinstance(part, Reasoning) for part in parts)
    is_said = said.get("content") or said.keys() & {"tool_calls", "audio", "refusal"}
    return 0 if is_said or any(isinstance(part, Text) and part.text for part in parts) else count


class _Encoder:
    """Builds the wire's list; media of tool results wait here for the user message that will carry them."""

    def __init__(self, issuer: Issuer, facts: ModelFacts) -> None:
        self._issuer = issuer
        self._facts = facts
        self._out: list[dict[str, Any]] = []
        self._hoisted: list[AnyPart] = []
        self._dropped = Dropped(issuer)
        self._mark = _MARKS.get(facts.family, "")
        self._lone_thoughts = 0

    def add(self, message: Message, *, replays_reasoning: bool) -> None:
        rest = sources_in_words([part for part in message.parts if not isinstance(part, ToolResult)])
        for part in message.parts:
            if isinstance(part, ToolResult):
                self._tool_result(part)
        if message.role == "tool" and not rest:
            return
        if message.role == "assistant":
            self._flush_hoisted()
            said = self._assistant(message, rest, replays_reasoning=replays_reasoning)
            if thoughts := _lone_thoughts(rest, said):
                self._lone_thoughts += thoughts
            else:
                self._out.append(said)
        elif message.role in {"user", "tool"}:
            self._speak("user", [*self._hoisted, *rest], message.name)
            self._hoisted = []
        else:
            self._flush_hoisted()
            self._speak(self._system_role(message.role), rest, message.name)

    def finish(self) -> list[dict[str, Any]]:
        self._flush_hoisted()
        self._dropped.warn()
        warn_of_lone_thoughts("chat_completions", self._lone_thoughts)
        first = next((number for number, said in enumerate(self._out) if said["role"] not in _INSTRUCTS), None)
        if first is not None and "tool_calls" in self._out[first] and self._facts.family in _OPENED_BY_USERS:
            warn_of_opening(f"{self._issuer.family} on chat_completions")
            self._out.insert(first, {"role": "user", "content": OPENING})
        return self._out

    def _flush_hoisted(self) -> None:
        if self._hoisted:
            self._speak("user", self._hoisted, None)
            self._hoisted = []

    def _system_role(self, role: str) -> str:
        """OpenAI's reasoning models want `developer`, their first previews `user`; others know `system` alone."""
        if role == "developer" and self._facts.family == "gpt" and self._facts.system_role == "system":
            return "developer"
        return self._facts.system_role

    def _speak(self, role: str, parts: Sequence[AnyPart], name: str | None) -> None:
        out: dict[str, Any] = {"role": role, "content": self._content(parts)}
        if name:
            out["name"] = name
        self._out.append(out)

    # --- user, system and tool content ------------------------------------------------------------------------------

    def _content(self, parts: Sequence[AnyPart]) -> str | list[dict[str, Any]]:
        """One string where one text is all there is, or where the dialect knows nothing else; else a list."""
        texts = [part for part in parts if isinstance(part, Text)]
        if len(texts) == len(parts) and not self._is_marked(texts) and (len(texts) <= 1 or self._facts.flat_content):
            return "\n\n".join(part.text for part in texts)
        return [block for part in parts if (block := self._block(part)) is not None]

    def _block(self, part: AnyPart) -> dict[str, Any] | None:
        match part:
            case Text():
                block: dict[str, Any] = {"type": "text", "text": part.text}
            case Refusal():
                block = {"type": "text", "text": part.text}
            case Media():
                block = self._media(part)
            case Opaque() if part.issuer in {None, self._issuer}:
                return part.value
            case (
                Opaque() | Reasoning() | ToolCall() | ToolResult() | Document() | ServerToolCall() | ServerToolResult()
            ):
                self._dropped.add(part)
                return None
            case _:
                assert_never(part)
        if part.options:
            self._dropped.options(part, (self._mark, *(("detail",) if block["type"] == "image_url" else ())))
        return self._with_mark(block, part)

    def _is_marked(self, parts: Iterable[AnyPart]) -> bool:
        return bool(self._mark) and any(self._mark in (part.options or ()) for part in parts)

    def _with_mark(self, block: dict[str, Any], part: AnyPart) -> dict[str, Any]:
        if self._mark and part.options and self._mark in part.options:
            block[self._mark] = part.options[self._mark]
        return block

    def _texts(self, parts: Sequence[Text], separator: str) -> str | list[dict[str, Any]]:
        """Texts that are one, but where a cache mark is set on any of them."""
        if not self._is_marked(parts):
            return separator.join(part.text for part in parts)
        return [self._with_mark({"type": "text", "text": part.text}, part) for part in parts if part.text]

    def _media(self, part: Media) -> dict[str, Any]:
        options = part.options or {}
        mime = part.mime_type or _DEFAULT_MIME.get(part.kind, "application/octet-stream")
        match part.kind:
            case "image" if part.url or part.data:
                image = {"url": part.url or f"data:{mime};base64,{part.data}"}
                if "detail" in options:
                    image["detail"] = options["detail"]
                return {"type": "image_url", "image_url": image}
            case "audio" if part.data:
                kind = _AUDIO_FORMATS.get(mime.partition(";")[0], mime.rsplit("/", 1)[-1])
                return {"type": "input_audio", "input_audio": {"data": part.data, "format": kind}}
            case "file" | "image" if part.file_id:
                return {"type": "file", "file": {"file_id": part.file_id}}
            case "file" if part.data:
                name = part.name or f"document.{mime.rsplit('/', 1)[-1]}"
                return {"type": "file", "file": {"filename": name, "file_data": f"data:{mime};base64,{part.data}"}}
            case _:
                takes = "images by URL or base64, audio by base64, and files by base64 or file id"
                raise cannot_carry("chat_completions", part, takes)

    def _tool_result(self, result: ToolResult) -> None:
        content = result_parts(result)
        texts = [part for part in content if isinstance(part, Text)]
        media = [part for part in content if isinstance(part, Media)]
        if media and not any(part.text for part in texts):
            texts = [Text("The result is in the next user message.")]
        self._dropped.options(result, (self._mark,))
        for text in texts:
            self._dropped.options(text, (self._mark,))
        said = self._texts(texts, "\n")
        if self._is_marked([result]) and said:  # the wire has no place for a mark but on a text
            blocks = [{"type": "text", "text": said}] if isinstance(said, str) else said
            said = [*blocks[:-1], self._with_mark(blocks[-1], result)]
        self._out.append({"role": "tool", "tool_call_id": self._call_id(result.tool_call_id), "content": said})
        if media:  # a tool message holds text alone, so what it shows goes into the user message after it
            self._hoisted += [Text(f"Result of tool call {result.tool_call_id}:"), *media]

    # --- assistant --------------------------------------------------------------------------------------------------

    def _assistant(self, message: Message, parts: Sequence[AnyPart], *, replays_reasoning: bool) -> dict[str, Any]:
        out: dict[str, Any] = {"role": "assistant"}
        texts: list[Text] = []
        calls: list[dict[str, Any]] = []
        refusals: list[str] = []
        marks: list[ToolCall] = []
        for part in parts:
            match part:
                case Text():
                    texts.append(part)
                case ToolCall():
                    calls.append(self._tool_call(part))
                    marks += [part] if self._is_marked([part]) else []
                case Refusal():
                    refusals += [part.text] if part.text else []
                case Reasoning():
                    self._reasoning(part, out, replays=replays_reasoning)
                case Media() if part.kind == "audio" and part.issuer == self._issuer and (part.state or {}).get("id"):
                    out["audio"] = {"id": (part.state or {})["id"]}
                case Media() if part.transcript:
                    texts.append(Text(part.transcript))
                case Opaque() if part.issuer == self._issuer:
                    out |= part.value
                case Media() | Opaque() | ToolResult() | Document() | ServerToolCall() | ServerToolResult():
                    self._dropped.add(part)
                case _:
                    assert_never(part)
        if marks and texts and texts[-1].text:  # the wire has no place for a mark but on a text
            mark = {self._mark: (marks[-1].options or {})[self._mark]}
            texts[-1] = replace(texts[-1], options={**(texts[-1].options or {}), **mark})
        elif marks:
            warn(f"chat_completions has no place for {self._mark!r} on a call without words: it is not sent.")
        self._words(out, texts, refusals, has_calls=bool(calls))
        if calls:
            out["tool_calls"] = calls
        if message.name:
            out["name"] = message.name
        return out

    def _words(self, out: dict[str, Any], texts: list[Text], refusals: list[str], *, has_calls: bool) -> None:
        if refusals and self._facts.family == "gpt":
            out["refusal"] = "".join(refusals)
        else:
            texts += [Text(refusal) for refusal in refusals]
        if texts or not (has_calls or out.keys() & {"audio", "refusal"}):
            out["content"] = self._texts(texts, "")
        elif self._facts.flat_content:
            out["content"] = ""

    def _tool_call(self, call: ToolCall) -> dict[str, Any]:
        wire: dict[str, Any] = {
            "id": self._call_id(call.id),
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments or "{}"},
        }
        if call.issuer == self._issuer and call.state:
            wire |= call.state
        if wire["type"] == "custom":
            wire["custom"] = {"name": call.name, "input": free_text.text_of(wire.pop("function")["arguments"])}
        return wire

    def _call_id(self, identifier: str) -> str:
        pattern = _CALL_ID.get(self._facts.family)
        return fitting_id(identifier, pattern, "call_") if pattern else identifier

    def _reasoning(self, part: Reasoning, out: dict[str, Any], *, replays: bool) -> None:
        state = part.state or {}
        if part.issuer != self._issuer:
            self._dropped.add(part)
        elif replays:
            if details := state.get("reasoning_details"):
                out.setdefault("reasoning_details", []).extend(details)
            elif part.text or "field" in state:
                name = state.get("field", "reasoning_content")
                out[name] = out.get(name, "") + part.text
