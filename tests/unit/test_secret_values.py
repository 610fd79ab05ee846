"""Opaque values: nothing that walks a program's variables sees into them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pytest
from pydantic import BaseModel, Field, SecretStr
from rich.pretty import pretty_repr
from sentry_sdk.serializer import serialize

from tikhub_ai import ChatRequest, ConfigurationError, HeadersField, Key, ProxyField, SecretHeaders
from tikhub_ai.secret_values import SecretProxy
from tikhub_ai.wire import ApiRequest

CANARY = "canary-1234"
HEADERS = {"X-Tenant": CANARY, "X-Other": "b"}


@dataclass
class Holder:
    held: Any


OPAQUE: dict[str, Any] = {
    "headers": SecretHeaders(HEADERS),
    "key": Key(CANARY),
    "proxy": SecretProxy(f"http://someone:{CANARY}@proxy.test"),
    "request": ChatRequest("m", [], extra_headers=HEADERS),
    "wire request": ApiRequest("/v1/x", extra_headers=HEADERS),
}


@pytest.mark.parametrize("name", OPAQUE)
def test_no_walk_through_variables_sees_an_opaque_value(name: str) -> None:
    value = OPAQUE[name]
    assert not isinstance(value, (Mapping, Sequence, set, frozenset, str, bytes))
    for held in (value, [value], {"a": value}, Holder(value), copy.copy(value), copy.deepcopy(value)):
        views = [repr(held), str(held), pretty_repr(held), str(serialize({"vars": {"held": held}}, is_vars=True))]
        assert not [view for view in views if CANARY in view]
    assert CANARY not in str(asdict(Holder(value)))
    assert CANARY.encode() not in pickle.dumps(value)


def test_headers_read_as_a_dict_does() -> None:
    headers = SecretHeaders(HEADERS)
    assert headers == HEADERS
    assert headers == SecretHeaders(HEADERS)
    assert headers != {"X-Tenant": CANARY}
    assert dict(headers) == {**headers} == HEADERS
    assert (list(headers), list(headers.keys()), len(headers)) == (["X-Tenant", "X-Other"], ["X-Tenant", "X-Other"], 2)
    assert dict(headers.items()) == headers.get_secret_value() == HEADERS
    assert headers["X-Tenant"] == CANARY
    assert "X-Tenant" in headers
    assert "X-None" not in headers
    assert repr(headers) == "SecretHeaders(X-Other, X-Tenant)"
    headers["X-New"] = "c"
    del headers["X-Other"]
    assert headers == {"X-Tenant": CANARY, "X-New": "c"}
    assert not SecretHeaders()
    assert SecretHeaders({"a": SecretStr("b")}) == {"a": "b"}


def test_digests_tell_values_apart_and_show_none() -> None:
    first, second = SecretHeaders({"a": CANARY}).digests(), SecretHeaders({"a": "other"}).digests()
    assert first == SecretHeaders({"a": CANARY}).digests() != second
    assert CANARY not in str(first)


class Model(BaseModel):
    headers: HeadersField = Field(default=None)
    proxy: ProxyField = Field(default=None)


def test_the_fields_keep_what_they_take_opaque_even_where_a_class_forgets_to_exclude_them() -> None:
    given = Model(headers=HEADERS, proxy=f"http://u:{CANARY}@p")  # type: ignore[arg-type]  # what users write
    again = Model(headers=given.headers, proxy=given.proxy)
    assert again.headers is given.headers
    assert again.headers == HEADERS
    assert isinstance(again.proxy, SecretProxy)
    for model in (given, again, given.model_copy(deep=True)):
        assert CANARY not in f"{model!r} {model.model_dump()} {model.model_dump_json()}"
    assert Model.model_json_schema()["properties"]["headers"]["anyOf"][0]["type"] == "object"


@pytest.mark.parametrize("wrong", [["X-Tenant"], {"X-Tenant": ["a"]}, "X-Tenant", 1])
def test_the_headers_field_refuses_what_are_no_headers(wrong: Any) -> None:
    with pytest.raises(ValueError, match="headers"):
        Model(headers=wrong)


def test_a_key_of_another_type_is_refused_and_not_named() -> None:
    from tikhub_ai import key_source

    with pytest.raises(ConfigurationError, match="not list") as caught:
        key_source([CANARY])
    frame = caught.traceback[-1].frame
    assert CANARY not in repr(frame.f_locals)
