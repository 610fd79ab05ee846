"""The sum of a stream's chunks, in time that grows with their number.

LangChain's own sum compares each piece with every part that came before it, and copies the text so far for each: 4,000
tool calls, or 100,000 pieces of reasoning, take seconds of CPU when the stream has ended. Its rules hold here to the
letter, and whatever is no string, list or dict is left to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.utils import _merge as core

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NAMES = frozenset({"id", "index", "output_version", "model_provider"})
"""Keys whose strings are not always joined: LangChain decides."""

_NO_ID = frozenset({None, ""})


class AnswerChunk(ChatGenerationChunk):
    """A chunk that adds up a whole list at once. LangChain does so when a stream has ended."""

    @classmethod
    def lc_id(cls) -> list[str]:
        """As the class that it stands for, so that saved ones load."""
        return ChatGenerationChunk.lc_id()

    def __add__(self, other: ChatGenerationChunk | list[ChatGenerationChunk]) -> ChatGenerationChunk:
        """The sum, as LangChain's own class would make it."""
        if isinstance(other, list) and (short := _shortened([self, *other])) is not None:
            return short[0] + short[1:]
        return super().__add__(other)


def _shortened(chunks: Sequence[ChatGenerationChunk]) -> list[ChatGenerationChunk] | None:
    """A few chunks of the same sum: one with all content, and those that hold an id, token counts or the end.

    Returns:
        None where they are not what a stream of ours yields.
    """
    messages = [chunk.message for chunk in chunks if isinstance(chunk, ChatGenerationChunk)]
    chunks_of_answers = [message for message in messages if type(message) is AIMessageChunk]
    if len(chunks_of_answers) != len(chunks) or any(chunk.generation_info for chunk in chunks):
        return None
    contents = [message.content for message in chunks_of_answers]
    texts = [content for content in contents if isinstance(content, str)]
    lists = [content for content in contents if isinstance(content, list)]
    if texts and lists:
        return None
    first = chunks_of_answers[0].model_copy(
        update={
            "content": "".join(texts) if texts else merged_lists(lists),
            "additional_kwargs": merged_dicts([message.additional_kwargs for message in chunks_of_answers]),
            "response_metadata": merged_dicts([message.response_metadata for message in chunks_of_answers]),
            "tool_call_chunks": merged_lists([message.tool_call_chunks for message in chunks_of_answers]),
        }
    )
    empty: dict[str, Any] = {
        "content": "" if texts else [],
        "additional_kwargs": {},
        "response_metadata": {},
        "tool_call_chunks": [],
    }
    rest: list[AIMessageChunk] = []
    known = first.id
    for message in chunks_of_answers[1:]:
        if message.usage_metadata is not None or message.chunk_position is not None or message.id != known:
            rest.append(message.model_copy(update=empty))
            known = message.id
    return [_bare(message) for message in (first, *rest)]


def _bare(message: AIMessageChunk) -> ChatGenerationChunk:
    """Only a holder: it is added up at once, so nothing of it has to be validated."""
    return ChatGenerationChunk.model_construct(message=message, generation_info=None)


def merged_dicts(dicts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The same as LangChain's `merge_dicts`."""
    values: dict[str, list[Any]] = {}
    for one in dicts:
        for key, value in one.items():
            values.setdefault(key, []).append(value)
    return {key: _merged(key, said) for key, said in values.items()}


def _merged(key: str, values: list[Any]) -> Any:
    said = [value for value in values if value is not None]
    if len(said) < 2:
        return said[0] if said else None
    kinds = {type(value) for value in said}
    if kinds == {str} and key not in _NAMES:
        return "".join(said)
    if kinds == {dict}:
        return merged_dicts(said)
    if kinds == {list}:
        return merged_lists(said)
    return core.merge_dicts(*({key: value} for value in said))[key]


def merged_lists(lists: Iterable[Sequence[Any]]) -> list[Any]:
    """The same as LangChain's `merge_lists`: items of one index are joined, unless their ids differ."""
    first, *others = lists
    places: list[_Place] = []
    by_index: dict[Any, list[_Place]] = {}
    for is_first, one in ((True, first), *((False, other) for other in others)):
        for item in one:
            index = _index(item)
            known = by_index.get(index, ()) if index is not None and not is_first else ()
            place = next((place for place in known if place.takes(item)), None)
            if place is not None:
                place.add(item)
                continue
            places.append(place := _Place(item))
            if isinstance(item, dict) and "index" in item and isinstance(item["index"], int | str):
                by_index.setdefault(item["index"], []).append(place)
    return [place.whole() for place in places]


def _index(item: Any) -> int | str | None:
    index = item.get("index") if isinstance(item, dict) else None
    is_known = isinstance(index, int) or (isinstance(index, str) and index.startswith("lc_"))
    return index if is_known else None


class _Place:
    """An item of a merged list, with all that joins it."""

    __slots__ = ("id", "items")

    def __init__(self, item: Any) -> None:
        self.items = [item]
        self.id = item.get("id") if isinstance(item, dict) else None

    def takes(self, item: dict[str, Any]) -> bool:
        """Whether an item of the same index joins: where both have an id, it must be the same."""
        other = item.get("id")
        return self.id in _NO_ID or other in _NO_ID or self.id == other

    def add(self, item: dict[str, Any]) -> None:
        self.items.append(item)
        if self.id in _NO_ID:
            self.id = item.get("id")

    def whole(self) -> Any:
        first, *rest = self.items
        if not rest:
            return first
        if any(item.get("type") == "non_standard" and "value" in item for item in rest):
            return core.merge_lists(*([item] for item in self.items))[0]  # type: ignore[index]  # none of them is None
        return merged_dicts([first, *({key: item[key] for key in item if key != "type"} for item in rest)])
