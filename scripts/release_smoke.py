"""What a user would write first, with what one extra brings and nothing else, against a stand-in for the gateway.

Run by `scripts/release_check.py` with the Python of a clean environment: `python -I release_smoke.py langchain`.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CHUNK = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "deepseek-chat"}
USAGE = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}


class Gateway(BaseHTTPRequestHandler):
    """Answers each call in its API's own form."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._send({"object": "list", "data": [{"id": "deepseek-chat", "object": "model"}]})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if not self.server.has_failed:  # type: ignore[attr-defined]  # of `Server`, below
            self.server.has_failed = True  # type: ignore[attr-defined]  # likewise
            self._send({"error": {"message": "busy", "type": "server_error"}}, status=500)
        elif "input" in asked:
            data = [
                {"object": "embedding", "index": n, "embedding": [float(n), 1.0]} for n in range(len(asked["input"]))
            ]
            self._send({"object": "list", "data": data, "model": "m", "usage": USAGE})
        elif asked.get("stream"):
            choice = {"index": 0, "delta": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
            events = [{**CHUNK, "choices": [choice]}, {**CHUNK, "choices": [], "usage": USAGE}]
            lines = [*map(json.dumps, events), "[DONE]"]
            self._send("".join(f"data: {line}\n\n" for line in lines).encode(), "text/event-stream")
        else:
            choice = {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
            self._send({**CHUNK, "object": "chat.completion", "choices": [choice], "usage": USAGE})

    def _send(self, body: Any, kind: str = "application/json", status: int = 200) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Fails once, so that each program's first call is one that is tried again."""

    has_failed = False


def core() -> None:
    from tikhub_ai import ChatClient, ChatRequest, EmbeddingsClient, Message, Settings, Text, list_models

    settings, request = Settings(), ChatRequest("deepseek-chat", [Message("user", [Text("Hi")])])
    assert ChatClient(settings).complete(request).text == "Hello"
    assert asyncio.run(ChatClient(settings).acomplete(request)).text == "Hello"
    assert len(EmbeddingsClient(settings).embed(["a", "b"]).vectors) == 2
    assert [model.id for model in list_models(settings)] == ["deepseek-chat"]


def langchain() -> None:
    from langchain_tikhub import ChatTikHub, TikHubEmbeddings

    llm = ChatTikHub(model="deepseek-chat")
    assert llm.invoke("Hi").text == asyncio.run(llm.ainvoke("Hi")).text == "Hello"
    assert "".join(chunk.text for chunk in llm.stream("Hi")) == "Hello"
    assert len(TikHubEmbeddings().embed_documents(["a", "b"])) == 2


def llama_index() -> None:
    from llama_index_tikhub import TikHub, TikHubEmbedding

    llm = TikHub(model="deepseek-chat")
    assert llm.complete("Hi").text == asyncio.run(llm.acomplete("Hi")).text == "Hello"
    assert next(iter(llm.stream_complete("Hi"))).delta == "Hello"
    assert len(TikHubEmbedding().get_text_embedding_batch(["a", "b"])) == 2


def ray() -> None:
    import ray as engine

    from tikhub_ai.bulk import BulkEmbeddings, on_ray

    engine.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    with tempfile.TemporaryDirectory() as folder:
        texts = engine.data.from_items([{"text": "a"}, {"text": "b"}])
        assert len(on_ray(texts, BulkEmbeddings(), checkpoints=folder, workers=1).take_all()) == 2
    engine.shutdown()


def spark() -> None:
    from pyspark.sql import SparkSession

    from tikhub_ai.bulk import BulkEmbeddings, on_spark

    if shutil.which("java") is None:  # what the extra cannot bring
        print("(without a java)", end=" ")
        return
    session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    with tempfile.TemporaryDirectory() as folder:
        texts = session.createDataFrame([("a",), ("b",)], ["text"])
        assert len(on_spark(texts, BulkEmbeddings(), checkpoints=folder).collect()) == 2
    session.stop()


def lacks(package: str, extra: str) -> None:
    """A package whose framework is not here says which extra brings it."""
    said = "nothing: it was imported without its framework"
    try:
        importlib.import_module(package)
    except ImportError as error:
        said = str(error)
    assert f"tikhub-ai[{extra}]" in said, f"{package} says {said}"


def command() -> None:
    """The command is there, and says what it can without a key."""
    folder = Path(sysconfig.get_path("scripts"))
    program = next(path for path in (folder / "tikhub-ai", folder / "tikhub-ai.exe") if path.exists())
    environment = {name: value for name, value in os.environ.items() if name != "TIKHUB_AI_API_KEY"}
    done = subprocess.run([program, "doctor", "--json"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done
    assert json.loads(done.stdout)["here"]["key"].startswith("none"), done


HAS = {
    "none": (core,),
    "langchain": (core, langchain),
    "llama-index": (core, llama_index),
    "all": (core, langchain, llama_index),
    "ray": (core, ray),
    "spark": (core, spark),
}


def main(extra: str) -> None:
    server = Server(("127.0.0.1", 0), Gateway)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    patience = {
        "RAY_raylet_start_wait_time_s": "120",
        "RAY_USAGE_STATS_ENABLED": "0",
    }  # a busy machine starts Ray slowly
    os.environ |= {**patience, "PYSPARK_PYTHON": sys.executable}
    os.environ |= {"TIKHUB_AI_API_KEY": "sk-x", "TIKHUB_AI_BASE_URL": f"http://127.0.0.1:{server.server_port}"}
    steps = HAS.get(extra, (core,))
    for step in (*steps, command):
        step()
        print(step.__name__, end=" ")
    for package, other, step in (
        ("langchain_tikhub", "langchain", langchain),
        ("llama_index_tikhub", "llama-index", llama_index),
    ):
        if extra in HAS and step not in steps:
            lacks(package, other)
    print("ran")


if __name__ == "__main__":
    main(sys.argv[1])
