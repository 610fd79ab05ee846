"""Which tool must be called, in every form of every vendor, through both frameworks: nothing of it is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import pytest
from anthropic.types.beta import BetaToolChoiceParam
from langchain_core.messages import HumanMessage
from llama_index.core.llms import ChatMessage

from langchain_tikhub import ChatTikHub
from langchain_tikhub.request import chat_request as asked_in_langchain
from llama_index_tikhub import TikHub
from llama_index_tikhub.history import to_conversation
from llama_index_tikhub.request import chat_request as asked_in_llama_index
from tests.typed_dict_samples import samples
from tikhub_ai import ChatRequest, ConfigurationError, ToolChoice, read_tool_choice
from tikhub_ai.apis import chat_completions, generate_content, messages, responses
from tikhub_ai.catalog import facts

if TYPE_CHECKING:
    from collections.abc import Callable

FUNCTION = {"name": "get_weather", "description": "Weather", "parameters": {"type": "object", "properties": {}}}
TOOLS = [{"type": "function", "function": FUNCTION}]
CODECS = {
    "gpt-4o": chat_completions,
    "gpt-5": responses,
    "claude-sonnet-4-5": messages,
    "gemini-3-pro-preview": generate_content,
}


def by_call(model: str, choice: Any, **more: Any) -> ChatRequest:
    return asked_in_langchain(
        ChatTikHub(model=model, api_key="k", **more),
        [HumanMessage("hi")],
        None,
        {"tools": TOOLS, "tool_choice": choice},
    )


def by_binding(model: str, choice: Any, **more: Any) -> ChatRequest:
    llm = ChatTikHub(model=model, api_key="k", **more)
    bound: Any = llm.bind_tools(TOOLS, tool_choice=choice)
    return asked_in_langchain(llm, [HumanMessage("hi")], None, bound.kwargs)


def in_llama_index(model: str, choice: Any, **more: Any) -> ChatRequest:
    llm = TikHub(model=model, api_key="k", **more)
    conversation = to_conversation([ChatMessage("hi")])
    return asked_in_llama_index(conversation, llm, {"tools": TOOLS, "tool_choice": choice})


WAYS: dict[str, Callable[..., ChatRequest]] = {
    "LangChain": by_call,
    "LangChain, bound": by_binding,
    "LlamaIndex": in_llama_index,
}


def body(request: ChatRequest) -> dict[str, Any]:
    sent: dict[str, Any] = CODECS[request.model].encode(request, facts(request.model), stream=False).body
    return sent


CHOICES = [sample.value for one in get_args(BetaToolChoiceParam) for sample in samples(one)]


@pytest.mark.parametrize("alone", [None, True, False])
@pytest.mark.parametrize("choice", CHOICES, ids=str)
@pytest.mark.parametrize("way", WAYS)
def test_every_field_of_every_choice_of_anthropics_goes_out_as_it_is(
    way: str, choice: dict[str, Any], alone: bool | None
) -> None:
    if "name" in choice:
        choice = {**choice, "name": "get_weather"}
    if choice["type"] != "none":
        choice = {**choice, "disable_parallel_tool_use": alone}
    wanted = {name: value for name, value in choice.items() if value or name != "disable_parallel_tool_use"}
    assert body(WAYS[way]("claude-sonnet-4-5", choice))["tool_choice"] == wanted


@pytest.mark.parametrize("kind", ["auto", "any", "tool"])
@pytest.mark.parametrize("model", CODECS)
@pytest.mark.parametrize("way", WAYS)
def test_calls_one_at_a_time_are_asked_for_in_the_words_of_every_wire(way: str, model: str, kind: str) -> None:
    choice = {"type": kind, "disable_parallel_tool_use": True} | ({"name": "get_weather"} if kind == "tool" else {})
    request = WAYS[way](model, choice)
    assert request.parallel_tool_calls is False
    sent = body(request)
    if model.startswith("gpt"):
        assert sent["parallel_tool_calls"] is False
        assert "disable_parallel" not in str(sent)
    elif model.startswith("claude"):
        assert sent["tool_choice"]["disable_parallel_tool_use"] is True


@pytest.mark.parametrize("way", WAYS)
def test_what_a_choice_says_of_parallel_calls_beats_the_constructor(way: str) -> None:
    choice = {"type": "any", "disable_parallel_tool_use": False}
    request = WAYS[way]("claude-sonnet-4-5", choice, parallel_tool_calls=False)
    assert request.parallel_tool_calls is True
    assert body(request)["tool_choice"] == {"type": "any"}
    beaten = WAYS[way](
        "gpt-4o", {"type": "any", "disable_parallel_tool_use": True}, extra_body={"parallel_tool_calls": 1}
    )
    assert beaten.overrides is not None
    assert "parallel_tool_calls" in beaten.overrides.names


@pytest.mark.parametrize("way", WAYS)
def test_a_choice_with_a_field_that_is_not_known_is_sent_as_it_is(way: str) -> None:
    for choice in ({"type": "any", "brand_new": 1}, {"type": "tool", "name": "get_weather", "brand_new": 1}):
        assert body(WAYS[way]("claude-sonnet-4-5", choice))["tool_choice"] == choice


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (None, None),
        (False, None),
        (True, ToolChoice("required")),
        ("any", ToolChoice("required")),
        ("required", ToolChoice("required")),
        ("auto", ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ("f", ToolChoice("tool", "f")),
        (ToolChoice("none"), ToolChoice("none")),
        ({"type": "function", "function": {"name": "f"}}, ToolChoice("tool", "f")),
        ({"type": "function", "name": "f"}, ToolChoice("tool", "f")),
        ({"type": "tool", "name": "f"}, ToolChoice("tool", "f")),
        ({"type": "any"}, ToolChoice("required")),
        ({"type": "any", "disable_parallel_tool_use": None}, ToolChoice("required")),
        ({"type": "mcp", "server_label": "m"}, ToolChoice(raw={"type": "mcp", "server_label": "m"})),
    ],
    ids=str,
)
def test_every_form_is_read(given: Any, read: ToolChoice | None) -> None:
    assert read_tool_choice(given) == read


def test_a_tool_may_be_called_as_a_mode_is() -> None:
    assert read_tool_choice("any", ["any"]) == ToolChoice("tool", "any")


def test_what_is_no_choice_is_refused_by_its_type() -> None:
    for given in (27, [27], [], ["f", None]):
        with pytest.raises(ConfigurationError, match=f"not {type(given).__name__}"):
            read_tool_choice(given)


def test_names_mean_any_of_these_tools() -> None:
    functions = [{"type": "function", "name": name} for name in "fg"]
    some = ToolChoice(raw={"type": "allowed_tools", "mode": "required", "tools": functions})
    assert read_tool_choice(["f", "g"], ["f", "g", "h"]) == some
    assert read_tool_choice(["f"], ["f", "g"]) == ToolChoice("tool", "f")
    with pytest.raises(ConfigurationError, match="names 'x', but the tools are f, g"):
        read_tool_choice(["f", "x"], ["f", "g"])
