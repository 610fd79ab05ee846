"""Every test here is watched: what is logged at DEBUG, by anybody, is searched too."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from tests.scripted_server import ScriptedServer
from tests.secrets.canaries import search

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGGERS = ("", "asyncio", "aiohttp", "httpcore", "httpx", "langchain_tikhub", "llama_index_tikhub", "tikhub_ai")


@pytest.fixture(autouse=True)
def _all_logs_are_searched(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Debug logs of every library in the house."""
    for name in LOGGERS:
        caplog.set_level(logging.DEBUG, logger=name or None)
    marker = request.node.get_closest_marker("heard_by_httpcore")
    before, hits = search.places.copy(), len(search.hits)
    yield
    for record in caplog.get_records("call"):
        if marker is not None and record.name.startswith(("httpcore", "vcr")):
            continue
        library = record.name.partition(".")[0]
        search.through(
            f"log of {library}", [record.getMessage(), repr(record.args), record.exc_text, repr(record.exc_info)]
        )
    request.node.user_properties.append(("canary", (dict(search.places - before), len(search.hits) - hits)))


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
