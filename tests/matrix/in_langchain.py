"""Each feature in LangChain's words, the four ways to ask, and where an answer holds what was said."""

from __future__ import annotations

import json
from functools import cache, reduce
from operator import add
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage, message_chunk_to_message
from langchain_core.tools import tool

from langchain_tikhub import ChatTikHub
from tests.matrix import asked
from tests.matrix.said import Outcome

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from tests.matrix.columns import Column
    from tests.matrix.features import Feature
    from tests.matrix.server import Server
    from tests.matrix.ways import Way

NAME = "LangChain"


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return asked.RESULTS[city]


def made(server: Server, model: str, **settings: Any) -> ChatTikHub:
    """The class under test."""
    clients = {"http_client": server.client, "http_async_client": server.async_client}
    return ChatTikHub(model=model, api_key="sk-test", max_retries=0, **clients, **settings)


@cache
def _shared(server: Server, model: str, api: str) -> ChatTikHub:
    return made(server, model, api=api)


def llm(server: Server, model: str, api: str, feature: Feature) -> ChatTikHub:
    """Calls differ in their arguments alone, so one object serves all of a model's features."""
    return _shared(server, model, api)


# --- what is asked --------------------------------------------------------------------------------------------------


def _shown(*blocks: dict[str, Any]) -> list[BaseMessage]:
    return [HumanMessage([{"type": "text", "text": asked.QUESTION}, *blocks])]


_QUESTION = HumanMessage(asked.QUESTION)
_CALLED = AIMessage("", tool_calls=[{"name": "weather", "args": {"city": "Paris"}, "id": "call_1"}])
_MARK = {"cache_control": {"type": "ephemeral"}}
_DOCUMENT = {
    "type": "document",
    "source": {"type": "text", "media_type": "text/plain", "data": asked.DOCUMENT},
    "title": asked.DOCUMENT_TITLE,
    "citations": {"enabled": True},
}
_MESSAGES: dict[str, list[BaseMessage]] = {
    "system": [SystemMessage(asked.SYSTEM), _QUESTION],
    "multi-turn": [HumanMessage(asked.BEFORE), AIMessage(asked.BETWEEN), _QUESTION],
    "tool error": [_QUESTION, _CALLED, ToolMessage(asked.FAILURE, tool_call_id="call_1", status="error")],
    "json_mode": [HumanMessage(asked.QUESTION + " Answer in JSON.")],
    "image": _shown(
        {"type": "image", "url": asked.PICTURE_URL},
        {"type": "image", "base64": asked.PNG, "mime_type": "image/png"},
    ),
    "PDF": _shown({"type": "file", "base64": asked.PDF, "mime_type": "application/pdf"}),
    "audio in": _shown({"type": "audio", "base64": asked.WAV, "mime_type": "audio/wav"}),
    "video in": _shown({"type": "video", "base64": asked.MP4, "mime_type": "video/mp4"}),
    "cache": [HumanMessage([{"type": "text", "text": asked.QUESTION, **_MARK}])],
    "cited documents": [HumanMessage([_DOCUMENT, {"type": "text", "text": asked.QUESTION}])],
}
_BOUND: dict[str, dict[str, Any]] = {
    "tools": {},
    "parallel": {"parallel_tool_calls": True},
    "forced": {"tool_choice": "any"},
    "named": {"tool_choice": "weather"},
    "strict": {"strict": True},
    "tool error": {},
    "reasoning replay": {},
}
"""Features that need a function, and how it is bound."""
_ARGUMENTS: dict[str, dict[str, Any]] = {"stop": {"stop": [asked.STOP]}, "seed": {"seed": asked.SEED}, "n": {"n": 2}}


def messages(feature: Feature) -> list[BaseMessage]:
    """The conversation to begin with."""
    return _MESSAGES.get(feature.name, [_QUESTION])


def _runnable(model: ChatTikHub, feature: Feature, column: Column) -> Any:
    name: Any = feature.name
    if feature.is_structured:
        return model.with_structured_output(asked.Weather, method=name, include_raw=True)
    arguments = _ARGUMENTS.get(name, {}) | column.arguments.get(name, {})
    if name in _BOUND:
        return model.bind_tools([weather], **_BOUND[name], **arguments)
    if name in column.own_tools:
        return model.bind_tools([column.own_tools[name]], **arguments)
    return model.bind(**arguments) if arguments else model


def results(outcome: Outcome) -> list[BaseMessage]:
    """What the caller sends after an answer that calls."""
    called: AIMessage = outcome.message
    return [called, *(weather.invoke(call) for call in called.tool_calls)]


# --- the four ways --------------------------------------------------------------------------------------------------


async def ask(model: ChatTikHub, feature: Feature, column: Column, conversation: list[Any], way: Way) -> Outcome:
    """One call, in one of the four ways."""
    runnable = _runnable(model, feature, column)
    if feature.is_structured:
        return _structured(await _object(runnable, conversation, way))
    if feature.name == "n" and not way.is_streamed:  # `invoke` gives the first alone
        made = model.bind(**runnable.kwargs)
        if way.is_async:
            result = await made.bound.agenerate([conversation], **made.kwargs)
        else:
            result = made.bound.generate([conversation], **made.kwargs)
        first, *others = (generation.message for generation in result.generations[0])
        outcome = _outcome(first)
        outcome.others = [message.text for message in others]
        return outcome
    return _outcome(await _message(runnable, conversation, way))


async def _message(runnable: Any, conversation: list[Any], way: Way) -> AIMessage:
    if not way.is_streamed:
        plain = await runnable.ainvoke(conversation) if way.is_async else runnable.invoke(conversation)
        assert isinstance(plain, AIMessage)
        return plain
    if way.is_async:
        chunks = [chunk async for chunk in runnable.astream(conversation)]
    else:
        chunks = list(runnable.stream(conversation))
    message = message_chunk_to_message(reduce(add, chunks))
    assert isinstance(message, AIMessage)
    return message


async def _object(runnable: Any, conversation: list[Any], way: Way) -> Any:
    if not way.is_streamed:
        return await runnable.ainvoke(conversation) if way.is_async else runnable.invoke(conversation)
    if way.is_async:
        found = [piece async for piece in runnable.astream(conversation)]
    else:
        found = list(runnable.stream(conversation))
    raw = reduce(add, [piece["raw"] for piece in found if "raw" in piece])
    return {"raw": message_chunk_to_message(raw)} | {
        name: [piece[name] for piece in found if name in piece][-1] for name in ("parsed", "parsing_error")
    }


# --- what the answer holds ------------------------------------------------------------------------------------------


def _structured(answer: dict[str, Any]) -> Outcome:
    assert answer["parsing_error"] is None
    outcome = _outcome(answer["raw"])
    outcome.parsed = answer["parsed"]
    return outcome


def _outcome(message: AIMessage) -> Outcome:
    blocks: list[Any] = message.content_blocks
    told = message.response_metadata
    annotations = [one for block in blocks for one in block.get("annotations", ())]
    audio = message.additional_kwargs.get("audio", {})
    counted = message.usage_metadata
    usage = {}
    if counted is not None:
        usage = {
            "input": counted["input_tokens"],
            "output": counted["output_tokens"],
            "total": counted["total_tokens"],
            "cached": counted["input_token_details"]["cache_read"],
            "thought": counted["output_token_details"]["reasoning"],
        }
    return Outcome(
        message=message,
        whole=_dumped(message),
        api=told["api"],
        text=message.text,
        reasoning="".join(block["reasoning"] for block in blocks if block["type"] == "reasoning"),
        calls=[(call["name"], call["args"]) for call in message.tool_calls],
        citations=[(one["title"], one.get("url")) for one in annotations],
        media=[(block["type"], block["base64"]) for block in blocks if block["type"] in {"image", "audio"}],
        transcript=audio.get("transcript"),
        searches=sum(block["type"] == "server_tool_call" for block in blocks),
        refusal=message.additional_kwargs.get("refusal"),
        usage=usage,
        finish=told.get("finish_reason"),
        logprobs=_tokens(told.get("logprobs") or {}),
        others=[other["content"] for other in told.get("other_choices", ())],
    )


def _tokens(logprobs: dict[str, Any]) -> list[tuple[str, float]]:
    """OpenAI's list, or Google's."""
    tokens = logprobs.get("content") or logprobs.get("chosenCandidates") or ()
    return [(token["token"], token.get("logprob", token.get("logProbability"))) for token in tokens]


def _dumped(message: AIMessage) -> Any:
    """The message as JSON, without what tells its ways apart: the run's id, and a stream's one place for `n`."""
    told = {key: value for key, value in message.response_metadata.items() if key != "other_choices"}
    dumped = message.model_dump(exclude={"id", "response_metadata"}) | {"response_metadata": told}
    return json.loads(json.dumps(dumped | {"content_blocks": message.content_blocks}, default=str))
