"""Results find their calls in histories whose classes gave no ids, or ids of one side alone."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from llama_index.core.base.llms.types import ToolCallBlock
from llama_index.core.llms import ChatMessage

from llama_index_tikhub.history import to_conversation
from tikhub_ai import ToolCall, ToolResult

HI = ChatMessage(content="hi")


def arguments(number: int) -> str:
    return json.dumps({"n": number})


def by_function_call(calls: list[tuple[str, int]], _: bool) -> list[ChatMessage]:
    """OpenAI's first form: one call in a message."""
    return [
        ChatMessage(role="assistant", additional_kwargs={"function_call": {"name": n, "arguments": arguments(number)}})
        for n, number in calls
    ]


def by_tool_calls(calls: list[tuple[str, int]], has_ids: bool) -> list[ChatMessage]:
    given = [
        {"type": "function", "function": {"name": name, "arguments": arguments(number)}}
        | ({"id": f"id{number}"} if has_ids else {})
        for name, number in calls
    ]
    return [ChatMessage(role="assistant", additional_kwargs={"tool_calls": given})]


def by_google(calls: list[tuple[str, int]], _: bool) -> list[ChatMessage]:
    given = [{"name": name, "args": {"n": number}} for name, number in calls]
    return [ChatMessage(role="model", additional_kwargs={"tool_calls": given})]


def by_blocks(calls: list[tuple[str, int]], has_ids: bool) -> list[ChatMessage]:
    blocks: list[Any] = [
        ToolCallBlock(tool_call_id=f"id{number}" if has_ids else None, tool_name=name, tool_kwargs={"n": number})
        for name, number in calls
    ]
    return [ChatMessage(role="assistant", blocks=blocks)]


FORMS = [by_function_call, by_tool_calls, by_google, by_blocks]
RESULTS: dict[str, Any] = {
    "name": lambda name, _: {"name": name},
    "name, id null": lambda name, _: {"name": name, "tool_call_id": None},
    "name for an id": lambda name, _: {"name": name, "tool_call_id": name},
    "an id that no call has": lambda name, number: {"name": name, "tool_call_id": f"call_of_theirs_{number}"},
    "nothing": lambda *_: {},
}


def paired(messages: list[ChatMessage]) -> list[tuple[str, str, str]]:
    """Of each result the name and what it says, and what the call was given that it answers."""
    calls: dict[str, str] = {}
    found: list[tuple[str, str, str]] = []
    for message in to_conversation(messages):
        for part in message.parts:
            if isinstance(part, ToolCall):
                calls[part.id] = str(json.loads(part.arguments)["n"])
            elif isinstance(part, ToolResult):
                found.append((part.name or "", "".join(getattr(one, "text", "") for one in part.content),
                              calls.get(part.tool_call_id, "none")))  # fmt: skip
    return found


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("how", RESULTS)
@pytest.mark.parametrize("form", FORMS)
def test_each_result_is_of_the_call_that_it_was_made_for(form: Any, how: str, seed: int) -> None:
    """Rounds of calls of few functions, some of them never answered, as a history that was cut or stopped has them."""
    chance = random.Random(seed)
    messages, expected, number = [HI], [], 0
    for _ in range(chance.randint(1, 6)):
        calls = []
        for _ in range(chance.randint(1, 3)):
            number += 1
            calls.append((chance.choice("fgh"), number))
        messages += form(calls, False)
        if chance.random() < 0.3:
            messages.append(HI)
            continue
        for name, call in calls:
            role = chance.choice(["tool", "function"])
            messages.append(ChatMessage(role=role, content=str(call), additional_kwargs=RESULTS[how](name, call)))
            expected.append((name, str(call), str(call)))
        if chance.random() < 0.5:
            messages += [ChatMessage(role="assistant", content="Done."), HI]
    assert paired(messages) == expected


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("form", [by_tool_calls, by_blocks])
def test_ids_that_are_there_win_whatever_the_order(form: Any, seed: int) -> None:
    chance = random.Random(seed)
    calls = [(chance.choice("fg"), number) for number in range(4)]
    answered = list(calls)
    chance.shuffle(answered)
    results = [
        ChatMessage(role="tool", content=str(number), additional_kwargs={"tool_call_id": f"id{number}"})
        for _, number in answered
    ]
    assert paired([HI, *form(calls, True), *results]) == [(name, str(n), str(n)) for name, n in answered]


def test_results_by_name_in_another_order_than_their_calls() -> None:
    results = [
        ChatMessage(role="function", content=n, additional_kwargs={"name": name})
        for name, n in [("g", "2"), ("f", "1")]
    ]
    assert paired([HI, *by_tool_calls([("f", 1), ("g", 2)], False), *results]) == [("g", "2", "2"), ("f", "1", "1")]


def test_a_result_under_another_name_is_of_the_only_call_there_is() -> None:
    result = ChatMessage(role="function", content="1", additional_kwargs={"name": "functions.f"})
    assert paired([HI, *by_function_call([("f", 1)], False), result]) == [("f", "1", "1")]


def test_an_id_that_no_call_has_is_not_guessed_at_where_calls_have_ids() -> None:
    result = ChatMessage(role="tool", content="1", additional_kwargs={"name": "f", "tool_call_id": "other"})
    assert paired([HI, *by_tool_calls([("f", 1)], True), result]) == [("f", "1", "none")]
