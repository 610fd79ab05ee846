"""Fields of another type than the wire's document says: what they say is read, and the answer around them kept."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.fuzz.gateway import Gateway
from tikhub_ai import ChatClient, ChatRequest, InvalidResponseError, Message, Text
from tikhub_ai.apis import chat_completions, fields
from tikhub_ai.apis.unreadable import in_the_tree, readable
from tikhub_ai.catalog import facts
from tikhub_ai.deltas import Accumulator
from tikhub_ai.wire import ApiResponse, ServerSentEvent

REQUEST = ChatRequest("m", [Message("user", [Text("hi")])])
GATEWAY = Gateway()
CLIENT = ChatClient(GATEWAY.settings)


def choice(message: Any, **more: Any) -> dict[str, Any]:
    return {"id": "1", "choices": [{"index": 0, "message": message, "finish_reason": "stop", **more}]}


def reply_to(payload: dict[str, Any]) -> Any:
    GATEWAY.body, GATEWAY.content_type = orjson.dumps(payload), "application/json"
    return CLIENT.complete(REQUEST)


def test_numbers_for_ids_and_names_are_their_text() -> None:
    call = {"id": 7, "function": {"name": "f", "arguments": {"a": 1}}}
    reply = reply_to({**choice({"tool_calls": [call]}), "id": 12, "model": 4.5})
    assert (reply.id, reply.model) == ("12", "4.5")
    (made,) = reply.tool_calls
    assert (made.id, made.name, made.arguments) == ("7", "f", '{"a":1}')


def test_a_single_object_stands_for_a_list_of_one() -> None:
    call = {"id": "c", "function": {"name": "f", "arguments": "{}"}}
    payload = {"id": "1", "choices": {"message": {"content": {"type": "text", "text": "hi"}, "tool_calls": call}}}
    reply = reply_to(payload)
    assert (reply.text, len(reply.tool_calls)) == ("hi", 1)


def test_content_as_mistral_sends_it_is_read() -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}, {"type": "text", "text": "m."}]}
    reply = reply_to(choice({"content": [thought, {"type": "text", "text": "Hi"}, " there", {"type": "new", "x": 1}]}))
    assert (reply.text, reply.reasoning) == ("Hi there", "Hmm.")
    assert reply.parts[-1].value == {"type": "new", "x": 1}


def test_what_cannot_be_read_is_kept_beside_the_answer() -> None:
    reply = reply_to({**choice({"content": "hi"}, logprobs="none"), "usage": "n/a"})
    assert reply.text == "hi"
    assert reply.usage is None
    assert reply.extras["usage"] == "n/a"
    assert reply.choices[0].extras["logprobs"] == "none"


def test_log_probabilities_without_their_object_are_those_of_the_content() -> None:
    tokens = [{"token": "hi", "logprob": -0.1}]
    assert reply_to(choice({"content": "hi"}, logprobs=tokens)).choices[0].logprobs == {"content": tokens}


ERRORS = [
    {"message": "", "code": None},
    {"message": "", "type": "", "param": "", "code": None},
    {"message": None, "code": 0, "details": []},
    {"code": "<nil>", "message": " "},
    [],
    [{}],
    "",
    False,
    {},
]


@pytest.mark.parametrize("error", ERRORS, ids=str)
def test_an_error_that_says_nothing_beside_a_good_answer_is_none(error: Any) -> None:
    assert reply_to({**choice({"content": "hi"}), "error": error}).text == "hi"


@pytest.mark.parametrize("error", [{"message": "no"}, "no", {"code": 500}, {"details": [{"reason": "no"}]}], ids=str)
def test_an_error_that_says_something_is_one_even_beside_an_answer(error: Any) -> None:
    with pytest.raises(Exception, match="500"):
        reply_to({**choice({"content": "hi"}), "error": error})


def test_an_error_that_says_nothing_is_one_where_nothing_stands_beside_it() -> None:
    with pytest.raises(Exception, match="500 no message"):
        reply_to({"error": {"message": "", "code": None}, "id": "1"})


class _Failing(chat_completions.Decoder):
    """A codec with a fault of its own."""

    def _payload(self, payload: Any, event: str, deltas: Any) -> None:
        if payload.get("fault"):
            raise KeyError(payload["fault"])
        super()._payload(payload, event, deltas)


CHUNK = b'data: {"choices": [{"index": 0, "delta": {"content": "paid for"}}]}\n\n'


def test_a_fault_of_a_codec_is_an_error_of_the_tree_with_the_answer_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_completions, "decoder", _Failing)
    GATEWAY.body, GATEWAY.content_type = CHUNK + b'data: {"fault": "sk-secret"}\n\n', "text/event-stream"
    stream = CLIENT.stream(REQUEST)
    assert next(stream).text == "paid for"  # type: ignore[union-attr]  # a TextDelta
    with pytest.raises(InvalidResponseError, match="KeyError") as caught:
        next(stream)
    error = caught.value
    assert error.partial is not None
    assert error.partial.text == "paid for"
    assert error.__cause__ is None
    assert not isinstance(error.__context__, KeyError)
    assert "sk-secret" not in str(error)


async def test_a_fault_in_a_plain_answer_is_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_completions, "decoder", _Failing)
    GATEWAY.body, GATEWAY.content_type = b'{"choices": [{}], "fault": "x"}', "application/json"
    with pytest.raises(InvalidResponseError, match="KeyError") as caught:
        CLIENT.complete(REQUEST)
    assert caught.value.status_code == 200
    assert caught.value.response is not None
    assert caught.value.response.json()["fault"] == "x"
    with pytest.raises(InvalidResponseError, match="KeyError"):
        await CLIENT.acomplete(REQUEST)


def test_warnings_that_the_caller_made_errors_pass_the_guard() -> None:
    def read(_: ApiResponse) -> None:
        raise UserWarning("mine")

    with pytest.raises(UserWarning, match="mine"):
        readable(read)(ApiResponse(200, {}, b""))
    with pytest.raises(UserWarning, match="mine"):
        in_the_tree(UserWarning("mine"))


EVERY_TYPE: list[Any] = [
    None, True, False, 0, -1, 10**30, 1.5, float("inf"), float("nan"), "", "x", "3", "9" * 30, "\u0663", [],
    ["a", 1, {}, None], {}, {"text": "t"}, {"text": 1}, [{"text": "t"}, "u"], object(),
]  # fmt: skip


@pytest.mark.parametrize("value", EVERY_TYPE, ids=lambda value: f"{type(value).__name__}")
def test_readers_of_fields_take_every_value_and_return_their_own_type(value: Any) -> None:
    assert isinstance(fields.text(value), str)
    assert isinstance(fields.name(value), str)
    assert fields.named(value) is None or fields.named(value) == fields.name(value) != ""
    assert fields.finish_word(value)
    assert isinstance(fields.mapping(value), dict)
    assert isinstance(fields.items(value), list)
    assert all(isinstance(item, dict) for item in fields.mappings(value))
    assert type(fields.integer(value)) in {int, type(None)}
    assert type(fields.number(value)) is int


def test_a_decoder_takes_every_value_as_an_events_payload() -> None:
    for value in ("null", "1", '"x"', "[]", "[[]]", "{}", "true"):
        decoder = chat_completions.Decoder(REQUEST, facts("m"))
        assert not decoder.event(ServerSentEvent("", value.encode()))
        assert decoder.accumulator.reply().choices == Accumulator("x").reply().choices
