"""System messages of POST /v1/messages: at the start, within the conversation, and those that change the tools."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from tests.unit.messages_requests import CLAUDE, HI, body_of, called, encoded, result
from tikhub_ai import Message, Opaque, ServerToolCall, ServerToolResult, Text, TikHubAIWarning
from tikhub_ai.catalog import facts

BRIEF = Message("system", [Text("Be brief.")])
KIND = Message("developer", [Text("Be kind.", options={"cache_control": {"type": "ephemeral"}})])
SAID = Message("assistant", [Text("Hello.")])
TAKING = (
    "claude-fable-5", "claude-fable-5-1", "claude-haiku-5-5", "claude-mythos-5", "claude-mythos-5-1",
    "claude-opus-4-8", "claude-opus-5", "claude-opus-5-5", "claude-sonnet-5", "claude-sonnet-5-5",
)  # fmt: skip
"""The models that langchain-anthropic 1.7's profiles list."""
NEW = "claude-opus-5"


def searched() -> Message:
    call = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}
    found = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
    return Message(
        "assistant",
        [
            ServerToolCall("srvtoolu_1", "web_search", {}, state={"block": call}, issuer=CLAUDE),
            ServerToolResult("srvtoolu_1", [], state={"block": found}, issuer=CLAUDE),
        ],
    )


def roles(*said: Message, model: str = NEW) -> list[str]:
    return [turn["role"] for turn in body_of(*said, model=model)["messages"]]


def test_which_models_take_system_messages_within_a_conversation() -> None:
    assert all(facts(model).later_system for model in (*TAKING, "claude-opus-5-20990101", "claude-fable-5-2"))
    for model in ("claude-opus-4-7", "claude-sonnet-4-6", "claude-haiku-4-5", "gpt-5", "gemini-3-pro", "unheard-of"):
        assert not facts(model).later_system


@pytest.mark.parametrize("model", TAKING)
def test_a_later_system_message_is_one_where_the_model_takes_it(model: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        body = body_of(BRIEF, HI, KIND, SAID, HI, called("a"), result("a"), BRIEF, model=model)
    assert body["system"] == "Be brief."
    assert body["messages"][1] == {"role": "system", "content": [{"type": "text", "text": "Be kind.",
                                                                  "cache_control": {"type": "ephemeral"}}]}  # fmt: skip
    assert body["messages"][-1] == {"role": "system", "content": "Be brief."}
    assert [turn["role"] for turn in body["messages"]] == [
        "user", "system", "assistant", "user", "assistant", "user", "system",
    ]  # fmt: skip


def test_several_in_a_row_stand_each_by_itself() -> None:
    assert roles(HI, BRIEF, KIND) == ["user", "system", "system"]
    assert roles(HI, searched(), BRIEF, KIND, SAID) == ["user", "assistant", "system", "system", "assistant"]


@pytest.mark.parametrize(
    ("said", "model", "why"),
    [
        ((HI, BRIEF, HI), NEW, "before an answer"),
        ((HI, SAID, BRIEF, HI), NEW, "after what a user or a tool said"),
        ((HI, SAID, BRIEF), NEW, "after what a user or a tool said"),
        ((HI, BRIEF, Message("assistant", [Text(" ")]), HI), NEW, "before an answer"),
        ((HI, BRIEF, KIND, HI), NEW, "before an answer"),
        ((HI, BRIEF), "claude-opus-4-7", "at the start alone"),
        ((HI, called("a"), result("a"), BRIEF), "claude-sonnet-4-5", "at the start alone"),
    ],
    ids=["user after", "answer before", "last after an answer", "empty answer", "two", "old model", "after a result"],
)
def test_elsewhere_it_goes_into_the_users_turn_with_a_warning_and_keeps_its_place(
    said: tuple[Message, ...], model: str, why: str
) -> None:
    with pytest.warns(TikHubAIWarning, match=f"sent in the user's turn: .*{why}"):
        body = body_of(*said, model=model)
    assert "system" not in body
    assert "system" not in [turn["role"] for turn in body["messages"]]
    joined = [str(turn["content"]) for turn in body["messages"] if turn["role"] == "user"]
    assert "Be brief." in " ".join(joined)


def test_the_beginning_of_an_answer_before_a_system_message_ends_without_white_space() -> None:
    """A system message at the end does not change that the answer is the last that was said."""
    body = body_of(HI, Message("assistant", [*searched().parts, Text("thought ")]), model="claude-opus-4-8")
    assert body["messages"][-1]["content"][-1]["text"] == "thought"


# --- tools that come and go ------------------------------------------------------------------------------------------

ADDED: dict[str, Any] = {"type": "tool_addition", "tool": {"type": "tool_reference", "name": "get_weather"}}
GONE: dict[str, Any] = {"type": "tool_removal", "tool": {"type": "tool_reference", "name": "get_weather"}}


@pytest.mark.parametrize("block", [ADDED, GONE], ids=["addition", "removal"])
def test_changes_of_the_tools_stay_in_a_system_message(block: dict[str, Any]) -> None:
    outgoing = encoded(HI, Message("system", [Text("Now."), Opaque(block)]), SAID, model=NEW)
    assert outgoing.body["messages"][1] == {"role": "system", "content": [{"type": "text", "text": "Now."}, block]}
    assert outgoing.headers["anthropic-beta"] == "mid-conversation-tool-changes-2026-07-01"


@pytest.mark.parametrize(
    ("said", "model"),
    [((HI, SAID), NEW), ((HI,), "claude-sonnet-4-5")],
    ids=["in a place where none may stand", "on a model that takes none"],
)
def test_where_there_can_be_none_they_are_left_out_with_a_warning_that_names_them(
    said: tuple[Message, ...], model: str
) -> None:
    alone: list[Any] = [Opaque(ADDED)]
    for parts in (alone, [Text("Now."), *alone]):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            outgoing = encoded(*said, Message("system", parts), HI, model=model)
        assert any("tool_addition" in str(one.message) for one in caught)
        assert "tool_addition" not in str(outgoing.body)
        assert "anthropic-beta" not in outgoing.headers
