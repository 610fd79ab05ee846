"""The server that most tests ask: what it sends is what the test says, and nothing of the machine or of the moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from tests.scripted_server import Answer, ScriptedServer

if TYPE_CHECKING:
    import pytest


def test_two_answers_of_one_script_are_equal_whatever_second_the_clock_shows(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers = [Answer({"a": 1})]
    first = httpx.get(server.url)
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    second = httpx.get(server.url)
    assert (first.headers.raw, first.content) == (second.headers.raw, second.content)
