"""What both classes do with an answer takes time that grows with its size, and not with the square of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import AIMessage
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock

from langchain_tikhub.history import to_conversation as of_langchain
from llama_index_tikhub.history import to_conversation as of_llama_index
from llama_index_tikhub.reply import StreamBuilder, chat_response
from tests.linear import assert_linear
from tests.unit.langchain.support import CLAUDE, ScriptedChat, reply_of
from tikhub_ai import (
    Citation,
    CitationDelta,
    Delta,
    End,
    Opaque,
    PartDelta,
    ReasoningDelta,
    ServerToolCall,
    ServerToolResult,
    TextDelta,
    ToolCallDelta,
)

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.filterwarnings("ignore:.*is in beta:langchain_core._api.LangChainBetaWarning")

HOW: dict[str, Any] = {"size": 600, "times": 4, "allowed": 1.6}
"""4 times the answer may take 6.4 times the work, 16 being the square: much of it is done once for each part."""


def calls(count: int) -> list[Delta]:
    """Each with a signature, in two pieces."""
    deltas: list[Delta] = []
    for index in range(count):
        state = {"signature": f"s{index}"}
        deltas.append(ToolCallDelta("", index, id=f"call_{index}", name="f", state=state, issuer=CLAUDE))
        deltas.append(ToolCallDelta(f'{{"a":{index}}}', index))
    return deltas


def calls_of_one_id(count: int) -> list[Delta]:
    return [ToolCallDelta("{}", index, id="call", name="f") for index in range(count)]


def pieces_of_text(count: int) -> list[Delta]:
    return [TextDelta("word ", 0) for _ in range(count)]


def pieces_of_a_thought(count: int) -> list[Delta]:
    return [ReasoningDelta("word ", 0) for _ in range(count)]


def citations(count: int) -> list[Delta]:
    said: list[Delta] = [TextDelta("Text.", 0)]
    sources = [Citation("url_citation", f"https://a.example/{n}", "T", raw={"n": n}) for n in range(count)]
    return said + [CitationDelta([source], 0, issuer=CLAUDE) for source in sources]


def texts_and_thoughts(count: int) -> list[Delta]:
    deltas: list[Delta] = []
    for index in range(0, count, 2):
        deltas.append(ReasoningDelta("Hm.", index, state={"signature": "s"}, issuer=CLAUDE))
        deltas.append(TextDelta("Text.", index + 1))
    return deltas


def whole_parts(count: int) -> list[Delta]:
    deltas: list[Delta] = []
    for index in range(0, count, 3):
        kept: dict[str, Any] = {"state": {"block": index}, "issuer": CLAUDE}
        deltas.append(PartDelta(ServerToolCall(f"s{index}", "search", {"q": index}, **kept), index))
        deltas.append(PartDelta(ServerToolResult(f"s{index}", [index], **kept), index + 1))
        deltas.append(PartDelta(Opaque({"type": "new", "n": index}, issuer=CLAUDE), index + 2))
    return deltas


def langchain_stream(deltas: list[Delta]) -> None:
    list(ScriptedChat(deltas).stream("x"))


def langchain_stream_of_blocks(deltas: list[Delta]) -> None:
    list(ScriptedChat(deltas, output_version="v1").stream("x"))


def langchain_invoke_that_streams(deltas: list[Delta]) -> None:
    assert ScriptedChat(deltas, streaming=True).invoke("x").content_blocks


def langchain_events(deltas: list[Delta]) -> None:
    list(ScriptedChat(deltas).stream_events("x", version="v3"))


def langchain_turn(deltas: list[Delta]) -> None:
    assert of_langchain([ScriptedChat(deltas).invoke("x")])


def langchain_turn_of_blocks(deltas: list[Delta]) -> None:
    assert of_langchain([ScriptedChat(deltas, output_version="v1").invoke("x")])


def llama_index_stream(deltas: list[Delta]) -> None:
    builder = StreamBuilder()
    for delta in [*deltas, End(reply_of(deltas))]:
        builder.add(delta)


def llama_index_turn(deltas: list[Delta]) -> None:
    assert of_llama_index([chat_response(reply_of(deltas)).message])


ANSWERS = (calls, calls_of_one_id, pieces_of_text, pieces_of_a_thought, citations, texts_and_thoughts, whole_parts)
WAYS = (
    langchain_stream,
    langchain_stream_of_blocks,
    langchain_invoke_that_streams,
    langchain_events,
    langchain_turn,
    langchain_turn_of_blocks,
    llama_index_stream,
    llama_index_turn,
)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.__name__)
def test_four_times_the_answer_takes_about_four_times_the_work(
    answer: Callable[[int], list[Delta]], way: Callable[[list[Delta]], None]
) -> None:
    way(answer(10))  # what is done once
    assert_linear(answer, way, **HOW)


def test_results_without_an_id_find_their_calls_in_one_walk() -> None:
    """LlamaIndex's older classes give a result the name of its tool alone."""

    def turn(count: int) -> list[ChatMessage]:
        blocks = [ToolCallBlock(tool_call_id=f"c{n}", tool_name=f"f{n % 7}", tool_kwargs={}) for n in range(count)]
        named = [{"name": f"f{n % 7}"} for n in range(count)]
        results = [ChatMessage(role="tool", content="ok", additional_kwargs=kwargs) for kwargs in named]
        return [ChatMessage(role="assistant", blocks=blocks), *results]

    assert_linear(turn, of_llama_index, **HOW)


def test_a_foreign_answer_of_many_calls_is_read_in_one_walk() -> None:
    def turn(count: int) -> list[AIMessage]:
        calls = [{"name": "f", "args": {}, "id": f"c{n}", "type": "tool_call"} for n in range(count)]
        content: list[Any] = [{"type": "tool_use", "id": f"c{n}", "name": "f", "input": {}} for n in range(count)]
        return [AIMessage(content=content, tool_calls=calls)]

    assert_linear(turn, of_langchain, **HOW)
