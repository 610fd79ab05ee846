"""Veo's answers: an operation that is done or not, and what it holds at the end.

A filter may hold back all videos or some, and says so in either of two places; an operation may also end with nothing
at all (python-genai#1559). Gateways that convert Veo to other families' answers are read as those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.jobs import answers, walk
from tikhub_ai.apis.jobs.files import file_at
from tikhub_ai.apis.jobs.values import DEEPEST, number, percent, poll_after, text, without_long
from tikhub_ai.video_job import InlineData, JobUpdate, VideoFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tikhub_ai.video_job import VideoRequest
    from tikhub_ai.wire import ApiResponse

_LISTS = ("videos", "generatedSamples", "generatedVideos", "generated_samples", "generated_videos", "predictions")
_INNER = ("generateVideoResponse", "generate_video_response")
_INLINE = ("bytesBase64Encoded", "encodedVideo", "videoBytes", "bytes_base64_encoded")
_ADDRESSES = ("gcsUri", "uri", "videoUri", "url", "video_url", "fileUri")


def decode(response: ApiResponse) -> JobUpdate:
    """What a poll's answer says. See `answers.polled` for what it raises."""
    update = answers.polled(response, read)
    update.status = update.status or ("running" if update.raw_status is None else None)
    return update


def decode_created(response: ApiResponse, request: VideoRequest) -> JobUpdate:
    """The job that a create's answer names. See `answers.created` for what it raises."""
    return answers.created(response, request, read)


def read(payload: dict[str, Any], headers: Mapping[str, str]) -> JobUpdate:
    """What an answer says of a job; nothing of its state while an operation runs."""
    operation = next((layer for layer in walk.layers_of(payload) if _is_operation(layer)), None)
    if operation is None:
        return walk.read(payload, headers)
    metadata = operation.get("metadata")
    update = JobUpdate(
        id=text(operation.get("name")) or None,
        progress=percent(metadata.get("progressPercent", metadata.get("progress")))
        if isinstance(metadata, dict)
        else None,
        poll_after=poll_after(headers),
        raw=without_long(payload),
    )
    error = walk.error_in(operation.get("error"))
    if operation.get("done") is True or error is not None or operation.get("response"):
        update.raw_status = "done"
        _read_end(operation, error, update)
    return update


def _is_operation(layer: dict[str, Any]) -> bool:
    name = layer.get("name")
    return (isinstance(name, str) and "operations/" in name) or isinstance(layer.get("done"), bool) or _has_end(layer)


def _has_end(layer: dict[str, Any]) -> bool:
    response = layer.get("response")
    return isinstance(response, dict) and not any(key in layer for key in ("status", "task_status", "task_id"))


def _read_end(operation: dict[str, Any], error: tuple[str, str | None] | None, update: JobUpdate) -> None:
    response = operation.get("response")
    places = [response] if isinstance(response, dict) else []
    places += [inner for place in list(places) for key in _INNER if isinstance(inner := place.get(key), dict)]
    reasons = [text(item) for place in places for item in _list(place.get("raiMediaFilteredReasons"))]
    held_back = max((int(number(place.get("raiMediaFilteredCount")) or 0) for place in places), default=0)
    why = "; ".join(dict.fromkeys(filter(None, reasons))) or None
    update.videos = [file for place in reversed(places) for file in _files(place)]
    if error is not None:
        update.status, (update.error, update.error_code) = "failed", error
        update.is_blocked = walk.is_blocked(update.error_code, update.error)
    elif update.videos:
        update.status = "succeeded"
        if held_back or why:
            update.notes.append(
                f"A content filter held back {held_back or 'some'} of the videos: {why or 'no reason given'}."
            )
    elif held_back or why:
        update.status, update.is_blocked = "failed", True
        update.error = why or f"a content filter held back {held_back} of the videos, and said no reason"
    else:
        update.status, update.error = "failed", "no video and no reason"


def _files(place: dict[str, Any]) -> Iterator[VideoFile]:
    for key in _LISTS:
        for item in _list(place.get(key)):
            yield from _file(item)
    yield from _file({key: value for key, value in place.items() if key not in _LISTS})


def _file(item: Any, depth: int = 0) -> Iterator[VideoFile]:
    """The file of an item, which may stand deeper, under `video`."""
    if isinstance(item, str):
        if file := file_at(item):
            yield file
        return
    if not isinstance(item, dict):
        return
    mime = text(item.get("mimeType")) or text(item.get("encoding")) or None
    for key in _INLINE:
        if isinstance(data := item.get(key), str) and data:
            yield VideoFile(inline=InlineData(data), mime_type=mime)
            return
    for key in _ADDRESSES:
        if file := file_at(item.get(key), mime_type=mime):
            yield file
            return
    if "video" in item and depth < DEEPEST:
        yield from _file(item["video"], depth + 1)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
