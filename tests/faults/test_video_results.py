"""A job's result on its way to the disk: real bytes through cuts, and 200 MB without ever standing in memory."""

from __future__ import annotations

import base64
import os
import socket
import threading
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from tests.faults.files import FileServer, needs_recording, read, recorded_video
from tests.faults.test_downloads_disk import HUGE, endless_server
from tests.video_gateway import MP4
from tests.video_ways import WAYS, Way, each_way

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.scripted_server import ScriptedServer
    from tikhub_ai import VideoJob

MOST = 16 * 1024 * 1024
OPERATION = "projects/p/locations/l/publishers/google/models/veo-3.1-generate-001/operations/1"
SIZE = HUGE // 3 * 3
two_ways = pytest.mark.parametrize("way", [WAYS[0], WAYS[2]], ids=lambda way: way.name)


def job_at(way: Way, url: str, **said: object) -> VideoJob:
    saved = {"tikhub_video_job": 1, "id": "1", "family": "seedance", "status": "succeeded"}
    return way.videos(url).load({**saved, **said})


@each_way
@needs_recording
async def test_a_real_video_comes_whole_through_three_cuts(
    server: ScriptedServer, cdn: ScriptedServer, target: Path, way: Way
) -> None:
    content, headers = recorded_video()
    kept = {name: headers[name] for name in ("etag", "last-modified", "accept-ranges")}
    cdn.answer = files = FileServer(content, [100_000, 1, 200_000], kept)
    job = job_at(way, server.url, videos=[{"url": f"{cdn.url}/v.mp4"}])
    assert await way.call(job, "download", target) == target
    assert read(target) == content
    assert files.asked == [None, "bytes=100000-", "bytes=100001-", "bytes=300001-"]
    assert server.requests == []


def operation_server(size: int) -> tuple[str, Callable[[], None]]:
    """Answers one poll with an operation that is done, and has a film of that many bytes in it."""
    start = f'{{"name": "{OPERATION}", "done": true, "response": {{"videos": [{{"bytesBase64Encoded": "'.encode()
    film = base64.b64encode(MP4[:48])
    end = b'", "mimeType": "video/mp4"}]}}'
    count = size // 3 * 4 - len(film)
    length = len(start) + len(film) + count + len(end)
    listener = socket.create_server(("127.0.0.1", 0))
    piece = b"A" * (1 << 16)

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1 << 16)
            head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
            connection.sendall(head.encode() + start + film)
            for _ in range(count // len(piece)):
                connection.sendall(piece)
            connection.sendall(piece[: count % len(piece)] + end)
            while connection.recv(1 << 16):  # the request's body, too, or what was sent is lost at the end
                pass

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}", listener.close


@pytest.mark.long
@pytest.mark.timeout(600)
@two_ways
async def test_200_mb_within_an_answer_never_stand_in_memory(target: Path, way: Way) -> None:
    url, close = operation_server(SIZE)
    job = job_at(way, url, id=OPERATION, family="veo", status="running")
    tracemalloc.start()
    try:
        await way.call(job, "result", timeout=300)
        assert len(repr(job)) + len(job.to_json()) < 5000
        await way.call(job, "download", target)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        close()
    assert os.stat(target).st_size == SIZE
    os.unlink(target)
    assert peak < MOST


@pytest.mark.long
@pytest.mark.timeout(600)
@two_ways
async def test_200_mb_over_the_wire_never_stand_in_memory(server: ScriptedServer, target: Path, way: Way) -> None:
    url, close = endless_server(HUGE)
    job = job_at(way, server.url, videos=[{"url": url}])
    tracemalloc.start()
    try:
        await way.call(job, "download", target)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        close()
    assert os.stat(target).st_size == HUGE
    os.unlink(target)
    assert peak < MOST
