"""Waiting for a job over a real wire: what ends it, what does not, what is called and what is said."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import short
from tests.scripted_server import Answer, ScriptedServer
from tests.video_gateway import MODELS, MP4, Gateway
from tests.video_ways import WAYS, Way, each_way
from tikhub_ai import (
    APIStatusError,
    AuthenticationError,
    DownloadError,
    JobExpiredError,
    JobTimeoutError,
    NotFoundError,
    PermissionDeniedError,
    ServerError,
    TikHubAIError,
    TikHubAIWarning,
    VideoJob,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = 1_800_000_000.0
"""What the clock shows, where an age is judged."""
QUICK: dict[str, Any] = {"poll_interval": 0.005, "timeout": 300}
each_family = pytest.mark.parametrize(("family", "model"), [*MODELS.items()])
each_async_way = pytest.mark.parametrize("way", [way for way in WAYS if way.is_async], ids=lambda way: way.name)


@pytest.fixture
def gateway(server: ScriptedServer) -> Gateway:
    server.answer = made = Gateway(url=server.url)
    return made


async def create(gateway: Gateway, way: Way, model: str = "kling-v2-6", **settings: Any) -> VideoJob:
    job: VideoJob = await way.call(way.videos(gateway.url, **settings), "create", model, "A rabbit")
    return job


def error(status: int, message: str = "no") -> Answer:
    return Answer({"error": {"message": message, "type": "x"}}, status)


PASSING = {
    "500": error(500),
    "502 as HTML": Answer(b"<html><title>502 Bad Gateway</title></html>", 502, {"content-type": "text/html"}),
    "429": Answer({"error": {"message": "slow"}}, 429),
    "408": error(408),
    "an HTML page": Answer(b"<!doctype html><html>challenge</html>", headers={"content-type": "text/html"}),
    "JSON that is cut": Answer(b'{"id": "j", "status": "runn'),
    "a cut connection": Answer(b'{"id": "j", "status": "running"}', cut_at=10),
    "an empty body": Answer(b""),
    "a list": Answer([]),
}


@each_way
@pytest.mark.parametrize("fault", PASSING)
async def test_a_poll_that_fails_for_a_reason_that_may_pass_is_repeated(gateway: Gateway, way: Way, fault: str) -> None:
    job = await create(gateway, way)
    gateway.answers = [PASSING[fault]] * 5
    assert (await way.call(job, "result", **QUICK)).status == "succeeded"
    assert len(gateway.polled) == 5 + 2
    assert gateway.creates == 1


@each_way
async def test_twenty_failures_in_a_row_are_the_end_and_no_more_than_twenty_polls(gateway: Gateway, way: Way) -> None:
    job = await create(gateway, way)
    gateway.answers = [error(502)] * 19 + [Answer({"data": {"task_id": job.id, "task_status": "processing"}})]
    gateway.answers += [error(502)] * 30
    with pytest.raises(ServerError, match=r"20 polls .* failed in a row") as caught:
        await way.call(job, "result", **QUICK)
    assert len(gateway.polled) == 19 + 1 + 20
    assert caught.value.job is job
    assert job.status == "running"


@each_way
@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
async def test_a_poll_that_is_refused_ends_the_wait_at_once(gateway: Gateway, way: Way, status: int) -> None:
    job = way.videos(gateway.url).load((await create(gateway, way)).to_json())
    job.created_at = None
    gateway.answers = [error(status)] * 3
    kinds = {401: AuthenticationError, 403: PermissionDeniedError, 404: NotFoundError}
    with pytest.raises(kinds.get(status, APIStatusError)) as caught:
        await way.call(job, "result", **QUICK)
    assert len(gateway.polled) == 1
    assert caught.value.job is job


@each_way
@each_family
async def test_a_job_that_is_not_known_everywhere_just_after_its_create_is_waited_for(
    gateway: Gateway, way: Way, family: str, model: str
) -> None:
    job = await create(gateway, way, model)
    gateway.answers = [error(404)] * 4
    assert (await way.call(job, "result", **QUICK)).status == "succeeded"


@each_way
async def test_a_job_that_another_process_made_just_now_is_waited_for_too(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    made = await create(gateway, way)
    monkeypatch.setattr("time.time", lambda: NOW)
    for age, is_waited_for in ((1, True), (-5, True), (31, False), (-3600, False)):
        job = way.videos(gateway.url).load(made.to_json())
        job.created_at = NOW - age
        gateway.answers = [error(404)]
        if is_waited_for:
            assert (await way.call(job, "result", **QUICK)).status == "succeeded"
        else:
            with pytest.raises(NotFoundError):
                await way.call(job, "result", **QUICK)


@each_way
async def test_zero_asks_once_and_the_error_holds_a_job_that_can_be_waited_for_again(
    gateway: Gateway, way: Way
) -> None:
    job = await create(gateway, way)
    with pytest.raises(JobTimeoutError) as caught:
        await way.call(job, "result", timeout=0)
    assert len(gateway.polled) == 1
    assert not caught.value.is_retryable
    assert (await way.call(caught.value.job, "result", **QUICK)) is job
    assert job.status == "succeeded"


@each_way
async def test_at_the_deadline_nothing_was_created_again_and_nothing_cancelled(
    gateway: Gateway, server: ScriptedServer, way: Way
) -> None:
    gateway.ending = "never"
    job = await create(gateway, way)
    with pytest.raises(JobTimeoutError, match="still runs"):
        await way.call(job, "result", timeout=short(0.2), poll_interval=short(0.02))
    assert gateway.creates == 1
    assert {request.method for request in server.requests[1:]} == {"GET"}
    assert 2 <= len(gateway.polled) <= 11


@each_way
@pytest.mark.parametrize("silence", ["hangs", "drips"])
async def test_a_poll_in_flight_is_over_when_the_time_is(
    gateway: Gateway, server: ScriptedServer, way: Way, silence: str
) -> None:
    job = await create(gateway, way)
    drip = Answer([b" "] * 100_000, pause=short(0.1))
    gateway.answers = [Answer({}, held=True) if silence == "hangs" else drip]
    with pytest.raises(JobTimeoutError, match="last poll failed"):
        await way.call(job, "result", timeout=short(0.3), poll_interval=short(0.05))


@each_way
async def test_every_wait_between_polls_is_logged(gateway: Gateway, way: Way, caplog: pytest.LogCaptureFixture) -> None:
    job = await create(gateway, way)
    caplog.set_level(logging.DEBUG, logger="tikhub_ai")
    await way.call(job, "result", **QUICK)
    waits = [record.getMessage() for record in caplog.records if "next poll in 0.0" in record.getMessage()]
    assert len(waits) == len(gateway.polled) - 1 > 0
    assert all(f"job {job.id} is " in text for text in waits)


@each_way
async def test_progress_never_falls(gateway: Gateway, way: Way) -> None:
    job = await create(gateway, way)
    told = [10, 60, 30, None, 55, 200, -5]
    gateway.answers = [
        Answer({"data": {"task_id": job.id, "task_status": "processing", "progress": percent}}) for percent in told
    ]
    seen: list[Any] = []
    await way.call(job, "result", **QUICK, on_progress=lambda now: seen.append(now.progress))
    known = [percent for percent in seen if percent is not None]
    assert known == sorted(known)
    assert known[:3] == [10, 60, 60]
    assert known[-1] == 100


@each_way
async def test_a_word_that_is_not_known_keeps_the_job_going_and_is_warned_of_once(gateway: Gateway, way: Way) -> None:
    job = await create(gateway, way)
    gateway.answers = [Answer({"data": {"task_id": job.id, "task_status": "pondering"}})] * 4
    with pytest.warns(TikHubAIWarning, match="pondering") as warned:
        assert (await way.call(job, "result", **QUICK)).status == "succeeded"
    assert len(warned) == 1


@each_way
@pytest.mark.parametrize("kind", [ValueError, KeyError, TikHubAIError, KeyboardInterrupt])
async def test_what_the_callback_raises_comes_out_as_it_is(
    gateway: Gateway, way: Way, kind: type[BaseException]
) -> None:
    job = await create(gateway, way)
    raised = kind("mine")

    def callback(now: VideoJob) -> None:
        raise raised

    if kind is KeyboardInterrupt and way.is_async:
        return  # asyncio ends the loop itself; see the cancelled task below
    with pytest.raises(kind) as caught:
        await way.call(job, "result", **QUICK, on_progress=callback)
    assert caught.value is raised
    assert len(gateway.polled) == 1


@each_async_way
async def test_an_async_callback_is_awaited(gateway: Gateway, way: Way) -> None:
    job = await create(gateway, way)
    seen = []

    async def callback(now: VideoJob) -> None:
        await asyncio.sleep(0)
        seen.append(now.status)

    await way.call(job, "result", **QUICK, on_progress=callback)
    assert seen == ["running", "succeeded"]


# --- interrupts -----------------------------------------------------------------------------------------------------


def told(caplog: pytest.LogCaptureFixture) -> str:
    (record,) = [one for one in caplog.records if one.name == "tikhub_ai"]
    assert record.levelno == logging.WARNING, "which Python prints where nobody configured logging"
    return record.getMessage()


@each_family
def test_ctrl_c_in_a_wait_prints_the_id_and_how_to_take_it_up_again(
    gateway: Gateway, caplog: pytest.LogCaptureFixture, family: str, model: str
) -> None:
    way = WAYS[0]
    videos = way.videos(gateway.url)
    job = videos.create(model, "A rabbit")

    def interrupt(now: VideoJob) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        job.result(**QUICK, on_progress=interrupt)
    words = told(caplog)
    assert job.id in words
    assert "may be billed" in words
    again = eval(words.partition("Take it up again: ")[2].removesuffix(".result()"), {"videos": videos})
    assert again.result(**QUICK).id == job.id
    assert gateway.creates == 1


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    while not holds():  # noqa: ASYNC110 - the server's thread knows nothing of this loop
        await asyncio.sleep(0.01)


@each_async_way
async def test_a_task_that_is_cancelled_in_a_wait_prints_the_id(
    gateway: Gateway, caplog: pytest.LogCaptureFixture, way: Way
) -> None:
    gateway.ending = "never"
    job = await create(gateway, way)
    task = asyncio.create_task(job.aresult(timeout=60, poll_interval=0.01))
    await until(lambda: bool(gateway.polled))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert job.id in told(caplog)


@each_async_way
async def test_a_create_that_is_cancelled_says_that_it_may_have_been_made_and_is_sent_once(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture, way: Way
) -> None:
    server.answers = [Answer(held=True)]
    videos = way.videos(server.url)
    task = asyncio.create_task(videos.acreate("kling-v2-6", "A rabbit", external_task_id="mine-1"))
    await until(lambda: bool(server.requests))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    words = told(caplog)
    assert "may have been made and billed" in words
    assert "mine-1" in words
    assert len(server.requests) == 1


def test_ctrl_c_in_a_download_says_that_the_job_is_done_and_leaves_nothing(
    gateway: Gateway, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    job = WAYS[0].videos(gateway.url).create("kling-v2-6", "A rabbit").result(**QUICK)

    def interrupt(done: int, of: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        job.download(tmp_path / "v.mp4", on_progress=interrupt)
    assert list(tmp_path.iterdir()) == []
    assert job.id in told(caplog)
    assert "do not create it again" in told(caplog)


# --- results that are no longer there -------------------------------------------------------------------------------


@each_way
@pytest.mark.parametrize("status", [403, 410])
async def test_an_address_that_is_no_longer_served_is_asked_for_anew_once(
    gateway: Gateway, server: ScriptedServer, tmp_path: Path, way: Way, status: int
) -> None:
    job = await create(gateway, way)
    await way.call(job, "result", **QUICK)
    job.videos[0].url = f"{server.url}/gone.mp4"
    normal = server.answer

    def answer(request: Any) -> Answer:
        assert normal is not None
        return error(status) if request.path == "/gone.mp4" else normal(request)

    server.answer = answer
    assert (await way.call(job, "download", tmp_path / "v.mp4")).read_bytes() == MP4
    assert len(gateway.polled) == 3


@each_way
async def test_a_result_whose_time_is_over_is_an_expired_job(
    gateway: Gateway, server: ScriptedServer, tmp_path: Path, way: Way
) -> None:
    job = await create(gateway, way, "sora-2")
    await way.call(job, "result", **QUICK)
    job.expires_at = 1_700_000_000.0  # in 2023
    server.answer = lambda request: error(404, "Video has expired")
    with pytest.raises(JobExpiredError, match="no longer kept") as caught:
        await way.call(job, "download", tmp_path / "v.mp4")
    assert caught.value.job is job
    job.expires_at = None
    with pytest.raises(DownloadError) as other:
        await way.call(job, "download", tmp_path / "v.mp4")
    assert other.value.job is job


@each_way
async def test_a_job_that_still_runs_is_not_downloaded(gateway: Gateway, tmp_path: Path, way: Way) -> None:
    job = await create(gateway, way)
    with pytest.raises(DownloadError, match=r"wait for it with job.result\(\)") as caught:
        await way.call(job, "download", tmp_path / "v.mp4")
    assert caught.value.job is job
    assert gateway.polled == []


@each_way
@pytest.mark.parametrize("address", ["gs://bucket/v.mp4", "file:///etc/passwd", "ftp://h/v", "http://"])
async def test_an_address_that_cannot_be_fetched_is_explained(
    gateway: Gateway, tmp_path: Path, way: Way, address: str
) -> None:
    job = await create(gateway, way)
    await way.call(job, "result", **QUICK)
    job.videos[0].url = address
    with pytest.raises(DownloadError) as caught:
        await way.call(job, "download", tmp_path / "v.mp4")
    assert caught.value.job is job
    assert os.listdir(tmp_path) == []
