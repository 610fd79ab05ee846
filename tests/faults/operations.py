"""Every operation of the core and of both frameworks, over every wire and HTTP library, behind one signature."""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

from tests.faults import lanes
from tests.faults.answers import CHAT, EMBEDDINGS, FILES, JOBS, TRANSCRIPTS, Answers
from tests.faults.lanes import DEFAULTS, Lane, client_of, settings_of
from tests.faults.video_operations import VIDEO_CALLS
from tikhub_ai import EmbeddingsClient, TextDelta, Transcriber

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SYNC, ASYNC = ("httpx", "httpx2"), ("httpx", "httpx2", "aiohttp")


@dataclass(frozen=True)
class Cell(Lane):
    """An operation, over one wire and one HTTP library.

    Attributes:
        operation: `invoke`, `astream`, `embed`, ...
        api: The wire; of videos, the family.
        over: The HTTP library.
        answers: What it is answered with where nothing is wrong.
    """

    operation: str = ""
    api: str = ""
    over: str = ""
    answers: Answers = field(default_factory=lambda: Answers(b""))

    @property
    def backend(self) -> str:
        return self.over

    @property
    def id(self) -> str:
        return f"{self.name}-{self.api}-{self.over}"

    @property
    def what(self) -> str:
        """The operation, sync or async."""
        return self.operation if self.operation in {"ainvoke", "astream"} else self.operation.removeprefix("a")

    @property
    def is_file(self) -> bool:
        """Whether a file is fetched, and no answer of an API."""
        return self.what == "download" and self.api != "veo"

    @property
    def is_abroad(self) -> bool:
        """Whether another origin than the gateway's is asked."""
        return self.what == "download" and self.api == "kling"

    @property
    def is_tool(self) -> bool:
        """Whether an agent calls it, who is told of a fault in words."""
        return self.api in JOBS and not self.name.startswith("core")


async def core_invoke(**settings: Any) -> str:
    return client_of(settings).complete(lanes.REQUEST).text


async def core_ainvoke(**settings: Any) -> str:
    return (await client_of(settings).acomplete(lanes.REQUEST)).text


async def core_stream(**settings: Any) -> str:
    return "".join(delta.text for delta in client_of(settings).stream(lanes.REQUEST) if isinstance(delta, TextDelta))


async def core_astream(**settings: Any) -> str:
    stream = client_of(settings).astream(lanes.REQUEST)
    return "".join([delta.text async for delta in stream if isinstance(delta, TextDelta)])


CHAT_CALLS: dict[tuple[str, str], Callable[..., Awaitable[Any]]] = {
    ("core", "invoke"): core_invoke,
    ("core", "ainvoke"): core_ainvoke,
    ("core", "stream"): core_stream,
    ("core", "astream"): core_astream,
    ("LangChain", "invoke"): lanes.invoke,
    ("LangChain", "ainvoke"): lanes.ainvoke,
    ("LangChain", "stream"): lanes.stream,
    ("LangChain", "astream"): lanes.astream,
    ("LlamaIndex", "invoke"): lanes.chat,
    ("LlamaIndex", "ainvoke"): lanes.achat,
    ("LlamaIndex", "stream"): lanes.stream_chat,
    ("LlamaIndex", "astream"): lanes.astream_chat,
}

# --- embeddings -----------------------------------------------------------------------------------------------------


def _vectors(given: Any) -> list[list[float]]:
    return [list(vector) for vector in given]


async def core_embed(**settings: Any) -> Any:
    return _vectors(EmbeddingsClient(settings_of(settings)).embed(["a", "b"]).vectors)


async def core_aembed(**settings: Any) -> Any:
    return _vectors((await EmbeddingsClient(settings_of(settings)).aembed(["a", "b"])).vectors)


def langchain_embeddings(settings: dict[str, Any]) -> Any:
    from langchain_tikhub import TikHubEmbeddings

    return TikHubEmbeddings(model="m", **DEFAULTS | settings)


async def langchain_embed(**settings: Any) -> Any:
    return _vectors(langchain_embeddings(settings).embed_documents(["a", "b"]))


async def langchain_aembed(**settings: Any) -> Any:
    return _vectors(await langchain_embeddings(settings).aembed_documents(["a", "b"]))


def llama_index_embeddings(settings: dict[str, Any]) -> Any:
    from llama_index_tikhub import TikHubEmbedding

    return TikHubEmbedding(model="m", **DEFAULTS | settings)


async def llama_index_embed(**settings: Any) -> Any:
    return _vectors(llama_index_embeddings(settings).get_text_embedding_batch(["a", "b"]))


async def llama_index_aembed(**settings: Any) -> Any:
    return _vectors(await llama_index_embeddings(settings).aget_text_embedding_batch(["a", "b"]))


EMBED_CALLS: dict[tuple[str, str], Callable[..., Awaitable[Any]]] = {
    ("core", "embed"): core_embed,
    ("core", "aembed"): core_aembed,
    ("LangChain", "embed"): langchain_embed,
    ("LangChain", "aembed"): langchain_aembed,
    ("LlamaIndex", "embed"): llama_index_embed,
    ("LlamaIndex", "aembed"): llama_index_aembed,
}

# --- transcription --------------------------------------------------------------------------------------------------


def silence() -> bytes:
    """A recording of nothing."""
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(8000)
        recording.writeframes(bytes(1600))
    return file.getvalue()


SPEECH = silence()


async def core_transcribe(**settings: Any) -> Any:
    return Transcriber(**DEFAULTS | settings).transcribe(("a.wav", SPEECH)).text


async def core_atranscribe(**settings: Any) -> Any:
    return (await Transcriber(**DEFAULTS | settings).atranscribe(("a.wav", SPEECH))).text


def langchain_parser(settings: dict[str, Any]) -> Any:
    from langchain_core.documents.base import Blob

    from langchain_tikhub import TikHubTranscriptionParser

    return TikHubTranscriptionParser(**DEFAULTS | settings), Blob(data=SPEECH, path="a.wav")


async def langchain_transcribe(**settings: Any) -> Any:
    parser, blob = langchain_parser(settings)
    return "".join(document.page_content for document in parser.lazy_parse(blob))


async def langchain_atranscribe(**settings: Any) -> Any:
    parser, blob = langchain_parser(settings)
    return "".join([document.page_content async for document in parser.alazy_parse(blob)])


def llama_index_reader(settings: dict[str, Any]) -> Any:
    from llama_index_tikhub import TikHubTranscriptionReader

    return TikHubTranscriptionReader(**DEFAULTS | settings)


async def llama_index_transcribe(**settings: Any) -> Any:
    return "".join(document.text for document in llama_index_reader(settings).load_data(("a.wav", SPEECH)))


async def llama_index_atranscribe(**settings: Any) -> Any:
    documents = await llama_index_reader(settings).aload_data(("a.wav", SPEECH))
    return "".join(document.text for document in documents)


TRANSCRIBE_CALLS: dict[tuple[str, str], Callable[..., Awaitable[Any]]] = {
    ("core", "transcribe"): core_transcribe,
    ("core", "atranscribe"): core_atranscribe,
    ("LangChain", "transcribe"): langchain_transcribe,
    ("LangChain", "atranscribe"): langchain_atranscribe,
    ("LlamaIndex", "transcribe"): llama_index_transcribe,
    ("LlamaIndex", "atranscribe"): llama_index_atranscribe,
}

# --- the product ----------------------------------------------------------------------------------------------------


def cells_of(
    calls: dict[tuple[str, str], Callable[..., Awaitable[Any]]], wires: dict[str, Answers], named: str | None = None
) -> list[Cell]:
    """Every call over every wire and every HTTP library that carries it.

    Args:
        calls: By framework and operation.
        wires: What is answered, by the wire's name.
        named: The argument that the wire's name is given as.
    """
    found = []
    for ((framework, operation), call), (api, answers) in product(calls.items(), wires.items()):
        for over in ASYNC if operation.startswith("a") else SYNC:
            more = {"http_backend": over} | ({named: api} if named else {})
            found.append(
                Cell(
                    f"{framework} {operation}",
                    operation.endswith("stream"),
                    partial(call, **more),
                    operation,
                    api,
                    over,
                    answers,
                )
            )
    return found


CHAT_CELLS = cells_of(CHAT_CALLS, CHAT, "api")
EMBED_CELLS = cells_of(EMBED_CALLS, {"embeddings": EMBEDDINGS})
TRANSCRIBE_CELLS = cells_of(TRANSCRIBE_CALLS, {"transcriptions": TRANSCRIPTS})
VIDEO_CELLS = [
    cell if cell.what != "download" else replace(cell, answers=FILES[cell.api])
    for cell in cells_of(VIDEO_CALLS, {family: answers for family, (_, answers) in JOBS.items()}, "family")
]
CELLS = [*CHAT_CELLS, *EMBED_CELLS, *TRANSCRIBE_CELLS, *VIDEO_CELLS]
CHAT_OR_EMBED = {cell.operation for cell in (*CHAT_CELLS, *EMBED_CELLS)}


def operation_of(cell: Cell) -> str:
    """What `make test` tries once for each fault; sync and async are one where only the await differs."""
    return cell.operation if cell.operation in CHAT_OR_EMBED else cell.operation.removeprefix("a")
