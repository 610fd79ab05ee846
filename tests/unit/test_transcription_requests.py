"""A transcription's form: the fields as asked, the file under a name that says what it is."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import Any

import pytest

from tests.media_examples import needs_examples, requests
from tests.openapi import problems
from tikhub_ai import InvalidRequestError, TikHubAIWarning
from tikhub_ai.apis.form import form_fields
from tikhub_ai.apis.transcriptions import encode
from tikhub_ai.apis.transcriptions.audio import MAX_BYTES, seconds_of
from tikhub_ai.file_types import HEAD
from tikhub_ai.transcript import TranscriptionRequest
from tikhub_ai.wire import ApiRequest, FilePart, Upload

SPEECH = Path(__file__).parents[3] / "shared" / "peers"
needs_speech = pytest.mark.skipif(
    not (SPEECH / "real_speech.wav").is_file(), reason="needs the recording in ../shared/peers, outside this repository"
)


def wav(seconds: float = 1.0, *, rate: int = 32_000, claimed: int | None = None) -> bytes:
    size = round(seconds * rate)
    head = b"RIFF" + struct.pack("<I", (36 + size) & 0xFFFFFFFF) + b"WAVEfmt "
    head += struct.pack("<IHHIIHH", 16, 1, 1, rate // 2, rate, 2, 16)
    return head + b"data" + struct.pack("<I", size if claimed is None else claimed)


def upload(content: bytes = wav(), filename: str = "a.wav", size: int | None = 32_044) -> Upload:
    return Upload(content, filename, size, content[:HEAD])


def request(**asked: Any) -> ApiRequest:
    return encode(TranscriptionRequest(**{"model": "whisper-1", "file": upload(), **asked}))


def form(made: ApiRequest) -> list[tuple[str, str]]:
    return [
        (part.name, f"FILE {part.filename} {part.content_type}") if isinstance(part, FilePart) else part
        for part in made.form or ()
    ]


def fields(**asked: Any) -> dict[str, Any]:
    """The form as the specification describes it: lists under their own names."""
    found: dict[str, Any] = {}
    for name, value in form(request(**asked)):
        if name.endswith("[]"):
            found.setdefault(name[:-2], []).append(value)
        else:
            found[name] = value
    return found


@needs_examples
@pytest.mark.filterwarnings("ignore:Times of words")
def test_the_fields_stand_in_the_order_of_openais_client() -> None:
    example = next(
        param.values[0] for param in requests("transcriptions") if "openai-python" in param.values[0]["name"]
    )
    made = form(
        request(
            model="gpt-4o-transcribe-diarize",
            file=upload(filename="real_speech.wav"),
            chunking={"type": "server_vad", "threshold": 0.5},
            logprobs=True,
            known_speakers={"a": "data:audio/wav;base64,AA", "b": "data:audio/wav;base64,BB"},
            temperature=0.0,
            extra_body={"stream": False, "timestamp_granularities": ["word", "segment"]},
        )
    )
    expected = [tuple(part) for part in example["multipart"]]
    expected.insert(7, ("known_speaker_references[]", "data:audio/wav;base64,BB"))
    assert [part for part in made if part[0] != "stream"][:-1] == [part for part in expected if part[0] != "stream"][
        :-1
    ]
    assert made[-1] == ("file", "FILE real_speech.wav audio/wav")
    assert ("stream", "false") in made


@pytest.mark.parametrize(
    ("asked", "format_"),
    [
        ({}, "json"),
        ({"timestamps": ("word",)}, "verbose_json"),
        ({"timestamps": ("word", "segment")}, "verbose_json"),
        ({"speakers": True}, "diarized_json"),
        ({"known_speakers": {"Ann": "data:,"}}, "diarized_json"),
        ({"speakers": True, "timestamps": ("segment",)}, "diarized_json"),
        ({"model": "gpt-4o-transcribe-diarize"}, "diarized_json"),
        ({"response_format": "srt"}, "srt"),
    ],
)
def test_the_format_is_the_one_that_holds_what_is_asked_for(asked: Any, format_: str) -> None:
    assert fields(**asked)["response_format"] == format_


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"language": "en", "prompt": "p", "temperature": 0.2, "stream": True},
        {"timestamps": ("word", "segment")},
        {"model": "gpt-transcribe", "language": ("en", "de"), "extra_body": {"keywords": ["Ruby", "gem"]}},
        {"model": "gpt-4o-transcribe", "logprobs": True},
        {"model": "gpt-4o-transcribe-diarize", "known_speakers": {"Ann": "data:audio/wav;base64,AA"}},
        {"response_format": "vtt"},
    ],
)
def test_every_form_is_what_the_specification_allows(asked: Any) -> None:
    made = fields(**asked)
    for name, convert in (("temperature", float), ("stream", bool)):
        if name in made:
            made[name] = convert(made[name])
    assert problems("/v1/audio/transcriptions", made) == []


def test_a_list_has_brackets_unless_the_server_wants_none() -> None:
    asked: dict[str, Any] = {"timestamps": ("word", "segment"), "extra_body": {"keywords": ["a", "b"]}}
    made = form(request(**asked))
    assert [part for part in made if part[0].startswith(("time", "key"))] == [
        ("timestamp_granularities[]", "word"),
        ("timestamp_granularities[]", "segment"),
        ("keywords[]", "a"),
        ("keywords[]", "b"),
    ]
    plain = [name for name, _ in form(request(**asked, brackets=False))]
    assert plain.count("timestamp_granularities") == plain.count("keywords") == 2
    assert not any("[" in name for name in plain)


def test_a_mapping_becomes_bracketed_fields_and_auto_one() -> None:
    made = form(request(chunking={"threshold": 0.5, "silence_duration_ms": 200}))
    assert [part for part in made if part[0].startswith("chunking")] == [
        ("chunking_strategy[type]", "server_vad"),
        ("chunking_strategy[threshold]", "0.5"),
        ("chunking_strategy[silence_duration_ms]", "200"),
    ]
    assert ("chunking_strategy", "auto") in form(request(chunking="auto"))
    assert ("chunking_strategy", "auto") in form(request(speakers=True))
    assert "chunking_strategy" not in fields()


def test_nothing_is_sent_that_nobody_asked_for() -> None:
    assert set(fields()) == {"model", "response_format", "file"}
    assert "prompt" not in fields(extra_body={"prompt": None}, prompt="p")


def test_what_the_formats_cannot_hold_is_warned_of() -> None:
    with pytest.warns(TikHubAIWarning, match="holds no timestamps"):
        request(timestamps=("word",), response_format="srt")
    with pytest.warns(TikHubAIWarning, match="only segments have them"):
        assert "timestamp_granularities" not in fields(timestamps=("word",), speakers=True)
    with pytest.warns(TikHubAIWarning, match="5 known speakers were given; OpenAI takes 4"):
        request(known_speakers=dict.fromkeys("abcde", "data:,"))


def test_the_file_wins_over_extra_body_and_everything_else_loses_to_it() -> None:
    made = form(request(extra_body={"file": "x", "model": "m", "response_format": "text", "new": True}))
    assert made == [
        ("model", "m"),
        ("response_format", "text"),
        ("new", "true"),
        ("file", "FILE a.wav audio/wav"),
    ]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"bytes", object(), {"a": {1: {2: object()}}}])
def test_what_a_form_cannot_carry_is_refused_by_name(value: Any) -> None:
    with pytest.raises(InvalidRequestError, match="field"):
        form_fields("field", value)


def test_an_upload_that_cannot_be_rewound_is_never_sent_twice() -> None:
    pipe = Upload(b"", "a.wav", None, wav(), is_seekable=False)
    assert request(file=pipe).retry_when_sent is False
    assert request().retry_when_sent is True


# --- the file's name -------------------------------------------------------------------------------------------------

HEADS = {
    "wav": wav(),
    "mp3": b"ID3\x04\0\0\0\0\0\0",
    "mp3 without a tag": b"\xff\xfb\x90\x64\0\0\0\0",
    "flac": b"fLaC\0\0\0\x22",
    "ogg": b"OggS\0\x02\0\0",
    "webm": b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm",
    "m4a": b"\0\0\0\x20ftypM4A \0\0\0\0",
    "mp4": b"\0\0\0\x20ftypisom\0\0\0\0",
    "mpeg": b"\0\0\x01\xba\x44\0\0\0",
}
MIME = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "webm": "video/webm",
    "m4a": "audio/mp4",
    "mp4": "video/mp4",
    "mpeg": "audio/mpeg",
}
FAMILIES = [{"wav"}, {"mp3", "mpga", "mpeg"}, {"flac"}, {"ogg", "oga"}, {"webm"}, {"m4a", "mp4"}]


def named(head: bytes, filename: str) -> FilePart:
    part = (request(file=upload(head, filename)).form or ())[-1]
    assert isinstance(part, FilePart)
    return part


@pytest.mark.parametrize("content", HEADS)
def test_a_name_without_an_extension_gets_that_of_the_content(content: str) -> None:
    extension = content.partition(" ")[0]
    for filename, due in (
        ("", f"audio.{extension}"),
        ("talk", f"talk.{extension}"),
        ("a/b\\talk", f"talk.{extension}"),
    ):
        part = named(HEADS[content], filename)
        assert (part.filename, part.content_type) == (due, MIME[extension])


@pytest.mark.parametrize("content", HEADS)
@pytest.mark.parametrize("extension", sorted(set().union(*FAMILIES)))
def test_a_wrong_extension_is_mended_with_a_warning_and_a_right_one_is_kept(content: str, extension: str) -> None:
    own = content.partition(" ")[0]
    if any({own, extension} <= family for family in FAMILIES):
        assert named(HEADS[content], f"talk.{extension}").filename == f"talk.{extension}"
        return
    with pytest.warns(TikHubAIWarning, match=f"talk.{extension} is .* by its first bytes, so it is sent as talk.{own}"):
        assert named(HEADS[content], f"talk.{extension}").filename == f"talk.{own}"


def test_an_extension_of_the_same_container_that_openai_does_not_read_is_changed() -> None:
    assert named(HEADS["ogg"], "voice.opus").filename == "voice.ogg"
    assert named(b"\0\0\0\x14ftypqt  ", "clip.mov").filename == "clip.mp4"
    assert named(HEADS["wav"], "TALK.WAV").filename == "TALK.WAV"


def test_content_that_nobody_knows_keeps_its_name_and_a_name_that_says_nothing_is_warned_of() -> None:
    assert named(b"\x01\x02\x03\x04", "a.mp3").filename == "a.mp3"
    with pytest.warns(TikHubAIWarning, match="Neither the name 'talk' nor its first bytes"):
        assert named(b"\x01\x02\x03\x04", "talk").filename == "talk"


@pytest.mark.parametrize(
    "head",
    [b"\x89PNG\r\n\x1a\n", b"%PDF-1.7", b"PK\x03\x04", b"<!DOCTYPE html><p>", b'{"error": 1}', b"\xff\xd8\xff\xe0"],
)
def test_what_is_no_recording_is_refused_before_it_is_sent(head: bytes) -> None:
    with pytest.raises(InvalidRequestError, match=r"a\.wav is no recording"):
        named(head, "a.wav")
    with pytest.raises(InvalidRequestError, match="is empty"):
        request(file=upload(b"", "a.wav", 0))
    with pytest.raises(InvalidRequestError, match="give model="):
        request(model="")


# --- limits ----------------------------------------------------------------------------------------------------------


def test_a_file_too_large_or_too_long_is_warned_of_in_numbers() -> None:
    with pytest.warns(TikHubAIWarning, match=r"26,302,000 bytes \(25\.1 MiB\).*26,214,400 \(25 MiB\)"):
        request(file=upload(size=26_302_000))
    with pytest.warns(TikHubAIWarning, match="lasts 1,401 s.*1,400 s at most"):
        request(model="gpt-4o-transcribe", file=upload(wav(1401, rate=8000), size=1401 * 8000 + 44))
    request(model="whisper-1", file=upload(wav(1401, rate=8000), size=1401 * 8000 + 44))
    request(file=upload(size=MAX_BYTES))  # warnings are errors here


@pytest.mark.parametrize("claimed", [0, 0xFFFFFFFF, 10**9])
def test_a_wav_that_lies_of_its_length_is_measured_by_what_is_there(claimed: int) -> None:
    assert seconds_of(upload(wav(3, claimed=claimed), size=3 * 32_000 + 44)) == 3
    assert seconds_of(upload(wav(3, claimed=claimed)[:30])) is None


@needs_speech
@pytest.mark.parametrize("name", ["real_speech.wav", "real_speech_broken_header.wav"])
def test_real_speech_lasts_what_it_lasts_whatever_its_header_claims(name: str) -> None:
    content = (SPEECH / name).read_bytes()
    found = seconds_of(Upload(content, name, len(content), content[:HEAD]))
    assert found == pytest.approx(3.70, abs=0.02)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        request(model="gpt-4o-transcribe", file=Upload(content, name, len(content), content[:HEAD]))


def test_a_flac_tells_its_length_and_a_header_of_nothing_tells_none() -> None:
    streaminfo = b"\0\x10\0\x10\0\0\0\0\0\0" + ((16_000 << 44) | (0x1F << 36) | 48_000).to_bytes(8, "big")
    assert seconds_of(upload(b"fLaC\0\0\0\x22" + streaminfo + bytes(16))) == 3
    for head in (b"RIFF", b"RIFF\0\0\0\0WAVE", wav()[:20], b"fLaC", b"OggS", b"", b"fLaC" + bytes(40)):
        assert seconds_of(upload(head)) is None
