"""A plugin of pytest: the table of the moves, printed at the end of a run."""

from __future__ import annotations

from typing import Any

moves: dict[str, dict[str, dict[str, int]]] = {}
"""For each source and target, the most warnings, and how many tests passed and failed."""


def pytest_runtest_logreport(report: Any) -> None:
    told = dict(report.user_properties).get("move")
    if report.when != "call" or told is None:
        return
    source, target, warned = told
    cell = moves.setdefault(source, {}).setdefault(target, {"warnings": 0, "passed": 0, "failed": 0})
    cell["warnings"] = max(cell["warnings"], warned)
    cell["passed"] += report.passed
    cell["failed"] += report.failed


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Each cell: histories that went on, and the most warnings that one of them gave."""
    if not moves:
        return
    targets = list(dict.fromkeys(target for cells in moves.values() for target in cells))
    terminalreporter.section("moves: histories that went on, and warnings of each")
    width = max(map(len, moves)) + 1
    terminalreporter.write_line(" " * width + "".join(f"{target:>18}" for target in targets))
    for source, cells in moves.items():
        shown = [_shown(cells[target]) if target in cells else "-" for target in targets]
        terminalreporter.write_line(f"{source:{width}}" + "".join(f"{one:>18}" for one in shown))
    total = sum(cell["passed"] for cells in moves.values() for cell in cells.values())
    terminalreporter.write_line(f"{'all':{width}}{total:>18}")


def _shown(cell: dict[str, int]) -> str:
    failed = f", {cell['failed']} failed" if cell["failed"] else ""
    return f"{cell['passed']} ({cell['warnings']}{failed})"
