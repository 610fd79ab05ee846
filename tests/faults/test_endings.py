"""An answer that has ended ends the caller's loop, whatever the server does with the connection then."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.faults.conftest import CERTIFICATE
from tests.faults.lanes import CORE, FRAMEWORKS, REQUEST, Lane, client_of
from tests.faults.wire import (
    DONE,
    EVENTS,
    FINISH,
    FIRST,
    HOLD,
    PING,
    SECOND,
    STREAM,
    TEXT,
    Step,
    chunk,
    event,
    head,
    repeat,
    send,
    sleep,
)
from tests.patience import short
from tikhub_ai.http import reader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.faults.conftest import FaultServer

pytestmark = pytest.mark.outside_openapi("one request again and again; others hold it against the OpenAPI")

FAULT = "connection held after the answer's end"
LANES = [lane for lane in (*CORE, *FRAMEWORKS) if lane.streamed]
USAGE = event({"id": "1", "model": "m", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}})
MESSAGE: dict[str, Any] = {"id": "1", "type": "message", "role": "assistant", "model": "m", "content": []}
MESSAGE |= {"stop_reason": None}
RESPONSE = {"id": "1", "object": "response", "model": "m", "status": "completed"}
OUTPUT = [{"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": TEXT}]}]
ANSWERS: dict[str, tuple[str, bytes]] = {
    "[DONE]": ("chat_completions", STREAM),
    "usage without [DONE]": ("chat_completions", FIRST + SECOND + FINISH + USAGE),
    "message_stop": (
        "messages",
        event({"type": "message_start", "message": MESSAGE})
        + event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
        + event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": TEXT}})
        + event({"type": "content_block_stop", "index": 0})
        + event({"type": "message_delta", "delta": {"stop_reason": "end_turn"}})
        + event({"type": "message_stop"}),
    ),
    "response.completed": (
        "responses",
        event({"type": "response.completed", "response": RESPONSE | {"output": OUTPUT}}),
    ),
}
"""Answers of which the wire itself says that they have ended, by that word."""
UNENDED: dict[str, tuple[str, bytes]] = {
    "finish_reason": ("chat_completions", FIRST + SECOND + FINISH),
    "finishReason": (
        "generate_content",
        event({"candidates": [{"content": {"parts": [{"text": TEXT}]}, "finishReason": "STOP"}]}),
    ),
}
"""Answers after whose finish marker something might follow."""
IN_TIME = 200.0
"""Seconds in place of `DRAIN` and `SETTLE`, where a test is about what comes within them."""
HELD: dict[str, Step] = {
    "silent": HOLD,
    "empty events": repeat(chunk(b"data: {}\n\n")),
    "comments": repeat(chunk(PING)),
    "text": repeat(chunk(FIRST)),
}
OPEN = head(EVENTS, "transfer-encoding: chunked")


SHOWN = [
    *itertools.product([lane for lane in CORE if lane.streamed], ANSWERS, ["silent", "text"]),
    *itertools.product([lane for lane in CORE if lane.streamed], ["[DONE]"], ["empty events", "comments"]),
    *itertools.product([lane for lane in FRAMEWORKS if lane.streamed], ANSWERS, ["silent"]),
]


async def ask_all(faults: FaultServer, lane: Lane, rows: list[tuple[str, tuple[str, bytes], str]]) -> None:
    """Ask for answers that end while the connection is held, all at once, since each takes its time of silence."""
    for script, (_, body), held in rows:
        faults.script(script, [*send(OPEN + chunk(body)), HELD[held]])

    async def ask(script: str, api: str) -> None:
        assert await lane.ask(base_url=faults.url(script), api=api) == TEXT, script
        await asyncio.sleep(0.01)  # aiohttp closes its sockets at the loop's next round

    await asyncio.gather(*(asyncio.to_thread(asyncio.run, ask(script, api)) for script, (api, _), _ in rows))
    for script, _, _ in rows:
        assert faults.gone(script)
        assert len(faults.seen(script)) == 1


def rows_of(lane: Lane) -> list[tuple[str, tuple[str, bytes], str]]:
    shown = [(answer, held) for one, answer, held in SHOWN if one is lane]
    return [(f"{number}", ANSWERS[answer], held) for number, (answer, held) in enumerate(shown)]


@pytest.mark.fault(FAULT)
@pytest.mark.parametrize("lane", LANES, ids=lambda lane: lane.name)
async def test_when_the_wire_has_said_that_the_answer_is_over_the_loop_ends_and_the_connection_closes(
    faults: FaultServer, lane: Lane
) -> None:
    await ask_all(faults, lane, rows_of(lane))


@pytest.mark.fault(FAULT)
@pytest.mark.parametrize("lane", [lane for lane in CORE if lane.streamed], ids=lambda lane: lane.name)
async def test_after_the_finish_marker_silence_ends_the_answer(faults: FaultServer, lane: Lane) -> None:
    held = ("silent", "empty events")
    await ask_all(faults, lane, [(f"{name}.{way[:5]}", UNENDED[name], way) for name in UNENDED for way in held])


@pytest.mark.parametrize("pause", [0.0, 0.1])
@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("lane", LANES, ids=lambda lane: lane.name)
async def test_a_connection_that_ends_its_answer_soon_serves_the_next_one(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch, lane: Lane, answer: str, pause: float
) -> None:
    monkeypatch.setattr(reader, "DRAIN", IN_TIME)
    api, body = ANSWERS[answer]
    faults.script("x", [*send(OPEN + chunk(body)), sleep(pause), *send(b"0\r\n\r\n")])
    for _ in range(3):
        assert await lane.ask(base_url=faults.url(), api=api) == TEXT
    assert faults.connections("x") == 1


@pytest.mark.parametrize("lane", [lane for lane in CORE if lane.streamed], ids=lambda lane: lane.name)
async def test_usage_that_comes_late_is_waited_for_and_the_connection_kept(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch, lane: Lane
) -> None:
    monkeypatch.setattr(reader, "SETTLE", IN_TIME)
    monkeypatch.setattr(reader, "DRAIN", IN_TIME)
    faults.script(
        "x",
        [
            *send(OPEN + chunk(FIRST + SECOND + FINISH)),
            sleep(0.3),
            *send(chunk(USAGE)),
            *send(chunk(DONE) + b"0\r\n\r\n"),
        ],
    )
    for _ in range(2):
        assert await lane.ask(base_url=faults.url()) == TEXT
    assert faults.connections("x") == 1


@pytest.mark.parametrize("lane", [lane for lane in CORE if lane.streamed], ids=lambda lane: lane.name)
async def test_over_tls_too(faults: FaultServer, monkeypatch: pytest.MonkeyPatch, lane: Lane) -> None:
    monkeypatch.setattr(reader, "DRAIN", short(0.5))
    url = faults.url(port="tls", scheme="https")
    faults.script("x", send(OPEN + chunk(STREAM) + b"0\r\n\r\n"), [*send(OPEN + chunk(STREAM)), HOLD])
    for _ in range(2):
        assert await lane.ask(base_url=url, verify=str(CERTIFICATE)) == TEXT
    assert faults.connections("x") == 1
    await asyncio.sleep(0.01)
    assert faults.gone("x")


async def test_with_a_finish_in_every_chunk_silence_means_nothing(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As some relays of Gemini write: what follows a finish shows that it was none."""
    monkeypatch.setattr(reader, "SETTLE", short(1.0))
    one, two, three = (
        event({"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}]}) for text in "abc"
    )
    pieces = [*send(OPEN + chunk(one)), sleep(0.05), *send(chunk(two)), sleep(1.3), *send(chunk(three) + b"0\r\n\r\n")]
    faults.script("x", pieces)
    lanes = [lane for lane in CORE if lane.streamed and lane.backend != "httpx2"]  # its silence takes no other way
    asked = [lane.ask(base_url=faults.url(), api="generate_content") for lane in lanes]
    assert await asyncio.gather(*asked) == ["abc"] * len(lanes)


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that cannot be hurried, and must not be read beyond its end."""

    def __iter__(self) -> Iterator[bytes]:
        yield STREAM
        pytest.fail("read on after [DONE]")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield STREAM
        yield b""
        for _ in itertools.count():  # a server that never ends: each piece is there at once
            yield b"data: {}\n\n"


async def test_a_transport_without_a_socket_is_not_read_on() -> None:
    transport: Any = httpx.MockTransport(
        lambda _: httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Body())
    )
    sync = client_of({"http_client": httpx.Client(transport=transport)})
    assert [type(delta).__name__ for delta in sync.stream(REQUEST)][-1] == "End"
    asynchronous = client_of({"http_async_client": httpx.AsyncClient(transport=transport)})
    assert [type(delta).__name__ async for delta in asynchronous.astream(REQUEST)][-1] == "End"
