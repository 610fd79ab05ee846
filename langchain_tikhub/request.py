"""A call of ChatTikHub in neutral terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tikhub.arguments import ALIASES, REQUEST
from langchain_tikhub.history import to_conversation
from langchain_tikhub.tools import response_format_of, tool_choice_of, tool_of
from tikhub_ai import NATIVE_ARGUMENTS, ChatRequest, ConfigurationError, SecretHeaders, split_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_core.messages import BaseMessage

    from langchain_tikhub.chat_models import ChatTikHub

_OF_A_CALL = frozenset(
    {"tools", "tool_choice", "response_format", "extra_headers", "stream_options"}
    | {"stream", "ls_structured_output_format", "structured_output_format"}  # LangChain's own, not for the wire
)


def chat_request(
    llm: ChatTikHub, messages: Sequence[BaseMessage], stop: list[str] | None, kwargs: Mapping[str, Any]
) -> ChatRequest:
    """A call in neutral terms: the constructor's arguments, and those of the call, which win.

    Raises:
        ConfigurationError: An argument that only the constructor takes.
        InvalidRequestError: A message that no model can be told.
    """
    values: dict[str, Any] = {name: getattr(llm, name) for name in REQUEST}
    values["metadata"] = llm.request_metadata
    further = {**llm.model_kwargs}
    body = {**(llm.extra_body or {})}
    fields = set(type(llm).model_fields)
    said, unknown = split_arguments(kwargs, fields | _OF_A_CALL, ALIASES)
    tools = [tool_of(tool) for tool in said.pop("tools", None) or ()]
    choice = tool_choice_of(said.pop("tool_choice", None), tools) if tools else None
    form = response_format_of(said.pop("response_format", None))
    headers = SecretHeaders.of(said.pop("extra_headers", None))
    if "stream_options" in said:
        values["stream_usage"] = bool((said.pop("stream_options") or {}).get("include_usage", True))
    if "request_metadata" in said:
        values["metadata"] = said.pop("request_metadata")
    further |= unknown | (said.pop("model_kwargs", None) or {})
    native = {name: further.pop(name) for name in NATIVE_ARGUMENTS & further.keys()}
    body = {**further, **body, **(said.pop("extra_body", None) or {})}
    for name, value in said.items():
        if name in values:
            values[name] = value
        elif name in fields:
            raise ConfigurationError(
                f"{name!r} cannot be given with a call: give it to ChatTikHub, or use configurable_fields."
            )
    if stop is not None:
        values["stop"] = stop
    if isinstance(values["stop"], str):
        values["stop"] = [values["stop"]]
    return ChatRequest(
        messages=to_conversation(messages),
        tools=tools,
        tool_choice=choice,
        response_format=form,
        native=native,
        extra_body=body or None,
        extra_headers=headers,
        **values,
    )


def call_timeout(kwargs: dict[str, Any]) -> Any:
    """The timeout given with a call, taken out of its arguments; None where there is none."""
    names = [name for name in kwargs if ALIASES.get(name, name) == "timeout"]
    given = [kwargs.pop(name) for name in names]
    return given[0] if given else None
