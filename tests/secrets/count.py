"""A plugin of pytest: how many places were searched for secrets, printed at the end of a run.

It counts reports, which reach it from pytest-xdist's workers too. A test says it once, when its logs are searched.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

_places: Counter[str] = Counter()
_hits: Counter[str] = Counter()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    for name, value in report.user_properties:
        if name == "canary":
            found: Any = value  # not what the property's type says, but what the fixture put
            places, hits = found
            _places.update(places)
            _hits["all"] += hits


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _places:
        said = f"{_places.total()} places searched ({len(_places)} kinds), {_hits['all']} hits"
        terminalreporter.write_line(f"canary: {said}")
