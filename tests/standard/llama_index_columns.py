"""The columns of the LlamaIndex contract: one for each wire API, and for each dialect that differs.

A column knows how its wire says a thing (`Said`), and how to read from a request what the contract asks about.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from llama_index_tikhub import TikHub
from tests.scripted_server import Answer, Request, sse

if TYPE_CHECKING:
    from llama_index.core.llms.function_calling import FunctionCallingLLM

KEY = "sk-canary-3f9a"


@dataclass
class Call:
    """A tool call that the model makes; `arguments` is JSON text."""

    id: str
    name: str
    arguments: str


@dataclass
class Said:
    """What the model says in one answer, in no wire's words."""

    text: str = ""
    reasoning: str = ""
    calls: list[Call] = field(default_factory=list)
    prompt_tokens: int = 78
    completion_tokens: int = 9


class Column(ABC):
    """One wire API, and the class that is put through the contract on it."""

    retries: ClassVar[int] = 2
    """Requests that `max_retries=2` adds where the server always fails."""

    @abstractmethod
    def llm(self, url: str, **settings: Any) -> FunctionCallingLLM:
        """The class under test, talking to a server at `url`. `max_retries` is 0 unless the test says otherwise."""

    @abstractmethod
    def wants_stream(self, request: Request) -> bool:
        """Whether the request asks for a stream."""

    @abstractmethod
    def plain(self, said: Said) -> Answer:
        """A plain answer."""

    @abstractmethod
    def stream(self, said: Said) -> Answer:
        """A streamed answer: text in several pieces, arguments in several pieces, usage."""

    @abstractmethod
    def failure(self, status: int, message: str) -> Answer:
        """An error answer."""

    @abstractmethod
    def failing_stream(self, text: str, message: str) -> Answer:
        """A stream that gives `text`, then an error, and ends."""

    @abstractmethod
    def as_schema(self, request: Request) -> bool:
        """Whether the request asks for text that follows a JSON schema."""

    @abstractmethod
    def texts(self, request: Request) -> list[tuple[str, str]]:
        """Role and text of each message of the request, in order."""

    @abstractmethod
    def tools(self, request: Request) -> list[str]:
        """Names of the tools that the request offers."""

    @abstractmethod
    def replayed(self, request: Request) -> Said:
        """What the request sends back of the model's last answer."""

    @abstractmethod
    def tool_results(self, request: Request) -> dict[str, str]:
        """Tool results of the request, by the call's id."""

    def settings(self, request: Request) -> dict[str, Any]:
        """Where the request says how many tokens the answer may have, and the like."""
        return dict(request.json())

    def answer(self, request: Request, said: Said) -> Answer:
        return self.stream(said) if self.wants_stream(request) else self.plain(said)


class ChatCompletionsColumn(Column):
    """POST /v1/chat/completions as OpenAI speaks it; frames as in the recordings of gpt-4o-mini."""

    model = "gpt-4o-mini"
    wire_model = "gpt-4o-mini-2024-07-18"

    def llm(self, url: str, **settings: Any) -> FunctionCallingLLM:
        given: dict[str, Any] = {"api": "chat_completions", "api_key": KEY, "base_url": url, "max_retries": 0}
        return TikHub(**{"model": self.model} | given | settings)

    def wants_stream(self, request: Request) -> bool:
        return bool(request.json().get("stream"))

    def usage(self, said: Said) -> dict[str, Any]:
        return {
            "prompt_tokens": said.prompt_tokens,
            "completion_tokens": said.completion_tokens,
            "total_tokens": said.prompt_tokens + said.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        }

    def message(self, said: Said) -> dict[str, Any]:
        message: dict[str, Any] = {
            "role": "assistant",
            "content": said.text or None,
            "refusal": None,
            "annotations": [],
        }
        if said.calls:
            message["tool_calls"] = [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                for call in said.calls
            ]
        return message

    def plain(self, said: Said) -> Answer:
        reason = "tool_calls" if said.calls else "stop"
        return Answer(
            {
                "id": "chatcmpl-Dx0XpqH8w09uBXwq1zFGYdETjtnEl",
                "object": "chat.completion",
                "created": 1782955817,
                "model": self.wire_model,
                "choices": [
                    {"index": 0, "message": self.message(said), "logprobs": None, "finish_reason": reason},
                ],
                "usage": self.usage(said),
                "service_tier": "default",
                "system_fingerprint": "fp_d0469e1700",
            },
            headers={"x-request-id": "req_1"},
        )

    def chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        return {
            "id": "chatcmpl-Dx0XpqH8w09uBXwq1zFGYdETjtnEl",
            "object": "chat.completion.chunk",
            "created": 1782955817,
            "model": self.wire_model,
            "service_tier": "default",
            "system_fingerprint": "fp_d0469e1700",
            "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}],
            "usage": None,
            "obfuscation": "C63r",
        }

    def opening(self) -> dict[str, Any]:
        return self.chunk({"role": "assistant", "content": "", "refusal": None})

    def reasoning_chunks(self, said: Said) -> list[dict[str, Any]]:
        return []

    def text_chunks(self, text: str) -> list[dict[str, Any]]:
        return [self.chunk({"content": piece}) for piece in pieces(text)]

    def call_chunks(self, calls: list[Call]) -> list[dict[str, Any]]:
        """The first pieces of all calls in one chunk, as some relays send them; the rest one by one."""
        if not calls:
            return []
        opened = [
            {"index": n, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
            for n, call in enumerate(calls)
        ]
        more = [
            self.chunk({"tool_calls": [{"index": n, "function": {"arguments": piece}}]})
            for n, call in enumerate(calls)
            for piece in pieces(call.arguments)
        ]
        return [self.chunk({"tool_calls": opened}), *more]

    def stream(self, said: Said) -> Answer:
        answer = sse(
            self.opening(),
            *self.reasoning_chunks(said),
            *self.text_chunks(said.text),
            *self.call_chunks(said.calls),
            *self.closing(said),
        )
        answer.headers["x-request-id"] = "req_1"
        return answer

    def answer(self, request: Request, said: Said) -> Answer:
        """OpenAI says usage in a stream only where it is asked to."""
        answer = super().answer(request, said)
        asked = (request.json().get("stream_options") or {}).get("include_usage")
        if isinstance(answer.body, list) and not asked:
            answer.body = [piece for piece in answer.body if b'"choices": []' not in piece]
        return answer

    def closing(self, said: Said) -> list[dict[str, Any]]:
        usage = {**self.chunk({}), "choices": [], "usage": self.usage(said)}
        return [self.chunk({}, "tool_calls" if said.calls else "stop"), usage]

    def failure(self, status: int, message: str) -> Answer:
        kind = "invalid_request_error" if status < 500 else "server_error"
        body = {"error": {"message": message, "type": kind, "param": None, "code": None}}
        return Answer(body, status=status, headers={"retry-after-ms": "1", "x-request-id": "req_1"})

    def failing_stream(self, text: str, message: str) -> Answer:
        error = {"error": {"message": message, "type": "server_error", "param": None, "code": None}}
        return sse(self.opening(), *self.text_chunks(text), error, done=False)

    def as_schema(self, request: Request) -> bool:
        return (request.json().get("response_format") or {}).get("type") == "json_schema"

    def texts(self, request: Request) -> list[tuple[str, str]]:
        return [(message["role"], text_in(message.get("content"))) for message in request.json()["messages"]]

    def tools(self, request: Request) -> list[str]:
        return [tool["function"]["name"] for tool in request.json().get("tools") or ()]

    def replayed(self, request: Request) -> Said:
        message = [message for message in request.json()["messages"] if message["role"] == "assistant"][-1]
        calls = [
            Call(call["id"], call["function"]["name"], call["function"]["arguments"])
            for call in message.get("tool_calls") or ()
        ]
        return Said(text_in(message.get("content")), message.get("reasoning_content") or "", calls)

    def tool_results(self, request: Request) -> dict[str, str]:
        messages = request.json()["messages"]
        return {m["tool_call_id"]: text_in(m["content"]) for m in messages if m["role"] == "tool"}


class DeepSeekColumn(ChatCompletionsColumn):
    """DeepSeek's dialect of chat_completions; frames as in the recordings of deepseek-reasoner."""

    model = "deepseek-reasoner"
    wire_model = "deepseek-reasoner"

    def usage(self, said: Said) -> dict[str, Any]:
        return {
            "prompt_tokens": said.prompt_tokens,
            "completion_tokens": said.completion_tokens,
            "total_tokens": said.prompt_tokens + said.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": 64},
            "completion_tokens_details": {"reasoning_tokens": 4},
            "prompt_cache_hit_tokens": 64,
            "prompt_cache_miss_tokens": said.prompt_tokens - 64,
        }

    def message(self, said: Said) -> dict[str, Any]:
        message = super().message(said) | {"content": said.text}
        return message | {"reasoning_content": said.reasoning or ""}

    def opening(self) -> dict[str, Any]:
        return self.chunk({"role": "assistant", "content": None, "reasoning_content": ""})

    def reasoning_chunks(self, said: Said) -> list[dict[str, Any]]:
        return [self.chunk({"content": None, "reasoning_content": piece}) for piece in pieces(said.reasoning)]

    def text_chunks(self, text: str) -> list[dict[str, Any]]:
        return [self.chunk({"content": piece, "reasoning_content": None}) for piece in pieces(text)]

    def closing(self, said: Said) -> list[dict[str, Any]]:
        last = self.chunk({"content": "", "reasoning_content": None}, "tool_calls" if said.calls else "stop")
        return [{**last, "usage": self.usage(said)}]


def pieces(text: str) -> list[str]:
    """A text in pieces of three characters, as a stream gives it."""
    return [text[start : start + 3] for start in range(0, len(text), 3)]


def text_in(content: Any) -> str:
    if isinstance(content, list):
        return "".join(block.get("text", "") for block in content)
    return content or ""
