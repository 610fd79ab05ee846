"""The doctor says where the key comes from, and nowhere what it is: not in its text, its JSON, its recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.doctor.gateways import as_thought, refusal
from tests.scripted_server import Answer, Request, ScriptedServer
from tests.secrets.canaries import KEY, PROXY_PASSWORD, named_in
from tikhub_ai.doctor.cli import main

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.outside_openapi("asks for refusals, by requests that lack everything")


def _echo(request: Request) -> str:
    return " ".join(f"{name}={value}" for name, value in request.headers.items())


def _with_the_echo(answer: Answer, request: Request) -> Answer:
    answer.headers = {**answer.headers, "x-echo": _echo(request), "x-request-id": _echo(request)}
    if isinstance(answer.body, dict):
        answer.body = {**answer.body, "echo": _echo(request)}
    return answer


GATEWAYS = {
    "as we think, and repeats what it was sent": lambda request: _with_the_echo(as_thought(request), request),
    "401 that repeats the key": lambda request: _with_the_echo(refusal(401, _echo(request)), request),
    "500 that repeats the key": lambda request: refusal(500, f"{KEY} {_echo(request)}"),
    "HTML that repeats the key": lambda request: Answer(
        f"<!doctype html><title>{_echo(request)}</title>".encode(), 404
    ),
    "text that repeats the key": lambda request: Answer(_echo(request).encode(), 200),
    "404 that repeats a part of the key": lambda request: refusal(404, f"no route for {KEY[:14]}"),
}


@pytest.mark.heard_by_httpcore("the gateway repeats the key in headers")
@pytest.mark.parametrize("options", [(), ("--json",), ("--spend",), ("--spend", "--json")], ids=" ".join)
@pytest.mark.parametrize("kind", GATEWAYS)
def test_no_output_and_no_recording_holds_the_key(
    kind: str,
    options: tuple[str, ...],
    server: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    # The stand-in takes this key for the right one.
    monkeypatch.setattr("tests.doctor.gateways.KEY", KEY)
    monkeypatch.setenv("TIKHUB_AI_API_KEY", KEY)
    server.answer = GATEWAYS[kind]
    assert main(["doctor", "--base-url", server.url, "--record", str(tmp_path), *options]) == int(
        "as we think" not in kind
    )
    printed = capsys.readouterr()
    assert len(server.requests) > 20
    assert named_in(printed.out) == named_in(printed.err) == set()
    for path in tmp_path.iterdir():
        assert named_in(path.read_bytes()) == set(), path.name


def test_no_output_holds_the_password_of_a_proxy(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("TIKHUB_AI_API_KEY", KEY)
    server.answer = lambda request: Answer(_echo(request).encode(), 407)
    proxy = server.url.replace("http://", f"http://me:{PROXY_PASSWORD}@")
    for options in ((), ("--json",)):
        main(["doctor", "--base-url", "http://gateway.invalid", "--proxy", proxy, "--record", str(tmp_path), *options])
        assert named_in(capsys.readouterr().out) == set()
    for path in tmp_path.iterdir():
        assert named_in(path.read_bytes()) == set(), path.name


def test_wrong_usage_repeats_no_key(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TIKHUB_AI_API_KEY", KEY)
    with pytest.raises(SystemExit):
        main(["doctor", "--base-url", f"https://me:{KEY}@gateway.invalid"])
    printed = capsys.readouterr()
    assert named_in(printed.out + printed.err) == set()
