"""What is complained of beside the answers: warnings, event loops, finalizers and threads. Standard library only."""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

KNOWN = ("_aget_text_embeddings_rate_limited",)
"""Coroutines of LlamaIndex's `run_jobs`, which starts none of those that wait for a place when a call is cancelled."""


class Complaints(logging.Handler):
    """Takes them all while it listens.

    Attributes:
        heard: Each of them.
        known: Those of others that nobody here can do anything about, and how often.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []
        self.known: Counter[str] = Counter()

    def take(self, kind: str, words: str) -> None:
        """Note one."""
        known = next((one for one in KNOWN if one in words), None)
        if known is None:
            self.heard.append(f"{kind}: {words}")
        else:
            self.known[known] += 1

    def of_a_loop(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A loop's handler for exceptions: tasks that nobody waited for, connections that nobody closed."""
        self.take("event loop", f"{context.get('message')} {context.get('exception', '')!r}")

    def emit(self, record: logging.LogRecord) -> None:
        """What loops with a handler of their own, and asyncio itself, log."""
        self.take(record.name, record.getMessage())

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to everybody."""
        hooks = sys.unraisablehook, threading.excepthook
        logger = logging.getLogger("asyncio")

        def warned(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
            self.take(category.__name__, str(message))

        sys.unraisablehook = lambda found: self.take("finalizer", f"{found.exc_value!r} in {found.object!r}")
        threading.excepthook = lambda found: self.take("thread", repr(found.exc_value))
        logger.addHandler(self)
        with warnings.catch_warnings():
            warnings.simplefilter("always", ResourceWarning)
            warnings.simplefilter("always", RuntimeWarning)
            warnings.showwarning = warned
            try:
                yield
            finally:
                logger.removeHandler(self)
                sys.unraisablehook, threading.excepthook = hooks
