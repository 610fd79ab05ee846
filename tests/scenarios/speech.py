"""Speech to text: the core's transcriber, and what both frameworks make of it. The recording lies in `tests/data`."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from langchain_core.document_loaders import Blob
from llama_index.core import SimpleDirectoryReader

from langchain_tikhub import TikHubTranscriptionLoader, TikHubTranscriptionParser
from llama_index_tikhub import TikHubTranscriptionReader
from tests.scenarios import Connection, scenario
from tikhub_ai import BadRequestError, ServerError, Transcriber, Transcript

SPEECH = Path(__file__).parents[1] / "data" / "speech.wav"
WORDS = "ruby is a programming language designed for developer happiness"
SECONDS = 3.7


def settings(at: Connection, **more: Any) -> dict[str, Any]:
    # vcrpy cannot read a body that aiohttp sends in pieces.
    return at.settings(timeout=60, http_backend="httpx", **more)


def transcriber(at: Connection) -> Transcriber:
    return Transcriber(**settings(at))


def heard(text: str) -> str:
    """What was said, without what a model may write either way."""
    return " ".join(text.lower().replace(".", " ").replace(",", " ").split())


def check_times(transcript: Transcript) -> None:
    assert transcript.segments
    for segment in transcript.segments:
        assert 0 <= segment.start < segment.end <= SECONDS + 1


@scenario(on=("transcriptions",))
def json(at: Connection) -> None:
    transcript = transcriber(at).transcribe(SPEECH)
    assert heard(transcript.text) == WORDS
    assert isinstance(transcript.raw, dict)


@scenario(on=("transcriptions",))
async def json_async(at: Connection) -> None:
    with SPEECH.open("rb") as opened:
        transcript = await transcriber(at).atranscribe(opened)
    assert heard(transcript.text) == WORDS


@scenario(on=("transcriptions",))
def text(at: Connection) -> None:
    transcript = transcriber(at).transcribe(SPEECH.read_bytes(), response_format="text")
    assert heard(transcript.text) == WORDS
    assert isinstance(transcript.raw, str)
    assert transcript.segments == []


@scenario(on=("transcriptions",))
def srt(at: Connection) -> None:
    transcript = transcriber(at).transcribe(SPEECH, response_format="srt")
    assert heard(transcript.text) == WORDS
    assert "-->" in transcript.raw
    assert "-->" not in transcript.text
    check_times(transcript)
    assert heard(Transcript(segments=transcript.segments).to_srt()).endswith(WORDS)


@scenario(on=("transcriptions",))
async def vtt_async(at: Connection) -> None:
    transcript = await transcriber(at).atranscribe(SPEECH, response_format="vtt")
    assert heard(transcript.text) == WORDS
    assert transcript.raw.startswith("WEBVTT")
    assert "WEBVTT" not in transcript.text
    check_times(transcript)


@scenario(on=("transcriptions",))
def words_and_segments(at: Connection) -> None:
    transcript = transcriber(at).transcribe(SPEECH, timestamps=("word", "segment"))
    assert heard(transcript.text) == WORDS
    assert [heard(word.word) for word in transcript.words] == WORDS.split()
    assert all(0 <= word.start <= word.end <= SECONDS + 1 for word in transcript.words)
    assert transcript.language_code == "en"
    assert transcript.duration == pytest.approx(SECONDS, abs=0.5)
    check_times(transcript)
    assert " --> " in transcript.to_srt()


@scenario(on=("transcriptions",))
def words_alone(at: Connection) -> None:
    transcript = transcriber(at).transcribe(SPEECH, timestamps="word", language="en", prompt="Ruby", temperature=0)
    assert [heard(word.word) for word in transcript.words] == WORDS.split()


@scenario(on=("transcriptions",))
async def a_stream_of_a_model_that_does_not_stream(at: Connection) -> None:
    sync = list(transcriber(at).stream(SPEECH))
    other = [event async for event in transcriber(at).astream(SPEECH)]
    assert sync == other
    assert [event.kind for event in sync] == ["delta", "done"]
    assert sync[-1].transcript is not None
    assert heard(sync[-1].transcript.text) == heard(sync[0].text) == WORDS


@scenario(on=("transcriptions",))
def what_is_no_recording_is_an_error(at: Connection) -> None:
    """With a name that says that it is one, it is sent; the server's 500 is not answered with a second upload."""
    with pytest.raises((ServerError, BadRequestError)):
        transcriber(at).transcribe(("talk.mp3", b"\0garbage" * 200))


# --- the frameworks -------------------------------------------------------------------------------------------------


def check_documents(documents: list[Any], text_of: str) -> None:
    """Of `mode="segments"`."""
    assert heard(" ".join(getattr(document, text_of) for document in documents)) == WORDS
    for document in documents:
        assert document.metadata["source"].endswith("speech.wav")
        assert document.metadata["language"] == "en"
        assert 0 <= document.metadata["start"] < document.metadata["end"] <= SECONDS + 1


@scenario(on=("transcriptions",))
async def langchain_parser(at: Connection) -> None:
    parser = TikHubTranscriptionParser(**settings(at), mode="segments")
    check_documents(parser.parse(Blob.from_path(SPEECH)), "page_content")
    check_documents([document async for document in parser.alazy_parse(Blob.from_path(SPEECH))], "page_content")
    blob = Blob.from_data(SPEECH.read_bytes(), path="talks/speech.wav", metadata={"talk": 1})
    documents = parser.parse(blob)
    check_documents(documents, "page_content")
    assert documents[0].metadata["talk"] == 1


@scenario(on=("transcriptions",))
async def langchain_loader(at: Connection) -> None:
    loader = TikHubTranscriptionLoader(str(SPEECH.parent / "*.wav"), **settings(at), mode="vtt")
    (document,) = loader.load()
    assert document.page_content.startswith("WEBVTT")
    assert document.metadata["source"].endswith("speech.wav")
    (plain,) = await TikHubTranscriptionLoader([SPEECH], **settings(at)).aload()
    assert heard(plain.page_content) == WORDS


@scenario(on=("transcriptions",))
async def llama_index_reader(at: Connection) -> None:
    reader = TikHubTranscriptionReader(**settings(at), mode="segments")
    check_documents(reader.load_data(SPEECH, extra_info={"talk": 1}), "text")
    check_documents(await reader.aload_data(SPEECH), "text")
    check_documents(list(reader.lazy_load_data(SPEECH)), "text")
    assert reader.load_data(SPEECH, {"talk": 1})[0].metadata["talk"] == 1


@scenario(on=("transcriptions",))
async def llama_index_directory(at: Connection) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(SPEECH, folder)
        reader = TikHubTranscriptionReader(**settings(at))
        directory = SimpleDirectoryReader(folder, file_extractor={".wav": reader})
        (document,) = directory.load_data()
        assert heard(document.text) == WORDS
        assert document.metadata["file_name"] == "speech.wav"
        assert document.metadata["source"].endswith("speech.wav")
        assert "source" in document.excluded_embed_metadata_keys
        (other,) = await directory.aload_data()
        assert other.text == document.text
