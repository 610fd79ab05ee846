"""Every scenario against the real server that it needs."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import pytest

from tests.scenarios import Scenario, load

if TYPE_CHECKING:
    from local_models import Peer

pytestmark = pytest.mark.peers


@pytest.mark.parametrize("scenario", load(), ids=lambda scenario: scenario.id)
async def test_scenario(scenario: Scenario, request: pytest.FixtureRequest) -> None:
    peer: Peer = request.getfixturevalue(scenario.peer)
    done = scenario.run(scenario.connection(peer.base_url, peer.api_key, peer.model))
    if inspect.isawaitable(done):
        await done
