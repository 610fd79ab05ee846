"""One pure codec per wire API: no I/O, no framework, no clock.

A chat codec is a module with the names of `ChatCodec`, a video codec one with those of `video_families.VideoCodec`.
Every quirk of a wire lives in exactly one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tikhub_ai.catalog import ModelFacts
    from tikhub_ai.conversation import ChatRequest
    from tikhub_ai.deltas import Accumulator, Delta
    from tikhub_ai.wire import ApiRequest, ServerSentEvent


class ChatDecoder(Protocol):
    """Makes deltas of one answer.

    The decoder writes what is said once (usage, finish reasons, ids) into its accumulator and gives the rest as deltas,
    which it has put into the accumulator as well.
    """

    @property
    def accumulator(self) -> Accumulator:
        """The answer so far."""

    @property
    def is_complete(self) -> bool:
        """Whether the wire's finish marker has come."""

    @property
    def is_done(self) -> bool:
        """Whether the wire has said that nothing follows."""

    def event(self, event: ServerSentEvent) -> Sequence[Delta]:
        """Take one event of a stream.

        Raises:
            APIStatusError: The event is an error.
            InvalidResponseError: It is no JSON.
        """

    def rest(self) -> Sequence[Delta]:
        """What was kept back for more of it to come, once nothing more comes."""

    def body(self, payload: dict[str, Any]) -> Sequence[Delta]:
        """Take the whole JSON body of a plain answer."""


class ChatCodec(Protocol):
    """What a module of a chat API holds."""

    API: str
    LIMIT_FIELDS: tuple[tuple[str, ...], ...]
    """The ways to where a body holds the limit of the answer's length."""

    def output_limit(self, said: int | None, facts: ModelFacts) -> int | None:
        """The limit of the answer's length that is sent where the caller said so much, or None."""

    def encode(self, request: ChatRequest, facts: ModelFacts, *, stream: bool) -> ApiRequest:
        """The request on this wire. Warns of what the wire cannot express.

        Raises:
            InvalidRequestError: The conversation holds something that the wire cannot carry.
        """

    def decoder(self, request: ChatRequest, facts: ModelFacts) -> ChatDecoder:
        """A decoder for one answer."""


class CountingCodec(ChatCodec, Protocol):
    """A codec of an API that counts a request's tokens too."""

    def encode_count(self, request: ChatRequest, facts: ModelFacts) -> ApiRequest:
        """The request that asks for the count. Raises as `encode` does."""

    def read_count(self, payload: dict[str, Any]) -> int | None:
        """The tokens that the answer tells, or None where it tells none."""
