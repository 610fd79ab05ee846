"""Calls whose head comes late, in pieces or again, through every codec and both frameworks, wherever they are cut."""

from __future__ import annotations

import json
from functools import reduce
from itertools import accumulate, pairwise
from operator import add
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_tikhub.reply import AnswerStream as LangChainStream
from llama_index_tikhub.reply import StreamBuilder as LlamaIndexStream
from tests.streams import items_of
from tests.unit import chat_completions_streams as chat
from tests.unit import generate_content_streams as gemini
from tests.unit import messages_streams as claude
from tests.unit import responses_streams as gpt
from tikhub_ai import ChatRequest, Delta, End, Message, Text, Tool, ToolCall, ToolCallDelta
from tikhub_ai.apis import chat_completions, generate_content, messages, responses
from tikhub_ai.catalog import facts
from tikhub_ai.chat import ChatReader

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.long  # by CPU: each is many runs

NAME, OTHER = "get_weather", "get_time"
CITY = 'Par"is {[\\'
ARGUMENTS = json.dumps({"city": CITY})
TOOLS = [Tool(NAME), Tool(OTHER), Tool("weather_of")]


class Piece(NamedTuple):
    """One piece of a call: its id, its name, or a piece of these, and a piece of its arguments."""

    id: str
    name: str
    says: str


Torn: TypeAlias = list[Piece]


# --- the wires ------------------------------------------------------------------------------------------------------


def chat_stream(*calls: Torn) -> bytes:
    def wire(piece: Piece, index: int) -> dict[str, Any]:
        function = {"name": piece.name, "arguments": piece.says}
        return chat.chunk({"tool_calls": [{"index": index, "id": piece.id, "type": "function", "function": function}]})

    chunks = [wire(piece, index) for index, call in enumerate(calls) for piece in call]
    return chat.data(*chunks, chat.chunk({}, "tool_calls"))


def messages_stream(*calls: Torn) -> bytes:
    events: list[dict[str, Any]] = [claude.BEGIN]
    for index, call in enumerate(calls):
        for number, piece in enumerate(call):
            if not number or piece.id or piece.name:
                head = {"type": "tool_use", "id": piece.id, "name": piece.name, "input": {}}
                events.append(claude.start(index, head))
            events.append(claude.delta(index, "input_json_delta", partial_json=piece.says))
        events.append(claude.stop(index))
    return claude.framed([*events, claude.FINISH, claude.OVER])


def responses_stream(*calls: Torn) -> bytes:
    events, items = [gpt.CREATED], []
    for index, call in enumerate(calls):
        for number, piece in enumerate(call):
            if not number or piece.id or piece.name:
                item = {"id": f"fc_{index}", "type": "function_call", "call_id": piece.id, "name": piece.name}
                events.append(gpt.added(item, index))
            events.append(
                gpt.event("function_call_arguments.delta", delta=piece.says, item_id=f"fc_{index}", output_index=index)
            )
        items.append({"id": f"fc_{index}", "type": "function_call", "arguments": "".join(p.says for p in call)})
        events.append(gpt.done(items[-1], index))
    return gpt.data(*events, gpt.completed(*items))


def generate_stream(*calls: Torn) -> bytes:
    chunks = []
    for call in calls:
        for number, (piece, city) in enumerate(zip(call, cities(call), strict=True)):
            wire: dict[str, Any] = {"id": piece.id, "name": piece.name, "willContinue": number + 1 < len(call)}
            if city:
                wire["partialArgs"] = [{"jsonPath": "$.city", "stringValue": city, "willContinue": True}]
            chunks.append(gemini.chunk({"functionCall": wire}))
    return gemini.data(*chunks, {"candidates": [gemini.STOP]})


def cities(call: Torn) -> list[str]:
    """The pieces of the arguments' only value: this wire has no pieces of JSON."""
    whole = "".join(piece.says for piece in call)
    found = [0, *(round(len(CITY) * len(came) / len(whole)) for came in accumulate(piece.says for piece in call))]
    return [CITY[start:end] for start, end in pairwise(found)]


WIRES: dict[str, tuple[Any, str, Callable[..., bytes]]] = {
    "chat_completions": (chat_completions, "gpt-4o", chat_stream),
    "messages": (messages, claude.MODEL, messages_stream),
    "responses": (responses, "gpt-4o", responses_stream),
    "generate_content": (generate_content, gemini.MODEL, generate_stream),
}


def read(api: str, *calls: Torn, tools: list[Tool] | None = None) -> list[Delta]:
    codec, model, stream = WIRES[api]
    asked = ChatRequest(model, [Message("user", [Text("hi")])], tools=TOOLS if tools is None else tools)
    reader = ChatReader(codec.decoder(asked, facts(model)), chat.SSE)
    return list(items_of(reader, stream(*calls)))


def assert_called(deltas: list[Delta], *names: str, ids: tuple[str, ...] = ()) -> None:
    """In the reply, in the deltas, and in what both frameworks make of them."""
    *rest, end = deltas
    assert isinstance(end, End)
    calls: list[ToolCall] = end.reply.tool_calls
    assert [(call.name, json.loads(call.arguments)) for call in calls] == [(name, {"city": CITY}) for name in names]
    if ids:
        assert tuple(call.id for call in calls) == ids
    firsts = {delta.index: delta for delta in reversed(rest) if isinstance(delta, ToolCallDelta)}
    assert {(delta.id, delta.name) for delta in rest if isinstance(delta, ToolCallDelta) and delta.id} == {
        (call.id, call.name) for call in calls
    }
    assert sorted((delta.id, delta.name) for delta in firsts.values()) == sorted((c.id, c.name) for c in calls)
    ours = LangChainStream("m")
    chunks: list[Any] = [chunk.message for delta in deltas if (chunk := ours.chunk(delta)) is not None]
    whole = reduce(add, chunks)
    assert [(c["name"], c["args"], c["id"]) for c in whole.tool_calls] == [
        (call.name, {"city": CITY}, call.id) for call in calls
    ]
    theirs = LlamaIndexStream()
    shown = [item for delta in deltas[:-1] if (item := theirs.add(delta)) is not None]
    assert [(b.tool_name, b.tool_call_id) for b in shown[-1].message.blocks] == [  # type: ignore[union-attr]  # of calls
        (call.name, call.id) for call in calls
    ]


# --- the family -----------------------------------------------------------------------------------------------------


def cut(words: str, places: list[int]) -> list[str]:
    edges = [0, *sorted(place % (len(words) + 1) for place in places), len(words)]
    return [words[start:end] for start, end in pairwise(edges)]


@st.composite
def torn(draw: st.DrawFn, number: int = 1) -> Torn:
    """A call whose name and id come whenever they like, and again, and whose arguments are cut anywhere."""
    says = cut(ARGUMENTS, draw(st.lists(st.integers(0, 40), min_size=3, max_size=6)))
    names = [""] * len(says)
    pieces = [piece for piece in cut(NAME, draw(st.lists(st.integers(0, 20), max_size=2))) if piece]
    first = draw(st.integers(0, len(says) - len(pieces)))
    names[first : first + len(pieces)] = pieces
    if draw(st.booleans()):  # whole again
        names[first + len(pieces) :] = [NAME] * (len(says) - first - len(pieces))
    call_id = f"call_{number}"
    how = draw(st.sampled_from(["first", "every", "new", "late"]))
    at = draw(st.integers(0, first))
    ids = {
        "first": [call_id] + [""] * (len(says) - 1),
        "every": [call_id] * len(says),
        "new": [call_id, *(f"{call_id}_{place}" for place in range(1, len(says)))],
        "late": [call_id if place == at else "" for place in range(len(says))],
    }[how]
    call = [Piece(*piece) for piece in zip(ids, names, says, strict=True)]
    while how == "new" and call[-1].name == NAME and not call[-1].says and call[-2].name:
        call.pop()  # another id, the name, and no arguments after whole ones: this is how a second call begins
    return call


@pytest.mark.parametrize("api", WIRES)
@settings(deadline=None, max_examples=400)
@given(torn())
def test_a_torn_call_is_the_call_that_it_is_whole(api: str, call: Torn) -> None:
    deltas = read(api, call)
    assert_called(deltas, NAME, ids=("call_1",) if api != "generate_content" or call[0].id else ())


@pytest.mark.parametrize("api", WIRES)
@settings(deadline=None, max_examples=40)
@given(torn(1), torn(2))
def test_torn_calls_stay_apart(api: str, first: Torn, second: Torn) -> None:
    assert_called(read(api, first, second), NAME, NAME)


INTERLEAVED = [
    [(0, Piece("a", "", "")), (1, Piece("b", "", "")), (0, Piece("", NAME, "")), (1, Piece("", OTHER, ""))],
    [
        (0, Piece("a", "get_", "")),
        (1, Piece("b", "get_", "")),
        (1, Piece("", "time", "")),
        (0, Piece("", "weather", "")),
    ],
]


@pytest.mark.parametrize("heads", INTERLEAVED)
def test_heads_of_calls_side_by_side_come_in_any_order(heads: list[tuple[int, Piece]]) -> None:
    pieces = [*heads, (1, Piece("", "", ARGUMENTS)), (0, Piece("", "", ARGUMENTS))]
    chunks = [
        chat.chunk({"tool_calls": [chat.piece(piece.says, index=index, id=piece.id, name=piece.name)]})
        for index, piece in pieces
    ]
    reader = chat.reader_of(tools=TOOLS)
    assert_called(list(items_of(reader, chat.data(*chunks, chat.chunk({}, "tool_calls")))), NAME, OTHER, ids=("a", "b"))


def test_a_name_in_pieces_is_whole_where_the_request_names_no_tools_too() -> None:
    for name in ([NAME], ["get_", "weather"], ["", NAME], ["get_", "get_weather"], [NAME, NAME]):
        heads = [Piece("a" if not number else "", piece, "") for number, piece in enumerate(name)]
        pieces = [*heads, Piece("", "", ARGUMENTS[:5]), Piece("", "", ARGUMENTS[5:])]
        assert_called(read("chat_completions", pieces, tools=[]), NAME, ids=("a",))


def test_a_call_is_handed_out_as_soon_as_its_head_stands() -> None:
    """One of a tool that the request names, as providers themselves send it, waits for nothing."""
    for api in WIRES:
        reader_deltas = read(api, [Piece("call_1", NAME, ""), Piece("", "", ARGUMENTS)])
        first = next(delta for delta in reader_deltas if isinstance(delta, ToolCallDelta))
        assert (first.id, first.name, first.arguments) == ("call_1", NAME, "")


def test_what_comes_after_a_call_without_a_name_is_handed_out_at_the_end() -> None:
    deltas = read("chat_completions", [Piece("call_1", "", "{}")])
    assert [(delta.id, delta.name) for delta in deltas if isinstance(delta, ToolCallDelta)] == [("call_1", "")]
