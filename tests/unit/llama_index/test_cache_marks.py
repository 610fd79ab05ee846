"""Marks for Claude's cache, by a CachePoint or in a message's `additional_kwargs`: on each role's messages."""

from __future__ import annotations

import copy
import json
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import CacheControl, CachePoint, CitableBlock, ThinkingBlock, ToolCallBlock
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock

from llama_index_tikhub import TikHub
from tests.scripted_server import Answer
from tikhub_ai import BadRequestError, TikHubAIWarning

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scripted_server import ScriptedServer

CALL = ToolCallBlock(tool_call_id="c1", tool_name="f", tool_kwargs={})
HOUR = {"type": "ephemeral", "ttl": "1h"}
SAID: dict[str, list[Any]] = {
    "system": [TextBlock(text="Be brief.")],
    "user": [TextBlock(text="Call f.")],
    "assistant": [TextBlock(text="I call."), CALL],
    "tool": [TextBlock(text="Result.")],
    "answer": [TextBlock(text="It said: Result.")],
    "last": [TextBlock(text="And then?"), ImageBlock(url="https://x.test/a.png", image_mimetype="image/png")],
}
ROLE = {"answer": "assistant", "last": "user"}
MARKS: dict[str, Callable[[ChatMessage], None]] = {
    "CachePoint": lambda said: said.blocks.append(CachePoint(cache_control=CacheControl(**HOUR))),
    "dict": lambda said: said.additional_kwargs.update(cache_control=dict(HOUR)),
    "object": lambda said: said.additional_kwargs.update(cache_control=CacheControl(**HOUR)),
}
WIRES = {"messages": "claude-sonnet-4-5", "chat_completions": "claude-sonnet-4-5"}
OTHERS = [("chat_completions", "gpt-4o"), ("chat_completions", "deepseek-chat"), ("responses", "gpt-5"),
          ("generate_content", "gemini-2.5-pro")]  # fmt: skip

each_role = pytest.mark.parametrize("who", SAID)
each_mark = pytest.mark.parametrize("mark", MARKS)


def history(**changed: list[Any]) -> list[ChatMessage]:
    return [
        ChatMessage(
            role=ROLE.get(who, who),
            blocks=list(changed.get(who, blocks)),
            additional_kwargs={"tool_call_id": "c1"} if who == "tool" else {},
        )
        for who, blocks in SAID.items()
    ]


def marked(who: str, mark: str, **changed: list[Any]) -> list[ChatMessage]:
    messages = history(**changed)
    MARKS[mark](messages[list(SAID).index(who)])
    return messages


@pytest.fixture
def body_of(server: ScriptedServer) -> Callable[..., dict[str, Any]]:
    server.answer = lambda _: Answer({"error": {"message": "no"}}, 400)

    def sent(api: str, model: str, messages: list[ChatMessage]) -> dict[str, Any]:
        llm = TikHub(model, api=api, api_key="sk-1", base_url=server.url, max_retries=0)
        with pytest.raises(BadRequestError):
            llm.chat(messages)
        body: dict[str, Any] = server.requests[-1].json()
        return body

    return sent


def places(value: Any, where: str = "") -> list[str]:
    """What the marks of a body stand on, each as JSON."""
    if isinstance(value, dict):
        own = [json.dumps({k: v for k, v in value.items() if k != "cache_control"})] if "cache_control" in value else []
        return own + [found for item in value.values() for found in places(item)]
    return [found for item in value for found in places(item)] if isinstance(value, list) else []


@each_role
@each_mark
@pytest.mark.parametrize("api", WIRES)
def test_a_mark_stands_on_the_last_that_a_message_says(who: str, mark: str, api: str, body_of: Any) -> None:
    messages = marked(who, mark)
    before = copy.deepcopy(messages)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        body = body_of(api, WIRES[api], messages)
    assert messages == before, "the caller's own are not changed"
    (place,) = places(body)
    last = {"assistant": '"f"' if api == "messages" else "I call.", "last": "a.png"}.get(who, SAID[who][-1])
    assert (last if isinstance(last, str) else last.text) in place
    assert json.dumps(body).count('"ttl": "1h"') == 1
    assert json.dumps(body).count("ephemeral") == 1


@each_role
@each_mark
@pytest.mark.parametrize(("api", "model"), OTHERS)
def test_who_caches_by_itself_is_sent_no_mark_and_nobody_warned(
    who: str, mark: str, api: str, model: str, body_of: Any
) -> None:
    """Nothing is lost there; and core's extractor, which marks for any model, would log a warning that is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        body = body_of(api, model, marked(who, mark, last=[TextBlock(text="And then?")]))
    assert "cache_control" not in json.dumps(body)


@each_mark
@pytest.mark.parametrize(
    ("blocks", "last"),
    [
        ([TextBlock(text="It said so."), ThinkingBlock(content="Hm.")], "It said so."),
        ([TextBlock(text="It said so."), TextBlock(text=" ")], "It said so."),
        ([], "Result."),
    ],
)
def test_a_mark_after_what_cannot_be_marked_stands_on_what_is_before(
    mark: str, blocks: list[Any], last: str, body_of: Any
) -> None:
    """A thought is not cached by itself, and an empty text is not sent."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (place,) = places(body_of("messages", "claude-sonnet-4-5", marked("answer", mark, answer=blocks)))
    assert last in place


@each_mark
def test_a_mark_with_nothing_before_it_is_left_out_with_a_warning(mark: str, body_of: Any) -> None:
    first = ChatMessage(role="user", blocks=[])
    MARKS[mark](first)
    with pytest.warns(TikHubAIWarning, match="with nothing before it marks nothing"):
        assert places(body_of("messages", "claude-sonnet-4-5", [first, ChatMessage(content="hi")])) == []


def test_a_source_is_marked_as_a_whole(body_of: Any) -> None:
    source = CitableBlock(title="T", source="s", content=[TextBlock(text="All of it.")])
    (place,) = places(body_of("messages", "claude-sonnet-4-5", marked("last", "dict", last=[source])))
    assert json.loads(place)["type"] == "search_result"


@pytest.mark.parametrize(
    "control", [{"type": "ephemeral"}, {"type": "ephemeral", "ttl": "5m"}, CacheControl(type="ephemeral")]
)
def test_five_minutes_are_the_default_and_not_said(control: Any, body_of: Any) -> None:
    message = ChatMessage(content="hi", additional_kwargs={"cache_control": control})
    body = body_of("messages", "claude-sonnet-4-5", [message])
    assert body["messages"][0]["content"][0]["cache_control"] == {"type": "ephemeral"}
