"""LlamaIndex users' work."""

from __future__ import annotations

from llama_index.core import Document, VectorStoreIndex
from llama_index.core.agent.workflow import AgentOutput, FunctionAgent, ToolCallResult
from llama_index.core.llms import ChatMessage, ChatResponse
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from llama_index_tikhub import TikHub, TikHubEmbedding
from tests.scenarios import Connection, get_weather, scenario
from tests.scenarios.thinking import OSLO, THINKING, check_turn, sent_by

QUESTION = "What is the weather in Paris?"
# Described as cassettes hold it: some versions of llama-index-core leave the docstring's arguments out.
WEATHER = FunctionTool.from_defaults(
    get_weather, description=f"get_weather(city: 'str') -> 'str'\n{(get_weather.__doc__ or '').strip()}"
)
HELLO = [ChatMessage(role="user", content="Say hello.")]


def model_of(at: Connection, **more: object) -> TikHub:
    return TikHub(**at.chat_settings(**{"max_tokens": 48} | more))


def check_answer(response: ChatResponse) -> None:
    assert response.message.content
    assert isinstance(response.raw, dict)
    assert response.raw["usage"]["completion_tokens"] > 0
    assert response.additional_kwargs["prompt_tokens"] > 0


def check_stream(at: Connection, responses: list[ChatResponse]) -> None:
    assert len(responses) > 2
    assert "".join(response.delta or "" for response in responses) == responses[-1].message.content
    if at.counts_streams:
        check_answer(responses[-1])


@scenario()
def chat(at: Connection) -> None:
    check_answer(model_of(at).chat(HELLO))


@scenario()
async def achat(at: Connection) -> None:
    check_answer(await model_of(at).achat(HELLO))


@scenario()
def stream_chat(at: Connection) -> None:
    check_stream(at, list(model_of(at).stream_chat(HELLO)))


@scenario()
async def astream_chat(at: Connection) -> None:
    check_stream(at, [response async for response in await model_of(at).astream_chat(HELLO)])


@scenario()
async def complete_in_all_four_ways(at: Connection) -> None:
    model = model_of(at)
    text = model.complete("Say hello.").text
    assert text
    assert (await model.acomplete("Say hello.")).text == text
    assert list(model.stream_complete("Say hello."))[-1].text == text
    assert [response async for response in await model.astream_complete("Say hello.")][-1].text == text


@scenario()
def tool_call(at: Connection) -> None:
    model = model_of(at)
    response = model.chat_with_tools([WEATHER], user_msg=QUESTION)
    calls = model.get_tool_calls_from_response(response)
    assert [(call.tool_name, call.tool_kwargs) for call in calls] == [("get_weather", {"city": "Paris"})]


@scenario()
def structured_predict(at: Connection) -> None:
    class Colour(BaseModel):
        """A colour."""

        name: str

    found = model_of(at).structured_predict(Colour, PromptTemplate("Name a {what}."), what="colour")
    assert isinstance(found, Colour)


@scenario()
async def function_agent(at: Connection) -> None:
    agent = FunctionAgent(tools=[WEATHER], llm=model_of(at))
    output: AgentOutput = await agent.run(QUESTION, max_iterations=6)
    assert [(call.tool_name, call.tool_kwargs) for call in output.tool_calls] == [("get_weather", {"city": "Paris"})]
    (call,) = output.tool_calls
    assert isinstance(call, ToolCallResult)
    assert call.tool_output.content == get_weather("Paris")
    assert output.response.role == "assistant"


@scenario(scripted=True, thinks=True)
def reasoning(at: Connection) -> None:
    responses = list(model_of(at).stream_chat([ChatMessage(role="user", content="hello")]))
    thought = "".join(response.additional_kwargs.get("thinking_delta") or "" for response in responses)
    assert thought
    kinds = [block.block_type for block in responses[-1].message.blocks]
    assert kinds == ["thinking", "text"]
    plain = model_of(at).chat([ChatMessage(role="user", content="hello")])
    assert plain.message.content == responses[-1].message.content


@scenario(scripted=True, thinks=True, on=THINKING)
def thoughts_go_back_as_they_came(at: Connection) -> None:
    with sent_by() as (client, bodies):
        model = model_of(at, temperature=None, max_tokens=2048, http_client=client, **THINKING[at.api])
        tools = [WEATHER]
        asked = ChatMessage(role="user", content=OSLO)
        for response in (
            model.chat_with_tools(tools, chat_history=[asked]),
            list(model.stream_chat_with_tools(tools, chat_history=[asked]))[-1],
        ):
            [call] = model.get_tool_calls_from_response(response)
            result = ChatMessage(
                role="tool", content=get_weather("Oslo"), additional_kwargs={"tool_call_id": call.tool_id}
            )
            assert model.chat_with_tools(tools, chat_history=[asked, response.message, result]).message.content
            check_turn(at.api, bodies[-1])


@scenario(on=["embeddings"])
def index_and_retrieve(at: Connection) -> None:
    documents = [Document(text="The cat sleeps on the mat."), Document(text="The invoice is due on Monday.")]
    index = VectorStoreIndex.from_documents(documents, embed_model=TikHubEmbedding(**at.settings()))
    found = index.as_retriever(similarity_top_k=1).retrieve("When must I pay?")
    assert "invoice" in found[0].text


@scenario(on=["embeddings"])
async def embeddings_async(at: Connection) -> None:
    model = TikHubEmbedding(**at.settings(embed_batch_size=1))
    vectors = await model.aget_text_embedding_batch(["a cat", "a dog", "a fish"])
    assert [len(vector) for vector in vectors] == [at.dimensions] * 3
