"""A tool choice that names a tool of OpenAI's own: every type of tool that its SDK knows, said in every way."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from openai.types.chat.chat_completion_tool_choice_option_param import ChatCompletionToolChoiceOptionParam
from openai.types.responses.response_create_params import ToolChoice as ToolChoiceParam
from openai.types.responses.tool_param import ToolParam

from langchain_tikhub import ChatTikHub
from llama_index_tikhub import TikHubLLM
from tests.openai_types import fields_of, kinds_of, objects_of, sample, words_of
from tests.typed_dicts import problems
from tikhub_ai import ChatRequest, Message, Text, Tool, ToolChoice
from tikhub_ai.apis import chat_completions, responses
from tikhub_ai.catalog import facts

WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
OWN = {kind: one for one in kinds_of(ToolParam) for kind in words_of(fields_of(one)["type"].kind)}
"""Each `type` of a tool, and its TypedDict."""
CALLED = {"function", "custom", "namespace"}
"""Tools that have names of their own."""
CAN_BE_FORCED = {kind for one in objects_of(ToolChoiceParam) for kind in words_of(fields_of(one)["type"].kind)}


def sent_by_langchain(tool: dict[str, Any], choice: Any, *, bound: bool, api: str = "responses") -> Any:
    llm = ChatTikHub(model="gpt-5", api=api, api_key="k")
    messages = [HumanMessage("hi")]
    kwargs: dict[str, Any] = {"tools": [WEATHER, tool], "tool_choice": choice}
    if bound:
        kwargs = llm.bind_tools(kwargs["tools"], tool_choice=choice).kwargs  # type: ignore[attr-defined]  # a binding
    return body_of(llm._get_request_payload(messages, **kwargs), api)["tool_choice"]


def sent_by_llama_index(tool: dict[str, Any], choice: Any) -> Any:
    from llama_index_tikhub.request import chat_request

    llm = TikHubLLM(model="gpt-5", api="responses", api_key="k")
    call = {"tools": [WEATHER, tool], "tool_choice": choice}
    return body_of(chat_request([Message("user", [Text("hi")])], llm, call), "responses")["tool_choice"]


def body_of(request: ChatRequest, api: str) -> dict[str, Any]:
    codec = {"responses": responses, "chat_completions": chat_completions}[api]
    body: dict[str, Any] = codec.encode(request, facts(request.model), stream=False).body
    return body


@pytest.mark.parametrize("kind", sorted(OWN.keys() - CALLED))
def test_the_type_of_openais_own_tool_names_it(kind: str) -> None:
    tool = sample(OWN[kind]) | {"type": kind}
    label = {"server_label": tool["server_label"]} if "server_label" in tool else {}
    wanted = {"type": kind, **label}
    for choice in (kind, {"type": kind}):
        assert sent_by_langchain(tool, choice, bound=True) == wanted
        assert sent_by_langchain(tool, choice, bound=False) == wanted
        assert sent_by_llama_index(tool, choice) == wanted
    if label:
        assert sent_by_langchain(tool, label["server_label"], bound=True) == wanted
    if kind in CAN_BE_FORCED:
        assert problems(wanted, ToolChoiceParam) == []


@pytest.mark.parametrize(
    ("named", "kind"),
    [
        ("web_search", "web_search_preview"),
        ("web_search", "web_search_2025_08_26"),
        ("web_search_preview", "web_search_preview_2025_03_11"),
        ("computer_use_preview", "computer"),
        ("computer", "computer_use_preview"),
    ],
)
def test_a_version_of_a_tool_answers_to_its_name(named: str, kind: str) -> None:
    assert sent_by_langchain(sample(OWN[kind]) | {"type": kind}, named, bound=True) == {"type": kind}


def test_a_function_of_that_name_comes_first() -> None:
    mine: dict[str, Any] = {"type": "function", "function": {"name": "web_search"}}
    for tools in ([mine, {"type": "web_search"}], [{"type": "web_search"}, mine]):
        llm = ChatTikHub(model="gpt-5", api="responses", api_key="k").bind_tools(tools, tool_choice="web_search")
        request = llm.bound._get_request_payload([HumanMessage("hi")], **llm.kwargs)  # type: ignore[attr-defined]  # a RunnableBinding's
        assert body_of(request, "responses")["tool_choice"] == {"type": "function", "name": "web_search"}


def test_a_function_in_a_namespace_is_named_as_a_function() -> None:
    space = {"type": "namespace", "name": "crm", "description": "d", "tools": [{"type": "function", "name": "find"}]}
    assert sent_by_langchain(space, "find", bound=True) == {"type": "function", "name": "find"}


FLAT: list[dict[str, Any]] = [
    {"type": "custom", "name": "grep"},
    {
        "type": "allowed_tools",
        "mode": "required",
        "tools": [{"type": "function", "name": "get_weather"}, {"type": "custom", "name": "grep"}],
    },
]
NESTED: list[dict[str, Any]] = [
    {"type": "custom", "custom": {"name": "grep"}},
    {
        "type": "allowed_tools",
        "allowed_tools": {
            "mode": "required",
            "tools": [
                {"type": "function", "function": {"name": "get_weather"}},
                {"type": "custom", "custom": {"name": "grep"}},
            ],
        },
    },
]


@pytest.mark.parametrize("number", range(2))
def test_each_api_is_sent_its_own_form_whichever_was_written(number: int) -> None:
    grep = {"type": "custom", "name": "grep"}
    for choice in (FLAT[number], NESTED[number]):
        flat = sent_by_langchain(grep, choice, bound=True)
        assert flat == FLAT[number]
        assert problems(flat, ToolChoiceParam) == []
        nested = sent_by_langchain(grep, choice, bound=True, api="chat_completions")
        assert nested == NESTED[number]
        assert problems(nested, ChatCompletionToolChoiceOptionParam) == []
    assert sent_by_langchain(grep, "grep", bound=True) == FLAT[0]
    assert sent_by_langchain(grep, "grep", bound=True, api="chat_completions") == NESTED[0]


def test_a_choice_of_a_form_not_known_here_is_sent_as_it_is() -> None:
    choice = {"type": "of_tomorrow", "tools": "x"}
    request = ChatRequest("gpt-5", [Message("user", [Text("hi")])], [Tool("f")], ToolChoice(raw=choice))
    assert body_of(request, "responses")["tool_choice"] == choice == body_of(request, "chat_completions")["tool_choice"]
