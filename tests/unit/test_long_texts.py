"""JSON with a film in it, read in pieces: what is left is the same JSON, what was put aside the same text."""

from __future__ import annotations

import base64
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tikhub_ai.apis.jobs.long_texts import LongTexts
from tikhub_ai.apis.veo import decode
from tikhub_ai.video_job import decoded
from tikhub_ai.wire import ApiResponse

MARK = "*mark*"
LIMIT = 256


def cut(document: bytes, size: int) -> tuple[bytes, dict[int, bytes]]:
    aside: dict[int, bytearray] = {}
    texts = LongTexts(lambda number, piece: aside.setdefault(number, bytearray()).extend(piece), MARK, LIMIT)
    left = b"".join(texts.feed(document[at : at + size]) for at in range(0, len(document), size)) + texts.close()
    return left, {number: bytes(piece) for number, piece in aside.items()}


def expected(value: Any, aside: list[str]) -> Any:
    """A value with its long texts put aside, in order."""
    if isinstance(value, dict):
        return {expected(key, aside): expected(item, aside) for key, item in value.items()}
    if isinstance(value, list):
        return [expected(item, aside) for item in value]
    if isinstance(value, str) and len(value) > 1000:
        aside.append(value)
        return f"{MARK}{len(aside) - 1}"
    return value


def unmarked(value: Any) -> Any:
    """What is left, without the texts' beginnings before the marks."""
    if isinstance(value, dict):
        return {unmarked(key): unmarked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unmarked(item) for item in value]
    return value[value.index(MARK) :] if isinstance(value, str) and MARK in value else value


CHARACTERS = st.sampled_from(['"', "\\", "/", "=", "a", "é", "漢", "😀", "\n", "\x00", "u", "d", "8"])
SHORT = st.text(CHARACTERS, max_size=20)
LONG = st.builds(
    lambda piece, count: piece * count, st.text(CHARACTERS, min_size=1, max_size=9), st.integers(1001, 1300)
)
VALUES = st.recursive(
    SHORT | LONG | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SHORT, inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(VALUES, st.integers(1, 700), st.booleans(), st.booleans())
def test_any_json_comes_apart_and_is_the_same_however_it_is_cut(value: Any, size: int, plain: bool, php: bool) -> None:
    document = json.dumps({"v": value}, ensure_ascii=plain)
    if php:  # as PHP writes it
        document = document.replace("/", "\\/")
    left, aside = cut(document.encode(), size)
    texts: list[str] = []
    assert unmarked(json.loads(left)) == expected({"v": value}, texts)
    assert [aside[number].decode() for number in range(len(texts))] == texts


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_answer_that_is_cut_stays_no_json(size: int) -> None:
    for document in (b'{"a": "short', b'{"a": "' + b"A" * 5000, b'{"a": "\\', b'{"a"'):
        left, _ = cut(document, size)
        with pytest.raises(json.JSONDecodeError):
            json.loads(left)


def test_a_film_goes_through_in_flat_memory_and_its_bytes_come_out() -> None:
    film = bytes(range(256)) * 4
    text = base64.b64encode(film * 3).decode()  # a multiple of three bytes needs no padding within
    before, after = (
        b'{"name": "m/operations/1", "done": true, "response": {"videos": [{"bytesBase64Encoded": "',
        b'"}]}}',
    )
    kept = {"bytes": 0}

    def put_aside(_: int, piece: bytes) -> None:
        kept["bytes"] += len(piece)

    texts = LongTexts(put_aside, MARK)
    tracemalloc.start()
    left = texts.feed(before)
    for _ in range(2000):
        left += texts.feed(text.encode())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    left += texts.feed(after)
    assert kept["bytes"] == 2000 * len(text)
    assert peak < 1_000_000 < kept["bytes"]
    update = decode(ApiResponse(200, {}, left))
    assert update.status == "succeeded"
    assert update.videos[0].inline is not None
    assert update.videos[0].inline.text.endswith(f"{MARK}0")
    assert b"".join(decoded([text.encode()] * 2)) == film * 6


def test_what_a_data_uri_says_of_its_type_stays() -> None:
    left, aside = cut(b'{"url": "data:video\\/mp4;base64,' + b"A" * 5000 + b'"}', 100)
    assert json.loads(left)["url"].startswith("data:video/mp4;base64,AAAA")
    assert aside[0] == b"data:video/mp4;base64," + b"A" * 5000
