"""The accumulator: what a reply is at any time, and that it stays so."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, get_args

import pytest

from tests.fuzz.answers import CHAT_APIS, MODELS, answers
from tests.streams import CODECS
from tikhub_ai import (
    Accumulator,
    AudioDelta,
    ChatRequest,
    Citation,
    CitationDelta,
    Delta,
    Issuer,
    Message,
    PartDelta,
    Reasoning,
    ReasoningDelta,
    ServerToolCall,
    Text,
    TextDelta,
    ToolCallDelta,
)
from tikhub_ai.catalog import facts
from tikhub_ai.wire import ServerSentEvent

if TYPE_CHECKING:
    from tikhub_ai.apis import ChatDecoder

ISSUER = Issuer("messages", "claude")


def decoder_of(api: str) -> ChatDecoder:
    decoder: ChatDecoder = CODECS[api].decoder(
        ChatRequest(MODELS[api], [Message("user", [Text("hi")])]), facts(MODELS[api])
    )
    return decoder


def spoil(value: Any) -> None:
    """Change everything in a value that can be changed in place."""
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            spoil(getattr(value, field.name))
    elif isinstance(value, dict):
        for item in value.values():
            spoil(item)
        value["spoiled"] = True
    elif isinstance(value, list):
        for item in value:
            spoil(item)
        value.append("spoiled")


def recorded_streams() -> list[Any]:
    found = [answer for api in CHAT_APIS for answer in answers(api) if answer.is_stream]
    return [pytest.param(answer.api, answer.payloads, id=answer.name) for answer in found]


@pytest.mark.parametrize(("api", "payloads"), recorded_streams())
def test_a_reply_does_not_change_under_its_holder_nor_through_him(api: str, payloads: list[Any]) -> None:
    alone, watched = decoder_of(api), decoder_of(api)
    held = []
    for payload in payloads:
        event = ServerSentEvent("", json.dumps(payload).encode())
        try:
            alone.event(event)
            watched.event(event)
        except Exception:  # noqa: BLE001 - an error event ends the stream
            break
        reply = watched.accumulator.reply()
        held.append((reply, deepcopy(reply)))
        spoil(watched.accumulator.reply())
    for reply, as_it_was in held:
        assert reply == as_it_was
    assert watched.accumulator.reply() == alone.accumulator.reply()


def test_every_kind_of_delta_is_taken_in() -> None:
    samples: list[Delta] = [
        TextDelta("a", 0),
        ReasoningDelta("a", 1),
        ToolCallDelta("{}", 2, id="1", name="f"),
        CitationDelta([Citation("x")], 0),
        AudioDelta(3, data="AAAA"),
        PartDelta(ServerToolCall("1", "search"), 4),
    ]
    accumulator = Accumulator("messages")
    for delta in samples:
        accumulator.add(delta)
    assert [type(part).__name__ for part in accumulator.reply().parts] == [
        "Text", "Reasoning", "ToolCall", "Media", "ServerToolCall",
    ]  # fmt: skip
    assert {type(sample) for sample in samples} < set(get_args(Delta))


@pytest.mark.parametrize("name", ["id", "field", "type", "status"])
def test_state_that_names_something_is_not_joined_when_it_is_sent_twice(name: str) -> None:
    accumulator = Accumulator("messages")
    for _ in range(2):
        accumulator.add(ReasoningDelta("", 0, state={name: "rs_1", "signature": "ab", "items": [1]}, issuer=ISSUER))
    (part,) = accumulator.reply().parts
    assert isinstance(part, Reasoning)
    assert part.state == {name: "rs_1", "signature": "abab", "items": [1, 1]}
    assert part.issuer == ISSUER


def test_state_of_another_type_replaces_what_was_there() -> None:
    accumulator = Accumulator("messages")
    for value in ("a", "b", ["c"], ["d"], None, {"e": 1}):
        accumulator.add(ReasoningDelta("", 0, state={"x": value}))
    assert accumulator.reply().parts[0].state == {"x": {"e": 1}}


def test_base64_that_is_none_is_kept_as_it_is() -> None:
    accumulator = Accumulator("messages")
    for data in ("AAA=", "n", "!"):
        accumulator.add(AudioDelta(0, data=data))
    assert accumulator.reply().parts[0].data == "AAA=n!"  # type: ignore[union-attr]  # it is Media


def test_plain_choices_without_an_index_are_choices_of_their_own() -> None:
    for numbers in ([None, None], [0, 0], [1, 1], ["0", "1"], [0.0, 1.0], [0, None]):
        said: list[dict[str, Any]] = [{"message": {"content": word}, "finish_reason": "stop"} for word in ("a", "b")]
        for number, choice in zip(numbers, said, strict=True):
            if number is not None:
                choice["index"] = number
        decoder = decoder_of("chat_completions")
        decoder.body({"choices": said})
        assert [choice.text for choice in decoder.accumulator.reply().choices] == ["a", "b"], numbers


def test_plain_candidates_without_an_index_are_choices_of_their_own() -> None:
    said = [{"content": {"parts": [{"text": word}]}, "finishReason": "STOP"} for word in ("a", "b")]
    decoder = decoder_of("generate_content")
    decoder.body({"candidates": said})
    assert [choice.text for choice in decoder.accumulator.reply().choices] == ["a", "b"]


def test_streamed_choices_of_one_chunk_without_an_index_are_choices_of_their_own() -> None:
    decoder = decoder_of("chat_completions")
    for word in ("a", "b"):
        chunk = {"choices": [{"delta": {"content": word}}, {"delta": {"content": word.upper()}}]}
        decoder.event(ServerSentEvent("", json.dumps(chunk).encode()))
    assert [choice.text for choice in decoder.accumulator.reply().choices] == ["ab", "AB"]
