"""Every field of Anthropic's request types, through both frameworks: sent, refused, or named by a warning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import pytest
from anthropic.types.beta import BetaToolUnionParam, message_create_params
from anthropic.types.beta.beta_content_block_param import BetaContentBlockParam
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from llama_index.core.llms import ChatMessage
from typing_extensions import is_typeddict

from langchain_tikhub import ChatTikHub
from langchain_tikhub.request import chat_request as asked_in_langchain
from llama_index_tikhub import TikHub
from llama_index_tikhub.history import to_conversation
from llama_index_tikhub.request import chat_request as asked_in_llama_index
from tests.lost_fields import lost as lost_by
from tests.typed_dict_samples import Sample, hints, name_of, reached, samples
from tikhub_ai import ChatRequest, TikHubAIWarning
from tikhub_ai.apis import messages
from tikhub_ai.catalog import facts

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL = "claude-sonnet-5"
HI = HumanMessage("hi")
LANGCHAIN = ChatTikHub(model=MODEL, api_key="k")
LLAMA_INDEX = TikHub(model=MODEL, api_key="k")
BODY = hints(message_create_params.MessageCreateParamsNonStreaming)


def in_langchain(*told: BaseMessage, call: dict[str, Any] | None = None, **own: Any) -> ChatRequest:
    llm = ChatTikHub(model=MODEL, api_key="k", **own) if own else LANGCHAIN
    return asked_in_langchain(llm, told or [HI], None, call or {})


def in_llama_index(call: dict[str, Any] | None = None, **own: Any) -> ChatRequest:
    llm = TikHub(model=MODEL, api_key="k", **own) if own else LLAMA_INDEX
    return asked_in_llama_index(to_conversation([ChatMessage("hi")]), llm, call or {})


def sent_by(ask: Callable[[Any], ChatRequest]) -> Callable[[Any], list[Any]]:
    """Body and headers of what is asked with a value."""

    def send(value: Any) -> list[Any]:
        outgoing = messages.encode(ask(value), facts(MODEL), stream=False)
        return [outgoing.body, outgoing.headers]

    return send


def lost(sample: Sample, ask: Callable[[Any], ChatRequest]) -> bool:
    """Whether a field was neither sent, nor refused, nor named by a warning."""
    return lost_by(sample, sent_by(ask), may_grow=True)


def fields_of(*kinds: Any) -> list[Sample]:
    return [sample for kind in kinds for sample in samples(kind) if sample.field != "type"]


def named(sample: Sample) -> str:
    return f"{sample.owner}.{sample.field}"


# --- blocks ----------------------------------------------------------------------------------------------------------

BLOCKS = {name_of(kind): kind for kind in get_args(BetaContentBlockParam) if is_typeddict(kind)}
BY_USERS = ("text", "image", "document", "search_result", "container_upload")


def after_its_call(block: dict[str, Any]) -> list[BaseMessage]:
    return [HI, AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": block["tool_use_id"]}])]


def of_chat_anthropic(block: dict[str, Any]) -> ChatRequest:
    """An answer that ChatAnthropic made, in the middle of a conversation."""
    by = {"model_provider": "anthropic", "model_name": MODEL}
    if block["type"] != "tool_use":
        return in_langchain(HI, AIMessage([block, {"type": "text", "text": "done"}], response_metadata=by), HI)
    calls = [{"name": block["name"], "args": block["input"], "id": block["id"]}]
    answer = AIMessage([block], tool_calls=calls, response_metadata=by)
    return in_langchain(HI, answer, ToolMessage("r", tool_call_id=block["id"]))


BY_CLAUDE = BLOCKS.keys() - {*BY_USERS, "tool_result", "tool_addition", "tool_removal"} | {"text", "container_upload"}
BLOCK_WAYS: dict[str, tuple[list[Sample], Callable[[Any], ChatRequest]]] = {
    "a user's": (fields_of(*(BLOCKS[kind] for kind in BY_USERS)), lambda block: in_langchain(HumanMessage([block]))),
    "a system's": (fields_of(BLOCKS["text"]), lambda block: in_langchain(SystemMessage([block]), HI)),
    "a later system's": (
        fields_of(BLOCKS["text"], BLOCKS["tool_addition"], BLOCKS["tool_removal"]),
        lambda block: in_langchain(HI, SystemMessage([block])),
    ),
    "a tool's": (
        fields_of(BLOCKS["tool_result"]),
        lambda block: in_langchain(*after_its_call(block), ToolMessage([block], tool_call_id=block["tool_use_id"])),
    ),
    "a tool's in a user's": (
        fields_of(BLOCKS["tool_result"]),
        lambda block: in_langchain(*after_its_call(block), HumanMessage([block])),
    ),
    "ChatAnthropic's": (fields_of(*(BLOCKS[kind] for kind in sorted(BY_CLAUDE))), of_chat_anthropic),
    "the content of a tool's": (
        fields_of(*(BLOCKS[kind] for kind in ("text", "image", "document", "search_result"))),
        lambda block: in_langchain(*after_its_call({"tool_use_id": "a"}), ToolMessage([block], tool_call_id="a")),
    ),
}


@pytest.mark.parametrize("way", BLOCK_WAYS)
def test_no_field_of_a_block_is_lost(way: str) -> None:
    cases, ask = BLOCK_WAYS[way]
    assert len(cases) > 20 or way == "a later system's"
    assert [named(sample) for sample in cases if lost(sample, ask)] == []


def test_what_a_part_asks_of_other_wires_is_named() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://x.test/a.png", "detail": "low"}}
    with pytest.warns(TikHubAIWarning, match="claude on messages has no 'detail' of image: not sent"):
        messages.encode(in_langchain(HumanMessage([image])), facts(MODEL), stream=False)


# --- tools -----------------------------------------------------------------------------------------------------------

TOOLS = [sample for kind in get_args(BetaToolUnionParam) for sample in fields_of(kind)]
TOOL_WAYS: dict[str, Callable[[Any], ChatRequest]] = {
    "LangChain, bound": lambda tool: in_langchain(call=_bound([tool])),
    "LangChain, in a call": lambda tool: in_langchain(call={"tools": [tool]}),
    "LangChain, in the constructor": lambda tool: in_langchain(model_kwargs={"tools": [tool]}),
    "LlamaIndex, in a call": lambda tool: in_llama_index({"tools": [tool]}),
}


def _bound(tools: list[Any]) -> dict[str, Any]:
    runnable: Any = LANGCHAIN.bind_tools(tools)
    kwargs: dict[str, Any] = runnable.kwargs
    return kwargs


@pytest.mark.parametrize("way", TOOL_WAYS)
def test_no_field_of_a_tool_is_lost(way: str) -> None:
    assert [named(sample) for sample in TOOLS if lost(sample, TOOL_WAYS[way])] == []


# --- the body --------------------------------------------------------------------------------------------------------

CONVERSATION = frozenset({"messages", "tools", "model", "max_tokens", "stream", "system", "tool_choice"})
"""What has its own way in each framework: see above, and tests/unit/test_tool_choices.py."""
FIELDS = [
    sample
    for sample in samples(
        message_create_params.MessageCreateParamsNonStreaming, {*reached(BODY["messages"]), *reached(BODY["tools"])}
    )
    if sample.field not in CONVERSATION | {"type"} and not sample.value.keys() & {"tools", "tool_choice"}
    if sample.mark != {}
]
BODY_WAYS: dict[str, Callable[[dict[str, Any]], ChatRequest]] = {
    "LangChain, in a call": lambda fields: in_langchain(call=fields),
    "LangChain, in the constructor": lambda fields: in_langchain(**fields),
    "LangChain, bound": lambda fields: in_langchain(call=_kwargs(LANGCHAIN.bind(**fields))),
    "LlamaIndex, in a call": in_llama_index,
    "LlamaIndex, in the constructor": lambda fields: in_llama_index(**fields),
}


def _kwargs(runnable: Any) -> dict[str, Any]:
    kwargs: dict[str, Any] = runnable.kwargs
    return kwargs


@pytest.mark.parametrize("way", BODY_WAYS)
def test_no_field_of_the_body_is_lost(way: str) -> None:
    """`metadata` of a constructor of LangChain's is what its tracers are told; the wire's is `request_metadata`."""

    def ask(body: dict[str, Any]) -> ChatRequest:
        fields = {name: value for name, value in body.items() if name not in CONVERSATION}
        if way == "LangChain, in the constructor" and "metadata" in fields:
            fields["request_metadata"] = fields.pop("metadata")
        return BODY_WAYS[way](fields)

    assert len(FIELDS) > 50
    assert [named(sample) for sample in FIELDS if lost(sample, ask)] == []
