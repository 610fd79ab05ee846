"""A history as all wires want it: each call answered once, right after it, by an id that is valid and its own."""

from __future__ import annotations

import copy
import json
import re
from importlib import import_module
from typing import Any

import pytest

from tests import bodies
from tests.moves.checks import arrived
from tikhub_ai import (
    ChatRequest,
    InvalidRequestError,
    Issuer,
    Media,
    Message,
    Text,
    TikHubAIWarning,
    ToolCall,
    ToolResult,
)
from tikhub_ai.apis.common_history import NOT_ANSWERED, paired
from tikhub_ai.catalog import facts

HI = Message("user", [Text("Weather?")])
THEN = Message("user", [Text("And now?")])
DONE = Message("assistant", [Text("Sunny.")])

TARGETS = {
    "chat_completions": "gpt-4o",
    "responses": "gpt-5",
    "messages": "claude-sonnet-4-5",
    "generate_content": "gemini-3-pro-preview",
    "chat_completions of DeepSeek": "deepseek-reasoner",
    "chat_completions of Claude": "claude-sonnet-4-5",
}


def codec_of(target: str) -> Any:
    return import_module(f"tikhub_ai.apis.{target.partition(' ')[0]}")


def called(*ids: str, name: str = "weather") -> Message:
    return Message("assistant", [ToolCall(identifier, name, "{}") for identifier in ids])


def result(identifier: str, text: str = "sunny", **more: Any) -> Message:
    return Message("tool", [ToolResult(identifier, [Text(text)], **more)])


def told(messages: Any) -> list[str]:
    """The order of a conversation in short words."""
    out: list[str] = []
    for message in messages:
        for part in message.parts:
            match part:
                case ToolCall():
                    out.append(f"call {part.id}")
                case ToolResult():
                    said = "".join(inner.text for inner in part.content if isinstance(inner, Text))
                    out.append(f"{part.tool_call_id}: {said}" + (" (error)" if part.is_error else ""))
                case Text():
                    out.append(part.text)
    return out


def untouched(*messages: Message) -> list[Message]:
    """What `paired` makes of them, which may not change them."""
    before = copy.deepcopy(messages)
    found = [*paired(messages)]
    assert messages == before
    return found


# --- each call is answered, once, right after it ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [HI],
        [HI, called("a"), result("a"), DONE, THEN],
        [HI, called("a", "b"), result("b"), result("a"), THEN],
        [HI, called("a"), Message("user", [ToolResult("a", [Text("x")]), Text("Quick!")])],
        [HI, called("a", "b")],
    ],
    ids=["nothing", "words", "answered", "in another order", "in the user's message", "at the end"],
)
def test_a_history_with_nothing_wrong_stays_as_it_is(messages: list[Message]) -> None:
    assert paired(messages) is messages


def test_a_call_that_nobody_answered_is_said_to_have_failed_with_one_warning() -> None:
    with pytest.warns(TikHubAIWarning, match=r"'weather' \(a\), 'weather' \(c\)") as caught:
        found = untouched(HI, called("a"), THEN, called("b", "c"), result("b"), THEN)
    assert len(caught) == 1
    failed = f"{NOT_ANSWERED} (error)"
    assert told(found) == [
        "Weather?", "call a", f"a: {failed}", "And now?",
        "call b", "call c", "b: sunny", f"c: {failed}", "And now?",
    ]  # fmt: skip


def test_an_answer_that_breaks_off_among_its_results_has_them_all() -> None:
    with pytest.warns(TikHubAIWarning, match=r"'weather' \(b\)"):
        assert told(untouched(HI, called("a", "b"), result("a")))[-1] == f"b: {NOT_ANSWERED} (error)"


def test_results_that_stand_apart_are_moved_to_their_calls() -> None:
    with pytest.warns(TikHubAIWarning, match="do not stand right after the message with their calls are moved"):
        found = untouched(HI, called("a"), called("b"), THEN, result("b", "rain"), DONE, result("a"))
    assert told(found) == ["Weather?", "call a", "a: sunny", "call b", "b: rain", "And now?", "Sunny."]
    assert [message.role for message in found] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "tool",
        "user",
        "assistant",
    ]


def test_words_beside_a_result_stay_where_they_were() -> None:
    mixed = Message("user", [Text("Look: "), ToolResult("a", [Text("x")]), Media("image", url="https://a.test/b.png")])
    with pytest.warns(TikHubAIWarning, match="are moved"):
        found = untouched(HI, called("a"), DONE, mixed)
    assert told(found) == ["Weather?", "call a", "a: x", "Sunny.", "Look: "]
    assert [type(part) for part in found[-1].parts] == [Text, Media]


def test_of_several_results_the_last_counts_with_a_warning() -> None:
    with pytest.warns(TikHubAIWarning, match="several results get the last one: a") as caught:
        found = untouched(HI, called("a"), result("a", "rain"), result("a", "snow"), result("a"), THEN)
    assert len(caught) == 1
    assert told(found) == ["Weather?", "call a", "a: sunny", "And now?"]


@pytest.mark.parametrize("messages", [[HI, result("a")], [HI, result("a"), called("a"), THEN]])
def test_a_result_without_a_call_before_it_is_refused(messages: list[Message]) -> None:
    with pytest.raises(InvalidRequestError, match="'a' has no such call before it"):
        paired(messages)


# --- ids --------------------------------------------------------------------------------------------------------------


def test_calls_that_share_an_id_get_one_each_and_so_do_their_results() -> None:
    found = untouched(
        HI, called("f", "f"), result("f", "first"), result("f", "second"), called("f"), result("f", "third")
    )
    assert told(found)[1:] == ["call f", "call f_2", "f: first", "f_2: second", "call f_3", "f_3: third"]


def test_an_id_that_is_made_is_nobody_elses() -> None:
    found = untouched(HI, called("f", "f_2", "f"), result("f", "1"), result("f_2", "2"), result("f", "3"))
    assert told(found)[4:] == ["f: 1", "f_2: 2", "f_3: 3"]


def test_calls_without_an_id_get_one() -> None:
    found = untouched(HI, called("", ""), result("", "first"), result("", "second"))
    assert told(found)[1:] == ["call call_2", "call call_3", "call_2: first", "call_3: second"]


def test_one_message_may_stand_twice_in_a_history() -> None:
    turn = [called("a"), result("a")]
    assert told(untouched(HI, *turn, *turn))[1:] == ["call a", "a: sunny", "call a_2", "a_2: sunny"]


IDS = [
    "call_1",
    "x" * 40,
    "x" * 41,
    "x" * 64,
    "x" * 65,
    "y" * 300,
    "functions.weather:0",
    "fc/1=",
    "天气",
    "a b",
    "",
    "",
]


@pytest.mark.parametrize("target", TARGETS)
def test_ids_of_any_provider_are_valid_alike_on_call_and_result_on_every_wire(target: str) -> None:
    request = ChatRequest(
        TARGETS[target], [HI, called(*IDS), *(result(one, f"{n}") for n, one in enumerate(IDS)), THEN]
    )
    before = copy.deepcopy(request)
    known = facts(request.model)
    sent = [codec_of(target).encode(request, known, stream=False) for _ in range(2)]
    assert request == before
    assert sent[0].body == sent[1].body
    found = arrived(sent[0].path, sent[0].body)
    assert found.problems == []
    texts = [str(n) for n, _ in enumerate(IDS)]
    assert [re.sub(r'{"output": "(\d+)"}', r"\1", text) for text in found.results] == texts
    if target == "chat_completions of Claude":
        ids = [call["id"] for call in sent[0].body["messages"][1]["tool_calls"]]
        assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", one) for one in ids)


def test_ids_that_a_family_may_read_are_left_alone() -> None:
    """Kimi counts its calls in them, and LiteLLM keeps Gemini's thought signatures there."""
    identifier = "call_1__thought__" + "x" * 200
    for model in ("kimi-k2", "gemini-3-pro-preview"):
        messages = [HI, called(identifier), result(identifier)]
        chat = import_module("tikhub_ai.apis.chat_completions")
        body = chat.encode(ChatRequest(model, messages), facts(model), stream=False).body
        assert body["messages"][1]["tool_calls"][0]["id"] == body["messages"][2]["tool_call_id"] == identifier


# --- on the wires -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", TARGETS)
def test_an_interrupted_agents_history_is_valid_on_every_wire(target: str) -> None:
    request = ChatRequest(
        TARGETS[target], [HI, called("a", "b"), result("b"), THEN, DONE, called("c"), THEN, result("a", "rain")]
    )
    with pytest.warns(TikHubAIWarning, match=r"'weather' \(c\)|are moved") as caught:
        sent = codec_of(target).encode(request, facts(request.model), stream=False)
    assert len(caught) == 2
    assert bodies.problems(sent.path, sent.body) == []
    found = arrived(sent.path, sent.body)
    assert found.problems == []
    assert [len(found.calls), "rain" in found.results[0], "sunny" in found.results[1]] == [3, True, True]
    assert NOT_ANSWERED in json.dumps(sent.body)


# --- asynchronous calls ---------------------------------------------------------------------------------------------

GPT = Issuer("responses", "gpt")


def asked_later(*ids: str, issuer: Issuer = GPT) -> Message:
    state = {"type": "function_call", "async": True}
    return Message("assistant", [ToolCall(one, "weather", state=dict(state), issuer=issuer) for one in ids])


def test_an_asynchronous_call_of_the_readers_own_stays_open() -> None:
    history = [HI, asked_later("a"), DONE, THEN]
    assert paired(history, GPT) is history
    with pytest.warns(TikHubAIWarning, match="said to have failed"):
        assert told(paired(history)) != told(history)  # nobody else knows such calls
    with pytest.warns(TikHubAIWarning, match="said to have failed"):
        paired([HI, asked_later("a", issuer=Issuer("responses", "grok")), DONE, THEN], GPT)


def test_the_result_of_an_asynchronous_call_stays_where_it_came() -> None:
    history = [HI, asked_later("a"), DONE, THEN, result("a"), DONE, THEN]
    assert paired(history, GPT) is history
    with pytest.warns(TikHubAIWarning, match="said to have failed"):
        mixed = paired([HI, asked_later("a"), called("b"), DONE, THEN, result("a"), DONE], GPT)
    assert told(mixed) == told(
        [HI, asked_later("a"), called("b"), result("b", NOT_ANSWERED, is_error=True), DONE, THEN, result("a"), DONE]
    )


def test_an_asynchronous_call_is_sent_as_it_came() -> None:
    body = (
        codec_of("responses")
        .encode(ChatRequest("gpt-5", [HI, asked_later("a"), DONE, THEN]), facts("gpt-5"), stream=False)
        .body
    )
    assert [item.get("async") for item in body["input"]] == [None, True, None, None]
    assert not any("output" in item for item in body["input"])
