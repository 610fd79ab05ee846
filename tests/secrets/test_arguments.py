"""Every name of a secret, in every class, by every way to write it: it is sent as what it is, and shown nowhere.

The names come from the table of arguments, so that a new one is walked by itself.
"""

from __future__ import annotations

import copy
import json
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.load import dumpd, dumps
from langchain_core.runnables import ConfigurableField
from llama_index.core.callbacks import CallbackManager
from llama_index.core.llms import ChatMessage

from langchain_tikhub import ChatTikHub, TikHubEmbeddings
from llama_index_tikhub import TikHub, TikHubEmbedding
from tests.secrets.callers import MODEL, success
from tests.secrets.canaries import CALL_HEADER, CALL_HEADERS, KEY, search
from tests.secrets.test_instrumentation import Callbacks, told
from tests.secrets.test_tracers import Everything, Tracer
from tikhub_ai.arguments import HEADERS, names_of
from tikhub_ai.secret_values import secret_kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scripted_server import ScriptedServer

FURTHER = {ChatTikHub: "model_kwargs", TikHubEmbeddings: "model_kwargs", TikHub: "additional_kwargs",
           TikHubEmbedding: "additional_kwargs"}  # fmt: skip
CHAT = (ChatTikHub, TikHub)
KEYS = ("api_key", "openai_api_key", "anthropic_api_key", "tikhub_api_key")
HI = [ChatMessage(content="hi")]
OTHER_KEY = "sk-of-the-class"


def value_of(name: str) -> Any:
    return dict(CALL_HEADERS) if name in HEADERS else KEY


def arguments(cls: Any, server: ScriptedServer, name: str) -> dict[str, Any]:
    """What a class is given besides the secret itself."""
    given: dict[str, Any] = {"base_url": server.url, "max_retries": 0}
    if cls in CHAT:
        given["model"] = MODEL
    return given if name in KEYS else {**given, "api_key": OTHER_KEY}


def call(subject: Any, **keywords: Any) -> None:
    """Call, plain and streamed where there is both."""
    if isinstance(subject, TikHubEmbeddings):
        subject.embed_query("a")
    elif isinstance(subject, TikHubEmbedding):
        subject.get_text_embedding("a")
    elif isinstance(subject, TikHub):
        subject.chat(HI, **keywords)
        subject.complete("hi", **keywords)
        list(subject.stream_chat(HI, **keywords))
    else:
        subject.invoke("hi", **keywords)
        list(subject.stream("hi", **keywords))


# --- ways to write it -----------------------------------------------------------------------------------------------


def by_constructor(cls: Any, given: dict[str, Any], name: str) -> Any:
    return cls(**given, **{name: value_of(name)})


def by_further(cls: Any, given: dict[str, Any], name: str) -> Any:
    return cls(**given, **{FURTHER[cls]: {name: value_of(name)}})


def by_the_other_frameworks_further(cls: Any, given: dict[str, Any], name: str) -> Any:
    other = "additional_kwargs" if FURTHER[cls] == "model_kwargs" else "model_kwargs"
    return cls(**given, **{other: {name: value_of(name)}})


def by_assignment(cls: Any, given: dict[str, Any], name: str) -> Any:
    subject = cls(**given)
    setattr(subject, "default_headers" if name in HEADERS else "api_key", value_of(name))
    return subject


def by_assigned_further(cls: Any, given: dict[str, Any], name: str) -> Any:
    subject = cls(**given)
    setattr(subject, FURTHER[cls], {name: value_of(name)})
    return subject


def by_copy(cls: Any, given: dict[str, Any], name: str) -> Any:
    return cls(**given).model_copy(update={FURTHER[cls]: {name: value_of(name)}})


def by_copied_field(cls: Any, given: dict[str, Any], name: str) -> Any:
    field = "default_headers" if name in HEADERS else "api_key"
    return cls(**given).model_copy(update={field: value_of(name)})


MADE: dict[str, Callable[..., Any]] = {
    "constructor": by_constructor,
    "further": by_further,
    "other further": by_the_other_frameworks_further,
    "assignment": by_assignment,
    "assigned further": by_assigned_further,
    "copy": by_copy,
    "copied field": by_copied_field,
}


NAMES = (*sorted(HEADERS), *KEYS)


@pytest.fixture
def gateway(server: ScriptedServer) -> ScriptedServer:
    server.answer = success
    return server


def assert_sent(gateway: ScriptedServer, name: str) -> None:
    assert gateway.requests
    for request in gateway.requests:
        body = json.dumps(request.json())
        search.through(f"body of a request with {name}", body)
        assert name not in body
        if name in KEYS:
            assert request.headers["authorization"] == f"Bearer {KEY}"
        else:
            assert request.headers["x-call"] == CALL_HEADER
            assert request.headers["authorization"] == f"Bearer {OTHER_KEY}"


def assert_shown_nowhere(subject: Any, place: str) -> None:
    search.shown(f"text of {place}", subject)
    search.through(f"variables of {place}", repr(vars(subject)))
    for one in (copy.copy(subject), copy.deepcopy(subject), subject.model_copy(), subject.model_copy(deep=True)):
        search.shown(f"text of a copy of {place}", one)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.json(f"model_dump of {place}", subject.model_dump())
        search.pickled(f"pickle of {place}", copy.deepcopy(subject))
        excluded = {"callback_manager", "callbacks", "cache"}
        search.through(f"model_dump_json of {place}", subject.model_dump_json(exclude=excluded))
        if isinstance(subject, (TikHub, TikHubEmbedding)):
            search.json(f"to_dict of {place}", [subject.to_dict(), subject.to_json(), subject.dict()])
        else:
            search.through(f"dumps of {place}", [dumps(subject), dumpd(subject)])
        if isinstance(subject, TikHub):
            search.json(f"to_payload of {place}", subject.to_payload())
        if isinstance(subject, ChatTikHub):
            views = [subject._identifying_params, subject.asdict(), subject._get_llm_string(), subject._serialized]
            search.through(f"identity of {place}", [*views, subject._get_invocation_params(), subject._get_ls_params()])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("way", MADE)
@pytest.mark.parametrize("cls", FURTHER, ids=lambda cls: cls.__name__)
@pytest.mark.filterwarnings("ignore:.*is an argument of its own")
def test_a_secret_of_the_class_is_sent_as_what_it_is_and_shown_nowhere(
    cls: Any, way: str, name: str, gateway: ScriptedServer
) -> None:
    subject = MADE[way](cls, arguments(cls, gateway, name), name)
    assert_shown_nowhere(subject, f"{cls.__name__} by {way}")
    call(subject)
    assert_sent(gateway, name)
    search.shown(f"text of a used {cls.__name__} by {way}", subject)


# --- with a call ----------------------------------------------------------------------------------------------------


def keywords(name: str, *, inside: str | None) -> dict[str, Any]:
    return {name: value_of(name)} if inside is None else {inside: {name: value_of(name)}}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("inside", [None, "model_kwargs", "additional_kwargs"])
def test_a_secret_of_a_langchain_call_is_told_to_the_gateway_alone(
    inside: str | None, name: str, gateway: ScriptedServer
) -> None:
    everything, tracer = Everything(), Tracer()
    llm = ChatTikHub(**arguments(ChatTikHub, gateway, name), callbacks=[everything, tracer])
    call(llm, **keywords(name, inside=inside))
    llm.batch(["a"], **keywords(name, inside=inside))
    assert_sent(gateway, name)
    for _, args, kwargs in everything.heard:
        search.through("callback", [args, kwargs])
    search.through("tracer", tracer.posted)
    search.through("LLM string", llm._get_llm_string(**keywords(name, inside=inside)))
    assert tracer.posted


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("inside", [None, "model_kwargs", "additional_kwargs"])
def test_a_secret_of_a_llama_index_call_is_told_to_the_gateway_alone(
    inside: str | None, name: str, gateway: ScriptedServer
) -> None:
    callbacks = Callbacks()
    llm = TikHub(**arguments(TikHub, gateway, name), callback_manager=CallbackManager([callbacks]))
    with told() as kept:
        call(llm, **keywords(name, inside=inside))
    assert_sent(gateway, name)
    assert callbacks.heard
    for place, what in (
        *kept,
        *callbacks.heard,
    ):  # they are handed the opaque values; whoever writes them down sees none
        search.through(f"LlamaIndex {place}, written", [repr(what), str(what), json.dumps(what, default=repr)])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("inside", [None, "model_kwargs"])
def test_a_bound_secret_is_shown_nowhere_however_it_was_bound(
    inside: str | None, name: str, gateway: ScriptedServer
) -> None:
    llm = ChatTikHub(**arguments(ChatTikHub, gateway, name))
    given = keywords(name, inside=inside)
    tool = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}
    ways = {
        "bind": llm.bind(**given),
        "bind twice": llm.bind(stop=["a"]).bind(**given),
        "bind after with_config": llm.with_config(tags=["a"]).bind(**given),
        "with_config after bind": llm.bind(**given).with_config(tags=["a"]),
        "bind_tools": llm.bind_tools([tool], **given),
        "bind after bind_tools": llm.bind_tools([tool]).bind(**given),
        "with_retry": llm.bind(**given).with_retry(stop_after_attempt=1),
        "with_fallbacks": llm.bind(**given).with_fallbacks([llm]),
    }
    for way, bound in ways.items():
        search.shown(f"text of {way}", bound)
        search.through(f"dumps of {way}", [dumps(bound), dumpd(bound), repr(bound.__dict__)])
        search.pickled(f"pickle of {way}", bound)
        bound.invoke("hi")
    assert_sent(gateway, name)
    assert len(gateway.requests) == len(ways)


@pytest.mark.parametrize("field", ["api_key", "default_headers"])
def test_a_configured_secret_is_used_and_shown_by_no_model(field: str, gateway: ScriptedServer) -> None:
    name = "api_key" if field == "api_key" else "extra_headers"
    llm = ChatTikHub(**arguments(ChatTikHub, gateway, name))
    configurable = llm.configurable_fields(**{field: ConfigurableField(id=field)})
    everything, tracer = Everything(), Tracer()
    config: Any = {"configurable": {field: value_of(name)}, "callbacks": [everything, tracer]}
    configurable.invoke("hi", config=config)
    assert_sent(gateway, name)
    for _, args, kwargs in everything.heard:
        search.through("callback of a configured model", [args, kwargs])
    search.through("tracer of a configured model", tracer.posted)


# --- caches ---------------------------------------------------------------------------------------------------------

TENANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "headers of the class": ({"default_headers": {"X-Tenant": "a"}}, {"default_headers": {"X-Tenant": "b"}}),
    "an alias of them": ({"extra_headers": {"X-Tenant": "a"}}, {"headers": {"X-Tenant": "b"}}),
    "headers and none": ({"default_headers": {"X-Tenant": "a"}}, {}),
    "keys": ({"api_key": "sk-a"}, {"api_key": "sk-b"}),
    "key functions": ({"api_key": lambda: "sk-a"}, {"api_key": lambda: "sk-b"}),
}


@pytest.mark.parametrize("tenants", TENANTS)
def test_a_cache_gives_no_tenants_answer_to_another(tenants: str, gateway: ScriptedServer) -> None:
    cache = InMemoryCache()
    one, other = (
        ChatTikHub(**{"model": MODEL, "base_url": gateway.url, "api_key": OTHER_KEY, "cache": cache} | given)
        for given in TENANTS[tenants]
    )
    one.invoke("hi")
    other.invoke("hi")
    assert len(gateway.requests) == 2
    one.invoke("hi")
    other.invoke("hi")
    one.model_copy().invoke("hi")
    assert len(gateway.requests) == 2


def test_a_cache_tells_calls_apart_by_their_headers_and_keys(gateway: ScriptedServer) -> None:
    llm = ChatTikHub(model=MODEL, base_url=gateway.url, api_key=OTHER_KEY, cache=InMemoryCache())
    for given in ({}, {"extra_headers": {"X": "1"}}, {"headers": {"X": "2"}}, {"api_key": KEY}):
        llm.invoke("hi", **given)
        llm.invoke("hi", **given)
    assert len(gateway.requests) == 4


@pytest.mark.parametrize("cls", FURTHER, ids=lambda cls: cls.__name__)
def test_headers_edited_in_place_are_those_of_the_next_call(cls: Any, gateway: ScriptedServer) -> None:
    subject = cls(**arguments(cls, gateway, "headers"), default_headers={"X-Tenant": "a"})
    call(subject)
    seen = len(gateway.requests)
    subject.default_headers["X-Tenant"] = "b"
    call(subject)
    tenants = [request.headers["x-tenant"] for request in gateway.requests]
    assert tenants == ["a"] * seen + ["b"] * seen


def test_headers_edited_in_place_are_another_caller_to_a_cache(gateway: ScriptedServer) -> None:
    headers = {"X-Tenant": "a"}
    llm = ChatTikHub(
        model=MODEL, base_url=gateway.url, api_key=OTHER_KEY, default_headers=headers, cache=InMemoryCache()
    )
    llm.invoke("hi")
    assert llm.default_headers is not None
    llm.default_headers["X-Tenant"] = "b"
    llm.invoke("hi")
    assert len(gateway.requests) == 2


def test_the_walk_knows_every_secret_of_the_table() -> None:
    assert {secret_kind(name) for name in HEADERS} == {"headers"}
    assert {secret_kind(name) for name in KEYS} == {"api_key"}
    assert {secret_kind(name) for name in names_of("proxy")} == {"proxy"}
    assert {other for name in NAMES for other in names_of(name)} <= {*NAMES}
