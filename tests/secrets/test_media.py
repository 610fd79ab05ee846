"""Recordings and videos: nothing that comes out of a call, a job or an agent's tool holds a secret."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from langchain_tikhub import TikHubVideoToolkit
from llama_index_tikhub import TikHubVideoToolSpec
from tests.scripted_server import Answer, Request, ScriptedServer, sse
from tests.secrets.callers import secrets
from tests.secrets.canaries import CALL_HEADER, CALL_HEADERS, DEFAULT_HEADER, KEY, named_in, search
from tests.secrets.media_callers import DONE, MEDIA_CALLERS, TELLING, WHOLE, form_says, is_form, media_success
from tests.secrets.test_calls import FAULTS as CALL_FAULTS
from tests.secrets.test_calls import html, refusal, search_through
from tests.secrets.test_downloads import assert_told_nothing
from tests.video_gateway import MP4, Gateway
from tests.video_ways import Way, each_way
from tikhub_ai import JobFailedError, LostCreateError, MissingKeyError, TikHubAIError, VideoJob, Videos

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

each_caller = pytest.mark.parametrize("name", MEDIA_CALLERS)


def cut(request: Request, said: str) -> Answer:
    if is_form(request) and form_says(request, "stream"):
        delta = {"type": "transcript.text.delta", "delta": "Hel"}
        return Answer(sse(delta).body, cut=True)
    return Answer([f'{{"id": "{said}", "cho'.encode()], cut=True)


def a_failed_job(request: Request, said: str) -> Answer:
    error = {"message": f"The model broke at {said}", "code": said}
    return Answer({"id": "video_1", "status": "failed", "error": error, "metadata": {"sent": [said]}})


FAULTS: dict[str, Callable[[Request, str], Answer]] = {
    "success": lambda request, _: media_success(request),
    "401": lambda _, said: refusal(said),
    "403": lambda _, said: refusal(said, 403),
    "404": lambda _, said: refusal(said, 404),
    "429": lambda _, said: refusal(said, 429),
    "500": lambda _, said: refusal(said, 500),
    "error in a 200": lambda _, said: Answer(refusal(said).body),
    "HTML": lambda _, said: html(said),
    "not JSON": CALL_FAULTS["not JSON"],
    "JSON of another kind": CALL_FAULTS["JSON of another kind"],
    "wrong fields": lambda _, said: Answer({"data": said, "model": said, "choices": said}),
    "quoted up to the middle of it": CALL_FAULTS["quoted up to the middle of it"],
    "cut": cut,
    "a failed job": a_failed_job,
    "an unknown word": lambda _, said: Answer({"id": "video_1", "status": f"x {said}", "progress": said}),
}


@pytest.mark.heard_by_httpcore("servers here echo the key in their headers, and httpcore logs what it hears")
@pytest.mark.parametrize(
    ("name", "fault"),
    [(name, fault) for name in MEDIA_CALLERS for fault in FAULTS if name in WHOLE or fault in TELLING],
)
def test_a_key_that_the_server_repeats_is_passed_on_to_nobody(name: str, fault: str, server: ScriptedServer) -> None:
    caller = MEDIA_CALLERS[name]
    for said in (KEY, f"{DEFAULT_HEADER}, {CALL_HEADER}" if caller.takes_call_headers else DEFAULT_HEADER):
        server.answer = lambda request, said=said: FAULTS[fault](request, said)
        outcome = caller.run(caller.make(**secrets(base_url=server.url)))
        if fault == "success":
            assert outcome.error is None, outcome.printed
            assert outcome.gave
        search.through(f"{fault}: what it gave", [one for one in outcome.gave if not isinstance(one, VideoJob)])
        for one in outcome.gave:
            if isinstance(one, VideoJob):
                search_through_job(f"{fault}: a job", one)
        outcome.gave.clear()
        search_through(fault, outcome)
    for request in server.requests:
        assert request.headers["authorization"] == f"Bearer {KEY}"
        assert request.headers["x-default"] == DEFAULT_HEADER
        assert request.headers.get("x-call") == (CALL_HEADER if caller.takes_call_headers else None)


def search_through_job(place: str, job: VideoJob) -> None:
    search.shown(place, job)
    search.through(f"{place}, its parts", asdict(job))
    search.through(f"{place}, as JSON", job.to_json())
    search.pickled(f"{place}, pickled", job)
    search.shown(f"{place}, copied", [copy.copy(job), copy.deepcopy(job)])


@each_caller
def test_a_key_that_was_given_as_text_does_not_travel(name: str, server: ScriptedServer) -> None:
    server.answer = media_success
    caller = MEDIA_CALLERS[name]
    subject = caller.make(**secrets(base_url=server.url, default_headers=None))
    if name.startswith("TikHubTranscription"):
        return  # its call headers would be missed first
    outcome = caller.run(pickle.loads(pickle.dumps(subject)))
    assert isinstance(outcome.error, MissingKeyError)
    assert server.requests == []


@each_caller
def test_a_second_gateway_gets_its_own_key_over_the_same_pool(
    name: str, server: ScriptedServer, stranger: ScriptedServer
) -> None:
    server.answer = stranger.answer = media_success
    caller = MEDIA_CALLERS[name]
    theirs = {"api_key": "sk-theirs", "default_headers": {"X-Default": "theirs"}}
    for given in ({"base_url": server.url}, {"base_url": stranger.url, **theirs}):
        assert caller.run(caller.make(**secrets(**given))).error is None
    for request in stranger.requests:
        search.through("what another gateway was sent", {**request.headers, "x-call": ""})
    assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {KEY}"}


@each_caller
@pytest.mark.parametrize("status", [301, 307])
def test_a_redirect_of_the_api_to_another_origin_gets_nothing(
    name: str, status: int, server: ScriptedServer, stranger: ScriptedServer
) -> None:
    """Downloads follow it, with nothing of ours; calls do not."""
    stranger.answer = lambda request: Answer(MP4)
    server.answers = [Answer(b"", status, {"location": f"{stranger.url}/x", "set-cookie": "a=b"})]
    caller = MEDIA_CALLERS[name]
    outcome = caller.run(caller.make(**secrets(base_url=server.url)))
    if "download" in name:
        assert outcome.error is None, outcome.printed
        for request in stranger.requests:
            assert_told_nothing(request)
        return
    assert isinstance(outcome.error, TikHubAIError)
    assert stranger.requests == []


# --- jobs and their results -----------------------------------------------------------------------------------------


@each_way
@pytest.mark.parametrize("model", ["sora-2", "doubao-seedance-1-0-pro", "kling-v2-6", "veo-3.1-generate-001"])
async def test_a_result_at_another_host_is_fetched_with_nothing_of_ours_and_signed_queries_arrive_as_they_are(
    server: ScriptedServer, stranger: ScriptedServer, tmp_path: Path, way: Way, model: str
) -> None:
    server.answer = gateway = Gateway(url=server.url, media=stranger.url, polls=1)
    stranger.answer = lambda request: Answer(MP4, headers={"set-cookie": "session=foreign; Path=/"})
    headers = {"X-Default": DEFAULT_HEADER, "Cookie": f"session={DEFAULT_HEADER}"}
    videos = way.videos(server.url, default_headers=headers)
    job = await way.call(videos, "create", model, "A rabbit", extra_headers=dict(CALL_HEADERS))
    await way.call(job, "result", poll_interval=0.005, timeout=300)
    await way.call(job, "download", tmp_path / "v.mp4")
    assert gateway.creates == 1
    assert bool(stranger.requests) == ("seedance" in model or "kling" in model)
    for request in stranger.requests:
        assert_told_nothing(request)
        assert request.path.endswith("?sig=a+b%2fc")
    for request in server.requests:
        assert ("x-call" in request.headers) == (request is server.requests[0])
    search_through_job("a finished job", job)


@pytest.mark.parametrize("field", ["base_url", "videos", "raw", "fields", "id", "kind"])
def test_no_address_in_a_saved_job_gets_the_key(
    server: ScriptedServer, stranger: ScriptedServer, tmp_path: Path, field: str
) -> None:
    """A job's JSON is data from outside."""
    server.answer = media_success
    stranger.answer = lambda request: Answer(MP4)
    evil: dict[str, Any] = {
        "base_url": stranger.url,
        "videos": [{"url": f"{stranger.url}/v.mp4"}],
        "raw": {"url": f"{stranger.url}/v.mp4"},
        "fields": {"base_url": stranger.url},
        "id": f"{stranger.url}/x?#@",
        "kind": f"{stranger.url}/",
    }
    for status in ("queued", "succeeded"):
        saved = json.dumps({**DONE, "status": status, field: evil[field]})
        try:
            job = Videos(**secrets(base_url=server.url)).load(saved)
            job.result(timeout=0)
            job.download(tmp_path / f"{status}.mp4")
        except TikHubAIError as error:
            search.through("a saved job refused", [str(error), repr(error)])
    for request in stranger.requests:
        assert_told_nothing(request)
    assert all(request.headers["authorization"] == f"Bearer {KEY}" for request in server.requests)


def test_a_create_that_was_lost_holds_no_header(server: ScriptedServer) -> None:
    server.answers = [Answer(b"", 500)]
    with pytest.raises(LostCreateError) as caught:
        Videos(**secrets(base_url=server.url)).create("kling-v2-6", "A rabbit", extra_headers=dict(CALL_HEADERS))
    search.shown("the request of a lost create", caught.value.request)
    search.pickled("a lost create, pickled", caught.value)
    search.through("a lost create", caught.value)


@pytest.mark.parametrize("name", ["api_key", "openai_api_key", "default_headers", "proxy", "base_url", "max_retries"])
def test_a_setting_is_no_field_of_a_video_and_goes_nowhere(server: ScriptedServer, name: str) -> None:
    videos = Videos(**secrets(base_url=server.url))
    given: dict[str, Any] = {name: KEY}
    with pytest.raises(TypeError, match=name) as caught:
        videos.create("kling-v2-6", "A rabbit", **given)
    assert KEY not in str(caught.value)
    assert server.requests == []


def test_the_gateway_that_repeats_the_key_in_a_reason_is_masked(server: ScriptedServer) -> None:
    server.answer = lambda request: a_failed_job(request, KEY)
    job = Videos(**secrets(base_url=server.url)).load(json.dumps({**DONE, "status": "queued"}))
    with pytest.raises(JobFailedError) as caught:
        job.result(timeout=0)
    assert "The model broke at" in str(caught.value)
    search.shown("a failed job's error", caught.value)
    search_through_job("a failed job", job)


# --- agents' tools --------------------------------------------------------------------------------------------------


@pytest.mark.heard_by_httpcore("as above")
@pytest.mark.parametrize("fault", FAULTS)
def test_no_tool_tells_a_model_a_secret(server: ScriptedServer, tmp_path: Path, fault: str) -> None:
    server.answer = lambda request: FAULTS[fault](request, KEY)
    given = secrets(base_url=server.url, folder=tmp_path, models=["grok-4"])
    toolkit, spec = TikHubVideoToolkit(**given), TikHubVideoToolSpec(**given)
    create, check, fetch = toolkit.get_tools()
    create_li, check_li, fetch_li = spec.to_tool_list()
    asked = {"model": "grok-4", "prompt": "A rabbit"}
    said: list[Any] = [create.invoke({"type": "tool_call", "id": "1", "name": "create_video", "args": asked})]
    said.append(create_li.call(**asked))
    for job_id in ("video_1", "other"):
        said.append(check.invoke({"job_id": job_id}))
        said.append(fetch.invoke({"job_id": job_id, "filename": f"lc-{job_id}.mp4"}))
        said.append(check_li.call(job_id=job_id))
        said.append(fetch_li.call(job_id=job_id, filename=f"li-{job_id}.mp4"))
    search.through(f"{fault}: what tools say", [str(one) for one in said])
    search.through(f"{fault}: a tool's message as JSON", said[0].model_dump_json())
    search.shown(f"{fault}: what tools return", said)
    search.shown("tools", [toolkit, spec, *toolkit.get_tools(), *spec.to_tool_list()])
    for request in server.requests:
        assert named_in(request.body) == set()
