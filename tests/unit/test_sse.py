"""The event stream decoder: the WHATWG format, what gateways make of it, any cutting, linear time, the bound."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.linear import assert_linear
from tests.streams import pieces_of
from tikhub_ai.http.sse import SSEDecoder
from tikhub_ai.wire import ServerSentEvent

E = ServerSentEvent


def events_of(*pieces: bytes, limit: int = 1 << 20) -> list[ServerSentEvent]:
    decoder = SSEDecoder(limit)
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.close()


TABLE: dict[str, tuple[bytes, list[ServerSentEvent]]] = {
    "one event": (b"data: a\n\n", [E("", b"a")]),
    "no space": (b"data:a\n\n", [E("", b"a")]),
    "only the first space": (b"data:  a \n\n", [E("", b" a ")]),
    "several lines": (b"data: a\ndata: b\n\n", [E("", b"a\nb")]),
    "an empty line among them": (b"data: a\ndata\ndata: b\ndata:\n\n", [E("", b"a\n\nb\n")]),
    "named": (b"event: x\ndata: a\n\n", [E("x", b"a")]),
    "named after its data": (b"data: a\nevent: x\n\n", [E("x", b"a")]),
    "the name ends with its event": (b"event: x\n\ndata: a\n\n", [E("", b"a")]),
    "no data": (b"data:\n\ndata: \n\nevent: x\n\n", []),
    "comments": (b": PING\n\n:\ndata: a\n: in between\ndata: b\n\n", [E("", b"a\nb")]),
    "id, retry and what is unknown": (b"id: 7\nretry: 9\nfoo: bar\nfoo\ndata: a\n\n", [E("", b"a")]),
    "CR": (b"data: a\rdata: b\r\rdata: c\r\r", [E("", b"a\nb"), E("", b"c")]),
    "CRLF": (b"data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", [E("", b"a\nb"), E("", b"c")]),
    "all three": (b"data: a\n\r\ndata: b\r\r\ndata: c\r\n\n", [E("", b"a"), E("", b"b"), E("", b"c")]),
    "BOM": (b"\xef\xbb\xbfdata: a\n\n", [E("", b"a")]),
    "only the first BOM": (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: b\n\n", [E("", b"b")]),
    "no blank line": (b"data: a\n", [E("", b"a")]),
    "no line end": (b"data: a", [E("", b"a")]),
    "no line end but CR": (b"data: a\r", [E("", b"a")]),
    "bare JSON": (b'{"error": 1}\n', [E("", b'{"error": 1}')]),
    "bare JSON at once after an event": (b'data: a\n\n{"error": 1}', [E("", b"a"), E("", b'{"error": 1}')]),
    "bare JSON of many lines": (
        b'{\n "a": [\n  1,\n  {"]}": "}\\"]"}\n ]\n}\ndata: b\n\n',
        [E("", b'{\n "a": [\n  1,\n  {"]}": "}\\"]"}\n ]\n}'), E("", b"b")],
    ),
    "bare JSON with comments in it": (b'{\n: PING\n\n"a": 1\n}\n', [E("", b'{\n"a": 1\n}')]),
    "bare JSON that breaks off": (b'data: a\n\n{"a":\n', [E("", b"a")]),
    "bare [DONE]": (b"data: a\n\n[DONE]\n", [E("", b"a"), E("", b"[DONE]")]),
    "bare infinity": (b'{"a": -Infinity}\n', [E("", b'{"a": -Infinity}')]),
    "bare rubbish": (b"{]}\n[INFO] slow\n<html>\ndata: a\n\n", [E("", b"a")]),
    "bare rubbish without end": (b'{\ndata: a\n\n{"b": 1}\n', [E("", b"a"), E("", b'{"b": 1}')]),
    "nothing": (b"", []),
}


@pytest.mark.parametrize("name", TABLE)
def test_a_stream_is_its_events_wherever_it_is_cut(name: str) -> None:
    stream, events = TABLE[name]
    assert events_of(stream) == events
    assert events_of(*pieces_of(stream, 1)) == events
    for cut in range(len(stream) + 1):
        assert events_of(stream[:cut], b"", stream[cut:]) == events, cut


LINES = st.sampled_from(
    [
        b"data: a",
        b"data: \xe4\xbd\xa0",
        b"data:",
        b"event: x",
        b": c",
        b"id: 1",
        b"{",
        b'{"a":1}',
        b'"}\\',
        b"}",
        b"[",
        b"]",
        b"",
    ]
)
STREAMS = st.builds(
    lambda bom, lines: bom + b"".join(line + end for line, end in lines),
    st.sampled_from([b"", b"\xef\xbb\xbf", b"\xef"]),
    st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r", b"\r\n", b""]))),
)


@given(STREAMS | st.binary(max_size=60), st.lists(st.integers(0, 200)), st.integers(1, 40))
@example(b"data: a\r\r\n", [8], 100)
@example(b"data: abc\n\n", [10], 8)
def test_any_cutting_makes_the_same_events_and_the_same_end(stream: bytes, cuts: list[int], limit: int) -> None:
    whole, cut = SSEDecoder(limit), SSEDecoder(limit)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    expected = whole.feed(stream)
    events = [event for start, end in pairwise(edges) for event in cut.feed(stream[start:end])]
    assert events + cut.close() == expected + whole.close()
    assert cut.is_too_large == whole.is_too_large


@given(st.lists(st.sampled_from(["\n", "\r", "\r\n"]), min_size=4, max_size=4))
def test_an_event_is_given_with_the_last_byte_of_its_blank_line(ends: list[str]) -> None:
    """A CR at a piece's end is held back by nobody: the LF that may belong to it says nothing."""
    decoder = SSEDecoder()
    first, second = f"data: a{ends[0]}{ends[1]}".encode(), f"data: b{ends[2]}{ends[3]}".encode()
    if ends[0] + ends[1] == "\r\n" or ends[2] + ends[3] == "\r\n":
        return  # one line end, not two
    assert decoder.feed(first) == [E("", b"a")]
    assert decoder.feed(second) == [E("", b"b")]


TEXTS = st.text(max_size=5)
JSON = st.recursive(
    st.none() | st.integers() | TEXTS, lambda some: st.lists(some) | st.dictionaries(TEXTS, some), max_leaves=5
)


@given(st.dictionaries(TEXTS, JSON, max_size=3), st.sampled_from([None, 0, 2]), st.booleans(), st.integers(1, 9))
def test_a_json_document_without_data_is_one_event_however_it_is_printed(
    document: dict[str, object], indent: int | None, escaped: bool, size: int
) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=escaped).encode() + b"\n"
    (event, after) = events_of(*pieces_of(text + b"data: x\n\n", size))
    assert json.loads(event.data) == document
    assert after == E("", b"x")


# --- the bound ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "event",
    [b"data: %b\n\n", b"data: a\ndata: %b\n\n", b"%b\n\n", b": %b\n\n", b"event: %b\n\n", b'{\n"%b"\n}\n', b"data: %b"],
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_event_over_the_limit_is_refused_before_it_is_whole(event: bytes, size: int) -> None:
    stream = b"data: before\n\n" + event % (b"x" * 100) + b"data: after\n\n"
    decoder = SSEDecoder(60)
    events = [one for piece in pieces_of(stream, size) for one in decoder.feed(piece)]
    assert events == [E("", b"before")]
    assert decoder.is_too_large
    assert decoder.close() == []
    whole = SSEDecoder(200)
    assert [one for piece in pieces_of(stream, size) for one in whole.feed(piece)]
    assert not whole.is_too_large


def test_the_limit_is_of_one_event_not_of_the_stream() -> None:
    decoder = SSEDecoder(60)
    assert len(decoder.feed(b"event: x\ndata: 123456789\ndata: 123456789\n\n" * 1000)) == 1000
    assert not decoder.is_too_large


# --- linear ---------------------------------------------------------------------------------------------------------

SHAPES = {
    "one event": lambda size: b"data: " + b"x" * size + b"\n\n",
    "a line without end": lambda size: b"data: " + b"x" * size,
    "many lines": lambda size: b"data: x\n" * (size // 8) + b"\n",
    "many events": lambda size: b"data: x\n\n" * (size // 9),
    "comments": lambda size: b": x\n" * (size // 4),
    "bare JSON": lambda size: b'{"a": [\n' + b"1,\n" * (size // 3) + b"1]}\n",
    "bare JSON without end": lambda size: b"{\n" * (size // 2),
    "a string without end": lambda size: b'{"' + b'\\"' * (size // 2) + b"\n",
    "bare JSON without sense": lambda size: b"{]\n" * (size // 3),
    "CRLF": lambda size: b"data: x\r\n" * (size // 9),
    "CR": lambda size: b"\r" * size,
}


@pytest.mark.parametrize("piece", [1, 16 * 1024], ids=["bytes", "16 KB"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_work_grows_with_the_bytes_whatever_pieces_they_come_in(shape: str, piece: int) -> None:
    assert_linear(SHAPES[shape], lambda stream: events_of(*pieces_of(stream, piece), limit=1 << 30), size=1 << 13)
