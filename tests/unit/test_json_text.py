"""What is sent and read as JSON beyond what orjson takes: one right reading, or an error that names the place."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from tests.scripted_server import Answer
from tikhub_ai import (
    ChatClient,
    ChatRequest,
    EmbeddingsClient,
    InvalidRequestError,
    Message,
    Settings,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from tikhub_ai.json_text import NO_JSON, body_of, is_whole, joined, parsed

if TYPE_CHECKING:
    from tests.scripted_server import ScriptedServer

EMOJI = "\U0001f600"


class Color(Enum):
    RED = "red"


class Word(StrEnum):
    YES = "yes"


@dataclass
class Point:
    x: int
    y: Any


class City(BaseModel):
    name: str
    founded: date


SENT_RIGHTLY = [
    (np.float32(0.5), 0.5),
    (np.float64(0.5), 0.5),
    (np.int64(7), 7),
    (np.bool_(True), True),
    (np.str_("word"), "word"),
    (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    (2**63 - 1, 2**63 - 1),
    (2**64, 2**64),
    (-(10**40), -(10**40)),
    (Decimal("0.7"), 0.7),
    (Decimal(12), 12),
    (Color.RED, "red"),
    (Word.YES, "yes"),
    ({"b", "a"}, ["a", "b"]),
    (frozenset({1}), [1]),
    ((1, 2), [1, 2]),
    (range(3), [0, 1, 2]),
    (MappingProxyType({"a": 1}), {"a": 1}),
    ({1: "a", None: "b", False: "c"}, {"1": "a", "null": "b", "false": "c"}),
    (Point(1, [2]), {"x": 1, "y": [2]}),
    (City(name="Oslo", founded=date(1048, 1, 1)), {"name": "Oslo", "founded": "1048-01-01"}),
    (date(2025, 1, 2), "2025-01-02"),
    (datetime(2025, 1, 2, tzinfo=UTC), "2025-01-02T00:00:00+00:00"),
    (UUID(int=5), str(UUID(int=5))),
    ("\x00 and é and " + EMOJI, "\x00 and é and " + EMOJI),
]
REFUSED = [
    (math.nan, "nan"),
    (-math.inf, "inf"),
    (np.float32("nan"), "nan"),
    (np.array([1.0, math.inf]), "[1] is inf"),
    (Decimal("NaN"), "nan"),
    (Decimal("0.12345678901234567890123"), "Decimal"),
    ("half \ud83d", "half a character"),
    ({"half \ud83d": 1}, "half a character"),
    (b"bytes", "base64"),
    (bytearray(b"bytes"), "base64"),
    (memoryview(b"bytes"), "base64"),
    (SecretStr("sk-secret"), "SecretStr"),
    (object(), "object"),
    (City, "ModelMetaclass"),
    (print, "builtin_function"),
    ((n for n in "ab"), "generator"),
    ({math.nan: 1}, "key of type float"),
    ({(1, 2): 1}, "key of type tuple"),
    (10**5000, "too many digits"),
    (Decimal("1E+999999"), "inf"),
]


@pytest.mark.parametrize("null", [{}, {"beside": None}], ids=["", "with a null"])
@pytest.mark.parametrize(("value", "wanted"), SENT_RIGHTLY, ids=lambda value: type(value).__name__)
def test_what_has_one_form_in_json_is_sent_as_that(value: Any, wanted: Any, null: dict[str, Any]) -> None:
    assert json.loads(body_of({"a": [value], **null})) == {"a": [wanted], **null}


@pytest.mark.parametrize("null", [{}, {"beside": None}], ids=["", "with a null"])
@pytest.mark.parametrize(("value", "words"), REFUSED, ids=lambda value: type(value).__name__)
def test_what_has_none_is_an_error_that_names_its_place_and_quotes_nothing(
    value: Any, words: str, null: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        body_of({"messages": [{"content": [{"text": "a"}, {"data": value}]}], **null})
    assert "messages[0].content[1].data" in caught.value.message
    assert words in caught.value.message
    assert "secret" not in caught.value.message
    assert caught.value.__cause__ is None


def test_what_holds_itself_is_an_error_and_no_end_of_the_stack() -> None:
    loop: list[Any] = []
    loop.append(loop)
    mapping: dict[str, Any] = {}
    mapping["a"] = {"b": mapping}
    for value in (loop, mapping):
        with pytest.raises(InvalidRequestError, match="nested too deeply, or holds itself"):
            body_of({"a": value})


TEXTS = st.text(st.characters(codec="utf-8"))
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)))
def test_all_json_values_are_written_as_they_are_and_read_again(value: Any) -> None:
    assert json.loads(body_of(value)) == value
    # Of an integer of more than 64 bits orjson makes a float, without a word.
    assert parsed(body_of(value)) == json.loads(body_of(value), parse_int=lambda digits: _as_orjson_reads(int(digits)))


def _as_orjson_reads(value: int) -> int | float:
    return value if -(2**63) <= value < 2**64 else float(value)


READ = [
    ("NaN", math.isnan),
    ("-Infinity", lambda found: found == -math.inf),
    ("1" * 400, lambda found: found == int("1" * 400)),
    ("1" * 5000, lambda found: found == math.inf),
    (r'"\ud83d\ude00"', lambda found: found == EMOJI),
    (r'"\ud83d"', lambda found: found == "\ufffd"),
    (r'"\ude00\ud83d"', lambda found: found == "\ufffd\ufffd"),
    ('"a\tb\nc"', lambda found: found == "a\tb\nc"),
]


@pytest.mark.parametrize(("said", "is_right"), READ, ids=lambda value: f"{value!r:.20}")
def test_answers_are_read_as_pythons_json_reads_them_with_whole_characters(said: str, is_right: Any) -> None:
    assert is_right(parsed(f'{{"a": [{said}]}}')["a"][0])
    assert is_right(parsed(f'{{"a": [{said}]}}'.encode())["a"][0])


def test_bytes_that_are_no_utf_8_are_read_with_replaced_characters() -> None:
    assert parsed(b'{"a": "\xff!"}') == {"a": "\ufffd!"}
    assert parsed(b'\xef\xbb\xbf{"a": NaN}')["a"] != 0
    assert parsed(b'{"a": "\xed\xa0\xbd\xed\xb8\x80"}') == {"a": EMOJI}  # each half as UTF-8 of its own


@pytest.mark.parametrize("text", ["", "<html>", "[DONE]", "{", '{"a": }', "[" * 100_000, "nope"])
def test_what_is_no_json_is_said_to_be_none(text: str) -> None:
    assert parsed(text) is NO_JSON


@given(st.text(st.characters(min_codepoint=0xD7F0, max_codepoint=0xE010) | st.characters(), max_size=8))
def test_joined_text_is_whole_and_whole_text_is_left_alone(text: str) -> None:
    assert is_whole(joined(text))
    assert joined(text) == text or not is_whole(text)
    assert joined(joined(text, is_edge_kept=True)) == joined(text)


def asked(**fields: Any) -> ChatRequest:
    fields = {"messages": [Message("user", [Text("hi")])], **fields}
    return ChatRequest("m", **fields)


LIMITED = {"type": "object", "properties": {"a": {"type": "number", "minimum": math.inf}}}
BAD = [
    (asked(messages=[Message("user", [Text("half \ud83d")])]), "half a character"),
    (asked(temperature=math.nan), "temperature is nan"),
    (asked(extra_body={"a": {"b": [1, object()]}}), "a.b[1] is a object"),
    (asked(tools=[Tool("f", parameters=LIMITED)]), "minimum is inf"),
    (asked(metadata={"a": b"bytes"}), "metadata"),
    (
        asked(
            messages=[
                Message("user", [Text("hi")]),
                Message("assistant", [ToolCall("call_1", "f", "{}")]),
                Message("tool", [ToolResult("call_1", [Text("\udc00")])]),
            ]
        ),
        "half a character",
    ),
]


@pytest.mark.parametrize("api", ["chat_completions", "messages", "responses", "generate_content"])
@pytest.mark.parametrize(("request_", "words"), BAD, ids=[words for _, words in BAD])
async def test_nothing_is_sent_of_a_request_that_cannot_be(
    server: ScriptedServer, api: Any, request_: ChatRequest, words: str
) -> None:
    if words == "metadata" and api in {"messages", "generate_content"}:
        return  # these do not send it
    client = ChatClient(Settings(api_key="sk-test", base_url=server.url), api=api)
    for call in (client.complete, lambda request: list(client.stream(request))):
        with pytest.raises(InvalidRequestError, match=words.replace("[", r"\[")):
            call(request_)
    with pytest.raises(InvalidRequestError, match=words.replace("[", r"\[")):
        await client.acomplete(request_)
    assert not server.requests


def test_numpys_numbers_are_sent_as_numbers(server: ScriptedServer) -> None:
    server.answers = [Answer({"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]})]
    client = ChatClient(Settings(api_key="sk-test", base_url=server.url))
    client.complete(asked(temperature=np.float32(0.5), seed=np.int64(7)))
    assert (server.requests[0].json()["temperature"], server.requests[0].json()["seed"]) == (0.5, 7)


def test_embeddings_with_an_odd_extra_body_name_its_place(server: ScriptedServer) -> None:
    client = EmbeddingsClient(Settings(api_key="sk-test", base_url=server.url), extra_body={"a": [math.nan]})
    with pytest.raises(InvalidRequestError, match=r"a\[0\] is nan"):
        client.embed(["a"])
    assert not server.requests
