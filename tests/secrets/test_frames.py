"""No variable of our frames shows a secret to those who look into the frames of an error."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel, SecretStr

from langchain_tikhub import ChatTikHub, TikHubEmbeddings
from llama_index_tikhub import TikHub, TikHubEmbedding
from tests.scripted_server import Answer, sse
from tests.secrets.callers import CALLERS, MODEL, OF_THE_CORE, STREAM, event, secrets
from tests.secrets.canaries import CALL_HEADERS, DEFAULT_HEADER, KEY, PROXY_PASSWORD, named_in, search
from tests.secrets.frames import Sentry, frames_of, seen_by_python, seen_by_rich, seen_by_walking
from tests.secrets.media_callers import MEDIA_CALLERS, MEDIA_CLASSES, form_says, is_form
from tikhub_ai import APIConnectionError, Settings, TikHubAIError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.scripted_server import Request, ScriptedServer

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sentry() -> Iterator[Sentry]:
    running = Sentry()
    yield running
    running.close()


def look(place: str, error: BaseException, sentry: Sentry) -> None:
    """All four looks into the frames of an error."""
    assert list(frames_of(error)), "the error passed none of our frames"
    for how, hits in {
        "a walk": seen_by_walking(error),
        "Python": seen_by_python(error),
        "rich": seen_by_rich(error),
        "Sentry": sentry.sees(error),
    }.items():
        search.places[f"frames seen by {how}"] += 1
        search.hits += hits
        assert not hits, f"{how} sees secrets in frames of {place}: {hits}"


# --- calls ----------------------------------------------------------------------------------------------------------


def wants_stream(request: Request) -> bool:
    if is_form(request):
        return form_says(request, "stream")
    return bool(request.body) and bool(request.json().get("stream"))


def cut(request: Request) -> Answer:
    if wants_stream(request):
        return Answer(sse(*STREAM[:1]).body, cut=True)
    return Answer([b'{"id": "c1", "cho'], cut=True)


def late_error(request: Request) -> Answer:
    failure = {"error": {"message": "no", "type": "invalid_request_error"}}
    return sse(event(content="Hel"), failure) if wants_stream(request) else Answer(failure)


@dataclass(frozen=True)
class Fault:
    answer: Callable[[Request], Answer] | None = None
    settings: tuple[tuple[str, Any], ...] = ()


FAULTS = {
    "refused": Fault(settings=(("base_url", "http://127.0.0.1:9"),)),
    "400": Fault(lambda _: Answer({"error": {"message": "no"}}, 400)),
    "400 after retries": Fault(
        lambda _: Answer({"error": {"message": "no"}}, 503, {"retry-after-ms": "1"}), (("max_retries", 1),)
    ),
    "timeout": Fault(lambda _: Answer(held=True), (("timeout", 0.05),)),
    "cut": Fault(cut),
    "error inside": Fault(late_error),
    "bad header": Fault(settings=(("default_headers", {"X-Default": f"{DEFAULT_HEADER}\r\n"}),)),
    "bad name of a header": Fault(settings=(("default_headers", {"X Default": DEFAULT_HEADER}),)),
    "bad key": Fault(settings=(("api_key", f"{KEY} {KEY}"),)),
    "bad proxy": Fault(settings=(("proxy", f"nonsense://u:{PROXY_PASSWORD}@p"),)),
    "proxy refuses": Fault(settings=(("proxy", f"http://u:{PROXY_PASSWORD}@127.0.0.1:9"),)),
}
KEYS: dict[str, Any] = {
    "text": KEY,
    "SecretStr": SecretStr(KEY),
    "function": lambda: KEY,
    "environment": None,
}
USUAL = [(fault, "text", "auto") for fault in FAULTS]
OTHERS = [
    *((fault, "text", backend) for fault in FAULTS for backend in ("httpx", "httpx2")),
    *((fault, key, "auto") for fault in ("refused", "400") for key in KEYS if key != "text"),
]
CASES = [*USUAL, *(pytest.param(*case, marks=pytest.mark.long) for case in OTHERS)]


@pytest.mark.parametrize(("fault", "key", "backend"), CASES)
def test_no_call_that_fails_shows_a_secret_in_our_frames(
    fault: str, key: str, backend: str, server: ScriptedServer, sentry: Sentry, monkeypatch: pytest.MonkeyPatch
) -> None:
    if key == "environment":
        monkeypatch.setenv("TIKHUB_AI_API_KEY", KEY)
    server.answer = FAULTS[fault].answer
    given = {"base_url": server.url, "api_key": KEYS[key], "http_backend": backend, **dict(FAULTS[fault].settings)}
    callers = CALLERS
    if fault in {"refused", "400", "cut", "bad header", "bad proxy"} and (backend, key) == ("auto", "text"):
        callers = CALLERS | MEDIA_CALLERS
    for name, caller in callers.items():
        if backend == "httpx" and ".a" not in name:
            continue  # sync calls go over httpx with `auto` too
        if (backend, key) != ("auto", "text") and name not in OF_THE_CORE:
            continue  # which library it is, and where the key comes from, frameworks do not know
        try:
            subject = caller.make(**secrets(**given))
        except (ValueError, TypeError) as error:  # some classes look at their proxy at once
            look(f"{name}, {fault}", error, sentry)
            continue
        outcome = caller.run(subject)
        assert isinstance(outcome.error, TikHubAIError), f"{name}: {outcome.printed or 'no error'}"
        look(f"{name}, {fault}", outcome.error, sentry)


# --- what is refused before anything is sent ------------------------------------------------------------------------

CLASSES: dict[str, Callable[..., Any]] = {
    "Settings": Settings,
    "ChatTikHub": lambda **given: ChatTikHub(model=MODEL, **given),
    "TikHubEmbeddings": TikHubEmbeddings,
    "TikHub": lambda **given: TikHub(model=MODEL, **given),
    "TikHubEmbedding": TikHubEmbedding,
    **MEDIA_CLASSES,
}
WRONG: dict[str, dict[str, Any]] = {
    "base_url": {"base_url": "nonsense"},
    "max_retries": {"max_retries": -1},
    "auth_header": {"auth_header": "not a name"},
    "http_backend": {"http_backend": "curl"},
    "a list of keys": {"api_key": [KEY]},
    "headers in a list": {"default_headers": [DEFAULT_HEADER]},
    "headers of lists": {"default_headers": {"a": [DEFAULT_HEADER]}},
    "headers as text": {"default_headers": DEFAULT_HEADER},
    "a list of proxies": {"proxy": [f"http://u:{PROXY_PASSWORD}@p"]},
    "key by another name": {"openai_api_key": KEY, "api_key": None, "base_url": "nonsense"},
    "headers by another name": {"additional_headers": CALL_HEADERS, "base_url": "nonsense"},
}


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.filterwarnings("ignore::tikhub_ai.TikHubAIWarning", "ignore:.*no parameter of")
def test_no_constructor_that_refuses_an_argument_shows_a_secret_in_our_frames(
    name: str, wrong: str, sentry: Sentry
) -> None:
    try:
        CLASSES[name](**secrets(proxy=f"http://u:{PROXY_PASSWORD}@p") | WRONG[wrong])
    except (ValueError, TypeError) as error:
        if list(frames_of(error)):  # pydantic's ValidationError may pass none
            look(f"{name}({wrong})", error, sentry)


@pytest.mark.parametrize("way", ["chat", "stream_chat", "complete", "stream_complete", "structured_predict"])
def test_headers_of_a_llama_index_call_show_in_no_frame_of_ours(way: str, sentry: Sentry) -> None:
    llm = TikHub(model=MODEL, **secrets(base_url="http://127.0.0.1:9"))
    said: Any = "hi" if "complete" in way else [ChatMessage(content="hi")]
    calls = {
        "structured_predict": lambda: llm.structured_predict(
            Model, PromptTemplate("hi"), llm_kwargs={"extra_headers": dict(CALL_HEADERS)}
        )
    }
    call = calls.get(way, lambda: list(getattr(llm, way)(said, extra_headers=dict(CALL_HEADERS))))
    with pytest.raises(APIConnectionError) as caught:
        call()
    look(f"TikHub.{way}", caught.value, sentry)


class Model(BaseModel):
    a: str


# --- the look itself ------------------------------------------------------------------------------------------------

PLANTED = {
    "text": "key",
    "dict": "{'authorization': key}",
    "deep": "{'a': [({'b': key},)]}",
    "dataclass": "Box(key)",
    "attribute": "Plain(key)",
}
HOLDERS = """
from dataclasses import dataclass
@dataclass
class Box:
    held: str
class Plain:
    def __init__(self, held):
        self.held = held
def send(key):
    local = {planted}
    key = None
    raise ValueError
"""


@pytest.mark.parametrize("form", PLANTED)
def test_a_secret_planted_in_a_frame_of_ours_is_seen(
    form: str, sentry: Sentry, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: Any = {"__name__": "tikhub_ai.planted"}
    monkeypatch.setitem(sys.modules, "tikhub_ai.planted", SimpleNamespace(**module))
    source = HOLDERS.format(planted=PLANTED[form])
    exec(compile(source, "/x/tikhub_ai/planted.py", "exec"), module)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the planted one
        module["send"](KEY)
    assert seen_by_walking(caught.value)
    if form != "attribute":  # which only the walk follows
        assert seen_by_python(caught.value)
        assert seen_by_rich(caught.value)
        assert sentry.sees(caught.value)


# --- whole programs -------------------------------------------------------------------------------------------------

PROGRAM = """
import asyncio, os
import pytest
from tikhub_ai import ChatClient, ChatRequest, Message, Settings, Text

def given():
    return {"default_headers": {"X-Default": os.environ["HEADER"]}, "base_url": os.environ["URL"], "max_retries": 0}

def ask():
    return ChatRequest("m", [Message("user", [Text("hi")])], extra_headers={"X-Call": os.environ["CALL"]})

async def whole(stream):
    return [item async for item in stream]

CALLS = {
    "complete": lambda: ChatClient(Settings(**given())).complete(ask()),
    "stream": lambda: list(ChatClient(Settings(**given())).stream(ask())),
    "acomplete": lambda: asyncio.run(ChatClient(Settings(**given())).acomplete(ask())),
    "astream": lambda: asyncio.run(whole(ChatClient(Settings(**given())).astream(ask()))),
    "httpx2": lambda: asyncio.run(ChatClient(Settings(**given(), http_backend="httpx2")).acomplete(ask())),
}
"""
UNDER_PYTEST = """
from langchain_tikhub import ChatTikHub, TikHubEmbeddings
from llama_index_tikhub import TikHub
from llama_index.core.llms import ChatMessage

CALLS |= {
    "invoke": lambda: ChatTikHub(model="m", **given()).invoke("hi"),
    "lc astream": lambda: asyncio.run(whole(ChatTikHub(model="m", **given()).astream("hi"))),
    "embed": lambda: TikHubEmbeddings(**given()).embed_documents(["a"]),
    "stream_chat": lambda: list(TikHub(model="m", **given()).stream_chat([ChatMessage(content="hi")])),
}

@pytest.mark.parametrize("url", ["http://127.0.0.1:9", os.environ["URL"]])
@pytest.mark.parametrize("name", CALLS)
def test_it(name, url, monkeypatch):
    monkeypatch.setenv("URL", url)
    CALLS[name]()
"""
UNDER_SENTRY = """
import sys
import sentry_sdk
from tests.secrets.frames import Captured, seen_in_event
sent = Captured()
sentry_sdk.init(dsn="http://key@127.0.0.1:9/1", transport=sent, include_local_variables=True, traces_sample_rate=1.0)
for call in CALLS.values():
    try:
        call()
    except Exception as error:
        sentry_sdk.capture_exception(error)
hits = [hit for event in sent.events if "exception" in event for hit in seen_in_event(event)]
print(len([event for event in sent.events if "exception" in event]), hits)
print([event.get("breadcrumbs") for event in sent.events])
"""


def environment(server: ScriptedServer) -> dict[str, str]:
    found = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    found |= {"HEADER": DEFAULT_HEADER, "CALL": CALL_HEADERS["X-Call"], "TIKHUB_AI_API_KEY": KEY, "URL": server.url}
    return found | {"PYTHONPATH": str(ROOT)}


@pytest.mark.long
def test_pytest_shows_no_secret_among_the_variables_of_a_failed_test(server: ScriptedServer, tmp_path: Path) -> None:
    server.answers = [Answer({"error": {"message": "no"}}, 400)]
    (tmp_path / "test_it.py").write_text(PROGRAM + UNDER_PYTEST)
    command = [sys.executable, "-m", "pytest", "-l", "-p", "no:cacheprovider", "-p", "no:randomly", "--tb=long", "-vv"]
    given = environment(server)
    done = subprocess.run(
        [*command, "test_it.py"], capture_output=True, text=True, env=given, cwd=tmp_path, check=False, timeout=240
    )
    assert "18 failed" in done.stdout, done.stdout[-2000:] + done.stderr
    assert "backend.open" in done.stdout, "frames of ours are shown"
    search.places["pytest -l"] += 1
    shown = [line for line in done.stdout.splitlines() if named_in(line)]
    assert not shown


@pytest.mark.long
def test_a_program_with_all_of_sentry_in_it_sends_no_secret_of_our_frames(
    server: ScriptedServer, tmp_path: Path
) -> None:
    server.answers = [Answer({"error": {"message": "no"}}, 400)]
    path = tmp_path / "program.py"
    path.write_text(PROGRAM + UNDER_SENTRY)
    done = subprocess.run(
        [sys.executable, str(path)],
        capture_output=True,
        text=True,
        env=environment(server),
        cwd=tmp_path,
        check=False,
        timeout=240,
    )
    assert done.stdout.startswith("5 []"), done.stdout[-3000:] + done.stderr[-2000:]
    search.places["a program with Sentry"] += 1
    assert not named_in(done.stdout)
