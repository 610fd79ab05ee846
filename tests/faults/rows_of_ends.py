"""Rows of the fault table: what comes twice, what is huge, and connections that are held when all has been said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.seen import ANSWER, NO_ANSWER, TOO_SLOW, Row, Seen
from tests.faults.wire import EVENTS, HOLD, JSON, PING, TEXT, chunk, chunked, fill, head, repeat, send, whole
from tikhub_ai import InvalidResponseError

if TYPE_CHECKING:
    from tests.faults.answers import Answers
    from tests.faults.wire import Steps

TWICE = "events that come twice"
HUGE = "huge or without end"
HELD = "connection held after the answer's end"

MILLIONS = 10
"""Of bytes, in one event."""
BLANKS = b" " * 100_000
IMPATIENT = {"timeout": 0.5, "max_retries": 1}
LIMITED = {"max_response_bytes": 1_000_000, "max_retries": 1}


def padded(body: bytes, content: str) -> Steps:
    """A body of which the first object has 10 MB of blanks in it, which JSON allows."""
    at = body.index(b"{") + 1
    length = len(body) + MILLIONS * 1_000_000
    opening = head(content, f"content-length: {length}") + body[:at]
    return [*send(opening), fill(BLANKS, MILLIONS * 10), *send(body[at:])]


def rows_of_ends(w: Answers) -> list[Row]:
    """These rows, of answers of one wire.

    Args:
        w: What the server answers where nothing is wrong.
    """
    good = (w.good(streamed=False),)
    begun = Seen(InvalidResponseError, partial=TEXT[:6])
    opened = send(head(JSON, "transfer-encoding: chunked"))
    return [
        # --- twice; a plain answer has no events ----------------------------------------------------------------------
        Row("the start twice", TWICE, good, ANSWER, (chunked(w.start, w.start, w.piece, w.second, w.finish, w.done),)),
        Row("the finish twice", TWICE, good, ANSWER, (chunked(w.first, w.second, w.finish, w.finish, w.done),)),
        Row("the end twice", TWICE, good, ANSWER, (chunked(w.first, w.second, w.finish, w.done, w.done),)),
        Row(
            "PINGs and blanks around", TWICE, good, ANSWER, (chunked(PING, w.first, b"\n\n", PING, w.second, w.finish),)
        ),
        Row(
            "a piece of the text twice",
            TWICE,
            good,
            ANSWER,
            (chunked(w.first, w.piece, w.second, w.finish, w.done),),
        ),
        Row(
            "every event twice",
            TWICE,
            good,
            ANSWER,
            (chunked(*(event + b"\n\n" for event in w.stream.split(b"\n\n")[:-1] for _ in range(2))),),
        ),
        # --- huge -----------------------------------------------------------------------------------------------------
        Row(
            "an event of 10 MB",
            HUGE,
            good if w.is_file else (padded(w.plain, JSON),),
            ANSWER,
            (padded(w.stream, EVENTS),),
        ),
        Row(
            "an event of 10 MB, where 1 MB is allowed",
            HUGE,
            good,
            ANSWER,
            (padded(w.stream, EVENTS),),
            NO_ANSWER,
            settings={"max_event_bytes": 1_000_000},
        ),
        Row(
            "texts without end",
            HUGE,
            good if w.is_file else ([*opened, *send(chunk(w.plain[:-1])), repeat(chunk(BLANKS))],),
            ANSWER if w.is_file else NO_ANSWER,
            ([*chunked(w.first, end=False), repeat(chunk(w.piece * 500))],),
            begun,
            settings=LIMITED,
        ),
        Row(
            "comments without end",
            HUGE,
            good if w.is_file else ([*opened, repeat(chunk(b"\n" * 100_000))],),
            ANSWER if w.is_file else NO_ANSWER,
            ([*chunked(w.first, end=False), repeat(chunk(PING * 10_000))],),
            begun,
            settings=LIMITED,
        ),
        # --- held -----------------------------------------------------------------------------------------------------
        Row(
            "held after its length",
            HELD,
            ([*whole(w.plain, JSON), HOLD],),
            ANSWER,
            ([*whole(w.stream, EVENTS), HOLD],),
            settings=IMPATIENT,
        ),
        Row(
            "held after its last chunk",
            HELD,
            ([*opened, *send(chunk(w.plain) + b"0\r\n\r\n"), HOLD],),
            ANSWER,
            ([*chunked(w.stream), HOLD],),
            settings=IMPATIENT,
        ),
        Row(
            "held before its last chunk",
            HELD,
            ([*opened, *send(chunk(w.plain)), HOLD],),
            TOO_SLOW,
            ([*chunked(w.stream, end=False), HOLD],),
            ANSWER,
            settings=IMPATIENT,
        ),
    ]
