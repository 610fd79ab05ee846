"""Jobs that a test starts, watches and kills, each engine in its own process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.scale.jobs import work_of
from tests.scale.paid_server import PaidServer, serving
from tikhub_ai.bulk import Checkpoints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
KEY = "sk-of-the-workers-alone"
PATIENCE = 240.0
"""Seconds: an engine takes long to start on a busy machine."""
STARTED: list[subprocess.Popen[bytes]] = []
"""Jobs that a test has begun."""
FIGURES: list[str] = []
"""What the tests counted, said at the end."""


def until(is_so: Callable[[], bool], what: str) -> None:
    """Wait for something."""
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end, f"{what}: not within {PATIENCE:.0f} s"
        time.sleep(0.1)


def is_alive(process: int) -> bool:
    """Whether a process runs. One that has ended and that nobody has asked about does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@dataclass
class Job:
    """A job on one engine.

    Attributes:
        engine: `ray` or `spark`.
        kind: Of the work.
        server: Who is asked.
        folder: Where its files are.
        work: Arguments of the work.
        options: Arguments of the engine's function.
    """

    engine: str
    kind: str
    server: PaidServer
    folder: Path
    work: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def source(self) -> Path:
        return self.folder / "in"

    @property
    def words(self) -> dict[str, Any]:
        """The job as its program takes it."""
        return {
            "engine": self.engine,
            "kind": self.kind,
            "url": self.server.url,
            "source": str(self.source),
            "target": str(self.folder / "out"),
            "checkpoints": str(self.folder / "checkpoints"),
            "work": self.work,
            "options": {"workers": 2, **self.options},
        }

    def given(self, columns: dict[str, list[Any]], files: int = 1) -> None:
        """Write the rows, as Parquet."""
        import pyarrow as pa
        from pyarrow import parquet

        self.source.mkdir(parents=True)
        table = pa.table(columns)
        size = -(-len(table) // files)
        for number in range(files):
            parquet.write_table(table.slice(number * size, size), self.source / f"{number}.parquet")

    def start(self) -> subprocess.Popen[bytes]:
        """Begin it."""
        environment = {**os.environ, "TIKHUB_AI_API_KEY": KEY, "PYTHONPATH": str(ROOT)}
        environment["RAY_raylet_start_wait_time_s"] = str(int(PATIENCE))
        shutil.rmtree(self.folder / "out", ignore_errors=True)
        command = [sys.executable, "-m", "tests.scale.program", json.dumps(self.words)]
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        STARTED.append(process)
        return process

    def finish(self, process: subprocess.Popen[bytes]) -> list[dict[str, Any]]:
        """Wait for its end, and read its rows."""
        from pyarrow import parquet

        assert process.wait(PATIENCE) == 0, self.log()[-8000:]
        rows: list[dict[str, Any]] = parquet.read_table(self.folder / "out").to_pylist()
        return rows

    def run(self) -> list[dict[str, Any]]:
        """Begin it, and wait for its end."""
        return self.finish(self.start())

    def log(self) -> str:
        """What it has said."""
        return (self.folder / "log").read_text(errors="replace")

    def kept(self) -> int:
        """How many rows are in the checkpoints."""
        work = work_of(self.words)
        return len(Checkpoints(self.words["checkpoints"], work.job(work.settings_here())))

    def in_flight(self, requests: int, workers: int) -> dict[int, list[str]]:
        """Wait until so many requests are held back and all other answers are in the checkpoints.

        Returns:
            The rows in flight, by worker.
        """

        def is_still() -> bool:
            journal = self.server.journal()
            held = [entry for entry in journal if entry.status == "held"]
            answered = sum(len(entry.rows) for entry in journal if entry.status == "answered")
            return len(held) == requests and len({one.worker for one in held}) == workers and self.kept() == answered

        until(is_still, f"{requests} requests of {workers} workers are in flight")
        flight: dict[int, list[str]] = {}
        for entry in self.server.journal():
            if entry.status == "held":
                flight.setdefault(entry.worker, []).extend(entry.rows)
        return flight


def kill(process: int) -> None:
    """End a process as the kernel does that is out of memory, and wait until it is gone."""
    os.kill(process, signal.SIGKILL)
    until(lambda: not is_alive(process), f"process {process} is gone")


@pytest.fixture(autouse=True)
def no_job_outlives_its_test() -> Iterator[None]:
    yield
    while STARTED:
        process = STARTED.pop()
        process.kill()
        process.wait()


@pytest.fixture
def server() -> Iterator[PaidServer]:
    with serving() as running:
        yield running


@pytest.fixture(params=["ray", "spark"])
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine. Spark needs a JVM, which is no Python package."""
    if request.param == "spark" and shutil.which("java") is None:
        pytest.skip("Spark needs a JVM, and there is no java here: apt-get install default-jre-headless")
    return str(request.param)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.timeout(3 * PATIENCE))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if FIGURES:
        terminalreporter.section("what was paid")
        for figure in FIGURES:
            terminalreporter.write_line(figure)
