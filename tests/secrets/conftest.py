"""Every test here is watched: what is logged at DEBUG, by anybody, is searched too."""

from __future__ import annotations

import linecache
import logging
from typing import TYPE_CHECKING

import pytest

from tests.scripted_server import ScriptedServer
from tests.secrets.canaries import search

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGGERS = ("", "asyncio", "aiohttp", "httpcore", "httpx", "langchain_tikhub", "llama_index_tikhub", "tikhub_ai")


@pytest.fixture(autouse=True, scope="package")
def _all_log_at_debug() -> Iterator[None]:
    """Every library in the house. Once for all tests: each change of a level goes through all loggers there are."""
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture(autouse=True, scope="package")
def _sources_stay_as_they_are() -> Iterator[None]:
    """Debug mode of asyncio keeps a stack with each task, and would ask for the date of each file on it each time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linecache, "checkcache", lambda _=None: None)
        yield


@pytest.fixture(autouse=True)
def _all_logs_are_searched(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What was logged while the test ran; `_all_log_at_debug` makes it all there is."""
    marker = request.node.get_closest_marker("heard_by_httpcore")
    search.places.clear()
    hits = len(search.hits)
    yield
    for record in caplog.get_records("call"):
        if marker is not None and record.name.startswith(("httpcore", "vcr")):
            continue
        library = record.name.partition(".")[0]
        search.through(
            f"log of {library}", [record.getMessage(), repr(record.args), record.exc_text, repr(record.exc_info)]
        )
    request.node.user_properties.append(("canary", (dict(search.places), len(search.hits) - hits)))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "heard_by_httpcore(reason): the server's headers repeat the secret; httpcore and vcr log what they hear",
    )


@pytest.fixture
def stranger() -> Iterator[ScriptedServer]:
    """Another origin: same host, another port."""
    with ScriptedServer() as running:
        yield running
