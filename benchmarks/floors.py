"""The floor: what no client can do without. httpx and orjson alone, and a model of the framework's own over them.

Each reads only the text, the usage and the finish of one wire API, and checks nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import orjson

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

PATHS = {
    "chat_completions": ("/v1/chat/completions", "/v1/chat/completions"),
    "responses": ("/v1/responses", "/v1/responses"),
    "messages": ("/v1/messages", "/v1/messages"),
    "generate_content": (
        "/v1beta/models/gemini-2.5-flash:generateContent",
        "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
    ),
}
"""For a whole answer, and for a stream."""
HEADERS = {"authorization": "Bearer sk-bench", "content-type": "application/json"}


def request_of(api: str, model: str, text: str, *, stream: bool) -> dict[str, Any]:
    """The least body that asks."""
    turns = [{"role": "user", "content": text}]
    match api:
        case "generate_content":
            return {"contents": [{"role": "user", "parts": [{"text": text}]}]}
        case "responses":
            body: dict[str, Any] = {"model": model, "input": turns}
        case "messages":
            body = {"model": model, "max_tokens": 1024, "messages": turns}
        case _:
            body = {"model": model, "messages": turns}
    return body | ({"stream": True} if stream else {})


def _whole_chat_completions(answer: Any) -> tuple[str, int, int]:
    usage = answer["usage"]
    return answer["choices"][0]["message"]["content"], usage["prompt_tokens"], usage["completion_tokens"]


def _whole_responses(answer: Any) -> tuple[str, int, int]:
    usage = answer["usage"]
    return answer["output"][0]["content"][0]["text"], usage["input_tokens"], usage["output_tokens"]


def _whole_messages(answer: Any) -> tuple[str, int, int]:
    usage = answer["usage"]
    return answer["content"][0]["text"], usage["input_tokens"], usage["output_tokens"]


def _whole_generate_content(answer: Any) -> tuple[str, int, int]:
    usage = answer["usageMetadata"]
    text = answer["candidates"][0]["content"]["parts"][0]["text"]
    return text, usage["promptTokenCount"], usage["candidatesTokenCount"]


WHOLE: dict[str, Callable[[Any], tuple[str, int, int]]] = {
    "chat_completions": _whole_chat_completions,
    "responses": _whole_responses,
    "messages": _whole_messages,
    "generate_content": _whole_generate_content,
}


def _text_chat_completions(event: Any) -> str | None:
    choices = event["choices"]
    return choices[0]["delta"].get("content") if choices else None


def _text_responses(event: Any) -> str | None:
    return event["delta"] if event["type"] == "response.output_text.delta" else None


def _text_messages(event: Any) -> str | None:
    return event["delta"]["text"] if event["type"] == "content_block_delta" else None


def _text_generate_content(event: Any) -> str | None:
    text: str | None = event["candidates"][0]["content"]["parts"][0]["text"]
    return text


TEXT: dict[str, Callable[[Any], str | None]] = {
    "chat_completions": _text_chat_completions,
    "responses": _text_responses,
    "messages": _text_messages,
    "generate_content": _text_generate_content,
}


class Floor:
    """httpx and orjson alone.

    Args:
        api: The wire API.
        url: Of the server.
        model: Model name.
    """

    def __init__(self, api: str, url: str, model: str) -> None:
        plain, streamed = PATHS[api]
        self.plain, self.streamed = f"{url}{plain}", f"{url}{streamed}"
        self.model = model
        self.api = api
        # Fewer idle ones than threads, and httpx closes connections that another thread is about to use.
        limits = httpx.Limits(max_connections=1000, max_keepalive_connections=50)
        self.client = httpx.Client(timeout=60, limits=limits)
        self.async_client = httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=None))

    def body(self, text: str, *, stream: bool = False) -> bytes:
        return orjson.dumps(request_of(self.api, self.model, text, stream=stream))

    def ask(self, text: str) -> tuple[str, int, int]:
        answer = self.client.post(self.plain, content=self.body(text), headers=HEADERS)
        return WHOLE[self.api](orjson.loads(answer.content))

    async def aask(self, text: str) -> tuple[str, int, int]:
        answer = await self.async_client.post(self.plain, content=self.body(text), headers=HEADERS)
        return WHOLE[self.api](orjson.loads(answer.content))

    def events(self, text: str) -> Iterator[str]:
        read = TEXT[self.api]
        with self.client.stream("POST", self.streamed, content=self.body(text, stream=True), headers=HEADERS) as answer:
            rest = b""
            for piece in answer.iter_bytes():
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    if line.startswith(b"data: {") and (words := read(orjson.loads(line[6:]))):
                        yield words

    async def aevents(self, text: str) -> AsyncIterator[str]:
        read = TEXT[self.api]
        sent = self.async_client.stream("POST", self.streamed, content=self.body(text, stream=True), headers=HEADERS)
        async with sent as answer:
            rest = b""
            async for piece in answer.aiter_bytes():
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    if line.startswith(b"data: {") and (words := read(orjson.loads(line[6:]))):
                        yield words


def langchain_model(floor: Floor) -> Any:
    """A chat model of LangChain over the floor."""
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import AIMessage, AIMessageChunk
    from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

    def result(answer: tuple[str, int, int]) -> ChatResult:
        text, asked, said = answer
        usage: Any = {"input_tokens": asked, "output_tokens": said, "total_tokens": asked + said}
        message = AIMessage(content=text, usage_metadata=usage, response_metadata={"model_name": floor.model})
        return ChatResult(generations=[ChatGeneration(message=message)])

    class Model(BaseChatModel):
        @property
        def _llm_type(self) -> str:
            return "floor"

        def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
            return result(floor.ask(messages[0].content))

        async def _agenerate(
            self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
        ) -> ChatResult:
            return result(await floor.aask(messages[0].content))

        def _stream(
            self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
        ) -> Iterator[ChatGenerationChunk]:
            for text in floor.events(messages[0].content):
                chunk = ChatGenerationChunk(message=AIMessageChunk(content=text))
                if run_manager is not None:
                    run_manager.on_llm_new_token(text, chunk=chunk)
                yield chunk

    return Model()


def llama_index_model(floor: Floor) -> Any:
    """A model of LlamaIndex over the floor."""
    from llama_index.core.llms import ChatMessage, ChatResponse, CustomLLM, LLMMetadata
    from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback

    def response(text: str, delta: str | None = None) -> ChatResponse:
        return ChatResponse(message=ChatMessage(role="assistant", content=text), delta=delta)

    class Model(CustomLLM):
        @property
        def metadata(self) -> LLMMetadata:
            return LLMMetadata(model_name=floor.model)

        @llm_chat_callback()
        def chat(self, messages: Any, **kwargs: Any) -> ChatResponse:
            return response(floor.ask(messages[0].content)[0])

        @llm_chat_callback()
        async def achat(self, messages: Any, **kwargs: Any) -> ChatResponse:
            return response((await floor.aask(messages[0].content))[0])

        @llm_chat_callback()
        def stream_chat(self, messages: Any, **kwargs: Any) -> Any:
            def items() -> Iterator[ChatResponse]:
                said = ""
                for text in floor.events(messages[0].content):
                    said += text
                    yield response(said, text)

            return items()

        @llm_completion_callback()
        def complete(self, prompt: Any, formatted: bool = False, **kwargs: Any) -> Any:
            raise NotImplementedError

        @llm_completion_callback()
        def stream_complete(self, prompt: Any, formatted: bool = False, **kwargs: Any) -> Any:
            raise NotImplementedError

    return Model()
