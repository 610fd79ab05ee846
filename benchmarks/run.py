"""`make bench`: what we cost beside the vendors' classes, as ratios within one run. Never a test: machines differ."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
CHUNKS = 1000
REPEATS = 7


def import_ms(statement: str) -> float:
    """CPU milliseconds of a fresh interpreter that runs a statement, the least of several runs."""
    code = f"{statement}\nimport resource\nu = resource.getrusage(resource.RUSAGE_SELF)\nprint(u.ru_utime + u.ru_stime)"
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
    nothing = import_ms("pass")
    base = import_ms("from langchain_core.language_models.chat_models import BaseChatModel")
    ours = import_ms("from langchain_tikhub import ChatTikHub")
    vendor = import_ms("from langchain_openai import ChatOpenAI")
    index = import_ms("import llama_index.core")
    index_ours = import_ms("from llama_index_tikhub import TikHub")
    index_vendor = import_ms("from llama_index.llms.openai import OpenAI")
    core = import_ms("import tikhub_ai")
    whole = import_ms("import tikhub_ai\n[getattr(tikhub_ai, name) for name in tikhub_ai.__all__]")
    print("Import, CPU ms over the interpreter's own")
    row("import tikhub_ai", core - nothing, "want <= 150")
    row("  and every public name", whole - nothing, "want <= 150")
    row("BaseChatModel", base - nothing)
    row("  + ChatTikHub", ours - base, "want <= 60")
    row("  + ChatOpenAI", vendor - base)
    row("llama_index.core", index - nothing)
    row("  + TikHub", index_ours - index)
    row("  + llama-index OpenAI", index_vendor - index)


def row(name: str, value: float, note: str = "") -> None:
    print(f"  {name:34}{value:9.1f}   {note}")


def streams(url: str) -> None:
    from langchain_openai import ChatOpenAI
    from llama_index.core.llms import ChatMessage
    from llama_index.llms.openai import OpenAI

    from langchain_tikhub import ChatTikHub
    from llama_index_tikhub import TikHub
    from tikhub_ai import ChatClient, ChatRequest, Message, Settings, Text

    core = ChatClient(Settings(api_key="sk-bench", base_url=url))
    request = ChatRequest("gpt-4o-mini", [Message("user", [Text("hi")])])
    chat, openai_chat = (
        ChatTikHub(model="gpt-4o-mini", api_key="sk-bench", base_url=url),
        ChatOpenAI(model="gpt-4o-mini", api_key="sk-bench", base_url=f"{url}/v1", stream_usage=True),
    )
    llm, openai_llm = (
        TikHub(model="gpt-4o-mini", api_key="sk-bench", base_url=url),
        OpenAI(model="gpt-4o-mini", api_key="sk-bench", api_base=f"{url}/v1"),
    )
    hello = [ChatMessage(role="user", content="hi")]
    print(f"Stream of {CHUNKS} chunks over loopback, CPU ms of the client")
    row("the core alone", cpu_ms(lambda: sum(1 for _ in core.stream(request))))
    ours = cpu_ms(lambda: sum(1 for _ in chat.stream("hi")))
    theirs = cpu_ms(lambda: sum(1 for _ in openai_chat.stream("hi")))
    row("ChatTikHub", ours, f"{theirs / ours:.1f}x less, want 5x")
    row("ChatOpenAI", theirs)
    ours = cpu_ms(lambda: sum(1 for _ in llm.stream_chat(hello)))
    theirs = cpu_ms(lambda: sum(1 for _ in openai_llm.stream_chat(hello)))
    row("llama-index TikHub", ours, f"{theirs / ours:.1f}x less, want 5x")
    row("llama-index OpenAI", theirs)


if __name__ == "__main__":
    print(f"Python {platform.python_version()}, {platform.machine()}; the least of {REPEATS} runs each")
    imports()
    with server() as address:
        streams(address)
