"""The arguments of ChatTikHub: other names, what is sent, what identifies a model, what stays secret."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, cast

from tikhub_ai import NATIVE_ARGUMENTS, SecretHeaders, TikHubAIWarning, catalog, split_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_core.language_models import ModelProfile

ALIASES = {
    "model_name": "model",
    "request_timeout": "timeout",
    "default_request_timeout": "timeout",
    "stop_sequences": "stop",
    "max_output_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "max_tokens_to_sample": "max_tokens",
    "tikhub_api_base": "base_url",
    "openai_api_base": "base_url",
    "anthropic_api_url": "base_url",
    "api_base": "base_url",
    "openai_proxy": "proxy",
    "anthropic_proxy": "proxy",
    "additional_headers": "default_headers",
    "candidate_count": "n",
}
"""What other classes call the same argument, so that a swap changes one word."""

SETTINGS = (
    "api_key",
    "base_url",
    "timeout",
    "max_retries",
    "retry_deadline",
    "default_headers",
    "http_client",
    "http_async_client",
    "http_backend",
    "auth_header",
    "verify",
    "proxy",
)
CLIENT = (*SETTINGS, "api", "incomplete_stream")
REQUEST = (
    "model",
    "parallel_tool_calls",
    "max_tokens",
    "temperature",
    "top_p",
    "top_k",
    "stop",
    "reasoning_effort",
    "thinking",
    "thinking_budget",
    "reasoning",
    "seed",
    "n",
    "logprobs",
    "top_logprobs",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "user",
    "modalities",
    "audio",
    "stream_usage",
)
"""Fields of `ChatRequest` that are arguments of the same name, in the constructor and with a call."""
IDENTIFYING = ("base_url", "api", *REQUEST[1:], "request_metadata", "extra_body", "model_kwargs", "streaming")
PROVIDER = "tikhub"
"""Our `model_provider`, equal to `ls_provider`."""
_HEADERS = "extra_headers"


# --- the constructor ------------------------------------------------------------------------------------------------


def constructor_arguments(values: dict[str, Any], fields: set[str]) -> dict[str, Any]:
    """The constructor's arguments by their own names; those not known go to `model_kwargs`, with a warning.

    Args:
        values: As the user gave them; not changed.
        fields: The names of the class's fields.
    """
    known, unknown = split_arguments(values, fields, ALIASES)
    further = dict(known.get("model_kwargs") or {})
    for name in unknown.keys() - NATIVE_ARGUMENTS:
        _warn(f"{name!r} is no argument of ChatTikHub: it goes to model_kwargs, and so to the wire as it is.")
    for name in sorted(fields & further.keys()):
        _warn(f"{name!r} is an argument of its own: it is taken out of model_kwargs.")
        known[name] = further.pop(name)
    return {**known, "model_kwargs": {**further, **unknown}}


def profile(model: str) -> ModelProfile | None:
    """What LangChain's agents and middlewares want to know of a model; None where the catalog does not know it."""
    facts = catalog.facts(model)
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


def combined(outputs: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    """The `llm_output` of several calls: usage added up."""
    out: dict[str, Any] = {}
    for output in outputs:
        for key, value in (output or {}).items():
            out[key] = _sum(out.get(key), value) if key == "token_usage" else value
    return out


def _sum(left: Any, right: Any) -> Any:
    if isinstance(left, dict) and isinstance(right, dict):
        return {key: _sum(left.get(key), right.get(key)) for key in {**left, **right}}
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return left + right
    return left if right is None else right


# --- headers of a call ----------------------------------------------------------------------------------------------


def without_secrets(kwargs: dict[str, Any]) -> dict[str, Any]:
    """A call's arguments for tracers and cache keys: of a header's value only a digest, so that two still differ."""
    return {**kwargs, _HEADERS: SecretHeaders(kwargs[_HEADERS]).digests()} if kwargs.get(_HEADERS) else kwargs


def _warn(text: str) -> None:
    warnings.warn(text, TikHubAIWarning, stacklevel=2)
