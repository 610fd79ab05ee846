"""Model facts: which API serves a model, its limits, what it takes and gives.

The facts improve defaults. They never refuse a name: a model that is not here gets `ModelFacts`' own defaults.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import orjson


@dataclass(slots=True, frozen=True)
class ModelFacts:
    """What is known of a model.

    Attributes:
        family: Whose state it can read back: models of one family and API share replayed reasoning.
        api: The wire API that serves it best.
        context_window: Tokens of input and output together.
        max_output_tokens: Most tokens of one answer, or None where nobody said.
        inputs: Kinds of input besides text: `image`, `audio`, `video`, `file`.
        outputs: Kinds of output besides text.
        tools: Whether it calls functions.
        structured_output: Whether it holds an answer to a JSON schema by itself.
        reasoning: Whether it thinks before it answers.
        system_role: The role that instructions have on chat_completions: `system`, `developer` or `user`.
        max_tokens_field: How chat_completions names the answer's limit for it.
        refused: Request fields that it answers with an error.
        forced_tool_choice: Whether a tool may be forced on it.
        flat_content: Whether its messages must be one string where they hold only text.
        is_known: Whether the catalog names it.
    """

    family: str = ""
    api: str = "chat_completions"
    context_window: int = 128_000
    max_output_tokens: int | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    tools: bool = True
    structured_output: bool = False
    reasoning: bool = False
    system_role: str = "system"
    max_tokens_field: str = "max_tokens"
    refused: tuple[str, ...] = ()
    forced_tool_choice: bool = True
    flat_content: bool = False
    is_known: bool = False


_NAMES = frozenset(field.name for field in fields(ModelFacts))


@cache
def _rules() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    document = orjson.loads(files("tikhub_ai").joinpath("catalog.json").read_bytes())
    return [
        (
            re.compile(rule["match"]),
            {key: tuple(value) if isinstance(value, list) else value for key, value in rule.items() if key in _NAMES},
        )
        for rule in document["rules"]
    ]


def family(model: str) -> str:
    """The model's family: the letters its own name begins with, such as `deepseek` or `gpt`."""
    name = model.rsplit("/", 1)[-1].lower()
    found = re.match(r"[a-z]+", name)
    return found.group() if found else name


@lru_cache(maxsize=256)
def facts(model: str) -> ModelFacts:
    """What is known of a model; sane defaults where nothing is.

    Args:
        model: Model name, with or without a vendor's prefix such as `openai/`.
    """
    name = model.rsplit("/", 1)[-1].lower()
    known: dict[str, Any] = {"family": family(model)}
    for pattern, said in _rules():
        if pattern.match(name):
            known |= {"is_known": True, **said}
    return ModelFacts(**known)
