"""TikHubTranscriptionReader: recordings as LlamaIndex documents, over `tikhub_ai.Transcriber`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llama_index.core.readers.base import BaseReader
from llama_index.core.schema import Document

from tikhub_ai import FileSource, Passage, PassageReader, Transcriber, seal

_NOT_EMBEDDED = ("start", "end", "duration", "source")
"""Metadata that say where a passage stands, and nothing of what it is about."""


class TikHubTranscriptionReader(BaseReader):
    """Transcribes audio and video files.

    ```python
    from llama_index.core import SimpleDirectoryReader
    from llama_index_tikhub import TikHubTranscriptionReader

    reader = TikHubTranscriptionReader(model="whisper-1", mode="segments")
    documents = SimpleDirectoryReader("talks", file_extractor={".mp3": reader, ".wav": reader}).load_data()
    ```

    Args:
        transcriber: A `tikhub_ai.Transcriber`; None makes one from the keywords.
        mode: `text`: one document with all of it. `segments`: a document for each segment, with `start` and `end` in
            seconds, and `speaker` where speakers are told apart. `srt`, `vtt`: one document of subtitles.
        **kwargs: The transcriber's settings (`model`, `api_key`, `base_url`, ...) and the options of each transcription
            (`language`, `prompt`, `speakers`, ...; see `tikhub_ai.TranscriptionOptions`).

    Raises:
        ConfigurationError: The mode or a setting cannot work.
        TypeError: A keyword is not known.
    """

    def __init__(self, transcriber: Transcriber | None = None, *, mode: str = "text", **kwargs: Any) -> None:
        kwargs = seal(kwargs)
        self._reader = PassageReader(transcriber, mode, **kwargs)

    @classmethod
    def class_name(cls) -> str:
        """The id in serialised form."""
        return "TikHubTranscriptionReader"

    def load_data(self, file: FileSource, extra_info: dict[str, Any] | None = None, fs: Any = None) -> list[Document]:
        """The documents of a recording. Metadata: `source`, `language`, and by the mode `start`, `end`, `speaker`.

        Args:
            file: A path, bytes, an open binary file, or `(name, bytes or open binary file)`.
            extra_info: Further metadata.
            fs: An fsspec file system that the path is in; None is this machine's.

        Raises:
            TikHubAIError: A member of the tree.
        """
        return list(self.lazy_load_data(file, extra_info, fs))

    def lazy_load_data(
        self, file: FileSource, extra_info: dict[str, Any] | None = None, fs: Any = None
    ) -> Iterable[Document]:
        """`load_data`, when it is asked for."""
        with _opened(file, fs) as opened:
            passages = self._reader.read(opened, _source_of(file))
        yield from _documents(passages, extra_info)

    async def aload_data(
        self, file: FileSource, extra_info: dict[str, Any] | None = None, fs: Any = None
    ) -> list[Document]:
        """`load_data`, async."""
        with _opened(file, fs) as opened:
            passages = await self._reader.aread(opened, _source_of(file))
        return list(_documents(passages, extra_info))

    async def alazy_load_data(
        self, file: FileSource, extra_info: dict[str, Any] | None = None, fs: Any = None
    ) -> Iterable[Document]:
        """`lazy_load_data`, async: awaited, it returns what to iterate over, as in LlamaIndex's own readers."""
        return await self.aload_data(file, extra_info, fs)


@contextmanager
def _opened(file: FileSource, fs: Any) -> Iterator[FileSource]:
    """The file, or the one of that path in another file system."""
    if fs is None or not isinstance(file, (str, os.PathLike)):
        yield file
        return
    path = os.fspath(file)
    with fs.open(path, "rb") as opened:
        yield (Path(path).name, opened)


def _source_of(file: FileSource) -> str | None:
    if isinstance(file, (str, os.PathLike)):
        return str(file)
    if isinstance(file, tuple):
        return str(file[0])
    name = getattr(file, "name", None)
    return str(name) if isinstance(name, str) else None


def _documents(passages: Iterable[Passage], extra_info: dict[str, Any] | None) -> Iterator[Document]:
    for text, metadata in passages:
        yield Document(
            text=text,
            metadata={**metadata, **(extra_info or {})},
            excluded_embed_metadata_keys=list(_NOT_EMBEDDED),
            excluded_llm_metadata_keys=[],
        )
