"""Characters beyond the basic plane, which servers in Python send as two escapes, and cut between two events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.fuzz.gateway import Gateway
from tests.matrix.chat_completions import ChatCompletions
from tests.matrix.generate_content import GenerateContent
from tests.matrix.messages import Messages
from tests.matrix.responses import Responses
from tests.matrix.said import Call, Refuse, Said, Say, Think
from tikhub_ai import (
    ChatClient,
    ChatReply,
    ChatRequest,
    Delta,
    End,
    Message,
    ReasoningDelta,
    RefusalDelta,
    Text,
    TextDelta,
    ToolCallDelta,
)

if TYPE_CHECKING:
    from tests.matrix.columns import Column

EMOJI = "\U0001f600"
TORN = "abc\ud83d\ude00 and \ud83d\ude00"  # in pieces of four, each is cut in two
COLUMNS = [ChatCompletions(), Messages(), Responses(), GenerateContent()]
GATEWAY = Gateway()


def asked(column: Column) -> tuple[ChatClient, ChatRequest]:
    client = ChatClient(GATEWAY.settings, api=column.api)  # type: ignore[arg-type]  # one of its names
    return client, ChatRequest(column.model, [Message("user", [Text("hi")])])


def streamed(column: Column, said: Said) -> tuple[list[Delta], ChatReply]:
    GATEWAY.body, GATEWAY.content_type = column.framed(column.stream(said)), "text/event-stream"
    client, request = asked(column)
    *deltas, end = client.stream(request)
    assert isinstance(end, End)
    return deltas, end.reply


def plain(column: Column, said: Said) -> ChatReply:
    GATEWAY.body, GATEWAY.content_type = json.dumps(column.plain(said)).encode(), "application/json"
    client, request = asked(column)
    return client.complete(request)


def said_by(deltas: list[Delta], kind: Any, field: str = "text") -> str:
    return "".join(getattr(delta, field) for delta in deltas if isinstance(delta, kind))


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.api)
def test_halves_in_two_events_are_one_character(column: Column) -> None:
    deltas, reply = streamed(column, Said((Think(TORN), Say(TORN))))
    assert said_by(deltas, TextDelta) == reply.text == f"abc{EMOJI} and {EMOJI}"
    assert said_by(deltas, ReasoningDelta) == reply.reasoning
    assert "\ufffd" not in reply.reasoning
    assert reply.text == plain(column, Said((Think(TORN), Say(TORN)))).text


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.api)
def test_halves_in_a_calls_arguments_are_one_character(column: Column) -> None:
    said = Said((Call({"city": f"abc{EMOJI}"}),))
    deltas, reply = streamed(column, said)
    assert json.loads(said_by(deltas, ToolCallDelta, "arguments")) == {"city": f"abc{EMOJI}"}
    assert json.loads(reply.tool_calls[0].arguments) == {"city": f"abc{EMOJI}"}


def test_halves_in_a_refusal_are_one_character() -> None:
    deltas, reply = streamed(Responses(), Said((Refuse(TORN),)))
    assert said_by(deltas, RefusalDelta) == reply.refusal == f"abc{EMOJI} and {EMOJI}"


@pytest.mark.parametrize("text", ["abc\ud83d", "abc\ud83dxyz", "\ude00abc", "abc\ud83d\ud83d\ude00", "\ud83d"])
@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.api)
def test_a_half_without_its_other_one_is_a_replacement_character(column: Column, text: str) -> None:
    deltas, reply = streamed(column, Said((Say(text),)))
    wanted = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert said_by(deltas, TextDelta) == reply.text == wanted
    assert plain(column, Said((Say(text),))).text == wanted


def chunk(text: str, number: int = 0) -> bytes:
    return f"data: {json.dumps({'choices': [{'index': number, 'delta': {'content': text}}]})}\n\n".encode()


def test_each_choice_waits_for_its_own_halves() -> None:
    column = COLUMNS[0]
    ends: list[Any] = [{"choices": [{"index": number, "delta": {}, "finish_reason": "stop"}]} for number in (0, 1)]
    GATEWAY.body = b"".join([chunk("\ud83d"), chunk("\ud83d", 1), chunk("\ude00"), chunk("\ude01", 1)])
    GATEWAY.body += b"".join(f"data: {json.dumps(end)}\n\n".encode() for end in ends)
    GATEWAY.content_type = "text/event-stream"
    client, request = asked(column)
    *deltas, end = client.stream(request)
    assert isinstance(end, End)
    assert [choice.text for choice in end.reply.choices] == ["\U0001f600", "\U0001f601"]
    assert [(delta.choice, delta.text) for delta in deltas if isinstance(delta, TextDelta)] == [
        (0, "\U0001f600"),
        (1, "\U0001f601"),
    ]


@pytest.mark.parametrize("number", ["-Infinity", "NaN", "1" * 400])
@pytest.mark.parametrize("is_stream", [True, False], ids=["streamed", "plain"])
def test_numbers_that_orjson_does_not_read_leave_the_answer_whole(number: str, *, is_stream: bool) -> None:
    logprobs = f'{{"content": [{{"token": "a", "logprob": {number}, "bytes": null, "top_logprobs": []}}]}}'
    message = '{"role": "assistant", "content": "a"}'
    choice = f'{{"index": 0, "logprobs": {logprobs}, "finish_reason": "stop", "delta": {message}}}'
    body = f'{{"id": "1", "choices": [{choice}]}}'
    GATEWAY.body = f"data: {body}\n\ndata: [DONE]\n\n".encode() if is_stream else body.encode()
    GATEWAY.content_type = "text/event-stream" if is_stream else "application/json"
    client, request = asked(COLUMNS[0])
    if is_stream:
        *_, end = client.stream(request)
        assert isinstance(end, End)
        reply = end.reply
    else:
        reply = client.complete(request)
    assert reply.text == "a"
    assert reply.choices[0].logprobs is not None
