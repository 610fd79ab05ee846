"""The servers that answer while the standard suites are recorded (`--record-mode=all`, by `make record`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.scenarios.answerers import ANSWERERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_models import Peer


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record-columns", default=",".join(ANSWERERS), help="which of them to record")
    parser.addoption("--record-mode", choices=("none", "all"), default="none", help="all makes the cassettes again")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "vcr: what the suites of langchain-tests call a test that has a cassette")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """While some columns are recorded, the others are left as they are."""
    if config.getoption("--record-mode", default=None) != "all":
        return
    wanted = config.getoption("--record-columns").split(",")
    others = [item for item in items if getattr(getattr(item, "cls", None), "answered_as", wanted[0]) not in wanted]
    items[:] = [item for item in items if item not in others]
    config.hook.pytest_deselected(items=others)


@pytest.fixture(scope="class")
def recorded_peers(request: pytest.FixtureRequest) -> Iterator[dict[str, Peer]]:
    """The servers of one column, started for it: what llama.cpp has in its cache can turn SmolLM2's next word."""
    from local_models import running

    answerers = ANSWERERS[request.cls.answered_as]
    with running(*{answerers.model, answerers.script}) as peers:
        yield peers
