"""How any error body of the gateway, and of the providers behind it, becomes a member of the error tree."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tikhub_ai.errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ContentBlockedError,
    ContextWindowExceededError,
    InsufficientBalanceError,
    ModelNotFoundError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ResponseInfo,
    ServerError,
)
from tikhub_ai.json_text import dumps, parsed
from tikhub_ai.server_text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOOKED_AT = 4096
"""Characters of a text, at its beginning and at its end, in which patterns are searched."""
_LONGEST_MESSAGE = 2000
_LONGEST_WORD = 200
"""Characters of a server's message, and of its code or another name, that are shown. The response holds them whole."""
_DEEPEST = 20
"""Levels of an error object that are looked into."""
_HIDDEN_HEADERS = frozenset({"set-cookie", "authorization", "proxy-authorization", "x-api-key", "x-goog-api-key"})
_REQUEST_ID_HEADERS = ("x-oneapi-request-id", "x-request-id", "request-id")
_REQUEST_ID_TEXT = re.compile(r"request id: ?([\w-]{1,128})")

_CONTEXT_CODES = frozenset({"context_length_exceeded", "context_window_exceeded", "model_context_window_exceeded"})
_CONTEXT_TEXT = re.compile(
    r"maximum context length|context[ _]length[ _]exceeded|context window|prompt is too long|"
    r"exceeds? the (?:available )?context|input token count .{0,40}exceeds|exceed_context_size|"
    r"tokens\) is too large to process",
    re.IGNORECASE,
)
_BLOCKED_CODES = frozenset(
    {
        "content_filter",
        "content_policy_violation",
        "sensitive_words_detected",
        "prompt_blocked",
        "responsibleaipolicyviolation",
    }
)
_BALANCE_CODES = frozenset(
    {"insufficient_user_quota", "pre_consume_token_quota_failed", "insufficient_quota", "billing_hard_limit_reached"}
)
_BALANCE_TEXT = re.compile(
    r"insufficient (?:user )?(?:balance|quota|credit)|额度不足|预扣费额度失败|余额不足", re.IGNORECASE
)
_MODEL_TEXT = re.compile(
    r"no available channel for model|无可用渠道|unknown model|"
    r"model .{1,120}(?:does not exist|not found|is not supported)|"
    r"models/\S{1,200} is not found",
    re.IGNORECASE,
)
_RETRY_TEXT = re.compile(r"Please retry in (\d{1,9}(?:\.\d{1,9})?)s\b")
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")
_TITLE = re.compile(r"<title[^<>]*>([^<]*)", re.IGNORECASE)
_STATUS = re.compile(r"[45]\d\d", re.ASCII)
_CLIENT_FAULTS = frozenset(
    {"invalid_request", "invalid_request_error", "model_price_error", "convert_request_failed", "count_token_failed"}
)
"""Codes that the gateway sends with status 500 although the request is at fault: sending it again will not help."""

_STATUS_OF_WORD = {
    "invalid_request_error": 400,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "permission_error": 403,
    "insufficient_user_quota": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "tokens": 429,
    "requests": 429,
    "insufficient_quota": 429,
    "api_error": 500,
    "server_error": 500,
    "overloaded_error": 529,
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""What HTTP status an error inside a 200 stands for, by its code or type; in capitals, by Google's status."""

_REMEDY: dict[str, str] = {
    "AuthenticationError": "Check the key: api_key= or TIKHUB_AI_API_KEY must hold a TikHub AI key (sk-...), "
    "made in the gateway's console.",
    "InsufficientBalanceError": "Add balance to the TikHub AI account, or use a key with quota left.",
    "PermissionDeniedError": "This key may not use this model or endpoint.",
    "ModelNotFoundError": "Check the model's name: tikhub_ai.list_models(Settings()) lists what this key may use.",
    "NotFoundError": "Check base_url: it is the gateway's address, with or without /v1.",
    "ContextWindowExceededError": "Shorten the input, or lower max_tokens.",
    "RateLimitError": "Wait and try again, lower the concurrency, or raise max_retries.",
}


@dataclass(slots=True)
class _ErrorBody:
    """What the many shapes of error body say."""

    message: str = ""
    code: str | None = None
    type: str | None = None
    param: str | None = None
    reason: str | None = None
    retry_after: float | None = None


def public_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Response headers, lower case, without those that hold credentials."""
    return {name: value for key, value in headers.items() if (name := key.lower()) not in _HIDDEN_HEADERS}


def request_id_of(headers: Mapping[str, str], message: str = "") -> str | None:
    """The gateway's id of the call, from lower-case headers or from the error's text."""
    for name in _REQUEST_ID_HEADERS:
        if value := headers.get(name):
            return printable(value, _LONGEST_WORD)
    found = _REQUEST_ID_TEXT.search(_ends(message))
    return found.group(1) if found else None


def error_in_body(payload: Any) -> dict[str, Any] | None:
    """The error that a body with status 200 holds, or None.

    Known shapes: `{"error": {...}}`, `{"error": "..."}`, `{"type": "error", "error": {...}}`, `{"success": false}`.
    This is for wires on which these are errors: a job that failed says why in `error`, and is an answer. Codecs of jobs
    judge their answers themselves (`ApiResponse.json`), as they do Kling's flat `{"code": 1301, "message": ...}`.
    Relays written in Go send an empty error object with good answers: one that says nothing, beside something else, is
    none.
    """
    if isinstance(payload, list) and len(payload) == 1:
        payload = payload[0]
    if not isinstance(payload, dict):
        return None
    error = payload.get("error")
    if error and payload.get("object") != "response" and (_says_something(error) or _is_alone(payload)):
        return payload
    if payload.get("success") is False:
        return payload
    return None


def _says_something(error: Any, depth: int = 0) -> bool:
    """Whether an error has a word or a number in it. `<nil>` is Go's word for none."""
    if isinstance(error, dict | list) and depth < _DEEPEST:
        values = error.values() if isinstance(error, dict) else error
        return any(_says_something(value, depth + 1) for value in values)
    return bool(error.strip() not in {"", "<nil>"} if isinstance(error, str) else error)


def _is_alone(payload: dict[str, Any]) -> bool:
    """Whether nothing that could be an answer stands beside the error."""
    return not any(isinstance(value, dict | list) for name, value in payload.items() if name != "error")


def error_from_response(
    status_code: int, headers: Mapping[str, str], body: bytes, *, retry_after: float | None = None
) -> APIStatusError:
    """The member of the tree that an error answer is.

    Args:
        status_code: HTTP status, 300 or more.
        headers: Response headers.
        body: The whole body, decompressed.
        retry_after: Seconds from the answer's Retry-After, already read.
    """
    info = ResponseInfo(status_code, public_headers(headers), body)
    payload = parsed(body)
    said = _read(payload) if isinstance(payload, (dict, list)) else _ErrorBody(message=_plain(info))
    if 300 <= status_code < 400:
        said.message = f"the gateway redirects to {_origin(info.headers.get('location', ''))}, which is not followed"
    return _build(status_code, said, info, retry_after)


def error_from_payload(
    payload: dict[str, Any], headers: Mapping[str, str], *, status_code: int | None = None
) -> APIStatusError:
    """The member of the tree that an error inside a 200 answer or stream is.

    Args:
        payload: The JSON object that holds the error.
        headers: Response headers.
        status_code: The status it stands for; else told from its code and type, else 500.
    """
    said = _read(payload)
    if status_code is None:
        words = [word for word in (said.code, said.type) if word]
        numbers = [int(word) for word in words if _STATUS.fullmatch(word)]
        named = [_STATUS_OF_WORD[word] for word in words if word in _STATUS_OF_WORD]
        status_code = (numbers or named or [500])[0]
    info = ResponseInfo(200, public_headers(headers), dumps(payload).encode("utf-8", "replace"))
    return _build(status_code, said, info, None)


def _read(payload: Any) -> _ErrorBody:
    """Every known shape of error body, read leniently: any field may be missing, null or of another type."""
    if isinstance(payload, list):
        payload = payload[0] if payload else {}
    if not isinstance(payload, dict):
        return _ErrorBody(message=str(payload))
    inner = payload.get("error")
    if isinstance(inner, str) and inner:
        inner = {"message": inner}
    source: dict[str, Any] = inner if isinstance(inner, dict) and inner else payload
    message = source.get("message") or source.get("msg") or payload.get("message") or payload.get("detail") or ""
    said = _ErrorBody(
        message=message if isinstance(message, str) else dumps(message),
        code=_word(source.get("code")),
        type=_word(source.get("type")) or _word(source.get("status")),
        param=_word(source.get("param")),
    )
    if found := _RETRY_TEXT.search(_ends(said.message)):  # all that is left of Google's details behind some gateways
        said.retry_after = float(found.group(1))
    _read_details(source.get("details"), said)
    return said


def _read_details(details: Any, said: _ErrorBody) -> None:
    """Google's `details`: the wait that `RetryInfo` asks, such as "3.5s", and the reason that `ErrorInfo` names."""
    for detail in details if isinstance(details, list) else ():
        if not isinstance(detail, dict):
            continue
        kind = str(detail.get("@type") or "").rsplit(".", 1)[-1]
        if kind == "RetryInfo" and (found := _DURATION.fullmatch(str(detail.get("retryDelay") or ""))):
            said.retry_after = float(found.group(1))
        elif kind == "ErrorInfo":
            said.reason = said.reason or _word(detail.get("reason"))


def _word(value: Any) -> str | None:
    if not isinstance(value, (str, int)) or value in ("", "<nil>"):
        return None
    return printable(str(value), _LONGEST_WORD)  # a number has as many digits as were read of it


def _plain(info: ResponseInfo) -> str:
    """What a body that is not JSON tells: nothing of an HTML page but its title."""
    text = info.body.lstrip()[:_LOOKED_AT].decode("utf-8", "replace").strip()
    if not text:
        return "empty body"
    if text[:1] == "<":
        title = _TITLE.search(text)
        return (
            f"an HTML page{f' titled {title.group(1).strip()[:_LONGEST_WORD]!r}' if title else ''}, not an API answer"
        )
    return text[:300]


def _ends(text: str) -> str:
    """A text's beginning and end: patterns say the same of them, and a server cannot make them long."""
    return text if len(text) <= 2 * _LOOKED_AT else f"{text[:_LOOKED_AT]}\n{text[-_LOOKED_AT:]}"


def _origin(url: str) -> str:
    return "/".join(url.split("/")[:3]) or "another address"


def _kind(status: int, said: _ErrorBody) -> tuple[type[APIStatusError], bool]:
    """Which member, and whether the same call may succeed later."""
    words = {word.lower() for word in (said.code, said.type, said.reason) if word}
    text = _ends(said.message)
    if words & _CONTEXT_CODES or (status in {400, 413, 422, 500} and _CONTEXT_TEXT.search(text)):
        return ContextWindowExceededError, False
    if words & _BLOCKED_CODES:
        return ContentBlockedError, False
    if words & _BALANCE_CODES or status == 402 or (status in {401, 403, 429} and _BALANCE_TEXT.search(text)):
        return InsufficientBalanceError, False
    if "model_not_found" in words or (status in {404, 503} and _MODEL_TEXT.search(text)):
        return ModelNotFoundError, False
    if "api_key_invalid" in words:  # Google says it with status 400
        return AuthenticationError, False
    match status:
        case 401:
            return AuthenticationError, False
        case 403:
            return PermissionDeniedError, False
        case 404 | 405 | 410:
            return NotFoundError, False
        case 408:
            return ServerError, True
        case 409 | 425:
            return BadRequestError, True
        case 429:
            return RateLimitError, True
        case 501:
            return ServerError, False
    if status >= 500:
        return (BadRequestError, False) if words & _CLIENT_FAULTS else (ServerError, True)
    return (BadRequestError, False) if status >= 400 else (APIStatusError, False)


def _build(status: int, said: _ErrorBody, info: ResponseInfo, retry_after: float | None) -> APIStatusError:
    kind, is_retryable = _kind(status, said)
    request_id = request_id_of(info.headers, said.message)
    message = f"{status} {printable(said.message, _LONGEST_MESSAGE) or 'no message'}".rstrip()
    facts = [f"{name} {value}" for name, value in (("code", said.code), ("type", said.type)) if value]
    if request_id and request_id not in message:
        facts.append(f"request id {request_id}")
    if facts:
        message += f" ({', '.join(facts)})"
    if remedy := _REMEDY.get(kind.__name__):
        message = f"{message.rstrip('. ')}. {remedy}"
    error = kind(
        message,
        status_code=status,
        code=said.code,
        type=said.type,
        param=said.param,
        request_id=request_id,
        response=info,
        retry_after=said.retry_after if retry_after is None else retry_after,
    )
    error.is_retryable = is_retryable
    return error
