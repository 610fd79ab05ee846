"""Whole calls of POST /v1/messages through ChatClient: headers, the gateway's own errors, counting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests import anthropic_types
from tests.scripted_server import Answer
from tests.unit.messages_streams import MODEL, OVER, delta, events_of, framed, message, text
from tikhub_ai import (
    AuthenticationError,
    BadRequestError,
    ChatClient,
    ChatRequest,
    ContextWindowExceededError,
    End,
    InsufficientBalanceError,
    Message,
    ModelNotFoundError,
    NotFoundError,
    ServerError,
    Settings,
    Text,
    TextDelta,
    Tool,
)

if TYPE_CHECKING:
    from tests.scripted_server import ScriptedServer

REQUEST = ChatRequest(MODEL, [Message("user", [Text("hi")])])
EVENTS = {"content-type": "text/event-stream"}


def client_of(server: ScriptedServer, **settings: Any) -> ChatClient:
    asked: dict[str, Any] = {"api_key": "sk-test", "base_url": server.url, "max_retries": 0, **settings}
    return ChatClient(Settings(**asked))


def test_claude_is_called_on_its_own_path_with_its_own_headers(server: ScriptedServer) -> None:
    server.answers = [Answer(message(text("Hello")), headers={"x-oneapi-request-id": "r1"})]
    reply = client_of(server).complete(REQUEST)
    assert (reply.text, reply.api, reply.request_id) == ("Hello", "messages", "r1")
    (request,) = server.requests
    assert request.path == "/v1/messages"
    assert request.headers["x-api-key"] == "sk-test"
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert "authorization" not in request.headers
    assert anthropic_types.problems(request.path, request.json()) == []


def test_the_key_may_go_as_a_bearer_token_instead(server: ScriptedServer) -> None:
    server.answers = [Answer(message(text("Hello")))]
    client_of(server, auth_header="authorization").complete(REQUEST)
    assert server.requests[0].headers["authorization"] == "Bearer sk-test"
    assert "x-api-key" not in server.requests[0].headers


@pytest.mark.parametrize(
    ("status", "body", "kind", "asked"),
    [
        (500, {"error": {"message": "no", "type": "new_api_error", "code": "invalid_request"}}, BadRequestError, 1),
        (401, {"error": {"message": "Invalid token", "type": "new_api_error", "code": ""}}, AuthenticationError, 1),
        (
            403,
            {"error": {"message": "no", "type": "new_api_error", "code": "insufficient_user_quota"}},
            InsufficientBalanceError,
            1,
        ),
        (
            503,
            {
                "error": {
                    "message": "No available channel for model x",
                    "type": "new_api_error",
                    "code": "model_not_found",
                }
            },
            ModelNotFoundError,
            1,
        ),
        (404, {"type": "error", "error": {"type": "not_found_error", "message": "no"}}, NotFoundError, 1),
        (
            400,
            {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 > 8"}},
            ContextWindowExceededError,
            1,
        ),
        (529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, ServerError, 2),
        (200, {"error": {"message": "no", "type": "new_api_error", "code": "invalid_request"}}, BadRequestError, 1),
    ],
    ids=["500 of the client's", "401", "403", "503 model", "404", "400 too long", "529", "error in a 200"],
)
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_errors_of_the_gateway_and_of_claude_are_members_of_the_tree(
    server: ScriptedServer, status: int, body: dict[str, Any], kind: Any, asked: int, *, streamed: bool
) -> None:
    server.answers = [Answer(body, status=status, headers={"retry-after-ms": "1"})]
    client = client_of(server, max_retries=1)
    with pytest.raises(kind):
        list(client.stream(REQUEST)) if streamed else client.complete(REQUEST)
    assert len(server.requests) == asked


def test_an_overloaded_upstream_in_the_stream_raises_with_what_came(server: ScriptedServer) -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    server.answers = [Answer([framed([*events_of(message(text("Hello")))[:3], error])], headers=EVENTS)]
    given: list[Any] = []
    with pytest.raises(ServerError) as overloaded:
        given.extend(client_of(server).stream(REQUEST))
    assert overloaded.value.partial is not None
    assert overloaded.value.partial.text == "Hel"
    assert given in ([], [TextDelta("Hel", 0)])


def test_a_stream_that_is_not_closed_after_its_stop_does_not_hang(server: ScriptedServer) -> None:
    late = framed([delta(0, "text_delta", text="late")])
    server.answers = [Answer([framed(events_of(message(text("Hello")))), late], headers=EVENTS, pause=0.3)]
    deltas: list[Any] = list(client_of(server).stream(REQUEST))
    assert isinstance(deltas[-1], End)
    assert deltas[-1].reply.text == "Hello"


def test_message_stop_alone_ends_a_converted_stream(server: ScriptedServer) -> None:
    stream = framed([delta(0, "text_delta", text="Hello"), OVER])
    server.answers = [Answer([stream], headers=EVENTS, cut=True)]
    deltas: list[Any] = list(client_of(server).stream(REQUEST))
    assert deltas[-1].reply.finish_reason is None


def test_tokens_are_counted_by_the_gateway_where_it_can(server: ScriptedServer) -> None:
    server.answers = [Answer({"input_tokens": 14})]
    request = ChatRequest(MODEL, REQUEST.messages, tools=[Tool("f")])
    assert client_of(server).count_tokens(request) == 14
    (asked,) = server.requests
    assert asked.path == "/v1/messages/count_tokens"
    assert anthropic_types.problems(asked.path, asked.json()) == []
    server.answers = [Answer({"error": {"message": "Invalid URL", "type": "invalid_request_error"}}, status=404)]
    assert client_of(server, base_url=f"{server.url}/other").count_tokens(request) is None
