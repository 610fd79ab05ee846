"""Key, base URL and timeouts."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from tikhub_ai import ConfigurationError, MissingKeyError, Settings
from tikhub_ai.settings import Timeouts


@pytest.mark.parametrize(
    ("given", "used"),
    [
        (None, "https://ai.tikhub.io"),
        ("", "https://ai.tikhub.io"),
        ("https://ai.tikhub.io/", "https://ai.tikhub.io"),
        ("https://ai.tikhub.io/v1", "https://ai.tikhub.io"),
        ("https://ai.tikhub.io/v1/", "https://ai.tikhub.io"),
        ("https://ai.tikhub.io/v1beta", "https://ai.tikhub.io"),
        ("http://127.0.0.1:8080/proxy/v1", "http://127.0.0.1:8080/proxy"),
        ("https://host/api/v10", "https://host/api/v10"),
    ],
)
def test_the_base_url_is_taken_with_or_without_its_version(given: str | None, used: str) -> None:
    assert Settings(base_url=given).base_url == used


def test_the_base_url_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKHUB_AI_BASE_URL", "https://mirror.test/v1")
    assert Settings().base_url == "https://mirror.test"
    assert Settings(base_url="https://other.test").base_url == "https://other.test"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ai.tikhub.io", "scheme"),
        ("ftp://ai.tikhub.io", "scheme"),
        ("https://", "scheme"),
        ("https://ai.tikhub.io/v1?key=sk-canary", "query"),
        ("https://user:sk-canary@ai.tikhub.io", "credentials"),
    ],
)
def test_a_base_url_that_cannot_work_is_refused_without_showing_a_secret(url: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as error:
        Settings(base_url=url)
    assert "canary" not in str(error.value)


def test_the_key_comes_from_the_argument_then_from_either_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingKeyError):
        Settings().key()
    monkeypatch.setenv("TIKHUB_API_KEY", "social")
    assert Settings().key() == "social"
    monkeypatch.setenv("TIKHUB_AI_API_KEY", "ai")
    assert Settings().key() == "ai"
    assert Settings(api_key="given").key() == "given"
    assert Settings(api_key=SecretStr("secret")).key() == "secret"
    assert Settings(api_key=lambda: " called\n").key() == "called"


def test_settings_show_no_secret() -> None:
    settings = Settings(api_key="sk-canary", default_headers={"x": "canary"}, proxy="http://u:canary@p")
    assert "canary" not in repr(settings)


@pytest.mark.parametrize(
    ("given", "stream", "used"),
    [
        (None, False, Timeouts(10, 600, 600, 600)),
        (None, True, Timeouts(10, 120, 600, 600)),
        (30, True, Timeouts(10, 30, 30, 30)),
        (2.5, False, Timeouts(2.5, 2.5, 2.5, 2.5)),
        (httpx.Timeout(5, read=None), True, Timeouts(5, None, 5, 5)),
    ],
)
def test_timeouts_are_seconds_for_each_phase(given: Any, *, stream: bool, used: Timeouts) -> None:
    assert Settings(timeout=given).timeouts(stream=stream) == used


@pytest.mark.parametrize(
    "bad", [{"max_retries": -1}, {"max_retries": True}, {"max_retries": 1.5}, {"http_backend": "curl"}]
)
def test_settings_that_cannot_work_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Settings(**bad)
