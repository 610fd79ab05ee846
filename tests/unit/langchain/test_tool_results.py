"""What a ToolMessage holds: blocks that a wire has in its results, whole results in a wire's form, and any object."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from anthropic.types.beta import BetaToolResultBlockParam
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from langchain_tikhub.history import to_conversation
from tests import bodies
from tests.moves.checks import arrived
from tests.typed_dict_samples import hints, least, name_of
from tikhub_ai import ChatRequest, Message, Text, ToolResult
from tikhub_ai.apis import chat_completions, generate_content, messages, responses
from tikhub_ai.catalog import facts

CODECS: dict[str, tuple[Any, str]] = {
    "messages": (messages, "claude-sonnet-4-5"),
    "chat_completions": (chat_completions, "gpt-4o"),
    "responses": (responses, "gpt-5"),
    "generate_content": (generate_content, "gemini-3-pro-preview"),
}


def sent(api: str, *told: ToolMessage) -> dict[str, Any]:
    calls = [{"name": "f", "args": {}, "id": identifier} for identifier in ("c1", "c2")[: len(told)]]
    codec, model = CODECS[api]
    request = ChatRequest(model, to_conversation([HumanMessage("hi"), AIMessage("", tool_calls=calls), *told]))
    outgoing = codec.encode(request, facts(model), stream=False)
    assert bodies.problems(outgoing.path, outgoing.body) == []
    assert arrived(outgoing.path, outgoing.body).problems == []
    body: dict[str, Any] = outgoing.body
    return body


def results(*told: ToolMessage) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sent("messages", *told)["messages"][-1]["content"]
    return found


_CONTENT = next(iter(get_args(one)[0] for one in get_args(hints(BetaToolResultBlockParam)["content"]) if get_args(one)))
BLOCKS = {name_of(kind): least(kind) for kind in get_args(_CONTENT)}
PNG = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
BLOCKS["image"]["source"] = PNG


@pytest.mark.parametrize("kind", BLOCKS)
def test_every_block_that_claude_takes_in_a_result_is_sent_as_it_is(kind: str) -> None:
    block = BLOCKS[kind]
    found = results(ToolMessage([block], tool_call_id="c1"))[0]["content"]
    assert found == (block["text"] if kind == "text" else [block])


@pytest.mark.parametrize("api", CODECS)
def test_any_other_object_is_its_json_on_every_api(api: str) -> None:
    for value in ({"rows": [1, "ä"]}, {"type": "brand_new", "x": 1}, {"json": {"a": 1}}):
        said = json.dumps(value.get("json", value), ensure_ascii=False)
        assert said in json.dumps(sent(api, ToolMessage([value], tool_call_id="c1")), ensure_ascii=False).replace(
            "\\", ""
        )


@pytest.mark.parametrize("api", [api for api in CODECS if api != "messages"])
def test_blocks_of_claudes_are_their_json_elsewhere(api: str) -> None:
    block = {"type": "tool_reference", "tool_name": "get_weather"}
    assert "tool_reference" in json.dumps(sent(api, ToolMessage([block], tool_call_id="c1")))


WHOLE: dict[str, dict[str, Any]] = {
    "Anthropic's": {"type": "tool_result", "tool_use_id": "c1", "content": "done"},
    "Anthropic's, in blocks": {"type": "tool_result", "tool_use_id": "c1",
                               "content": [{"type": "text", "text": "done"}]},
    "without an id": {"type": "tool_result", "content": "done"},
    "Responses'": {"type": "function_call_output", "call_id": "c1", "output": "done"},
    "Responses', in blocks": {"type": "function_call_output", "call_id": "c1",
                              "output": [{"type": "input_text", "text": "done"}]},
}  # fmt: skip


@pytest.mark.parametrize("form", WHOLE)
@pytest.mark.parametrize("api", CODECS)
def test_a_whole_result_in_a_wires_form_is_what_it_holds(api: str, form: str) -> None:
    body = sent(api, ToolMessage([WHOLE[form]], tool_call_id="c1"))
    assert body == sent(api, ToolMessage("done", tool_call_id="c1"))


def test_its_fields_go_along() -> None:
    mark = {"type": "ephemeral"}
    block = {**WHOLE["Anthropic's"], "is_error": True, "cache_control": mark, "toolset_name": "computer"}
    assert results(ToolMessage([block], tool_call_id="c1")) == [block]
    failed = ToolMessage([WHOLE["Anthropic's"]], tool_call_id="c1", status="error")
    assert results(failed)[0]["is_error"] is True


def test_several_in_one_message_answer_their_calls() -> None:
    other = {"type": "tool_result", "tool_use_id": "c2", "content": "later"}
    both = ToolMessage([WHOLE["Anthropic's"], other], tool_call_id="c1")
    assert to_conversation([both]) == [
        Message("tool", [ToolResult("c1", [Text("done")]), ToolResult("c2", [Text("later")])])
    ]


def test_what_stands_beside_one_belongs_to_the_call_that_the_message_answers() -> None:
    words = {"type": "text", "text": "and more"}
    own = to_conversation([ToolMessage([WHOLE["Anthropic's"], words], tool_call_id="c1", name="f")])
    assert own == [Message("tool", [ToolResult("c1", [Text("done"), Text("and more")], "f")])]
    of_another = to_conversation([ToolMessage([WHOLE["Anthropic's"], words], tool_call_id="c2", name="f")])
    assert of_another == [
        Message("tool", [ToolResult("c2", [Text("and more")], "f"), ToolResult("c1", [Text("done")], "f")])
    ]
