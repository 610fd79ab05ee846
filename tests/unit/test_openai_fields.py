"""Every field of OpenAI's request types, of both its APIs, through both frameworks: sent, refused, or warned of."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any, get_args

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from llama_index.core.llms import ChatMessage
from openai.types.chat import completion_create_params
from openai.types.chat.chat_completion_content_part_param import ChatCompletionContentPartParam
from openai.types.chat.chat_completion_tool_union_param import ChatCompletionToolUnionParam
from openai.types.responses import response_create_params
from openai.types.responses.response_input_message_content_list_param import ResponseInputContentParam
from openai.types.responses.response_input_param import ResponseInputItemParam
from openai.types.responses.tool_param import ToolParam
from typing_extensions import is_typeddict

from langchain_tikhub import ChatTikHub
from langchain_tikhub.request import chat_request as asked_in_langchain
from llama_index_tikhub import TikHub
from llama_index_tikhub.history import to_conversation
from llama_index_tikhub.request import chat_request as asked_in_llama_index
from tests.lost_fields import lost
from tests.typed_dict_samples import Sample, hints, name_of, reached, samples
from tikhub_ai.catalog import facts

if TYPE_CHECKING:
    from collections.abc import Callable

    from tikhub_ai import ChatRequest

MODELS = {"responses": "gpt-5", "chat_completions": "gpt-5"}
APIS = pytest.mark.parametrize("api", MODELS)
HI = HumanMessage("hi")
CALL = AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "a"}])


def in_langchain(api: str, *told: BaseMessage, call: dict[str, Any] | None = None, **own: Any) -> dict[str, Any]:
    llm = ChatTikHub(model=MODELS[api], api_key="k", api=api, **own)
    return sent(api, asked_in_langchain(llm, told or [HI], None, call or {}))


def in_llama_index(api: str, call: dict[str, Any] | None = None, **own: Any) -> dict[str, Any]:
    llm = TikHub(model=MODELS[api], api_key="k", api=api, **own)
    return sent(api, asked_in_llama_index(to_conversation([ChatMessage("hi")]), llm, call or {}))


def sent(api: str, request: ChatRequest) -> dict[str, Any]:
    encoded = import_module(f"tikhub_ai.apis.{api}").encode(request, facts(request.model), stream=True)
    body: dict[str, Any] = encoded.body
    return body


def fields_of(*kinds: Any) -> list[Sample]:
    return [
        _whole(sample) for kind in kinds for sample in samples(kind) if sample.field != "type" and sample.mark != {}
    ]


def _whole(sample: Sample) -> Sample:
    """The sample with what OpenAI requires without saying so: a picture or file somewhere, a schema that is one."""
    if sample.owner in {"function", "FunctionDefinition"} and sample.field == "parameters":
        schema = {"type": "object", "properties": {"city": {"type": "string", "description": "word4711"}}}
        text = json.dumps(sample.value).replace(json.dumps(sample.mark), json.dumps(schema))
        return sample._replace(value=json.loads(text), mark=schema)
    return sample._replace(value=_with_sources(sample.value))


def _with_sources(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_sources(one) for one in value]
    if not isinstance(value, dict):
        return value
    match value.get("type"):
        case "input_image" if not value.keys() & {"file_id", "image_url"}:
            return {**value, "file_id": "file_1"}
        case "input_file" if not value.keys() & {"file_id", "file_url", "file_data"}:
            return {**value, "file_data": "aGk="} if "filename" in value else {**value, "file_id": "file_1"}
        case "file" if "file" in value and not value["file"].keys() & {"file_id", "file_data"}:
            data = {"file_data": "aGk="} if "filename" in value["file"] else {"file_id": "file_1"}
            return {**value, "file": {**value["file"], **data}}
    return {name: _with_sources(inner) for name, inner in value.items()}


def lost_of(cases: list[Sample], send: Callable[[Any], Any]) -> list[str]:
    return [f"{sample.owner}.{sample.field}" for sample in cases if lost(sample, send)]


# --- blocks ----------------------------------------------------------------------------------------------------------

CONTENT = [
    kind
    for union in (ResponseInputContentParam, ChatCompletionContentPartParam)
    for kind in get_args(union)
    if is_typeddict(kind)
]
BLOCK_WAYS: dict[str, Callable[[str, Any], dict[str, Any]]] = {
    "a user's": lambda api, block: in_langchain(api, HumanMessage([block])),
    "a user's, beside words": lambda api, block: in_langchain(api, HumanMessage(["Look:", block])),
    "a system's": lambda api, block: in_langchain(api, SystemMessage([block]), HI),
    "a later system's": lambda api, block: in_langchain(api, HI, SystemMessage([block]), HI),
    "a tool's": lambda api, block: in_langchain(api, HI, CALL, ToolMessage([block], tool_call_id="a")),
}


@APIS
@pytest.mark.parametrize("way", BLOCK_WAYS)
def test_no_field_of_a_block_is_lost(api: str, way: str) -> None:
    cases = fields_of(*CONTENT)
    assert len(cases) > 30
    assert lost_of(cases, lambda block: BLOCK_WAYS[way](api, block)) == []


ITEMS = [kind for kind in get_args(ResponseInputItemParam) if is_typeddict(kind) and name_of(kind) != "message"]


@pytest.mark.parametrize("way", ["user", "tool"])
def test_no_field_of_an_item_that_the_caller_writes_is_lost(way: str) -> None:
    def send(item: dict[str, Any]) -> dict[str, Any]:
        if way == "user" or not str(item.get("type")).endswith("_output"):
            return in_langchain("responses", HI, CALL, ToolMessage("", tool_call_id="a"), HumanMessage([item]))
        return in_langchain("responses", HI, CALL, ToolMessage([item], tool_call_id=item.get("call_id") or "a"))

    cases = [sample for kind in ITEMS for sample in fields_of(kind)]
    assert len(cases) > 200
    assert lost_of(cases, send) == []


# --- tools -----------------------------------------------------------------------------------------------------------

TOOLS = [*fields_of(*get_args(ToolParam)), *fields_of(*get_args(ChatCompletionToolUnionParam))]
TOOL_WAYS: dict[str, Callable[[str, Any], dict[str, Any]]] = {
    "LangChain, bound": lambda api, tool: in_langchain(
        api,
        call=dict(ChatTikHub(model="gpt-5", api_key="k").bind_tools([tool]).kwargs),  # type: ignore[attr-defined]  # bound
    ),
    "LangChain, in a call": lambda api, tool: in_langchain(api, call={"tools": [tool]}),
    "LangChain, in the constructor": lambda api, tool: in_langchain(api, model_kwargs={"tools": [tool]}),
    "LlamaIndex, in a call": lambda api, tool: in_llama_index(api, {"tools": [tool]}),
    "LlamaIndex, in the constructor": lambda api, tool: in_llama_index(api, additional_kwargs={"tools": [tool]}),
}


@APIS
@pytest.mark.parametrize("way", TOOL_WAYS)
def test_no_field_of_a_tool_is_lost(api: str, way: str) -> None:
    assert lost_of(TOOLS, lambda tool: TOOL_WAYS[way](api, tool)) == []


# --- the body --------------------------------------------------------------------------------------------------------

BODIES = {
    "responses": response_create_params.ResponseCreateParamsNonStreaming,
    "chat_completions": completion_create_params.CompletionCreateParamsNonStreaming,
}
CONVERSATION = frozenset({"input", "messages", "tools", "model", "stream"})
"""What has its own way in each framework: see above."""
BODY_WAYS: dict[str, Callable[[str, dict[str, Any]], dict[str, Any]]] = {
    "LangChain, in a call": lambda api, fields: in_langchain(api, call=fields),
    "LangChain, in the constructor": lambda api, fields: in_langchain(api, **fields),
    "LangChain, in model_kwargs": lambda api, fields: in_langchain(api, model_kwargs=fields),
    "LlamaIndex, in a call": in_llama_index,
    "LlamaIndex, in the constructor": lambda api, fields: in_llama_index(api, **fields),
}


def body_fields(api: str) -> list[Sample]:
    types = hints(BODIES[api])
    elsewhere = {kind for name in CONVERSATION & types.keys() for kind in reached(types[name])}
    return [
        sample
        for sample in samples(BODIES[api], elsewhere)
        if sample.field not in CONVERSATION | {"type"} and sample.mark != {}
    ]


@APIS
@pytest.mark.parametrize("way", BODY_WAYS)
def test_no_field_of_the_body_is_lost(api: str, way: str) -> None:
    """`metadata` of a constructor of LangChain's is what its tracers are told; the wire's is `request_metadata`."""

    def send(body: dict[str, Any]) -> dict[str, Any]:
        fields = {name: value for name, value in body.items() if name not in CONVERSATION}
        if way == "LangChain, in the constructor" and "metadata" in fields:
            fields["request_metadata"] = fields.pop("metadata")
        if fields.keys() & {"tool_choice", "parallel_tool_calls"}:
            fields["tools"] = [{"type": "function", "function": {"name": "f"}}]
        return BODY_WAYS[way](api, fields)

    cases = body_fields(api)
    assert len(cases) > 50
    assert lost_of(cases, send) == []
