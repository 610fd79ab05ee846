"""400 to 529, with every shape of error body that `tikhub_api.md` §9.1 tells of."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.answers import JOBS
from tests.faults.lanes import CORE, Lane, assert_ours
from tests.faults.operations import CELLS, Cell, operation_of
from tests.faults.seen import Seen
from tests.faults.thin import crossed
from tests.faults.wire import JSON, TEXT, good, whole
from tikhub_ai import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ContentBlockedError,
    DownloadError,
    InsufficientBalanceError,
    JobTimeoutError,
    ModelNotFoundError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    TikHubAIError,
)

if TYPE_CHECKING:
    from tests.faults.conftest import FaultServer

pytestmark = pytest.mark.outside_openapi("one request again and again; others hold it against the OpenAPI")

FAULT = "400 to 529, every shape of error body"


def shaped(message: str, code: Any = "", kind: str = "new_api_error", **more: Any) -> dict[str, Any]:
    """The gateway's own shape."""
    return {"error": {"message": f"{message} (request id: 2026abc)", "type": kind, "param": "", "code": code, **more}}


@dataclass(frozen=True)
class Row:
    """A status and a body, and the member that they are."""

    status: int
    body: Any
    error: type[APIStatusError]
    retried: bool = False
    fault: str = FAULT

    @property
    def id(self) -> str:
        text = self.body if isinstance(self.body, bytes) else json.dumps(self.body, ensure_ascii=True).encode()
        return f"{self.status} {text[:50].decode('latin-1')}"


CLAUDE = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded (request id: 2026abc)"}}
ROWS = [
    Row(400, shaped("Model name not specified"), BadRequestError),
    Row(400, {"code": "task_not_exist", "message": "task not exist", "data": None}, BadRequestError),
    Row(401, shaped("Invalid token"), AuthenticationError),
    Row(401, shaped("无效的令牌", None), AuthenticationError),
    Row(401, {"error": {"message": "expired"}}, AuthenticationError),
    Row(402, b"", InsufficientBalanceError),
    Row(403, shaped("用户额度不足, 剩余额度: 0", "insufficient_user_quota"), InsufficientBalanceError),
    Row(403, shaped("预扣费额度失败"), InsufficientBalanceError),
    Row(403, shaped("budget", "pre_consume_token_quota_failed"), InsufficientBalanceError),
    Row(403, shaped("your IP is not allowed", "access_denied"), PermissionDeniedError),
    Row(404, shaped("Invalid URL (GET /x)", "", "invalid_request_error"), NotFoundError),
    Row(404, b"<html><title>404</title></html>", NotFoundError),
    Row(405, b"", NotFoundError),
    Row(408, shaped("timeout"), ServerError, retried=True),
    Row(409, shaped("conflict"), BadRequestError, retried=True),
    Row(413, shaped("too large", "read_request_body_failed"), BadRequestError),
    Row(422, {"detail": [{"loc": ["body"], "msg": "field required"}]}, BadRequestError),
    Row(
        429,
        shaped("当前分组上游负载已饱和，请稍后再试", "rate_limit_exceeded", "requests"),
        RateLimitError,
        True,
    ),
    Row(429, shaped("您已达到请求数限制"), RateLimitError, retried=True),
    Row(429, b"", RateLimitError, retried=True),
    Row(429, shaped("quota", "insufficient_quota"), InsufficientBalanceError),
    Row(500, shaped("boom", "do_request_failed"), ServerError, retried=True),
    Row(500, shaped("boom", 500, "upstream_error"), ServerError, retried=True),
    Row(500, shaped("field messages is required", "invalid_request"), BadRequestError),
    Row(500, shaped("no price", "model_price_error"), BadRequestError),
    Row(500, shaped("bad words", "sensitive_words_detected"), ContentBlockedError),
    Row(500, shaped("blocked", "prompt_blocked"), ContentBlockedError),
    Row(500, shaped("convert", "convert_request_failed"), BadRequestError),
    Row(500, b"Internal Server Error", ServerError, retried=True),
    Row(500, b"\xff\xfe rubbish", ServerError, retried=True),
    Row(500, b"[]", ServerError, retried=True),
    Row(500, {"error": None}, ServerError, retried=True),
    Row(501, shaped("API not implemented", "api_not_implemented"), ServerError),
    Row(502, b"<html><title>502 Bad Gateway</title></html>", ServerError, retried=True),
    Row(503, shaped("No available channel for model x under group y", "model_not_found"), ModelNotFoundError),
    Row(503, shaped("无可用渠道（distributor）"), ModelNotFoundError),
    Row(503, shaped("busy"), ServerError, retried=True),
    Row(504, b"", ServerError, retried=True),
    Row(
        520,
        shaped("bad response status code 520", "bad_response_status_code", "upstream_error", param="520"),
        ServerError,
        retried=True,
    ),
    Row(524, b"error code: 524", ServerError, retried=True),
    Row(529, CLAUDE, ServerError, retried=True),
    Row(302, b"", APIStatusError),
]

NO_CREATES = [cell for cell in CELLS if cell.what != "create"]
"""What comes of creates is `test_creates.py`."""
ALL = [
    case
    for case in crossed({row.id: row for row in ROWS}, NO_CREATES, operation_of, is_costly=lambda _: True)
    if not (
        case.values[0].status == 403 and case.values[1].is_abroad
    )  # whose gateway is then asked for another address
]


def seen_of(row: Row, lane: Cell) -> Seen:
    """What the caller sees, and how often it was asked."""
    is_gone = lane.api in JOBS and isinstance(row.body, dict) and row.body.get("code") == "task_not_exist"
    kind = NotFoundError if is_gone and not (lane.is_file and lane.api != "videos") else row.error
    is_final = 400 <= row.status < 500 and row.status not in {408, 429}
    if lane.what == "poll" and lane.is_tool and not (is_final or row.status == 501):
        return Seen(JobTimeoutError, cause=kind)
    if lane.is_abroad:
        return Seen(DownloadError, retried=row.status in {408, 425, 429} or (row.status >= 500 and row.status != 501))
    if lane.is_file and row.status == 302:
        return Seen(DownloadError)
    if lane.is_file and kind is not AuthenticationError:
        return Seen(DownloadError, retried=row.retried, cause=kind)
    return Seen(kind, retried=row.retried and not (lane.what == "poll" and lane.is_tool))


@pytest.mark.parametrize(("row", "lane"), ALL)
async def test_status(faults: FaultServer, row: Row, lane: Cell) -> None:
    body = row.body if isinstance(row.body, bytes) else json.dumps(row.body).encode()
    faults.script("x", whole(body, JSON, "x-oneapi-request-id: rid-1", status=f"{row.status} Status"))
    if lane.what == "transcribe" and row.body == b"Internal Server Error":  # of a recording that nothing can read
        row = replace(row, retried=False)
    seen = seen_of(row, lane)
    with pytest.raises(TikHubAIError) as caught:
        await lane.ask(base_url=faults.url())
    error: Any = caught.value
    assert isinstance(error, seen.error or ()), repr(error)
    assert_ours(error)
    if seen.cause is not None:
        error = error.__cause__
        assert isinstance(error, seen.cause), repr(error)
    if not (lane.is_file and row.status == 302):
        info: Any = vars(error)["response"]
        assert (info.status_code, info.body) == (row.status, body)
    if isinstance(error, APIStatusError):
        assert error.status_code == row.status
        assert error.is_retryable is row.retried
        assert error.request_id == "rid-1"
    halved = row.status == 413 and lane.api == "embeddings"  # a batch that is too large is sent in two, at once
    again = row.status == 403 and lane.is_file  # of a file, whether there is another address
    assert len(faults.seen("x")) == (3 if seen.retried or halved else 2 if again else 1)


WAITS = {
    "seconds": ("retry-after: 0.15", 0.15),
    "milliseconds": ("retry-after-ms: 150", 0.15),
    "a date": ("retry-after: Mon, 01 Jan 2024 00:00:00 GMT", 0.0),
    "what nobody can read": ("retry-after: soon", 0.0),
}


@pytest.mark.fault(FAULT)
@pytest.mark.parametrize("lane", CORE, ids=lambda lane: lane.id)
@pytest.mark.parametrize(("header", "seconds"), WAITS.values(), ids=WAITS)
async def test_retry_after_is_waited(faults: FaultServer, lane: Lane, header: str, seconds: float) -> None:
    busy = whole(b"{}", JSON, header, status="429 Busy")
    faults.script("x", busy, good(streamed=lane.streamed))
    told: list[Any] = []
    assert await lane.ask(base_url=faults.url(), on_retry=told.append) == TEXT
    [retry] = told
    assert seconds <= retry.wait <= 1.25 * seconds or not seconds
    assert len(faults.seen("x")) == 2
