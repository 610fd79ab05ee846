"""What an answer is before anybody reads it: an error by its status, or a body; and errors as they leave."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from tikhub_ai.error_bodies import error_from_response
from tikhub_ai.errors import APIConnectionError, APITimeoutError, InvalidResponseError, TikHubAIError
from tikhub_ai.http.failures import only_blanks, too_long
from tikhub_ai.http.retries import retry_after
from tikhub_ai.masking import mask, masked, masked_headers
from tikhub_ai.wire import ApiResponse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tikhub_ai.http.exchange import AsyncWireResponse, WireResponse
    from tikhub_ai.secret_values import Secrets
    from tikhub_ai.wire import ApiRequest, Sieve

MOST_OF_AN_ERROR = 1024 * 1024
"""Bytes of an error's body."""


def without(headers: Mapping[str, str], secrets: Secrets) -> dict[str, str]:
    """Response headers without what was sent and came back."""
    return masked_headers(headers, secrets)


def checked(
    response: WireResponse | AsyncWireResponse, body: bytes, secrets: Secrets, sieve: Sieve | None = None
) -> ApiResponse:
    """The whole answer, where its status is no error."""
    if response.status_code >= 300:
        wait = retry_after(response.headers, time.time())
        raise error_from_response(response.status_code, response.headers, body, retry_after=wait)
    headers = without(response.headers, secrets)
    return ApiResponse(response.status_code, headers, body, lambda text: masked(text, secrets), sieve)


@contextmanager
def judging(request: ApiRequest, secrets: Secrets) -> Iterator[None]:
    """Errors leave as what they are on the request's wire, and without the key, should the server have echoed it."""
    judged: TikHubAIError | None = None
    try:
        yield
    except TikHubAIError as error:
        mask(error, *secrets)
        judged = error if request.judge is None else request.judge(error)
        if judged is error:
            raise
    if judged is not None:
        raise judged


class _Body:
    """A body that grows, to a limit."""

    __slots__ = ("_ends", "_left", "_most", "_pieces", "_sieve", "_silence")

    def __init__(self, most: int, sieve: Sieve | None, silence: float | None) -> None:
        self._sieve = sieve
        self._silence = silence
        self._ends = None if silence is None else time.monotonic() + silence
        self._most = self._left = most
        self._pieces: list[bytes] = []

    def add(self, piece: bytes) -> None:
        if self._ends is not None:
            self._look_at_the_time(piece)
        if self._sieve is not None:
            piece = self._sieve.feed(piece)
        self._left -= len(piece)
        if self._left < 0:
            self._pieces.clear()
            raise too_long(self._most)
        self._pieces.append(piece)

    def _look_at_the_time(self, piece: bytes) -> None:
        if piece and not piece.isspace():
            self._ends = None
        elif self._silence is not None and self._ends is not None and time.monotonic() > self._ends:
            raise only_blanks(self._silence)

    def whole(self) -> bytes:
        if self._sieve is not None:
            self._pieces.append(self._sieve.close())
        return b"".join(self._pieces)


def whole(response: WireResponse, most: int, sieve: Sieve | None = None, silence: float | None = None) -> bytes:
    """The body, or what a sieve leaves of it; of an error no more than anybody reads, even where it was cut.

    Args:
        response: What is read.
        most: Bytes that it may have.
        sieve: Takes out of it what need not be kept.
        silence: The longest time before anything but blanks comes, in seconds; None sets no limit.

    Raises:
        APITimeoutError: Blanks came, and nothing else for too long.
        InvalidResponseError: It has more bytes than `most`.
    """
    if response.status_code < 300:
        found = _Body(most, sieve, silence)
        for piece in response.iter_bytes():
            found.add(piece)
        return found.whole()
    body = bytearray()
    with suppress(APIConnectionError, APITimeoutError, InvalidResponseError):
        for piece in response.iter_bytes():
            body += piece
            if len(body) >= MOST_OF_AN_ERROR:
                break
    return bytes(body[:MOST_OF_AN_ERROR])


async def awhole(
    response: AsyncWireResponse, most: int, sieve: Sieve | None = None, silence: float | None = None
) -> bytes:
    """`whole`, async."""
    if response.status_code < 300:
        found = _Body(most, sieve, silence)
        async for piece in response.aiter_bytes():
            found.add(piece)
        return found.whole()
    body = bytearray()
    with suppress(APIConnectionError, APITimeoutError, InvalidResponseError):
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) >= MOST_OF_AN_ERROR:
                break
    return bytes(body[:MOST_OF_AN_ERROR])
