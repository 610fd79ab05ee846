"""The matrix as a table: docs/features.md, which `python -m tests.matrix.table` writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.matrix.chat_completions import ChatCompletions, DeepSeek
from tests.matrix.features import FEATURES
from tests.matrix.generate_content import GenerateContent
from tests.matrix.messages import Messages
from tests.matrix.responses import Responses

if TYPE_CHECKING:
    from tests.matrix.columns import Column

COLUMNS: list[Column] = [ChatCompletions(), DeepSeek(), Responses(), Messages(), GenerateContent()]
OK, MISSING = "ok", "not in this protocol"

_HEAD = """# What works where

Every row is tested on every wire API: plain and streamed, sync and async, in LangChain and in LlamaIndex. That is
{count:,} cases in `tests/matrix`; `make test` prints this table with their counts, and `python -m tests.matrix.table`
writes it.

- **ok**: the request says it in the wire's own words and passes its vendor's specification, everything of the answer
  reaches the user, and all ways to ask give the same final message.
- **–**: not in this protocol. The note says how the caller is told, and the tests hold that.

The models are such as have the feature: `gpt-4o-audio-preview` for sound, `gpt-5-mini` for reasoning, and so on.

"""


def path() -> Path:
    """Where the table is kept."""
    return Path(__file__).parents[2] / "docs" / "features.md"


def cell(feature: str, column: Column) -> str:
    """What a cell says."""
    return MISSING if feature in column.missing else OK


def document() -> str:
    """The table as Markdown, with footnotes."""
    notes: dict[str, int] = {}
    rows = [["", *(f"`{column.title.replace(' (', '` (')}" for column in COLUMNS)], ["---"] * (len(COLUMNS) + 1)]
    for feature in FEATURES:
        cells = [feature.name]
        for column in COLUMNS:
            missing = column.missing.get(feature.name)
            note = missing.note if missing else column.notes.get(feature.name)
            number = notes.setdefault(note, len(notes) + 1) if note else None
            cells.append(("–" if missing else OK) + (f" [^{number}]" if number else ""))
        rows.append(cells)
    lines = [f"| {' | '.join(row)} |" for row in rows]
    told = [
        f"[^{number}]: {note[0].upper() if note[0].isalpha() else note[0]}{note[1:]}." for note, number in notes.items()
    ]
    head = _HEAD.format(count=len(FEATURES) * len(COLUMNS) * 8)
    return head + "\n".join(lines) + "\n\n" + "\n".join(told) + "\n"


if __name__ == "__main__":
    path().write_text(document())
