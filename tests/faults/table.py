"""A plugin of pytest: the fault table, printed at the end of a run.

It counts reports, which reach it from pytest-xdist's workers too.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.faults import thin

if TYPE_CHECKING:
    import pytest

counts: dict[str, Counter[str]] = {}
lanes: dict[str, None] = {}


def pytest_configure(config: pytest.Config) -> None:
    thin.wanted["whole"] = "not whole_faults" not in config.getoption("markexpr")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    told = dict(report.user_properties)
    if report.when == "call" and "fault" in told:
        lane = str(told["lane"])
        lanes[lane] = None
        row = counts.setdefault(str(told["fault"]), Counter())
        row[lane] += report.passed
        row[f"failed {lane}"] += report.failed


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The fault table with its counts: a line for each lane, a column for each fault; `5!2` are 2 that failed."""
    if not counts:
        return
    terminalreporter.section("fault table, tests passed")
    faults = list(counts)
    for number, fault in enumerate(faults, 1):
        terminalreporter.write_line(f"{number:>3} {fault}: {sum(counts[fault][lane] for lane in lanes)}")
    width = max(map(len, lanes)) + 1
    terminalreporter.write_line(" " * width + "".join(f"{number:>8}" for number in range(1, len(faults) + 1)))
    for lane in lanes:
        cells = [_cell(counts[fault], lane) for fault in faults]
        terminalreporter.write_line(f"{lane:{width}}" + "".join(f"{cell:>8}" for cell in cells))
    total = sum(row[lane] for row in counts.values() for lane in lanes)
    terminalreporter.write_line(f"{'all':{width}}{total:>8}")


def _cell(row: Counter[str], lane: str) -> str:
    failed = row[f"failed {lane}"]
    return f"{row[lane]}!{failed}" if failed else str(row[lane] or "-")
