"""What goes out on :generateContent. Every body is also held against google-genai's types."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.generate_content_requests import (
    GEMINI,
    GPT,
    HI,
    NEW,
    OLD,
    SKIP,
    body_of,
    contents_of,
    encoded,
)
from tikhub_ai import (
    AnyPart,
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
    ServerToolCall,
    Settings,
    Text,
    ToolCall,
    ToolResult,
)
from tikhub_ai.errors import TikHubAIWarning


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
        ({"detail": "auto"}, {}),
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
    answer: list[AnyPart] = [
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
    lost: list[AnyPart] = [ToolCall("b", "f", issuer=GEMINI), ToolCall("a", "g", **signed("Zmlyc3Q="))]
    results = [result(identifier="b"), result(identifier="a")]
    assert calls_sent(HI, Message("assistant", lost), *results) == ["Zmlyc3Q=", "Zmlyc3Q="]


def test_later_parallel_calls_stay_unsigned_as_the_wire_gave_them() -> None:
    """A signature added there is one that Google never gave (vercel/ai#17620)."""
    given: list[AnyPart] = [ToolCall("a", "f", **signed("Zmlyc3Q=")), ToolCall("b", "g", issuer=GEMINI)]
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
    answer: list[AnyPart] = [
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
    answer: list[AnyPart] = [
        Media("image", data="AAAA", mime_type="image/png", issuer=GPT),
        Media("image", data="BBBB", **signed("aW1n")),
    ]
    assert contents_of(HI, Message("assistant", answer))[1]["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
        {"inlineData": {"mimeType": "image/png", "data": "BBBB"}, "thoughtSignature": "aW1n"},
    ]
