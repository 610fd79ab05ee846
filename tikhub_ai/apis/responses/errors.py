"""The errors of POST /v1/responses that come with status 200: in a stream, or as the answer's status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from tikhub_ai.error_bodies import error_from_payload

if TYPE_CHECKING:
    from tikhub_ai.deltas import Accumulator

_OUR_FAULT = ("image", "invalid_prompt", "_policy")
"""In the codes of `ResponseError`: what was sent is at fault, so that sending it again will not help."""
_WITHOUT_WORDS = {"code": "server_error", "message": "the response failed, and no reason was given"}


def raise_error_event(payload: dict[str, Any]) -> NoReturn:
    """Raise an `error` event, whose fields are its own or those of its `error`.

    Raises:
        APIStatusError: Always.
    """
    said = payload.get("error")
    if not said:
        said = {name: payload[name] for name in ("code", "message", "param") if payload.get(name) is not None}
    raise error_from_payload({"error": said or _WITHOUT_WORDS}, {}, status_code=_status(said))


def raise_failed(response: dict[str, Any], into: Accumulator) -> NoReturn:
    """Raise the error that ended a response; what had come of the answer stays with it.

    Raises:
        APIStatusError: Always.
    """
    said = response.get("error") or _WITHOUT_WORDS
    error = error_from_payload({"error": said}, {}, status_code=_status(said))
    if not into.is_empty:
        error.partial = into.reply()
    raise error


def _status(said: Any) -> int | None:
    code = said.get("code") if isinstance(said, dict) else None
    return 400 if isinstance(code, str) and any(word in code for word in _OUR_FAULT) else None
