"""A plugin of pytest: a process of pytest-xdist sends one report of a test that passed.

Of each test it would send three reports, its start and its end, each report with every keyword of the test: with tests
that take a millisecond, that is most of what they cost. A test that fails or is skipped is reported as ever, and so
are all where somebody reads the times or the phases.
"""

from __future__ import annotations

import pytest
from _pytest.runner import runtestprotocol


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    config = item.config
    if not hasattr(config, "workerinput") or config.getoption("xmlpath") or config.getoption("durations"):
        return None
    reports = runtestprotocol(item, log=False, nextitem=nextitem)
    if all(report.passed for report in reports):
        reports = [report for report in reports if report.when == "call"]
        for report in reports:
            report.user_properties = list(item.user_properties)  # with what teardown adds
            report.keywords = {}
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    return True
