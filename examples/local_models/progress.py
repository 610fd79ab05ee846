"""Shows what several installs are doing at the same time."""

import os
import shutil
import sys
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TextIO

_REDRAW = 0.1
_HEARTBEAT = 15.0
_BAR = 16
_WORTH_SAYING = 0.5


@dataclass(slots=True)
class _Line:
    step: str = "working"
    detail: str = ""
    done: int = 0
    total: int = 0
    started: float = field(default_factory=time.monotonic)
    seconds: float | None = None

    def text(self) -> str:
        seconds = time.monotonic() - self.started if self.seconds is None else self.seconds
        if self.seconds is None and self.total:
            filled = _BAR * self.done // self.total
            bar = "#" * filled + "-" * (_BAR - filled)
            return f"{seconds:4.0f} s  [{bar}] {self.done / 1e6:.0f}/{self.total / 1e6:.0f} MB  {self.detail}"
        return f"{seconds:4.0f} s  {self.detail or self.step}"


class Progress:
    """One line per name: redrawn in place on a terminal, else a line for each step and a sign of life now and then."""

    def __init__(self, names: list[str], stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._lines = {name: _Line() for name in names}
        self._width = max((len(name) for name in names), default=0)
        self._drawn = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._live = self._stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._thread = threading.Thread(target=self._keep_showing, daemon=True)

    def step(self, name: str, text: str) -> None:
        """Say what ``name`` does now."""
        with self._lock:
            line = self._lines[name]
            line.step, line.detail, line.total = text, "", 0
            if not self._live:
                self._print(name, text)

    def detail(self, name: str, text: str = "", *, done: int = 0, total: int = 0) -> None:
        """Say more about the step, shown on a terminal only. Sizes are in bytes; an empty text keeps the last one."""
        with self._lock:
            line = self._lines[name]
            line.detail, line.done, line.total = text or line.detail, done, total

    def finish(self, name: str, text: str) -> None:
        """Stop the clock of ``name``."""
        with self._lock:
            line = self._lines[name]
            line.seconds = time.monotonic() - line.started
            line.step, line.detail, line.total = text, "", 0
            if not self._live and line.seconds >= _WORTH_SAYING:
                self._print(name, f"{text} after {line.seconds:.0f} s")

    def _print(self, name: str, text: str) -> None:
        print(f"{name}: {text}", file=self._stream, flush=True)

    def _draw(self) -> None:
        width = shutil.get_terminal_size().columns - 1
        rows = [f"{name:<{self._width}} {line.text()}"[:width] for name, line in self._lines.items()]
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        self._stream.write(up + "".join(f"\x1b[2K{row}\n" for row in rows))
        self._stream.flush()
        self._drawn = len(rows)

    def _keep_showing(self) -> None:
        while not self._ended.wait(_REDRAW if self._live else _HEARTBEAT):
            with self._lock:
                if self._live:
                    self._draw()
                    continue
                for name, line in self._lines.items():
                    if line.seconds is None:
                        self._print(name, f"{line.step} ({time.monotonic() - line.started:.0f} s so far)")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        if self._drawn:
            self._draw()
