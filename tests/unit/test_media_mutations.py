"""Whatever a server sends, the media codecs answer with a value or a member of the tree."""

from __future__ import annotations

import json
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.media_examples import EXAMPLES, FILES, needs_examples
from tikhub_ai import TikHubAIError
from tikhub_ai.apis import videos
from tikhub_ai.apis.jobs.errors import ends_polling, judge, lost_create, made_nothing
from tikhub_ai.apis.jobs.values import without_long
from tikhub_ai.apis.transcriptions import TranscriptDecoder, decode
from tikhub_ai.apis.transcriptions.audio import seconds_of
from tikhub_ai.apis.transcriptions.subtitles import segments_in
from tikhub_ai.error_bodies import error_from_response
from tikhub_ai.file_types import file_type
from tikhub_ai.video_families import FAMILIES, codec_of
from tikhub_ai.video_job import VideoJobData, VideoRequest
from tikhub_ai.video_json import from_json, to_json
from tikhub_ai.wire import ApiResponse, ServerSentEvent, Upload

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.long, needs_examples, pytest.mark.filterwarnings("ignore")]
QUICK = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def bodies() -> list[Any]:
    """Every example's answer."""
    found = []
    for name in FILES.values():
        path = EXAMPLES / f"{name}.json"
        cases = json.loads(path.read_text())["cases"] if path.is_file() else ()
        found += [case["response"]["body"] for case in cases]
    return found


BODIES = bodies() or [{}]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ["", "failed", "succeed", "https://e.com/v", "data:,", "data:video/mp4;base64,AA", "100%", "\ud800"]
    )
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def keys_of(value: Any) -> set[str]:
    """Every key of the examples: what the walkers know."""
    if isinstance(value, dict):
        return set(value) | {key for item in value.values() for key in keys_of(item)}
    return {key for item in value for key in keys_of(item)} if isinstance(value, list) else set()


KEYS = sorted(keys_of(BODIES))


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """An example with parts of it replaced, removed, wrapped or moved."""
    body = json.loads(json.dumps(draw(st.sampled_from(BODIES))))
    for _ in range(draw(st.integers(1, 4))):
        place = body
        for _ in range(draw(st.integers(0, 4))):
            inner = list(place.values()) if isinstance(place, dict) else place if isinstance(place, list) else []
            inner = [item for item in inner if isinstance(item, (dict, list))]
            if not inner:
                break
            place = draw(st.sampled_from(inner))
        if isinstance(place, dict):
            key = draw(st.sampled_from(KEYS + list(place)))
            if draw(st.booleans()):
                place[key] = draw(JSON)
            else:
                place.pop(key, None)
        elif isinstance(place, list):
            place.append(draw(JSON))
    return {"code": 0, "data": body} if draw(st.booleans()) else body


def raw(body: Any) -> bytes:
    return body.encode("utf-8", "surrogatepass") if isinstance(body, str) else json.dumps(body).encode()


REQUEST = VideoRequest("m", "p")
ANSWERS = mutated() | JSON


@QUICK
@given(ANSWERS, st.sampled_from(FAMILIES), st.booleans())
def test_any_answer_to_a_create_or_a_poll(body: Any, family: str, cut: bool) -> None:
    codec, content = codec_of(family), raw(body)
    response = ApiResponse(200, {"retry-after": "x"}, content[: len(content) // 2] if cut else content)
    for read in (
        codec.decode,
        lambda given: codec.decode_created(given, REQUEST),
        videos.decode_list,
        videos.decode_deleted,
    ):
        with suppress(TikHubAIError):
            read(response)
    with suppress(TikHubAIError):
        update = codec.decode(response)
        job = VideoJobData("t", family)
        job.take(update)
        assert job.status in {"queued", "running", "succeeded", "failed", "cancelled", "expired"}
        assert job.progress is None or 0 <= job.progress <= 100
        assert isinstance(str(job.failure()), str)
        assert isinstance(job.urls, list)
        saved = to_json(job)
        assert to_json(from_json(saved, "")) == saved


@QUICK
@given(ANSWERS, st.integers(300, 599), st.booleans())
def test_any_error_answer(body: Any, status: int, creates: bool) -> None:
    error = judge(error_from_response(status, {}, raw(body)), setting="kling.text2video", path="/p", creates=creates)
    assert isinstance(error, TikHubAIError)
    assert isinstance(made_nothing(error), bool)
    assert isinstance(ends_polling(error, 1.0), bool)
    assert isinstance(lost_create(error, REQUEST), TikHubAIError)


@QUICK
@given(
    ANSWERS | st.binary(max_size=60) | st.text(), st.sampled_from(["application/json", "text/plain", "text/html", ""])
)
def test_any_answer_to_a_transcription(body: Any, kind: str) -> None:
    content = body if isinstance(body, bytes) else raw(body)
    with suppress(TikHubAIError):
        transcript = decode(ApiResponse(200, {"content-type": kind}, content))
        with suppress(ValueError):
            assert "-->" in transcript.to_srt() + transcript.to_vtt() or not transcript.text
        assert isinstance(transcript.speakers, list)


@QUICK
@given(st.lists(ANSWERS, max_size=4), st.sampled_from(["", "transcript.text.delta", "transcript.text.done", "error"]))
def test_any_events_of_a_transcription(payloads: list[Any], name: str) -> None:
    decoder = TranscriptDecoder()
    for payload in payloads:
        typed = {"type": name, **payload} if isinstance(payload, dict) else payload
        with suppress(TikHubAIError):
            decoder.event(ServerSentEvent(name, raw(typed)))
    assert isinstance(decoder.transcript().text, str)


@QUICK
@given(st.binary(max_size=80), st.none() | st.integers(0, 10**10))
def test_any_first_bytes(head: bytes, size: int | None) -> None:
    for start in (b"", b"RIFF\0\0\0\0WAVE", b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0", b"fLaC", b"\xff", b"\0\0\0\x20ftyp"):
        file_type(start + head)
        seconds = seconds_of(Upload(b"", "a", size, start + head))
        assert seconds is None or seconds > 0


@QUICK
@given(st.text(alphabet="0123456789:,.-> \n<v/>WEBVTTa&;", max_size=120))
def test_any_subtitles(text: str) -> None:
    for segment in segments_in(text):
        assert segment.start >= 0
        assert segment.end >= 0


@QUICK
@given(JSON)
def test_a_note_in_place_of_long_texts_is_json(value: Any) -> None:
    with warnings.catch_warnings():
        json.dumps(without_long(value))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every path in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def deep(kind: str, depth: int = 900) -> bytes:
    """Lists in lists, or objects under a key in one another; not made by json, which has no such depth."""
    start, end = (b"[", b"]") if kind == "[]" else (b'{"' + kind.encode() + b'":', b"}")
    return start * depth + b"1" + end * depth


def with_deep_places() -> Iterator[bytes]:
    """The examples' answers with something deep at each place that no answer before has, and at each key."""
    seen: set[Any] = set()
    for body in [dict.fromkeys(KEYS), *(body for body in BODIES if isinstance(body, dict))]:
        for path in places(body):
            shape = tuple(key for key in path if isinstance(key, str))
            if shape in seen:
                continue
            seen.add(shape)
            changed = json.loads(json.dumps(body))
            place = changed
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = "*deep*"
            for kind in ("[]", shape[-1]):
                yield json.dumps(changed).encode().replace(b'"*deep*"', deep(kind))


@pytest.mark.parametrize("family", FAMILIES)
def test_an_answer_of_any_depth_in_any_place_is_read_or_an_error_of_the_tree(family: str) -> None:
    for content in with_deep_places():
        with suppress(TikHubAIError):
            job = VideoJobData("t", family)
            job.take(codec_of(family).decode(ApiResponse(200, {}, content)))
            to_json(from_json(to_json(job), ""))


@pytest.mark.parametrize("digits", [20, 400, 4000])
def test_an_error_with_a_number_of_any_size_is_the_error(digits: int) -> None:
    number = "9" * digits
    error = error_from_response(
        400, {}, f'{{"error": {{"message": "No.", "type": {number}, "code": {number}}}}}'.encode()
    )
    assert error.message.startswith("400 No.")
    assert len(str(error)) < 1000
