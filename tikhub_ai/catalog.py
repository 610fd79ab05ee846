"""Model facts: which API serves a model, its limits, what it takes and gives.

The facts improve defaults. They never refuse a name: a model that is not here gets `ModelFacts`' own defaults.
`catalog.json` is made by `scripts/make_catalog.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Container, Iterable


@dataclass(slots=True, frozen=True)
class ModelFacts:
    """What is known of a model.

    Attributes:
        family: Whose state it can read back: models of one family and API share replayed reasoning.
        api: The wire API that serves it best.
        context_window: Tokens of input and output together.
        max_input_tokens: Most tokens of input, where that is less than the context window.
        max_output_tokens: Most tokens of one answer, or None where nobody said.
        inputs: Kinds of input besides text: `image`, `audio`, `video`, `file`.
        outputs: Kinds of output besides text.
        tools: Whether it calls functions.
        structured_output: Whether it holds an answer to a JSON schema by itself, on `api`.
        reasoning: Whether it can think before it answers.
        reasoning_by_default: Whether it does so where nobody asks.
        reasoning_efforts: How much it can be asked to think, from least to most, in its API's own words: of `none`,
            `minimal`, `low`, `medium`, `high`, `xhigh`, `max`. Empty where it takes no such word.
        reasoning_effort_default: The effort where none is asked for, or None where nobody said.
        thinking: What switches its thinking. Claude: `adaptive` and `budget` (`thinking.type` `adaptive`; `enabled`
            with `budget_tokens`), `effort` (`output_config.effort`), and, where it can be switched off,
            `disabled` or `between_tools` (`thinking.type`). Gemini: `level` or `budget` (`thinkingConfig`), and
            `disabled` where a budget of 0 is taken. DeepSeek: `disabled`.
        system_role: The role that instructions have on chat_completions: `system`, `developer` or `user`.
        max_tokens_field: How chat_completions names the answer's limit for it.
        refused: Request fields that it answers with an error, or ignores, at its default effort.
        refused_while_reasoning: Those that it refuses at any effort but `none`. See `refused_at`.
        exclusive: Request fields of which it takes only one at a time.
        forced_tool_choice: Whether a tool may be forced on it at all. (While it thinks, on no Claude; on DeepSeek's
            thinking models, again once thinking is switched off.)
        prefill: Whether a conversation may end with the beginning of its answer.
        later_system: Whether a system message may stand within a conversation on messages, and not at its start alone.
        flat_content: Whether its messages must be one string where they hold only text.
        is_known: Whether the catalog names it.
    """

    family: str = ""
    api: str = "chat_completions"
    context_window: int = 128_000
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    tools: bool = True
    structured_output: bool = False
    reasoning: bool = False
    reasoning_by_default: bool = False
    reasoning_efforts: tuple[str, ...] = ()
    reasoning_effort_default: str | None = None
    thinking: tuple[str, ...] = ()
    system_role: str = "system"
    max_tokens_field: str = "max_tokens"
    refused: tuple[str, ...] = ()
    refused_while_reasoning: tuple[str, ...] = ()
    exclusive: tuple[str, ...] = ()
    forced_tool_choice: bool = True
    prefill: bool = True
    later_system: bool = False
    flat_content: bool = False
    is_known: bool = False

    def refused_at(self, effort: str | None) -> tuple[str, ...]:
        """The request fields that it refuses at a reasoning effort.

        Args:
            effort: The effort that is asked for, or None for the model's default.
        """
        if effort is None or not self.refused_while_reasoning:
            return self.refused
        always = tuple(name for name in self.refused if name not in self.refused_while_reasoning)
        return always if effort == "none" else always + self.refused_while_reasoning


FIELDS = tuple(field.name for field in fields(ModelFacts))

_LONGEST_NAME = 200
"""Characters: a longer name, which only a broken server sends, is nobody's."""
_REGION = re.compile(r"^[a-z]{2,}\.(?=(?:gemini|gemma)-)")
"""Where a Gemini is served, as Vertex writes it before the name."""
_CUT = re.compile(r"[-@:]")
_SAME_MODEL = re.compile(
    # A date or build, a channel, or a word by which relays set the effort, after the model's own name.
    # Possessive: of "-123-456" each part could be read in two ways, and a long name in as many as it likes.
    r"(?:-(?:\d{3,}|latest|preview|exp|beta|fast|(?:no)?thinking|none|minimal|low|medium|x?high|max)(?:-\d+)*+)*+"
    r"(?:[@:].*)?"
)


@cache
def _catalog() -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads(files("tikhub_ai").joinpath("catalog.json").read_bytes())
    return document


def family(model: str) -> str:
    """The model's family: the letters its own name begins with, such as `deepseek` or `gpt`."""
    name = _REGION.sub("", model.rsplit("/", 1)[-1].lower())
    found = re.match(r"[a-z]+", name)
    return found.group() if found else name


@lru_cache(maxsize=256)
def facts(model: str) -> ModelFacts:
    """What is known of a model; sane defaults where nothing is.

    A name that the catalog lists has the facts listed there, as has its dated or otherwise pinned form
    (`claude-sonnet-4-5-20990101`). Another has what the rules say of names like it.

    Args:
        model: Model name, with or without a vendor's prefix such as `openai/`.
    """
    name = plain_name(model)
    catalog = _catalog()
    listed = listed_name(name, catalog["models"])
    known = catalog["models"][listed] if listed else by_rules(name, catalog["rules"])
    if known is None:
        return ModelFacts(family=family(model))
    values: dict[str, Any] = {"family": family(model), "is_known": True}
    for key, value in known.items():
        if key in FIELDS:
            values[key] = tuple(value) if isinstance(value, list) else value
    return ModelFacts(**values)


def plain_name(model: str) -> str:
    """The name as the catalog writes it: lower case, no vendor, and hyphens in a Claude's version."""
    name = _REGION.sub("", model.rsplit("/", 1)[-1].lower())
    return name.replace(".", "-") if name.startswith("claude") else name


def listed_name(name: str, models: Container[str]) -> str | None:
    """The listed model that a name means: itself, or the longest beginning of which it is a pinned form."""
    if name in models:
        return name
    if len(name) > _LONGEST_NAME:
        return None
    for cut in reversed(list(_CUT.finditer(name))):
        start = name[: cut.start()]
        if start in models and _SAME_MODEL.fullmatch(name, cut.start()):
            return start
    return None


def by_rules(name: str, rules: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """What the rules that match a name say together, later ones over earlier ones; None where none matches."""
    known: dict[str, Any] | None = None
    for rule in rules:
        if any(matches(name, pattern) for pattern in rule["match"]):
            known = {**(known or {}), **rule}
    return known


def matches(name: str, pattern: str) -> bool:
    """Whether a name is the pattern, or, where that has a `*`, begins as it does and holds what is after the `*`."""
    head, star, part = pattern.partition("*")
    return name.startswith(head) and part in name[len(head) :] if star else name == pattern
