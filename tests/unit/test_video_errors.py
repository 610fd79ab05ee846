"""What errors mean on the paths of video jobs: whether to create again, whether to poll on, what to do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tikhub_ai import (
    APIConnectionError,
    APITimeoutError,
    IncompleteStreamError,
    InvalidRequestError,
    InvalidResponseError,
    LostCreateError,
    MissingKeyError,
    NotFoundError,
    ServerError,
    TikHubAIError,
)
from tikhub_ai.apis.jobs.errors import ends_polling, judge, lost_create, made_nothing
from tikhub_ai.apis.jobs.paths import DEFAULT_PATHS
from tikhub_ai.error_bodies import error_from_response
from tikhub_ai.errors import ResponseInfo
from tikhub_ai.video_job import VideoRequest

REQUEST = VideoRequest("m", "p", fields={"external_task_id": "mine"})
HTML = b"<!doctype html><title>Not here</title>"


def answered(status: int, body: Any, setting: str = "kling.text2video", **how: Any) -> TikHubAIError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return judge(error_from_response(status, {}, raw), setting=setting, path="/p", **how)


def kling(code: int) -> dict[str, Any]:
    return {"code": code, "message": "said", "request_id": "r"}


def openai(message: str = "m", code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "code": code, "type": None, "param": None}}


TABLE = [
    # status, body, member, made nothing, to be tried again
    (401, kling(1000), "AuthenticationError", True, False),
    (401, kling(1004), "AuthenticationError", True, False),
    (429, kling(1100), "InsufficientBalanceError", True, False),
    (429, kling(1101), "InsufficientBalanceError", True, False),
    (429, kling(1102), "InsufficientBalanceError", True, False),
    (403, kling(1103), "PermissionDeniedError", True, False),
    (400, kling(1201), "BadRequestError", True, False),
    (404, kling(1203), "NotFoundError", True, False),
    (400, kling(1300), "ContentBlockedError", True, False),
    (400, kling(1301), "ContentBlockedError", True, False),
    (429, kling(1302), "RateLimitError", True, True),
    (429, kling(1303), "RateLimitError", True, True),
    (429, kling(1304), "PermissionDeniedError", True, False),
    (500, kling(5000), "ServerError", False, True),
    (503, kling(5001), "ServerError", True, True),
    (504, kling(5002), "ServerError", False, True),
    (429, openai("slow down"), "RateLimitError", True, True),
    (429, openai("m", "insufficient_quota"), "InsufficientBalanceError", True, False),
    (402, openai(), "InsufficientBalanceError", True, False),
    (400, openai("m", "moderation_blocked"), "ContentBlockedError", True, False),
    (400, openai("The request was blocked by our safety system."), "ContentBlockedError", True, False),
    (400, openai("InputImageSensitiveContentDetected"), "ContentBlockedError", True, False),
    (400, openai("seconds must be one of 4, 8, 12"), "BadRequestError", True, False),
    (404, openai(), "NotFoundError", True, False),
    (405, b"", "NotFoundError", True, False),
    (501, openai("not implemented", "api_not_implemented"), "ServerError", True, False),
    (404, HTML, "NotFoundError", True, False),
    (503, openai("no channel", "model_not_found"), "ModelNotFoundError", True, False),
    (408, b"", "ServerError", False, True),
    (500, openai(), "ServerError", False, True),
    (502, b"<html>Bad Gateway</html>", "ServerError", False, True),
    (504, b"", "ServerError", False, True),
    (524, b"", "ServerError", False, True),
    (400, {"code": "task_not_exist", "message": "task_not_exist", "data": None}, "NotFoundError", True, False),
]


@pytest.mark.parametrize(("status", "body", "member", "nothing", "again"), TABLE)
def test_every_error_to_a_create(status: int, body: Any, member: str, nothing: bool, again: bool) -> None:
    error = answered(status, body, creates=True)
    assert type(error).__name__ == member
    assert made_nothing(error) is nothing
    assert error.is_retryable is again
    found = lost_create(error, REQUEST)
    assert isinstance(found, LostCreateError) is not nothing
    assert nothing is (found is error)


@pytest.mark.parametrize(("status", "body"), [(row[0], row[1]) for row in TABLE])
def test_an_error_judged_twice_is_judged_once(status: int, body: Any) -> None:
    once = answered(status, body)
    message, kind, again = once.message, type(once), once.is_retryable
    twice = judge(once, setting="kling.text2video", path="/p")
    assert (twice.message, type(twice), twice.is_retryable) == (message, kind, again)


@pytest.mark.parametrize(
    ("error", "nothing"),
    [
        (APIConnectionError("refused", may_have_been_sent=False), True),
        (APIConnectionError("reset"), False),
        (APITimeoutError("connect", may_have_been_sent=False), True),
        (APITimeoutError("read"), False),
        (InvalidResponseError("JSON", response=ResponseInfo(200, {}, b'{"id": ')), False),
        (InvalidResponseError("empty", response=ResponseInfo(200)), False),
        (InvalidResponseError("unknown"), False),
        (InvalidResponseError("page", response=ResponseInfo(200, {}, HTML)), True),
        (MissingKeyError("no key"), True),
        (InvalidRequestError("wrong"), True),
        (IncompleteStreamError("cut"), False),
        (TikHubAIError("anything"), False),
    ],
)
def test_what_is_no_answer_of_the_server_made_nothing_only_where_it_never_got_there(
    error: TikHubAIError, nothing: bool
) -> None:
    assert made_nothing(error) is nothing


def test_a_lost_create_says_what_may_have_happened_and_how_to_find_out() -> None:
    error = lost_create(APITimeoutError("No answer within 600 s."), REQUEST)
    assert isinstance(error, LostCreateError)
    assert "may have been made and billed" in str(error)
    assert "external_task_id 'mine'" in str(error)
    assert error.external_task_id == "mine"
    assert error.request == REQUEST
    assert not error.is_retryable
    plain = lost_create(APITimeoutError("No answer."), VideoRequest("m", "p"))
    assert "console" in str(plain)
    found = VideoRequest("m", "p", fields={"external_task_id": 7}, extra_body={"external_task_id": "wins"})
    assert found.external_task_id == "wins"


def test_a_model_that_the_gateway_has_not_made_nothing_and_says_so() -> None:
    error = answered(503, openai("no channel", "model_not_found"), "videos", creates=True, model="sora-2")
    assert "Nothing was made" in str(error)
    assert "OpenAI ended Sora on 2026-09-24" in str(error)
    assert "Sora" not in str(answered(503, openai("m", "model_not_found"), "videos", creates=True, model="wan-2.6"))


@pytest.mark.parametrize("setting", [key for key in DEFAULT_PATHS if key != "transcriptions"])
@pytest.mark.parametrize(("status", "body"), [(404, b""), (404, HTML), (405, b""), (501, b""), (404, openai())])
def test_an_operation_that_is_not_served_names_the_setting_of_its_path(setting: str, status: int, body: Any) -> None:
    assert f"paths={{'{setting}': ...}}" in str(answered(status, body, setting))


def test_a_page_in_a_200_names_the_setting_too() -> None:
    page = InvalidResponseError("page", response=ResponseInfo(200, {}, HTML))
    assert "paths={'videos': ...}" in str(judge(page, setting="videos", path="/v1/videos"))


def test_the_upstreams_error_is_read_where_a_gateway_passes_it_on_as_text() -> None:
    inner = json.dumps(
        {"error": {"code": 404, "message": "models/veo-3 is no longer available", "status": "NOT_FOUND"}}
    )
    error = answered(404, {"code": "fail_to_fetch_task", "message": inner, "data": None}, "veo.generate")
    assert type(error).__name__ == "ModelNotFoundError"
    assert "no longer available" in str(error)


def test_a_limited_token_is_explained_where_results_are_refused() -> None:
    assert "limited to some models" in str(answered(403, openai(), "videos.content"))
    assert "limited" not in str(answered(403, openai(), "videos"))


@pytest.mark.parametrize(
    ("error", "ends"),
    [
        *[(answered(status, openai()), True) for status in (400, 401, 402, 403, 410, 422, 501)],
        *[(answered(status, openai()), False) for status in (408, 425, 429, 500, 502, 503, 504, 524)],
        (answered(404, openai()), True),
        (answered(503, openai("m", "model_not_found")), False),
        (answered(500, kling(1301)), False),
        (APIConnectionError("reset"), False),
        (APITimeoutError("read"), False),
        (InvalidResponseError("page", response=ResponseInfo(200, {}, HTML)), False),
        (InvalidResponseError("cut"), False),
        (MissingKeyError("no key"), True),
        (InvalidRequestError("wrong"), True),
    ],
)
def test_which_errors_end_polling(error: TikHubAIError, ends: bool) -> None:
    assert ends_polling(error, float("inf")) is ends


def test_a_job_that_is_not_found_may_turn_up_within_30_s_of_its_create() -> None:
    missing = answered(404, openai())
    assert isinstance(missing, NotFoundError)
    assert [ends_polling(missing, age) for age in (0, 29.9, 30, 31)] == [False, False, True, True]
    assert ends_polling(answered(410, openai()), 0)


def test_errors_that_are_not_of_an_answer_stay_as_they_are() -> None:
    for error in (APIConnectionError("x"), ServerError("x"), MissingKeyError("x"), InvalidResponseError("x")):
        assert judge(error, setting="videos", path="/p") is error
