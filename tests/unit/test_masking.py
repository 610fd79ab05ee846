"""Secrets that a server repeats: whole, begun, encoded otherwise; and what is none. In linear time."""

from __future__ import annotations

import base64
import json
import socket
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_tikhub import ChatTikHub, TikHubEmbeddings
from llama_index_tikhub import TikHub, TikHubEmbedding
from tests.linear import assert_linear
from tikhub_ai import RateLimitError, ResponseInfo, Settings, TikHubAIError, list_models
from tikhub_ai.error_bodies import error_from_response
from tikhub_ai.http import failures
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


@given(TEXTS, TEXTS, st.text("ab1-.", min_size=8, max_size=30).map(lambda text: f"a1{text}"))
def test_no_text_leaves_with_a_secret_and_none_without_is_changed(before: str, after: str, secret: str) -> None:
    assert secret not in masked(f"{before}{secret}{after}", [secret])
    assert masked(f"{before}XYZ", ["XXXXYYYYZZZZ"]) == f"{before}XYZ"


STAND_INS = [
    "local", "localhost", "127.0.0.1", "test", "EMPTY", "none", "None", "ollama", "lm-studio", "not-needed", "dummy",
    "x", "a", "1", "0", "8080", "http", "https", "sk", "tikhub", "sk-no-key-required", "placeholder", "model", "The",
    "key", "secret", "v1", "404", "error", "server", "ai.tikhub.io", "local-8080", "Schlüssel",
]  # fmt: skip
"""Texts that people give where a server wants no key."""
ADDRESSES = ["http://localhost:8080", "http://127.0.0.1:8080", "http://local-8080.test:404", "https://ai.tikhub.io"]


def _sentences() -> list[str]:
    """What we say ourselves: of every failure of a connection, and of every status."""
    made = [
        failure
        for address in ADDRESSES
        for url in [f"{address}/v1/chat/completions"]
        for failure in (
            failures.too_slow(url, "ReadTimeout", may_have_been_sent=True),
            failures.not_ended(url),
            failures.not_connected(url, f"ConnectError: nothing listens at {url}"),
            failures.broken(url, "RemoteProtocolError"),
            failures.not_decompressed(url, "DecodingError"),
        )
    ]
    body = json.dumps(
        {"error": {"message": "The model local is no server at http://local/v1", "code": "test"}}
    ).encode()
    return [str(error) for error in made] + [
        str(error_from_response(status, {"x-request-id": "test"}, body)) for status in (*range(400, 430), 500, 502, 529)
    ]


@pytest.mark.parametrize("stand_in", STAND_INS)
def test_a_stand_in_for_a_key_takes_nothing_out_of_addresses_and_sentences(stand_in: str) -> None:
    for sentence in _sentences():
        assert masked(sentence, [stand_in]) == sentence
    error = error_from_response(404, {"server": "local"}, b'{"model": "local", "url": "http://local/"}')
    before = f"{error} {error.response}"
    mask(error, stand_in)
    assert f"{error} {error.response}" == before


ECHOED = [
    "Incorrect API key provided: {}.",
    "Incorrect API key provided: '{}'",
    "Authorization: Bearer {}",
    "You sent bearer {}, which is wrong",
    '{{"api_key": "{}"}}',
    '{{\\"access_token\\":\\"{}\\"}}',
    "https://gateway.test/v1?key={}&x=1",
    "x-api-key: {}\n",
    "the token ({}) is no token",
]


@pytest.mark.parametrize("echo", ECHOED)
@pytest.mark.parametrize("short", [*STAND_INS, "sk-1234", "hunter2", "s3cr3t"])
def test_a_stand_in_is_taken_out_where_the_text_says_that_it_is_the_key(short: str, echo: str) -> None:
    assert masked(echo.format(short), [short]) == echo.format("***")
    if short[0].isalpha() and short.isascii():
        longer = echo.format(f"x{short}y")
        assert masked(longer, [short]) == longer


@pytest.mark.parametrize("short", ["sk-1234", "hunter2", "s3cr3t", "correct horse", "my-proxy-password"])
def test_a_short_key_that_is_no_word_and_a_long_one_of_words_are_taken_out_by_themselves(short: str) -> None:
    for text in ("{}", "{}.", "it was {}, wrongly", "user:{}@proxy", '["{}"]', "{}\nnext", "{}: wrong"):
        assert masked(text.format(short), [short]) == text.format("***")
    for text in ("x{}", "{}s", "http://{}:80/", "http://host/{}/x", "{}.example"):
        assert masked(text.format(short), [short]) == text.format(short)


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
    "a letter": lambda _: "a",
    "words": lambda _: "not-needed",
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


@pytest.mark.parametrize("ask", [
    lambda **given: ChatTikHub(model="gpt-4.1", **given).invoke("hi"),
    lambda **given: TikHubEmbeddings(**given).embed_query("hi"),
    lambda **given: TikHub(model="gpt-4.1", **given).complete("hi"),
    lambda **given: TikHubEmbedding(**given).get_query_embedding("hi"),
    lambda **given: list_models(Settings(**given)),
])  # fmt: skip
def test_an_error_names_the_address_whatever_the_key(ask: Callable[..., object]) -> None:
    with socket.socket() as closed:  # bound, and nobody listens
        closed.bind(("127.0.0.1", 0))
        address = f"http://localhost:{closed.getsockname()[1]}"
        with pytest.raises(TikHubAIError, match=address):
            ask(api_key="local", base_url=address, max_retries=0)
