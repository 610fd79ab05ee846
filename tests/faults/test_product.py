"""The whole product: every fault x every operation x every wire x the core and both frameworks x every HTTP library.

`make test` runs each fault once for each operation, over other wires, frameworks and libraries each time; `make faults`
runs every cell.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.answers import FILM, JOBS, VECTORS, Answers
from tests.faults.lanes import assert_ours
from tests.faults.operations import CELLS, Cell, operation_of
from tests.faults.rows import SLOW, WRONG_200, rows_of
from tests.faults.seen import Seen
from tests.faults.thin import crossed
from tests.faults.wire import TEXT
from tikhub_ai import (
    APIConnectionError,
    APITimeoutError,
    DownloadError,
    InvalidResponseError,
    JobTimeoutError,
    LostCreateError,
    ServerError,
    TikHubAIError,
    TikHubAIWarning,
)

if TYPE_CHECKING:
    from tests.faults.conftest import FaultServer
    from tests.faults.seen import Row

pytestmark = pytest.mark.outside_openapi("one request again and again; others hold it against the OpenAPI")

FAULTS = {row.name: row.fault for row in rows_of(CELLS[0].answers)}
NAMES = {name: name for name in FAULTS}


@cache
def table(answers: Answers) -> dict[str, Row]:
    return {row.name: row for row in rows_of(answers)}


def right(cell: Cell) -> Any:
    """What the operation returns where nothing is wrong."""
    if cell.operation.endswith("embed"):
        return VECTORS
    if cell.what == "download":
        return FILM
    return JOBS[cell.api][0] if cell.api in JOBS else TEXT


RIGHT: dict[tuple[str, str], str] = {
    ("[DONE] without a finish", "messages"): TEXT[:6],  # `message_stop` is that wire's own word for the end
    ("a JSON body that is no object", "transcriptions"): "hello",  # as some servers answer a recording
}
"""Where what is a fault on other wires is an answer."""
OF_FILES: dict[str, bytes] = {
    "ended quietly without a finish": FILM[:-9],
    "ended quietly inside an event": FILM[:30],
    "a content-length too short": FILM[:40],
    "a minute of PINGs, within the limit": b"\n" * 20 + FILM,
}
"""A file is what the server says that it is, blanks and all, where it has as many bytes as it announced."""
LOSING = {APIConnectionError, APITimeoutError, InvalidResponseError, ServerError}
"""What may come of a create that was made."""
PAGES = {"HTML", "HTML that is called JSON"}
"""Of a server that knows no such path, so that nothing was made."""


def seen_of(row: Row, cell: Cell) -> Seen:
    """What the caller of a cell sees of a row."""
    seen = row.elsewhere.get(cell.backend) or (row.stream_seen if cell.streamed else None) or row.seen
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


@pytest.mark.parametrize(
    ("name", "lane"), crossed(NAMES, CELLS, operation_of, is_costly=lambda name: FAULTS[name] == SLOW)
)
async def test_fault(faults: FaultServer, attempts: list[str], record_property: Any, name: str, lane: Cell) -> None:
    row = table(lane.answers)[name]
    record_property("fault", row.fault)
    record_property("lane", lane.name)
    answers = row.streamed if lane.streamed and row.streamed is not None else row.plain
    faults.script("x", *(answers or ([],)))
    settings = {"base_url": faults.url("x", row.port, row.scheme)} | row.settings
    seen = seen_of(row, lane)
    answer: Any = RIGHT.get((name, lane.api)) if lane.streamed or lane.api == "transcriptions" else None
    if lane.is_file and seen.cause is not APIConnectionError:
        answer = OF_FILES.get(name)
    if lane.is_file and name == "a minute of PINGs, within the limit":
        with pytest.warns(TikHubAIWarning, match="does not begin as a video"):
            assert await lane.ask(**settings) == answer
        return
    if seen.error is None or answer:
        assert await lane.ask(**settings) == (answer or right(lane))
        return
    with pytest.raises(TikHubAIError) as caught:
        await lane.ask(**settings)
    error = caught.value
    assert isinstance(error, seen.error), repr(error)
    if not (lane.is_abroad and "echoes the key" in name):  # it was not sent there
        assert_ours(error)
    assert error.is_retryable or not seen.retried
    assert len(attempts) == (row.settings.get("max_retries", 2) + 1 if seen.retried else 1)
    assert len(faults.seen("x")) == (len(attempts) if row.plain else 0)
    assert seen.cause is None or isinstance(error.__cause__, seen.cause), repr(error.__cause__)
    if seen.sent is not None:
        assert getattr(error, "may_have_been_sent", None) is seen.sent
    partial = getattr(error, "partial", None)
    assert getattr(partial, "text", None) == seen.partial
