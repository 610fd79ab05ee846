"""A plugin of pytest: a process of pytest-xdist sends one report of a test that passed.

Of each test it would send three reports, its start and its end, each report with every keyword of the test: with tests
that take a millisecond, that is most of what they cost. A test that fails or is skipped is reported as ever, and so
are all where somebody reads the times or the phases.
"""

from __future__ import annotations

import pytest

from tests import patience


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    config = item.config
    is_brief = hasattr(config, "workerinput") and not config.getoption("xmlpath") and not config.getoption("durations")
    if not is_brief:
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = patience.reports_of(item, nextitem)
    if is_brief and all(report.passed for report in reports):
        reports = [report for report in reports if report.when == "call"]
        for report in reports:
            report.user_properties = list(item.user_properties)  # with what teardown adds
            report.keywords = {}
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    if not is_brief:
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
