"""A provider's own tools on the class, beside the functions that an agent or a call brings: on every API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from llama_index_tikhub import TikHub
from tests.scripted_server import Answer
from tikhub_ai import BadRequestError, TikHubAIWarning

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scripted_server import ScriptedServer

HI = [ChatMessage(content="hi")]
SEARCH: dict[str, dict[str, Any]] = {
    "chat_completions": {"type": "web_search"},
    "responses": {"type": "web_search", "search_context_size": "low"},
    "messages": {"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
    "generate_content": {"google_search": {}},
}
MODELS = {"chat_completions": "grok-4", "responses": "gpt-5", "messages": "claude-sonnet-4-5",
          "generate_content": "gemini-3-pro-preview"}  # fmt: skip
GIVEN: dict[str, Callable[[Any], dict[str, Any]]] = {
    "tools": lambda tool: {"tools": [tool]},
    "built_in_tools": lambda tool: {"built_in_tools": [tool]},
    "built_in_tool": lambda tool: {"built_in_tool": tool},
    "additional_kwargs": lambda tool: {"additional_kwargs": {"tools": [tool]}},
}
each_api = pytest.mark.parametrize("api", SEARCH)
each_word = pytest.mark.parametrize("word", GIVEN)

pytestmark = [pytest.mark.outside_openapi("a provider's own tool on chat_completions, which some gateways take"),
              pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince20")]  # fmt: skip


def look_up(name: str) -> str:
    """Look a city up."""
    return name


class City(BaseModel):
    """A city."""

    name: str


TOOL = FunctionTool.from_defaults(look_up)


def model_at(server: ScriptedServer, api: str, **given: Any) -> TikHub:
    server.answer = lambda _: Answer({"error": {"message": "no"}}, 400)
    return TikHub(**{"model": MODELS[api], "api": api, "api_key": "sk-1", "base_url": server.url, **given})


def named(body: dict[str, Any]) -> list[str]:
    """What the tools of a body are: functions by name, others by kind."""
    found: list[str] = []
    for tool in body.get("tools", ()):
        if declared := tool.get("functionDeclarations"):
            found += [one["name"] for one in declared]
        elif "googleSearch" in tool:
            found.append("search")
        elif str(tool.get("type", "")).startswith("web_search"):
            assert tool in SEARCH.values(), "its settings are sent as they were given"
            found.append("search")
        else:
            found.append((tool.get("function") or tool)["name"])
    return sorted(found)


async def _agent(llm: TikHub, *, streaming: bool) -> None:
    with pytest.raises(Exception, match="no"):
        await FunctionAgent(tools=[TOOL], llm=llm, streaming=streaming).run("hi")


@each_api
@each_word
@pytest.mark.parametrize("streaming", [True, False])
async def test_an_agent_has_its_functions_and_the_search(
    api: str, word: str, streaming: bool, server: ScriptedServer
) -> None:
    await _agent(model_at(server, api, **GIVEN[word](SEARCH[api])), streaming=streaming)
    assert named(server.requests[-1].json()) == ["look_up", "search"]


@each_api
@each_word
def test_every_other_way_to_call_has_it_too(api: str, word: str, server: ScriptedServer) -> None:
    llm = model_at(server, api, **GIVEN[word](SEARCH[api]))
    calls: list[tuple[Callable[[], Any], list[str]]] = [
        (lambda: llm.chat(HI), ["search"]),
        (lambda: llm.complete("hi"), ["search"]),
        (lambda: list(llm.stream_chat(HI)), ["search"]),
        (lambda: llm.chat_with_tools([], user_msg="hi"), ["search"]),
        (lambda: llm.chat_with_tools([TOOL], user_msg="hi"), ["look_up", "search"]),
        (lambda: llm.predict_and_call([TOOL], user_msg="hi"), ["look_up", "search"]),
        (lambda: llm.chat(HI, tools=[TOOL, SEARCH[api]]), ["look_up", "search"]),
    ]
    for call, expected in calls:
        with pytest.raises(BadRequestError):
            call()
        assert named(server.requests[-1].json()) == expected


@each_api
def test_a_structure_that_a_tool_stands_for_is_the_tool_that_is_forced(api: str, server: ScriptedServer) -> None:
    """Where any tool will do, the model may search and give no object."""
    llm = model_at(server, api, tools=[SEARCH[api]], should_use_structured_outputs=False)
    with pytest.raises(BadRequestError):
        llm.structured_predict(City, PromptTemplate("hi"))
    body = server.requests[-1].json()
    assert named(body) == ["City", "search"]
    assert "City" in str(body.get("tool_choice") or body["toolConfig"])
    llm.additional_kwargs = {}
    with pytest.raises(BadRequestError):
        llm.structured_predict(City, PromptTemplate("hi"))
    body = server.requests[-1].json()
    assert "City" not in str(body.get("tool_choice") or body["toolConfig"]), "one tool needs no name"


def test_tools_of_a_call_may_be_dicts_beside_llama_indexs(server: ScriptedServer) -> None:
    llm = model_at(server, "messages")
    tools: list[Any] = [TOOL, SEARCH["messages"], {"name": "g", "input_schema": {"type": "object", "properties": {}}}]
    for strict in (None, True, False):
        with pytest.raises(BadRequestError):
            llm.chat_with_tools(tools, user_msg="hi", strict=strict)
        assert named(server.requests[-1].json()) == ["g", "look_up", "search"]


# --- Gemini ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "calling"),
    [({}, None), ({"tool_choice": "auto"}, None), ({"tool_choice": "required"}, {"mode": "ANY"}),
     ({"tool_choice": "look_up"}, {"mode": "ANY", "allowedFunctionNames": ["look_up"]})],
)  # fmt: skip
@pytest.mark.parametrize("model", ["gemini-3-pro-preview", "gemini-3.6-flash", "gemini-flash-latest"])
def test_gemini_is_told_that_both_kinds_of_tools_are_there(
    model: str, asked: dict[str, Any], calling: dict[str, Any] | None, server: ScriptedServer
) -> None:
    """ "Please enable tool_config.include_server_side_tool_invocations to use Built-in tools with Function calling."""
    llm = model_at(server, "generate_content", model=model, tools=[SEARCH["generate_content"]])
    with pytest.raises(BadRequestError):
        llm.chat(HI, tools=[TOOL], **asked)
    config = server.requests[-1].json()["toolConfig"]
    assert config.pop("includeServerSideToolInvocations") is True
    assert config == ({} if calling is None else {"functionCallingConfig": calling})


@pytest.mark.parametrize("tools", [[TOOL], [SEARCH["generate_content"]], [TOOL, {"computer_use": {}}]], ids=len)
def test_gemini_is_told_nothing_where_there_is_but_one_kind(tools: list[Any], server: ScriptedServer) -> None:
    with pytest.raises(BadRequestError):
        model_at(server, "generate_content").chat(HI, tools=tools)
    assert "toolConfig" not in server.requests[-1].json()


def test_a_gemini_that_cannot_have_both_is_warned_of(server: ScriptedServer) -> None:
    llm = model_at(server, "generate_content", model="gemini-2.5-pro", tools=[SEARCH["generate_content"]])
    with pytest.warns(TikHubAIWarning, match="before 3 answers 400"), pytest.raises(BadRequestError):
        llm.chat(HI, tools=[TOOL])
    body = server.requests[-1].json()
    assert named(body) == ["look_up", "search"]
    assert "toolConfig" not in body
