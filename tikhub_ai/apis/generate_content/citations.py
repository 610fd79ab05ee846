"""Sources of an answer: `groundingMetadata` and `citationMetadata` as citations of its text parts."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.fields import integer, items, mapping, mappings, named
from tikhub_ai.conversation import Citation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class _Measured:
    """A text whose places can be told in bytes of UTF-8, each in no more time than a search in a sorted list."""

    def __init__(self, text: str) -> None:
        self.text = text
        # Of each character, the byte that it begins at; and the byte after the last. None: each is one byte.
        self._bytes = (
            None if text.isascii() else [*accumulate((len(c.encode("utf-8", "replace")) for c in text), initial=0)]
        )

    def span(self, start: int, end: int, quoted: str) -> tuple[int, int] | None:
        """Byte offsets as character offsets; None where they do not lie in the text, or other words stand there."""
        length = len(self.text) if self._bytes is None else self._bytes[-1]
        if not 0 <= start < end <= length:
            return None
        first, last = (start, end) if self._bytes is None else (self._character(start), self._character(end))
        return None if quoted and not self._says(quoted, first, last) else (first, last)

    def _says(self, quoted: str, first: int, last: int) -> bool:
        return last - first == len(quoted) and self.text.startswith(quoted, first)

    def _character(self, byte: int) -> int:
        """How many characters end at or before a byte."""
        offsets = self._bytes or []
        return bisect_right(offsets, byte) - 1


class SaidText:
    """The text parts of an answer so far, to find the place of a citation in.

    The wire counts bytes of UTF-8, from the beginning of the answer's text or, with `partIndex`, of one part of the
    wire; a citation counts characters, from the beginning of our text part.

    Attributes:
        last: Position of the last text part, or None where nothing was said.
    """

    __slots__ = ("_count", "_fragments", "_of_wire_part", "_parts", "_positions", "_starts", "_whole", "last")

    def __init__(self) -> None:
        self._fragments: dict[int, list[str]] = {}
        self._count = 0
        self._of_wire_part: dict[int, int] = {}
        self._whole: _Measured | None = None
        self._parts: dict[int, _Measured] = {}
        self._positions: list[int] = []
        self._starts: list[int] = []
        self.last: int | None = None

    def take(self, fragments: list[str], position: int, wire_part: int | None = None) -> None:
        """Take in a part's words.

        Args:
            fragments: The words, to which more may be added until they are asked for.
            position: Of our part in the answer.
            wire_part: Of the wire's part in its content, where the answer is plain.
        """
        self.last = position if self.last is None else max(self.last, position)
        self._fragments[position] = fragments
        if wire_part is not None:
            self._of_wire_part[wire_part] = position

    def place(self, segment: Mapping[str, Any]) -> tuple[int, int, int] | None:
        """Where a segment stands: position of our part, first character, character after the last. None: nowhere."""
        start, end = integer(segment.get("startIndex")) or 0, integer(segment.get("endIndex"))
        quoted = named(segment.get("text")) or ""
        whole = self._measured()
        if end is not None:
            wire_part = integer(segment.get("partIndex")) or 0
            own = self._of_wire_part.get(wire_part) if wire_part else None
            if own is not None and (found := self._part(own).span(start, end, quoted)):
                return (own, *found)
            if found := whole.span(start, end, quoted):
                return self._part_of(*found)
        if quoted and (at := whole.text.find(quoted)) >= 0:
            return self._part_of(at, at + len(quoted))
        return None

    def _measured(self) -> _Measured:
        """All texts as one, made once for all the citations that come together."""
        count = sum(map(len, self._fragments.values()))
        if self._whole is None or count != self._count:
            self._count = count
            self._positions = sorted(self._fragments)
            texts = ["".join(self._fragments[position]) for position in self._positions]
            self._parts = {}
            self._starts = [*accumulate(map(len, texts), initial=0)]
            self._whole = _Measured("".join(texts))
        return self._whole

    def _part(self, position: int) -> _Measured:
        part = self._parts.get(position)
        if part is None:
            part = self._parts[position] = _Measured("".join(self._fragments[position]))
        return part

    def _part_of(self, start: int, end: int) -> tuple[int, int, int] | None:
        """The part where a span of the whole text begins, and the span within it."""
        number = bisect_right(self._starts, start) - 1
        if number >= len(self._positions):
            return None
        before, after = self._starts[number], self._starts[number + 1]
        return self._positions[number], start - before, min(end, after) - before


def grounding_citations(metadata: Mapping[str, Any], said: SaidText) -> Iterator[tuple[int | None, Citation]]:
    """The citations of `groundingMetadata`, each with the position of the part it belongs to.

    Sources that no passage rests on follow at the end, without a place.
    """
    chunks = mappings(metadata.get("groundingChunks"))
    used: set[int] = set()
    for support in mappings(metadata.get("groundingSupports")):
        segment = mapping(support.get("segment"))
        place = said.place(segment)
        for given in items(support.get("groundingChunkIndices")):
            number = integer(given)
            if number is None or not 0 <= number < len(chunks):
                continue
            used.add(number)
            citation = _of_chunk(chunks[number], segment)
            if place is not None:
                citation.start, citation.end = place[1], place[2]
            yield place[0] if place is not None else None, citation
    for number, chunk in enumerate(chunks):
        if number not in used:
            yield None, _of_chunk(chunk, None)


def _of_chunk(chunk: dict[str, Any], segment: Mapping[str, Any] | None) -> Citation:
    kind = next(iter(chunk), "grounding")
    source = mapping(chunk.get(kind))
    return Citation(
        type=kind,
        url=named(source.get("uri")) or named(source.get("sourceUri")),
        title=named(source.get("title")),
        cited_text=named(source.get("text")),
        raw={"groundingChunk": chunk} | ({"segment": dict(segment)} if segment else {}),
    )


def recited(metadata: Mapping[str, Any], said: SaidText) -> Iterator[tuple[int | None, Citation]]:
    """The citations of `citationMetadata`: passages that repeat a source word for word."""
    for item in mappings(metadata.get("citations")) or mappings(metadata.get("citationSources")):
        citation = Citation(type="citation", url=named(item.get("uri")), title=named(item.get("title")), raw=item)
        place = said.place(item)
        if place is not None:
            citation.start, citation.end = place[1], place[2]
        yield place[0] if place is not None else None, citation
