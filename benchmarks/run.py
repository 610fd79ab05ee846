"""`make bench`: what we cost beside the vendors' classes, as ratios within one run. Never a test: machines differ."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import embeddings
import event_streams
import throughput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tikhub_ai import ChatAPI

HERE = Path(__file__).parent
CHUNKS = 1000
REPEATS = 7


def import_ms(statement: str, after: str = "pass") -> float:
    """CPU milliseconds that a statement takes in a fresh interpreter, once `after` has run; the least of several."""
    code = f"{after}\nimport time\nstart = time.process_time()\n{statement}\nprint(time.process_time() - start)"
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(REPEATS)
    ]
    return 1000 * min(float(run.stdout) for run in runs)


def cpu_ms(run: Callable[[], int]) -> float:
    """CPU milliseconds of one stream, the least of several; the first, which warms up, is not counted."""
    assert run() >= CHUNKS
    best = float("inf")
    for _ in range(REPEATS):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return 1000 * best


def count(stream: Callable[..., Iterable[object]], *asked: object) -> int:
    """How many pieces a stream comes in."""
    return sum(1 for _ in stream(*asked))


@contextmanager
def server() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, HERE / "sse_server.py", str(CHUNKS)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.terminate()
        process.wait()


def imports() -> None:
    base = "from langchain_core.language_models.chat_models import BaseChatModel"
    index = "import llama_index.core"
    print("Import, CPU ms")
    row("import tikhub_ai", import_ms("import tikhub_ai"), "want <= 150")
    every = "import tikhub_ai\n[getattr(tikhub_ai, name) for name in tikhub_ai.__all__]"
    row("  and every public name", import_ms(every), "want <= 150")
    row("BaseChatModel", import_ms(base))
    row("  then ChatTikHub", import_ms("from langchain_tikhub import ChatTikHub", base), "want <= 60")
    row("  then ChatOpenAI", import_ms("from langchain_openai import ChatOpenAI", base))
    row("llama_index.core", import_ms(index))
    row("  then TikHub", import_ms("from llama_index_tikhub import TikHub", index))
    row("  then llama-index OpenAI", import_ms("from llama_index.llms.openai import OpenAI", index))


def row(name: str, value: float, note: str = "") -> None:
    print(f"  {name:34}{value:9.1f}   {note}")


MODELS: dict[ChatAPI, str] = {
    "chat_completions": "gpt-4o-mini",
    "responses": "gpt-4o-mini",
    "messages": "claude-sonnet-4-5",
    "generate_content": "gemini-2.5-flash",
}


def streams(url: str) -> None:
    from langchain_openai import ChatOpenAI
    from llama_index.core.llms import ChatMessage
    from llama_index.llms.openai import OpenAI, OpenAIResponses

    from langchain_tikhub import ChatTikHub
    from llama_index_tikhub import TikHub
    from tikhub_ai import ChatClient, ChatRequest, Message, Settings, Text

    ours: dict[str, Any] = {"api_key": "sk-bench", "base_url": url}
    theirs: dict[str, Any] = {"model": "gpt-4o-mini", "api_key": "sk-bench"}
    at, hello = f"{url}/v1", [ChatMessage(role="user", content="hi")]
    vendors: dict[str, tuple[Any, Any]] = {
        "chat_completions": (ChatOpenAI(base_url=at, stream_usage=True, **theirs), OpenAI(api_base=at, **theirs)),
        "responses": (
            ChatOpenAI(base_url=at, use_responses_api=True, **theirs),
            OpenAIResponses(api_base=at, **theirs),
        ),
    }
    for api, model in MODELS.items():
        print(f"Stream of {CHUNKS} chunks of {api} over loopback, CPU ms of the client")
        core, chat, llm = (
            ChatClient(Settings(**ours), api=api),
            ChatTikHub(model=model, api=api, **ours),
            TikHub(model=model, api=api, **ours),
        )
        request = ChatRequest(model, [Message("user", [Text("hi")])])
        row("the core alone", cpu_ms(partial(count, core.stream, request)))
        langchain = cpu_ms(partial(count, chat.stream, "hi"))
        llama_index = cpu_ms(partial(count, llm.stream_chat, hello))
        if api not in vendors:
            row("ChatTikHub", langchain)
            row("llama-index TikHub", llama_index)
            continue
        chat_openai, openai = vendors[api]
        other = cpu_ms(partial(count, chat_openai.stream, "hi"))
        row("ChatTikHub", langchain, f"{other / langchain:.1f}x less, want 5x")
        row("ChatOpenAI", other)
        other = cpu_ms(partial(count, openai.stream_chat, hello))
        row("llama-index TikHub", llama_index, f"{other / llama_index:.1f}x less, want 5x")
        row("llama-index " + type(openai).__name__, other)


if __name__ == "__main__":
    print(f"Python {platform.python_version()}, {platform.machine()}; the least of {REPEATS} runs each")
    imports()
    with server() as address:
        streams(address)
    event_streams.report()
    throughput.report()
    embeddings.report()
