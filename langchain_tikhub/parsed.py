"""`additional_kwargs["parsed"]`: what an answer to a schema says, as ChatOpenAI's users read it. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tikhub_ai import InvalidResponseError, printable

if TYPE_CHECKING:
    from tikhub_ai import ChatReply, Choice, ResponseFormat


def parsed(choice: Choice, form: ResponseFormat | None, reply: ChatReply) -> dict[str, Any]:
    """The answer's object, of the class that `response_format` named, or as a dict.

    Args:
        choice: The answer.
        form: What was asked for.
        reply: The whole reply, for the error.

    Returns:
        Empty where no schema was asked for, or the answer is a call, a refusal or no whole JSON.

    Raises:
        InvalidResponseError: The object is none of the class. `.partial` is the answer.
    """
    if form is None or form.type != "json_schema" or choice.tool_calls or choice.refusal or not choice.text:
        return {}
    try:
        value = json.loads(choice.text, strict=False)
    except ValueError:
        return {}
    if form.source is None:
        return {"parsed": value}
    check = getattr(form.source, "model_validate", None) or form.source.parse_obj
    try:
        return {"parsed": check(value)}
    except Exception as error:  # noqa: BLE001 - a validator may raise anything
        fault = str(error).splitlines()[0] if type(error).__name__ == "ValidationError" else type(error).__name__
    raise InvalidResponseError(
        f"The answer is no {form.source.__name__}: {printable(fault)}. It is in this error's `partial`, as it came.",
        request_id=reply.request_id,
        partial=reply,
    )
