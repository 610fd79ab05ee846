"""Embedding 10,000 texts, beside the vendors' classes with their own defaults: wall and CPU seconds of the client.

The server, in a process of its own, takes as long for each answer as it is told. Runs by itself, with PYTHONPATH=., or
as `report()`.
"""

from __future__ import annotations

import asyncio
import platform
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.embeddings_server import serving

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTH = 1536
TEXTS = [
    f"A sentence about the matter of number {number}, long enough to be a small passage." for number in range(10_000)
]
REPEATS = 3


def measured(embed: Callable[[], Any]) -> tuple[float, float]:
    """The least wall seconds of several, and the CPU seconds of that run."""
    runs = []
    for _ in range(REPEATS):
        wall, cpu = time.perf_counter(), time.process_time()
        assert len(embed()) == len(TEXTS)
        runs.append((time.perf_counter() - wall, time.process_time() - cpu))
    return min(runs)


def pairs(url: str) -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    """Ours and the vendor's, by framework and way."""
    from langchain_openai import OpenAIEmbeddings
    from llama_index.embeddings.openai import OpenAIEmbedding

    from langchain_tikhub import TikHubEmbeddings
    from llama_index_tikhub import TikHubEmbedding

    ours = TikHubEmbeddings(api_key="sk-bench", base_url=url)
    # Without its counting of tokens, which needs a file from the network, and costs it more than is measured here.
    theirs = OpenAIEmbeddings(api_key="sk-bench", base_url=url + "/v1", check_embedding_ctx_length=False)
    our_index = TikHubEmbedding(api_key="sk-bench", base_url=url)
    their_index = OpenAIEmbedding(api_key="sk-bench", api_base=url + "/v1")
    return {
        "LangChain, sync": (partial(ours.embed_documents, TEXTS), partial(theirs.embed_documents, TEXTS)),
        "LangChain, async": (
            lambda: asyncio.run(ours.aembed_documents(TEXTS)),
            lambda: asyncio.run(theirs.aembed_documents(TEXTS)),
        ),
        "LlamaIndex, sync": (
            partial(our_index.get_text_embedding_batch, TEXTS),
            partial(their_index.get_text_embedding_batch, TEXTS),
        ),
        "LlamaIndex, async": (
            lambda: asyncio.run(our_index.aget_text_embedding_batch(TEXTS)),
            lambda: asyncio.run(their_index.aget_text_embedding_batch(TEXTS)),
        ),
    }


def report() -> None:
    for seconds in (0.05, 0.3):
        print(f"Embedding {len(TEXTS):,} texts, {1000 * seconds:.0f} ms a request: wall s (CPU s)")
        with serving(LENGTH, seconds) as url:
            for name, (ours, theirs) in pairs(url).items():
                ours()  # the first call finds out about base64, and is not counted
                (wall, cpu), (other, other_cpu) = measured(ours), measured(theirs)
                print(
                    f"  {name:20}{wall:7.2f} ({cpu:.2f})   vendor {other:7.2f} ({other_cpu:.2f})   {other / wall:.1f}x"
                )


if __name__ == "__main__":
    print(f"Python {platform.python_version()}, {platform.machine()}; the least of {REPEATS} runs each")
    report()
