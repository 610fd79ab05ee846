"""A stream's chunks add up to what LangChain's own sum makes of them, in time that grows with their number."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.load import dumpd
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.utils import _merge as core

from langchain_tikhub.merging import AnswerChunk, merged_dicts, merged_lists
from tests.unit.langchain.support import SCRIPTS, ScriptedChat

if TYPE_CHECKING:
    from tikhub_ai import Delta

LEAVES = st.none() | st.text("ab", max_size=3) | st.integers(0, 3) | st.booleans() | st.floats(0, 1, width=16)
ITEMS = st.fixed_dictionaries(
    {"index": st.sampled_from([0, 1, 2, None, "lc_1", "other", True])},
    optional={
        "id": st.sampled_from([None, "", "x", "y"]),
        "type": st.sampled_from(["text", "non_standard"]),
        "text": st.text("ab", max_size=3),
        "value": st.dictionaries(st.sampled_from(["type", "k"]), st.text("ab", max_size=2), max_size=2),
        "length": st.integers(0, 3),
    },
)
KEYS = st.sampled_from(["a", "id", "index", "created", "model_provider", "type"])


def with_an_id_of_one_value(found: dict[str, Any]) -> dict[str, Any]:
    """An id that is a list or a dict is refused by LangChain or not, by where else an index has an id."""
    return {
        key: str(value) if key == "id" and isinstance(value, (list, dict)) else value for key, value in found.items()
    }


VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(ITEMS | inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=3).map(with_an_id_of_one_value)
    ),
    max_leaves=8,
)


def outcome(add: Any) -> Any:
    """What a sum is, by type too, or that it is refused."""
    try:
        return repr(add())
    except (TypeError, ValueError, AttributeError) as error:
        return type(error)


@given(st.lists(st.lists(ITEMS | LEAVES, max_size=5), min_size=1, max_size=5))
@settings(max_examples=300, deadline=None)
def test_lists_add_up_as_langchains(lists: list[Any]) -> None:
    assert outcome(lambda: merged_lists(lists)) == outcome(lambda: core.merge_lists(*lists))


@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=4), min_size=1, max_size=4))
@settings(max_examples=300, deadline=None)
def test_dicts_add_up_as_langchains(dicts: list[Any]) -> None:
    assert outcome(lambda: merged_dicts(dicts)) == outcome(lambda: core.merge_dicts(*dicts))


@pytest.mark.parametrize("version", ["v0", "v1"])
@pytest.mark.parametrize("deltas", SCRIPTS.values(), ids=SCRIPTS)
def test_a_stream_adds_up_as_langchains(deltas: list[Delta], version: str) -> None:
    model = ScriptedChat(deltas, output_version=version)
    messages = [message for message in model.stream("x") if isinstance(message, AIMessageChunk)]
    first, *rest = [AnswerChunk(message=message) for message in messages]
    plain_first, *plain_rest = [ChatGenerationChunk(message=message) for message in messages]
    ours, theirs = first + list[ChatGenerationChunk](rest), plain_first + plain_rest
    assert ours == theirs
    assert type(ours) is ChatGenerationChunk
    assert first.message == plain_first.message, "the sum changed what it added up"
    if rest:
        assert first + rest[0] == plain_first + plain_rest[0]


def test_chunks_that_are_not_ours_are_left_to_langchain() -> None:
    first = AnswerChunk(message=AIMessageChunk(content="a"), generation_info={"n": "1"})
    other = ChatGenerationChunk(message=AIMessageChunk(content="b"), generation_info={"n": "2"})
    total = first + [other]  # noqa: RUF005 - a sum, not a list
    assert (total.text, total.generation_info) == ("ab", {"n": "12"})
    blocks = ChatGenerationChunk(message=AIMessageChunk(content=[{"type": "x"}]))
    mixed = AnswerChunk(message=AIMessageChunk(content="a")) + [blocks]  # noqa: RUF005
    assert mixed.message.content == ["a", {"type": "x"}]


def test_a_chunk_is_saved_as_langchains_own() -> None:
    chunk = AnswerChunk(message=AIMessageChunk(content="a"))
    assert dumpd(chunk)["id"] == dumpd(ChatGenerationChunk(message=AIMessageChunk(content="a")))["id"]
    assert pickle.loads(pickle.dumps(chunk)) == chunk
