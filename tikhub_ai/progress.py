"""Progress bars, where people wait: tqdm's, on a terminal or in a notebook only."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tikhub_ai.errors import warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def progress_bar(wanted: bool, what: str, unit: str, total: float | None = None) -> Iterator[Callable[..., None]]:
    """A progress bar while the context lasts.

    It is drawn on standard error, and only where that is a terminal or a notebook shows it. Without the package tqdm, a
    warning says so.

    Args:
        wanted: Whether there shall be one.
        what: The words before it.
        unit: What is counted: `B` for bytes, `%`, `text`.
        total: How much there is to do; None where nobody knows yet.

    Yields:
        A function of how much is done, and of how much there is in all or None.
    """
    if not wanted:
        yield _nothing
        return
    try:
        tqdm = import_module("tqdm.auto").tqdm
    except ImportError:
        warn("A progress bar needs the package tqdm: pip install tqdm")
        yield _nothing
        return
    is_bytes = unit == "B"
    with tqdm(
        total=total,
        desc=what,
        unit=unit,
        unit_scale=is_bytes,
        unit_divisor=1024 if is_bytes else 1000,
        disable=False if _is_a_notebook() else None,  # None: where standard error is no terminal
    ) as bar:

        def show(done: float, of: float | None = None) -> None:
            if of is not None:
                bar.total = of
            bar.update(done - bar.n)

        yield show


def _is_a_notebook() -> bool:
    """Whether Jupyter's kernel runs this program. Its output is no terminal, and shows bars all the same."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def _nothing(*_: Any) -> None:
    pass
