"""Each feature in LlamaIndex's words, the four ways to ask, and where an answer holds what was said."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import (
    AudioBlock,
    CacheControl,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool

from llama_index_tikhub import TikHub
from tests.matrix import asked
from tests.matrix.said import Outcome

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatResponse

    from tests.matrix.columns import Column
    from tests.matrix.features import Feature
    from tests.matrix.server import Server
    from tests.matrix.ways import Way

NAME = "LlamaIndex"


def weather(city: str) -> str:
    """The weather in a city."""
    return asked.RESULTS[city]


_TOOLS = [FunctionTool.from_defaults(weather)]
_BY_SCHEMA = {"json_schema": True, "function_calling": False}


def made(server: Server, model: str, **settings: Any) -> TikHub:
    """The class under test."""
    clients = {"http_client": server.client, "http_async_client": server.async_client}
    return TikHub(model, api_key="sk-test", max_retries=0, **clients, **settings)


@cache
def _shared(server: Server, model: str, api: str, by_schema: bool | None) -> TikHub:
    return made(server, model, api=api, should_use_structured_outputs=by_schema)


def llm(server: Server, model: str, api: str, feature: Feature) -> TikHub:
    """Calls differ in their keywords alone, but for how an object is asked for, which is a setting."""
    return _shared(server, model, api, _BY_SCHEMA.get(feature.name))


# --- what is asked --------------------------------------------------------------------------------------------------


def _user(*blocks: Any) -> ChatMessage:
    return ChatMessage(role=MessageRole.USER, blocks=list(blocks))


_QUESTION = ChatMessage(role=MessageRole.USER, content=asked.QUESTION)
_WORDS = TextBlock(text=asked.QUESTION)
_CALL = ToolCallBlock(tool_call_id="call_1", tool_name="weather", tool_kwargs={"city": "Paris"})
_FAILED = {"tool_call_id": "call_1", "is_error": True}
_MESSAGES: dict[str, list[ChatMessage]] = {
    "system": [ChatMessage(role=MessageRole.SYSTEM, content=asked.SYSTEM), _QUESTION],
    "multi-turn": [
        ChatMessage(role=MessageRole.USER, content=asked.BEFORE),
        ChatMessage(role=MessageRole.ASSISTANT, content=asked.BETWEEN),
        _QUESTION,
    ],
    "tool error": [
        _QUESTION,
        ChatMessage(role=MessageRole.ASSISTANT, blocks=[_CALL]),
        ChatMessage(role=MessageRole.TOOL, content=asked.FAILURE, additional_kwargs=_FAILED),
    ],
    "json_mode": [ChatMessage(role=MessageRole.USER, content=asked.QUESTION + " Answer in JSON.")],
    "image": [
        _user(
            _WORDS,
            ImageBlock(url=asked.PICTURE_URL),
            ImageBlock(image=asked.PNG.encode(), image_mimetype="image/png"),
        )
    ],
    "PDF": [_user(_WORDS, DocumentBlock(data=asked.PDF.encode(), document_mimetype="application/pdf"))],
    "audio in": [_user(_WORDS, AudioBlock(audio=asked.WAV.encode(), format="wav"))],
    "video in": [_user(_WORDS, VideoBlock(video=asked.MP4.encode(), video_mimetype="video/mp4"))],
    "cache": [_user(_WORDS, CachePoint(cache_control=CacheControl(type="ephemeral")))],
    "cited documents": [
        _user(CitableBlock(title=asked.DOCUMENT_TITLE, source="", content=[TextBlock(text=asked.DOCUMENT)]), _WORDS)
    ],
}
_WITH_TOOLS: dict[str, dict[str, Any]] = {
    "tools": {},
    "parallel": {"allow_parallel_tool_calls": True},
    "forced": {"tool_required": True},
    "named": {"tool_choice": "weather"},
    "strict": {"strict": True},
    "tool error": {},
    "reasoning replay": {},
}
"""Features that need a function, and the keywords of `chat_with_tools`."""
_KEYWORDS: dict[str, dict[str, Any]] = {
    "stop": {"stop": [asked.STOP]},
    "seed": {"seed": asked.SEED},
    "n": {"n": 2},
    "json_mode": {"response_format": {"type": "json_object"}},
}


def messages(feature: Feature) -> list[ChatMessage]:
    """The conversation to begin with."""
    return _MESSAGES.get(feature.name, [_QUESTION])


def results(outcome: Outcome) -> list[ChatMessage]:
    """What the caller sends after an answer that calls."""
    called: ChatMessage = outcome.message
    calls = [block for block in called.blocks if isinstance(block, ToolCallBlock)]
    return [
        called,
        *(
            ChatMessage(
                role=MessageRole.TOOL,
                content=weather(**_arguments(call)),
                additional_kwargs={"tool_call_id": call.tool_call_id},
            )
            for call in calls
        ),
    ]


# --- the four ways --------------------------------------------------------------------------------------------------


async def ask(model: TikHub, feature: Feature, column: Column, conversation: list[Any], way: Way) -> Outcome:
    """One call, in one of the four ways."""
    name = feature.name
    keywords = _KEYWORDS.get(name, {}) | column.arguments.get(name, {})
    if name in _BY_SCHEMA:
        parsed = await _last(model, "structured_predict", way, asked.Weather, PromptTemplate(asked.QUESTION))
        return Outcome(parsed=parsed, whole=parsed.model_dump())
    if name in _WITH_TOOLS:
        keywords |= {"chat_history": conversation, **_WITH_TOOLS[name]}
        return _outcome(await _last(model, "chat_with_tools", way, _TOOLS, **keywords))
    if name in column.own_tools:
        keywords["tools"] = [column.own_tools[name]]
    outcome = _outcome(await _last(model, "chat", way, conversation, **keywords))
    if feature.is_structured:
        outcome.parsed = asked.Weather.model_validate_json(outcome.text)
    return outcome


async def _last(target: Any, method: str, way: Way, *given: Any, **keywords: Any) -> Any:
    """What a method gives in one of its four forms, of a stream the last item."""
    call = getattr(target, ("a" if way.is_async else "") + ("stream_" if way.is_streamed else "") + method)
    if not way.is_streamed:
        return await call(*given, **keywords) if way.is_async else call(*given, **keywords)
    if not way.is_async:
        return list(call(*given, **keywords))[-1]
    return [item async for item in await call(*given, **keywords)][-1]


# --- what the answer holds ------------------------------------------------------------------------------------------


def _outcome(response: ChatResponse) -> Outcome:
    message, raw = response.message, response.raw
    assert isinstance(raw, dict)
    kwargs, choice = message.additional_kwargs, raw["choices"][0]
    counted = raw["usage"]
    usage = {}
    if counted is not None:
        usage = {
            "input": counted["prompt_tokens"],
            "output": counted["completion_tokens"],
            "total": counted["total_tokens"],
            "cached": counted["prompt_tokens_details"]["cached_tokens"],
            "thought": counted["completion_tokens_details"]["reasoning_tokens"],
        }
    refusal = kwargs.get("refusal")
    return Outcome(
        message=message,
        whole={
            "message": message.model_dump(),
            "raw": {key: value for key, value in raw.items() if key != "headers"},
            "logprobs": response.logprobs,
            "additional_kwargs": response.additional_kwargs,
        },
        api=raw["api"],
        text="" if refusal else message.content or "",
        reasoning="".join(block.content or "" for block in message.blocks if isinstance(block, ThinkingBlock)),
        calls=[(b.tool_name, _arguments(b)) for b in message.blocks if isinstance(b, ToolCallBlock)],
        citations=[(b.title, b.source or None) for b in message.blocks if isinstance(b, CitationBlock)],
        media=[found for block in message.blocks if (found := _media(block)) is not None],
        transcript=kwargs.get("audio_transcript"),
        searches=sum(entry["type"] == "server_tool_call" for entry in kwargs.get("tikhub_parts", ())),
        refusal=refusal,
        usage=usage,
        finish=choice["finish_reason"],
        logprobs=[(likeliest[0].token, likeliest[0].logprob) for likeliest in response.logprobs or ()],
        others=[other["message"]["content"] for other in raw["choices"][1:]],
    )


def _arguments(call: ToolCallBlock) -> dict[str, Any]:
    assert isinstance(call.tool_kwargs, dict)  # text where they are no JSON
    return dict(call.tool_kwargs)


def _media(block: Any) -> tuple[str, str] | None:
    match block:
        case ImageBlock(image=bytes(data)):
            return "image", data.decode()
        case AudioBlock(audio=bytes(data)):
            return "audio", data.decode()
        case _:
            return None
