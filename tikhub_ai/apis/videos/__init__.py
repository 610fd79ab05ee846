"""The codec of `/v1/videos` (`media_api.md` §4), OpenAI's protocol for Sora, by which gateways serve any model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tikhub_ai.apis.form import form_fields
from tikhub_ai.apis.jobs import walk
from tikhub_ai.apis.jobs.answers import asking, check, creating, polled
from tikhub_ai.apis.jobs.answers import created as decode_created
from tikhub_ai.apis.jobs.fields import convert_fields
from tikhub_ai.apis.jobs.images import check_frames, image_bytes, mime_of
from tikhub_ai.apis.jobs.paths import DEFAULT_PATHS, encoded, filled
from tikhub_ai.conversation import Media
from tikhub_ai.errors import InvalidRequestError, warn
from tikhub_ai.file_types import HEAD
from tikhub_ai.wire import FilePart, FormField, Upload

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tikhub_ai.video_job import JobUpdate, VideoRequest
    from tikhub_ai.wire import ApiRequest, ApiResponse

__all__ = [
    "FAMILY",
    "VARIANTS",
    "content",
    "decode",
    "decode_created",
    "decode_deleted",
    "decode_list",
    "delete",
    "encode",
    "get",
    "kind_of",
    "list_page",
    "remix",
]

FAMILY = "videos"
VARIANTS = ("video", "thumbnail", "spritesheet")
"""What `content` may be asked for; gateways take more."""
MOST_OF_A_PAGE = 100

decode = polled


def kind_of(request: VideoRequest) -> str:  # noqa: ARG001 - every codec has it
    """This protocol has one kind of job."""
    return ""


def encode(request: VideoRequest, paths: Mapping[str, str] = DEFAULT_PATHS) -> ApiRequest:
    """The create: JSON, or a multipart form where an image goes along as a file.

    Raises:
        InvalidRequestError: The protocol cannot express it, or a field is known to belong to another family.
    """
    check(request)
    if request.last_image is not None or request.references:
        name = "last_image" if request.last_image is not None else "references"
        raise InvalidRequestError(
            f"/v1/videos has one image, input_reference, and nothing for {name}=. Where the gateway has a field of its "
            "own for it, give that in extra_body=; or speak the model's own protocol with family=."
        )
    check_frames(FAMILY, image=request.image)
    body: dict[str, Any] = {"model": request.model}
    if request.prompt is not None:
        body["prompt"] = request.prompt
    body |= convert_fields(FAMILY, request.fields)
    image = request.image
    if isinstance(image, Media) and image.url is None:
        return creating(paths["videos"], "videos", request, form=_form(body | dict(request.extra_body), image))
    if image is not None:
        body["input_reference"] = {"image_url": image.url} if isinstance(image, Media) else dict(image)
    return creating(paths["videos"], "videos", request, body=body | dict(request.extra_body))


def _form(body: dict[str, Any], image: Media) -> list[FormField | FilePart]:
    """The form, in the order of OpenAI's client."""
    body.pop("input_reference", None)
    form: list[FormField | FilePart] = []
    for name in ("prompt", "model", *(name for name in body if name not in {"prompt", "model"})):
        form += form_fields(name, body.get(name))
    content, mime = image_bytes(image), mime_of(image)
    name = image.name or f"image.{mime.rpartition('/')[2].replace('jpeg', 'jpg')}"
    form.append(FilePart("input_reference", name, mime, Upload(content, name, len(content), content[:HEAD])))
    return form


def get(job_id: str, *, model: str = "", kind: str = "", paths: Mapping[str, str] = DEFAULT_PATHS) -> ApiRequest:  # noqa: ARG001 - every codec has it
    """The poll of a job."""
    return asking(f"{paths['videos']}/{encoded(job_id)}", "videos", model)


def content(job_id: str, *, variant: str | None = None, paths: Mapping[str, str] = DEFAULT_PATHS) -> ApiRequest:
    """The request for the result itself.

    Args:
        job_id: The job.
        variant: `video`, `thumbnail`, `spritesheet`, or a gateway's own; None is the gateway's default, the video.
        paths: Where.
    """
    query = "" if variant is None else "?" + urlencode({"variant": variant})
    return asking(filled(paths["videos.content"], id=job_id) + query, "videos.content", accept="*/*")


def remix(job_id: str, prompt: str, *, request: VideoRequest, paths: Mapping[str, str] = DEFAULT_PATHS) -> ApiRequest:
    """The request for a new job out of a finished one.

    Args:
        job_id: The job to change.
        prompt: What changes.
        request: What the error is to hold, should the answer be lost; its `extra_body` and headers go along.
        paths: Where.
    """
    if not isinstance(prompt, str) or not prompt.strip():
        raise InvalidRequestError("A remix needs a prompt that says what changes.")
    path = f"{paths['videos']}/{encoded(job_id)}/remix"
    return creating(path, "videos", request, body={"prompt": prompt, **request.extra_body})


def delete(job_id: str, *, paths: Mapping[str, str] = DEFAULT_PATHS) -> ApiRequest:
    """The request to delete a job and its result."""
    return asking(f"{paths['videos']}/{encoded(job_id)}", "videos", method="DELETE")


def decode_deleted(response: ApiResponse) -> bool:
    """Whether the job is deleted. An empty answer says yes.

    Raises:
        APIStatusError: The answer is an error in spite of its status.
        InvalidResponseError: It is neither empty nor a JSON object.
    """
    if not response.body.strip():
        return True
    return response.json_object().get("deleted", True) is not False


def list_page(
    *,
    after: str | None = None,
    limit: int | None = None,
    order: str | None = None,
    paths: Mapping[str, str] = DEFAULT_PATHS,
) -> ApiRequest:
    """The request for one page of the account's jobs.

    Args:
        after: Id of the last job of the page before.
        limit: Most jobs of the page; more than 100 are 100.
        order: `asc` or `desc`, by the time of creation.
        paths: Where.
    """
    asked = {"after": after, "limit": None if limit is None else min(limit, MOST_OF_A_PAGE), "order": order}
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    return asking(f"{paths['videos']}?{query}" if query else paths["videos"], "videos")


def decode_list(response: ApiResponse) -> tuple[list[JobUpdate], str | None]:
    """A page of jobs, and the id after which the next page begins; None where this is the last.

    Raises:
        APIStatusError: The answer is an error in spite of its status.
        InvalidResponseError: It is no JSON object.
    """
    payload = response.json_object()
    data = payload.get("data")
    if isinstance(data, dict):  # some gateways wrap the list once more
        payload, data = data, data.get("data") or data.get("items") or data.get("list")
    items = [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []
    jobs = [job for item in items if (job := walk.read(item, {})).id]
    if len(jobs) < len(items):
        warn(f"{len(items) - len(jobs)} of {len(items)} jobs of the list have no id and are left out.")
    last = payload.get("last_id") or (jobs[-1].id if jobs else None)
    has_more = payload.get("has_more") is True and jobs and isinstance(last, str)
    return jobs, last if has_more else None
