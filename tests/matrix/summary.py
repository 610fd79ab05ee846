"""A plugin of pytest: the feature matrix with its counts, printed at the end of a run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

_WAYS = 8

counts: dict[tuple[str, str], Counter[str]] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    told = dict(report.user_properties)
    if "cell" in told and (report.when == "call" or report.failed):
        count = counts.setdefault((str(told["feature"]), str(told["column"])), Counter())
        count[str(told["cell"]) if report.passed else "failed"] += 1


def _shown(count: Counter[str]) -> str:
    """`ok` where all ways agree; else how many of them passed, and how many failed."""
    passed = " ".join(
        word if number == _WAYS else f"{word} {number}/{_WAYS}" for word, number in count.items() if word != "failed"
    )
    failed = f"{count['failed']} failed" if count["failed"] else ""
    return ", ".join(word for word in (passed, failed) if word) or "-"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Features as rows, wire APIs as columns; a cell stands for eight ways to ask."""
    if not counts:
        return
    terminalreporter.section("feature matrix")
    from tests.matrix.features import FEATURES
    from tests.matrix.table import COLUMNS

    columns = [column.title for column in COLUMNS if any(column.title == one for _, one in counts)]
    shown = {key: _shown(count) for key, count in counts.items()}
    width = {
        one: max(len(one), *(len(text) for (_, column), text in shown.items() if column == one)) for one in columns
    }
    terminalreporter.write_line(" " * 18 + "  ".join(f"{column:{width[column]}}" for column in columns))
    for feature in (row.name for row in FEATURES if any(row.name == one for one, _ in counts)):
        cells = [f"{shown.get((feature, column), '-'):{width[column]}}" for column in columns]
        terminalreporter.write_line(f"{feature:18}" + "  ".join(cells).rstrip())
    total = sum(counts.values(), Counter[str]())
    said = ", ".join(f"{number} {word}" for word, number in total.items())
    terminalreporter.write_line(f"{sum(total.values())} cases: {said}")
