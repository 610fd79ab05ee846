"""The codec of Seedance: Ark's video tasks (`media_api.md` §5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.jobs.answers import asking, check, creating, polled
from tikhub_ai.apis.jobs.answers import created as decode_created
from tikhub_ai.apis.jobs.fields import convert_fields
from tikhub_ai.apis.jobs.images import check_frames, data_uri
from tikhub_ai.apis.jobs.paths import DEFAULT_PATHS, encoded
from tikhub_ai.conversation import Media

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tikhub_ai.video_job import VideoRequest
    from tikhub_ai.wire import ApiRequest

__all__ = ["FAMILY", "decode", "decode_created", "encode", "get", "kind_of"]

FAMILY = "seedance"

decode = polled


def kind_of(request: VideoRequest) -> str:  # noqa: ARG001 - every codec has it
    """This protocol has one kind of job."""
    return ""


def encode(request: VideoRequest, paths: Mapping[str, str] = DEFAULT_PATHS) -> ApiRequest:
    """The create. Prompt and media become items of `content`, before those that the caller gives there.

    A single image has no role and is the first frame; beside others it says so.

    Raises:
        InvalidRequestError: A field is known to belong to another family, or cannot be what its wire takes.
    """
    check(request)
    check_frames(FAMILY, image=request.image, last_image=request.last_image)
    fields = convert_fields(FAMILY, request.fields)
    items: list[Any] = [{"type": "text", "text": request.prompt}] if request.prompt else []
    has_others = request.last_image is not None or bool(request.references)
    if request.image is not None:
        items.append(_item(request.image, "first_frame" if has_others else None))
    if request.last_image is not None:
        items.append(_item(request.last_image, "last_frame"))
    for reference in request.references:
        kind = reference.kind if isinstance(reference, Media) else "image"
        items.append(_item(reference, f"reference_{kind}"))
    given = fields.pop("content", None)
    items += given if isinstance(given, (list, tuple)) else [] if given is None else [given]
    body = {"model": request.model, "content": items, **fields, **request.extra_body}
    return creating(paths["seedance"], "seedance", request, body=body)


def _item(media: Media | Mapping[str, Any], role: str | None) -> dict[str, Any]:
    """One item of `content`. A mapping is one in the provider's own form, or the inside of one."""
    if not isinstance(media, Media):
        if "type" in media:
            return dict(media)
        item: dict[str, Any] = {"type": "image_url", "image_url": dict(media)}
    else:
        kind = f"{media.kind}_url"
        item = {"type": kind, kind: {"url": data_uri(media)}}
    return {**item, "role": role} if role else item


def get(job_id: str, *, model: str = "", kind: str = "", paths: Mapping[str, str] = DEFAULT_PATHS) -> ApiRequest:  # noqa: ARG001 - every codec has it
    """The poll of a job."""
    return asking(f"{paths['seedance']}/{encoded(job_id)}", "seedance", model)
