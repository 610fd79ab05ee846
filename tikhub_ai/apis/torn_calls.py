"""Tool calls whose head, their id and name, comes late or in pieces.

OpenAI's wire names a call in its first piece. Relays and other makers' servers send `name: ""` first and the name with
the next piece, arguments before it, the name in two pieces, the whole head again with every piece, or a new id each
time. What a consumer does with a call hangs on its name, so a call is handed out once its head stands, and what came
meanwhile after it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.fields import mapping, name
from tikhub_ai.apis.fitted import wire_names
from tikhub_ai.deltas import ToolCallDelta

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tikhub_ai.conversation import Tool
    from tikhub_ai.deltas import Accumulator, Delta


class CallHead:
    """The id and name of a call, as far as they are known, and whether its arguments are whole.

    Attributes:
        position: Of the call in its choice.
        id: Its id; a made one until the wire's own comes.
        is_id_made: Whether it was made here.
        name: Its name on the wire; empty until one comes.
        is_settled: Whether it was handed out, or may be: neither changes any more.
        has_arguments: Whether some came.
    """

    __slots__ = (
        "_calls",
        "_depth",
        "_escaped",
        "_in_string",
        "_is_free_text",
        "_only",
        "_unread",
        "choice",
        "has_arguments",
        "id",
        "is_id_made",
        "is_settled",
        "name",
        "position",
    )

    def __init__(
        self,
        calls: TornCalls,
        position: int,
        choice: int,
        *,
        id: str,  # noqa: A002 - the wire's word
        name: str,
        says: str,
        is_id_made: bool,
        is_free_text: bool,
    ) -> None:
        self._calls = calls
        self.position = position
        self.choice = choice
        self.id = id
        self.name = name
        self.is_id_made = is_id_made
        self.has_arguments = bool(says)
        self._is_free_text = is_free_text
        self._unread = [says]
        self._only = says or None
        self._depth = 0
        self._in_string = self._escaped = False
        self.is_settled = calls.is_final(name) and (not is_id_made or self.is_whole)

    @property
    def called(self) -> str:
        """The name by which the caller knows the tool."""
        return self._calls.callers(self.name)

    @property
    def is_whole(self) -> bool:
        """Whether the arguments are a whole JSON value. The free text of a custom tool is one from the first on."""
        if self._is_free_text:
            return self.has_arguments
        unread, self._unread = self._unread, []
        for char in "".join(unread):
            if self._escaped:
                self._escaped = False
            elif self._in_string:
                self._escaped = char == "\\"
                self._in_string = char != '"'
            elif char == '"':
                self._in_string = True
            elif char in "{[":
                self._depth += 1
            elif char in "}]":
                self._depth -= 1
        return self.has_arguments and self._depth <= 0 and not self._in_string

    def says_again(self, says: str) -> bool:
        """Whether a piece is all the arguments once more, whole as they are: nothing else can follow them so.

        Args:
            says: The piece.
        """
        return says == self._only and says.startswith("{") and self.is_whole

    def goes_on_with(self, id: str, name: str, says: Any) -> bool:  # noqa: A002 - the wire's word
        """Whether a piece that stands where this call's next one is due is that, and no call of its own.

        Args:
            id: The piece's id, another than this call's; empty where it has none.
            name: Its name, or empty.
            says: Its arguments.
        """
        if not name:
            return not (id and says and self.is_whole)
        if not self.name:
            return not (id and says and not self.is_id_made and self.is_whole)
        if self.is_whole:
            if self._calls.is_rest(self.name, name):
                return True
            return not id and name == self.name and not self.is_id_made
        if name == self.name:
            return True
        if id or self.is_settled:
            return self._calls.is_rest(self.name, name)
        return name not in self._calls.names or self._calls.is_rest(self.name, name)

    def take(self, id: str, name: str, says: str) -> str | None:  # noqa: A002 - the wire's word
        """Take the head and the arguments of one more piece.

        Args:
            id: Its id, or empty. The first one of the wire's holds.
            name: Its name, the next piece of it, or empty.
            says: Its arguments.

        Returns:
            More of the name, where the call is handed out already and nobody knows what tools there are.
        """
        if says:
            self._only = None if self.has_arguments else says
            self.has_arguments = True
            self._unread.append(says)
        if self.is_settled:
            return self._late(name) if name and not self._calls.names else None
        known = self.id, self.name
        if id and self.is_id_made:
            self.id, self.is_id_made = id, False
        if name:
            self.name = self._calls.joined(self.name, name)
        is_news = known != (self.id, self.name)
        if is_news:
            self._calls.into.name_call(self.choice, self.position, self.id, self.called)
        if self._calls.is_final(self.name):
            self.is_settled = not self.is_id_made or (self.has_arguments and (not is_news or self.is_whole))
        elif says and self.name and not is_news:
            self.is_settled = not self._calls.is_beginning(self.name)
        return None

    def _late(self, name: str) -> str | None:
        whole = self._calls.joined(self.name, name)
        more = whole[len(self.name) :]
        self.name = whole
        if more:
            self._calls.into.name_call(self.choice, self.position, self.id, whole)
        return more or None


class TornCalls:
    """Keeps a call, and what comes after it, until its head stands.

    Args:
        into: The answer.
        tools: What the model may call: their names tell a name's piece from a whole one.
        api: Of the wire, where a tool may have another name than the caller's.

    Attributes:
        names: Of the tools, on the wire.
        held: Calls that are not handed out yet, by choice and position. Where it is empty, nothing is kept.
    """

    __slots__ = ("_callers", "_queue", "held", "into", "names")

    def __init__(self, into: Accumulator, tools: Sequence[Tool], api: str) -> None:
        self.into = into
        changed = wire_names(tools, api)
        self._callers = {wire: name for name, wire in changed.items()}
        self.names = frozenset(changed.get(name, name) for name in _names(tools))
        self.held: dict[tuple[int, int], CallHead] = {}
        self._queue: deque[Delta] = deque()

    def begin(
        self,
        position: int,
        choice: int = 0,
        *,
        id: str,  # noqa: A002 - the wire's word
        name: str,
        says: str = "",
        is_id_made: bool = False,
        is_free_text: bool = False,
    ) -> CallHead:
        """A call begins: the head of its first delta."""
        head = CallHead(
            self, position, choice, id=id, name=name, says=says, is_id_made=is_id_made, is_free_text=is_free_text
        )
        if not head.is_settled:
            self.held[choice, position] = head
        return head

    def mended(self, deltas: Iterable[Delta]) -> list[Delta]:
        """What may be handed out of these deltas and of those that were kept."""
        queue = self._queue
        queue.extend(deltas)
        out: list[Delta] = []
        while queue and not self._keeps(queue[0]):
            out.append(queue.popleft())
        return out

    def _keeps(self, delta: Delta) -> bool:
        """Whether it is the first delta of a call whose head is open. Else it has that head now."""
        if type(delta) is not ToolCallDelta:
            return False
        head = self.held.get((delta.choice, delta.index))
        if head is None:
            return False
        if head.is_settled:
            delta.id, delta.name = head.id, head.called
            del self.held[delta.choice, delta.index]
        return not head.is_settled

    def settle(self, choice: int | None = None) -> None:
        """Nothing more comes of the heads of a choice, or of any."""
        for head in self.held.values():
            if choice is None or head.choice == choice:
                head.is_settled = True

    def rest(self) -> list[Delta]:
        """What was kept: nothing more comes."""
        self.settle()
        return self.mended(())

    # --- names ------------------------------------------------------------------------------------------------------

    def callers(self, name: str) -> str:
        """What the caller calls the tool of a name."""
        return self._callers.get(name, name)

    def is_final(self, name: str) -> bool:
        """Whether a tool is called that, and none has a longer name that begins so."""
        return name in self.names and not self.is_beginning(name)

    def is_beginning(self, name: str) -> bool:
        """Whether it is the beginning of a tool's name, and not all of it."""
        return any(len(known) > len(name) and known.startswith(name) for known in self.names)

    def is_rest(self, name: str, more: str) -> bool:
        """Whether a tool's name goes on so, and the second piece names none by itself."""
        return more not in self.names and self._leads_somewhere(name + more)

    def joined(self, name: str, more: str) -> str:
        """A name and its next piece. One that comes again whole is a repetition."""
        if more == name and (name in self.names or not self._leads_somewhere(name + more)):
            return name
        if self._leads_somewhere(name + more):
            return name + more
        return more if more.startswith(name) else name + more

    def _leads_somewhere(self, name: str) -> bool:
        return name in self.names or self.is_beginning(name)


def _names(tools: Sequence[Tool]) -> Iterable[str]:
    for tool in tools:
        raw = tool.raw
        if raw is None:
            yield tool.name
        else:  # a custom tool, or one that a provider runs and calls as if it were the caller's
            yield from filter(None, (name(raw.get("name")), name(mapping(raw.get(str(raw.get("type")))).get("name"))))
