"""Which wire API serves a chat call: one pure function. docs/apis.md has it as a table."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, TypeAlias, get_args

from tikhub_ai import catalog
from tikhub_ai.arguments import asks
from tikhub_ai.errors import ConfigurationError

ChatAPI: TypeAlias = Literal["auto", "chat_completions", "responses", "messages", "generate_content"]
"""The wire API that a chat call uses; `auto` chooses by the model."""

CHAT_APIS: tuple[str, ...] = get_args(ChatAPI)[1:]

_ONLY_CHAT_COMPLETIONS = (
    "n",
    "seed",
    "logit_bias",
    "presence_penalty",
    "frequency_penalty",
    "modalities",
    "audio",
)
"""Settings that chat_completions has and responses has not."""


def needs_of(settings: object) -> frozenset[str]:
    """The settings, of an object with attributes of `ChatRequest`'s names, that responses cannot express."""
    said = [(name, value) for name in _ONLY_CHAT_COMPLETIONS if (value := getattr(settings, name, None)) is not None]
    return frozenset([name for name, value in said if asks(name, value)])


def choose_api(model: str, api: ChatAPI = "auto", needs: Collection[str] = ()) -> str:
    """The wire API that serves a model.

    Args:
        model: Model name.
        api: The user's choice; `auto` follows the catalog: the maker's own protocol where it is known, else
            chat_completions.
        needs: What the settings that hold for every call ask and responses cannot express (see `needs_of`): with
            `auto`, it makes chat_completions the choice for models that responses would serve. What a single call asks
            changes nothing, since a conversation stays on its API.

    Raises:
        ConfigurationError: `api` is not known.
    """
    if api == "auto":
        best = catalog.facts(model).api
        return "chat_completions" if best == "responses" and needs else best
    if api not in CHAT_APIS:
        raise ConfigurationError(f"api={api!r} is not known. Use 'auto' or one of {', '.join(map(repr, CHAT_APIS))}.")
    return api
