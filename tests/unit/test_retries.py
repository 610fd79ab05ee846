"""When a request goes out again, when not, who is told, and what is logged."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from langchain_tikhub import ChatTikHub, TikHubEmbeddings
from llama_index_tikhub import TikHub, TikHubEmbedding
from tests.scripted_server import Answer
from tests.secrets.callers import success
from tikhub_ai import (
    AuthenticationError,
    ChatClient,
    ChatRequest,
    ConfigurationError,
    EmbeddingsClient,
    Message,
    RateLimitError,
    Retry,
    ServerError,
    Settings,
    Text,
    Transport,
)
from tikhub_ai.http import retries
from tikhub_ai.wire import ApiRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scripted_server import Request, ScriptedServer

ROOT = Path(__file__).parents[2]
PROMPT = "a prompt that nobody logs"
REQUEST = ChatRequest("m", [Message("user", [Text(PROMPT)])])
BUSY = {"error": {"message": "what the server says of it"}}


async def complete(**given: Any) -> Any:
    return ChatClient(Settings(**given)).complete(REQUEST)


async def acomplete(**given: Any) -> Any:
    return await ChatClient(Settings(**given)).acomplete(REQUEST)


async def stream(**given: Any) -> Any:
    return list(ChatClient(Settings(**given)).stream(REQUEST))


async def astream(**given: Any) -> Any:
    return [delta async for delta in ChatClient(Settings(**given)).astream(REQUEST)]


async def embed(**given: Any) -> Any:
    return EmbeddingsClient(Settings(**given), batch_size=1).embed([PROMPT])


async def aembed(**given: Any) -> Any:
    return await EmbeddingsClient(Settings(**given), batch_size=1).aembed([PROMPT])


async def langchain(**given: Any) -> Any:
    return ChatTikHub(model="m", **given).invoke(PROMPT)


async def langchain_async(**given: Any) -> Any:
    return await ChatTikHub(model="m", **given).ainvoke(PROMPT)


async def langchain_embeddings(**given: Any) -> Any:
    return TikHubEmbeddings(**given).embed_query(PROMPT)


async def llama_index(**given: Any) -> Any:
    return TikHub(model="m", **given).complete(PROMPT)


async def llama_index_embedding(**given: Any) -> Any:
    return TikHubEmbedding(**given).get_text_embedding(PROMPT)


WAYS = [complete, acomplete, stream, astream, embed, aembed]
WAYS += [langchain, langchain_async, langchain_embeddings, llama_index, llama_index_embedding]
each_way = pytest.mark.parametrize("ask", WAYS, ids=lambda ask: ask.__name__)


def busy(wait: str, status: int = 429) -> Answer:
    return Answer(BUSY, status, {"retry-after": wait})


def given(server: ScriptedServer, **settings: Any) -> dict[str, Any]:
    return {"api_key": "sk-1", "base_url": server.url, "retry_wait": 0.001} | settings


# --- what the server asks -------------------------------------------------------------------------------------------


@each_way
async def test_a_wait_beyond_the_limit_ends_the_call_at_once_and_says_when_to_ask_again(
    server: ScriptedServer, ask: Callable[..., Any]
) -> None:
    server.answers = [busy("3600")]
    with pytest.raises(RateLimitError, match=r"3600 s.*max_retry_after=60\b") as error:
        await ask(**given(server))
    assert len(server.requests) == 1
    assert error.value.retry_after == 3600


@each_way
async def test_the_limit_is_a_setting(server: ScriptedServer, ask: Callable[..., Any]) -> None:
    server.answers = [busy("0.05")]
    with pytest.raises(RateLimitError, match=r"max_retry_after=0\.01"):
        await ask(**given(server, max_retry_after=0.01))
    assert len(server.requests) == 1
    with pytest.raises(RateLimitError) as error:
        await ask(**given(server, max_retry_after=0.05, max_retries=1))
    assert len(server.requests) == 3
    assert "max_retry_after" not in str(error.value), "it was tried as often as it may be"


def test_not_all_who_were_refused_together_come_back_together() -> None:
    error = RateLimitError("busy", status_code=429, retry_after=10)
    waits = [retries.wait(1, error, 0.5) for _ in range(1000)]
    assert 10 <= min(waits) < 10.5
    assert 12 < max(waits) <= 12.5
    assert retries.wait(1, RateLimitError("busy", status_code=429, retry_after=0), 0.5) == 0


def test_waits_double_up_to_a_limit_with_jitter() -> None:
    for attempt, longest in ((1, 0.5), (2, 1), (3, 2), (5, 8), (50, 8)):
        waits = [retries.wait(attempt, None, 0.5) for _ in range(500)]
        assert longest * 0.75 <= min(waits)
        assert max(waits) <= longest
        assert len(set(waits)) > 400


@pytest.mark.parametrize("name", ["retry_wait", "max_retry_after", "retry_deadline"])
@pytest.mark.parametrize("value", [-1, float("nan"), "30", True, None])
def test_seconds_that_are_none_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Settings(**{name: value})


# --- who is told ----------------------------------------------------------------------------------------------------


@each_way
async def test_each_retry_is_told(server: ScriptedServer, ask: Callable[..., Any]) -> None:
    server.answer = lambda request: busy("0", 503) if len(server.requests) < 3 else success(request)
    told: list[Retry] = []
    await ask(**given(server, on_retry=told.append))
    assert [(one.attempt, one.path, one.wait, one.is_amended) for one in told] == [
        (1, server.requests[0].path, 0.0, False),
        (2, server.requests[0].path, 0.0, False),
    ]
    for one in told:
        assert isinstance(one.error, ServerError)
        with pytest.raises(AttributeError):
            one.attempt = 5  # type: ignore[misc]  # it cannot be changed


@each_way
async def test_nobody_is_told_where_nothing_goes_out_again(server: ScriptedServer, ask: Callable[..., Any]) -> None:
    told: list[Retry] = []
    server.answers = [Answer(BUSY, 400)]
    with pytest.raises(Exception, match="400"):
        await ask(**given(server, on_retry=told.append))
    server.answers = [Answer(BUSY, 503)]
    with pytest.raises(ServerError):
        await ask(**given(server, on_retry=told.append, max_retries=0))
    assert told == []


class EnoughError(Exception):
    """The user's own."""


@each_way
async def test_what_the_hook_raises_ends_the_call(server: ScriptedServer, ask: Callable[..., Any]) -> None:
    def enough(_: Retry) -> None:
        raise EnoughError

    server.answers = [Answer(BUSY, 503)]
    with pytest.raises(EnoughError):
        await ask(**given(server, on_retry=enough))
    assert len(server.requests) == 1


async def test_an_amended_request_is_told_as_such(server: ScriptedServer) -> None:
    server.answers = [Answer(BUSY, 400)]
    told: list[Retry] = []
    request = ApiRequest("/v1/x", {"a": 1}, amend=lambda request, _: ApiRequest(request.path, {"a": 2}))
    with pytest.raises(Exception, match="400"):
        Transport(Settings(**given(server, on_retry=told.append))).send(request, lambda response: response)
    assert [(one.attempt, one.wait, one.is_amended) for one in told] == [(1, 0.0, True)]
    assert [sent.json() for sent in server.requests] == [{"a": 1}, {"a": 2}]


def test_a_hook_that_is_no_function_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="on_retry"):
        Settings(on_retry="print")  # type: ignore[arg-type]  # what is wrong


# --- what is logged -------------------------------------------------------------------------------------------------


def records(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [(record.levelno, record.getMessage()) for record in caplog.records if record.name.startswith("tikhub_ai")]


@each_way
async def test_attempts_and_retries_are_logged_and_no_header_body_or_key(
    server: ScriptedServer, ask: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    server.answer = lambda request: busy("0", 503) if len(server.requests) < 2 else success(request)
    caplog.set_level(logging.DEBUG)
    await ask(**given(server, default_headers={"X-Tenant": "a-header"}))
    path = server.requests[0].path
    logged = records(caplog)
    assert len([text for level, text in logged if level == logging.DEBUG and f"POST {path}: sent over " in text]) == 2
    (retry,) = [text for level, text in logged if level == logging.INFO]
    assert retry == f"POST {path}: attempt 1 failed (ServerError, 503), sent again in 0.00 s"
    for text in (PROMPT, "sk-1", "a-header", "x-tenant", "what the server says", "Hello"):
        assert not [said for _, said in logged if text.lower() in said.lower()]


async def test_nothing_is_logged_below_debug_where_all_goes_well(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer = success
    caplog.set_level(logging.INFO, logger="tikhub_ai")
    await stream(**given(server))
    assert records(caplog) == []


async def test_a_stream_logs_as_much_however_many_pieces_it_has(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="tikhub_ai")
    server.answer = success
    await astream(**given(server))
    counts = []
    for pieces in (1, 50):
        caplog.clear()
        server.answer = lambda request, pieces=pieces: _repeated(success(request), pieces)
        await astream(**given(server))
        counts.append(len(records(caplog)))
    assert counts[0] == counts[1] > 0


def _repeated(answer: Answer, times: int) -> Answer:
    first, *rest = answer.body
    return Answer([first] * times + rest, headers=answer.headers)


# --- nobody waits any more ------------------------------------------------------------------------------------------


def test_when_a_batch_fails_those_that_wait_for_a_retry_send_nothing_more(server: ScriptedServer) -> None:
    texts = [f"text {number}" for number in range(12)]

    others_wait = threading.Semaphore(0)

    def answer(request: Request) -> Answer:
        if request.json()["input"] == [texts[3]]:
            assert all(others_wait.acquire(timeout=60) for _ in range(3))
            return Answer({"error": {"message": "no"}}, 401)
        return busy("300", 503)

    server.answer = answer
    settings = given(server, on_retry=lambda _: others_wait.release(), max_retry_after=600, retry_deadline=600)
    with pytest.raises(AuthenticationError):  # after which none of its threads is left
        EmbeddingsClient(Settings(**settings), batch_size=1, max_concurrency=4).embed(texts)
    assert len(server.requests) == 4


PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background passes on that it is ignored
from tikhub_ai import EmbeddingsClient, Settings
settings = Settings(api_key="sk-1", base_url={url!r}, max_retries=5)
EmbeddingsClient(settings, batch_size=1, max_concurrency=8).embed(["a"] * 20)
"""


def test_a_program_that_is_interrupted_ends_and_sends_nothing_more(server: ScriptedServer) -> None:
    server.answers = [busy("30", 503)]
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(url=server.url)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    with program:
        while len(server.requests) < 8:
            assert program.poll() is None
            time.sleep(0.02)
        time.sleep(0.3)  # all answers are read, and all threads wait
        program.send_signal(signal.SIGINT)
        _, printed = program.communicate(timeout=240)
    assert printed.rstrip().endswith("KeyboardInterrupt")
    assert len(server.requests) == 8
