"""Counting tokens before a call: who is asked, how often, and what happens where nobody counts."""

from __future__ import annotations

from typing import Any

import pytest
from anthropic.types.beta import MessageCountTokensParams

from tests.scripted_server import Answer, ScriptedServer
from tikhub_ai import (
    AuthenticationError,
    ChatClient,
    ChatRequest,
    InvalidRequestError,
    InvalidResponseError,
    Message,
    ModelNotFoundError,
    Settings,
    Text,
)
from tikhub_ai.apis.messages import count

REQUEST = ChatRequest("claude-sonnet-4-5", [Message("user", [Text("hi")])])
NO_SUCH_PATH = Answer({"error": {"message": "Invalid URL"}}, status=404)
NO_SUCH_MODEL = Answer({"error": {"message": "no such model", "code": "model_not_found"}}, status=404)


def client_of(server: ScriptedServer, **settings: Any) -> ChatClient:
    asked: dict[str, Any] = {"api_key": "sk-test", "base_url": server.url, "max_retries": 0, **settings}
    return ChatClient(Settings(**asked))


async def counts(client: ChatClient, request: ChatRequest = REQUEST) -> list[int | None]:
    """What it counts, sync and async."""
    return [client.count_tokens(request), await client.acount_tokens(request)]


def test_the_count_takes_of_a_body_what_anthropics_sdk_gives_it() -> None:
    theirs = set(MessageCountTokensParams.__annotations__)  # those of its bases included
    assert set(count._COUNTED) == theirs - {"betas", "user_profile_id", "workspace_id"}  # these are headers there


async def test_claudes_tokens_are_counted_sync_and_async(server: ScriptedServer) -> None:
    server.answers = [Answer({"input_tokens": 14})]
    assert await counts(client_of(server)) == [14, 14]
    assert [request.path for request in server.requests] == ["/v1/messages/count_tokens"] * 2


async def test_an_api_that_counts_nothing_is_not_asked(server: ScriptedServer) -> None:
    client = ChatClient(Settings(api_key="sk-test", base_url=server.url), api="chat_completions")
    assert await counts(client) == [None, None]
    assert not server.requests


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_a_gateway_that_counts_nothing_is_asked_once_in_ten_minutes(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    now = 1000.0
    monkeypatch.setattr("tikhub_ai.chat.time.monotonic", lambda: now)
    server.answers = [Answer({"error": {"message": "Invalid URL"}}, status=status), Answer({"input_tokens": 3})]
    client = client_of(server)
    assert await counts(client) == [None, None]
    now += 599
    assert await counts(client) == [None, None]
    assert len(server.requests) == 1
    now += 2
    assert await counts(client) == [3, 3]


async def test_one_client_does_not_speak_for_another(server: ScriptedServer) -> None:
    server.answers = [NO_SUCH_PATH, Answer({"input_tokens": 3})]
    assert client_of(server).count_tokens(REQUEST) is None
    assert await counts(client_of(server)) == [3, 3]


async def test_a_model_that_is_not_there_says_nothing_of_the_gateway(server: ScriptedServer) -> None:
    server.answers = [NO_SUCH_MODEL, NO_SUCH_MODEL, Answer({"input_tokens": 3})]
    client = client_of(server)
    with pytest.raises(ModelNotFoundError):
        client.count_tokens(REQUEST)
    with pytest.raises(ModelNotFoundError):
        await client.acount_tokens(REQUEST)
    assert await counts(client) == [3, 3]


async def test_other_errors_are_raised_and_not_remembered(server: ScriptedServer) -> None:
    server.answers = [Answer({"error": {"message": "no"}}, status=401), Answer({"input_tokens": 3})]
    client = client_of(server)
    with pytest.raises(AuthenticationError):
        client.count_tokens(REQUEST)
    assert await counts(client) == [3, 3]


@pytest.mark.parametrize(
    ("answer", "count"),
    [({"input_tokens": "14"}, 14), ({"input_tokens": 14.0}, 14), ({"input_tokens": [1]}, None), ({}, None)],
    ids=str,
)
async def test_a_count_of_another_type_is_read_or_none(server: ScriptedServer, answer: Any, count: int | None) -> None:
    server.answers = [Answer(answer)]
    assert await counts(client_of(server)) == [count, count]


async def test_an_answer_that_is_none_is_an_error_of_the_tree(server: ScriptedServer) -> None:
    server.answers = [Answer(b"<html>")]
    with pytest.raises(InvalidResponseError):
        await client_of(server).acount_tokens(REQUEST)


async def test_a_request_that_cannot_be_sent_is_not_counted(server: ScriptedServer) -> None:
    odd: Any = 5
    request = ChatRequest("claude-sonnet-4-5", [Message("user", [Text(odd)])])
    for call in (client_of(server).count_tokens, client_of(server).complete):
        with pytest.raises(InvalidRequestError, match=r"messages\[0\]\.parts\[0\]\.text cannot be of type int"):
            call(request)
    assert not server.requests
