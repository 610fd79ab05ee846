"""Measures of embeddings: 10,000 texts through each class as it is, and 200,000 as rows of float32."""

from __future__ import annotations

import asyncio
import base64
import time
from typing import TYPE_CHECKING, Any

from memory import taken

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTH = 1536
BATCH, AT_ONCE = 256, 16
"""As ours have them by default."""


def texts(count: int) -> list[str]:
    """So many texts of 80 characters."""
    return [f"A sentence about the matter of number {number}, long enough to be a passage." for number in range(count)]


def _awaited(client: Any) -> Callable[[list[str]], Any]:
    async def arrays(given: list[str]) -> Any:
        return (await client.aembed_array(given)).vectors

    return arrays


def _ways(kind: str, url: str) -> tuple[Callable[[list[str]], Any], Callable[[list[str]], Any] | None]:
    """Sync and async, of a class with its own defaults."""
    match kind:
        case "TikHubEmbeddings":
            from langchain_tikhub import TikHubEmbeddings

            ours = TikHubEmbeddings(api_key="sk-bench", base_url=url)
            return ours.embed_documents, ours.aembed_documents
        case "embed_array":
            from tikhub_ai import EmbeddingsClient, Settings

            client = EmbeddingsClient(Settings(api_key="sk-bench", base_url=url))
            return lambda given: client.embed_array(given).vectors, _awaited(client)
        case "httpx, orjson, base64":
            return lambda given: lists_alone(url, given), None
        case "OpenAIEmbeddings":
            from langchain_openai import OpenAIEmbeddings

            # Without its counting of tokens, which needs a file from the network, and costs it more than is measured.
            theirs = OpenAIEmbeddings(api_key="sk-bench", base_url=f"{url}/v1", check_embedding_ctx_length=False)
            return theirs.embed_documents, theirs.aembed_documents
        case "TikHubEmbedding":
            from llama_index_tikhub import TikHubEmbedding

            index = TikHubEmbedding(api_key="sk-bench", base_url=url)
            return index.get_text_embedding_batch, index.aget_text_embedding_batch
        case _:
            from llama_index.embeddings.openai import OpenAIEmbedding

            other = OpenAIEmbedding(api_key="sk-bench", api_base=f"{url}/v1")
            return other.get_text_embedding_batch, other.aget_text_embedding_batch


def embed(kind: str, url: str, count: int, *, is_async: bool) -> dict[str, float]:
    """Wall and CPU seconds of so many texts."""
    call, acall = _ways(kind, url)
    given = texts(count)
    wall, cpu = time.perf_counter(), time.process_time()
    found = asyncio.run(acall(given)) if is_async and acall is not None else call(given)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    if len(found) != count:
        raise ValueError(f"only {len(found)} vectors came")
    return {"wall": wall, "cpu": cpu}


def lists_alone(url: str, given: list[str]) -> list[list[float]]:
    """The floor: as many requests at once as ours makes, in threads, to lists of floats; nothing is checked."""
    from array import array
    from binascii import a2b_base64
    from concurrent.futures import ThreadPoolExecutor

    import httpx
    import orjson

    def asked(some: list[str]) -> list[list[float]]:
        body = {"model": "m", "input": some, "encoding_format": "base64"}
        answer = client.post(f"{url}/v1/embeddings", content=orjson.dumps(body))
        data = orjson.loads(answer.content)["data"]
        return [array("f", a2b_base64(item["embedding"])).tolist() for item in data]

    batches = [given[start : start + BATCH] for start in range(0, len(given), BATCH)]
    with httpx.Client(timeout=60) as client, ThreadPoolExecutor(AT_ONCE) as pool:
        return [vector for vectors in pool.map(asked, batches) for vector in vectors]


def rows(url: str, count: int) -> dict[str, float]:
    """Memory beside the array, and CPU microseconds of a vector, of our `embed_array`."""
    from tikhub_ai import EmbeddingsClient, Settings

    client = EmbeddingsClient(Settings(api_key="sk-bench", base_url=url), batch_size=BATCH)
    client.embed_array(texts(BATCH))  # finds out about base64
    given = texts(count)
    work = taken(lambda: client.embed_array(given))
    array = work.result.vectors
    assert array.shape == (count, LENGTH)
    return {"memory": work.peak / (array.nbytes / 1e6), "cpu": work.cpu / count * 1e6, "wall": work.wall}


def rows_alone(url: str, count: int, form: str) -> dict[str, float]:
    """The same with httpx, orjson and numpy, one request after another; nothing is checked."""
    import httpx
    import numpy as np
    import orjson

    client = httpx.Client(timeout=60)
    given = texts(count)

    def work() -> Any:
        array = np.empty((count, LENGTH), np.float32)
        for start in range(0, count, BATCH):
            body = {"model": "m", "input": given[start : start + BATCH], "encoding_format": form}
            answer = client.post(f"{url}/v1/embeddings", content=orjson.dumps(body))
            for at, item in enumerate(orjson.loads(answer.content)["data"], start):
                vector = item["embedding"]
                array[at] = np.frombuffer(base64.b64decode(vector), "<f4") if form == "base64" else vector
        return array

    found = taken(work)
    size = found.result.nbytes / 1e6
    return {"memory": found.peak / size, "cpu": found.cpu / count * 1e6, "wall": found.wall}
