"""One program of the gallery, run in a folder of its own against one address that stands for TikHub's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.gateway import Gateway

EXAMPLES = Path(__file__).parents[1]
_PATIENCE = 600.0  # seconds: a model on two cores that others use too is slow
_PASSED_ON = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


class UnexpectedError(AssertionError):
    """A program did not do what its first lines say."""


@dataclass
class Session:
    """A program's surroundings, and what it has printed so far.

    Attributes:
        path: The program, below `examples/`.
        gateway: Where it finds its models.
        folder: Its working folder, empty at first.
        key: The key that the models ask for.
        printed: The output of every run so far, standard error left out.
    """

    path: str
    gateway: Gateway
    folder: Path
    key: str
    printed: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """What a user would have set, and nothing else of ours: a real key would be spent."""
        passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        ours = {"TIKHUB_AI_BASE_URL": self.gateway.url, "TIKHUB_AI_API_KEY": self.key, "NO_PROXY": "127.0.0.1"}
        return passed_on | ours | {"PYTHONUNBUFFERED": "1", "ANONYMIZED_TELEMETRY": "False"}

    @property
    def program(self) -> str:
        """The program's whole path."""
        return str(EXAMPLES / self.path)

    def run(self, *arguments: str) -> str:
        """Run the program to its end.

        Args:
            arguments: What the user writes behind its name.

        Returns:
            Its standard output.

        Raises:
            UnexpectedError: It failed, or did not end in time. Holds the end of what it said.
        """
        with self.started(self.program, *arguments, errors=subprocess.PIPE) as process:
            return self.finish(process)

    def finish(self, process: subprocess.Popen[str], said: str = "") -> str:
        """Wait for the end of a started program.

        Args:
            process: The program.
            said: What to write to its standard input.

        Returns:
            The rest of its output.

        Raises:
            UnexpectedError: It failed, or did not end in time. Holds the end of what it said.
        """
        try:
            output, errors = process.communicate(said, timeout=_PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise UnexpectedError(f"did not end within {_PATIENCE:g} s") from error
        self.printed.append(output)
        if process.returncode:
            raise UnexpectedError(f"exit code {process.returncode}:\n{output[-1000:]}\n{(errors or '')[-3000:]}")
        return output

    @contextmanager
    def started(self, *arguments: str, errors: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen[str]]:
        """Python with these arguments, its output in a pipe; killed with the block."""
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def until(self, process: subprocess.Popen[str], pattern: str) -> str:
        """Read what a started program prints, up to the first line that `pattern` is found in.

        Raises:
            UnexpectedError: It ended before.
        """
        read: list[str] = []
        for line in process.stdout or ():
            read.append(line)
            if re.search(pattern, line):
                self.printed.append("".join(read))
                return "".join(read)
        raise UnexpectedError(f"ended before it printed {pattern!r}:\n{''.join(read)[-3000:]}")


def expect(printed: str, *patterns: str) -> None:
    """Check that each pattern is found in the output, one after the other.

    Raises:
        UnexpectedError: One is not.
    """
    position = 0
    for pattern in patterns:
        found = re.compile(pattern).search(printed, position)
        if found is None:
            raise UnexpectedError(f"{pattern!r} is not in the rest of the output:\n{printed[-3000:]}")
        position = found.end()


def expect_not(printed: str, pattern: str) -> None:
    """Check that a pattern is nowhere in the output.

    Raises:
        UnexpectedError: It is.
    """
    if re.search(pattern, printed):
        raise UnexpectedError(f"{pattern!r} is in the output:\n{printed[-3000:]}")
