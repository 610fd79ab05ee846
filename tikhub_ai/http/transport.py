"""send / asend / stream / astream over a backend, and the one retry layer. Nothing else does HTTP.

Sync and async share everything but the await: how a request is built, how an answer is judged, when to try again and
how long to wait, how a stream is read and what its end means.
"""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import aclosing, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tikhub_ai._version import __version__
from tikhub_ai.errors import ConfigurationError, TikHubAIError
from tikhub_ai.http import backends
from tikhub_ai.http.answers import MOST_OF_AN_ERROR, awhole, checked, judging, whole, without
from tikhub_ai.http.downloads import Download, Source
from tikhub_ai.http.exchange import WireRequest
from tikhub_ai.http.flow import Flow
from tikhub_ai.http.multipart import MultipartBody
from tikhub_ai.http.reader import StreamReader
from tikhub_ai.http.retries import Tries, log
from tikhub_ai.json_text import body_of
from tikhub_ai.secret_values import Key, SecretHeaders, Secrets
from tikhub_ai.settings import OnRetry, Settings
from tikhub_ai.wire import ApiRequest, ApiResponse

if TYPE_CHECKING:
    from tikhub_ai.http.exchange import AsyncBackend, Backend

T = TypeVar("T")

USER_AGENT = f"tikhub-ai/{__version__} python/{platform.python_version()}"
_SHORTEST_SECRET = 8
_OF_HTTP = frozenset({"accept", "accept-encoding", "content-type", "user-agent"})


class Transport:
    """Carries calls to the gateway.

    Args:
        settings: Key, address, timeouts, retries.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    # --- plain ------------------------------------------------------------------------------------------------------

    def send(
        self,
        request: ApiRequest,
        read: Callable[[ApiResponse], T],
        *,
        stop: threading.Event | None = None,
        on_retry: OnRetry | None = None,
    ) -> T:
        """Make a call and return what `read` makes of its whole answer.

        Args:
            request: The call.
            read: Pure. What it raises is judged like an error status: an error inside a 200 is tried again too.
            stop: To be set, from another thread, where nobody waits for the answer any more: what is on its way is left
                to end, a wait before a retry ends at once, and nothing further is sent.
            on_retry: Is told of each retry, before the settings' hook.

        Raises:
            TikHubAIError: A member of the tree, after the retries that it deserved.
        """
        return self._tried(request, partial(self._send_once, read), stop, on_retry=on_retry)

    async def asend(
        self,
        request: ApiRequest,
        read: Callable[[ApiResponse], T],
        *,
        stop: asyncio.Event | None = None,
        on_retry: OnRetry | None = None,
    ) -> T:
        """`send`, async. `stop` is set by a task of the same event loop."""
        return await self._atried(request, partial(self._asend_once, read), stop, on_retry=on_retry)

    def _send_once(self, read: Callable[[ApiResponse], T], request: ApiRequest) -> T:
        key = self.settings.key()
        secrets = self._secrets(request, key)
        sieve = None if request.new_sieve is None else request.new_sieve()
        with judging(request, secrets):
            backend = backends.sync_backend(self.settings)
            _log_exchange(request, backend)
            wire = self._wire(request, key, stream=False)
            with closing(backend.open(wire)) as response:
                body = whole(response, self.settings.max_response_bytes, sieve, wire.timeouts.read)
            return read(checked(response, body, secrets, sieve))

    async def _asend_once(self, read: Callable[[ApiResponse], T], request: ApiRequest) -> T:
        key = await self.settings.akey()
        secrets = self._secrets(request, key)
        sieve = None if request.new_sieve is None else request.new_sieve()
        with judging(request, secrets):
            backend = backends.async_backend(self.settings, str(self.settings.base_url))
            _log_exchange(request, backend)
            wire = self._wire(request, key, stream=False)
            async with aclosing(await backend.aopen(wire)) as response:
                body = await awhole(response, self.settings.max_response_bytes, sieve, wire.timeouts.read)
            return read(checked(response, body, secrets, sieve))

    # --- streamed ---------------------------------------------------------------------------------------------------

    def stream(
        self, request: ApiRequest, new_reader: Callable[[Mapping[str, str]], StreamReader[T]]
    ) -> Generator[Sequence[T], None, None]:
        """Make a call and yield what its answer's reader makes of it, as it comes.

        Nothing is tried again once something was handed out. Closing the generator closes the connection.

        Args:
            request: The call.
            new_reader: Makes the reader of an answer from its headers.

        Yields:
            What `StreamReader.feed` and `end` return, where it is not empty.

        Raises:
            IncompleteStreamError: The stream ended, or broke, before its finish marker.
            TikHubAIError: Any other member of the tree.
        """
        items, first = self._tried(request, partial(self._begin, new_reader))
        with closing(items):
            if first is not None:
                yield first
                yield from items

    async def astream(
        self, request: ApiRequest, new_reader: Callable[[Mapping[str, str]], StreamReader[T]]
    ) -> AsyncGenerator[Sequence[T], None]:
        """`stream`, async."""
        items, first = await self._atried(request, partial(self._abegin, new_reader))
        async with aclosing(items):
            if first is not None:
                yield first
                async for item in items:
                    yield item

    def _begin(
        self, new_reader: Callable[[Mapping[str, str]], StreamReader[T]], request: ApiRequest
    ) -> tuple[Generator[Sequence[T], None, None], Sequence[T] | None]:
        """A stream and its first items: up to there it may be tried again."""
        items = self._items(request, new_reader)
        return items, next(items, None)

    async def _abegin(
        self, new_reader: Callable[[Mapping[str, str]], StreamReader[T]], request: ApiRequest
    ) -> tuple[AsyncGenerator[Sequence[T], None], Sequence[T] | None]:
        items = self._aitems(request, new_reader)
        return items, await anext(items, None)

    def _items(
        self, request: ApiRequest, new_reader: Callable[[Mapping[str, str]], StreamReader[T]]
    ) -> Generator[Sequence[T], None, None]:
        key = self.settings.key()
        secrets = self._secrets(request, key)
        wire = self._wire(request, key, stream=True)
        with judging(request, secrets):
            backend = backends.sync_backend(self.settings)
            _log_exchange(request, backend)
            opened = backend.open(wire)
        with closing(opened) as response:
            if response.status_code >= 300:
                with judging(request, secrets):
                    checked(response, whole(response, MOST_OF_AN_ERROR), secrets)
            reader = new_reader(without(response.headers, secrets))
            flow = Flow(reader, response, wire.timeouts.read, self.settings.max_response_bytes)
            try:
                for chunk in response.iter_bytes():
                    if items := flow.feed(chunk):
                        yield items
                    if reader.patience is not flow.patience and not flow.goes_on():
                        break
            except TikHubAIError as error:
                flow.failure = error
            if items := flow.end():
                yield items
            with judging(request, secrets):
                flow.raise_error()

    async def _aitems(
        self, request: ApiRequest, new_reader: Callable[[Mapping[str, str]], StreamReader[T]]
    ) -> AsyncGenerator[Sequence[T], None]:
        key = await self.settings.akey()
        secrets = self._secrets(request, key)
        wire = self._wire(request, key, stream=True)
        with judging(request, secrets):
            backend = backends.async_backend(self.settings, str(self.settings.base_url))
            _log_exchange(request, backend)
            opened = await backend.aopen(wire)
        async with aclosing(opened) as response:
            if response.status_code >= 300:
                with judging(request, secrets):
                    checked(response, await awhole(response, MOST_OF_AN_ERROR), secrets)
            reader = new_reader(without(response.headers, secrets))
            flow = Flow(reader, response, wire.timeouts.read, self.settings.max_response_bytes)
            try:
                async for chunk in response.aiter_bytes():
                    if items := flow.feed(chunk):
                        yield items
                    if reader.patience is not flow.patience and not flow.goes_on():
                        break
            except TikHubAIError as error:
                flow.failure = error
            if items := flow.end():
                yield items
            with judging(request, secrets):
                flow.raise_error()

    # --- downloads --------------------------------------------------------------------------------------------------

    def download(
        self,
        source: Source | None,
        target: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        refresh: Callable[[], Source | None] | None = None,
        on_progress: Callable[[int, int | None], object] | None = None,
    ) -> Path:
        """Fetch a file to the disk.

        The gateway's own origin gets the key and the caller's headers, every other one, redirects included, nothing of
        ours. What is cut goes on where it was, if the server can; a download that gets further may be tried again as
        often as at first.

        Args:
            source: Its address, absolute or relative to `base_url`, or a `data:` URI; a request of the gateway's API;
                or a file that stood in an answer.
            target: Where it goes; the folder must be there.
            overwrite: Whether a file that is there may be replaced.
            refresh: Called once where the address is no longer served (403, 410): returns a fresh one.
            on_progress: Called with the bytes so far, and in all or None. What it raises ends the download.

        Returns:
            The target's path.

        Raises:
            DownloadError: It could not be had whole, or is no file but a text. The target is what it was before.
            AuthenticationError: The gateway refused the key.
        """
        with self._downloading(source, target, overwrite, on_progress) as download:
            try:
                self._tried(download.request, partial(self._fetch, download, refresh), progress=download.progress)
            except TikHubAIError as failure:
                error = download.failure(failure)
            else:
                return download.finish()
            raise error

    async def adownload(
        self,
        source: Source | None,
        target: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        refresh: Callable[[], Awaitable[Source | None]] | None = None,
        on_progress: Callable[[int, int | None], object] | None = None,
    ) -> Path:
        """`download`, async. The disk is written to outside the event loop."""
        with self._downloading(source, target, overwrite, on_progress) as download:
            try:
                await self._atried(
                    download.request, partial(self._afetch, download, refresh), progress=download.progress
                )
            except TikHubAIError as failure:
                error = download.failure(failure)
            else:
                return await asyncio.to_thread(download.finish)
            raise error

    def _downloading(
        self,
        source: Source | None,
        target: str | os.PathLike[str],
        overwrite: bool,
        on_progress: Callable[[int, int | None], object] | None,
    ) -> Download:
        most, base_url = self.settings.max_response_bytes, str(self.settings.base_url)
        return Download(source, target, base_url, overwrite, on_progress, most_unpacked=most)

    def _fetch(self, download: Download, refresh: Callable[[], Source | None] | None, _request: ApiRequest) -> None:
        """One attempt: through redirects, and through one refresh."""
        download.start()
        while not download.is_whole:
            if (pieces := download.inline) is not None:
                for piece in pieces:
                    if download.take(piece):
                        download.flush()
                download.end()
                return
            key = None if download.is_abroad else self.settings.key()
            request, secrets, wire = self._visit(download, key)
            with judging(request, secrets):
                backend = backends.sync_backend(self.settings)
                with closing(backend.open(wire)) as response:
                    verdict = download.begin(response.status_code, response.headers)
                    if verdict == "file":
                        for piece in response.iter_bytes():
                            if download.take(piece):
                                download.flush()
                        download.end()
                    elif verdict == "refused":
                        download.refused(
                            response, whole(response, self.settings.max_response_bytes), is_fresh=refresh is None
                        )
            if download.is_stale and refresh is not None:
                download.renew(refresh())

    async def _afetch(
        self, download: Download, refresh: Callable[[], Awaitable[Source | None]] | None, _request: ApiRequest
    ) -> None:
        download.start()
        while not download.is_whole:
            if (pieces := download.inline) is not None:
                for piece in pieces:
                    if download.take(piece):
                        await asyncio.to_thread(download.flush)
                download.end()
                return
            key = None if download.is_abroad else await self.settings.akey()
            request, secrets, wire = self._visit(download, key)
            with judging(request, secrets):
                backend = backends.async_backend(self.settings, wire.url)
                async with aclosing(await backend.aopen(wire)) as response:
                    verdict = download.begin(response.status_code, response.headers)
                    if verdict == "file":
                        async for piece in response.aiter_bytes():
                            if download.take(piece):
                                await asyncio.to_thread(download.flush)
                        download.end()
                    elif verdict == "refused":
                        download.refused(
                            response, await awhole(response, self.settings.max_response_bytes), is_fresh=refresh is None
                        )
            if download.is_stale and refresh is not None:
                download.renew(await refresh())

    def _visit(self, download: Download, key: Key | None) -> tuple[ApiRequest, Secrets, WireRequest]:
        """The next request of a download; without a key, at another origin than the gateway's."""
        url, headers = download.here.url, {"accept-encoding": "identity", **download.range_headers()}
        if key is not None:
            wire = self._wire(download.request, key, stream=True, url=url)
            wire.headers, wire.most = wire.headers.merged(SecretHeaders(headers)), None  # it goes to the disk
            return download.request, self._secrets(download.request, key), wire
        headers |= {"user-agent": USER_AGENT, "accept": "*/*"}
        timeouts = self.settings.timeouts(stream=True)
        wire = WireRequest("GET", url, SecretHeaders(headers), b"", timeouts, is_foreign=True)
        return ApiRequest(url, method="GET"), Secrets(), wire

    # --- shared by all four -----------------------------------------------------------------------------------------

    def _wire(self, request: ApiRequest, key: Key, *, stream: bool, url: str | None = None) -> WireRequest:
        """The request as it goes out. The caller's headers win over ours, whatever their case.

        Args:
            request: What is asked.
            key: Goes to `url` as well.
            stream: Whether the answer is read as it comes.
            url: Where, in place of the request's path: an address of the gateway's own origin.
        """
        carrier = self.settings.auth_header or request.auth_header
        headers = {
            "user-agent": USER_AGENT,
            "accept": request.accept or ("text/event-stream" if stream else "application/json"),
            carrier: "",
            **request.headers,
        }
        if request.body is not None:
            headers["content-type"] = "application/json"
        secret = SecretHeaders(headers)
        if not headers[carrier]:
            secret[carrier] = f"{'Bearer ' if carrier == 'authorization' else ''}{key.get_secret_value()}"
        given = [some for some in (self.settings.default_headers, request.extra_headers) if some]
        for some in map(SecretHeaders.of, given):
            if some is not None and (why := some.unsendable()):
                raise ConfigurationError(why)
        if given or not all(map(str.islower, headers)):
            secret = secret.merged(*map(SecretHeaders.of, given))
        content: bytes | MultipartBody = b""
        if request.form is not None:
            content = MultipartBody(request.form)
            content.describe(secret)
        elif request.body is not None:
            content = body_of(request.body)
        return WireRequest(
            method=request.method,
            url=url or f"{self.settings.base_url}{request.path}",
            headers=secret,
            content=content,
            timeouts=self.settings.timeouts(stream=stream),
            most=self.settings.max_response_bytes,
        )

    def _secrets(self, request: ApiRequest, key: Key) -> Secrets:
        """What only the server may see. Short values of headers, and those that HTTP itself speaks, are none."""
        return Secrets(
            key.get_secret_value(),
            *(
                value
                for headers in (self.settings.default_headers, request.extra_headers)
                for name, value in (headers or {}).items()
                if isinstance(value, str) and len(value) >= _SHORTEST_SECRET and name.lower() not in _OF_HTTP
            ),
        )

    def _tried(
        self,
        request: ApiRequest,
        once: Callable[[ApiRequest], T],
        stop: threading.Event | None = None,
        progress: Callable[[], int] | None = None,
        on_retry: OnRetry | None = None,
    ) -> T:
        """Do something, again where it deserves that. tenacity is asked only when it has failed: most calls do not."""
        tries = Tries(request, self.settings, stop, progress, on_retry)
        try:
            return once(request)
        except TikHubAIError as error:
            tries.error = error
        try:
            for attempt in tries.loop(sync=True):
                with attempt:
                    if attempt.retry_state.attempt_number == 1 or tries.is_stopped:
                        raise tries.error
                    return once(tries.request)
        finally:
            tries.error = None  # whose frames would hold it
        raise AssertionError("the retry loop ends by return or raise")

    async def _atried(
        self,
        request: ApiRequest,
        once: Callable[[ApiRequest], Awaitable[T]],
        stop: asyncio.Event | None = None,
        progress: Callable[[], int] | None = None,
        on_retry: OnRetry | None = None,
    ) -> T:
        tries = Tries(request, self.settings, stop, progress, on_retry)
        try:
            return await once(request)
        except TikHubAIError as error:
            tries.error = error
        try:
            async for attempt in tries.loop(sync=False):
                with attempt:
                    if attempt.retry_state.attempt_number == 1 or tries.is_stopped:
                        raise tries.error
                    return await once(tries.request)
        finally:
            tries.error = None  # as above
        raise AssertionError("the retry loop ends by return or raise")

    # --- the end ----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the connections that sync calls share with all clients of such settings. The next call opens others.

        An injected client is left open. Nothing needs this: connections close with their event loop or the process.
        """
        backends.close(self.settings)

    async def aclose(self) -> None:
        """`close`, for the async calls of the running event loop."""
        await backends.aclose(self.settings)


def _log_exchange(request: ApiRequest, backend: Backend | AsyncBackend) -> None:
    """Tell of an attempt. Headers and bodies are nobody's business."""
    if log.isEnabledFor(logging.DEBUG):
        log.debug("%s %s: sent over %s", request.method, request.path, backend.name)
