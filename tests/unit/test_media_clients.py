"""The clients of recordings and videos before anything is sent: what is previewed, loaded, drawn and refused."""

from __future__ import annotations

import inspect
import io
import json
import os
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from langchain_tikhub import TikHubTranscriptionLoader, TikHubTranscriptionParser
from llama_index_tikhub import TikHubTranscriptionReader
from tests.scripted_server import Answer, ScriptedServer
from tests.video_gateway import KEY, MODELS, MP4, Gateway
from tests.video_ways import Way, each_way
from tikhub_ai import (
    ConfigurationError,
    InvalidRequestError,
    TikHubAIWarning,
    Transcriber,
    VideoJob,
    Videos,
)

if TYPE_CHECKING:
    from pathlib import Path

PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)
WAV = b"RIFF\x24\x10\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0data\0\x10\0\0" + bytes(4096)
JOB: dict[str, Any] = {"tikhub_video_job": 1, "id": "831", "family": "kling", "kind": "text2video"}


def videos_at(server: ScriptedServer, **settings: Any) -> Videos:
    return Videos(**{"api_key": KEY, "base_url": server.url, "max_retries": 0} | settings)


# --- twins ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Videos, VideoJob, Transcriber])
def test_every_method_that_asks_the_gateway_has_a_twin_with_the_same_arguments(kind: type) -> None:
    plain = {"load", "preview", "save", "to_json", "failure", "of", "made", "take", "transport"}
    own = {name for name in vars(kind) if not name.startswith("_") and inspect.isfunction(vars(kind)[name])}
    twins = {name for name in own if name.startswith("a") and name[1:] in own}
    assert {name[1:] for name in twins} == {name for name in own - twins if name not in plain}
    for name in twins:
        given = inspect.signature(getattr(kind, name[1:])).parameters
        assert inspect.signature(getattr(kind, name)).parameters.keys() == given.keys()
    if kind is Videos:
        assert inspect.signature(Videos.preview).parameters.keys() == inspect.signature(Videos.create).parameters.keys()


# --- preview --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", MODELS)
@pytest.mark.parametrize("with_image", [False, True])
def test_a_preview_is_what_create_sends_and_sends_nothing(
    server: ScriptedServer, family: str, with_image: bool
) -> None:
    server.answer = Gateway(url=server.url)
    asked: dict[str, Any] = {"image": PNG} if with_image else {}
    shown = Videos(base_url=server.url).preview(MODELS[family], "A rabbit", **asked)
    assert server.requests == []
    videos_at(server).create(MODELS[family], "A rabbit", **asked)
    (request,) = server.requests
    assert (shown["family"], shown["method"], shown["url"]) == (family, "POST", server.url + request.path)
    if "form" in shown:
        assert shown["form"]["prompt"] == "A rabbit"
        assert f"{len(PNG)} bytes" in shown["form"]["input_reference"]
    else:
        assert shown["body"] == request.json()
    assert len(json.dumps(shown)) < 3000


def test_a_preview_cuts_long_base64_short() -> None:
    shown = Videos().preview("kling-v2-6", "A rabbit", image=PNG * 1000)
    assert "characters" in shown["body"]["image"]
    assert len(json.dumps(shown)) < 1000


@pytest.mark.parametrize(
    ("family", "foreign"),
    [("kling", "durationSeconds"), ("veo", "cfg_scale"), ("videos", "camera_fixed"), ("seedance", "cfg_scale")],
)
def test_a_field_of_another_family_is_refused_before_money_is_spent(
    server: ScriptedServer, family: str, foreign: str
) -> None:
    fields: dict[str, Any] = {foreign: 1}
    with pytest.raises(InvalidRequestError, match=foreign):
        videos_at(server).create(MODELS[family], "A rabbit", **fields)
    assert server.requests == []


# --- saved jobs -----------------------------------------------------------------------------------------------------

BAD_JOBS: dict[str, Any] = {
    "cut short": json.dumps(JOB)[:40],
    "empty": "{}",
    "a list": b"[]",
    "another version": {**JOB, "tikhub_video_job": 2},
    "no version": {**JOB, "tikhub_video_job": None},
    "no family": {**JOB, "family": None},
    "another family": {**JOB, "family": "sora"},
    "a family that is a list": {**JOB, "family": []},
    "no id": {**JOB, "id": ""},
    "an id that is a number": {**JOB, "id": 5},
    "an id that leaves its place": {**JOB, "id": ".."},
    "another state": {**JOB, "status": "pondering"},
    "a state that is an object": {**JOB, "status": {}},
    "a foreign host": {**JOB, "base_url": "https://evil.invalid"},
    "a foreign port": {**JOB, "base_url": "http://127.0.0.1:1"},
    "no address": {**JOB, "base_url": "evil"},
    "a file that is not there": "job-that-is-not-there.json",
    "a name that no file has": "a\0b",
}


@pytest.mark.parametrize("case", BAD_JOBS)
def test_a_saved_job_that_cannot_be_taken_up_is_refused_and_nobody_is_asked(server: ScriptedServer, case: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        videos_at(server).load(BAD_JOBS[case])
    assert len(str(caught.value)) < 500
    assert server.requests == []


def test_a_job_is_saved_whole_or_not_at_all(server: ScriptedServer, tmp_path: Path) -> None:
    job = videos_at(server).load(JOB)
    path = job.save(tmp_path / "job.json")
    assert videos_at(server).load(str(path)) == job
    assert videos_at(server).load(path.read_bytes()) == job
    job.id = "832"
    assert job.save(path) == path
    assert json.loads(path.read_text())["id"] == "832"
    with pytest.raises(OSError, match="No such file"):
        job.save(tmp_path / "none" / "job.json")
    assert [one.name for one in tmp_path.iterdir()] == ["job.json"]


# --- arguments ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Videos, Transcriber])
def test_an_argument_that_cannot_work_is_refused_at_construction(kind: Any) -> None:
    for wrong in ({"paths": {"nonsense": "/x"}}, {"paths": {"videos": "http://h/x"}}, {"max_retries": -1}):
        with pytest.raises(ConfigurationError):
            kind(**wrong)
    with pytest.raises(TypeError, match="nonsense"):
        kind(nonsense=1)


@each_way
async def test_a_family_that_is_none_is_refused(server: ScriptedServer, way: Way) -> None:
    with pytest.raises(ConfigurationError, match="sora"):
        await way.call(way.videos(server.url), "create", "m", "A rabbit", family="sora")
    with pytest.raises(ConfigurationError, match="'veo'"):
        way.videos(server.url, family="sora")
    assert server.requests == []


BAD_FILES: dict[str, tuple[Any, type[Exception]]] = {
    "missing": ("missing.mp3", InvalidRequestError),
    "a folder": (".", InvalidRequestError),
    "empty": (b"", InvalidRequestError),
    "a URL": ("https://example.com/talk.mp3", InvalidRequestError),
    "a closed file": (io.BytesIO, InvalidRequestError),
    "a page": (b"<!doctype html><html></html>" * 10, InvalidRequestError),
    "a generator": ((piece for piece in [b"a"]), TypeError),
    "a number": (5, TypeError),
    "None": (None, TypeError),
    "a text file": (io.StringIO("a"), TypeError),
    "a tuple of three": (("a", b"b", "c"), TypeError),
}


@pytest.mark.parametrize("case", BAD_FILES)
async def test_a_file_that_cannot_be_sent_is_refused_in_words_and_nothing_is_sent(
    server: ScriptedServer, case: str
) -> None:
    file, kind = BAD_FILES[case]
    if case == "a closed file":
        file = io.BytesIO(b"RIFF")
        file.close()
    transcriber = Transcriber(api_key=KEY, base_url=server.url)
    with pytest.raises(kind):
        transcriber.transcribe(file)
    with pytest.raises(kind):
        await transcriber.atranscribe(file)
    with pytest.raises(kind):
        list(transcriber.stream(file))
    assert server.requests == []


@pytest.mark.parametrize(
    "wrong", [{"response_format": "docx"}, {"timestamps": "letter"}, {"timestamps": ("word", "line")}], ids=str
)
def test_an_option_that_the_wire_has_not_is_refused_before_the_upload_is_paid_for(
    server: ScriptedServer, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequestError):
        Transcriber(api_key=KEY, base_url=server.url).transcribe(("a.wav", WAV), **wrong)
    with pytest.raises(TypeError, match="nonsense"):
        Transcriber(api_key=KEY).transcribe(("a.wav", WAV), nonsense=1)  # type: ignore[call-arg]  # what is tested
    assert server.requests == []


def test_known_voices_go_along_by_name(server: ScriptedServer, tmp_path: Path) -> None:
    (tmp_path / "ann.wav").write_bytes(WAV)
    server.answers = [Answer({"text": "hi", "segments": [{"start": 0, "end": 1, "text": "hi", "speaker": "Ann"}]})]
    transcriber = Transcriber("gpt-4o-transcribe-diarize", api_key=KEY, base_url=server.url)
    transcript = transcriber.transcribe(("a.wav", WAV), speakers={"Ann": str(tmp_path / "ann.wav")})
    body = server.requests[0].body
    assert b'name="known_speaker_names[]"\r\n\r\nAnn' in body
    assert b'name="known_speaker_references[]"\r\n\r\ndata:audio/' in body
    assert b"diarized_json" in body
    assert transcript.speakers == ["Ann"]


@pytest.mark.parametrize("kind", [TikHubTranscriptionParser, TikHubTranscriptionReader])
def test_a_mode_that_is_none_and_settings_beside_a_client_are_refused(kind: Any) -> None:
    with pytest.raises(ConfigurationError, match="mode"):
        kind(mode="pages")
    with pytest.raises(TypeError, match="give it to the transcriber"):
        kind(Transcriber(), api_key="sk-x")
    with pytest.raises(TypeError, match="nonsense"):
        kind(nonsense=1)


def test_a_loader_takes_paths_globs_and_blobs_and_names_what_is_missing(server: ScriptedServer, tmp_path: Path) -> None:
    server.answers = [Answer({"text": "hi"})]
    for name in ("a.wav", "b.wav", "c[1].wav"):
        (tmp_path / name).write_bytes(WAV)
    given: dict[str, Any] = {"api_key": KEY, "base_url": server.url}

    def sources(files: Any) -> list[str]:
        return [
            os.path.basename(document.metadata["source"])
            for document in TikHubTranscriptionLoader(files, **given).load()
        ]

    assert sources(str(tmp_path / "?.wav")) == ["a.wav", "b.wav"]
    assert sources(tmp_path / "c[1].wav") == ["c[1].wav"], "a file of that name is no glob"
    assert sources([tmp_path / "a.wav", str(tmp_path / "b*.wav")]) == ["a.wav", "b.wav"]
    for missing in ("none-*.wav", "none.wav"):
        with pytest.raises(InvalidRequestError, match="none"):
            sources(str(tmp_path / missing))


# --- bars -----------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@each_way
async def test_bars_are_drawn_on_a_terminal_and_in_a_notebook_and_nowhere_else(
    server: ScriptedServer, tmp_path: Path, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer = Gateway(url=server.url)
    for screen, kernel in ((Terminal(), None), (io.StringIO(), "a kernel"), (io.StringIO(), None)):
        monkeypatch.setattr("sys.stderr", screen)
        shell = SimpleNamespace(kernel=kernel) if kernel else None
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda shell=shell: shell))
        job = await way.call(way.videos(server.url), "create", "kling-v2-6", "A rabbit")
        await way.call(job, "result", poll_interval=0.005, timeout=300, progress=True)
        await way.call(job, "download", tmp_path / "v.mp4", overwrite=True, progress=True)
        drawn = screen.getvalue()
        if isinstance(screen, Terminal) or kernel:
            assert "kling-v2-6" in drawn
            assert "100%" in drawn
            assert "Downloading" in drawn
        else:
            assert drawn == ""
    assert os.stat(tmp_path / "v.mp4").st_size == len(MP4)


def test_without_tqdm_a_warning_says_so_and_the_work_is_done(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tqdm.auto", None)
    server.answers = [Answer({"text": "hi"})]
    with pytest.warns(TikHubAIWarning, match="pip install tqdm"):
        assert Transcriber(api_key=KEY, base_url=server.url).transcribe(("a.wav", WAV), progress=True).text == "hi"
