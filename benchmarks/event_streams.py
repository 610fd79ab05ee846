"""CPU per MB of a stream, at growing sizes: flat, whatever is in it and whatever pieces it comes in.

Runs by itself, or as `report()` from run.py.
"""

from __future__ import annotations

import importlib
import time
from typing import TYPE_CHECKING

import answers

from tikhub_ai import ChatRequest, Message, Text
from tikhub_ai.catalog import facts
from tikhub_ai.chat import ChatReader

if TYPE_CHECKING:
    from collections.abc import Callable

MB = 1 << 20
SIZES = (1, 4, 16, 64)
PIECE = 16 * 1024


def small_events(size: int) -> list[bytes]:
    """Chunks of an answer, an event a piece: what a stream is."""
    chunks = answers.chat_completions([" word"] * 1000)
    return chunks[:1] + chunks[1:-3] * (size // sum(map(len, chunks))) + chunks[-3:]


def one_event(size: int) -> list[bytes]:
    """An image in base64, in the pieces that a connection gives."""
    image = "data:image/png;base64," + "A" * size
    choice = {"index": 0, "delta": {"images": [{"image_url": {"url": image}}]}, "finish_reason": "stop"}
    stream = answers.event({"id": "1", "model": "m", "choices": [choice]}) + b"data: [DONE]\n\n"
    return [stream[start : start + PIECE] for start in range(0, len(stream), PIECE)]


def bare_json(size: int) -> list[bytes]:
    """An error without `data:`, printed over many lines."""
    stream = b'{\n"error": {"message": "m", "details": [\n' + b'"0123456789",\n' * (size // 14) + b'""]}\n}\n'
    return [stream[start : start + PIECE] for start in range(0, len(stream), PIECE)]


STREAMS: dict[str, Callable[[int], list[bytes]]] = {
    "events of 300 bytes, one a piece": small_events,
    "one event, in pieces of 16 KB": one_event,
    "bare JSON, in pieces of 16 KB": bare_json,
}


def cpu_ms(pieces: list[bytes]) -> float:
    """CPU milliseconds that a reader takes of the pieces; the least of three."""
    codec = importlib.import_module("tikhub_ai.apis.chat_completions")
    request = ChatRequest("m", [Message("user", [Text("hi")])])
    best = float("inf")
    for _ in range(3):
        reader = ChatReader(codec.decoder(request, facts("m")), {"content-type": "text/event-stream"})
        start = time.process_time()
        for piece in pieces:
            reader.feed(piece)
        reader.end()
        best = min(best, time.process_time() - start)
    return 1000 * best


def report() -> None:
    """Print the table."""
    print("CPU ms per MB of a stream" + " " * 13 + "".join(f"{size:6} MB" for size in SIZES))
    for name, make in STREAMS.items():
        print(f"  {name:36}" + "".join(f"{cpu_ms(make(size * MB)) / size:9.2f}" for size in SIZES))


if __name__ == "__main__":
    report()
