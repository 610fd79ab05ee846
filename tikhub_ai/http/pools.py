"""Clients shared by equal settings: one set for sync calls, one for each event loop; one mechanism for all backends.

Async clients belong to their loop alone. They are closed right before it closes, whoever closes it; a forked child
starts with none, since connections and selectors of its parent are not its own.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import ssl
import sys
import threading
import weakref
from collections import OrderedDict
from concurrent.futures import CancelledError
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from tikhub_ai.errors import ConfigurationError
from tikhub_ai.http.shared import MAX_CLIENTS, SharedClients

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable

    from tikhub_ai.http.shared import Lease
    from tikhub_ai.settings import Settings

MAX_CONNECTIONS = 1000
"""Most exchanges at a time of one client."""
KEEPALIVE = 30.0
"""Seconds that an idle connection is kept."""


class SyncClient(Protocol):
    """What is kept for sync calls."""

    @property
    def is_closed(self) -> bool:
        """Whether it can be used no more."""

    def close(self) -> None:
        """Close its connections."""


class AsyncClient(Protocol):
    """What is kept for the calls of one loop. May have `abandon`: to be silent where closing is impossible."""

    @property
    def is_closed(self) -> bool:
        """Whether it can be used no more."""

    async def aclose(self) -> None:
        """Close its connections."""


SyncT = TypeVar("SyncT", bound=SyncClient)
AsyncT = TypeVar("AsyncT", bound=AsyncClient)


class _LoopClients:
    """The clients of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.shared: SharedClients[AsyncClient] = SharedClients(self._close_soon)
        self.closing: set[asyncio.Task[None]] = set()
        self._loop = loop
        self._pid = os.getpid()
        self._close_loop = loop.close
        # An async generator parked on the loop would do for `asyncio.run`. LlamaIndex's `asyncio_run`, for one, closes
        # its loops without shutting their generators down, so that only `close` itself tells.
        loop.close = self._close_loop_and_clients  # type: ignore[method-assign]  # the one hook there is

    async def aclose(self) -> None:
        """Close every client."""
        await asyncio.gather(*self.closing, return_exceptions=True)
        for client in self.shared.take_all():
            await client.aclose()
        await asyncio.sleep(0)  # transports tell their ends one round of the loop after they were closed

    def close(self) -> None:
        """Close every client, where the loop can still run."""
        loop = self._loop
        ours = self._pid == os.getpid() and not loop.is_closed() and not loop.is_running()
        if (len(self.shared) or self.closing) and ours and not sys.is_finalizing():
            closing = self.aclose()
            try:
                loop.run_until_complete(closing)
            except RuntimeError:  # another loop runs in this thread
                closing.close()
        self.abandon()

    def close_at_exit(self) -> None:
        """`close`, also where the loop runs on in a thread that does not end by itself."""
        if self._loop.is_running() and self._pid == os.getpid():
            with suppress(TimeoutError, CancelledError):
                asyncio.run_coroutine_threadsafe(self.aclose(), self._loop).result(timeout=1)
        self.close()

    def abandon(self) -> list[AsyncClient]:
        """Leave every client as it is, without a word, and return them: one that is freed may speak of it."""
        clients = self.shared.take_all()
        for client in clients:
            abandoned(client)
        return clients

    def close_soon(self, closing: Coroutine[Any, Any, None]) -> None:
        """Close something without waiting for it; at the latest before the loop itself closes."""
        task = self._loop.create_task(closing)
        self.closing.add(task)
        task.add_done_callback(self.closing.discard)

    def _close_soon(self, client: AsyncClient) -> None:
        """Close a client whose place another one takes, from wherever its last exchange ended."""
        if self._loop.is_closed():
            abandoned(client)
        else:
            self._loop.call_soon_threadsafe(lambda: self.close_soon(client.aclose()))

    def _close_loop_and_clients(self) -> None:
        self.close()
        self._close_loop()


def abandoned(client: AsyncClient) -> None:
    """Leave a client as it is, without a word."""
    if (abandon := getattr(client, "abandon", None)) is not None:
        abandon()


class Pools:
    """All shared clients of this process, and their TLS contexts."""

    def __init__(self) -> None:
        self._alone = True
        self._inherited: list[object] = []
        self._start()
        atexit.register(self._at_exit)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._before_fork, after_in_child=self._after_fork)

    def _start(self) -> None:
        self._lock = threading.RLock()
        self._contexts: OrderedDict[Hashable, ssl.SSLContext] = OrderedDict()
        self._sync: SharedClients[SyncClient] = SharedClients(_close)
        # The values are weak as well: clients hold their loop, and would keep it for ever.
        self._by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.ref[_LoopClients]] = (
            weakref.WeakKeyDictionary()
        )

    def sync_client(self, key: Hashable, make: Callable[[], SyncT]) -> Lease[SyncT]:
        """The client of sync calls for a key, made where there is none; to be released after use."""
        return cast("Lease[SyncT]", self._sync.lease(key, make))

    def async_client(self, key: Hashable, make: Callable[[], AsyncT]) -> Lease[AsyncT]:
        """The running loop's client for a key, made where there is none; to be released after use."""
        return cast("Lease[AsyncT]", self._of_running_loop().shared.lease(key, make))

    def close_soon(self, closing: Coroutine[Any, Any, None]) -> None:
        """Have the running loop close something without waiting for it; at the latest before the loop itself closes."""
        self._of_running_loop().close_soon(closing)

    def _of_running_loop(self) -> _LoopClients:
        loop = asyncio.get_running_loop()
        found = self._by_loop.get(loop)
        clients = None if found is None else found()
        if clients is None:
            clients = _LoopClients(loop)
            with self._lock:
                self._by_loop[loop] = weakref.ref(clients)
        return clients

    def close(self, key: Hashable) -> None:
        """Close the client of sync calls for a key, if there is one. The next call makes another."""
        if (client := self._sync.take(key)) is not None:
            client.close()

    async def aclose(self, key: Hashable) -> None:
        """Close the running loop's client for a key, if there is one. The next call makes another."""
        if (client := self._of_running_loop().shared.take(key)) is not None:
            await client.aclose()

    def context(self, verify: bool | str | ssl.SSLContext) -> ssl.SSLContext:
        """One TLS context for all clients of all backends: loading the CA store takes longer than a local request.

        Raises:
            ConfigurationError: There is no such CA file.
        """
        if isinstance(verify, ssl.SSLContext):
            return verify
        with self._lock:
            if verify not in self._contexts:
                self._contexts[verify] = _new_context(verify)
            self._contexts.move_to_end(verify)
            if len(self._contexts) > MAX_CLIENTS:
                self._contexts.popitem(last=False)
            return self._contexts[verify]

    def _of_loops(self) -> list[_LoopClients]:
        return [clients for found in list(self._by_loop.values()) if (clients := found()) is not None]

    def _at_exit(self) -> None:
        for client in self._sync.take_all():
            client.close()
        for clients in self._of_loops():
            clients.close_at_exit()

    def _before_fork(self) -> None:
        self._alone = threading.active_count() == 1

    def _after_fork(self) -> None:
        """What the parent had is not ours: closing an async client would even change the parent's selector."""
        for clients in self._of_loops():
            self._inherited += [clients, *clients.abandon()]
        sync = self._sync.take_all()
        self._start()
        if not self._alone:  # a thread that is gone may hold a lock of theirs for ever
            self._inherited += sync
            return
        for client in sync:
            client.close()


def _close(client: SyncClient) -> None:
    client.close()


def _new_context(verify: bool | str) -> ssl.SSLContext:
    import httpx  # noqa: PLC0415 - 20 ms that an import need not pay

    try:
        if isinstance(verify, str):
            folder = Path(verify).is_dir()
            context = ssl.create_default_context(cafile=None if folder else verify, capath=verify if folder else None)
        else:
            if verify and (named := os.environ.get("SSL_CERT_FILE")):
                os.stat(named)  # httpx 0.27 passes over a file that is not there
            context = httpx.create_ssl_context(verify=verify)
    except OSError as failure:
        named = f"verify={verify!r}" if isinstance(verify, str) else "SSL_CERT_FILE or SSL_CERT_DIR"
        raise ConfigurationError(f"{named} names no readable CA file: {failure.strerror or failure}.") from None
    context.set_alpn_protocols(["http/1.1"])
    return context


def key_of(library: str, settings: Settings) -> Hashable:
    """What settings must have in common to share a client."""
    return library, settings.proxy, settings.verify


pools = Pools()
