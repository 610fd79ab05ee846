"""How an answer of generateContent ends: its usage, its finish reason, or an error."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.unit.generate_content_streams import (
    JSON,
    SSE,
    STOP,
    both_ways,
    chunk,
    data,
    deltas_of,
    plain,
    reader_of,
    request_of,
    streamed,
)
from tikhub_ai import (
    APIStatusError,
    ChatClient,
    ContentBlockedError,
    End,
    IncompleteStreamError,
    InvalidResponseError,
    Media,
    PartDelta,
    RateLimitError,
    Reasoning,
    Refusal,
    RefusalDelta,
    ServerError,
    Settings,
    Text,
    TextDelta,
    ToolCall,
)

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
