"""The turns of POST /v1/messages: which may follow which, and what stands in for one that may not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.common_history import OPENING, warn_of_lone_thoughts, warn_of_opening
from tikhub_ai.errors import warn

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_THOUGHTS = frozenset({"thinking", "redacted_thinking"})
_CHANGES = frozenset({"tool_addition", "tool_removal"})
"""Blocks that stand in a system message alone."""
_BEFORE_ALL = frozenset({"compaction"})
"""What an answer's turn may begin a conversation with: it stands for what was said before."""


class Turns:
    """A conversation's turns, in order.

    Args:
        later_system: Whether the model takes system messages within the conversation.
    """

    def __init__(self, *, later_system: bool) -> None:
        self._later_system = later_system
        self._turns: list[dict[str, Any]] = []

    def __bool__(self) -> bool:
        return bool(self._turns)

    def add(self, role: str, blocks: list[dict[str, Any]]) -> None:
        """Add what somebody says; nothing is no turn."""
        if blocks:
            self._turns.append({"role": role, "content": blocks})

    def finished(self) -> list[dict[str, Any]]:
        """The turns as the wire takes them: those of one role in a row are joined, but for system ones."""
        turns = _without_lone_thoughts(_joined(self._turns))
        turns = _joined(self._with_system_in_place(turns))
        if turns and turns[0]["role"] == "assistant" and turns[0]["content"][0].get("type") not in _BEFORE_ALL:
            warn_of_opening("messages")
            turns.insert(0, {"role": "user", "content": [{"type": "text", "text": OPENING}]})
        return turns

    def _with_system_in_place(self, turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """System messages as such where they may stand, and in the user's turn elsewhere, which keeps their place.

        They may stand after what a user or a tool said, and before an answer or at the end.
        """
        out: list[dict[str, Any]] = []
        moved = 0
        changes: list[str] = []
        for turn, may_stand in zip(turns, _may_stand(turns), strict=True):
            if turn["role"] != "system" or (self._later_system and may_stand):
                out.append(turn)
                continue
            words = [block for block in turn["content"] if block.get("type") not in _CHANGES]
            changes += [block["type"] for block in turn["content"] if block.get("type") in _CHANGES]
            if words:
                out.append({"role": "user", "content": words})
                moved += 1
        why = (
            "it takes one after what a user or a tool said, and before an answer or at the end"
            if self._later_system
            else "this model takes system messages at the start alone"
        )
        if moved:
            warn(f"A later system message is sent in the user's turn: {why}.")
        if changes:
            named = ", ".join(changes)
            warn(f"What changes the tools has its place in a system message, and is left out ({named}): {why}.")
        return out


def _may_stand(turns: list[dict[str, Any]]) -> list[bool]:
    """For each turn, whether a system message may stand in its place."""
    goes_on: list[bool] = []  # with an answer, or not at all
    answers = True
    for turn in reversed(turns):
        goes_on.append(answers)
        if turn["role"] != "system":
            answers = turn["role"] == "assistant"
    given = False
    found: list[bool] = []
    for turn, answered in zip(turns, reversed(goes_on), strict=True):
        found.append(given and answered)
        if turn["role"] != "system":
            given = turn["role"] == "user" or str(turn["content"][-1].get("type")).endswith("_tool_result")
    return found


def _joined(turns: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for turn in turns:
        if out and out[-1]["role"] == turn["role"] != "system":
            out[-1]["content"] += turn["content"]
        else:
            out.append({**turn, "content": [*turn["content"]]})
    return out


def _without_lone_thoughts(turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The turns without thoughts at the end of an answer's turn, where the wire takes none."""
    count = 0
    for turn in turns:
        while turn["role"] == "assistant" and turn["content"] and turn["content"][-1].get("type") in _THOUGHTS:
            turn["content"].pop()
            count += 1
    warn_of_lone_thoughts("messages", count)
    return [turn for turn in turns if turn["content"]]


def is_open_round(turns: Sequence[dict[str, Any]]) -> bool:
    """Whether results of tools end the conversation, and neither the round nor its last call began with a thought.

    Args:
        turns: The wire's `messages`.
    """
    if turns[-1]["role"] != "user" or _is_asked(turns[-1]):
        return False
    asked = next((at for at in range(len(turns) - 1, -1, -1) if _is_asked(turns[at])), -1)
    answers = [turn for turn in turns[asked + 1 :] if turn["role"] == "assistant"]
    return bool(answers) and not any(_begins_with_thought(answers[at]) for at in (0, -1))


def _is_asked(turn: dict[str, Any]) -> bool:
    """Whether the user speaks; beside his words, results end their round: thoughts before them count no more."""
    content = turn["content"]
    results_alone = isinstance(content, list) and all(block.get("type") == "tool_result" for block in content)
    return turn["role"] == "user" and not results_alone


def _begins_with_thought(turn: dict[str, Any]) -> bool:
    content = turn["content"]
    kind = content[0].get("type") if isinstance(content, list) and content else None
    return kind in _THOUGHTS
