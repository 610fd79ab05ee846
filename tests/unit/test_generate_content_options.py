"""Tools and options of generateContent requests."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.generate_content_requests import (
    NEW,
    OLD,
    OLDER,
    WEATHER,
    body_of,
    config_of,
)
from tikhub_ai import (
    ResponseFormat,
    Tool,
    ToolChoice,
)
from tikhub_ai.errors import TikHubAIWarning

# --- tools ----------------------------------------------------------------------------------------------------------


def test_functions_are_one_tool_with_the_schema_that_every_model_takes() -> None:
    other = Tool("now", "", {"type": "object", "properties": {}, "additionalProperties": False})
    assert body_of(NEW, tools=[WEATHER, other])["tools"] == [
        {
            "functionDeclarations": [
                {
                    "name": "get_weather",
                    "description": "Weather of a city",
                    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
                },
                {"name": "now"},
            ]
        }
    ]


def test_strict_is_a_warning_unless_the_call_is_forced_and_so_held_to_its_schema() -> None:
    strict = replace(WEATHER, strict=True)
    with pytest.warns(TikHubAIWarning, match="generate_content has no 'strict'"):
        body = body_of(NEW, tools=[strict])
    assert body == body_of(NEW, tools=[WEATHER])
    for mode in ("required", "tool"):
        body_of(NEW, tools=[strict], tool_choice=ToolChoice(mode, WEATHER.name))


MAP = Tool(
    "f", "", {"type": "object", "properties": {"m": {"type": "object", "additionalProperties": {"type": "string"}}}}
)


def test_a_schema_that_google_cannot_say_goes_out_as_json_schema_from_gemini_2_5_on() -> None:
    (tool,) = body_of(OLD, tools=[MAP])["tools"]
    assert tool["functionDeclarations"] == [{"name": "f", "parametersJsonSchema": MAP.parameters}]


def test_an_older_model_gets_what_can_be_said_with_a_warning() -> None:
    with pytest.warns(TikHubAIWarning, match="schema of 'f': additionalProperties"):
        (tool,) = body_of(OLDER, tools=[MAP])["tools"]
    assert tool["functionDeclarations"][0]["parameters"] == {"type": "object", "properties": {"m": {"type": "object"}}}


def test_the_form_of_the_schema_can_be_chosen() -> None:
    (tool,) = body_of(OLDER, tools=[WEATHER], native={"parameters_json_schema": True})["tools"]
    assert tool["functionDeclarations"][0]["parametersJsonSchema"] == WEATHER.parameters
    with pytest.warns(TikHubAIWarning, match="additionalProperties"):
        (tool,) = body_of(NEW, tools=[MAP], native={"parameters_json_schema": False})["tools"]
    assert "parameters" in tool["functionDeclarations"][0]


def test_a_union_at_the_root_is_one_object() -> None:
    either = Tool(
        "f", "", {"anyOf": [WEATHER.parameters, {"type": "object", "properties": {"at": {"type": "number"}}}]}
    )
    (tool,) = body_of(NEW, tools=[either])["tools"]
    assert tool["functionDeclarations"][0]["parameters"] == {
        "type": "object",
        "properties": {"city": {"type": "string"}, "at": {"type": "number"}},
    }


def test_googles_own_tools_go_out_beside_the_functions() -> None:
    raw: list[dict[str, Any]] = [
        {"google_search": {}},
        {"codeExecution": {}},
        {"url_context": {}},
        {"file_search": {"file_search_store_names": ["fileSearchStores/x"]}},
        {
            "function_declarations": [
                {"name": "g", "parameters": {"type": "object", "properties": {"a_b": {"type": "string"}}}}
            ]
        },
    ]
    tools = body_of(NEW, tools=[WEATHER, *(Tool(raw=tool) for tool in raw)])["tools"]
    assert [declaration["name"] for declaration in tools[0]["functionDeclarations"]] == ["get_weather", "g"]
    assert list(tools[0]["functionDeclarations"][1]["parameters"]["properties"]) == ["a_b"]
    assert tools[1:] == [
        {"googleSearch": {}},
        {"codeExecution": {}},
        {"urlContext": {}},
        {"fileSearch": {"fileSearchStoreNames": ["fileSearchStores/x"]}},
    ]


def test_another_providers_tool_becomes_googles_or_is_left_out_with_a_warning() -> None:
    with pytest.warns(TikHubAIWarning) as caught:
        body = body_of(
            NEW, tools=[Tool(raw={"type": "web_search_20250305"}), Tool(raw={"type": "computer_use_preview"})]
        )
    assert body["tools"] == [{"googleSearch": {}}]
    assert ["'googleSearch' is sent" in str(caught[0].message), "left out" in str(caught[1].message)] == [True, True]


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (ToolChoice("auto"), {"mode": "AUTO"}),
        (ToolChoice("none"), {"mode": "NONE"}),
        (ToolChoice("required"), {"mode": "ANY"}),
        (ToolChoice("tool", "get_weather"), {"mode": "ANY", "allowedFunctionNames": ["get_weather"]}),
        (ToolChoice(raw={"mode": "VALIDATED"}), {"mode": "VALIDATED"}),
        (ToolChoice(raw={"function_calling_config": {"mode": "ANY"}}), {"mode": "ANY"}),
    ],
)
def test_which_tool_is_called_is_a_mode(choice: ToolChoice, config: dict[str, Any]) -> None:
    body = body_of(NEW, tools=[WEATHER], tool_choice=choice, parallel_tool_calls=False)
    assert body["toolConfig"] == {"functionCallingConfig": config}


def test_a_choice_without_functions_is_not_sent() -> None:
    search = Tool(raw={"google_search": {}})
    assert "toolConfig" not in body_of(NEW, tools=[search], tool_choice=ToolChoice("auto"))
    with pytest.warns(TikHubAIWarning, match="force a call of functions only"):
        assert "toolConfig" not in body_of(NEW, tools=[search], tool_choice=ToolChoice("required"))


# --- generation config ----------------------------------------------------------------------------------------------


def test_sampling_has_the_wires_names() -> None:
    assert config_of(
        OLD, temperature=0, top_p=0.5, top_k=3, max_tokens=10, stop=["x"], seed=1, n=2, logprobs=True, top_logprobs=3,
        presence_penalty=0.1, frequency_penalty=0.2,
    ) == {
        "temperature": 0, "topP": 0.5, "topK": 3, "maxOutputTokens": 10, "stopSequences": ["x"], "seed": 1,
        "candidateCount": 2, "responseLogprobs": True, "logprobs": 3, "presencePenalty": 0.1, "frequencyPenalty": 0.2,
    }  # fmt: skip


def test_what_a_model_refuses_is_left_out_with_a_warning_where_it_asks_for_something() -> None:
    with pytest.warns(TikHubAIWarning, match="refuses 'temperature'"):
        assert config_of("gemini-4-argon", temperature=0, top_p=1) == {}


@pytest.mark.parametrize("name", ["logit_bias", "user", "metadata"])
def test_what_the_wire_has_no_place_for_is_named(name: str) -> None:
    with pytest.warns(TikHubAIWarning, match=f"has no '{name}'"):
        body_of(NEW, **{name: {"a": 1} if name != "user" else "me"})


@pytest.mark.parametrize(
    ("model", "asked", "sent"),
    [
        (OLD, {"thinking_budget": 512}, {"thinkingBudget": 512, "includeThoughts": True}),
        (OLD, {"thinking_budget": 0}, {"thinkingBudget": 0}),
        (OLD, {"thinking_budget": -1}, {"thinkingBudget": -1, "includeThoughts": True}),
        (OLD, {"reasoning_effort": "low"}, {"thinkingBudget": 1024, "includeThoughts": True}),
        (OLD, {"reasoning_effort": "medium"}, {"thinkingBudget": 8192, "includeThoughts": True}),
        (OLD, {"reasoning_effort": "high"}, {"thinkingBudget": 24576, "includeThoughts": True}),
        (OLD, {"reasoning_effort": "none"}, {"thinkingBudget": 0}),
        ("gemini-2.5-pro", {"reasoning_effort": "none"}, {"thinkingBudget": 128}),
        (OLD, {"thinking": {"type": "enabled", "budget_tokens": 2048}},
         {"thinkingBudget": 2048, "includeThoughts": True}),
        (OLD, {"thinking": {"type": "enabled"}}, {"includeThoughts": True}),
        (OLD, {"thinking": {"type": "disabled"}}, {"thinkingBudget": 0}),
        (NEW, {"reasoning_effort": "low"}, {"thinkingLevel": "LOW", "includeThoughts": True}),
        (NEW, {"reasoning_effort": "none"}, {"thinkingLevel": "MINIMAL"}),
        (NEW, {"reasoning_effort": "xhigh"}, {"thinkingLevel": "HIGH", "includeThoughts": True}),
        ("gemini-3-pro-preview", {"reasoning_effort": "minimal"}, {"thinkingLevel": "LOW", "includeThoughts": True}),
        (NEW, {"native": {"thinking_level": "high"}}, {"thinkingLevel": "HIGH", "includeThoughts": True}),
        (NEW, {"native": {"include_thoughts": True}}, {"includeThoughts": True}),
        (NEW, {"reasoning_effort": "low", "native": {"include_thoughts": False}},
         {"thinkingLevel": "LOW", "includeThoughts": False}),
        (NEW, {"reasoning": {"effort": "low", "summary": "auto"}}, {"thinkingLevel": "LOW", "includeThoughts": True}),
        (NEW, {"reasoning": {"summary": "auto"}}, {"includeThoughts": True}),
        (NEW, {"thinking_budget": 100}, {"thinkingBudget": 100, "includeThoughts": True}),
        ("some-relays-model", {"reasoning_effort": "none"}, {"thinkingBudget": 0}),
    ],
)  # fmt: skip
def test_how_much_it_thinks(model: str, asked: dict[str, Any], sent: dict[str, Any]) -> None:
    assert config_of(model, **asked)["thinkingConfig"] == sent


def test_a_model_that_does_not_think_is_not_asked_to() -> None:
    with pytest.warns(TikHubAIWarning, match="does not think"):
        assert config_of(OLDER, reasoning_effort="low") == {}
    assert config_of(OLDER, reasoning_effort="none") == {}


def test_a_level_counts_before_a_budget_since_the_wire_takes_one_of_them() -> None:
    with pytest.warns(TikHubAIWarning, match="not both"):
        config = config_of(NEW, thinking_budget=9, native={"thinking_level": "low"})
    assert config["thinkingConfig"] == {"thinkingLevel": "LOW", "includeThoughts": True}


def test_output_of_other_kinds() -> None:
    assert config_of(
        native={"response_modalities": ["text", "image"], "image_config": {"aspect_ratio": "16:9"},
                "media_resolution": "low"}
    ) == {
        "responseModalities": ["TEXT", "IMAGE"], "imageConfig": {"aspectRatio": "16:9"},
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
    }  # fmt: skip
    voice = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}
    assert config_of(modalities=["audio"], audio={"voice": "Kore"}) == {
        "responseModalities": ["AUDIO"],
        "speechConfig": voice,
    }
    snake = {"voice_config": {"prebuilt_voice_config": {"voice_name": "Kore"}}}
    assert config_of(native={"speech_config": snake})["speechConfig"] == voice
    with pytest.warns(TikHubAIWarning, match="only 'voice' is sent"):
        config_of(audio={"voice": "Kore", "format": "wav"})


CITY = {"type": "object", "properties": {"name": {"$ref": "#/$defs/N"}}, "$defs": {"N": {"type": "string"}}}
PLAIN_CITY = {"type": "object", "properties": {"name": {"type": "string"}}}


def test_the_answers_form() -> None:
    assert config_of(response_format=ResponseFormat("text")) == {}
    assert config_of(response_format=ResponseFormat("json_object")) == {"responseMimeType": "application/json"}
    wanted = ResponseFormat("json_schema", schema=CITY, name="city", strict=True)
    assert config_of(OLD, response_format=wanted) == {
        "responseMimeType": "application/json",
        "responseJsonSchema": PLAIN_CITY,
    }
    assert config_of(OLDER, response_format=wanted) == {
        "responseMimeType": "application/json",
        "responseSchema": {**PLAIN_CITY, "propertyOrdering": ["name"]},
    }


def test_a_schema_that_an_older_model_cannot_follow_whole_is_named() -> None:
    wanted = ResponseFormat("json_schema", schema=MAP.parameters, description="A map")
    with pytest.warns(TikHubAIWarning, match="additionalProperties"):
        schema = config_of("gemini-1.5-pro", response_format=wanted)["responseSchema"]
    assert schema["description"] == "A map"
    assert config_of("gemini-2.0-flash", response_format=wanted) == {  # which answers such requests
        "responseMimeType": "application/json",
        "responseJsonSchema": {**MAP.parameters, "description": "A map"},
    }


def test_what_only_this_wire_has() -> None:
    body = body_of(
        native={
            "safety_settings": {"HARM_CATEGORY_HARASSMENT": "BLOCK_NONE", "hate_speech": "OFF"},
            "cached_content": "cachedContents/x",
            "labels": {"team": "a"},
        }
    )
    assert body["safetySettings"] == [
        {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"},
        {"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "OFF"},
    ]
    assert (body["cachedContent"], body["labels"]) == ("cachedContents/x", {"team": "a"})
    listed = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    assert body_of(native={"safety_settings": listed})["safetySettings"] == listed


def test_safety_settings_may_be_members_of_googles_enums() -> None:
    from google.genai import types

    given = {types.HarmCategory.HARM_CATEGORY_HARASSMENT: types.HarmBlockThreshold.OFF}
    assert body_of(native={"safety_settings": given})["safetySettings"] == [
        {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}
    ]


def test_an_argument_of_another_api_is_named() -> None:
    with pytest.warns(TikHubAIWarning, match="has no 'verbosity'"):
        body_of(native={"verbosity": "low"})


def test_a_model_that_speaks_is_asked_for_sound_unless_something_else_is_asked_for() -> None:
    """Google answers 400 to a request for the words of one."""
    speaks = "gemini-2.5-flash-preview-tts"
    assert config_of(speaks) == {"responseModalities": ["AUDIO"]}
    assert config_of(speaks, native={"response_modalities": ["TEXT"]}) == {"responseModalities": ["TEXT"]}
    assert config_of(speaks, modalities=["text"]) == {"responseModalities": ["TEXT"]}


@pytest.mark.parametrize(
    "model", ["gemini-3.6-flash", "gemini-3.5-flash-lite", "gemini-3.6-flash-001", "gemini-4-argon"]
)
def test_sampling_that_a_model_ignores_is_warned_of(model: str) -> None:
    with pytest.warns(TikHubAIWarning) as caught:
        config = config_of(model, temperature=0.2, top_p=0.8, top_k=10, max_tokens=5)
    assert config == {"maxOutputTokens": 5}
    assert all(any(name in str(one.message) for one in caught) for name in ("temperature", "top_p", "top_k"))


@pytest.mark.parametrize("model", ["gemini-3.5-flash", "gemini-2.5-flash"])
def test_sampling_that_a_model_knows_is_sent(model: str) -> None:
    assert config_of(model, temperature=0.2, top_p=0.8) == {"temperature": 0.2, "topP": 0.8}


def test_extra_fields_come_last_and_do_not_push_out_others_of_their_group() -> None:
    extra = {
        "generationConfig": {"topK": 9},
        "toolConfig": {"includeServerSideToolInvocations": True},
        "cachedContent": "cachedContents/y",
    }
    body = body_of(NEW, temperature=1, tools=[WEATHER], tool_choice=ToolChoice("auto"), extra_body=extra)
    assert body["generationConfig"] == {"temperature": 1, "topK": 9}
    assert body["toolConfig"].keys() == {"functionCallingConfig", "includeServerSideToolInvocations"}
    assert body["cachedContent"] == "cachedContents/y"


def test_nothing_that_works_warns() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        body_of(NEW, tools=[WEATHER], parallel_tool_calls=False, stream_usage=True, n=1, temperature=1)
