"""The answers to a create and to a poll, judged: which are a job, which an error in a 200, which no answer at all."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.jobs import walk
from tikhub_ai.apis.jobs.errors import judge, kling_status, lost_create, made_nothing
from tikhub_ai.error_bodies import error_from_payload, request_id_of
from tikhub_ai.errors import InvalidRequestError, InvalidResponseError, TikHubAIError
from tikhub_ai.wire import ApiRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tikhub_ai.video_job import JobUpdate, VideoRequest
    from tikhub_ai.wire import ApiResponse

_SUCCESS = frozenset({"0", "200", "success", "succeed", "ok", ""})


def creating(path: str, setting: str, request: VideoRequest, **how: Any) -> ApiRequest:
    """The request of a create: never sent again once the server may have acted on it.

    Args:
        path: Where.
        setting: The key of `paths` that says so.
        request: What is asked.
        **how: The `body` or the `form`.
    """
    return ApiRequest(
        path,
        extra_headers=request.extra_headers,
        retry_when_sent=False,
        made_nothing=made_nothing,
        judge=partial(judge, setting=setting, path=path, creates=True, model=request.model),
        **how,
    )


def asking(path: str, setting: str, model: str = "", **how: Any) -> ApiRequest:
    """The request of a poll, or of anything else that makes nothing new."""
    how.setdefault("method", "GET")
    return ApiRequest(path, judge=partial(judge, setting=setting, path=path, model=model), **how)


def check(request: VideoRequest) -> None:
    """Refuse what cannot be a request of any family.

    Raises:
        InvalidRequestError: No model was named, or nothing says what the video shows.
    """
    if not isinstance(request.model, str) or not request.model.strip():
        raise InvalidRequestError("No video model was named: give its name, such as 'kling-v2-6'.")
    if request.prompt is not None and not isinstance(request.prompt, str):
        raise InvalidRequestError(f"prompt must be a text, not a {type(request.prompt).__name__}.")
    asked = (request.prompt or "").strip(), request.image, request.last_image, request.references
    if not any(asked) and not request.fields and not request.extra_body:
        raise InvalidRequestError("Nothing says what the video shows: give a prompt, or an image.")


def created(response: ApiResponse, request: VideoRequest, read: Any = walk.read) -> JobUpdate:
    """The job that a create's answer names.

    Args:
        response: The answer.
        request: What was asked.
        read: What walks the answer.

    Raises:
        APIStatusError: The answer is an error in spite of its status.
        InvalidResponseError: It is a page: the gateway serves no such operation, and made nothing.
        LostCreateError: It names no job, but one may have been made.
    """
    try:
        update = polled(response, read)
        if not update.id:
            raise _no_job(response, "names no job")
    except InvalidResponseError as error:
        lost = lost_create(error, request)
    else:
        update.status = update.status or "queued"
        update.model = update.model or request.model
        update.external_task_id = update.external_task_id or request.external_task_id
        return update
    raise lost


def polled(response: ApiResponse, read: Any = walk.read) -> JobUpdate:
    """What a poll's answer says of the job. A job that failed is a state, whatever `error` it holds.

    Raises:
        APIStatusError: The answer is an error in spite of its status: it names neither a job nor a state.
        InvalidResponseError: It is no answer at all.
    """
    payload = response.json()
    if isinstance(payload, list) and len(payload) == 1:
        payload = payload[0]
    payload = response.object_in(payload)
    update: JobUpdate = read(payload, response.headers)
    if update.id or update.raw_status is not None or update.videos:
        return update
    if (error := error_of(payload, response.headers)) is not None:
        raise error
    if update.status is None:
        raise _no_job(response, "tells nothing of a job")
    return update


def error_of(payload: dict[str, Any], headers: Mapping[str, str]) -> TikHubAIError | None:
    """The error that an answer without a job is: `error`, `success: false`, or Kling's flat code; None where none."""
    code = str(payload.get("code", "")).strip()
    is_error = walk.error_in(payload.get("error")) is not None or payload.get("success") is False
    if not is_error and code.lower() in _SUCCESS:
        return None
    is_kling = code.isdigit() and len(code) == 4
    error = error_from_payload(payload, headers, status_code=kling_status(code) if is_kling else None)
    return judge(error, setting="kling" if is_kling else "", path="")


def _no_job(response: ApiResponse, fault: str) -> InvalidResponseError:
    info = response.info
    return InvalidResponseError(
        f"The gateway answered {response.status_code} with JSON that {fault}: {info.text[:120]!r}.",
        status_code=response.status_code,
        request_id=request_id_of(info.headers),
        response=info,
    )
