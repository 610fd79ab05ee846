"""Agents end to end over a scripted gateway, and tools and structured answers beyond the contract."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.agent.workflow import AgentOutput, AgentStream, AgentWorkflow, FunctionAgent, ReActAgent
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.program import FunctionCallingProgram
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel, ValidationError

from llama_index_tikhub import TikHub
from tests.standard.llama_index_columns import Call, ChatCompletionsColumn, DeepSeekColumn, Said
from tikhub_ai import strict_schema

if TYPE_CHECKING:
    from tests.scripted_server import Answer, Request, ScriptedServer

COLUMN = DeepSeekColumn()


def get_weather(city: str) -> str:
    """Weather of a city."""
    return f"Sunny in {city}."


def scripted(server: ScriptedServer, *said: Said, column: ChatCompletionsColumn = COLUMN) -> None:
    def answer(request: Request) -> Answer:
        return column.answer(request, said[min(len(server.requests), len(said)) - 1])

    server.answer = answer


def llm_at(server: ScriptedServer, **settings: Any) -> TikHub:
    return TikHub(**{"model": "deepseek-reasoner", "api_key": "sk-test", "base_url": server.url} | settings)


TWO_CITIES = [
    Said(
        "I ask for both.",
        "Two cities, two calls.",
        [Call("c1", "get_weather", '{"city": "Paris"}'), Call("c2", "get_weather", '{"city": "Lyon"}')],
    ),
    Said("Sunny in both.", "Now I know."),
]


async def test_a_function_agent_calls_tools_in_parallel_and_thinks_aloud(server: ScriptedServer) -> None:
    scripted(server, *TWO_CITIES)
    agent = FunctionAgent(tools=[get_weather], llm=llm_at(server), system_prompt="Help.")
    handler = agent.run("Weather in Paris and Lyon?")
    events = [event async for event in handler.stream_events()]
    output: AgentOutput = await handler
    assert output.response.content == "Sunny in both."
    assert {call.tool_kwargs["city"] for call in output.tool_calls} == {"Paris", "Lyon"}
    second = server.requests[1]
    replayed = COLUMN.replayed(second)
    assert replayed.reasoning == "Two cities, two calls."
    assert [call.id for call in replayed.calls] == ["c1", "c2"]
    assert COLUMN.tool_results(second) == {"c1": "Sunny in Paris.", "c2": "Sunny in Lyon."}
    streamed = [event for event in events if isinstance(event, AgentStream)]
    assert "".join(event.thinking_delta or "" for event in streamed) == "Two cities, two calls.Now I know."
    assert "".join(event.delta for event in streamed) == "I ask for both.Sunny in both."


async def test_a_function_agent_works_without_streaming(server: ScriptedServer) -> None:
    scripted(server, Said(calls=[Call("c1", "get_weather", '{"city": "Paris"}')]), Said("Sunny."))
    output: AgentOutput = await FunctionAgent(tools=[get_weather], llm=llm_at(server), streaming=False).run(
        "Weather in Paris?"
    )
    assert output.response.content == "Sunny."
    assert not any(request.json().get("stream") for request in server.requests)


async def test_a_workflow_of_agents_hands_off(server: ScriptedServer) -> None:
    scripted(
        server,
        Said(calls=[Call("h1", "handoff", '{"to_agent": "weather", "reason": "knows it"}')]),
        Said(calls=[Call("c1", "get_weather", '{"city": "Paris"}')]),
        Said("Sunny."),
    )
    llm = llm_at(server)
    front = FunctionAgent(name="front", description="Greets.", tools=[], llm=llm, can_handoff_to=["weather"])
    weather = FunctionAgent(name="weather", description="Knows weather.", tools=[get_weather], llm=llm)
    output: AgentOutput = await AgentWorkflow(agents=[front, weather], root_agent="front").run("Weather in Paris?")
    assert (output.response.content, output.current_agent_name) == ("Sunny.", "weather")
    assert "handoff" in COLUMN.tools(server.requests[0])


async def test_the_workflow_chooses_a_function_agent_for_any_model(server: ScriptedServer) -> None:
    workflow = AgentWorkflow.from_tools_or_functions([get_weather], llm=llm_at(server, model="house-blend"))
    assert isinstance(workflow.agents["Agent"], FunctionAgent)
    other = AgentWorkflow.from_tools_or_functions([get_weather], llm=llm_at(server, is_function_calling_model=False))
    assert isinstance(other.agents["Agent"], ReActAgent)


async def test_an_answer_survives_a_stored_memory(server: ScriptedServer) -> None:
    scripted(server, *TWO_CITIES, Said("As I said."))
    agent = FunctionAgent(tools=[get_weather], llm=llm_at(server))
    memory = ChatMemoryBuffer.from_defaults(token_limit=10_000, tokenizer_fn=str.split)
    await agent.run("Weather?", memory=memory)
    stored = [message.model_dump_json() for message in memory.get_all()]
    history = [ChatMessage.model_validate_json(text) for text in stored]
    again = ChatMemoryBuffer.from_defaults(history, token_limit=10_000, tokenizer_fn=str.split)
    output: AgentOutput = await agent.run("And again?", memory=again)
    assert output.response.content == "As I said."
    messages = server.requests[2].json()["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool", "assistant", "user"]
    assert messages[1]["reasoning_content"] == "Two cities, two calls."
    assert messages[1]["tool_calls"][0]["function"]["arguments"] == '{"city": "Paris"}'


# --- tools ------------------------------------------------------------------------------------------------------------

TOOL = FunctionTool.from_defaults(get_weather)


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({}, None),
        ({"tool_required": True}, "required"),
        ({"tool_required": True, "tool_choice": None}, "required"),
        ({"tool_required": True, "tool_choice": "auto"}, "auto"),
        ({"tool_choice": "none"}, "none"),
        ({"tool_choice": "any"}, "required"),
        ({"tool_choice": "get_weather"}, {"type": "function", "function": {"name": "get_weather"}}),
        (
            {"tool_choice": {"type": "function", "function": {"name": "get_weather"}}},
            {"type": "function", "function": {"name": "get_weather"}},
        ),
        (
            {"tool_choice": {"type": "function", "name": "get_weather"}},
            {"type": "function", "function": {"name": "get_weather"}},
        ),
        (
            {"tool_choice": {"type": "tool", "name": "get_weather"}},
            {"type": "function", "function": {"name": "get_weather"}},
        ),
    ],
)
def test_tool_choice_in_every_form(server: ScriptedServer, asked: dict[str, Any], sent: Any) -> None:
    scripted(server, Said("Hi"), column=ChatCompletionsColumn())
    llm_at(server, model="gpt-4o", api="chat_completions").chat_with_tools([TOOL], user_msg="Hello", **asked)
    body = server.requests[0].json()
    assert body.get("tool_choice") == sent
    assert body["parallel_tool_calls"] is False


def test_a_model_that_cannot_be_forced_is_asked(server: ScriptedServer) -> None:
    scripted(server, Said("Hi"))
    llm_at(server).chat_with_tools([TOOL], user_msg="Hello", tool_required=True)
    assert server.requests[0].json()["tool_choice"] == "auto"


def test_no_tools_say_nothing_of_tools(server: ScriptedServer) -> None:
    scripted(server, Said("Hi"))
    llm_at(server).chat_with_tools([], user_msg=ChatMessage(role="user", content="Hello"), tool_required=True)
    assert server.requests[0].json().keys() == {"model", "messages"}


def test_tools_may_be_given_to_chat_in_any_form(server: ScriptedServer) -> None:
    scripted(server, Said("Hi"))
    openai_tool = TOOL.metadata.to_openai_tool()
    flat = {"type": "function", **openai_tool["function"]}
    llm_at(server).chat([ChatMessage(role="user", content="Hello")], tools=[TOOL, openai_tool, flat])
    tools = server.requests[0].json()["tools"]
    assert tools[0] == tools[1] == tools[2]


def test_strict_tools_are_closed_where_they_can_be(server: ScriptedServer) -> None:
    def log(entries: dict[str, Any]) -> str:
        """Write."""
        return ""

    scripted(server, Said("Hi"), column=ChatCompletionsColumn())
    tools = [TOOL, FunctionTool.from_defaults(log)]
    llm_at(server, model="gpt-4o", api="chat_completions", strict=True).chat_with_tools(tools, user_msg="Hello")
    closed, free = (tool["function"] for tool in server.requests[0].json()["tools"])
    assert (closed["strict"], closed["parameters"]["additionalProperties"]) == (True, False)
    assert free["strict"] is False


def test_arguments_that_are_cut_are_not_guessed_at(server: ScriptedServer) -> None:
    scripted(server, Said(calls=[Call("c1", "delete", '{"path": "/ho')]))
    llm = llm_at(server)
    response = llm.chat([ChatMessage(role="user", content="Delete it.")])
    with pytest.warns(UserWarning, match="'delete' are no JSON object"):
        [call] = llm.get_tool_calls_from_response(response)
    assert call.tool_kwargs == {}
    growing = list(llm.stream_chat([ChatMessage(role="user", content="Delete it.")]))[-2]
    assert llm.get_tool_calls_from_response(growing)[0].tool_kwargs == {"path": "/ho"}


def test_calls_of_other_classes_are_read_too(server: ScriptedServer) -> None:
    from llama_index.core.base.llms.types import ChatResponse

    llm = llm_at(server)
    old = {"tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": '{"a": 1}'}}]}
    for message in (
        ChatMessage(role="assistant", additional_kwargs=old),
        ChatMessage(role="assistant", blocks=[ToolCallBlock(tool_call_id="c1", tool_name="f", tool_kwargs={"a": 1})]),
    ):
        [call] = llm.get_tool_calls_from_response(ChatResponse(message=message))
        assert (call.tool_id, call.tool_name, call.tool_kwargs) == ("c1", "f", {"a": 1})


# --- structured answers -----------------------------------------------------------------------------------------------


class Song(BaseModel):
    """A song."""

    title: str
    seconds: int


SONG = '{"title": "La mer", "seconds": 234}'
PROMPT = PromptTemplate("A song about {thing}.")


def test_a_model_that_holds_to_schemas_is_given_one(server: ScriptedServer) -> None:
    scripted(server, Said(SONG), column=ChatCompletionsColumn())
    assert (
        llm_at(server, model="gpt-4o", api="chat_completions").structured_predict(Song, PROMPT, thing="the sea").seconds
        == 234
    )
    wanted = server.requests[0].json()["response_format"]["json_schema"]
    assert (wanted["name"], wanted["strict"], wanted["description"]) == ("Song", True, "A song.")
    assert wanted["schema"]["additionalProperties"] is False
    assert "tools" not in server.requests[0].json()


@pytest.mark.parametrize(
    ("settings", "choice"),
    [
        ({"model": "deepseek-chat"}, "required"),
        ({"model": "deepseek-reasoner"}, "auto"),
        ({"model": "gpt-4o", "api": "chat_completions", "should_use_structured_outputs": False}, "required"),
        (
            {"model": "gpt-4o", "api": "chat_completions", "pydantic_program_mode": PydanticProgramMode.FUNCTION},
            "required",
        ),
    ],
)
def test_any_other_is_given_a_tool(server: ScriptedServer, settings: dict[str, Any], choice: str) -> None:
    scripted(server, Said(calls=[Call("c1", "Song", SONG)]))
    assert llm_at(server, **settings).structured_predict(Song, PROMPT, thing="the sea").title == "La mer"
    assert server.requests[0].json()["tool_choice"] == choice


@pytest.mark.parametrize("text", [SONG, f"```json\n{SONG}\n```", f"Here it is: {SONG} Enjoy [it]!"])
async def test_a_model_that_answers_in_text_all_the_same_is_read(server: ScriptedServer, text: str) -> None:
    scripted(server, Said(text))
    llm = llm_at(server)
    assert llm.structured_predict(Song, PROMPT, thing="the sea").title == "La mer"
    items = [item async for item in await llm.astream_structured_predict(Song, PROMPT, thing="the sea")]
    assert items[-1] == Song(title="La mer", seconds=234)


def test_a_model_without_tools_goes_through_cores_text_program(server: ScriptedServer) -> None:
    scripted(server, Said(SONG))
    llm = llm_at(server, model="house-blend", is_function_calling_model=False)
    assert llm.structured_predict(Song, PROMPT, thing="the sea").title == "La mer"
    assert server.requests[0].json().keys() == {"model", "messages"}


@pytest.mark.parametrize("endpoint", ["structured_predict", "stream_structured_predict"])
@pytest.mark.parametrize(
    ("said", "error", "match"),
    [
        (Said("I would rather not."), ValueError, "gave no object"),
        (Said('{"title": "La mer"}'), ValidationError, "seconds"),
    ],
)
def test_an_answer_that_is_no_such_object_raises(
    server: ScriptedServer, endpoint: str, said: Said, error: type[Exception], match: str
) -> None:
    scripted(server, said)
    with pytest.raises(error, match=match):
        _ = [*[getattr(llm_at(server), endpoint)(Song, PROMPT, thing="x")][0]]


async def test_cores_own_function_program_works(server: ScriptedServer) -> None:
    scripted(server, Said(calls=[Call("c1", "Song", SONG)]))
    program = FunctionCallingProgram.from_defaults(Song, "A song.", llm=llm_at(server, model="deepseek-chat"))
    assert program() == await program.acall() == Song(title="La mer", seconds=234)
    items = list(program.stream_call())
    assert items[-1] == Song(title="La mer", seconds=234)
    assert any(getattr(item, "title", None) == "La m" for item in items)
    assert server.requests[0].json()["tool_choice"] == "required"


# --- strict schemas ---------------------------------------------------------------------------------------------------


def test_a_strict_schema_is_closed_all_the_way_down() -> None:
    class Part(BaseModel):
        length: float = 1.0

    class Whole(BaseModel):
        part: Part
        parts: list[Part]
        either: int | str | None = None
        first: Part | None = None

    schema = strict_schema(Whole.model_json_schema())
    assert schema is not None
    assert schema["required"] == ["part", "parts", "either", "first"]
    assert schema["$defs"]["Part"] == {
        "type": "object",
        "title": "Part",
        "properties": {"length": {"title": "Length", "type": "number"}},
        "required": ["length"],
        "additionalProperties": False,
    }
    assert "default" not in json.dumps(schema)


@pytest.mark.parametrize("kind", [dict[str, int], Any, tuple[int, str], dict, list])
def test_what_strict_mode_has_no_words_for_is_not_strict(kind: Any) -> None:
    from pydantic import create_model

    model = create_model("Free", value=(kind, ...))
    assert strict_schema(model.model_json_schema()) is None
