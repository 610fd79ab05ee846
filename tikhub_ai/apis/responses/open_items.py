"""The items of an answer while they are being written, and how an event's item is found.

OpenAI names it by `item_id` and `output_index`. llama.cpp gives no index and names a call by its `call_id`, litellm
gives deltas other ids than their items, some relays make up a new id for every event, others send no `added` at all.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.due_calls import is_due
from tikhub_ai.apis.fields import name

if TYPE_CHECKING:
    from tikhub_ai.apis.torn_calls import CallHead
    from tikhub_ai.conversation import AnyPart

_CALLS = frozenset({"function_call", "custom_tool_call"})


def kind_of(wire: dict[str, Any]) -> str:
    """What an item is treated as: `message`, `reasoning`, `call`, or its own type."""
    kind = name(wire.get("type"))
    return "call" if kind in _CALLS else kind


class Content:
    """A content part of a message: what came of it, and where it stands in the answer."""

    __slots__ = ("annotations", "fragments", "logprobs", "part", "phase", "position")

    def __init__(self, position: int, part: AnyPart, fragments: list[str]) -> None:
        self.position = position
        self.phase: str | None = None
        self.part = part
        self.fragments = fragments
        self.annotations = 0
        self.logprobs: list[Any] = []


class Item:
    """An output item.

    Attributes:
        kind: See `kind_of`.
        wire: The item as it was last seen.
        is_added: Whether the wire announced it; else it was inferred from its deltas.
        is_finished: Whether it has come whole.
        position: Where its part stands in the answer; -1 while it has none. (A message's contents have their own.)
        head: Of a call that has begun.
        contents: Of a message, by their index.
        last_content: The highest index of its contents; 0 where it has none.
        said: Pieces of a reasoning's text, of a call's arguments or input, as the wire gave them.
        segment: Which part of a reasoning's summary or content the last piece belonged to.
        kept: What of a call's state was given already.
    """

    __slots__ = (
        "contents",
        "head",
        "is_added",
        "is_finished",
        "kept",
        "kind",
        "last_content",
        "position",
        "said",
        "segment",
        "wire",
    )

    def __init__(self, kind: str, wire: dict[str, Any], *, is_added: bool) -> None:
        self.kind = kind
        self.wire = wire
        self.is_added = is_added
        self.is_finished = False
        self.position = -1
        self.head: CallHead | None = None
        self.contents: dict[int, Content] = {}
        self.last_content = 0
        self.said: list[str] = []
        self.segment: Any = None
        self.kept: dict[str, Any] = {}

    def add_content(self, index: int, content: Content) -> None:
        """Take in a content part."""
        self.last_content = max(index, self.last_content) if self.contents else index
        self.contents[index] = content


class Items:
    """All items of one answer, in the order in which they came."""

    def __init__(self) -> None:
        self._all: list[Item] = []
        self._open: dict[str, list[Item]] = {}
        self._by_id: dict[str, Item] = {}
        self._by_index: dict[int, Item] = {}

    def of_delta(self, payload: dict[str, Any], kind: str) -> Item:
        """The item that a delta continues; a new one where none fits."""
        item_id, index = payload.get("item_id"), payload.get("output_index")
        found = self._known(item_id, index, kind)
        if found is None and (last := self._last(kind)) is not None and (last.is_added or not item_id):
            found = last
        if found is None:
            found = self._new(Item(kind, {}, is_added=False))
        self._name(found, item_id, index)
        return found

    def added(self, wire: dict[str, Any], index: Any) -> Item:
        """An item that the wire announces."""
        found = self._named(wire, "id") or self._foretold(wire, index)
        if found is None or (found.is_added and not self._is_again(found, wire, index)):
            found = self._new(Item(kind_of(wire), wire, is_added=True))
        found.wire, found.is_added = wire, True
        if isinstance(index, int):
            self._by_index[index] = found
        self._name(found, wire.get("id"), None)
        self._name(found, wire.get("call_id"), None)
        return found

    def _foretold(self, wire: dict[str, Any], index: Any) -> Item | None:
        """The item whose deltas came before it, under another id."""
        found = self._by_index.get(index) if isinstance(index, int) else None
        return found if found is not None and not found.is_added and found.kind == kind_of(wire) else None

    def _is_again(self, found: Item, wire: dict[str, Any], index: Any) -> bool:
        """Whether an item is announced twice, or a call once more, as some do whose first announcement had no name."""
        if wire == found.wire and not found.is_finished and self._by_index.get(index, found) is found:
            return True
        head = found.head
        if head is None or found.is_finished or kind_of(wire) != "call":
            return False
        call_id = name(wire.get("call_id"))
        return call_id == head.id or head.goes_on_with(call_id, name(wire.get("name")), wire.get("arguments"))

    def done(self, wire: dict[str, Any], index: Any) -> Item:
        """The item that has come whole; a new one where it was never heard of."""
        kind = kind_of(wire)
        found = self._known(wire.get("id"), None, kind) or self._known(wire.get("call_id"), index, kind)
        if found is None or (found.is_finished and found.wire.get("id") != wire.get("id")):
            found = self._last(kind)
        if found is None:
            found = self.added(wire, index)
        return found

    def matched(self, wires: list[dict[str, Any]]) -> list[tuple[Item, dict[str, Any]]]:
        """The items of the answer's final `output` beside those that came before: by id, else by order and kind."""
        known = [self._named(wire, "id") or self._named(wire, "call_id") for wire in wires]
        taken = {id(item) for item in known}
        left: dict[str, deque[Item]] = {}
        for item in self._all:
            if id(item) not in taken:
                left.setdefault(item.kind, deque()).append(item)
        pairs: list[tuple[Item, dict[str, Any]]] = []
        for wire, named in zip(wires, known, strict=True):
            others = left.get(kind_of(wire)) if named is None else None
            found = others.popleft() if others else named
            pairs.append((found or self.added(wire, None), wire))
        return pairs

    def unfinished(self) -> list[Item]:
        """Those that have not come whole."""
        return [item for item in self._all if not item.is_finished]

    def has_calls(self) -> bool:
        """Whether something is called that the caller must run."""
        return any(item.kind == "call" or is_due(item.wire) for item in self._all)

    def contents(self) -> list[Content]:
        """The contents of all messages, in order."""
        return [content for item in self._all for content in item.contents.values()]

    def _named(self, wire: dict[str, Any], field: str) -> Item | None:
        item_id = wire.get(field)
        return self._by_id.get(item_id) if isinstance(item_id, str) else None

    def _known(self, item_id: Any, index: Any, kind: str) -> Item | None:
        found = self._by_id.get(item_id) if isinstance(item_id, str) else None
        if (found is None or found.kind != kind) and isinstance(index, int):
            found = self._by_index.get(index)
        return found if found is not None and found.kind == kind else None

    def _new(self, item: Item) -> Item:
        self._all.append(item)
        self._open.setdefault(item.kind, []).append(item)
        return item

    def _last(self, kind: str) -> Item | None:
        """The last item of a kind that has not come whole."""
        opened = self._open.get(kind, [])
        while opened and opened[-1].is_finished:
            opened.pop()
        return opened[-1] if opened else None

    def _name(self, item: Item, item_id: Any, index: Any) -> None:
        if isinstance(item_id, str) and item_id:
            self._by_id.setdefault(item_id, item)
        if isinstance(index, int):
            self._by_index.setdefault(index, item)
