"""The secrets go to the origin of the base URL, and nowhere else: not along a redirect, not into a cassette."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tests import cassettes
from tests.scripted_server import Answer, Request, ScriptedServer
from tests.secrets.callers import CALLERS, LANES, secrets, success
from tests.secrets.canaries import CALL_HEADER, DEFAULT_HEADER, KEY, named_in, search
from tikhub_ai import APIStatusError

if TYPE_CHECKING:
    from pathlib import Path

each_lane = pytest.mark.parametrize(("name", "backend"), LANES)


@pytest.mark.parametrize("status", [301, 307])
@each_lane
def test_a_redirect_to_another_origin_is_not_followed(
    name: str, backend: str, status: int, server: ScriptedServer, stranger: ScriptedServer
) -> None:
    stranger.answer = success
    server.answers = [Answer(b"", status, {"location": f"{stranger.url}/v1/chat/completions", "set-cookie": "a=b"})]
    caller = CALLERS[name]
    outcome = caller.run(caller.make(**secrets(base_url=server.url, http_backend=backend)))
    assert isinstance(outcome.error, APIStatusError)
    assert len(server.requests) == 1
    search.through("what another origin was sent", stranger.requests)
    assert stranger.requests == []
    search.through("redirect", [outcome.error, outcome.printed])


@each_lane
def test_nobody_but_the_origin_is_spoken_to(
    name: str, backend: str, server: ScriptedServer, stranger: ScriptedServer
) -> None:
    """Not by other headers of an answer either."""
    location = f"{stranger.url}/"
    headers = {"location": location, "content-location": location, "refresh": f"0; url={location}", "link": location}

    def answer(request: Request) -> Answer:
        said = success(request)
        return Answer(said.body, said.status, {**headers, **said.headers})

    server.answer = answer
    caller = CALLERS[name]
    outcome = caller.run(caller.make(**secrets(base_url=server.url, http_backend=backend)))
    assert outcome.error is None, outcome.printed
    assert [named_in(str(request.headers)) - {"header of a call"} for request in server.requests] == [
        {"key", "default header"}
    ]
    search.through("path and body", [(request.path, request.body) for request in server.requests])
    assert stranger.requests == []


@each_lane
def test_a_second_gateway_gets_its_own_key_over_the_same_pool(
    name: str, backend: str, server: ScriptedServer, stranger: ScriptedServer
) -> None:
    server.answer = stranger.answer = success
    caller = CALLERS[name]
    theirs = {"api_key": "sk-theirs", "default_headers": {"X-Default": "theirs"}}
    ours = caller.make(**secrets(base_url=server.url, http_backend=backend))
    others = caller.make(**secrets(base_url=stranger.url, http_backend=backend, **theirs))
    for subject in (ours, others, ours, others):
        assert caller.run(subject).error is None
    for request in stranger.requests:
        assert request.headers["authorization"] == "Bearer sk-theirs"
        assert request.headers["x-default"] == "theirs"
        search.through("what another gateway was sent", {**request.headers, "x-call": ""})
    assert [request.headers["authorization"] for request in server.requests] == [f"Bearer {KEY}"] * 2


@pytest.mark.heard_by_httpcore("the server's cookie repeats the key")
@pytest.mark.parametrize("answered", ["success", "401"])
@each_lane
def test_a_cassette_of_a_call_holds_no_secret(
    name: str, backend: str, answered: str, server: ScriptedServer, tmp_path: Path
) -> None:
    refused = Answer({"error": {"message": "Wrong key"}}, 401, {"set-cookie": f"session={KEY}"})
    server.answer = success if answered == "success" else lambda _: refused
    path = tmp_path / "cassette.yaml"
    caller = CALLERS[name]
    with cassettes.recorder("scripted", "all").use_cassette(str(path)):
        outcome = caller.run(caller.make(**secrets(base_url=server.url, http_backend=backend)))
    assert (outcome.error is None) == (answered == "success"), outcome.printed
    sent = server.requests[0].headers
    assert (sent["authorization"], sent["x-default"]) == (f"Bearer {KEY}", DEFAULT_HEADER)
    assert sent.get("x-call") == (CALL_HEADER if caller.takes_call_headers else None)
    text = path.read_text()
    assert len(yaml.safe_load(text)["interactions"]) == 1
    search.through("cassette", text)
    search.through("cassette, read", yaml.safe_load(text))
