"""What a LlamaIndex caller asks, in LlamaIndex's and the vendors' words, as the neutral `ChatRequest`. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index_tikhub.schemas import response_format_of
from tikhub_ai import Tool, read_tool_choice, structure_of
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
    tools = [tool_of(tool) for tool in structure.get("tools", ())]
    return in_neutral_terms(
        messages,
        llm,
        {name: value for name, value in said.items() if name not in _STRUCTURE},
        tools=tools,
        tool_choice=read_tool_choice(structure.get("tool_choice"), [tool.name for tool in tools]),
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
