"""The files that a job's answer names, wherever it names them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.jobs.values import DEEPEST, number, text
from tikhub_ai.video_job import InlineData, VideoFile

if TYPE_CHECKING:
    from collections.abc import Iterator

_LISTS = ("videos", "video_result", "generated_videos", "outputs", "output", "works", "results", "video_urls", "urls")
"""Keys under which results stand as a list, or as one."""
_HOLDERS = ("task_result", "content", "video", "result", "output", "metadata")
"""Keys of an object with addresses in it."""
_OWN = ("video_url", "url", "download_url")
"""Keys of a video's address, and of its copies' that serve where there is no other."""
_COPIES = ("result_url", "content_url")
_BESIDE = {
    "last_frame": ("last_frame_url",),
    "watermarked": ("watermark_url", "watermarked_url"),
    "thumbnail": ("thumbnail_url", "cover_image_url", "cover_url", "thumbnail"),
    "spritesheet": ("spritesheet_url",),
}
_ADDRESS = re.compile(r"(?:https?://|gs://|data:|/)", re.IGNORECASE)
_DATA_URI = re.compile(r"data:([^;,]*)(?:;[^,]*)?,", re.IGNORECASE)


def files_in(layers: list[dict[str, Any]]) -> list[VideoFile]:
    """The files that an answer names: videos first, what comes beside them after.

    The innermost layer that names a video is the provider's own word; addresses around it lead to the same videos, as
    do further keys of one layer.
    """
    videos: list[VideoFile] = []
    for layer in reversed(layers):
        if videos := _unique(_videos(layer)):
            break
    if not videos:
        videos = _unique(file for keys in (_COPIES, ("fail_reason",)) for file in _copies(layers, keys))[:1]
    if len(videos) == 1 and videos[0].duration is None:
        told = (number(layer.get(key)) for layer in reversed(layers) for key in ("duration", "seconds"))
        videos[0].duration = next((seconds for seconds in told if seconds is not None and seconds > 0), None)
    taken = {file.url for file in videos}
    return videos + [file for file in _unique(_beside(layers)) if file.url not in taken]


def file_at(address: Any, kind: str = "video", mime_type: str | None = None) -> VideoFile | None:
    """The file at an address, or within it where it is a `data:` URI; None where it is no address."""
    if not isinstance(address, str) or not address.strip():
        return None
    address = address.strip()
    if found := _DATA_URI.match(address[:200]):
        return VideoFile(inline=InlineData(address[found.end() :]), mime_type=found.group(1) or mime_type, kind=kind)
    return None if any(map(str.isspace, address)) else VideoFile(address, mime_type=mime_type, kind=kind)


def _videos(layer: dict[str, Any]) -> Iterator[VideoFile]:
    """The videos that a layer names by the first of its keys that names any."""
    for holder in _HOLDERS:
        inner = layer.get(holder)
        if isinstance(inner, dict):
            found = [*_listed(inner), *_single(inner)]
            yield from found
            if found:
                return
    found = list(_listed(layer))
    yield from found
    if not found:
        yield from _single(layer)


def _listed(layer: dict[str, Any]) -> Iterator[VideoFile]:
    for key in (*_LISTS, "data"):
        items = layer.get(key)
        found = [file for item in (items if isinstance(items, list) else [items]) for file in _item(item)]
        yield from found
        if found:
            return


def _item(item: Any) -> Iterator[VideoFile]:
    if isinstance(item, str):
        if _ADDRESS.match(item.strip()) and (file := file_at(item)):
            yield file
    elif isinstance(item, dict):
        for file in _single(item):
            file.id = text(item.get("id")) or None
            yield file


def _single(layer: dict[str, Any], depth: int = 0) -> Iterator[VideoFile]:
    """The video of an object that has one, which may stand deeper, under `video`."""
    for key in _OWN:
        address = layer.get(key)
        if file := file_at(address.get("url") if isinstance(address, dict) else address):
            file.duration = number(layer.get("duration"))
            yield file
            return
    video = layer.get("video")
    if isinstance(video, dict) and depth < DEEPEST:
        yield from _single(video, depth + 1)
    elif isinstance(video, str) and _ADDRESS.match(video.strip()) and (file := file_at(video)):
        yield file


def _copies(layers: list[dict[str, Any]], keys: tuple[str, ...]) -> Iterator[VideoFile]:
    for layer in layers:
        for key in keys:
            address = layer.get(key)
            if isinstance(address, str) and _ADDRESS.match(address.strip()) and (file := file_at(address)):
                yield file


def _beside(layers: list[dict[str, Any]]) -> Iterator[VideoFile]:
    """What comes beside the videos, anywhere that they may stand."""
    for layer in layers:
        places: list[Any] = [layer, *(layer.get(key) for key in _HOLDERS)]
        for place in list(places):
            if isinstance(place, dict):
                for key in _LISTS:
                    items = place.get(key)
                    places += items if isinstance(items, list) else [items]
        for place in places:
            if isinstance(place, dict):
                for kind, keys in _BESIDE.items():
                    for key in keys:
                        if file := file_at(place.get(key), kind):
                            yield file


def _unique(files: Any) -> list[VideoFile]:
    """Each file once. An id stays with the file that it came with."""
    found: dict[Any, VideoFile] = {}
    for file in files:
        found.setdefault(file.url or id(file), file)
    return list(found.values())
