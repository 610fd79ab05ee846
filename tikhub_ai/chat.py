"""ChatClient: choose the API, encode, transport, decode. Sync and async."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Literal, cast

from tikhub_ai import catalog
from tikhub_ai.choice import choose_api
from tikhub_ai.deltas import Delta, End
from tikhub_ai.error_bodies import public_headers, request_id_of
from tikhub_ai.errors import (
    APIStatusError,
    ConfigurationError,
    IncompleteStreamError,
    InvalidRequestError,
    InvalidResponseError,
    ModelNotFoundError,
    ResponseInfo,
    TikHubAIError,
    TikHubAIWarning,
    warn,
)
from tikhub_ai.sse import ServerSentEvent, SSEDecoder
from tikhub_ai.transport import ApiResponse, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Collection, Generator, Mapping, Sequence

    from tikhub_ai.apis import ChatCodec, ChatDecoder, CountingCodec
    from tikhub_ai.catalog import ModelFacts
    from tikhub_ai.choice import ChatAPI
    from tikhub_ai.conversation import ChatReply, ChatRequest
    from tikhub_ai.settings import Settings
    from tikhub_ai.transport import ApiRequest

_COUNT_NOTHING: set[tuple[str | None, str]] = set()
"""Gateways, and their APIs, that have said that they count no tokens."""


class ChatClient:
    """Chat with any model of the gateway, in neutral terms.

    Args:
        settings: Key, address, timeouts, retries.
        api: The wire API, or `auto`.
        needs: What settings that hold for every call ask of the API. See `choose_api`.
        incomplete_stream: What a stream does that ends without its finish marker: `raise` IncompleteStreamError with
            the partial answer, or `warn` and give the partial answer as the last delta's reply.

    Raises:
        ConfigurationError: `api` or `incomplete_stream` cannot work.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        api: ChatAPI = "auto",
        needs: Collection[str] = (),
        incomplete_stream: Literal["raise", "warn"] = "raise",
    ) -> None:
        choose_api("", api)
        if incomplete_stream not in {"raise", "warn"}:
            raise ConfigurationError(f"incomplete_stream={incomplete_stream!r} is not known; use 'raise' or 'warn'.")
        self.settings = settings
        self.api = api
        self.needs = frozenset(needs)
        self.incomplete_stream = incomplete_stream
        self.transport = Transport(settings)

    def complete(self, request: ChatRequest) -> ChatReply:
        """Ask, and give the whole answer.

        Raises:
            TikHubAIError: A member of the tree.
        """
        outgoing, new_decoder = self._prepare(request, stream=False)
        return self.transport.send(outgoing, lambda response: _decode(response, new_decoder()))

    async def acomplete(self, request: ChatRequest) -> ChatReply:
        """`complete`, async."""
        outgoing, new_decoder = self._prepare(request, stream=False)
        return await self.transport.asend(outgoing, lambda response: _decode(response, new_decoder()))

    def stream(self, request: ChatRequest) -> Generator[Delta, None, None]:
        """Ask, and give the answer as it comes: part deltas, then one `End` with the folded reply.

        Closing the generator closes the connection.

        Raises:
            IncompleteStreamError: The stream ended before its finish marker; `.partial` holds what had come.
            TikHubAIError: Another member of the tree.
        """
        outgoing, new_decoder = self._prepare(request, stream=True)
        for deltas in self.transport.stream(outgoing, self._reader(new_decoder)):
            yield from deltas

    async def astream(self, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        """`stream`, async."""
        outgoing, new_decoder = self._prepare(request, stream=True)
        stream = self.transport.astream(outgoing, self._reader(new_decoder))
        try:
            async for deltas in stream:
                for delta in deltas:
                    yield delta
        finally:
            await stream.aclose()

    def count_tokens(self, request: ChatRequest) -> int | None:
        """How many input tokens a request is, as its model's provider counts them.

        Returns:
            The count; None where the API or the gateway has no way to ask.

        Raises:
            InvalidRequestError: The request cannot be sent.
            TikHubAIError: Another member of the tree.
        """
        api, codec, facts = self._codec(request)
        if not hasattr(codec, "encode_count") or (self.settings.base_url, api) in _COUNT_NOTHING:
            return None
        counting = cast("CountingCodec", codec)
        asked = counting.encode_count(request, facts)
        asked.extra_headers = request.extra_headers
        try:
            return self.transport.send(asked, lambda response: counting.read_count(response.json_object()))
        except ModelNotFoundError:
            raise
        except APIStatusError as error:
            if error.status_code not in {404, 405, 501}:
                raise
        _COUNT_NOTHING.add((self.settings.base_url, api))
        return None

    def _prepare(self, request: ChatRequest, *, stream: bool) -> tuple[ApiRequest, Callable[[], ChatDecoder]]:
        _, codec, facts = self._codec(request)
        outgoing = codec.encode(request, facts, stream=stream)
        outgoing.extra_headers = request.extra_headers
        return outgoing, lambda: codec.decoder(request, facts)

    def _codec(self, request: ChatRequest) -> tuple[str, ChatCodec, ModelFacts]:
        if not request.model:
            raise InvalidRequestError("No model was named: give model=.")
        if not request.messages:
            raise InvalidRequestError("The message list is empty: a chat call needs at least one message.")
        api = choose_api(request.model, self.api, self.needs)
        codec = cast("ChatCodec", import_module(f"tikhub_ai.apis.{api}"))
        return api, codec, catalog.facts(request.model)

    def _reader(self, new_decoder: Callable[[], ChatDecoder]) -> Callable[[Mapping[str, str]], ChatStreamReader]:
        return lambda headers: ChatStreamReader(
            new_decoder(), headers, warn_if_incomplete=self.incomplete_stream == "warn"
        )


def _decode(response: ApiResponse, decoder: ChatDecoder) -> ChatReply:
    payload = response.json_object()
    try:
        decoder.body(payload)
    except APIStatusError as error:
        raise _with_headers(error, response.headers) from None
    return _signed(decoder, response.headers)


def _with_headers(error: APIStatusError, headers: Mapping[str, str]) -> APIStatusError:
    """The error with what only headers say: the codec knows none, and an error inside a 200 wants its request id."""
    if error.response is not None:
        error.response = ResponseInfo(error.response.status_code, public_headers(headers), error.response.body)
    error.request_id = error.request_id or request_id_of(public_headers(headers))
    return error


def _signed(decoder: ChatDecoder, headers: Mapping[str, str]) -> ChatReply:
    reply = decoder.accumulator.reply()
    reply.headers = public_headers(headers)
    reply.request_id = request_id_of(reply.headers)
    return reply


class ChatStreamReader:
    """A stream's bytes as deltas. See `transport.StreamReader`.

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
        return None if self._decoder.accumulator.is_empty else _signed(self._decoder, self._headers)

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
        return [End(_signed(self._decoder, self._headers))]

    def _event(self, event: ServerSentEvent) -> Sequence[Delta]:
        try:
            return self._decoder.event(event)
        except APIStatusError as error:
            raise _with_headers(error, self._headers) from None

    def _array(self, body: bytes) -> Sequence[Delta]:
        """What a JSON array of a stream's chunks gives: Gemini's streams are that where `alt=sse` got lost."""
        take = getattr(self._decoder, "array", None)
        if take is None or body.lstrip()[:1] != b"[":
            return ()
        self._body = None
        try:
            deltas: Sequence[Delta] = take(body)
        except APIStatusError as error:
            raise _with_headers(error, self._headers) from None
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


class IncompleteStreamWarning(TikHubAIWarning):
    """A stream ended without its finish marker, and `incomplete_stream="warn"` asked for no error."""
