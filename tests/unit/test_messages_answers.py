"""What comes back on POST /v1/messages, plain and streamed, and what gateways and converted upstreams make of it.

`tikhub_api.md` §9.3 is the list of what relays do; real recorded traffic is in tests/wire.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests import anthropic_types
from tests.streams import items_of
from tests.unit.messages_streams import (
    BEGIN,
    CHANGES,
    FINISH,
    FRAMES,
    MODEL,
    OVER,
    SSE,
    delta,
    deltas_of,
    events_of,
    framed,
    message,
    plain,
    reader_of,
    same,
    start,
    stop,
    streamed,
    text,
    tool_use,
)
from tests.wire.reading import continued
from tikhub_ai import (
    ChatRequest,
    CitationDelta,
    ContextWindowExceededError,
    End,
    Issuer,
    Opaque,
    PartDelta,
    Reasoning,
    ReasoningDelta,
    Refusal,
    ResponseFormat,
    ServerToolCall,
    ServerToolResult,
    Text,
    TextDelta,
    Tool,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from tikhub_ai.apis import messages
from tikhub_ai.catalog import facts

CLAUDE = Issuer("messages", "claude")
OLDER = "claude-sonnet-4-0"
"""Holds no answer to a schema by itself."""
ANSWER = ResponseFormat("json_schema", {"type": "object", "properties": {}}, name="place")
HELLO = [BEGIN, start(0, text("")), delta(0, "text_delta", text="Hel"), delta(0, "text_delta", text="lo"), stop(0)]

THINKING = {"type": "thinking", "thinking": "Let me see.", "signature": "c2lnbmF0dXJl=="}
SIGNED = {"type": "thinking", "thinking": "", "signature": "ZW1wdHk="}
REDACTED = {"type": "redacted_thinking", "data": "cmVkYWN0ZWQ="}
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "grüße"}}
FOUND = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": [
        {"type": "web_search_result", "url": "https://x", "title": "T", "encrypted_content": "e", "page_age": None}
    ],
}
FAILED = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"},
}
MCP = {"type": "mcp_tool_use", "id": "mcptoolu_1", "name": "echo", "server_name": "m", "input": {"a": 1}}
MCP_RESULT = {"type": "mcp_tool_result", "tool_use_id": "mcptoolu_1", "is_error": True, "content": [text("broken")]}
UPLOAD = {"type": "container_upload", "file_id": "file_1"}
CITED = [
    {
        "type": "char_location",
        "cited_text": "green",
        "document_index": 0,
        "document_title": "Grass",
        "start_char_index": 0,
        "end_char_index": 5,
        "file_id": None,
    },
    {
        "type": "page_location",
        "cited_text": "p",
        "document_index": 0,
        "document_title": None,
        "start_page_number": 1,
        "end_page_number": 2,
    },
    {
        "type": "content_block_location",
        "cited_text": "b",
        "document_index": 0,
        "document_title": None,
        "start_block_index": 0,
        "end_block_index": 1,
    },
    {
        "type": "search_result_location",
        "cited_text": "s",
        "search_result_index": 0,
        "source": "https://s",
        "title": "S",
        "start_block_index": 0,
        "end_block_index": 1,
    },
    {
        "type": "web_search_result_location",
        "cited_text": "w",
        "url": "https://w",
        "title": "W",
        "encrypted_index": "Eo8=",
    },
]

BODIES: dict[str, dict[str, Any]] = {
    "words": message(text("Grüße, 世界! 🌍")),
    "two texts and an empty one": message(text("Hello"), text(""), text(" world")),
    "thinking, then words": message(THINKING, text("So.")),
    "thoughts of every kind between calls": message(
        THINKING, REDACTED, text("I look."), SIGNED, tool_use(city="Oslo", when={"day": 1}), stop="tool_use"
    ),
    "parallel calls, one without arguments": message(
        tool_use("toolu_1", "f", a=[1, 2]), tool_use("toolu_2", "g"), tool_use("toolu_3", "f", b="ü"), stop="tool_use"
    ),
    "a call with its caller": message({**tool_use(x=1), "caller": {"type": "direct"}}, stop="tool_use"),
    "server tools": message(SEARCH, FOUND, text("So.", citations=CITED), SEARCH, FAILED, stop="pause_turn"),
    "mcp": message(MCP, MCP_RESULT, text("Done.")),
    "blocks not known here": message(UPLOAD, text("x"), {"type": "compaction", "content": "all"}),
    "citations": message(text("a"), text("It is green.", citations=CITED), text("b", citations=None)),
    "refused": message(
        text("Well"), stop="refusal", stop_details={"type": "refusal", "category": "cyber", "explanation": "No."}
    ),
    "refused without a word": message(stop="refusal"),
    "stopped": message(text("a"), stop="stop_sequence", stop_sequence="END"),
    "nothing": message(),
    "fields not known here": message(text("x"), container={"id": "c1", "expires_at": "2026-01-01"}, brand_new=1),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", BODIES)
def test_the_folded_stream_is_the_plain_answer(name: str, change: str) -> None:
    wanted = same(plain(BODIES[name]))
    for frame in FRAMES:
        deltas = deltas_of(framed(CHANGES[change](events_of(BODIES[name])), frame))
        assert [isinstance(one, End) for one in deltas].count(True) == 1
        reply = deltas[-1].reply
        assert "".join(one.text for one in deltas if isinstance(one, TextDelta)) == reply.text
        reply.headers = {}
        assert same(reply) == wanted


@pytest.mark.parametrize("name", BODIES)
def test_a_stream_cut_into_single_bytes_reads_the_same(name: str) -> None:
    stream = framed(events_of(BODIES[name]))
    reader = reader_of()
    assert [one for byte in stream for one in reader.feed(bytes([byte]))] == deltas_of(stream)


@pytest.mark.parametrize("name", BODIES)
def test_an_answer_is_replayed_block_for_block(name: str) -> None:
    reply = plain(BODIES[name])
    request = ChatRequest(MODEL, continued(reply))
    body = messages.encode(request, facts(MODEL), stream=False).body
    if name != "blocks not known here":  # and not to this version of the SDK's types either
        assert anthropic_types.problems("/v1/messages", body) == []
    content = body["messages"][1]["content"] if len(body["messages"]) > 2 else []
    content = [text(content)] if isinstance(content, str) else content
    wanted = [
        {key: value for key, value in block.items() if key != "citations" or value}
        for block in BODIES[name]["content"]
        if block != text("")
    ]
    for block in wanted:
        if "citations" in block:
            block["citations"] = [
                {key: value for key, value in one.items() if key != "file_id"} for one in block["citations"]
            ]
    if "refused" in name:  # in words, as the turn that it was
        assert content[:-1] == wanted
    else:
        assert content == wanted


# --- deltas ---------------------------------------------------------------------------------------------------------


def test_a_stream_gives_its_text_piece_by_piece_then_one_end() -> None:
    deltas = deltas_of(framed([*HELLO, FINISH, OVER]))
    assert deltas[:-1] == [TextDelta("Hel", 0), TextDelta("lo", 0)]
    reply = deltas[-1].reply
    assert (reply.text, reply.id, reply.model, reply.api) == ("Hello", "msg_1", MODEL, "messages")


def test_an_end_comes_with_message_stop_although_the_connection_stays_open() -> None:
    assert isinstance(reader_of().feed(framed([*HELLO, FINISH, OVER]))[-1], End)


def test_every_kind_of_block_streams_in_its_own_deltas() -> None:
    body = message(THINKING, tool_use(a=1), SEARCH, text("x", citations=CITED[:1]), stop="tool_use")
    deltas = deltas_of(framed(events_of(body)))
    by_index = {index: {type(one) for one in deltas[:-1] if one.index == index} for index in range(4)}
    assert by_index == {0: {ReasoningDelta}, 1: {ToolCallDelta}, 2: {PartDelta}, 3: {TextDelta, CitationDelta}}
    calls = [one for one in deltas if isinstance(one, ToolCallDelta)]
    assert (calls[0].id, calls[0].name, calls[0].arguments) == ("toolu_1", "f", "")
    assert "".join(one.arguments for one in calls) == '{"a":1}'


def test_pieces_of_arguments_that_are_no_json_stay_as_the_model_wrote_them() -> None:
    """Fine-grained tool streaming gives no promise of whole JSON."""
    reply = streamed(
        BEGIN, start(0, tool_use()), delta(0, "input_json_delta", partial_json='{"a": "un'), stop(0), FINISH, OVER
    )
    assert reply.tool_calls == [ToolCall("toolu_1", "f", '{"a": "un')]


def test_signatures_and_redacted_thoughts_are_state_of_their_issuer() -> None:
    reply = plain(message(THINKING, REDACTED, SIGNED, text("x")))
    assert reply.parts == [
        Reasoning(text="Let me see.", state={"signature": "c2lnbmF0dXJl=="}, issuer=CLAUDE),
        Reasoning(state={"redacted": "cmVkYWN0ZWQ="}, issuer=CLAUDE),
        Reasoning(state={"signature": "ZW1wdHk="}, issuer=CLAUDE),
        Text("x"),
    ]


def test_a_signature_said_with_the_start_and_again_is_one_signature() -> None:
    reply = streamed(BEGIN, start(0, SIGNED), delta(0, "signature_delta", signature="ZW1wdHk="), stop(0), FINISH, OVER)
    assert reply.parts == [Reasoning(state={"signature": "ZW1wdHk="}, issuer=CLAUDE)]


def test_server_tools_are_ordered_parts_with_their_output_and_failure() -> None:
    parts = plain(message(SEARCH, FAILED, MCP, MCP_RESULT)).parts
    assert [type(part) for part in parts] == [ServerToolCall, ServerToolResult] * 2
    call, failed, _, mcp_result = parts
    assert isinstance(call, ServerToolCall)
    assert (call.id, call.name, call.arguments) == ("srvtoolu_1", "web_search", {"query": "grüße"})
    assert isinstance(failed, ServerToolResult)
    assert isinstance(mcp_result, ServerToolResult)
    assert failed.is_error
    assert mcp_result.is_error
    assert mcp_result.output == [text("broken")]


def test_citations_of_every_kind_say_where_they_point() -> None:
    (part,) = plain(message(text("x", citations=CITED))).parts
    assert isinstance(part, Text)
    assert [(one.type, one.url, one.title, one.cited_text) for one in part.citations] == [
        ("char_location", None, "Grass", "green"),
        ("page_location", None, None, "p"),
        ("content_block_location", None, None, "b"),
        ("search_result_location", "https://s", "S", "s"),
        ("web_search_result_location", "https://w", "W", "w"),
    ]
    assert [one.raw for one in part.citations] == CITED


def test_unknown_blocks_grow_by_deltas_not_known_here() -> None:
    block = {"type": "compaction", "content": None, "n": 1}
    pieces = [delta(0, "compaction_delta", content="al"), delta(0, "compaction_delta", content="l", n=2)]
    assert streamed(BEGIN, start(0, block), *pieces, stop(0), FINISH, OVER).parts == [
        Opaque({"type": "compaction", "content": "all", "n": 2}, issuer=CLAUDE)
    ]


def test_a_stream_that_falls_back_is_the_other_models() -> None:
    """As the anthropic SDK folds it: the block's `to` is the message's model from there on."""
    block = {"type": "fallback", "from": {"model": MODEL}, "to": {"model": "claude-haiku-4-5"}}
    reply = streamed(BEGIN, start(0, block), stop(0), FINISH, OVER)
    assert reply.model == "claude-haiku-4-5"
    assert reply.parts == [Opaque(block, issuer=CLAUDE)]


# --- why it ended ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("tool_use", "tool_calls"),
        ("pause_turn", "pause_turn"),
        ("refusal", "refusal"),
        ("brand_new", "brand_new"),
    ],
)
def test_every_stop_reason_has_a_finish_reason_and_is_kept(reason: str, finish: str) -> None:
    for reply in (plain(message(text("x"), stop=reason)), streamed(*events_of(message(text("x"), stop=reason)))):
        assert reply.finish_reason == finish
        assert reply.choices[0].extras["stop_reason"] == reason


def test_a_refusal_is_in_the_models_words_where_it_gives_any() -> None:
    details = {"type": "refusal", "category": None, "explanation": "Not this."}
    reply = plain(message(text("Well"), stop="refusal", stop_details=details))
    assert reply.parts == [Text("Well"), Refusal("Not this.")]
    assert reply.choices[0].refusal == "Not this."
    assert reply.choices[0].extras["stop_details"] == details
    assert plain(message(stop="refusal", stop_details=None)).choices[0].refusal == "The model refused to answer."


def test_a_full_context_window_is_the_context_error_with_the_partial_answer() -> None:
    body = message(THINKING, text("Hello"), tool_use(a=1), stop="model_context_window_exceeded")
    with pytest.raises(ContextWindowExceededError) as whole:
        plain(body)
    reader = reader_of({**SSE, "request-id": "req_1"})
    with pytest.raises(ContextWindowExceededError) as cut:
        list(items_of(reader, framed(CHANGES["no content_block_stop"](events_of(body)))))
    assert cut.value.request_id == "req_1"
    for error in (whole.value, cut.value):
        assert error.partial is not None
        assert (error.partial.text, error.partial.finish_reason) == ("Hello", "model_context_window_exceeded")
        assert json.loads(error.partial.tool_calls[0].arguments) == {"a": 1}
        assert error.partial.usage is not None
        assert not error.is_retryable


# --- usage ----------------------------------------------------------------------------------------------------------


def test_input_tokens_are_the_sum_of_all_kinds() -> None:
    raw = {
        "input_tokens": 3,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 20,
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 4},
        "service_tier": "standard",
    }
    usage = plain(message(text("x"), usage=raw)).usage
    assert usage == Usage(123, 7, 130, {"cache_read": 100, "cache_creation": 20}, {"reasoning": 4}, raw)


@pytest.mark.parametrize(
    "last",
    [
        {"output_tokens": 7},
        {"output_tokens": 7, "input_tokens": 0, "cache_read_input_tokens": None},
        {"output_tokens": 7, "input_tokens": 3, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 0},
    ],
    ids=["output only", "zeros of a relay", "all"],
)
def test_a_last_usage_adds_to_the_first_and_takes_nothing_from_it(last: dict[str, Any]) -> None:
    """Counts are cumulative; new-api#1428 shows the zeros."""
    first = {"input_tokens": 3, "cache_read_input_tokens": 100, "output_tokens": 1}
    begin = {"type": "message_start", "message": message(stop=None, usage=first)}
    usage = streamed(begin, {**FINISH, "usage": last}, OVER).usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (103, 7, 110)
    assert usage.input_details["cache_read"] == 100


def test_usage_that_comes_only_at_the_end_counts_and_none_is_none() -> None:
    begin = {"type": "message_start", "message": message(stop=None, usage={"input_tokens": 0, "output_tokens": 0})}
    usage = streamed(begin, {**FINISH, "usage": {"input_tokens": 9, "output_tokens": "7"}}, OVER).usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (9, 7)
    nothings: list[Any] = [None, {}, "?"]
    for nothing in nothings:
        begin = {"type": "message_start", "message": message(stop=None, usage=nothing)}
        assert streamed(begin, {**FINISH, "usage": nothing}, OVER).usage is None


# --- the form of the answer -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [{"city": "Oslo", "n": [1]}, {}])
@pytest.mark.parametrize("change", CHANGES)
def test_the_tool_that_stands_for_the_answers_form_gives_json_text(change: str, given: dict[str, Any]) -> None:
    body = message(tool_use("toolu_1", "place", **given), stop="tool_use")
    asked: dict[str, Any] = {"model": OLDER, "response_format": ANSWER}
    deltas = deltas_of(framed(CHANGES[change](events_of(body))), **asked)
    assert {type(one) for one in deltas} == {TextDelta, End}
    for reply in (deltas[-1].reply, plain(body, **asked)):
        assert json.loads(reply.text) == given
        assert not reply.tool_calls
        assert reply.finish_reason == "stop"
        assert reply.choices[0].extras["stop_reason"] == "tool_use"


def test_calls_of_other_tools_beside_it_stay_calls() -> None:
    body = message(tool_use("toolu_1", "f", a=1), stop="tool_use")
    reply = plain(body, model=OLDER, response_format=ANSWER, tools=[Tool("f")])
    assert [call.name for call in reply.tool_calls] == ["f"]
    assert reply.finish_reason == "tool_calls"
    reply = plain(
        message(tool_use("toolu_1", "place", a=1), stop="tool_use"),
        model=OLDER,
        response_format=ANSWER,
        tools=[Tool("place")],
    )
    assert [call.name for call in reply.tool_calls] == ["place"]


def test_where_no_form_was_asked_for_a_call_without_a_name_is_a_call() -> None:
    reply = streamed(BEGIN, delta(0, "input_json_delta", partial_json='{"a": 1}'), FINISH, OVER)
    assert [call.arguments for call in reply.tool_calls] == ['{"a": 1}']
    assert reply.text == ""
    reply = plain(message({"type": "tool_use", "input": {"a": 1}}))
    assert reply.tool_calls[0].id.startswith("toolu_")
