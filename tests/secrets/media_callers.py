"""The classes of recordings and videos, by every way that they send something, in the form of `callers`."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.document_loaders import Blob

from langchain_tikhub import TikHubTranscriptionLoader, TikHubTranscriptionParser, TikHubVideoToolkit
from llama_index_tikhub import TikHubTranscriptionReader, TikHubVideoToolSpec
from tests.scripted_server import Answer, Request, sse
from tests.secrets.callers import MODEL, Caller, kept
from tests.secrets.canaries import CALL_HEADERS
from tests.video_gateway import MP4
from tikhub_ai import Transcriber, VideoAgent, VideoJob, Videos

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

WAV = b"RIFF\x24\x10\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0data\0\x10\0\0" + bytes(4096)
VOICE = ("a.wav", WAV)
SAVED = {"tikhub_video_job": 1, "id": "video_1", "family": "videos", "model": MODEL}
DONE = {**SAVED, "status": "succeeded"}


def form_says(request: Request, name: str) -> bool:
    return f'name="{name}"'.encode() in request.body


def is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("multipart/")


def media_success(request: Request) -> Answer:
    """The right answer to any of the callers here."""
    if is_form(request):
        deltas = (
            {"type": "transcript.text.delta", "delta": "Hello"},
            {"type": "transcript.text.done", "text": "Hello"},
        )
        return sse(*deltas) if form_says(request, "stream") else Answer({"text": "Hello"})
    if request.path.endswith("/content"):
        return Answer(MP4)
    is_list = request.method == "GET" and request.path.endswith("/v1/videos")
    job = {"id": "video_1", "object": "video", "status": "queued" if request.method == "POST" else "completed"}
    return Answer({"object": "list", "data": [job]} if is_list else job)


def _job(videos: Videos, saved: dict[str, Any] = SAVED) -> VideoJob:
    return videos.load(json.dumps(saved))


def _transcribe(transcriber: Transcriber, gave: list[Any]) -> None:
    gave.append(transcriber.transcribe(VOICE, extra_headers=dict(CALL_HEADERS)))


async def _atranscribe(transcriber: Transcriber, gave: list[Any]) -> None:
    gave.append(await transcriber.atranscribe(VOICE, extra_headers=dict(CALL_HEADERS)))


def _stream(transcriber: Transcriber, gave: list[Any]) -> None:
    for event in transcriber.stream(VOICE, extra_headers=dict(CALL_HEADERS)):
        gave.append(event)  # noqa: PERF402 - a comprehension would lose what came before the error


async def _astream(transcriber: Transcriber, gave: list[Any]) -> None:
    await kept(transcriber.astream(VOICE, extra_headers=dict(CALL_HEADERS)), gave)


def _create(videos: Videos, gave: list[Any]) -> None:
    gave.append(videos.create(MODEL, "A rabbit", extra_headers=dict(CALL_HEADERS)))


async def _acreate(videos: Videos, gave: list[Any]) -> None:
    gave.append(await videos.acreate(MODEL, "A rabbit", extra_headers=dict(CALL_HEADERS)))


async def _aget(videos: Videos, gave: list[Any]) -> None:
    gave.append(await videos.aget("video_1"))


async def _alist(videos: Videos, gave: list[Any]) -> None:
    await kept(videos.alist(), gave)


async def _adelete(videos: Videos, gave: list[Any]) -> None:
    gave.append(await videos.adelete("video_1"))


async def _aremix(videos: Videos, gave: list[Any]) -> None:
    gave.append(await videos.aremix("video_1", "Make it snow"))


async def _aresult(videos: Videos, gave: list[Any]) -> None:
    gave.append(await _job(videos).aresult(timeout=0))


def _download(videos: Videos, gave: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        gave.append(_job(videos, DONE).download(Path(folder, "v.mp4")))


async def _adownload(videos: Videos, gave: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        gave.append(await _job(videos, DONE).adownload(Path(folder, "v.mp4")))


def _parser(**settings: Any) -> TikHubTranscriptionParser:
    return TikHubTranscriptionParser(extra_headers=dict(CALL_HEADERS), **settings)


def _reader(**settings: Any) -> TikHubTranscriptionReader:
    return TikHubTranscriptionReader(extra_headers=dict(CALL_HEADERS), **settings)


def _blob() -> Blob:
    return Blob.from_data(WAV, path="a.wav")


async def _all(documents: AsyncIterator[Any], gave: list[Any]) -> None:
    await kept(documents, gave)


async def _aload_data(reader: TikHubTranscriptionReader, gave: list[Any]) -> None:
    gave.extend(await reader.aload_data(VOICE))


def _loader(**settings: Any) -> TikHubTranscriptionLoader:
    return TikHubTranscriptionLoader([_blob()], extra_headers=dict(CALL_HEADERS), **settings)


MEDIA_CALLERS: dict[str, Caller] = {
    "Transcriber.transcribe": Caller(Transcriber, _transcribe),
    "Transcriber.atranscribe": Caller(Transcriber, _atranscribe),
    "Transcriber.stream": Caller(Transcriber, _stream, streams=True),
    "Transcriber.astream": Caller(Transcriber, _astream, streams=True),
    "Videos.create": Caller(Videos, _create),
    "Videos.acreate": Caller(Videos, _acreate),
    "Videos.get": Caller(Videos, lambda v, gave: gave.append(v.get("video_1")), takes_call_headers=False),
    "Videos.aget": Caller(Videos, _aget, takes_call_headers=False),
    "Videos.list": Caller(Videos, lambda v, gave: gave.extend(v.list()), takes_call_headers=False),
    "Videos.alist": Caller(Videos, _alist, takes_call_headers=False),
    "Videos.delete": Caller(Videos, lambda v, gave: gave.append(v.delete("video_1")), takes_call_headers=False),
    "Videos.adelete": Caller(Videos, _adelete, takes_call_headers=False),
    "Videos.remix": Caller(
        Videos, lambda v, gave: gave.append(v.remix("video_1", "Make it snow")), takes_call_headers=False
    ),
    "Videos.aremix": Caller(Videos, _aremix, takes_call_headers=False),
    "VideoJob.result": Caller(Videos, lambda v, gave: gave.append(_job(v).result(timeout=0)), takes_call_headers=False),
    "VideoJob.aresult": Caller(Videos, _aresult, takes_call_headers=False),
    "VideoJob.download": Caller(Videos, _download, takes_call_headers=False),
    "VideoJob.adownload": Caller(Videos, _adownload, takes_call_headers=False),
    "TikHubTranscriptionParser.parse": Caller(_parser, lambda p, gave: gave.extend(p.parse(_blob()))),
    "TikHubTranscriptionParser.alazy_parse": Caller(_parser, lambda p, gave: _all(p.alazy_parse(_blob()), gave)),
    "TikHubTranscriptionLoader.load": Caller(_loader, lambda one, gave: gave.extend(one.load())),
    "TikHubTranscriptionLoader.alazy_load": Caller(_loader, lambda one, gave: _all(one.alazy_load(), gave)),
    "TikHubTranscriptionReader.load_data": Caller(_reader, lambda r, gave: gave.extend(r.load_data(VOICE))),
    "TikHubTranscriptionReader.aload_data": Caller(_reader, _aload_data),
}
"""Every way of every class but the agents' tools, which raise nothing."""

MEDIA_CLASSES: dict[str, Callable[..., Any]] = {
    "Transcriber": Transcriber,
    "Videos": Videos,
    "TikHubTranscriptionParser": _parser,
    "TikHubTranscriptionLoader": _loader,
    "TikHubTranscriptionReader": _reader,
    "TikHubVideoToolkit": TikHubVideoToolkit,
    "TikHubVideoToolSpec": TikHubVideoToolSpec,
    "VideoAgent": lambda **given: VideoAgent(Videos(**given)),
    "VideoJob": lambda **given: Videos(**given).load({**DONE, "videos": [{"url": "https://cdn.invalid/v.mp4"}]}),
}
TELLING = ("success", "401", "error in a 200", "cut", "a failed job")
"""Faults that say enough of a way that shares all else with others."""
WHOLE = (
    *("Transcriber.transcribe", "Transcriber.atranscribe", "Transcriber.astream", "Videos.create", "Videos.acreate"),
    *("VideoJob.result", "VideoJob.aresult", "VideoJob.adownload"),
)
