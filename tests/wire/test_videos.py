"""Every recorded video job through its life: created, polled, finished, fetched."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.wire.media import MediaExchange, media_recordings
from tests.wire.recordings import needs_recordings
from tikhub_ai.apis.jobs.paths import DEFAULT_PATHS
from tikhub_ai.conversation import media_kind
from tikhub_ai.file_types import file_type
from tikhub_ai.video_families import choose_family, codec_of
from tikhub_ai.video_job import VideoJobData, VideoRequest

pytestmark = needs_recordings
RECORDINGS = media_recordings("videos")


@pytest.mark.parametrize("recording", RECORDINGS)
def test_a_recorded_job_is_followed_from_its_create_to_its_film(recording: list[MediaExchange]) -> None:
    create = recording[0]
    path = urlsplit(create.url).path
    model = create.asked.get("model") or path.rpartition("/")[2].partition(":")[0]
    codec = codec_of(choose_family(model))
    request = VideoRequest(model, "p")
    made = codec.decode_created(create.answer(), request)
    job = VideoJobData(made.id or "", codec.FAMILY, model=model)
    job.take(made)
    assert job.status == "queued"

    paths = {**DEFAULT_PATHS, "veo.fetch": "/v1beta/{name}"}
    polls = [exchange for exchange in recording[1:] if b"ftyp" not in exchange.response.body[:64]]
    polls = [exchange for exchange in polls if exchange.response.status_code < 300]
    seen = []
    for exchange in polls:
        assert codec.get(job.id, model=model, paths=paths).path == urlsplit(exchange.url).path
        job.take(codec.decode(exchange.answer()))
        seen.append((job.status, job.progress or 0))
    assert seen == sorted(seen, key=lambda step: (["queued", "running", "succeeded"].index(step[0]), step[1]))
    assert seen[-1] == ("succeeded", 100)
    assert job.failure() is None
    fetched = recording[len(polls) + 1]
    assert job.urls == [fetched.url]

    film = recording[-1].response.body
    kind = file_type(film)
    assert kind is not None
    assert media_kind(kind.mime_type) == "video"


@pytest.mark.parametrize("recording", [param for param in RECORDINGS if "veo" in str(param.id)])
def test_our_create_is_the_recorded_one(recording: list[MediaExchange]) -> None:
    create = recording[0]
    model = urlsplit(create.url).path.rpartition("/")[2].partition(":")[0]
    asked = create.asked
    prompt = asked["instances"][0]["prompt"]
    request = codec_of("veo").encode(VideoRequest(model, prompt, fields=asked["parameters"]))
    assert (request.path, request.body) == (urlsplit(create.url).path, asked)


@pytest.mark.parametrize("recording", [param for param in RECORDINGS if "xai" in str(param.id)])
def test_a_provider_of_its_own_is_spoken_to_by_the_path_setting(recording: list[MediaExchange]) -> None:
    create = recording[0]
    fields = dict(create.asked)
    paths = {**DEFAULT_PATHS, "videos": urlsplit(create.url).path}
    request = VideoRequest(fields.pop("model"), fields.pop("prompt"), fields=fields)
    sent = codec_of("videos").encode(request, paths)
    assert (sent.path, sent.body) == (urlsplit(create.url).path, create.asked)
