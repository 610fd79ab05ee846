"""What a server says may stand in an error, a warning or a log: on one line, of bounded length, in linear time."""

from __future__ import annotations

import inspect
import json
import pickle
import unicodedata
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.linear import assert_linear
from tikhub_ai import TikHubAIError, TikHubAIWarning, printable
from tikhub_ai import errors as tree
from tikhub_ai.catalog import listed_name
from tikhub_ai.error_bodies import error_from_payload, error_from_response
from tikhub_ai.models import decode
from tikhub_ai.wire import ApiResponse

EVIL = "a\x1b[2J\x1b]0;title\x07b\r\n2026-01-01 INFO forged\u2028line\u202e\x9b31m\x00\ud800"


def assert_harmless(text: str) -> None:
    assert len(text) < 5000
    for character in text:
        assert unicodedata.category(character) not in {"Cc", "Zl", "Zp", "Cs"}, repr(character)
        assert character not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f"


@given(st.text() | st.text(st.characters(categories=["Cc", "Cf", "Zl", "Zp", "Cs"])))
def test_any_text_is_harmless(text: str) -> None:
    assert_harmless(printable(text))
    printable(text).encode()
    assert printable(printable(text)) == printable(text)


@pytest.mark.parametrize(
    "text", ["plain", "Gr\u00fc\u00dfe \u4f60\u597d", "额度不足", "\U0001f469\u200d\U0001f680", "100\u00a0%", "C:\\x"]
)
def test_what_is_harmless_stays(text: str) -> None:
    assert printable(text) == text


MEMBERS = [kind for _, kind in inspect.getmembers(tree, inspect.isclass) if issubclass(kind, TikHubAIError)]


@pytest.mark.parametrize("kind", MEMBERS)
def test_every_member_of_the_tree_is_harmless_and_stays_so(kind: type[TikHubAIError]) -> None:
    error = kind(EVIL + "x" * 100_000)
    for one in (error, pickle.loads(pickle.dumps(error))):
        assert_harmless(str(one))
        assert_harmless(one.message)


def test_a_warning_is_harmless() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tree.warn(EVIL, TikHubAIWarning)
    assert_harmless(str(caught[0].message))


SHAPES: dict[str, Any] = {
    "message": {"error": {"message": EVIL}},
    "words": {"error": {"message": "m", "code": EVIL, "type": EVIL, "param": EVIL}},
    "flat": {"code": EVIL, "message": EVIL, "success": False},
    "a string": {"error": EVIL},
    "detail": {"detail": [{"msg": EVIL}]},
    "details": {"error": {"message": "m", "details": [{"@type": "x.ErrorInfo", "reason": EVIL}]}},
    "a list": [EVIL],
    "keys": {EVIL: EVIL},
    "long": {"error": {"message": EVIL * 1000, "code": "x" * 10_000, "type": "y" * 10_000}},
}


@pytest.mark.parametrize("status", [307, 400, 401, 404, 429, 500, 503])
@pytest.mark.parametrize("shape", [*SHAPES, "text", "HTML", "a title", "bytes"])
def test_every_error_answer_is_harmless(shape: str, status: int) -> None:
    raw = EVIL.encode("utf-8", "surrogatepass")
    bodies = {"text": raw, "HTML": b"<" + raw, "a title": b"<title>" + raw + b"</title>", "bytes": b"\x1b[2J\x9b\xff"}
    body = bodies.get(shape) or json.dumps(SHAPES[shape]).encode()
    headers = {"x-request-id": "\x1b[2J\x9b", "location": "https://x\x1b[2J/y"}
    error = error_from_response(status, headers, body)
    assert_harmless(str(error))
    for said in (error.code, error.type, error.param, error.request_id):
        assert_harmless(said or "")
    assert error.response is not None
    assert error.response.body == body


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if isinstance(SHAPES[shape], dict)])
def test_every_error_inside_an_answer_is_harmless(shape: str) -> None:
    error = error_from_payload(SHAPES[shape], {"request-id": "\x1b[2J"})
    assert_harmless(str(error))
    assert_harmless(error.request_id or "")


def test_an_answer_that_is_none_is_quoted_harmlessly() -> None:
    raw = EVIL.encode("utf-8", "surrogatepass")
    for body in (raw, b"<" + raw, json.dumps(EVIL).encode(), json.dumps({EVIL: 1}).encode()):
        with pytest.raises(TikHubAIError) as caught:
            decode(ApiResponse(200, {}, body))
        assert_harmless(str(caught.value))


def test_the_remedy_is_read_however_long_the_servers_message_is() -> None:
    error = error_from_response(401, {"x-request-id": "rid"}, json.dumps({"error": {"message": "no " * 5000}}).encode())
    assert "request id rid" in str(error)
    assert str(error).endswith("made in the gateway's console.")


@pytest.mark.parametrize("code", ["\u00b2", "9" * 5000, "\u0664\u0660\u0664", -1, 404.5, True, [], {}, "404", 404])
def test_a_code_of_any_kind_is_read_or_left(code: Any) -> None:
    error = error_from_payload({"error": {"message": "m", "code": code}}, {})
    assert error.status_code == (404 if code in ("404", 404) else 500)


# --- linear ---------------------------------------------------------------------------------------------------------


def as_message(text: str) -> bytes:
    return json.dumps({"error": {"message": text}}).encode()


LONG: dict[str, Any] = {
    "titles": lambda size: b"<title" * (size // 6),
    "open titles": lambda size: b"<html><title>" + b"x" * size,
    "white space": lambda size: b" " * size,
    "text": lambda size: b"x" * size,
    "models/": lambda size: as_message("models/" * (size // 7)),
    "model": lambda size: as_message("model " * (size // 6)),
    "spaces after model": lambda size: as_message("model" + " " * size),
    "input token count": lambda size: as_message("input token count " * (size // 18)),
    "request id": lambda size: as_message("request id: " * (size // 12)),
    "an id": lambda size: as_message("request id: " + "x" * size),
    "a wait": lambda size: as_message("Please retry in " + "9" * size),
    "dots": lambda size: as_message("." * size),
    "escapes": lambda size: as_message("\x1b" * size),
    "a code": lambda size: json.dumps({"error": {"message": "m", "code": "9" * size}}).encode(),
    "details": lambda size: json.dumps(
        {"error": {"message": "m", "details": [{"@type": "." * size, "retryDelay": "1" * size}]}}
    ).encode(),
    "keys": lambda size: json.dumps(dict.fromkeys(map(str, range(size // 8)))).encode(),
}


@pytest.mark.parametrize("status", [404, 503])
@pytest.mark.parametrize("name", LONG)
def test_an_error_answer_is_read_in_linear_time(name: str, status: int) -> None:
    assert_linear(LONG[name], lambda body: error_from_response(status, {}, body))


NAMES = {
    "hyphens": lambda size: "gpt-" * (size // 4),
    "dates": lambda size: "gpt-4o" + "-123" * (size // 4) + "-x",
    "slashes": lambda size: "a/" * (size // 2),
    "models/": lambda size: "models/" * (size // 7),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_list_of_models_is_read_in_linear_time(name: str) -> None:
    def make(size: int) -> ApiResponse:
        names = [NAMES[name](size // 2), *(NAMES[name](100) + str(number) for number in range(size // 200))]
        return ApiResponse(200, {}, json.dumps({"data": names}).encode())

    assert_linear(make, decode)


def test_a_name_with_many_dates_is_looked_up_at_once() -> None:
    """Each `-123` could be read in two ways, and all of them together in 2**40."""
    assert listed_name("gpt-4o" + "-123" * 40 + "-x", {"gpt-4o"}) is None
    assert listed_name("gpt-4o-2024-05-13-high", {"gpt-4o"}) == "gpt-4o"
