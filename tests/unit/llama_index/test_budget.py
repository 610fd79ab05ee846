"""The room of a model's context: what LlamaIndex's core is told is what is sent, and what it makes of that."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.indices.prompt_helper import PromptHelper
from llama_index.core.llms import ChatMessage
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.prompts import PromptTemplate

from langchain_tikhub import ChatTikHub
from llama_index_tikhub import TikHub
from tests.scripted_server import Answer
from tikhub_ai import BadRequestError, TikHubAIWarning, model_facts
from tikhub_ai.catalog import _catalog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.scripted_server import ScriptedServer

MODELS = {
    "chat_completions": ["gpt-4o", "o3", "gpt-5", "deepseek-chat", "claude-sonnet-4-5", "nobody-knows-1"],
    "responses": ["gpt-4o", "gpt-5", "deepseek-chat", "nobody-knows-1"],
    "messages": ["claude-sonnet-4-5", "claude-3-haiku-20240307", "claude-99", "nobody-knows-1"],
    "generate_content": ["gemini-2.5-pro", "gemini-2.0-flash", "nobody-knows-1"],
    "auto": ["gpt-4o", "gpt-5", "claude-sonnet-4-5", "claude-opus-4-1", "gemini-2.5-pro", "deepseek-chat"],
}
SAID: list[dict[str, Any]] = [
    {},
    {"max_tokens": 900},
    {"max_tokens": 5},
    {"max_output_tokens": 900},
    {"max_completion_tokens": 900},
    {"additional_kwargs": {"max_tokens": 800}},
    {"max_tokens": 900, "additional_kwargs": {"max_output_tokens": 800}},
    {"generation_config": {"max_output_tokens": 700}},
    {"max_tokens": 900, "n": 2},
    {"temperature": 0.5, "extra_body": {"unknown_field": 1}},
    {"context_window": 8000},
    {"context_window": 100_000},
    {"context_window": 8000, "max_tokens": 900},
]
WRITTEN: dict[str, list[dict[str, Any]]] = {
    "chat_completions": [{"max_tokens": 600}, {"max_completion_tokens": 600}],
    "responses": [{"max_output_tokens": 600}],
    "messages": [{"max_tokens": 600}],
    "generate_content": [{"generationConfig": {"maxOutputTokens": 600}}],
}
CASES = [
    pytest.param(api, model, said, id=f"{api}-{model}-{said}")
    for api, models in MODELS.items()
    for model in models
    for said in [*SAID, *[layer for body in WRITTEN.get(api, ())
                          for layer in ({"extra_body": body}, {"max_tokens": 900, "extra_body": body})]]
]  # fmt: skip


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TikHubAIWarning)
        yield


def limit_in(body: dict[str, Any]) -> int:
    """The limit of the answer that a body asks for, by whatever names; -1 for none."""
    found = [
        value
        for fields in (body, body.get("generationConfig", {}))
        for name, value in fields.items()
        if name in {"max_completion_tokens", "max_tokens", "max_output_tokens", "maxOutputTokens"}
    ]
    return min(map(int, found), default=-1)


@pytest.mark.outside_openapi("limits in the words of the wire, wherever a user may write them")
@pytest.mark.parametrize(("api", "model", "said"), CASES)
def test_num_output_is_the_limit_that_is_sent(
    api: str, model: str, said: dict[str, Any], server: ScriptedServer
) -> None:
    server.answers = [Answer({"error": {"message": "no"}}, 400)]
    llm = TikHub(model, api=api, api_key="sk-1", base_url=server.url, max_retries=0, **said)
    with pytest.raises(BadRequestError):
        llm.chat([ChatMessage(content="hi")])
    sent = limit_in(server.requests[0].json())
    assert llm.metadata.num_output == sent
    assert llm.to_payload()["num_output"] == sent
    assert llm.to_payload()["context_window"] == llm.metadata.context_window


@pytest.mark.parametrize("model", sorted(_catalog()["models"]))
def test_input_that_leaves_room_for_the_answer_is_never_too_much_for_the_model(model: str) -> None:
    """As core's PromptHelper reckons it, for every model of the catalog."""
    metadata, facts = TikHub(model, api_key="sk-1").metadata, model_facts(model)
    room = PromptHelper.from_llm_metadata(metadata)._get_available_context_size(0)
    assert room <= (facts.max_input_tokens or facts.context_window)
    assert room + max(metadata.num_output, 0) <= facts.context_window
    assert room > 0


@pytest.mark.long
def test_cores_helpers_leave_the_room_that_is_asked_for() -> None:
    llm = TikHub("claude-sonnet-4-5", api_key="sk-1")
    helper = PromptHelper.from_llm_metadata(llm.metadata)
    assert helper.num_output == 64_000
    chunk = helper.repack(PromptTemplate("{context_str}"), ["word " * 300_000], llm=llm)[0]
    assert len(helper._token_counter.tokenizer(chunk)) <= 136_000
    assert ChatMemoryBuffer.from_defaults(llm=TikHub("gpt-5", api_key="sk-1")).token_limit <= 272_000
    small = TikHub("claude-sonnet-4-5", api_key="sk-1", max_tokens=1000, context_window=8000)
    assert PromptHelper.from_llm_metadata(small.metadata)._get_available_context_size(0) == 7000
    small.max_tokens = None
    assert PromptHelper.from_llm_metadata(small.metadata)._get_available_context_size(0) == 4000


# --- a limit that nobody asked for ----------------------------------------------------------------------------------

FULL = "input length and `max_tokens` exceed context limit: {} + {} > 200000, decrease input length or `max_tokens`"
HELLO = {"id": "m", "type": "message", "role": "assistant", "model": "claude-opus-4-1", "stop_reason": "end_turn",
         "content": [{"type": "text", "text": "Hello"}], "usage": {"input_tokens": 1, "output_tokens": 1}}  # fmt: skip


def full(taken: int = 190_000, asked: int = 32_000) -> Answer:
    error = {"type": "invalid_request_error", "message": FULL.format(taken, asked)}
    return Answer({"type": "error", "error": error}, 400)


@pytest.mark.parametrize("cls", [TikHub, ChatTikHub])
def test_a_history_that_fills_the_window_gets_the_room_that_is_left(cls: Any, server: ScriptedServer) -> None:
    """Core's ChatMemoryBuffer keeps three quarters of the window, whatever the answer may take."""
    server.answers = [full(), Answer(HELLO)]
    llm = cls(model="claude-opus-4-1", api_key="sk-1", base_url=server.url)
    with pytest.warns(TikHubAIWarning, match="asked again with max_tokens=10000"):
        answer = llm.invoke("hi") if cls is ChatTikHub else llm.complete("hi")
    assert (answer.content if cls is ChatTikHub else answer.text) == "Hello"
    assert [request.json()["max_tokens"] for request in server.requests] == [32_000, 10_000]


@pytest.mark.parametrize(
    ("settings", "refusal"),
    [
        ({"max_tokens": 32_000}, full()),
        ({"extra_body": {"max_tokens": 31_000}}, full(asked=31_000)),
        ({"thinking": {"type": "enabled", "budget_tokens": 10_000}}, full()),
        ({}, full(taken=200_000)),
        ({}, full(taken=100_000)),
        ({}, Answer({"type": "error", "error": {"type": "x", "message": "prompt is too long"}}, 400)),
    ],
)
def test_a_limit_of_the_callers_and_one_that_cannot_help_is_not_changed(
    settings: dict[str, Any], refusal: Answer, server: ScriptedServer
) -> None:
    server.answers = [refusal]
    with pytest.raises(BadRequestError):
        TikHub("claude-opus-4-1", api_key="sk-1", base_url=server.url, **settings).complete("hi")
    assert len(server.requests) == 1
