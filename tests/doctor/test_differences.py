"""Each difference that the doctor knows, one at a time: what it is told as, and that nothing else is told with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.doctor.gateways import KEY, MODELS, as_thought, refusal
from tests.doctor.test_doctor import Visit, visit
from tests.patience import short
from tests.scripted_server import Answer, Request
from tikhub_ai.doctor.here import here
from tikhub_ai.settings import Settings

__all__ = ["visit"]

pytestmark = pytest.mark.outside_openapi("asks for refusals, by requests that lack everything")

Spoil = Callable[[Any], object]
CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
EMBEDDINGS, SPEECH = "/v1/embeddings", "/v1/audio/transcriptions"


def _set(*path: Any, to: Any) -> Spoil:
    def spoil(body: Any) -> None:
        *way, last = path
        for step in way:
            body = body[step]
        body[last] = to

    return spoil


def _without(name: str) -> Spoil:
    return lambda body: body.pop(name)


BODIES: dict[str, tuple[str, str, Spoil, str]] = {
    # what is changed: at which path, which check tells, how it is spoilt, and in which words
    "no text": (CHAT, "chat_completions: plain", _set("choices", 0, "message", "content", to=""), "there is no text"),
    "no finish reason": (
        CHAT, "chat_completions: plain", _set("choices", 0, "finish_reason", to=None), "there is no finish reason",
    ),
    "no usage": (MESSAGES, "messages: plain", _without("usage"), "no tokens are counted"),
    "zeros": (
        MESSAGES, "messages: plain", _set("usage", to={"input_tokens": 9, "output_tokens": 0}), "9 tokens in and 0 out",
    ),
    "no model": (RESPONSES, "responses: plain", _without("model"), "does not name its model"),
    "one vector": (EMBEDDINGS, "embeddings: call", lambda body: body["data"].__delitem__(slice(1, None)), "embedding"),
    "the same vectors": (
        EMBEDDINGS, "embeddings: call",
        lambda body: [one.update(embedding=[0.5] * 256) for one in body["data"]], "both texts have the same vector",
    ),
    "dimensions ignored": (
        EMBEDDINGS, "embeddings: call",
        lambda body: [one.update(embedding=[one["index"], *[0.5] * 1535]) for one in body["data"]],
        "`dimensions` is ignored: [1536] numbers",
    ),
    "embeddings without usage": (EMBEDDINGS, "embeddings: call", _without("usage"), "no tokens are counted"),
    "nothing heard": (
        SPEECH, "transcription: call", lambda body: body.update(text="", segments=[]), "there is no text",
    ),
    "no segments": (SPEECH, "transcription: call", _without("segments"), "there are no segments; there are no words"),
    "no language": (SPEECH, "transcription: call", _without("language"), "no language is named"),
    "models elsewhere": (
        "/v1/models", "GET /v1/models", lambda body: body.update(models=body.pop("data")), "the list is under `models`",
    ),
    "no models": ("/v1/models", "GET /v1/models", _set("data", to=[]), "the key may use nothing"),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_lacks_something_is_told(visit: Callable[..., Visit], name: str) -> None:
    path, check, spoil, words = BODIES[name]

    def other(request: Request) -> Answer:
        answer = as_thought(request)
        is_asked = request.path == path and answer.status == 200 and isinstance(answer.body, dict)
        if is_asked and b"base64" not in request.body:
            answer.body = json.loads(json.dumps(answer.body))
            spoil(answer.body)
        return answer

    seen = visit(other, "--spend")
    verdict, detail, _ = seen.of(check)
    assert verdict == "differs"
    assert words in detail
    others = {one for one, verdict in seen.verdicts().items() if verdict not in {"as we think", "not asked"}}
    if name != "no models":  # then those that ought to be there are asked for
        assert others <= {check, "models and the catalog", "a wrong key"}


def _pieces(of: Callable[[list[bytes]], list[bytes]]) -> Callable[[Answer], None]:
    def spoil(answer: Answer) -> None:
        answer.body = of(answer.body)

    return spoil


STREAMS: dict[str, tuple[str, str, Callable[[Answer], None], str, str]] = {
    "another content type": (
        CHAT, "chat_completions: streamed",
        lambda answer: answer.headers.update({"content-type": "text/plain"}), "differs",
        "the content type is text/plain",
    ),
    "no [DONE]": (
        CHAT, "chat_completions: streamed", _pieces(lambda pieces: pieces[:-1]), "differs", "there is no [DONE]",
    ),
    "one piece": (
        CHAT, "chat_completions: streamed", _pieces(lambda pieces: [pieces[1], *pieces[3:]]), "differs",
        "it came in one piece",
    ),
    "cut": (MESSAGES, "messages: streamed", _pieces(lambda pieces: pieces[:3]), "differs", "without its finish marker"),
    "no numbers": (
        RESPONSES, "responses: streamed",
        _pieces(lambda pieces: [piece.replace(b'"sequence_number"', b'"number"') for piece in pieces]), "differs",
        "no sequence_number",
    ),
    "a [DONE] too many": (
        MESSAGES, "messages: streamed", _pieces(lambda pieces: [*pieces, b"data: [DONE]\n\n"]), "as we think",
        "a [DONE] that the API does not have",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_comes_otherwise_is_told(visit: Callable[..., Visit], name: str) -> None:
    path, check, spoil, expected, words = STREAMS[name]

    def other(request: Request) -> Answer:
        answer = as_thought(request)
        if request.path == path and isinstance(answer.body, list):
            spoil(answer)
        return answer

    verdict, detail, _ = visit(other, "--spend").of(check)
    assert verdict == expected
    assert words in detail


def test_keep_alive_comments_are_noticed_and_held_against_nobody(visit: Callable[..., Visit]) -> None:
    verdict, detail, _ = visit(as_thought, "--spend").of("chat_completions: streamed")
    assert (verdict, "1 comments to keep the connection alive" in detail) == ("as we think", True)


FAILURES: dict[str, tuple[Answer, str, str, str]] = {
    "balance": (refusal(403, "no", "insufficient_user_quota"), "cannot tell", "the account has no balance", ""),
    "limit": (refusal(429, "slow down"), "cannot tell", "too many requests: slow down", ""),
    "permission": (refusal(403, "not yours"), "cannot tell", "the key may not do this: not yours", ""),
    "no such model": (
        refusal(503, "No available channel for model x", "model_not_found"), "cannot tell",
        "the gateway has no model 'claude-haiku-4-5'", "--model API=claude-haiku-4-5",
    ),
    "its own fault": (refusal(502, "bad gateway"), "cannot tell", "502 bad gateway", ""),
    "a refusal": (refusal(400, "max_tokens is too low"), "differs", "refused with 400: max_tokens is too low", ""),
    "an error in a 200": (
        Answer({"error": {"message": "upstream broke", "type": "upstream_error"}}), "differs", "upstream broke", "",
    ),
    "no JSON": (Answer(b"Hello!"), "differs", "where a JSON object was due", ""),
    "silence": (Answer(held=True), "cannot tell", "did not answer in time", "--timeout"),
    "no such path after all": (refusal(405, "Method Not Allowed"), "not served", "405", 'api="chat_completions"'),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILURES)
def test_a_call_that_fails_says_whose_fault_it_is(visit: Callable[..., Visit], name: str) -> None:
    failure, expected, words, remedy = FAILURES[name]

    def failing(request: Request) -> Answer:
        is_call = request.path == MESSAGES and b'"claude' in request.body and b'"stream"' not in request.body
        return failure if is_call else as_thought(request)

    seen = visit(failing, "--spend", "--timeout", str(short(0.5)))
    verdict, detail, setting = seen.of("messages: plain")
    assert (verdict, setting) == (expected, remedy)
    assert words in detail
    assert seen.of("messages: streamed")[0] == "as we think"


def test_the_cheapest_model_that_is_listed_is_asked_or_the_one_that_is_named(
    visit: Callable[..., Visit], monkeypatch: pytest.MonkeyPatch
) -> None:
    named = {**MODELS, "claude-haiku-4-5-20251001": ["anthropic"], "gemini-2.0-flash-lite": ["gemini"]}
    del named["claude-haiku-4-5"], named["gemini-2.5-flash-lite"]
    named |= {"claude-opus-5-5": ["anthropic"], "o3-mini": ["openai-response"]}
    del named["gpt-4.1-nano"]
    monkeypatch.setattr("tests.doctor.gateways.MODELS", named)
    seen = visit(as_thought, "--spend", "--model", "messages=claude-opus-5-5")
    assert "answered 'claude-opus-5-5'" in seen.of("messages: plain")[1]
    assert "answered 'o3-mini'" in seen.of("responses: plain")[1]  # in no list of ours, and of the API's
    assert "answered 'deepseek-chat'" in seen.of("chat_completions: plain")[1]


def test_a_wrong_key_that_is_another_error_and_an_unknown_model_that_answers_are_told(
    visit: Callable[..., Visit],
) -> None:
    def other(request: Request) -> Answer:
        if request.headers.get("authorization") == "Bearer sk-tikhub-ai-doctor":
            return refusal(400, "No connected db.")
        if request.path == "/v1/models/tikhub-ai-doctor":
            return Answer({"id": "tikhub-ai-doctor"})
        if b'"tikhub-ai-doctor"' in request.body:
            return as_thought(
                Request(
                    request.method,
                    request.path,
                    request.headers,
                    request.body.replace(b"tikhub-ai-doctor", b"deepseek-chat"),
                )
            )
        return as_thought(request)

    seen = visit(other, "--spend")
    assert seen.of("a wrong key")[0] == "differs"
    assert "it is BadRequestError here: 400 No connected db." in seen.of("a wrong key")[1]
    assert seen.of("GET /v1/models/{unknown}")[:2] == ("differs", "it is answered with 200 as if it were there")
    assert seen.of("an unknown model")[:2] == ("differs", "deepseek-chat answered all the same")


def test_a_list_that_differs_over_the_async_library_is_told(visit: Callable[..., Visit]) -> None:
    lists = 0

    def changing(request: Request) -> Answer:
        nonlocal lists
        lists += request.path == "/v1/models"
        if request.path == "/v1/models" and lists == 3:  # a wrong key's, the sync one, the async one
            return Answer({"data": [{"id": "another"}]}, headers={"x-request-id": "1"})
        return as_thought(request)

    assert visit(changing).of("GET /v1/models, async")[:2] == ("differs", "the list is another")


@pytest.mark.parametrize(
    ("environment", "settings", "name", "words"),
    [
        ({"TIKHUB_AI_API_KEY": KEY}, {}, "key", "from TIKHUB_AI_API_KEY"),
        ({"TIKHUB_AI_API_KEY": f" {KEY} "}, {}, "key", "with white space around it"),
        ({"TIKHUB_AI_API_KEY": "abc"}, {}, "key", "does not begin with sk-"),
        ({"TIKHUB_API_KEY": KEY}, {}, "key", "from TIKHUB_API_KEY (TIKHUB_API_KEY is also the name"),
        ({"TIKHUB_AI_API_KEY": "  "}, {}, "key", "none: set TIKHUB_AI_API_KEY"),
        ({"TIKHUB_AI_BASE_URL": "http://h.invalid/v1"}, {}, "address", "http://h.invalid (from TIKHUB_AI_BASE_URL)"),
        ({}, {}, "address", "https://ai.tikhub.io (the default)"),
        ({}, {"base_url": "http://other.invalid"}, "address", "http://other.invalid (given)"),
        ({"HTTPS_PROXY": "http://me:secret@p.invalid:1"}, {}, "proxy", "p.invalid:1 (from the environment)"),
        ({}, {"proxy": "http://me:secret@p.invalid:1"}, "proxy", "p.invalid:1 (given)"),
        ({}, {"verify": False}, "certificates", "not verified"),
        ({}, {"verify": "/ca.pem"}, "certificates", "verified by /ca.pem"),
        ({"SSL_CERT_FILE": "/x.pem"}, {}, "certificates", "verified by SSL_CERT_FILE"),
    ],
)
def test_the_facts_of_this_machine_are_said_without_secrets(
    environment: dict[str, str], settings: dict[str, Any], name: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    facts = here(Settings(**settings))
    assert words in facts[name]
    assert "secret" not in str(facts)
    assert KEY not in str(facts)
