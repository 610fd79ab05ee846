"""Middlewares for LangChain's agents. They need the package `langchain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

try:
    from langchain.agents.middleware.types import AgentMiddleware
except ModuleNotFoundError as missing:
    raise ImportError("PromptCachingMiddleware is for LangChain's agents: pip install langchain") from missing

from collections.abc import Awaitable, Callable, Sequence

from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, ToolMessage

from langchain_tikhub.chat_models import ChatTikHub
from langchain_tikhub.history import to_conversation
from tikhub_ai import ToolCall, is_called_by_code, model_facts

if TYPE_CHECKING:
    from langchain_core.messages import AnyMessage

_MARKED_FAMILIES = frozenset({"claude"})
"""Models whose prompts are cached where they are marked. GPT, Gemini and DeepSeek cache by themselves."""


class PromptCachingMiddleware(AgentMiddleware):
    """Marks what an agent says again at every step, so that Claude reads it from its cache at a tenth of the price.

    Two marks are set on each call: at the end of the system prompt, which covers the tools before it, and at the end of
    the last message. Other models of `ChatTikHub`, and models of other classes, get their requests unchanged: they
    cache by themselves, or not at all. Marks that the caller set stay.

    Args:
        ttl: How long the cache lives: 5 minutes from its last use, or 1 hour, which costs more to write.
        min_messages_to_cache: Messages that a call must have, the system prompt counted, before it is marked.

    Examples:
        ```python
        from langchain.agents import create_agent
        from langchain_tikhub import ChatTikHub, PromptCachingMiddleware

        agent = create_agent(ChatTikHub(model="claude-sonnet-4-5"), middleware=[PromptCachingMiddleware()])
        ```
    """

    def __init__(self, *, ttl: Literal["5m", "1h"] = "5m", min_messages_to_cache: int = 0) -> None:
        super().__init__()
        self.ttl = ttl
        self.min_messages_to_cache = min_messages_to_cache

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """See `AgentMiddleware`."""
        return handler(self._marked(request))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """See `AgentMiddleware`."""
        return await handler(self._marked(request))

    def _marked(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        model = request.model
        if not isinstance(model, ChatTikHub) or model_facts(model.model).family not in _MARKED_FAMILIES:
            return request
        if len(request.messages) + (request.system_message is not None) < self.min_messages_to_cache:
            return request
        control: dict[str, Any] = {"type": "ephemeral"}
        if self.ttl != "5m":
            control["ttl"] = self.ttl
        said: dict[str, Any] = {}
        if request.system_message is not None:
            said["system_message"] = _with_mark(request.system_message, control)
        if request.messages:
            said["messages"] = _marked_messages(request.messages, control)
        return request.override(**said)


def _marked_messages(messages: Sequence[AnyMessage], control: dict[str, Any]) -> list[AnyMessage]:
    """The messages with a mark on the last. Results of calls that the model's code makes take none: before them."""
    marked = list(messages)
    at = len(marked) - 1
    while at > 0 and _answers_code(marked, at):
        at -= 1
        while at > 0 and isinstance(marked[at], AIMessage):  # with the call
            at -= 1
    marked[at] = _with_mark(marked[at], control)
    return marked


def _answers_code(messages: Sequence[AnyMessage], at: int) -> bool:
    """Whether a message is the result of a call that the model's code makes."""
    result = messages[at]
    if not isinstance(result, ToolMessage):
        return False
    for message in reversed(messages[:at]):
        if isinstance(message, AIMessage) and any(call["id"] == result.tool_call_id for call in message.tool_calls):
            made = [part for said in to_conversation([message]) for part in said.parts if isinstance(part, ToolCall)]
            return any(call.id == result.tool_call_id and is_called_by_code(call) for call in made)
    return False


def _with_mark(message: AnyMessage, control: dict[str, Any]) -> AnyMessage:
    """A copy of a message whose last block is marked; the message itself where it has none, or has a mark."""
    content = message.content
    blocks: list[Any] = [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
    if isinstance(content, str) and not content:
        return message
    if not blocks or any(isinstance(block, dict) and "cache_control" in block for block in blocks):
        return message
    last = blocks[-1]
    blocks[-1] = {**(last if isinstance(last, dict) else {"type": "text", "text": last}), "cache_control": control}
    return message.model_copy(update={"content": blocks})
