"""The vendors' own words: each is an argument of ours, left out with the reason, or refused. None reaches the wire."""

from __future__ import annotations

import json
import warnings
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from google.genai import types
from langchain_core.messages import AIMessage, HumanMessage
from pydantic import BaseModel

from langchain_tikhub import ChatTikHub, TikHubEmbeddings
from llama_index_tikhub import TikHub, TikHubEmbedding
from tests.scripted_server import Answer, ScriptedServer
from tikhub_ai import ConfigurationError, TikHubAIWarning
from tikhub_ai.secret_values import Refused, seal
from tikhub_ai.vendor_words import MEANINGS, NEEDLESS, ONLY_EMBEDDINGS, in_our_words

if TYPE_CHECKING:
    from collections.abc import Callable

CHAT: list[Any] = [ChatTikHub, TikHub]
MODELS = {"chat_completions": "gpt-4o", "responses": "gpt-5", "messages": "claude-sonnet-4-5",
          "generate_content": "gemini-2.5-pro"}  # fmt: skip
FURTHER = {ChatTikHub: "model_kwargs", TikHub: "additional_kwargs"}
each_class = pytest.mark.parametrize("cls", CHAT, ids=lambda cls: cls.__name__)
VALUES: dict[str, Any] = {
    "use_responses_api": False,
    "organization": "org-1",
    "openai_organization": "org-1",
    "default_metadata": (("x-a", "1"),),
    "default_metadata_input": {"x-a": "1"},
    "thinking_config": types.ThinkingConfig(thinking_budget=512, include_thoughts=True),
    "generation_config": types.GenerateContentConfig(temperature=0.5, max_output_tokens=9, audio_timestamp=True),
    "response_logprobs": True,
    "response_mime_type": "application/json",
    "response_schema": types.Schema(type=types.Type.OBJECT, properties={"a": types.Schema(type=types.Type.STRING)}),
    "response_json_schema": {"type": "object", "properties": {"a": {"type": "string"}}},
    "http_options": types.HttpOptions(timeout=5000, headers={"x-a": "1"}),
    "client_options": {"api_endpoint": "https://other.test"},
    "client_args": {"headers": {"x-a": "1"}},
    "cache_idx": -1,
    "built_in_tool": types.Tool(google_search=types.GoogleSearch()),
    "built_in_tools": [{"type": "web_search"}],
}
ONLY_CONSTRUCTOR = {"use_responses_api", "client_options", "client_args"}

pytestmark = [pytest.mark.outside_openapi("tools of one provider on another's API, on purpose"),
              pytest.mark.filterwarnings("ignore:.*is an argument of its own")]  # fmt: skip


@pytest.fixture
def body_of(server: ScriptedServer) -> Callable[..., dict[str, Any]]:
    """The body of a call, from what the constructor and the call are given. The call fails, as nobody minds."""
    server.answer = lambda _: Answer({"error": {"message": "no", "code": "x"}}, 400)

    def sent(cls: Any, api: str, constructor: dict[str, Any], call: dict[str, Any]) -> dict[str, Any]:
        given = {"model": MODELS[api], "api_key": "sk-1", "max_retries": 0, "api": api, **constructor}
        llm = cls(**given)
        llm.base_url, llm.api = server.url, api
        with pytest.raises(Exception, match="no"):
            llm.invoke("hi", **call) if cls is ChatTikHub else llm.complete("hi", **call)
        body: dict[str, Any] = json.loads(server.requests[-1].body)
        return body

    return sent


def test_every_word_with_a_meaning_has_a_value_here() -> None:
    assert VALUES.keys() == MEANINGS.keys()
    assert not MEANINGS.keys() & NEEDLESS.keys()


@pytest.mark.parametrize("word", sorted({*MEANINGS, *NEEDLESS} - {"rate_limiter", "verbose"}))
@each_class
def test_no_word_of_a_vendor_reaches_the_wire(cls: Any, word: str, body_of: Any) -> None:
    """By the constructor, its further arguments or a call."""
    value = VALUES.get(word, "x-value")
    ways: list[tuple[dict[str, Any], dict[str, Any]]] = [({word: value}, {}), ({FURTHER[cls]: {word: value}}, {})]
    if word not in ONLY_CONSTRUCTOR:
        ways += [({}, {word: value}), ({}, {FURTHER[cls]: {word: value}})]
    for constructor, call in ways:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            text = json.dumps(body_of(cls, "generate_content", constructor, call))
        assert f'"{word}"' not in text
        assert "x-value" not in text
        if NEEDLESS.get(word):
            assert [word in str(one.message) for one in told if one.category is TikHubAIWarning] == [True]


@pytest.mark.parametrize("word", sorted(MEANINGS))
@each_class
def test_none_says_nothing(cls: Any, word: str) -> None:
    llm = cls(model="gpt-5", **{word: None, FURTHER[cls]: None})
    assert getattr(llm, FURTHER[cls]) == {}


def test_switches_that_are_off_warn_of_nothing(recwarn: pytest.WarningsRecorder) -> None:
    for word, why in NEEDLESS.items():
        if why and word != "rate_limiter":
            ChatTikHub(model="gpt-5", **{word: False})
    assert [str(one.message) for one in recwarn.list] == []


@pytest.mark.parametrize("cls", [TikHubEmbeddings, TikHubEmbedding], ids=lambda cls: cls.__name__)
def test_embeddings_leave_out_what_vendors_embeddings_take(cls: Any) -> None:
    further = "model_kwargs" if cls is TikHubEmbeddings else "additional_kwargs"
    for word in {*NEEDLESS, *ONLY_EMBEDDINGS} - {"rate_limiter"}:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = cls(model="m", **{word: "x"})
        assert not getattr(made, further), word
    assert cls(model="m", organization="org-1").default_headers == {"OpenAI-Organization": "org-1"}


# --- what each means ------------------------------------------------------------------------------------------------


@each_class
def test_the_api_is_chosen_as_openais_class_chooses_it(cls: Any) -> None:
    assert cls(model="gpt-5", use_responses_api=True).api == "responses"
    assert cls(model="gpt-5", use_responses_api=False).api == "chat_completions"
    assert cls(model="gpt-5", use_responses_api=None).api == "auto"
    with pytest.raises(Exception, match="'api' cannot be given with a call"):
        asked(cls(model="gpt-5", api_key="sk-1"), use_responses_api=True)


def asked(llm: Any, **call: Any) -> Any:
    return llm.invoke("hi", **call) if isinstance(llm, ChatTikHub) else llm.complete("hi", **call)


CONFIGS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"thinking_config": {"thinking_budget": 512}},
     {"thinkingConfig": {"thinkingBudget": 512, "includeThoughts": True}}),
    ({"thinking_config": {"thinkingBudget": 512, "includeThoughts": True}},
     {"thinkingConfig": {"thinkingBudget": 512, "includeThoughts": True}}),
    ({"thinking_config": VALUES["thinking_config"]},
     {"thinkingConfig": {"thinkingBudget": 512, "includeThoughts": True}}),
    ({"response_mime_type": "text/plain"}, {}),
    ({"response_mime_type": "application/json", "response_json_schema": {"type": "object", "properties": {}}},
     {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object", "properties": {}}}),
    ({"response_mime_type": "application/json"}, {"responseMimeType": "application/json"}),
    ({"response_mime_type": "text/x.enum"}, {"responseMimeType": "text/x.enum"}),
    ({"response_mime_type": "application/json", "response_schema": {"type": "object", "properties": {}}},
     {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object", "properties": {}}}),
    ({"response_schema": VALUES["response_schema"]},
     {"responseMimeType": "application/json",
      "responseJsonSchema": {"type": "object", "properties": {"a": {"type": "string"}}}}),
    ({"generation_config": {"temperature": 0.5, "maxOutputTokens": 9, "top_k": 3, "stop_sequences": ["a"]}},
     {"temperature": 0.5, "maxOutputTokens": 9, "topK": 3, "stopSequences": ["a"]}),
    ({"generation_config": {"responseLogprobs": True, "logprobs": 2}}, {"responseLogprobs": True, "logprobs": 2}),
    ({"generation_config": {"thinking_config": {"thinking_budget": 512}, "audio_timestamp": True}},
     {"thinkingConfig": {"thinkingBudget": 512, "includeThoughts": True}, "audioTimestamp": True}),
    ({"generation_config": {"temperature": 0.5}, "temperature": 0.1}, {"temperature": 0.1}),
]  # fmt: skip


@pytest.mark.parametrize(("given", "config"), CONFIGS)
@each_class
def test_googles_configuration_goes_where_the_wire_has_it(cls: Any, given: Any, config: Any, body_of: Any) -> None:
    for constructor, call in ((given, {}), ({}, given), ({FURTHER[cls]: given}, {})):
        if constructor.keys() & {FURTHER[cls]} and "temperature" in given:
            continue  # an argument that is taken out of there, with a warning
        body = body_of(cls, "generate_content", constructor, call)
        assert body.get("generationConfig", {}) == config
        assert body.keys() <= {"contents", "generationConfig"}


class City(BaseModel):
    name: str


@pytest.mark.parametrize("schema", [City, City.model_json_schema(), list[City]], ids=["class", "dict", "list"])
@each_class
def test_a_response_schema_is_a_class_a_schema_or_a_type_on_every_api(cls: Any, schema: Any, body_of: Any) -> None:
    for api in ("generate_content", "responses", "chat_completions"):
        assert '"City"' in json.dumps(body_of(cls, api, {"response_schema": schema}, {}))


@each_class
def test_http_options_are_settings_of_the_constructor_or_of_a_call(cls: Any, server: ScriptedServer) -> None:
    llm = cls(model="gemini-2.5-pro", http_options={"timeout": 5000, "headers": {"x-a": "1"}, "base_url": server.url})
    assert (llm.timeout, llm.default_headers, llm.base_url) == (5.0, {"x-a": "1"}, server.url)
    with pytest.warns(TikHubAIWarning, match="http_options: 'retry_options'"):
        cls(model="m", http_options=types.HttpOptions(retry_options=types.HttpRetryOptions(attempts=2)))


@each_class
def test_tools_of_the_constructor_stand_beside_those_of_a_call(cls: Any, body_of: Any) -> None:
    function = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    for given in ({"built_in_tools": [{"type": "web_search"}]}, {"tools": [{"type": "web_search"}]},
                  {FURTHER[cls]: {"tools": [{"type": "web_search"}]}}):  # fmt: skip
        body = body_of(cls, "responses", given, {"tools": [function]})
        assert [tool["type"] for tool in body["tools"]] == ["web_search", "function"]
        assert [tool["type"] for tool in body_of(cls, "responses", given, {})["tools"]] == ["web_search"]
    body = body_of(cls, "generate_content", {"built_in_tool": VALUES["built_in_tool"]}, {})
    assert body["tools"] == [{"googleSearch": {}}]


@each_class
def test_a_constructors_response_format_is_every_apis(cls: Any, body_of: Any) -> None:
    form = {"type": "json_object"}
    for given in ({"response_format": form}, {FURTHER[cls]: {"response_format": form}}):
        assert body_of(cls, "responses", given, {})["text"] == {"format": form}
        assert body_of(cls, "chat_completions", given, {})["response_format"] == form


@each_class
def test_instructions_stand_before_the_conversations_own(cls: Any, body_of: Any) -> None:
    assert body_of(cls, "responses", {"instructions": "Be kind."}, {})["instructions"] == "Be kind."


@each_class
def test_an_output_config_keeps_what_other_arguments_say(cls: Any, body_of: Any) -> None:
    given = {"output_config": {"task_budget": {"total": 5}, "effort": "low"}, "effort": "high"}
    body = body_of(cls, "messages", given, {})
    assert body["output_config"] == {"task_budget": {"total": 5}, "effort": "high"}


@pytest.mark.parametrize(("word", "value"), [
    ("thinking_config", 5), ("generation_config", "x"), ("http_options", 5), ("response_schema", 5),
    ("built_in_tool", 5), ("generation_config", {"system_instruction": "Be kind."}), ("default_metadata", 5),
])  # fmt: skip
@each_class
def test_what_means_nothing_is_refused_by_name(cls: Any, word: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=word.partition("_tool")[0]):
        cls(model="gemini-2.5-pro", **{word: value})


# --- secrets --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["aws_secret_access_key", "aws_access_key_id", "aws_session_token", "credentials",
                                  "azure_ad_token", "vertexai_config"])  # fmt: skip
@each_class
def test_secrets_of_other_clouds_are_kept_nowhere(cls: Any, word: str, recwarn: pytest.WarningsRecorder) -> None:
    llm = cls(model="m", **{word: "wJalr-secret"})
    assert "wJalr" not in f"{llm!r}{llm.__dict__}{[str(one.message) for one in recwarn.list]}"
    assert isinstance(seal({word: SimpleNamespace(key="wJalr")})[word], Refused)


def test_headers_and_keys_inside_a_vendors_object_are_sealed() -> None:
    for given in ({"headers": {"x-a": "secret"}}, types.HttpOptions(headers={"x-a": "secret"})):
        assert "secret" not in repr(seal({"http_options": given}))
        assert in_our_words(seal({"http_options": given}))["extra_headers"] == {"x-a": "secret"}


# --- Claude's container ---------------------------------------------------------------------------------------------


def test_the_last_answers_container_is_used_again(body_of: Any, server: ScriptedServer) -> None:
    history = [HumanMessage("a"), AIMessage("b", response_metadata={"container": {"id": "c-1"}}), HumanMessage("c")]

    def container(constructor: dict[str, Any], **call: Any) -> Any:
        llm = ChatTikHub(model="claude-sonnet-4-5", api_key="k", base_url=server.url, max_retries=0, **constructor)
        server.answer = lambda _: Answer({"error": {"message": "no"}}, 400)
        with pytest.raises(Exception, match="no"):
            llm.invoke(history, **call)
        return json.loads(server.requests[-1].body).get("container")

    assert container({}) is None
    assert container({"reuse_last_container": True}) == "c-1"
    assert container({}, reuse_last_container=True) == "c-1"
    assert container({"reuse_last_container": True}, reuse_last_container=False) is None
    assert container({"reuse_last_container": True}, container="c-2") == "c-2"
    skills = {"skills": [{"type": "anthropic", "skill_id": "xlsx"}]}
    assert container({"reuse_last_container": True, "container": skills}) == {"id": "c-1", **skills}
