"""What the vendors' own LangChain classes keep for their provider goes back to it, from every place they keep it in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from langchain_tikhub import ChatTikHub
from tikhub_ai import TikHubAIWarning
from tikhub_ai.apis import chat_completions, generate_content, messages, responses
from tikhub_ai.catalog import facts

CODECS: dict[str, Any] = {
    "claude-sonnet-4-5": messages,
    "gemini-3-pro-preview": generate_content,
    "gpt-5": responses,
    "deepseek-chat": chat_completions,
}
CLAUDE = {"model_provider": "anthropic", "model_name": "claude-sonnet-4-5-20250929"}
GEMINI = {"model_provider": "google_genai", "model_name": "gemini-3-pro-preview"}
GPT = {"model_provider": "openai", "model_name": "gpt-5-2025-08-07", "id": "resp_1"}
CALL = {"name": "f", "args": {"a": 1}, "id": "c1", "type": "tool_call"}
DEEPSEEK = {"model_provider": "deepseek", "model_name": "deepseek-chat"}
SIGNED = "c2lnbmVk"
V1 = {"output_version": "v1"}


def body_of(model: str, history: list[BaseMessage]) -> dict[str, Any]:
    request = ChatTikHub(model=model, api_key="k")._get_request_payload(history)
    body: dict[str, Any] = CODECS[model].encode(request, facts(model), stream=False).body
    return body


def goes_on(message: AIMessage, model: str) -> list[Any]:
    """What of an answer is in the next request, with its calls answered."""
    results = [ToolMessage("done", tool_call_id=call["id"]) for call in message.tool_calls]
    after: list[BaseMessage] = [*results] if results else [HumanMessage("And?")]
    body = body_of(model, [HumanMessage("hi"), message, *after])
    match model:
        case "claude-sonnet-4-5":
            content = body["messages"][1]["content"]
            return content if isinstance(content, list) else [content]
        case "gemini-3-pro-preview":
            parts: list[Any] = body["contents"][1]["parts"]
            return parts
        case "gpt-5":
            return [
                item
                for item in body["input"]
                if item.get("role") != "user" and not item.get("type", "").endswith("call_output")
            ]
        case _:
            return [body["messages"][1]]


def answer(content: Any, said: dict[str, Any], calls: bool = False, **kwargs: Any) -> AIMessage:
    return AIMessage(content, response_metadata=said, tool_calls=[CALL] if calls else [], **kwargs)


THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": SIGNED}
TOOL_USE = {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}}
SEARCH = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"type": "web_search_result"}]}
CITED = {"type": "web_search_result_location", "url": "u", "title": "t", "cited_text": "c", "encrypted_index": "E"}
QUOTES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"type": "char_location", "cited_text": "c", "document_title": "t", "start_char_index": 1, "document_index": 0},
     {"type": "citation", "cited_text": "c", "title": "t", "extras": {"start_char_index": 1, "document_index": 0}}),
    ({"type": "search_result_location", "cited_text": "c", "title": "t", "search_result_index": 1, "source": "s"},
     {"type": "citation", "cited_text": "c", "title": "t", "extras": {"search_result_index": 1, "source": "s"}}),
    ({"type": "content_block_location", "cited_text": "c", "document_title": "t", "start_block_index": 1},
     {"type": "citation", "cited_text": "c", "title": "t", "extras": {"start_block_index": 1}}),
    ({"type": "page_location", "cited_text": "c", "document_title": "t", "start_page_number": 1},
     {"type": "citation", "cited_text": "c", "title": "t", "extras": {"start_page_number": 1}}),
]  # fmt: skip
OF_CLAUDE: dict[str, tuple[AIMessage, list[Any]]] = {
    "a thought and a call": (answer([THOUGHT, TOOL_USE], CLAUDE, calls=True), [THOUGHT, TOOL_USE]),
    "streamed, with indices": (
        answer(
            [{**THOUGHT, "index": 0}, {**TOOL_USE, "input": {}, "partial_json": '{"a": 1}', "index": 1}],
            CLAUDE,
            calls=True,
        ),
        [THOUGHT, TOOL_USE],
    ),
    "a thought without words": (
        answer([{"type": "thinking", "signature": SIGNED}, "so"], CLAUDE),
        [{"type": "thinking", "thinking": "", "signature": SIGNED}, {"type": "text", "text": "so"}],
    ),
    "redacted": (
        answer([{"type": "redacted_thinking", "data": "R"}, "so"], CLAUDE),
        [{"type": "redacted_thinking", "data": "R"}, {"type": "text", "text": "so"}],
    ),
    "caller and toolset": (
        answer([{**TOOL_USE, "caller": {"type": "code_execution"}, "toolset_name": "t"}], CLAUDE, calls=True),
        [{**TOOL_USE, "caller": {"type": "code_execution"}, "toolset_name": "t"}],
    ),
    "compaction": (
        answer([{"type": "compaction", "content": "What was.", "index": 0}, "so"], CLAUDE),
        [{"type": "compaction", "content": "What was."}, {"type": "text", "text": "so"}],
    ),
    "a search": (
        answer([SEARCH, FOUND, {"type": "text", "text": "so", "citations": [CITED]}], CLAUDE),
        [SEARCH, FOUND, {"type": "text", "text": "so", "citations": [CITED]}],
    ),
    "v1": (
        answer(
            [
                {"type": "reasoning", "reasoning": "Hm.", "extras": {"signature": SIGNED}},
                {"type": "non_standard", "value": {"type": "redacted_thinking", "data": "R"}},
                {"type": "server_tool_call", "id": "s", "name": "web_search", "args": {"query": "x"}},
                {
                    "type": "server_tool_result",
                    "tool_call_id": "s",
                    "output": FOUND["content"],
                    "extras": {"block_type": "web_search_tool_result"},
                },
                {
                    "type": "text",
                    "text": "so",
                    "annotations": [
                        {
                            "type": "citation",
                            "url": "u",
                            "title": "t",
                            "cited_text": "c",
                            "extras": {"encrypted_index": "E"},
                        },
                        {"type": "non_standard_annotation", "value": QUOTES[0][0]},
                        *(v1 for _, v1 in QUOTES),
                    ],
                },
                {**CALL, "extras": {"caller": {"type": "direct"}, "toolset_name": "t"}},
            ],
            CLAUDE | V1,
            calls=True,
        ),
        [
            THOUGHT,
            {"type": "redacted_thinking", "data": "R"},
            SEARCH,
            FOUND,
            {"type": "text", "text": "so", "citations": [CITED, QUOTES[0][0], *(wire for wire, _ in QUOTES)]},
            {**TOOL_USE, "caller": {"type": "direct"}, "toolset_name": "t"},
        ],
    ),
    "MCP and code in v1": (
        answer(
            [
                {
                    "type": "server_tool_call",
                    "id": "m",
                    "name": "remote_mcp",
                    "args": {},
                    "extras": {"tool_name": "t", "server_name": "n"},
                },
                {
                    "type": "server_tool_result",
                    "tool_call_id": "m",
                    "status": "error",
                    "output": [],
                    "extras": {"block_type": "mcp_tool_result"},
                },
                {"type": "server_tool_call", "id": "x", "name": "code_interpreter", "args": {"code": "1"}},
                {
                    "type": "server_tool_result",
                    "tool_call_id": "x",
                    "output": {},
                    "extras": {"block_type": "code_execution_tool_result"},
                },
                {"type": "text", "text": "so"},
            ],
            CLAUDE | V1,
        ),
        [
            {"type": "mcp_tool_use", "id": "m", "name": "t", "input": {}, "server_name": "n"},
            {"type": "mcp_tool_result", "tool_use_id": "m", "content": [], "is_error": True},
            {"type": "server_tool_use", "id": "x", "name": "code_execution", "input": {"code": "1"}},
            {"type": "code_execution_tool_result", "tool_use_id": "x", "content": {}},
            {"type": "text", "text": "so"},
        ],
    ),
    "on Bedrock": (
        answer(
            [{"type": "reasoning_content", "reasoning_content": {"text": "Hm.", "signature": SIGNED}}, TOOL_USE],
            {"model_provider": "bedrock_converse", "model_name": "us.anthropic.claude-sonnet-4-5-20250929-v1:0"},
            calls=True,
        ),
        [THOUGHT, TOOL_USE],
    ),
    "of a class that did not say its provider": (
        answer([THOUGHT, TOOL_USE], {"model": "claude-3-7-sonnet-20250219", "id": "msg_1"}, calls=True),
        [THOUGHT, TOOL_USE],
    ),
    "that says nothing of itself": (answer([THOUGHT, TOOL_USE], {}, calls=True), [THOUGHT, TOOL_USE]),
    "with a cache mark": (
        answer([{**TOOL_USE, "cache_control": {"type": "ephemeral"}}], CLAUDE, calls=True),
        [{**TOOL_USE, "cache_control": {"type": "ephemeral"}}],
    ),
}
FUNCTION_CALL = {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": SIGNED}
MAP = {"__gemini_function_call_thought_signatures__": {"c1": SIGNED}}
OF_GEMINI: dict[str, tuple[AIMessage, list[Any]]] = {
    "a thought and a call": (
        answer([{"type": "thinking", "thinking": "Hm."}], GEMINI, calls=True, additional_kwargs=MAP),
        [{"text": "Hm.", "thought": True}, FUNCTION_CALL],
    ),
    "a signed thought and text": (
        answer([THOUGHT, {"type": "text", "text": "so", "extras": {"signature": SIGNED}}], GEMINI),
        [
            {"text": "Hm.", "thought": True, "thoughtSignature": SIGNED},
            {"text": "so", "thoughtSignature": SIGNED},
        ],
    ),
    "an empty text that is signed": (
        answer(["so", {"type": "text", "text": "", "extras": {"signature": SIGNED}}], GEMINI),
        [{"text": "so"}, {"text": "", "thoughtSignature": SIGNED}],
    ),
    "sidecars of an early version": (
        answer([{"type": "function_call_signature", "signature": SIGNED}], GEMINI, calls=True),
        [FUNCTION_CALL],
    ),
    "v1": (
        answer(
            [
                {"type": "reasoning", "reasoning": "Hm.", "extras": {"signature": SIGNED}},
                {"type": "text", "text": "so", "thought_signature": SIGNED},
                CALL,
            ],
            GEMINI | V1,
            calls=True,
            additional_kwargs=MAP,
        ),
        [
            {"text": "Hm.", "thought": True, "thoughtSignature": SIGNED},
            {"text": "so", "thoughtSignature": SIGNED},
            FUNCTION_CALL,
        ],
    ),
    "of ChatVertexAI": (
        answer([THOUGHT], {"model_provider": "google_vertexai"}, calls=True, additional_kwargs=MAP),
        [{"text": "Hm.", "thought": True, "thoughtSignature": SIGNED}, FUNCTION_CALL],
    ),
    "of nobody, with the signatures of calls": (
        answer("", {}, calls=True, additional_kwargs=MAP),
        [FUNCTION_CALL],
    ),
    "an image": (
        answer(
            [
                {
                    "type": "image_url",
                    "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="},
                    "extras": {"signature": SIGNED},
                },
                "so",
            ],
            GEMINI,
        ),
        [{"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}, "thoughtSignature": SIGNED}, {"text": "so"}],
    ),
    "code": (
        answer(
            [
                {"type": "executable_code", "executable_code": "1+1", "language": "PYTHON", "id": "x"},
                {"type": "code_execution_result", "code_execution_result": "2", "outcome": 1, "tool_call_id": ""},
                "so",
            ],
            GEMINI,
        ),
        [
            {"executableCode": {"language": "PYTHON", "code": "1+1"}},
            {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}},
            {"text": "so"},
        ],
    ),
    "code in v1": (
        answer(
            [
                {"type": "server_tool_call", "id": "x", "name": "code_interpreter",
                 "args": {"code": "1", "language": "python"}},
                {"type": "server_tool_result", "tool_call_id": "x", "status": "error", "output": "!",
                 "extras": {"block_type": "code_execution_result", "outcome": 2}},
                {"type": "text", "text": "so"},
            ],
            GEMINI | V1,
        ),
        [
            {"executableCode": {"language": "PYTHON", "code": "1"}},
            {"codeExecutionResult": {"outcome": "OUTCOME_FAILED", "output": "!"}},
            {"text": "so"},
        ],
    ),
}  # fmt: skip
ITEM: dict[str, Any] = {
    "type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "E",
}  # fmt: skip
TEXT_ITEM = {
    "type": "message", "role": "assistant", "status": "completed", "id": "msg_1", "phase": "commentary",
    "content": [{"type": "output_text", "text": "I look.", "annotations": [], "logprobs": []}],
}  # fmt: skip
CALL_ITEM = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'}
WEB = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}}
URL = {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 2}
OF_GPT: dict[str, tuple[AIMessage, list[Any]]] = {
    "responses/v1": (
        answer(
            [
                {**ITEM, "index": 0},
                {"type": "text", "text": "I look.", "id": "msg_1", "phase": "commentary", "annotations": []},
                WEB,
                {**CALL_ITEM, "namespace": "n", "status": "completed"},
            ],
            GPT,
            calls=True,
        ),
        [ITEM, TEXT_ITEM, WEB, {**CALL_ITEM, "namespace": "n", "status": "completed"}],
    ),
    "v1": (
        answer(
            [
                {"type": "reasoning", "id": "rs_1", "reasoning": "Hm.", "extras": {"encrypted_content": "E"}},
                {"type": "reasoning", "id": "rs_1", "reasoning": "So."},
                {"type": "text", "text": "I look.", "id": "msg_1", "phase": "commentary"},
                {"type": "server_tool_call", "name": "web_search", "id": "ws_1", "args": WEB["action"]},
                {"type": "server_tool_result", "tool_call_id": "ws_1", "status": "success"},
                {**CALL, "extras": {"item_id": "fc_1", "namespace": "n"}},
            ],
            GPT | V1,
            calls=True,
        ),
        [
            {**ITEM, "summary": [*ITEM["summary"], {"type": "summary_text", "text": "So."}]},
            TEXT_ITEM,
            WEB,
            {**CALL_ITEM, "namespace": "n"},
        ],
    ),
    "v1, a thought without words": (
        answer(
            [{"type": "reasoning", "id": "rs_1", "extras": {"encrypted_content": "E"}},
             {**CALL, "extras": {"item_id": "fc_1"}}],
            GPT | V1,
            calls=True,
        ),
        [{**ITEM, "summary": []}, CALL_ITEM],
    ),
    "v0": (
        answer(
            [{"type": "text", "text": "I look.", "annotations": [URL]}],
            GPT,
            calls=True,
            id="msg_1",
            additional_kwargs={
                "reasoning": ITEM, "tool_outputs": [WEB], "__openai_function_call_ids__": {"c1": "fc_1"},
            },
        ),
        [
            ITEM,
            WEB,
            {"type": "message", "role": "assistant", "status": "completed", "id": "msg_1",
             "content": [{"type": "output_text", "text": "I look.", "annotations": [URL], "logprobs": []}]},
            CALL_ITEM,
        ],
    ),
    "a refusal of nobody, by its item": (
        answer([{"type": "refusal", "refusal": "No.", "id": "msg_1", "extras": {"phase": "final_answer"}}], {}),
        [{"type": "message", "role": "assistant", "status": "completed", "id": "msg_1", "phase": "final_answer",
          "content": [{"type": "refusal", "refusal": "No."}]}],
    ),
    "a phase without an id": (
        answer([{"type": "text", "text": "I look.", "phase": "commentary"}], GPT, calls=True),
        [
            {"type": "message", "role": "assistant", "phase": "commentary",
             "content": [{"type": "output_text", "text": "I look.", "annotations": [], "logprobs": []}]},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'},
        ],
    ),
    "compaction": (
        answer([{"type": "compaction", "id": "cmp_1", "encrypted_content": "E"}, "so"], GPT),
        [{"type": "compaction", "id": "cmp_1", "encrypted_content": "E"},
         {"type": "message", "role": "assistant", "content": "so"}],
    ),
    "a custom tool": (
        AIMessage(
            [{"type": "custom_tool_call", "id": "ct_1", "call_id": "c1", "name": "f", "input": "print(1)"}],
            response_metadata=GPT,
            tool_calls=[{"name": "f", "args": {"__arg1": "print(1)"}, "id": "c1"}],
        ),
        [{"type": "custom_tool_call", "id": "ct_1", "call_id": "c1", "name": "f", "input": "print(1)"}],
    ),
    "tools of OpenAI's in v1": (
        answer(
            [
                {"type": "server_tool_call", "name": "file_search", "id": "fs", "args": {"queries": ["q"]}},
                {"type": "server_tool_result", "tool_call_id": "fs", "status": "success", "output": [{"text": "t"}]},
                {"type": "server_tool_call", "name": "code_interpreter", "id": "ci", "args": {"code": "1"},
                 "extras": {"container_id": "co"}},
                {"type": "server_tool_result", "tool_call_id": "ci", "status": "success", "output": []},
                {"type": "server_tool_call", "name": "remote_mcp", "id": "mc", "args": {"a": 1},
                 "extras": {"tool_name": "t", "server_label": "s"}},
                {"type": "server_tool_result", "tool_call_id": "mc", "status": "success", "output": "o"},
                {"type": "server_tool_call", "name": "mcp_list_tools", "id": "ml", "args": {},
                 "extras": {"server_label": "s"}},
                {"type": "server_tool_result", "tool_call_id": "ml", "status": "success", "output": [{"name": "t"}]},
                {"type": "server_tool_call", "name": "tool_search", "id": "ts", "args": {"q": 1},
                 "extras": {"execution": "server", "status": "completed"}},
                {"type": "server_tool_result", "tool_call_id": "to", "status": "success", "output": {"tools": []},
                 "extras": {"name": "tool_search", "execution": "server"}},
                {"type": "image", "base64": "iVBORw0KGgo=", "id": "ig_1", "extras": {"status": "completed"}},
                {"type": "non_standard", "value": WEB},
                {"type": "text", "text": "so"},
            ],
            GPT | V1,
        ),
        [
            {"type": "file_search_call", "id": "fs", "status": "completed", "queries": ["q"],
             "results": [{"text": "t"}]},
            {"type": "code_interpreter_call", "id": "ci", "status": "completed", "code": "1", "container_id": "co",
             "outputs": []},
            {"type": "mcp_call", "id": "mc", "name": "t", "server_label": "s", "arguments": '{"a":1}', "output": "o"},
            {"type": "mcp_list_tools", "id": "ml", "server_label": "s", "tools": [{"name": "t"}]},
            {"type": "tool_search_call", "id": "ts", "status": "completed", "execution": "server",
             "arguments": {"q": 1}},
            {"type": "tool_search_output", "id": "to", "status": "completed", "execution": "server", "tools": []},
            {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "iVBORw0KGgo="},
            WEB,
            {"type": "message", "role": "assistant", "content": "so"},
        ],
    ),
}  # fmt: skip
OF_DEEPSEEK: dict[str, tuple[AIMessage, list[Any]]] = {
    "v0": (answer("", DEEPSEEK, calls=True, additional_kwargs={"reasoning_content": "Hm."}), ["Hm."]),
    "v1": (answer([{"type": "reasoning", "reasoning": "Hm."}, CALL], DEEPSEEK | V1, calls=True), ["Hm."]),
}
CASES = [
    *((model, name, *case) for model, cases in (
        ("claude-sonnet-4-5", OF_CLAUDE), ("gemini-3-pro-preview", OF_GEMINI), ("gpt-5", OF_GPT),
    ) for name, case in cases.items()),
]  # fmt: skip


@pytest.mark.parametrize(("model", "name", "message", "wanted"), CASES, ids=[f"{case[0]}-{case[1]}" for case in CASES])
def test_the_same_provider_gets_back_what_it_issued(
    model: str, name: str, message: AIMessage, wanted: list[Any], recwarn: pytest.WarningsRecorder
) -> None:
    before = message.model_copy(deep=True)
    assert goes_on(message, model) == wanted, name
    assert [str(one.message) for one in recwarn if issubclass(one.category, TikHubAIWarning)] == []
    assert message == before


@pytest.mark.parametrize("name", OF_DEEPSEEK)
def test_deepseek_gets_back_its_thoughts_beside_its_calls(name: str) -> None:
    message, [thought] = OF_DEEPSEEK[name]
    assert goes_on(message, "deepseek-chat")[0]["reasoning_content"] == thought


@pytest.mark.parametrize(("model", "name", "message", "wanted"), CASES, ids=[f"{case[0]}-{case[1]}" for case in CASES])
@pytest.mark.filterwarnings("ignore::tikhub_ai.TikHubAIWarning")
def test_no_other_provider_gets_any_of_it(model: str, name: str, message: AIMessage, wanted: list[Any]) -> None:
    for other in CODECS.keys() - {model}:
        told = json.dumps(goes_on(message, other))
        for secret in (SIGNED, "encrypted_content", "rs_1", "msg_1", "redacted", "Hm.", "__arg1"):
            assert secret not in told, (name, other)
