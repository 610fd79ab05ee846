"""A video job as JSON, to be taken up by another process on another day; and read again, as data from outside.

It holds no key, no header and no inline file. The gateway that it names is told to the caller, and never asked: the key
goes where the client's own settings say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import orjson

from tikhub_ai.apis.jobs.paths import encoded
from tikhub_ai.apis.jobs.values import moment, number, text, without_long
from tikhub_ai.errors import InvalidRequestError
from tikhub_ai.video_families import FAMILIES
from tikhub_ai.video_job import TERMINAL, VideoFile, VideoJobData

if TYPE_CHECKING:
    from tikhub_ai.video_job import JobStatus

VERSION = 1
_MARK = "tikhub_video_job"
_TEXTS = ("kind", "model", "raw_status", "base_url")
_OPTIONAL_TEXTS = ("error", "error_code", "external_task_id")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def to_json(job: VideoJobData) -> str:
    """The job as JSON, with a version number. Files that came inline are left out: save them first."""
    value: dict[str, Any] = {_MARK: VERSION}
    for name in ("id", "family", "status", "progress", "is_blocked", *_TEXTS, *_OPTIONAL_TEXTS):
        value[name] = getattr(job, name)
    value["base_url"] = _without_user(job.base_url)
    value |= {"created_at": job.created_at, "expires_at": job.expires_at}
    value["videos"] = [
        {name: getattr(file, name) for name in ("url", "mime_type", "duration", "kind", "id")}
        for file in job.videos
        if file.url is not None
    ]
    value["fields"], value["raw"] = without_long(job.fields), without_long(job.raw)
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode()


def from_json(data: str | bytes | dict[str, Any], base_url: str) -> VideoJobData:
    """The job that JSON tells.

    Args:
        data: What `to_json` made, perhaps long ago, perhaps changed since.
        base_url: The gateway of the client that takes it up.

    Raises:
        InvalidRequestError: It is cut short, no job, of another version, or of another gateway.
    """
    value = data if isinstance(data, dict) else _parsed(data)
    if not isinstance(value, dict) or _MARK not in value:
        raise InvalidRequestError(f"This is no video job: it is no JSON object with {_MARK!r}. job.save() writes them.")
    if value[_MARK] != VERSION:
        raise InvalidRequestError(
            f"This video job was saved in version {value[_MARK]!r} of its form, and this library reads {VERSION}: "
            "take it up with the version of tikhub-ai that wrote it, or by its id, with videos.get()."
        )
    family, status = value.get("family"), value.get("status", "queued")
    if family not in FAMILIES:
        raise InvalidRequestError(
            f"This video job is of the family {family!r}, which is none of {', '.join(FAMILIES)}."
        )
    if status not in ("queued", "running", *TERMINAL):  # a tuple, since it may be anything
        raise InvalidRequestError(f"This video job has the state {str(status)[:80]!r}, which is not known.")
    encoded(value.get("id"), parts=family == "veo")
    _check_origin(text(value.get("base_url")), base_url)
    progress = number(value.get("progress"))
    fields, raw = value.get("fields"), value.get("raw")
    job = VideoJobData(
        id=cast("str", value.get("id")),
        family=cast("str", family),
        status=cast("JobStatus", status),
        progress=None if progress is None else max(0, min(100, int(progress))),
        is_blocked=value.get("is_blocked") is True,
        videos=_files(value.get("videos")),
        created_at=moment(value.get("created_at")),
        expires_at=moment(value.get("expires_at")),
        fields=fields if isinstance(fields, dict) else {},
        raw=raw if isinstance(raw, dict) else {},
    )
    for name in _TEXTS:
        setattr(job, name, text(value.get(name)))
    for name in _OPTIONAL_TEXTS:
        setattr(job, name, text(value.get(name)) or None)
    return job


def origin_of(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port of an absolute http address; None for all else."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not parts.hostname:
        return None
    return scheme, parts.hostname.lower(), port or _DEFAULT_PORTS[scheme]


def _parsed(data: str | bytes) -> Any:
    try:
        return orjson.loads(data)
    except ValueError:
        size = len(data)
    raise InvalidRequestError(
        f"This video job is no JSON: its {size:,} bytes may have been cut short. Take it up by its id: videos.get()."
    )


def _check_origin(told: str, base_url: str) -> None:
    if told and origin_of(told) != origin_of(base_url):
        raise InvalidRequestError(
            f"This video job was made at {told[:200]}, and this client asks {base_url}. The key goes to no address "
            "that a file names: give base_url= of that gateway to the client, if you trust it."
        )


def _files(value: Any) -> list[VideoFile]:
    items = [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
    return [
        VideoFile(
            url=url,
            mime_type=text(item.get("mime_type")) or None,
            duration=number(item.get("duration")),
            kind=text(item.get("kind")) or "video",
            id=text(item.get("id")) or None,
        )
        for item in items
        if (url := text(item.get("url")))
    ]


def _without_user(url: str) -> str:
    """An address without the user and password that it may hold."""
    scheme, mark, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}" if mark else url
