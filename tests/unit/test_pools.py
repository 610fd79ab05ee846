"""Shared clients: a bounded number of them, none closed that carries an exchange."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import eventually
from tests.scripted_server import Answer, sse
from tests.secrets.callers import PLAIN, STREAM
from tikhub_ai import ChatClient, ChatRequest, Message, Settings, Text, TextDelta
from tikhub_ai.http.pools import pools
from tikhub_ai.http.shared import MAX_CLIENTS, SharedClients

if TYPE_CHECKING:
    from tests.scripted_server import ScriptedServer

REQUEST = ChatRequest("m", [Message("user", [Text("hi")])])
BACKENDS = ["httpx", "httpx2", "aiohttp"]
CERTIFICATE = Path(__file__).parents[1] / "faults" / "certificates" / "server.crt"
MANY = 200


DESCRIPTORS = next((folder for folder in ("/proc/self/fd", "/dev/fd") if Path(folder).exists()), "")


def descriptors() -> int:
    """How many files this process holds open; 0 where the system does not tell (Windows)."""
    return len(os.listdir(DESCRIPTORS)) if DESCRIPTORS else 0


def different(kind: str, server: ScriptedServer, number: int) -> dict[str, Any]:
    if kind == "proxies":
        return {"proxy": server.url.replace("//", f"//tenant{number}:password@"), "base_url": "http://gateway.invalid"}
    return {"verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "base_url": server.url}


def client_of(backend: str, given: dict[str, Any]) -> ChatClient:
    return ChatClient(Settings(api_key="sk-1", http_backend=backend, **given))  # type: ignore[arg-type]  # one of them


@pytest.mark.long
@pytest.mark.parametrize("kind", ["proxies", "contexts"])
@pytest.mark.parametrize("backend", ["httpx", "httpx2"])
def test_sync_calls_with_many_settings_keep_a_bounded_number_of_connections(
    server: ScriptedServer, backend: str, kind: str
) -> None:
    server.answers = [Answer(PLAIN)]
    before = descriptors()
    for number in range(MANY):
        client_of(backend, different(kind, server, number)).complete(REQUEST)
    # The server lives in this process too: each connection is two descriptors, its side's closing a little later.
    assert len(pools._sync) <= MAX_CLIENTS
    assert server.connections >= MANY
    assert eventually(lambda: descriptors() - before <= 2 * MAX_CLIENTS + 10)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["proxies", "contexts"])
@pytest.mark.parametrize("backend", BACKENDS)
async def test_async_calls_with_many_settings_keep_a_bounded_number_of_connections(
    server: ScriptedServer, backend: str, kind: str
) -> None:
    server.answers = [Answer(PLAIN)]
    before = descriptors()
    for number in range(MANY):
        await client_of(backend, different(kind, server, number)).acomplete(REQUEST)
    assert len(pools._of_running_loop().shared) <= MAX_CLIENTS
    assert await asyncio.to_thread(eventually, lambda: descriptors() - before <= 2 * MAX_CLIENTS + 10)


@pytest.mark.parametrize("backend", ["httpx", "httpx2"])
def test_a_client_that_carries_a_stream_is_not_closed(server: ScriptedServer, backend: str) -> None:
    server.answers = [sse(*STREAM)]
    stream = client_of(backend, different("contexts", server, 0)).stream(REQUEST)
    assert isinstance(next(stream), TextDelta)
    server.requests.clear()
    server.answers = [Answer(PLAIN)]
    for number in range(MAX_CLIENTS + 5):
        client_of(backend, different("contexts", server, number)).complete(REQUEST)
    assert [delta.text for delta in stream if isinstance(delta, TextDelta)] == ["lo"]


@pytest.mark.parametrize("backend", BACKENDS)
async def test_a_client_that_carries_an_async_stream_is_not_closed(server: ScriptedServer, backend: str) -> None:
    server.answers = [sse(*STREAM)]
    stream = client_of(backend, different("contexts", server, 0)).astream(REQUEST)
    assert isinstance(await anext(stream), TextDelta)
    server.requests.clear()
    server.answers = [Answer(PLAIN)]
    for number in range(MAX_CLIENTS + 5):
        await client_of(backend, different("contexts", server, number)).acomplete(REQUEST)
    assert [delta.text async for delta in stream if isinstance(delta, TextDelta)] == ["lo"]


@pytest.mark.parametrize("backend", BACKENDS)
async def test_streams_beyond_the_bound_all_live_and_their_clients_go_when_they_end(
    server: ScriptedServer, backend: str
) -> None:
    server.answer = lambda _: sse(*STREAM)
    clients = [client_of(backend, different("contexts", server, number)) for number in range(MAX_CLIENTS + 8)]
    streams = [client.astream(REQUEST) for client in clients]
    for stream in streams:
        await anext(stream)
    assert len(pools._of_running_loop().shared) == MAX_CLIENTS + 8
    for stream in streams:
        assert [delta.text async for delta in stream if isinstance(delta, TextDelta)] == ["lo"]
    shared = pools._of_running_loop().shared
    assert await asyncio.to_thread(eventually, lambda: len(shared) == MAX_CLIENTS)


def test_tls_contexts_of_many_ca_files_are_bounded_too(tmp_path: Path) -> None:
    for number in range(MAX_CLIENTS + 8):
        shutil.copy(CERTIFICATE, path := tmp_path / f"{number}.pem")
        made = pools.context(str(path))
        assert pools.context(str(path)) is made
    assert len(pools._contexts) <= MAX_CLIENTS


class Thing:
    def __init__(self) -> None:
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


def test_the_least_recently_used_of_the_idle_is_closed() -> None:
    shared: SharedClients[Thing] = SharedClients(Thing.close)
    leases = {number: shared.lease(number, Thing) for number in range(MAX_CLIENTS)}
    for number, lease in leases.items():
        if number != 0:
            lease.release()
    shared.lease(1, Thing).release()
    shared.lease("one more", Thing).release()
    assert [number for number, lease in leases.items() if lease.client.is_closed] == [2]
    assert shared.lease(1, Thing).client is leases[1].client
    assert shared.lease(2, Thing).client is not leases[2].client


def test_a_lease_released_twice_frees_no_other_exchange() -> None:
    shared: SharedClients[Thing] = SharedClients(Thing.close)
    one, other = shared.lease("a", Thing), shared.lease("a", Thing)
    assert one.client is other.client
    one.release()
    one.release()
    for number in range(MAX_CLIENTS):
        shared.lease(number, Thing).release()
    assert not other.client.is_closed
    other.release()
    shared.lease("last", Thing).release()
    assert other.client.is_closed


def test_many_threads_never_meet_a_closed_client() -> None:
    shared: SharedClients[Thing] = SharedClients(Thing.close)
    met: list[bool] = []

    def work(start: int) -> None:
        for number in range(400):
            lease = shared.lease((start + number * 7) % (MAX_CLIENTS + 20), Thing)
            met.append(lease.client.is_closed)
            lease.release()

    threads = [threading.Thread(target=work, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not any(met)
    shared.trim()
    assert len(shared) <= MAX_CLIENTS


AT_THE_END = """
import asyncio, atexit, sys, threading

def ended():
    from tikhub_ai.http.pools import pools
    print(sum(len(clients.shared) for clients in pools._of_loops()))

atexit.register(ended)  # before ours is, and so called after it

from tikhub_ai import ChatClient, ChatRequest, Message, Settings, Text

loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()
client = ChatClient(Settings(api_key="sk-1", base_url=sys.argv[1], http_backend=sys.argv[2]))
asking = client.acomplete(ChatRequest("m", [Message("user", [Text("hi")])]))
asyncio.run_coroutine_threadsafe(asking, loop).result(200)
ended()
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_clients_of_a_loop_that_still_runs_are_closed_when_the_process_ends(
    server: ScriptedServer, backend: str
) -> None:
    server.answers = [Answer(PLAIN)]
    command = [sys.executable, "-W", "error", "-c", AT_THE_END, server.url, backend]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert (done.stdout, done.stderr) == ("1\n0\n", "")
