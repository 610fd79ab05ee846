"""A call of ChatTikHub in neutral terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage

from langchain_tikhub.history import to_conversation
from langchain_tikhub.tools import neutral_tools, response_format_of, tool_choice_of
from tikhub_ai import chat_request as in_neutral_terms
from tikhub_ai import model_facts, structure_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_core.messages import BaseMessage

    from tikhub_ai import ChatArgumentsMixin, ChatRequest

_NOT_FOR_THE_WIRE = frozenset({"stream", "ls_structured_output_format", "structured_output_format"})
"""Keywords that LangChain itself reads."""
_STRUCTURE = frozenset({"tools", "tool_choice", "response_format"})


def chat_request(
    llm: ChatArgumentsMixin, messages: Sequence[BaseMessage], stop: list[str] | None, kwargs: Mapping[str, Any]
) -> ChatRequest:
    """A call in neutral terms: the constructor's arguments, and those of the call, which win.

    Raises:
        ConfigurationError: An argument that only the constructor takes.
        InvalidRequestError: A message that no model can be told.
    """
    call = {name: value for name, value in kwargs.items() if name not in _NOT_FOR_THE_WIRE}
    structure, strict = structure_of(llm, call), call.pop("strict", None)
    tools = neutral_tools(structure.get("tools", ()), strict)
    choice, form = structure.get("tool_choice"), structure.get("response_format")
    if stop is not None:
        call["stop"] = stop
    reuses = call.pop("reuse_last_container", getattr(llm, "reuse_last_container", None))
    if reuses and (container := _last_container(messages)):
        given = call.get("container", (getattr(llm, "model_kwargs", None) or {}).get("container"))
        if given is None:
            call["container"] = container
        elif isinstance(given, dict) and "id" not in given:
            call["container"] = {"id": container, **given}
    return in_neutral_terms(
        to_conversation(messages),
        llm,
        {name: value for name, value in call.items() if name not in _STRUCTURE},
        tools=tools,
        tool_choice=tool_choice_of(choice, tools) if tools else None,
        response_format=response_format_of(form, strict=model_facts(call.get("model") or llm.model).family == "gpt"),
        only_constructor=type(llm).model_fields,
    )


def _last_container(messages: Sequence[BaseMessage]) -> str | None:
    """The id of the container that the last answer's code ran in, as Claude's answers say it; None where none did."""
    for message in reversed(messages):
        said = message.response_metadata.get("container") if isinstance(message, AIMessage) else None
        container = said.get("id") if isinstance(said, dict) else None
        if isinstance(container, str):
            return container
    return None
