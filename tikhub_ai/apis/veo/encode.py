"""Veo's requests: what a video shows in `instances`, how it is made in `parameters`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.jobs.answers import asking, check, creating
from tikhub_ai.apis.jobs.fields import convert_fields
from tikhub_ai.apis.jobs.images import check_frames, mime_of
from tikhub_ai.apis.jobs.paths import DEFAULT_PATHS, filled
from tikhub_ai.conversation import Media
from tikhub_ai.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tikhub_ai.video_job import VideoRequest
    from tikhub_ai.wire import ApiRequest

FAMILY = "veo"

_OF_INSTANCE = ("image", "lastFrame", "referenceImages", "video", "mask")
_MODEL_IN_NAME = re.compile(r"(?:^|/)models/([^/]+)/")


def kind_of(request: VideoRequest) -> str:  # noqa: ARG001 - every codec has it
    """This protocol has one kind of job."""
    return ""


def encode(request: VideoRequest, paths: Mapping[str, str] = DEFAULT_PATHS) -> ApiRequest:
    """The create.

    Raises:
        InvalidRequestError: An image is an http URL, which Vertex does not fetch; a field is known to belong to another
            family, or cannot be what its wire takes.
    """
    check(request)
    check_frames(FAMILY, image=request.image, last_image=request.last_image)
    parameters = convert_fields(FAMILY, request.fields)
    instance: dict[str, Any] = {} if request.prompt is None else {"prompt": request.prompt}
    if request.image is not None:
        instance["image"] = _image(request.image, "image")
    if request.last_image is not None:
        instance["lastFrame"] = _image(request.last_image, "last_image")
    if request.references:
        check_frames(FAMILY, **{f"references[{at}]": item for at, item in enumerate(request.references)})
        instance["referenceImages"] = [_reference(item) for item in request.references]
    instance |= {name: parameters.pop(name) for name in _OF_INSTANCE if name in parameters}
    extra = dict(request.extra_body)
    if isinstance(extra.get("parameters"), dict):
        parameters |= extra.pop("parameters")
    body: dict[str, Any] = {"instances": [instance], **({"parameters": parameters} if parameters else {}), **extra}
    path = filled(paths["veo.generate"], model=_bare(request.model))
    return creating(path, "veo.generate", request, body=body)


def get(job_id: str, *, model: str = "", kind: str = "", paths: Mapping[str, str] = DEFAULT_PATHS) -> ApiRequest:  # noqa: ARG001 - every codec has it
    """The poll of a job: a POST with the operation's name, or a GET where the path holds the name.

    Vertex answers 404 to a GET of an operation (vercel/ai#12003).

    Raises:
        InvalidRequestError: The path needs a model, and neither `model` nor the operation's name tells it.
    """
    path = paths["veo.fetch"]
    named = _MODEL_IN_NAME.search(job_id) if isinstance(job_id, str) else None
    model = _bare(model) or (named.group(1) if named else "")
    if not model and "{model}" in path:
        raise InvalidRequestError(f"Veo's path needs the model too: give model=, such as for {path}.")
    whole = filled(path, model=model or "-", name=job_id, id=_last(job_id))
    if "{name}" in path or "{id}" in path:
        return asking(whole, "veo.fetch", model)
    return asking(whole, "veo.fetch", model, method="POST", body={"operationName": job_id})


def _last(job_id: Any) -> Any:
    return job_id.rpartition("/")[2] if isinstance(job_id, str) else job_id


def _bare(model: str) -> str:
    return model.strip().removeprefix("models/")


def _image(media: Media | Mapping[str, Any], name: str) -> dict[str, Any]:
    if not isinstance(media, Media):
        return dict(media)
    if media.url is None:
        return {"bytesBase64Encoded": media.data, "mimeType": mime_of(media)}
    if media.url.lower().startswith("gs://"):
        return {"gcsUri": media.url, "mimeType": mime_of(media)}
    raise InvalidRequestError(
        f"{name} is an http address, which Veo does not fetch: it takes bytes, or gs:// files of Google Cloud Storage. "
        "Download it and give its path or bytes."
    )


def _reference(media: Media | Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(media, Media) and "image" in media:
        return dict(media)
    return {"image": _image(media, "references"), "referenceType": "asset"}
