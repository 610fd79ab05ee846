"""What goes out on :generateContent. Every body is also held against google-genai's types."""

from __future__ import annotations

import copy
import warnings
from dataclasses import replace
from typing import Any

import pytest

from tests import gemini_types
from tikhub_ai import (
    ChatClient,
    ChatRequest,
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
    Settings,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from tikhub_ai.apis import generate_content
from tikhub_ai.catalog import facts
from tikhub_ai.errors import TikHubAIWarning

WEATHER = Tool("get_weather", "Weather of a city", {"type": "object", "properties": {"city": {"type": "string"}}})
GEMINI = Issuer("generate_content", "gemini")
GPT = Issuer("chat_completions", "gpt")
NEW, OLD, OLDER = "gemini-3-flash-preview", "gemini-2.5-flash", "gemini-2.0-flash"
HI = Message("user", [Text("hi")])
SKIP = "skip_thought_signature_validator"


def encoded(model: str = NEW, *messages: Message, stream: bool = False, **asked: Any) -> Any:
    request = ChatRequest(model=model, messages=list(messages) or [HI], **asked)
    before = copy.deepcopy(request)
    found = generate_content.encode(request, facts(model), stream=stream)
    assert request == before
    assert gemini_types.problems(found.body) == []
    return found


def body_of(model: str = NEW, *messages: Message, **asked: Any) -> dict[str, Any]:
    body: dict[str, Any] = encoded(model, *messages, **asked).body
    return body


def contents_of(*messages: Message, model: str = NEW) -> list[dict[str, Any]]:
    contents: list[dict[str, Any]] = body_of(model, *messages)["contents"]
    return contents


def config_of(model: str = NEW, **asked: Any) -> dict[str, Any]:
    config: dict[str, Any] = body_of(model, **asked).get("generationConfig", {})
    return config


def test_only_what_was_asked_is_sent() -> None:
    assert body_of() == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


# --- path and header ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "segment"),
    [
        ("gemini-2.5-flash", "models/gemini-2.5-flash"),
        ("models/gemini-2.5-flash", "models/gemini-2.5-flash"),
        ("google/gemini-2.5-flash", "models/gemini-2.5-flash"),
        ("models/google/gemini-2.5-flash", "models/gemini-2.5-flash"),
        ("tunedModels/mine-1", "tunedModels/mine-1"),
        ("a/../b?key=1#x y", "models/a%2F..%2Fb%3Fkey%3D1%23x%20y"),
    ],
)
def test_the_model_is_one_safe_segment_of_the_path(model: str, segment: str) -> None:
    assert encoded(model).path == f"/v1beta/{segment}:generateContent"
    assert encoded(model, stream=True).path == f"/v1beta/{segment}:streamGenerateContent?alt=sse"


def test_the_version_segment_is_a_setting() -> None:
    assert encoded(native={"api_version": "v1alpha"}).path == f"/v1alpha/models/{NEW}:generateContent"
    assert encoded(native={"api_version": "/v1/"}).path == f"/v1/models/{NEW}:generateContent"


def test_the_key_goes_into_its_header_and_not_into_the_url() -> None:
    import httpx

    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"candidates": [{"content": {"parts": [{"text": "x"}]}}]})

    http_client = httpx.Client(transport=httpx.MockTransport(answer))
    settings = Settings(api_key="sk-secret-key", base_url="http://gateway.test/v1beta", http_client=http_client)
    client = ChatClient(settings, api="generate_content")
    assert client.complete(ChatRequest(model=NEW, messages=[HI])).text == "x"
    assert str(seen[0].url) == f"http://gateway.test/v1beta/models/{NEW}:generateContent"
    assert seen[0].headers["x-goog-api-key"] == "sk-secret-key"
    assert "authorization" not in seen[0].headers


# --- contents -------------------------------------------------------------------------------------------------------


def test_instructions_at_the_beginning_are_the_system_instruction() -> None:
    body = body_of(NEW, Message("system", [Text("Be brief.")]), Message("developer", [Text("Be kind.")]), HI)
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}, {"text": "Be kind."}]}
    assert body["contents"] == [{"role": "user", "parts": [{"text": "hi"}]}]


def test_pictures_in_a_system_message_are_left_out_with_a_warning() -> None:
    system = Message("system", [Text("Be brief."), Media("image", data="AAAA")])
    with pytest.warns(TikHubAIWarning, match="image of a system message is left out"):
        assert body_of(NEW, system, HI)["systemInstruction"] == {"parts": [{"text": "Be brief."}]}


def test_later_instructions_are_said_by_the_user_since_the_wire_has_no_other_place() -> None:
    contents = contents_of(HI, Message("assistant", [Text("hello")]), Message("system", [Text("Now in French.")]))
    assert contents[-1] == {"role": "user", "parts": [{"text": "Now in French."}]}


def test_messages_of_one_role_become_one_content() -> None:
    contents = contents_of(
        HI,
        Message("user", [Text("there")]),
        Message("assistant", [Text("one")]),
        Message("assistant", [Text("two")]),
    )
    assert [content["role"] for content in contents] == ["user", "model"]
    assert contents[0]["parts"] == [{"text": "hi"}, {"text": "there"}]
    assert contents[1]["parts"] == [{"text": "one"}, {"text": "two"}]


def test_a_conversation_may_begin_with_the_model() -> None:
    assert [content["role"] for content in contents_of(Message("assistant", [Text("Hello!")]), HI)] == ["model", "user"]


def test_empty_texts_are_not_sent() -> None:
    assert contents_of(Message("user", [Text(""), Text("hi")]), Message("assistant", [Text("")]), HI) == [
        {"role": "user", "parts": [{"text": "hi"}, {"text": "hi"}]}
    ]


@pytest.mark.parametrize("messages", [[Message("system", [Text("Be brief.")])], [Message("user", [Text("")])]])
def test_a_conversation_with_nothing_to_answer_to_is_refused(messages: list[Message]) -> None:
    with pytest.raises(InvalidRequestError, match="needs something to answer to"):
        body_of(NEW, *messages)


@pytest.mark.parametrize(
    ("media", "part"),
    [
        (
            Media("image", data="AAAA", mime_type="image/webp"),
            {"inlineData": {"mimeType": "image/webp", "data": "AAAA"}},
        ),
        (Media("file", data="AAAA"), {"inlineData": {"mimeType": "application/pdf", "data": "AAAA"}}),
        (Media("audio", data="AAAA"), {"inlineData": {"mimeType": "audio/mpeg", "data": "AAAA"}}),
        (Media("audio", data="AAAA", name="a.WAV"), {"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}}),
        (Media("video", data="AAAA"), {"inlineData": {"mimeType": "video/mp4", "data": "AAAA"}}),
        (
            Media("image", url="data:image/gif;base64,AAAA"),
            {"inlineData": {"mimeType": "image/gif", "data": "AAAA"}},
        ),
        (
            Media("image", url="https://x.test/a.jpg?size=2"),
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://x.test/a.jpg?size=2"}},
        ),
        (
            Media("video", url="gs://bucket/film", mime_type="video/webm"),
            {"fileData": {"mimeType": "video/webm", "fileUri": "gs://bucket/film"}},
        ),
        (
            Media("video", url="https://www.youtube.com/watch?v=1"),
            {"fileData": {"fileUri": "https://www.youtube.com/watch?v=1"}},
        ),
        (
            Media("file", file_id="https://generativelanguage.googleapis.com/v1beta/files/abc"),
            {
                "fileData": {
                    "mimeType": "application/pdf",
                    "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc",
                }
            },
        ),
    ],
)
def test_media_are_inline_data_or_a_file_of_the_right_type(media: Media, part: dict[str, Any]) -> None:
    assert contents_of(Message("user", [media]))[0]["parts"] == [part]


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({"fps": 2, "start_offset": 10, "end_offset": "20.5s"},
         {"videoMetadata": {"fps": 2, "startOffset": "10s", "endOffset": "20.5s"}}),
        ({"video_metadata": {"start_offset": "1s", "fps": 0.5}}, {"videoMetadata": {"startOffset": "1s", "fps": 0.5}}),
        ({"media_resolution": "low"}, {"mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}}),
        ({"media_resolution": {"level": "MEDIA_RESOLUTION_HIGH"}},
         {"mediaResolution": {"level": "MEDIA_RESOLUTION_HIGH"}}),
        ({"detail": "high"}, {"mediaResolution": {"level": "MEDIA_RESOLUTION_HIGH"}}),
        ({"detail": "auto", "cache_control": {"type": "ephemeral"}}, {}),
    ],
)  # fmt: skip
def test_options_of_media_are_the_wires(options: dict[str, Any], sent: dict[str, Any]) -> None:
    (part,) = contents_of(Message("user", [Media("video", data="AAAA", options=options)]))[0]["parts"]
    assert {key: value for key, value in part.items() if key != "inlineData"} == sent


def test_detail_is_for_models_whose_media_have_a_resolution_each() -> None:
    media = Media("image", data="AAAA", options={"detail": "low"})
    assert "mediaResolution" not in contents_of(Message("user", [media]), model=OLD)[0]["parts"][0]


def test_a_document_is_spelled_out() -> None:
    document = Document([Text("It rains.")], title="Weather", source="https://x.test")
    assert contents_of(Message("user", [document]))[0]["parts"] == [
        {"text": "Source: Weather (https://x.test)\nIt rains."}
    ]


# --- calls and results ----------------------------------------------------------------------------------------------


def call(identifier: str = "call_1", name: str = "get_weather", **more: Any) -> ToolCall:
    return ToolCall(identifier, name, '{"city":"Paris"}', **more)


def result(text: str = "18 C", identifier: str = "call_1", **more: Any) -> Message:
    return Message("tool", [ToolResult(identifier, [Text(text)], **more)])


def test_a_call_and_its_result_go_by_name_where_the_wire_gave_no_id() -> None:
    contents = contents_of(HI, Message("assistant", [call()]), result(), model=OLD)
    assert contents[1]["parts"] == [{"functionCall": {"name": "get_weather", "args": {"city": "Paris"}}}]
    assert contents[2] == {
        "role": "user",
        "parts": [{"functionResponse": {"name": "get_weather", "response": {"output": "18 C"}}}],
    }


def test_the_wires_own_id_goes_back_with_call_and_result() -> None:
    signed = call("fc-1", state={"id": "fc-1", "thoughtSignature": "c2ln"}, issuer=GEMINI)
    contents = contents_of(HI, Message("assistant", [signed]), result(identifier="fc-1"))
    assert contents[1]["parts"][0]["functionCall"]["id"] == "fc-1"
    assert contents[2]["parts"][0]["functionResponse"]["id"] == "fc-1"


def test_an_id_of_another_provider_is_not_sent() -> None:
    foreign = call("fc-1", state={"id": "fc-1", "thoughtSignature": "c2ln"}, issuer=GPT)
    contents = contents_of(HI, Message("assistant", [foreign]), result(identifier="fc-1"), model=OLD)
    assert "id" not in contents[1]["parts"][0]["functionCall"]
    assert "thoughtSignature" not in contents[1]["parts"][0]
    assert "id" not in contents[2]["parts"][0]["functionResponse"]


@pytest.mark.parametrize(
    ("text", "is_error", "response"),
    [
        ('{"degrees": 18}', False, {"degrees": 18}),
        ("[1, 2]", False, {"output": "[1, 2]"}),
        ("{broken", False, {"output": "{broken"}),
        ("", False, {"output": ""}),
        ("no such city", True, {"error": "no such city"}),
        ('{"code": 5}', True, {"error": {"code": 5}}),
    ],
)
def test_a_result_is_an_object(text: str, is_error: bool, response: dict[str, Any]) -> None:
    contents = contents_of(HI, Message("assistant", [call()]), result(text, is_error=is_error), model=OLD)
    assert contents[2]["parts"][0]["functionResponse"]["response"] == response


def test_results_of_parallel_calls_are_one_content_in_the_order_of_the_calls() -> None:
    """Without ids their order is all that tells two results of one function apart."""
    contents = contents_of(
        HI,
        Message("assistant", [call("a"), call("b")]),
        result("B", "b"),
        result("A", "a"),
        Message("user", [Text("ok")]),
    )
    assert [content["role"] for content in contents] == ["user", "model", "user"]
    answered = [part["functionResponse"]["response"]["output"] for part in contents[2]["parts"][:2]]
    assert answered == ["A", "B"]
    assert contents[2]["parts"][2] == {"text": "ok"}


def test_a_result_without_its_call_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="has no such call before it"):
        body_of(NEW, HI, result())


def test_media_of_a_result_are_in_the_function_response_from_gemini_3_on() -> None:
    shown = Message("tool", [ToolResult("call_1", [Text("see"), Media("image", data="AAAA", mime_type="image/png")])])
    contents = contents_of(HI, Message("assistant", [call()]), shown)
    assert contents[2]["parts"] == [
        {
            "functionResponse": {
                "name": "get_weather",
                "response": {"output": "see"},
                "parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}],
            }
        }
    ]


def test_media_of_a_result_follow_in_a_content_of_their_own_before_gemini_3() -> None:
    """Gemini 2.5: "function_response.parts is not supported for this model" (gemini-cli#19436)."""
    shown = Message("tool", [ToolResult("call_1", [Media("image", data="AAAA", mime_type="image/png")])])
    question = Message("user", [Text("What is it?")])
    contents = contents_of(HI, Message("assistant", [call(), call("b")]), shown, result("B", "b"), question, model=OLD)
    assert [list(part) for part in contents[2]["parts"]] == [["functionResponse"], ["functionResponse"]]
    assert contents[3] == {
        "role": "user",
        "parts": [
            {"text": "Result of get_weather:"},
            {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
            {"text": "What is it?"},
        ],
    }


def test_arguments_that_are_no_object_are_sent_as_text_with_a_warning() -> None:
    cut = ToolCall("call_1", "f", '{"city": "Par')
    with pytest.warns(TikHubAIWarning, match="no JSON object"):
        contents = contents_of(HI, Message("assistant", [cut]), model=OLD)
    assert contents[1]["parts"][0]["functionCall"]["args"] == {"arguments": '{"city": "Par'}


# --- thought signatures ---------------------------------------------------------------------------------------------


def signed(text: str) -> dict[str, Any]:
    return {"state": {"thoughtSignature": text}, "issuer": GEMINI}


def test_signatures_go_back_on_the_parts_they_came_with_in_order() -> None:
    answer = [
        Reasoning(text="Hm.", issuer=GEMINI),
        Text("Let me look.", **signed("dGV4dA==")),
        ToolCall("fc-1", "f", "{}", state={"id": "fc-1", "thoughtSignature": "Y2FsbA=="}, issuer=GEMINI),
        ToolCall("made", "g", "{}", issuer=GEMINI),
        Text("", **signed("ZW5k")),
    ]
    assert contents_of(HI, Message("assistant", answer))[1]["parts"] == [
        {"text": "Hm.", "thought": True},
        {"text": "Let me look.", "thoughtSignature": "dGV4dA=="},
        {"functionCall": {"name": "f", "args": {}, "id": "fc-1"}, "thoughtSignature": "Y2FsbA=="},
        {"functionCall": {"name": "g", "args": {}}},
        {"text": "", "thoughtSignature": "ZW5k"},
    ]


def calls_sent(*messages: Message, model: str = NEW) -> list[str | None]:
    parts = [part for content in contents_of(*messages, model=model) for part in content["parts"]]
    return [part.get("thoughtSignature") for part in parts if "functionCall" in part]


def test_the_first_of_parallel_calls_gets_a_siblings_signature_where_it_lost_its_own() -> None:
    lost = [ToolCall("b", "f", issuer=GEMINI), ToolCall("a", "g", **signed("Zmlyc3Q="))]
    results = [result(identifier="b"), result(identifier="a")]
    assert calls_sent(HI, Message("assistant", lost), *results) == ["Zmlyc3Q=", "Zmlyc3Q="]


def test_later_parallel_calls_stay_unsigned_as_the_wire_gave_them() -> None:
    """A signature added there is one that Google never gave (vercel/ai#17620)."""
    given = [ToolCall("a", "f", **signed("Zmlyc3Q=")), ToolCall("b", "g", issuer=GEMINI)]
    results = [result(identifier="a"), result(identifier="b")]
    assert calls_sent(HI, Message("assistant", given), *results) == ["Zmlyc3Q=", None]


def test_a_call_of_another_model_gets_googles_word_for_a_signature_in_the_current_turn_only() -> None:
    history = [
        HI,
        Message("assistant", [call("a")]),
        result(identifier="a"),
        Message("assistant", [Text("18 C.")]),
        Message("user", [Text("And tomorrow?")]),
        Message("assistant", [call("b"), call("c")]),
        result(identifier="b"),
        result(identifier="c"),
        Message("assistant", [call("d")]),
        result(identifier="d"),
    ]
    assert calls_sent(*history) == [None, SKIP, None, SKIP]
    assert calls_sent(*history, model="gemini-flash-latest") == [None, SKIP, None, SKIP]
    assert calls_sent(*history, model=OLD) == [None, None, None, None]


def test_what_the_user_adds_to_tool_results_begins_no_new_turn() -> None:
    """Google counts from the last content that holds no function response."""
    added = Message("user", [Text("Hurry.")])
    assert calls_sent(HI, Message("assistant", [call()]), result(), added) == [SKIP]


def test_what_another_model_thought_and_ran_is_left_out_with_one_warning() -> None:
    answer = [
        Reasoning(text="Hm.", state={"signature": "x"}, issuer=Issuer("messages", "claude")),
        ServerToolCall("s", "web_search", issuer=GPT),
        Opaque({"x": 1}, issuer=GPT),
        Refusal("No."),
        Text("Yes.", state={"id": "msg"}, issuer=GPT),
    ]
    with pytest.warns(TikHubAIWarning, match="Reasoning of claude on messages, ServerToolCall of gpt") as caught:
        contents = contents_of(HI, Message("assistant", answer))
    assert len(caught) == 1
    assert contents[1]["parts"] == [{"text": "No."}, {"text": "Yes."}]


def test_media_that_a_model_gave_go_back_whoever_it_was() -> None:
    answer = [
        Media("image", data="AAAA", mime_type="image/png", issuer=GPT),
        Media("image", data="BBBB", **signed("aW1n")),
    ]
    assert contents_of(HI, Message("assistant", answer))[1]["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
        {"inlineData": {"mimeType": "image/png", "data": "BBBB"}, "thoughtSignature": "aW1n"},
    ]


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


def test_a_union_at_the_root_goes_out_as_json_schema() -> None:
    either = Tool(
        "f", "", {"anyOf": [WEATHER.parameters, {"type": "object", "properties": {"at": {"type": "number"}}}]}
    )
    (tool,) = body_of(NEW, tools=[either])["tools"]
    assert tool["functionDeclarations"][0]["parametersJsonSchema"] == either.parameters


def test_googles_own_tools_go_out_beside_the_functions() -> None:
    raw = [
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
        body_of(**{name: {"a": 1} if name != "user" else "me"})


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
        schema = config_of(OLDER, response_format=wanted)["responseSchema"]
    assert schema["description"] == "A map"


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
    with pytest.warns(TikHubAIWarning, match="has no 'service_tier'"):
        body_of(native={"service_tier": "flex"})


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
