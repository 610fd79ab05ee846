"""A conversation begun with one class goes on with another: every class of every vendor, and ours, on every API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.moves import onward, wires
from tests.moves.checks import BYPASS, arrived, item_ids_in, missing_from, state_in
from tests.moves.moving import AFTER_THE_RESULTS, HOMES, OURS, STORED, TARGETS, class_of, dumped, move
from tests.moves.table import DOCUMENT, document, source_of


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("history", STORED)
def test_a_history_of_another_class_goes_on(history: str, target: str, record_property: Any) -> None:
    moved = move(history, target)
    record_property("move", (source_of(history), target, len(moved.warnings)))
    found = arrived(moved.path, moved.body)
    assert found.problems == []
    assert missing_from(found, moved.told) == []
    if HOMES.get(class_of(history)) == target:
        assert moved.warnings == []
        assert state_in(moved.body) == state_in(dumped(history))
        return
    assert state_in(moved.body) == set()
    assert item_ids_in(moved.body) == set()
    assert len(moved.warnings) <= 1
    if state_in(dumped(history)) or wires.THOUGHT in moved.told:
        assert "Reasoning" in moved.warnings[0]


@pytest.mark.parametrize("history", [history for history in STORED if class_of(history) in HOMES])
def test_a_thread_of_the_vendors_own_class_goes_on_as_the_provider_began_it(history: str) -> None:
    """As far as that class kept it: LlamaIndex's drop searches, OpenAIResponses also the items of words and calls."""
    target = HOMES[class_of(history)]
    said, issued = (said_by_the_model(target, move(history, target).body), issued_by(target))
    if history.startswith("langchain"):
        assert [kept_by_chat_openai(item) for item in said] == [kept_by_chat_openai(item) for item in issued]
    else:
        thoughts = [one for one in _flat(issued) if is_thought(one) and one.get("type") != "redacted_thinking"]
        assert [one for one in _flat(said) if is_thought(one)] == thoughts


def kept_by_chat_openai(item: Any) -> Any:
    """An item without what v0 and streams of that class lose: a call's status, and the item that a refusal is in."""
    if not isinstance(item, dict) or item.get("type") not in {"function_call", "message"}:
        return item
    if item["type"] == "function_call":
        return {key: value for key, value in item.items() if key != "status"}
    content = item["content"]
    return content[0]["refusal"] if isinstance(content, list) and "refusal" in content[0] else content


def is_thought(one: Any) -> bool:
    return isinstance(one, dict) and (
        one.get("type") in {"thinking", "redacted_thinking", "reasoning"} or "thought" in one
    )


def _flat(turns: Any) -> list[Any]:
    return [one for turn in turns for one in (joined(turn) if isinstance(turn, list) else [turn])]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("history", OURS)
def test_our_own_history_goes_on(history: str, target: str, record_property: Any) -> None:
    moved = move(history, target)
    record_property("move", (f"ours: {source_of(history)}", target, len(moved.warnings)))
    found = arrived(moved.path, moved.body)
    assert found.problems == []
    assert missing_from(found, moved.told) == []
    if class_of(history) == target:
        assert moved.warnings == []
        assert said_by_the_model(target, moved.body) == issued_by(target)
        return
    assert state_in(moved.body) == set()
    assert item_ids_in(moved.body) == set()
    assert len(moved.warnings) <= 1


def issued_by(target: str) -> Any:
    """What the provider said in the first three turns, and wants back."""
    match target:
        case "responses":
            return [item for turn in wires.RESPONSES[:3] for item in turn]
        case "messages":
            return wires.MESSAGES[:3]
        case "generate_content":
            return wires.GEMINI[:3]
        case "deepseek":  # of the turn in which tools were called, all reasoning; of others, none
            return [(turn["content"], turn["reasoning_content"]) for turn in wires.DEEPSEEK[:2]] + [
                (wires.REFUSAL, None)
            ]
        case _:
            return [(turn["content"], turn["refusal"]) for turn in wires.OPENAI[:3]]


def said_by_the_model(target: str, body: Any) -> Any:
    """The same as the next request says it."""
    match target:
        case "responses":
            return [
                item
                for item in body["input"]
                if item.get("role", "assistant") == "assistant" and item["type"] != "function_call_output"
            ]
        case "messages":
            turns = [turn["content"] for turn in body["messages"] if turn["role"] == "assistant"]
            return [[{"type": "text", "text": turn}] if isinstance(turn, str) else turn for turn in turns]
        case "generate_content":
            return [joined(content["parts"]) for content in body["contents"] if content["role"] == "model"]
        case _:
            name = "reasoning_content" if target == "deepseek" else "refusal"
            answers = [message for message in body["messages"] if message["role"] == "assistant"]
            return [(message.get("content"), message.get(name)) for message in answers]


def joined(parts: list[Any]) -> list[Any]:
    """Pieces of one text that Gemini streamed, the last of them signed, as one."""
    out: list[Any] = []
    for part in parts:
        if "text" in part and out and "text" in out[-1] and part.get("thought") == out[-1].get("thought"):
            out[-1] = {**out[-1], **part, "text": out[-1]["text"] + part["text"]}
        else:
            out.append(part)
    return out


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("history", [history for history in [*STORED, *OURS] if history.endswith("plain")])
def test_another_model_takes_over_between_a_tools_result_and_the_answer(history: str, target: str) -> None:
    moved = move(history, target, AFTER_THE_RESULTS)
    found = arrived(moved.path, moved.body)
    assert found.problems == []
    assert missing_from(found, moved.told) == []
    name = class_of(history)
    is_own = target in ({name} if history in OURS else {HOMES.get(name)})
    assert len(moved.warnings) <= (0 if is_own else 1)
    assert bool(state_in(moved.body)) == (is_own and bool(state_in(issued_by(target))))
    assert (BYPASS in json.dumps(moved.body)) == (target == "generate_content" and not is_own)


# --- ours, on the vendors' classes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("row", onward.rows(), ids=lambda row: f"{row['framework']}-{row['history']}-{row['class']}")
def test_ours_goes_on_with_the_classes_of_the_vendors(row: dict[str, Any]) -> None:
    """As far as theirs let it: what they make of v1 blocks, and of thoughts that are not Claude's, is their own."""
    found = set(onward.defects(row)) - {onward.NO_REFUSAL}
    if row["history"].endswith("-v1"):
        found -= {onward.BLOCKS_OF_V1, onward.FOREIGN_SEARCH}
    if row["class"] == "Anthropic" and not row["history"].startswith("messages"):
        found -= {onward.NO_SIGNATURE}
    assert found == set()


def test_their_anthropic_class_of_llama_index_gets_our_signatures() -> None:
    [row] = [row for row in onward.rows() if (row["history"], row["class"]) == ("messages-plain", "Anthropic")]
    assert wires.signed("thinking") in state_in(row["body"])


def test_the_page_about_moves_is_up_to_date() -> None:
    assert DOCUMENT.read_text() == document(), "write it again: python -m tests.moves.table"


@pytest.mark.parametrize("history", STORED)
def test_a_stored_history_tells_nothing_of_a_machine_or_a_key(history: str) -> None:
    text = json.dumps(dumped(history))
    assert "127.0.0.1" not in text
    assert "sk-" not in text.replace("task-", "")
    assert "/home/" not in text
    assert "/tmp/" not in text
