"""The limit of an answer's length, which this API must be told: the caller's, else one that we choose.

A limit that nobody asked for is never the reason of a refusal: where the conversation leaves less room than it takes,
the request goes out once more with what room there is. (Claude from 4.5 on takes such a request as it is, and ends the
answer at the window's end; the models before it refuse it.)
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from tikhub_ai.errors import warn

if TYPE_CHECKING:
    from tikhub_ai.catalog import ModelFacts
    from tikhub_ai.errors import TikHubAIError
    from tikhub_ai.wire import ApiRequest

LIMIT_FIELDS = (("max_tokens",),)
"""Where a body holds the limit."""

_UNKNOWN = 4096
_TOO_LITTLE_ROOM = re.compile(r"exceed context limit: (\d{1,9}) \+\s+(\d{1,9}) > (\d{1,9})")


def output_limit(said: int | None, facts: ModelFacts) -> int:
    """The limit that is sent: the caller's, else the most that the model can say, else 4096."""
    return facts.max_output_tokens or _UNKNOWN if said is None else said


def with_less(chosen: int, sent: ApiRequest, error: TikHubAIError) -> ApiRequest | None:
    """The request with as much room for the answer as there is, where a 400 says that there is less; else None.

    Args:
        chosen: The limit that we chose. One that the caller wrote into the body stays as it is.
        sent: What was refused.
        error: The refusal: "input length and `max_tokens` exceed context limit: 178959 + 64000 > 200000, ...".
    """
    found = _TOO_LITTLE_ROOM.search(error.message) if getattr(error, "status_code", None) == 400 else None
    if found is None or sent.body.get("max_tokens") != chosen:
        return None
    taken, _, window = map(int, found.groups())
    room = window - taken
    thinking = sent.body.get("thinking")
    budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    if not (budget or 0) < room < chosen:
        return None
    warn(f"The conversation leaves room for {room} tokens of answer: it was asked again with max_tokens={room}.")
    return replace(sent, body={**sent.body, "max_tokens": room})
