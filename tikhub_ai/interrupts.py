"""What a person is told who ends a wait by Ctrl-C, or a task that is cancelled."""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_log = logging.getLogger("tikhub_ai")


@contextmanager
def told_if_interrupted(words: str) -> Iterator[None]:
    """Log a warning, which Python prints where nobody configured logging, if the context is left by an interrupt.

    Args:
        words: What became of the work, and how to take it up again.
    """
    try:
        yield
    except (KeyboardInterrupt, asyncio.CancelledError):
        _log.warning(words)
        raise
