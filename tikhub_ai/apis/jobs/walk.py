"""A job's answer, read by walking known keys: gateways wrap, flatten and rename the same few things.

Eight forms are documented for Kling alone, and any of them may come on any path, since gateways convert between the
families. So there is one walker: it peels the envelopes (`data`, `data.data`), asks each layer for what it knows, and
takes the outer layer's word on the job (its id is the one to ask by) and the inner layer's on the result.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.jobs.files import files_in
from tikhub_ai.apis.jobs.states import state_of
from tikhub_ai.apis.jobs.values import DEEPEST, moment, percent, poll_after, text, without_long
from tikhub_ai.video_job import JobUpdate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tikhub_ai.video_job import JobStatus

_DEEPEST = 4
_IDS = ("task_id", "id", "video_id", "job_id", "generation_id")
_STATES = ("task_status", "status", "state", "job_status")
_REASONS = ("fail_reason", "task_status_msg", "failure_reason", "error_message", "err_msg", "reason", "detail")
_BLOCKED = re.compile(
    r"moderation|sensitive|content[ _-]?(?:policy|filter)|policy[ _]?violation|safety|risk[ _]control|sentinel|"
    r"request (?:was )?blocked|prompt_blocked|prohibited|nsfw|内容.{0,6}违规|敏感|审核",
    re.IGNORECASE,
)
"""What providers say where a filter stopped a job: OpenAI, Ark, Kling, Google and the gateways before them."""
_ADDRESS = re.compile(r"(?:https?://|data:|/)\S+", re.IGNORECASE)


def read(payload: dict[str, Any], headers: Mapping[str, str]) -> JobUpdate:
    """What an answer says of a job.

    Args:
        payload: The answer.
        headers: Its headers, lower case.
    """
    layers = layers_of(payload)
    raw_status = _raw_status(layers)
    status = None if raw_status is None else state_of(raw_status)
    error, code = _error(layers, status)
    files = files_in(layers)
    if status is None and raw_status is None:
        status = "failed" if error else "succeeded" if files else None
    is_over = status in {"failed", "cancelled", "expired"}
    return JobUpdate(
        id=job_id(layers),
        status=status,
        raw_status=raw_status,
        progress=_first(layers, ("progress", "percent", "progress_percent"), percent),
        error=error if is_over else None,
        error_code=code if is_over else None,
        is_blocked=is_over and is_blocked(code, error),
        videos=files,
        model=_first(layers, ("model", "model_name"), _word) or None,
        created_at=_first(layers, ("created_at", "submit_time", "created", "create_time"), moment),
        expires_at=_first(layers, ("expires_at", "expire_at"), moment),
        external_task_id=_external_task_id(layers),
        poll_after=poll_after(headers),
        raw=without_long(payload),
    )


def layers_of(payload: dict[str, Any]) -> list[dict[str, Any]]:
    """The answer and what its envelopes hold, the outermost first. A list of one is what it holds."""
    layers = [payload]
    while len(layers) < _DEEPEST:
        inner = layers[-1].get("data")
        if isinstance(inner, list) and len(inner) == 1:
            inner = inner[0]
        if not isinstance(inner, dict):
            break
        layers.append(inner)
    return layers


def job_id(layers: list[dict[str, Any]]) -> str | None:
    """The id to ask by: the outermost. `request_id` counts only where nothing else is an id, as at xAI."""
    found = next((name for layer in layers for key in _IDS if (name := text(layer.get(key)))), None)
    if found is None and not any(key in layer for layer in layers for key in ("code", *_STATES)):
        found = text(layers[0].get("request_id")) or None
    return found


def is_blocked(code: str | None, reason: str | None) -> bool:
    """Whether a content filter is why a job has no result."""
    return any(_BLOCKED.search(said) for said in (code, reason) if said)


def _raw_status(layers: list[dict[str, Any]]) -> str | None:
    """The state's word: from the outermost layer that is a job by its id, since an envelope may have a `status` too."""
    said = [(layer, word) for layer in layers if (word := _first([layer], _STATES, _word)) is not None]
    named = [word for layer, word in said if any(text(layer.get(key)) for key in _IDS)]
    return named[0] if named else said[-1][1] if said else None


def _first(layers: Iterable[dict[str, Any]], keys: Iterable[str], read_value: Any) -> Any:
    """The first thing that any of the keys says, the outermost layer first; None where none does."""
    keys = tuple(keys)
    for layer in layers:
        for key in keys:
            if key in layer and (found := read_value(layer[key])) is not None:
                return found
    return None


def _word(value: Any) -> str | None:
    return value.strip() if isinstance(value, str) else None


def _error(layers: list[dict[str, Any]], status: JobStatus | None) -> tuple[str | None, str | None]:
    """Why there is no result, and the provider's word for it; empty objects and `code: 0` say nothing."""
    for layer in reversed(layers):
        if (found := error_in(layer.get("error"))) is not None:
            return found
        for key in _REASONS:
            reason = text(layer.get(key)) if not isinstance(layer.get(key), int) else ""
            if reason and not _ADDRESS.fullmatch(reason):
                return reason, _code(layer)
    if status in {"failed", "cancelled", "expired"}:
        for layer in reversed(layers[1:] or layers):
            if (reason := text(layer.get("message")) or text(layer.get("msg"))) and state_of(reason) is None:
                return reason, _code(layer)
    return None, None


def error_in(error: Any, depth: int = 0) -> tuple[str, str | None] | None:
    """The reason and code of a job's `error`, which may be an object, a text, empty, or the sample of a document.

    Args:
        error: The error.
        depth: Of how many others it is a part.
    """
    if depth > DEEPEST:
        return None
    if isinstance(error, str):
        return (error.strip(), None) if error.strip() else None
    if isinstance(error, list):
        return next((found for item in error if (found := error_in(item, depth + 1)) is not None), None)
    if not isinstance(error, dict) or not error:
        return None
    code = _code(error)
    message = next((said for key in ("message", "msg", "reason", "detail") if (said := text(error.get(key)))), "")
    if not message and isinstance(inner := error.get("error"), (dict, str)):
        return error_in(inner, depth + 1)
    if error.get("code") in (0, "0"):  # a set would not take a list
        return None
    return (message or code or "", code) if message or code else None


def _code(layer: dict[str, Any]) -> str | None:
    code = text(layer.get("code")) or text(layer.get("error_code")) or text(layer.get("type"))
    return code if code and code != "0" and state_of(code) is None else None


def _external_task_id(layers: list[dict[str, Any]]) -> str | None:
    for layer in layers:
        info = layer.get("task_info")
        for place in (info if isinstance(info, dict) else {}, layer):
            if found := text(place.get("external_task_id")):
                return found
    return None
