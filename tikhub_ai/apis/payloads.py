"""The JSON of an event, as all wire APIs send it, and what gateways make of it."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import orjson

from tikhub_ai.error_bodies import error_from_payload, error_in_body
from tikhub_ai.errors import InvalidResponseError

_NO_JSON = object()


def payloads_of(data: bytes) -> list[Any]:
    """The JSON values of one event's data: one, or several where a relay forgot the blank line between two events.

    `[DONE]` is none of them: see `says_done`.

    Raises:
        InvalidResponseError: It is no JSON.
    """
    try:
        payload = orjson.loads(data)
    except ValueError:
        payload = _NO_JSON
    # Outside the handler: orjson's exception holds the whole event, and errors made there would hold it.
    return [payload] if payload is not _NO_JSON else _joined(data)


def _joined(data: bytes) -> list[Any]:
    lines = data.split(b"\n")
    try:
        payloads = [orjson.loads(line) for line in lines if line and line.strip() != b"[DONE]"]
    except ValueError:
        payloads = None
    if payloads is None:
        raise InvalidResponseError(f"An event of the stream is no JSON: {data[:80]!r}.")
    return payloads


def says_done(data: bytes) -> bool:
    """Whether an event's data is, or ends with, the `[DONE]` that some gateways put at every stream's end."""
    return data.endswith(b"[DONE]") and (len(data) == 6 or data[-7:-6] == b"\n")


def raise_error_in(payload: dict[str, Any]) -> None:
    """Raise the error that a payload is, whichever shape it has; return where it is none.

    Raises:
        APIStatusError: It is an error.
    """
    if ("error" in payload or "success" in payload) and (error := error_in_body(payload)) is not None:
        raise error_from_payload(error, {})


def made_id(prefix: str, *seed: Any) -> str:
    """An id where the wire has none: the same in every decoding of one answer, another in every answer."""
    return prefix + blake2b("/".join(map(str, seed)).encode(), digest_size=12).hexdigest()


def number(value: Any) -> int:
    """A count, which may be missing, null, a float or a string."""
    try:
        return int(value or 0)
    except (TypeError, ValueError):
        return 0
