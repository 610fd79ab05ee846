"""The gallery: each program, what is real in its run, and the facts that it must print."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.session import UnexpectedError, expect, expect_not

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.session import Session

Models = Literal["local", "scripted"]


@dataclass(frozen=True)
class Program:
    """A program of the gallery.

    Attributes:
        path: Where it is, below `examples/`.
        parts: The distributions that do the work beside ours; their versions are shown.
        check: Runs it, and raises an UnexpectedError where a fact is missing.
        models: Who answers for the chat models: `local` is a real one on this machine, `scripted` is aimock, for what
            no small model can do. Embeddings and speech come from real models in either case.
    """

    path: str
    parts: tuple[str, ...]
    check: Callable[[Session], None]
    models: Models = "local"


def saved_index(session: Session) -> None:
    """The first run embeds the documents; the second finds them, and pays for the question alone."""
    facts = (r"retrieved +authentication\.md", r"answer .*x-api-key")
    expect(session.run(), r"embedded +12 documents", *facts)
    paid = session.gateway.asked["/v1/embeddings"]
    again = session.run()
    expect(again, *facts)
    expect_not(again, "embedded")
    if session.gateway.asked["/v1/embeddings"] != paid + 1:
        raise UnexpectedError("the second run embedded more than its question")


PROGRAMS = (
    Program("rag/faiss_langchain.py", ("faiss-cpu", "langchain-community"), saved_index),
    Program("rag/chroma_llama_index.py", ("chromadb", "llama-index-vector-stores-chroma"), saved_index),
)
