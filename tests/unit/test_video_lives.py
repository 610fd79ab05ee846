"""A video's whole life, of every family and by every way: create, save, load, wait, fetch, list, remix, delete."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from tests.media_examples import FILES, cases, needs_examples
from tests.scripted_server import Answer, Request, ScriptedServer
from tests.video_gateway import MODELS, MP4, WEBP, Gateway, with_results_at
from tests.video_ways import Way, each_way
from tikhub_ai import (
    DownloadError,
    InvalidRequestError,
    JobBlockedError,
    JobFailedError,
    JobTimeoutError,
    NotFoundError,
    TikHubAIError,
    TikHubAIWarning,
    VideoJob,
)

if TYPE_CHECKING:
    from pathlib import Path

FIELDS: dict[str, dict[str, Any]] = {
    "videos": {"seconds": 4, "size": "720x1280"},
    "seedance": {"duration": "5", "ratio": "16:9", "camera_fixed": False, "return_last_frame": True},
    "kling": {"duration": 5, "mode": "pro", "cfg_scale": 0.5, "sound": True},
    "veo": {"durationSeconds": "8", "generateAudio": True, "sampleCount": 2},
}
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
QUICK = {"poll_interval": 0.005, "timeout": 300}
each_family = pytest.mark.parametrize(("family", "model"), [*MODELS.items()])


@pytest.fixture
def gateway(server: ScriptedServer) -> Gateway:
    server.answer = made = Gateway(url=server.url)
    return made


@each_way
@each_family
@pytest.mark.parametrize("with_image", [False, True], ids=["text", "image"])
async def test_a_video_is_made_saved_taken_up_by_another_process_waited_for_and_fetched(
    gateway: Gateway, tmp_path: Path, way: Way, family: str, model: str, with_image: bool
) -> None:
    videos, media = way.videos(gateway.url), {"image": PNG} if with_image else {}
    job = await way.call(videos, "create", model, "A rabbit", **FIELDS[family], **media)
    assert (job.family, job.model, job.status, gateway.creates) == (family, model, "queued", 1)
    assert job.id in gateway.jobs
    job.save(tmp_path / "job.json")

    again = way.videos(gateway.url).load(tmp_path / "job.json")
    assert again == job
    seen: list[tuple[str, int | None]] = []
    done = await way.call(again, "result", **QUICK, on_progress=lambda now: seen.append((now.status, now.progress)))
    assert done is again
    assert done.status == "succeeded"
    assert [status for status, _ in seen] == ["running", "succeeded"]
    assert seen[-1][1] == 100
    assert await way.call(done, "download", tmp_path / "rabbit.mp4") == tmp_path / "rabbit.mp4"
    assert (tmp_path / "rabbit.mp4").read_bytes() == MP4
    assert len(gateway.polled) == 2, "a job that is done is not asked for again"
    with pytest.raises(DownloadError, match="is there already"):
        await way.call(done, "download", tmp_path / "rabbit.mp4")
    await way.call(done, "download", tmp_path / "rabbit.mp4", overwrite=True)


@each_way
@each_family
async def test_what_a_family_makes_beside_the_video_is_fetched_by_its_name(
    gateway: Gateway, tmp_path: Path, way: Way, family: str, model: str
) -> None:
    job = await way.call(way.videos(gateway.url), "create", model, "A rabbit", **FIELDS[family])
    await way.call(job, "result", **QUICK)
    beside = {"videos": ["thumbnail", "spritesheet"], "seedance": ["last_frame"], "kling": ["watermarked"], "veo": []}
    for variant in beside[family]:
        path = await way.call(job, "download", tmp_path / variant, variant=variant)
        assert path.read_bytes() == (WEBP if family == "videos" else MP4)
    if family == "veo":
        assert (await way.call(job, "download", tmp_path / "second", index=1)).read_bytes() == MP4
        with pytest.raises(DownloadError, match="no video of index 2"):
            await way.call(job, "download", tmp_path / "third", index=2)
    if family != "videos":
        with pytest.raises(DownloadError, match="no subtitles of index 0"):
            await way.call(job, "download", tmp_path / "none", variant="subtitles")


@each_way
@each_family
@pytest.mark.parametrize("ending", ["failed", "blocked"])
async def test_a_job_that_fails_is_an_error_with_the_job_and_no_further_request(
    gateway: Gateway, tmp_path: Path, way: Way, family: str, model: str, ending: str
) -> None:
    gateway.ending = ending
    job = await way.call(way.videos(gateway.url), "create", model, "A rabbit")
    with pytest.raises(JobBlockedError if ending == "blocked" else JobFailedError) as caught:
        await way.call(job, "result", **QUICK)
    assert caught.value.job is job
    assert not caught.value.is_retryable
    assert job.status == "failed"
    asked = len(gateway.polled)
    with pytest.raises(JobFailedError):
        await way.call(job, "download", tmp_path / "v")
    with pytest.raises(JobFailedError):
        await way.call(job, "result", timeout=0)
    assert (gateway.creates, len(gateway.polled)) == (1, asked)


@each_way
@each_family
async def test_a_job_is_taken_up_by_its_id_alone(gateway: Gateway, way: Way, family: str, model: str) -> None:
    job = await way.call(way.videos(gateway.url), "create", model, "A rabbit")
    named = {"kind": job.kind} if family == "kling" else {}
    again = await way.call(way.videos(gateway.url), "get", job.id, family=family, **named)
    assert (again.id, again.family, again.status) == (job.id, family, "running")
    with pytest.raises(NotFoundError) as caught:
        await way.call(way.videos(gateway.url), "get", f"{job.id}x", family=family, **named)
    assert "family=" in str(caught.value) or "paths={" in str(caught.value)


@each_way
async def test_an_id_of_the_other_kind_is_not_found_and_a_missing_kind_is_refused_before_it_is_asked(
    gateway: Gateway, server: ScriptedServer, way: Way
) -> None:
    videos = way.videos(gateway.url)
    job = await way.call(videos, "create", "kling-v2-6", "A rabbit", image=PNG)
    assert job.kind == "image2video"
    with pytest.raises(NotFoundError):
        await way.call(videos, "get", job.id, family="kling", kind="text2video")
    asked = len(server.requests)
    with pytest.raises(InvalidRequestError, match="kind="):
        await way.call(videos, "get", job.id, family="kling")
    with pytest.raises(InvalidRequestError, match="model"):
        await way.call(videos, "get", "operation-without-a-model", family="veo")
    assert len(server.requests) == asked


@each_way
async def test_a_list_goes_over_all_pages_and_its_limit_counts_in_all(gateway: Gateway, way: Way) -> None:
    videos = way.videos(gateway.url)
    made = [(await way.call(videos, "create", "sora-2", f"{number}")).id for number in range(5)]
    assert [job.id for job in await way.list(videos)] == made
    for limit in (1, 2, 3, 20):
        assert [job.id for job in await way.list(videos, limit=limit)] == made[:limit]
    assert [job.id for job in await way.list(videos, after=made[1], limit=2)] == made[2:4]
    (first,) = await way.list(videos, limit=1)
    assert isinstance(first, VideoJob)
    assert await way.call(first, "result", **QUICK) is first
    wrongs: tuple[Any, ...] = (0, -1, True, 1.5)
    for wrong in wrongs:
        with pytest.raises(ValueError, match="limit"):
            videos.list(limit=wrong)
        with pytest.raises(ValueError, match="limit"):
            videos.alist(limit=wrong)


@each_way
@pytest.mark.parametrize("after", ["same", "two by turns"])
async def test_a_server_that_ignores_the_cursor_does_not_make_a_list_endless(
    server: ScriptedServer, way: Way, after: str
) -> None:
    def page(request: Request) -> Answer:
        last = "a" if after == "same" or len(server.requests) % 2 else "b"
        return Answer({"data": [{"id": last, "status": "queued"}], "last_id": last, "has_more": True})

    server.answer = page
    assert len(await way.list(way.videos(server.url))) <= 3


@each_way
async def test_a_finished_job_is_remixed_and_deleted(gateway: Gateway, way: Way) -> None:
    videos = way.videos(gateway.url)
    job = await way.call(videos, "create", "sora-2", "A rabbit")
    await way.call(job, "result", **QUICK)
    other = await way.call(videos, "remix", job, "Make it snow")
    assert other.id != job.id
    assert (other.model, other.status, gateway.jobs[other.id].asked["prompt"]) == ("sora-2", "queued", "Make it snow")
    assert await way.call(videos, "delete", job) is True
    assert [one.id for one in await way.list(videos)] == [other.id]
    assert await way.call(videos, "delete", other.id) is True


@each_way
@each_family
async def test_only_the_family_that_has_it_is_asked_to_remix_or_delete(
    gateway: Gateway, server: ScriptedServer, way: Way, family: str, model: str
) -> None:
    if family == "videos":
        return
    videos = way.videos(gateway.url)
    job = await way.call(videos, "create", model, "A rabbit")
    asked = len(server.requests)
    with pytest.raises(InvalidRequestError, match=f"for a {family} job"):
        await way.call(videos, "remix", job, "Make it snow")
    with pytest.raises(InvalidRequestError, match=f"for a {family} job"):
        await way.call(videos, "delete", job)
    assert len(server.requests) == asked


@each_way
async def test_a_veo_result_that_came_inline_is_asked_for_again_after_a_restart(
    gateway: Gateway, tmp_path: Path, way: Way
) -> None:
    job = await way.call(way.videos(gateway.url), "create", "veo-3.1-generate-001", "A rabbit")
    await way.call(job, "result", **QUICK)
    told = job.to_json()
    assert len(told) < 5000
    again = way.videos(gateway.url).load(told)
    assert (again.status, again.videos) == ("succeeded", [])
    assert (await way.call(again, "download", tmp_path / "v")).read_bytes() == MP4


@each_way
@pytest.mark.parametrize("setting", ["seedance", "kling.text2video", "veo.generate", "videos"])
async def test_a_path_that_the_gateway_does_not_serve_is_an_error_that_names_its_setting(
    server: ScriptedServer, way: Way, setting: str
) -> None:
    model = MODELS[setting.partition(".")[0]]
    page = Answer(b"<!doctype html><title>One API</title>", headers={"content-type": "text/html"})
    for answer in (page, Answer(b"", 404), Answer(b"", 405), Answer(b"", 501)):
        server.answers, server.requests = [answer], []
        with pytest.raises(TikHubAIError, match=f"paths={{'{setting}'"):
            await way.call(way.videos(server.url, paths={setting: "/x/y"}), "create", model, "A rabbit")
        assert [request.path for request in server.requests] == ["/x/y"]


# --- every documented answer ----------------------------------------------------------------------------------------

VIDEO_CASES = [case for family in FILES if family != "transcriptions" for case in cases(family)]
ARGUMENTS = {"kling": {"kind": "text2video"}, "veo": {"model": "veo-3.1-generate-001"}}


def family_of(request: pytest.FixtureRequest) -> str:
    return str(request.node.callspec.id).partition(": ")[0].rpartition("-")[2]


@needs_examples
@each_way
@pytest.mark.parametrize("case", VIDEO_CASES)
async def test_every_documented_answer_in_the_life_of_a_job(
    server: ScriptedServer, tmp_path: Path, way: Way, case: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    family, expect, name = family_of(request), case["expect"], case["name"]
    body = with_results_at(case["response"]["body"], f"{server.url}/media")
    documented = Answer(body, case["response"]["status"])
    queued = {"veo": {"name": "projects/p/locations/l/publishers/google/models/veo-3.1-generate-001/operations/1"}}
    made = Answer(queued.get(family, {"id": "job-1", "task_id": "job-1", "status": "queued"}))
    is_gone = name.startswith("content: upstream")
    is_create = "create" in name.lower() or name in {"not found", "retired model through a gateway", "no credit"}

    def answer(asked: Request) -> Answer:
        if asked.path.startswith("/media/") or asked.path.partition("?")[0].endswith("/content"):
            return documented if is_gone else Answer(MP4)
        creates = asked.method == "POST" and not asked.path.endswith(":fetchPredictOperation")
        if is_gone or (creates != is_create and name not in {"remix", "deleted", "list"}):
            return made if creates else Answer({"id": "job-1", "status": "completed"})
        return documented

    server.answer = answer
    videos = way.videos(server.url, max_retries=0)
    if name == "list":
        assert len(await way.list(videos)) == expect["items"]
        return
    if name == "deleted":
        assert await way.call(videos, "delete", "video_123") is expect["deleted"]
        return
    if name == "remix":
        job = await way.call(videos, "remix", "video_123", "Make it snow")
        assert (job.id, job.status) == (expect["id"], expect["status"])
        return
    model = MODELS[family]
    if is_create:
        if "error_class" in expect:
            with pytest.raises(TikHubAIError) as caught:
                await way.call(videos, "create", model, "A rabbit")
            assert is_a(caught.value, expect["error_class"])
            assert len(server.requests) == 1
            return
        job = await way.call(videos, "create", model, "A rabbit")
        assert (job.id, job.status) == (expect["id"], expect["status"])
        return
    job = await way.call(videos, "create", model, "A rabbit")
    await judge(way, job, expect, tmp_path / "v.mp4", is_gone=is_gone)


def is_a(error: TikHubAIError, expected: str) -> bool:
    """Whether it is of the class that an example names first."""
    name = expected.partition(",")[0].partition(" ")[0]
    return name in {kind.__name__ for kind in type(error).__mro__}


async def judge(way: Way, job: VideoJob, expect: dict[str, Any], target: Path, *, is_gone: bool) -> None:
    if is_gone:
        await way.call(job, "result", timeout=0)
        with pytest.raises(DownloadError, match="Failed to fetch video content"):
            await way.call(job, "download", target)
        return
    if "error_class" in expect:
        with pytest.raises(TikHubAIError) as caught:
            await way.call(job, "result", timeout=0)
        assert is_a(caught.value, expect["error_class"])
        return
    status = expect["status"]
    if status in {"queued", "running"}:
        with pytest.raises(JobTimeoutError, match="do not create it again") as late:
            await way.call(job, "result", timeout=0)
        assert late.value.job is job
        assert (job.status, job.progress) == (status, expect.get("progress", job.progress))
        return
    if status != "succeeded":
        with pytest.raises(JobFailedError) as failed:
            await way.call(job, "result", timeout=0)
        assert (job.status, failed.value.job) == (status, job)
        if "error" in expect:
            assert expect["error"].rstrip(".").lower() in str(failed.value).lower()
        assert isinstance(failed.value, JobBlockedError) == expect.get(
            "blocked", isinstance(failed.value, JobBlockedError)
        )
        return
    if "held back" in expect.get("note", ""):
        with pytest.warns(TikHubAIWarning):
            await way.call(job, "result", timeout=0)
    else:
        await way.call(job, "result", timeout=0)
    assert job.progress == 100
    if "urls" in expect:
        assert len(job.urls) == len(expect["urls"])
    assert (await way.call(job, "download", target)).read_bytes() == MP4
