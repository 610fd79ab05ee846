"""Server-sent events: bytes in, events out. No I/O.

Follows the WHATWG event stream format, and takes what gateways send beside it: JSON lines without `data:` (an error
written after the stream began) and a last event without its blank line.
"""

from __future__ import annotations

import orjson

from tikhub_ai.wire import ServerSentEvent


class SSEDecoder:
    """Cuts a byte stream, in pieces of any size, into events.

    `feed` gives the events that a piece completes; comments (`: PING`) and events without data give none. `close`
    gives what the end of the stream completes.
    """

    __slots__ = ("_bare", "_data", "_event", "_held_cr", "_rest", "_started")

    def __init__(self) -> None:
        self._rest = b""
        self._held_cr = False
        self._started = False
        self._event = ""
        self._data: list[bytes] = []
        self._bare: list[bytes] = []

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Take the next bytes.

        Args:
            chunk: Bytes as they came from the wire, cut anywhere.

        Returns:
            The events that are now complete, in order.
        """
        if not self._started:
            chunk = self._rest + chunk
            if len(chunk) < 3 and b"\xef\xbb\xbf".startswith(chunk):
                self._rest = chunk
                return []
            self._started = True
            self._rest = b""
            chunk = chunk.removeprefix(b"\xef\xbb\xbf")
        if self._held_cr or b"\r" in chunk:
            chunk = self._unify_newlines(chunk)
        if self._is_one_event(chunk):
            return [ServerSentEvent("", chunk[6:-2])]
        lines = (self._rest + chunk if self._rest else chunk).split(b"\n")
        self._rest = lines.pop()
        events: list[ServerSentEvent] = []
        for line in lines:
            self._line(line, events)
        return events

    def close(self) -> list[ServerSentEvent]:
        """Tell that the stream ended.

        Returns:
            What was still waiting for its line feed or blank line, if anything.
        """
        events: list[ServerSentEvent] = []
        if self._rest:
            self._line(self._rest, events)
            self._rest = b""
        self._line(b"", events)
        if self._bare:
            events.append(ServerSentEvent("", b"\n".join(self._bare)))
            self._bare = []
        return events

    def _is_one_event(self, chunk: bytes) -> bool:
        """Whether this piece is `data: ...` and a blank line, and nothing waits: what nearly every piece is."""
        return (
            chunk.startswith(b"data: ")
            and chunk.endswith(b"\n\n")
            and not (self._rest or self._data or self._event or self._bare)
            and chunk.find(b"\n") == len(chunk) - 2 > 6
        )

    def _unify_newlines(self, chunk: bytes) -> bytes:
        """CR and CRLF as LF. A CR at the very end waits: the LF that belongs to it may come in the next piece."""
        if self._held_cr:
            chunk = b"\r" + chunk
        self._held_cr = chunk.endswith(b"\r")
        if self._held_cr:
            chunk = chunk[:-1]
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _line(self, line: bytes, events: list[ServerSentEvent]) -> None:
        if line.startswith(b"data:"):
            self._data.append(line[6:] if line.startswith(b" ", 5) else line[5:])
        elif not line:
            if self._data:
                data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                self._data = []
                if data:
                    events.append(ServerSentEvent(self._event, data))
            self._event = ""
        elif line.startswith(b"event:"):
            self._event = line[6:].strip().decode("utf-8", "replace")
        elif self._bare or line.startswith((b"{", b"[")):
            self._bare_json(line, events)

    def _bare_json(self, line: bytes, events: list[ServerSentEvent]) -> None:
        """A JSON document that stands in the stream without `data:`, perhaps printed over several lines."""
        self._bare.append(line)
        text = b"\n".join(self._bare)
        try:
            orjson.loads(text)
        except ValueError:
            return
        events.append(ServerSentEvent("", text))
        self._bare = []
