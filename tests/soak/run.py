"""`make soak`: mixed calls with faults and cancellations over every HTTP library. Nothing may grow or be mixed up.

    python -m tests.soak.run 100000

Every call asks for a number, and its answer must say that number; else the call ends as a member of the error tree, or
was given up from here. Counted: what was wrong, whatever warnings, event loops and finalizers complain of, jobs that
were made twice, and what the process holds as the calls go on.

It runs with one arena of glibc's allocator (`MALLOC_ARENA_MAX=1`, unless that is set). Each round starts new threads:
with an arena for each of them, free pages that none of them returns would hide what matters here.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
import wave
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llama_index.core.llms import ChatMessage

from langchain_tikhub import ChatTikHub, TikHubEmbeddings
from llama_index_tikhub import TikHub, TikHubEmbedding
from tests.soak.complaints import Complaints
from tests.soak.growth import Held, grown, look, rate
from tikhub_ai import (
    ChatClient,
    ChatRequest,
    EmbeddingsClient,
    Message,
    Settings,
    Text,
    TextDelta,
    TikHubAIError,
    Transcriber,
    Videos,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

APIS = ("chat_completions", "messages", "responses", "generate_content")
SYNC, ASYNC = ("httpx", "httpx2"), ("httpx", "httpx2", "aiohttp")
FAULTS = CANCELLED = 0.05
AT_ONCE = 24
ROUNDS = 30
"""Parts of the run, after each of which it is looked at what the process holds."""
ARENAS = "MALLOC_ARENA_MAX"

chance = random.Random(7)
counts: Counter[str] = Counter()
wrong: list[str] = []
complaints = Complaints()


class GivenUpError(Exception):
    """A stream was left in the middle, on purpose."""


urls: list[str] = []
"""The gateway's, once it runs."""


def settings_of(backend: str, url: str) -> dict[str, Any]:
    return {"api_key": "sk-soak", "base_url": url, "http_backend": backend, "retry_wait": 0.001, "timeout": 30}


def question(number: int) -> str:
    return f"ask-{number}"


def request_of(number: int) -> ChatRequest:
    return ChatRequest(model="m", messages=[Message("user", [Text(question(number))])])


def speech(number: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(8000)
        recording.writeframes(number.to_bytes(4) * 200)
    return file.getvalue()


@lru_cache(maxsize=200)
def model(kind: str, api: str, backend: str, url: str) -> Any:
    """One object for all calls of a kind, as a program has it."""
    settings = settings_of(backend, url)
    match kind:
        case "core":
            return ChatClient(Settings(**settings), api=api)  # type: ignore[arg-type]  # a literal
        case "LangChain":
            return ChatTikHub(model="m", api=api, **settings)
        case "LlamaIndex":
            return TikHub(model="m", api=api, **settings)
        case "core embed":
            return EmbeddingsClient(Settings(**settings), batch_size=2)
        case "LangChain embed":
            return TikHubEmbeddings(model="m", chunk_size=2, **settings)
        case "LlamaIndex embed":
            return TikHubEmbedding(model="m", embed_batch_size=2, **settings)
        case "transcribe":
            return Transcriber(**settings)
        case _:
            return Videos(**settings)


def check(number: int, said: str) -> None:
    counts["right"] += 1
    if f"ask-{number} " not in f"{said} ":
        wrong.append(f"asked {number}, was told {said[:80]!r}")


def vectors_are(numbers: list[int], vectors: Any) -> None:
    counts["right"] += 1
    if [round(vector[0]) for vector in vectors] != numbers:
        wrong.append(f"asked for vectors of {numbers}, got {[list(vector)[:1] for vector in vectors]}")


# --- the calls ------------------------------------------------------------------------------------------------------


def leave(piece_number: int, *, leaves: bool) -> None:
    if leaves and piece_number == 2:
        raise GivenUpError


def sync_chat(framework: str, api: str, backend: str, url: str, number: int, *, leaves: bool) -> None:
    llm = model(framework, api, backend, url)
    streamed = leaves or number % 2 == 0
    if framework == "core":
        pieces = (one.text for one in llm.stream(request_of(number)) if isinstance(one, TextDelta))
        whole = partial(lambda: llm.complete(request_of(number)).text)
    elif framework == "LangChain":
        pieces = (str(one.content) for one in llm.stream(question(number)))
        whole = partial(lambda: str(llm.invoke(question(number)).content))
    else:
        messages = [ChatMessage(role="user", content=question(number))]
        pieces = (one.delta or "" for one in llm.stream_chat(messages))
        whole = partial(lambda: str(llm.chat(messages).message.content))
    if not streamed:
        check(number, whole())
        return
    said = ""
    for place, piece in enumerate(pieces):
        leave(place, leaves=leaves)
        said += piece
    check(number, said)


async def async_chat(framework: str, api: str, backend: str, url: str, number: int, *, leaves: bool) -> None:
    llm = model(framework, api, backend, url)
    if not (leaves or number % 2 == 0):
        if framework == "core":
            said = (await llm.acomplete(request_of(number))).text
        elif framework == "LangChain":
            said = str((await llm.ainvoke(question(number))).content)
        else:
            said = str((await llm.achat([ChatMessage(role="user", content=question(number))])).message.content)
        check(number, said)
        return
    said, place = "", 0
    if framework == "core":
        stream = llm.astream(request_of(number))
    elif framework == "LangChain":
        stream = llm.astream(question(number))
    else:
        stream = await llm.astream_chat([ChatMessage(role="user", content=question(number))])
    async for one in stream:
        leave(place, leaves=leaves)
        place += 1
        if framework == "core":
            said += one.text if isinstance(one, TextDelta) else ""
        else:
            said += str(one.content) if framework == "LangChain" else one.delta or ""
    check(number, said)


def sync_embed(framework: str, _: str, backend: str, url: str, number: int, *, leaves: bool) -> None:
    numbers = [number * 4 + place for place in range(4)]
    texts = [f"ask-{one}" for one in numbers]
    client = model(f"{framework} embed", "", backend, url)
    if framework == "core":
        vectors_are(numbers, client.embed(texts).vectors)
    elif framework == "LangChain":
        vectors_are(numbers, client.embed_documents(texts))
    else:
        vectors_are(numbers, client.get_text_embedding_batch(texts))


async def async_embed(framework: str, _: str, backend: str, url: str, number: int, *, leaves: bool) -> None:
    numbers = [number * 4 + place for place in range(4)]
    texts = [f"ask-{one}" for one in numbers]
    client = model(f"{framework} embed", "", backend, url)
    if framework == "core":
        vectors_are(numbers, (await client.aembed(texts)).vectors)
    elif framework == "LangChain":
        vectors_are(numbers, await client.aembed_documents(texts))
    else:
        vectors_are(numbers, await client.aget_text_embedding_batch(texts))


def sync_media(_: str, __: str, backend: str, url: str, number: int, *, leaves: bool) -> None:
    if number % 3 == 0:
        transcriber = model("transcribe", "", backend, url)
        check(number, transcriber.transcribe(("a.wav", speech(number)), prompt=question(number)).text)
        return
    with tempfile.TemporaryDirectory() as folder:
        job = model("videos", "", backend, url).create("sora-2", question(number))
        job.refresh()
        check(number, job.download(Path(folder) / "a.mp4").read_bytes()[16:].decode().replace(";", " "))


async def async_media(_: str, __: str, backend: str, url: str, number: int, *, leaves: bool) -> None:
    if number % 3 == 0:
        transcriber = model("transcribe", "", backend, url)
        check(number, (await transcriber.atranscribe(("a.wav", speech(number)), prompt=question(number))).text)
        return
    with tempfile.TemporaryDirectory() as folder:
        job = await model("videos", "", backend, url).acreate("sora-2", question(number))
        await job.arefresh()
        path = await job.adownload(Path(folder) / "a.mp4")
        check(number, path.read_bytes()[16:].decode().replace(";", " "))


# --- the run --------------------------------------------------------------------------------------------------------


def plan(number: int, *, is_async: bool) -> tuple[str, str, str, str]:
    """Operation, framework, API and HTTP library of a call."""
    backends = ASYNC if is_async else SYNC
    operation = chance.choices(("chat", "embed", "media"), (80, 12, 8))[0]
    counts[f"{operation} calls"] += 1
    return operation, chance.choice(("core", "LangChain", "LlamaIndex")), chance.choice(APIS), chance.choice(backends)


def ended(error: BaseException) -> None:
    """Count how a call ended that gave no answer.

    Raises:
        BaseException: It is no member of the tree, and was not given up.
    """
    if isinstance(error, (GivenUpError, asyncio.CancelledError)):
        counts["given up"] += 1
    elif isinstance(error, TikHubAIError):
        counts["errors of the tree"] += 1
    else:
        wrong.append(f"{type(error).__name__}: {error}")


def sync_calls(url: str, numbers: range) -> None:
    calls = {"chat": sync_chat, "embed": sync_embed, "media": sync_media}
    plans = [(number, *plan(number, is_async=False), chance.random() < CANCELLED) for number in numbers]

    def one(planned: tuple[int, str, str, str, str, bool]) -> None:
        number, operation, framework, api, backend, leaves = planned
        try:
            calls[operation](framework, api, backend, url, number, leaves=leaves)
        except Exception as error:  # noqa: BLE001 - counted
            ended(error)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, plans))


async def async_calls(url: str, numbers: range) -> None:
    calls: dict[str, Callable[..., Awaitable[None]]] = {"chat": async_chat, "embed": async_embed, "media": async_media}
    places = asyncio.Semaphore(AT_ONCE)
    asyncio.get_running_loop().set_exception_handler(complaints.of_a_loop)

    async def one(number: int) -> None:
        async with places:
            operation, framework, api, backend = plan(number, is_async=True)
            leaves = chance.random() < CANCELLED
            is_cut_short = leaves and chance.random() < 0.7
            call = asyncio.ensure_future(
                calls[operation](framework, api, backend, url, number, leaves=leaves and not is_cut_short)
            )
            if is_cut_short:
                asyncio.get_running_loop().call_later(chance.random() * 0.02, call.cancel)
            try:
                await call
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - counted
                ended(error)

    await asyncio.gather(*(one(number) for number in numbers))


def kept_by_llama_index() -> int:
    """Ids of events, which its callback manager keeps of all calls for embeddings that no trace of a query is about."""
    made = (model("LlamaIndex embed", "", backend, url) for backend in ASYNC for url in urls)
    return sum(len(ids) for one in made for ids in one.callback_manager.trace_map.values())


def said(url: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{url}/told", timeout=30) as response:
        told: dict[str, int] = json.load(response)
    return told


def main() -> int:
    """Run, print what was seen, and fail where something was wrong or grew."""
    logging.getLogger("tikhub_ai").addHandler(logging.NullHandler())  # jobs that were interrupted on purpose
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    command = [sys.executable, str(Path(__file__).with_name("server.py")), str(FAULTS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = f"http://127.0.0.1:{int(process.stdout.readline())}"
        urls.append(url)
        with complaints.listening():
            series = rounds(url, max(1, size // ROUNDS // 2))
        told = said(url)
        process.stdin.close()  # type: ignore[union-attr]  # it is a pipe
    wrong.extend(complaints.heard)
    wrong.extend(grown(series))
    for name, number in sorted(
        (counts | Counter({name: n for name, n in told.items() if name != "made twice"})).items()
    ):
        print(f"{name:>28} {number}")
    for name in ("blocks", "megabytes", "descriptors"):
        print(f"{name:>28} {rate(series, name):+.3f} for each 1,000 calls, over the last two thirds")
    print(f"{'ids kept by LlamaIndex':>28} {kept_by_llama_index()}")
    for name, number in complaints.known.items():
        print(f"{'never awaited there':>28} {number} {name}")
    print(f"{'made twice':>28} {told.get('made twice', 0)}")
    print(f"{'wrong':>28} {len(wrong)}")
    for one in wrong[:20]:
        print(" ", one)
    return int(bool(wrong or told.get("made twice")))


def rounds(url: str, each: int) -> list[Held]:
    """All calls, async and sync by turns, with a look after each round."""
    began = time.monotonic()
    series: list[Held] = []
    for number in range(ROUNDS):
        first = number * 2 * each
        asyncio.run(async_calls(url, range(first, first + each)))
        sync_calls(url, range(first + each, first + 2 * each))
        held = look(first + 2 * each, kept_by_llama_index())
        series.append(held)
        print(
            f"{held.calls:>8} calls {time.monotonic() - began:6.0f} s {held.blocks:>9,} blocks "
            f"{held.megabytes:7.1f} MB {held.descriptors:>4} descriptors, {len(wrong)} wrong",
            flush=True,
        )
    return series


if __name__ == "__main__":
    if ARENAS not in os.environ:  # it is read where a process begins
        command = [sys.executable, "-m", "tests.soak.run", *sys.argv[1:]]
        os.execve(sys.executable, command, os.environ | {ARENAS: "1"})
    sys.exit(main())
