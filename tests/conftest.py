"""What all tests share: a clean environment, and a check of every request body that any test sends."""

from __future__ import annotations

import gc
import ipaddress
import json
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from tests import bodies
from tests.scripted_server import ScriptedServer
from tikhub_ai.http.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from tikhub_ai import Key


ROOT = Path(__file__).parent
pytest_plugins = [
    "pytester",
    "tests.patience",
    "tests.brief_reports",
    "tests.faults.table",
    "tests.matrix.summary",
    "tests.moves.summary",
    "tests.secrets.count",
]
"""What is reported, and what is printed at the end.

Not in the folders' own conftests, which a run on several processes does not load.
"""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "outside_openapi(reason): sends a body that its vendor's specification refuses, on purpose"
    )
    config.addinivalue_line("markers", "long: a great size or a whole product that takes minutes; `make test-long`")
    config.addinivalue_line(
        "markers", "whole_faults: a cell of the fault product beside the diagonal that `make test` runs; `make faults`"
    )
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    without_settings_of_this_machine(patch)
    without_a_name_server(patch)
    settings.register_profile("tests", EXAMPLES)
    settings.load_profile("tests")
    record_bodies(patch)


def without_settings_of_this_machine(patch: pytest.MonkeyPatch) -> None:
    """No test sees a key, an address or a proxy that is set where the tests run."""
    for name in ("TIKHUB_AI_API_KEY", "TIKHUB_API_KEY", "TIKHUB_AI_BASE_URL", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        patch.delenv(name, raising=False)
        patch.delenv(name.lower(), raising=False)


EXAMPLES = settings(
    derandomize="FUZZ" not in os.environ,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
"""Hypothesis's settings of all tests: the same examples each time, and none fails for the time that it takes."""


def without_a_name_server(patch: pytest.MonkeyPatch) -> None:
    """No test waits for a name server, which may be slow, absent, or answer for names that nobody has."""
    original = socket.getaddrinfo

    def known(host: Any, *arguments: Any, **more: Any) -> Any:
        name = host.decode("latin-1") if isinstance(host, bytes) else host
        try:
            is_asked = name and name != "localhost" and not ipaddress.ip_address(name.partition("%")[0])
        except ValueError:
            is_asked = all(0 < len(label) < 64 for label in name.rstrip(".").split("."))  # else Python refuses it
        if is_asked:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return original(host, *arguments, **more)

    patch.setattr(socket, "getaddrinfo", known)


LONGEST = (
    "faults/test_product.py",
    "faults/test_endings.py",
    "faults/test_bombs.py",
    "standard/test_llama_index_contract.py",
    "faults/test_lifecycle.py",
    "faults/test_left_calls.py",
    "faults/test_retry_after.py",
    "faults/test_cuts_of_bodies.py",
    "secrets/test_frames.py",
    "unit/llama_index/test_budget.py",
    "fuzz/test_classes.py",
    "fuzz/test_adapters.py",
    "fuzz/test_answers.py",
    "fuzz/test_requests.py",
    "unit/test_embeddings_bulk.py",
    "unit/test_imports.py",
    "faults/test_uploads.py",
    "unit/test_pools.py",
    "faults/test_downloads_disk.py",
    "secrets/test_calls.py",
    "secrets/test_arguments.py",
    "secrets/test_tracers.py",
    "faults/test_video_results.py",
    "unit/langchain/test_merging.py",
    "wire/test_responses.py",
)
"""Files that take longest go first, so that no process is left with one of them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What measures how work grows takes minutes of CPU, as other long tests do: they have a target of their own."""
    ranks = {ROOT / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))
    for item in items:
        if isinstance(item, pytest.Function) and "assert_linear" in item.function.__code__.co_names:
            item.add_marker("long")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """The garbage collector would go through 24,000 tests and 5,000 modules again and again, and they all stay."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()


SENT: list[tuple[str, bytes]] = []
"""The path and the body of each request that the test sent so far."""
PASSED: set[tuple[str, bytes]] = set()
"""What passed before: most tests ask "hi", and a specification takes a millisecond."""


def record_bodies(patch: pytest.MonkeyPatch) -> None:
    """Have the transport put each JSON body that it is to send into `SENT`."""
    original = Transport._wire

    def recording(self: Transport, asked: Any, key: Key, **how: Any) -> Any:
        wire = original(self, asked, key, **how)
        if wire.method == "POST" and isinstance(wire.content, bytes):  # a form is not JSON
            SENT.append((asked.path, wire.content))
        return wire

    patch.setattr(Transport, "_wire", recording)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    SENT.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Every request body that a test makes the transport send is held against its vendor's specification.

    OpenAI's is its OpenAPI document, where it is there; Anthropic's and Google's are the types of their SDKs. No
    fixture, which costs ten times as much with each of 24,000 tests.
    """
    result = yield
    if SENT and not item.get_closest_marker("outside_openapi"):
        for path, content in SENT:
            if (path, content) in PASSED:
                continue
            found = bodies.problems(path, json.loads(content) if content else None)
            assert not found, f"{path} would refuse {content[:2000].decode()}: {found}"
            if len(content) < 10_000:
                PASSED.add((path, content))
    return result


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A real HTTP server on loopback that answers as the test says."""
    with ScriptedServer() as running:
        yield running
