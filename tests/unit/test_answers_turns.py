"""Turns of the model that a wire takes only in certain places: thoughts alone, and the first of a conversation."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from tests import bodies
from tests.moves.checks import arrived
from tests.unit.test_common_history import DONE, HI, TARGETS, THEN, called, codec_of, result
from tikhub_ai import ChatRequest, Issuer, Message, Opaque, Reasoning, Text, TikHubAIWarning
from tikhub_ai.catalog import facts

if TYPE_CHECKING:
    from collections.abc import Callable

STATES: dict[str, list[dict[str, Any]]] = {
    "messages": [{"signature": "c2ln"}, {"redacted": "b3BhcXVl"}],
    "responses": [
        {"item": {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}},
        {"item": {"type": "reasoning", "id": "rs_2", "summary": [{"type": "summary_text", "text": "hm"}],
                  "encrypted_content": "gAAB"}},
    ],
    "generate_content": [{}, {"thoughtSignature": "c2ln"}],
    "chat_completions": [{}, {"field": "reasoning_content"}],
}  # fmt: skip
"""What goes back with a thought on each API: of every kind that the model itself may have issued."""


def thoughts(target: str) -> list[Reasoning]:
    api, model = target.partition(" ")[0], TARGETS[target]
    issuer = Issuer(api, facts(model).family)
    return [
        Reasoning(text="" if "redacted" in state else "hm", state=state or None, issuer=issuer) for state in STATES[api]
    ]


def sent(target: str, *messages: Message) -> tuple[Any, list[str]]:
    request = ChatRequest(TARGETS[target], list(messages))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        outgoing = codec_of(target).encode(request, facts(request.model), stream=False)
    assert bodies.problems(outgoing.path, outgoing.body) == []
    assert all(issubclass(one.category, TikHubAIWarning) for one in caught)
    return outgoing, [str(one.message) for one in caught]


PLACES: dict[str, Callable[[list[Any]], list[Message]]] = {
    "in the middle": lambda parts: [HI, Message("assistant", parts), THEN],
    "after words": lambda parts: [HI, Message("assistant", [Text("Well."), *parts]), THEN],
    "after a call's result": lambda parts: [HI, called("a"), result("a"), Message("assistant", parts), THEN],
    "at the end": lambda parts: [HI, Message("assistant", parts)],
    "at the start": lambda parts: [Message("assistant", parts), HI],
    "with words that are empty": lambda parts: [HI, Message("assistant", [*parts, Text("")]), THEN],
    "with what another issued": lambda parts: [
        HI, Message("assistant", [*parts, Opaque({"type": "x"}, issuer=Issuer("another class", "other"))]), THEN,
    ],
    "twice": lambda parts: [HI, Message("assistant", parts[:1]), Message("assistant", parts[1:]), THEN],
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("target", TARGETS)
def test_thoughts_that_nothing_follows_are_not_sent(target: str, place: str) -> None:
    """Claude refuses them at a turn's end, Responses without their item."""
    outgoing, warned = sent(target, *PLACES[place]([*thoughts(target)]))
    text = json.dumps(outgoing.body)
    for sign in ("hm", "c2ln", "b3BhcXVl", "rs_1", "gAAA"):
        assert sign not in text
    assert "Weather?" in text
    turns = outgoing.body.get("messages") or outgoing.body.get("contents") or outgoing.body["input"]
    assert all(turn.get("content", turn.get("parts", "x")) or "tool_calls" in turn for turn in turns)
    if target in {"messages", "responses", "generate_content"}:
        assert any("thoughts that nothing of their answer follows" in one for one in warned)


@pytest.mark.parametrize("target", ["messages", "responses", "generate_content"])
def test_thoughts_that_the_same_answer_goes_on_after_are_sent_even_where_it_comes_in_two_messages(target: str) -> None:
    for rest in ([Message("assistant", [Text("Well.")])], [called("a"), result("a")]):
        outgoing, warned = sent(target, HI, Message("assistant", [*thoughts(target)]), *rest, THEN)
        assert "hm" in json.dumps(outgoing.body)
        assert not any("nothing of their answer" in one for one in warned)


# --- the first turn --------------------------------------------------------------------------------------------------

REFUSED = {"messages", "generate_content", "chat_completions of Claude"}


@pytest.mark.parametrize("rules", [[], [Message("system", [Text("Be brief.")])]], ids=["bare", "after instructions"])
@pytest.mark.parametrize(
    "rest",
    [
        [called("a"), result("a"), THEN],
        [called("a", "b"), result("b"), result("a")],
        [called("a"), result("a"), DONE, THEN],
    ],
    ids=["one call", "calls", "and its answer"],
)
@pytest.mark.parametrize("target", TARGETS)
def test_a_conversation_that_a_call_begins_is_opened_by_the_user(
    target: str, rest: list[Message], rules: list[Message]
) -> None:
    outgoing, warned = sent(target, *rules, *rest)
    turns = outgoing.body.get("messages") or outgoing.body.get("contents") or outgoing.body["input"]
    turns = [turn for turn in turns if turn.get("role") not in {"system", "developer"}]
    opened = turns[0].get("role") == "user" and "..." in json.dumps(turns[0])
    assert opened is (target in REFUSED)
    assert any("start_on" in one for one in warned) is opened
    assert arrived(outgoing.path, outgoing.body).problems == []


def test_claude_wants_a_users_turn_before_any_of_its_own_but_a_compaction() -> None:
    outgoing, _ = sent("messages", DONE, THEN)
    assert [turn["role"] for turn in outgoing.body["messages"]] == ["user", "assistant", "user"]
    summary = Opaque({"type": "compaction", "content": "They greeted."}, issuer=Issuer("messages", "claude"))
    outgoing, warned = sent("messages", Message("assistant", [summary]), THEN)
    assert [turn["role"] for turn in outgoing.body["messages"]] == ["assistant", "user"]
    assert not warned


def test_gemini_may_begin_with_words() -> None:
    outgoing, warned = sent("generate_content", DONE, THEN)
    assert [turn["role"] for turn in outgoing.body["contents"]] == ["model", "user"]
    assert not warned


# --- results that are moved ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", TARGETS)
def test_results_that_come_together_after_two_turns_with_calls_are_moved_with_a_warning(target: str) -> None:
    outgoing, warned = sent(target, HI, called("a"), called("b"), result("a", "rain"), result("b"), THEN)
    assert [one for one in warned if "do not stand right after the message with their calls" in one]
    found = arrived(outgoing.path, outgoing.body)
    assert found.problems == []
    assert ["rain" in text for text in found.results] == [True, False]
    assert not sent(target, HI, called("a", "b"), result("b"), result("a"), THEN)[1]
