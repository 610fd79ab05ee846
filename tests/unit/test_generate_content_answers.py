"""What comes back from :generateContent: Gemini's own ways, and what Vertex, gateways and relays make of them.

Real recorded traffic is in tests/wire.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tikhub_ai import (
    APIStatusError,
    AudioDelta,
    ChatClient,
    ChatReply,
    ChatRequest,
    CitationDelta,
    ContentBlockedError,
    End,
    IncompleteStreamError,
    InvalidResponseError,
    Issuer,
    Media,
    Message,
    Opaque,
    PartDelta,
    RateLimitError,
    Reasoning,
    ReasoningDelta,
    Refusal,
    RefusalDelta,
    ServerError,
    ServerToolCall,
    ServerToolResult,
    Settings,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
)
from tikhub_ai.apis import generate_content
from tikhub_ai.apis.generate_content.partial_args import PartialArguments
from tikhub_ai.catalog import facts
from tikhub_ai.chat import ChatStreamReader

MODEL = "gemini-3-flash-preview"
GEMINI = Issuer("generate_content", "gemini")
SSE = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json; charset=UTF-8"}
STOP = {"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": "STOP", "index": 0}


def request_of(**asked: Any) -> ChatRequest:
    return ChatRequest(model=MODEL, messages=[Message("user", [Text("hi")])], **asked)


def reader_of(headers: dict[str, str] | None = None) -> ChatStreamReader:
    return ChatStreamReader(generate_content.decoder(request_of(), facts(MODEL)), headers or SSE)


def chunk(*parts: Any, finish: Any = None, index: int = 0, **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": index, **more}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "gemini-3-flash", "responseId": "r1"}


def data(*payloads: Any) -> bytes:
    return "".join(f"data: {p if isinstance(p, str) else json.dumps(p)}\r\n\r\n" for p in payloads).encode()


def deltas_of(*payloads: Any) -> list[Any]:
    reader = reader_of()
    return [*reader.feed(data(*payloads)), *reader.flush(), *reader.finish()]


def streamed(*payloads: Any) -> ChatReply:
    deltas = deltas_of(*payloads)
    assert [type(delta) for delta in deltas].count(End) == 1
    reply: ChatReply = deltas[-1].reply
    return reply


def plain(payload: dict[str, Any]) -> ChatReply:
    decoder = generate_content.decoder(request_of(), facts(MODEL))
    decoder.body(payload)
    return decoder.accumulator.reply()


def both_ways(*parts: Any, finish: Any = "STOP", **more: Any) -> ChatReply:
    """The reply to one chunk, which is the same as a stream and as a plain answer."""
    payload = chunk(*parts, finish=finish, **more)
    assert replace(streamed(payload), headers={}) == plain(payload)
    return plain(payload)


# --- text, thoughts, signatures -------------------------------------------------------------------------------------


def test_a_stream_gives_its_text_piece_by_piece_then_one_end() -> None:
    deltas = deltas_of(chunk({"text": "Hel"}), chunk({"text": "lo"}), {"candidates": [STOP]})
    assert deltas[:-1] == [TextDelta("Hel", 0), TextDelta("lo", 0)]
    reply = deltas[-1].reply
    assert (reply.text, reply.finish_reason, reply.model, reply.id) == ("Hello", "stop", "gemini-3-flash", "r1")


def test_thoughts_are_reasoning_beside_the_text() -> None:
    deltas = deltas_of(
        chunk({"text": "Hm", "thought": True}),
        chunk({"text": ".", "thought": True}),
        chunk({"text": "Hi"}, finish="STOP"),
    )
    assert deltas[:2] == [ReasoningDelta("Hm", 0, issuer=GEMINI), ReasoningDelta(".", 0, issuer=GEMINI)]
    assert deltas[-1].reply.parts == [Reasoning(text="Hm.", issuer=GEMINI), Text("Hi")]


def test_a_signed_part_stays_a_part_of_its_own() -> None:
    """Google's guide: a part with a signature is not to be joined with one that has none."""
    reply = both_ways(
        {"text": "Hm.", "thought": True, "thoughtSignature": "YQ=="},
        {"text": "One "},
        {"text": "two", "thoughtSignature": "Yg=="},
        {"text": " three"},
        {"text": "", "thoughtSignature": "Yw=="},
    )
    assert reply.parts == [
        Reasoning(text="Hm.", state={"thoughtSignature": "YQ=="}, issuer=GEMINI),
        Text("One "),
        Text("two", state={"thoughtSignature": "Yg=="}, issuer=GEMINI),
        Text(" three"),
        Text("", state={"thoughtSignature": "Yw=="}, issuer=GEMINI),
    ]
    assert reply.text == "One two three"


def test_signed_text_is_streamed_as_text() -> None:
    deltas = deltas_of(chunk({"text": "One "}), chunk({"text": "two", "thoughtSignature": "Yg=="}, finish="STOP"))
    assert deltas[:-1] == [TextDelta("One ", 0), TextDelta("two", 1)]


def test_a_field_of_a_part_that_is_not_known_goes_back_with_it() -> None:
    reply = both_ways({"text": "x", "partMetadata": {"a": 1}})
    assert reply.parts == [Text("x", state={"partMetadata": {"a": 1}}, issuer=GEMINI)]


def test_a_part_of_a_kind_not_known_is_kept() -> None:
    reply = both_ways(
        {"hologram": {"x": 1}}, {"inlineData": {"data": "AAAA", "mimeType": "image/png"}, "thought": True}
    )
    assert reply.parts == [
        Opaque({"hologram": {"x": 1}}, issuer=GEMINI),
        Opaque({"inlineData": {"data": "AAAA", "mimeType": "image/png"}, "thought": True}, issuer=GEMINI),
    ]


@pytest.mark.parametrize("content", [None, {}, {"parts": None}, {"parts": []}, {"parts": [{}, None, {"text": ""}]}])
def test_empty_parts_are_an_empty_answer(content: Any) -> None:
    reply = plain({"candidates": [{"content": content, "finishReason": "STOP"}]})
    assert (reply.parts, reply.finish_reason) == ([], "stop")


# --- function calls -------------------------------------------------------------------------------------------------


def test_a_call_has_its_arguments_as_json_and_the_wires_id() -> None:
    reply = both_ways(
        {"functionCall": {"name": "f", "args": {"a": [1, "é"]}, "id": "fc1"}, "thoughtSignature": "YQ=="},
        {"functionCall": {"name": "g"}},
    )
    first, second = reply.tool_calls
    assert first == ToolCall(
        "fc1", "f", '{"a":[1,"é"]}', state={"thoughtSignature": "YQ==", "id": "fc1"}, issuer=GEMINI
    )
    assert (second.name, second.arguments, second.state) == ("g", "{}", None)
    assert second.id.startswith("call_")
    assert reply.finish_reason == "tool_calls"


def test_made_ids_differ_from_call_to_call_and_from_turn_to_turn() -> None:
    """Some relays give no responseId either."""
    payload = {"candidates": [{"content": {"parts": [{"functionCall": {"name": "f"}}] * 2}, "finishReason": "STOP"}]}
    ids = [call.id for call in plain(payload).tool_calls]
    later = generate_content.decoder(ChatRequest(MODEL, [Message("user", [Text("hi")])] * 3), facts(MODEL))
    later.body(payload)
    ids += [call.id for call in later.accumulator.reply().tool_calls]
    assert len(set(ids)) == 4


def test_streamed_arguments_are_fragments_of_json() -> None:
    """Vertex's streamFunctionCallArguments: `partialArgs`, each with a path."""
    deltas = deltas_of(
        chunk({"functionCall": {"name": "f", "id": "fc1", "willContinue": True}}),
        chunk({"functionCall": {"partialArgs": [{"jsonPath": "$.a", "stringValue": 'x"', "willContinue": True}],
                                "willContinue": True}}),
        chunk({"functionCall": {"partialArgs": [{"jsonPath": "$.a", "stringValue": "y"}], "willContinue": True}}),
        chunk({"functionCall": {"partialArgs": [{"jsonPath": "$.n", "numberValue": 2.0}], "willContinue": True}}),
        chunk({"functionCall": {}}, finish="STOP"),
    )  # fmt: skip
    calls = [delta for delta in deltas if isinstance(delta, ToolCallDelta)]
    assert [call.arguments for call in calls] == ["", '{"a":"x\\"', 'y"', ',"n":2', "}"]
    assert (calls[0].id, calls[0].name, calls[1].id) == ("fc1", "f", None)
    assert json.loads(deltas[-1].reply.tool_calls[0].arguments) == {"a": 'x"y', "n": 2}


def test_streamed_arguments_whose_end_never_came_are_closed_by_what_follows() -> None:
    begun = {
        "functionCall": {"name": "f", "partialArgs": [{"jsonPath": "$.a", "boolValue": True}], "willContinue": True}
    }
    reply = streamed(chunk(begun), chunk(begun), {"candidates": [STOP]})
    assert [call.arguments for call in reply.tool_calls] == ['{"a":true}', '{"a":true}']


@pytest.mark.parametrize(
    ("partials", "arguments"),
    [
        ([], {}),
        ([("$.a", {"nullValue": "NULL_VALUE"})], {"a": None}),
        ([("$.a.b", {"numberValue": 1.5}), ("$.a.c", {"boolValue": False}), ("$.d", {"stringValue": "x"})],
         {"a": {"b": 1.5, "c": False}, "d": "x"}),
        ([("$.l[0].x", {"numberValue": 1}), ("$.l[0].y", {"numberValue": 2}), ("$.l[1].x", {"numberValue": 3})],
         {"l": [{"x": 1, "y": 2}, {"x": 3}]}),
        ([("$.m[0][0]", {"numberValue": 1}), ("$.m[0][1]", {"numberValue": 2}), ("$.m[1][0]", {"numberValue": 3})],
         {"m": [[1, 2], [3]]}),
        ([("$['a b'].c", {"stringValue": "x"}), ('$["d"]', {"stringValue": ""})], {"a b": {"c": "x"}, "d": ""}),
        ([("$.s", {"stringValue": "a", "willContinue": True}), ("$.t", {"stringValue": "b"})], {"s": "a", "t": "b"}),
        ([("$.s", {"stringValue": "é\n", "willContinue": True}), ("$.s", {"stringValue": '"'})], {"s": 'é\n"'}),
        ([("", {"stringValue": "lost"}), ("$[0]", {"stringValue": "lost"})], {}),
    ],
)  # fmt: skip
def test_partial_arguments_make_one_object(partials: list[Any], arguments: dict[str, Any]) -> None:
    writer = PartialArguments()
    text = "".join(writer.add({"jsonPath": path, **value}) for path, value in partials) + writer.finish()
    assert json.loads(text) == arguments


# --- media and Google's own tools -----------------------------------------------------------------------------------


def test_an_image_is_a_part_in_its_place() -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": "aW1n"}, "thoughtSignature": "YQ=="}
    reply = both_ways({"text": "Here: "}, image, {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://b/f"}})
    assert reply.parts == [
        Text("Here: "),
        Media("image", data="aW1n", mime_type="image/png", state={"thoughtSignature": "YQ=="}, issuer=GEMINI),
        Media("video", url="gs://b/f", mime_type="video/mp4", issuer=GEMINI),
    ]


def test_pieces_of_speech_are_one_recording() -> None:
    pieces = [{"inlineData": {"mimeType": "audio/L16;rate=24000", "data": piece}} for piece in ("AAE=", "AgM=")]
    deltas = deltas_of(chunk(pieces[0]), chunk(pieces[1], finish="STOP"))
    assert [type(delta) for delta in deltas] == [AudioDelta, AudioDelta, End]
    assert deltas[-1].reply.parts == [Media("audio", data="AAECAw==", mime_type="audio/L16;rate=24000", issuer=GEMINI)]


def test_code_that_google_runs_is_a_call_and_its_result() -> None:
    reply = both_ways(
        {"executableCode": {"language": "PYTHON", "code": "1/0"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_FAILED", "output": "ZeroDivisionError"}},
    )
    ran, gave = reply.parts
    assert isinstance(ran, ServerToolCall)
    assert isinstance(gave, ServerToolResult)
    assert (ran.name, ran.arguments) == ("code_execution", {"language": "PYTHON", "code": "1/0"})
    assert gave.tool_call_id == ran.id
    assert gave.is_error
    assert gave.output == {"outcome": "OUTCOME_FAILED", "output": "ZeroDivisionError"}


# --- sources --------------------------------------------------------------------------------------------------------

GROUNDING = {
    "webSearchQueries": ["rain"],
    "groundingChunks": [
        {"web": {"uri": "https://a.test", "title": "A"}},
        {"web": {"uri": "https://b.test", "title": "B"}},
    ],
    "groundingSupports": [
        {"segment": {"startIndex": 8, "endIndex": 17, "text": "Es regnet"}, "groundingChunkIndices": [0, 7]}
    ],
}


def test_grounding_is_citations_counted_in_characters_where_the_wire_counts_bytes() -> None:
    text = "Öl! ß Es regnet."
    assert text.encode()[8:17].decode() == "Es regnet"
    reply = both_ways({"text": text}, groundingMetadata=GROUNDING)
    (part,) = reply.parts
    assert isinstance(part, Text)
    first, second = part.citations
    assert (first.type, first.url, first.title) == ("web", "https://a.test", "A")
    assert text[first.start : first.end] == "Es regnet"
    assert (second.url, second.start, second.end) == ("https://b.test", None, None)
    assert reply.choices[0].extras["groundingMetadata"] == GROUNDING


def test_sources_come_after_streamed_text_once_and_belong_to_the_part_they_speak_of() -> None:
    deltas = deltas_of(
        chunk({"text": "Öl! "}),
        chunk({"text": "ß "}),
        chunk({"executableCode": {"code": "1", "language": "PYTHON"}}),
        chunk({"text": "Es regnet."}, groundingMetadata=GROUNDING),
        chunk({"text": "!"}, finish="STOP", groundingMetadata=GROUNDING),
    )
    (cited,) = [delta for delta in deltas if isinstance(delta, CitationDelta)]
    assert (cited.index, cited.citations[0].start, cited.citations[0].end) == (2, 0, 9)


def test_a_segment_of_a_numbered_part_is_counted_within_it() -> None:
    segment = {"partIndex": 2, "startIndex": 0, "endIndex": 3, "text": "two"}
    grounding = {
        "groundingChunks": [{"retrievedContext": {"uri": "u", "text": "words"}}],
        "groundingSupports": [{"segment": segment, "groundingChunkIndices": [0]}],
    }
    code = {"executableCode": {"code": "1", "language": "PYTHON"}}
    reply = plain(chunk({"text": "one"}, code, {"text": "two"}, finish="STOP", groundingMetadata=grounding))
    part = reply.parts[2]
    assert isinstance(part, Text)
    (citation,) = part.citations
    assert (citation.type, citation.cited_text, citation.start, citation.end) == ("retrievedContext", "words", 0, 3)


@pytest.mark.parametrize(
    "segment",
    [None, {}, {"startIndex": 90, "endIndex": 99}, {"startIndex": "x", "endIndex": "y"}, {"endIndex": 2, "text": "??"}],
)
def test_a_segment_that_is_nowhere_is_a_citation_without_a_place(segment: Any) -> None:
    grounding = {**GROUNDING, "groundingSupports": [{"segment": segment, "groundingChunkIndices": [0]}, None]}
    (part,) = both_ways({"text": "Hi."}, groundingMetadata=grounding).parts
    assert isinstance(part, Text)
    assert [(citation.url, citation.start) for citation in part.citations] == [
        ("https://a.test", None),
        ("https://b.test", None),
    ]


def test_recited_passages_are_citations_too() -> None:
    sources = {"citations": [{"startIndex": 1, "endIndex": 3, "uri": "https://a.test", "license": "mit"}]}
    (part,) = both_ways({"text": "abcd"}, citationMetadata=sources).parts
    assert isinstance(part, Text)
    (citation,) = part.citations
    assert (citation.type, citation.url, citation.start, citation.end) == ("citation", "https://a.test", 1, 3)


def test_what_else_a_candidate_says_is_kept_by_the_wires_names() -> None:
    read = {"urlMetadata": [{"retrievedUrl": "u", "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_SUCCESS"}]}
    ratings = [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "LOW"}]
    reply = both_ways({"text": "x"}, urlContextMetadata=read, safetyRatings=ratings, avgLogprobs=-0.5)
    assert reply.choices[0].extras == {
        "urlContextMetadata": read,
        "safetyRatings": ratings,
        "avgLogprobs": -0.5,
        "finishReason": "STOP",
    }


def test_logprobs_of_all_chunks_are_one_list() -> None:
    said = [{"chosenCandidates": [{"token": token, "logProbability": -0.1}]} for token in "ab"]
    reply = streamed(
        chunk({"text": "a"}, logprobsResult=said[0]), chunk({"text": "b"}, finish="STOP", logprobsResult=said[1])
    )
    assert reply.choices[0].logprobs == {"chosenCandidates": said[0]["chosenCandidates"] + said[1]["chosenCandidates"]}


def test_candidates_are_choices_and_all_of_them_must_finish() -> None:
    chunks = [chunk({"text": "a"}), chunk({"text": "b"}, index=1), chunk({"text": "A"}, finish="STOP")]
    with pytest.raises(IncompleteStreamError):
        streamed(*chunks)
    reply = streamed(*chunks, chunk({"text": "B"}, finish="MAX_TOKENS", index=1))
    assert [(choice.text, choice.finish_reason) for choice in reply.choices] == [("aA", "stop"), ("bB", "length")]


# --- usage ----------------------------------------------------------------------------------------------------------


def test_usage_counts_thoughts_as_output_and_tools_as_input() -> None:
    raw = {
        "promptTokenCount": 100,
        "toolUsePromptTokenCount": 20,
        "candidatesTokenCount": 30,
        "thoughtsTokenCount": 5,
        "totalTokenCount": 155,
        "cachedContentTokenCount": 60,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 40},
            {"modality": "IMAGE", "tokenCount": 50},
            {"modality": "AUDIO", "tokenCount": 10},
        ],
        "toolUsePromptTokensDetails": [{"modality": "IMAGE", "tokenCount": 3}],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 25}, {"modality": 1, "tokenCount": 5}],
    }
    usage = plain({**chunk({"text": "x"}), "usageMetadata": raw}).usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (120, 35, 155)
    assert usage.input_details == {"cache_read": 60, "tool_use": 20, "image": 53, "audio": 10}
    assert usage.output_details == {"reasoning": 5, "image": 25}
    assert usage.raw == raw


def test_the_last_snapshot_of_usage_holds_and_one_without_counts_is_none() -> None:
    counts = [{"trafficType": "ON_DEMAND"}, {"promptTokenCount": 1}, {"promptTokenCount": 1, "candidatesTokenCount": 2}]
    chunks = [{**chunk({"text": "x"}), "usageMetadata": said} for said in counts]
    usage = streamed(*chunks, {"candidates": [STOP]}, {"usageMetadata": {"trafficType": "ON_DEMAND"}}).usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (1, 2, 3)
    assert streamed(chunks[0], {"candidates": [STOP]}).usage is None


@pytest.mark.parametrize(
    "raw", [{"promptTokenCount": "7"}, {"promptTokenCount": 7.0, "promptTokensDetails": [None, {}]}]
)
def test_counts_of_other_types_are_read(raw: Any) -> None:
    usage = plain({**chunk({"text": "x"}), "usageMetadata": raw}).usage
    assert usage is not None
    assert usage.input_tokens == 7


# --- why it ended ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        ("STOP", "stop"), ("MAX_TOKENS", "length"), ("SAFETY", "content_filter"), ("RECITATION", "content_filter"),
        ("LANGUAGE", "content_filter"), ("BLOCKLIST", "content_filter"), ("PROHIBITED_CONTENT", "content_filter"),
        ("SPII", "content_filter"), ("IMAGE_SAFETY", "content_filter"), ("MODEL_ARMOR", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "malformed_function_call"), ("OTHER", "other"),
        ("UNEXPECTED_TOOL_CALL", "unexpected_tool_call"), ("NO_IMAGE", "no_image"), ("A_NEW_ONE", "a_new_one"),
        ("FUNCTION_CALL", "tool_calls"),
    ],
)  # fmt: skip
def test_every_finish_reason_has_a_word_and_keeps_its_own(raw: str, word: str) -> None:
    reply = both_ways({"text": "So far"}, finish=raw, finishMessage="because")
    assert (reply.text, reply.finish_reason) == ("So far", word)
    assert reply.choices[0].extras["finishReason"] == raw
    assert reply.choices[0].extras["finishMessage"] == "because"
    assert reply.refusal is None


def test_all_of_googles_finish_reasons_are_read() -> None:
    from google.genai import types

    for reason in types.FinishReason:
        if reason.value != "FINISH_REASON_UNSPECIFIED":
            assert both_ways({"text": "x"}, finish=reason.value).finish_reason


def test_a_numbered_finish_reason_is_read() -> None:
    """Vertex, asked with `enum-encoding=int`."""
    reply = both_ways({"text": "x"}, finish=2)
    assert (reply.finish_reason, reply.choices[0].extras["finishReason"]) == ("length", "MAX_TOKENS")


def test_max_tokens_keeps_its_text_and_a_cut_call() -> None:
    reply = both_ways({"text": "So far"}, {"functionCall": {"name": "f", "args": {}}}, finish="MAX_TOKENS")
    assert (reply.text, len(reply.tool_calls), reply.finish_reason) == ("So far", 1, "length")


@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "PROHIBITED_CONTENT"])
def test_a_filter_that_left_nothing_is_a_refusal(reason: str) -> None:
    payload = {"candidates": [{"finishReason": reason, "index": 0}]}
    deltas = deltas_of(payload)
    assert isinstance(deltas[0], RefusalDelta)
    reply = plain(payload)
    assert reply.parts == [Refusal(deltas[0].text)]
    assert reason in (reply.refusal or "")
    assert reply.finish_reason == "content_filter"
    thought = plain(chunk({"text": "Hm.", "thought": True}, finish=reason))
    assert [type(part) for part in thought.parts] == [Reasoning, Refusal]
    said = plain({"candidates": [{"finishReason": reason, "finishMessage": "Not this."}]})
    assert said.refusal == "Not this."


def test_a_malformed_call_is_an_empty_answer_that_says_so() -> None:
    reply = plain(
        {"candidates": [{"content": {}, "finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": "print("}]}
    )
    assert (reply.parts, reply.finish_reason) == ([], "malformed_function_call")
    assert reply.choices[0].extras["finishMessage"] == "print("


# --- bad answers ----------------------------------------------------------------------------------------------------

BLOCKED = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 5}}


def test_a_blocked_prompt_is_its_own_error() -> None:
    for read in (plain, streamed):
        with pytest.raises(ContentBlockedError, match="The prompt was blocked: PROHIBITED_CONTENT") as caught:
            read(BLOCKED)
        assert caught.value.code == "PROHIBITED_CONTENT"
        assert not caught.value.is_retryable
        assert caught.value.response is not None
        assert caught.value.response.json() == BLOCKED


def test_feedback_that_blocks_nothing_is_kept() -> None:
    feedback = {"safetyRatings": [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "LOW"}]}
    assert plain({**chunk({"text": "x"}), "promptFeedback": feedback}).extras == {"promptFeedback": feedback}


@pytest.mark.parametrize(
    "payload", [{}, {"candidates": []}, {"candidates": None}, {"usageMetadata": {}}, {"choices": []}]
)
def test_an_answer_without_candidates_is_invalid(payload: dict[str, Any]) -> None:
    with pytest.raises(InvalidResponseError, match="has no candidates"):
        plain(payload)


def test_a_stream_without_candidates_is_incomplete() -> None:
    with pytest.raises(IncompleteStreamError):
        streamed({"usageMetadata": {"promptTokenCount": 1}}, "[DONE]")


def test_done_of_a_gateway_ends_the_stream() -> None:
    reader = reader_of()
    deltas = reader.feed(data(chunk({"text": "x"}, finish="STOP"), "[DONE]"))
    assert isinstance(deltas[-1], End)


def test_a_finish_reason_in_every_chunk_ends_nothing_before_the_bytes_do() -> None:
    """As Gemini 1.5 sent it, and relays of it still do (zotero-pdf-translate#806)."""
    reply = streamed(*(chunk({"text": word}, finish="STOP") for word in ("one ", "two ", "three")))
    assert (reply.text, reply.finish_reason) == ("one two three", "stop")


def test_what_follows_the_finish_still_counts() -> None:
    reply = streamed(chunk({"text": "x"}, finish="STOP"), {"usageMetadata": {"promptTokenCount": 9}})
    assert reply.usage is not None
    assert reply.usage.input_tokens == 9


def test_names_in_snake_case_are_read() -> None:
    """As relays send on what Google's Python library gives them."""
    reply = plain(
        {
            "candidates": [
                {
                    "content": {
                        "parts": [
                            {"text": "x", "thought_signature": "YQ=="},
                            {"function_call": {"name": "f", "args": {"a_b": 1}}},
                            {"inline_data": {"mime_type": "image/png", "data": "AAAA"}},
                        ]
                    },
                    "finish_reason": "STOP",
                }
            ],
            "usage_metadata": {"prompt_token_count": 3},
            "model_version": "m",
            "response_id": "r",
        }
    )
    assert [type(part) for part in reply.parts] == [Text, ToolCall, Media]
    assert reply.parts[0].state == {"thoughtSignature": "YQ=="}
    assert reply.tool_calls[0].arguments == '{"a_b":1}'
    assert (reply.finish_reason, reply.model, reply.id) == ("tool_calls", "m", "r")
    assert reply.usage is not None
    assert reply.usage.input_tokens == 3


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_error_in_a_stream_is_typed_by_its_number_or_its_status(wrapped: bool) -> None:
    for error, kind in [
        ({"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}, ServerError),
        ({"message": "quota", "status": "RESOURCE_EXHAUSTED"}, RateLimitError),
        ({"message": "当前分组上游负载已饱和", "type": "upstream_error", "code": "429"}, RateLimitError),
    ]:
        payload: Any = {"error": error}
        with pytest.raises(kind):
            streamed([payload] if wrapped else payload)


def test_an_error_after_text_carries_the_text() -> None:
    with pytest.raises(ServerError) as caught:
        client_of(data(chunk({"text": "Hal"}), {"error": {"code": 500, "status": "INTERNAL"}}), SSE, streamed_by=list)
    assert caught.value.partial is not None
    assert caught.value.partial.text == "Hal"


# --- through the client ---------------------------------------------------------------------------------------------


def client_of(body: bytes, headers: dict[str, str], *, status: int = 200, streamed_by: Any = None) -> Any:
    """What a client gets: the reply, or what `streamed_by` makes of the stream."""
    answer = httpx.Response(status, headers={**headers, "x-request-id": "req-1"}, content=body)
    http_client = httpx.Client(transport=httpx.MockTransport(lambda _: answer))
    settings = Settings(api_key="sk-test", base_url="http://gateway.test", max_retries=0, http_client=http_client)
    client = ChatClient(settings, api="generate_content")
    return streamed_by(client.stream(request_of())) if streamed_by else client.complete(request_of())


ARRAY = json.dumps([chunk({"text": "Hel"}), chunk({"text": "lo"}), {"candidates": [STOP]}], indent=2).encode()


@pytest.mark.parametrize("headers", [JSON, SSE, {}], ids=["json", "sse", "none"])
def test_a_stream_that_came_as_a_json_array_is_read_all_the_same(headers: dict[str, str]) -> None:
    deltas = client_of(ARRAY, headers, streamed_by=list)
    assert [delta.text for delta in deltas if isinstance(delta, TextDelta)] == ["Hel", "lo"]
    assert deltas[-1].reply.text == "Hello"


def test_an_array_that_breaks_off_is_incomplete_and_gives_what_was_whole() -> None:
    with pytest.raises(IncompleteStreamError) as caught:
        client_of(ARRAY[: ARRAY.index(b'"lo"') + 2], JSON, streamed_by=list)
    assert caught.value.partial is not None
    assert caught.value.partial.text == "Hel"


def test_an_error_in_an_array_is_typed_with_its_request_id() -> None:
    body = json.dumps([{"error": {"code": 400, "message": "bad", "status": "INVALID_ARGUMENT"}}]).encode()
    with pytest.raises(APIStatusError) as caught:
        client_of(body, JSON, streamed_by=list)
    assert (caught.value.status_code, caught.value.request_id) == (400, "req-1")


def test_a_whole_answer_in_place_of_a_stream_is_read() -> None:
    deltas = client_of(json.dumps(chunk({"text": "x"}, finish="STOP")).encode(), JSON, streamed_by=list)
    assert deltas[-1].reply.text == "x"


def test_a_blocked_prompt_has_the_gateways_request_id() -> None:
    with pytest.raises(ContentBlockedError) as caught:
        client_of(json.dumps(BLOCKED).encode(), JSON)
    assert caught.value.request_id == "req-1"
    with pytest.raises(ContentBlockedError) as caught:
        client_of(data(BLOCKED), SSE, streamed_by=list)
    assert caught.value.request_id == "req-1"


@pytest.mark.parametrize(
    ("error", "wait"),
    [
        ({"details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3.5s"}]}, 3.5),
        ({"details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "soon"}]}, None),
        ({"details": ["x", None, {}]}, None),
        ({"details": "x"}, None),
        ({"message": "Quota exceeded. Please retry in 48.9s."}, 48.9),
    ],
)
def test_the_wait_that_a_429_asks_for_in_its_body_is_honoured(error: dict[str, Any], wait: float | None) -> None:
    body = json.dumps(
        {"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED", **error}}
    ).encode()
    with pytest.raises(RateLimitError) as caught:
        client_of(body, JSON, status=429)
    assert caught.value.retry_after == wait
    with pytest.raises(RateLimitError) as caught:
        client_of(body, {**JSON, "retry-after": "1"}, status=429)
    assert caught.value.retry_after == 1


def test_a_part_that_came_whole_is_one_delta() -> None:
    deltas = deltas_of(chunk({"inlineData": {"mimeType": "image/png", "data": "AAAA"}}, finish="STOP"))
    assert [type(delta) for delta in deltas] == [PartDelta, End]
