"""llmock's scenarios: it misbehaves, sees every attempt of ours with its timing, and judges the client."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.faults import lanes
from tests.faults.lanes import CORE, Lane, assert_ours
from tikhub_ai import (
    APIConnectionError,
    APITimeoutError,
    BadRequestError,
    IncompleteStreamError,
    InvalidResponseError,
    ServerError,
    TikHubAIError,
)
from tikhub_ai.routing import choose_api

if TYPE_CHECKING:
    from local_models import Peer

pytestmark = pytest.mark.peers

TEXT = "one two three four five six"
LONG = f"{TEXT} " * 4000
"""So long that the server is not yet through with it when a client has read its first words."""


def fault(kind: str, words: int = 2, **more: Any) -> dict[str, Any]:
    """A stream that goes wrong after so many words; before its first chunk, if there are none."""
    return {"type": "stream_fault", "kind": kind, "after_chunks": words, **more}


def behaviors_of(scenario: str, prelude: int) -> list[dict[str, Any]]:
    """A scenario's, on a wire whose streams begin with so many chunks before the first word."""
    found: list[dict[str, Any]] = []
    for one in SCENARIOS[scenario][0]:
        words = one.get("after_chunks")
        found.append(one | {"after_chunks": words + prelude} if words else one)
    return found


SCENARIOS: dict[str, tuple[list[dict[str, Any]], type[TikHubAIError] | None, bool]] = {
    # what it does; what the caller sees of it, if anything; whether only streams are struck
    "429 with Retry-After, twice": ([{"type": "fail", "status": 429, "retry_after": 0.4, "times": 2}], None, False),
    "500, twice": ([{"type": "fail", "status": 500, "times": 2}], None, False),
    "500 for ever": ([{"type": "fail", "status": 500, "times": 3}], ServerError, False),
    "529, then 503": ([{"type": "fail", "status": 529}, {"type": "fail", "status": 503}], None, False),
    "400": ([{"type": "fail", "status": 400}], BadRequestError, False),
    "a stream that ends without its finish": ([fault("truncate")], IncompleteStreamError, True),
    "a stream that ends before its first word": ([fault("truncate", words=0)], None, True),
    "a stream whose connection drops": ([fault("disconnect")], IncompleteStreamError, True),
    "a connection that drops before the first word": ([fault("disconnect", words=0)], None, True),
    "a chunk that is no JSON": ([fault("malformed")], InvalidResponseError, True),
    "a stream that stalls": ([fault("stall", stall_seconds=2.0)], APITimeoutError, True),
    "a slow first token": ([{"type": "slow_first_token", "seconds": 0.3}], None, True),
    "a slow answer": ([{"type": "delay", "seconds": 0.3}], None, False),
}


# Below the codecs one wire is like another: one of them shows all backends, the others one for sync and one for async.
WIRES = {
    # where llmock speaks it; a model for which `auto` chooses it; chunks of its streams before the first word
    "chat_completions": ("", "m", 1),
    "messages": ("/anthropic", "claude-sonnet-4-5", 3),
    "responses": ("", "gpt-4.1-mini", 4),
    "generate_content": ("/gemini", "gemini-2.5-flash", 0),
}


@pytest.mark.parametrize(
    ("api", "scenario", "lane"),
    [
        pytest.param(api, scenario, lane, id=f"{api}-{scenario}-{lane.id}")
        for api in WIRES
        for scenario, (_, _, only_streams) in SCENARIOS.items()
        for lane in CORE
        if (lane.streamed or not only_streams) and (api == "chat_completions" or "async httpx" not in lane.name)
    ],
)
async def test_the_verdict_is_clean(
    llmock: Peer, api: str, scenario: str, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    below, model, prelude = WIRES[api]
    monkeypatch.setattr(lanes, "REQUEST", dataclasses.replace(lanes.REQUEST, model=model))
    assert choose_api(model) == api
    behaviors, (_, seen, _) = behaviors_of(scenario, prelude), SCENARIOS[scenario]
    text = LONG.strip() if "no JSON" in scenario else TEXT
    reply = {"type": "reply", "text": text, "times": None}
    settings = {
        "base_url": llmock.base_url + below,
        "timeout": 1.2,
        "retry_wait": 0.5,
    }  # the library's own backoff is judged
    async with httpx.AsyncClient(base_url=llmock.base_url, timeout=30, trust_env=False) as judge:
        (await judge.post("/_llmock/reset")).raise_for_status()
        (await judge.post("/_llmock/scenario", json={"behaviors": [*behaviors, reply]})).raise_for_status()
        if seen is not None:
            with pytest.raises(TikHubAIError) as caught:
                await lane.ask(**settings)
            assert isinstance(caught.value, seen), repr(caught.value)
            assert not isinstance(caught.value, APIConnectionError)
            assert_ours(caught.value)
            await asyncio.sleep(0.5)  # llmock judges the next call a retry only once it has seen this one end
        if seen is not BadRequestError:  # the caller asks again, unless the request is at fault
            assert await lane.ask(**settings) == text
        verdict = (await judge.get("/_llmock/verdict")).json()
    assert verdict["findings"] == []
    assert verdict["passed"]
    assert verdict["faults_injected"] >= 1 or "slow" in scenario
