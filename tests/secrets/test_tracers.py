"""What LangChain tells its tracers, callbacks, caches and event streams."""

from __future__ import annotations

import asyncio
import json
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tracers.base import BaseTracer

from langchain_tikhub import ChatTikHub, TikHubAIError
from tests.secrets.callers import CALLERS, MODEL, secrets, success
from tests.secrets.callers import kept as keep
from tests.secrets.canaries import CALL_HEADERS, KEY, search
from tests.secrets.test_calls import FAULTS

if TYPE_CHECKING:
    from langchain_core.tracers.schemas import Run

    from tests.scripted_server import ScriptedServer

WAYS = [name for name in CALLERS if name.startswith("ChatTikHub")]
each_way = pytest.mark.parametrize("name", WAYS)
each_fault = pytest.mark.parametrize(
    "fault", ["success", "401", "500", "cut", "error in a stream", "HTML", "redirect", "no JSON in a stream"]
)
heard = pytest.mark.heard_by_httpcore("servers here echo the key in their headers, and httpcore logs what it hears")


class Everything(BaseCallbackHandler):
    """Keeps every argument of every callback."""

    raise_error = True

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any, Any]] = []


def _keeping(name: str) -> Any:
    def keep(self: Everything, *args: Any, **kwargs: Any) -> None:
        self.heard.append((name, args, kwargs))

    return keep


for _name in [name for name in dir(BaseCallbackHandler) if name.startswith("on_")]:
    setattr(Everything, _name, _keeping(_name))


class Tracer(BaseTracer):
    """Keeps runs as LangSmith would post them."""

    run_inline = True

    def __init__(self) -> None:
        super().__init__()
        self.posted: list[Any] = []

    def _persist_run(self, run: Run) -> None:
        self._keep(run)

    def _on_run_create(self, run: Run) -> None:
        self._keep(run)

    def _on_run_update(self, run: Run) -> None:
        self._keep(run)

    def _keep(self, run: Run) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dumped = run.model_dump(exclude={"child_runs", "client", "ls_client", "parent_run", "session"})
        self.posted += [dumped, json.dumps(dumped, default=repr), run.error, run.serialized, run.extra, repr(run)]


def search_traces(fault: str, everything: Everything, tracer: Tracer) -> None:
    assert {"on_chat_model_start"} < {name for name, _, _ in everything.heard}
    assert len(tracer.posted) >= 12, "a run has begun and ended"
    for name, args, kwargs in everything.heard:
        search.through(f"callback {name}, {fault}", [args, kwargs])
    for run in tracer.posted:
        search.through(f"traced run, {fault}", run)


@heard
@each_fault
@each_way
def test_tracers_and_callbacks_are_told_no_secret(name: str, fault: str, server: ScriptedServer) -> None:
    server.answer = lambda request: FAULTS[fault](request, KEY)
    everything, tracer = Everything(), Tracer()
    caller = CALLERS[name]
    outcome = caller.run(
        caller.make(**secrets(base_url=server.url, callbacks=[everything, tracer], include_response_headers=True))
    )
    assert (outcome.error is None) == (fault == "success"), outcome.printed
    search_traces(fault, everything, tracer)


@heard
@pytest.mark.parametrize("fault", ["success", "401"])
def test_a_chain_of_a_bound_model_tells_its_tracers_no_secret(fault: str, server: ScriptedServer) -> None:
    server.answer = lambda request: FAULTS[fault](request, KEY)
    llm = ChatTikHub(model=MODEL, **secrets(base_url=server.url))
    tool = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}
    for bound in (
        llm.bind(extra_headers=CALL_HEADERS),
        llm.bind_tools([tool], extra_headers=CALL_HEADERS),
        llm.bind(extra_headers=CALL_HEADERS).with_retry(stop_after_attempt=1),
        llm.bind(extra_headers=CALL_HEADERS).with_fallbacks([llm]),
    ):
        everything, tracer = Everything(), Tracer()
        chain = ChatPromptTemplate.from_messages([("user", "{q}")]) | bound
        for call in (chain.invoke, lambda *a, chain=chain, **k: list(chain.stream(*a, **k)), chain.batch):
            question: Any = [{"q": "hi"}, {"q": "ho"}] if call == chain.batch else {"q": "hi"}
            try:
                call(question, config={"callbacks": [everything, tracer], "metadata": {"a": 1}})
            except TikHubAIError as error:
                search.through(f"chain, {fault}", error)
        search_traces(f"chain, {fault}", everything, tracer)
    sent = {request.headers.get("x-call") for request in server.requests}
    assert CALL_HEADERS["X-Call"] in sent


@heard
@each_fault
@pytest.mark.parametrize("version", ["v1", "v2", "v3", "v3 sync", "log"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*beta")
def test_event_streams_hold_no_secret(version: str, fault: str, server: ScriptedServer) -> None:
    server.answer = lambda request: FAULTS[fault](request, KEY)
    llm = ChatTikHub(model=MODEL, **secrets(base_url=server.url, include_response_headers=True))
    ways: list[tuple[Any, dict[str, Any]]] = [
        (llm, {"extra_headers": CALL_HEADERS}),
        (llm.bind(extra_headers=CALL_HEADERS), {}),
    ]
    for model, given in ways:
        kept: list[Any] = []
        try:
            if version == "v3 sync":
                kept += llm.stream_events("hi", version="v3", extra_headers=CALL_HEADERS)
            elif version == "log":
                asyncio.run(keep(model.astream_log("hi", **given), kept), debug=True)
            elif version == "v3":
                asyncio.run(_v3(llm, kept), debug=True)
            else:
                asyncio.run(keep(model.astream_events("hi", version=version, **given), kept), debug=True)
        except TikHubAIError as error:
            search.through(f"error of events {version}, {fault}", error)
            assert fault != "success"
        if fault == "success":
            assert kept
        search.through(f"events {version}, {fault}", kept)
    assert CALL_HEADERS["X-Call"] in {request.headers.get("x-call") for request in server.requests}


async def _v3(llm: ChatTikHub, kept: list[Any]) -> None:
    await keep(await llm.astream_events("hi", version="v3", extra_headers=CALL_HEADERS), kept)


@each_way
def test_a_cache_holds_no_secret_and_keeps_callers_apart(name: str, server: ScriptedServer) -> None:
    server.answer = success
    cache = InMemoryCache()
    caller = CALLERS[name]
    llm = caller.make(**secrets(base_url=server.url, cache=cache))
    assert caller.run(llm).error is None
    search.through("LangChain's cache", cache._cache)
    model = getattr(llm, "bound", llm)
    for header in ("of-one-caller", "of-another", "of-one-caller"):
        model.invoke("who am I?", extra_headers={"X-Call": header})
    assert [request.headers["x-call"] for request in server.requests[-2:]] == ["of-one-caller", "of-another"]
    search.through("LangChain's cache", cache._cache)
