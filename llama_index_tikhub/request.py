"""What a LlamaIndex caller asks, in LlamaIndex's and the vendors' words, as the neutral `ChatRequest`. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index_tikhub.schemas import response_format_of
from tikhub_ai import ConfigurationError, Tool, ToolChoice, structure_of
from tikhub_ai import chat_request as in_neutral_terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tikhub_ai import ChatArgumentsMixin, ChatRequest, Message

_STRUCTURE = frozenset({"tools", "tool_choice", "response_format"})


def chat_request(messages: list[Message], llm: ChatArgumentsMixin, call: Mapping[str, Any]) -> ChatRequest:
    """The request: the class's arguments, and those of the call, which win.

    Args:
        messages: The conversation.
        llm: The model.
        call: The call's own keywords. None says nothing.

    Raises:
        ConfigurationError: An argument that only the constructor takes, or a value that has no meaning.
    """
    said = {name: value for name, value in call.items() if value is not None}
    structure = structure_of(llm, said)
    return in_neutral_terms(
        messages,
        llm,
        {name: value for name, value in said.items() if name not in _STRUCTURE},
        tools=[tool_of(tool) for tool in structure.get("tools", ())],
        tool_choice=tool_choice_of(structure.get("tool_choice")),
        response_format=response_format_of(structure.get("response_format")),
        warns=True,
    )


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
