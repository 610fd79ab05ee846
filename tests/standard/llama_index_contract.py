"""What LlamaIndex expects of an LLM class, as tests. There is no such suite upstream.

An API is a column (`llama_index_columns`): subclass `LlamaIndexContract`, name the column, and all of it runs. Any
class can be put through it: `compare_llama_index_openai.py` does so with LlamaIndex's own OpenAI class.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from llama_index.core.base.llms.types import (
    ChatMessage,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.callbacks import CallbackManager, CBEventType, TokenCountingHandler
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.prompts import ChatPromptTemplate, PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from tests.standard.llama_index_columns import KEY, Call, Column, Said
from tests.standard.llama_index_probes import (
    Callbacks,
    ask,
    dispatched,
    each,
    gather,
    opened,
    question,
    text_of,
)

if TYPE_CHECKING:
    from tests.scripted_server import Answer, Request, ScriptedServer

PLAIN = ["chat", "achat", "complete", "acomplete"]
STREAMED = ["stream_chat", "astream_chat", "stream_complete", "astream_complete"]
ALL = PLAIN + STREAMED
CHAT = ["chat", "achat", "stream_chat", "astream_chat"]
STREAMED_CHAT = ["stream_chat", "astream_chat"]
STRUCTURED = ["structured_predict", "astructured_predict", "stream_structured_predict", "astream_structured_predict"]

TEXT = "The capital of the UK is London. 🎡"
WEATHER = Call("call_ZR5UUuTt3pf61kjwAJIYdVMj", "get_weather", '{"city": "Paris", "days": 2}')
TIME = Call("call_00_sODhJDBerk7sOtQQGoNi9027", "get_time", '{"zone": "CET"}')


class City(BaseModel):
    """A city."""

    name: str
    people: int
    rivers: list[str]


PARIS = City(name="Paris", people=2_100_000, rivers=["Seine"])


def get_weather(city: str, days: int = 1) -> str:
    """Weather of a city."""
    return f"Sunny in {city} for {days} days."


def get_time(zone: str) -> str:
    """Time in a zone."""
    return f"Noon in {zone}."


TOOLS = [FunctionTool.from_defaults(get_weather), FunctionTool.from_defaults(get_time)]


class LlamaIndexContract:
    """The contract. A subclass names its column."""

    column: ClassVar[Column]

    @pytest.fixture
    def gateway(self, server: ScriptedServer) -> ScriptedServer:
        self.server = server
        return server

    def says(self, *answers: Said) -> None:
        """The server gives these answers, one after the other and the last one again, in the form it is asked for."""

        def answer(request: Request) -> Answer:
            return self.column.answer(request, answers[min(len(self.server.requests), len(answers)) - 1])

        self.server.answer = answer

    def llm(self, **settings: Any) -> FunctionCallingLLM:
        return self.column.llm(self.server.url, **settings)

    # --- identity -----------------------------------------------------------------------------------------------

    def test_it_is_a_function_calling_llm(self, gateway: ScriptedServer) -> None:
        llm = self.llm()
        assert isinstance(llm, FunctionCallingLLM)
        assert llm.metadata.is_chat_model
        assert llm.metadata.is_function_calling_model
        assert llm.class_name() == type(llm).from_dict(llm.to_dict() | {"api_key": KEY}).class_name()

    def test_a_model_that_nobody_knows_is_called_all_the_same(self, gateway: ScriptedServer) -> None:
        self.says(Said(TEXT))
        llm = self.llm(model="house-blend-9b-preview")
        assert llm.metadata.model_name == "house-blend-9b-preview"
        assert llm.metadata.context_window > 0
        assert llm.chat(question()).message.content == TEXT

    def test_dumps_repr_and_payload_hold_no_key(self, gateway: ScriptedServer) -> None:
        llm = self.llm()
        for shown in (repr(llm), str(llm), json.dumps(llm.to_dict(), default=str), json.dumps(llm.to_payload())):
            assert KEY not in shown

    # --- text ---------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("endpoint", ALL)
    async def test_text(self, gateway: ScriptedServer, endpoint: str) -> None:
        self.says(Said(TEXT))
        responses = await ask(self.llm(), endpoint, question())
        assert text_of(responses[-1]) == TEXT
        assert len(gateway.requests) == 1
        sent = self.column.texts(gateway.requests[0])
        assert sent[-1] == ("user", "What is the capital of the UK?")
        assert ("system" in dict(sent)) == ("chat" in endpoint)

    @pytest.mark.parametrize("endpoint", STREAMED)
    async def test_deltas_are_new_and_text_is_cumulative(self, gateway: ScriptedServer, endpoint: str) -> None:
        self.says(Said(TEXT))
        responses = await ask(self.llm(), endpoint, question())
        so_far = ""
        for response in responses:
            so_far += response.delta or ""
            assert text_of(response) == so_far
        assert so_far == TEXT
        assert sum(bool(response.delta) for response in responses) > 3

    @pytest.mark.parametrize("said", [Said(TEXT), Said("Look:", calls=[WEATHER, TIME]), Said(calls=[WEATHER])])
    async def test_the_last_item_of_a_stream_is_the_plain_answer(self, gateway: ScriptedServer, said: Said) -> None:
        self.says(said)
        llm = self.llm()
        answers = [(await ask(llm, endpoint, question()))[-1] for endpoint in CHAT]
        for answer in answers[1:]:
            assert answer.message.model_dump() == answers[0].message.model_dump()
            assert answer.additional_kwargs == answers[0].additional_kwargs

    @pytest.mark.parametrize("endpoint", STREAMED_CHAT)
    async def test_items_already_given_do_not_change(self, gateway: ScriptedServer, endpoint: str) -> None:
        self.says(Said(TEXT, calls=[WEATHER]))
        result = getattr(self.llm(), endpoint)(question())
        stream = await result if inspect.isawaitable(result) else result
        seen, as_they_were = [], []
        async for item in each(stream):
            seen.append(item)
            as_they_were.append(item.model_dump_json())
        assert [item.model_dump_json() for item in seen] == as_they_were

    @pytest.mark.parametrize("endpoint", ALL)
    async def test_raw_is_json(self, gateway: ScriptedServer, endpoint: str) -> None:
        self.says(Said(TEXT, calls=[WEATHER]))
        raw = (await ask(self.llm(), endpoint, question()))[-1].raw
        value = raw.model_dump(mode="json") if isinstance(raw, BaseModel) else raw
        assert isinstance(value, dict)
        assert json.loads(json.dumps(value)) == value

    # --- usage --------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("endpoint", ALL)
    async def test_usage_is_the_wires(self, gateway: ScriptedServer, endpoint: str) -> None:
        self.says(Said(TEXT, prompt_tokens=1234, completion_tokens=567))
        counter = TokenCountingHandler(tokenizer=str.split)
        llm = self.llm(callback_manager=CallbackManager([counter]))
        last = (await ask(llm, endpoint, question()))[-1]
        assert (counter.prompt_llm_token_count, counter.completion_llm_token_count) == (1234, 567)
        kwargs = last.additional_kwargs
        assert (kwargs["prompt_tokens"], kwargs["completion_tokens"], kwargs["total_tokens"]) == (1234, 567, 1801)

    # --- tools --------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("endpoint", CHAT)
    async def test_a_tool_call_comes_with_the_text_before_it(self, gateway: ScriptedServer, endpoint: str) -> None:
        self.says(Said("Let me look.", calls=[WEATHER]))
        llm = self.llm()
        responses = await ask(llm, f"{endpoint}_with_tools", TOOLS, user_msg="What is the weather in Paris?")
        for response in responses:  # as agents do: at every item
            llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
        last = responses[-1]
        [call] = llm.get_tool_calls_from_response(last)
        assert (call.tool_id, call.tool_name, call.tool_kwargs) == (
            WEATHER.id,
            "get_weather",
            {"city": "Paris", "days": 2},
        )
        assert last.message.content == "Let me look."
        assert [block.tool_call_id for block in last.message.blocks if isinstance(block, ToolCallBlock)] == [WEATHER.id]
        assert self.column.tools(gateway.requests[0]) == ["get_weather", "get_time"]

    @pytest.mark.parametrize("endpoint", CHAT)
    async def test_parallel_tool_calls(self, gateway: ScriptedServer, endpoint: str) -> None:
        self.says(Said(calls=[WEATHER, TIME]))
        llm = self.llm()
        responses = await ask(
            llm, f"{endpoint}_with_tools", TOOLS, user_msg="Weather and time?", allow_parallel_tool_calls=True
        )
        calls = llm.get_tool_calls_from_response(responses[-1])
        assert [(call.tool_id, call.tool_name) for call in calls] == [
            (WEATHER.id, "get_weather"),
            (TIME.id, "get_time"),
        ]
        assert calls[1].tool_kwargs == {"zone": "CET"}

    @pytest.mark.parametrize("endpoint", ["chat", "achat"])
    async def test_only_one_call_is_left_where_parallel_ones_are_not_welcome(
        self, gateway: ScriptedServer, endpoint: str
    ) -> None:
        self.says(Said("Both.", calls=[WEATHER, TIME]), Said(TEXT))
        llm = self.llm()
        history = question()
        [response] = await ask(llm, f"{endpoint}_with_tools", TOOLS, chat_history=history)
        [call] = llm.get_tool_calls_from_response(response)
        result = ChatMessage(role="tool", content="Sunny.", additional_kwargs={"tool_call_id": call.tool_id})
        await ask(llm, f"{endpoint}_with_tools", TOOLS, chat_history=[*history, response.message, result])
        assert [sent.id for sent in self.column.replayed(gateway.requests[1]).calls] == [WEATHER.id]

    @pytest.mark.parametrize("endpoint", CHAT)
    async def test_a_call_and_its_result_go_back(self, gateway: ScriptedServer, endpoint: str) -> None:
        self.says(Said("Let me look.", calls=[WEATHER, TIME]), Said(TEXT))
        llm = self.llm()
        history = question()
        response = (
            await ask(llm, f"{endpoint}_with_tools", TOOLS, chat_history=history, allow_parallel_tool_calls=True)
        )[-1]
        results = [
            ChatMessage(role="tool", content=f"Result of {call.id}", additional_kwargs={"tool_call_id": call.id})
            for call in (WEATHER, TIME)
        ]
        last = (await ask(llm, f"{endpoint}_with_tools", TOOLS, chat_history=[*history, response.message, *results]))[
            -1
        ]
        assert last.message.content == TEXT
        replayed = self.column.replayed(gateway.requests[1])
        assert [(call.id, call.name, json.loads(call.arguments)) for call in replayed.calls] == [
            (call.id, call.name, json.loads(call.arguments)) for call in (WEATHER, TIME)
        ]
        assert replayed.text == "Let me look."
        assert self.column.tool_results(gateway.requests[1]) == {
            call.id: f"Result of {call.id}" for call in (WEATHER, TIME)
        }

    @pytest.mark.parametrize("endpoint", ["predict_and_call", "apredict_and_call"])
    async def test_predict_and_call(self, gateway: ScriptedServer, endpoint: str) -> None:
        self.says(Said(calls=[WEATHER]))
        [answer] = await ask(self.llm(), endpoint, TOOLS, user_msg="Weather?")
        assert str(answer) == get_weather("Paris", 2)

    def test_no_tool_call_raises_where_one_must_be(self, gateway: ScriptedServer) -> None:
        self.says(Said(TEXT))
        llm = self.llm()
        response = llm.chat_with_tools(TOOLS, user_msg="Hello")
        assert llm.get_tool_calls_from_response(response, error_on_no_tool_call=False) == []
        with pytest.raises(ValueError, match="tool"):
            llm.get_tool_calls_from_response(response)

    # --- structured output --------------------------------------------------------------------------------------

    def gives_paris(self) -> None:
        """The server answers with Paris: as text where a JSON schema is asked for, else as the offered tool's call."""

        def answer(request: Request) -> Answer:
            arguments = PARIS.model_dump_json()
            if self.column.as_schema(request):
                return self.column.answer(request, Said(arguments))
            [name] = self.column.tools(request)
            return self.column.answer(request, Said(calls=[Call("call_1", name, arguments)]))

        self.server.answer = answer

    @pytest.mark.parametrize("endpoint", STRUCTURED)
    async def test_structured_output(self, gateway: ScriptedServer, endpoint: str) -> None:
        self.gives_paris()
        llm = self.llm(system_prompt="You know cities.")
        with dispatched() as events:
            objects = await ask(llm, endpoint, City, PromptTemplate("Describe {city}."), city="Paris")
        assert objects[-1] == PARIS
        if "stream" in endpoint:
            assert len(objects) > 3
            assert any(getattr(item, "name", None) == "Paris" and item != PARIS for item in objects[:-1])
        sent = self.column.texts(gateway.requests[0])
        assert sent[0][1] == "You know cities."
        assert sent[-1] == ("user", "Describe Paris.")
        assert len(gateway.requests) == 1
        assert "LLMStructuredPredictEndEvent" in [event.class_name() for event in events]

    @pytest.mark.filterwarnings("ignore:The `json` method is deprecated")  # core's StructuredLLM calls it
    @pytest.mark.parametrize("endpoint", CHAT)
    async def test_a_structured_llm(self, gateway: ScriptedServer, endpoint: str) -> None:
        self.gives_paris()
        responses = await ask(self.llm().as_structured_llm(City), endpoint, question())
        assert responses[-1].raw == PARIS
        assert json.loads(responses[-1].message.content or "") == PARIS.model_dump()

    async def test_a_structured_call_takes_llm_kwargs(self, gateway: ScriptedServer) -> None:
        self.gives_paris()
        kwargs = {"max_tokens": 77, "tool_choice": None}
        prompt = ChatPromptTemplate(message_templates=question())
        assert self.llm().structured_predict(City, prompt, llm_kwargs=kwargs) == PARIS
        assert 77 in self.column.settings(gateway.requests[0]).values()
        assert kwargs == {"max_tokens": 77, "tool_choice": None}

    # --- errors -------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("endpoint", ALL)
    async def test_a_4xx_is_raised_at_once(self, gateway: ScriptedServer, endpoint: str) -> None:
        gateway.answers = [self.column.failure(400, "the parameter is wrong")]
        with pytest.raises(Exception, match="the parameter is wrong") as raised:
            await ask(self.llm(max_retries=2), endpoint, question())
        assert raised.value.status_code == 400  # type: ignore[attr-defined]  # ours and the SDKs' errors have it
        assert len(gateway.requests) == 1

    @pytest.mark.parametrize("endpoint", ALL)
    async def test_a_5xx_is_tried_again_as_often_as_said(self, gateway: ScriptedServer, endpoint: str) -> None:
        gateway.answers = [self.column.failure(500, "the upstream fell over")]
        with pytest.raises(Exception, match="the upstream fell over") as raised:
            await ask(self.llm(max_retries=2), endpoint, question())
        assert raised.value.status_code == 500  # type: ignore[attr-defined]  # as above
        assert len(gateway.requests) == 1 + self.column.retries

    @pytest.mark.parametrize("endpoint", ALL)
    async def test_a_5xx_that_passes_is_not_seen(self, gateway: ScriptedServer, endpoint: str) -> None:
        def answer(request: Request) -> Answer:
            if len(gateway.requests) == 1:
                return self.column.failure(503, "busy")
            return self.column.answer(request, Said(TEXT))

        gateway.answer = answer
        assert text_of((await ask(self.llm(max_retries=2), endpoint, question()))[-1]) == TEXT
        assert len(gateway.requests) == 2

    @pytest.mark.parametrize("endpoint", STREAMED)
    async def test_an_error_inside_a_stream_is_raised_after_what_came(
        self, gateway: ScriptedServer, endpoint: str
    ) -> None:
        gateway.answers = [self.column.failing_stream("The capital", "the upstream fell over")]
        got: list[str] = []
        with pytest.raises(Exception, match="the upstream fell over"):
            await gather(await opened(self.llm(max_retries=2), endpoint), got)
        assert "".join(got) == "The capital"
        assert len(gateway.requests) == 1

    @pytest.mark.parametrize("endpoint", STREAMED)
    async def test_a_stream_that_ends_without_its_finish_is_no_answer(
        self, gateway: ScriptedServer, endpoint: str
    ) -> None:
        whole = self.column.stream(Said(TEXT)).body
        cut = self.column.stream(Said(TEXT))
        cut.body = whole[: len(whole) // 2]
        gateway.answers = [cut]
        with pytest.raises(Exception, match=r"(?i)cut|incomplete|finish"):
            await ask(self.llm(), endpoint, question())

    # --- early close --------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("endpoint", STREAMED)
    async def test_closing_a_stream_early_closes_the_connection(self, gateway: ScriptedServer, endpoint: str) -> None:
        long = self.column.stream(Said("word " * 2_000))
        long.is_endless = True
        gateway.answers = [long]
        llm = self.llm()
        stream = await opened(llm, endpoint)
        async for item in each(stream):
            assert item.delta is not None
            break
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()
            for _ in range(6000):
                if gateway.closed_early.is_set():
                    break
                await asyncio.sleep(0.01)
        else:
            stream.close()
        assert gateway.closed_early.wait(60)
        self.says(Said(TEXT))
        assert text_of((await ask(llm, endpoint, question()))[-1]) == TEXT

    # --- manners ------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("endpoint", CHAT)
    async def test_the_callers_messages_are_not_touched(self, gateway: ScriptedServer, endpoint: str) -> None:
        self.says(Said(TEXT, calls=[WEATHER]))
        history = [
            *question(),
            ChatMessage(
                role="assistant",
                blocks=[
                    TextBlock(text="Let me look."),
                    ToolCallBlock(tool_call_id="c1", tool_name="get_weather", tool_kwargs={"city": "Paris"}),
                ],
            ),
            ChatMessage(role="tool", content="Sunny.", additional_kwargs={"tool_call_id": "c1"}),
        ]
        before = copy.deepcopy(history)
        llm = self.llm()
        await ask(llm, endpoint, history)
        await ask(llm, f"{endpoint}_with_tools", TOOLS, user_msg="And tomorrow?", chat_history=history)
        assert history == before
        assert self.column.texts(gateway.requests[1])[-1] == ("user", "And tomorrow?")

    @pytest.mark.parametrize("endpoint", ALL)
    async def test_events_come_once_and_in_order(self, gateway: ScriptedServer, endpoint: str) -> None:
        self.says(Said(TEXT))
        callbacks = Callbacks()
        llm = self.llm(callback_manager=CallbackManager([callbacks]))
        with dispatched() as events:
            responses = await ask(llm, endpoint, question())
        kind = "LLMChat" if "chat" in endpoint else "LLMCompletion"
        names = [event.class_name() for event in events if event.class_name().startswith("LLM")]
        progress = [f"{kind}InProgressEvent"] * (len(responses) if "stream" in endpoint else 0)
        assert names == [f"{kind}StartEvent", *progress, f"{kind}EndEvent"]
        assert [(phase, event) for phase, event, _ in callbacks.calls] == [
            ("start", CBEventType.LLM),
            ("end", CBEventType.LLM),
        ]
        ends = [event for event in events if event.class_name() == f"{kind}EndEvent"]
        assert text_of(ends[0].response) == TEXT
        shown = repr([event.model_dump() for event in events]) + repr(callbacks.calls)
        assert KEY not in shown

    @pytest.mark.parametrize("endpoint", ["predict", "apredict"])
    async def test_the_system_prompt_is_said_in_predict(self, gateway: ScriptedServer, endpoint: str) -> None:
        self.says(Said(TEXT))
        [text] = await ask(
            self.llm(system_prompt="Be brief."), endpoint, PromptTemplate("Capital of {land}?"), land="UK"
        )
        assert text == TEXT
        assert [text for _, text in self.column.texts(gateway.requests[0])] == ["Be brief.", "Capital of UK?"]

    async def test_a_rate_limiter_is_asked_before_each_call(self, gateway: ScriptedServer) -> None:
        class Limiter:
            asked: ClassVar[list[str]] = []

            def acquire(self, num_tokens: int = 0) -> None:
                self.asked.append("sync")

            async def async_acquire(self, num_tokens: int = 0) -> None:
                self.asked.append("async")

        if "rate_limiter" not in FunctionCallingLLM.model_fields:
            pytest.skip("this version of llama-index-core knows no rate limiters")
        self.says(Said(TEXT))
        llm = self.llm(rate_limiter=Limiter())
        for endpoint in CHAT:
            await ask(llm, endpoint, question())
        assert Limiter.asked == ["sync", "async", "sync", "async"]

    @pytest.mark.parametrize("role", [MessageRole.CHATBOT, MessageRole.MODEL, MessageRole.ASSISTANT])
    def test_every_role_of_an_answer_is_the_assistants(self, gateway: ScriptedServer, role: MessageRole) -> None:
        self.says(Said(TEXT))
        self.llm().chat([*question(), ChatMessage(role=role, content="Before."), *question("And now?")[1:]])
        assert ("assistant", "Before.") in self.column.texts(gateway.requests[0])


class ReasoningContract(LlamaIndexContract):
    """The contract of a wire that carries reasoning, and wants it back while tools are called."""

    @pytest.mark.parametrize("endpoint", CHAT)
    async def test_reasoning_with_tools_over_two_turns(self, gateway: ScriptedServer, endpoint: str) -> None:
        self.says(
            Said("", "I must look it up.", [WEATHER]),
            Said(TEXT, "So it is sunny."),
        )
        llm = self.llm()
        responses = await ask(llm, f"{endpoint}_with_tools", TOOLS, chat_history=question())
        if "stream" in endpoint:
            thought = "".join(response.additional_kwargs.get("thinking_delta") or "" for response in responses)
            assert thought == "I must look it up."
        message = responses[-1].message
        assert [block.content for block in message.blocks if isinstance(block, ThinkingBlock)] == ["I must look it up."]
        message = ChatMessage.model_validate_json(message.model_dump_json())  # as a stored memory gives it back
        result = ChatMessage(role="tool", content="Sunny.", additional_kwargs={"tool_call_id": WEATHER.id})
        last = (await ask(llm, f"{endpoint}_with_tools", TOOLS, chat_history=[*question(), message, result]))[-1]
        assert self.column.replayed(gateway.requests[1]).reasoning == "I must look it up."
        assert last.message.content == TEXT
        assert "So it is sunny." in [b.content for b in last.message.blocks if isinstance(b, ThinkingBlock)]
