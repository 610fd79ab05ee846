"""Ends a blocking read of a socket when its time is over: sync HTTP clients cannot change a read's timeout midway.

One thread serves all reads, and ends when there has been none for a while.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress

_LINGER = 30.0
"""Seconds that the thread waits for another read."""


class Watchdog:
    """Shuts sockets down whose time is over."""

    def __init__(self) -> None:
        self._reset()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        # A Condition's lock can be taken twice by one thread: the garbage collector may close an answer anywhere.
        self._changed = threading.Condition()
        self._deadlines: dict[socket.socket, float] = {}
        self._thread: threading.Thread | None = None
        self._wakes_at = 0.0

    def watch(self, guarded: socket.socket, deadline: float) -> None:
        """Shut a socket down at a time, unless it is released before.

        Args:
            guarded: The socket.
            deadline: On the monotonic clock, in seconds.
        """
        with self._changed:
            self._deadlines[guarded] = deadline
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="tikhub-watchdog", daemon=True)
                self._thread.start()
            elif deadline < self._wakes_at:
                self._changed.notify()

    def release(self, guarded: socket.socket) -> None:
        """Leave a socket alone. After this, nothing happens to it: it may serve somebody else."""
        with self._changed:
            self._deadlines.pop(guarded, None)

    def _run(self) -> None:
        with self._changed:
            last_used = time.monotonic()
            while True:
                now = time.monotonic()
                for guarded in [one for one, deadline in self._deadlines.items() if deadline <= now]:
                    del self._deadlines[guarded]
                    with suppress(OSError):  # closed meanwhile
                        # Not through SSLSocket, which would forget its TLS state under the thread that reads.
                        socket.socket.shutdown(guarded, socket.SHUT_RDWR)
                if self._deadlines:
                    last_used = now
                elif now - last_used >= _LINGER:
                    self._thread = None
                    return
                self._wakes_at = min(self._deadlines.values(), default=now + _LINGER)
                self._changed.wait(self._wakes_at - now)


watchdog = Watchdog()
