"""The `thinkingConfig` of generateContent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tikhub_ai.errors import warn

if TYPE_CHECKING:
    from tikhub_ai.catalog import ModelFacts
    from tikhub_ai.conversation import ChatRequest

TAKES = frozenset({"reasoning_effort", "reasoning", "thinking", "thinking_budget"})
"""The arguments for it."""
_BUDGET_OF_EFFORT = {
    "none": 0,
    "minimal": 1024,
    "low": 1024,
    "medium": 8192,
    "high": 24576,
    "xhigh": 24576,
    "max": 24576,
}
"""Tokens: what Google's own chat_completions endpoint makes of OpenAI's words."""
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_LEAST = 128
"""Tokens: the least that models take which cannot do without thinking."""


def thinking_config(request: ChatRequest, native: dict[str, Any], facts: ModelFacts) -> dict[str, Any] | None:
    """How much the model thinks and whether it shows it, from whichever of the arguments for that is given.

    `thinking_level` is what Gemini 3 knows, a budget what 2.5 does; the wire refuses both at once, so the most exact
    argument counts: level, then budget, then effort. Thoughts are asked for wherever any of them is, unless it turns
    thinking off.
    """
    level, budget, effort = native.get("thinking_level"), request.thinking_budget, request.reasoning_effort
    said, includes = request.thinking or {}, native.get("include_thoughts")
    if request.reasoning:
        effort = effort or request.reasoning.get("effort")
        if rest := sorted(request.reasoning.keys() - {"effort", "summary"}):
            warn(f"generate_content cannot express reasoning{rest}: only 'effort' and 'summary' are sent.")
    if said.get("type") == "disabled":
        level, budget, effort = None, None, "none"
    elif budget is None:
        budget = said.get("budget_tokens")
    config: dict[str, Any] = {}
    if level is not None:
        config["thinkingLevel"] = str(getattr(level, "value", level)).upper()
        if budget is not None:
            warn("generate_content takes thinking_level or a thinking budget, not both: the budget is not sent.")
    elif budget is not None:
        config["thinkingBudget"] = budget
    elif effort is not None:
        config = _of_effort(effort.lower(), facts)
    if includes is None and (config or said or (request.reasoning or {}).get("summary")):
        includes = (config.get("thinkingBudget") != 0 and (effort != "none" or level is not None)) or None
    if includes is not None:
        config["includeThoughts"] = includes
    if config and facts.is_known and not facts.reasoning:
        if effort != "none" and config.get("thinkingBudget") != 0:
            warn(f"{request.model} does not think: its thinking settings are not sent.")
        return None
    return config or None


def _of_effort(effort: str, facts: ModelFacts) -> dict[str, Any]:
    """OpenAI's word as the model's own: a level near it, or a budget. A word not known goes out as a level."""
    if effort not in _EFFORTS:
        return {"thinkingLevel": effort.upper()}
    if "level" in facts.thinking:
        known = [word for word in _EFFORTS if word in facts.reasoning_efforts] or ["low", "high"]
        wanted = _EFFORTS.index(effort)
        nearest = min(known, key=lambda word: abs(_EFFORTS.index(word) - wanted))
        return {"thinkingLevel": nearest.upper()}
    budget = _BUDGET_OF_EFFORT[effort]
    return {"thinkingBudget": budget or ("disabled" not in facts.thinking and facts.is_known and _LEAST) or 0}
