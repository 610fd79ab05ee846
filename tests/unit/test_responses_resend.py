"""The one resend without encrypted reasoning, and the stream that is closed at a stop text: over a real server."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from tests.scripted_server import Answer, sse
from tests.streams import end_of
from tests.unit.responses_streams import CREATED, completed, message, response, text, text_in
from tikhub_ai import (
    BadRequestError,
    ChatClient,
    ChatRequest,
    End,
    Issuer,
    Message,
    Reasoning,
    ServerError,
    Settings,
    Text,
    TextDelta,
    TikHubAIError,
    ToolCall,
    ToolResult,
)
from tikhub_ai.errors import TikHubAIWarning
from tikhub_ai.http.transport import Transport
from tikhub_ai.wire import ApiRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scripted_server import ScriptedServer

GPT = Issuer("responses", "gpt")
THOUGHT = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "gAAA"}
HELLO = Answer(response(message("Hello")))
STREAM = sse(CREATED, text("Hel"), text("lo"), completed(message("Hello")), done=False)
HI = Message("user", [Text("hi")])
HISTORY = [
    HI,
    Message(
        "assistant",
        [
            Reasoning(state={"item": THOUGHT}, issuer=GPT),
            ToolCall("call_1", "f", "{}", state={"id": "fc_1", "type": "function_call"}, issuer=GPT),
        ],
    ),
    Message("tool", [ToolResult("call_1", [Text("1")])]),
]


def refused(message: str, code: str | None = None, param: str | None = None, status: int = 400) -> Answer:
    error = {"message": message, "type": "invalid_request_error", "code": code, "param": param}
    return Answer({"error": error}, status=status)


UNSUPPORTED = refused("Encrypted content is not supported with this model.", param="include")


def client_of(server: ScriptedServer, **settings: Any) -> ChatClient:
    given: dict[str, Any] = {"api_key": "sk-canary-1234", "base_url": server.url, "retry_wait": 0.001}
    return ChatClient(Settings(**given | settings), api="responses")


async def by_complete(client: ChatClient, request: ChatRequest) -> str:
    return client.complete(request).text


async def by_acomplete(client: ChatClient, request: ChatRequest) -> str:
    return (await client.acomplete(request)).text


async def by_stream(client: ChatClient, request: ChatRequest) -> str:
    return text_in(list(client.stream(request)))


async def by_astream(client: ChatClient, request: ChatRequest) -> str:
    return text_in([delta async for delta in client.astream(request)])


PLAIN = [by_complete, by_acomplete]
STREAMED = [by_stream, by_astream]
WAYS = [*PLAIN, *STREAMED]


def request_of(*messages: Message, model: str = "gpt-5", **asked: Any) -> ChatRequest:
    headers = {"x-tenant": "a-secret-tenant"}
    return ChatRequest(model, list(messages) or [HI], extra_headers=headers, **asked)


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize(
    "refusal",
    [
        UNSUPPORTED,
        refused("Unknown parameter: 'include'.", "unknown_parameter"),
        refused("Unsupported parameter: include"),
        refused("include is not supported by this server"),
        refused("no", param="include[0]"),
        Answer({"error": {"message": "Encrypted content is not supported", "code": "400"}}),
    ],
)
async def test_a_400_that_names_include_is_answered_by_one_request_without_it(
    server: ScriptedServer, ask: Callable[..., Any], refusal: Answer
) -> None:
    server.answers = [refusal, HELLO if ask in PLAIN else STREAM]
    with pytest.warns(TikHubAIWarning, match="asked again without"):
        assert await ask(client_of(server), request_of()) == "Hello"
    first, second = server.requests
    assert first.json()["include"] == ["reasoning.encrypted_content"]
    assert second.json() == {key: value for key, value in first.json().items() if key != "include"}
    assert second.headers["x-tenant"] == "a-secret-tenant"


@pytest.mark.parametrize("ask", WAYS)
async def test_reasoning_that_another_account_encrypted_is_left_out_with_all_that_hangs_on_it(
    server: ScriptedServer, ask: Callable[..., Any]
) -> None:
    foreign = refused("The encrypted content gAAA... could not be verified.", "invalid_encrypted_content")
    server.answers = [foreign, HELLO if ask in PLAIN else STREAM]
    request = request_of(*HISTORY)
    with pytest.warns(TikHubAIWarning) as warned:
        assert await ask(client_of(server), request) == "Hello"
    assert ["asked again without" in str(w.message) or "left out: Reasoning" in str(w.message) for w in warned] == [
        True
    ] * 2
    first, second = (sent.json() for sent in server.requests)
    assert first["input"][1] == THOUGHT
    assert second["input"] == [
        {"role": "user", "content": "hi"},
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "1"},
    ]
    assert request.messages[1].parts[0].state == {"item": THOUGHT}


async def test_what_else_the_caller_includes_stays_where_only_encryption_is_refused(server: ScriptedServer) -> None:
    server.answers = [UNSUPPORTED, HELLO]
    with pytest.warns(TikHubAIWarning):
        client_of(server).complete(request_of(native={"include": ["web_search_call.results"]}))
    assert server.requests[1].json()["include"] == ["web_search_call.results"]


@pytest.mark.parametrize("ask", WAYS)
async def test_it_counts_as_a_retry_so_that_none_is_made_with_max_retries_0(
    server: ScriptedServer, ask: Callable[..., Any]
) -> None:
    server.answers = [UNSUPPORTED, HELLO]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(BadRequestError, match="Encrypted content"):
            await ask(client_of(server, max_retries=0), request_of())
    assert len(server.requests) == 1


@pytest.mark.parametrize("ask", WAYS)
async def test_it_is_made_once(server: ScriptedServer, ask: Callable[..., Any]) -> None:
    server.answers = [UNSUPPORTED]
    with pytest.warns(TikHubAIWarning), pytest.raises(BadRequestError):
        await ask(client_of(server, max_retries=5), request_of())
    assert len(server.requests) == 2


@pytest.mark.parametrize("ask", WAYS)
async def test_what_was_amended_is_still_retried_within_the_same_count(
    server: ScriptedServer, ask: Callable[..., Any]
) -> None:
    boom = Answer({"error": {"message": "boom"}}, status=500)
    server.answers = [boom, UNSUPPORTED, boom]
    with pytest.warns(TikHubAIWarning), pytest.raises(ServerError):
        await ask(client_of(server, max_retries=2), request_of())
    assert ["include" in sent.json() for sent in server.requests] == [True, True, False]


@pytest.mark.parametrize(
    ("answer", "asked"),
    [
        (refused("Your request must include a tool."), {}),
        (refused("Encrypted content is not supported", status=422), {}),
        (UNSUPPORTED, {"model": "gpt-4o"}),
        (UNSUPPORTED, {"native": {"store": True}}),
    ],
    ids=["another matter", "another status", "nothing was asked for", "nothing is encrypted"],
)
def test_any_other_error_is_raised_at_once(server: ScriptedServer, answer: Answer, asked: dict[str, Any]) -> None:
    server.answers = [answer]
    with pytest.raises(BadRequestError):
        client_of(server).complete(request_of(**asked))
    assert len(server.requests) == 1


def test_a_request_amends_itself_only_by_what_it_says(server: ScriptedServer) -> None:
    """The transport knows no wire: any codec may say what to send after an error."""

    def amend(sent: ApiRequest, error: TikHubAIError) -> ApiRequest | None:
        return ApiRequest(sent.path, {"b": 2}) if "no a" in error.message else None

    server.answers = [refused("no a"), Answer({"ok": True})]
    transport = Transport(Settings(api_key="sk-canary-1234", base_url=server.url))
    assert transport.send(ApiRequest("/x", {"a": 1}, amend=amend), lambda got: got.json_object()) == {"ok": True}
    assert [sent.json() for sent in server.requests] == [{"a": 1}, {"b": 2}]
    server.requests.clear()
    server.answers = [refused("no c")]
    with pytest.raises(BadRequestError):
        transport.send(ApiRequest("/x", {"a": 1}, amend=amend), lambda got: got.json_object())
    assert len(server.requests) == 1


# --- stop -----------------------------------------------------------------------------------------------------------


async def test_at_the_stop_text_the_connection_is_closed_where_nobody_counts_tokens(server: ScriptedServer) -> None:
    endless = sse(CREATED, text("one ST"), text("OP two"), *[text("more")] * 2000, done=False)
    endless.is_endless = True
    server.answers = [endless]
    request = request_of(model="gpt-4o", stop=["STOP"], stream_usage=False)

    deltas = list(client_of(server).stream(request))
    assert [type(delta) for delta in deltas] == [TextDelta, End]
    assert end_of(deltas).reply.text == text_in(deltas) == "one "
    assert await asyncio.to_thread(server.closed_early.wait, 60)

    server.closed_early.clear()
    other = [delta async for delta in client_of(server).astream(request)]
    assert other == deltas
    assert await asyncio.to_thread(server.closed_early.wait, 60)
    assert all("stop" not in sent.json() for sent in server.requests)


async def test_after_the_stop_text_the_connection_is_read_to_its_end_for_the_usage(server: ScriptedServer) -> None:
    whole = message("one STOP two")
    server.answers = [sse(CREATED, text("one STOP"), *[text(" two")] * 50, completed(whole), done=False)]
    request = request_of(model="gpt-4o", stop=["STOP"])
    deltas = list(client_of(server).stream(request))
    assert [type(delta) for delta in deltas] == [TextDelta, End]
    assert end_of(deltas).reply.usage is not None
    assert [delta async for delta in client_of(server).astream(request)] == deltas
    assert not server.closed_early.is_set()


@pytest.mark.parametrize("ask", WAYS)
async def test_every_way_stops_at_the_same_place(server: ScriptedServer, ask: Callable[..., Any]) -> None:
    whole = message("one STOP two")
    server.answers = [Answer(response(whole)) if ask in PLAIN else sse(CREATED, text("one STOP two"), completed(whole))]
    assert await ask(client_of(server), request_of(model="gpt-4o", stop=["STOP"])) == "one "
