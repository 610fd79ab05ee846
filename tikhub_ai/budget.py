"""How much room a model has for a conversation and its answer, with the settings of a class of ours."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from tikhub_ai import catalog
from tikhub_ai.chat_arguments import ChatArgumentsMixin
from tikhub_ai.errors import silence
from tikhub_ai.precedence import further_of, said_by_constructor
from tikhub_ai.routing import choose_api, needs_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tikhub_ai.apis import ChatCodec


class Budget(NamedTuple):
    """Tokens of one call.

    Attributes:
        context_window: Input and output together. A model that takes less input than its window holds (GPT-5: 272,000
            of 400,000) has the rest of it for the answer alone: it counts as far as the answer's limit goes.
        max_output: The limit of the answer's length that is sent; None where none is. One that we choose leaves half of
            a window that the caller gave.
    """

    context_window: int
    max_output: int | None


def budget_of(owner: ChatArgumentsMixin) -> Budget:
    """The room of a call that says nothing of its own.

    Args:
        owner: An object of a chat class, with what its constructor was given. Its `context_window` counts, where it has
            one and it is set.
    """
    facts = catalog.facts(owner.model)
    api = choose_api(owner.model, owner.api, needs_of(owner))
    codec = cast("ChatCodec", import_module(f"tikhub_ai.apis.{api}"))
    said: int | None = owner.max_tokens
    body: Mapping[str, Any] = {}
    if owner.extra_body or further_of(owner):
        with silence():  # the call itself will say what it has to say
            arguments, body = said_by_constructor(owner)
        said = arguments.get("max_tokens")
    limit = None
    if body:
        written = (_at(body, path) for path in codec.LIMIT_FIELDS)
        limit = next((limit for limit in written if limit is not None), None)
    own_window: int | None = getattr(owner, "context_window", None)
    if limit is None:
        limit = codec.output_limit(said, facts)
        if said is None and limit is not None and own_window is not None:
            limit = min(limit, max(own_window // 2, 1))
    if own_window is not None:
        return Budget(own_window, limit)
    window = facts.context_window
    if facts.max_input_tokens is not None:
        window = min(window, facts.max_input_tokens + (limit or 0))
    return Budget(window, limit)


def _at(body: Mapping[str, Any], path: Sequence[str]) -> int | None:
    value: Any = body
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None
