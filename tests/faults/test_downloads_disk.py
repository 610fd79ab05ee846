"""Downloads and the disk: one whole file or none, whatever the disk and the caller do; and memory stays flat."""

from __future__ import annotations

import asyncio
import base64
import os
import random
import threading
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.carriers import CARRIERS, Carrier, each_carrier
from tests.faults.files import MP4, FileServer, left, read, write
from tests.faults.wire import HOLD, head, send
from tests.scripted_server import Answer, ScriptedServer
from tikhub_ai import DownloadError
from tikhub_ai.video_job import InlineData

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.faults.conftest import FaultServer

DOWNLOADS = pytest.mark.fault("downloads")


# --- the disk -------------------------------------------------------------------------------------------------------


@DOWNLOADS
@each_carrier
async def test_a_file_that_is_there_is_not_replaced_unasked(
    server: ScriptedServer, target: Path, lane: Carrier
) -> None:
    server.answers = [Answer(MP4)]
    write(target, b"before")
    with pytest.raises(DownloadError, match="overwrite=True"):
        await lane.download("/v.mp4", target, base_url=server.url)
    assert server.requests == []
    assert read(target) == b"before"
    await lane.download("/v.mp4", target, {"overwrite": True}, base_url=server.url)
    assert read(target) == MP4


@DOWNLOADS
@each_carrier
async def test_a_file_that_comes_to_be_meanwhile_is_not_replaced(
    server: ScriptedServer, target: Path, lane: Carrier
) -> None:
    server.answers = [Answer(MP4)]
    with pytest.raises(DownloadError, match="is there already"):
        await lane.download("/v", target, {"on_progress": lambda *_: write(target, b"x")}, base_url=server.url)
    assert read(target) == b"x"


@DOWNLOADS
@each_carrier
async def test_where_it_cannot_go_nothing_is_asked(server: ScriptedServer, tmp_path: Path, lane: Carrier) -> None:
    write(file := tmp_path / "file", b"x")
    places = [tmp_path, tmp_path / "missing" / "v.mp4", file / "v.mp4", tmp_path / ("n" * 300), tmp_path / "a\0b"]
    for place in places:
        with pytest.raises(DownloadError, match=r"folder|cannot be written"):
            await lane.download("/v.mp4", place, base_url=server.url)
    assert server.requests == []
    assert left(file) == ["file"]


@DOWNLOADS
@each_carrier
async def test_a_full_disk_leaves_nothing_and_harms_nothing(
    server: ScriptedServer, target: Path, lane: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel refuses: no file of this process may grow beyond 200 KB."""
    resource = pytest.importorskip("resource", reason="limits of a process are POSIX's")
    write(target, b"before")
    server.answers = [Answer(MP4)]
    monkeypatch.setattr("tikhub_ai.http.downloads.FLUSH", 100_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(DownloadError, match=r"cannot be written: File too large") as caught:
            await lane.download("/v.mp4", target, {"overwrite": True}, base_url=server.url)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not caught.value.is_retryable
    assert len(server.requests) == 1
    assert read(target) == b"before"


@DOWNLOADS
@each_carrier
async def test_a_file_gets_the_permissions_of_any_new_file(server: ScriptedServer, target: Path, lane: Carrier) -> None:
    server.answers = [Answer(MP4)]
    await lane.download("/v.mp4", target, base_url=server.url)
    mode = os.stat(target).st_mode
    os.unlink(target)
    write(target, b"")
    assert os.stat(target).st_mode == mode


@DOWNLOADS
@each_carrier
@pytest.mark.parametrize("stage", ["at the start", "in the middle"])
async def test_what_a_callback_raises_ends_the_download(
    server: ScriptedServer, target: Path, lane: Carrier, stage: str
) -> None:
    def on_progress(at: int, _: int | None) -> None:
        if at or stage == "at the start":
            raise KeyboardInterrupt

    server.answers = [Answer(MP4)]
    with pytest.raises(KeyboardInterrupt):
        await lane.download("/v.mp4", target, {"on_progress": on_progress}, base_url=server.url)
    assert left(target) == []


@DOWNLOADS
@pytest.mark.parametrize("lane", [lane for lane in CARRIERS if lane.is_async], ids=lambda lane: lane.name)
@pytest.mark.parametrize("stage", ["connecting", "before the answer", "within the body"])
async def test_a_download_that_is_cancelled_leaves_nothing(
    faults: FaultServer, server: ScriptedServer, target: Path, lane: Carrier, stage: str
) -> None:
    half = [*send(head(f"content-length: {len(MP4)}") + MP4[:9000]), HOLD]
    faults.script("x", half if stage == "within the body" else [HOLD])
    came = asyncio.Event()
    how = {"on_progress": lambda at, _: came.set() if at else None}
    port = "deaf" if stage == "connecting" else "scripts"
    task = asyncio.create_task(lane.download(f"{faults.url('x', port)}/v", target, how, base_url=server.url))
    await (came.wait() if stage == "within the body" else asyncio.sleep(0.1))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left(target) == []


# --- progress -------------------------------------------------------------------------------------------------------


@DOWNLOADS
@each_carrier
async def test_progress_is_told_in_bytes_and_never_falls_but_for_a_new_beginning(
    server: ScriptedServer, target: Path, lane: Carrier
) -> None:
    server.answer = FileServer(cuts=[5000])
    told: list[tuple[int, int | None]] = []
    await lane.download("/v.mp4", target, {"on_progress": lambda *now: told.append(now)}, base_url=server.url)
    assert [at for at, _ in told] == sorted(at for at, _ in told)
    assert (told[0][0], told[-1]) == (0, (len(MP4), len(MP4)))
    assert {total for _, total in told} == {len(MP4)}


# --- within the answer ----------------------------------------------------------------------------------------------


@DOWNLOADS
@each_carrier
@pytest.mark.parametrize("size", [60, 61, 62, 100_000, 3_000_001])
async def test_base64_comes_to_the_disk_byte_for_byte(
    server: ScriptedServer, target: Path, lane: Carrier, size: int
) -> None:
    content = MP4[:32] + random.Random(1).randbytes(size)
    text = base64.b64encode(content).decode()
    sources: list[Any] = [
        InlineData(text),
        f"data:video/mp4;base64,{text}",
        f"DATA:video/mp4;charset=x;base64,{text.rstrip('=')}",
        f"data:;base64,{base64.urlsafe_b64encode(content).decode()}\n",
        "data:video/mp4;base64," + text.replace("=", "%3D"),
        "data:video/mp4;base64," + "\n".join(text[at : at + 76] for at in range(0, len(text), 76)),
    ]
    for source in sources:
        await lane.download(source, target, {"overwrite": True}, base_url=server.url)
        assert read(target) == content
    assert server.requests == []


@DOWNLOADS
@each_carrier
@pytest.mark.parametrize("source", ["data:video/mp4;base64,%%%%", "data:video/mp4;base64,", "data:text/plain,hello"])
async def test_a_data_uri_that_holds_no_file_is_an_error(
    server: ScriptedServer, target: Path, lane: Carrier, source: str
) -> None:
    with pytest.raises(DownloadError, match=r"no base64|no bytes|hello"):
        await lane.download(source, target, base_url=server.url)


# --- what it costs --------------------------------------------------------------------------------------------------

HUGE = 200 * 1024 * 1024


def endless_server(size: int) -> tuple[str, Callable[[], None]]:
    """A server of so many bytes, which itself holds none of them."""
    import socket

    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(head(f"content-length: {size}") + MP4[:32])
            piece, left = bytes(1 << 20), size - 32
            while left:
                left -= connection.send(piece[:left])
            connection.recv(1)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}/v.mp4", listener.close


@pytest.mark.long
@pytest.mark.timeout(600)
@DOWNLOADS
@each_carrier
async def test_200_mb_over_the_wire_do_not_stand_in_memory(server: ScriptedServer, target: Path, lane: Carrier) -> None:
    url, close = endless_server(HUGE)
    tracemalloc.start()
    try:
        await lane.download(url, target, base_url=server.url)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        close()
    assert os.stat(target).st_size == HUGE
    os.unlink(target)
    assert peak < 16 * 1024 * 1024


@pytest.mark.long
@pytest.mark.timeout(600)
@DOWNLOADS
@pytest.mark.parametrize("lane", [CARRIERS[0], CARRIERS[-1]], ids=lambda lane: lane.name)
@pytest.mark.parametrize("form", ["inline", "data URI"])
async def test_200_mb_within_the_answer_do_not_stand_in_memory_twice(
    server: ScriptedServer, target: Path, lane: Carrier, form: str
) -> None:
    text = base64.b64encode(MP4[:48]).decode() + "A" * (HUGE // 3 * 4)
    source = InlineData(text) if form == "inline" else f"data:video/mp4;base64,{text}"
    del text
    tracemalloc.start()
    try:
        await lane.download(source, target, base_url=server.url)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert os.stat(target).st_size == 48 + HUGE // 3 * 3
    os.unlink(target)
    assert peak < 16 * 1024 * 1024
