"""Event loops, threads, processes and interpreters that end, in every way: nothing is printed, and the next call works.

Each case is a program of its own under `-X dev -W error`: an unclosed connection would print to standard error.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.conftest import CERTIFICATE
from tests.faults.lanes import REQUEST, settings_of
from tests.faults.wire import FIRST, HOLD, JSON, TEXT, chunk, chunked, good, head, send, sleep
from tikhub_ai import ChatClient, TextDelta

if TYPE_CHECKING:
    from tests.faults.conftest import FaultServer

ROOT = Path(__file__).parents[2]
FAULT = "loops, threads, forks and exits"

START = """
import asyncio, logging, os, sys, threading
from tikhub_ai import ChatClient, ChatRequest, Message, Settings, Text
from tikhub_ai.http import aiohttp_backend, httpx_backend, pools

# asyncio's debug mode speaks of callbacks that took long, which on a busy machine any may.
logging.getLogger("asyncio").addFilter(lambda record: not record.getMessage().startswith("Executing"))
REQUEST = ChatRequest("m", [Message("user", [Text("hi")])])
URLS = {urls}
NAMED = {named}

def client(script="plain", backend="aiohttp", tls=False, **settings):
    settings |= dict(base_url=URLS[tls] + NAMED[script], verify={certificate!r}, api_key="sk-x", http_backend=backend)
    return ChatClient(Settings(**settings))

async def ask(**settings):
    assert (await client(**settings).acomplete(REQUEST)).text == {text!r}

def ask_sync(**settings):
    assert client(**settings).complete(REQUEST).text == {text!r}

KINDS = [dict(backend=backend, tls=tls) for backend in ("aiohttp", "httpx", "httpx2") for tls in (False, True)]
"""

PROGRAMS = {
    "asyncio.run again and again": """
        for kind in KINDS * 2:
            asyncio.run(ask(**kind))
    """,
    "a loop closed without more ado, as LlamaIndex closes its own": """
        for kind in KINDS * 2:
            loop = asyncio.new_event_loop()
            loop.run_until_complete(ask(**kind))
            loop.close()
    """,
    "a loop never closed": """
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        for kind in KINDS:
            loop.run_until_complete(ask(**kind))
    """,
    "sync calls, and nothing closed": """
        ask_sync()
        ask_sync(tls=True)
        stream = client("stream").stream(REQUEST)
        next(stream)
    """,
    "threads with loops of their own": """
        def work():
            for kind in KINDS:
                asyncio.run(ask(**kind))
            ask_sync()
        threads = [threading.Thread(target=work) for _ in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    """,
    "a loop in a daemon thread": """
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, daemon=True).start()
        for kind in KINDS:
            asyncio.run_coroutine_threadsafe(ask(**kind), loop).result()
    """,
    "use after a fork": """
        ask_sync()
        for kind in KINDS:
            asyncio.run(ask(**kind))
        child = os.fork()
        ask_sync()
        for kind in KINDS:
            asyncio.run(ask(**kind))
        assert not child or os.waitpid(child, 0)[1] == 0
    """,
    "use after a fork in a running loop": """
        async def main():
            for kind in KINDS:
                await ask(**kind)
            child = os.fork()
            if not child:
                try:
                    ask_sync()
                    for kind in KINDS:
                        asyncio.run(ask(**kind))
                finally:
                    sys.stderr.flush()
                    os._exit(sys.exc_info()[0] is not None)
            assert os.waitpid(child, 0)[1] == 0
            for kind in KINDS:
                await ask(**kind)
        ask_sync()
        asyncio.run(main())
    """,
    "streams closed early, dropped and left": """
        kept = []
        async def main(kind, leave):
            stream = client("stream", **kind).astream(REQUEST)
            await anext(stream)
            if leave == "close":
                await stream.aclose()
                await ask(**kind)
            if leave == "keep":
                kept.append(stream)
        for kind in KINDS:
            for leave in ("close", "drop", "keep"):
                asyncio.run(main(kind, leave))
    """,
    "calls cancelled while waiting for the answer, and inside a stream": """
        async def cancelled(coroutine):
            task = asyncio.ensure_future(coroutine)
            await asyncio.sleep(0.4)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                return
            raise AssertionError("it was not cancelled")
        async def main(kind):
            await ask(**kind)  # leaves a connection, so that what is cancelled below does not still make one
            await cancelled(client("hold", **kind).acomplete(REQUEST))
            stream = client("stream", **kind).astream(REQUEST)
            await anext(stream)
            await cancelled(anext(stream))
            await ask(**kind)
            await cancelled(client("hold", **kind).acomplete(REQUEST))
        for kind in KINDS:
            asyncio.run(main(kind))
    """,
    "a loop that ends while calls wait": """
        async def main(kind):
            await ask(**kind)  # whatever is slow at a first call is done
            for script in ("hold", "stream"):
                asyncio.ensure_future(client(script, **kind).acomplete(REQUEST))
            await asyncio.sleep(1)
        for kind in KINDS:
            asyncio.run(main(kind))
    """,
    "a dropped stream that the garbage collector finds inside httpcore": """
        import gc
        from httpcore._sync import connection_pool
        stream = client("stream").stream(REQUEST)
        next(stream)
        dropped = [stream]
        dropped.append(dropped)
        del stream, dropped
        assign = connection_pool.ConnectionPool._assign_requests_to_connections
        def collecting(pool):
            gc.collect()
            return assign(pool)
        connection_pool.ConnectionPool._assign_requests_to_connections = collecting
        ask_sync()
        assert not httpx_backend._open and not httpx_backend._at_work.dropped
    """,
    "streams of the parent closed in a forked child, whose locks a thread holds that is not there": """
        streams = [client("stream", backend).stream(REQUEST) for backend in ("httpx", "httpx2")]
        for stream in streams:
            next(stream)
        shared = pools.pools._sync._by_key.values()
        held = [kept.client._transport._pool._optional_thread_lock for kept in shared]
        assert len(held) == 2
        taken, done = threading.Event(), threading.Event()
        def work():
            for lock in held:
                lock.__enter__()
            taken.set()
            done.wait()
            for lock in held:
                lock.__exit__()
        thread = threading.Thread(target=work)
        thread.start()
        taken.wait()
        child = os.fork()
        if not child:
            streams[0].close()  # one is closed, one is dropped with the interpreter
            ask_sync()
            sys.exit()
        assert os.waitpid(child, 0)[1] == 0
        done.set()
        thread.join()
    """,
    "connections closed by hand": """
        async def main(kind):
            await ask(**kind)
            await client(**kind).transport.aclose()
            await client(**kind).transport.aclose()
            await ask(**kind)
        for kind in KINDS:
            asyncio.run(main(kind))
        for _ in range(2):
            ask_sync()
            client().transport.close()
    """,
}


def indented(program: str) -> str:
    lines = program.strip("\n").splitlines()
    depth = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(line[depth:] for line in lines)


_FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no forks")


@pytest.mark.long
@pytest.mark.parametrize(
    "program",
    [pytest.param(code, id=name, marks=[_FORKS] * ("os.fork()" in code)) for name, code in PROGRAMS.items()],
)
def test_nothing_is_left_behind_and_the_next_call_works(faults: FaultServer, program: str) -> None:
    faults.script("plain", good(streamed=False))
    faults.script("stream", [*chunked(FIRST, end=False), HOLD])
    faults.script("hold", [HOLD])
    urls = (faults.url(""), faults.url("", "tls", "https"))
    named = {name: faults.named(name) for name in ("plain", "stream", "hold")}
    start = START.format(urls=urls, named=named, certificate=str(CERTIFICATE), text=TEXT)
    code = f"{start}\n{indented(program)}"
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, cwd=ROOT, check=False)
    assert done.stderr == ""
    assert done.returncode == 0


# --- closing at any point -------------------------------------------------------------------------------------------

POINTS: dict[str, Any] = {
    "before the headers": [HOLD],
    "inside the headers": [*send(b"HTTP/1.1 200 OK\r\ncontent-"), HOLD],
    "before the body": [*send(head(JSON, "content-length: 99")), HOLD],
    "inside the body": [*chunked(FIRST, end=False), *send(chunk(FIRST[:9])), HOLD],
}


@pytest.mark.parametrize("backend", ["aiohttp", "httpx", "httpx2"])
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_cancelled_call_closes_its_connection(
    faults: FaultServer, backend: str, point: str, *, streamed: bool
) -> None:
    faults.script("x", POINTS[point], good(streamed=streamed))
    client = ChatClient(settings_of({"base_url": faults.url(), "http_backend": backend}))

    async def ask() -> str:
        if not streamed:
            return (await client.acomplete(REQUEST)).text
        return "".join([delta.text async for delta in client.astream(REQUEST) if isinstance(delta, TextDelta)])

    task = asyncio.create_task(ask())
    while not faults.seen("x"):  # noqa: ASYNC110 - the event would be another process's
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(faults.gone, "x")
    assert await ask() == TEXT


@pytest.mark.parametrize("backend", ["aiohttp", "httpx", "httpx2"])
async def test_a_stream_closed_at_any_of_its_pieces_closes_its_connection(faults: FaultServer, backend: str) -> None:
    client = ChatClient(settings_of({"base_url": faults.url(), "http_backend": backend}))
    for pieces in range(1, 4):
        steps = [step for _ in range(4) for step in (*send(chunk(FIRST)), sleep(0.01))]
        faults.script("x", [*chunked(end=False), *steps, HOLD], good(streamed=True))
        stream = client.astream(REQUEST)
        for _ in range(pieces):
            assert isinstance(await anext(stream), TextDelta)
        await stream.aclose()
        assert await asyncio.to_thread(faults.gone, "x")
        assert "".join([delta.text async for delta in client.astream(REQUEST) if isinstance(delta, TextDelta)]) == TEXT
