"""The core alone: what every adapter stands on."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests.scenarios import Connection, get_weather, scenario
from tests.scenarios.thinking import OSLO, THINKING, check_turn, sent_by
from tikhub_ai import (
    APIStatusError,
    AuthenticationError,
    ChatClient,
    ChatReply,
    ChatRequest,
    ContextWindowExceededError,
    EmbeddingsClient,
    End,
    Message,
    ModelNotFoundError,
    RateLimitError,
    Reasoning,
    ServerError,
    Settings,
    Text,
    TextDelta,
    Tool,
    ToolCall,
    ToolResult,
)


def client_of(at: Connection, **settings: object) -> ChatClient:
    return ChatClient(Settings(**at.server(**settings)), api=at.chat_api)


def ask(at: Connection, text: str) -> ChatRequest:
    return ChatRequest(model=at.model, messages=[Message("user", [Text(text)])], max_tokens=24, **at.repeatable)


def bare(reply: ChatReply) -> ChatReply:
    """A reply without what differs between two answers to one question."""
    parts = [
        [dataclasses.replace(part, state=_without_ids(part.state)) for part in choice.parts] for choice in reply.choices
    ]
    choices = [dataclasses.replace(choice, parts=own) for choice, own in zip(reply.choices, parts, strict=True)]
    return dataclasses.replace(reply, choices=choices, id=None, headers={}, extras={}, usage=None, request_id=None)


def _without_ids(state: Any) -> Any:
    """State without the ids that a server makes anew for each answer, and what it encrypts together with them."""
    if not isinstance(state, dict):
        return state
    return {key: _without_ids(value) for key, value in state.items() if key not in {"id", "encrypted_content"}}


@scenario()
def a_stream_folds_to_the_plain_answer(at: Connection) -> None:
    request = ask(at, "Name a colour.")
    plain = client_of(at).complete(request)
    deltas = list(client_of(at).stream(request))
    assert plain.text
    assert isinstance(deltas[-1], End)
    folded = deltas[-1].reply
    assert "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)) == folded.text
    assert bare(folded) == bare(plain)
    assert plain.usage is not None
    assert plain.usage.output_tokens > 0
    if at.counts_streams:
        assert folded.usage is not None
        assert folded.usage.output_tokens == plain.usage.output_tokens


# The other wires' models count their streams, which the scenario above shows.
@scenario(scripted=True, on=["generate_content"])
def a_stream_counts_its_tokens(at: Connection) -> None:
    plain = client_of(at).complete(ask(at, "hello"))
    folded = list(client_of(at).stream(ask(at, "hello")))[-1]
    assert isinstance(folded, End)
    assert plain.usage is not None
    assert plain.usage.output_tokens > 0
    assert folded.reply.usage == plain.usage


@scenario()
async def async_gives_the_same_deltas_as_sync(at: Connection) -> None:
    request = ask(at, "Name a colour.")
    sync = [delta for delta in client_of(at).stream(request) if not isinstance(delta, End)]
    other = [delta async for delta in client_of(at).astream(request) if not isinstance(delta, End)]
    assert len(sync) > 1
    assert sync == other
    assert bare(await client_of(at).acomplete(request)) == bare(client_of(at).complete(request))


@scenario()
def a_wrong_key_is_an_authentication_error(at: Connection) -> None:
    with pytest.raises(AuthenticationError, match="TIKHUB_AI_API_KEY") as error:
        client_of(at, api_key="sk-wrong").complete(ask(at, "hi"))
    assert error.value.status_code == 401


@scenario(scripted=True, thinks=True)
def reasoning_is_kept_plain_and_streamed(at: Connection) -> None:
    plain = client_of(at).complete(ask(at, "hello"))
    folded = list(client_of(at).stream(ask(at, "hello")))[-1]
    assert isinstance(folded, End)
    assert plain.reasoning
    assert plain.text
    assert bare(folded.reply) == bare(plain)


@scenario(scripted=True, thinks=True, on=THINKING)
async def thoughts_go_back_as_they_came(at: Connection) -> None:
    with sent_by() as (client, bodies):
        asker = client_of(at, http_client=client)
        tool = Tool(name="get_weather", parameters={"type": "object", "properties": {"city": {"type": "string"}}})
        asked = Message("user", [Text(OSLO)])
        request = ChatRequest(model=at.model, messages=[asked], tools=[tool], max_tokens=2048, **THINKING[at.api])
        streamed = list(asker.stream(request))[-1]
        assert isinstance(streamed, End)
        for reply in (asker.complete(request), await client_of(at).acomplete(request), streamed.reply):
            parts = reply.choices[0].parts
            assert [type(part) for part in parts][-3:] == [Reasoning, Text, ToolCall]
            [call] = [part for part in parts if isinstance(part, ToolCall)]
            result = Message("tool", [ToolResult(call.id, [Text(get_weather("Oslo"))])])
            turn = dataclasses.replace(request, messages=[asked, Message("assistant", parts), result])
            assert asker.complete(turn).text
            check_turn(at.api, bodies[-1])


@scenario(scripted=True)
def errors_are_members_of_the_tree(at: Connection) -> None:
    for text, kind in (
        ("fail 429", RateLimitError),
        ("fail 500", ServerError),
        ("fail 503", ModelNotFoundError),
        ("too long", ContextWindowExceededError),
    ):
        client = client_of(at, max_retries=0)
        for run in (client.complete, lambda request, client=client: list(client.stream(request))):
            with pytest.raises(kind) as error:
                run(ask(at, text))
            assert isinstance(error.value, APIStatusError)
            assert error.value.response is not None


@scenario(on=["embeddings"])
def embeddings_are_the_same_as_floats_and_as_base64(at: Connection) -> None:
    settings = Settings(**at.server(max_retries=0))
    texts = ["a cat", "a dog", "an invoice"]
    floats = EmbeddingsClient(settings, model=at.model).embed(texts)
    packed = EmbeddingsClient(settings, model=at.model, encoding_format="base64").embed(texts)
    assert [len(vector) for vector in floats.vectors] == [at.dimensions] * 3
    for one, other in zip(floats.vectors, packed.vectors, strict=True):
        assert one == pytest.approx(other, abs=1e-5)
