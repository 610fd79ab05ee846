"""The moves as tables. `python -m tests.moves.table` writes docs/moves.md again."""

from __future__ import annotations

from pathlib import Path

from tests.moves import onward
from tests.moves.moving import OURS, STORED, TARGETS, class_of, framework_of, move

DOCUMENT = Path(__file__).parents[2] / "docs" / "moves.md"
_FRAMEWORKS = {"langchain": "LangChain", "llama_index": "LlamaIndex"}
_NAMES = {
    "chat_completions": "chat_completions (GPT)",
    "responses": "responses (GPT)",
    "messages": "messages (Claude)",
    "generate_content": "generate_content (Gemini)",
    "deepseek": "chat_completions (DeepSeek)",
}


_PAGE = """\
# Moves

A conversation begun with one class goes on with another. This page is written by `python -m tests.moves.table`, from
what `tests/moves` tries at every run. The conversation has a system prompt, a question with an image, thoughts, two
calls at once, their results, one of them an error, a search of the provider's own, an answer with sources, a refusal,
and goes on with one more question. The server that gets it checks the body by its vendor's types and by the rules of
its API: every call answered, at once and only once; ids; the order of roles; signatures. All words, calls, results and
the image must arrive, no state of another issuer may, and one warning names all that was left out.

## Histories of the vendors' classes, on ours

The numbers are warnings. Two stand where forms of a history (plain or streamed, `output_version`) differ. With the same
provider's model, the thread goes on as it was issued, with no warning: signatures, encrypted reasoning, items, phases
and searches go back, as far as that class kept them. LlamaIndex's classes keep no searches and no redacted thoughts.

{theirs}

## Ours, on ours

To the same API and family, everything goes back as it was issued, and nobody is warned. To another, words, calls,
results and media go on; thoughts, signatures, providers' own searches and other state are left out. What an answer's
words rested on (its citations) goes back to its issuer alone.

{ours}

## Ours, on the vendors' classes

What their classes sent on {made}, as `tests/moves/onward.json` keeps it. LlamaIndex's OpenAI and Google classes raise
at any `CitationBlock`, those of its Anthropic class too, so an answer with sources goes to them without:
`message.blocks = [block for block in message.blocks if not isinstance(block, CitationBlock)]`.

{onward}

What the numbers say; the vendors' classes do the same with histories of each other:

{notes}

## What the APIs want, and get

- A call that nobody answered, with more of the conversation after it, gets a result that says so, marked as an error,
  and a warning names the call. Calls at the very end stay as they are.
- A result that stands apart from its call is moved to it, and of several results for one call the last counts, each
  with a warning. A result without a call is an `InvalidRequestError`, before anything is sent.
- Calls that share an id get one each: LlamaIndex's Google class has the function's name there.
- A history that begins with the model's call is opened by a user's turn, `...`, where the API wants one: for Claude and
  Gemini.
- Thoughts that nothing of their answer follows, as in an answer that was cut short, are left out with a warning.
- Ids are made to fit: at most 40 characters for GPT, Claude and DeepSeek on chat_completions, 64 on responses, 64
  letters, digits, `_` and `-` on messages. generate_content gets its own ids alone. A call and its result get the
  same id, each time the same.
- No signature is made up. Gemini 3 demands one for calls of the current turn: where another model made them, Google's
  own word for that stands in, `skip_thought_signature_validator`.

Made with {versions}.
"""


def source_of(history: str) -> str:
    """A row of the tables: framework, and the class or the API that made the history."""
    made_by = _NAMES[class_of(history)] if history in OURS else class_of(history).replace("-responses", " (Responses)")
    return f"{_FRAMEWORKS[framework_of(history)]} {made_by}"


def warnings_by_source(histories: list[str]) -> dict[str, dict[str, set[int]]]:
    """For each source and target, how many warnings its histories' forms gave."""
    rows: dict[str, dict[str, set[int]]] = {}
    for history in histories:
        cells = rows.setdefault(source_of(history), {target: set() for target in TARGETS})
        for target in TARGETS:
            cells[target].add(len(move(history, target).warnings))
    return rows


def cell(counts: set[int]) -> str:
    """One number, or the least and the most of several forms of a history."""
    return "-".join(str(count) for count in sorted({min(counts), max(counts)})) if counts else "?"


def lines(rows: dict[str, dict[str, set[int]]]) -> list[str]:
    """A Markdown table."""
    head = ["history of", *(_NAMES[target] for target in TARGETS)]
    out = [_row(head), _row(["---", *("---:" for _ in TARGETS)])]
    return out + [_row([source, *(cell(cells[target]) for target in TARGETS)]) for source, cells in rows.items()]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def onward_lines() -> tuple[list[str], list[str]]:
    """Tables of ours that go on with theirs, and the notes that their cells refer to."""
    notes: dict[str, int] = {}
    out: list[str] = []
    for framework, name in _FRAMEWORKS.items():
        found = [row for row in onward.rows() if row["framework"] == framework]
        classes = list(dict.fromkeys(row["class"] for row in found))
        if out:
            out.append("")
        out.append(_row([f"our {name} history", *(one.replace("-responses", " (Responses)") for one in classes)]))
        out.append(_row(["---"] * (len(classes) + 1)))
        for target in TARGETS:
            for form, what in (("", ""), ("-v1", ', `output_version="v1"`')):
                ours = [row for row in found if row["history"] in {f"{target}-plain{form}", f"{target}-stream{form}"}]
                if not ours:
                    continue
                cells = [_verdict([row for row in ours if row["class"] == one], notes) for one in classes]
                out.append(_row([_NAMES[target] + what, *cells]))
    return out, [f"{number}. {text[0].upper()}{text[1:]}." for text, number in notes.items()]


def _verdict(rows: list[dict[str, object]], notes: dict[str, int]) -> str:
    found = dict.fromkeys(defect for row in rows for defect in onward.defects(row))
    if not found:
        return "yes"
    goes_on = set(found) <= {onward.NO_REFUSAL}
    numbers = ", ".join(str(notes.setdefault(defect, len(notes) + 1)) for defect in found)
    return f"{'yes' if goes_on else 'no'} ({numbers})"


def document() -> str:
    """What docs/moves.md holds."""
    tables, notes = onward_lines()
    return _PAGE.format(
        theirs="\n".join(lines(warnings_by_source(STORED))),
        ours="\n".join(lines(warnings_by_source(OURS))),
        onward="\n".join(tables),
        notes="\n".join(notes),
        made=onward.made(),
        versions=", ".join(f"{name} {version}" for name, version in onward.versions().items()),
    )


def main() -> None:
    """Write the page."""
    DOCUMENT.write_text(document())


if __name__ == "__main__":
    main()
