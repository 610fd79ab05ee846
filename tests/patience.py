"""Times that are short so that the tests are quick, and as long as any machine takes.

A test in which something must come within a short time asks `short` how long that is, and a server's pauses are made by
it too. Where such a test fails, it is run again, whole, with all of these times 8 times as long, then 60 times: what
it says is of their order, which is the same each time. A fault of ours fails thrice. A test that never asked fails at
once. With `TESTS_RUN_ONCE` in the environment none is run again.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from _pytest.runner import runtestprotocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pytest

TIMES = (1, 8, 60)
"""How many times as long. 60 times half a second are half a minute, which what must come has everywhere."""
PROPERTY = "times as long"

_now = {"times": 1, "is_asked": 0}
_slow: list[str] = []


def short(seconds: float) -> float:
    """So many seconds, or as many times as long as this run of the test has.

    To be called by the test, while it runs: what is made when its module is imported stays as it is.
    """
    _now["is_asked"] = 1
    return seconds * _now["times"]


def scaled(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings whose `timeout` is short."""
    return {name: short(value) if name == "timeout" else value for name, value in settings.items()}


def eventually(is_so: Callable[[], bool]) -> bool:
    """Whether something becomes so within a minute; for what another thread does."""
    waiting = threading.Event()
    return any(is_so() or waiting.wait(0.05) for _ in range(1200))


def reports_of(item: pytest.Item, nextitem: pytest.Item | None) -> list[pytest.TestReport]:
    """Run a test as often as it needs, and return the reports of the last run."""
    known = len(item.user_properties)
    for times in TIMES[:1] if os.environ.get("TESTS_RUN_ONCE") else TIMES:
        _now.update(times=times, is_asked=0)
        del item.user_properties[known:]
        if times > 1:
            item.user_properties.append((PROPERTY, times))
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        if not (_now["is_asked"] and any(report.failed for report in reports)):
            break
    return reports


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and (times := dict(report.user_properties).get(PROPERTY)):
        _slow.append(f"{report.nodeid}: {report.outcome} with times {times} times as long")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Nothing is run again in silence."""
    if _slow:
        terminalreporter.section(f"{len(_slow)} tests were run again: what is due came late")
        for line in _slow:
            terminalreporter.write_line(line)
