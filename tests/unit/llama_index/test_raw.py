"""`response.raw`: a dict, and to the eye of code that comes from LlamaIndex's `OpenAI`, its SDK's object."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any, get_args

import orjson
import pytest
from llama_index.core.base.llms.types import ChatResponse
from llama_index.core.instrumentation.events.llm import LLMChatEndEvent
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionMessage, ChatCompletionMessageToolCall
from pydantic import BaseModel, TypeAdapter

from llama_index_tikhub.raw import Raw, raw_of
from llama_index_tikhub.reply import chat_response
from tikhub_ai import ChatReply, Choice, Reasoning, Text, ToolCall, Usage

REPLY = ChatReply(
    [
        Choice(
            [Reasoning("Hm."), Text("Hi"), ToolCall("call_1", "add", '{"a": 1}')],
            "tool_calls",
            extras={"odd": [{"x": 1}]},
        )
    ],
    "chat_completions",
    id="chatcmpl-1",
    model="gpt-4.1",
    usage=Usage(3, 4, 7, raw={"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 2}}),
    extras={"created": 12, "items": "of the wire", "deep": [[{"x": {"y": 1}}]], "__deepcopy__": 1, "_repr_html_": "x"},
)  # fmt: skip


def test_what_is_read_by_items_is_read_by_attributes() -> None:
    raw = raw_of(REPLY)
    assert raw.id == raw["id"] == "chatcmpl-1"
    assert (raw.created, raw.usage.total_tokens, raw.usage.prompt_tokens_details.cached_tokens) == (12, 7, 2)
    [choice] = raw.choices
    assert (choice.finish_reason, choice.message.content, choice.message.reasoning_content) == (
        "tool_calls",
        "Hi",
        "Hm.",
    )
    assert choice.message.tool_calls[0].function.name == "add"
    assert raw.deep[0][0].x.y == choice.odd[0].x == 1
    raw.deep[0][0].x["y"] = 2
    assert raw["deep"][0][0]["x"]["y"] == 2, "what was read is what is held"


LEVELS: list[tuple[type[BaseModel], Any]] = [
    (ChatCompletion, lambda raw: raw),
    (ChatCompletion.model_fields["choices"].annotation.__args__[0], lambda raw: raw.choices[0]),  # type: ignore[union-attr]  # a list
    (ChatCompletionMessage, lambda raw: raw.choices[0].message),
    (ChatCompletionMessageToolCall, lambda raw: raw.choices[0].message.tool_calls[0]),
    (CompletionUsage, lambda raw: raw.usage),
    *(
        (next(kind for kind in get_args(CompletionUsage.model_fields[name].annotation) if kind is not type(None)),
         lambda _: Raw(reasoning_tokens=1))
        for name in ("prompt_tokens_details", "completion_tokens_details")
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "level"), LEVELS, ids=lambda one: getattr(one, "__name__", ""))
def test_every_field_of_openais_object_may_be_read(kind: type[BaseModel], level: Any) -> None:
    for reply in (REPLY, ChatReply([Choice([ToolCall("1", "add", "{}")])], "messages", usage=Usage(1, 1, 2))):
        for name in kind.model_fields:
            getattr(level(raw_of(reply)), name)


def test_an_answer_without_usage_says_none() -> None:
    assert raw_of(ChatReply([Choice([Text("Hi")])], "responses")).usage is None


def test_what_is_not_there_is_an_attribute_error_that_says_what_is() -> None:
    with pytest.raises(AttributeError, match=r"no 'usage_metadata' here; it has: .*choices, usage"):
        _ = raw_of(REPLY).usage_metadata
    assert getattr(raw_of(REPLY), "usage_metadata", None) is None
    with pytest.raises(AttributeError):
        setattr(raw_of(REPLY), "usage", {})  # noqa: B010 - checkers see that it cannot be
    assert {"usage", "choices", "model_dump", "keys"} <= set(dir(raw_of(REPLY)))


@pytest.mark.parametrize(
    "twin",
    [
        lambda raw: pickle.loads(pickle.dumps(raw)),
        lambda raw: pickle.loads(pickle.dumps(raw, protocol=0)),
        copy.copy,
        copy.deepcopy,
        lambda raw: raw.copy(),
    ],
)
def test_it_copies_and_pickles_as_a_dict_and_reads_as_before(twin: Any) -> None:
    raw = raw_of(REPLY)
    found = twin(raw)
    assert type(found) is Raw
    assert found == raw == dict(raw)
    assert found.usage.total_tokens == 7
    assert repr(found) == repr(dict(raw))


def test_it_is_written_as_json_and_dumped_as_a_plain_dict() -> None:
    raw = raw_of(REPLY)
    plain = raw.model_dump()
    pending: list[Any] = [plain]
    while pending:
        one = pending.pop()
        assert type(one) is not Raw
        pending += one.values() if isinstance(one, dict) else one if isinstance(one, list) else []
    _ = raw.deep[0][0].x, raw.choices[0].message.tool_calls[0].function  # which leaves no trace in what follows
    assert raw == plain == raw.to_dict()
    assert json.loads(json.dumps(raw)) == orjson.loads(orjson.dumps(raw)) == json.loads(raw.model_dump_json()) == plain
    assert json.loads(raw.to_json()) == plain
    assert TypeAdapter(Any).dump_python(raw, mode="json") == plain
    assert raw.model_dump(mode="json", include={"id", "usage"}, exclude={"usage"}, exclude_unset=True) == {"id": raw.id}
    assert "request_id" not in raw.model_dump(exclude_none=True)
    assert "logprobs" not in raw.model_dump(exclude_none=True)["choices"][0]


def test_core_and_its_events_take_it_as_a_dict() -> None:
    response = chat_response(REPLY)
    assert ChatResponse.model_validate_json(response.model_dump_json()).raw == response.raw
    told = LLMChatEndEvent(messages=[], response=response).model_dump()
    assert told["response"]["raw"]["usage"]["total_tokens"] == 7
