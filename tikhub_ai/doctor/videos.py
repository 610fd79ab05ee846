"""What of videos can be asked free of charge: jobs that nobody made, so that a served path is told from none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tikhub_ai.apis import videos as videos_codec
from tikhub_ai.apis.jobs.paths import DEFAULT_PATHS, checked_paths
from tikhub_ai.doctor.findings import Finding
from tikhub_ai.doctor.probe import NOBODY, Outcome, Probe, failed, finding, not_asked
from tikhub_ai.errors import AuthenticationError, BadRequestError, NotFoundError
from tikhub_ai.video_families import VideoFamily, codec_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tikhub_ai.wire import ApiRequest, ApiResponse

_SEEDANCE = "contents/generations/tasks"
_VEO = "models/{model}:fetchPredictOperation"
_GEMINIS_HEADER = "x-goog-api-key"
"""TikHub's page on Veo could not be read: whether it takes the key as Gemini's does is unknown."""
_MODEL = "veo-3.1-fast-generate-001"
_OPERATION = f"projects/p/locations/us-central1/publishers/google/models/{_MODEL}/operations/{NOBODY}"
ELSEWHERE: dict[str, tuple[str, ...]] = {
    "seedance": tuple(f"/{mount}/{_SEEDANCE}" for mount in ("seedance/api/v3", "api/v3", "doubao/v3", "volc/v3")),
    "kling.text2video": ("/kling/v1/v1/videos/text2video", "/v1/videos/text2video"),
    "kling.image2video": ("/kling/v1/v1/videos/image2video", "/v1/videos/image2video"),
    "veo.fetch": (f"/v1/{_VEO}", f"/google/v1/{_VEO}", f"/googleapi/google/v1/{_VEO}", "/v1beta/{name}"),
}
"""Where gateways of this kind are known to serve what this one does not serve where we ask."""
_JOBS: tuple[tuple[VideoFamily, str, str], ...] = (
    ("videos", "videos", ""),
    ("seedance", "seedance", ""),
    ("kling", "kling.text2video", "text2video"),
    ("kling", "kling.image2video", "image2video"),
    ("veo", "veo.fetch", ""),
)


def unknown_jobs(probe: Probe) -> Iterator[Finding]:
    """A job of each family that nobody made."""
    whole = checked_paths(probe.paths)
    for family, setting, kind in _JOBS:
        method = "POST" if family == "veo" else "GET"
        thought = f"{method} {whole[setting]}{'' if family == 'veo' else '/{id}'} is served, and knows no such job"
        outcome = _job(probe, family, kind, whole)
        if family == "veo" and isinstance(outcome.error, AuthenticationError):
            other = _job(probe, family, kind, whole, auth_header=_GEMINIS_HEADER)
            if not isinstance(other.error, AuthenticationError) and not probe.is_unserved(other):
                refused = [f"the key is refused as a bearer token and taken in {_GEMINIS_HEADER}"]
                remedy = f'Videos(auth_header="{_GEMINIS_HEADER}")'
                yield finding(f"{setting}: unknown job", thought, refused, setting=remedy)
                continue
        if not probe.is_unserved(outcome):
            yield _of_a_job(f"{setting}: unknown job", thought, probe, outcome, setting)
            continue
        found = _found_elsewhere(probe, family, kind, setting)
        words = f"paths={{{setting!r}: {found or '...'!r}}}"
        missing = failed(f"{setting}: unknown job", thought, probe, outcome, words)
        if found:
            missing.detail += "; it is served elsewhere"
        yield missing


def video_operations(probe: Probe) -> Iterator[Finding]:
    """What else `/v1/videos` has. TikHub's documents name all of it, gateways of its kind do not serve all of it."""
    whole = checked_paths(probe.paths)
    path = whole["videos"]
    yield _listed(probe, path, whole)
    asked: tuple[tuple[str, str, ApiRequest, Callable[[ApiResponse], object]], ...] = (
        (
            "content",
            f"GET {whole['videos.content']}",
            videos_codec.content(NOBODY, paths=whole),
            lambda answer: answer.body[:1],
        ),
        ("delete", f"DELETE {path}/{{id}}", videos_codec.delete(NOBODY, paths=whole), videos_codec.decode_deleted),
    )
    for name, what, request, read in asked:
        outcome = probe.ask(request, read)
        setting = "paths={'videos.content': ...}" if name == "content" else "none: Videos.delete() cannot be used"
        thought = f"{what} is served, and knows no such job"
        yield _of_a_job(f"videos: {name}", thought, probe, outcome, setting)
    yield not_asked("videos: create, remix", "they cost money, and are never tried")


def _listed(probe: Probe, path: str, whole: Mapping[str, str]) -> Finding:
    outcome = probe.ask(videos_codec.list_page(limit=1, paths=whole), videos_codec.decode_list)
    thought = f"GET {path} lists the account's jobs"
    if outcome.error is None:
        return finding("videos: list", thought, [])
    return failed("videos: list", thought, probe, outcome, "none: Videos.list() cannot be used")


def _job(
    probe: Probe, family: VideoFamily, kind: str, paths: Mapping[str, str], *, auth_header: str | None = None
) -> Outcome:
    codec = codec_of(family)
    job = _OPERATION if family == "veo" else NOBODY
    request = codec.get(job, model=_MODEL if family == "veo" else "", kind=kind, paths=paths)
    request.auth_header = auth_header or request.auth_header
    return probe.ask(request, codec.decode)


def _found_elsewhere(probe: Probe, family: VideoFamily, kind: str, setting: str) -> str | None:
    for path in ELSEWHERE.get(setting, ()):
        outcome = _job(probe, family, kind, {**DEFAULT_PATHS, setting: path})
        if isinstance(outcome.error, (NotFoundError, BadRequestError)) and not probe.is_unserved(outcome):
            return path
    return None


def _of_a_job(check: str, thought: str, probe: Probe, outcome: Outcome, setting: str) -> Finding:
    """What was said of a job that nobody made."""
    if outcome.error is None and not outcome.is_page:
        return finding(check, thought, [f"{outcome.status}, as if there were one"])
    if probe.is_unserved(outcome) or not isinstance(outcome.error, (NotFoundError, BadRequestError)):
        return failed(check, thought, probe, outcome, setting)
    said = f"{outcome.status} {outcome.said}"
    if isinstance(outcome.error, NotFoundError):
        return finding(check, thought, [], [said])
    return finding(check, thought, [], [f"{said} (a {type(outcome.error).__name__} here)"])
