"""An answer of POST /v1/responses, plain or streamed, as deltas. Both go through the same code.

Events are known by the `type` in their JSON. What an answer holds is told up to four times (in deltas, `*.done`,
`output_item.done` and the final response), and any of these may be missing: each later one only adds what is not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.fields import items, mapping, mappings, name, named
from tikhub_ai.apis.payloads import EventDecoder, raise_error_in
from tikhub_ai.apis.responses.encode import API
from tikhub_ai.apis.responses.errors import raise_error_event, raise_failed
from tikhub_ai.apis.responses.open_items import Content, Item, Items
from tikhub_ai.apis.responses.stop_sequences import StopFinder
from tikhub_ai.apis.responses.usage import usage_of
from tikhub_ai.apis.responses.whole_items import citation_of, parts_of
from tikhub_ai.apis.responses.writer import Writer
from tikhub_ai.apis.torn_calls import TornCalls
from tikhub_ai.conversation import COMMENTARY, Issuer, Opaque, Refusal, Text
from tikhub_ai.deltas import Accumulator, AudioDelta, CitationDelta, Delta, RefusalDelta, TextDelta
from tikhub_ai.errors import InvalidResponseError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tikhub_ai.catalog import ModelFacts
    from tikhub_ai.conversation import ChatRequest

_ECHOED = frozenset(
    {"id", "object", "status", "created_at", "completed_at", "model", "output", "output_text", "usage", "error",
     "background", "instructions", "max_output_tokens", "max_tool_calls", "parallel_tool_calls", "previous_response_id",
     "prompt", "prompt_cache_key", "prompt_cache_retention", "reasoning", "safety_identifier", "store", "temperature",
     "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user", "presence_penalty",
     "frequency_penalty"}
)  # fmt: skip
"""Fields that have a name of their own in a reply, or repeat what was asked."""
_ENDED = {
    "response.completed": "completed",
    "response.done": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.cancelled": "cancelled",
}
_REASONS = {"max_output_tokens": "length", "max_tokens": "length"}


class Decoder(EventDecoder):
    """Decodes one answer.

    Attributes:
        is_complete: Whether the wire has said how the answer ended.
        is_done: Whether nothing follows.
        is_cut: Whether the answer was ended here, at a stop text that this wire cannot carry, and is not read on.
        awaits_usage: Whether it was ended here, and is read on, silently, until its token counts come.

    Args:
        request: What was asked: the stop texts.
        facts: Of the model, for the issuer of its state.
    """

    def __init__(self, request: ChatRequest, facts: ModelFacts) -> None:
        self.accumulator = Accumulator(API)
        heads = TornCalls(self.accumulator, request.tools, API)
        super().__init__(heads)
        self.is_complete = False
        self.is_cut = self.awaits_usage = False
        self._counts = request.stream_usage
        self._has_ended = False
        self._issuer = Issuer(API, facts.family)
        self._items = Items()
        self._writer = Writer(self.accumulator, heads, self._issuer)
        stops = [stop for stop in request.stop or () if stop]
        self._stop = StopFinder(stops) if stops else None
        self._text_key: Any = None
        self._text: Content | None = None
        self._audio = -1
        self._number: Any = None
        self._previous: dict[str, Any] | None = None

    def body(self, payload: dict[str, Any]) -> Sequence[Delta]:
        """Take the JSON body of a plain answer.

        Raises:
            APIStatusError: The answer failed.
            InvalidResponseError: It is no response.
        """
        if not isinstance(payload.get("output"), list) and "status" not in payload:
            raise InvalidResponseError(
                f"The answer has no output: it holds {sorted(payload)}. Check that base_url is the gateway's address."
            )
        deltas: list[Delta] = []
        self._ended(payload, name(payload.get("status")) or "completed", deltas)
        return deltas

    def _payload(self, payload: Any, event: str, deltas: list[Delta]) -> None:
        if not isinstance(payload, dict):
            return
        number = payload.get("sequence_number")
        if (
            number and number == self._number and payload == self._previous
        ):  # relays that number nothing say 0 each time
            return
        self._number, self._previous = number, payload
        kind = payload.get("type")
        kind = kind if isinstance(kind, str) and kind else event
        handler = _HANDLERS.get(kind)
        if self._has_ended:
            self._after_stop(kind, payload)
        elif handler is not None:
            handler(self, payload, deltas)
        elif kind in _ENDED:
            response = mapping(payload.get("response"))
            said = name(response.get("status"))
            ended = _ENDED[kind] if said in {"", "queued", "in_progress"} else said
            self._ended(response, ended, deltas)
        elif kind == "error":
            raise_error_event(payload)
        elif payload.get("object") == "response":  # the plain answer, as one event
            deltas += self.body(payload)
        elif not kind.startswith("response."):
            raise_error_in(payload)

    # --- the answer as a whole --------------------------------------------------------------------------------------

    def _began(self, payload: dict[str, Any], _: list[Delta]) -> None:
        if isinstance(response := payload.get("response"), dict):
            self._said_once(response)

    def _said_once(self, response: dict[str, Any]) -> None:
        into = self.accumulator
        into.id = named(response.get("id")) or into.id
        into.model = named(response.get("model")) or into.model
        if isinstance(usage := response.get("usage"), dict) and usage:
            into.usage = usage_of(usage)
        elif usage:
            into.extras["usage"] = usage
        for key, value in response.items():
            if key not in _ECHOED and value not in (None, {}, []):
                into.extras[key] = value

    def _ended(self, response: dict[str, Any], status: str, deltas: list[Delta]) -> None:
        """The finish: what it says once, and what of its output had not come yet."""
        self._said_once(response)
        for item, wire in self._items.matched(mappings(response.get("output"))):
            self._finish(item, wire, deltas)
        for item in self._items.unfinished():  # known only as it was announced, in progress
            over = {"status": status} if item.wire.get("status") == "in_progress" else {}
            self._finish(item, item.wire | over, deltas)
        self._release(deltas)
        self._logprobs()
        if status == "failed":
            raise_failed(response, self.accumulator)
        self.accumulator.extras["status"] = status
        self.is_complete = self.is_done = True
        self.awaits_usage = False
        if not self._has_ended:
            self.accumulator.finish_reasons[0] = self._finish_reason(response, status)

    def _finish_reason(self, response: dict[str, Any], status: str) -> str:
        if status == "completed":
            return "tool_calls" if self._items.has_calls() else "stop"
        if status == "incomplete":
            reason = name(mapping(response.get("incomplete_details")).get("reason"))
            return _REASONS.get(reason, reason) or status
        return status

    def _logprobs(self) -> None:
        if logprobs := [token for content in self._items.contents() for token in content.logprobs]:
            self.accumulator.logprobs[0] = {"content": logprobs}

    # --- items ------------------------------------------------------------------------------------------------------

    def _item_added(self, payload: dict[str, Any], deltas: list[Delta]) -> None:
        self._release(deltas)
        if not isinstance(wire := payload.get("item"), dict):
            return
        item = self._items.added(wire, payload.get("output_index"))
        if item.head is not None:
            self._writer.name_call(item, wire)
        elif item.kind == "call":
            self._writer.open_call(item, deltas)

    def _item_done(self, payload: dict[str, Any], deltas: list[Delta]) -> None:
        if isinstance(wire := payload.get("item"), dict):
            self._finish(self._items.done(wire, payload.get("output_index")), wire, deltas)

    def _finish(self, item: Item, wire: dict[str, Any], deltas: list[Delta]) -> None:
        """An item has come whole: give what of it had not come."""
        if item.is_finished and item.kind == "reasoning" and wire.get("encrypted_content"):
            self._writer.keep_reasoning(item, wire, deltas)  # OpenAI encrypts it anew for the final response
        if item.is_finished or self._has_ended:
            return
        item.is_finished, item.wire = True, wire
        match item.kind:
            case "message" if item.contents or wire.get("role", "assistant") == "assistant":
                self._finish_message(item, wire, deltas)
            case "reasoning":
                self._writer.finish_reasoning(item, wire, deltas)
            case "call":
                self._release(deltas)
                self._writer.finish_call(item, wire, deltas)
            case _ if wire:
                self._release(deltas)
                for part in parts_of(wire, self._issuer):
                    self._writer.whole(part, deltas)
            case _:
                pass

    def _finish_message(self, item: Item, wire: dict[str, Any], deltas: list[Delta]) -> None:
        contents = wire.get("content")
        if isinstance(contents, str):
            contents = [{"type": "output_text", "text": contents}]
        for index, part in enumerate(items(contents)):
            if isinstance(part, dict) and not self._has_ended:
                self._finish_content(item, index, part, deltas)
        self._release(deltas)
        self._text_key = None
        state = {name: value for name, value in wire.items() if name != "content"}
        for content in item.contents.values():
            if state and not (self._has_ended and content is self._text):
                content.part.state, content.part.issuer = state, self._issuer

    # --- the contents of a message ----------------------------------------------------------------------------------

    def _content(self, item: Item, index: Any, *, is_refusal: bool = False) -> Content:
        """A content part of a message, by its index; without one, the part that came last."""
        if not isinstance(index, int):
            index = item.last_content
        content = item.contents.get(index)
        if content is None or not isinstance(content.part, Refusal if is_refusal else Text):
            if content is not None:
                index = item.last_content + 1
            content = self._writer.open_content(Refusal("") if is_refusal else Text(""))
            content.phase = COMMENTARY if item.wire.get("phase") == COMMENTARY else None
            item.add_content(index, content)
        return content

    def _text_delta(self, payload: dict[str, Any], deltas: list[Delta]) -> None:
        text = payload.get("delta")
        if not isinstance(text, str) or not text:
            return
        key = (payload.get("item_id"), payload.get("output_index"), payload.get("content_index"))
        content = self._text
        if content is None or key != self._text_key:
            self._release(deltas)
            content = self._content(self._items.of_delta(payload, "message"), key[2])
            self._text, self._text_key = content, key
        if self._stop is None:
            content.fragments.append(text)
            deltas.append(TextDelta(text, content.position, phase=content.phase))
        else:
            self._guarded(content, text, deltas)
        if (logprobs := payload.get("logprobs")) and isinstance(logprobs, list):
            content.logprobs += logprobs

    def _guarded(self, content: Content, text: str, deltas: list[Delta]) -> None:
        """Text in which a stop text may end the answer."""
        assert self._stop is not None  # noqa: S101 - the caller has looked
        self._text = content
        text, is_end = self._stop.feed(text)
        if text:
            content.fragments.append(text)
            deltas.append(TextDelta(text, content.position, phase=content.phase))
        if is_end:
            self._has_ended = self.is_complete = True
            self.awaits_usage = self._counts
            self.is_cut = self.is_done = not self._counts
            self.accumulator.finish_reasons[0] = "stop"

    def _after_stop(self, kind: str, payload: dict[str, Any]) -> None:
        """Of what comes after a stop text, the token counts alone are of interest, and whether more follows."""
        if kind in _ENDED:
            response = mapping(payload.get("response"))
            self._said_once(response)
            self._logprobs()
            self.accumulator.extras["status"] = name(response.get("status")) or _ENDED[kind]
        elif kind != "error":
            return
        self.awaits_usage, self.is_done = False, True

    def _release(self, deltas: list[Delta]) -> None:
        """Something else begins: text that was held back is no stop text."""
        if self._stop is not None and self._text is not None and (text := self._stop.flush()):
            self._text.fragments.append(text)
            deltas.append(TextDelta(text, self._text.position, phase=self._text.phase))

    def _complete_text(self, content: Content, whole: str, deltas: list[Delta]) -> None:
        """Give what of a text its deltas left out. Where they say something else, they hold."""
        held = self._stop.held if self._stop is not None and content is self._text else ""
        came = "".join(content.fragments) + held
        if len(whole) <= len(came) or not whole.startswith(came):
            return
        if self._stop is None:
            content.fragments.append(whole[len(came) :])
            deltas.append(TextDelta(whole[len(came) :], content.position, phase=content.phase))
            return
        if content is not self._text:
            self._release(deltas)
        self._guarded(content, whole[len(came) :], deltas)

    def _text_done(self, payload: dict[str, Any], deltas: list[Delta]) -> None:
        if isinstance(text := payload.get("text"), str) and text:
            content = self._content(self._items.of_delta(payload, "message"), payload.get("content_index"))
            self._complete_text(content, text, deltas)

    def _part_added(self, payload: dict[str, Any], deltas: list[Delta]) -> None:
        """A content part begins. Without an index, it comes after those before it."""
        self._release(deltas)
        part = payload.get("part")
        if isinstance(part, dict) and name(part.get("type")) in _CONTENTS and payload.get("content_index") is None:
            item = self._items.of_delta(payload, "message")
            if item.contents:
                opened = self._writer.open_content(Refusal("") if part["type"] == "refusal" else Text(""))
                opened.phase = COMMENTARY if item.wire.get("phase") == COMMENTARY else None
                item.add_content(item.last_content + 1, opened)
        self._text_key = None

    def _part_done(self, payload: dict[str, Any], deltas: list[Delta]) -> None:
        part = payload.get("part")
        if isinstance(part, dict) and name(part.get("type")) in _CONTENTS:
            item = self._items.of_delta(payload, "message")
            index = payload.get("content_index")
            self._finish_content(item, index if isinstance(index, int) else item.last_content, part, deltas)

    def _finish_content(self, item: Item, index: int, part: dict[str, Any], deltas: list[Delta]) -> None:
        match part:
            case {"type": "output_text" | "text", "text": str(text)}:
                content = self._content(item, index)
                self._complete_text(content, text, deltas)
                self._annotate(content, part.get("annotations"), deltas)
                if (logprobs := part.get("logprobs")) and isinstance(logprobs, list):
                    content.logprobs = list(logprobs)
            case {"type": "refusal", "refusal": str(words)}:
                self._refuse(self._content(item, index, is_refusal=True), words, deltas)
            case _ if index not in item.contents:
                opaque = Opaque(part)
                position = self._writer.whole(opaque, deltas)
                item.add_content(index, Content(position, opaque, []))
            case _:
                pass

    def _annotate(self, content: Content, annotations: Any, deltas: list[Delta]) -> None:
        """The sources of a text, those that have not come one by one."""
        new = annotations[content.annotations :] if isinstance(annotations, list) else []
        found = [citation_of(annotation) for annotation in new if isinstance(annotation, dict)]
        content.annotations += len(new)
        if found:
            self._writer.give(CitationDelta(found, content.position), deltas)

    def _annotation_added(self, payload: dict[str, Any], deltas: list[Delta]) -> None:
        annotation, index = payload.get("annotation"), payload.get("annotation_index")
        if isinstance(annotation, dict):
            content = self._content(self._items.of_delta(payload, "message"), payload.get("content_index"))
            if isinstance(index, int) and index < content.annotations:  # it came twice
                return
            content.annotations += 1
            self._writer.give(CitationDelta([citation_of(annotation)], content.position), deltas)

    def _refusal_delta(self, payload: dict[str, Any], deltas: list[Delta]) -> None:
        item = self._items.of_delta(payload, "message")
        content = self._content(item, payload.get("content_index"), is_refusal=True)
        if words := name(payload.get("delta")):
            content.fragments.append(words)
            self._writer.give(RefusalDelta(words, content.position), deltas)

    def _refusal_done(self, payload: dict[str, Any], deltas: list[Delta]) -> None:
        content = self._content(self._items.of_delta(payload, "message"), payload.get("content_index"), is_refusal=True)
        self._refuse(content, name(payload.get("refusal")), deltas)

    def _refuse(self, content: Content, whole: str, deltas: list[Delta]) -> None:
        came = "".join(content.fragments)
        if len(whole) > len(came) and whole.startswith(came):
            content.fragments.append(whole[len(came) :])
            self._writer.give(RefusalDelta(whole[len(came) :], content.position), deltas)

    # --- reasoning, calls, sound ------------------------------------------------------------------------------------

    def _thought(self, payload: dict[str, Any], deltas: list[Delta]) -> None:
        if isinstance(text := payload.get("delta"), str) and text:
            index = payload.get("summary_index", payload.get("content_index"))
            item = self._items.of_delta(payload, "reasoning")
            self._writer.think(item, text, (payload.get("type"), index), deltas)

    def _summary_part_added(self, payload: dict[str, Any], _: list[Delta]) -> None:
        self._items.of_delta(payload, "reasoning").segment = "new"

    def _call_delta(self, payload: dict[str, Any], deltas: list[Delta]) -> None:
        if isinstance(text := payload.get("delta"), str) and text:
            item = self._items.of_delta(payload, "call")
            if "name" in payload:  # a relay that names it here
                self._writer.name_call(item, payload)
            self._writer.add_arguments(item, text, deltas)

    def _call_done(self, payload: dict[str, Any], deltas: list[Delta]) -> None:
        whole = payload.get("arguments", payload.get("input"))
        if isinstance(whole, str):
            item = self._items.of_delta(payload, "call")
            if not item.wire and (called := name(payload.get("name"))):
                item.wire = {"type": "function_call", "name": called}
            self._writer.name_call(item, payload)
            self._writer.complete_arguments(item, whole, deltas)

    def _speech(self, payload: dict[str, Any], deltas: list[Delta]) -> None:
        text = payload.get("delta")
        if not isinstance(text, str) or not text:
            return
        if self._audio < 0:
            self._audio = self.accumulator.next_index(0)
        is_words = payload.get("type") == "response.audio.transcript.delta"
        delta = AudioDelta(self._audio, transcript=text) if is_words else AudioDelta(self._audio, data=text)
        self._writer.give(delta, deltas)


_TEXTS = frozenset({"output_text", "text"})
_CONTENTS = _TEXTS | {"refusal"}
_HANDLERS: dict[str, Callable[[Decoder, dict[str, Any], list[Delta]], None]] = {
    "response.output_text.delta": Decoder._text_delta,  # noqa: SLF001
    "response.created": Decoder._began,  # noqa: SLF001
    "response.queued": Decoder._began,  # noqa: SLF001
    "response.in_progress": Decoder._began,  # noqa: SLF001
    "response.output_item.added": Decoder._item_added,  # noqa: SLF001
    "response.output_item.done": Decoder._item_done,  # noqa: SLF001
    "response.content_part.added": Decoder._part_added,  # noqa: SLF001
    "response.content_part.done": Decoder._part_done,  # noqa: SLF001
    "response.output_text.done": Decoder._text_done,  # noqa: SLF001
    "response.output_text.annotation.added": Decoder._annotation_added,  # noqa: SLF001
    "response.refusal.delta": Decoder._refusal_delta,  # noqa: SLF001
    "response.refusal.done": Decoder._refusal_done,  # noqa: SLF001
    "response.reasoning_summary_part.added": Decoder._summary_part_added,  # noqa: SLF001
    "response.reasoning_summary_text.delta": Decoder._thought,  # noqa: SLF001
    "response.reasoning_text.delta": Decoder._thought,  # noqa: SLF001
    "response.function_call_arguments.delta": Decoder._call_delta,  # noqa: SLF001
    "response.function_call_arguments.done": Decoder._call_done,  # noqa: SLF001
    "response.custom_tool_call_input.delta": Decoder._call_delta,  # noqa: SLF001
    "response.custom_tool_call_input.done": Decoder._call_done,  # noqa: SLF001
    "response.audio.delta": Decoder._speech,  # noqa: SLF001
    "response.audio.transcript.delta": Decoder._speech,  # noqa: SLF001
}
"""What an event's `type` means. The others tell of progress, or repeat what another says."""
