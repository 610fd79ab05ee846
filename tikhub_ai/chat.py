"""ChatClient: choose the API, encode, transport, decode. Sync and async."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Collection, Generator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, cast

from tikhub_ai import catalog
from tikhub_ai.apis.unreadable import readable
from tikhub_ai.arguments import is_held_elsewhere
from tikhub_ai.conversation import ChatReply, ChatRequest
from tikhub_ai.deltas import Delta, End
from tikhub_ai.error_bodies import public_headers, request_id_of
from tikhub_ai.errors import APIStatusError, ConfigurationError, InvalidRequestError, ModelNotFoundError, TikHubAIError
from tikhub_ai.http.reader import StreamReader, with_headers
from tikhub_ai.http.transport import Transport
from tikhub_ai.json_text import is_whole
from tikhub_ai.precedence import settled
from tikhub_ai.routing import ChatAPI, choose_api
from tikhub_ai.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tikhub_ai.apis import ChatCodec, ChatDecoder, CountingCodec
    from tikhub_ai.catalog import ModelFacts
    from tikhub_ai.wire import ApiRequest, ApiResponse

_COUNTS_AGAIN = 600.0
"""Seconds for which a gateway that has said that it counts no tokens is not asked again: it may learn to."""


class ChatClient:
    """Chat with any model of the gateway, in neutral terms.

    Args:
        settings: Key, address, timeouts, retries.
        api: The wire API, or `auto`.
        needs: What settings that hold for every call ask of the API. See `choose_api`.
        incomplete_stream: What a stream does that ends without its finish marker: `raise` IncompleteStreamError with
            the partial answer, or `warn` and give the partial answer as the last delta's reply.

    Attributes:
        counts_nothing: Gateways, and their APIs, that have said that they count no tokens, and until when (by
            `time.monotonic`) they are believed. Clients that are made anew for each call may share one.

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
        self.counts_nothing: dict[tuple[str | None, str], float] = {}

    def complete(self, request: ChatRequest) -> ChatReply:
        """Ask, and give the whole answer.

        Raises:
            TikHubAIError: A member of the tree.
        """
        outgoing, new_decoder = self._prepare(request, stream=False)
        return self.transport.send(outgoing, _reading(new_decoder))

    async def acomplete(self, request: ChatRequest) -> ChatReply:
        """`complete`, async."""
        outgoing, new_decoder = self._prepare(request, stream=False)
        return await self.transport.asend(outgoing, _reading(new_decoder))

    def stream(self, request: ChatRequest) -> Generator[Delta, None, None]:
        """Ask, and give the answer as it comes: part deltas, then one `End` with the folded reply.

        Closing the generator closes the connection.

        Raises:
            IncompleteStreamError: The stream ended before its finish marker; `.partial` holds what had come.
            TikHubAIError: Another member of the tree.
        """
        outgoing, new_decoder = self._prepare(request, stream=True)
        for deltas in self.transport.stream(outgoing, self._reader(request, new_decoder)):
            yield from deltas

    async def astream(self, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        """`stream`, async."""
        outgoing, new_decoder = self._prepare(request, stream=True)
        stream = self.transport.astream(outgoing, self._reader(request, new_decoder))
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
        asked = self._count(request)
        if asked is None:
            return None
        try:
            return self.transport.send(asked.outgoing, asked.read)
        except APIStatusError as error:
            self._not_counted(asked, error)
        return None

    async def acount_tokens(self, request: ChatRequest) -> int | None:
        """`count_tokens`, async."""
        asked = self._count(request)
        if asked is None:
            return None
        try:
            return await self.transport.asend(asked.outgoing, asked.read)
        except APIStatusError as error:
            self._not_counted(asked, error)
        return None

    def _count(self, request: ChatRequest) -> _Count | None:
        """The call that asks for a count, or None where nobody can be asked."""
        api, codec, facts = self._codec(request)
        place = (self.settings.base_url, api)
        if not hasattr(codec, "encode_count") or time.monotonic() < self.counts_nothing.get(place, 0.0):
            return None
        counting = cast("CountingCodec", codec)
        _, outgoing = _encoded(request, lambda asked: counting.encode_count(asked, facts))
        outgoing.extra_headers = request.extra_headers
        return _Count(place, outgoing, readable(lambda response: counting.read_count(response.json_object())))

    def _not_counted(self, asked: _Count, error: APIStatusError) -> None:
        """Remember a gateway that counts nothing; raise what says something else."""
        if isinstance(error, ModelNotFoundError) or error.status_code not in {404, 405, 501}:
            raise error
        self.counts_nothing[asked.place] = time.monotonic() + _COUNTS_AGAIN

    def _prepare(self, request: ChatRequest, *, stream: bool) -> tuple[ApiRequest, Callable[[], ChatDecoder]]:
        _, codec, facts = self._codec(request)
        asked: ChatRequest | None = None
        made: ChatDecoder | None = None

        def encode(one: ChatRequest) -> ApiRequest:
            nonlocal asked, made
            asked, made = one, codec.decoder(one, facts)  # where it cannot do with the request, nothing shall be paid
            return codec.encode(one, facts, stream=stream)

        def new_decoder() -> ChatDecoder:
            nonlocal made
            first, made = made, None
            return codec.decoder(request, facts) if first is None or asked is not request else first

        request, outgoing = _encoded(request, encode)
        outgoing.extra_headers = request.extra_headers
        return outgoing, new_decoder

    def _codec(self, request: ChatRequest) -> tuple[str, ChatCodec, ModelFacts]:
        if not request.model or not isinstance(request.model, str):
            raise InvalidRequestError("No model was named: give model=, a string.")
        if not is_whole(request.model):
            raise InvalidRequestError("model holds half a character, which UTF-8 cannot carry: it is no model's name.")
        api = choose_api(request.model, self.api, self.needs)
        if not request.messages and not (api == "responses" and is_held_elsewhere(request)):
            raise InvalidRequestError("The message list is empty: a chat call needs at least one message.")
        return api, _codec_of(api), catalog.facts(request.model)

    def _reader(
        self, request: ChatRequest, new_decoder: Callable[[], ChatDecoder]
    ) -> Callable[[Mapping[str, str]], ChatReader]:
        return lambda headers: ChatReader(
            new_decoder(),
            headers,
            warn_if_incomplete=self.incomplete_stream == "warn",
            settles=(request.n or 1) == 1,
            max_event_bytes=self.settings.max_event_bytes,
        )


@cache
def _codec_of(api: str) -> ChatCodec:
    return cast("ChatCodec", import_module(f"tikhub_ai.apis.{api}"))


@dataclass(slots=True)
class _Count:
    """A call that asks for a count.

    Attributes:
        place: The gateway, and its API.
        outgoing: The call.
        read: Makes the count of its answer.
    """

    place: tuple[str | None, str]
    outgoing: ApiRequest
    read: Callable[[ApiResponse], int | None]


def _encoded(request: ChatRequest, encode: Callable[[ChatRequest], ApiRequest]) -> tuple[ChatRequest, ApiRequest]:
    """The request as it is to be asked, and the call that asks it.

    Raises:
        InvalidRequestError: It cannot be encoded. The message names the value that is at fault.
    """
    try:
        settled_request = settled(request, lambda asked: encode(asked).body)
        return settled_request, encode(settled_request)
    except (TikHubAIError, Warning):
        raise
    except Exception as error:  # noqa: BLE001 - whatever a codec's code raises at a value that it did not expect
        fault = type(error).__name__
    from tikhub_ai.misfits import culprit, misfit  # noqa: PLC0415 - rarely needed

    if (found := misfit(request)) is not None:
        raise InvalidRequestError(f"The request cannot be encoded: {found.place} cannot be of type {found.found}.")
    place = culprit(request, encode)
    raise InvalidRequestError(
        f"The request cannot be encoded: {place} has a form that the API has no words for ({fault})."
    )


class ChatReader(StreamReader[Delta]):
    """A stream's bytes as deltas, then one `End`. See `StreamReader`."""

    __slots__ = ("_chat",)

    def __init__(self, decoder: ChatDecoder, headers: Mapping[str, str], **options: Any) -> None:
        super().__init__(decoder, headers, **options)
        self._chat = decoder

    def partial(self) -> ChatReply | None:
        """The answer so far, or None where nothing came."""
        return None if self._chat.accumulator.is_empty else _signed(self._chat, self._headers)

    def whole(self, response: ApiResponse) -> Sequence[Delta]:
        """The deltas of a plain answer, from a gateway that ignored `stream`."""
        return self._chat.body(response.json_object())

    def last(self) -> Sequence[Delta]:
        """What was kept back for more to come, and the `End`."""
        return [*self._chat.rest(), End(_signed(self._chat, self._headers))]


def _reading(new_decoder: Callable[[], ChatDecoder]) -> Callable[[ApiResponse], ChatReply]:
    """What makes a reply of a whole answer, with a decoder of its own for each attempt."""
    return readable(lambda response: _decode(response, new_decoder()))


def _decode(response: ApiResponse, decoder: ChatDecoder) -> ChatReply:
    payload = response.json_object()
    try:
        decoder.body(payload)
    except APIStatusError as error:
        raise with_headers(error, response.headers) from None
    return _signed(decoder, response.headers)


def _signed(decoder: ChatDecoder, headers: Mapping[str, str]) -> ChatReply:
    """The reply so far, with what only headers say."""
    reply = decoder.accumulator.reply()
    reply.headers = public_headers(headers)
    reply.request_id = request_id_of(reply.headers)
    return reply
