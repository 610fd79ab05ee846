"""Where a stream ends: the one place that knows whether an answer is whole.

A reader is fed a stream's bytes and told their end. It never raises: what is wrong with the answer stands in `error`,
beside the items that came before it. Its states, in this order, whatever pieces the bytes come in:

    open      something may follow, and the answer would be cut here       patience None: the settings' read timeout
    complete  the finish marker has come; usage and `[DONE]` may follow     patience SETTLE
    over      the wire has said that nothing follows, the last item is out  patience DRAIN: only the connection's end
    stopped   an error, or the answer was ended from here                   patience 0: nothing more is to be read

After the finish marker, events that make no sense are skipped: they cannot make a whole answer less whole. Before it
they are an InvalidResponseError. Time and retries are the transport's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from tikhub_ai.apis.unreadable import in_the_tree
from tikhub_ai.error_bodies import public_headers, request_id_of
from tikhub_ai.errors import (
    APIConnectionError,
    APIStatusError,
    IncompleteStreamError,
    IncompleteStreamWarning,
    InvalidResponseError,
    ResponseInfo,
    TikHubAIError,
    warn,
)
from tikhub_ai.http.sse import DEFAULT_MAX_EVENT_BYTES, SSEDecoder
from tikhub_ai.wire import ApiResponse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tikhub_ai.wire import ServerSentEvent

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

SETTLE = 3.0
"""Seconds after the finish marker in which usage or `[DONE]` may still come. Google's API sends nothing after it."""
DRAIN = 0.5
"""Seconds after the end of the answer in which the connection may end its exchange, and so be used again."""


class StreamDecoder(Protocol[T_co]):
    """What a reader needs of a codec's decoder. It may also have `array`, `is_cut` and `awaits_usage`: see below."""

    @property
    def is_complete(self) -> bool:
        """Whether the wire's finish marker has come: the answer is whole wherever the bytes end now."""

    @property
    def is_done(self) -> bool:
        """Whether the wire has said that nothing follows."""

    def event(self, event: ServerSentEvent) -> Sequence[T_co]:
        """Take one event of a stream.

        Raises:
            APIStatusError: The event is an error.
            InvalidResponseError: It makes no sense.
        """


class StreamReader(ABC, Generic[T]):
    """Makes items of a stream's bytes. One is made for each attempt.

    An answer that is no event stream (a gateway that ignored `stream`, an error with status 200, an HTML page) is
    collected and judged whole.

    Args:
        decoder: Of the API. Where its `is_cut` is True when it is done, the answer was ended from here, at a stop text
            that its wire cannot carry, and the server would go on. While its `awaits_usage` is True, silence does not
            end a complete answer. Where it has `array(body)`, that takes a body that is a JSON array of a stream's
            chunks.
        headers: Response headers, names in lower case.
        warn_if_incomplete: Warn of an answer that ends without its finish marker instead of failing.
        settles: Whether the answer counts as ended when nothing follows its finish marker for `SETTLE` seconds. False
            where a marker may belong to a part of it, as with several choices.
        max_event_bytes: Most bytes of one event. See `Settings.max_event_bytes`.

    Attributes:
        events: How many events came (comments do not count): silence is measured between them.
        is_over: Whether the answer has ended, well or not: further bytes mean nothing.
        error: What is wrong with the answer, or None. To be raised when what `feed` or `end` returned is handed out.
        patience: Seconds that further bytes may take from now on; None leaves it to the settings, and 0 means that
            nothing more is to be read.
    """

    __slots__ = (
        "_body",
        "_decoder",
        "_headers",
        "_is_complete",
        "_max_event_bytes",
        "_settles",
        "_sse",
        "_warn",
        "error",
        "events",
        "is_over",
        "patience",
    )

    no_streams: ClassVar[frozenset[str]] = frozenset({"application/json", "text/html"})
    """Content types of answers that are no event stream. Any other may be one: gateways name them loosely."""

    def __init__(
        self,
        decoder: StreamDecoder[T],
        headers: Mapping[str, str],
        *,
        warn_if_incomplete: bool = False,
        settles: bool = True,
        max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES,
    ) -> None:
        self._decoder = decoder
        self._headers = headers
        self._warn = warn_if_incomplete
        self._settles = settles
        self._max_event_bytes = max_event_bytes
        self._sse = SSEDecoder(max_event_bytes)
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        self._body: list[bytes] | None = [] if kind in self.no_streams else None
        self._is_complete = False
        self.is_over = False
        self.events = 0
        self.error: TikHubAIError | None = None
        self.patience: float | None = None

    @abstractmethod
    def partial(self) -> Any:
        """The answer so far, with a `text`, or None where nothing came."""

    @abstractmethod
    def last(self) -> Sequence[T]:
        """What is handed out when the answer has ended, such as the folded reply."""

    @abstractmethod
    def whole(self, response: ApiResponse) -> Sequence[T]:
        """What is handed out of an answer that is no stream, before `last`.

        Raises:
            APIStatusError: It is an error in spite of its status.
            InvalidResponseError: It is no answer.
        """

    def feed(self, chunk: bytes) -> Sequence[T]:
        """Take the next bytes, cut anywhere, and return what they complete."""
        if self.is_over:
            return ()
        if self._body is not None:
            self._body.append(chunk)
            self.events += 1
            return ()
        items: list[T] = []
        decoder = self._decoder
        for event in self._sse.feed(chunk):
            self.events += 1
            try:
                new = decoder.event(event)
            except Exception as raised:  # noqa: BLE001 - whatever a codec's code raises
                error = in_the_tree(raised)
                if decoder.is_complete and isinstance(error, InvalidResponseError):
                    continue
                self._fail(error)
                return items
            items += new
            if decoder.is_done:
                items += self._end()
                return items
            if decoder.is_complete or self._is_complete:
                self._completed(has_items=bool(new))
        if self._sse.is_too_large:
            self._too_large()
        return items

    def end(self, error: TikHubAIError | None = None) -> Sequence[T]:
        """Tell that the bytes have ended, and return what only that completes.

        Args:
            error: What broke the connection off; None where it ended well.
        """
        if self.is_over:
            return ()
        items: list[T] = []
        try:
            if self._body is not None:
                items += self._whole_body(b"".join(self._body), is_cut=error is not None)
            else:
                self._last_events(items)
        except Exception as raised:  # noqa: BLE001 - whatever a codec's code raises
            self._fail(in_the_tree(raised))
        if self.error is None:
            if error is None or self._decoder.is_complete:
                items += self._end()
            else:
                self._fail(self._broken(error))
        return items

    # --- the states -------------------------------------------------------------------------------------------------

    def _completed(self, *, has_items: bool) -> None:
        """A finish marker has come. Where content follows it, it was not the last, and silence means nothing."""
        if self._is_complete and has_items:
            self._settles = False
        self._is_complete = True
        waits = getattr(self._decoder, "awaits_usage", False)
        self.patience = SETTLE if self._settles and not waits else None

    def _end(self) -> Sequence[T]:
        """The answer has ended: the last items, although the connection may still be open."""
        if not self._decoder.is_complete and not self._warned():
            return ()
        self.is_over = True
        self.patience = 0 if getattr(self._decoder, "is_cut", False) else DRAIN
        return self.last()

    def _fail(self, error: TikHubAIError) -> None:
        if isinstance(error, APIStatusError):
            with_headers(error, self._headers)
        if hasattr(error, "partial"):
            error.partial = self.partial() or error.partial
        self.error = error
        self.is_over = True
        self.patience = 0

    def _too_large(self) -> None:
        if self._is_complete:  # of no interest any more
            self.patience = 0
            return
        limit = self._max_event_bytes
        self._fail(
            InvalidResponseError(f"An event of the stream has more than max_event_bytes={limit} bytes: raise it.")
        )

    def _warned(self) -> bool:
        """Whether an answer without its finish marker may pass with a warning; else it is an error."""
        message = f"The stream ended without its finish marker; {self._come}. The answer is cut: ask again."
        if self._warn:
            warn(message, IncompleteStreamWarning)
        else:
            self._fail(IncompleteStreamError(message))
        return self._warn

    def _broken(self, error: TikHubAIError) -> TikHubAIError:
        """What a broken connection means for an answer that is not whole."""
        if isinstance(error, APIConnectionError) and self.events:
            said = f"The stream broke off before its finish marker; {self._come}. The answer is cut: ask again."
            return IncompleteStreamError(f"{said} {error}")
        return error

    @property
    def _come(self) -> str:
        """How much of the answer there is, in words."""
        partial = self.partial()
        return f"{len(partial.text)} characters of text had come (.partial)" if partial else "nothing had come"

    # --- the bytes' end ---------------------------------------------------------------------------------------------

    def _last_events(self, items: list[T]) -> None:
        """What only waited for its blank line."""
        for event in self._sse.close():
            try:
                items += self._decoder.event(event)
            except InvalidResponseError:
                return  # cut inside the event: the answer is incomplete, not invalid
            if self._decoder.is_done:
                return

    def _whole_body(self, body: bytes, *, is_cut: bool) -> Sequence[T]:
        """What a body holds that is no event stream; of one that was cut, only a JSON array holds anything.

        Gemini's streams are such arrays where `alt=sse` got lost.
        """
        take = getattr(self._decoder, "array", None)
        if take is not None and body.lstrip()[:1] == b"[":
            items: Sequence[T] = take(body)
            return items
        return () if is_cut else self.whole(ApiResponse(200, self._headers, body))


def with_headers(error: APIStatusError, headers: Mapping[str, str]) -> APIStatusError:
    """The error with what only headers say: the codec knows none, and an error inside a 200 needs its request id."""
    if error.response is not None:
        error.response = ResponseInfo(error.response.status_code, public_headers(headers), error.response.body)
    error.request_id = error.request_id or request_id_of(public_headers(headers))
    return error
