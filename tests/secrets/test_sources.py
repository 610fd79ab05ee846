"""A pickle keeps where the key came from, never the key; a function is asked at each request."""

from __future__ import annotations

import asyncio
import os
import pickle
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from tests.secrets.callers import CALLERS, secrets, success
from tests.secrets.canaries import KEY, search
from tikhub_ai import MissingKeyError

if TYPE_CHECKING:
    from tests.scripted_server import ScriptedServer

each_caller = pytest.mark.parametrize("name", CALLERS)
each_sync_caller = pytest.mark.parametrize("name", [name for name in CALLERS if ".a" not in name])
each_async_caller = pytest.mark.parametrize("name", [name for name in CALLERS if ".a" in name])


def travelled(subject: Any) -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*(not travel|Not pickled)")
        return pickle.loads(pickle.dumps(subject))


def keys_that_came(server: ScriptedServer) -> list[str]:
    return [request.headers["authorization"].removeprefix("Bearer ") for request in server.requests]


def test_key_for_this_test() -> str:
    return f"{KEY}-of-a-function"


test_key_for_this_test.__test__ = False  # type: ignore[attr-defined]  # where pytest looks for it


@each_caller
def test_a_function_is_asked_at_each_request(name: str, server: ScriptedServer) -> None:
    server.answer = success
    given = iter(["sk-first", "sk-second", "sk-third"])
    caller = CALLERS[name]
    subject = caller.make(**secrets(base_url=server.url, api_key=lambda: next(given)))
    for _ in range(3):
        assert caller.run(subject).error is None
    assert keys_that_came(server) == ["sk-first", "sk-second", "sk-third"]


@each_async_caller
def test_an_async_function_is_asked_at_each_async_request(name: str, server: ScriptedServer) -> None:
    server.answer = success
    given = iter(["sk-first", "sk-second"])

    async def rotated() -> str:
        await asyncio.sleep(0)
        return next(given)

    caller = CALLERS[name]
    subject = caller.make(**secrets(base_url=server.url, api_key=rotated))
    for _ in range(2):
        assert caller.run(subject).error is None
    assert keys_that_came(server) == ["sk-first", "sk-second"]


@each_sync_caller
def test_a_sync_call_refuses_an_async_function_and_names_the_remedy(name: str, server: ScriptedServer) -> None:
    async def rotated() -> str:
        return KEY

    caller = CALLERS[name]
    outcome = caller.run(caller.make(**secrets(base_url=server.url, api_key=rotated)))
    assert "use the async methods" in str(outcome.error)
    assert not outcome.warned, "no coroutine is left behind unawaited"
    assert not server.requests


@each_caller
def test_a_function_that_rotates_is_asked_again_for_a_retry(name: str, server: ScriptedServer) -> None:
    from tests.scripted_server import Answer

    busy = Answer({"error": {"message": "busy"}}, 503, {"retry-after-ms": "1"})
    server.answer = lambda request: busy if len(server.requests) == 1 else success(request)
    given = iter(["sk-first", "sk-second"])
    caller = CALLERS[name]
    outcome = caller.run(caller.make(**secrets(base_url=server.url, api_key=lambda: next(given), max_retries=1)))
    assert outcome.error is None, outcome.printed
    assert keys_that_came(server) == ["sk-first", "sk-second"]


class KeyStoreError(Exception):
    """The user's own."""


@each_caller
def test_a_function_that_fails_is_heard_and_nothing_is_sent(name: str, server: ScriptedServer) -> None:
    def broken() -> str:
        raise KeyStoreError("the vault is shut")

    caller = CALLERS[name]
    outcome = caller.run(caller.make(**secrets(base_url=server.url, api_key=broken)))
    assert isinstance(outcome.error, KeyStoreError)
    assert not server.requests


@each_caller
def test_a_key_that_no_header_can_carry_is_not_quoted(name: str, server: ScriptedServer) -> None:
    caller = CALLERS[name]
    for unusable in (f"{KEY} {KEY}", f"{KEY}\r\nX-Evil: 1", f"{KEY}é"):
        for source in (unusable, lambda text=unusable: text):
            outcome = caller.run(caller.make(**secrets(base_url=server.url, api_key=source)))
            search.through("unusable key", [outcome.error, outcome.printed])
            assert "copy it again" in str(outcome.error)
    assert not server.requests


TRAVELLERS = [name for name in CALLERS if "bind" not in name]
each_traveller = pytest.mark.parametrize("name", TRAVELLERS)


@each_traveller
def test_a_key_given_as_text_does_not_travel_and_no_other_takes_its_place(
    name: str, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = CALLERS[name]
    subject = travelled(caller.make(**secrets(base_url=server.url, default_headers=None)))
    monkeypatch.setenv("TIKHUB_AI_API_KEY", "sk-somebody-elses")
    monkeypatch.setenv("TIKHUB_API_KEY", "sk-somebody-elses")
    outcome = caller.run(subject)
    assert isinstance(outcome.error, MissingKeyError)
    assert "api_key=" in str(outcome.error)
    assert not server.requests


# `Settings` without a key are not among them: they read the environment at each call, here and there.
@pytest.mark.parametrize("variable", ["TIKHUB_AI_API_KEY", "TIKHUB_API_KEY"])
@pytest.mark.parametrize("name", [name for name in TRAVELLERS if "TikHub" in name])
def test_a_key_of_the_environment_is_read_there_again_by_its_name(
    name: str, variable: str, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer = success
    other = {"TIKHUB_AI_API_KEY": "TIKHUB_API_KEY", "TIKHUB_API_KEY": "TIKHUB_AI_API_KEY"}[variable]
    caller = CALLERS[name]
    monkeypatch.setenv(variable, KEY)
    subject = caller.make(**secrets(base_url=server.url, default_headers=None, api_key=None))
    packed = pickle.dumps(subject)
    monkeypatch.setenv(variable, "sk-of-there")
    assert caller.run(pickle.loads(packed)).error is None
    assert keys_that_came(server) == ["sk-of-there"]
    monkeypatch.delenv(variable)
    monkeypatch.setenv(other, "sk-another")
    outcome = caller.run(pickle.loads(packed))
    assert isinstance(outcome.error, MissingKeyError)
    assert variable in str(outcome.error)
    assert len(server.requests) == 1


# The headers of an `EmbeddingsClient` do not travel, and these callers give it some.
@pytest.mark.parametrize("name", [name for name in TRAVELLERS if not name.startswith("EmbeddingsClient")])
def test_a_function_travels_by_its_name(name: str, server: ScriptedServer) -> None:
    server.answer = success
    caller = CALLERS[name]
    subject = travelled(
        caller.make(**secrets(base_url=server.url, default_headers=None, api_key=test_key_for_this_test))
    )
    outcome = caller.run(subject)
    assert outcome.error is None, outcome.printed
    assert keys_that_came(server) == [f"{KEY}-of-a-function"]


@pytest.mark.parametrize("name", ["ChatTikHub.invoke", "TikHub.chat", "TikHubEmbeddings.embed_documents"])
def test_another_process_finds_no_key_in_a_pickle(name: str, server: ScriptedServer, tmp_path: Any) -> None:
    caller = CALLERS[name]
    path = tmp_path / "subject.pickle"
    path.write_bytes(pickle.dumps(caller.make(**secrets(base_url=server.url, default_headers=None))))
    way = {"invoke": "invoke('hi')", "chat": "complete('hi')", "embed_documents": "embed_query('hi')"}[
        name.partition(".")[2]
    ]
    code = f"import pickle; pickle.loads(open({str(path)!r}, 'rb').read()).{way}"
    environment = {**os.environ, "TIKHUB_AI_API_KEY": "sk-somebody-elses"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert "MissingKeyError: The API key was given as text" in done.stderr
    search.through("another process", [done.stdout, done.stderr])
    assert not server.requests
