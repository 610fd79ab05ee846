"""Which family a model's video goes to, and at which path: a choice and a setting, safe against any id."""

from __future__ import annotations

from typing import Any

import pytest

from tikhub_ai import ConfigurationError, InvalidRequestError
from tikhub_ai.apis import kling, seedance, veo, videos
from tikhub_ai.apis.jobs.paths import DEFAULT_PATHS, checked_paths
from tikhub_ai.video_families import FAMILIES, PREFIXES, choose_family, codec_of, new_job
from tikhub_ai.video_job import JobUpdate, VideoRequest

SORA = VideoRequest("sora-2", "A calico cat playing a piano on stage")
OPERATION = (
    "projects/P/locations/us-central1/publishers/google/models/veo-3.1-generate-001/operations/"
    "a1b07c8e-7b5a-4aba-bb34-3e1ccb8afcc8"
)


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("kling-v2-6", "kling"),
        ("Kling-V3", "kling"),
        ("doubao-seedance-2-0-260128", "seedance"),
        ("dreamina-seedance-2-0", "seedance"),
        ("seedance-1-0-pro-250528", "seedance"),
        ("veo-3.1-generate-001", "veo"),
        ("models/veo-3.1", "veo"),
        ("veo3.1-fast", "veo"),
        ("sora-2", "videos"),
        ("wan-2.6", "videos"),
        ("MiniMax-Hailuo-2.3", "videos"),
        ("a-model-of-tomorrow", "videos"),
        ("", "videos"),
    ],
)
def test_the_family_is_the_calls_else_the_constructors_else_the_models(model: str, family: str) -> None:
    assert choose_family(model) == choose_family(model, None, None) == family
    for other in FAMILIES:
        assert choose_family(model, other, "nonsense") == choose_family(model, None, other) == other


def test_an_unknown_family_is_refused_and_every_prefix_has_a_codec() -> None:
    with pytest.raises(ConfigurationError, match="'videos', 'seedance', 'kling', 'veo'"):
        choose_family("m", "sora")
    for family in {*FAMILIES, *PREFIXES.values()}:
        assert family == codec_of(family).FAMILY


def test_nothing_hangs_on_the_name_sora() -> None:
    for model in ("veo-3.1", "MiniMax-Hailuo-2.3", "doubao-seedance-2-0"):
        request = videos.encode(VideoRequest(model, "p", fields={"seconds": 4}))
        assert request.body == {"model": model, "prompt": "p", "seconds": "4"}


@pytest.mark.parametrize("job_id", ["sora-2:task_01k7", "a/b", "a?b#c", "ä", "a b", "%2e%2e"])
def test_an_id_is_one_part_of_the_path_whatever_it_holds(job_id: str) -> None:
    for request in (
        videos.get(job_id),
        videos.content(job_id),
        videos.delete(job_id),
        videos.remix(job_id, "p", request=SORA),
        seedance.get(job_id),
        kling.get(job_id, kind="text2video"),
    ):
        assert request.path.isascii()
        assert not set(request.path) & set("?# ")
        start = next(path for path in DEFAULT_PATHS.values() if "{" not in path and request.path.startswith(path + "/"))
        assert (
            len(request.path.removeprefix(start + "/").removesuffix("/content").removesuffix("/remix").split("/")) == 1
        )


@pytest.mark.parametrize("job_id", ["", " ", ".", "..", None, 7, "\ud800"])
def test_an_id_that_is_none_or_leads_elsewhere_is_refused(job_id: Any) -> None:
    for ask in (
        videos.get,
        videos.content,
        videos.delete,
        seedance.get,
        lambda name: kling.get(name, kind="text2video"),
    ):
        with pytest.raises(InvalidRequestError):
            ask(job_id)
    with pytest.raises(InvalidRequestError):
        veo.get(job_id, model="m", paths={**DEFAULT_PATHS, "veo.fetch": "/v1beta/{name}"})


def test_a_kling_job_needs_its_kind_and_a_veo_job_its_model() -> None:
    with pytest.raises(InvalidRequestError, match="kind='text2video' or kind='image2video'"):
        kling.get("1")
    with pytest.raises(InvalidRequestError, match="give model="):
        veo.get("operations/1")
    assert veo.get(OPERATION).path == "/v1beta/models/veo-3.1-generate-001:fetchPredictOperation"


def test_veo_is_polled_by_get_where_the_path_holds_the_name() -> None:
    paths = {**DEFAULT_PATHS, "veo.fetch": "/v1beta/{name}"}
    request = veo.get("models/veo-3.1/operations/a b", paths=paths)
    assert (request.method, request.path, request.body) == ("GET", "/v1beta/models/veo-3.1/operations/a%20b", None)
    paths["veo.fetch"] = "/v1/videos/{id}"
    assert veo.get("models/veo-3.1/operations/ab", paths=paths).path == "/v1/videos/ab"
    with pytest.raises(InvalidRequestError, match="another path"):
        veo.get("models/../../admin", model="m", paths={**paths, "veo.fetch": "/v1beta/{name}"})


def test_every_path_is_a_setting_that_the_requests_follow() -> None:
    other = {key: path.replace("/v1", "/x/v9") for key, path in DEFAULT_PATHS.items()}
    other["seedance"] = "/volc/v3/tasks/"
    paths = checked_paths(other)
    assert videos.encode(SORA, paths).path == videos.list_page(paths=paths).path == "/x/v9/videos"
    assert videos.content("a", paths=paths).path == "/x/v9/videos/a/content"
    assert seedance.get("a", paths=paths).path == "/volc/v3/tasks/a"
    assert kling.encode(VideoRequest("k", "p"), paths).path == "/kling/x/v9/videos/text2video"
    assert veo.encode(VideoRequest("models/v", "p"), paths).path == "/x/v9beta/models/v:predictLongRunning"


@pytest.mark.parametrize(
    ("paths", "reason"),
    [
        ({"sora": "/v1"}, "has no key 'sora'"),
        ({"videos": "https://evil.example/v1/videos"}, "below base_url"),
        ({"videos": "//evil.example/v1"}, "below base_url"),
        ({"videos": "v1/videos"}, "below base_url"),
        ({"videos": 7}, "below base_url"),
        ({"videos": "/v1/{model}"}, "only nothing can be filled in"),
        ({"veo.fetch": "/v1/{key}"}, "only {id} and {model} and {name}"),
    ],
)
def test_a_path_that_cannot_be_one_is_refused_at_once(paths: Any, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        checked_paths(paths)


def test_a_page_of_jobs_and_a_variant_are_asked_for_in_the_query() -> None:
    assert videos.list_page(after="a:b", limit=500, order="asc").path == "/v1/videos?after=a%3Ab&limit=100&order=asc"
    assert videos.content("v", variant="thumbnail").path == "/v1/videos/v/content?variant=thumbnail"
    assert videos.content("v").accept == "*/*"


def test_a_new_job_remembers_what_was_asked_but_for_its_images() -> None:
    request = VideoRequest(
        "kling-v3", "p", fields={"duration": 5, "external_task_id": "mine"}, extra_body={"image": "A" * 10_000}
    )
    job = new_job(JobUpdate(id="1", status="queued"), request, "kling", "https://ai.tikhub.io")
    assert (job.id, job.family, job.kind, job.model, job.status) == ("1", "kling", "image2video", "kling-v3", "queued")
    assert job.fields["duration"] == 5
    assert job.fields["image"] == "<10,000 characters left out>"
    assert job.external_task_id == "mine"
