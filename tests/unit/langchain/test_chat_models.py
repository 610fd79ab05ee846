"""ChatTikHub as LangChain's users know a chat model: arguments, identity, errors, tokens."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.exceptions import ModelError, ModelRateLimitError
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.runnables import ConfigurableField
from langchain_core.tools import tool

import langchain_tikhub
import tikhub_ai
from langchain_tikhub import ChatTikHub, ConfigurationError
from tests.unit.langchain.support import TEXT, ScriptedChat, reply_of
from tikhub_ai import ChatRequest, Message, Text, TikHubAIWarning, Tool, ToolChoice


def test_arguments_reach_the_request() -> None:
    values: dict[str, Any] = {
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 5,
        "max_tokens": 10,
        "seed": 1,
        "n": 1,
        "logprobs": True,
        "top_logprobs": 2,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "logit_bias": {"5": 1.0},
        "user": "u",
        "modalities": ["text"],
        "audio": {"voice": "alloy", "format": "wav"},
        "parallel_tool_calls": False,
        "reasoning_effort": "low",
        "thinking": {"type": "disabled"},
        "thinking_budget": 7,
        "reasoning": {"effort": "low"},
        "extra_body": {"a": 1},
        "stream_usage": False,
    }
    llm = ScriptedChat(**values, stop="END", request_metadata={"k": "v"}, model_kwargs={"b": 2})
    llm.invoke("hi")
    wanted = ChatRequest(
        model="claude-sonnet-4-5",
        messages=[Message("user", [Text("hi")])],
        stop=["END"],
        metadata={"k": "v"},
        **{**values, "extra_body": {"a": 1, "b": 2}},
    )
    assert llm.request == wanted


def test_nothing_is_sent_that_nobody_said() -> None:
    llm = ScriptedChat()
    llm.invoke("hi")
    assert llm.request == ChatRequest(model="claude-sonnet-4-5", messages=[Message("user", [Text("hi")])])


@pytest.mark.parametrize(
    ("alias", "name", "value"),
    [
        ("model_name", "model", "m"),
        ("max_output_tokens", "max_tokens", 3),
        ("max_completion_tokens", "max_tokens", 3),
        ("stop_sequences", "stop", ["a"]),
        ("request_timeout", "timeout", 3.0),
        ("openai_api_base", "base_url", "https://x.test/v1"),
        ("tikhub_api_base", "base_url", "https://x.test"),
    ],
)
def test_other_classes_names_work(alias: str, name: str, value: Any) -> None:
    assert getattr(ChatTikHub(**{"model": "m", alias: value} if name != "model" else {alias: value}), name) == value


@pytest.mark.parametrize("name", ["api_key", "tikhub_api_key", "openai_api_key", "anthropic_api_key"])
def test_any_classs_key_is_the_key(name: str) -> None:
    llm = ChatTikHub(model="m", **{name: "sk-1"})
    assert llm._chat_client().settings.key() == "sk-1"
    assert llm.model_kwargs == {}


def test_unknown_arguments_go_to_the_wire_with_a_warning() -> None:
    with pytest.warns(TikHubAIWarning, match="'enable_search' is no argument"):
        llm = ScriptedChat(enable_search=True)
    llm.invoke("hi")
    assert llm.request.extra_body == {"enable_search": True}
    assert ScriptedChat(verbosity="low").model_kwargs == {"verbosity": "low"}  # a native one, so nobody is warned
    with pytest.warns(TikHubAIWarning, match="'temperature' is an argument of its own"):
        llm = ScriptedChat(model_kwargs={"temperature": 0.3})
    assert llm.temperature == 0.3


def test_arguments_of_a_call_win() -> None:
    llm = ScriptedChat(temperature=0, stop=["a"], max_tokens=1, request_metadata={"a": 1}, extra_body={"x": 1, "y": 1})
    llm.invoke(
        "hi",
        model="gpt-4o",
        temperature=0.7,
        stop=["b"],
        max_completion_tokens=9,
        request_metadata={"b": 2},
        extra_body={"y": 2},
        extra_headers={"X-A": "1"},
        stream_options={"include_usage": False},
        n=2,
        verbosity="low",
        response_format={"type": "json_object"},
    )
    request = llm.request
    assert (request.model, request.temperature, request.stop, request.max_tokens) == ("gpt-4o", 0.7, ["b"], 9)
    assert (request.metadata, request.n, request.stream_usage) == ({"b": 2}, 2, False)
    assert request.extra_body == {"x": 1, "y": 2}
    assert request.native == {"verbosity": "low"}
    assert request.extra_headers == {"X-A": "1"}
    assert request.response_format is not None
    assert request.response_format.type == "json_object"
    llm.invoke("hi", temperature=None)
    assert llm.request.temperature is None


@pytest.mark.parametrize(
    "name", ["base_url", "openai_api_base", "max_retries", "http_client", "proxy", "verify", "api", "cache"]
)
def test_what_only_the_constructor_takes_is_refused_with_a_call_and_never_sent(name: str) -> None:
    given: dict[str, Any] = {name: "secret"}
    with pytest.raises(ConfigurationError, match="cannot be given with a call"):
        ScriptedChat().invoke("hi", **given)


def test_a_subclass_sees_and_alters_every_request() -> None:
    class Polite(ScriptedChat):
        def _get_request_payload(self, input_: Any, *, stop: list[str] | None = None, **kwargs: Any) -> ChatRequest:
            request = super()._get_request_payload(input_, stop=stop, **kwargs)
            request.messages.insert(0, Message("system", [Text("Be polite.")]))
            return request

    llm = Polite(model="m")
    llm.invoke("hi")
    list(llm.stream("hi"))
    assert [request.messages[0].role for request in llm._script.requests] == ["system", "system"]
    assert ScriptedChat()._get_request_payload("hi").messages == [Message("user", [Text("hi")])]


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "no scheme"},
        {"base_url": "https://u:p@x.test"},
        {"api_key": 5},
        {"http_backend": "httpx", "base_url": "ftp://x"},
    ],
)
def test_a_setting_that_cannot_work_shows_at_construction(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"base_url|api_key"):
        ChatTikHub(model="m", **wrong)


def test_a_missing_key_shows_at_the_first_call_and_says_what_to_do() -> None:
    llm = ChatTikHub(model="gpt-4o")
    with pytest.raises(langchain_tikhub.MissingKeyError, match="TIKHUB_AI_API_KEY"):
        llm.invoke("hi")
    with pytest.raises(langchain_tikhub.MissingKeyError):
        next(iter(llm.stream("hi")))
    with pytest.raises(langchain_tikhub.MissingKeyError):
        asyncio.run(llm.ainvoke("hi"))


def test_an_api_that_is_not_known_says_which_are() -> None:
    with pytest.raises((ConfigurationError, ValueError), match="'generate_content'"):
        ChatTikHub(model="m", api_key="sk-1", api="telepathy")


# --- over real bytes ------------------------------------------------------------------------------------------------


def over(handler: Any, **kwargs: Any) -> ChatTikHub:
    """A model whose requests a function answers, on the real transport and codec."""
    transport = httpx.MockTransport(handler)
    given = {
        "model": "gpt-4o",
        "api": "chat_completions",
        "api_key": "sk-1",
        "base_url": "http://gateway.test",
        "max_retries": 0,
        **kwargs,
    }
    return ChatTikHub(
        http_client=httpx.Client(transport=transport), http_async_client=httpx.AsyncClient(transport=transport), **given
    )


def answered(text: str = "hello") -> httpx.Response:
    message = {"role": "assistant", "content": text}
    return httpx.Response(200, json={"id": "c1", "model": "gpt-4o", "choices": [{"index": 0, "message": message}]})


def test_changed_settings_are_used_by_the_next_call_and_copies_have_their_own() -> None:
    hosts: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        return answered()

    llm = over(handler)
    llm.invoke("hi")
    copied = llm.model_copy(update={"base_url": "http://copy.test"})
    copied.invoke("hi")
    llm.invoke("hi")
    llm.base_url = "http://changed.test"
    llm.invoke("hi")
    configurable = llm.configurable_fields(base_url=ConfigurableField(id="url"))
    configurable.with_config(configurable={"url": "http://configured.test"}).invoke("hi")
    assert hosts == ["gateway.test", "copy.test", "gateway.test", "changed.test", "configured.test"]


def test_a_timeout_may_be_given_with_a_call_and_is_not_sent() -> None:
    seen: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append((request.extensions["timeout"]["read"], json.loads(request.content)))
        return answered()

    llm = over(handler, timeout=50)
    llm.invoke("hi", timeout=3)
    llm.invoke("hi")
    assert [timeout for timeout, _ in seen] == [3, 50]
    assert all(body.keys() == {"model", "messages"} for _, body in seen)


def test_configurable_fields_do_not_switch_streaming_off() -> None:
    llm = ScriptedChat(TEXT)
    rebuilt = ChatTikHub(**{name: getattr(llm, name) for name in ChatTikHub.model_fields})
    assert not rebuilt._streaming_disabled()


def test_errors_are_langchains_and_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"error": {"message": "slow down", "type": "rate_limit_error", "code": "rate_limit_exceeded"}}
    headers = {"x-request-id": "r-7", "retry-after": "2"}
    llm = over(lambda _: httpx.Response(429, json=body, headers=headers))
    seen: list[Any] = []

    class Errors(BaseCallbackHandler):
        def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
            seen.append(kwargs["response"].generations[0][0].message.response_metadata)

    calls: list[Any] = [
        lambda: llm.invoke("hi", config={"callbacks": [Errors()]}),
        lambda: list(llm.stream("hi", config={"callbacks": [Errors()]})),
        lambda: asyncio.run(llm.ainvoke("hi", config={"callbacks": [Errors()]})),
    ]
    for call in calls:
        with pytest.raises(langchain_tikhub.RateLimitError, match="slow down") as caught:
            call()
        error = caught.value
        assert isinstance(error, (tikhub_ai.RateLimitError, ModelRateLimitError))
        assert error.is_retryable
        assert (error.status_code, error.request_id, error.retry_after) == (429, "r-7", 2.0)
        assert error.__cause__ is None
        assert not isinstance(error.__context__, tikhub_ai.TikHubAIError)
    assert [(said["status_code"], said["request_id"], said["body"]) for said in seen] == [(429, "r-7", body)] * 3


def test_a_cut_stream_raises_and_carries_what_had_come() -> None:
    event = {"id": "c", "choices": [{"index": 0, "delta": {"content": "half an ans"}}]}
    content = f"data: {json.dumps(event)}\n\n".encode()
    llm = over(lambda _: httpx.Response(200, content=content, headers={"content-type": "text/event-stream"}))
    got: list[str] = []
    with pytest.raises(langchain_tikhub.IncompleteStreamError) as caught:
        got += [chunk.text for chunk in llm.stream("hi")]
    assert caught.value.partial is not None
    assert caught.value.partial.text == "half an ans"
    assert isinstance(caught.value, ModelError)
    warned = llm.model_copy(update={"incomplete_stream": "warn"})
    with pytest.warns(tikhub_ai.IncompleteStreamWarning):
        assert "".join(chunk.text for chunk in warned.stream("hi")) == "half an ans"


def test_a_tool_result_without_its_call_is_refused_before_it_is_sent() -> None:
    from langchain_core.messages import ToolMessage

    with pytest.raises(langchain_tikhub.InvalidRequestError, match="no such call"):
        over(lambda _: answered()).invoke([HumanMessage("hi"), ToolMessage("42", tool_call_id="c")])
    with pytest.raises(langchain_tikhub.InvalidRequestError, match="empty"):
        over(lambda _: answered()).invoke([])


# --- identity -------------------------------------------------------------------------------------------------------


def test_traces_name_the_model_that_is_called() -> None:
    llm = ChatTikHub(model="gpt-4o", temperature=0.1, max_tokens=5, stop=["x"])
    assert llm._get_ls_params() == {
        "ls_provider": "tikhub",
        "ls_model_type": "chat",
        "ls_model_name": "gpt-4o",
        "ls_temperature": 0.1,
        "ls_max_tokens": 5,
        "ls_stop": ["x"],
    }
    assert llm._get_ls_params(model="o3", stop=["y"])["ls_model_name"] == "o3"
    assert llm._llm_type == "tikhub-chat"
    assert llm.asdict() == {
        "model_name": "gpt-4o",
        "api": "auto",
        "temperature": 0.1,
        "max_tokens": 5,
        "stop": ["x"],
        "stream_usage": True,
        "model_kwargs": {},
        "_type": "tikhub-chat",
    }


def test_ls_provider_is_the_model_provider_of_its_messages() -> None:
    llm = ScriptedChat()
    assert llm.invoke("hi").response_metadata["model_provider"] == llm._get_ls_params()["ls_provider"]


def test_the_profile_tells_agents_what_the_catalog_knows() -> None:
    profile = ChatTikHub(model="gpt-4o").profile
    assert profile is not None
    assert profile["max_input_tokens"] == 128_000
    assert profile["structured_output"]
    assert profile["image_inputs"]
    assert ChatTikHub(model="nobody-knows-it").profile is None


def test_usage_of_several_calls_is_added_up() -> None:
    llm = ScriptedChat()
    output = llm.generate([[HumanMessage("a")], [HumanMessage("b")]]).llm_output
    assert output is not None
    assert output["token_usage"] == {"prompt_tokens": 14, "completion_tokens": 10, "cost": 0.2}
    assert output["model_name"] == reply_of(TEXT).model


def test_answers_are_cached_under_what_was_asked() -> None:
    llm = ScriptedChat(cache=InMemoryCache())
    llm.invoke("hi")
    llm.invoke("hi")
    assert len(llm._script.requests) == 1
    llm.invoke("hi", temperature=1)
    llm.invoke("hi", extra_headers={"X": "1"})
    llm.invoke("hi", extra_headers={"X": "2"})
    llm.invoke("hi", extra_headers={"X": "2"})
    assert len(llm._script.requests) == 4


def test_a_rate_limiter_is_asked() -> None:
    llm = ScriptedChat(rate_limiter=InMemoryRateLimiter(requests_per_second=1000, max_bucket_size=1))
    assert llm.invoke("hi").text == "Hello, world"


def test_an_estimate_of_tokens_needs_no_vocabulary() -> None:
    llm = ChatTikHub(model="gpt-4o")
    assert 9 <= llm.get_num_tokens("The quick brown fox jumps over the lazy dog.") <= 12
    assert 7 <= llm.get_num_tokens("人工智能正在改变世界") <= 12
    assert llm.get_num_tokens("") == 0

    @tool
    def weather(city: str) -> str:
        """Tell the weather."""
        return city

    alone = llm.get_num_tokens_from_messages([HumanMessage("hello there")])
    assert 4 < alone < 12
    assert llm.get_num_tokens_from_messages([HumanMessage("hello there")], [weather]) > alone + 20
    assert ChatTikHub(model="m", custom_get_token_ids=lambda text: [1] * len(text)).get_num_tokens("abc") == 3
    with pytest.raises(NotImplementedError, match="custom_get_token_ids"):
        llm.get_token_ids("abc")


# --- tools ----------------------------------------------------------------------------------------------------------


@tool
def weather(city: str) -> str:
    """Tell the weather."""
    return city


def bound(tools: list[Any], **kwargs: Any) -> ChatRequest:
    llm = ScriptedChat()
    llm.bind_tools(tools, **kwargs).invoke("hi")
    return llm.request


def test_tools_in_every_form_are_functions() -> None:
    def plain(city: str) -> str:
        """Tell the weather."""
        return city

    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    forms: list[Any] = [
        weather,
        plain,
        {"title": "schema", "description": "Tell the weather.", **schema},
        {"type": "function", "function": {"name": "openai", "description": "Tell the weather.", "parameters": schema}},
        {"type": "function", "name": "flat", "description": "Tell the weather.", "parameters": schema},
        {"name": "anthropic", "description": "Tell the weather.", "input_schema": schema},
        {"type": "custom", "name": "custom", "description": "Tell the weather.", "input_schema": schema},
    ]
    tools = bound(forms).tools
    assert [tool.name for tool in tools] == ["weather", "plain", "schema", "openai", "flat", "anthropic", "custom"]
    for one in tools:
        assert one.raw is None
        assert one.description == "Tell the weather."
        assert one.parameters["properties"]["city"]["type"] == "string"


@pytest.mark.parametrize(
    "raw",
    [
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
        {"type": "web_search_preview"},
        {"google_search": {}},
        {"type": "computer_20250124", "name": "computer", "display_width_px": 1},
    ],
)
def test_providers_own_tools_are_sent_as_they_are(raw: dict[str, Any]) -> None:
    assert bound([raw]).tools == [Tool(raw=raw)]


def test_cache_marks_of_tools_are_kept() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    form = {"name": "f", "description": "d", "input_schema": {"type": "object", "properties": {}}, **mark}
    assert bound([form]).tools[0].options == mark


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (None, None),
        (False, None),
        ("auto", ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ("any", ToolChoice("required")),
        ("required", ToolChoice("required")),
        (True, ToolChoice("required")),
        ("weather", ToolChoice("tool", "weather")),
        ({"type": "function", "function": {"name": "weather"}}, ToolChoice("tool", "weather")),
        ({"type": "tool", "name": "weather"}, ToolChoice("tool", "weather")),
        ({"type": "any"}, ToolChoice("required")),
        ({"type": "allowed_tools", "tools": []}, ToolChoice(raw={"type": "allowed_tools", "tools": []})),
    ],
)
def test_tool_choice_in_every_form(said: Any, wanted: ToolChoice | None) -> None:
    assert bound([weather], tool_choice=said).tool_choice == wanted


def test_a_tool_choice_that_names_nobody_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'nobody', but the tools are weather"):
        ScriptedChat().bind_tools([weather], tool_choice="nobody")


def test_strict_and_parallel_calls_are_asked_for() -> None:
    request = bound([weather], strict=True, parallel_tool_calls=False)
    assert request.tools[0].strict is True
    assert request.parallel_tool_calls is False


def test_an_empty_list_of_tools_binds_the_rest() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "R", "schema": {"type": "object"}, "strict": True}}
    request = bound([], response_format=form)
    assert request.tools == []
    assert request.response_format is not None
    assert (request.response_format.name, request.response_format.strict) == ("R", True)
    assert bound([], tool_choice="any").tool_choice is None


def test_batches_run() -> None:
    llm = ScriptedChat()
    assert [message.text for message in llm.batch(["a", "b"])] == ["Hello, world"] * 2
    assert isinstance(llm.batch(["a"])[0], AIMessage)
