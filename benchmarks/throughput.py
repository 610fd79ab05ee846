"""Async throughput: calls a second of `ainvoke` at 50 and at 500 in flight, over both backends and beside ChatOpenAI.

All in one run against one tiny server in a process of its own, so that the ratios hold where the figures do not.
Runs by itself, or as `report()` from run.py.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

SECONDS = 1.5
REPEATS = 3
IN_FLIGHT = (50, 500)
ANSWER = {
    "id": "chatcmpl-bench",
    "object": "chat.completion",
    "created": 1782955818,
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Hello!"}, "logprobs": None, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
}


class Answering(asyncio.Protocol):
    """Answers every request with the same bytes, as fast as Python can."""

    body = json.dumps(ANSWER).encode()
    answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.came = b""

    def data_received(self, data: bytes) -> None:
        self.came += data
        while (end := self.came.find(b"\r\n\r\n")) >= 0:
            head = self.came[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            if len(self.came) < end + 4 + length:
                return
            self.came = self.came[end + 4 + length :]
            self.transport.write(self.answer)


async def serve() -> None:
    listening = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0, backlog=1000)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


@contextmanager
def server() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, __file__, "serve"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.terminate()
        process.wait()


async def calls_a_second(ask: Callable[[], Awaitable[object]], in_flight: int, seconds: float) -> float:
    """How many calls a second end, with so many going on at any time; the first ones, which connect, do not count."""
    await asyncio.gather(*(ask() for _ in range(in_flight)))
    done = 0
    end = time.perf_counter() + seconds

    async def again_and_again() -> None:
        nonlocal done
        while time.perf_counter() < end:
            await ask()
            done += 1

    start = time.perf_counter()
    await asyncio.gather(*(again_and_again() for _ in range(in_flight)))
    return done / (time.perf_counter() - start)


async def measured(url: str) -> dict[int, dict[str, float]]:
    """The best of several rounds, in which everybody takes turns."""
    from langchain_openai import ChatOpenAI

    from langchain_tikhub import ChatTikHub

    given = {"model": "gpt-4o-mini", "api_key": "sk-bench"}
    api = "chat_completions"  # what ChatOpenAI speaks
    models = {
        "ChatTikHub over aiohttp": ChatTikHub(base_url=url, api=api, http_backend="auto", **given),
        "ChatTikHub over httpx": ChatTikHub(base_url=url, api=api, http_backend="httpx", **given),
        "ChatOpenAI": ChatOpenAI(base_url=f"{url}/v1", **given),
    }
    best: dict[int, dict[str, float]] = {}
    for in_flight in IN_FLIGHT:
        best[in_flight] = dict.fromkeys(models, 0.0)
        for _ in range(REPEATS):
            for name, model in models.items():
                rate = await calls_a_second(partial(model.ainvoke, "hi"), in_flight, SECONDS)
                best[in_flight][name] = max(best[in_flight][name], rate)
    return best


def report() -> None:
    """Print the figures, and how many times ChatOpenAI's they are."""
    with server() as url:
        best = asyncio.run(measured(url))
    print(f"ainvoke, calls a second over loopback, the best of {REPEATS} rounds")
    for in_flight, rates in best.items():
        for name, rate in rates.items():
            times = f"{rate / rates['ChatOpenAI']:.1f}x ChatOpenAI" + (", want 5x" if "aiohttp" in name else "")
            print(f"  {in_flight:4} in flight, {name:26}{rate:8.0f}   {times if name != 'ChatOpenAI' else ''}")


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serve())
    else:
        report()
