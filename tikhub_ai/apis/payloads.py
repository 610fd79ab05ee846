"""The JSON of a stream's events, as all wire APIs send it, and what gateways make of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import orjson

from tikhub_ai.apis.torn_calls import TornCalls
from tikhub_ai.apis.torn_text import TornText
from tikhub_ai.error_bodies import error_from_payload, error_in_body
from tikhub_ai.errors import InvalidResponseError
from tikhub_ai.json_text import NO_JSON, parsed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tikhub_ai.deltas import Delta
    from tikhub_ai.wire import ServerSentEvent


class EventDecoder(ABC):
    """What the decoders of all wire APIs do alike with the events of a stream.

    Attributes:
        is_done: Whether the wire has said that nothing follows. What a relay still sends is no part of the answer.
    """

    def __init__(self, calls: TornCalls | None = None) -> None:
        self.is_done = False
        self._torn: TornText | None = None
        self._calls = calls

    def event(self, event: ServerSentEvent) -> Sequence[Delta]:
        """Take one event of a stream. See `ChatDecoder`."""
        if self.is_done:
            return ()
        data = event.data
        deltas: list[Delta] = []
        try:
            payload = orjson.loads(data)
        except ValueError:
            payload = NO_JSON
        # Outside the handler: orjson's exception holds the whole event, and errors made there would hold it.
        if payload is not NO_JSON:
            self._payload(payload, event.event, deltas)
        else:
            for payload in self._odd_payloads(data):
                if not self.is_done:
                    self._payload(payload, event.event, deltas)
            if says_done(data):
                self.is_done = True
        if self._calls is not None and self._calls.held:
            deltas = self._calls.mended(deltas)
        return deltas if self._torn is None else self._torn.mended(deltas)

    def rest(self) -> Sequence[Delta]:
        """What was kept back for more of it to come: nothing more comes."""
        deltas = self._calls.rest() if self._calls is not None and self._calls.held else []
        return deltas if self._torn is None else [*self._torn.mended(deltas), *self._torn.rest()]

    @abstractmethod
    def _payload(self, payload: Any, event: str, deltas: list[Delta]) -> None:
        """Take one JSON value.

        Args:
            payload: The value.
            event: The event's name, or empty.
            deltas: Takes in what it adds to the answer.
        """

    def _odd_payloads(self, data: bytes) -> list[Any]:
        """The JSON values of an event whose data is not one that orjson reads: `payloads_of`."""
        payloads = payloads_of(data, is_piece=True)
        if self._torn is None and payloads:
            self._torn = TornText()
        return payloads


def payloads_of(data: bytes, *, is_piece: bool = False) -> list[Any]:
    """The JSON values of one event's data: one, or several where a relay forgot the blank line between two events.

    `[DONE]` is none of them: see `says_done`.

    Args:
        data: The event's data.
        is_piece: Whether texts may begin or end with half a character, to be mended by `TornText`.

    Raises:
        InvalidResponseError: It is no JSON.
    """
    payload = parsed(data, is_piece=is_piece)
    if payload is not NO_JSON:
        return [payload]
    lines = [line for line in data.split(b"\n") if line and line.strip() != b"[DONE]"]
    payloads = [parsed(line, is_piece=is_piece) for line in lines]
    if any(payload is NO_JSON for payload in payloads):
        raise InvalidResponseError(f"An event of the stream is no JSON: {data[:80]!r}.")
    return payloads


def says_done(data: bytes) -> bool:
    """Whether an event's data is, or ends with, the `[DONE]` that some gateways put at every stream's end."""
    return data.endswith(b"[DONE]") and (len(data) == 6 or data[-7:-6] == b"\n")


def raise_error_in(payload: Mapping[str, Any]) -> None:
    """Raise the error that a payload is, whichever shape it has; return where it is none.

    Raises:
        APIStatusError: It is an error.
    """
    if ("error" in payload or "success" in payload) and (error := error_in_body(payload)) is not None:
        raise error_from_payload(error, {})


def made_id(prefix: str, *seed: Any) -> str:
    """An id where the wire has none: the same in every decoding of one answer, another in every answer."""
    return prefix + blake2b("/".join(map(str, seed)).encode("utf-8", "replace"), digest_size=12).hexdigest()
