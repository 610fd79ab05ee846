"""Why an answer ended: the wire's finish reasons in the words that callers of all APIs know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.fields import finish_word
from tikhub_ai.errors import ContentBlockedError, ResponseInfo
from tikhub_ai.json_text import dumps

if TYPE_CHECKING:
    from collections.abc import Mapping

_NUMBERED = {
    1: "STOP",
    2: "MAX_TOKENS",
    3: "SAFETY",
    4: "RECITATION",
    5: "OTHER",
    6: "BLOCKLIST",
    7: "PROHIBITED_CONTENT",
    8: "SPII",
    9: "MALFORMED_FUNCTION_CALL",
}
"""By their number, as Vertex sends them with `enum-encoding=int`."""

_FILTERED = {
    "SAFETY": "its safety filter",
    "RECITATION": "it repeats protected text",
    "BLOCKLIST": "it holds forbidden words",
    "PROHIBITED_CONTENT": "it may hold prohibited content",
    "SPII": "it may hold personal data",
    "MODEL_ARMOR": "Model Armor",
    "LANGUAGE": "it is in a language that is not supported",
    "IMAGE_SAFETY": "the safety filter for images",
    "IMAGE_PROHIBITED_CONTENT": "its image may show prohibited content",
    "IMAGE_RECITATION": "its image repeats a protected one",
}
_WORDS = {"STOP": "stop", "MAX_TOKENS": "length", "FUNCTION_CALL": "tool_calls"} | dict.fromkeys(
    _FILTERED, "content_filter"
)
"""FUNCTION_CALL is no word of Google's, but aimock and some relays send it."""


def raw_reason(reason: Any) -> str:
    """The wire's own word, also where it came as a number."""
    word = _NUMBERED.get(reason) if type(reason) is int else None
    return word or finish_word(reason)


def finish_reason(raw: str, *, has_calls: bool) -> str:
    """The word that all APIs share, where there is one; else the wire's, in lower case."""
    word = _WORDS.get(raw, raw.lower())
    return "tool_calls" if has_calls and word == "stop" else word


def refusal(raw: str, message: Any) -> str | None:
    """What to say for the model where a filter left nothing of its answer; None where no filter did."""
    why = _FILTERED.get(raw)
    if why is None:
        return None
    return message if isinstance(message, str) and message else f"The answer was withheld: {why} ({raw})."


def raise_if_blocked(payload: Mapping[str, Any]) -> None:
    """Raise where the prompt was blocked, so that there is no answer.

    Raises:
        ContentBlockedError: `promptFeedback` says so; `code` is its reason.
    """
    feedback = payload.get("promptFeedback")
    if not isinstance(feedback, dict) or payload.get("candidates"):
        return
    reason = feedback.get("blockReason")
    if not reason or reason == "BLOCKED_REASON_UNSPECIFIED":
        return
    said = feedback.get("blockReasonMessage")
    raise ContentBlockedError(
        f"The prompt was blocked: {reason}. {said or 'Change the prompt, or safety_settings where they did it.'}",
        status_code=400,
        code=str(reason),
        type="prompt_blocked",
        response=ResponseInfo(200, {}, dumps(payload).encode()),
    )
