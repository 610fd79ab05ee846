"""Copies and pickles of the four classes that hold settings."""

from __future__ import annotations

import copy
import pickle
import ssl
from dataclasses import fields
from typing import Any

import httpx
import pytest

from langchain_tikhub import ChatTikHub, TikHubEmbeddings
from llama_index_tikhub import TikHub, TikHubEmbedding
from tikhub_ai import SecretHeaders, Settings, TikHubAIWarning
from tikhub_ai.arguments import names_of

CLASSES = [ChatTikHub, TikHubEmbeddings, TikHub, TikHubEmbedding]

pytestmark = pytest.mark.parametrize("cls", CLASSES)


def made(cls: Any, **settings: Any) -> Any:
    named = {"model": "gpt-4.1-mini"} if cls in (ChatTikHub, TikHub) else {}
    return cls(**named, **{"api_key": "sk-x", **settings})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("http_client", httpx.Client()),
        ("http_async_client", httpx.AsyncClient()),
        ("verify", ssl.create_default_context()),
        ("api_key", lambda: "sk-rotating"),
    ],
)
def test_what_cannot_be_pickled_stays_here_and_is_named(cls: Any, name: str, value: Any) -> None:
    living = made(cls, **{name: value})
    with pytest.warns(TikHubAIWarning, match=rf"Not pickled.*{cls.__name__}.*: {name}\."):
        loaded = pickle.loads(pickle.dumps(living))
    assert getattr(living, name) is value
    if name == "api_key":
        assert loaded.api_key.get_secret_value() == ""  # and not a key of the environment
    else:
        assert getattr(loaded, name) == cls.model_fields[name].default


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: one.model_copy(deep=True)])
def test_copies_share_clients_and_the_tls_context(cls: Any, copied: Any) -> None:
    given = {
        "http_client": httpx.Client(),
        "http_async_client": httpx.AsyncClient(),
        "verify": ssl.create_default_context(),
    }
    twin = copied(made(cls, **given, default_headers={"x-tenant": "acme"}))
    assert twin.api_key.get_secret_value() == "sk-x"
    assert twin.default_headers == {"x-tenant": "acme"}
    assert {name: getattr(twin, name) for name in given} == given


def test_a_proxy_travels_without_a_password_only(cls: Any) -> None:
    plain = pickle.loads(pickle.dumps(made(cls, proxy="http://proxy.test:3128")))
    assert "proxy.test" in (plain.proxy if isinstance(plain.proxy, str) else plain.proxy.get_secret_value())
    with pytest.warns(TikHubAIWarning, match=r"Not pickled.*: proxy\."):
        pickled = pickle.dumps(made(cls, proxy="http://me:secret@proxy.test:3128"))
    assert b"secret@" not in pickled
    assert pickle.loads(pickled).proxy is None


def test_secrets_set_later_are_as_secret_as_those_given_first(cls: Any) -> None:
    living = made(cls)
    living.api_key = "sk-later"
    living.default_headers = {"x-tenant": "hidden"}
    assert living.api_key.get_secret_value() == "sk-later"
    assert isinstance(living.default_headers, SecretHeaders)
    pickled = pickle.dumps(living)
    assert b"sk-later" not in pickled
    assert b"hidden" not in pickled


def test_a_pickle_reads_a_key_of_the_environment_again_by_its_name(cls: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKHUB_API_KEY", "sk-here")
    pickled = pickle.dumps(made(cls, api_key=None, base_url="http://gateway.test"))
    monkeypatch.setenv("TIKHUB_API_KEY", "sk-there")
    monkeypatch.setenv("TIKHUB_AI_API_KEY", "sk-another")
    twin = pickle.loads(pickled)
    assert twin.api_key.get_secret_value() == "sk-there"
    assert twin.base_url == "http://gateway.test"
    monkeypatch.delenv("TIKHUB_API_KEY")
    assert pickle.loads(pickled).api_key.get_secret_value() == ""


def test_a_pickle_holds_no_secret_even_of_an_object_made_without_validation(cls: Any) -> None:
    given = {"api_key": "sk-hidden", "default_headers": {"X": "hidden"}, "proxy": "http://u:hidden@proxy.test"}
    with pytest.warns(TikHubAIWarning, match="Not pickled"):
        pickled = pickle.dumps(cls.model_construct(model="m", **given))
    assert b"hidden" not in pickled


def test_settings_are_made_once_and_anew_when_a_field_changes(cls: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKHUB_AI_BASE_URL", "http://one.test")
    held = made(cls, default_headers={"x-tenant": "acme"})
    first = held.settings_now()
    assert held.settings_now() is first
    changes = {
        "api_key": "sk-y", "base_url": "http://two.test", "timeout": 3.0, "max_retries": 5, "retry_deadline": 7.0,
        "retry_wait": 0.25, "max_retry_after": 9.0, "on_retry": print, "default_headers": {"x-tenant": "other"},
        "http_client": httpx.Client(), "http_async_client": httpx.AsyncClient(), "proxy": "http://proxy.test",
        "verify": False, "http_backend": "httpx", "auth_header": "x-api-key", "max_event_bytes": 1000,
        "max_response_bytes": 1000,
    }  # fmt: skip
    assert changes.keys() == {field.name for field in fields(Settings)}
    for name, value in changes.items():
        before = held.settings_now()
        setattr(held, name, value)
        assert getattr(held.settings_now(), name) == getattr(held, name)
        assert held.settings_now() is not before
        assert held.settings_now() is held.settings_now()


def test_settings_follow_what_is_changed_in_place_and_around(cls: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKHUB_AI_BASE_URL", "http://one.test")
    phases = {"connect": 1.0, "read": 2.0, "write": 2.0, "pool": 2.0}
    held, timed = made(cls, default_headers={"x-tenant": "acme"}), made(cls, timeout=httpx.Timeout(5))
    held.base_url = None
    assert held.settings_now().base_url == "http://one.test"
    held.default_headers["x-tenant"] = "other"
    assert held.settings_now().default_headers == {"x-tenant": "other"}
    monkeypatch.setenv("TIKHUB_AI_BASE_URL", "http://two.test")
    assert held.settings_now().base_url == "http://two.test"
    assert timed.settings_now().timeouts(stream=False).read == 5
    timed.timeout.read = 6.0
    assert timed.settings_now().timeouts(stream=False).read == 6
    timed.timeout = phases
    phases["read"] = timed.timeout["read"] = 7.0
    assert timed.settings_now().timeouts(stream=False).read == 7


def test_settings_that_were_made_are_in_no_copy_dump_or_comparison(cls: Any) -> None:
    held = made(cls)
    other = copy.copy(held)
    held.settings_now()
    assert getattr(other, "_settings_made", None) is None
    assert held == other
    assert held.model_dump() == other.model_dump()
    assert "_settings_made" not in repr(held)
    for twin in (copy.copy(held), copy.deepcopy(held), held.model_copy(update={"max_retries": 9})):
        assert twin.settings_now() is not held.settings_now()
        assert twin.settings_now().max_retries == twin.max_retries
    assert b"_settings_made" not in pickle.dumps(held)


def test_a_field_is_read_assigned_and_copied_by_every_alias(cls: Any) -> None:
    values = {"model": "gpt-5", "base_url": "http://of.test", "timeout": 7.0, "max_retries": 1, "api_key": "sk-y"}
    for field, value in values.items():
        for alias in (*names_of(field), *(["openai_api_key"] if field == "api_key" else [])):
            one = made(cls)
            setattr(one, alias, value)
            read = [
                getattr(held, name)
                for held in (one, made(cls).model_copy(update={alias: value}))
                for name in (alias, field)
            ]
            assert read == [value] * 4, alias
            assert alias in cls.model_fields or alias not in one.__dict__
    with pytest.raises(AttributeError, match="nonsense"):
        _ = made(cls).nonsense
