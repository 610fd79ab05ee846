"""Whatever an object can be turned into: text, dicts, saved forms, pickles, copies. None of it shows a secret."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import pickle
import pprint
import warnings
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from langchain_core.load import dumpd, dumps
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import ConfigurableField, RunnableConfig
from llama_index.core.schema import TextNode

from langchain_tikhub import ChatTikHub, TikHubEmbeddings
from llama_index_tikhub import TikHub, TikHubEmbedding
from tests.secrets.callers import CALLERS, MODEL, secrets, success
from tests.secrets.canaries import CALL_HEADERS, DEFAULT_HEADER, KEY, PROXY_PASSWORD, search
from tests.secrets.media_callers import MEDIA_CLASSES
from tikhub_ai import ChatClient, EmbeddingsClient, Key, SecretHeaders, Settings, Transport

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scripted_server import ScriptedServer

PROXY = f"http://someone:{PROXY_PASSWORD}@proxy.invalid:3128"


def key_function() -> str:
    return KEY


async def async_key_function() -> str:
    return KEY


SOURCES: dict[str, Any] = {"text": KEY, "environment": None, "function": key_function, "async": async_key_function}
each_source = pytest.mark.parametrize("source", SOURCES)

CLASSES: dict[str, Callable[..., Any]] = {
    "Settings": Settings,
    "Transport": lambda **given: Transport(Settings(**given)),
    "ChatClient": lambda **given: ChatClient(Settings(**given)),
    "EmbeddingsClient": lambda **given: EmbeddingsClient(Settings(**given), extra_headers=CALL_HEADERS),
    "ChatTikHub": lambda **given: ChatTikHub(model=MODEL, **given),
    "TikHubEmbeddings": TikHubEmbeddings,
    "TikHub": lambda **given: TikHub(model=MODEL, **given),
    "TikHubEmbedding": TikHubEmbedding,
    **MEDIA_CLASSES,
}
each_class = pytest.mark.parametrize("name", CLASSES)
PYDANTIC = ("ChatTikHub", "TikHubEmbeddings", "TikHub", "TikHubEmbedding", "Transcriber", "Videos")
each_pydantic_class = pytest.mark.parametrize("name", PYDANTIC)


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    def made(name: str, source: str = "text", **given: Any) -> Any:
        if source == "environment":
            monkeypatch.setenv("TIKHUB_AI_API_KEY", KEY)
        return CLASSES[name](**secrets(proxy=PROXY, **given) | {"api_key": SOURCES[source]})

    return made


@each_source
@each_class
def test_no_text_of_an_object_shows_a_secret(make: Any, name: str, source: str) -> None:
    subject = make(name, source)
    search.shown(f"text of {name}", subject)
    search.through(f"pprint of {name}", pprint.pformat(subject))
    search.through(f"format of {name}", [f"{subject}", f"{subject!a}", "%s" % subject, "%r" % [subject]])  # noqa: UP031
    for held in vars(subject).values() if hasattr(subject, "__dict__") else ():
        search.shown(f"text of what {name} holds", held) if held != PROXY else None
    logging.getLogger("an application").debug("using %s and %r", subject, {"model": subject})


@each_source
@each_class
def test_copies_show_no_more_than_the_original(make: Any, name: str, source: str) -> None:
    subject = make(name, source)
    copies = [copy.copy(subject), copy.deepcopy(subject)]
    if name in PYDANTIC:
        copies += [subject.model_copy(), subject.model_copy(deep=True), subject.model_copy(update={"max_retries": 1})]
    if name == "Settings":
        copies.append(replace(subject, max_retries=1))
    for copied in copies:
        search.shown(f"copy of {name}", copied)


@each_source
@each_pydantic_class
def test_no_dump_of_a_model_holds_a_secret(make: Any, name: str, source: str) -> None:
    subject = make(name, source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydantic's, of LangChain's and LlamaIndex's own fields
        for options in ({}, {"mode": "json"}, {"exclude_unset": True}, {"exclude_defaults": True}, {"by_alias": True}):
            skipped = {"cache", "callbacks", "callback_manager", "rate_limiter"} if "mode" in options else set()
            search.json(f"{name}.model_dump", subject.model_dump(exclude=skipped, **options))
        search.through(f"{name}.model_dump_json", subject.model_dump_json(exclude={"callback_manager", "callbacks"}))
    search.json(
        f"{name} schema", type(subject).model_json_schema(mode="serialization") if name == "TikHubEmbeddings" else {}
    )
    search.through(f"{name} signature", repr(type(subject).__signature__))


@each_source
def test_settings_as_a_dict_show_no_secret(make: Any, source: str) -> None:
    settings = make("Settings", source, http_client=None)
    search.shown("asdict(Settings)", asdict(settings))
    search.shown("Settings' headers", settings.default_headers)
    search.shown("Settings' key", settings.api_key)


@each_source
@each_class
def test_no_pickle_holds_a_secret(make: Any, name: str, source: str) -> None:
    """Whatever the source: what is read again, or lost, is not in it."""
    subject = make(name, source)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*(not travel|Not pickled)")
        search.pickled(f"pickle of {name}", subject)
        search.pickled(f"pickle of {name} in a chain", {"steps": [subject]})


@each_source
def test_the_parts_of_settings_pickle_without_their_secrets(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKHUB_AI_API_KEY", KEY)
    settings = Settings(api_key=SOURCES[source], default_headers={"X-Default": DEFAULT_HEADER})
    search.pickled("pickled Settings", settings)
    search.pickled("pickled headers", settings.default_headers)
    search.pickled("pickled key", Key(KEY))
    search.pickled("pickled key of the environment", Key(KEY, "TIKHUB_AI_API_KEY"))
    search.pickled("pickled headers by themselves", SecretHeaders({"X-Default": DEFAULT_HEADER}))


@each_source
def test_langchains_saved_forms_hold_no_secret(make: Any, source: str) -> None:
    llm = make("ChatTikHub", source)
    chain = ChatPromptTemplate.from_messages([("user", "{q}")]) | llm
    bound = llm.bind(extra_headers=CALL_HEADERS, stop=["a"])
    tools = llm.bind_tools([{"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}])
    structured = llm.with_structured_output({"title": "A", "description": "d", "type": "object", "properties": {}})
    configurable = llm.configurable_fields(temperature=ConfigurableField(id="t"))
    embeddings = make("TikHubEmbeddings", source)
    for saved in (llm, chain, bound, tools, structured, configurable, llm.with_retry(), llm.with_fallbacks([llm])):
        search.through("dumps", dumps(saved))
        search.through("dumps, pretty", dumps(saved, pretty=True))
        search.through("dumpd", dumpd(saved))
        search.shown("text of a chain", saved)
    search.through("dumps of embeddings", [dumps(embeddings), dumpd(embeddings)])
    search.through("to_json", llm.to_json())
    search.through("asdict of ChatTikHub", llm.asdict())
    search.json("graph of a chain", chain.get_graph().to_json())
    for view in (llm._identifying_params, llm._serialized, llm._get_invocation_params(), llm._get_llm_string()):
        search.through("identity of ChatTikHub", view)
    search.through("params for LangSmith", llm._get_ls_params(stop=["a"], extra_headers=CALL_HEADERS))
    given = {"extra_headers": CALL_HEADERS, "stop": ["a"]}
    search.through("cache key", [llm._get_llm_string(**given), bound.bound._get_llm_string(**bound.kwargs)])
    search.through("invocation params", llm._get_invocation_params(**given))
    search.through("config", [bound.config, llm.with_config(RunnableConfig(tags=["a"])).config])


@each_source
def test_llama_indexs_saved_forms_hold_no_secret(make: Any, source: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("TikHub", "TikHubEmbedding"):
            subject = make(name, source)
            search.json(f"{name}.to_dict", subject.to_dict())
            search.json(f"{name}.dict", subject.dict())
            search.through(f"{name}.to_json", subject.to_json())
            search.through(f"{name}.json", subject.json())
            if hasattr(subject, "to_payload"):
                search.json(f"{name}.to_payload", subject.to_payload())
            search.through(f"{name}.class_name", subject.class_name())
        llm = make("TikHub", source)
        search.json("TikHub.metadata", llm.metadata.model_dump())
        search.json("TikHub.as_structured_llm", repr(llm.as_structured_llm(TextNode)))


@each_pydantic_class
@pytest.mark.parametrize(
    "wrong",
    [
        {"api_key": [KEY]},
        {"api_key": {"key": KEY}},
        {"default_headers": [DEFAULT_HEADER]},
        {"default_headers": {"a": [DEFAULT_HEADER]}},
        {"default_headers": DEFAULT_HEADER},
        {"max_retries": "many"},
        {"http_backend": "curl"},
        {"http_backend": KEY},
        {"proxy": [PROXY]},
        {"base_url": f"https://user:{KEY}@gateway.invalid"},
        {"base_url": f"https://gateway.invalid?key={KEY}"},
        {"base_url": f"https://gateway.invalid#{KEY}"},
        {"base_url": f"user:{KEY}@gateway.invalid"},
        {"base_url": f"//user:{KEY}@gateway.invalid"},
        {"base_url": f"ftp://user:{KEY}@gateway.invalid"},
        {"base_url": f"gateway.invalid/?key={KEY}"},
    ],
    ids=str,
)
def test_an_argument_that_is_refused_is_not_quoted(name: str, wrong: dict[str, Any]) -> None:
    try:
        CLASSES[name](**secrets(**wrong))
    except (ValueError, TypeError) as error:
        found = error
    else:
        return  # what LlamaIndex or LangChain put up with
    search.through("refused argument", [str(found), repr(found), found.args, vars(found)])
    search.through("refused argument's causes", [str(found.__cause__), str(found.__context__)])
    if hasattr(found, "errors"):
        said = [
            {name: value for name, value in line.items() if name not in {"input", "ctx"}} for line in found.errors()
        ]
        search.through("ValidationError.errors", said)
        search.through(
            "ValidationError.errors(include_input=False)", found.errors(include_input=False, include_context=False)
        )


@each_pydantic_class
def test_a_setting_changed_later_is_as_secret(make: Any, name: str) -> None:
    subject = make(name)
    for field, value in {"api_key": KEY, "default_headers": {"X-Default": DEFAULT_HEADER}}.items():
        setattr(subject, field, value)
    search.shown(f"text of a changed {name}", subject)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.json(f"dump of a changed {name}", subject.model_dump())
        search.pickled(f"pickle of a changed {name}", subject)


@pytest.mark.parametrize("name", ["ChatTikHub.invoke", "ChatTikHub.ainvoke", "TikHub.chat", "ChatClient.complete"])
def test_a_used_object_shows_no_more_than_a_new_one(name: str, server: ScriptedServer) -> None:
    server.answer = success
    caller = CALLERS[name]
    subject = caller.make(**secrets(base_url=server.url))
    assert caller.run(subject).error is None
    search.shown(f"text of a used {name}", subject)
    search.pickled(f"pickle of a used {name}", subject)
    search.shown(f"attributes of a used {name}", {**vars(subject)} | {"default_headers": None, "proxy": None})


def test_an_injected_client_is_not_shown_with_its_own_headers() -> None:
    client = httpx.Client(headers={"X-Default": DEFAULT_HEADER}, auth=("u", KEY))
    aclient = httpx.AsyncClient(headers={"X-Default": DEFAULT_HEADER})
    with client, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, kind in CLASSES.items():
            subject = kind(http_client=client, http_async_client=aclient)
            search.shown(f"text of {name} with a client", subject)
            if name in PYDANTIC:
                search.through(f"dump of {name} with a client", json.dumps(subject.model_dump(), default=repr))
                search.through(f"pickle of {name} with a client", _pickle_or_refusal(subject))
    asyncio.run(aclient.aclose())


def _pickle_or_refusal(subject: Any) -> bytes | str:
    try:
        return pickle.dumps(subject)
    except TypeError as refusal:  # a client holds locks
        return str(refusal)
