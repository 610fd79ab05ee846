"""Recordings as LangChain documents: a blob parser and a loader, over `tikhub_ai.Transcriber`."""

from __future__ import annotations

import glob
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.document_loaders import BaseBlobParser, BaseLoader, Blob
from langchain_core.documents import Document

from langchain_tikhub.errors import model_errors
from tikhub_ai import InvalidRequestError, Passage, PassageReader, Transcriber, seal

if TYPE_CHECKING:
    from tikhub_ai import FileSource


class TikHubTranscriptionParser(BaseBlobParser):
    """Transcribes audio and video blobs.

    ```python
    from langchain_tikhub import TikHubTranscriptionParser

    parser = TikHubTranscriptionParser(model="whisper-1", mode="segments")
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
        with model_errors():
            self._reader = PassageReader(transcriber, mode, **kwargs)

    def lazy_parse(self, blob: Blob) -> Iterator[Document]:
        """The documents of a recording.

        Metadata: the blob's own, `source`, `language`, and by the mode `start`, `end` and `speaker`.

        Args:
            blob: The recording, by its path or in memory.

        Raises:
            TikHubAIError: A member of the tree.
        """
        with model_errors():
            passages = self._reader.read(_file_of(blob), blob.source)
        yield from _documents(passages, blob)

    async def alazy_parse(self, blob: Blob) -> AsyncIterator[Document]:
        """`lazy_parse`, async."""
        with model_errors():
            passages = await self._reader.aread(_file_of(blob), blob.source)
        for document in _documents(passages, blob):
            yield document


class TikHubTranscriptionLoader(BaseLoader):
    """Transcribes recordings, one after another.

    ```python
    from langchain_tikhub import TikHubTranscriptionLoader

    documents = TikHubTranscriptionLoader("talks/*.mp3", mode="segments").load()
    ```

    Args:
        files: A path; a glob, such as `talks/**/*.mp3`; or a list of paths, globs and blobs.
        transcriber: As for `TikHubTranscriptionParser`.
        mode: As for `TikHubTranscriptionParser`.
        **kwargs: As for `TikHubTranscriptionParser`.
    """

    def __init__(
        self,
        files: str | os.PathLike[str] | Blob | Iterable[str | os.PathLike[str] | Blob],
        transcriber: Transcriber | None = None,
        *,
        mode: str = "text",
        **kwargs: Any,
    ) -> None:
        kwargs = seal(kwargs)
        self.files = [files] if isinstance(files, (str, os.PathLike, Blob)) else list(files)
        self.parser = TikHubTranscriptionParser(transcriber, mode=mode, **kwargs)

    def lazy_load(self) -> Iterator[Document]:
        """The documents of each recording when it is transcribed.

        Raises:
            InvalidRequestError: A path or glob names no file. Those before it are transcribed.
            TikHubAIError: Another member of the tree.
        """
        for blob in self._blobs():
            yield from self.parser.lazy_parse(blob)

    async def alazy_load(self) -> AsyncIterator[Document]:
        """`lazy_load`, async."""
        for blob in self._blobs():
            async for document in self.parser.alazy_parse(blob):
                yield document

    def _blobs(self) -> Iterator[Blob]:
        for file in self.files:
            if isinstance(file, Blob):
                yield file
                continue
            path = os.fspath(file)
            found = sorted(name for name in glob.glob(path, recursive=True) if Path(name).is_file())
            if not Path(path).exists() and glob.has_magic(path):
                if not found:
                    with model_errors():
                        raise InvalidRequestError(f"The glob {path!r} names no file.")
                yield from map(Blob.from_path, found)
            else:
                yield Blob.from_path(path)


def _file_of(blob: Blob) -> FileSource:
    """What is sent: the path, or the bytes under the name that the blob's path or source tells."""
    if blob.data is None:
        return str(blob.path)
    return (Path(str(blob.path or blob.source or "")).name, blob.as_bytes())


def _documents(passages: Iterable[Passage], blob: Blob) -> Iterator[Document]:
    for text, metadata in passages:
        yield Document(page_content=text, metadata={**blob.metadata, **metadata})
