"""In a round of tools that began without a thought of its own, a model that refuses such a round does not think."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from tikhub_ai import ChatRequest, Issuer, Message, Reasoning, Text, TikHubAIWarning, ToolCall, ToolResult
from tikhub_ai.apis import chat_completions, messages
from tikhub_ai.catalog import facts

CLAUDE, DEEPSEEK = "claude-sonnet-4-5", "deepseek-v4"
ISSUERS = {CLAUDE: Issuer("messages", "claude"), DEEPSEEK: Issuer("chat_completions", "deepseek")}
STATES: dict[str, dict[str, Any]] = {CLAUDE: {"signature": "s"}, DEEPSEEK: {"field": "reasoning_content"}}
ASKED: dict[str, dict[str, Any]] = {
    CLAUDE: {"thinking": {"type": "enabled", "budget_tokens": 1024}, "temperature": 0.5},
    DEEPSEEK: {"reasoning_effort": "high"},
}
ENCODE: dict[str, Any] = {CLAUDE: messages.encode, DEEPSEEK: chat_completions.encode}
HI = Message("user", [Text("hi")])


def own(model: str) -> Reasoning:
    return Reasoning(text="Hm.", state=STATES[model], issuer=ISSUERS[model])


def step(number: int, *before: Reasoning | Text) -> list[Message]:
    return [
        Message("assistant", [*before, ToolCall(f"c{number}", "f")]),
        Message("tool", [ToolResult(f"c{number}", [Text("done")])]),
    ]


def sent(model: str, *conversation: Message, **asked: Any) -> tuple[dict[str, Any], list[str]]:
    request = ChatRequest(model, [*conversation], **(ASKED[model] | asked))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", TikHubAIWarning)
        body: dict[str, Any] = ENCODE[model](request, facts(model), stream=False).body
    return body, [str(one.message) for one in caught if "does not think in this turn" in str(one.message)]


def thinks(body: dict[str, Any]) -> bool:
    said = body.get("thinking") or {"type": "enabled" if body["model"] == DEEPSEEK else "disabled"}
    return bool(said["type"] != "disabled")


@pytest.mark.parametrize("model", ENCODE)
def test_a_round_that_another_model_began_is_ended_without_thinking(model: str) -> None:
    foreign = Reasoning(text="Hm.", state={"x": 1}, issuer=Issuer("responses", "gpt"))
    for began in (step(1), step(1, foreign), step(1, Text("I look.")), [*step(1), *step(2)]):
        body, told = sent(model, HI, *began)
        assert not thinks(body)
        assert len(told) == 1
        assert "reasoning_effort" not in body


@pytest.mark.parametrize("model", ENCODE)
def test_what_does_not_think_does_not_mind_sampling(model: str) -> None:
    body, _ = sent(model, HI, *step(1), temperature=0.5)
    assert body["temperature"] == 0.5


@pytest.mark.parametrize("model", ENCODE)
def test_a_round_with_a_thought_of_its_own_goes_on_thinking(model: str) -> None:
    """Claude thinks once a round, before its first call, unless it interleaves."""
    for began in (step(1, own(model)), [*step(1, own(model)), *step(2)], [*step(1), *step(2, own(model))]):
        body, told = sent(model, HI, *began)
        assert thinks(body)
        assert told == []


@pytest.mark.parametrize("model", ENCODE)
def test_once_the_user_has_spoken_again_the_model_thinks_again(model: str) -> None:
    for after in ([Message("user", [Text("And?")])], [Message("assistant", [Text("So.")]), HI]):
        body, told = sent(model, HI, *step(1), *after)
        assert thinks(body)
        assert told == []


def test_adaptive_thinking_asks_for_no_thought() -> None:
    body, told = sent(CLAUDE, HI, *step(1), thinking={"type": "adaptive"})
    assert body["thinking"]["type"] == "adaptive"
    assert told == []


def test_nobody_is_told_where_nothing_was_to_be_thought() -> None:
    assert sent(CLAUDE, HI, *step(1), thinking=None)[1] == []
    assert sent(DEEPSEEK, HI, *step(1), thinking={"type": "disabled"})[1] == []
