"""What errors mean on the paths of video jobs: which of them made nothing, which say more than their status."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from tikhub_ai.apis.jobs.walk import is_blocked
from tikhub_ai.error_bodies import error_from_response
from tikhub_ai.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ContentBlockedError,
    InsufficientBalanceError,
    InvalidResponseError,
    LostCreateError,
    ModelNotFoundError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    TikHubAIError,
)

if TYPE_CHECKING:
    from tikhub_ai.video_job import VideoRequest

_UNKNOWN_TASK = frozenset({"task_not_exist", "task_not_found", "invalid_task_id", "resourcenotfound"})
_RETIRED = re.compile(r"no longer available|has been (?:retired|shut down|deprecated)", re.IGNORECASE)

_Kind = tuple[type[APIStatusError], bool]
_KLING: dict[str, _Kind] = {
    **dict.fromkeys(("1000", "1001", "1002", "1003", "1004"), (AuthenticationError, False)),
    **dict.fromkeys(("1100", "1101", "1102"), (InsufficientBalanceError, False)),
    "1103": (PermissionDeniedError, False),
    **dict.fromkeys(("1200", "1201", "1202"), (BadRequestError, False)),
    "1203": (NotFoundError, False),
    **dict.fromkeys(("1300", "1301"), (ContentBlockedError, False)),
    **dict.fromkeys(("1302", "1303"), (RateLimitError, True)),
    "1304": (PermissionDeniedError, False),
    **dict.fromkeys(("5000", "5001", "5002"), (ServerError, True)),
}
"""Kling's codes (ComfyUI's `KlingErrorResponse`; Kling's "General Information"). They decide, not the status:
1101, 1102 and 1304 come with a 429 that waiting does not end."""
_STATUS_OF_CODE = {"100": 401, "110": 429, "120": 400, "130": 400, "500": 500}
_MADE_NOTHING = frozenset({"5001"})
"""A 5xx that says that the server took nothing in: Kling's "temporarily unavailable"."""
_GRACE = 30.0
"""Seconds after a create in which a job that is not found may still turn up."""


def judge(error: TikHubAIError, *, setting: str, path: str, creates: bool = False, model: str = "") -> TikHubAIError:
    """What an error is on a video path.

    Args:
        error: As its status and common shapes make it.
        setting: The key of `paths` that says where the operation is.
        path: Where it was asked.
        creates: Whether it was asked for a new job.
        model: Model name.
    """
    if isinstance(error, InvalidResponseError) and _is_html(error):
        return _with_hint(error, _not_served(setting, path))
    if not isinstance(error, APIStatusError):
        return error
    error = _unwrapped(error)
    code = (error.code or "").strip()
    if code in _KLING and setting.startswith("kling"):
        kind, retry = _KLING[code]
        hint = _UNKNOWN_JOB if kind is NotFoundError and not creates else ""
        return rebuilt(error, kind, hint, is_retryable=retry)
    if code.lower() in _UNKNOWN_TASK:
        return rebuilt(error, NotFoundError, _UNKNOWN_JOB)
    if type(error) in {BadRequestError, PermissionDeniedError, ServerError} and is_blocked(code, _said(error)):
        return rebuilt(error, ContentBlockedError, "A content filter stopped the request: another prompt may pass.")
    if type(error) is NotFoundError and _RETIRED.search(error.message):
        error = rebuilt(error, ModelNotFoundError)
    if isinstance(error, ModelNotFoundError):
        hints = ["Nothing was made."] * creates + [_SORA] * model.startswith("sora")
        hints += [_not_served(setting, path)] * (error.status_code == 404)
        return _with_hint(error, " ".join(hints))
    if error.status_code in {404, 405, 501} or _is_html(error):
        lost = "" if creates else "If the job was just made, ask again in a while. "
        return _with_hint(error, lost + _not_served(setting, path))
    if error.status_code == 403 and setting == "videos.content":
        return _with_hint(
            error, "A token limited to some models cannot fetch results at some gateways: use one without."
        )
    return error


_UNKNOWN_JOB = "The gateway knows no such job: check its id, and that family= and kind= are right."
_SORA = (
    "OpenAI ended Sora on 2026-09-24; gateways serve other models through the same path: "
    "tikhub_ai.list_models(Settings()) lists what this key may use."
)


def made_nothing(error: TikHubAIError) -> bool:
    """Whether an error to a create says that no job was made, so that nothing is billed.

    True for what never reached the server, for every refusal (4xx, among them 429, unless the server gave up reading:
    408), and for a model that the gateway has not (503). Else the server may have acted: a connection that broke, a
    timeout, a 5xx, a 2xx that cannot be read.
    """
    if isinstance(error, (APIConnectionError, APITimeoutError)):
        return not error.may_have_been_sent
    if isinstance(error, InvalidResponseError):
        return _is_html(error)
    if isinstance(error, ServerError):
        return error.code in _MADE_NOTHING or error.status_code == 501
    return isinstance(error, (APIStatusError, ConfigurationError))


def ends_polling(error: TikHubAIError, age: float) -> bool:
    """Whether an error to a poll says that polling is vain. All others are worth a further poll, within a budget.

    A job that is not found may only not yet be known everywhere.

    Args:
        error: What came of it, judged.
        age: Seconds since the create; infinite where nobody knows.
    """
    if not isinstance(error, APIStatusError):
        return not isinstance(error, (APIConnectionError, APITimeoutError, InvalidResponseError))
    status = error.status_code or 400
    if isinstance(error, NotFoundError) and status != 410 and age < _GRACE:
        return False
    return status == 501 or (400 <= status < 500 and status not in {408, 425, 429})


def lost_create(error: TikHubAIError, request: VideoRequest) -> TikHubAIError:
    """The error to raise where a create failed: itself where nothing was made, else that a job may have been.

    Args:
        error: What came of it, judged.
        request: What was asked.
    """
    if made_nothing(error):
        return error
    own_id = request.external_task_id
    remedy = (
        f"Ask Kling for it by external_task_id {own_id!r} before you create again."
        if own_id
        else "Look at the gateway's console before you create again."
    )
    return LostCreateError(
        f"The video may have been made and billed, but no usable answer to its create came: "
        f"{error.message.rstrip('.')}. "
        f"It was not sent again. {remedy}",
        request=replace(request, extra_headers=None),  # an error is passed around: no secret hangs on it
        external_task_id=own_id,
        response=getattr(error, "response", None),
    )


def rebuilt(
    error: APIStatusError, kind: type[APIStatusError], hint: str = "", *, is_retryable: bool = False
) -> APIStatusError:
    """An error as another member of the tree, with all it says."""
    message = f"{error.message.rstrip('. ')}. {hint}" if hint and hint not in error.message else error.message
    other = kind(
        message,
        status_code=error.status_code,
        code=error.code,
        type=error.type,
        param=error.param,
        request_id=error.request_id,
        response=error.response,
        retry_after=error.retry_after,
    )
    other.is_retryable = is_retryable
    return other


def kling_status(code: str) -> int:
    """The HTTP status that one of Kling's codes stands for, where it came in a 200."""
    return _STATUS_OF_CODE.get(code[:3], 500)


def _with_hint(error: TikHubAIError, hint: str) -> TikHubAIError:
    if hint not in error.message:
        error.message = f"{error.message.rstrip('. ')}. {hint}"
        error.args = (error.message,)
    return error


def _not_served(setting: str, path: str) -> str:
    other = f"paths={{{setting!r}: ...}}"
    return f"The gateway may not serve this operation at {path}: where it has another path, give {other}."


def _is_html(error: APIStatusError | InvalidResponseError) -> bool:
    """Whether a page came in place of an answer, other than a proxy's for a failure behind it."""
    if error.response is None or (error.status_code or 200) >= 500:
        return False
    return error.response.body.lstrip()[:9].lower().startswith((b"<!doctype", b"<html"))


def _said(error: APIStatusError) -> str:
    """The server's own words, without ours."""
    return error.response.text[:2000] if error.response else error.message


def _unwrapped(error: APIStatusError) -> APIStatusError:
    """The upstream's error, where a gateway passes it on as text in its own (`fail_to_fetch_task`)."""
    if error.response is None:
        return error
    try:
        payload = orjson.loads(error.response.body)
        inner = orjson.loads(payload["message"]) if isinstance(payload, dict) else None
    except (ValueError, KeyError, TypeError):
        return error
    if not isinstance(inner, dict):
        return error
    info = error.response
    upstream = error_from_response(error.status_code or info.status_code, info.headers, orjson.dumps(inner))
    upstream.response, upstream.retry_after = info, error.retry_after
    return upstream
