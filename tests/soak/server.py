"""A gateway for the soak, in a process of its own: every API, and a fault in so many of a hundred answers.

Standard library only: it is run by path. Each request says `ask-<number>`, and its answer says the same number back.
What it did is told by `GET /told`.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import sys
from collections import Counter
from typing import Any

ASKED = re.compile(rb"ask-(\d+)")
TRICKLE = 0.02
faults = float(sys.argv[1]) if len(sys.argv) > 1 else 0.05
chance = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
told: Counter[str] = Counter()
made: Counter[str] = Counter()


def sse(*events: Any, named: bool = False) -> bytes:
    return b"".join(
        (b"event: %b\n" % event["type"].encode() if named else b"") + b"data: " + json.dumps(event).encode() + b"\n\n"
        for event in events
    )


def chat(path: str, said: str, *, streamed: bool) -> list[bytes]:
    """The answer of a chat's API in pieces; a plain one is one."""
    pieces = [said[at : at + 4] for at in range(0, len(said), 4)]
    if "chat/completions" in path:
        if not streamed:
            choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
            return [json.dumps({"id": "1", "model": "m", "choices": [choice]}).encode()]
        made_of = [{"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"content": one}}]} for one in pieces]
        last = {"id": "1", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        return [*(sse(one) for one in made_of), sse(last) + b"data: [DONE]\n\n"]
    if path.endswith("/messages"):
        message: dict[str, Any] = {"id": "1", "type": "message", "role": "assistant", "model": "m"}
        usage = {"input_tokens": 1, "output_tokens": 1}
        if not streamed:
            content = [{"type": "text", "text": said}]
            return [json.dumps(message | {"content": content, "stop_reason": "end_turn", "usage": usage}).encode()]
        start = {"type": "message_start", "message": message | {"content": [], "stop_reason": None, "usage": usage}}
        block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        deltas = [
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": one}} for one in pieces
        ]
        ends = [
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
            {"type": "message_stop"},
        ]
        return [sse(start, block, named=True), *(sse(one, named=True) for one in deltas), sse(*ends, named=True)]
    if path.endswith("/responses"):
        item: dict[str, Any] = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
        item["content"] = [{"type": "output_text", "text": said, "annotations": []}]
        whole = {"id": "r", "object": "response", "model": "m", "status": "completed", "output": [item]}
        if not streamed:
            return [json.dumps(whole).encode()]
        place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
        begun = {"type": "response.output_item.added", "output_index": 0, "item": item | {"content": []}}
        deltas = [{"type": "response.output_text.delta", **place, "delta": one} for one in pieces]
        end = {"type": "response.completed", "response": whole}
        return [sse(begun, named=True), *(sse(one, named=True) for one in deltas), sse(end, named=True)]
    texts = pieces if streamed else [said]
    found: list[dict[str, Any]] = [{"candidates": [{"content": {"parts": [{"text": one}]}}]} for one in texts]
    found[-1]["candidates"][0]["finishReason"] = "STOP"
    return [sse(one) for one in found] if streamed else [json.dumps(found[0]).encode()]


def plain(method: str, path: str, body: bytes, number: str) -> tuple[bytes, str]:
    """The answer of what is never streamed, and its type."""
    kind = "application/json"
    if path.endswith("/embeddings"):
        numbers = [int(one.removeprefix("ask-")) for one in json.loads(body)["input"]]
        data = [{"index": place, "embedding": [float(one), 1.0]} for place, one in enumerate(numbers)]
        return json.dumps({"data": data, "model": "m"}).encode(), kind
    if "transcriptions" in path:
        return json.dumps({"text": f"ask-{number}"}).encode(), kind
    if path.endswith("/content"):
        return b"\0\0\0\x10ftypisom\0\0\2\0" + (b"ask-%b;" % number.encode()) * 500, "video/mp4"
    if method == "POST":
        made[number] += 1
    job = {"id": f"job-ask-{number}", "object": "video", "model": "sora-2"}
    return json.dumps(job | {"status": "queued" if method == "POST" else "completed"}).encode(), kind


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection."""
    try:
        while await answer(reader, writer):
            pass
    except (OSError, asyncio.IncompleteReadError):
        pass  # the client went away
    finally:
        writer.close()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """One request; whether the connection goes on."""
    head = await reader.readuntil(b"\r\n\r\n")
    method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    body = await reader.readexactly(int(length[1]) if length else 0)
    path = target.partition("?")[0]
    if path == "/told":
        report = json.dumps(told | Counter({"made": len(made), "made twice": sum(n > 1 for n in made.values())}))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(report), report.encode()))
        await writer.drain()
        return True
    asked = ASKED.search(body) or ASKED.search(target.encode())
    number = asked[1].decode() if asked else "0"
    fault = chance.choice(FAULTS) if chance.random() < faults else None
    told["requests"] += 1
    if fault is not None:
        told[f"fault: {fault}"] += 1
    if fault in {"429", "503", "400"}:
        wait = b"retry-after-ms: 5\r\n" if fault == "429" else b""
        writer.write(b"HTTP/1.1 %b No\r\ncontent-length: 2\r\n%b\r\n{}" % (fault.encode(), wait))
        await writer.drain()
        return True
    if fault == "closed":
        return False
    if fault == "slow":
        await asyncio.sleep(TRICKLE)
    streamed = b'"stream":true' in body or "streamGenerateContent" in path
    is_chat = any(word in path for word in ("chat/completions", "/messages", "/responses", "enerateContent"))
    if is_chat:
        pieces = chat(path, f"ask-{number} is what was asked", streamed=streamed)
        kind = "text/event-stream" if streamed else "application/json"
    else:
        text, kind = plain(method, path, body, number)
        pieces = [text]
    if fault == "garbage":
        pieces = [b'{"choices": [', *pieces[1:1]]
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ntransfer-encoding: chunked\r\n\r\n" % kind.encode())
    for place, piece in enumerate(pieces):
        if fault in {"cut", "reset"} and place >= len(pieces) // 2:
            writer.write(b"%x\r\n%b" % (len(piece), piece[: len(piece) // 2]))
            await writer.drain()
            if fault == "reset":
                writer.transport.abort()
            return False
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        await writer.drain()
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


FAULTS = ("429", "503", "400", "closed", "cut", "reset", "garbage", "slow")


async def main() -> None:
    """Serve until standard input ends."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1000)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    os._exit(0)  # the connections that are kept need no farewell


if __name__ == "__main__":
    asyncio.run(main())
