"""What a person or a middleware edits in an answer goes out edited, and never with the state of what stood there.

Every string and number of an answer that both frameworks hold is edited, one at a time and without a change of length,
and the answer is read back. Whatever kind of part it was, plain or streamed, in whichever form the framework keeps it.
"""

from __future__ import annotations

import json
import warnings
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import message_chunk_to_message, messages_from_dict, messages_to_dict
from llama_index.core.base.llms.types import ChatMessage

from langchain_tikhub.history import to_conversation as of_langchain
from llama_index_tikhub.history import to_conversation as of_llama_index
from llama_index_tikhub.reply import StreamBuilder, chat_response
from tests.unit.langchain.support import CLAUDE, ScriptedChat, reply_of, summed
from tests.unit.llama_index.sound import keeps_sound
from tikhub_ai import (
    AudioDelta,
    Citation,
    CitationDelta,
    Delta,
    End,
    Media,
    Opaque,
    PartDelta,
    Reasoning,
    ReasoningDelta,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    TextDelta,
    TikHubAIWarning,
    ToolCallDelta,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tikhub_ai import AnyPart

_ANSWER: list[Delta] = [
    ReasoningDelta("A first thought.", 0, state={"signature": "s0"}, issuer=CLAUDE),
    TextDelta("I look ", 1),
    TextDelta("it up. ", 1),
    PartDelta(
        ServerToolCall("srv_1", "web_search", {"query": "rivers", "deep": True}, state={"b": 2}, issuer=CLAUDE), 2
    ),
    PartDelta(ServerToolResult("srv_1", [{"title": "Seine", "score": 0.5}], state={"b": 3}, issuer=CLAUDE), 3),
    ReasoningDelta("A second one.", 4, state={"signature": "s4"}, issuer=CLAUDE),
    ReasoningDelta("", 5, state={"redacted": "s5"}, issuer=CLAUDE),
    PartDelta(Text("The Seine is long.", state={"id": "m6", "exact": 0.5}, issuer=CLAUDE), 6),
    CitationDelta([Citation("url_citation", "https://a.example/x", "A", "long", 4, 9, {"encrypted": "e"})], 6),
    CitationDelta([Citation("char_location", title="B", cited_text="rivers", raw={"weight": 0.25})], 6),
    PartDelta(Opaque({"type": "new", "rate": 0.25, "secret": "x"}, issuer=CLAUDE), 7),
    PartDelta(Media("image", data="aGkh", mime_type="image/png", state={"signature": "s8"}, issuer=CLAUDE), 8),
    PartDelta(Refusal("No further.", state={"id": "r9"}, issuer=CLAUDE), 9),
    ToolCallDelta('{"city":', 10, id="call_a", name="weather", state={"signature": "s10"}, issuer=CLAUDE),
    ToolCallDelta('"Paris","days":1}', 10),
    ToolCallDelta('{"city": "Rome", "now": true}', 11, id="call_b", name="weather", state={"n": 11}, issuer=CLAUDE),
    *(  # last, since positions have no gap
        [AudioDelta(12, data="aGVsbG8h", transcript="hello", mime_type="audio/wav", state={"id": "a12"}, issuer=CLAUDE)]
        if keeps_sound()
        else []
    ),
]
"""A part of every kind, each with state of its own, some of a kind that stands twice."""

_NAMES = frozenset({"index", "type", "id", "tool_call_id", "block_type", "role", "status", "issuer", "check", "cited"})
_KEPT = frozenset(
    {"state", "state_json", "length", "spoken", "has_block", "kind", "mime_type", "image_mimetype", "format", "options"}
)
_WRITTEN = frozenset(
    {"part_json", "arguments"}
)  # of a skeleton: who edits JSON text or the letter of a call's arguments
_NOT_CONTENT = _NAMES | _KEPT | _WRITTEN
"""What says what a part is and what was kept with it, and not what it says."""


def answer() -> list[Delta]:
    """A copy, since folding it grows its parts."""
    return deepcopy(_ANSWER)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all words, numbers and truths of some JSON that a reader would call content."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in _NOT_CONTENT:
                yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from leaves(item, (*path, number))
    elif value not in (None, ""):
        yield path


def edited_at(value: Any, path: tuple[Any, ...]) -> Any:
    """A copy with one leaf edited: of the same length, and a truth to the number that Python says equals it."""
    if path:
        copy = value.copy()
        copy[path[0]] = edited_at(value[path[0]], path[1:])
        return copy
    match value:
        case bool():
            return int(value)
        case int() | float():
            return value + 1
        case _:
            at = next(at for at, letter in enumerate(value) if letter.isalnum())
            return value[:at] + ("b" if value[at] == "a" else "a") + value[at + 1 :]


# --- the messages of both frameworks, as JSON -----------------------------------------------------------------------


def langchain_message(*, streamed: bool, version: str) -> dict[str, Any]:
    model = ScriptedChat(answer(), output_version=version)
    message = message_chunk_to_message(summed(model.stream("x"))) if streamed else model.invoke("x")
    dumped: dict[str, Any] = json.loads(json.dumps(messages_to_dict([message])[0]))
    return dumped


def langchain_parts(dumped: dict[str, Any]) -> list[AnyPart]:
    return of_langchain(messages_from_dict([dumped]))[0].parts


def llama_index_message(*, streamed: bool, version: str) -> dict[str, Any]:
    assert not version
    message = chat_response(reply_of(answer())).message
    if streamed:
        builder = StreamBuilder()
        items = [builder.add(delta) for delta in (*answer(), End(reply_of(answer())))]
        assert items[-1] is not None
        message = items[-1].message
    dumped: dict[str, Any] = json.loads(message.model_dump_json())
    return dumped


def llama_index_parts(dumped: dict[str, Any]) -> list[AnyPart]:
    return of_llama_index([ChatMessage.model_validate(dumped)])[0].parts


FORMS: dict[str, tuple[Callable[..., dict[str, Any]], Callable[[dict[str, Any]], list[AnyPart]], bool, str]] = {
    "langchain-v0-plain": (langchain_message, langchain_parts, False, "v0"),
    "langchain-v0-streamed": (langchain_message, langchain_parts, True, "v0"),
    "langchain-v1-plain": (langchain_message, langchain_parts, False, "v1"),
    "langchain-v1-streamed": (langchain_message, langchain_parts, True, "v1"),
    "llama_index-plain": (llama_index_message, llama_index_parts, False, ""),
    "llama_index-streamed": (llama_index_message, llama_index_parts, True, ""),
}
MADE = {name: make(streamed=streamed, version=version) for name, (make, _, streamed, version) in FORMS.items()}


def content_of(dumped: dict[str, Any]) -> dict[str, Any]:
    """The fields of a dumped message that hold the answer."""
    data = dumped.get("data", dumped)
    names = ("content", "tool_calls", "additional_kwargs") if "data" in dumped else ("blocks", "additional_kwargs")
    return {name: data[name] for name in names}


CASES = [(form, path) for form, dumped in MADE.items() for path in leaves(content_of(dumped))]


def read(form: str, dumped: dict[str, Any]) -> tuple[list[AnyPart], list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        parts = FORMS[form][1](dumped)
    return parts, [str(one.message) for one in caught if issubclass(one.category, TikHubAIWarning)]


@pytest.mark.parametrize("form", FORMS)
def test_an_answer_that_nobody_edited_goes_back_whole_and_in_silence(form: str) -> None:
    assert read(form, MADE[form]) == (reply_of(answer()).parts, [])


@pytest.mark.parametrize(
    ("form", "path"), CASES, ids=lambda case: case if isinstance(case, str) else ".".join(map(str, case))
)
def test_an_edited_leaf_takes_the_state_of_its_part_with_it(form: str, path: tuple[Any, ...]) -> None:
    dumped = MADE[form]
    inner = ("data", *path) if "data" in dumped else path
    parts, warned = read(form, edited_at(dumped, inner))
    issued = reply_of(answer()).parts
    lost = [part for part in issued if part not in parts]
    for part in parts:
        if part.state is not None or part.issuer is not None:
            assert without_citations(part) in [without_citations(one) for one in issued], "state of another content"
    if lost:
        assert warned or not any(part.state or part.issuer for part in lost), f"{lost} went without a word"
        assert len(lost) <= 2, "an edit of one part took others with it"
    else:
        assert is_held_elsewhere(form, path), "the edit was not seen"
    if not any(isinstance(part, (Opaque, ServerToolCall, ServerToolResult)) for part in lost):
        assert str(at(edited_at(dumped, inner), inner)) in words_of(parts) or not lost or is_of_a_source(path)


def without_citations(part: AnyPart) -> AnyPart:
    """A text whose sources were edited is still the text that its state was issued for."""
    return replace(part, citations=[]) if isinstance(part, Text) else part


def is_held_elsewhere(form: str, path: tuple[Any, ...]) -> bool:
    """Whether the message holds the same in another place, which is the one that counts."""
    in_v1 = path[0] == "content" and {"args", "name"} & {*path}  # calls are those of `tool_calls`
    beside_v1 = path[0] == "additional_kwargs"  # the blocks are the answer
    shown_state = path[-2:] in {("extras", "signature"), ("value", "data")}  # the skeleton has what goes back
    thought = {"num_tokens", "additional_information"} & {*path}
    if form.startswith("llama_index"):
        return bool(thought) or path == ("additional_kwargs", "refusal")
    return "-v1-" in form and bool(in_v1 or beside_v1 or shown_state)


def is_of_a_source(path: tuple[Any, ...]) -> bool:
    return bool({"annotations", "citations", "cited_content", "additional_location_info", "source", "title"} & {*path})


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def words_of(parts: list[AnyPart]) -> str:
    """All that parts say: texts and thoughts joined as the messages join them, and each part."""
    texts = "".join(part.text for part in parts if isinstance(part, (Text, Refusal)))
    plain = "".join(part.text for part in parts if isinstance(part, Text))
    thoughts = "".join(part.text for part in parts if isinstance(part, Reasoning))
    return f"{texts}\n{plain}\n{thoughts}\n{parts}"
