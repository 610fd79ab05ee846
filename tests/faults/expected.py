"""What the caller of each operation sees of a row of the table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.faults.answers import FILM, JOBS, VECTORS
from tests.faults.rows import WRONG_200
from tests.faults.seen import ANSWER, Seen
from tests.faults.wire import TEXT
from tikhub_ai import (
    APIConnectionError,
    APITimeoutError,
    DownloadError,
    InvalidResponseError,
    JobTimeoutError,
    LostCreateError,
    ServerError,
)

if TYPE_CHECKING:
    from tests.faults.operations import Cell
    from tests.faults.seen import Row


def right(cell: Cell) -> Any:
    """What the operation returns where nothing is wrong."""
    if cell.operation.endswith("embed"):
        return VECTORS
    if cell.what == "download":
        return FILM
    return JOBS[cell.api][0] if cell.api in JOBS else TEXT


RIGHT: dict[tuple[str, str], Any] = {
    ("[DONE] without a finish", "messages"): TEXT[:6],  # `message_stop` is that wire's own word for the end
    ("a JSON body that is no object", "transcriptions"): "hello",  # as some servers answer a recording
    ("ended quietly without a finish", "file"): FILM[:-9],
    ("ended quietly inside an event", "file"): FILM[:30],
    ("a content-length too short", "file"): FILM[:40],
    ("a minute of PINGs, within the limit", "file"): b"\n" * 20 + FILM,
}
"""Where what is a fault elsewhere is an answer. A file is what the server says that it is, blanks and all, where it has
as many bytes as were announced."""


UNNUMBERED = ("chat_completions", "messages", "generate_content")
"""Wires on which a piece of a text that comes again is a text that says it twice: nobody can know."""
TWICE = TEXT[:6] * 2
RIGHT |= {("a piece of the text twice", api): TWICE + TEXT[6:] for api in UNNUMBERED}
RIGHT |= {("every event twice", api): TWICE + TEXT[6:] * 2 for api in UNNUMBERED}


def _other(row: Row, cell: Cell) -> Any:
    wire = "file" if cell.is_file else cell.api if cell.streamed or cell.api == "transcriptions" else ""
    return RIGHT.get((row.name, wire))


def answer_of(row: Row, cell: Cell) -> Any:
    """What a row's answer is, where it is one."""
    other = _other(row, cell)
    return right(cell) if other is None else other


LOSING = {APIConnectionError, APITimeoutError, InvalidResponseError, ServerError}
"""What may come of a create that was made."""
PAGES = {"HTML", "HTML that is called JSON"}
"""Of a server that knows no such path, so that nothing was made."""


def seen_of(row: Row, cell: Cell) -> Seen:
    """What the caller of a cell sees of a row."""
    elsewhere = row.elsewhere.get(cell.backend)
    seen = elsewhere or (row.stream_seen if cell.streamed else None) or row.seen
    if elsewhere is None and _other(row, cell) is not None:
        return ANSWER
    if cell.what == "create" and row.name == "closed once, then answered":
        return Seen(LostCreateError)
    if cell.what == "create" and seen.sent is not False and seen.error in LOSING and row.name not in PAGES:
        return replace(seen, error=LostCreateError, retried=False, sent=None)
    if cell.what == "poll" and cell.is_tool:
        return of_a_check(row, seen)
    if cell.is_file:
        return of_a_download(row, seen)
    return seen


def of_a_check(row: Row, seen: Seen) -> Seen:
    """What an agent is told that asks for a job: once, since it may ask again itself."""
    if row.name == "closed once, then answered":
        return Seen(JobTimeoutError, cause=APIConnectionError)
    return Seen(JobTimeoutError, cause=seen.error) if seen.error in LOSING else seen


def of_a_download(row: Row, seen: Seen) -> Seen:
    """What is seen where a file is fetched, of which nothing is known but its bytes."""
    if seen.error is None:
        return seen
    if row.fault == WRONG_200 or row.name == "ended before the first event":
        return Seen(DownloadError)
    if row.name == "gzip cut short":  # which the film's own structure tells
        return Seen(DownloadError, retried=True, cause=APIConnectionError)
    return Seen(DownloadError, retried=seen.retried, cause=seen.error)
