"""Which protocol a video model speaks: one pure function and one table."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, cast

from tikhub_ai.apis.jobs.paths import DEFAULT_PATHS
from tikhub_ai.apis.jobs.values import without_long
from tikhub_ai.errors import ConfigurationError
from tikhub_ai.video_job import VideoJobData

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tikhub_ai.video_job import JobUpdate, VideoRequest
    from tikhub_ai.wire import ApiRequest, ApiResponse

VideoFamily: TypeAlias = Literal["videos", "seedance", "kling", "veo"]
"""A protocol of video jobs, by the name of its codec."""

FAMILIES: tuple[VideoFamily, ...] = ("videos", "seedance", "kling", "veo")
PREFIXES: dict[str, VideoFamily] = {
    "kling": "kling",
    "doubao-seedance": "seedance",
    "dreamina-seedance": "seedance",
    "seedance": "seedance",
    "veo": "veo",
}
"""How the names of models begin whose makers have a protocol of their own. All others go to `/v1/videos`, by which
gateways serve any model, these among them: then `family="videos"` says so."""


class VideoCodec(Protocol):
    """What the module of a family holds."""

    FAMILY: str

    def kind_of(self, request: VideoRequest) -> str:
        """The kind of job that it makes, which the job must remember; empty where there is one."""

    def encode(self, request: VideoRequest, paths: Mapping[str, str] = DEFAULT_PATHS) -> ApiRequest:
        """The create. Raises InvalidRequestError where the wire cannot carry it."""

    def get(
        self, job_id: str, *, model: str = "", kind: str = "", paths: Mapping[str, str] = DEFAULT_PATHS
    ) -> ApiRequest:
        """The poll. Raises InvalidRequestError where more than the id is needed."""

    def decode_created(self, response: ApiResponse, request: VideoRequest) -> JobUpdate:
        """The new job. Raises LostCreateError where one may have been made but none is named."""

    def decode(self, response: ApiResponse) -> JobUpdate:
        """What a poll's answer says. Raises APIStatusError where it is an error in a 200, else InvalidResponseError."""


def choose_family(model: str, *given: str | None) -> VideoFamily:
    """The protocol to speak to a model.

    Args:
        model: Model name.
        *given: What the caller says, the call before the constructor; None leaves it to the next.

    Raises:
        ConfigurationError: What the caller says is no family.
    """
    for family in given:
        if family is not None:
            return checked_family(family)
    name = model.strip().lower().removeprefix("models/") if isinstance(model, str) else ""
    return next((family for prefix, family in PREFIXES.items() if name.startswith(prefix)), "videos")


def checked_family(family: Any) -> VideoFamily:
    """The family that a name is.

    Raises:
        ConfigurationError: It is none.
    """
    if family not in FAMILIES:
        raise ConfigurationError(f"family={family!r} is not known. Use one of {', '.join(map(repr, FAMILIES))}.")
    return cast("VideoFamily", family)


def new_job(update: JobUpdate, request: VideoRequest, family: str, base_url: str) -> VideoJobData:
    """The job that a create made.

    Args:
        update: What the create's answer says, decoded.
        request: What was asked. The job keeps it without images, since answers do not repeat all of it.
        family: The family that was asked.
        base_url: The gateway.
    """
    job = VideoJobData(
        update.id or "",
        family,
        codec_of(family).kind_of(request),
        request.model,
        external_task_id=request.external_task_id,
        base_url=base_url,
        fields=without_long({"prompt": request.prompt, **request.fields, **request.extra_body}),
    )
    job.take(update)
    return job


def codec_of(family: str) -> VideoCodec:
    """The codec of a family."""
    return cast("VideoCodec", import_module(f"tikhub_ai.apis.{checked_family(family)}"))
