"""The eight ways to ask the same: two frameworks, plain and streamed, sync and async."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.matrix import in_langchain, in_llama_index

FRAMEWORKS: list[Any] = [in_langchain, in_llama_index]


class Way(NamedTuple):
    """How an answer is asked for."""

    is_streamed: bool
    is_async: bool

    def __str__(self) -> str:
        return f"{'stream' if self.is_streamed else 'plain'}-{'async' if self.is_async else 'sync'}"


WAYS = [Way(is_streamed, is_async) for is_streamed in (False, True) for is_async in (False, True)]
PLAIN = WAYS[0]
