"""What the encoders of several wire APIs do alike with the fields of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tikhub_ai.errors import warn

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from tikhub_ai.conversation import ChatRequest

_NEUTRAL = {
    "temperature": 1,
    "top_p": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "n": 1,
    "logprobs": False,
    "top_logprobs": 0,
    "logit_bias": {},
    "modalities": ["text"],
    "parallel_tool_calls": False,  # what LlamaIndex always asks, and what models without the field do anyway
}
"""Values that ask for nothing: dropping them where a model refuses the field changes nothing, so nobody is warned."""


def put_unless_refused(body: dict[str, Any], name: str, value: Any, refused: Container[str], model: str) -> None:
    """Put a field into a body where it was said and the model takes it; warn where it does not."""
    if value is None:
        return
    if name not in refused:
        body[name] = value
    elif value != _NEUTRAL.get(name):
        warn(f"{model} refuses {name!r}: {name}={value!r} is not sent.")


def warn_of_missing(api: str, request: ChatRequest, names: Iterable[str]) -> None:
    """Warn of the arguments that an API has no field for, where they were said and ask for something."""
    for name in names:
        value = getattr(request, name)
        if value is not None and value != _NEUTRAL.get(name):
            warn(f"{api} has no {name!r}: {name}={value!r} is not sent.")
