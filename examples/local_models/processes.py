"""Child processes that never outlive their starter."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

_GUARD = Path(__file__).with_name("guard.py")
_GRACE = 5.0


class Processes:
    """A set of processes that ends as one: with the ``with`` block, or with this process, however that ends.

    Each runs below ``guard.py`` in a session of its own, out of reach of the terminal's Ctrl-C, and all guards read
    one pipe: closing it ends them together. May be used from several threads.
    """

    def __init__(self, grace: float = _GRACE) -> None:
        self._grace = grace
        self._started: list[subprocess.Popen[bytes]] = []
        self._read, self._write = os.pipe()
        self._lock = threading.Lock()
        self.closed = False

    def start(
        self,
        command: Sequence[str],
        *,
        output: IO[bytes] | int,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start ``command``.

        Args:
            command: The program and its arguments.
            output: Where both its output streams go: an open file or ``subprocess.PIPE``.
            env: Its whole environment; ours if not given.
            cwd: The folder that it runs in; ours if not given.

        Raises:
            RuntimeError: These processes have been ended already.
        """
        with self._lock:
            if self.closed:
                raise RuntimeError("cannot start a process: the others have been ended")
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_GUARD), str(self._grace), *command],
                stdin=self._read,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=cwd,
                start_new_session=True,
            )
            self._started.append(process)
        return process

    def close(self) -> None:
        """End every process and wait until it is gone: SIGTERM, then SIGKILL after the grace period."""
        with self._lock:
            if self.closed:
                return
            self.closed = True
            os.close(self._write)
        for process in self._started:
            # The pipe alone is not enough where this process was forked: the copy holds the pipe open.
            process.terminate()
        for process in self._started:
            try:
                process.wait(self._grace + 2)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        os.close(self._read)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
