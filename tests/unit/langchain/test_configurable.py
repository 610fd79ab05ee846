"""Arguments that a config chooses with each call: by the field's name, any alias, or a native argument's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core._api import LangChainBetaWarning
from langchain_core.load import dumps, load
from langchain_core.messages import AIMessage
from langchain_core.runnables import ConfigurableField, ConfigurableFieldSingleOption
from langchain_core.runnables.configurable import RunnableConfigurableFields

from langchain_tikhub import ChatTikHub, ConfigurationError
from tests.unit.langchain.support import ScriptedChat
from tikhub_ai import NATIVE_ARGUMENTS, TikHubAIWarning
from tikhub_ai.arguments import names_of
from tikhub_ai.deltas import TextDelta

VALUES: dict[str, Any] = {
    "model": "gpt-5-mini", "base_url": "http://configured.test", "api_key": "sk-configured", "timeout": 7.0,
    "max_retries": 0, "default_headers": {"x-tenant": "acme"}, "proxy": "http://proxy.test:3128", "verify": False,
    "http_backend": "httpx", "auth_header": "x-api-key", "max_tokens": 5, "stop": ["END"], "temperature": 0.5,
    "api": "messages", "top_p": 0.5, "top_k": 4, "seed": 3, "n": 2, "logprobs": True, "top_logprobs": 2,
    "presence_penalty": 0.1, "frequency_penalty": 0.2, "logit_bias": {"1": 2}, "user": "u",
    "request_metadata": {"a": "b"}, "modalities": ["text"], "audio": {"voice": "alloy"}, "parallel_tool_calls": True,
    "reasoning_effort": "low", "thinking": {"type": "enabled", "budget_tokens": 1024}, "thinking_budget": 1024,
    "reasoning": {"effort": "low"}, "extra_body": {"x": 1}, "streaming": True,
}  # fmt: skip
EVERY_NAME = sorted({alias for name in VALUES for alias in names_of(name)} | {"openai_api_key", "openai_api_base"})


def configured(name: str, value: Any, **given: Any) -> Any:
    model = ChatTikHub(**{"model": "gpt-4.1", "api_key": "sk-x", **given})
    runnable: Any = model.configurable_fields(**{name: ConfigurableField(id="__it")})
    return runnable.prepare({"configurable": {"__it": value}})[0]


def same(one: ChatTikHub, other: ChatTikHub) -> bool:
    return one.__dict__ | {"http_client": None} == other.__dict__ | {"http_client": None}


@pytest.mark.parametrize("name", EVERY_NAME)
def test_every_name_of_an_argument_configures_it_as_the_constructor_takes_it(name: str) -> None:
    value = VALUES[next(same for same in (name, *names_of(name)) if same in VALUES)]
    given = {"model": "gpt-4.1", "api_key": "sk-x"}
    plain = ChatTikHub(
        **{argument: said for argument, said in given.items() if argument not in names_of(name)} | {name: value}
    )
    assert same(configured(name, value), plain)


@pytest.mark.parametrize("name", sorted(NATIVE_ARGUMENTS))
def test_an_argument_that_some_apis_have_is_configured_likewise(name: str) -> None:
    for before in ({}, {name: {"of": "before"}}):
        found = configured(name, {"of": "now"}, **before)
        assert found.model_kwargs == {name: {"of": "now"}}


@pytest.mark.parametrize("name", ["model_name", "max_completion_tokens", "openai_api_base"])
def test_an_alias_is_assigned_and_copied_as_the_field(name: str) -> None:
    field = names_of(name)[0]
    one = ChatTikHub(model="a", api_key="sk-x")
    setattr(one, name, VALUES[field])
    assert getattr(one, field) == VALUES[field]
    twin = ChatTikHub(model="a", api_key="sk-x").model_copy(update={name: VALUES[field]})
    assert getattr(twin, field) == VALUES[field]
    assert name not in twin.__dict__


def test_a_call_by_config_asks_as_configured() -> None:
    llm = ScriptedChat([TextDelta("hi", 0)])
    chain: Any = llm.configurable_fields(model_name=ConfigurableField(id="m"), max_tokens=ConfigurableField(id="most"))
    assert isinstance(chain.invoke("hi"), AIMessage)
    ids = {spec.id: spec for spec in chain.config_specs}
    assert ids["m"].default == llm.model
    assert ids["m"].annotation is str


def test_a_native_argument_is_described_and_chosen_from_options() -> None:
    llm = ChatTikHub(model="gpt-5", api_key="sk-x", service_tier="flex")
    tier = ConfigurableFieldSingleOption(id="tier", options={"fast": "priority", "slow": "flex"}, default="slow")
    chain: Any = llm.configurable_fields(service_tier=tier, verbosity=ConfigurableField(id="words"))
    assert {spec.id for spec in chain.config_specs} == {"tier", "words"}
    assert chain.config_schema().model_json_schema()
    found, _ = chain.prepare({"configurable": {"tier": "fast", "words": "low"}})
    assert found.model_kwargs == {"service_tier": "priority", "verbosity": "low"}
    further: Any = chain.configurable_fields(store=ConfigurableField(id="keep"))
    assert {spec.id for spec in further.config_specs} == {"tier", "words", "keep"}


def test_two_names_of_one_argument_are_refused_and_no_argument_is_langchains_error() -> None:
    llm = ChatTikHub(model="a", api_key="sk-x")
    with pytest.raises(ConfigurationError, match="'model' and 'model_name' are one argument"):
        llm.configurable_fields(model=ConfigurableField(id="a"), model_name=ConfigurableField(id="b"))
    with pytest.raises(ValueError, match="Configuration key nonsense not found"):
        llm.configurable_fields(nonsense=ConfigurableField(id="a"))


def test_a_configurable_model_is_saved_as_langchains_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKHUB_AI_API_KEY", "sk-of-the-environment")
    chain = ChatTikHub(model="a").configurable_fields(model_name=ConfigurableField(id="m"))
    with pytest.warns(LangChainBetaWarning):
        loaded: Any = load(
            json.loads(dumps(chain)),
            valid_namespaces=["langchain_tikhub"],
            allowed_objects=[ChatTikHub, RunnableConfigurableFields],
            secrets_from_env=True,
        )
    assert type(loaded) is RunnableConfigurableFields
    found: Any = loaded.prepare({"configurable": {"m": "b"}})[0]
    assert found.model == "b"


@pytest.mark.parametrize("name", ["api_key", "openai_api_key", "anthropic_api_key", "proxy", "openai_proxy"])
def test_an_id_by_which_langchain_would_trace_a_secret_is_warned_of(name: str) -> None:
    llm = ChatTikHub(model="a", api_key="sk-x")
    with pytest.warns(TikHubAIWarning, match="into traces") as told:
        llm.configurable_fields(**{name: ConfigurableField(id="my_secret")})
    hidden = str(told[0].message).split("name it '")[1].split("'")[0]
    assert hidden == "api_key" or hidden.startswith("__"), "these two are what LangChain leaves out"
    llm.configurable_fields(**{name: ConfigurableField(id=hidden)})
