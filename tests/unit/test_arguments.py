"""The table of arguments: one source for every class, API and name."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
from llama_index.core.llms import ChatMessage

from langchain_tikhub import ChatTikHub, TikHubEmbeddings
from llama_index_tikhub import TikHub, TikHubEmbedding
from tikhub_ai import (
    APIConnectionError,
    ChatAPI,
    ChatArgumentsMixin,
    ChatRequest,
    InvalidRequestError,
    Message,
    Settings,
    SettingsMixin,
    Text,
    TikHubAIWarning,
    Tool,
    model_facts,
)
from tikhub_ai.arguments import HOW_TO_CALL, NATIVE, chat_arguments, names_of, split_arguments, without_secrets
from tikhub_ai.routing import CHAT_APIS
from tikhub_ai.vendor_words import NEEDLESS

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

ROOT = Path(__file__).parents[2]
NOWHERE: dict[str, Any] = {"model": "m", "api_key": "k", "base_url": "http://127.0.0.1:9", "max_retries": 0}
CHAT, LLM, HELLO = ChatTikHub(**NOWHERE), TikHub(**NOWHERE), [ChatMessage("hi")]
CLASSES: list[Any] = [ChatTikHub, TikHubEmbeddings, TikHub, TikHubEmbedding]
each_class = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
MODELS = {"chat_completions": "qwen3-max", "responses": "gpt-5", "messages": "claude-sonnet-4-5",
          "generate_content": "gemini-2.5-pro"}  # fmt: skip
VALUES: dict[str, Any] = {
    "max_tokens": 4000,
    "temperature": 0.3,
    "top_p": 0.97,
    "top_k": 7,
    "stop": ["END"],
    "reasoning_effort": "high",
    "thinking": {"type": "enabled", "budget_tokens": 2000},
    "thinking_budget": 2000,
    "reasoning": {"effort": "high"},
    "seed": 7,
    "n": 2,
    "logprobs": True,
    "top_logprobs": 2,
    "presence_penalty": 0.5,
    "frequency_penalty": 0.5,
    "logit_bias": {"5": 1.0},
    "user": "u",
    "metadata": {"user_id": "u"},
    "modalities": ["text", "audio"],
    "audio": {"voice": "alloy"},
    "parallel_tool_calls": True,
}
"""A value that asks for something, for every argument of an answer that an API may lack."""
OF_EVERY_API = {"model", "extra_body", "stream_usage"}


# --- one source -----------------------------------------------------------------------------------------------------


def test_every_field_of_a_request_is_an_argument_of_the_chat_classes_and_no_other_is() -> None:
    assert set(ChatArgumentsMixin.model_fields) == chat_arguments() | HOW_TO_CALL
    in_other_words = {"messages", "tools", "tool_choice", "response_format", "native", "extra_headers", "overrides"}
    fields = {field.name for field in dataclasses.fields(ChatRequest)}
    assert fields - in_other_words == chat_arguments() - {"request_metadata"} | {"metadata"}


def test_every_setting_is_a_field_of_every_class_with_the_same_default() -> None:
    settings = {field.name: field.default for field in dataclasses.fields(Settings)}
    assert {name: field.default for name, field in SettingsMixin.model_fields.items()} == settings


@each_class
def test_every_class_has_the_settings_and_the_chat_arguments_from_the_mixins_alone(cls: Any) -> None:
    for mixin in (SettingsMixin, ChatArgumentsMixin):
        if issubclass(cls, mixin):
            for name in mixin.model_fields:
                assert name not in inspect.get_annotations(cls)
    assert issubclass(cls, SettingsMixin)


@each_class
def test_every_argument_is_documented_in_the_classes_schemas(cls: Any) -> None:
    for mixin in (SettingsMixin, ChatArgumentsMixin):
        for name, field in mixin.model_fields.items():
            assert field.description, name
            if issubclass(cls, mixin):
                assert cls.model_fields[name].description == field.description
    if cls in {TikHub, TikHubEmbedding}:  # as LlamaIndex's own classes have it
        assert all(
            cls.model_fields[name].description
            for name in inspect.get_annotations(cls)
            if name != "model_config" and not name.startswith("_")
        )


def test_the_docs_of_an_argument_name_its_values() -> None:
    docs = {name: field.description or "" for name, field in ChatArgumentsMixin.model_fields.items()}
    assert all(
        value in docs["reasoning_effort"] for value in ("none", "minimal", "low", "medium", "high", "xhigh", "max")
    )
    assert all(value in docs["api"] for value in get_args(ChatAPI))
    assert TikHub.model_json_schema()["properties"]["temperature"]["description"] == docs["temperature"]


def test_the_list_of_apis_is_written_once() -> None:
    assert {*CHAT_APIS} == {*NATIVE} == {*MODELS}
    assert get_args(ChatAPI) == ("auto", *CHAT_APIS)
    assert get_args(ChatTikHub.model_fields["api"].annotation) == get_args(TikHub.model_fields["api"].annotation)


def files_that_name(word: str) -> list[str]:
    return sorted(
        str(path.relative_to(ROOT))
        for package in ("tikhub_ai", "langchain_tikhub", "llama_index_tikhub")
        for path in (ROOT / package).rglob("*.py")
        if word in path.read_text()
    )


def test_a_common_argument_is_named_by_the_mixin_the_request_and_the_encoders_that_have_it() -> None:
    files = files_that_name("thinking_budget")
    assert len(files) <= 7, files
    assert not [path for path in files if not path.startswith("tikhub_ai/")], "no adapter names it"


TABLES = {"tikhub_ai/arguments.py", "tikhub_ai/vendor_words.py"}
OF_THE_WIRE = {"tikhub_ai/apis/chat_completions/encode.py"}
"""Where `max_completion_tokens` is the wire's own field."""


def test_no_adapter_has_a_table_of_names() -> None:
    """Names of other classes stand in the table alone."""
    for alias in ("max_completion_tokens", "request_timeout", "candidate_count", "async_http_client", "openai_proxy"):
        assert [path for path in files_that_name(f'"{alias}"') if path not in TABLES | OF_THE_WIRE] == []


def test_what_model_kwargs_call_metadata_is_the_wires_and_not_langchains() -> None:
    with pytest.warns(TikHubAIWarning, match="'request_metadata' is an argument of its own"):
        llm = ChatTikHub(model="m", model_kwargs={"metadata": {"a": "b"}})
    assert llm.request_metadata == {"a": "b"}
    assert "a" not in (llm.metadata or {})


# --- names ----------------------------------------------------------------------------------------------------------


def aliases() -> list[tuple[str, str]]:
    from tikhub_ai.arguments import _SAME

    vendors = [("api_key", "mistral_api_key"), ("base_url", "xai_api_base"), ("base_url", "anthropic_api_url")]
    return [(group[0], name) for group in _SAME for name in group[1:]] + vendors


ALIASED = {
    "model": "m",
    "base_url": "https://a.test",
    "api_key": "sk-1",
    "timeout": 5.0,
    "default_headers": {"X-A": "b"},
    "http_async_client": None,
    "proxy": "http://proxy.test",
    "max_tokens": 5,
    "stop": ["a"],
    "n": 2,
    "audio": {"voice": "a"},
    "thinking": {"type": "disabled"},
    "request_metadata": {"a": "b"},
    "model_kwargs": {"a": "b"},
    "batch_size": 7,
    "max_concurrency": 7,
    "max_retries": 7,
    "reasoning": {"effort": "low"},
}


@pytest.mark.parametrize(("name", "alias"), aliases())
@each_class
def test_every_name_of_an_argument_means_the_same_in_every_class(cls: Any, name: str, alias: str) -> None:
    field = next((other for other in names_of(name) if other in cls.model_fields), None)
    if field is None or (cls is ChatTikHub and alias == "metadata"):
        return  # not of this class; LangChain's own `metadata` is for tracing
    value = ALIASED[name]
    required = {} if field in {"model", "model_name"} else {"model": "m"}
    by_alias, by_name = cls(**required, **{alias: value}), cls(**required, **{field: value})
    assert getattr(by_alias, field) == getattr(by_name, field)
    assert getattr(by_alias, field) is not None or value is None


ELSEWHERE = {
    "model": "model_name",  # langchain-openai
    "base_url": "api_base openai_api_base anthropic_api_url deepseek_api_base",
    "api_key": "openai_api_key anthropic_api_key google_api_key",
    "timeout": "request_timeout default_request_timeout",  # langchain-openai, langchain-anthropic
    "default_headers": "headers additional_headers extra_headers",  # langchain-google-genai, openai
    "http_async_client": "async_http_client",  # llama-index-llms-openai
    "proxy": "openai_proxy anthropic_proxy",
    "max_tokens": "max_output_tokens max_completion_tokens max_new_tokens max_tokens_to_sample",
    "stop": "stop_sequences",  # langchain-anthropic
    "n": "candidate_count",  # google-genai
    "audio": "audio_config",  # llama-index-llms-openai
    "thinking": "thinking_dict",  # llama-index-llms-anthropic
    "request_metadata": "metadata",
    "model_kwargs": "additional_kwargs",  # llama-index
    "batch_size": "chunk_size embed_batch_size",  # langchain-openai, llama-index
    "max_concurrency": "num_workers",  # llama-index
}
"""What other classes call an argument. Written out, since a walk through the table misses what it has lost."""


def test_no_name_of_other_classes_is_missing_from_the_table() -> None:
    for name, others in ELSEWHERE.items():
        assert {other: names_of(other)[0] for other in others.split()} == dict.fromkeys(others.split(), name)


def test_tracers_see_the_names_of_headers_and_whatever_is_no_secret() -> None:
    headers, plain = {"X-B": "secret", "X-A": "secret"}, {"extra_body": {"a": 1}, "logit_bias": {"5": 1}, "seed": 7}
    seen = without_secrets({"headers": headers, "api_key": "secret", "proxy": None, "model_kwargs": headers} | plain)
    assert seen == {"headers": ["X-A", "X-B"], "api_key": "*" * 10, "proxy": None, "model_kwargs": headers} | plain
    assert without_secrets({"model_kwargs": {"headers": headers}}) == {"model_kwargs": {"headers": ["X-A", "X-B"]}}


def test_where_an_argument_has_two_values_its_own_name_wins_and_headers_are_put_together() -> None:
    known, unknown = split_arguments({"max_output_tokens": 1, "max_tokens": 2, "other": 3}, {"max_tokens"})
    assert (known, unknown) == ({"max_tokens": 2}, {"other": 3})
    assert split_arguments({"max_tokens": None, "max_output_tokens": 1}, {"max_tokens"})[0] == {"max_tokens": 1}
    headers = {"default_headers": {"A": "1", "B": "1"}, "extra_headers": {"B": "2"}}
    for given in (headers, dict(reversed(headers.items()))):
        assert split_arguments(given, {"default_headers"})[0]["default_headers"] == {"A": "1", "B": "2"}


@each_class
def test_what_is_not_known_goes_to_the_wire_with_one_warning_of_ours(cls: Any) -> None:
    with pytest.warns(TikHubAIWarning) as seen:
        subject = cls(model="m", enable_search=True, mood="good")
    assert [type(warning.message) for warning in seen] == [TikHubAIWarning]
    assert "'enable_search', 'mood'" in str(seen[0].message)
    further = "model_kwargs" if "model_kwargs" in cls.model_fields else "additional_kwargs"
    assert getattr(subject, further) == {"enable_search": True, "mood": "good"}


@each_class
def test_needless_arguments_of_other_classes_are_never_sent(cls: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TikHubAIWarning)
        given = {name: False for name in NEEDLESS if name not in {"rate_limiter", "verbose"}}
        subject = cls(model="m", **given)
    assert not getattr(subject, "model_kwargs", None)
    assert not getattr(subject, "additional_kwargs", None)


# --- APIs -----------------------------------------------------------------------------------------------------------


def encoded(api: str, **said: Any) -> tuple[Any, list[str]]:
    """The body that an API makes of a request, and what it warns of."""
    codec = import_module(f"tikhub_ai.apis.{api}")
    request = ChatRequest(MODELS[api], [Message("user", [Text("hi")])], tools=[Tool("f", parameters={})], **said)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        asked = codec.encode(request, model_facts(MODELS[api]), stream=False)
    return asked.body, [str(warning.message) for warning in warned]


def takes(api: str) -> frozenset[str]:
    names: frozenset[str] = import_module(f"tikhub_ai.apis.{api}.encode").TAKES
    return names


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("api", MODELS)
def test_an_api_sends_what_it_takes_and_names_what_it_lacks(api: str, name: str) -> None:
    body, warned = encoded(api, **{name: VALUES[name]})
    plain, _ = encoded(api)
    if name not in takes(api):
        assert body == plain
        assert any(f"{api} has no {name!r}" in text for text in warned), warned
    elif (api, name) in {("responses", "stop"), ("generate_content", "parallel_tool_calls"),
                         ("messages", "parallel_tool_calls")}:  # fmt: skip  # the decoder's, the wire's own default
        assert body == plain
    else:
        assert body != plain or warned, "neither sent nor named"


def test_the_values_above_are_of_all_arguments() -> None:
    assert set(VALUES) | OF_EVERY_API == chat_arguments() - {"request_metadata"} | {"metadata"}
    assert all(takes(api) <= set(VALUES) for api in MODELS)


@pytest.mark.parametrize("name", sorted(set().union(*NATIVE.values())))
@pytest.mark.parametrize("api", MODELS)
def test_an_api_warns_of_the_native_arguments_of_others(api: str, name: str) -> None:
    value: Any = {"api_version": "v1", "betas": ["x-1"], "include": [], "safety_settings": []}.get(name, "x")
    if name in NATIVE[api]:
        return
    body, warned = encoded(api, native={name: value})
    assert body == encoded(api)[0]
    assert warned == [f"{api} has no {name!r}: not sent."]


BAD_BETAS: list[Any] = [["a\r\nevil"], "a\nb", ["a", ""], [5], ["a b"], ["\u00e4"], ["-"], ["a,\r\nx: y"], ["a\x00"]]
BAD_VERSIONS: list[Any] = ["..", ".", "../v1", "v1/..", "v1\r\n", "v 1", "v1?x=1", "v1#", "%2e%2e", ""]


@pytest.mark.parametrize("betas", BAD_BETAS, ids=ascii)
def test_a_beta_that_is_no_name_is_named_before_anything_is_sent(betas: Any) -> None:
    with pytest.raises(InvalidRequestError, match=r"betas holds .*, which is no name of a beta"):
        encoded("messages", native={"betas": betas})


@pytest.mark.parametrize("version", BAD_VERSIONS, ids=ascii)
def test_a_version_that_would_lead_elsewhere_is_named_before_anything_is_sent(version: Any) -> None:
    with pytest.raises(InvalidRequestError, match="is no version of the API"):
        encoded("generate_content", native={"api_version": version})


def test_betas_and_versions_as_vendors_have_them_are_sent() -> None:
    codec = import_module("tikhub_ai.apis.messages")
    facts = model_facts(MODELS["messages"])
    for betas in ("context-1m-2025-08-07", ["a-1", "b-2"], "a-1, b-2"):
        request = ChatRequest(MODELS["messages"], [Message("user", [Text("hi")])], native={"betas": betas})
        sent = codec.encode(request, facts, stream=False).headers["anthropic-beta"]
        assert sent == (betas if isinstance(betas, str) else ",".join(betas))
    for version in ("v1", "/v1alpha/", "v1beta"):
        codec = import_module("tikhub_ai.apis.generate_content")
        request = ChatRequest("gemini-2.5-pro", [Message("user", [Text("hi")])], native={"api_version": version})
        assert codec.encode(request, model_facts("gemini-2.5-pro"), stream=False).path.startswith(
            f"/{version.strip('/')}/models/"
        )


# --- doors ------------------------------------------------------------------------------------------------------------


def signatures_made(call: Callable[[], object]) -> list[str]:
    """The functions whose signatures inspect makes in a second call, which fails for want of a server."""
    made: list[str] = []
    with pytest.raises(APIConnectionError):
        call()

    def profile(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_name == "_signature_from_function":
            made.append(frame.f_locals["func"].__qualname__)

    sys.setprofile(profile)
    try:
        with pytest.raises(APIConnectionError):
            call()
    finally:
        sys.setprofile(None)
    return made


@pytest.mark.parametrize(
    "call",
    [
        lambda: CHAT.invoke("hi"),
        lambda: asyncio.run(CHAT.ainvoke("hi")),
        lambda: LLM.complete("hi"),
        lambda: LLM.chat(HELLO),
        lambda: list(LLM.stream_chat(HELLO)),
        lambda: asyncio.run(LLM.achat(HELLO)),
    ],
    ids=["invoke", "ainvoke", "complete", "chat", "stream_chat", "achat"],
)
def test_a_call_makes_no_signature_anew(call: Callable[[], object]) -> None:
    """Both frameworks ask for one with each call: LangChain for `_generate`'s, LlamaIndex's instrumentation for all."""
    assert signatures_made(call) == []
