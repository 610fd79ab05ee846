"""What comes back on POST /v1/chat/completions: the quirks of gateways and relays, each with the source that showed it.

`tikhub_api.md` §9.3 is the list; real recorded traffic is in tests/wire.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.streams import end_of, fed, items_of
from tests.unit.chat_completions_streams import SSE, chunk, data, deltas_of, piece, plain, reader_of, reply_of
from tikhub_ai import (
    APIStatusError,
    ChatRequest,
    Citation,
    End,
    IncompleteStreamError,
    InvalidResponseError,
    Issuer,
    Media,
    ModelNotFoundError,
    Opaque,
    RateLimitError,
    Reasoning,
    Refusal,
    ServerError,
    Text,
    TextDelta,
    Usage,
)
from tikhub_ai.apis import chat_completions
from tikhub_ai.catalog import facts

HELLO = data(
    chunk({"role": "assistant", "content": ""}), chunk({"content": "Hel"}), chunk({"content": "lo"}), chunk({}, "stop")
)


def test_a_stream_gives_its_text_piece_by_piece_then_one_end() -> None:
    deltas = deltas_of(HELLO)
    assert deltas[:-1] == [TextDelta("Hel", 0), TextDelta("lo", 0)]
    assert end_of(deltas).reply.text == "Hello"
    assert end_of(deltas).reply.model == "gpt-4o-2024"


def test_a_stream_cut_into_single_bytes_reads_the_same() -> None:
    reader = reader_of()
    deltas = [delta for byte in HELLO for delta in reader.feed(bytes([byte]))]
    assert [*deltas, *reader.end()] == deltas_of(HELLO)


def test_keep_alive_comments_give_nothing_and_do_not_count_as_events() -> None:
    """new-api sends `: PING` and a blank line (new-api#1134, #1276), also before the first token."""
    reader = reader_of()
    assert reader.feed(b": PING\n\n: PING\n\n") == []
    assert reader.events == 0
    assert end_of(reader.feed(HELLO)).reply.text == "Hello"


@pytest.mark.parametrize(
    "change",
    [
        lambda stream: stream.replace(b"\n", b"\r\n"),
        lambda stream: stream.replace(b"\n", b"\r"),
        lambda stream: stream.replace(b"data: ", b"data:"),
        lambda stream: b"\xef\xbb\xbf" + stream,
        lambda stream: stream.replace(b"}\n\ndata", b"}\ndata"),
        lambda stream: stream.removesuffix(b"\n\n"),
        lambda stream: stream.removesuffix(b"data: [DONE]\n\n"),
        lambda stream: stream.removesuffix(b"\n\ndata: [DONE]\n\n"),
        lambda stream: b"id: 1\nretry: 5\n" + stream,
        lambda stream: stream.replace(b'"chatcmpl-1", ', b'"chatcmpl-1",\ndata: '),
    ],
    ids=[
        "crlf",
        "cr",
        "no space",
        "bom",
        "no blank line",
        "no last blank line",
        "no DONE",
        "cut tail",
        "id retry",
        "multi-line",
    ],
)
def test_framing_that_gateways_send_reads_the_same(change: Any) -> None:
    assert reply_of(change(HELLO)).text == "Hello"


def test_an_end_comes_with_done_although_the_connection_stays_open() -> None:
    assert isinstance(reader_of().feed(HELLO)[-1], End)


@pytest.mark.parametrize(
    "stream",
    [
        data(chunk({"content": "Hel"}), done=False),
        data(chunk({"content": "Hel"})),
        data(chunk({"content": "Hel"}, "")),
        data(chunk({"content": "Hel"}), {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}),
        data(chunk({"content": "Hel"}), done=False) + b'data: {"id": "chatcmpl-1", "choices": [{"ind',
    ],
    ids=["quiet end", "DONE without a finish", "empty finish reason", "usage without a finish", "cut inside an event"],
)
def test_a_stream_that_ends_without_its_finish_raises_with_the_partial_answer(stream: bytes) -> None:
    """new-api ends a stream so when the upstream falls silent; it still adds [DONE] (stream_scanner)."""
    with pytest.raises(IncompleteStreamError, match="3 characters") as cut:
        deltas_of(stream)
    assert cut.value.partial is not None
    assert cut.value.partial.text == "Hel"
    assert cut.value.is_retryable


def test_a_stream_of_nothing_raises_without_a_partial_answer() -> None:
    with pytest.raises(IncompleteStreamError) as cut:
        deltas_of(b"")
    assert cut.value.partial is None


def test_cut_at_every_byte_a_stream_is_whole_only_once_its_finish_has_come() -> None:
    whole = data(chunk({"content": "Gr\u00fc\u00dfe"}), chunk({}, "stop")).replace(b"\\u00fc", "\u00fc".encode())
    finish = whole.index(b'"stop"}]}') + len(b'"stop"}]}')
    for cut in range(len(whole)):
        if cut >= finish:
            assert reply_of(whole[:cut]).text == "Gr\u00fc\u00dfe"
            continue
        with pytest.raises(IncompleteStreamError) as error:
            reply_of(whole[:cut])
        partial = error.value.partial
        assert partial is None or "Gr\u00fc\u00dfe".startswith(partial.text)


def test_cumulative_usage_is_not_summed_and_the_last_snapshot_holds() -> None:
    usages = [{"prompt_tokens": 12, "completion_tokens": n, "total_tokens": 12 + n} for n in range(3)]
    stream = data(*[chunk({"content": "x"}, usage=usage) for usage in usages], chunk({}, "stop"))
    assert reply_of(stream).usage == Usage(12, 2, 14, raw=usages[-1])


def test_usage_comes_in_a_chunk_without_choices_after_the_finish() -> None:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 3, "accepted_prediction_tokens": None},
    }
    reply = reply_of(data(chunk({"content": "x"}), chunk({}, "stop"), {"choices": [], "usage": usage}))
    assert reply.usage == Usage(10, 5, 15, {"cache_read": 4, "audio": 0}, {"reasoning": 3}, usage)


@pytest.mark.parametrize(
    ("raw", "counted"),
    [
        ({"prompt_tokens": None, "completion_tokens": 2}, (0, 2, 2)),
        ({"prompt_tokens": "3", "completion_tokens": 2.0}, (3, 2, 5)),
        ({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 9, "prompt_tokens_details": None}, (1, 2, 9)),
    ],
)
def test_usage_is_read_leniently(raw: dict[str, Any], counted: tuple[int, int, int]) -> None:
    usage = plain({"content": "x"}, usage=raw).usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == counted


def test_deepseeks_cache_hits_are_cache_reads() -> None:
    usage = plain(
        {"content": "x"}, usage={"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 8}
    ).usage
    assert usage is not None
    assert usage.input_details == {"cache_read": 8}


@pytest.mark.parametrize(
    "odd",
    [
        {"choices": [], "prompt_filter_results": [{"prompt_index": 0}]},
        {"choices": None},
        {"object": "chat.completion.chunk"},
        chunk(None),
        {"choices": [{"index": 0, "finish_reason": None}]},
        {"choices": [None]},
        chunk({"content": None, "tool_calls": None, "refusal": None}),
        [],
    ],
)
def test_chunks_with_nothing_in_them_are_passed_over(odd: Any) -> None:
    """Azure's first chunk has no choices (cline#8518); relays send null choices and null deltas (lobehub#9220)."""
    assert reply_of(data(odd, chunk({"content": "Hi"}), odd, chunk({}, "stop"))).text == "Hi"


def test_fields_without_a_name_here_are_kept() -> None:
    stream = data(
        chunk({"content": "Hi"}, system_fingerprint="fp", citations=["https://a.test"]),
        {
            "choices": [
                {
                    "index": 0,
                    "delta": {},
                    "finish_reason": "stop",
                    "content_filter_results": {"hate": {"filtered": False}},
                }
            ]
        },
    )
    reply = reply_of(stream)
    assert reply.extras == {"system_fingerprint": "fp", "citations": ["https://a.test"]}
    assert reply.choices[0].extras == {"content_filter_results": {"hate": {"filtered": False}}}


def test_a_unicode_character_may_be_cut_between_two_pieces() -> None:
    stream = data(chunk({"content": "\u4f60\u597d"}), chunk({}, "stop")).replace(b"\\u4f60", "\u4f60".encode())
    reader = reader_of()
    at = stream.index("\u4f60".encode()) + 1
    assert end_of([*reader.feed(stream[:at]), *reader.feed(stream[at:])]).reply.text == "\u4f60\u597d"


# --- errors inside a 200 --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        b'data: {"error": {"message": "Slow down (request id: 20261122)", "type": "rate_limit_error"}}\n\n',
        b'{"error": {"message": "Slow down (request id: 20261122)", "type": "rate_limit_error"}}\n',
        b'{\n  "error": {\n "message": "Slow down (request id: 20261122)",\n "code": "rate_limit_exceeded"\n}\n}\n',
        b'event: error\ndata: {"error": {"message": "Slow down (request id: 20261122)", "code": 429}}\n\n',
    ],
    ids=["event", "bare line", "bare lines", "numeric code"],
)
def test_an_error_inside_a_stream_is_the_member_that_it_names(line: bytes) -> None:
    reader = reader_of()
    assert reader.feed(data(chunk({"content": "Hel"}), done=False)) == [TextDelta("Hel", 0)]
    with pytest.raises(RateLimitError, match="Slow down") as error:
        fed(reader, line)
    assert error.value.status_code == 429
    assert error.value.request_id == "20261122"
    assert error.value.is_retryable


@pytest.mark.parametrize(
    ("kind", "body", "raised"),
    [
        ("application/json", b'{"error": {"message": "no", "code": "model_not_found"}}', ModelNotFoundError),
        ("application/json", b'{"success": false, "message": "broken group"}', ServerError),
        ("application/json", b"", InvalidResponseError),
        ("application/json", b"[1, 2]", InvalidResponseError),
        ("application/json", b'{"hello": "world"}', InvalidResponseError),
        ("text/html; charset=utf-8", b"<!doctype html><title>TikHub</title>", InvalidResponseError),
        ("text/event-stream", b"<!doctype html>", IncompleteStreamError),
        ("text/event-stream", b"data: <html>\n\n", InvalidResponseError),
    ],
)
def test_an_answer_that_is_no_stream_is_judged_whole(kind: str, body: bytes, raised: type[Exception]) -> None:
    reader = reader_of(headers={"content-type": kind})
    with pytest.raises(raised):
        list(items_of(reader, body))


def test_a_gateway_that_answers_a_stream_with_plain_json_is_understood() -> None:
    body = {
        "id": "1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    }
    reader = reader_of(headers={"content-type": "application/json"})
    deltas = list(items_of(reader, json.dumps(body).encode()))
    assert deltas[0] == TextDelta("Hi", 0)
    assert end_of(deltas).reply.finish_reason == "stop"


def test_an_error_inside_a_stream_carries_the_headers_request_id() -> None:
    reader = reader_of(headers={**SSE, "x-oneapi-request-id": "rid-7"})
    with pytest.raises(APIStatusError) as error:
        fed(reader, b'data: {"error": {"message": "boom"}}\n\n')
    assert error.value.request_id == "rid-7"


# --- reasoning ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_is_read_under_both_names_and_knows_its_issuer(name: str) -> None:
    stream = data(
        chunk({name: "Hm, "}), chunk({name: "yes.", "content": ""}), chunk({"content": "Yes"}), chunk({}, "stop")
    )
    expected = [
        Reasoning(text="Hm, yes.", state={"field": name}, issuer=Issuer("chat_completions", "deepseek")),
        Text("Yes"),
    ]
    assert reply_of(stream, model="deepseek-reasoner").parts == expected
    assert plain({name: "Hm, yes.", "content": "Yes"}, model="deepseek-reasoner").parts == expected


def test_the_same_reasoning_under_two_names_counts_once() -> None:
    stream = data(chunk({"reasoning": "Hm", "reasoning_content": "Hm"}), chunk({"content": "x"}), chunk({}, "stop"))
    assert reply_of(stream).reasoning == "Hm"


def test_openrouters_reasoning_details_are_kept_to_be_sent_back() -> None:
    first = {"type": "reasoning.text", "text": "Hm", "index": 0}
    second = {"type": "reasoning.encrypted", "data": "xx", "index": 1}
    stream = data(
        chunk({"reasoning": "Hm", "reasoning_details": [first]}),
        chunk({"reasoning_details": [second]}),
        chunk({"content": "x"}, "stop"),
    )
    part = reply_of(stream).parts[0]
    assert isinstance(part, Reasoning)
    assert part.text == "Hm"
    assert part.state == {"field": "reasoning", "reasoning_details": [first, second]}


def test_parts_keep_their_order_when_reasoning_comes_again() -> None:
    stream = data(
        chunk({"reasoning_content": "a"}),
        chunk({"content": "b"}),
        chunk({"reasoning_content": "c"}),
        chunk({"content": "d"}),
        chunk({}, "stop"),
    )
    assert [type(part).__name__ for part in reply_of(stream).parts] == ["Reasoning", "Text", "Reasoning", "Text"]


def test_think_tags_that_a_gateway_merged_into_the_text_stay_text() -> None:
    """A channel option of new-api (sendStreamData). The text is the wire's, so nothing is taken out of it."""
    stream = data(chunk({"content": "<think>Hm"}), chunk({"content": "</think>Yes"}), chunk({}, "stop"))
    assert reply_of(stream).parts == [Text("<think>Hm</think>Yes")]
    assert plain({"content": "<think>Hm</think>Yes"}).parts == [Text("<think>Hm</think>Yes")]


def test_content_may_be_a_list_of_blocks() -> None:
    blocks = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]},
        {"type": "text", "text": "Yes"},
        {"type": "new_kind", "x": 1},
    ]
    kinds = [type(part) for part in plain({"content": blocks}).parts]
    assert kinds == [Reasoning, Text, Opaque]


# --- the rest -------------------------------------------------------------------------------------------------------


def test_several_choices_are_streamed_without_mixing() -> None:
    stream = data(
        chunk({"content": "A1"}, index=0),
        chunk({"content": "B1"}, index=1),
        chunk({"content": "A2"}, index=0),
        chunk({"tool_calls": [piece("{}", index=0, id="b", name="f")]}, index=1),
        chunk({}, "stop", index=0),
        chunk({}, "tool_calls", index=1),
    )
    reply = reply_of(stream, n=2)
    assert [choice.text for choice in reply.choices] == ["A1A2", "B1"]
    assert [choice.finish_reason for choice in reply.choices] == ["stop", "tool_calls"]
    assert [len(choice.tool_calls) for choice in reply.choices] == [0, 1]


def test_one_unfinished_choice_of_several_makes_the_answer_incomplete() -> None:
    with pytest.raises(IncompleteStreamError):
        deltas_of(data(chunk({"content": "A"}, "stop", index=0), chunk({"content": "B"}, index=1)), n=2)


def test_a_refusal_is_a_part_of_its_own() -> None:
    stream = data(chunk({"refusal": "I can"}), chunk({"refusal": "not."}), chunk({}, "stop"))
    assert reply_of(stream).parts == [Refusal("I cannot.")]
    assert plain({"content": None, "refusal": "I cannot."}).refusal == "I cannot."


def test_annotations_are_citations_of_the_text() -> None:
    note = {
        "type": "url_citation",
        "url_citation": {"url": "https://a.test", "title": "A", "start_index": 1, "end_index": 3},
    }
    expected = [Text("See A", citations=[Citation("url_citation", "https://a.test", "A", start=1, end=3, raw=note)])]
    assert plain({"content": "See A", "annotations": [note]}).parts == expected
    assert (
        reply_of(data(chunk({"content": "See A"}), chunk({"annotations": [note]}), chunk({}, "stop"))).parts == expected
    )


def test_audio_out_is_media_with_its_words() -> None:
    stream = data(
        chunk({"audio": {"id": "audio_1", "transcript": "Hel"}}),
        chunk({"audio": {"data": "QUI=", "transcript": "lo"}}),
        chunk({"audio": {"data": "Q0Q="}}),
        chunk({"audio": {"expires_at": 9}}),
        chunk({}, "stop"),
    )
    part = reply_of(stream, model="gpt-4o-audio-preview", audio={"voice": "alloy", "format": "pcm16"}).parts[0]
    assert isinstance(part, Media)
    assert (part.kind, part.data, part.transcript, part.mime_type) == ("audio", "QUJDRA==", "Hello", "audio/pcm16")
    assert part.state == {"id": "audio_1", "expires_at": 9}


def test_images_out_are_media() -> None:
    images = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}]
    part = plain({"content": "Here", "images": images}).parts[1]
    assert isinstance(part, Media)
    assert (part.kind, part.data, part.mime_type) == ("image", "QUJD", "image/png")


def test_logprobs_of_a_stream_are_joined() -> None:
    first, second = {"token": "a", "logprob": -0.1}, {"token": "b", "logprob": -0.2}
    stream = data(
        {"choices": [{"index": 0, "delta": {"content": "a"}, "logprobs": {"content": [first], "refusal": None}}]},
        {
            "choices": [
                {"index": 0, "delta": {"content": "b"}, "logprobs": {"content": [second]}, "finish_reason": "stop"}
            ]
        },
    )
    assert reply_of(stream).choices[0].logprobs == {"content": [first, second]}


def test_a_plain_answer_is_whole_even_without_a_finish_reason() -> None:
    request = ChatRequest(model="m", messages=[])
    decoder = chat_completions.decoder(request, facts("m"))
    decoder.body({"choices": [{"message": {"content": "Hi"}}]})
    assert decoder.is_complete
    assert decoder.accumulator.reply().text == "Hi"
    assert decoder.accumulator.reply().finish_reason is None
