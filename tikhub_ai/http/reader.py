"""How a stream's bytes become deltas, and where it ends.

A reader makes sense of the bytes; the watch around it measures silence and says what a broken connection means.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from tikhub_ai.deltas import Delta, End
from tikhub_ai.error_bodies import mask, public_headers, request_id_of
from tikhub_ai.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    IncompleteStreamError,
    IncompleteStreamWarning,
    InvalidResponseError,
    ResponseInfo,
    TikHubAIError,
    warn,
)
from tikhub_ai.http.sse import SSEDecoder
from tikhub_ai.wire import ApiResponse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tikhub_ai.apis import ChatDecoder
    from tikhub_ai.conversation import ChatReply
    from tikhub_ai.settings import Timeouts
    from tikhub_ai.wire import ServerSentEvent

T_co = TypeVar("T_co", covariant=True)


class StreamReader(Protocol[T_co]):
    """What makes sense of a stream's bytes. One is made for each attempt."""

    @property
    def events(self) -> int:
        """How many real events came (comments do not count): silence is measured between them."""

    @property
    def is_complete(self) -> bool:
        """Whether the finish marker has come, so that the answer is whole wherever the bytes end."""

    @property
    def is_cut(self) -> bool:
        """Whether the answer was ended from here, so that no more of it is wanted."""

    @property
    def error(self) -> TikHubAIError | None:
        """What is wrong with the bytes just fed, where they also gave something: to be raised once that is out."""

    def feed(self, chunk: bytes) -> Sequence[T_co]:
        """Take the next bytes and give what they complete."""

    def flush(self) -> Sequence[T_co]:
        """The bytes have ended or broken off. Give what they complete all the same."""

    def finish(self) -> Sequence[T_co]:
        """The bytes have ended well. Raises IncompleteStreamError where the answer is not whole."""

    def partial(self) -> ChatReply | None:
        """The answer so far, or None where nothing came."""


_LOST = (APIConnectionError, APITimeoutError, InvalidResponseError)
"""What ends a stream in place of its end."""


class Watch:
    """A stream's reader, watched: silence between real events, the key in errors, what a broken connection means."""

    __slots__ = ("_events", "_given", "_last_event", "_limit", "_secrets", "reader")

    def __init__(self, reader: StreamReader[Any], timeouts: Timeouts, secrets: Sequence[str]) -> None:
        self.reader = reader
        self._secrets = secrets
        self._limit = timeouts.read
        self._events = 0
        self._given = False
        self._last_event = time.monotonic()

    def feed(self, chunk: bytes) -> Sequence[Any]:
        """Take the next bytes, and look at the time."""
        items = self.reader.feed(chunk)
        now = time.monotonic()
        if self.reader.events != self._events:
            self._events = self.reader.events
            self._last_event = now
        elif self._limit is not None and now - self._last_event > self._limit:
            raise APITimeoutError(f"The stream gave no event for {self._limit:g} s, only keep-alive comments.")
        if items:
            self._given = True
        return items

    def finish(self) -> Sequence[Any]:
        """The bytes have ended."""
        try:
            return self.reader.finish()
        except TikHubAIError as error:
            mask(error, *self._secrets)
            if getattr(error, "partial", error) is None:
                error.partial = self.reader.partial()  # type: ignore[attr-defined]  # just asked for
            raise

    def rest(self, error: TikHubAIError | None = None) -> Sequence[Any]:
        """What is still to be handed out when the bytes have ended, or the connection has failed."""
        if error is not None and not isinstance(error, _LOST):
            return ()
        try:
            return self.reader.flush()
        except TikHubAIError as found:
            self.broken(found)
            raise

    def broken(self, error: TikHubAIError) -> None:
        """The connection or the reader failed: nothing where the answer is whole, else raise what fits."""
        if isinstance(error, _LOST) and self.reader.is_complete:
            return
        mask(error, *self._secrets)
        partial = self.reader.partial()
        if isinstance(error, APIConnectionError) and self._events:
            raise IncompleteStreamError(
                f"The stream broke off before its finish marker: {error}", partial=partial
            ) from None
        if hasattr(error, "partial"):
            error.partial = partial
        raise error


class ChatStreamReader:
    """A stream's bytes as deltas. See `StreamReader`.

    An answer that is no event stream (a gateway that ignored `stream`, an error with status 200, an HTML page) is
    collected and judged whole.
    """

    __slots__ = ("_body", "_decoder", "_ended", "_headers", "_sse", "_warn", "error", "events")

    def __init__(self, decoder: ChatDecoder, headers: Mapping[str, str], *, warn_if_incomplete: bool = False) -> None:
        self._decoder = decoder
        self._headers = headers
        self._warn = warn_if_incomplete
        self._sse = SSEDecoder()
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        self._body: list[bytes] | None = [] if kind in {"application/json", "text/html"} else None
        self._ended = False
        self.events = 0
        self.error: TikHubAIError | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the wire's finish marker has come."""
        return self._decoder.is_complete

    @property
    def is_cut(self) -> bool:
        """Whether the decoder has ended the answer by itself, at a stop text that its wire cannot carry."""
        return getattr(self._decoder, "is_cut", False)

    def partial(self) -> ChatReply | None:
        """The answer so far, or None where nothing came."""
        return None if self._decoder.accumulator.is_empty else signed(self._decoder, self._headers)

    def feed(self, chunk: bytes) -> Sequence[Delta]:
        """Take the next bytes."""
        if self._body is not None:
            self._body.append(chunk)
            self.events += 1
            return ()
        deltas: list[Delta] = []
        try:
            for event in self._sse.feed(chunk):
                self.events += 1
                if not self._ended:  # nothing may follow the `End`, whatever a relay still sends
                    deltas += self._event(event)
            if self._decoder.is_done and not self._ended:
                deltas += self._end()
        except TikHubAIError as error:
            if not deltas:
                raise
            self.error = error
        return deltas

    def flush(self) -> Sequence[Delta]:
        """The bytes have ended or broken off: give what only waited for its blank line."""
        if self._body is not None:
            return self._array(b"".join(self._body))
        return self._last_events() if self.error is None else ()

    def finish(self) -> Sequence[Delta]:
        """The bytes have ended: give the last deltas and the `End`."""
        if self.error is not None:
            raise self.error
        deltas = list(self.flush())
        if self._body is not None:
            deltas += self._decoder.body(ApiResponse(200, self._headers, b"".join(self._body)).json_object())
        return deltas if self._ended else [*deltas, *self._end()]

    def _end(self) -> list[Delta]:
        """The `End`, given as soon as the wire says that all is said, though the connection may still be open."""
        self._ended = True
        if not self._decoder.is_complete:
            self._incomplete()
        return [End(signed(self._decoder, self._headers))]

    def _event(self, event: ServerSentEvent) -> Sequence[Delta]:
        try:
            return self._decoder.event(event)
        except APIStatusError as error:
            raise with_headers(error, self._headers) from None

    def _array(self, body: bytes) -> Sequence[Delta]:
        """What a JSON array of a stream's chunks gives: Gemini's streams are that where `alt=sse` got lost."""
        take = getattr(self._decoder, "array", None)
        if take is None or body.lstrip()[:1] != b"[":
            return ()
        self._body = None
        try:
            deltas: Sequence[Delta] = take(body)
        except APIStatusError as error:
            raise with_headers(error, self._headers) from None
        return deltas

    def _last_events(self) -> list[Delta]:
        deltas: list[Delta] = []
        for event in self._sse.close():
            try:
                deltas += self._event(event)
            except InvalidResponseError:
                break  # cut inside the event: the answer is incomplete, not invalid
        return deltas

    def _incomplete(self) -> None:
        partial = self.partial()
        said = f"{len(partial.text)} characters of text had come (.partial)" if partial else "nothing had come"
        message = f"The stream ended without its finish marker; {said}. The answer is cut: ask again."
        if not self._warn:
            raise IncompleteStreamError(message, partial=partial)
        warn(message, IncompleteStreamWarning)


def with_headers(error: APIStatusError, headers: Mapping[str, str]) -> APIStatusError:
    """The error with what only headers say: the codec knows none, and an error inside a 200 wants its request id."""
    if error.response is not None:
        error.response = ResponseInfo(error.response.status_code, public_headers(headers), error.response.body)
    error.request_id = error.request_id or request_id_of(public_headers(headers))
    return error


def signed(decoder: ChatDecoder, headers: Mapping[str, str]) -> ChatReply:
    """The reply so far, with what only headers say."""
    reply = decoder.accumulator.reply()
    reply.headers = public_headers(headers)
    reply.request_id = request_id_of(reply.headers)
    return reply
