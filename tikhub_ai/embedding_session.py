"""What the calls of one embeddings client share."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

from tikhub_ai.pace import Pace

LARGEST_KEPT = 256 * 2**20
"""Bytes of vectors, and characters of their texts, that a failed call leaves for the next one."""


class EmbeddingsSession:
    """What all calls of one client share: their pace, what its server can do, and what a failed call had paid for.

    Vectors that had come before a call failed or was interrupted are kept, up to 256 MiB of them and their texts, until
    a later call of the client has succeeded, which takes those it needs from here in place of asking and paying again.
    A copy of a session, or one that comes out of a pickle, is a new one.
    """

    def __init__(self) -> None:
        self.pace = Pace()
        self.answers_base64: bool | None = None
        self._lock = threading.Lock()
        self._kept: dict[str, array[float]] = {}
        self._kept_for: Any = None

    def __reduce__(self) -> tuple[Any, ...]:
        return EmbeddingsSession, ()

    def __deepcopy__(self, memo: Any) -> EmbeddingsSession:
        return EmbeddingsSession()

    def __eq__(self, other: object) -> bool:
        """What a client has met does not make it another one."""
        return isinstance(other, EmbeddingsSession)

    __hash__ = None  # type: ignore[assignment]  # as dataclasses write it

    def keep(self, of: Any, vectors: Iterable[tuple[str, Sequence[float]]]) -> None:
        """Keep what was paid for.

        Args:
            of: What the vectors depend on besides their texts.
            vectors: Texts and their vectors.
        """
        with self._lock:
            if self._kept_for != of:
                self._kept, self._kept_for = {}, of
            size = sum(len(text) + len(one) * one.itemsize for text, one in self._kept.items())
            for text, vector in vectors:
                size += len(text) + 8 * len(vector)
                if size > LARGEST_KEPT:
                    return
                self._kept[text] = array("d", vector)

    def take(self, of: Any, text: str) -> Sequence[float] | None:
        """The vector of a text that was paid for, or None."""
        return self._kept.get(text) if self._kept and self._kept_for == of else None

    def forget(self) -> None:
        """A call has succeeded: whatever it needed, it has taken."""
        with self._lock:
            self._kept, self._kept_for = {}, None
