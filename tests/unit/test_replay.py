"""Skeletons: what is kept of a part, words taken apart again, and messages that earlier versions wrote."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock, ThinkingBlock, ToolCallBlock

from langchain_tikhub.history import to_conversation as of_langchain
from llama_index_tikhub.history import to_conversation as of_llama_index
from tikhub_ai import (
    Issuer,
    Media,
    Opaque,
    Reasoning,
    ServerToolCall,
    ServerToolResult,
    Text,
    TikHubAIWarning,
    ToolCall,
    replay,
)

CLAUDE = Issuer("messages", "claude")


def signed(text: str, name: str) -> Reasoning:
    return Reasoning(text=text, state={"signature": name}, issuer=CLAUDE)


def entries(*texts: str) -> list[dict[str, Any]]:
    return [replay.kept_of(Text(text)) for text in texts]


# --- words taken apart ----------------------------------------------------------------------------------------------


@given(st.lists(st.text(max_size=4), max_size=5))
def test_words_that_nobody_edited_come_apart_as_they_were_joined(texts: list[str]) -> None:
    slices, added, _ = replay.sliced(entries(*texts), "".join(texts))
    assert slices == [(text, True) for text in texts]
    assert added == ""


@given(st.lists(st.text("ab", max_size=3), max_size=5), st.text("ab", max_size=12))
def test_whatever_the_words_became_none_is_lost_or_doubled_or_taken_for_what_was_issued(
    texts: list[str], now: str
) -> None:
    slices, added, before = replay.sliced(entries(*texts), now)
    words = [text for text, _ in slices]
    assert "".join([*words[:before], added, *words[before:]]) == now
    assert all(text == issued for (text, is_kept), issued in zip(slices, texts, strict=True) if is_kept)


@pytest.mark.parametrize(
    ("now", "expected", "added"),
    [
        ("One. TWO! Three.", [("One. ", True), ("TWO! ", False), ("Three.", True)], ""),
        ("One. Another one. Three.", [("One. ", True), ("Another one. ", False), ("Three.", True)], ""),
        ("One. Three.", [("One. ", True), ("", False), ("Three.", True)], ""),
        ("Zero. One. Two. Three.", [("One. ", True), ("Two. ", True), ("Three.", True)], "Zero. "),
        ("One. Two. Three. Four.", [("One. ", True), ("Two. ", True), ("Three.", True)], " Four."),
        ("", [("", False), ("", False), ("", False)], ""),
    ],
)
def test_parts_beside_an_edited_one_keep_their_words(now: str, expected: list[Any], added: str) -> None:
    slices, found, before = replay.sliced(entries("One. ", "Two. ", "Three."), now)
    assert (slices, found) == (expected, added)
    assert before == (0 if added == "Zero. " else 3 if added else before)


def test_without_a_hash_lengths_decide() -> None:
    lengths = [{"length": 2}, {"length": 3}]
    assert replay.sliced(lengths, "abcde")[:2] == ([("ab", True), ("cde", True)], "")
    assert replay.sliced(lengths, "abcd")[:2] == ([("abcd", False), ("", False)], "")
    assert replay.sliced([{"length": "2"}, {"length": -1}, {}], "ab")[0] == [("ab", False), ("", False), ("", False)]


# --- as it was issued -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("issued", "now", "same"),
    [
        ('{"a": 1, "b": [true]}', '{"b":[true],"a":1}', True),
        ('{"a": 1.0}', '{"a": 1}', True),
        ('{"a": "\\u00e9"}', '{"a": "é"}', True),
        ("", "{}", True),
        ('{"a": true}', '{"a": 1}', False),
        ('{"a": 1}', '{"a": "1"}', False),
        ('{"a": 1.5}', '{"a": 1}', False),
        ('{"a": [1, 2]}', '{"a": [2, 1]}', False),
        ('{"a": ', '{"a": ', True),
        ('{"a": ', '{"b": ', False),
    ],
)
def test_arguments_are_the_same_however_they_are_written(issued: str, now: str, same: bool) -> None:
    call = ToolCall("c", "f", issued, state={"s": 1}, issuer=CLAUDE)
    assert replay.is_as_issued(replay.kept_of(call), ToolCall("c", "f", now)) is same


@pytest.mark.parametrize("arguments", ['{"a": ', "", pytest.param("[" * 200_000, id="deep"), '{"a": 1}'])
def test_arguments_that_a_framework_writes_again_as_they_were_need_no_entry(arguments: str) -> None:
    assert replay.kept_of(ToolCall("c", "f", arguments)) == {}
    assert replay.kept_of(ToolCall("c", "f", '{"a":1}')) != {}


def test_a_call_of_another_name_is_another_call() -> None:
    call = ToolCall("c", "f", "{}", state={"s": 1}, issuer=CLAUDE)
    with pytest.warns(TikHubAIWarning, match=r"The call of 'g' \(c\) of an answer was edited"):
        assert replay.returned(replay.kept_of(call), ToolCall("c", "g", "{}")) == ToolCall("c", "g", "{}")


def test_sound_whose_bytes_were_cleared_away_keeps_its_id() -> None:
    """Long histories are stored without them; a transcript that was edited is another matter."""
    sound = Media("audio", data="aGk=", transcript="Hi", state={"id": "audio_1"}, issuer=CLAUDE)
    entry = replay.kept_of(sound)
    kept = replay.returned(entry, Media("audio", transcript="Hi"))
    assert kept is not None
    assert kept.state == {"id": "audio_1"}
    for edited in (Media("audio", transcript="Ho"), Media("audio", data="aGo=", transcript="Hi")):
        with pytest.warns(TikHubAIWarning, match="The audio of an answer was edited"):
            assert replay.returned(entry, edited) == edited


def test_half_of_a_providers_own_call_does_not_go_back_alone() -> None:
    call = ServerToolCall("s1", "search", {}, state={"block": {}}, issuer=CLAUDE)
    other = ServerToolCall("s2", "search", {}, state={"block": {}}, issuer=CLAUDE)
    result = ServerToolResult("s1", ["x"])  # edited, so nobody's
    back = replay.without_lone_halves([call, other, result])
    assert [part.issuer for part in back] == [None, CLAUDE, None]
    assert call.issuer == CLAUDE, "the caller's parts were changed"


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"type": "dream"},
        {"type": "opaque"},
        {"type": "opaque", "part": {"value": "no object"}},
        {"type": "media", "part_json": "{cut"},
        {"type": "server_tool_call", "part": ["no", "object"]},
        {"type": "server_tool_result", "part": {"odd": 1}},
    ],
)
def test_an_entry_that_is_none_tells_of_no_part(entry: dict[str, Any]) -> None:
    assert replay.whole_part(entry) is None


def test_an_entry_of_odd_state_tells_of_none() -> None:
    entry = {"state": "s", "issuer": ["alone"], "options": 7, "citations": "none"}
    assert replay.issued_of(entry) == {"state": None, "issuer": None, "options": None}
    assert replay.citations_of(entry) == []


def test_what_a_version_to_come_adds_is_passed_over() -> None:
    entry = {"type": "opaque", "part": {"value": {"type": "new"}, "colour": "red"}, "issuer": ["messages", "claude"]}
    assert replay.whole_part(entry) == Opaque({"type": "new"}, issuer=CLAUDE)


@pytest.mark.parametrize(("levels", "is_kept"), [(50, True), (150, True), (600, True), (1_100, False), (50_000, False)])
def test_what_is_nested_deeply_is_kept_as_text_and_what_no_store_could_take_is_not(levels: int, is_kept: bool) -> None:
    value: Any = []
    for _ in range(levels):
        value = [value]
    part = Opaque({"type": "new", "value": value}, issuer=CLAUDE)
    with nullcontext() if is_kept else pytest.warns(TikHubAIWarning, match="nested too deeply to be kept"):
        entry = {"type": "opaque"} | replay.whole_of(part) | replay.kept_of(part)
    assert ("part_json" in entry) is (is_kept and levels > 100)
    whole = replay.whole_part(entry)
    assert (whole is not None) is is_kept
    if whole is not None:
        assert replay.returned(entry, whole) is not None


# --- messages of earlier versions -----------------------------------------------------------------------------------


def test_a_message_that_an_earlier_version_of_langchains_adapter_wrote() -> None:
    issuer = ["messages", "claude"]
    kept: list[dict[str, Any]] = [
        {"index": 0, "type": "reasoning", "length": 3, "state": {"signature": "s0"}, "issuer": issuer},
        {"index": 1, "type": "text", "length": 2, "citations": []},
        {
            "index": 2,
            "id": "2.0",
            "type": "opaque",
            "part_json": '{"value": {"type": "new", "on": true}}',
            "issuer": issuer,
        },
        {
            "index": 3,
            "type": "tool_call",
            "id": "c1",
            "state_json": '{"x": 0.5}',
            "arguments": '{"a":1}',
            "issuer": issuer,
        },
    ]
    for entry in kept[2:]:
        entry["issuer"] = issuer
    call = {"name": "f", "args": {"a": 1}, "id": "c1", "type": "tool_call"}
    message = AIMessage("Hi", additional_kwargs={"reasoning_content": "Hm.", "tikhub_parts": kept}, tool_calls=[call])
    assert of_langchain([message])[0].parts == [
        signed("Hm.", "s0"),
        Text("Hi"),
        Opaque({"type": "new", "on": True}, issuer=CLAUDE),
        ToolCall("c1", "f", '{"a":1}', state={"x": 0.5}, issuer=CLAUDE),
    ]
    message.tool_calls[0]["args"] = {"a": 2}
    message.additional_kwargs["reasoning_content"] = "Longer."
    with pytest.warns(TikHubAIWarning, match="was edited") as warned:
        parts = of_langchain([message])[0].parts
    assert len(warned) == 2
    assert [part.state for part in parts] == [None, None, None, None]


def test_a_message_that_an_earlier_version_of_llama_indexs_adapter_wrote() -> None:
    issuer = ["messages", "claude"]
    kept = [
        {"type": "reasoning"},
        {"type": "text", "length": 2, "state": {"id": "m1"}, "issuer": issuer},
        {"type": "opaque", "value": {"type": "new"}, "issuer": issuer},
        {"type": "server_tool_call", "id": "s1", "name": "search", "arguments": {"q": 1}, "issuer": issuer},
        {"type": "tool_call", "id": "c1", "name": "f", "arguments": '{"a":1}', "state": {"s": "x"}, "issuer": issuer},
        {"type": "media", "has_block": True, "kind": "image", "state": {"s": "y"}, "issuer": issuer},
        {"type": "media", "has_block": False, "kind": "file", "file_id": "f1", "issuer": issuer},
        {"type": "media", "has_block": False, "kind": "audio", "transcript": "Hello", "issuer": issuer},
    ]
    old = {"state": {"signature": "s0"}, "issuer": issuer, "check": crc32(b"Hm.")}
    thought = ThinkingBlock(content="Hm.", additional_information={"tikhub": old})
    call = ToolCallBlock(tool_call_id="c1", tool_name="f", tool_kwargs={"a": 1})
    image = ImageBlock(image=b"aGkh", image_mimetype="image/png")
    message = ChatMessage(
        role="assistant",
        blocks=[thought, TextBlock(text="Hi"), call, image],
        additional_kwargs={"tikhub_parts": kept, "audio_transcript": "Hello"},
    )
    assert of_llama_index([message])[0].parts == [
        signed("Hm.", "s0"),
        Text("Hi", state={"id": "m1"}, issuer=CLAUDE),
        Opaque({"type": "new"}, issuer=CLAUDE),
        ServerToolCall("s1", "search", {"q": 1}, issuer=CLAUDE),
        ToolCall("c1", "f", '{"a":1}', state={"s": "x"}, issuer=CLAUDE),
        Media("image", data="aGkh", mime_type="image/png", state={"s": "y"}, issuer=CLAUDE),
        Media("file", file_id="f1", issuer=CLAUDE),
        Media("audio", transcript="Hello", issuer=CLAUDE),
    ]
    edited = thought.model_copy(update={"content": "Ho."})
    bare = ChatMessage(role="assistant", blocks=[edited, TextBlock(text="Hi")])
    with pytest.warns(TikHubAIWarning, match="The reasoning of an answer was edited"):
        assert of_llama_index([bare])[0].parts == [Reasoning(text="Ho."), Text("Hi")]
