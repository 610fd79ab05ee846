"""Calls of OpenAI's own tools that the caller runs: shown with all that is needed, answered in every form, never torn.

The kinds come from OpenAI's SDK: each type of input item that answers another, and the call that it answers.
"""

from __future__ import annotations

import base64
import json
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from openai.types.responses.response_input_param import ResponseInputItemParam

from langchain_tikhub import ChatTikHub
from llama_index_tikhub.history import to_conversation as of_llama_index
from llama_index_tikhub.reply import chat_response
from tests.openai_types import fields_of, kinds_of, sample, words_of
from tests.scripted_server import Answer, ScriptedServer, sse
from tests.typed_dicts import problems
from tikhub_ai import ChatRequest, InvalidRequestError, TikHubAIWarning, choose_api
from tikhub_ai.apis import responses
from tikhub_ai.apis.due_calls import ANSWERS, KINDS, is_due
from tikhub_ai.catalog import facts

INPUTS = {word: kind for kind in kinds_of(ResponseInputItemParam) if "type" in fields_of(kind)
          for word in words_of(fields_of(kind)["type"].kind)}  # fmt: skip
"""OpenAI's input items by their types."""
RUN_BY_OPENAI = {"program_output"}
FUNCTIONS = {"function_call_output", "custom_tool_call_output"}
PNG = "iVBORw0KGgo="
SCREEN = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]
CHECKS = [{"id": "cu_sc_1", "code": "malicious_instructions", "message": "Watch out"}]
FURTHER: dict[str, dict[str, Any]] = {
    "computer_call": {"pending_safety_checks": CHECKS, "action": {"type": "wait"}, "status": "completed"},
    "tool_search_call": {"execution": "client", "call_id": "call_ts", "id": "tsc_1", "arguments": {"goal": "crm"}},
    "shell_call": {"id": "sh_1", "environment": {"type": "local"}, "action": {"commands": ["ls"], "timeout_ms": 5}},
    "apply_patch_call": {"id": "apc_1"},
}


def call_of(kind: str) -> dict[str, Any]:
    call: dict[str, Any] = sample(INPUTS[kind]) | FURTHER.get(kind, {})
    return call


def name_of(call: dict[str, Any]) -> str:
    return str(call[KINDS[call["type"]].named_by])


SAID: dict[str, Any] = {
    "computer_call": SCREEN,
    "shell_call": "a.txt",
    "local_shell_call": "a.txt",
    "apply_patch_call": "done",
    "mcp_approval_request": "true",
    "tool_search_call": json.dumps([{"type": "function", "name": "f", "parameters": {}, "strict": True}]),
}
"""What a ToolMessage says in our form."""


def body_of(*output: dict[str, Any]) -> dict[str, Any]:
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    return {"id": "resp_1", "object": "response", "status": "completed", "output": list(output), "usage": usage}


def answered(server: ScriptedServer, *output: dict[str, Any], streamed: bool, **made: Any) -> AIMessage:
    llm = ChatTikHub(model="gpt-5", api="responses", api_key="k", base_url=server.url, **made)
    if not streamed:
        server.answers = [Answer(body_of(*output))]
        return llm.invoke("Do it.")
    events = [{"type": "response.output_item.done", "output_index": n, "item": item} for n, item in enumerate(output)]
    server.answers = [sse(*events, {"type": "response.completed", "response": body_of(*output)}, done=False)]
    first, *rest = llm.stream("Do it.")
    whole: AIMessageChunk = first
    for chunk in rest:
        whole += chunk
    return whole


def sent(server: ScriptedServer, *messages: BaseMessage, **call: Any) -> list[dict[str, Any]]:
    """The items that stand after the first question."""
    server.answers = [Answer(body_of({"type": "message", "role": "assistant", "content": "Done."}))]
    asked = [HumanMessage("Do it."), *messages]
    ChatTikHub(model="gpt-5", api="responses", api_key="k", base_url=server.url).invoke(asked, **call)
    items: list[dict[str, Any]] = server.requests[-1].json()["input"]
    return items[1:]


def test_every_kind_of_call_that_openai_lets_the_caller_answer_is_known() -> None:
    kinds = {kind for kind in INPUTS if kind.endswith(("_output", "_response"))}
    assert kinds == ANSWERS.keys() | RUN_BY_OPENAI | FUNCTIONS
    for answer, kind in ANSWERS.items():
        assert KINDS[kind].names[-1] in fields_of(INPUTS[answer])
        assert KINDS[kind].named_by in fields_of(INPUTS[kind])


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_call_is_shown_with_everything_that_is_needed_to_answer_it(
    server: ScriptedServer, kind: str, *, streamed: bool
) -> None:
    call = call_of(kind)
    for made in ({}, {"output_version": "v1"}):
        message = answered(server, call, streamed=streamed, **made)
        shown = [block for block in message.content_blocks if block["type"] == "non_standard"]
        assert [block["value"] for block in shown] == [call]
        assert message.additional_kwargs["tool_outputs"] == [call]
        assert message.response_metadata["finish_reason"] == "tool_calls"
        assert not message.tool_calls


def wire_of(call: dict[str, Any]) -> dict[str, Any]:
    """The item that answers a call."""
    kind = KINDS[call["type"]]
    return {"type": kind.answer, **dict.fromkeys(kind.names, name_of(call)), **WIRE[call["type"]]}


def forms(kind: str, call: dict[str, Any]) -> list[BaseMessage]:
    """The same answer in every form: ours, the wire's item as a block, and as LangChain packs it."""
    name, item = name_of(call), wire_of(call)
    bare = {key: value for key, value in item.items() if key not in KINDS[kind].names}
    return [
        ToolMessage(SAID[kind], tool_call_id=name),
        ToolMessage([item], tool_call_id=name),
        ToolMessage([bare], tool_call_id=name),
        ToolMessage([{"type": "non_standard", "value": item}], tool_call_id=name),
        HumanMessage([item]),
        HumanMessage([{"type": "non_standard", "value": item}]),
    ]


WIRE: dict[str, dict[str, Any]] = {
    "computer_call": {"output": {"type": "computer_screenshot", "image_url": f"data:image/png;base64,{PNG}"}},
    "shell_call": {"output": [{"stdout": "a.txt", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}]},
    "local_shell_call": {"output": "a.txt"},
    "apply_patch_call": {"status": "completed", "output": "done"},
    "mcp_approval_request": {"approve": True},
    "tool_search_call": {
        "execution": "client",
        "status": "completed",
        "tools": [{"type": "function", "name": "f", "parameters": {}, "strict": True}],
    },
}


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_in_any_form_is_the_item_that_the_call_asks_for(
    server: ScriptedServer, kind: str, *, streamed: bool
) -> None:
    call = call_of(kind)
    message = answered(server, call, streamed=streamed)
    wanted = wire_of(call)
    assert [one for one in problems(wanted, INPUTS[KINDS[kind].answer]) if kind != "local_shell_call"] == []
    for answer in forms(kind, call):
        assert sent(server, message, answer) == [call, wanted]


def test_chatopenais_way_to_answer_a_computer_call(server: ScriptedServer) -> None:
    call = call_of("computer_call")
    message = answered(server, call, streamed=False)
    said = {"type": "computer_call_output", "acknowledged_safety_checks": CHECKS}
    url = f"data:image/png;base64,{PNG}"
    wanted = {"call_id": call["call_id"], **WIRE["computer_call"], **said}
    for content in ([{"type": "input_image", "image_url": url}], url, SCREEN):
        answer = ToolMessage(content, tool_call_id=call["call_id"], additional_kwargs=said)  # type: ignore[arg-type]  # Any
        assert sent(server, message, answer) == [call, wanted]
        kept = sent(server, answer, previous_response_id="resp_1")  # the call is at the provider alone
        assert kept == [wanted]
    plain = ToolMessage(SCREEN, tool_call_id=call["call_id"])  # type: ignore[arg-type]  # nobody acknowledged anything
    assert "acknowledged_safety_checks" not in sent(server, message, plain)[1]


def test_what_a_call_says_of_its_answer_is_kept_to(server: ScriptedServer) -> None:
    caller = {"type": "program", "caller_id": "prog_1"}
    call = call_of("shell_call") | {"caller": caller, "action": {"commands": ["ls"], "max_output_length": 9}}
    failed = ToolMessage("no such file", tool_call_id=call["call_id"], status="error")
    (_, answer) = sent(server, answered(server, call, streamed=False), failed)
    assert (answer["caller"], answer["max_output_length"]) == (caller, 9)
    assert answer["output"] == [{"stdout": "", "stderr": "no such file", "outcome": {"type": "exit", "exit_code": 1}}]
    several = [{"stdout": "a", "stderr": "", "outcome": {"type": "timeout"}}]
    whole = ToolMessage(json.dumps(several), tool_call_id=call["call_id"])
    assert sent(server, answered(server, call, streamed=False), whole)[1]["output"] == several
    patch = call_of("apply_patch_call")
    failed = ToolMessage("does not apply", tool_call_id=patch["call_id"], status="error")
    answer = sent(server, answered(server, patch, streamed=False), failed)[1]
    assert (answer["status"], answer["output"]) == ("failed", "does not apply")


@pytest.mark.parametrize(
    ("said", "approve", "reason"),
    [
        ("true", True, None),
        ("Yes.", True, None),
        ("denied", False, None),
        ('{"approve": false, "reason": "too broad"}', False, "too broad"),
        (ToolMessage("Not today", tool_call_id="x", status="error"), False, "Not today"),
        (ToolMessage("x", tool_call_id="x", additional_kwargs={"approve": True}), True, None),
    ],
)
def test_an_approval_is_said_in_plain_words(server: ScriptedServer, said: Any, approve: Any, reason: Any) -> None:
    call = call_of("mcp_approval_request")
    answer = said if isinstance(said, ToolMessage) else ToolMessage(said, tool_call_id="x")
    answer.tool_call_id = call["id"]
    item = sent(server, answered(server, call, streamed=False), answer)[1]
    assert (item["approve"], item.get("reason")) == (approve, reason)


@pytest.mark.parametrize(
    ("kind", "said", "name"),
    [
        ("computer_call", "I looked.", "must hold a screenshot"),
        ("mcp_approval_request", "Perhaps.", "must say true or false"),
        ("tool_search_call", "none", "must be a JSON list"),
    ],
)
def test_an_answer_that_the_call_does_not_ask_for_is_refused(
    server: ScriptedServer, kind: str, said: str, name: str
) -> None:
    call = call_of(kind)
    message = answered(server, call, streamed=False)
    with pytest.raises(InvalidRequestError, match=name):
        sent(server, message, ToolMessage(said, tool_call_id=name_of(call)))


OTHERS = [
    ("gpt-5", "chat_completions"),
    ("claude-sonnet-4-5", "messages"),
    ("gemini-3-pro-preview", "generate_content"),
    ("grok-4", "responses"),
]


@pytest.mark.parametrize(("model", "api"), OTHERS)
@pytest.mark.parametrize("kind", KINDS)
def test_who_cannot_read_a_call_is_not_told_its_answer(server: ScriptedServer, kind: str, model: str, api: str) -> None:
    call = call_of(kind)
    message = answered(server, call, {"type": "message", "role": "assistant", "content": "Wait."}, streamed=False)
    for answer in forms(kind, call):
        request = ChatTikHub(model=model, api=api, api_key="k")._get_request_payload(
            [HumanMessage("Do it."), message, answer, HumanMessage("And?")]
        )
        with pytest.warns(TikHubAIWarning, match=f"{kind} and what answers it of gpt on responses") as warned:
            body = json.dumps(encoded(request, api))
        assert len(warned) == 1
        assert not any(word in body for word in (kind, KINDS[kind].answer, name_of(call), PNG))
        assert "And?" in body


def encoded(request: ChatRequest, api: str) -> dict[str, Any]:
    from importlib import import_module

    body: dict[str, Any] = (
        import_module(f"tikhub_ai.apis.{api}").encode(request, facts(request.model), stream=False).body
    )
    return body


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_that_nobody_answered_is_answered_or_taken_out(server: ScriptedServer, kind: str) -> None:
    call = call_of(kind)
    message = answered(server, call, streamed=False)
    with pytest.warns(TikHubAIWarning, match=f"nobody answered.*{kind}"):
        items = sent(server, message, HumanMessage("Never mind."))
    assert items[-1] == {"role": "user", "content": "Never mind."}
    if kind == "computer_call":
        assert len(items) == 1
    else:
        assert items[0] == call
        assert items[1].items() >= {"type": KINDS[kind].answer, KINDS[kind].names[0]: name_of(call)}.items()


def test_a_call_of_another_class_goes_with_its_answer(server: ScriptedServer) -> None:
    for kind in KINDS:
        call = call_of(kind)
        foreign = AIMessage([call], response_metadata={"model_provider": "somebody"})
        for answer in forms(kind, call):
            with pytest.warns(TikHubAIWarning, match="what answers it of somebody"):
                assert sent(server, foreign, answer, HumanMessage("And?")) == [{"role": "user", "content": "And?"}]


@pytest.mark.parametrize("kind", KINDS)
def test_llama_index_sends_the_same_answers(kind: str) -> None:
    from llama_index.core.base.llms.types import ChatMessage, ImageBlock, MessageRole, TextBlock

    call = call_of(kind)
    decoder = responses.decoder(ChatRequest("gpt-5", []), facts("gpt-5"))
    decoder.body(body_of(call))
    message = chat_response(decoder.accumulator.reply()).message
    block = ImageBlock(image=PNG.encode(), image_mimetype="image/png")
    blocks = [block if kind == "computer_call" else TextBlock(text=SAID[kind])]
    answer = ChatMessage(role=MessageRole.TOOL, blocks=blocks, additional_kwargs={"tool_call_id": name_of(call)})
    history = of_llama_index([ChatMessage(content="Do it."), message, answer])
    body = encoded(ChatRequest("gpt-5", history), "responses")
    assert body["input"][1:] == [
        call,
        wire_of(call),
    ]


def test_what_openai_runs_by_itself_waits_for_nobody() -> None:
    assert not is_due({"type": "tool_search_call", "execution": "server"})
    assert not is_due({"type": "shell_call", "environment": {"type": "container_reference", "container_id": "c"}})
    assert not is_due({"type": "web_search_call"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert is_due({"type": "shell_call", "environment": None})


@pytest.mark.parametrize("kind", ["computer_call", "mcp_approval_request"])
def test_the_loops_of_the_docs_run(
    server: ScriptedServer,
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = (Path(__file__).parents[3] / "docs" / "due_calls.md").read_text()
    code = next(code for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if f'"{kind}"' in code)
    call = call_of(kind)
    asked, done = Answer(body_of(call)), Answer(body_of({"type": "message", "role": "assistant", "content": "Done."}))
    server.answers = [asked, asked, done]
    monkeypatch.setenv("TIKHUB_AI_API_KEY", "k")
    monkeypatch.setenv("TIKHUB_AI_BASE_URL", server.url)
    (tmp_path / "photo.png").write_bytes(base64.b64decode(PNG))
    monkeypatch.chdir(tmp_path)
    people: list[str] = []

    def somebody(question: str) -> str:
        people.append(question)
        return "y"

    exec(code, {"input": somebody})
    assert capsys.readouterr().out == "Done.\n"
    answers = [item for item in server.requests[-1].json()["input"] if item.get("type") == KINDS[kind].answer]
    acknowledged = {"acknowledged_safety_checks": CHECKS} if kind == "computer_call" else {}
    assert answers == [wire_of(call) | acknowledged] * 2
    assert len(people) == 2
    assert all(str(CHECKS) in question for question in people) == (kind == "computer_call")


@pytest.mark.parametrize("model", ["computer-use-preview", "openai/computer-use-preview-2025-03-11"])
def test_the_model_for_screens_is_openais_and_answers_on_responses(model: str) -> None:
    assert (facts(model).family, choose_api(model)) == ("gpt", "responses")
