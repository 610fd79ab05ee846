"""What a LlamaIndex caller asks, in LlamaIndex's and the vendors' words, as the neutral `ChatRequest`. Pure."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from llama_index_tikhub.schemas import response_format_of
from tikhub_ai import NATIVE_ARGUMENTS, ChatRequest, ConfigurationError, Tool, ToolChoice, errors, split_arguments

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tikhub_ai import Message

ALIASES = {
    "additional_headers": "default_headers",
    "api_base": "base_url",
    "async_http_client": "http_async_client",
    "audio_config": "audio",
    "candidate_count": "n",
    "extra_headers": "default_headers",
    "headers": "default_headers",
    "max_completion_tokens": "max_tokens",
    "max_new_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "metadata": "request_metadata",
    "model_kwargs": "additional_kwargs",
    "model_name": "model",
    "request_timeout": "timeout",
    "stop_sequences": "stop",
    "thinking_dict": "thinking",
}
"""The usual names of other classes, and ours for them."""

NEEDLESS = frozenset(
    {
        "api_version",
        "async_openai_client",
        "is_chat_model",
        "openai_client",
        "rate_limiter",
        "reuse_client",
        "tokenizer",
        "verbose",
    }
)
"""Arguments of other classes that have nothing to do here, so that a swap changes one word. Never sent."""

REQUEST_FIELDS = frozenset(field.name for field in fields(ChatRequest)) - {
    "messages",
    "metadata",
    "native",
    "tools",
    "tool_choice",
    "response_format",
    "extra_body",
    "extra_headers",
}
"""What the class and a call have in common, by the same names; the rest needs a word of its own."""


_IN_OTHER_WORDS = frozenset(
    {"tools", "tool_choice", "response_format", "request_metadata", "extra_body", "stream_options"}
)
_SECRET = frozenset({"api_key", "default_headers"})
_KNOWN = REQUEST_FIELDS | _IN_OTHER_WORDS | _SECRET | NEEDLESS


def constructor_arguments(given: Mapping[str, Any], fields: Collection[str]) -> dict[str, Any]:
    """The class's arguments by its own names. Those it does not have go to `additional_kwargs`, with a warning.

    Args:
        given: As the caller wrote them. None says nothing.
        fields: The class's fields.
    """
    known, unknown = split_arguments(_said(given), fields, ALIASES)
    if unknown.get("is_chat_model") is False:
        errors.warn("is_chat_model=False has no effect: every model of the gateway is called by chat.")
    if "rate_limiter" in unknown:
        errors.warn(
            "This version of llama-index-core knows no rate_limiter: it has no effect. Update llama-index-core."
        )
    unknown = {name: value for name, value in unknown.items() if name not in NEEDLESS}
    if strange := sorted(unknown.keys() - NATIVE_ARGUMENTS):
        errors.warn(f"Keywords not known here go to additional_kwargs: {', '.join(strange)}.")
    if unknown:
        known["additional_kwargs"] = {**known.get("additional_kwargs", {}), **unknown}
    return known


def _said(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _keywords(given: Mapping[str, Any], *, is_call: bool) -> dict[str, Any]:
    """A call's keywords, or `additional_kwargs`, by our names.

    Raises:
        ConfigurationError: They hold what is secret.
    """
    known, unknown = split_arguments(_said(given), _KNOWN, ALIASES)
    if found := _SECRET & known.keys():
        raise ConfigurationError(
            f"{' and '.join(sorted(found))} must be given to the class: LlamaIndex copies a call's keywords into its "
            "events, and additional_kwargs into dumps."
        )
    if is_call and (strange := sorted(unknown.keys() - NATIVE_ARGUMENTS)):
        errors.warn(f"Keywords not known here are sent in the request's body as they are: {', '.join(strange)}.")
    return {**known, **unknown}


def chat_request(
    messages: list[Message], settings: Mapping[str, Any], additional: Mapping[str, Any], call: Mapping[str, Any]
) -> ChatRequest:
    """The request. What the call says wins over `additional_kwargs`, and that over the class's own settings.

    Args:
        messages: The conversation.
        settings: The class's settings, by the names of `ChatRequest`.
        additional: The class's `additional_kwargs`: settings by any name, and fields of the wire.
        call: The call's own keywords.

    Raises:
        ConfigurationError: A secret stands where it would leak, or a value has no meaning.
    """
    asked = {**_said(settings), **_keywords(additional, is_call=False), **_keywords(call, is_call=True)}
    asked = {name: value for name, value in asked.items() if name not in NEEDLESS}
    body = asked.pop("extra_body", None) or {}
    _stream_options(asked)
    if isinstance(stop := asked.get("stop"), str):
        asked["stop"] = [stop]
    request = ChatRequest(
        messages=messages,
        tools=[tool_of(tool) for tool in asked.pop("tools", ())],
        tool_choice=tool_choice_of(asked.pop("tool_choice", None)),
        response_format=response_format_of(asked.pop("response_format", None)),
        metadata=asked.pop("request_metadata", None),
        **{name: asked.pop(name) for name in REQUEST_FIELDS & asked.keys()},
    )
    request.native = {name: asked.pop(name) for name in NATIVE_ARGUMENTS & asked.keys()}
    request.extra_body = {**asked, **body} or None
    return request


def _stream_options(asked: dict[str, Any]) -> None:
    """`stream_options`, as people gave it to other classes to get usage: on a plain call the wire refuses it."""
    options = asked.pop("stream_options", None)
    if isinstance(options, dict) and options.get("include_usage") is False:
        asked["stream_usage"] = False


def tool_of(given: Any) -> Tool:
    """A tool: OpenAI's dict, flat as in Responses or not, a provider's own dict, a LlamaIndex tool or a `Tool`."""
    if isinstance(given, Tool):
        return given
    if not isinstance(given, dict):
        given = given.metadata.to_openai_tool(skip_length_check=True)
    function = given.get("function") if isinstance(given.get("function"), dict) else given
    if given.get("type", "function") != "function" or "name" not in function:
        return Tool(raw=given)
    return Tool(
        name=function["name"],
        description=function.get("description") or "",
        parameters=function.get("parameters") or {},
        strict=function.get("strict"),
        options={"cache_control": given["cache_control"]} if "cache_control" in given else None,
    )


def tool_choice_of(given: Any) -> ToolChoice | None:
    """Which tool must be called: a mode, a tool's name, or the dict of OpenAI, Responses or Anthropic."""
    match given:
        case None | ToolChoice():
            return given
        case "auto" | "none" | "required":
            return ToolChoice(given)
        case "any" | {"type": "any"}:
            return ToolChoice("required")
        case {"type": "auto" | "none" | "required" as mode}:
            return ToolChoice(mode)
        case {"type": "function", "function": {"name": str(name)}} | {"type": "function" | "tool", "name": str(name)}:
            return ToolChoice("tool", name)
        case str():
            return ToolChoice("tool", given)
        case dict():
            return ToolChoice(raw=given)
    raise ConfigurationError(f"tool_choice must be a string or a dict, not {type(given).__name__}.")
