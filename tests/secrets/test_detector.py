"""The search must find what it is to find, or its silence means nothing."""

from __future__ import annotations

import base64
import functools
import json
import pickle
from collections import deque
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from pydantic import BaseModel, SecretStr

from tests.secrets.canaries import CALL_HEADER, DEFAULT_HEADER, KEY, PROXY_PASSWORD, Search, found_in
from tikhub_ai import APIConnectionError, IncompleteStreamError, Key, ResponseInfo, Settings


@dataclass(slots=True)
class Slotted:
    held: Any


class Model(BaseModel):
    held: Any


class Mangled:
    __slots__ = ("__hidden",)

    def __init__(self, held: Any) -> None:
        self.__hidden = held


class Silent:
    """Shows nothing of what it holds."""

    def __init__(self, held: Any) -> None:
        self._held = held

    def __repr__(self) -> str:
        return "Silent()"


def error_with(**attributes: Any) -> Exception:
    error = APIConnectionError("broken")
    vars(error).update(attributes)
    return error


def caused_by(cause: BaseException | None = None, context: BaseException | None = None) -> Exception:
    error = APIConnectionError("broken")
    error.__cause__, error.__context__ = cause, context
    return error


def noted() -> Exception:
    error = APIConnectionError("broken")
    error.add_note(f"sent with {KEY}")
    return error


def closing_over(secret: str) -> Any:
    return lambda: secret


PLANTED = {
    "text": KEY,
    "its first half": KEY[:18],
    "its last half": f"...{KEY[-8:]}",
    "upper case": KEY.upper(),
    "bytes": KEY.encode(),
    "UTF-16": KEY.encode("utf-16"),
    "base64": base64.b64encode(KEY.encode()),
    "base64, one byte on": base64.b64encode(b"x" + KEY.encode()).decode(),
    "base64, two bytes on": base64.b64encode(b"xx" + KEY.encode()).decode(),
    "base64 of a proxy's credentials": base64.b64encode(f"someone:{PROXY_PASSWORD}".encode()).decode(),
    "hex": KEY.encode().hex(),
    "url-encoded": quote(KEY),
    "url-encoded throughout": "".join(f"%{byte:02X}" for byte in KEY.encode()),
    "url-encoded with a space": quote_plus(f"Bearer {KEY}"),
    "JSON in JSON": json.dumps(json.dumps({"a": KEY})),
    "JSON escapes": "".join(f"\\u{ord(char):04x}" for char in KEY),
    "Python escapes": "".join(f"\\x{ord(char):02x}" for char in KEY),
    "dict key": {KEY: 1},
    "deep": {"a": [({"b": Slotted(Model(held=deque([Silent(DEFAULT_HEADER)])))},)]},
    "mangled slot": Mangled(CALL_HEADER),
    "SecretStr": SecretStr(KEY),
    "Key": [Key(KEY)],
    "Settings": Silent(Settings(api_key=KEY)),
    "secret headers": Settings(default_headers={"x": DEFAULT_HEADER}),
    "closure": closing_over(KEY),
    "default argument": functools.partial(print, end=KEY),
    "bound method": Silent(KEY).__repr__,
    "response": ResponseInfo(401, {"x": "y"}, KEY.encode()),
    "exception's argument": ValueError("a", [KEY]),
    "exception's attribute": error_with(request=Silent(KEY)),
    "exception's note": noted(),
    "cause": caused_by(cause=caused_by(cause=ValueError(KEY))),
    "context": caused_by(context=error_with(response=Silent(KEY))),
    "partial answer": IncompleteStreamError("cut", partial=Silent(KEY)),
    "exception group": ExceptionGroup("several", [ValueError(KEY)]),
    "pickle": pickle.dumps({"a": SecretStr(KEY)}),
}


@pytest.mark.parametrize("form", PLANTED)
def test_a_planted_canary_is_found(form: str) -> None:
    assert found_in(PLANTED[form])


def test_what_holds_none_gives_no_alarm() -> None:
    innocent = {"a": ["sk-canary", "X-Default", 4, Settings(api_key="sk-other"), noted.__name__], "b": b"\x00\xff"}
    assert found_in(innocent) == []


def test_things_that_hold_each_other_come_to_an_end() -> None:
    ring: list[Any] = [Silent(None)]
    ring[0]._held = ring
    assert found_in(ring) == []


def test_a_hit_fails_and_is_counted() -> None:
    mine = Search()
    mine.through("an innocent place", ["nothing"])
    with pytest.raises(AssertionError, match="a secret is seen in a guilty place"):
        mine.through("a guilty place", [KEY])
    with pytest.raises(AssertionError):
        mine.pickled("a pickle", SecretStr(KEY))
    with pytest.raises(AssertionError):
        mine.shown("a text", KEY)
    with pytest.raises(AssertionError):
        mine.json("a dump", {"headers": [DEFAULT_HEADER]})
    assert mine.searched == 5
    assert len(mine.hits) >= 4
