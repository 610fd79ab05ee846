"""Server-sent events: bytes in, events out. No I/O.

Follows the WHATWG event stream format, and reads what gateways send beside it: JSON documents without `data:` (an error
written after the stream began) and a last event without its blank line.

Every byte is looked at a fixed number of times, whatever pieces the bytes come in: an unfinished line grows in a
buffer that is searched for its end only where it is new, and a JSON document over several lines is parsed once, when
its brackets, counted line by line, are closed.
"""

from __future__ import annotations

import json
import re

import orjson

from tikhub_ai.wire import ServerSentEvent

DEFAULT_MAX_EVENT_BYTES = 256 * 1024 * 1024

_new = tuple.__new__
"""Makes an event in half the time of its class, which is called for each one."""
_SMALL = 1024
"""Bytes of a piece that is better copied than kept."""
_BOM = b"\xef\xbb\xbf"
_JSON_STRINGS = re.compile(rb'"(?:[^"\\]|\\.|\\\Z)*+"?')
"""The strings of a line of JSON: none goes on in the next line. Possessive, and an unclosed one matches to the line's
end: no byte is tried twice."""


class SSEDecoder:
    """Cuts a byte stream, in pieces of any size, into events. The pieces make no difference to the events.

    `feed` returns the events that a piece completes; comments (`: PING`) and events without data make none. `close`
    returns what the end of the stream completes.

    Args:
        max_event_bytes: Most bytes of the lines of one event. Beyond it nothing more is read.

    Attributes:
        is_too_large: Whether an event was larger than that. No event comes any more.
    """

    __slots__ = (
        "_after_cr",
        "_bare",
        "_bare_size",
        "_data",
        "_depth",
        "_event",
        "_is_between",
        "_limit",
        "_line_size",
        "_line_so_far",
        "_size",
        "_started",
        "is_too_large",
    )

    def __init__(self, max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES) -> None:
        self._limit = max_event_bytes
        self._line_so_far: list[bytes | bytearray] = []
        self._line_size = 0
        self._after_cr = False
        self._started = False
        self._is_between = False
        self._event = ""
        self._data: list[bytes] = []
        self._bare: list[bytes] = []
        self._bare_size = 0
        self._depth = 0
        self._size = 0
        self.is_too_large = False

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Take the next bytes.

        Args:
            chunk: Bytes as they came from the wire, cut anywhere.

        Returns:
            The events that are now complete, in order.
        """
        if self._is_between:
            unified = chunk.replace(b"\r\n", b"\n") if b"\r" in chunk else chunk
            if (event := _one_event(unified, self._limit)) is not None:
                return [event]
        events = self._fed(chunk)
        self._is_between = self._started and not (
            self._after_cr or self._line_so_far or self._data or self._event or self._bare or self.is_too_large
        )
        return events

    def _fed(self, chunk: bytes) -> list[ServerSentEvent]:
        if not self._started:
            chunk = self._without_bom(chunk)
        if self._after_cr or b"\r" in chunk:
            chunk = self._unify_newlines(chunk)
        events: list[ServerSentEvent] = []
        if self.is_too_large:
            return events
        may_be_over = self._size + self._bare_size + self._line_size + len(chunk) > self._limit
        lines = chunk.split(b"\n")
        rest = lines.pop()
        if lines and self._line_so_far:
            lines[0] = self._taken(lines[0])
        for line in lines:
            if may_be_over and self._is_over(len(line)):
                return events
            self._line(line, events)
        if rest:
            self._keep(rest)
            self._is_over(self._line_size)
        return events

    def close(self) -> list[ServerSentEvent]:
        """Tell that the stream ended.

        Returns:
            What was still waiting for its line feed or its blank line, if anything.
        """
        events: list[ServerSentEvent] = []
        if self.is_too_large:
            return events
        if self._line_so_far:
            self._line(self._taken(b""), events)
        self._line(b"", events)
        return events

    def _keep(self, piece: bytes) -> None:
        """A piece of a line that has not ended. Small ones share a buffer, since a list of single bytes is large."""
        self._line_size += len(piece)
        pieces = self._line_so_far
        if len(piece) >= _SMALL:
            pieces.append(piece)
        elif pieces and isinstance(pieces[-1], bytearray):
            pieces[-1] += piece
        else:
            pieces.append(bytearray(piece))

    def _taken(self, piece: bytes) -> bytes:
        """The pieces so far and a last one, as one."""
        whole = b"".join([*self._line_so_far, piece])
        self._line_so_far.clear()
        self._line_size = 0
        return whole

    def _is_over(self, further: int) -> bool:
        """Whether so many bytes more are too many. A line counts before its end as it does at it, whatever it is."""
        if self._size + self._bare_size + further > self._limit:
            self.is_too_large = True
            self._limit = -1
        return self.is_too_large

    def _without_bom(self, chunk: bytes) -> bytes:
        """The stream's beginning without its byte order mark, which may itself come in pieces."""
        chunk = self._taken(chunk)
        if len(chunk) < len(_BOM) and _BOM.startswith(chunk):
            self._keep(chunk)
            return b""
        self._started = True
        return chunk.removeprefix(_BOM)

    def _unify_newlines(self, chunk: bytes) -> bytes:
        """CR and CRLF as LF. A CR ends its line at once, and the LF that belongs to it may come in the next piece."""
        if not chunk:
            return chunk
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
            self._after_cr = False
            if not chunk:
                return chunk
        self._after_cr = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _line(self, line: bytes, events: list[ServerSentEvent]) -> None:
        if line.startswith(b"data:"):
            self._data.append(line[6:] if line.startswith(b" ", 5) else line[5:])
            self._size += len(line)
            if self._bare:  # what began like JSON was none
                self._drop_bare()
        elif not line:
            if self._data:
                data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                self._data = []
                if data:
                    events.append(ServerSentEvent(self._event, data))
            self._event = ""
            self._size = 0
        elif line.startswith(b"event:"):
            self._event = line[6:].strip().decode("utf-8", "replace")
        elif line == b"data":
            self._data.append(b"")
            self._size += len(line)
        elif line.startswith((b":", b"id:", b"retry:")):
            pass
        elif self._bare or line.startswith((b"{", b"[")):
            self._bare_line(line, events)

    def _bare_line(self, line: bytes, events: list[ServerSentEvent]) -> None:
        """A line of a JSON document that stands in the stream without `data:`, perhaps printed over several lines."""
        self._bare.append(line)
        self._bare_size += len(line)
        marks = _JSON_STRINGS.sub(b"", line)
        self._depth += marks.count(b"{") + marks.count(b"[") - marks.count(b"}") - marks.count(b"]")
        if self._depth <= 0:
            text = b"\n".join(self._bare)
            self._drop_bare()
            if _is_json(text) or text.strip() == b"[DONE]":  # else a line of no meaning, as the format has it
                events.append(ServerSentEvent("", text))

    def _drop_bare(self) -> None:
        self._bare = []
        self._bare_size = self._depth = 0


def _one_event(chunk: bytes, limit: int) -> ServerSentEvent | None:
    """A piece that is one event, perhaps with a name, where nothing waits for more: what nearly every piece is."""
    name, start = "", 0
    if chunk.startswith(b"event: "):
        start = chunk.find(b"\n") + 1
        name = chunk[7 : start - 1].strip().decode("utf-8", "replace")
    end = len(chunk) - 2
    if (
        chunk.find(b"\n", start) == end > start + 6
        and chunk.startswith(b"data: ", start)
        and chunk.endswith(b"\n")
        and end < limit
        and b"\r" not in chunk
    ):
        return _new(ServerSentEvent, (name, chunk[start + 6 : end]))
    return None


def _is_json(text: bytes) -> bool:
    for loads in (orjson.loads, json.loads):  # the latter takes halves of characters and infinities too
        try:
            loads(text)
        except (ValueError, RecursionError):
            continue
        return True
    return False
