"""Videos at aimock, which has Seedance, Veo and `/v1/videos`, but no results, no list and no Kling; and Whisper live.

What it has not is tested against `tests/video_gateway.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.scenarios.speech import SPEECH, WORDS, heard
from tests.video_ways import Way, each_way
from tikhub_ai import (
    AuthenticationError,
    JobBlockedError,
    JobCancelledError,
    JobExpiredError,
    TikHubAIError,
    Transcriber,
    VideoJob,
    Videos,
)

if TYPE_CHECKING:
    from local_models import Peer

pytestmark = pytest.mark.peers

PATHS = {"seedance": "/api/v3/contents/generations/tasks", "veo.fetch": "/v1beta/{name}"}
QUICK: dict[str, Any] = {"poll_interval": 0.02, "timeout": 300}


def videos_at(peer: Peer, way: Way, **settings: Any) -> Videos:
    return way.videos(peer.base_url, **{"api_key": peer.api_key, "paths": PATHS} | settings)


@each_way
@pytest.mark.parametrize(
    ("model", "prompt", "url"),
    [
        ("sora-2", "a cat", "https://example.com/cat.mp4"),
        ("doubao-seedance-1-0-pro", "a rabbit in a hat", "https://example.com/rabbit.mp4"),
        ("veo-3.1-generate-001", "a cat", "https://example.com/cat.mp4"),
    ],
)
async def test_a_video_is_made_waited_for_and_taken_up_again(
    aimock: Peer, way: Way, model: str, prompt: str, url: str
) -> None:
    videos = videos_at(aimock, way)
    job = await way.call(videos, "create", model, prompt)
    again: VideoJob = videos_at(aimock, way).load(job.to_json())
    done = await way.call(again, "result", **QUICK)
    assert (done.id, done.status, done.progress, done.urls) == (job.id, "succeeded", 100, [url])


@each_way
@pytest.mark.parametrize(
    ("prompt", "kind"),
    [
        ("a rabbit too late", JobExpiredError),
        ("a rabbit called off", JobCancelledError),
        ("a rabbit that is refused", JobBlockedError),
    ],
)
async def test_a_seedance_job_that_has_no_result_ends_the_wait(
    aimock: Peer, way: Way, prompt: str, kind: type[TikHubAIError]
) -> None:
    job = await way.call(videos_at(aimock, way), "create", "doubao-seedance-1-0-pro", prompt)
    with pytest.raises(kind) as caught:
        await way.call(job, "result", **QUICK)
    assert caught.value.job is job


@each_way
async def test_what_aimock_does_not_serve_is_told_with_its_setting(aimock: Peer, way: Way) -> None:
    with pytest.raises(TikHubAIError, match=r"paths=\{'kling.text2video'"):
        await way.call(videos_at(aimock, way), "create", "kling-v2-6", "a cat")
    with pytest.raises(TikHubAIError, match=r"paths=\{'videos'"):
        await way.list(videos_at(aimock, way))


@each_way
async def test_a_wrong_key_is_an_authentication_error(aimock: Peer, way: Way) -> None:
    with pytest.raises(AuthenticationError):
        await way.call(videos_at(aimock, way, api_key="sk-wrong"), "create", "sora-2", "a cat")


@pytest.mark.parametrize("backend", ["httpx", "aiohttp"])
async def test_whisper_hears_every_word_through_either_library(open_asr: Peer, backend: Any) -> None:
    given = {"api_key": open_asr.api_key, "base_url": open_asr.base_url, "http_backend": backend}
    transcriber = Transcriber(open_asr.model, **given)
    for response_format in ("json", "text", "srt", "vtt", "verbose_json"):
        transcript = await transcriber.atranscribe(SPEECH, response_format=response_format)
        assert heard(transcript.text) == WORDS
    timed = await transcriber.atranscribe(SPEECH, timestamps=("word", "segment"))
    assert [heard(word.word) for word in timed.words] == WORDS.split()
