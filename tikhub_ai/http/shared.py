"""Clients by what their settings have in common: a bounded number of them, the least recently used closed first."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

_log = logging.getLogger("tikhub_ai")

MAX_CLIENTS = 32
"""Most clients that are kept, of sync calls or of one event loop. Those that carry an exchange are never too many."""


class Closable(Protocol):
    """What is kept."""

    @property
    def is_closed(self) -> bool:
        """Whether it can be used no more."""


ClientT = TypeVar("ClientT", bound=Closable)


class Lease(Generic[ClientT]):
    """The right to use a client until `release`, which may be called again."""

    __slots__ = ("_leases", "_pool", "client")

    def __init__(self, client: ClientT, leases: set[Lease[ClientT]], pool: SharedClients[ClientT]) -> None:
        self.client = client
        self._leases = leases
        self._pool = pool

    def release(self) -> None:
        """End the use. Takes no lock that this thread may hold: the garbage collector calls it too."""
        self._leases.discard(self)
        self._pool.trim()


class _Kept(Generic[ClientT]):
    __slots__ = ("client", "leases")

    def __init__(self, client: ClientT) -> None:
        self.client = client
        self.leases: set[Lease[ClientT]] = set()


class SharedClients(Generic[ClientT]):
    """The clients of sync calls, or of one event loop.

    Args:
        close: Closes one that carries nothing.
    """

    def __init__(self, close: Callable[[ClientT], object]) -> None:
        self._close = close
        self._lock = threading.Lock()
        self._by_key: OrderedDict[Hashable, _Kept[ClientT]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_key)

    def lease(self, key: Hashable, make: Callable[[], ClientT]) -> Lease[ClientT]:
        """The client for a key, made where there is none; not closed before it is released."""
        with self._lock:
            kept = self._by_key.get(key)
            if kept is None or kept.client.is_closed:
                kept = self._by_key[key] = _Kept(make())
                _log.debug("pool: made client %d (at most %d are kept)", len(self._by_key), MAX_CLIENTS)
            self._by_key.move_to_end(key)
            lease = Lease(kept.client, kept.leases, self)
            kept.leases.add(lease)
        self.trim()
        return lease

    def trim(self) -> None:
        """Close clients beyond the bound, where they carry nothing."""
        if len(self._by_key) <= MAX_CLIENTS or not self._lock.acquire(blocking=False):
            return
        try:
            surplus = len(self._by_key) - MAX_CLIENTS
            idle = [key for key, kept in self._by_key.items() if not kept.leases][:surplus]
            evicted = [self._by_key.pop(key).client for key in idle]
        finally:
            self._lock.release()
        for client in evicted:
            _log.debug("pool: closed an idle client, for more than %d are kept", MAX_CLIENTS)
            self._close(client)

    def take(self, key: Hashable) -> ClientT | None:
        """The client for a key, no longer kept here; None where there is none."""
        with self._lock:
            kept = self._by_key.pop(key, None)
        return None if kept is None else kept.client

    def take_all(self) -> list[ClientT]:
        """Every client, none of them kept any longer."""
        kept, self._by_key = self._by_key, OrderedDict()
        return [one.client for one in kept.values()]
