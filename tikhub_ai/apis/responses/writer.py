"""Writes the parts of an answer: their positions, and the deltas of reasoning and calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tikhub_ai.apis import free_text
from tikhub_ai.apis.fields import mappings, name, text
from tikhub_ai.apis.payloads import made_id
from tikhub_ai.apis.responses.open_items import Content
from tikhub_ai.conversation import Text
from tikhub_ai.deltas import PartDelta, ReasoningDelta, ToolCallDelta
from tikhub_ai.json_text import dumps

if TYPE_CHECKING:
    from tikhub_ai.apis.responses.open_items import Item
    from tikhub_ai.apis.torn_calls import TornCalls
    from tikhub_ai.conversation import AnyPart, Issuer, Refusal
    from tikhub_ai.deltas import Accumulator, Delta

_CALL_FIELDS = frozenset({"call_id", "name", "arguments", "input"})
_SAID_AGAIN = frozenset({"status"})


class Writer:
    """Puts an answer's parts into its accumulator, and gives the deltas of what was not given yet.

    Args:
        into: The answer.
        heads: The heads of its calls.
        issuer: Who can read its state back.
    """

    def __init__(self, into: Accumulator, heads: TornCalls, issuer: Issuer) -> None:
        self._into = into
        self._heads = heads
        self._issuer = issuer

    def give(self, delta: Delta, deltas: list[Delta]) -> None:
        """Add a delta to the answer, and to what is handed out."""
        self._into.add(delta)
        deltas.append(delta)

    def whole(self, part: AnyPart, deltas: list[Delta]) -> int:
        """A part that came whole; gives its position."""
        position = self._into.next_index(0)
        self.give(PartDelta(part, position), deltas)
        return position

    def open_content(self, part: Text | Refusal) -> Content:
        """An empty text or refusal at the next position, silently: its state is said only when its item is whole."""
        position = self._into.next_index(0)
        self._into.add(PartDelta(part, position))
        fragments = self._into.text_fragments(0, position) if isinstance(part, Text) else []
        return Content(position, part, fragments)

    # --- reasoning --------------------------------------------------------------------------------------------------

    def think(self, item: Item, words: str, segment: Any, deltas: list[Delta]) -> None:
        """More reasoning. A blank line stands between the parts of a summary."""
        if item.said and segment != item.segment:
            words = f"\n\n{words}"
        item.segment = segment
        item.said.append(words)
        self.give(ReasoningDelta(words, self._position(item)), deltas)

    def finish_reasoning(self, item: Item, wire: dict[str, Any], deltas: list[Delta]) -> None:
        """What of the reasoning had not come, and the item as state: it is sent back unchanged."""
        pieces = [*mappings(wire.get("summary")), *mappings(wire.get("content"))]
        texts = [text(piece.get("text")) for piece in pieces]
        rest = _rest("\n\n".join(filter(None, texts)), "".join(item.said))
        item.said.append(rest)
        if wire:
            delta = ReasoningDelta(rest, self._position(item), state={"item": wire}, issuer=self._issuer)
            self.give(delta, deltas)

    def keep_reasoning(self, item: Item, wire: dict[str, Any], deltas: list[Delta]) -> None:
        """The item said again: its last form is the one that is sent back."""
        if wire != item.wire:
            item.wire = wire
            self.give(ReasoningDelta("", item.position, state={"item": wire}, issuer=self._issuer), deltas)

    def _position(self, item: Item) -> int:
        if item.position < 0:
            item.position = self._into.next_index(0)
        return item.position

    # --- calls ------------------------------------------------------------------------------------------------------

    def open_call(self, item: Item, deltas: list[Delta]) -> None:
        """A call begins: its id and name. A custom tool's text is the `input` of a JSON object."""
        wire = item.wire
        position = item.position = self._into.next_index(0)
        given_id = name(wire.get("call_id"))
        head = item.head = self._heads.begin(
            position,
            id=given_id or name(wire.get("id")) or made_id("call_", self._into.id, position),
            name=name(wire.get("name")),
            is_id_made=not given_id,
        )
        state = {key: value for key, value in wire.items() if key not in _CALL_FIELDS and value is not None}
        item.kept = state
        delta = ToolCallDelta(free_text.OPENING if _is_custom(item) else "", position, id=head.id, name=head.called)
        if state:
            delta.state, delta.issuer = dict(state), self._issuer
        self.give(delta, deltas)
        if item.said:  # they came before it
            self._give_arguments(item, "".join(item.said), deltas)

    def name_call(self, item: Item, wire: dict[str, Any]) -> None:
        """What an item or an event after the call's beginning says of its head."""
        if item.head is not None:
            item.head.take(name(wire.get("call_id")), name(wire.get("name")), "")

    def add_arguments(self, item: Item, words: str, deltas: list[Delta]) -> None:
        """More arguments. Where nobody has said whose they are, they wait for the item."""
        if item.head is not None and item.head.says_again(words):
            return
        item.said.append(words)
        if item.position >= 0 and not item.is_finished:
            self._give_arguments(item, words, deltas)

    def complete_arguments(self, item: Item, whole: str, deltas: list[Delta]) -> None:
        """The arguments as a whole: give what their deltas left out."""
        if rest := _rest(whole, "".join(item.said)):
            self.add_arguments(item, rest, deltas)

    def finish_call(self, item: Item, wire: dict[str, Any], deltas: list[Delta]) -> None:
        """What of the call had not come."""
        self.name_call(item, wire)
        if item.position < 0:
            self.open_call(item, deltas)
        whole = wire.get("arguments", wire.get("input"))
        if whole is not None and not isinstance(whole, str):  # some relays send the object itself
            whole = dumps(whole)
        rest = _rest(whole or "", "".join(item.said))
        state = {
            key: value
            for key, value in wire.items()
            if key not in _CALL_FIELDS
            and value is not None
            and (key not in item.kept or (key in _SAID_AGAIN and value != item.kept[key]))
        }
        ending = free_text.CLOSING if _is_custom(item) else ""
        words = (free_text.escaped(rest) if ending else rest) + ending
        if words or state:
            issuer = self._issuer if state else None
            self.give(ToolCallDelta(words, item.position, state=state or None, issuer=issuer), deltas)
        if item.head is not None:
            item.head.is_settled = True

    def _give_arguments(self, item: Item, words: str, deltas: list[Delta]) -> None:
        if item.head is not None:
            item.head.take("", "", words)
        self.give(ToolCallDelta(free_text.escaped(words) if _is_custom(item) else words, item.position), deltas)


def _is_custom(item: Item) -> bool:
    return item.wire.get("type") == "custom_tool_call"


def _rest(whole: str, came: str) -> str:
    """What of a text has not come; nothing where something else came, since that was handed out already."""
    return whole[len(came) :] if whole.startswith(came) else ""
