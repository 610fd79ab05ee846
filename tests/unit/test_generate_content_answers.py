"""What comes back from :generateContent: Gemini's own ways, and what Vertex, gateways and relays make of them.

Real recorded traffic is in tests/wire.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.generate_content_streams import (
    GEMINI,
    MODEL,
    STOP,
    both_ways,
    chunk,
    deltas_of,
    plain,
    streamed,
)
from tikhub_ai import (
    AudioDelta,
    ChatRequest,
    CitationDelta,
    End,
    IncompleteStreamError,
    Media,
    Message,
    Opaque,
    Reasoning,
    ReasoningDelta,
    ServerToolCall,
    ServerToolResult,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
)
from tikhub_ai.apis import generate_content
from tikhub_ai.apis.generate_content.partial_args import PartialArguments
from tikhub_ai.catalog import facts

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
