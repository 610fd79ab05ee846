"""Which protocol a video model speaks: one pure function and one table."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, cast

from tikhub_ai.apis.jobs.paths import DEFAULT_PATHS
from tikhub_ai.errors import ConfigurationError

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


def codec_of(family: str) -> VideoCodec:
    """The codec of a family."""
    return cast("VideoCodec", import_module(f"tikhub_ai.apis.{checked_family(family)}"))
