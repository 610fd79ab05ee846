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
    a later call of the client that needs them has succeeded: it takes them from here in place of asking and paying
    again. Only those of one model, dimensions and other options are kept. A copy of a session, or one that comes out of
    a pickle, is a new one.

    Args:
        pace: How fast the calls send; one of its own by default.
    """

    def __init__(self, pace: Pace | None = None) -> None:
        self.pace = Pace() if pace is None else pace
        self.answers_base64: bool | None = None
        self._lock = threading.Lock()
        self._kept: tuple[Any, dict[str, array[float]]] = (None, {})

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
            kept_of, kept = self._kept
            if kept_of != of:
                self._kept = (of, kept := {})
            size = sum(len(text) + len(one) * one.itemsize for text, one in kept.items())
            for text, vector in vectors:
                size += 0 if text in kept else len(text) + 8 * len(vector)
                if size > LARGEST_KEPT:
                    return
                kept[text] = array("d", vector)

    def take(self, of: Any, text: str) -> Sequence[float] | None:
        """The vector of a text that was paid for, or None."""
        kept_of, kept = self._kept
        return kept.get(text) if kept and kept_of == of else None

    def forget(self, of: Any, texts: Iterable[str] | None = None) -> None:
        """Let go of what was paid for: a call that took it has succeeded, or it cannot be used.

        Args:
            of: As for `keep`.
            texts: Whose vectors; None is all of them.
        """
        with self._lock:
            kept_of, kept = self._kept
            if kept and kept_of == of:
                for text in list(kept) if texts is None else texts:
                    kept.pop(text, None)
