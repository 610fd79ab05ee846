"""Sources of an answer: `groundingMetadata` and `citationMetadata` as citations of its text parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tikhub_ai.conversation import Citation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class SaidText:
    """The text parts of an answer so far, to find the place of a citation in.

    The wire counts bytes of UTF-8, from the beginning of the answer's text or, with `partIndex`, of one part of the
    wire; a citation counts characters, from the beginning of our text part.
    """

    __slots__ = ("_fragments", "_of_wire_part")

    def __init__(self) -> None:
        self._fragments: dict[int, list[str]] = {}
        self._of_wire_part: dict[int, int] = {}

    def add(self, text: str, position: int, wire_part: int | None = None) -> None:
        """Take in what was said.

        Args:
            text: The words.
            position: Of our part in the answer.
            wire_part: Of the wire's part in its content, where the answer is plain.
        """
        self._fragments.setdefault(position, []).append(text)
        if wire_part is not None:
            self._of_wire_part[wire_part] = position

    @property
    def last(self) -> int | None:
        """Position of the last text part, or None where nothing was said."""
        return max(self._fragments, default=None)

    def place(self, segment: Mapping[str, Any]) -> tuple[int, int, int] | None:
        """Where a segment stands: position of our part, first character, character after the last. None: nowhere."""
        texts = {position: "".join(parts) for position, parts in self._fragments.items()}
        start, end = segment.get("startIndex") or 0, segment.get("endIndex")
        quoted = segment.get("text")
        whole = "".join(texts[position] for position in sorted(texts))
        if isinstance(end, int) and isinstance(start, int):
            own = self._of_wire_part.get(segment.get("partIndex") or 0)
            if own is not None and segment.get("partIndex") and (found := _span(texts[own], start, end, quoted)):
                return (own, *found)
            if found := _span(whole, start, end, quoted):
                return _part_of(texts, *found)
        if isinstance(quoted, str) and quoted and (at := whole.find(quoted)) >= 0:
            return _part_of(texts, at, at + len(quoted))
        return None


def _span(text: str, start: int, end: int, quoted: Any) -> tuple[int, int] | None:
    """Byte offsets as character offsets; None where they do not lie in the text, or other words stand there."""
    data = text.encode()
    if not 0 <= start < end <= len(data):
        return None
    first = len(data[:start].decode("utf-8", "ignore"))
    last = first + len(data[start:end].decode("utf-8", "ignore"))
    if isinstance(quoted, str) and quoted and text[first:last] != quoted:
        return None
    return first, last


def _part_of(texts: Mapping[int, str], start: int, end: int) -> tuple[int, int, int] | None:
    """The part where a span of the whole text begins, and the span within it."""
    before = 0
    for position in sorted(texts):
        length = len(texts[position])
        if start < before + length:
            return position, start - before, min(end - before, length)
        before += length
    return None


def grounding_citations(metadata: Mapping[str, Any], said: SaidText) -> Iterator[tuple[int | None, Citation]]:
    """The citations of `groundingMetadata`, each with the position of the part it belongs to.

    Sources that no passage rests on follow at the end, without a place.
    """
    chunks = [chunk for chunk in metadata.get("groundingChunks") or () if isinstance(chunk, dict)]
    used: set[int] = set()
    for support in metadata.get("groundingSupports") or ():
        if not isinstance(support, dict):
            continue
        segment = support.get("segment") or {}
        place = said.place(segment)
        for number in support.get("groundingChunkIndices") or ():
            if not (isinstance(number, int) and 0 <= number < len(chunks)):
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
    source = chunk.get(kind)
    source = source if isinstance(source, dict) else {}
    return Citation(
        type=kind,
        url=source.get("uri") or source.get("sourceUri"),
        title=source.get("title"),
        cited_text=source.get("text"),
        raw={"groundingChunk": chunk} | ({"segment": dict(segment)} if segment else {}),
    )


def recited(metadata: Mapping[str, Any], said: SaidText) -> Iterator[tuple[int | None, Citation]]:
    """The citations of `citationMetadata`: passages that repeat a source word for word."""
    for item in metadata.get("citations") or metadata.get("citationSources") or ():
        if not isinstance(item, dict):
            continue
        citation = Citation(type="citation", url=item.get("uri"), title=item.get("title"), raw=item)
        place = said.place(item)
        if place is not None:
            citation.start, citation.end = place[1], place[2]
        yield place[0] if place is not None else None, citation
