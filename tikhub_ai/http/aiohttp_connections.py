"""aiohttp's connections, as ours must be: metered, ended at once, and their faults told apart."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError

from tikhub_ai.http import failures
from tikhub_ai.http.metering import EndlessError, Meter

LONGEST_LINE = 1024 * 1024
"""Bytes of one header line; aiohttp's own limit of 8 KB is less than some gateways send. Heads are metered by us."""
MANY_HEADERS: dict[str, Any] = (
    {"max_headers": 100_000} if "max_headers" in (aiohttp.ClientSession.__init__.__kwdefaults__ or {}) else {}
)
"""Since 3.14, aiohttp takes 128 of them unless told otherwise; httpx as many as its limit of bytes allows."""

# RuntimeError: the session was closed meanwhile. ValueError: an address or header that nothing can carry.
FAILURES = (aiohttp.ClientError, HttpProcessingError, OSError, TimeoutError, RuntimeError, ValueError, EndlessError)
REQUEST_AT_FAULT = (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)


class NotConnectedError(Exception):
    """No connection came about. Told apart by where it was raised: the same exceptions occur after sending too."""

    def __init__(self, words: str, *, too_slow: bool, bad_request: bool) -> None:
        super().__init__(words)
        self.too_slow = too_slow
        self.bad_request = bad_request


class MeteredProtocol(ResponseHandler):
    """A connection that ends at once, that is metered, and whose faults are told to everybody who waits."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.meter = Meter()
        self._time_for_head: asyncio.TimerHandle | None = None

    def set_response_params(self, **params: Any) -> None:
        """A request is about to go out."""
        self.meter.expect_head()
        self._head_is_here()
        super().set_response_params(**params)

    def start_timeout(self) -> None:
        """A request has gone out. Each byte of its answer begins aiohttp's own time anew, so the head gets one more."""
        super().start_timeout()
        if self.meter.in_head and self.read_timeout:
            self._time_for_head = self._loop.call_later(self.read_timeout, self._on_read_timeout)

    def data_received(self, data: bytes) -> None:
        """Count it."""
        super().data_received(data)
        meter = self.meter
        meter.left -= len(data)
        if meter.left < 0:
            self._overflow()

    def feed_data(self, data: Any, size: int = 0) -> None:
        """A head is here, with its body that is to come."""
        status = data[0].code
        if status >= 200 or status == 101:
            self.meter.expect_body(None)  # as much as aiohttp buffers, until the caller says how much it may be
            self._head_is_here()
        super().feed_data(data, size)

    def _head_is_here(self) -> None:
        if self._time_for_head is not None:
            self._time_for_head.cancel()
            self._time_for_head = None

    def _overflow(self) -> None:
        self.set_exception(self.meter.overflow())
        if self.transport is not None:
            self.transport.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        """See aiohttp."""
        self._head_is_here()
        super().connection_lost(exc)

    def close(self) -> None:
        """Drop what is unsent, and over TLS do not wait for the peer's farewell: both may outlive the event loop."""
        self._head_is_here()
        if self.transport is not None:
            self.transport.abort()
        super().close()

    def set_exception(self, exc: BaseException, *cause: Any) -> None:
        """Tell the body's reader too: after a bad chunk size, aiohttp 3.10 to 3.14 leave it waiting for ever."""
        body = self._payload
        super().set_exception(exc, *cause)
        if body is not None and not body.is_eof() and body.exception() is None:
            body.set_exception(exc)


class Connector(aiohttp.TCPConnector):
    """Connects, or tells that nothing was sent."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._factory = cast("partial[ResponseHandler]", partial(MeteredProtocol, loop=self._loop))

    async def connect(self, *args: Any, **kwargs: Any) -> Any:
        """See aiohttp.

        Raises:
            NotConnectedError: For whatever went wrong.
        """
        try:
            return await super().connect(*args, **kwargs)
        except FAILURES as failure:
            error = NotConnectedError(
                failures.words_of(failure),
                too_slow=isinstance(failure, TimeoutError) and getattr(failure, "errno", None) is None,
                bad_request=isinstance(failure, REQUEST_AT_FAULT),
            )
        raise error

    def __del__(self, *_: object) -> None:
        """Say nothing: `pools` closes it, and where that is impossible a warning helps nobody."""
