"""Every scenario again, from its cassette: no server, no network, no key."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests import cassettes
from tests.scenarios import Scenario, load
from tests.streams import end_of
from tikhub_ai import ChatClient, ChatRequest, Message, Settings, Text

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.disable_socket


def path_of(scenario: Scenario) -> Path:
    return cassettes.path_of(scenario.peer, scenario.name, scenario.api)


def facts_of(scenario: Scenario) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path_of(scenario).read_text())
    return document


EACH = [(scenario, "auto") for scenario in load()]
EACH += [(scenario, "httpx2") for scenario in load() if scenario.name.startswith("core")]  # frameworks know no library


@pytest.mark.parametrize(("scenario", "backend"), EACH, ids=lambda value: getattr(value, "id", value))
async def test_scenario(scenario: Scenario, backend: str) -> None:
    model = facts_of(scenario)["answered_by"]["model"]
    connection = scenario.connection(f"http://{cassettes.host_of(scenario.peer)}", "sk-test", model)
    with cassettes.recorder(scenario.peer, "none").use_cassette(str(path_of(scenario))) as cassette:
        done = scenario.run(replace(connection, http_backend=backend))
        if inspect.isawaitable(done):
            await done
        assert cassette.all_played


def test_every_cassette_belongs_to_a_scenario_and_says_who_answered_it() -> None:
    kept = {path.relative_to(cassettes.FOLDER).as_posix() for path in cassettes.FOLDER.rglob("*.yaml")}
    assert {path_of(scenario).relative_to(cassettes.FOLDER).as_posix() for scenario in load()} == {
        path for path in kept if not path.startswith(("tikhub/", "standard/"))
    }
    for scenario in load():
        assert facts_of(scenario)["answered_by"].keys() == {"version", "kind", "recorded", "model"}


def test_no_cassette_holds_a_secret_or_an_address_of_the_machine_that_made_it() -> None:
    for path in cassettes.FOLDER.rglob("*.yaml"):
        text = path.read_text()
        assert cassettes.secrets_in(text) == [], path.name
        assert "127.0.0.1" not in text, path.name


async def test_sync_and_async_decode_one_cassette_to_the_same_events_and_headers() -> None:
    path = cassettes.path_of("llama", "core_a_stream_folds_to_the_plain_answer")
    request = ChatRequest(
        model="smollm", messages=[Message("user", [Text("Name a colour.")])], temperature=0, seed=42, max_tokens=24
    )
    client = ChatClient(Settings(api_key="sk-test", base_url="http://llama.invalid", max_retries=0))
    recorder = cassettes.recorder("llama", "none")
    with recorder.use_cassette(str(path), allow_playback_repeats=True):
        sync = list(client.stream(request))
        other = [delta async for delta in client.astream(request)]
        assert sync == other
        assert end_of(sync).reply.headers == end_of(other).reply.headers != {}
        assert client.complete(request) == await client.acomplete(request)
