"""One candidate of an answer, as deltas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.fields import items, mappings, name, named
from tikhub_ai.apis.generate_content.citations import SaidText, grounding_citations, recited
from tikhub_ai.apis.generate_content.finish_reasons import finish_reason, raw_reason, refusal
from tikhub_ai.apis.generate_content.names import with_wire_names
from tikhub_ai.apis.generate_content.partial_args import PartialArguments
from tikhub_ai.apis.payloads import made_id
from tikhub_ai.conversation import Media, Opaque, ServerToolCall, ServerToolResult, Text, media_kind
from tikhub_ai.deltas import (
    Accumulator,
    AudioDelta,
    CitationDelta,
    Delta,
    PartDelta,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
)
from tikhub_ai.json_text import dumps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tikhub_ai.apis.torn_calls import CallHead, TornCalls
    from tikhub_ai.conversation import AnyPart, Citation, Issuer

_CANDIDATE_FIELDS = frozenset({"content", "finishReason", "index", "logprobsResult"})
_PART_FIELDS = frozenset(
    {"text", "thought", "functionCall", "inlineData", "fileData", "executableCode", "codeExecutionResult", "toolCall",
     "toolResponse"}
)  # fmt: skip
_CODE = "code_execution"


class CandidateDecoder:
    """Decodes one candidate: gives each part its position, and keeps a part open until another kind begins.

    A part with a thought signature stays a part of its own: Google's guide wants it back where it came, not joined
    with one that has none.

    Args:
        number: Of the candidate.
        into: Takes the answer in.
        heads: The heads of its calls.
        issuer: Of the state.
        turn: How many messages were sent, so that made ids differ from turn to turn.
        is_plain: Whether the answer came whole, so that the wire's part numbers mean something.
    """

    __slots__ = (
        "_answered",
        "_calls",
        "_cited",
        "_fragments",
        "_heads",
        "_into",
        "_is_plain",
        "_issuer",
        "_kind",
        "_last_call",
        "_last_part",
        "_number",
        "_open",
        "_read",
        "_said",
        "_server_call",
        "_streamed",
        "_turn",
    )

    def __init__(
        self, number: int, into: Accumulator, heads: TornCalls, issuer: Issuer, *, turn: int, is_plain: bool
    ) -> None:
        self._number = number
        self._into = into
        self._heads = heads
        self._issuer = issuer
        self._turn = turn
        self._is_plain = is_plain
        self._kind = ""
        self._open = -1
        self._fragments: list[str] = []
        self._answered = False
        self._calls = 0
        self._streamed: tuple[CallHead, PartialArguments] | None = None
        self._last_call: CallHead | None = None
        self._last_part: dict[str, Any] = {}
        self._server_call = ""
        self._said = SaidText()
        self._cited: set[str] = set()
        self._read: list[Any] = []
        into.add_choice(number)

    def take(self, candidate: dict[str, Any], deltas: list[Delta]) -> None:
        """Take a chunk's candidate, or a whole one; their fields are the same."""
        content = candidate.get("content")
        if isinstance(content, str):
            content = {"parts": [{"text": content}]}
        parts = content.get("parts") if isinstance(content, dict) else None
        for place, part in enumerate(parts if isinstance(parts, list) else items(parts)):
            if isinstance(part, dict):
                self._part(part, place if self._is_plain else None, deltas)
        if len(candidate) > 2 or "finishReason" in candidate:
            self._rest(candidate, deltas)

    def _rest(self, candidate: dict[str, Any], deltas: list[Delta]) -> None:
        into, number = self._into, self._number
        for key, value in candidate.items():
            if key not in _CANDIDATE_FIELDS and value:
                into.choice_extras.setdefault(number, {})[key] = value
        if logprobs := candidate.get("logprobsResult"):
            into.add_logprobs(number, logprobs)
        self._cite(candidate, deltas)
        reason = candidate.get("finishReason")
        if reason and reason != "FINISH_REASON_UNSPECIFIED":
            self._finish(raw_reason(reason), candidate.get("finishMessage"), deltas)

    def _finish(self, raw: str, message: Any, deltas: list[Delta]) -> None:
        """Why it ended. Where a filter left nothing, that is said in the model's place, as a refusal."""
        self._end_streamed(deltas)
        self._heads.settle(self._number)
        self._into.choice_extras.setdefault(self._number, {})["finishReason"] = raw
        self._into.finish_reasons[self._number] = finish_reason(raw, has_calls=bool(self._calls))
        if not self._answered and (words := refusal(raw, message)) is not None:
            self._give(RefusalDelta(words, self._next(), self._number), deltas)

    # --- parts ------------------------------------------------------------------------------------------------------

    def _part(self, part: dict[str, Any], place: int | None, deltas: list[Delta]) -> None:
        text = part.get("text")
        if len(part) == 1 and type(text) is str:  # the common part: text and nothing else
            if text:
                self._text(text, place, deltas)
            return
        part = dict(with_wire_names(part))
        if part == self._last_part and _is_one_of_its_kind(part):  # the event came twice
            return
        self._last_part = part
        state = {field: value for field, value in part.items() if field not in _PART_FIELDS and value is not None}
        match part:
            case {"text": str(text)}:
                self._words(text, state, place, deltas, is_thought=part.get("thought") is True)
            case {"functionCall": dict(call)}:
                self._function_call(call, state, deltas)
            case {"inlineData": dict(blob)} if part.get("thought") is not True:
                self._blob(blob, state, deltas)
            case {"fileData": dict(file)} if part.get("thought") is not True:
                mime = named(file.get("mimeType"))
                self._whole(Media(media_kind(mime), url=name(file.get("fileUri")), mime_type=mime), state, deltas)
            case {"executableCode": dict(code)} | {"toolCall": dict(code)}:
                self._server_tool_call(code, part, state, deltas)
            case {"codeExecutionResult": dict(result)} | {"toolResponse": dict(result)}:
                self._server_tool_result(result, part, state, deltas)
            case _ if part.keys() - {"thought"}:
                self._kind = ""
                self._give(PartDelta(Opaque(part, issuer=self._issuer), self._next(), self._number), deltas)
            case _:
                pass

    def _give(self, delta: Delta, deltas: list[Delta]) -> None:
        self._into.add(delta)
        deltas.append(delta)

    def _next(self) -> int:
        return self._into.next_index(self._number)

    def _position(self, kind: str) -> int:
        """The open part's position, if it is of this kind; else a new one's."""
        if self._kind != kind:
            self._kind = kind
            self._open = self._next()
        return self._open

    def _text(self, text: str, place: int | None, deltas: list[Delta]) -> None:
        if is_new := self._kind != "text":
            self._fragments = self._into.text_fragments(self._number, self._position("text"))
            self._answered = True
        if is_new or place is not None:
            self._said.take(self._fragments, self._open, place)
        self._fragments.append(text)
        deltas.append(TextDelta(text, self._open, self._number))

    def _words(
        self, text: str, state: dict[str, Any], place: int | None, deltas: list[Delta], *, is_thought: bool
    ) -> None:
        """Text or thought, perhaps signed; an empty one counts where it is signed."""
        if not state:
            if text and is_thought:
                self._give(ReasoningDelta(text, self._position("thought"), self._number, None, self._issuer), deltas)
            elif text:
                self._text(text, place, deltas)
            return
        self._kind = ""
        position = self._next()
        if is_thought:
            self._give(ReasoningDelta(text, position, self._number, state, self._issuer), deltas)
            return
        # A text delta has no state: the accumulator gets the part, and callers the text as they get all text.
        self._into.add(PartDelta(Text(text, state=state, issuer=self._issuer), position, self._number))
        self._answered = self._answered or bool(text)
        self._said.take([text], position, place)
        deltas.append(TextDelta(text, position, self._number))

    def _whole(self, part: AnyPart, state: dict[str, Any], deltas: list[Delta]) -> None:
        self._kind = ""
        self._answered = True
        part.state, part.issuer = state or None, self._issuer
        self._give(PartDelta(part, self._next(), self._number), deltas)

    def _blob(self, blob: dict[str, Any], state: dict[str, Any], deltas: list[Delta]) -> None:
        """Media in the answer. Speech comes in pieces, which are one recording; all else comes whole."""
        mime, data = named(blob.get("mimeType")), name(blob.get("data"))
        kind = media_kind(mime)
        if kind != "audio":
            self._whole(Media(kind, data=data, mime_type=mime, name=named(blob.get("displayName"))), state, deltas)
            return
        self._answered = True
        if state:
            self._kind = ""
        delta = AudioDelta(
            self._position("audio"), self._number, data=data, mime_type=mime, state=state or None, issuer=self._issuer
        )
        self._give(delta, deltas)
        if state:
            self._kind = ""

    # --- tools ------------------------------------------------------------------------------------------------------

    def _function_call(self, call: dict[str, Any], state: dict[str, Any], deltas: list[Delta]) -> None:
        """A call, whole or in pieces: the first has the name, the last no `willContinue`."""
        called, given_id, given = name(call.get("name")), name(call.get("id")), call.get("args")
        goes_on, pieces = bool(call.get("willContinue")), mappings(call.get("partialArgs"))
        if self._is_late_name(called, given_id, says=bool(given or pieces or goes_on)):
            return
        if self._goes_on(called, given_id, given, pieces):
            assert self._streamed is not None  # noqa: S101 - it has looked
            head, writer = self._streamed
            head.take(given_id, called, "")
            delta = ToolCallDelta("", head.position, self._number, None, None, state or None, self._issuer)
        elif called or given or pieces or goes_on:
            self._end_streamed(deltas)
            writer = PartialArguments()
            head, delta = self._new_call(called, given_id, state)
        else:
            return
        self._kind = ""
        if pieces:
            delta.arguments = "".join(writer.add(piece) for piece in pieces)
        if goes_on:
            self._streamed = head, writer
        elif pieces or self._streamed is not None:
            self._streamed = None
            delta.arguments += writer.finish()
        else:
            delta.arguments = given if isinstance(given, str) else dumps(given or {})
        head.take("", "", delta.arguments)
        head.is_settled = head.is_settled or (bool(head.name) and not goes_on)
        self._give(delta, deltas)

    def _is_late_name(self, called: str, given_id: str, *, says: bool) -> bool:
        """Whether a piece only names the call before it, whose arguments came whole."""
        head = self._last_call
        if head is None or head.name or not called or says or self._streamed is not None:
            return False
        head.take(given_id, called, "")
        head.is_settled = True
        return True

    def _goes_on(self, called: str, given_id: str, given: Any, pieces: list[dict[str, Any]]) -> bool:
        """Whether a piece is more of the call that is being streamed."""
        if self._streamed is None:
            return False
        head, writer = self._streamed
        if not called:
            return True
        is_other = given or (pieces and writer.is_written(pieces[0]))
        return not is_other and head.goes_on_with(given_id, called, "")

    def _new_call(self, called: str, given_id: str, state: dict[str, Any]) -> tuple[CallHead, ToolCallDelta]:
        """A call's head and first delta. State remembers the wire's id: a made one is never sent back."""
        if given_id:
            state = {**state, "id": given_id}
        made = made_id("call_", self._into.id, self._turn, self._number, self._calls)
        self._calls += 1
        self._answered = True
        # An id is no part of what must come: most models give none.
        head = self._last_call = self._heads.begin(self._next(), self._number, id=given_id or made, name=called)
        delta = ToolCallDelta("", head.position, self._number, head.id, head.called, state or None, self._issuer)
        return head, delta

    def _end_streamed(self, deltas: list[Delta]) -> None:
        """Close a call whose last piece never came, since another part or the end did."""
        if self._streamed is not None:
            head, writer = self._streamed
            self._streamed = None
            self._give(ToolCallDelta(writer.finish(), head.position, self._number), deltas)
            head.is_settled = True

    def _server_tool_call(
        self, call: dict[str, Any], part: dict[str, Any], state: dict[str, Any], deltas: list[Delta]
    ) -> None:
        """Code that the model runs, or (from Gemini 3 on) a search and the like."""
        field = "executableCode" if "executableCode" in part else "toolCall"
        call_id = name(call.get("id"))
        state = {"field": field} | ({"id": call_id} if call_id else {}) | state
        made = made_id("srvtool_", self._into.id, self._turn, self._number, self._next())
        self._server_call = call_id or made
        if field == "toolCall":
            tool, arguments = (name(call.get("toolType")) or "tool").lower(), call.get("args")
        else:
            tool, arguments = _CODE, {key: value for key, value in call.items() if key != "id"}
        self._whole(ServerToolCall(self._server_call, tool, arguments), state, deltas)

    def _server_tool_result(
        self, result: dict[str, Any], part: dict[str, Any], state: dict[str, Any], deltas: list[Delta]
    ) -> None:
        field = "codeExecutionResult" if "codeExecutionResult" in part else "toolResponse"
        call_id = name(result.get("id"))
        state = {"field": field} | ({"id": call_id} if call_id else {}) | state
        output = {key: value for key, value in result.items() if key != "id"}
        failed = str(result.get("outcome") or "OUTCOME_OK") not in {"OUTCOME_OK", "1"}
        self._whole(ServerToolResult(call_id or self._server_call, output, is_error=failed), state, deltas)

    # --- sources ----------------------------------------------------------------------------------------------------

    def _cite(self, candidate: dict[str, Any], deltas: list[Delta]) -> None:
        """Sources, said after the text, and by some models again with every chunk."""
        sources = [candidate.get("groundingMetadata"), candidate.get("citationMetadata")]
        if not any(sources) or sources == self._read:
            return
        found: dict[int, list[Citation]] = {}
        for position, citation in self._citations(candidate):
            at = position if position is not None else self._said.last
            if at is None:  # no text to cite yet; the raw metadata is kept
                continue
            self._read = sources
            if (raw := dumps(citation.raw)) not in self._cited:
                self._cited.add(raw)
                found.setdefault(at, []).append(citation)
        for at, citations in found.items():
            self._give(CitationDelta(citations, at, self._number), deltas)

    def _citations(self, candidate: dict[str, Any]) -> Iterator[tuple[int | None, Citation]]:
        if isinstance(grounding := candidate.get("groundingMetadata"), dict):
            yield from grounding_citations(grounding, self._said)
        if isinstance(citations := candidate.get("citationMetadata"), dict):
            yield from recited(citations, self._said)


def _is_one_of_its_kind(part: dict[str, Any]) -> bool:
    """Whether no other part equals it: a whole call or server's tool with an id or a signature, or a signature alone.

    Two calls without these may be alike, and a piece of a call or text may be like the one before it.
    """
    is_signed = bool(part.get("thoughtSignature"))
    for field in ("functionCall", "toolCall", "toolResponse"):
        if isinstance(call := part.get(field), dict):
            is_piece = bool(call.get("willContinue") or call.get("partialArgs"))
            return not is_piece and (is_signed or bool(call.get("id")))
    return is_signed and part.get("text") == ""
