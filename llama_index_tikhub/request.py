"""What a LlamaIndex caller asks, in LlamaIndex's and the vendors' words, as the neutral `ChatRequest`. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.tools.types import BaseTool

from llama_index_tikhub.schemas import response_format_of
from llama_index_tikhub.tool_calls import tool_dict
from tikhub_ai import Tool, budget_of, read_tool_choice, structure_of, tools_of
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
    tools = [tool for given in structure.get("tools", ()) for tool in _tools(given)]
    request = in_neutral_terms(
        messages,
        llm,
        {name: value for name, value in said.items() if name not in _STRUCTURE},
        tools=tools,
        tool_choice=read_tool_choice(structure.get("tool_choice"), [tool.name for tool in tools]),
        response_format=response_format_of(structure.get("response_format")),
        warns=True,
    )
    if request.max_tokens is None and getattr(llm, "context_window", None) is not None:
        request.max_tokens = budget_of(llm).max_output  # what `metadata.num_output` says
    return request


def _tools(given: Any) -> list[Tool]:
    """A tool in any form of a provider's, a LlamaIndex tool or a `Tool`, as the functions that it declares."""
    if isinstance(given, Tool):
        return [given]
    return tools_of(tool_dict(given) if isinstance(given, BaseTool) else given)
