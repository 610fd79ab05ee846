"""A job as a value: what it takes from answers, how it ends, how it is saved and taken up again."""

from __future__ import annotations

import base64
import json
import pickle
from typing import Any

import pytest

from tikhub_ai import (
    ContentBlockedError,
    DownloadError,
    InvalidRequestError,
    JobBlockedError,
    JobCancelledError,
    JobExpiredError,
    JobFailedError,
    TikHubAIError,
    VideoFile,
)
from tikhub_ai.video_job import TERMINAL, InlineData, JobUpdate, VideoJobData
from tikhub_ai.video_json import from_json, origin_of, to_json

BASE = "https://ai.tikhub.io"
FILE = VideoFile("https://cdn.example/v.mp4?sig=a%2Fb", duration=5.0, mime_type="video/mp4")


def running(**facts: Any) -> VideoJobData:
    return VideoJobData("t", "kling", "text2video", "kling-v3", "running", base_url=BASE, **facts)


def test_progress_never_falls_and_is_100_only_for_success() -> None:
    job = running()
    seen = []
    for told in (0, 30, 10, None, 56):
        job.take(JobUpdate(status="running", progress=told))
        seen.append(job.progress)
    assert seen == [0, 30, 30, 30, 56]
    job.take(JobUpdate(status="failed", progress=100, error="no"))
    assert job.progress == 56
    job = running()
    job.take(JobUpdate(status="succeeded", progress=0))
    assert job.progress == 100


@pytest.mark.parametrize("state", sorted(TERMINAL))
@pytest.mark.parametrize("other", ["queued", "running", *sorted(TERMINAL)])
def test_a_final_state_stays_whatever_comes(state: Any, other: Any) -> None:
    job = running()
    job.take(JobUpdate(status=state, raw_status="first", videos=[FILE], error=None))
    job.take(JobUpdate(status=other, raw_status="second", error="late" if other != state else None))
    assert job.status == state
    assert job.error is None
    assert job.videos == [FILE]


def test_a_fresh_address_of_a_result_is_taken() -> None:
    job = running()
    job.take(JobUpdate(status="succeeded", videos=[FILE]))
    job.take(JobUpdate(status="succeeded", videos=[VideoFile("https://cdn.example/new")]))
    assert job.urls == ["https://cdn.example/new"]


def test_what_an_answer_does_not_say_again_is_kept() -> None:
    job = running(created_at=5.0, external_task_id="mine", fields={"duration": "10"}, raw={"a": 1})
    before = to_json(job)
    job.take(JobUpdate())
    assert to_json(job) == before


def test_what_an_answer_notes_is_warned_of_once() -> None:
    job, update = running(), JobUpdate(status="succeeded", notes=["one was held back"])
    with pytest.warns(match="one was held back"):
        job.take(update)
    job.take(update)  # warnings are errors here


@pytest.mark.parametrize(
    ("facts", "kind", "words"),
    [
        ({"status": "failed", "error": "Out of luck."}, JobFailedError, "failed: Out of luck."),
        ({"status": "failed"}, JobFailedError, "no reason was given"),
        ({"status": "failed", "error": "no", "error_code": "E1"}, JobFailedError, "(code E1)"),
        ({"status": "failed", "error": "no", "is_blocked": True}, JobBlockedError, "another prompt"),
        ({"status": "expired"}, JobExpiredError, "expired"),
        ({"status": "cancelled"}, JobCancelledError, "was cancelled"),
    ],
)
def test_each_end_has_its_error_which_holds_the_job_and_is_final(facts: Any, kind: type, words: str) -> None:
    job = running()
    job.take(JobUpdate(**facts))
    error = job.failure()
    assert error is not None
    assert type(error) is kind
    assert error.job is job
    assert words in str(error)
    assert not error.is_retryable
    assert pickle.loads(pickle.dumps(error)).job.id == "t"
    assert isinstance(error, ContentBlockedError) is (kind is JobBlockedError)


def test_a_job_that_still_runs_or_succeeded_has_no_error() -> None:
    assert running().failure() is None
    assert VideoJobData("t", "veo", status="succeeded").failure() is None


# --- inline results --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 4, 7, 1024])
@pytest.mark.parametrize("content", [b"", b"a", b"ab", b"abc", bytes(range(256)) * 9])
@pytest.mark.parametrize("alphabet", [base64.b64encode, base64.urlsafe_b64encode])
def test_inline_data_comes_out_in_pieces_as_it_went_in(size: int, content: bytes, alphabet: Any) -> None:
    text = alphabet(content).decode()
    for given in (text, text.rstrip("=")):
        pieces = list(InlineData(given).pieces(size))
        assert b"".join(pieces) == content
        assert all(len(piece) <= max(3, size) for piece in pieces)


@pytest.mark.parametrize("text", ["!!!!", "AAAAA", "AAA A", "AA==AAAA"])
def test_inline_data_that_is_no_base64_is_an_error_of_the_tree(text: str) -> None:
    with pytest.raises(DownloadError, match="no base64"):
        list(InlineData(text).pieces())


# --- JSON ------------------------------------------------------------------------------------------------------------


def whole() -> VideoJobData:
    odd: dict[Any, Any] = {"duration": "10", 7: b"bytes"}
    return VideoJobData(
        "t:1/ä",
        "kling",
        "image2video",
        "kling-v3",
        "succeeded",
        "succeed",
        100,
        "e",
        "1301",
        is_blocked=True,
        videos=[FILE, VideoFile("/last.png", kind="last_frame", id="v1")],
        created_at=1766374262.37,
        expires_at=1766374263.0,
        external_task_id="mine",
        base_url=BASE,
        fields=odd,
        raw={"data": {"task_id": "t"}},
    )


def test_a_job_is_read_again_as_it_was_saved() -> None:
    job = whole()
    job.fields = {"duration": "10"}
    assert from_json(to_json(job), BASE) == job
    assert from_json(to_json(job).encode(), BASE) == job
    assert from_json(json.loads(to_json(job)), BASE) == job


def test_the_saved_form_names_every_field_of_a_job() -> None:
    names = set(VideoJobData.__dataclass_fields__)
    assert names <= set(json.loads(to_json(whole())))


def test_neither_inline_files_nor_long_texts_nor_passwords_are_saved() -> None:
    job = whole()
    job.base_url = "https://user:canary@ai.tikhub.io/prefix"
    job.videos.append(VideoFile(inline=InlineData("canary" * 1000)))
    job.fields["image"] = "canary" * 1000
    job.raw["b64"] = ["canary" * 1000]
    saved = to_json(job)
    assert "canary" not in saved
    assert '"base_url": "https://ai.tikhub.io/prefix"' in saved
    assert len(from_json(saved, BASE).videos) == 2


def changed(**facts: Any) -> str:
    return json.dumps(json.loads(to_json(whole())) | facts)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (to_json(whole())[:200], "may have been cut short"),
        ("", "cut short"),
        (b"\xff\xfe", "cut short"),
        ("[]", "no video job"),
        ("{}", "no video job"),
        ("null", "no video job"),
        (changed(tikhub_video_job=2), "version 2 of its form"),
        (changed(tikhub_video_job=None), "version None"),
        (changed(family="sora"), "family 'sora'"),
        (changed(family=["kling"]), "family"),
        (changed(status="finished"), "state 'finished'"),
        (changed(status={}), "state"),
        (changed(id=""), "id"),
        (changed(id=None), "id"),
        (changed(id=".."), "another path"),
        (changed(base_url="https://evil.example"), "The key goes to no address that a file names"),
        (changed(base_url="http://ai.tikhub.io"), "The key goes to no address"),
        (changed(base_url="https://ai.tikhub.io:444"), "The key goes to no address"),
        (changed(base_url="https://ai.tikhub.io@evil.example"), "The key goes to no address"),
        (changed(base_url="nonsense"), "The key goes to no address"),
    ],
)
def test_json_that_is_not_to_be_trusted_is_refused_in_words(data: Any, reason: str) -> None:
    with pytest.raises(InvalidRequestError, match=reason) as caught:
        from_json(data, BASE)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, TikHubAIError)


def test_the_same_gateway_is_known_by_its_origin_alone() -> None:
    for told in ("https://AI.tikhub.io:443/v1", "", None):
        assert from_json(changed(base_url=told), BASE + "/v1").id == whole().id


@pytest.mark.parametrize("nonsense", [None, 7, "x", [], {}, [None, 7, {"url": 3}], {"a": {}}, True, 1e400, "\x00"])
@pytest.mark.parametrize("name", [name for name in VideoJobData.__dataclass_fields__ if name not in {"id", "family"}])
def test_any_nonsense_in_a_field_is_read_or_refused_and_nothing_else(name: str, nonsense: Any) -> None:
    data = json.loads(to_json(whole())) | {name: nonsense}
    try:
        job = from_json(data, BASE)
    except InvalidRequestError:
        return
    job.take(JobUpdate(status="running"))
    assert from_json(to_json(job), BASE).id == job.id
    assert repr(job)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://a.b", ("https", "a.b", 443)),
        ("HTTP://A.b:80/x?y#z", ("http", "a.b", 80)),
        ("https://u:p@a.b", ("https", "a.b", 443)),
        ("/relative", None),
        ("gs://bucket/x", None),
        ("https://a.b:port", None),
        ("https://[::1", None),
        ("data:video/mp4;base64,AA", None),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: Any) -> None:
    assert origin_of(url) == origin


def test_secrets_that_an_answer_repeats_are_hidden_but_addresses_stay() -> None:
    update = JobUpdate(
        status="failed",
        raw_status="failed sk-1",
        error="bad key sk-1",
        error_code="sk-1",
        notes=["sk-1"],
        videos=[VideoFile("https://e.com/v?sig=sk-1")],
        raw={"sk-1": ["sk-1", {"a": "sk-1"}], "n": 1},
    )
    update.hide(lambda text: text.replace("sk-1", "***"))
    assert "sk-1" not in repr(update).replace("sig=sk-1", "") + repr(update.raw)
    assert update.videos[0].url == "https://e.com/v?sig=sk-1"
    assert update.raw == {"***": ["***", {"a": "***"}], "n": 1}
