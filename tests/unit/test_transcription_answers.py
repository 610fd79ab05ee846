"""What a server answers to a recording, read by its content whatever was asked, streamed or whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.media_examples import answer, cases, needs_examples
from tikhub_ai import (
    APIStatusError,
    IncompleteStreamError,
    InvalidResponseError,
    Segment,
    ServerError,
    TikHubAIError,
    TikHubAIWarning,
    Transcript,
    TranscriptEvent,
    Word,
)
from tikhub_ai.apis.transcriptions import TranscriptDecoder, decode, judge
from tikhub_ai.apis.transcriptions.subtitles import is_subtitles
from tikhub_ai.error_bodies import error_from_response
from tikhub_ai.languages import CODES
from tikhub_ai.wire import ApiResponse, FilePart, ServerSentEvent, Upload

CASES = cases("transcriptions")
FILE = FilePart("file", "a.mp3", "audio/mpeg", Upload(b"", "a.mp3", 26_302_000, b"ID3\x04rest"))


def response(body: Any, kind: str = "application/json") -> ApiResponse:
    raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return ApiResponse(200, {"content-type": kind}, raw)


def read(body: Any, kind: str = "application/json") -> Transcript:
    return decode(response(body, kind))


def judged(status: int, body: Any) -> TikHubAIError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return judge(error_from_response(status, {}, raw), FILE, "gpt-4o-transcribe")


def payload_of(case: dict[str, Any]) -> Any:
    return case["response"]["body"]


@needs_examples
@pytest.mark.parametrize("case", [param for param in CASES if param.values[0]["response"]["status"] == 200])
def test_every_answer_is_read_as_expected(case: dict[str, Any]) -> None:
    transcript, body, expect = decode(answer(case)), payload_of(case), case["expect"]
    assert transcript.text
    assert transcript.text == transcript.text.strip()
    assert "-->" not in transcript.text
    if isinstance(body, dict):
        assert transcript.text == body["text"].strip()
        assert transcript.raw == body
        assert transcript.duration == body.get("duration")
        assert len(transcript.segments) == len(body.get("segments") or ())
    if "language" in expect:
        assert transcript.language == expect["language"]
    if "segments" in expect:
        assert len(transcript.segments) == expect["segments"]


@needs_examples
@pytest.mark.parametrize("case", [param for param in CASES if param.values[0]["response"]["status"] != 200])
def test_every_error_answer_is_its_member_of_the_tree(case: dict[str, Any]) -> None:
    with pytest.raises(APIStatusError) as caught:
        answer(case)
    error = judge(caught.value, FILE, "m")
    assert type(error).__name__ == case["expect"]["error_class"].partition(" ")[0]
    assert not error.is_retryable
    if "with that message" in case["expect"]["error_class"]:
        assert payload_of(case)["detail"]["error"]["message"] in str(error)


VERBOSE = {
    "task": "transcribe",
    "language": "english",
    "duration": "2.0",
    "text": " Hello there. Bye. ",
    "segments": [
        {"id": 0, "start": 0, "end": "1.0", "text": " Hello there.",
         "words": [{"word": " Hello", "start": 0, "end": 0.5}]},
        {"id": "seg_1", "start": 1.0, "end": 2.1, "text": " Bye.", "speaker_id": "speaker_1"},
    ],
    "usage": {"type": "tokens", "input_tokens": 3, "output_tokens": 4, "total_tokens": 7,
              "input_token_details": {"audio_tokens": 2, "text_tokens": 1}},
}  # fmt: skip


def test_all_that_an_answer_says_is_kept() -> None:
    transcript = read(VERBOSE)
    assert transcript.text == "Hello there. Bye."
    assert (transcript.language, transcript.language_code, transcript.duration) == ("english", "en", 2.0)
    assert [(part.id, part.start, part.end, part.text, part.speaker) for part in transcript.segments] == [
        ("0", 0.0, 1.0, "Hello there.", None),
        ("seg_1", 1.0, 2.1, "Bye.", "speaker_1"),
    ]
    assert transcript.words == [Word("Hello", 0.0, 0.5)]
    assert transcript.speakers == ["speaker_1"]
    assert (transcript.usage.input_tokens, transcript.usage.output_tokens, transcript.usage.total_tokens) == (3, 4, 7)
    assert transcript.usage.input_details == {"audio": 2, "text": 1}
    assert transcript.usage.raw == VERBOSE["usage"]
    assert transcript.raw == VERBOSE


def test_words_on_top_win_over_those_in_segments_and_null_is_none() -> None:
    top = [{"word": "Hi", "start": 0, "end": 1}]
    assert read({**VERBOSE, "words": top}).words == [Word("Hi", 0.0, 1.0)]
    nothings: tuple[Any, ...] = (None, [])
    for nothing in nothings:
        assert read({**VERBOSE, "words": nothing}).words == [Word("Hello", 0.0, 0.5)]
    assert read({"text": "a", "words": None, "segments": None}).segments == []


def test_log_probabilities_and_usage_in_chat_words_are_kept() -> None:
    transcript = read({"text": "a", "logprobs": [{"token": "a", "logprob": -1}], "usage": {"prompt_tokens": 3}})
    assert transcript.logprobs == [{"token": "a", "logprob": -1}]
    assert transcript.usage.input_tokens == 3


# --- by content ------------------------------------------------------------------------------------------------------

SRT = "1\n00:00:00,000 --> 00:00:04,250\nRuby is a\nlanguage.\n\n2\n00:00:04,250 --> 01:00:09,5\nBye.\n"
VTT = (
    "\ufeffWEBVTT - title\r\nKind: captions\r\n\r\nNOTE a --> b is a comment\r\n\r\nSTYLE\r\n::cue {}\r\n\r\nintro\r\n"
    "00:00.000 --> 00:04.250 align:start\r\n<v.loud Ann Lee>Ruby &amp; <i>gems</i></v>\r\n\r\n"
    "00:04.250 --> 1:00:09.500\r\nBye.\r\n"
)
KINDS = ["application/json", "text/plain", "text/plain; charset=utf-8", "text/vtt", "application/x-subrip", ""]


@pytest.mark.parametrize("kind", KINDS)
def test_subtitles_are_read_under_any_label(kind: str) -> None:
    transcript = read(SRT, kind)
    assert transcript.text == "Ruby is a language. Bye."
    assert transcript.raw == SRT
    assert [(part.start, part.end, part.text) for part in transcript.segments] == [
        (0.0, 4.25, "Ruby is a\nlanguage."),
        (4.25, 3609.5, "Bye."),
    ]
    transcript = read(VTT, kind)
    assert transcript.text == "Ruby & gems Bye."
    assert [(part.start, part.end, part.text, part.speaker, part.id) for part in transcript.segments] == [
        (0.0, 4.25, "Ruby & gems", "Ann Lee", "intro"),
        (4.25, 3609.5, "Bye.", None, None),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_json_is_read_under_any_label(kind: str) -> None:
    assert read({"text": "Hello"}, kind).text == "Hello"
    assert read(json.dumps("Hello\n"), kind).text == "Hello"
    assert read([{"start": 0, "end": 1, "text": "Hello"}], kind).text == "Hello"


@pytest.mark.parametrize("kind", ["text/plain", "text/plain; charset=utf-8", ""])
@pytest.mark.parametrize(
    "text",
    [
        " Hello there.\n",
        '"Hello," she said.',
        "[Music] Hello",
        "[1]",
        "12",
        "null",
        "true",
        "a --> b",
        "{laughs} Hello",
    ],
)
def test_a_text_is_a_text_whatever_it_looks_like(kind: str, text: str) -> None:
    transcript = read(text, kind)
    assert transcript.text == text.strip()
    assert transcript.raw == text
    assert not is_subtitles(text)


def test_silence_is_an_empty_transcript() -> None:
    for body, kind in (("", "text/plain"), ("\n", "text/plain"), ("WEBVTT\n\n", "text/vtt"), ('{"text": ""}', "")):
        assert read(body, kind).text == ""
        assert read(body, kind).segments == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/json"),
        (b"", ""),
        (b"{}", "application/json"),
        (b"null", "application/json"),
        (b'{"text": "Hel', "application/json"),
        (b'{"text": "Hel', "text/plain"),
        (b'{"text": null}', "application/json"),
        (b'{"id": "x", "choices": []}', "application/json"),
        (b"<!DOCTYPE html><title>Sign in</title>", "text/html"),
        (b"<html>", "text/plain"),
        (b"Not found", "text/html"),
        (b"[[]]", "application/json"),
    ],
)
def test_what_is_no_transcript_is_no_answer(body: bytes, kind: str) -> None:
    with pytest.raises(InvalidResponseError, match="where a transcript was due"):
        read(body, kind)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": {"message": "bad format"}}, "bad format"),
        ({"error": "bad format"}, "bad format"),
        ({"detail": "bad format"}, "bad format"),
        ({"success": False, "message": "bad format"}, "bad format"),
    ],
)
def test_an_error_in_a_200_is_an_error(body: Any, words: str) -> None:
    with pytest.raises(APIStatusError, match=words):
        read(body)


def test_a_transcript_beside_an_empty_error_is_one() -> None:
    assert read({"text": "Hello", "error": None}).text == "Hello"


# --- streams ---------------------------------------------------------------------------------------------------------


def events(*payloads: Any, done: bool = True) -> list[ServerSentEvent]:
    made = [ServerSentEvent("", json.dumps(payload).encode()) for payload in payloads]
    return [*made, ServerSentEvent("", b"[DONE]")] if done else made


def fed(*given: ServerSentEvent) -> tuple[TranscriptDecoder, list[TranscriptEvent]]:
    decoder = TranscriptDecoder()
    return decoder, [made for event in given for made in decoder.event(event)]


DELTAS = [{"type": "transcript.text.delta", "delta": text} for text in ("Ruby", " is", " fun.")]
SEGMENT = {"type": "transcript.text.segment", "id": "seg_0", "start": 0, "end": 1.5, "text": " Hi.", "speaker": "A"}


def test_a_stream_gives_its_deltas_and_the_whole_at_the_end() -> None:
    usage = {"type": "tokens", "input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    decoder, made = fed(*events(*DELTAS, {"type": "transcript.text.done", "text": "Ruby is fun.", "usage": usage}))
    assert [event.kind for event in made] == ["delta", "delta", "delta", "done"]
    assert "".join(event.text for event in made[:-1]) == made[-1].text == "Ruby is fun."
    assert made[-1].transcript is decoder.transcript()
    assert decoder.transcript().usage.total_tokens == 3
    assert decoder.is_complete
    assert decoder.is_done


def test_segments_of_a_stream_are_those_of_the_transcript() -> None:
    decoder, made = fed(*events(SEGMENT, {"type": "transcript.text.done", "text": "Hi."}))
    assert made[0].kind == "segment"
    assert made[0].segment == Segment("Hi.", 0.0, 1.5, "A", "seg_0", raw=SEGMENT)
    assert decoder.transcript().segments == [made[0].segment]
    assert decoder.transcript().speakers == ["A"]


def test_what_the_end_does_not_say_again_is_what_came_before() -> None:
    logprob = {"token": "Ruby", "logprob": -0.1}
    decoder, made = fed(*events({**DELTAS[0], "logprobs": [logprob]}, SEGMENT, {"type": "transcript.text.done"}))
    assert made[-1].text == "Ruby"
    assert decoder.transcript().segments
    assert decoder.transcript().logprobs == [logprob]
    assert fed(*events(SEGMENT, {"type": "transcript.text.done"}))[0].transcript().text == "Hi."


def test_a_stream_without_its_end_is_not_complete_and_has_its_part() -> None:
    for given in (events(*DELTAS), events(*DELTAS, done=False), events(*DELTAS, {"type": "new.event"})):
        decoder, made = fed(*given)
        assert not decoder.is_complete
        assert len(made) == 3
        assert decoder.transcript().text == "Ruby is fun."


def test_an_error_in_a_stream_is_an_error() -> None:
    for payload in ({"error": {"message": "broken"}}, {"type": "error", "error": {"message": "broken"}}):
        with pytest.raises(APIStatusError, match="broken"):
            fed(*events(*DELTAS, payload))
    with pytest.raises(InvalidResponseError):
        fed(ServerSentEvent("", b'{"type": "tra'))


def test_a_stream_asked_for_and_a_whole_answer_given_is_one_delta_and_the_end() -> None:
    decoder = TranscriptDecoder()
    made = decoder.body(response({"text": " Ruby is fun."}))
    assert [(event.kind, event.text) for event in made] == [("delta", "Ruby is fun."), ("done", "Ruby is fun.")]
    assert decoder.is_complete
    assert made[-1].transcript is decoder.transcript()


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_events_that_nobody_asked_for_are_the_same_transcript(newline: str) -> None:
    given = events(*DELTAS, {"type": "transcript.text.done", "text": "Ruby is fun."})
    body = "".join(f"data: {event.data.decode()}{newline}{newline}" for event in given)
    for kind in KINDS:
        assert read(body, kind) == fed(*given)[0].transcript()
    cut = body[: body.index('{"type": "transcript.text.done"')]
    with pytest.raises(IncompleteStreamError) as caught:
        read(cut + "[DONE]", "text/event-stream")
    assert caught.value.partial is not None
    assert caught.value.partial.text == "Ruby is fun."


# --- what is to be warned of, and errors -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("whole", "end", "warned"),
    [(3600, 1800, True), (3600, 3500, False), (60, 10, True), (20, 1, False), (None, 5, False), (10, 12, False)],
)
def test_words_that_end_long_before_the_recording_are_warned_of(whole: float | None, end: float, warned: bool) -> None:
    body = {"text": "a", "duration": whole, "segments": [{"start": 0, "end": end, "text": "a"}]}
    if warned:
        with pytest.warns(TikHubAIWarning, match="may have been lost"):
            read(body)
    else:
        read(body)  # warnings are errors here


def test_the_recordings_own_length_counts_where_it_is_known_and_silence_of_times_says_nothing() -> None:
    with pytest.warns(TikHubAIWarning, match="ends at 5 s of 3,600 s"):
        decode(response({"text": "a", "segments": [{"start": 0, "end": 5, "text": "a"}]}), seconds=3600)
    decode(response({"text": "a"}), seconds=3600)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (413, {"error": {"message": "too big"}}, "26,302,000 bytes (25.1 MiB). OpenAI takes 26,214,400 (25 MiB)"),
        (413, b"<html><title>413 Request Entity Too Large</title>", "or a proxy before it, may take less"),
        (400, {"error": {"message": "m", "code": "unsupported_format"}}, "sent as a.mp3, audio/mpeg; its first bytes"),
        (400, {"error": {"message": "Unrecognized file format."}}, "b'ID3\\x04rest'"),
        (400, {"error": {"message": "audio duration 1500 s is longer than 1400 seconds"}}, "1,400 s at most"),
        (404, b"", "paths={'transcriptions': ...}"),
        (405, b"", "paths={'transcriptions': ...}"),
    ],
)
def test_an_error_says_what_is_known_of_the_file_and_what_to_do(status: int, body: Any, words: str) -> None:
    assert words in str(judged(status, body))


def test_a_server_that_choked_on_the_file_is_not_sent_it_again() -> None:
    assert not judged(500, b"Internal Server Error").is_retryable
    assert judged(500, {"error": {"message": "busy"}}).is_retryable
    assert judged(502, b"<html>").is_retryable
    plain = ServerError("x")
    assert judge(plain, FILE, "m") is plain


# --- subtitles out ---------------------------------------------------------------------------------------------------


def test_a_transcript_is_written_as_subtitles_and_read_again() -> None:
    segments = [
        Segment("Ruby is <fun> & --> more.\n\nYes.", 0.0, 3661.0005, "Ann"),
        Segment("", 1, 2),
        Segment("Bye.", 3662.0, 3662.9996),
    ]
    transcript = Transcript(segments=segments)
    assert transcript.to_srt() == (
        "1\n00:00:00,000 --> 01:01:01,000\nAnn: Ruby is <fun> & -> more.\nYes.\n\n"
        "2\n01:01:02,000 --> 01:01:03,000\nBye.\n\n"
    )
    again = read(transcript.to_vtt(), "text/vtt").segments
    assert [(part.text, part.speaker) for part in again] == [("Ruby is <fun> & -> more.\nYes.", "Ann"), ("Bye.", None)]
    assert [part.end for part in read(transcript.to_srt(), "text/plain").segments] == [3661.0, 3663.0]


def test_words_make_cues_where_there_are_no_segments() -> None:
    words = [Word(f"w{at}", at, at + 1.0, "A" if at < 8 else "B") for at in range(10)]
    cues = read(Transcript(words=words).to_srt(), "text/plain").segments
    assert [(cue.start, cue.end) for cue in cues] == [(0, 6), (6, 8), (8, 10)]
    assert cues[2].text == "B: w8 w9"


def test_a_transcript_without_times_says_how_to_get_them() -> None:
    with pytest.raises(ValueError, match=r"timestamps=\('segment',\)"):
        Transcript("Hello").to_srt()
    assert Transcript("Hello", duration=2.0).to_vtt() == "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nHello\n\n"
    assert Transcript().to_srt() == ""


@pytest.mark.parametrize(
    ("language", "code"), [("english", "en"), ("English ", "en"), ("en", "en"), ("klingon", "klingon"), (None, None)]
)
def test_a_language_is_kept_and_its_code_is_offered(language: str | None, code: str | None) -> None:
    transcript = read({"text": "a", "language": language})
    assert transcript.language == (language or None)
    assert transcript.language_code == code
    assert all(2 <= len(value) <= 3 for value in CODES.values())


@pytest.mark.parametrize(
    "body",
    [
        b'[{"error": {"message": "boom", "code": 500}}]',
        b'{"error": {"message": "boom", "code": 500}}',
        b'{"text": "", "error": {"message": "boom", "code": 500}}',
        b'{"text": "", "segments": [], "success": false, "message": "boom"}',
        b'{"success": false, "message": "boom"}',
        b'{"detail": "boom"}',
    ],
)
def test_an_error_in_a_200_is_no_transcript_without_words(body: bytes) -> None:
    with pytest.raises(APIStatusError, match="boom"):
        decode(ApiResponse(200, {"content-type": "application/json"}, body))


@pytest.mark.parametrize("body", [b"[]", b'[{"a": 1}]', b"[1]"])
def test_a_list_without_a_text_is_no_transcript(body: bytes) -> None:
    with pytest.raises(InvalidResponseError):
        decode(ApiResponse(200, {"content-type": "application/json"}, body))


def test_words_beside_an_empty_error_are_a_transcript() -> None:
    body = b'{"text": "hello", "error": {"message": ""}}'
    assert decode(ApiResponse(200, {"content-type": "application/json"}, body)).text == "hello"
