"""What goes out on POST /v1/chat/completions. Every body is also held against OpenAI's OpenAPI."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from tests import openapi
from tikhub_ai import (
    ChatRequest,
    InvalidRequestError,
    Issuer,
    Media,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from tikhub_ai.apis import chat_completions
from tikhub_ai.catalog import facts
from tikhub_ai.errors import TikHubAIWarning

WEATHER = Tool("get_weather", "Weather of a city", {"type": "object", "properties": {"city": {"type": "string"}}})
DEEPSEEK = Issuer("chat_completions", "deepseek")


def body_of(model: str = "gpt-4o", *messages: Message, stream: bool = False, **asked: Any) -> dict[str, Any]:
    request = ChatRequest(model=model, messages=list(messages) or [Message("user", [Text("hi")])], **asked)
    encoded = chat_completions.encode(request, facts(model), stream=stream)
    assert encoded.path == "/v1/chat/completions"
    assert openapi.problems(encoded.path, encoded.body) == []
    body: dict[str, Any] = encoded.body
    return body


def messages_of(model: str, *messages: Message) -> list[dict[str, Any]]:
    wire: list[dict[str, Any]] = body_of(model, *messages)["messages"]
    return wire


def test_only_what_was_asked_is_sent() -> None:
    assert body_of() == {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}


def test_a_stream_always_asks_for_usage_unless_told_not_to() -> None:
    assert body_of(stream=True)["stream_options"] == {"include_usage": True}
    assert "stream_options" not in body_of(stream=True, stream_usage=False)


@pytest.mark.parametrize(
    ("model", "role", "sent"),
    [
        ("gpt-4o", "system", "system"),
        ("gpt-4o", "developer", "developer"),
        ("o3", "system", "developer"),
        ("gpt-5-mini", "system", "developer"),
        ("o1-mini", "system", "user"),
        ("deepseek-chat", "developer", "system"),
        ("claude-sonnet-4-5", "developer", "system"),
        ("some-new-model", "developer", "system"),
    ],
)
def test_instructions_take_the_role_that_the_model_wants(model: str, role: Any, sent: str) -> None:
    first = messages_of(model, Message(role, [Text("Be brief.")]), Message("user", [Text("hi")]))[0]
    assert first == {"role": sent, "content": "Be brief."}


@pytest.mark.parametrize(
    ("model", "field"),
    [
        ("gpt-4o", "max_tokens"),
        ("o3", "max_completion_tokens"),
        ("gpt-5", "max_completion_tokens"),
        ("new", "max_tokens"),
    ],
)
def test_the_answer_limit_has_the_name_that_the_model_wants(model: str, field: str) -> None:
    assert body_of(model, max_tokens=64)[field] == 64


def test_settings_go_out_under_the_wire_names() -> None:
    asked: dict[str, Any] = {
        "temperature": 0.0,
        "top_p": 0.5,
        "stop": ["END"],
        "seed": 7,
        "n": 2,
        "logprobs": True,
        "top_logprobs": 3,
        "presence_penalty": 0.1,
        "frequency_penalty": -0.1,
        "logit_bias": {"50256": -100},
        "user": "u1",
        "metadata": {"run": "1"},
    }
    body = body_of(**asked)
    assert {name: body[name] for name in asked} == asked


def test_a_setting_that_the_model_refuses_is_left_out_with_a_warning_that_names_it() -> None:
    with pytest.warns(TikHubAIWarning, match="temperature"):
        assert "temperature" not in body_of("o3", temperature=0.2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "temperature" not in body_of("o3", temperature=1)


def test_top_k_goes_out_where_the_vendor_knows_it() -> None:
    assert body_of("qwen-max", top_k=5)["top_k"] == 5
    with pytest.warns(TikHubAIWarning, match="top_k"):
        assert "top_k" not in body_of("gpt-4o", top_k=5)


def test_reasoning_is_switched_in_the_words_of_each_family() -> None:
    assert body_of("o3", reasoning_effort="low")["reasoning_effort"] == "low"
    assert body_of("o3", reasoning={"effort": "high"})["reasoning_effort"] == "high"
    assert body_of("deepseek-v4-pro", thinking={"type": "disabled"})["thinking"] == {"type": "disabled"}
    assert body_of("claude-opus-4-6", thinking_budget=2048)["thinking"] == {"type": "enabled", "budget_tokens": 2048}
    assert body_of("qwen3-max", thinking_budget=100)["thinking_budget"] == 100
    with pytest.warns(TikHubAIWarning, match="summary"):
        body_of("o3", reasoning={"effort": "high", "summary": "auto"})
    with pytest.warns(TikHubAIWarning, match="thinking"):
        assert "thinking" not in body_of("gpt-4o", thinking={"type": "enabled"})
    with pytest.warns(TikHubAIWarning, match="budget"):
        body_of("deepseek-v4-pro", thinking_budget=100)


def test_extra_body_wins_over_everything() -> None:
    assert body_of(temperature=0.3, extra_body={"temperature": 0.9, "x": 1})["temperature"] == 0.9


# --- tools ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (ToolChoice("auto"), "auto"),
        (ToolChoice("none"), "none"),
        (ToolChoice("required"), "required"),
        (ToolChoice("tool", "get_weather"), {"type": "function", "function": {"name": "get_weather"}}),
        (
            ToolChoice(
                raw={"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function"}]}}
            ),
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function"}]}},
        ),
    ],
)
def test_tool_choice_in_all_its_forms(choice: ToolChoice, sent: Any) -> None:
    assert body_of(tools=[WEATHER], tool_choice=choice)["tool_choice"] == sent


CLOSED = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


def test_tools_carry_strict_and_providers_own_tools_pass_through() -> None:
    own = {"type": "custom", "custom": {"name": "grep"}}
    tools = body_of(tools=[Tool("f", "d", {"type": "object"}, strict=True), Tool(raw=own)], parallel_tool_calls=False)
    assert tools["tools"] == [
        {
            "type": "function",
            "function": {"name": "f", "description": "d", "parameters": CLOSED, "strict": True},
        },
        own,
    ]
    assert tools["parallel_tool_calls"] is False


def test_the_o_series_is_not_spoken_to_of_parallel_calls() -> None:
    """OpenAI answers 400 to the field there; LlamaIndex sends False by default, which loses nothing."""
    assert "parallel_tool_calls" not in body_of("o3", tools=[WEATHER], parallel_tool_calls=False)
    with pytest.warns(TikHubAIWarning, match="parallel_tool_calls"):
        assert "parallel_tool_calls" not in body_of("o3", tools=[WEATHER], parallel_tool_calls=True)


def test_a_tool_without_parameters_takes_an_empty_object() -> None:
    assert body_of(tools=[Tool("now")])["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}


def test_parallel_calls_and_choice_are_not_spoken_of_without_tools() -> None:
    body = body_of(parallel_tool_calls=True, tool_choice=ToolChoice("required"))
    assert body.keys() == {"model", "messages"}


def test_a_thinking_deepseek_is_asked_rather_than_forced_to_call() -> None:
    forced = ToolChoice("required")
    with pytest.warns(TikHubAIWarning, match="cannot be forced"):
        assert body_of("deepseek-reasoner", tools=[WEATHER], tool_choice=forced)["tool_choice"] == "auto"
    off = {"type": "disabled"}
    assert body_of("deepseek-v4-pro", tools=[WEATHER], tool_choice=forced, thinking=off)["tool_choice"] == "required"


@pytest.mark.parametrize("asked", [{"thinking": {"type": "enabled", "budget_tokens": 2048}}, {"thinking_budget": 2048}])
def test_a_claude_with_a_thinking_budget_is_asked_rather_than_forced_to_call(asked: dict[str, Any]) -> None:
    forced = ToolChoice("required")
    with pytest.warns(TikHubAIWarning, match="cannot be forced"):
        assert body_of("claude-sonnet-4-5", tools=[WEATHER], tool_choice=forced, **asked)["tool_choice"] == "auto"
    for free in ({}, {"thinking": {"type": "adaptive"}}, {"reasoning_effort": "high"}, {"thinking_budget": 0}):
        body = body_of("claude-opus-4-6", tools=[WEATHER], tool_choice=forced, **free)
        assert body["tool_choice"] == "required"


def test_response_formats() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert body_of(response_format=ResponseFormat("json_object"))["response_format"] == {"type": "json_object"}
    assert body_of(response_format=ResponseFormat("json_schema", schema, "A", "an A", strict=True))[
        "response_format"
    ] == {
        "type": "json_schema",
        "json_schema": {
            "name": "A",
            "schema": {**schema, "required": ["a"], "additionalProperties": False},
            "description": "an A",
            "strict": True,
        },
    }
    with pytest.warns(TikHubAIWarning, match="DeepSeek"):
        body = body_of("deepseek-chat", response_format=ResponseFormat("json_schema", schema))
    assert body["response_format"] == {"type": "json_object"}


# --- content --------------------------------------------------------------------------------------------------------


def test_several_texts_stay_apart_for_openai_and_become_one_for_deepseek() -> None:
    message = Message("user", [Text("a"), Text("b")])
    assert messages_of("gpt-4o", message)[0]["content"] == [
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b"},
    ]
    assert messages_of("deepseek-chat", message)[0]["content"] == "a\n\nb"


@pytest.mark.parametrize(
    ("media", "block"),
    [
        (
            Media("image", url="https://x.test/a.png"),
            {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
        ),
        (
            Media("image", data="QUJD", mime_type="image/jpeg", options={"detail": "low"}),
            {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,QUJD", "detail": "low"}},
        ),
        (
            Media("audio", data="QUJD", mime_type="audio/mpeg"),
            {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "mp3"}},
        ),
        (
            Media("file", data="QUJD", mime_type="application/pdf", name="a.pdf"),
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,QUJD"}},
        ),
        (Media("file", file_id="file-1"), {"type": "file", "file": {"file_id": "file-1"}}),
    ],
)
def test_media_that_the_wire_takes(media: Media, block: dict[str, Any]) -> None:
    content = messages_of("gpt-4o", Message("user", [Text("see"), media]))[0]["content"]
    assert content == [{"type": "text", "text": "see"}, block]


@pytest.mark.parametrize(
    "media",
    [
        Media("video", url="https://x.test/a.mp4"),
        Media("audio", url="https://x.test/a.mp3"),
        Media("file", url="https://x.test/a"),
    ],
)
def test_media_that_the_wire_cannot_take_are_refused_by_name(media: Media) -> None:
    with pytest.raises(InvalidRequestError, match=f"{media.kind} input given as URL") as refused:
        messages_of("gpt-4o", Message("user", [media]))
    assert refused.value.status_code is None


def test_the_speaker_has_a_name() -> None:
    assert messages_of("gpt-4o", Message("user", [Text("hi")], name="ann"))[0]["name"] == "ann"


def test_cache_marks_reach_claude_and_nobody_else() -> None:
    marked = Message("user", [Text("long", options={"cache_control": {"type": "ephemeral"}})])
    assert messages_of("claude-sonnet-4-5", marked)[0]["content"] == [
        {"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}}
    ]
    assert messages_of("gpt-4o", marked)[0]["content"] == "long"


# --- tool rounds ----------------------------------------------------------------------------------------------------


def test_a_tool_round_keeps_ids_and_order() -> None:
    wire = messages_of(
        "gpt-4o",
        Message("user", [Text("weather?")]),
        Message(
            "assistant",
            [Text("Let me see."), ToolCall("c1", "get_weather", '{"city":"Paris"}'), ToolCall("c2", "now", "")],
        ),
        Message("tool", [ToolResult("c1", [Text("21C")]), ToolResult("c2", [Text("noon")])]),
    )
    assert wire[1] == {
        "role": "assistant",
        "content": "Let me see.",
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}},
            {"id": "c2", "type": "function", "function": {"name": "now", "arguments": "{}"}},
        ],
    }
    assert wire[2:] == [
        {"role": "tool", "tool_call_id": "c1", "content": "21C"},
        {"role": "tool", "tool_call_id": "c2", "content": "noon"},
    ]


def test_media_in_a_tool_result_move_into_the_next_user_message() -> None:
    image = Media("image", data="QUJD", mime_type="image/png")
    wire = messages_of(
        "gpt-4o",
        Message("user", [Text("draw twice")]),
        Message("assistant", [ToolCall("c1", "draw"), ToolCall("c2", "draw")]),
        Message("tool", [ToolResult("c1", [image])]),
        Message("tool", [ToolResult("c2", [Text("done")])]),
        Message("user", [Text("which is better?")]),
    )
    assert [message["role"] for message in wire] == ["user", "assistant", "tool", "tool", "user"]
    kinds = [block["type"] for block in wire[4]["content"]]
    assert kinds == ["text", "image_url", "text"]
    assert "c1" in wire[4]["content"][0]["text"]


def test_media_in_the_last_tool_result_get_a_user_message_of_their_own() -> None:
    wire = messages_of(
        "gpt-4o",
        Message("user", [Text("draw")]),
        Message("assistant", [ToolCall("c1", "draw")]),
        Message("tool", [ToolResult("c1", [Media("image", url="https://x.test/a.png")])]),
    )
    assert [message["role"] for message in wire] == ["user", "assistant", "tool", "user"]


def test_a_tool_result_without_its_call_is_refused_by_its_id() -> None:
    with pytest.raises(InvalidRequestError, match="c9"):
        messages_of("gpt-4o", Message("user", [Text("hi")]), Message("tool", [ToolResult("c9", [Text("x")])]))


def test_a_refusal_goes_back_as_a_refusal_to_openai_and_as_text_to_others() -> None:
    history = [Message("user", [Text("hi")]), Message("assistant", [Refusal("No.")])]
    assert messages_of("gpt-4o", *history)[1] == {"role": "assistant", "refusal": "No."}
    assert messages_of("deepseek-chat", *history)[1] == {"role": "assistant", "content": "No."}


def test_an_empty_answer_goes_back_as_empty_text() -> None:
    assert messages_of("gpt-4o", Message("assistant", []), Message("user", [Text("?")]))[0]["content"] == ""


# --- what only its issuer may see -----------------------------------------------------------------------------------


def thinking_round(issuer: Issuer | None) -> list[Message]:
    thought = Reasoning(text="I must look.", state={"field": "reasoning_content"} if issuer else None, issuer=issuer)
    return [
        Message("user", [Text("weather?")]),
        Message("assistant", [thought, ToolCall("c1", "get_weather", "{}")]),
        Message("tool", [ToolResult("c1", [Text("21C")])]),
        Message("assistant", [Reasoning(text="Now say it.", state=thought.state, issuer=issuer), Text("21C")]),
        Message("user", [Text("thanks")]),
    ]


def test_deepseeks_reasoning_of_a_tool_turn_goes_back_to_deepseek_in_all_later_requests() -> None:
    wire = messages_of("deepseek-v4-pro", *thinking_round(DEEPSEEK))
    assert wire[1]["reasoning_content"] == "I must look."
    assert wire[3]["reasoning_content"] == "Now say it."


def test_reasoning_of_a_turn_without_tools_is_not_sent_back() -> None:
    thought = Reasoning(text="Hm.", state={"field": "reasoning_content"}, issuer=DEEPSEEK)
    history = [
        Message("user", [Text("hi")]),
        Message("assistant", [thought, Text("Hello")]),
        Message("user", [Text("?")]),
    ]
    assert messages_of("deepseek-reasoner", *history)[1] == {"role": "assistant", "content": "Hello"}


@pytest.mark.parametrize("issuer", [DEEPSEEK, Issuer("messages", "gpt"), None])
def test_reasoning_of_another_issuer_is_left_out_with_a_warning(issuer: Issuer | None) -> None:
    with pytest.warns(TikHubAIWarning, match="Reasoning"):
        wire = messages_of("gpt-4o", *thinking_round(issuer))
    assert all("reasoning_content" not in message for message in wire)


def test_reasoning_goes_back_under_the_name_it_came_with() -> None:
    qwen = Issuer("chat_completions", "qwen")
    thought = Reasoning(text="Hm.", state={"field": "reasoning"}, issuer=qwen)
    history = [
        Message("user", [Text("hi")]),
        Message("assistant", [thought, ToolCall("c", "f")]),
        Message("tool", [ToolResult("c")]),
    ]
    assert messages_of("qwen3-max", *history)[1]["reasoning"] == "Hm."


def test_unknown_state_goes_back_to_its_issuer_and_to_nobody_else() -> None:
    """Gemini signs its calls in `extra_content`; ../shared/wire has the recording."""
    gemini = Issuer("chat_completions", "gemini")
    call = ToolCall("c1", "f", "{}", state={"extra_content": {"google": {"thought_signature": "s"}}}, issuer=gemini)
    history = [
        Message("user", [Text("hi")]),
        Message("assistant", [Opaque({"extra_content": {"google": {"thought_signature": "m"}}}, issuer=gemini), call]),
        Message("tool", [ToolResult("c1", [Text("x")])]),
    ]
    wire = messages_of("gemini-2.5-pro", *history)
    assert wire[1]["extra_content"] == {"google": {"thought_signature": "m"}}
    assert wire[1]["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "s"}}
    with pytest.warns(TikHubAIWarning, match="Opaque"):
        other = messages_of("gpt-4o", *history)
    assert "extra_content" not in str(other)


def test_an_audio_answer_goes_back_by_its_id() -> None:
    issuer = Issuer("chat_completions", "gpt")
    said = Media("audio", data="QUJD", transcript="Hello", state={"id": "audio_1"}, issuer=issuer)
    history = [Message("user", [Text("hi")]), Message("assistant", [said]), Message("user", [Text("again")])]
    assert messages_of("gpt-4o-audio-preview", *history)[1] == {"role": "assistant", "audio": {"id": "audio_1"}}
    assert messages_of("deepseek-chat", *history)[1] == {"role": "assistant", "content": "Hello"}


def test_encoding_leaves_the_callers_messages_as_they_were() -> None:
    import copy

    history = thinking_round(DEEPSEEK)
    before = copy.deepcopy(history)
    messages_of("deepseek-v4-pro", *history)
    assert history == before
