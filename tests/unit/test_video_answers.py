"""Every answer of the four video families: the state, the result and the errors that it says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.media_examples import answer, cases, needs_examples
from tikhub_ai import APIStatusError, InvalidResponseError, LostCreateError, TikHubAIError, UnknownStatusWarning
from tikhub_ai.apis import videos
from tikhub_ai.apis.jobs.errors import judge
from tikhub_ai.video_families import FAMILIES, codec_of
from tikhub_ai.video_job import JobUpdate, VideoJobData, VideoRequest
from tikhub_ai.wire import ApiResponse

REQUEST = VideoRequest("m", "p")
SETTINGS = {"videos": "videos", "seedance": "seedance", "kling": "kling.text2video", "veo": "veo.fetch"}
ALL = [(family, case) for family in FAMILIES for case in cases(family)]


def response(body: Any, status: int = 200, **headers: str) -> ApiResponse:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ApiResponse(status, {"content-type": "application/json", **headers}, raw)


def job(family: str, update: JobUpdate) -> VideoJobData:
    made = VideoJobData("id", family, "text2video" if family == "kling" else "")
    made.take(update)
    return made


def is_of_one_job(case: dict[str, Any]) -> bool:
    return case["name"] not in {"list", "deleted"} and "error_class" not in case["expect"]


def judged(family: str, case: dict[str, Any]) -> TikHubAIError:
    with pytest.raises(APIStatusError) as caught:
        codec_of(family).decode(answer(case))
    setting = "videos.content" if case["name"].startswith("content") else SETTINGS[family]
    return judge(caught.value, setting=setting, path="/p")


@needs_examples
@pytest.mark.parametrize(
    ("family", "case"),
    [pytest.param(family, param.values[0], id=param.id) for family, param in ALL if is_of_one_job(param.values[0])],
)
@pytest.mark.filterwarnings("ignore:A content filter held back")
def test_every_answer_is_read_as_expected(family: str, case: dict[str, Any]) -> None:
    codec, expect = codec_of(family), case["expect"]
    creates = "create" in case["name"] or case["name"] == "remix"
    update = codec.decode_created(answer(case), REQUEST) if creates else codec.decode(answer(case))
    found = job(family, update)
    assert found.status == expect["status"]
    if "id" in expect:
        assert update.id == expect["id"]
    if "progress" in expect:
        assert update.progress == expect["progress"]
    if "urls" in expect:
        assert found.urls == expect["urls"]
    if "error" in expect:
        assert found.error == expect["error"]
    if "blocked" in expect:
        assert found.is_blocked is expect["blocked"]
    if "inline" in expect:
        assert [file.inline is not None for file in found.videos] == [True]
        assert b"ftyp" in b"".join(found.videos[0].inline.pieces())  # type: ignore[union-attr]  # just seen
    if "download" in expect:
        assert videos.content(update.id or "").path == expect["download"]
    if found.status == "succeeded":
        assert (found.error, found.error_code, found.failure()) == (None, None, None)
        assert found.progress == 100


@needs_examples
@pytest.mark.parametrize(
    ("family", "case"),
    [
        pytest.param(family, param.values[0], id=param.id)
        for family, param in ALL
        if "error_class" in param.values[0]["expect"]
    ],
)
def test_every_error_answer_is_its_member_of_the_tree(family: str, case: dict[str, Any]) -> None:
    error, expect = judged(family, case), case["expect"]["error_class"]
    assert expect.partition(",")[0].partition(" ")[0] in [kind.__name__ for kind in type(error).__mro__]
    if "not retried" in expect:
        assert not error.is_retryable
    if "names the path setting" in expect:
        assert "paths={'veo.fetch': ...}" in str(error)


@needs_examples
def test_a_list_is_a_page_of_jobs_and_the_id_of_the_next() -> None:
    case = next(param.values[0] for param in cases("videos") if param.values[0]["name"] == "list")
    jobs, after = videos.decode_list(answer(case))
    assert [found.id for found in jobs] == ["video_123"]
    assert after is None
    body = case["response"]["body"]
    assert videos.decode_list(response({**body, "has_more": True}))[1] == "video_123"
    assert videos.decode_list(response({"data": [], "has_more": True})) == ([], None)
    with pytest.warns(match="1 of 2 jobs of the list have no id"):
        assert len(videos.decode_list(response({"data": [{"id": "a"}, {"object": "video"}]}))[0]) == 1


@needs_examples
def test_a_delete_is_believed_also_without_a_body() -> None:
    case = next(param.values[0] for param in cases("videos") if param.values[0]["name"] == "deleted")
    assert videos.decode_deleted(answer(case)) is True
    assert videos.decode_deleted(response(b"", 204)) is True
    assert videos.decode_deleted(response({"deleted": False})) is False


WORDS = {
    "queued": ["queued", "submitted", "pending", "not_start", "NOT_START", "SUBMITTED", "QUEUED", "unknown", ""],
    "running": ["in_progress", "processing", "running", "IN_PROGRESS", "In Progress", "in-progress"],
    "succeeded": ["completed", "succeeded", "succeed", "SUCCESS", "done"],
    "failed": ["failed", "FAILURE", "error"],
    "cancelled": ["cancelled", "canceled"],
    "expired": ["expired"],
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("state", "word"), [(state, word) for state, words in WORDS.items() for word in words])
@pytest.mark.parametrize("key", ["status", "task_status"])
@pytest.mark.parametrize("wrap", [lambda body: body, lambda body: {"code": 0, "message": "SUCCEED", "data": body}])
def test_every_word_for_a_state_means_the_same_in_all_families(
    family: str, state: str, word: str, key: str, wrap: Any
) -> None:
    update = codec_of(family).decode(response(wrap({"task_id": "t", key: word})))
    assert (update.id, update.status, update.raw_status) == ("t", state, word)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_unknown_word_keeps_the_job_going_and_is_warned_of_once(family: str) -> None:
    made = VideoJobData("t", family)
    update = codec_of(family).decode(response({"task_id": "t", "status": "dreaming"}))
    with pytest.warns(UnknownStatusWarning, match="dreaming"):
        made.take(update)
    assert (made.status, made.raw_status) == ("running", "dreaming")
    made.take(codec_of(family).decode(response({"task_id": "t", "status": "dreaming"})))  # warnings are errors here


def test_an_envelope_that_succeeded_is_not_a_job_that_did() -> None:
    for body in (
        {"status": "success", "data": {"status": "running", "progress": 3}},
        {"code": "success", "data": {"task_id": "t", "status": "IN_PROGRESS", "data": {"task_status": "succeed"}}},
        {"code": 200, "status": "success", "data": {"task_id": "t", "task_status": "processing"}},
    ):
        assert videos.decode(response(body)).status == "running"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "error", [{"code": "x", "message": "no luck"}, "no luck", {"message": "no luck"}, [{"message": "no luck"}]]
)
def test_a_job_that_failed_in_a_200_is_a_state_and_no_error(family: str, error: Any) -> None:
    update = codec_of(family).decode(response({"id": "t", "status": "failed", "error": error}))
    assert (update.status, update.error) == ("failed", "no luck")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("nothing", [None, {}, "", [], {"code": 0, "message": "string"}])
def test_an_error_that_says_nothing_is_none(family: str, nothing: Any) -> None:
    update = codec_of(family).decode(response({"id": "t", "status": "completed", "error": nothing}))
    assert (update.status, update.error) == ("succeeded", None)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("body", "member", "is_retryable"),
    [
        ({"error": {"message": "bad key", "code": "invalid_api_key"}}, "AuthenticationError", False),
        ({"code": 1301, "message": "content policy", "request_id": "r"}, "ContentBlockedError", False),
        ({"code": 1303, "message": "parallel", "request_id": "r", "data": None}, "RateLimitError", True),
        ({"code": 1102, "message": "no units"}, "InsufficientBalanceError", False),
        ({"code": "1004", "message": "expired"}, "AuthenticationError", False),
        ({"code": "task_not_exist", "message": "task_not_exist", "data": None}, "NotFoundError", False),
        ({"success": False, "message": "boom"}, "ServerError", True),
    ],
)
def test_an_error_in_a_200_without_a_job_is_an_error(family: str, body: Any, member: str, is_retryable: bool) -> None:
    for decode in (codec_of(family).decode, lambda answer: codec_of(family).decode_created(answer, REQUEST)):
        with pytest.raises(APIStatusError) as caught:
            decode(response(body))
        assert type(caught.value).__name__ == member
        assert caught.value.is_retryable is is_retryable


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "body", [b"", b'{"id": "t", "sta', b"[]", b"null", b"12", {}, {"message": "hello"}, {"id": None}]
)
def test_an_answer_that_names_no_job_is_no_poll_and_may_be_a_lost_create(family: str, body: Any) -> None:
    with pytest.raises(InvalidResponseError):
        codec_of(family).decode(response(body))
    with pytest.raises(LostCreateError, match="may have been made and billed") as caught:
        codec_of(family).decode_created(response(body), REQUEST)
    assert caught.value.request == REQUEST
    assert not caught.value.is_retryable


@pytest.mark.parametrize("family", FAMILIES)
def test_a_page_in_answer_to_a_create_made_nothing(family: str) -> None:
    with pytest.raises(InvalidResponseError, match="an HTML page"):
        codec_of(family).decode_created(response(b"<!doctype html><title>Console</title>"), REQUEST)


@pytest.mark.parametrize(
    ("told", "percent"),
    [(50, 50), ("50%", 50), ("50", 50), (0.5, 50), (50.9, 50), (-3, 0), (1000, 100), (True, None), ("half", None)],
)
def test_progress_is_whole_percents_or_none(told: Any, percent: int | None) -> None:
    assert videos.decode(response({"id": "t", "status": "running", "progress": told})).progress == percent


@pytest.mark.parametrize(
    ("told", "seconds"),
    [(1712697600, 1712697600), (1766374262370, 1766374262.37), ("1740278400", 1740278400), (0, None), ("soon", None)],
)
def test_a_time_is_seconds_from_seconds_milliseconds_and_texts(told: Any, seconds: float | None) -> None:
    assert videos.decode(response({"id": "t", "status": "running", "created_at": told})).created_at == seconds


def test_a_time_may_be_a_date() -> None:
    body = {"id": "t", "status": "running", "created_at": "2026-01-01T00:00:00Z"}
    assert videos.decode(response(body)).created_at == 1767225600


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"openai-poll-after-ms": "2500"}, 2.5),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "1e9"}, 600),
        ({}, None),
    ],
)
@pytest.mark.parametrize("family", FAMILIES)
def test_the_servers_wish_when_to_be_asked_again_is_read(family: str, headers: Any, seconds: float | None) -> None:
    assert codec_of(family).decode(response({"id": "t", "status": "queued"}, **headers)).poll_after == seconds


LINK = "https://e.com/v.mp4"


@pytest.mark.parametrize(
    "body",
    [
        {"url": LINK},
        {"video_url": LINK},
        {"video_url": {"url": LINK}},
        {"metadata": {"url": LINK}},
        {"content": {"video_url": LINK}},
        {"content_url": LINK},
        {"result_url": LINK},
        {"output": [LINK]},
        {"output": LINK},
        {"output": [{"url": LINK}]},
        {"output": {"video_url": LINK}},
        {"data": [{"url": LINK}]},
        {"data": {"url": LINK}},
        {"video": {"url": LINK}},
        {"video": LINK},
        {"videos": [LINK]},
        {"result": {"video_url": LINK}},
        {"task_result": {"videos": [{"id": "", "url": LINK, "duration": "5.0"}], "images": None}},
        {"video_result": [{"url": LINK}]},
        {"data": {"task_result": {"videos": [{"url": LINK}]}}},
        {"fail_reason": LINK},
        {"url": LINK, "video_url": LINK, "content_url": "https://e.com/c", "metadata": {"url": LINK}},
    ],
)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_result_is_found_wherever_it_is_named_and_once(family: str, body: dict[str, Any]) -> None:
    update = codec_of(family).decode(response({"id": "t", "status": "completed", **body}))
    assert job(family, update).urls == [LINK]


def test_several_videos_and_what_comes_beside_them_are_told_apart() -> None:
    body = {
        "id": "t",
        "status": "succeeded",
        "content": {"video_url": "/v", "last_frame_url": "/l"},
        "thumbnail_url": "/t",
        "duration": 5,
    }
    files = videos.decode(response(body)).videos
    assert files[0].url == "/v"
    assert files[0].duration == 5
    assert {file.kind: file.url for file in files[1:]} == {"last_frame": "/l", "thumbnail": "/t"}
    shots = {"videos": [{"id": "1", "url": "/1", "watermark_url": "/w", "duration": "5.041"}, {"id": "2", "url": "/2"}]}
    files = codec_of("kling").decode(response({"data": {"task_status": "succeed", "task_result": shots}})).videos
    assert [(file.kind, file.url, file.id) for file in files] == [
        ("video", "/1", "1"),
        ("video", "/2", "2"),
        ("watermarked", "/w", None),
    ]
    assert files[0].duration == 5.041


def test_an_inline_result_stands_neither_in_raw_nor_in_a_repr() -> None:
    data = "A" * 100_000
    for family, body in (
        ("videos", {"id": "t", "status": "completed", "metadata": {"url": f"data:video/mp4;base64,{data}"}}),
        ("veo", {"name": "operations/1", "done": True, "response": {"videos": [{"bytesBase64Encoded": data}]}}),
        ("veo", {"name": "operations/1", "done": True, "response": {"bytesBase64Encoded": data}}),
        ("veo", {"name": "operations/1", "done": True, "response": {"video": {"encodedVideo": data}}}),
    ):
        update = codec_of(family).decode(response(body))
        found = job(family, update)
        assert found.videos[0].inline is not None
        assert found.videos[0].inline.text == data
        assert "AAAA" not in repr(found) + repr(update) + json.dumps(found.raw)


def test_what_a_filter_held_back_is_blocked_or_a_warning() -> None:
    for wrap in (lambda body: body, lambda body: {"generateVideoResponse": body}):
        held = {"raiMediaFilteredCount": 2, "raiMediaFilteredReasons": ["violence", "violence"]}
        update = codec_of("veo").decode(response({"name": "o/operations/1", "done": True, "response": wrap(held)}))
        assert (update.status, update.error, update.is_blocked) == ("failed", "violence", True)
        held["generatedSamples"] = [{"video": {"uri": LINK}}]
        update = codec_of("veo").decode(response({"name": "o/operations/1", "done": True, "response": wrap(held)}))
        with pytest.warns(match="held back 2 of the videos: violence"):
            assert job("veo", update).urls == [LINK]


def test_an_operation_that_failed_is_a_state() -> None:
    body = {"name": "o/operations/1", "done": True, "error": {"code": 3, "message": "The prompt is unsafe."}}
    update = codec_of("veo").decode(response(body))
    assert (update.status, update.error, update.error_code) == ("failed", "The prompt is unsafe.", "3")
