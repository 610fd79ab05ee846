"""What goes out on POST /v1/messages of calls, their results, and what the assistant said before."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.messages_requests import CLAUDE, HI, PNG, called, result, said_by_claude, turns_of
from tikhub_ai import (
    Citation,
    Document,
    InvalidRequestError,
    Issuer,
    Media,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    TikHubAIWarning,
    ToolCall,
)

# --- calls and their results -----------------------------------------------------------------------------------------


def test_results_of_parallel_calls_stand_in_one_turn_and_first() -> None:
    quick = Message("user", [Text("Quick!")])
    results = (result("a", Text("3 degrees")), result("b", Text("broken"), is_error=True))
    with pytest.warns(TikHubAIWarning, match="do not stand right after the message with their calls are moved"):
        turns = turns_of(HI, called("a", "b"), quick, *results)
    assert turns[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "a", "content": "3 degrees"},
        {"type": "tool_result", "tool_use_id": "b", "content": "broken", "is_error": True},
        {"type": "text", "text": "Quick!"},
    ]


def test_a_result_may_hold_media_and_sources_or_nothing() -> None:
    parts = [Text("see"), Media("image", data=PNG), Document([Text("x")], source="s")]
    content = turns_of(HI, called("a"), result("a", *parts))[2]["content"][0]["content"]
    assert [block["type"] for block in content] == ["text", "image", "search_result"]
    assert turns_of(HI, called("a"), result("a"))[2]["content"] == [{"type": "tool_result", "tool_use_id": "a"}]


@pytest.mark.parametrize("identifier", ["call|fc_1", "x" * 65, "functions.get_weather:0", "fc/1="])
def test_ids_of_other_providers_are_made_valid_alike_on_call_and_result(identifier: str) -> None:
    turns = turns_of(HI, called(identifier, "other:1"), result("other:1"), result(identifier))
    made = [block["id"] for block in turns[1]["content"]]
    assert len(set(made)) == 2
    assert [block["tool_use_id"] for block in turns[2]["content"]] == made[::-1]
    assert all(one.startswith("toolu_") for one in made)
    assert made == [block["id"] for block in turns_of(HI, called(identifier, "other:1"))[1]["content"]]


def test_a_result_without_its_call_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="'a' has no such call"):
        turns_of(HI, result("a", Text("3")))


def test_arguments_are_an_object_even_where_the_model_wrote_none() -> None:
    assert said_by_claude(ToolCall("a", "f", ""))[0]["input"] == {}
    for cut in ('{"city": "Os', "[1]"):
        with pytest.warns(TikHubAIWarning, match=r"'f' are no JSON object"):
            assert said_by_claude(ToolCall("a", "f", cut))[0]["input"] == {"arguments": cut}


# --- what the assistant said -----------------------------------------------------------------------------------------


def test_thoughts_are_replayed_exactly_in_their_order() -> None:
    parts = [
        Reasoning(text="Hm. ", state={"signature": "s1=="}, issuer=CLAUDE),
        Reasoning(state={"redacted": "r=="}, issuer=CLAUDE),
        Text("I look."),
        Reasoning(text="", state={"signature": "s2=="}, issuer=CLAUDE),
        ToolCall("a", "f", state={"caller": {"type": "direct"}}, issuer=CLAUDE),
    ]
    assert said_by_claude(*parts) == [
        {"type": "thinking", "thinking": "Hm. ", "signature": "s1=="},
        {"type": "redacted_thinking", "data": "r=="},
        {"type": "text", "text": "I look."},
        {"type": "thinking", "thinking": "", "signature": "s2=="},
        {"type": "tool_use", "id": "a", "name": "f", "input": {}, "caller": {"type": "direct"}},
    ]


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (Reasoning(text="x", state={"signature": "s"}, issuer=Issuer("messages", "minimax")), "Reasoning of minimax"),
        (
            Reasoning(text="x", state={"signature": "s"}, issuer=Issuer("chat_completions", "claude")),
            "chat_completions",
        ),
        (Reasoning(text="x", state={"signature": ""}, issuer=CLAUDE), "Reasoning of claude on messages"),
        (Reasoning(text="x"), "Reasoning"),
        (
            ServerToolCall("s", "web_search", state={"id": 1}, issuer=Issuer("responses", "gpt")),
            "ServerToolCall of gpt",
        ),
        (Opaque({"type": "x"}, issuer=Issuer("responses", "gpt")), "x of gpt"),
        (Media("image", data=PNG), "image of an answer"),
    ],
    ids=["another family", "another api", "empty signature", "no issuer", "server tool", "opaque", "image"],
)
def test_what_claude_cannot_read_back_is_left_out_with_one_warning_that_names_it(part: Any, name: str) -> None:
    with pytest.warns(TikHubAIWarning, match=name) as caught:
        assert said_by_claude(part, Text("so"), part) == "so"
    assert len(caught) == 1


def test_thoughts_without_a_signature_go_back_to_a_family_that_gives_none() -> None:
    thought = Reasoning(text="hm", state={"signature": ""}, issuer=Issuer("messages", "minimax"))
    content = said_by_claude(thought, Text("so"), model="minimax-m2")
    assert content[0] == {"type": "thinking", "thinking": "hm", "signature": ""}


def test_server_tools_and_unknown_blocks_are_replayed_in_place() -> None:
    call = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}}
    found = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
    upload = {"type": "container_upload", "file_id": "file_1"}
    parts = [
        Text("a"),
        ServerToolCall("srvtoolu_1", "web_search", {"query": "q"}, state={"block": call}, issuer=CLAUDE),
        ServerToolResult("srvtoolu_1", [], state={"block": found}, issuer=CLAUDE),
        Opaque(upload, issuer=CLAUDE),
        Text("b"),
    ]
    assert said_by_claude(*parts) == [
        {"type": "text", "text": "a"},
        call,
        found,
        upload,
        {"type": "text", "text": "b"},
    ]


def test_citations_go_back_to_their_issuer_as_the_wire_takes_them() -> None:
    """Answers hold `file_id` null, which the wire refuses as input (langchain-anthropic 1.7.10 drops it too)."""
    raw = {
        "type": "char_location",
        "cited_text": "green",
        "document_index": 0,
        "document_title": None,
        "start_char_index": 0,
        "end_char_index": 5,
    }
    cited = Citation("char_location", cited_text="green", raw={**raw, "file_id": None})
    assert said_by_claude(Text("It is.", [cited], issuer=CLAUDE)) == [
        {"type": "text", "text": "It is.", "citations": [raw]}
    ]
    assert said_by_claude(Text("It is.", [cited], issuer=Issuer("responses", "gpt"))) == "It is."


def test_refusals_transcripts_and_sources_of_an_answer_are_text_again() -> None:
    parts = [Refusal("No."), Media("audio", data="AAAA", transcript="Hello."), Document([Text("x")], title="T")]
    assert [block["text"] for block in said_by_claude(*parts)] == ["No.", "Hello.", "T\nx"]
