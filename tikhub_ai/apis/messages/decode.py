"""An answer of POST /v1/messages, plain or streamed, as deltas. Both go through the same code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.fields import finish_word, integer, mapping, mappings, name, named, text
from tikhub_ai.apis.messages.encode import API, emulated_format, format_tool_name
from tikhub_ai.apis.messages.history import NOT_EXPLAINED
from tikhub_ai.apis.messages.usage import merged, usage_of
from tikhub_ai.apis.payloads import EventDecoder, made_id, raise_error_in
from tikhub_ai.apis.torn_calls import TornCalls
from tikhub_ai.conversation import Citation, Issuer, Opaque, ServerToolCall, ServerToolResult
from tikhub_ai.deltas import (
    Accumulator,
    CitationDelta,
    Delta,
    PartDelta,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
)
from tikhub_ai.errors import ContextWindowExceededError, InvalidResponseError
from tikhub_ai.json_text import NO_JSON, joined, parsed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tikhub_ai.apis.torn_calls import CallHead
    from tikhub_ai.catalog import ModelFacts
    from tikhub_ai.conversation import AnyPart, ChatRequest

_MESSAGE_FIELDS = frozenset(
    {"id", "type", "role", "content", "model", "stop_reason", "stop_sequence", "stop_details", "usage"}
)
_STOP_FIELDS = ("stop_reason", "stop_sequence", "stop_details")
_FINISH_REASONS = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "tool_calls"}
"""OpenAI's words, which both frameworks' users know; others stay, and `stop_reason` keeps the wire's own."""
_SERVER_CALLS = frozenset({"server_tool_use", "mcp_tool_use"})
_TOOL_FIELDS = frozenset({"type", "id", "name", "input"})
_OF_DELTA = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "thinking",
    "input_json_delta": "tool_use",
}
"""The kind of block that a delta belongs to, where no start has said it."""
_PIECE_FIELDS = frozenset({"type", "partial_json"})
_TOLD_APART = frozenset({"text", "thinking", "tool_use"})


class Decoder(EventDecoder):
    """Decodes one answer.

    Args:
        request: What was asked.
        facts: Of the model, for the issuer of its state.
    """

    def __init__(self, request: ChatRequest, facts: ModelFacts) -> None:
        self.accumulator = Accumulator(API)
        self._heads = TornCalls(self.accumulator, request.tools, API)
        super().__init__(self._heads)
        self.is_complete = False
        self._issuer = Issuer(API, facts.family)
        wanted = emulated_format(request, facts)
        self._format_tool = format_tool_name(request, wanted) if wanted else None
        self._usage: dict[str, Any] = {}
        self._open: dict[int | None, _Block] = {}
        self._kept_back: dict[int | None, None] = {}
        self._last: _Block | None = None
        self._count = 0
        self._called = False

    # --- the stream -------------------------------------------------------------------------------------------------

    def _payload(self, payload: Any, _: str, deltas: list[Delta]) -> None:
        if not isinstance(payload, dict):
            return
        kind = payload.get("type")
        if kind == "content_block_delta":
            self._block_delta(payload, deltas)
            return
        raise_error_in(payload)
        match kind:
            case "content_block_start":
                wire = mapping(payload.get("content_block"))
                self._block_start(integer(payload.get("index")), wire, deltas)
                if wire.get("type") == "fallback":  # another model goes on than the stream began with
                    self.accumulator.model = named(mapping(wire.get("to")).get("model")) or self.accumulator.model
            case "content_block_stop":
                self._block_stop(integer(payload.get("index")), deltas)
            case "message_start":
                self._message(mapping(payload.get("message")))
            case "message_delta":
                self._message_delta(payload, deltas)
            case "message_stop":
                self._end_blocks(deltas)
                self.is_complete = self.is_done = True
            case "message":  # a relay that gives the whole message as one event
                deltas += self.body(payload)
            case _:
                pass  # `ping`, and what is not known here

    def body(self, payload: dict[str, Any]) -> Sequence[Delta]:
        """Take the JSON body of a plain answer.

        Raises:
            InvalidResponseError: It has no `content`.
            ContextWindowExceededError: The context window ended the answer; `.partial` holds what there is of it.
        """
        content = payload.get("content")
        if payload.get("type") == "message" and isinstance(content, str | dict):
            content = [{"type": "text", "text": content}] if isinstance(content, str) else [content]
        if not isinstance(content, list):
            raise InvalidResponseError(
                f"The answer has no content: it holds {sorted(payload)}. Check that base_url is the gateway's address."
            )
        deltas: list[Delta] = []
        self._message(payload)
        for number, block in enumerate(content):
            if isinstance(block, dict):
                self._block_start(number, block, deltas)
                self._block_stop(number, deltas)
        self.is_complete = self.is_done = True
        self._stopped(payload, deltas)
        return deltas

    def _message(self, message: dict[str, Any]) -> None:
        """What is said of the answer before its content. A second `message_start`, as some relays send, adds to it."""
        into = self.accumulator
        into.id = into.id or named(message.get("id"))
        into.model = into.model or named(message.get("model"))
        into.add_choice(0)
        self._take_usage(message.get("usage"))
        for key, value in message.items():
            if key not in _MESSAGE_FIELDS and value is not None:
                into.extras[key] = value

    def _take_usage(self, usage: Any) -> None:
        if isinstance(usage, dict) and usage:
            self._usage = merged(self._usage, usage)
            self.accumulator.usage = usage_of(self._usage)
        elif usage:
            self.accumulator.extras["usage"] = usage

    def _message_delta(self, payload: dict[str, Any], deltas: list[Delta]) -> None:
        self._take_usage(payload.get("usage"))
        said = mapping(payload.get("delta"))
        for source in (payload, said):
            for key, value in source.items():
                if key not in {"type", "delta", "usage", *_STOP_FIELDS} and value is not None:
                    self.accumulator.extras[key] = value
        if said.get("stop_reason"):
            self._end_blocks(deltas)
            self.is_complete = True
            self._stopped(said, deltas)

    def _stopped(self, said: dict[str, Any], deltas: list[Delta]) -> None:
        """Why the answer ended."""
        if not said.get("stop_reason"):
            return
        reason = finish_word(said["stop_reason"])
        into = self.accumulator
        said_before = 0 in into.finish_reasons
        extras = into.choice_extras.setdefault(0, {})
        extras |= {key: said[key] for key in _STOP_FIELDS if said.get(key) is not None}
        only_format = reason == "tool_use" and self._format_tool is not None and not self._called
        into.finish_reasons[0] = "stop" if only_format else _FINISH_REASONS.get(reason, reason)
        if said_before:  # relays say it twice, the second time with the usage
            return
        if reason == "refusal":
            words = text(mapping(said.get("stop_details")).get("explanation")) or NOT_EXPLAINED
            self._give(RefusalDelta(words, into.next_index(0)), deltas)
        elif reason == "model_context_window_exceeded":
            raise ContextWindowExceededError(
                "The model's context window was full before the answer ended (stop_reason "
                "'model_context_window_exceeded'). Shorten the input; `.partial` holds the answer so far.",
                code=reason,
                partial=into.reply(),
            )

    # --- blocks -----------------------------------------------------------------------------------------------------

    def _block_start(self, index: int | None, wire: dict[str, Any], deltas: list[Delta]) -> None:
        opened = self._open.get(index)
        if self._goes_on(opened, wire) or (opened is not None and opened.is_begun_again(wire)):
            return
        # Nobody closed those before it: one with its number, and those that have their place before this one.
        for number in (*self._kept_back, index):
            self._block_stop(number, deltas)
        block = self._open[index] = self._last = _Block(name(wire.get("type")) or "text", wire)
        self._count += 1
        match block.kind:
            case "text":
                self._cite(block, mappings(wire.get("citations")), deltas)
                if words := text(wire.get("text")):
                    self._say(block, words, deltas)
            case "thinking":
                signature = named(wire.get("signature")) if wire.get("signature") != "" else ""
                state = None if signature is None else {"signature": signature}
                self._think(block, text(wire.get("thinking")), state, deltas)
            case "redacted_thinking":
                self._think(block, "", {"redacted": name(wire.get("data"))}, deltas)
            case "tool_use" if self._format_tool is not None and wire.get("name") == self._format_tool:
                block.kind = "format"
            case "tool_use":
                self._call(block, deltas)
            case _:  # given whole, at its end
                self._kept_back[index] = None

    def _block_delta(self, payload: dict[str, Any], deltas: list[Delta]) -> None:
        delta = mapping(payload.get("delta"))
        index = payload.get("index")
        if type(index) is not int:
            index = integer(index)
        block = self._open.get(index)
        kind = delta.get("type")
        words = delta.get("text")
        if type(words) is str and kind == "text_delta" and block is not None and block.fragments is not None:
            if words:  # what happens a thousand times
                block.fragments.append(words)
                deltas.append(TextDelta(words, block.position))
            return
        block = self._block_of(block, index, name(kind), deltas)
        block.is_fresh = False
        match kind:
            case "text_delta" if block.kind == "text":
                if words := text(words):
                    self._say(block, words, deltas)
            case "citations_delta" if block.kind == "text":
                citation = mapping(delta.get("citation"))
                if citation and citation != block.cited:  # else the event came twice
                    block.cited = citation
                    self._cite(block, [citation], deltas)
            case "thinking_delta" if block.kind == "thinking":
                if words := text(delta.get("thinking")):
                    self._think(block, words, None, deltas)
            case "signature_delta" if block.kind == "thinking":
                signature = name(delta.get("signature"))
                if signature and signature != block.wire.get("signature"):  # some say it with the start too, or twice
                    block.wire["signature"] = signature
                    self._think(block, "", {"signature": signature}, deltas)
            case "input_json_delta":
                if block.head is not None and not delta.keys() <= _PIECE_FIELDS:  # a relay that names it here
                    block.head.take(name(delta.get("id")), name(delta.get("name")), "")
                self._input(block, delta.get("partial_json"), deltas)
            case _:
                block.take(delta)

    def _block_of(self, block: _Block | None, index: int | None, kind: str, deltas: list[Delta]) -> _Block:
        """The block that a delta goes on with; a new one where its start never came."""
        if block is None and index is None:  # it names none
            block = self._last
        wanted = _OF_DELTA.get(kind)
        if block is None or (wanted and wanted != block.kind and block.kind in _TOLD_APART):
            self._block_start(index, {"type": wanted or "text"}, deltas)
            block = self._open[index]
        return block

    def _block_stop(self, index: int | None, deltas: list[Delta]) -> None:
        self._kept_back.pop(index, None)
        block = self._open.pop(index, None)
        if block is not None:
            self._finish(block, deltas)

    def _end_blocks(self, deltas: list[Delta]) -> None:
        """Converted upstreams forget `content_block_stop`."""
        for index in list(self._open):
            self._block_stop(index, deltas)

    def _finish(self, block: _Block, deltas: list[Delta]) -> None:
        match block.kind:
            case "text" | "thinking" | "redacted_thinking":
                pass
            case "tool_use" | "format":
                given = block.wire.get("input")
                if not block.pieces and (
                    given or block.kind == "format"
                ):  # a relay that gives it whole, with the start
                    self._input(block, given or {}, deltas)
            case _:
                self._give(PartDelta(self._whole(block), self.accumulator.next_index(0)), deltas)
        if block.head is not None:
            block.head.is_settled = True

    def _give(self, delta: Delta, deltas: list[Delta]) -> None:
        self.accumulator.add(delta)
        deltas.append(delta)

    def _place(self, block: _Block) -> int:
        if block.position < 0:
            block.position = self.accumulator.next_index(0)
        return block.position

    def _say(self, block: _Block, words: str, deltas: list[Delta]) -> None:
        if block.fragments is None:
            block.fragments = self.accumulator.text_fragments(0, self._place(block))
        block.fragments.append(words)
        deltas.append(TextDelta(words, block.position))

    def _cite(self, block: _Block, citations: list[dict[str, Any]], deltas: list[Delta]) -> None:
        if citations:
            found = [_citation(citation) for citation in citations]
            self._give(CitationDelta(found, self._place(block), issuer=self._issuer), deltas)

    def _think(self, block: _Block, words: str, state: dict[str, Any] | None, deltas: list[Delta]) -> None:
        issuer = self._issuer if state else None
        self._give(ReasoningDelta(words, self._place(block), state=state, issuer=issuer), deltas)

    def _call(self, block: _Block, deltas: list[Delta]) -> None:
        wire = block.wire
        self._called = True
        state = {key: value for key, value in wire.items() if key not in _TOOL_FIELDS and value is not None}
        given_id = name(wire.get("id"))
        block.head = head = self._heads.begin(
            self._place(block),
            id=given_id or made_id("toolu_", self.accumulator.id, self._count),
            name=name(wire.get("name")),
            is_id_made=not given_id,
        )
        issuer = self._issuer if state else None
        self._give(ToolCallDelta("", block.position, 0, head.id, head.called, state or None, issuer), deltas)

    def _goes_on(self, block: _Block | None, wire: dict[str, Any]) -> bool:
        """Whether a start is the same call's head again, or the rest of it. Then it is taken in."""
        head = block.head if block is not None else None
        if block is None or head is None or wire.get("type") != "tool_use":
            return False
        given_id, called, given = name(wire.get("id")), name(wire.get("name")), wire.get("input")
        if given_id != head.id and not head.goes_on_with(given_id, called, given):
            return False
        head.take(given_id, called, "")
        if given:
            block.wire["input"] = given
        return True

    def _input(self, block: _Block, given: Any, deltas: list[Delta]) -> None:
        """More of a call's arguments: a piece of JSON, or, from some relays, the object itself."""
        words = given if isinstance(given, str) else "" if given is None else json.dumps(given, ensure_ascii=False)
        if not words or (block.head is not None and block.head.says_again(words)):
            return
        block.pieces.append(words)
        if block.head is not None:
            block.head.take("", "", words)
            self._give(ToolCallDelta(words, block.position), deltas)
        elif block.kind == "format":
            self._say(block, words, deltas)

    def _whole(self, block: _Block) -> AnyPart:
        """A part that is given at once: a server's tool and its result, or something not known here."""
        wire = block.complete()
        kept: dict[str, Any] = {"state": {"block": wire}, "issuer": self._issuer}
        if block.kind in _SERVER_CALLS:
            return ServerToolCall(name(wire.get("id")), name(wire.get("name")), wire.get("input"), **kept)
        if block.kind.endswith("_tool_result") or "tool_use_id" in wire:
            content = wire.get("content")
            is_error = name(mapping(content).get("type")).endswith("error") or bool(wire.get("is_error"))
            return ServerToolResult(name(wire.get("tool_use_id")), content, is_error=is_error, **kept)
        return Opaque(wire, issuer=self._issuer)


class _Block:
    """A content block being streamed."""

    __slots__ = ("_growing", "_wire", "cited", "fragments", "head", "is_fresh", "kind", "pieces", "position")

    def __init__(self, kind: str, wire: dict[str, Any]) -> None:
        self.kind = kind
        self._wire = dict(wire)
        self._growing: dict[str, list[str]] = {}
        self.position = -1
        self.head: CallHead | None = None
        self.fragments: list[str] | None = None
        self.pieces: list[str] = []
        self.cited: dict[str, Any] = {}
        self.is_fresh = True

    def is_begun_again(self, wire: dict[str, Any]) -> bool:
        """Whether a start is this block's own, sent twice: nothing has come since, and it says the same."""
        return self.is_fresh and self.fragments is None and wire == self._wire

    @property
    def wire(self) -> dict[str, Any]:
        """The block as it has come so far, but for its streamed `input`."""
        if self._growing:
            self._wire |= {key: joined("".join(pieces)) for key, pieces in self._growing.items()}
            self._growing = {}
        return self._wire

    def take(self, delta: dict[str, Any]) -> None:
        """What a delta of a kind not known here says: texts go on, all else is replaced."""
        for key, value in delta.items():
            if key == "type":
                continue
            pieces = self._growing.get(key)
            if isinstance(value, str) and pieces is not None:
                pieces.append(value)
            elif isinstance(value, str) and isinstance(before := self._wire.get(key), str):
                self._growing[key] = [before, value]
            else:
                self._growing.pop(key, None)
                self._wire[key] = value

    def complete(self) -> dict[str, Any]:
        """The block with its streamed `input`."""
        if not self.pieces:
            return self.wire
        whole = joined("".join(self.pieces))
        given = parsed(whole)
        return {**self.wire, "input": {"partial_json": whole} if given is NO_JSON else given}  # no JSON: it was cut


def _citation(raw: dict[str, Any]) -> Citation:
    """A source of the whole text block. `start` and `end` stay open: the wire's positions are those in the source."""
    source = name(raw.get("source"))
    return Citation(
        type=name(raw.get("type")) or "citation",
        url=named(raw.get("url")) or (source if "://" in source else None),
        title=named(raw.get("title")) or named(raw.get("document_title")),
        cited_text=named(raw.get("cited_text")),
        raw=raw,
    )
