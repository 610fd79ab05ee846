"""Which call a tool result answers, also where nobody gave either an id (`function_call`, Google). Pure."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tikhub_ai import ToolCall


class _Waiting:
    """Calls without a result, in order. Each operation takes constant time, over all of them."""

    def __init__(self) -> None:
        self._calls: dict[int, ToolCall] = {}
        self._numbers: dict[str, list[int]] = {}
        self._by_name: dict[str, deque[int]] = {}

    def add(self, number: int, call: ToolCall) -> None:
        self._calls[number] = call
        self._numbers.setdefault(call.id, []).append(number)
        self._by_name.setdefault(call.name, deque()).append(number)

    def answer(self, identifier: str) -> None:
        for number in self._numbers.pop(identifier, ()):
            del self._calls[number]

    def first(self, name: str | None) -> ToolCall | None:
        """The first one, of that name where there is one."""
        if name is None:
            return next(iter(self._calls.values()), None)
        named = self._by_name.get(name) or deque[int]()
        while named and named[0] not in self._calls:
            named.popleft()
        return self._calls[named[0]] if named else None

    def only(self) -> ToolCall | None:
        """The one that there is, or None for none or several."""
        return next(iter(self._calls.values())) if len(self._calls) == 1 else None


class OpenCalls:
    """The calls of a history, and the results that come for them."""

    def __init__(self) -> None:
        self._round = _Waiting()
        self._all = _Waiting()
        self._names: dict[str, str] = {}
        self._made: set[str] = set()
        self._count = 0

    def begin(self) -> None:
        """The model speaks again: results that follow are of what it calls now, wherever that will do."""
        self._round = _Waiting()

    def add(self, calls: Iterable[ToolCall], made: Iterable[str] = ()) -> None:
        """Calls of one answer.

        Args:
            calls: The calls.
            made: The ids among theirs that we made, since the history has none.
        """
        self._made.update(made)
        for call in calls:
            self._count += 1
            self._names[call.id] = call.name
            self._round.add(self._count, call)
            self._all.add(self._count, call)

    def answered(self, identifier: str, name: str | None) -> tuple[str, str | None]:
        """Note a result.

        Args:
            identifier: The id that it has; empty for none. Where no call has it and some have none at all, it tells
                nothing, or is the function's name.
            name: The function's name, where the result says it.

        Returns:
            The id of the call that it answers, as far as can be told, and the function's name.
        """
        if not identifier:
            call = self._first(name) or self._round.only()
        elif identifier in self._names:
            call = None
        else:
            call = next(
                (call for said in (name, identifier) if said and (call := self._first(said)) and call.id in self._made),
                None,
            )
        found = call.id if call else identifier
        self._round.answer(found)
        self._all.answer(found)
        return found, call.name if call else name or self._names.get(found)

    def _first(self, name: str | None) -> ToolCall | None:
        return self._round.first(name) or self._all.first(name)
