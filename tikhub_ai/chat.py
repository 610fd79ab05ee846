"""ChatClient: choose the API, encode, transport, decode. Sync and async."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, cast

from tikhub_ai import catalog
from tikhub_ai.apis.guard import guarded
from tikhub_ai.deltas import Delta, End
from tikhub_ai.error_bodies import public_headers, request_id_of
from tikhub_ai.errors import APIStatusError, ConfigurationError, InvalidRequestError, ModelNotFoundError
from tikhub_ai.http.reader import StreamReader, with_headers
from tikhub_ai.http.transport import Transport
from tikhub_ai.precedence import settled
from tikhub_ai.routing import choose_api

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Collection, Generator, Mapping, Sequence

    from tikhub_ai.apis import ChatCodec, ChatDecoder, CountingCodec
    from tikhub_ai.catalog import ModelFacts
    from tikhub_ai.conversation import ChatReply, ChatRequest
    from tikhub_ai.routing import ChatAPI
    from tikhub_ai.settings import Settings
    from tikhub_ai.wire import ApiRequest, ApiResponse

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
        api, codec, facts = self._codec(request)
        if not hasattr(codec, "encode_count") or (self.settings.base_url, api) in _COUNT_NOTHING:
            return None
        counting = cast("CountingCodec", codec)
        request = settled(request, lambda asked: counting.encode_count(asked, facts).body)
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
        request = settled(request, lambda asked: codec.encode(asked, facts, stream=stream).body)
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
    return guarded(lambda response: _decode(response, new_decoder()))


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
