"""Secrets that a server repeats: whole, begun, encoded otherwise; and what is none. In linear time."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.linear import assert_linear
from tikhub_ai import RateLimitError, ResponseInfo
from tikhub_ai.error_bodies import error_from_response
from tikhub_ai.masking import mask, masked, masked_headers

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "sk-abcdefgh-0123456789"
JWT = "eyJhbGciOiJIUzI1NiJ9." + "".join(chr(ord("a") + number * 7 % 26) for number in range(4000)) + ".c2ln"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "Basic", "Token", "ApiKey", "API-Key", "Digest", "Negotiate"])
def test_the_word_before_a_credential_is_no_secret_and_what_follows_is(scheme: str) -> None:
    header = f"{scheme} {KEY}"
    challenge = f'{scheme} error="invalid_token", realm="x"'
    assert masked(challenge, [header]) == challenge
    assert masked_headers({"www-authenticate": challenge}, [header]) == {"www-authenticate": challenge}
    assert masked(f"You sent {header}.", [header]) == f"You sent {scheme} ***."
    assert masked(f"You sent {KEY}.", [header]) == "You sent ***."


def test_a_header_with_a_short_credential_is_masked_as_a_whole() -> None:
    assert masked("Bearer abc is wrong, abc is short", ["Bearer abc"]) == "*** is wrong, abc is short"


@pytest.mark.parametrize("length", range(8, len(KEY) + 1))
def test_every_beginning_that_tells_something_is_masked_where_a_text_breaks_off(length: int) -> None:
    begun = KEY[:length]
    for text in (begun, f"{begun}...", f"'{begun}'", f"{begun} and", f"a {begun}\n{begun}"):
        assert masked(text, [KEY]) == text.replace(begun, "***")


def test_other_words_with_the_same_beginning_stay() -> None:
    assert masked("sk-abcdefgh is not sk-abcdefghij, nor sk-abcd", [KEY]) == "*** is not sk-abcdefghij, nor sk-abcd"


def test_so_much_of_a_secret_is_one_whatever_follows() -> None:
    assert masked(f"{JWT[:500]}xyz", [JWT]) == "***xyz"


@pytest.mark.parametrize(
    "encoded",
    [
        lambda secret: quote(secret, safe=""),
        lambda secret: json.dumps(secret)[1:-1],
        lambda secret: f"prefix{secret}suffix",
    ],
    ids=["URL", "JSON", "inside a word"],
)
def test_a_secret_is_one_however_it_is_encoded(encoded: object) -> None:
    secret = 'a/b+c="\\d e%f&'
    text = masked(f"<{encoded(secret)}>", [f"Bearer {secret}"])  # type: ignore[operator]  # one of the functions above
    assert "***" in text
    assert secret[1:] not in text


def test_the_password_of_basic_credentials_is_one_too() -> None:
    header = "Basic " + base64.b64encode(b"user:correct horse").decode()
    assert masked("user:correct horse; correct horse", [header]) == "***; ***"
    assert masked("Basic realm=x", [header]) == "Basic realm=x"


def test_parameters_of_credentials_are_ones_too() -> None:
    assert masked("unknown token 0123456789", ['Token token="0123456789", nonce="x"']) == "unknown token ***"


TEXTS = st.text("ab-. ", max_size=40)


@given(TEXTS, TEXTS, st.text("ab-.", min_size=1, max_size=30))
def test_no_text_leaves_with_a_secret_and_none_without_is_changed(before: str, after: str, secret: str) -> None:
    assert secret not in masked(f"{before}{secret}{after}", [secret])
    assert masked(f"{before}XYZ", ["XXXXYYYYZZZZ"]) == f"{before}XYZ"


def test_an_error_is_masked_wherever_it_holds_a_secret() -> None:
    error = RateLimitError(
        f"429 for {KEY}",
        code=KEY,
        type=f"x {KEY[:10]}",
        param=KEY,
        request_id=KEY,
        response=ResponseInfo(429, {"x-key": f"Bearer {KEY}"}, f"\xff {KEY} {KEY[:12]}".encode("latin-1")),
    )
    mask(error, KEY, f"Bearer {KEY}")
    assert str(error) == error.message == "429 for ***"
    assert (error.code, error.type, error.param, error.request_id) == ("***", "x ***", "***", "***")
    assert error.response == ResponseInfo(429, {"x-key": "Bearer ***"}, b"\xff *** ***")


def test_a_401_to_a_jwt_of_4_kb_is_masked_at_once() -> None:
    body = json.dumps({"error": {"message": f"bad token {JWT}"}}).encode()
    error = error_from_response(401, {"www-authenticate": 'Bearer error="invalid_token"'}, body)
    mask(error, f"Bearer {JWT}")
    assert JWT[:8] not in f"{error} {error.response}"
    assert error.response is not None
    assert error.response.headers["www-authenticate"] == 'Bearer error="invalid_token"'


SECRETS: dict[str, Callable[[int], str]] = {
    "all the same": lambda size: "a" * size,
    "a key": lambda _: KEY,
    "a period": lambda size: "ab" * (size // 2),
}
ECHOES: dict[str, Callable[[str, int], str]] = {
    "whole": lambda secret, size: secret * (size // len(secret)),
    "begun": lambda secret, size: f"{secret[:-1]}X" * (size // len(secret)),
    "barely begun": lambda secret, size: f"{secret[:8]}X" * (size // 9),
    "begun again and again": lambda secret, size: secret[:19] * (size // 19),
}


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("secret", SECRETS)
def test_masking_grows_with_the_text(secret: str, echo: str) -> None:
    def make(size: int) -> tuple[str, str]:
        one = SECRETS[secret](size // 4)
        return ECHOES[echo](one, size), one

    assert_linear(make, lambda given: masked(given[0], [given[1]]))
