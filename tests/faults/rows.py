"""The fault table: what the server does, and what the caller must see."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING

from tests.faults.seen import (
    ANSWER,
    BROKEN,
    CUT_AT_ONCE,
    NO_ANSWER,
    NO_CONNECTION_IN_TIME,
    NOT_SENT,
    TOO_SLOW,
    Row,
    Seen,
    cut,
)
from tests.faults.wire import (
    CLOSE,
    EVENTS,
    HOLD,
    JSON,
    PING,
    RESET,
    chunk,
    chunked,
    event,
    head,
    send,
    sleep,
    whole,
    zipped,
)
from tikhub_ai import (
    APITimeoutError,
    ModelNotFoundError,
    RateLimitError,
    ServerError,
)

if TYPE_CHECKING:
    from tests.faults.answers import Answers
    from tests.faults.wire import Steps


NEVER_SENT = "refused, DNS failure, TLS failure"
MAYBE_SENT = "closed or reset after the request was read"
SLOW = "pool exhausted, slow headers, silence"
MALFORMED = "malformed HTTP"
CUT = "stream cut"
WRONG_200 = "errors and rubbish with status 200"

IMPATIENT = {"timeout": 0.5, "max_retries": 1}
"""Long enough for a request to arrive; on a busy machine, the test is run again with more."""
PINGS: Steps = [*send(chunk(PING)), sleep(0.03)] * 20
BLANKS: Steps = [*send(chunk(b"\n")), sleep(0.03)] * 20
DRIPPING: Steps = [*send(b"HTTP/1.1 200 OK\r\n"), *([*send(b"x-name: a\r\n"), sleep(0.03)] * 5)]
HTML = b"<html><head><title>502 Bad Gateway</title></head></html>"


def rows_of(w: Answers) -> list[Row]:
    """The table, of answers of one wire.

    Args:
        w: What the server answers where nothing is wrong.
    """
    return [
        # --- surely not sent ------------------------------------------------------------------------------------------
        Row("connection refused", NEVER_SENT, seen=NOT_SENT, port="refusing"),
        Row("no such host", NEVER_SENT, seen=NOT_SENT, settings={"base_url": "http://no-such-host.invalid"}),
        Row(
            "a host name too long for DNS",
            NEVER_SENT,
            seen=NOT_SENT,
            settings={"base_url": f"http://{'a' * 70}.invalid"},
        ),
        Row("an unknown certificate", NEVER_SENT, seen=NOT_SENT, port="tls", scheme="https"),
        Row("HTTP where TLS was due", NEVER_SENT, seen=NOT_SENT, port="cleartext", scheme="https"),
        Row("closed during the TLS handshake", NEVER_SENT, seen=NOT_SENT, port="handshake", scheme="https"),
        Row(
            "connecting takes too long",
            NEVER_SENT,
            seen=NO_CONNECTION_IN_TIME,
            port="deaf",
            settings=IMPATIENT,
        ),
        # --- perhaps sent ---------------------------------------------------------------------------------------------
        Row("closed before the request was read", MAYBE_SENT, seen=BROKEN, port="closing"),
        Row("closed after the request was read", MAYBE_SENT, ([CLOSE],), BROKEN),
        Row("reset after the request was read", MAYBE_SENT, ([RESET],), BROKEN),
        Row("closed inside the status line", MAYBE_SENT, ([*send(b"HTTP/1.1 20"), CLOSE],), BROKEN),
        Row("closed inside the headers", MAYBE_SENT, ([*send(b"HTTP/1.1 200 OK\r\ncontent-ty"), CLOSE],), BROKEN),
        Row("reset inside the headers", MAYBE_SENT, ([*send(b"HTTP/1.1 200 OK\r\ncontent-ty"), RESET],), BROKEN),
        Row(
            "closed after the headers",
            MAYBE_SENT,
            ([*send(head(JSON, "content-length: 9")), CLOSE],),
            BROKEN,
            ([*send(head(EVENTS, "transfer-encoding: chunked")), CLOSE],),
            BROKEN,
        ),
        Row(
            "closed once, then answered",
            MAYBE_SENT,
            ([CLOSE], w.good(streamed=False)),
            ANSWER,
            ([CLOSE], w.good(streamed=True)),
        ),
        Row(
            "a server that closes every connection after its answer",
            MAYBE_SENT,
            ([*whole(w.plain, JSON), CLOSE],),
            ANSWER,
            ([*chunked(w.stream), CLOSE],),
        ),
        # --- too slow -------------------------------------------------------------------------------------------------
        Row("no answer", SLOW, ([HOLD],), TOO_SLOW, settings=IMPATIENT),
        Row(
            "half a status line, then nothing",
            SLOW,
            ([*send(b"HTTP/1.1"), HOLD],),
            TOO_SLOW,
            settings=IMPATIENT,
        ),
        Row(
            "half a body, then nothing",
            SLOW,
            ([*send(head(JSON, "content-length: 99"), w.plain[:9]), HOLD],),
            TOO_SLOW,
            ([*chunked(w.first, end=False), HOLD],),
            Seen(APITimeoutError, sent=True, partial="Gr\u00fc\u00dfe "),
            settings=IMPATIENT,
        ),
        Row(
            "PINGs before the first event",
            SLOW,
            ([*send(head(JSON, "transfer-encoding: chunked")), *BLANKS, HOLD],),
            TOO_SLOW,
            ([*chunked(end=False), *PINGS, HOLD],),
            TOO_SLOW,
            settings=IMPATIENT,
        ),
        Row(
            "PINGs between events",
            SLOW,
            (w.good(streamed=False),),
            ANSWER,
            ([*chunked(w.first, end=False), *PINGS, HOLD],),
            Seen(APITimeoutError, sent=True, partial="Gr\u00fc\u00dfe "),
            settings=IMPATIENT,
        ),
        Row(
            "a minute of PINGs, within the limit",
            SLOW,
            (
                [
                    *send(head(JSON, "transfer-encoding: chunked")),
                    *BLANKS,
                    *send(chunk(w.plain) + b"0\r\n\r\n"),
                ],
            ),
            ANSWER,
            ([*chunked(end=False), *PINGS, *send(chunk(w.stream) + b"0\r\n\r\n")],),
            settings={"timeout": 30.0},
        ),
        Row(
            "headers that come for ever, one by one",
            SLOW,
            ([*send(b"HTTP/1.1 200 OK\r\n"), *([*send(b"x-name: a\r\n"), sleep(0.03)] * 40), HOLD],),
            TOO_SLOW,
            settings=IMPATIENT,
        ),
        Row(
            "early hints that come for ever, one by one",
            SLOW,
            ([*([*send(head("link: </x>", status="103 Early Hints")), sleep(0.03)] * 40), HOLD],),
            TOO_SLOW,
            settings=IMPATIENT,
        ),
        Row(
            "slow headers, within the limit",
            SLOW,
            ([*DRIPPING, *send(JSON.encode() + b"\r\ncontent-length: %d\r\n\r\n" % len(w.plain) + w.plain)],),
            ANSWER,
            ([*DRIPPING, *send(EVENTS.encode() + b"\r\ncontent-length: %d\r\n\r\n" % len(w.stream) + w.stream)],),
            settings={"timeout": 30.0},
        ),
        Row(
            "slow, but within the limit",
            SLOW,
            ([sleep(0.1), *w.good(streamed=False)],),
            ANSWER,
            (
                [
                    sleep(0.1),
                    *chunked(w.first, end=False),
                    sleep(0.1),
                    *send(chunk(w.second)),
                    sleep(0.1),
                    *send(chunk(w.finish)),
                    CLOSE,
                ],
            ),
            settings={"timeout": 30.0},
        ),
        # --- malformed ------------------------------------------------------------------------------------------------
        Row("a status line of rubbish", MALFORMED, ([*send(b"\x16\x03\x01 rubbish\r\n\r\n"), CLOSE],), BROKEN),
        Row("a header line of rubbish", MALFORMED, ([*send(head("no colon here")), CLOSE],), BROKEN),
        Row("a status line that echoes the key", MALFORMED, ([*send(b"sk-canary-1234\r\n\r\n"), CLOSE],), BROKEN),
        Row(
            "a header of 20 KB",
            MALFORMED,
            (whole(w.plain, JSON, f"x-long: {'a' * 20_000}"),),
            ANSWER,
            (send(head(EVENTS, f"x-long: {'a' * 20_000}", f"content-length: {len(w.stream)}") + w.stream),),
        ),
        Row("a header of 1 MB", MALFORMED, ([*send(head(f"x-long: {'a' * 1_000_000}")), CLOSE],), NO_ANSWER),
        Row(
            "a header that is no UTF-8, and one twice",
            MALFORMED,
            (whole(w.plain, JSON, "x-name: caf\u00e9", "x-name: b"),),
            ANSWER,
            (whole(w.stream, EVENTS, "x-name: caf\u00e9", "x-name: b"),),
        ),
        Row(
            "an early hint before the answer",
            MALFORMED,
            (send(head("link: </x>", status="103 Early Hints")) + whole(w.plain, JSON),),
            ANSWER,
            (send(head("link: </x>", status="103 Early Hints")) + chunked(w.stream),),
        ),
        Row(
            "a content-length too long",
            MALFORMED,
            ([*send(head(JSON, "content-length: 9999") + w.plain), CLOSE],),
            BROKEN,
            ([*send(head(EVENTS, "content-length: 9999") + w.first + w.second), CLOSE],),
            cut("Gr\u00fc\u00dfe \u4f60\u597d"),
        ),
        Row(
            "a content-length too short",
            MALFORMED,
            ([*send(head(JSON, "content-length: 40") + w.plain), CLOSE],),
            NO_ANSWER,
            ([*send(head(EVENTS, f"content-length: {len(w.first) + 9}") + w.stream), CLOSE],),
            cut("Gr\u00fc\u00dfe "),
            elsewhere={"aiohttp": BROKEN},  # refuses an answer that something follows which is none
        ),
        Row(
            "a content-length that is no number",
            MALFORMED,
            ([*send(head(JSON, "content-length: many") + w.plain), CLOSE],),
            BROKEN,
        ),
        Row(
            "no length, ended by closing",
            MALFORMED,
            ([*send(head(JSON) + w.plain), CLOSE],),
            ANSWER,
            ([*send(head(EVENTS) + w.stream), CLOSE],),
        ),
        Row(
            "a chunk size of rubbish",
            MALFORMED,
            ([*send(head(JSON, "transfer-encoding: chunked") + b"zz\r\n" + w.plain), CLOSE],),
            BROKEN,
            ([*chunked(w.first, end=False), sleep(0.05), *send(b"zz\r\nrubbish"), HOLD],),
            cut("Gr\u00fc\u00dfe "),
        ),
        Row(
            "gzip",
            MALFORMED,
            (whole(zipped(w.plain), JSON, "content-encoding: gzip"),),
            ANSWER,
            (whole(zipped(w.stream), EVENTS, "content-encoding: gzip"),),
        ),
        Row(
            "deflate",
            MALFORMED,
            (whole(zlib.compress(w.plain), JSON, "content-encoding: deflate"),),
            ANSWER,
            (whole(zlib.compress(w.stream), EVENTS, "content-encoding: deflate"),),
        ),
        Row(
            "deflate without its header",
            MALFORMED,
            (whole(zlib.compress(w.plain, wbits=-15), JSON, "content-encoding: deflate"),),
            ANSWER,
            (whole(zlib.compress(w.stream, wbits=-15), EVENTS, "content-encoding: deflate"),),
        ),
        Row(
            "gzip cut short",
            MALFORMED,
            (whole(zipped(w.plain)[:-30], JSON, "content-encoding: gzip"),),
            NO_ANSWER,
            (whole(gzip.compress(w.first + w.second, 0, mtime=0)[:-30], EVENTS, "content-encoding: gzip"),),
            cut("Gr\u00fc\u00dfe "),
        ),
        Row(
            "gzip that is none",
            MALFORMED,
            (whole(w.plain, JSON, "content-encoding: gzip"),),
            NO_ANSWER,
            (whole(w.stream, EVENTS, "content-encoding: gzip"),),
        ),
        Row(
            "an encoding nobody knows, on a plain text",
            MALFORMED,
            (whole(w.plain, JSON, "content-encoding: utf-8"),),
            ANSWER,
            (whole(w.stream, EVENTS, "content-encoding: utf-8"),),
        ),
        Row(
            "an encoding nobody asked for",
            MALFORMED,
            (whole(b"\x0b\x02\x80{}\x03", JSON, "content-encoding: snappy"),),
            NO_ANSWER,
            (whole(b"\x0b\x02\x80{}\x03", EVENTS, "content-encoding: snappy"),),
            CUT_AT_ONCE,
        ),
        # --- cut streams; a plain answer cannot be cut so -------------------------------------------------------------
        Row(
            "cut between events",
            CUT,
            ([*send(head(JSON, "content-length: 99"), w.plain[:20]), CLOSE],),
            BROKEN,
            ([*chunked(w.first, w.second, end=False), CLOSE],),
            cut("Gr\u00fc\u00dfe \u4f60\u597d"),
        ),
        Row(
            "cut between events, with a reset",
            CUT,
            ([*send(head(JSON, "content-length: 99"), w.plain[:20]), RESET],),
            BROKEN,
            ([*chunked(w.first, end=False), sleep(0.05), RESET],),
            cut("Gr\u00fc\u00dfe "),
        ),
        Row(
            "cut inside an event",
            CUT,
            ([*send(head(JSON, "transfer-encoding: chunked"), chunk(w.plain[:20])), CLOSE],),
            BROKEN,
            ([*chunked(w.first, w.second[:-20], end=False), CLOSE],),
            cut("Gr\u00fc\u00dfe "),
        ),
        Row(
            "cut inside a chunk",
            CUT,
            ([*send(head(JSON, "transfer-encoding: chunked"), chunk(w.plain)[:-20]), CLOSE],),
            BROKEN,
            ([*chunked(w.first, end=False), *send(chunk(w.second)[:-20]), CLOSE],),
            cut("Gr\u00fc\u00dfe "),
        ),
        Row(
            "cut inside a character",
            CUT,
            ([*send(head(JSON, "content-length: 999"), w.plain[: w.plain.index(b"\xbc")]), CLOSE],),
            BROKEN,
            ([*chunked(w.first, w.second[: w.second.index(b"\xbd") + 1], end=False), CLOSE],),
            cut("Gr\u00fc\u00dfe "),
        ),
        Row(
            "ended quietly without a finish",
            CUT,
            (whole(w.plain[:-9], JSON),),
            NO_ANSWER,
            (chunked(w.first, w.second),),
            cut("Gr\u00fc\u00dfe \u4f60\u597d"),
        ),
        Row(
            "ended quietly inside an event",
            CUT,
            (whole(w.plain[:30], JSON),),
            NO_ANSWER,
            (chunked(w.first, w.second[:-9]),),
            cut("Gr\u00fc\u00dfe "),
        ),
        Row(
            "[DONE] without a finish",
            CUT,
            (w.good(streamed=False),),
            ANSWER,
            (chunked(w.first, w.done),),
            cut("Gr\u00fc\u00dfe "),
        ),
        Row("ended before the first event", CUT, (whole(b"", JSON),), NO_ANSWER, (chunked(PING),), CUT_AT_ONCE),
        Row(
            "cut after the finish, before [DONE]",
            CUT,
            (w.good(streamed=False),),
            ANSWER,
            ([*chunked(w.first, w.second, w.finish, end=False), CLOSE],),
        ),
        Row(
            "reset after the finish",
            CUT,
            (w.good(streamed=False),),
            ANSWER,
            ([*chunked(w.first, w.second, w.finish, w.done, end=False), sleep(0.05), RESET],),
        ),
        Row(
            "silence after the finish",
            CUT,
            (w.good(streamed=False),),
            ANSWER,
            ([*chunked(w.first, w.second, w.finish, w.done, end=False), HOLD],),
            settings=IMPATIENT,
        ),
        # --- a status that says nothing -------------------------------------------------------------------------------
        Row(
            "an error object in the stream, before anything else",
            WRONG_200,
            (whole(json.dumps({"error": {"message": "busy", "type": "overloaded_error"}}).encode(), JSON),),
            Seen(ServerError, retried=True),
            (chunked(event({"error": {"message": "busy", "type": "overloaded_error"}})),),
        ),
        Row(
            "an error object in the stream, after a delta",
            WRONG_200,
            (whole(json.dumps({"error": {"message": "no", "code": "model_not_found"}}).encode(), JSON),),
            Seen(ModelNotFoundError),
            (chunked(w.first, event({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}), w.done),),
            Seen(RateLimitError, partial="Gr\u00fc\u00dfe "),
        ),
        Row(
            "a bare JSON error line in the stream",
            WRONG_200,
            (whole(json.dumps([{"error": {"message": "boom", "code": 500}}]).encode(), JSON),),
            Seen(ServerError, retried=True),
            (chunked(w.first, json.dumps({"error": {"message": "boom", "type": "server_error"}}).encode()),),
            Seen(ServerError, partial="Gr\u00fc\u00dfe "),
        ),
        Row("HTML", WRONG_200, (whole(HTML, "content-type: text/html"),), NO_ANSWER),
        Row(
            "HTML that is called JSON", WRONG_200, (whole(HTML, JSON),), NO_ANSWER, (whole(HTML, EVENTS),), CUT_AT_ONCE
        ),
        Row(
            "success: false",
            WRONG_200,
            (whole(b'{"success":false,"message":"group is broken"}', JSON),),
            Seen(ServerError, retried=True),
        ),
        Row("an empty body", WRONG_200, (whole(b"", JSON),), NO_ANSWER),
        Row("status 204", WRONG_200, (send(head(status="204 No Content")),), NO_ANSWER, None, CUT_AT_ONCE),
        Row("a JSON body that is no object", WRONG_200, (whole(b'"hello"', JSON),), NO_ANSWER),
        Row("a plain answer to a streamed call", WRONG_200, (w.good(streamed=False),), ANSWER),
    ]
