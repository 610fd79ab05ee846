"""What goes out on POST /v1/messages: settings, turns and what users give."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.unit.messages_requests import (
    ANSWER,
    CACHED,
    CLAUDE,
    HI,
    JPEG,
    MODEL,
    NEWER,
    OLDER,
    PDF,
    PNG,
    body_of,
    called,
    encoded,
    result,
    said_by_claude,
    turns_of,
    user_content,
)
from tikhub_ai import (
    Document,
    InvalidRequestError,
    Media,
    Message,
    Opaque,
    ServerToolCall,
    Text,
    TikHubAIWarning,
    Tool,
    ToolCall,
    ToolResult,
)

# --- the call itself -------------------------------------------------------------------------------------------------


def test_only_what_was_asked_is_sent_and_the_limit_that_the_wire_wants() -> None:
    assert body_of() == {"model": MODEL, "max_tokens": 64000, "messages": [{"role": "user", "content": "hi"}]}
    assert body_of(model="claude-3-opus-20240229")["max_tokens"] == 4096
    assert body_of(model="never-heard-of")["max_tokens"] == 4096
    assert body_of(max_tokens=7)["max_tokens"] == 7
    assert body_of(max_tokens=0)["max_tokens"] == 0
    assert body_of(stream=True)["stream"] is True


def test_the_key_goes_in_x_api_key_and_every_call_names_the_version() -> None:
    outgoing = encoded()
    assert outgoing.auth_header == "x-api-key"
    assert outgoing.headers == {"anthropic-version": "2023-06-01"}


def test_settings_go_out_under_the_wire_names() -> None:
    body = body_of(model=OLDER, temperature=0.0, top_p=0.5, top_k=3, stop=["END"], user="u1")
    wanted = {"temperature": 0.0, "top_p": 0.5, "top_k": 3, "stop_sequences": ["END"], "metadata": {"user_id": "u1"}}
    assert {name: body[name] for name in wanted} == wanted
    assert body_of(metadata={"user_id": "u2"})["metadata"] == {"user_id": "u2"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 2),
        ("seed", 7),
        ("logprobs", True),
        ("top_logprobs", 3),
        ("presence_penalty", 0.1),
        ("frequency_penalty", -0.1),
        ("logit_bias", {"50256": -100}),
        ("modalities", ["text", "audio"]),
        ("audio", {"voice": "alloy"}),
        ("metadata", {"run": "1"}),
        ("native", {"safety_settings": []}),
        ("reasoning", {"generate_summary": "auto"}),
    ],
)
def test_what_the_wire_has_no_word_for_is_a_warning_that_names_it(name: str, value: Any) -> None:
    word = next(iter(value)) if isinstance(value, dict) and name in {"metadata", "native", "reasoning"} else name
    with pytest.warns(TikHubAIWarning, match=word):
        assert body_of(**{name: value}) == body_of()


@pytest.mark.parametrize(
    ("name", "value"),
    [("n", 1), ("logprobs", False), ("top_logprobs", 0), ("presence_penalty", 0), ("modalities", ["text"])],
)
def test_what_asks_for_nothing_is_left_out_in_silence(name: str, value: Any) -> None:
    assert body_of(**{name: value}) == body_of()


def test_sampling_that_a_model_refuses_is_left_out_with_a_warning() -> None:
    for name in ("temperature", "top_p", "top_k"):
        with pytest.warns(TikHubAIWarning, match=name):
            assert name not in body_of(model=NEWER, **{name: 0.5})
    assert "temperature" not in body_of(model=NEWER, temperature=1)


def test_of_two_samplings_that_exclude_each_other_the_first_is_sent() -> None:
    with pytest.warns(TikHubAIWarning, match="top_p=0.5"):
        body = body_of(temperature=0.3, top_p=0.5)
    assert body["temperature"] == 0.3
    assert "top_p" not in body
    assert body_of(top_p=0.5)["top_p"] == 0.5


def test_a_stop_text_of_white_space_which_the_wire_refuses_is_left_out_with_a_warning() -> None:
    with pytest.warns(TikHubAIWarning, match="white space"):
        assert body_of(stop=["\n", "END"])["stop_sequences"] == ["END"]


def test_extra_body_is_merged_last_and_wins() -> None:
    body = body_of(temperature=0.3, extra_body={"temperature": 0.9, "service_tier": "auto"})
    assert (body["temperature"], body["service_tier"]) == (0.9, "auto")
    body = body_of(response_format=ANSWER, extra_body={"output_config": {"effort": "low"}})
    assert body["output_config"].keys() == {"format", "effort"}


def test_native_arguments_go_where_they_belong() -> None:
    native = {
        "service_tier": "standard_only",
        "cache_control": {"type": "ephemeral"},
        "container": "container_1",
        "inference_geo": "us",
    }
    body = body_of(native={**native, "effort": "low"})
    assert {name: body[name] for name in native} == native
    assert body["output_config"] == {"effort": "low"}
    assert "thinking" not in body


@pytest.mark.parametrize(
    ("asked", "header"),
    [
        ({"native": {"betas": ["a-2025-01-01", "b-2025-01-01"]}}, "a-2025-01-01,b-2025-01-01"),
        ({"native": {"betas": "a-2025-01-01"}}, "a-2025-01-01"),
        (
            {"native": {"mcp_servers": [{"type": "url", "url": "https://mcp.example/sse", "name": "m"}]}},
            "mcp-client-2025-11-20",
        ),
        (
            {
                "native": {
                    "betas": ["mcp-client-2025-04-04"],
                    "mcp_servers": [{"type": "url", "url": "https://mcp.example/sse", "name": "m"}],
                }
            },
            "mcp-client-2025-04-04",
        ),
        ({"native": {"context_management": {"edits": []}}}, "context-management-2025-06-27"),
        ({"extra_body": {"context_management": {"edits": []}}}, "context-management-2025-06-27"),
        (
            {
                "tools": [
                    Tool(
                        raw={
                            "type": "computer_20250124",
                            "name": "computer",
                            "display_height_px": 9,
                            "display_width_px": 9,
                        }
                    )
                ]
            },
            "computer-use-2025-01-24",
        ),
    ],
    ids=["given", "one", "mcp", "mcp of another date", "context", "extra body", "computer"],
)
def test_betas_are_a_header_and_what_needs_one_adds_it(asked: dict[str, Any], header: str) -> None:
    outgoing = encoded(**asked)
    assert outgoing.headers["anthropic-beta"] == header
    assert "betas" not in outgoing.body


# --- turns -----------------------------------------------------------------------------------------------------------


def test_system_messages_are_the_system_prompt() -> None:
    assert body_of(Message("system", [Text("Be brief.")]), HI)["system"] == "Be brief."
    body = body_of(Message("system", [Text("A")]), Message("developer", [Text("B", options=CACHED)]), HI)
    assert body["system"] == [{"type": "text", "text": "A"}, {"type": "text", "text": "B", **CACHED}]


def test_a_later_system_message_goes_into_the_users_turn_with_a_warning() -> None:
    with pytest.warns(TikHubAIWarning, match="later system message"):
        body = body_of(HI, called("a"), result("a", Text("3")), Message("system", [Text("Be brief.")]))
    assert "system" not in body
    assert [block["type"] for block in body["messages"][-1]["content"]] == ["tool_result", "text"]


def test_a_system_prompt_of_media_is_refused_and_a_source_in_it_is_spelled_out() -> None:
    with pytest.raises(InvalidRequestError, match=r"system prompt.*image"):
        body_of(Message("system", [Media("image", data=PNG)]), HI)
    assert body_of(Message("system", [Document([Text("x")], title="T")]), HI)["system"] == "T\nx"


def test_turns_of_one_role_are_joined_and_texts_without_words_left_out() -> None:
    said = [
        Message("user", [Text("a"), Text(" \n")]),
        Message("user", [Text("b")]),
        Message("assistant", [Text("")]),
        Message("assistant", [Text("c")]),
        Message("assistant", [Text("d")]),
        Message("user", [Text("e")]),
    ]
    assert turns_of(*said) == [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "c"}, {"type": "text", "text": "d"}]},
        {"role": "user", "content": "e"},
    ]


def test_a_conversation_without_words_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="nothing to answer"):
        body_of(Message("system", [Text("x")]), Message("user", [Text("  ")]))


def test_the_beginning_of_an_answer_ends_without_white_space() -> None:
    part = Text("Sure: \n")
    opaque = Opaque({"type": "text", "text": "Sure: "}, issuer=CLAUDE)
    assert turns_of(HI, Message("assistant", [part]))[-1] == {"role": "assistant", "content": "Sure:"}
    assert turns_of(HI, Message("assistant", [opaque]))[-1] == {"role": "assistant", "content": "Sure:"}
    assert said_by_claude(part) == "Sure: \n"


# --- what users give -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (Media("image", url="https://x/a.png"), {"type": "image", "source": {"type": "url", "url": "https://x/a.png"}}),
        (Media("image", file_id="file_1"), {"type": "image", "source": {"type": "file", "file_id": "file_1"}}),
        (
            Media("image", data=PNG, mime_type="image/png"),
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        ),
        (
            Media("image", data=JPEG, mime_type="image/png"),
            {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": JPEG}},
        ),
        (
            Media("image", data="AAAA", mime_type="image/jpg"),
            {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"}},
        ),
        (
            Media("file", data=PNG, mime_type="image/png"),
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        ),
        (
            Media("file", url="https://x/a.pdf"),
            {"type": "document", "source": {"type": "url", "url": "https://x/a.pdf"}},
        ),
        (
            Media("file", data=PDF, mime_type="application/pdf", name="a.pdf"),
            {
                "type": "document",
                "title": "a.pdf",
                "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
            },
        ),
        (
            Media("file", data=PDF, options={"citations": {"enabled": True}, "context": "old", **CACHED}),
            {
                "type": "document",
                "citations": {"enabled": True},
                "context": "old",
                **CACHED,
                "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
            },
        ),
        (Media("file", file_id="file_2"), {"type": "document", "source": {"type": "file", "file_id": "file_2"}}),
        (
            Media("file", data=base64.b64encode("grün".encode()).decode(), mime_type="text/csv; charset=utf-8"),
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "grün"}},
        ),
    ],
    ids=[
        "image by url",
        "image by file id",
        "image by bytes",
        "image of another kind than it says",
        "image/jpg",
        "file that is an image",
        "pdf by url",
        "pdf by bytes with its name",
        "pdf to be cited and cached",
        "document by file id",
        "text file",
    ],
)
def test_media_go_out_as_the_wires_blocks(part: Media, block: dict[str, Any]) -> None:
    assert user_content(part) == [block]


@pytest.mark.parametrize(
    "part",
    [
        Media("audio", data="AAAA", mime_type="audio/wav"),
        Media("audio", url="https://x/a.mp3"),
        Media("video", file_id="file_1"),
        Media("file", url="https://x/a.mp4", mime_type="video/mp4"),
        Media("file", data="AAAA", mime_type="application/zip"),
        Media("file", data="/w==", mime_type="text/plain"),
    ],
    ids=["wav", "mp3 by url", "video", "file that is a film", "zip", "text that is none"],
)
def test_media_that_the_wire_has_no_place_for_are_refused_by_name(part: Media) -> None:
    with pytest.raises(InvalidRequestError, match=f"messages cannot carry {part.kind} input"):
        user_content(part)
    with pytest.raises(InvalidRequestError, match=f"messages cannot carry {part.kind} input"):
        turns_of(HI, called("a"), result("a", part))


def test_documents_in_words_can_be_cited() -> None:
    cited = {"citations": {"enabled": True}}
    assert user_content(Document([Text("Grass is green.")], title="T", options={**cited, "context": "c"})) == [
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "Grass is green."},
            "title": "T",
            "context": "c",
            **cited,
        }
    ]
    assert user_content(Document([Text("a"), Text("b")], options=cited)) == [
        {
            "type": "document",
            "source": {"type": "content", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            **cited,
        }
    ]
    assert user_content(Document([Text("a")], title="T", source="https://x", options={**cited, **CACHED})) == [
        {
            "type": "search_result",
            "source": "https://x",
            "title": "T",
            "content": [{"type": "text", "text": "a"}],
            **cited,
            **CACHED,
        }
    ]
    with pytest.raises(InvalidRequestError, match="nothing to answer"):
        user_content(Document([Text(" ")]))


def test_cache_control_goes_out_on_every_block_tool_and_system_prompt() -> None:
    server_call = ServerToolCall(
        "s1",
        "web_search",
        state={"block": {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}},
        issuer=CLAUDE,
        options=CACHED,
    )
    body = body_of(
        Message("system", [Text("s", options=CACHED)]),
        Message("user", [Text("u", options=CACHED), Media("image", data=PNG, options=CACHED)]),
        Message("assistant", [Text("t", options=CACHED), server_call, ToolCall("a", "f", options=CACHED)]),
        Message("tool", [ToolResult("a", [Text("r", options=CACHED)], options=CACHED)]),
        tools=[Tool("f", options=CACHED)],
    )
    assert json.dumps(body).count(json.dumps(CACHED)[1:-1]) == 8  # the result's own, and not that of what it holds
    assert turns_of(HI, called("a"), result("a", Text("r", options=CACHED)))[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "a", "content": "r", **CACHED}
    ]
