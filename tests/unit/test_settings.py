"""Key, base URL and timeouts."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import pytest
from pydantic import SecretStr

from langchain_tikhub import ChatTikHub, TikHubEmbeddings
from llama_index_tikhub import TikHub, TikHubEmbedding
from tikhub_ai import ConfigurationError, MissingKeyError, Settings
from tikhub_ai.http.sse import SSEDecoder
from tikhub_ai.settings import Timeouts

if TYPE_CHECKING:
    from tests.scripted_server import ScriptedServer


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
        ("http://[::1", "host or port"),
        ("http://h:99999", "host or port"),
        ("http://h:port", "host or port"),
        ("https://ai.tikhub.io/\r\nX-Evil: canary", "line ends"),
        ("https://ai.tikhub.io\n/v1", "line ends"),
        ("https://ai.tikhub.io/a\tb", "line ends"),
        ("https://ai.tikhub.io/\x00", "line ends"),
        ("https://ai.tikhub.io/a b", "spaces"),
        ("https://ai.tikhub.io\\@evil.test", "characters"),
        ("https://ai.tikhub.io/a/../b", r"'\.\.'"),
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


def test_what_is_bounded_or_tried_again_without_being_asked_is_what_the_documentation_says() -> None:
    settings = Settings()
    assert (settings.max_retries, settings.max_retry_after, settings.retry_deadline, settings.retry_wait) == (
        2,
        60,
        300,
        0.5,
    )
    assert (settings.max_event_bytes, settings.max_response_bytes) == (256 * 2**20, 2**30)
    assert SSEDecoder()._limit == settings.max_event_bytes


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
        (httpx2.Timeout(5, read=9), False, Timeouts(5, 9, 5, 5)),
        ("30", True, Timeouts(10, 30, 30, 30)),
        (" 2.5 ", True, Timeouts(2.5, 2.5, 2.5, 2.5)),
        (Decimal(3), True, Timeouts(3, 3, 3, 3)),
        ((5, 60), False, Timeouts(5, 60, 60, 60)),
        ([5, "60"], True, Timeouts(5, 60, 60, 60)),
        ((5, 60, 7), False, Timeouts(5, 60, 7, 60)),
        ((5, None, 7, 8), False, Timeouts(5, None, 7, 8)),
        (float("inf"), False, Timeouts(None, None, None, None)),
        ({"connect": 1, "read": 2}, False, Timeouts(1, 2, 600, 600)),
        (Timeouts(1, 2, 3, 4), False, Timeouts(1, 2, 3, 4)),
    ],
)
def test_timeouts_are_seconds_for_each_phase(given: Any, *, stream: bool, used: Timeouts) -> None:
    assert Settings(timeout=given).timeouts(stream=stream) == used


@pytest.mark.parametrize(
    "bad",
    [
        {"max_retries": -1},
        {"max_retries": True},
        {"max_retries": 1.5},
        {"http_backend": "curl"},
        {"retry_deadline": -1},
        {"retry_deadline": float("nan")},
        {"retry_deadline": "300"},
        {"retry_deadline": True},
        {"auth_header": "a b"},
        {"auth_header": "x\r\ny"},
        {"auth_header": "Content-Length"},
        {"base_url": b"https://ai.tikhub.io"},
        {"default_headers": "X-A: b"},
        {"default_headers": [("X-A", "b")]},
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Settings(**bad)


NO_TIMES: tuple[Any, ...] = (
    *(-1, 0, 0.0, float("nan"), True, False, "abc", "", "-1", "nan", b"30", {1}),
    *([], (), (5,), (1, 2, 3, 4, 5), (-1, 5), (5, "x"), (True, 5)),
    *({"total": 5}, {"read": -1}, {"read": "x"}, httpx.Timeout(-1), httpx2.Timeout(-1)),
)
CLASSES: dict[str, Any] = {
    "Settings": Settings,
    "ChatTikHub": lambda **given: ChatTikHub(model="m", **given),
    "TikHubEmbeddings": TikHubEmbeddings,
    "TikHub": lambda **given: TikHub(model="m", **given),
    "TikHubEmbedding": TikHubEmbedding,
}
each_class = pytest.mark.parametrize("make", CLASSES.values(), ids=CLASSES)


@pytest.mark.parametrize("timeout", NO_TIMES, ids=repr)
@each_class
def test_a_timeout_that_cannot_work_shows_at_construction(make: Any, timeout: Any) -> None:
    with pytest.raises(ConfigurationError, match="timeout"):
        make(timeout=timeout)


@pytest.mark.parametrize("timeout", ["30", (5, 60), httpx.Timeout(5), httpx2.Timeout(5), 2, 0.5, Decimal(2)], ids=repr)
@each_class
def test_a_timeout_in_any_form_works_and_its_copies_too(make: Any, timeout: Any) -> None:
    subject = make(timeout=timeout)
    for one in (subject, copy.copy(subject), copy.deepcopy(subject)):
        settings = one if isinstance(one, Settings) else Settings.from_fields(one)
        assert settings.timeouts(stream=False).read is not None


@pytest.mark.parametrize(
    "name",
    ["Content-Length", "transfer-encoding", "Connection", "Keep-Alive", "TE", "Trailer", "Upgrade", "Proxy-Connection",
     "Content-Encoding", "Expect", "", "a b", "a:b", "a\r\nb", "\u00e4", "a\0"],
)  # fmt: skip
@each_class
def test_a_header_that_no_caller_can_set_shows_at_construction(make: Any, name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"Header|name of a header"):
        make(default_headers={name: "1"})


@pytest.mark.parametrize("value", ["a\r\nX-Evil: b", "a\nb", "a\0b", "\x7f", "\x1b[31m", "\u00e4"], ids=ascii)
@each_class
def test_a_value_that_no_header_can_carry_shows_at_construction_and_is_not_quoted(make: Any, value: str) -> None:
    with pytest.raises(ConfigurationError, match="'X-A' has a value that no header can carry") as caught:
        make(default_headers={"X-A": value})
    assert value not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://[::1", "https://h/\r\nX-Evil: b", "https://h\x7f", "https://h/..", "https://h:99999"]
)
@each_class
def test_a_base_url_that_cannot_work_shows_at_construction(
    make: Any, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match="base_url"):
        make(base_url=url)
    if "\x00" not in url:
        monkeypatch.setenv("TIKHUB_AI_BASE_URL", url)
        with pytest.raises(ConfigurationError, match="base_url"):
            make()


@pytest.mark.parametrize("given", [{"timeout": "abc"}, {"timeout": -1}, {"extra_headers": {"Content-Length": "3"}},
                                   {"extra_headers": {"X": "a\r\nb"}}, {"extra_headers": "X: a"}], ids=str)  # fmt: skip
def test_the_same_with_a_call_is_told_before_anything_is_sent(given: dict[str, Any], server: ScriptedServer) -> None:
    settings = {"base_url": server.url, "api_key": "sk-1"}
    for call in (
        lambda: ChatTikHub(model="m", **settings).invoke("hi", **given),
        lambda: next(ChatTikHub(model="m", **settings).stream("hi", **given)),
        lambda: TikHub(model="m", **settings).complete("hi", **given),
        lambda: next(TikHub(model="m", **settings).stream_complete("hi", **given)),
    ):
        with pytest.raises(ConfigurationError):
            call()
    assert not server.requests


def test_two_callers_are_told_apart_where_the_gateway_can_tell_them_apart() -> None:
    base: dict[str, Any] = {"api_key": "sk-1", "base_url": "https://a.test", "default_headers": {"X-Tenant": "a"}}
    same: list[dict[str, Any]] = [
        {},
        {"base_url": "https://a.test/v1"},
        {"default_headers": {"x-tenant": "a"}},
        {"api_key": lambda: "sk-1"},
        {"timeout": 5, "max_retries": 0},
    ]
    others: list[dict[str, Any]] = [
        {"api_key": "sk-2"},
        {"base_url": "https://b.test"},
        {"default_headers": None},
        {"default_headers": {"X-Tenant": "b"}},
        {"default_headers": {"X-Other": "a"}},
        {"auth_header": "x-key"},
    ]
    assert {Settings(**base | change).identity() for change in same} == {Settings(**base).identity()}
    told = [Settings(**base | change).identity() for change in others]
    assert len({*told, Settings(**base).identity()}) == len(others) + 1
    assert Settings(**base).identity({"X": "1"}) != Settings(**base).identity({"X": "2"})


def test_an_identity_needs_no_key_and_waits_for_none() -> None:
    async def key() -> str:
        raise AssertionError("not asked")

    assert Settings().identity() == Settings().identity()
    assert Settings(api_key=key).identity() != Settings().identity()
