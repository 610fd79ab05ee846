"""Every error shape of `tikhub_api.md` §9.1 and its member of the tree."""

from __future__ import annotations

import ast
import builtins
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

import tikhub_ai
from tikhub_ai import APIStatusError, IncompleteStreamError, errors
from tikhub_ai.error_bodies import error_from_payload, error_from_response
from tikhub_ai.masking import mask


def openai_shape(message: str = "m", code: Any = "", kind: str = "new_api_error") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": "", "code": code}}


TABLE: list[tuple[int, Any, str, bool]] = [
    (400, openai_shape("Model name not specified"), "BadRequestError", False),
    (400, openai_shape("blocked", "content_filter"), "ContentBlockedError", False),
    (400, openai_shape("This model's maximum context length is 4096 tokens."), "ContextWindowExceededError", False),
    (400, openai_shape("m", "context_length_exceeded"), "ContextWindowExceededError", False),
    (400, {"code": "task_not_exist", "message": "task_not_exist", "data": None}, "BadRequestError", False),
    (401, openai_shape("Invalid token (request id: 20261122)"), "AuthenticationError", False),
    (402, openai_shape("Insufficient Balance"), "InsufficientBalanceError", False),
    (403, openai_shape("用户额度不足, 剩余额度: 0", "insufficient_user_quota"), "InsufficientBalanceError", False),
    (403, openai_shape("预扣费额度失败", "pre_consume_token_quota_failed"), "InsufficientBalanceError", False),
    (403, openai_shape("IP not allowed", "access_denied"), "PermissionDeniedError", False),
    (404, openai_shape("Invalid URL (GET /x)", "", "invalid_request_error"), "NotFoundError", False),
    (404, openai_shape("The model `x` does not exist", "model_not_found"), "ModelNotFoundError", False),
    (413, openai_shape("too large", "read_request_body_failed"), "BadRequestError", False),
    (422, {"detail": [{"loc": ["body"], "msg": "field required"}]}, "BadRequestError", False),
    (429, openai_shape("您已达到请求数限制：1分钟内最多请求10次"), "RateLimitError", True),
    (429, openai_shape("当前分组上游负载已饱和，请稍后再试", "rate_limit_exceeded"), "RateLimitError", True),
    (429, openai_shape("You exceeded your current quota", "insufficient_quota"), "InsufficientBalanceError", False),
    (429, {"code": 1102, "message": "resource pack depleted", "request_id": "r"}, "RateLimitError", True),
    (500, openai_shape("field messages is required", "invalid_request"), "BadRequestError", False),
    (500, openai_shape("m", "sensitive_words_detected"), "ContentBlockedError", False),
    (500, openai_shape("m", "prompt_blocked"), "ContentBlockedError", False),
    (500, openai_shape("m", "model_price_error"), "BadRequestError", False),
    (500, openai_shape("m", "convert_request_failed"), "BadRequestError", False),
    (500, openai_shape("m", "do_request_failed"), "ServerError", True),
    (500, {"error": "boom"}, "ServerError", True),
    (500, {"success": False, "message": "boom"}, "ServerError", True),
    (501, openai_shape("API not implemented", "api_not_implemented"), "ServerError", False),
    (502, "<html><title>502 Bad Gateway</title></html>", "ServerError", True),
    (
        503,
        openai_shape("No available channel for model x under group y", "model_not_found"),
        "ModelNotFoundError",
        False,
    ),
    (503, openai_shape("无可用渠道"), "ModelNotFoundError", False),
    (503, "", "ServerError", True),
    (504, "", "ServerError", True),
    (529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "ServerError", True),
    (
        400,
        [{"error": {"code": 400, "message": "API key not valid", "status": "INVALID_ARGUMENT"}}],
        "BadRequestError",
        False,
    ),
    (400, {"type": "error", "error": {"type": "<nil>", "message": "m"}}, "BadRequestError", False),
    (418, None, "BadRequestError", False),
    (399, "moved", "APIStatusError", False),
]


@pytest.mark.parametrize(("status", "body", "member", "is_retryable"), TABLE)
def test_an_error_answer_is_its_member_of_the_tree(status: int, body: Any, member: str, *, is_retryable: bool) -> None:
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    error = error_from_response(status, {"X-Oneapi-Request-Id": "rid"}, raw)
    assert type(error).__name__ == member
    assert error.is_retryable is is_retryable
    assert error.status_code == status
    assert error.request_id == "rid"
    assert str(status) in str(error)
    assert error.response is not None
    assert error.response.body == raw


def test_a_message_says_what_happened_and_what_to_do() -> None:
    error = error_from_response(401, {}, json.dumps(openai_shape("Invalid token (request id: 2026abc)")).encode())
    assert "Invalid token" in str(error)
    assert "TIKHUB_AI_API_KEY" in str(error)
    assert error.request_id == "2026abc"


def test_an_html_page_is_told_by_its_title_alone() -> None:
    error = error_from_response(
        502, {}, b"<html><head><title> Bad Gateway </title></head><body>secret details</body></html>"
    )
    assert "Bad Gateway" in str(error)
    assert "secret details" not in str(error)


def test_credentials_in_response_headers_are_not_kept() -> None:
    error = error_from_response(500, {"Set-Cookie": "session=canary", "Retry-After": "3"}, b"")
    assert error.response is not None
    assert error.response.headers == {"retry-after": "3"}


@pytest.mark.parametrize(
    ("payload", "status"),
    [
        ({"error": {"code": 429, "message": "m"}}, 429),
        ({"error": {"type": "overloaded_error"}}, 529),
        ({"error": {"code": "invalid_api_key"}}, 401),
        ({"error": {"message": "m"}}, 500),
        ({"success": False, "message": "m"}, 500),
    ],
)
def test_an_error_inside_a_200_stands_for_a_status(payload: dict[str, Any], status: int) -> None:
    assert error_from_payload(payload, {}).status_code == status


def test_errors_survive_a_pickle_with_all_they_say() -> None:
    error = error_from_response(
        429, {"x-request-id": "r"}, b'{"error": {"message": "m", "code": "c"}}', retry_after=3.0
    )
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert again.__dict__ == error.__dict__
    assert str(again) == str(error)
    assert pickle.loads(pickle.dumps(IncompleteStreamError("cut"))).partial is None


def test_every_member_has_the_root_and_errors_found_before_sending_have_no_status() -> None:
    members = [getattr(tikhub_ai, name) for name in MEMBERS]
    assert len(members) == 26
    assert all(issubclass(member, tikhub_ai.TikHubAIError) for member in members)
    early = tikhub_ai.InvalidRequestError("empty")
    assert isinstance(early, APIStatusError)
    assert early.status_code is None
    assert early.response is None


MEMBERS = [name for name in tikhub_ai.__all__ if name.endswith("Error")]


@pytest.mark.parametrize("name", MEMBERS)
def test_a_secret_is_masked_wherever_an_error_of_any_kind_holds_it(name: str) -> None:
    secret = "sk-canary-0123456789"
    error = getattr(tikhub_ai, name)(f"it said {secret}")
    for attribute in ("code", "type", "param", "request_id"):
        if hasattr(error, attribute):
            setattr(error, attribute, secret)
    if hasattr(error, "response"):
        error.response = tikhub_ai.ResponseInfo(200, {"x-echo": secret}, f'{{"key": "{secret}"}}'.encode())
    mask(error, secret)
    assert secret not in f"{error} {error.args} {error.__dict__}"


def _caught_by_their_own_try(source: str) -> list[str]:
    """Errors of ours that are raised within a `try` which catches them: they would be told as another's failure."""
    known: dict[str, Any] = {**vars(builtins), **vars(errors)}
    found: list[str] = []
    for attempt in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Try)):
        named = [name for handler in attempt.handlers for name in ast.walk(handler.type or ast.Name("Exception"))]
        caught = tuple(known[name.id] for name in named if isinstance(name, ast.Name) and name.id in known)
        for node in (node for statement in attempt.body for node in ast.walk(statement)):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
                kind = known.get(node.exc.func.id)
                if isinstance(kind, type) and issubclass(kind, caught):
                    found.append(f"{node.lineno}: {kind.__name__}")
    return found


@pytest.mark.parametrize("package", ["tikhub_ai", "langchain_tikhub", "llama_index_tikhub"])
def test_no_error_of_ours_is_caught_by_the_try_that_raises_it(package: str) -> None:
    files = Path(__file__).parents[2].joinpath(package).rglob("*.py")
    assert {path.name: found for path in files if (found := _caught_by_their_own_try(path.read_text()))} == {}
