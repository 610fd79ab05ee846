"""LlamaIndex's tools as the wire's dicts, and the calls of a response as LlamaIndex's tool selections. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage, MessageRole, ToolCallBlock
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools.types import BaseTool
from pydantic_core import from_json

from llama_index_tikhub.skeleton import calls_in_kwargs, parsed_arguments
from tikhub_ai import strict_schema, warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llama_index.core.base.llms.types import ChatResponse


def tool_dicts(tools: Sequence[Any], *, strict: bool | None) -> list[dict[str, Any]]:
    """Tools in OpenAI's form, as plain dicts, since events copy them. Dicts, in whatever form, stay as they are.

    Args:
        tools: LlamaIndex tools, and dicts in the form of any provider.
        strict: Hold arguments to the schema, for each tool whose schema can be strict. None leaves it to the provider.
    """
    dicts = [tool_dict(tool) if isinstance(tool, BaseTool) else tool for tool in tools]
    for given, tool in zip(tools, dicts, strict=True):
        if strict is None or tool is given:
            continue
        closed = strict_schema(tool["function"]["parameters"]) if strict else None
        if closed is not None:
            tool["function"]["parameters"] = closed
        tool["function"]["strict"] = closed is not None
    return dicts


def tool_dict(tool: BaseTool) -> dict[str, Any]:
    """Core's dict, with what it leaves out of a schema's root: a class that holds itself is nothing but a reference."""
    wire = tool.metadata.to_openai_tool(skip_length_check=True)
    parameters, cls = wire["function"]["parameters"], tool.metadata.fn_schema
    if isinstance(cls, type) and not parameters.get("properties"):
        schema = cls.model_json_schema()
        wire["function"]["parameters"] = parameters | {key: schema[key] for key in _AT_ROOT if key in schema}
    return wire


_AT_ROOT = ("$ref", "anyOf", "oneOf", "allOf")


def messages_with(user_msg: str | ChatMessage | None, chat_history: Sequence[ChatMessage] | None) -> list[ChatMessage]:
    """History and the user's message as a new list."""
    if isinstance(user_msg, str):
        user_msg = ChatMessage(role=MessageRole.USER, content=user_msg)
    return [*(chat_history or ()), *([user_msg] if user_msg is not None else ())]


def only_first_call(response: ChatResponse) -> ChatResponse:
    """The response with its first tool call alone, in its blocks and in its `additional_kwargs` alike."""
    message = response.message
    calls = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if len(calls) <= 1:
        return response
    kwargs = dict(message.additional_kwargs)
    if isinstance(kwargs.get("tool_calls"), list):
        kwargs["tool_calls"] = kwargs["tool_calls"][:1]
    blocks = [block for block in message.blocks if block is calls[0] or not isinstance(block, ToolCallBlock)]
    trimmed = ChatMessage(role=message.role, blocks=blocks, additional_kwargs=kwargs)
    return response.model_copy(update={"message": trimmed})


def tool_selections(response: ChatResponse) -> list[ToolSelection]:
    """The calls of a response, whole or still growing. Asked for at every item of an agent's stream.

    Arguments that still grow are read as far as they go. Those of a whole answer that are no JSON object are not
    guessed at, since the tool would act on half of what the model meant: they are empty, with a warning, and the tool
    reports what is missing.
    """
    blocks = [block for block in response.message.blocks if isinstance(block, ToolCallBlock)]
    if not blocks:
        return [
            ToolSelection(tool_id=call.id, tool_name=call.name, tool_kwargs=parsed_arguments(call.arguments) or {})
            for call in calls_in_kwargs(response.message.additional_kwargs)
        ]
    is_whole = response.raw is not None
    return [
        ToolSelection(
            tool_id=block.tool_call_id or "",
            tool_name=block.tool_name,
            tool_kwargs=_arguments(block, is_whole=is_whole),
        )
        for block in blocks
    ]


def _arguments(block: ToolCallBlock, *, is_whole: bool) -> dict[str, Any]:
    if isinstance(block.tool_kwargs, dict):
        return block.tool_kwargs
    if is_whole:
        arguments = parsed_arguments(block.tool_kwargs)
        if arguments is None:
            warn(f"The arguments of the call of {block.tool_name!r} are no JSON object; the tool gets none.")
        return arguments or {}
    try:
        value = from_json(block.tool_kwargs, allow_partial="trailing-strings")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
