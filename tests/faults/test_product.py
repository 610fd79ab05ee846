"""The whole product: every fault x every operation x every wire x the core and both frameworks x every HTTP library.

`make test` runs each fault once for each operation, over other wires, frameworks and libraries each time; `make faults`
runs every cell.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.expected import answer_of, seen_of
from tests.faults.lanes import assert_ours
from tests.faults.operations import CELLS, Cell, operation_of
from tests.faults.rows import SLOW, rows_of
from tests.faults.rows_of_ends import HELD, HUGE, rows_of_ends
from tests.faults.thin import crossed
from tests.patience import scaled
from tikhub_ai import TikHubAIError, TikHubAIWarning

if TYPE_CHECKING:
    from tests.faults.answers import Answers
    from tests.faults.conftest import FaultServer
    from tests.faults.seen import Row

pytestmark = pytest.mark.outside_openapi("one request again and again; others hold it against the OpenAPI")

FAULTS = {row.name: row.fault for row in (*rows_of(CELLS[0].answers), *rows_of_ends(CELLS[0].answers))}
NAMES = {name: name for name in FAULTS}


@cache
def table(answers: Answers) -> dict[str, Row]:
    return {row.name: row for row in (*rows_of(answers), *rows_of_ends(answers))}


@pytest.mark.parametrize(
    ("name", "lane"), crossed(NAMES, CELLS, operation_of, is_costly=lambda name: FAULTS[name] in {SLOW, HUGE, HELD})
)
async def test_fault(faults: FaultServer, attempts: list[str], record_property: Any, name: str, lane: Cell) -> None:
    row = table(lane.answers)[name]
    record_property("fault", row.fault)
    record_property("lane", lane.name)
    answers = row.streamed if lane.streamed and row.streamed is not None else row.plain
    faults.script("x", *(answers or ([],)))
    settings = {"base_url": faults.url("x", row.port, row.scheme)} | scaled(row.settings)
    seen = seen_of(row, lane)
    if seen.error is None:
        with warnings.catch_warnings():
            if lane.is_file:  # of bytes that no film begins with
                warnings.simplefilter("ignore", TikHubAIWarning)
            assert await lane.ask(**settings) == answer_of(row, lane)
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
    text = getattr(partial, "text", None)
    assert text == seen.partial or (row.fault == HUGE and str(text).startswith(str(seen.partial)))
