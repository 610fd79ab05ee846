"""Creates cost money, so they are counted where they arrive: one request for each fault, or the documented retries."""

from __future__ import annotations

import asyncio
import json
import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.carriers import CARRIERS, Carrier
from tests.faults.lanes import KEY, assert_ours
from tests.faults.wire import CLOSE, HOLD, JSON, RESET, UNREAD, head, send, whole
from tests.patience import short
from tests.video_gateway import MODELS
from tikhub_ai import (
    APIConnectionError,
    AuthenticationError,
    BadRequestError,
    ContentBlockedError,
    InsufficientBalanceError,
    InvalidResponseError,
    LostCreateError,
    ModelNotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    TikHubAIError,
    VideoJob,
    Videos,
)

if TYPE_CHECKING:
    from tests.faults.conftest import FaultServer
    from tests.faults.wire import Steps

CREATES = pytest.mark.fault("creates of videos, counted at the server")
RETRIES = 2


@dataclass(frozen=True)
class Row:
    """A fault, and what comes of it.

    Attributes:
        steps: What the server does.
        error: What the caller gets.
        requests: How many creates reach the server.
        timeout: Of the call.
        family: The one family that it is about; None for all.
    """

    steps: Steps
    error: type[TikHubAIError]
    requests: int = 1
    timeout: float = 30.0
    family: str | None = None


def said(status: str, body: Any, *headers: str) -> Steps:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return whole(raw, *(headers or (JSON,)), status=status)


def failing(status: str, code: Any = None, message: str = "no") -> Steps:
    return said(status, {"error": {"message": message, "type": "x", "code": code}})


def kling(code: int, status: str) -> Steps:
    return said(status, {"code": code, "message": "no", "request_id": "r"})


PAGE = b"<!doctype html><html><title>One API</title></html>"
LOST: dict[str, Row] = {
    "closed after the request was read": Row([CLOSE], LostCreateError),
    "reset after the request was read": Row([RESET], LostCreateError),
    "reset before its body was read": Row([UNREAD, RESET], LostCreateError),
    "cut within the head": Row([*send(b"HTTP/1.1 200 OK\r\ncontent-"), CLOSE], LostCreateError),
    "cut within the body": Row([*send(head(JSON, "content-length: 99") + b'{"id": "'), CLOSE], LostCreateError),
    "no answer in time": Row([HOLD], LostCreateError, timeout=0.2),
    "a body that never ends": Row([*send(head(JSON, "content-length: 99") + b"{"), HOLD], LostCreateError, timeout=0.2),
    "408": Row(failing("408 Request Timeout"), LostCreateError),
    "500": Row(failing("500 Internal Server Error"), LostCreateError),
    "502 as HTML": Row(said("502 Bad Gateway", b"<html>502</html>", "content-type: text/html"), LostCreateError),
    "503": Row(failing("503 Service Unavailable"), LostCreateError),
    "504": Row(failing("504 Gateway Timeout"), LostCreateError),
    "524": Row(failing("524 A Timeout Occurred"), LostCreateError),
    "JSON that names no job": Row(said("200 OK", {"status": "ok"}), LostCreateError),
    "JSON that is cut": Row(said("200 OK", b'{"id": "vid'), LostCreateError),
    "an empty body": Row(said("200 OK", b""), LostCreateError),
    "204": Row(send(head(status="204 No Content")), LostCreateError),
}
MADE_NOTHING: dict[str, Row] = {
    "400": Row(failing("400 Bad Request"), BadRequestError),
    "401": Row(failing("401 Unauthorized"), AuthenticationError),
    "402": Row(failing("402 Payment Required"), InsufficientBalanceError),
    "403": Row(failing("403 Forbidden"), PermissionDeniedError),
    "422": Row(failing("422 Unprocessable Entity"), BadRequestError),
    "a filter": Row(failing("400 Bad Request", "moderation_blocked", "Blocked by moderation."), ContentBlockedError),
    "429": Row(failing("429 Too Many Requests"), RateLimitError, 1 + RETRIES),
    "429 without money": Row(failing("429 Too Many Requests", "insufficient_quota"), InsufficientBalanceError),
    "503 model_not_found": Row(failing("503 Service Unavailable", "model_not_found"), ModelNotFoundError),
    "a page": Row(said("200 OK", PAGE, "content-type: text/html"), InvalidResponseError),
    "404 as a page": Row(said("404 Not Found", PAGE, "content-type: text/html"), TikHubAIError),
    "501": Row(failing("501 Not Implemented"), ServerError),
}
OF_KLING: dict[str, Row] = {
    f"{code} in a {status[:3]}": Row(kling(code, status), error, requests, family="kling")
    for status_of in ("its own", "200 OK")
    for code, own, error, requests in (
        (1000, "401 Unauthorized", AuthenticationError, 1),
        (1100, "429 Too Many Requests", InsufficientBalanceError, 1),
        (1101, "429 Too Many Requests", InsufficientBalanceError, 1),
        (1102, "429 Too Many Requests", InsufficientBalanceError, 1),
        (1103, "403 Forbidden", PermissionDeniedError, 1),
        (1201, "400 Bad Request", BadRequestError, 1),
        (1301, "400 Bad Request", ContentBlockedError, 1),
        (1302, "429 Too Many Requests", RateLimitError, 1 + RETRIES),
        (1303, "429 Too Many Requests", RateLimitError, 1 + RETRIES),
        (1304, "429 Too Many Requests", PermissionDeniedError, 1),
        (5000, "500 Internal Server Error", LostCreateError, 1),
        (5001, "503 Service Unavailable", ServerError, 1 + RETRIES),
        (5002, "504 Gateway Timeout", LostCreateError, 1),
    )
    for status in (own if status_of == "its own" else status_of,)
}
ROWS = LOST | MADE_NOTHING | OF_KLING


def runs() -> list[Any]:
    """Every fault by every library with Kling, and through one library with each other family."""
    found = []
    for name, row in ROWS.items():
        found += [pytest.param(row, "kling", lane, id=f"{name}-kling-{lane.name}") for lane in CARRIERS]
        if row.family is None:
            others = [family for family in MODELS if family != "kling"]
            found += [pytest.param(row, family, CARRIERS[0], id=f"{name}-{family}") for family in others]
    return found


def videos_of(lane: Carrier, url: str, **settings: Any) -> Videos:
    return Videos(
        api_key=KEY, base_url=url, http_backend=lane.backend, max_retries=RETRIES, retry_wait=0.01, **settings
    )


def threaded(call: Any) -> Any:
    """A sync method as an async one."""

    async def ask(*given: Any, **more: Any) -> Any:
        return await asyncio.to_thread(call, *given, **more)

    return ask


async def create(lane: Carrier, url: str, family: str, seconds: float = 30.0) -> VideoJob:
    fields: dict[str, Any] = {"external_task_id": "mine-1"} if family == "kling" else {}
    videos = videos_of(lane, url, timeout=seconds)
    if lane.is_async:
        return await videos.acreate(MODELS[family], "A rabbit", **fields)
    return videos.create(MODELS[family], "A rabbit", **fields)


@CREATES
@pytest.mark.parametrize(("row", "family", "lane"), runs())
async def test_a_create_is_sent_as_often_as_it_may_be(
    faults: FaultServer, row: Row, family: str, lane: Carrier
) -> None:
    faults.script("x", row.steps)
    with pytest.raises(row.error) as caught:
        await create(lane, faults.url(), family, short(row.timeout))
    assert len(faults.seen("x")) == row.requests
    error = caught.value
    assert (type(error) is LostCreateError) == (row.error is LostCreateError), "what made nothing is not lost"
    assert_ours(error)
    if isinstance(error, LostCreateError):
        check_lost(error, family)
    elif isinstance(error, ModelNotFoundError):
        assert "Nothing was made" in str(error)


def check_lost(error: LostCreateError, family: str) -> None:
    """It says what may have come of it and what to do, and holds what was asked, for another process too."""
    for words in ("may have been made and billed", "not sent again"):
        assert words in str(error)
    assert not error.is_retryable
    assert error.job is None
    own_id = "mine-1" if family == "kling" else None
    assert (error.request.model, error.request.prompt) == (MODELS[family], "A rabbit")
    assert error.external_task_id == own_id
    assert ("mine-1" in str(error)) == (own_id is not None)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.external_task_id, again.request) == (str(error), own_id, error.request)


@CREATES
@pytest.mark.parametrize("lane", CARRIERS, ids=lambda lane: lane.name)
@pytest.mark.parametrize("first", ["429", "1302", "5001"])
async def test_a_create_that_made_nothing_at_first_makes_one_job(
    faults: FaultServer, lane: Carrier, first: str
) -> None:
    steps = {
        "429": failing("429 Too Many Requests"),
        "1302": kling(1302, "429 Too Many Requests"),
        "5001": kling(5001, "200 OK"),
    }
    made = said("200 OK", {"code": 0, "data": {"task_id": "831", "task_status": "submitted"}})
    faults.script("x", steps[first], made)
    job = await create(lane, faults.url(), "kling")
    assert (job.id, job.status, job.kind) == ("831", "queued", "text2video")
    assert len(faults.seen("x")) == 2


@CREATES
@pytest.mark.parametrize("lane", CARRIERS, ids=lambda lane: lane.name)
@pytest.mark.parametrize("family", MODELS)
async def test_a_create_is_tried_again_where_no_connection_stood(
    faults: FaultServer, attempts: list[str], lane: Carrier, family: str
) -> None:
    with pytest.raises(APIConnectionError) as caught:
        await create(lane, faults.url("x", "refusing"), family)
    assert len(attempts) == 1 + RETRIES
    assert not caught.value.may_have_been_sent


@CREATES
@pytest.mark.parametrize("lane", CARRIERS, ids=lambda lane: lane.name)
async def test_a_create_with_an_image_is_sent_once_too(faults: FaultServer, lane: Carrier) -> None:
    png = b"\x89PNG\r\n\x1a\n" + bytes(200_000)
    for family in MODELS:
        faults.script("x", [RESET])
        videos = videos_of(lane, faults.url())
        make = videos.acreate if lane.is_async else threaded(videos.create)
        with pytest.raises(LostCreateError) as caught:
            await make(MODELS[family], "A rabbit", image=png)
        assert len(faults.seen("x")) == 1
        assert len(repr(caught.value.request)) < 1000, "no image stands in a repr"


@CREATES
@pytest.mark.parametrize("lane", CARRIERS, ids=lambda lane: lane.name)
async def test_a_remix_is_counted_as_a_create_is(faults: FaultServer, lane: Carrier) -> None:
    faults.script("x", [RESET])
    videos = videos_of(lane, faults.url())
    remix = videos.aremix if lane.is_async else threaded(videos.remix)
    with pytest.raises(LostCreateError):
        await remix("video_1", "Make it snow")
    assert len(faults.seen("x")) == 1
