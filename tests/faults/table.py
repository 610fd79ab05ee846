"""A plugin of pytest: the fault table, printed at the end of a run.

It counts reports, which reach it from pytest-xdist's workers too.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

counts: dict[str, Counter[str]] = {}
lanes: dict[str, None] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    told = dict(report.user_properties)
    if report.when == "call" and "fault" in told:
        lane = str(told["lane"])
        lanes[lane] = None
        row = counts.setdefault(str(told["fault"]), Counter())
        row[lane] += report.passed
        row[f"failed {lane}"] += report.failed


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The fault table with its counts."""
    if not counts:
        return
    terminalreporter.section("fault table, tests passed")
    width = max(map(len, counts)) + 1
    terminalreporter.write_line(" " * width + "".join(f"{lane:>17}" for lane in lanes))
    for fault, row in counts.items():
        cells = [
            f"{row[lane]}" + (f" ({row[f'failed {lane}']} failed)" if row[f"failed {lane}"] else "") for lane in lanes
        ]
        terminalreporter.write_line(
            f"{fault:{width}}" + "".join(f"{cell if cell != '0' else '-':>17}" for cell in cells)
        )
    total = sum(row[lane] for row in counts.values() for lane in lanes)
    terminalreporter.write_line(f"{'all':{width}}{total:>17}")
