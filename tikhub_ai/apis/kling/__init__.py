"""The codec of Kling's own protocol (`media_api.md` §6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.jobs.answers import asking, check, creating, polled
from tikhub_ai.apis.jobs.answers import created as decode_created
from tikhub_ai.apis.jobs.fields import convert_fields
from tikhub_ai.apis.jobs.images import bare_base64, check_frames
from tikhub_ai.apis.jobs.paths import DEFAULT_PATHS, encoded
from tikhub_ai.conversation import Media
from tikhub_ai.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tikhub_ai.video_job import VideoRequest
    from tikhub_ai.wire import ApiRequest

__all__ = ["FAMILY", "KINDS", "decode", "decode_created", "encode", "get", "kind_of"]

FAMILY = "kling"
KINDS = ("text2video", "image2video")
"""Ids of the one are not known to the other."""

decode = polled


def kind_of(request: VideoRequest) -> str:
    """`image2video` where an image is given in any way, else `text2video`."""
    named = {name for given in (request.fields, request.extra_body) for name, value in given.items() if value}
    has_image = request.image is not None or request.last_image is not None or named & {"image", "image_tail"}
    return "image2video" if has_image else "text2video"


def encode(request: VideoRequest, paths: Mapping[str, str] = DEFAULT_PATHS) -> ApiRequest:
    """The create. The model goes out as `model_name`: with `model`, Kling falls back to kling-v1 without a word.

    Raises:
        InvalidRequestError: The protocol cannot express it, a field is known to belong to another family, or cannot be
            what its wire takes.
    """
    check(request)
    if request.references:
        raise InvalidRequestError(
            "Kling takes references= neither by text2video nor by image2video: make elements in Kling's console and "
            "name them in element_list=[{'element_id': ...}]."
        )
    check_frames(FAMILY, image=request.image, last_image=request.last_image)
    body: dict[str, Any] = {"model_name": request.model}
    if request.prompt is not None:
        body["prompt"] = request.prompt
    for name, image in (("image", request.image), ("image_tail", request.last_image)):
        if isinstance(image, Media):
            body[name] = bare_base64(image)
        elif image is not None:
            raise InvalidRequestError(f"Kling takes {name} as a URL or base64 alone: give a path, bytes, or a URL.")
    body |= {**convert_fields(FAMILY, request.fields), **request.extra_body}
    setting = f"kling.{kind_of(request)}"
    return creating(paths[setting], setting, request, body=body)


def get(job_id: str, *, model: str = "", kind: str = "", paths: Mapping[str, str] = DEFAULT_PATHS) -> ApiRequest:
    """The poll of a job.

    Raises:
        InvalidRequestError: `kind` is none of Kling's.
    """
    if kind not in KINDS:
        raise InvalidRequestError(
            f"A Kling job is known by its kind too: give kind='text2video' or kind='image2video', not {kind!r}."
        )
    return asking(f"{paths[f'kling.{kind}']}/{encoded(job_id)}", f"kling.{kind}", model)
