"""What goes out on POST /v1/responses. Every body is also held against OpenAI's OpenAPI."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import pytest

from tests import openapi
from tikhub_ai import (
    ChatRequest,
    Citation,
    Document,
    InvalidRequestError,
    Issuer,
    Media,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    ResponseFormat,
    ServerToolCall,
    ServerToolResult,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from tikhub_ai.apis import responses
from tikhub_ai.catalog import facts
from tikhub_ai.errors import TikHubAIWarning

WEATHER = Tool("get_weather", "Weather of a city", {"type": "object", "properties": {"city": {"type": "string"}}})
GPT = Issuer("responses", "gpt")
HI = Message("user", [Text("hi")])


def body_of(model: str = "gpt-4o", *messages: Message, stream: bool = False, **asked: Any) -> dict[str, Any]:
    request = ChatRequest(model=model, messages=list(messages) or [HI], **asked)
    before = copy.deepcopy(request)
    encoded = responses.encode(request, facts(model), stream=stream)
    assert request == before
    assert encoded.path == "/v1/responses"
    assert encoded.auth_header == "authorization"
    assert openapi.problems(encoded.path, encoded.body) == []
    body: dict[str, Any] = encoded.body
    return body


def input_of(*messages: Message, model: str = "gpt-5", **native: Any) -> list[dict[str, Any]]:
    wire: list[dict[str, Any]] = body_of(model, *messages, native=native)["input"]
    return wire


def test_only_what_was_asked_is_sent_and_nothing_is_stored() -> None:
    assert body_of() == {"model": "gpt-4o", "store": False, "input": [{"role": "user", "content": "hi"}]}
    assert body_of(stream=True)["stream"] is True


# --- instructions ---------------------------------------------------------------------------------------------------


def test_leading_system_messages_are_the_instructions() -> None:
    body = body_of(
        "gpt-4o", Message("system", [Text("Be brief."), Text("Be kind.")]), Message("developer", [Text("C")]), HI
    )
    assert body["instructions"] == "Be brief.\n\nBe kind.\n\nC"
    assert body["input"] == [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize(("model", "role"), [("gpt-4o", "developer"), ("grok-4", "system"), ("deepseek-v4", "system")])
def test_a_later_system_message_keeps_its_place(model: str, role: str) -> None:
    assert input_of(HI, Message("system", [Text("Be brief.")]), model=model)[1] == {
        "role": role,
        "content": "Be brief.",
    }


def test_instructions_that_hold_an_image_and_instructions_alone_are_input() -> None:
    shown = Message("system", [Text("Like this:"), Media("image", url="https://x.test/a.png")])
    assert "instructions" not in body_of("gpt-4o", shown, HI)
    alone = body_of("gpt-4o", Message("system", [Text("Say hello.")]))
    assert alone["input"] == [{"role": "developer", "content": "Say hello."}]


# --- user content ---------------------------------------------------------------------------------------------------

IMAGE = {"type": "input_image", "detail": "auto"}


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (Media("image", url="https://x.test/a.png"), IMAGE | {"image_url": "https://x.test/a.png"}),
        (Media("image", data="AAAA", mime_type="image/webp"), IMAGE | {"image_url": "data:image/webp;base64,AAAA"}),
        (Media("image", file_id="file-1"), IMAGE | {"file_id": "file-1"}),
        (Media("image", file_id="file-1", options={"detail": "low"}), IMAGE | {"file_id": "file-1", "detail": "low"}),
        (Media("file", url="https://x.test/a.pdf"), {"type": "input_file", "file_url": "https://x.test/a.pdf"}),
        (Media("file", file_id="file-1", name="a.pdf"), {"type": "input_file", "file_id": "file-1"}),
        (
            Media("file", data="AAAA", mime_type="application/pdf", name="a.pdf"),
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
        ),
        (
            Media("file", data="AAAA"),
            {"type": "input_file", "filename": "document.pdf", "file_data": "data:application/pdf;base64,AAAA"},
        ),
        (Document([Text("It rains.")], title="News", source="https://x.test"),
         {"type": "input_text", "text": "Source: News (https://x.test)\nIt rains."}),
        (Opaque({"type": "input_file", "file_id": "f"}), {"type": "input_file", "file_id": "f"}),
    ],
)  # fmt: skip
def test_each_kind_of_content_has_its_block(part: Any, block: dict[str, Any]) -> None:
    content = input_of(Message("user", [Text("Look:"), part]))[0]["content"]
    assert content == [{"type": "input_text", "text": "Look:"}, block]


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_sound_and_film_are_refused_by_name(kind: Any) -> None:
    with pytest.raises(InvalidRequestError, match=f"responses cannot carry {kind} input"):
        body_of("gpt-4o", Message("user", [Media(kind, data="AAAA")]))


def test_a_callers_own_item_stands_where_it_was_put() -> None:
    own = {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True}
    sent = input_of(Message("user", [Text("Yes."), Opaque(own), Text("Go on.")]))
    assert sent == [{"role": "user", "content": "Yes."}, own, {"role": "user", "content": "Go on."}]
    assert input_of(HI, Message("tool", [Opaque(own)]))[1:] == [own]


def test_the_name_of_a_speaker_is_dropped_with_a_warning() -> None:
    with pytest.warns(TikHubAIWarning, match="names of speakers"):
        assert input_of(Message("user", [Text("hi")], name="ann")) == [{"role": "user", "content": "hi"}]


# --- tool calls and results -----------------------------------------------------------------------------------------

CALL = ToolCall("call_1", "get_weather", '{"city":"Paris"}')


def answered(result: ToolResult, call: ToolCall = CALL) -> list[dict[str, Any]]:
    return input_of(HI, Message("assistant", [call]), Message("tool", [result]))[1:]


def test_a_call_and_its_result_are_items() -> None:
    assert answered(ToolResult("call_1", [Text("sunny"), Text("warm")])) == [
        {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": '{"city":"Paris"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "sunny\nwarm"},
    ]


def test_a_result_may_hold_images_and_files() -> None:
    shown: list[Text | Media | Document | Opaque] = [
        Text("Here:"),
        Media("image", data="AAAA"),
        Media("file", url="https://x.test/a.pdf"),
    ]
    assert answered(ToolResult("call_1", shown))[1]["output"] == [
        {"type": "input_text", "text": "Here:"},
        IMAGE | {"image_url": "data:image/png;base64,AAAA"},
        {"type": "input_file", "file_url": "https://x.test/a.pdf"},
    ]


def test_a_custom_tools_call_and_result_keep_their_kind() -> None:
    state = {"id": "ctc_1", "type": "custom_tool_call"}
    call = ToolCall("call_1", "python", '{"input":"1+1"}', state=state, issuer=GPT)
    assert answered(ToolResult("call_1", [Text("2")]), call) == [
        {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_1", "name": "python", "input": "1+1"},
        {"type": "custom_tool_call_output", "call_id": "call_1", "output": "2"},
    ]


def test_an_id_that_is_too_long_for_the_wire_is_shortened_in_call_and_result_alike() -> None:
    call, result = answered(ToolResult("x" * 65, [Text("2")]), ToolCall("x" * 65, "f", "{}"))
    assert call["call_id"] == result["call_id"]
    assert len(call["call_id"]) <= 64


def test_a_result_without_its_call_is_refused_unless_the_provider_holds_the_call() -> None:
    result = Message("tool", [ToolResult("call_1", [Text("sunny")])])
    with pytest.raises(InvalidRequestError, match="no such call"):
        body_of("gpt-5", HI, result)
    for native in ({"previous_response_id": "resp_1"}, {"conversation": "conv_1"}):
        sent = body_of("gpt-5", result, native=native)
        assert sent["input"] == [{"type": "function_call_output", "call_id": "call_1", "output": "sunny"}]


def test_deepseek_gets_its_calls_right_before_their_results() -> None:
    """DeepSeek answers 400 `No tool output found for tool call` where something stands between the calls of a turn."""
    turn = Message("assistant", [Text("one"), CALL, Text("two"), ToolCall("call_2", "get_weather", "{}")])
    results = Message("tool", [ToolResult("call_1", [Text("a")]), ToolResult("call_2", [Text("b")])])
    kinds = [item.get("type", item.get("role")) for item in input_of(HI, turn, results, model="deepseek-v4-flash")]
    calls = ["function_call", "function_call", "function_call_output", "function_call_output"]
    assert kinds == ["user", "message", "message", *calls]


# --- replay ---------------------------------------------------------------------------------------------------------

THOUGHT = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "gAAA"}
MESSAGE = {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "phase": "final_answer"}
SEARCH = {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}}
NOTE = {"type": "url_citation", "url": "https://x.test", "title": "X", "start_index": 0, "end_index": 5}
FUNCTION = {"id": "fc_1", "type": "function_call", "status": "completed"}


def own(issuer: Issuer = GPT) -> list[Any]:
    return [
        Reasoning(state={"item": THOUGHT}, issuer=issuer),
        ServerToolCall("ws_1", "web_search", {}, state={"item": SEARCH}, issuer=issuer),
        ServerToolResult("ws_1", [], issuer=issuer),
        Text("Hello", [Citation("url_citation", raw=NOTE)], state=MESSAGE, issuer=issuer),
        Refusal("No.", state=MESSAGE, issuer=issuer),
        ToolCall("call_1", "get_weather", "{}", state=FUNCTION, issuer=issuer),
        Opaque({"id": "cmp_1", "type": "compaction", "encrypted_content": "gBBB"}, issuer=issuer),
    ]


def test_an_answer_goes_back_to_its_issuer_item_for_item() -> None:
    said = {"type": "output_text", "text": "Hello", "annotations": [NOTE], "logprobs": []}
    answered = Message("tool", [ToolResult("call_1")])
    assert input_of(HI, Message("assistant", own()), answered, HI)[1:-2] == [
        THOUGHT,
        SEARCH,
        MESSAGE | {"content": [said, {"type": "refusal", "refusal": "No."}]},
        FUNCTION | {"call_id": "call_1", "name": "get_weather", "arguments": "{}"},
        {"id": "cmp_1", "type": "compaction", "encrypted_content": "gBBB"},
    ]


@pytest.mark.parametrize("issuer", [Issuer("responses", "grok"), Issuer("messages", "claude"), Issuer("x", "gpt")])
def test_anybody_else_gets_words_and_calls_alone_with_one_warning(issuer: Issuer) -> None:
    with pytest.warns(TikHubAIWarning, match=r"left out: Reasoning of .*Server.*compaction of") as warned:
        sent = input_of(HI, Message("assistant", own(issuer)))[1:]
    assert len(warned) == 1
    assert sent == [
        {"type": "message", "role": "assistant", "content": "HelloNo."},
        {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": "{}"},
    ]


def test_messages_stay_apart_and_what_the_framework_edited_wins() -> None:
    first, second = MESSAGE | {"phase": "commentary"}, MESSAGE | {"id": "msg_2"}
    parts: Any = [Text("A", state=first, issuer=GPT), Text("B", state=second, issuer=GPT), Text("C")]
    sent = input_of(HI, Message("assistant", parts))[1:]
    assert [item.get("phase") for item in sent] == ["commentary", "final_answer", None]
    assert [item["content"][0]["text"] for item in sent[:2]] == ["A", "B"]
    assert sent[2] == {"type": "message", "role": "assistant", "content": "C"}


def test_a_generated_image_goes_back_as_its_item() -> None:
    state = {"item": {"id": "ig_1", "type": "image_generation_call", "status": "completed"}}
    image = Media("image", data="AAAA", mime_type="image/png", state=state, issuer=GPT)
    assert input_of(HI, Message("assistant", [image]))[1] == state["item"] | {"result": "AAAA"}


def test_reasoning_that_the_provider_cannot_find_is_not_sent() -> None:
    """With `store` false an id alone is a 404, and gpt-4o refuses all reasoning items."""
    bare = {"id": "rs_1", "type": "reasoning", "summary": []}
    answer = Message("assistant", [Reasoning(state={"item": bare}, issuer=GPT), Text("ok")])
    assert bare in input_of(HI, answer, model="gpt-5", store=True)
    with pytest.warns(TikHubAIWarning, match="Reasoning"):
        assert bare not in input_of(HI, answer, model="gpt-5")
    with pytest.warns(TikHubAIWarning, match="Reasoning"):
        assert input_of(HI, Message("assistant", own()[:1]), model="gpt-4o") == input_of(HI)


def test_an_image_that_another_api_made_is_left_out_and_its_spoken_words_are_text() -> None:
    other = Issuer("chat_completions", "gpt")
    speech = Media("audio", data="AAAA", transcript="Hello.", issuer=other)
    sent = input_of(HI, Message("assistant", [speech]))[1]
    assert sent == {"type": "message", "role": "assistant", "content": "Hello."}
    with pytest.warns(TikHubAIWarning, match="image of an answer"):
        input_of(HI, Message("assistant", [Media("image", data="AAAA", issuer=other)]))


# --- settings -------------------------------------------------------------------------------------------------------


def test_settings_go_out_under_the_wire_names() -> None:
    asked: dict[str, Any] = {
        "temperature": 0.0,
        "top_p": 0.5,
        "user": "u1",
        "metadata": {"run": "1"},
        "top_logprobs": 3,
    }
    body = body_of(**asked, max_tokens=64, logprobs=True)
    assert {name: body[name] for name in asked} == asked
    assert body["max_output_tokens"] == 64
    assert body["include"] == ["message.output_text.logprobs"]


def test_what_the_wire_has_no_field_for_is_a_warning_that_names_it() -> None:
    asked: dict[str, Any] = {
        "n": 2, "seed": 7, "logit_bias": {"1": 1}, "presence_penalty": 0.1, "frequency_penalty": 0.1, "top_k": 5,
        "thinking": {"type": "enabled"}, "thinking_budget": 9, "modalities": ["text", "audio"], "audio": {"voice": "x"},
    }  # fmt: skip
    for name, value in asked.items():
        with pytest.warns(TikHubAIWarning, match=f"responses has no '{name}'"):
            assert body_of(**{name: value}) == body_of()


def test_values_that_ask_for_nothing_are_dropped_in_silence() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asked: dict[str, Any] = {"n": 1, "presence_penalty": 0, "frequency_penalty": 0, "modalities": ["text"]}
        assert body_of(**asked, logprobs=False, stop=["END"]) == body_of()
        assert "temperature" not in body_of("o3", temperature=1)


@pytest.mark.parametrize(
    ("name", "value"), [("temperature", 0.2), ("top_p", 0.5), ("logprobs", True), ("top_logprobs", 2)]
)
def test_a_setting_that_the_model_refuses_is_left_out_with_a_warning_that_names_it(name: str, value: Any) -> None:
    with pytest.warns(TikHubAIWarning, match=f"o3 refuses '{name}'"):
        assert body_of("o3", **{name: value}) == body_of("o3")


def test_what_a_model_refuses_only_while_it_reasons_is_sent_while_it_does_not() -> None:
    assert body_of("gpt-5.1", temperature=0.2)["temperature"] == 0.2
    assert body_of("gpt-5.1", temperature=0.2, reasoning_effort="none")["temperature"] == 0.2
    with pytest.warns(TikHubAIWarning, match="refuses 'temperature'"):
        assert "temperature" not in body_of("gpt-5.1", temperature=0.2, reasoning={"effort": "high"})


def test_openai_takes_no_limit_below_16_tokens() -> None:
    with pytest.warns(TikHubAIWarning, match="max_tokens below 16"):
        assert body_of(max_tokens=5)["max_output_tokens"] == 16


def test_reasoning_has_effort_and_summary() -> None:
    assert body_of("gpt-5", reasoning_effort="low")["reasoning"] == {"effort": "low"}
    asked = {"effort": "high", "summary": "auto"}
    assert body_of("gpt-5", reasoning=asked)["reasoning"] == asked
    assert body_of("gpt-5", reasoning=asked, reasoning_effort="low")["reasoning"] == asked | {"effort": "low"}


@pytest.mark.parametrize(
    ("model", "asked"), [("gpt-5", True), ("o3", True), ("gpt-4o", False), ("gpt-5-chat-latest", False)]
)
def test_encrypted_reasoning_is_asked_for_where_the_model_reasons(model: str, asked: bool) -> None:
    assert ("reasoning.encrypted_content" in body_of(model).get("include", [])) is asked


def test_include_joins_what_the_caller_asked_and_storage_needs_no_encryption() -> None:
    wanted = "web_search_call.action.sources"
    assert body_of("gpt-5", native={"include": [wanted]})["include"] == [wanted, "reasoning.encrypted_content"]
    stored = body_of("gpt-5", native={"store": True})
    assert stored["store"] is True
    assert "include" not in stored
    assert "store" not in body_of("gpt-5", native={"background": True})  # refused where nothing is kept


def test_native_arguments_go_out_by_their_names() -> None:
    native = {
        "service_tier": "flex", "prompt_cache_key": "k", "safety_identifier": "s", "truncation": "auto",
        "previous_response_id": "resp_1", "max_tool_calls": 3,
    }  # fmt: skip
    body = body_of("gpt-5", native=native | {"verbosity": "low"})
    assert {name: body[name] for name in native} == native
    assert body["text"] == {"verbosity": "low"}
    with pytest.warns(TikHubAIWarning, match="prediction"):
        body_of("gpt-5", native={"prediction": {}})
    assert body_of(extra_body={"store": True})["store"] is True


def test_structured_output_is_a_text_format() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    wanted = ResponseFormat("json_schema", schema, "Answer", "What to say", strict=True)
    assert body_of(response_format=wanted, native={"verbosity": "high"})["text"] == {
        "verbosity": "high",
        "format": {
            "type": "json_schema",
            "name": "Answer",
            "schema": schema,
            "description": "What to say",
            "strict": True,
        },
    }
    assert body_of(response_format=ResponseFormat("json_object"))["text"] == {"format": {"type": "json_object"}}


# --- tools ----------------------------------------------------------------------------------------------------------


def test_function_tools_are_flat_and_strict_only_when_asked() -> None:
    function = {
        "type": "function", "name": "get_weather", "description": "Weather of a city",
        "parameters": WEATHER.parameters, "strict": False,
    }  # fmt: skip
    assert body_of(tools=[WEATHER])["tools"] == [function]
    deferred = Tool("f", strict=True, options={"defer_loading": True})
    assert body_of(tools=[deferred])["tools"][0] == {
        "type": "function", "name": "f", "strict": True, "defer_loading": True,
        "parameters": {"type": "object", "properties": {}, "required": [], "additionalProperties": False},
    }  # fmt: skip


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "web_search"},
        {"type": "file_search", "vector_store_ids": ["vs_1"]},
        {"type": "code_interpreter", "container": {"type": "auto"}},
        {"type": "mcp", "server_label": "d", "server_url": "https://x.test/mcp", "require_approval": "never"},
        {"type": "image_generation"},
        {"type": "tool_search"},
        {"type": "custom", "name": "python", "format": {"type": "text"}},
    ],
    ids=lambda tool: tool["type"],
)
def test_the_providers_own_tools_and_custom_tools_are_sent_as_they_are(tool: dict[str, Any]) -> None:
    assert body_of(tools=[Tool(raw=tool)])["tools"] == [tool]


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (ToolChoice("auto"), "auto"),
        (ToolChoice("none"), "none"),
        (ToolChoice("required"), "required"),
        (ToolChoice("tool", "get_weather"), {"type": "function", "name": "get_weather"}),
        (ToolChoice(raw={"type": "custom", "name": "python"}), {"type": "custom", "name": "python"}),
        (ToolChoice(raw={"type": "web_search_preview"}), {"type": "web_search_preview"}),
        (
            ToolChoice(raw={"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]}),
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
        ),
    ],
    ids=lambda value: "",
)
def test_tool_choice_in_all_forms(choice: ToolChoice, sent: Any) -> None:
    assert body_of(tools=[WEATHER], tool_choice=choice)["tool_choice"] == sent
    assert "tool_choice" not in body_of(tool_choice=choice)


def test_parallel_calls_are_allowed_or_not() -> None:
    assert body_of(tools=[WEATHER], parallel_tool_calls=False)["parallel_tool_calls"] is False
    with pytest.warns(TikHubAIWarning, match="parallel_tool_calls"):
        assert "parallel_tool_calls" not in body_of("o3", tools=[WEATHER], parallel_tool_calls=True)


def test_a_tool_cannot_be_forced_on_a_model_that_refuses_it() -> None:
    with pytest.warns(TikHubAIWarning, match="cannot be forced"):
        body = body_of("deepseek-v4-flash", tools=[WEATHER], tool_choice=ToolChoice("required"))
    assert body["tool_choice"] == "auto"
