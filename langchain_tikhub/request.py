"""A call of ChatTikHub in neutral terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tikhub.history import to_conversation
from langchain_tikhub.tools import response_format_of, tool_choice_of, tool_of
from tikhub_ai import chat_request as in_neutral_terms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_core.messages import BaseMessage

    from tikhub_ai import ChatArgumentsMixin, ChatRequest

_NOT_FOR_THE_WIRE = frozenset({"stream", "ls_structured_output_format", "structured_output_format"})
"""Keywords that LangChain itself reads."""


def chat_request(
    llm: ChatArgumentsMixin, messages: Sequence[BaseMessage], stop: list[str] | None, kwargs: Mapping[str, Any]
) -> ChatRequest:
    """A call in neutral terms: the constructor's arguments, and those of the call, which win.

    Raises:
        ConfigurationError: An argument that only the constructor takes.
        InvalidRequestError: A message that no model can be told.
    """
    call = {name: value for name, value in kwargs.items() if name not in _NOT_FOR_THE_WIRE}
    tools = [tool_of(tool) for tool in call.pop("tools", None) or ()]
    choice = call.pop("tool_choice", None)
    form = response_format_of(call.pop("response_format", None))
    if stop is not None:
        call["stop"] = stop
    return in_neutral_terms(
        to_conversation(messages),
        llm,
        call,
        tools=tools,
        tool_choice=tool_choice_of(choice, tools) if tools else None,
        response_format=form,
        only_constructor=type(llm).model_fields,
    )
