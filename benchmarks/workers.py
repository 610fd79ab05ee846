"""The runner's side of the workers: a process for each environment, asked in turns; and what their figures come to."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import environments

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

HERE = Path(__file__).parent
QUIET = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "TOKENIZERS_PARALLELISM": "false", "PYTHONWARNINGS": "ignore"}


class Figure(NamedTuple):
    """What several rounds say.

    Attributes:
        median: Of the rounds.
        spread: Half of the middle half's width, as a part of the median.
        least: The least of the rounds.
    """

    median: float
    spread: float
    least: float

    @classmethod
    def of(cls, values: list[float]) -> Figure:
        median = statistics.median(values)
        if len(values) < 3:
            return cls(median, 0.0, min(values))
        low, _, high = statistics.quantiles(values, n=4)
        return cls(median, (high - low) / 2 / median if median else 0.0, min(values))


class Workers:
    """Processes of competitors, one for each environment, started when they are first asked.

    Args:
        part: Of the rounds that a row has by itself.
    """

    def __init__(self, part: float = 1.0) -> None:
        self.part = part
        self._running: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running.values():
            if process.stdin is not None:
                process.stdin.close()
        for process in self._running.values():
            process.wait()

    def rounds(self, count: int) -> int:
        """So many rounds, or the part of them that is made."""
        return max(1, round(count * self.part))

    def ask(self, environment: str, measure: str, **arguments: Any) -> dict[str, Any]:
        """The figures of one round."""
        process = self._running.get(environment)
        if process is None:
            process = self._running[environment] = self._start(environment)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"measure": measure, **arguments}) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            del self._running[environment]
            return {"error": f"the process ended with {process.wait()}"}
        answered: dict[str, Any] = json.loads(line)
        return answered

    @staticmethod
    def _start(environment: str) -> subprocess.Popen[str]:
        interpreter = environments.python(environment)  # makes the place of the log, too
        log = (environments.PLACE / f"{environment}.log").open("w")
        return subprocess.Popen(
            [interpreter, HERE / "worker.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=HERE,
            env={**os.environ, **QUIET, "PYTHONPATH": os.pathsep.join((str(HERE), str(HERE.parent)))},
        )


def in_turns(
    asked: Mapping[Hashable, Callable[[], dict[str, Any]]], rounds: int, *, warm: int = 1
) -> dict[Any, dict[str, Figure] | str]:
    """Each subject's figures, of rounds in which all take turns; a text where one failed.

    Args:
        asked: For each subject, what makes a round of it.
        rounds: How many count.
        warm: How many go before, and do not.
    """
    came: dict[Any, dict[str, list[float]]] = {one: {} for one in asked}
    failed: dict[Any, str] = {}
    for number in range(-warm, rounds):
        for one, ask in asked.items():
            if one in failed:
                continue
            figures = ask()
            if "error" in figures:
                failed[one] = figures["error"]
                print(f"  {one}: {figures['error']}", file=sys.stderr)
            elif number >= 0:
                for name, value in figures.items():
                    came[one].setdefault(name, []).append(value)
    done: dict[Any, dict[str, Figure] | str] = {}
    for one, values in came.items():
        done[one] = failed.get(one) or {name: Figure.of(rounds_) for name, rounds_ in values.items()}
    return done
