"""LlamaIndex messages of every kind and maker, as the neutral conversation."""

from __future__ import annotations

import base64
import copy
import io
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    CacheControl,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from pydantic import ValidationError

from llama_index_tikhub.history import reads_files, to_conversation
from tikhub_ai import Citation, Document, InvalidRequestError, Media, Message, Reasoning, Text, ToolCall, ToolResult
from tikhub_ai.apis.common_history import in_words

if TYPE_CHECKING:
    from pathlib import Path

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PNG64 = base64.b64encode(PNG).decode()
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00"
PDF = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"


def parts_of(*blocks: Any, role: str = "user") -> list[Any]:
    [message] = to_conversation([ChatMessage(role=role, blocks=list(blocks))])
    return message.parts


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (TextBlock(text="Hello"), Text("Hello")),
        (
            ImageBlock(url="https://pics.test/a.png", detail="low"),
            Media("image", url="https://pics.test/a.png", mime_type="image/png", options={"detail": "low"}),
        ),
        (ImageBlock(image=PNG), Media("image", data=PNG64, mime_type="image/png")),
        (ImageBlock(image=PNG64.encode()), Media("image", data=PNG64, mime_type="image/png")),
        (ImageBlock(url=f"data:image/png;base64,{PNG64}"), Media("image", data=PNG64, mime_type="image/png")),
        (AudioBlock(audio=WAV), Media("audio", data=base64.b64encode(WAV).decode(), mime_type="audio/wav")),
        (AudioBlock(audio=b"\xff\xfb", format="mp3"), Media("audio", data="//s=", mime_type="audio/mpeg")),
        (
            AudioBlock(url="https://sound.test/a.flac", format="flac"),
            Media("audio", url="https://sound.test/a.flac", mime_type="audio/flac"),
        ),
        (
            VideoBlock(url="https://film.test/a.mp4", fps=2, detail="low"),
            Media("video", url="https://film.test/a.mp4", mime_type="video/mp4", options={"detail": "low", "fps": 2}),
        ),
        (
            DocumentBlock(data=PDF, title="Report.pdf"),
            Media("file", data=base64.b64encode(PDF).decode(), mime_type="application/pdf", name="Report.pdf"),
        ),
        (
            DocumentBlock(url="https://doc.test/a.pdf"),
            Media("file", url="https://doc.test/a.pdf", mime_type="application/pdf", name="input_document"),
        ),
        (ThinkingBlock(content="Hm."), Reasoning("Hm.")),
        (ThinkingBlock(content=None), Reasoning("")),
    ],
)
def test_each_block_becomes_its_part(block: Any, part: Any) -> None:
    assert parts_of(block) == [part]


def test_a_path_is_read_and_a_url_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import requests

    monkeypatch.setattr(requests, "get", lambda *_, **__: pytest.fail("fetched"))
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    messages = [ChatMessage(role="user", blocks=[ImageBlock(path=path), ImageBlock(url="https://pics.test/b.png")])]
    assert reads_files(messages)
    [message] = to_conversation(messages)
    assert message.parts == [
        Media("image", data=PNG64, mime_type="image/png"),
        Media("image", url="https://pics.test/b.png", mime_type="image/png"),
    ]
    assert not reads_files(messages[0:0])
    path.unlink()
    with pytest.raises(InvalidRequestError, match="cannot be read"):
        to_conversation(messages)


def test_a_stream_is_read_whole_and_left_where_it_was() -> None:
    stream = io.BytesIO(PNG)
    stream.seek(7)
    try:
        block = ImageBlock(image=stream, image_mimetype="image/png")
    except ValidationError:
        pytest.skip("blocks of this version of llama-index-core hold no streams")
    assert parts_of(block) == parts_of(block) == [Media("image", data=PNG64, mime_type="image/png")]
    assert stream.tell() == 7


def test_an_empty_media_block_is_an_error_that_names_it() -> None:
    with pytest.raises(InvalidRequestError, match="ImageBlock is empty"):
        parts_of(ImageBlock())


@pytest.mark.parametrize(
    ("role", "neutral"),
    [
        ("system", "system"),
        ("developer", "developer"),
        ("user", "user"),
        ("assistant", "assistant"),
        ("chatbot", "assistant"),
        ("model", "assistant"),
    ],
)
def test_roles(role: str, neutral: str) -> None:
    (message,) = to_conversation([ChatMessage(role=role, content="x")])
    assert (message.role, message.parts) == (neutral, [Text("x")])


def test_speakers_of_one_role_keep_their_names() -> None:
    [message] = to_conversation([ChatMessage(role="user", content="x", additional_kwargs={"name": "anna"})])
    assert message.name == "anna"


# --- cache points, citable and citation blocks ------------------------------------------------------------------------


def test_a_cache_point_marks_the_part_before_it() -> None:
    point = CachePoint(cache_control=CacheControl(type="ephemeral"))
    marked, plain = parts_of(TextBlock(text="long"), point, TextBlock(text="short"))
    assert marked.options == {"cache_control": {"type": "ephemeral"}}
    assert plain.options is None


def test_a_cache_point_keeps_the_options_that_are_there() -> None:
    point = CachePoint(cache_control=CacheControl(type="ephemeral", ttl="1h"))
    [image] = parts_of(ImageBlock(url="https://pics.test/a.png", detail="low"), point)
    assert image.options == {"detail": "low", "cache_control": {"type": "ephemeral", "ttl": "1h"}}


def test_a_cache_point_at_the_start_marks_the_message_before() -> None:
    point = CachePoint(cache_control=CacheControl(type="ephemeral"))
    system, user = to_conversation(
        [ChatMessage(role="system", content="long"), ChatMessage(role="user", blocks=[point, TextBlock(text="hi")])]
    )
    assert system.parts[0].options == {"cache_control": {"type": "ephemeral"}}
    assert user.parts == [Text("hi")]


def test_a_cache_point_with_nothing_before_it_is_a_warning() -> None:
    with pytest.warns(UserWarning, match="CachePoint"):
        assert parts_of(CachePoint(cache_control=CacheControl(type="ephemeral"))) == []


def test_a_cache_point_in_a_tool_result_marks_the_result() -> None:
    point = CachePoint(cache_control=CacheControl(type="ephemeral"))
    message = ChatMessage(role="tool", blocks=[TextBlock(text="42"), point], additional_kwargs={"tool_call_id": "c"})
    assert to_conversation([message])[0].parts == [
        ToolResult("c", [Text("42")], options={"cache_control": {"type": "ephemeral"}})
    ]


def test_a_citable_block_is_a_source_to_be_cited_and_else_says_its_title() -> None:
    block = CitableBlock(title="Rivers", source="rivers.md", content=[TextBlock(text="The Seine is long.")])
    [source] = parts_of(block)
    cited = {"citations": {"enabled": True}}
    assert source == Document([Text("The Seine is long.")], "Rivers", "rivers.md", options=cited)
    with pytest.warns(UserWarning, match="cites no sources"):
        assert in_words(source) == [Text("Source: Rivers (rivers.md)\nThe Seine is long.")]


def test_a_citation_belongs_to_the_text_before_it() -> None:
    citation = CitationBlock(
        cited_content=TextBlock(text="long"), source="https://r.test", title="R", additional_location_info={"start": 3}
    )
    [text] = parts_of(TextBlock(text="The Seine."), citation, role="assistant")
    assert text == Text("The Seine.", [Citation("citation", "https://r.test", "R", "long", 3)])
    assert parts_of(citation) == [Text("long")]


# --- tool calls and results, of every maker ---------------------------------------------------------------------------

CALL = ToolCall("c1", "get_weather", '{"city":"Paris"}')


def result(**kwargs: Any) -> ChatMessage:
    return ChatMessage(role=kwargs.pop("role", "tool"), content="Sunny.", additional_kwargs=kwargs)


@pytest.mark.parametrize(
    "message",
    [
        ChatMessage(
            role="assistant",
            blocks=[ToolCallBlock(tool_call_id="c1", tool_name="get_weather", tool_kwargs='{"city":"Paris"}')],
        ),
        ChatMessage(  # OpenAI: objects of the SDK
            role="assistant",
            additional_kwargs={
                "tool_calls": [
                    SimpleNamespace(
                        id="c1",
                        type="function",
                        function=SimpleNamespace(name="get_weather", arguments='{"city":"Paris"}'),
                    )
                ]
            },
        ),
        ChatMessage(  # OpenAI: dicts
            role="assistant",
            additional_kwargs={
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'},
                    }
                ]
            },
        ),
        ChatMessage(  # OpenAI Responses
            role="assistant",
            additional_kwargs={
                "tool_calls": [
                    {
                        "id": "fc_1",
                        "call_id": "c1",
                        "type": "function_call",
                        "name": "get_weather",
                        "arguments": '{"city":"Paris"}',
                    }
                ]
            },
        ),
    ],
)
def test_calls_of_every_maker(message: ChatMessage) -> None:
    call, answer = to_conversation([message, result(tool_call_id="c1")])
    assert call == Message("assistant", [CALL])
    assert answer == Message("tool", [ToolResult("c1", [Text("Sunny.")], name="get_weather")])


@pytest.mark.parametrize("made", [{"id": "c1", "name": "get_weather", "input": {"city": "Paris"}, "type": "tool_use"}])
def test_calls_with_their_arguments_as_an_object(made: dict[str, Any]) -> None:
    [message] = to_conversation([ChatMessage(role="assistant", additional_kwargs={"tool_calls": [made]})])
    assert message.parts == [ToolCall("c1", "get_weather", '{"city": "Paris"}')]


def test_calls_without_ids_are_paired_with_their_results_by_name_then_by_order() -> None:
    google = {"tool_calls": [{"name": "get_time", "args": {}}, {"name": "get_weather", "args": {"city": "Paris"}}]}
    messages = [
        ChatMessage(role="model", additional_kwargs=google),
        result(name="get_weather", role="function"),
        result(role="function"),
    ]
    call, weather, time = to_conversation(messages)
    ids = [part.id for part in call.parts if isinstance(part, ToolCall)]
    assert len(set(ids)) == 2
    assert weather.parts == [ToolResult(ids[1], [Text("Sunny.")], name="get_weather")]
    assert time.parts == [ToolResult(ids[0], [Text("Sunny.")], name="get_time")]
    assert to_conversation(messages)[0] == call


def test_the_old_function_call() -> None:
    old = {"function_call": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}
    call, answer = to_conversation(
        [ChatMessage(role="assistant", additional_kwargs=old), result(name="get_weather", role="function")]
    )
    [made] = call.parts
    assert isinstance(made, ToolCall)
    assert (made.name, made.arguments) == ("get_weather", '{"city":"Paris"}')
    assert answer.parts == [ToolResult(made.id, [Text("Sunny.")], name="get_weather")]


def test_blocks_win_over_additional_kwargs() -> None:
    edited = ChatMessage(
        role="assistant",
        blocks=[ToolCallBlock(tool_call_id="c1", tool_name="get_weather", tool_kwargs={"city": "Lyon"})],
        additional_kwargs={
            "tool_calls": [{"id": "c1", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}]
        },
    )
    assert to_conversation([edited])[0].parts == [ToolCall("c1", "get_weather", '{"city": "Lyon"}')]


def test_arguments_nobody_edited_go_back_letter_by_letter() -> None:
    """A prefix that changes by one blank is a prefix that no provider's cache knows."""
    spaced = '{ "city" :"Paris"}'
    message = ChatMessage(
        role="assistant",
        blocks=[ToolCallBlock(tool_call_id="c1", tool_name="get_weather", tool_kwargs={"city": "Paris"})],
        additional_kwargs={"tool_calls": [{"id": "c1", "function": {"name": "get_weather", "arguments": spaced}}]},
    )
    assert to_conversation([message])[0].parts == [ToolCall("c1", "get_weather", spaced)]


def test_order_of_text_calls_and_thoughts_is_kept() -> None:
    message = ChatMessage(
        role="assistant",
        blocks=[
            ThinkingBlock(content="Hm."),
            TextBlock(text="One"),
            ToolCallBlock(tool_call_id="a", tool_name="f", tool_kwargs={}),
            TextBlock(text="Two"),
            ToolCallBlock(tool_call_id="b", tool_name="f", tool_kwargs=""),
        ],
    )
    assert to_conversation([message])[0].parts == [
        Reasoning("Hm."),
        Text("One"),
        ToolCall("a", "f"),
        Text("Two"),
        ToolCall("b", "f"),
    ]


def test_a_tool_result_may_show_pictures() -> None:
    message = ChatMessage(
        role="tool",
        blocks=[TextBlock(text="A chart:"), ImageBlock(url="https://pics.test/a.png")],
        additional_kwargs={"tool_call_id": "c1"},
    )
    [shown] = to_conversation([message])[0].parts
    assert isinstance(shown, ToolResult)
    assert [type(part) for part in shown.content] == [Text, Media]


def test_nothing_of_the_callers_is_changed() -> None:
    messages = [
        ChatMessage(role="system", content="Be brief."),
        ChatMessage(
            role="user", blocks=[ImageBlock(image=PNG), CachePoint(cache_control=CacheControl(type="ephemeral"))]
        ),
        ChatMessage(
            role="assistant",
            blocks=[
                ThinkingBlock(content="Hm."),
                ToolCallBlock(tool_call_id="c1", tool_name="f", tool_kwargs={"a": 1}),
            ],
        ),
        result(tool_call_id="c1"),
    ]
    before = copy.deepcopy(messages)
    conversation = to_conversation(messages)
    conversation[2].parts.clear()
    assert messages == before


@pytest.mark.parametrize("role", ["system", "user", "assistant"])
def test_a_speakers_name_is_the_messages(role: str) -> None:
    (message,) = to_conversation([ChatMessage(role=role, content="Hi", additional_kwargs={"name": "Ada"})])
    assert message.name == "Ada"
