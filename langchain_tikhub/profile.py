"""What LangChain is told of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from tikhub_ai import model_facts

if TYPE_CHECKING:
    from langchain_core.language_models import ModelProfile

PROVIDER = "tikhub"
"""Our `model_provider`, equal to `ls_provider`."""


def profile(model: str) -> ModelProfile | None:
    """What LangChain's agents and middlewares want to know of a model; None where the catalog does not know it."""
    facts = model_facts(model)
    if not facts.is_known:
        return None
    out: ModelProfile = {
        "name": model,
        "max_input_tokens": facts.max_input_tokens or facts.context_window,
        "text_inputs": True,
        "image_inputs": "image" in facts.inputs,
        "image_url_inputs": "image" in facts.inputs,
        "pdf_inputs": "file" in facts.inputs,
        "audio_inputs": "audio" in facts.inputs,
        "video_inputs": "video" in facts.inputs,
        "attachment": bool(facts.inputs),
        "text_outputs": True,
        "image_outputs": "image" in facts.outputs,
        "audio_outputs": "audio" in facts.outputs,
        "video_outputs": "video" in facts.outputs,
        "reasoning_output": facts.reasoning,
        "tool_calling": facts.tools,
        "tool_choice": facts.tools and facts.forced_tool_choice,
        "tool_call_streaming": facts.tools,
        "structured_output": facts.structured_output,
        "temperature": "temperature" not in facts.refused,
    }
    if facts.max_output_tokens is not None:
        out["max_output_tokens"] = facts.max_output_tokens
    if facts.reasoning_efforts:
        out["reasoning_effort_levels"] = list(facts.reasoning_efforts)
    if facts.reasoning_effort_default is not None:
        out["reasoning_effort_default"] = facts.reasoning_effort_default
    return _declared(out)


def _declared(profile: ModelProfile) -> ModelProfile:
    """The profile without what this langchain-core does not declare, since it warns of such keys."""
    from langchain_core.language_models import ModelProfile as Declared  # noqa: PLC0415 - loaded by now

    return cast("ModelProfile", {key: value for key, value in profile.items() if key in Declared.__annotations__})
