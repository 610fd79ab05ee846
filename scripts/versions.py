"""The tests with the newest dependencies, on every Python that is here. `make test-versions` runs it.

Each run has an environment of its own below `.venv-versions/`: the newest of the index, and with it the pre-releases of
`PRE`. `make test-lowest` is the other end.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / ".venv-versions"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PRE = ("aiohttp", "langchain-core", "llama-index-core", "pydantic", "orjson", "tenacity")
SHOWN = ("httpx", "orjson", "pydantic", "tenacity", "aiohttp", "langchain-core", "llama-index-core")
TESTS = ("tests", "--ignore=tests/peers", "--ignore=tests/scale")
"""Those of `make test`."""
PLUGINS = (
    "_hypothesis_pytestplugin pytest_asyncio.plugin pytest_benchmark.plugin pytest_cov.plugin pytest_socket "
    "pytest_timeout syrupy xdist.plugin"
)


@dataclass(frozen=True)
class Run:
    """One environment.

    Attributes:
        python: Its version.
        end: `newest` or `pre-releases`.
    """

    python: str
    end: str

    @property
    def home(self) -> Path:
        """Where it is."""
        return ENVIRONMENTS / f"{self.python}-{self.end}"

    @property
    def interpreter(self) -> str:
        """Its Python."""
        return str(self.home / "bin" / "python")


def interpreter_of(version: str) -> str | None:
    """A Python of a version: the one that runs this, one on the path, or one of pyenv's."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    homes = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{version}.*/bin/python"))
    for found in (*map(str, reversed(homes)), shutil.which(f"python{version}")):
        if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
            return found
    return None


def pip(run: Run, *arguments: str) -> None:
    """Install something into the environment of a run."""
    command = [run.interpreter, "-m", "pip", "--disable-pip-version-check", "install", "-q", *arguments]
    subprocess.run(command, cwd=ROOT, check=True)


def make(run: Run, python: str) -> None:
    """Make the environment of a run.

    Args:
        run: Which.
        python: The interpreter that it is made with.

    Raises:
        CalledProcessError: Its packages cannot be had together.
    """
    subprocess.run([python, "-m", "venv", "--clear", str(run.home)], check=True)
    pip(run, "--upgrade", "pip>=25.1")
    pip(run, "--editable", ".[all]", "--group", "test")
    if run.end == "pre-releases":
        pip(run, "--upgrade", "--pre", *PRE)


def versions(run: Run) -> dict[str, str]:
    """What an environment holds of `SHOWN`."""
    program = f"from importlib.metadata import version\nfor name in {SHOWN!r}: print(name, version(name))"
    said = subprocess.run([run.interpreter, "-c", program], capture_output=True, text=True, check=True).stdout
    return dict(line.split() for line in said.splitlines())


def test(run: Run, arguments: list[str]) -> tuple[str, int]:
    """Run the tests; returns pytest's last line and exit status."""
    plugins = [word for name in PLUGINS.split() for word in ("-p", name)]
    command = [run.interpreter, "-m", "pytest", "--disable-plugin-autoload", *plugins, *TESTS]
    command += ["-m", "not long and not whole_faults", "-q", "--timeout", "300"]
    command += ["--numprocesses", str((os.cpu_count() or 1) + 1), "--dist", "loadfile", "--no-loadscope-reorder"]
    command += ["--allow-hosts=127.0.0.1,localhost,::1", "--allow-unix-socket", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    (run.home / "tests.log").write_text(done.stdout + done.stderr)
    last = next((line for line in reversed(done.stdout.splitlines()) if "passed" in line or "failed" in line), "")
    return last.strip(" =") or f"no test ran (exit status {done.returncode})", done.returncode


def main() -> int:
    """Run what is asked for, and print a table of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", nargs="*", default=PYTHONS)
    parser.add_argument("--end", nargs="*", default=("newest", "pre-releases"))
    parser.add_argument("arguments", nargs="*", help="for pytest")
    given = parser.parse_args()
    failed = 0
    print(f"| Python | end | {' | '.join(SHOWN)} | tests |")
    print(f"|---|---|{'---|' * len(SHOWN)}---|")
    for run in (Run(python, end) for python in given.python for end in given.end):
        began = time.monotonic()
        found: dict[str, str] = {}
        python = interpreter_of(run.python)
        if python is None:
            said, status = f"there is no Python {run.python} here", 0
        else:
            try:
                make(run, python)
                found = versions(run)
                said, status = test(run, given.arguments)
            except subprocess.CalledProcessError as failure:
                said, status = f"cannot be installed: {failure}", 1
        failed += status != 0
        shown = " | ".join(found.get(name, "-") for name in SHOWN)
        print(f"| {run.python} | {run.end} | {shown} | {said} ({time.monotonic() - began:.0f} s) |", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
