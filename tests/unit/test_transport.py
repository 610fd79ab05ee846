"""The transport over a real server on loopback: retries, streams, timeouts, what goes where."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.patience import short
from tests.scripted_server import Answer, sse
from tikhub_ai import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    ChatClient,
    ChatRequest,
    ConfigurationError,
    End,
    IncompleteStreamError,
    InvalidResponseError,
    Message,
    MissingKeyError,
    ModelNotFoundError,
    RateLimitError,
    ServerError,
    Settings,
    Text,
    TextDelta,
)
from tikhub_ai.http.retries import retry_after

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scripted_server import ScriptedServer

HELLO = {"id": "1", "model": "m", "choices": [{"index": 0, "message": {"content": "Hello"}, "finish_reason": "stop"}]}
PIECES = [{"id": "1", "choices": [{"index": 0, "delta": {"content": text}}]} for text in ("Hel", "lo")]
FINISH = {"id": "1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
FAILURE = Answer({"error": {"message": "boom", "type": "server_error"}}, status=500)
REQUEST = ChatRequest(model="m", messages=[Message("user", [Text("hi")])])


async def by_complete(client: ChatClient) -> str:
    return client.complete(REQUEST).text


async def by_acomplete(client: ChatClient) -> str:
    return (await client.acomplete(REQUEST)).text


async def by_stream(client: ChatClient) -> str:
    return "".join(delta.text for delta in client.stream(REQUEST) if isinstance(delta, TextDelta))


async def by_astream(client: ChatClient) -> str:
    return "".join([delta.text async for delta in client.astream(REQUEST) if isinstance(delta, TextDelta)])


PLAIN = [by_complete, by_acomplete]
STREAMED = [by_stream, by_astream]
WAYS = [*PLAIN, *STREAMED]


def client_of(server: ScriptedServer, **settings: Any) -> ChatClient:
    given: dict[str, Any] = {"api_key": "sk-canary-1234", "base_url": server.url, "retry_wait": 0.001}
    return ChatClient(Settings(**given | settings))


@pytest.mark.parametrize("ask", WAYS)
async def test_every_way_gives_the_text(server: ScriptedServer, ask: Callable[..., Any]) -> None:
    server.answers = [Answer(HELLO)] if ask in PLAIN else [sse(*PIECES, FINISH)]
    assert await ask(client_of(server)) == "Hello"
    sent = server.requests[0]
    assert (sent.method, sent.path) == ("POST", "/v1/chat/completions")
    assert sent.headers["authorization"] == "Bearer sk-canary-1234"
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["accept"] == ("application/json" if ask in PLAIN else "text/event-stream")
    assert sent.json().get("stream", False) is (ask in STREAMED)


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("retries", [0, 2])
async def test_max_retries_2_is_3_requests_and_0_is_1(
    server: ScriptedServer, ask: Callable[..., Any], retries: int
) -> None:
    server.answers = [FAILURE]
    with pytest.raises(ServerError, match="boom"):
        await ask(client_of(server, max_retries=retries))
    assert len(server.requests) == retries + 1


@pytest.mark.parametrize("ask", WAYS)
async def test_a_failure_that_passes_is_not_seen(server: ScriptedServer, ask: Callable[..., Any]) -> None:
    server.answers = [FAILURE, Answer(HELLO) if ask in PLAIN else sse(*PIECES, FINISH)]
    assert await ask(client_of(server)) == "Hello"
    assert len(server.requests) == 2


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, ""),
        (401, ""),
        (403, "insufficient_user_quota"),
        (404, ""),
        (500, "invalid_request"),
        (501, ""),
        (503, "model_not_found"),
    ],
)
async def test_a_request_at_fault_is_sent_once(
    server: ScriptedServer, ask: Callable[..., Any], status: int, code: str
) -> None:
    server.answers = [Answer({"error": {"message": "no", "code": code}}, status=status)]
    with pytest.raises(APIStatusError) as error:
        await ask(client_of(server))
    assert len(server.requests) == 1
    assert not error.value.is_retryable
    assert error.value.status_code == status


@pytest.mark.parametrize("ask", PLAIN)
async def test_an_error_inside_a_200_is_retried_like_its_status(
    server: ScriptedServer, ask: Callable[..., Any]
) -> None:
    server.answers = [Answer({"error": {"message": "busy", "type": "overloaded_error"}}), Answer(HELLO)]
    assert await ask(client_of(server)) == "Hello"
    server.answers = [Answer({"error": {"message": "no", "code": "model_not_found"}})]
    with pytest.raises(ModelNotFoundError):
        await ask(client_of(server))
    assert len(server.requests) == 3


@pytest.mark.parametrize("ask", STREAMED)
async def test_a_stream_is_tried_again_only_before_its_first_delta(
    server: ScriptedServer, ask: Callable[..., Any]
) -> None:
    silent = sse(done=False)
    error = sse({"error": {"message": "busy", "code": "rate_limit_exceeded"}}, done=False)
    server.answers = [silent, error, sse(*PIECES, FINISH)]
    assert await ask(client_of(server)) == "Hello"
    assert len(server.requests) == 3

    server.requests.clear()
    server.answers = [sse(PIECES[0], {"error": {"message": "busy", "code": "rate_limit_exceeded"}}, done=False)]
    with pytest.raises(RateLimitError) as late:
        await ask(client_of(server))
    assert len(server.requests) == 1
    assert late.value.partial is not None
    assert late.value.partial.text == "Hel"


@pytest.mark.parametrize("ask", STREAMED)
@pytest.mark.parametrize("cut", [True, False])
async def test_a_stream_without_its_finish_raises_with_the_partial(
    server: ScriptedServer, ask: Callable[..., Any], *, cut: bool
) -> None:
    answer = sse(*PIECES, done=False)
    answer.cut = cut
    server.answers = [answer]
    with pytest.raises(IncompleteStreamError) as error:
        await ask(client_of(server))
    assert error.value.partial is not None
    assert error.value.partial.text == "Hello"
    assert len(server.requests) == 1


@pytest.mark.parametrize("ask", STREAMED)
async def test_a_stream_cut_after_its_finish_is_whole(server: ScriptedServer, ask: Callable[..., Any]) -> None:
    answer = sse(*PIECES, FINISH, done=False)
    answer.cut = True
    server.answers = [answer]
    assert await ask(client_of(server)) == "Hello"


async def test_an_incomplete_stream_may_be_a_warning(server: ScriptedServer) -> None:
    server.answers = [sse(*PIECES, done=False)]
    client = ChatClient(Settings(api_key="sk-test", base_url=server.url), incomplete_stream="warn")
    with pytest.warns(UserWarning, match="without its finish marker"):
        deltas = list(client.stream(REQUEST))
    assert isinstance(deltas[-1], End)
    assert deltas[-1].reply.finish_reason is None


# --- waiting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ask", WAYS)
async def test_retry_after_is_waited(server: ScriptedServer, ask: Callable[..., Any]) -> None:
    busy = Answer({"error": {"message": "slow down"}}, status=429, headers={"retry-after": "0.3"})
    server.answers = [busy, Answer(HELLO) if ask in PLAIN else sse(*PIECES, FINISH)]
    start = time.monotonic()
    assert await ask(client_of(server)) == "Hello"
    assert time.monotonic() - start >= 0.25  # no busy machine makes it less, and clocks tick in steps of 16 ms


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Sun, 22 Nov 2026 00:00:10 GMT"}, 10.0),
        ({"retry-after": "Sun, 22 Nov 2026 00:00:00 GMT"}, 0.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
    ],
)
def test_retry_after_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, now=1795305600.0) == seconds


def test_a_wait_longer_than_the_deadline_is_not_begun(server: ScriptedServer) -> None:
    server.answers = [Answer({"error": {"message": "later"}}, status=429, headers={"retry-after": "60"})]
    told: list[Any] = []
    with pytest.raises(RateLimitError) as error:
        client_of(server, retry_deadline=1, on_retry=told.append).complete(REQUEST)
    assert told == []
    assert error.value.retry_after == 60
    assert len(server.requests) == 1


@pytest.mark.parametrize("ask", WAYS)
async def test_a_server_that_is_too_slow_is_a_timeout(server: ScriptedServer, ask: Callable[..., Any]) -> None:
    server.answers = [Answer(held=True)]
    with pytest.raises(APITimeoutError, match="timeout="):
        await ask(client_of(server, timeout=short(0.2), max_retries=0))


@pytest.mark.parametrize("ask", STREAMED)
async def test_keep_alive_comments_do_not_keep_a_silent_stream_alive(
    server: ScriptedServer, ask: Callable[..., Any]
) -> None:
    pings = sse(PIECES[0], *[b": PING\n\n"] * 40, FINISH)
    pings.pause = short(0.05)
    server.answers = [pings]
    with pytest.raises(APITimeoutError, match="keep-alive") as error:
        await ask(client_of(server, timeout=short(0.3)))
    assert error.value.partial is not None
    assert error.value.partial.text == "Hel"


# --- unreachable ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ask", WAYS)
async def test_a_server_that_is_down_is_named(ask: Callable[..., Any]) -> None:
    client = ChatClient(Settings(api_key="sk-canary-1234", base_url="http://127.0.0.1:9", max_retries=1))
    with pytest.raises(APIConnectionError, match=r"127\.0\.0\.1:9.*base_url") as error:
        await ask(client)
    assert not error.value.may_have_been_sent
    assert error.value.__cause__ is None
    assert error.value.__context__ is None


@pytest.mark.parametrize("ask", PLAIN)
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(b"<html><title>Hi</title></html>", headers={"content-type": "text/html"}), "an HTML page"),
        (Answer(b""), "an empty body"),
        (Answer(b"null"), "null"),
    ],
)
async def test_a_200_that_is_no_answer_says_what_it_is(
    server: ScriptedServer, ask: Callable[..., Any], answer: Answer, words: str
) -> None:
    server.answers = [answer]
    with pytest.raises(InvalidResponseError, match=words):
        await ask(client_of(server))
    assert len(server.requests) == 1


# --- where the key goes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ask", WAYS)
async def test_a_redirect_is_not_followed(server: ScriptedServer, ask: Callable[..., Any]) -> None:
    server.answers = [Answer(b"", status=307, headers={"location": "http://localhost:1/steal?x=1"})]
    injected: dict[str, Any] = {"http_client": httpx.Client(follow_redirects=True)}
    if ask in {by_acomplete, by_astream}:
        injected = {"http_async_client": httpx.AsyncClient(follow_redirects=True)}
    with pytest.raises(APIStatusError, match="redirects to http://localhost:1,"):
        await ask(client_of(server, **injected))
    assert len(server.requests) == 1
    for client in injected.values():
        assert not client.is_closed
        await client.aclose() if isinstance(client, httpx.AsyncClient) else client.close()


@pytest.mark.parametrize("ask", WAYS)
async def test_a_key_that_the_server_echoes_is_masked(server: ScriptedServer, ask: Callable[..., Any]) -> None:
    echo = {"error": {"message": "wrong key sk-canary-1234"}}
    for answer in (Answer(echo, status=401, headers={"x-echo": "sk-canary-1234"}), Answer(echo)):
        server.answers = [answer]
        with pytest.raises(APIStatusError, match=r"wrong key \*\*\*") as error:
            await ask(client_of(server, max_retries=0))
        told = f"{error.value!r} {error.value} {error.value.response!r} {error.value.__dict__}"
        assert "sk-canary-1234" not in told


def test_extra_headers_win_and_never_show(server: ScriptedServer) -> None:
    server.answers = [Answer(HELLO)]
    request = ChatRequest(model="m", messages=REQUEST.messages, extra_headers={"X-Trace": "call-secret"})
    client = client_of(server, default_headers={"X-Trace": "set-secret", "User-Agent": "mine"})
    client.complete(request)
    assert server.requests[0].headers["x-trace"] == "call-secret"
    assert server.requests[0].headers["user-agent"] == "mine"
    assert "secret" not in f"{request!r} {client.settings!r}"


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("key", [None, "", "  "])
async def test_no_key_is_said_at_the_first_call_with_the_variable_to_set(
    server: ScriptedServer, ask: Callable[..., Any], key: str | None
) -> None:
    client = client_of(server, api_key=key)
    with pytest.raises(MissingKeyError, match="TIKHUB_AI_API_KEY"):
        await ask(client)
    assert server.requests == []


def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(server: ScriptedServer) -> None:
    with pytest.raises(ConfigurationError) as error:
        client_of(server, api_key="sk-canary\n1234").complete(REQUEST)
    assert "canary" not in str(error.value)


async def test_the_key_may_be_a_function_that_rotates(server: ScriptedServer) -> None:
    server.answers = [FAILURE, Answer(HELLO)]
    keys = iter(["one", "two", "three"])
    client_of(server, api_key=lambda: next(keys)).complete(REQUEST)
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer one", "Bearer two"]

    async def later() -> str:
        return "async"

    await client_of(server, api_key=later).acomplete(REQUEST)
    assert server.requests[-1].headers["authorization"] == "Bearer async"
    with pytest.raises(ConfigurationError, match="async"):
        client_of(server, api_key=later).complete(REQUEST)


# --- connections ----------------------------------------------------------------------------------------------------


async def test_closing_a_stream_early_closes_its_connection(server: ScriptedServer) -> None:
    endless = sse(*PIECES * 2000)
    endless.is_endless = True
    server.answers = [endless]
    stream = client_of(server).stream(REQUEST)
    assert next(stream) == TextDelta("Hel", 0)
    stream.close()
    assert await asyncio.to_thread(server.closed_early.wait, 60)

    server.closed_early.clear()
    async_stream = client_of(server).astream(REQUEST)
    assert await anext(async_stream) == TextDelta("Hel", 0)
    await async_stream.aclose()
    assert await asyncio.to_thread(server.closed_early.wait, 60)


def test_event_loops_come_and_go_without_a_warning(server: ScriptedServer) -> None:
    server.answers = [Answer(HELLO)]
    client = client_of(server)
    for _ in range(3):
        assert asyncio.run(by_acomplete(client)) == "Hello"
    gc.collect()  # an unclosed connection would warn here, and warnings are errors


def test_connections_are_shared_by_equal_settings(server: ScriptedServer) -> None:
    server.answers = [Answer(HELLO)]
    for settings in ({}, {"max_retries": 5}, {"api_key": "sk-another"}):
        client_of(server, **settings).complete(REQUEST)
    assert server.connections == 1
