"""What the LlamaIndex contract asks with, and what it listens with."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse
from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llama_index.core.callbacks import CBEventType


def question(text: str = "What is the capital of the UK?") -> list[ChatMessage]:
    return [ChatMessage(role="system", content="Answer in one sentence."), ChatMessage(role="user", content=text)]


async def ask(llm: Any, endpoint: str, *args: Any, **kwargs: Any) -> list[Any]:
    """Everything an endpoint gives, sync or async, plain or streamed."""
    if args and endpoint.endswith("complete") and isinstance(args[0], list):
        args = (args[0][-1].content, *args[1:])
    result = getattr(llm, endpoint)(*args, **kwargs)
    if inspect.isawaitable(result):
        result = await result
    if isinstance(result, AsyncGenerator):
        return [item async for item in result]
    return list(result) if isinstance(result, Generator) else [result]


def text_of(response: ChatResponse | CompletionResponse) -> str:
    return response.text if isinstance(response, CompletionResponse) else response.message.content or ""


@contextmanager
def dispatched() -> Iterator[list[Any]]:
    """The instrumentation events that are dispatched meanwhile."""

    class Handler(BaseEventHandler):
        def handle(self, event: Any, **_: Any) -> None:
            events.append(event)

    events: list[Any] = []
    root = get_dispatcher()
    before = list(root.event_handlers)
    root.add_event_handler(Handler())
    try:
        yield events
    finally:
        root.event_handlers = before


class Callbacks(BaseCallbackHandler):
    """Legacy callbacks, as they come."""

    def __init__(self) -> None:
        super().__init__([], [])
        self.calls: list[tuple[str, CBEventType, dict[str, Any]]] = []

    def on_event_start(
        self, event_type: Any, payload: Any = None, event_id: str = "", parent_id: str = "", **_: Any
    ) -> str:
        self.calls.append(("start", event_type, payload or {}))
        return event_id

    def on_event_end(self, event_type: Any, payload: Any = None, event_id: str = "", **_: Any) -> None:
        self.calls.append(("end", event_type, payload or {}))

    def start_trace(self, trace_id: str | None = None) -> None:
        pass

    def end_trace(self, trace_id: str | None = None, trace_map: Any = None) -> None:
        pass


async def opened(llm: Any, endpoint: str) -> Any:
    prompt: Sequence[ChatMessage] | str = question() if "chat" in endpoint else "Hello"
    result = getattr(llm, endpoint)(prompt)
    return await result if inspect.isawaitable(result) else result


async def each(stream: Any) -> AsyncGenerator[Any, None]:
    if isinstance(stream, AsyncGenerator):
        async for item in stream:
            yield item
    else:
        for item in stream:
            yield item


async def gather(stream: Any, deltas: list[str]) -> None:
    async for item in each(stream):
        deltas.append(item.delta or "")  # noqa: PERF401 - what comes before an error counts
