"""Every scenario against the real server that it needs."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import pytest

from tests.scenarios import Scenario, load

if TYPE_CHECKING:
    from local_models import Peer

pytestmark = pytest.mark.peers


LITELLM_TOO = (
    *("core_async_gives_the_same_deltas_as_sync", "langchain_invoke", "langchain_astream", "langchain_tool_call"),
    *("langchain_tool_call_streamed", "langchain_agent", "llama_index_chat", "llama_index_stream_chat"),
    *("llama_index_tool_call", "llama_index_function_agent"),
)
"""Over /v1/responses, whose streams have no `event:` lines there, and whose ids are litellm's own."""


@pytest.mark.parametrize("scenario", load(), ids=lambda scenario: scenario.id)
async def test_scenario(scenario: Scenario, request: pytest.FixtureRequest) -> None:
    await run(scenario, request.getfixturevalue(scenario.peer))


@pytest.mark.parametrize(
    "scenario",
    [scenario for scenario in load() if scenario.api == "responses" and scenario.name in LITELLM_TOO],
    ids=lambda scenario: scenario.id,
)
async def test_scenario_over_litellm(scenario: Scenario, litellm: Peer) -> None:
    await run(scenario, litellm)


async def run(scenario: Scenario, peer: Peer) -> None:
    done = scenario.run(scenario.connection(peer.base_url, peer.api_key, peer.model))
    if inspect.isawaitable(done):
        await done
