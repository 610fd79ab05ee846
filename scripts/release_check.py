"""`make release-check`: whether what is about to be released is whole, and works where it is installed alone.

Builds the sdist and the wheel into dist/, and then looks at them and at nothing else: version and changelog, what PyPI
would show, what is inside, whether the sdist makes the same wheel, and each extra alone in a clean environment, with a
program of its own against a stand-in for the gateway. Run by the Python of an environment with the group `release`.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.parser import Parser
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
SMOKE = Path(__file__).with_name("release_smoke.py")
PACKAGES = ("tikhub_ai", "langchain_tikhub", "llama_index_tikhub")
NEEDED = (
    *(f"{package}/py.typed" for package in PACKAGES),
    *("tikhub_ai/catalog.json", "tikhub_ai/doctor/second.wav", "tikhub_ai/__main__.py"),
)
"""Files that a wheel without them would do badly without, and that are no modules."""
URLS = ("Homepage", "Documentation", "Repository", "Changelog", "Issues")
_PATIENCE = 300
"""Seconds for each program that is run."""
_LARGEST = {"wheel": 2_000_000, "sdist": 20_000_000}
"""Bytes of each archive."""
_STRAY = re.compile(
    r"(^|/)(\.env[^/]*|\.venv[^/]*|\.peers|\.vendors|__pycache__|[^/]*\.(pyc|pem|p12|orig|rej|swp|log|sqlite3?)|\.DS_Store)(/|$)"
)
_SECRETS = re.compile(
    rb"sk-(?:proj-|ant-)?[A-Za-z0-9]{32,}|AKIA[0-9A-Z]{16}|AIza[\w-]{35}|ghp_\w{36}|pypi-[\w-]{40,}|xox[bp]-[\w-]{20,}"
    rb"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_NO_SECRETS = {"tests/faults/certificates/server.key"}
"""A key pair for 127.0.0.1 that is good for nothing else."""
_SECTION = re.compile(r"^## \[?(?P<name>[^\]\s]+)\]?(?: - (?P<date>\S+))?\s*$", re.MULTILINE)


@dataclass
class Check:
    """What is printed of each step."""

    started: float = field(default_factory=time.monotonic)
    faults: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Print a line, with the time."""
        print(f"{time.monotonic() - self.started:6.1f} s  {text}", flush=True)

    def hold(self, is_so: bool, fault: str) -> None:
        """Keep a fault where something is not so."""
        if not is_so:
            self.faults.append(fault)
            self.say(f"FAULT: {fault}")


def main() -> int:
    """Check all of it and return an exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tag", help="the tag that is being released: it must be the version's")
    parser.add_argument("--notes", action="store_true", help="only print what the changelog says of this version")
    parser.add_argument("--extras", nargs="*", help="install no others than these; `none` is the package alone")
    asked = parser.parse_args()
    version = version_of_the_source()
    if asked.notes:
        print(notes_of(version))
        return 0
    check = Check()
    agree(check, version, asked.tag)
    sdist, wheel = built(check)
    if wheel is not None and sdist is not None:
        shown_by_pypi(check, sdist, wheel)
        inside_the_wheel(check, wheel, version)
        inside_the_sdist(check, sdist, version)
        installed(check, wheel, asked.extras)
    found = len(check.faults)
    check.say(f"{version}: {'ready' if not found else f'{found} faults'}")
    return int(found > 0)


# --- version and changelog ------------------------------------------------------------------------------------------


def version_of_the_source() -> str:
    """The version that `tikhub_ai` says it has."""
    found = re.search(r'__version__ = "([^"]+)"', (ROOT / "tikhub_ai/_version.py").read_text("utf-8"))
    return found[1] if found else _end("tikhub_ai/_version.py names no version")


def _end(fault: str) -> NoReturn:
    sys.exit(fault)


def sections() -> list[tuple[str, str | None, str]]:
    """The changelog's sections: name, date, text."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    heads = list(_SECTION.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return [(head["name"], head["date"], text[head.end() : end].strip()) for head, end in zip(heads, ends, strict=True)]


def notes_of(version: str) -> str:
    """What the changelog says of a version."""
    return next((text for name, _, text in sections() if name == version), "")


def agree(check: Check, version: str, tag: str | None) -> None:
    """Version, changelog, citation and tag say the same."""
    found = sections()
    versions = [(name, date) for name, date, _ in found if name.lower() != "unreleased"]
    check.hold(bool(versions), "the changelog names no version")
    if versions:
        name, date = versions[0]
        check.hold(name == version, f"the changelog's newest version is {name}, the source's is {version}")
        check.hold(bool(re.fullmatch(r"\d{4}-\d\d-\d\d", date or "")), f"the changelog gives {name} no date")
    check.hold(bool(notes_of(version)), f"the changelog says nothing of {version}")
    if tag is not None:
        check.hold(tag == f"v{version}", f"the tag is {tag}, and the version {version}")
        unreleased = next((text for name, _, text in found if name.lower() == "unreleased"), "")
        check.hold(not unreleased, 'the changelog still has something under "Unreleased"')
    cited = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text("utf-8"), re.MULTILINE)
    check.hold(cited is not None and cited[1] == version, "CITATION.cff names another version")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    matrix = re.search(r"python: \[([^\]]+)\]", (ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
    run = set(re.findall(r"3\.\d+", matrix[1])) if matrix else set()
    said = set(re.findall(r":: Python :: (3\.\d+)", "\n".join(project["classifiers"])))
    check.hold(run == said, f"the classifiers say {sorted(said)}, and the workflow tests {sorted(run)}")
    check.say(f"version {version}: source, changelog, citation and tag agree")


# --- build ----------------------------------------------------------------------------------------------------------


def built(check: Check) -> tuple[Path | None, Path | None]:
    """Both archives, the wheel built out of the sdist; and the same wheel again out of the tree."""
    shutil.rmtree(DIST, ignore_errors=True)
    _run(check, "the build", sys.executable, "-m", "build", "--outdir", str(DIST), str(ROOT))
    sdist, wheel = (next(DIST.glob(kind), None) for kind in ("*.tar.gz", "*.whl"))
    check.hold(sdist is not None and wheel is not None, "the build made no sdist or no wheel")
    if sdist is None or wheel is None:
        return None, None
    check.say(f"built {sdist.name} ({sdist.stat().st_size:,} bytes) and {wheel.name} ({wheel.stat().st_size:,} bytes)")
    with tempfile.TemporaryDirectory() as folder:
        _run(check, "the build", sys.executable, "-m", "build", "--wheel", "--outdir", folder, str(ROOT))
        other = next(Path(folder).glob("*.whl"), None)
        same = other is not None and _digest(other) == _digest(wheel)
    check.hold(same, "the wheel out of the sdist is another than the wheel out of the tree")
    check.say(f"the sdist builds the wheel that the tree builds: sha256 {_digest(wheel)[:16]}...")
    return sdist, wheel


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _run(check: Check, what: str, *command: str, cwd: Path | None = None) -> str:
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        check.hold(False, f"{what} did not end in {_PATIENCE} seconds")
        return ""
    if done.returncode:
        print(done.stdout[-3000:], done.stderr[-3000:], sep="\n")
    check.hold(done.returncode == 0, f"{what} failed with exit code {done.returncode}")
    return done.stdout


# --- what is in it --------------------------------------------------------------------------------------------------


def shown_by_pypi(check: Check, *archives: Path) -> None:
    """What PyPI would refuse, or show badly."""
    _run(check, "twine check", sys.executable, "-m", "twine", "check", "--strict", *map(str, archives))
    check.say("twine check --strict passed")


def inside_the_wheel(check: Check, wheel: Path, version: str) -> None:
    """No module is missing, nothing else is in it, and its metadata is whole."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        contents = {name: archive.read(name) for name in names}
    info = f"tikhub_ai-{version}.dist-info/"
    ours = {name for name in names if not name.startswith(info)}
    tracked = {name for name in _tracked() if name.startswith(tuple(f"{package}/" for package in PACKAGES))}
    _listed(check, "wheel", "lacks", tracked - ours)
    _listed(check, "wheel", "has besides", ours - tracked)
    _listed(check, "wheel", "lacks", set(NEEDED) - ours)
    _looked_through(check, "wheel", contents, wheel.stat().st_size)
    said = Parser().parsestr(contents[f"{info}METADATA"].decode())
    urls = {one.partition(",")[0] for one in said.get_all("Project-URL", [])}
    _listed(check, "METADATA", "lacks the URL", set(URLS) - urls)
    relative = re.findall(r"\]\((?!https?://|#|mailto:)([^)]+)\)", str(said.get_payload()))
    _listed(check, "what PyPI shows", "has a link that leads nowhere there:", set(relative))
    scripts = contents.get(f"{info}entry_points.txt", b"").decode()
    check.hold("tikhub-ai" in scripts, "the wheel has no command tikhub-ai")
    check.hold(f"{info}licenses/LICENSE" in names, "the wheel has no LICENSE")
    counts = ", ".join(f"{sum(name.startswith(f'{one}/') for name in ours)} of {one}" for one in PACKAGES)
    check.say(f"the wheel holds {len(names)} files: {counts}; extras {', '.join(said.get_all('Provides-Extra', []))}")


def inside_the_sdist(check: Check, sdist: Path, version: str) -> None:
    """Nothing in it that is not in the repository, and nothing secret."""
    with tarfile.open(sdist) as archive:
        top = f"tikhub_ai-{version}/"
        contents = {
            member.name.removeprefix(top): read.read()
            for member in archive.getmembers()
            if member.isfile() and (read := archive.extractfile(member)) is not None
        }
    _listed(check, "sdist", "has what the repository has not:", contents.keys() - _tracked() - {"PKG-INFO"})
    needed = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "tests/conftest.py", "Makefile"}
    _listed(check, "sdist", "lacks", needed - contents.keys())
    _looked_through(check, "sdist", contents, sdist.stat().st_size)
    folders: dict[str, int] = {}
    for name in contents:
        folder = name.partition("/")[0] if "/" in name else "the root"
        folders[folder] = folders.get(folder, 0) + 1
    check.say(f"the sdist holds {len(contents)} files: " + ", ".join(f"{n} in {f}" for f, n in sorted(folders.items())))


def _tracked() -> set[str]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        _end("release-check asks git which files are in the repository, and there is none here")
    return set(done.stdout.decode().split("\0")) - {""}


def _looked_through(check: Check, kind: str, contents: dict[str, bytes], size: int) -> None:
    _listed(check, kind, "has a stray file:", {name for name in contents if _STRAY.search(name)})
    telling = {name for name, content in contents.items() if _SECRETS.search(content)}
    _listed(check, kind, "has what looks like a secret in", telling - _NO_SECRETS)
    check.hold(size <= _LARGEST[kind], f"the {kind} has {size:,} bytes, more than {_LARGEST[kind]:,}")


def _listed(check: Check, where: str, how: str, names: Iterable[str]) -> None:
    for name in sorted(names):
        check.hold(False, f"{where} {how} {name}")


# --- installed ------------------------------------------------------------------------------------------------------


def installed(check: Check, wheel: Path, chosen: list[str] | None) -> None:
    """Each extra alone, in an environment that has nothing else; two at a time, since they wait for the network."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
        extras = Parser().parsestr(archive.read(name).decode()).get_all("Provides-Extra", [])
    wanted = [extra for extra in ("none", *extras) if chosen is None or extra in chosen]
    with ThreadPoolExecutor(2) as pool:
        tasks: list[Callable[[], None]] = [lambda extra=extra: _alone(check, wheel, extra) for extra in wanted]  # type: ignore[misc]  # a bound default
        for done in [pool.submit(task) for task in tasks]:
            done.result()


def _alone(check: Check, wheel: Path, extra: str) -> None:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        _run(check, f"[{extra}]: venv", sys.executable, "-m", "venv", "--without-pip", str(here / "env"))
        python = next(path for path in (here / "env/bin/python", here / "env/Scripts/python.exe") if path.exists())
        what = str(wheel) if extra == "none" else f"{wheel}[{extra}]"
        # uv, since five environments by pip take as many minutes; README's own lines are run by pip in `make snippets`.
        pip = (sys.executable, "-m", "uv", "--quiet", "pip")
        _run(check, f"[{extra}]: install", *pip, "install", "--python", str(python), what)
        _run(check, f"[{extra}]: check", *pip, "check", "--python", str(python))
        packages = len(_run(check, f"[{extra}]: list", *pip[:3], "pip", "freeze", "--python", str(python)).splitlines())
        # From a copy elsewhere, so that the tree's own packages are not found in place of those installed.
        program = shutil.copy(SMOKE, here / "smoke.py")
        said = _run(check, f"[{extra}]: its program", str(python), "-I", str(program), extra, cwd=here)
    took = time.monotonic() - began
    check.say(f"[{extra}] alone: {packages} packages, {took:.0f} s: {' '.join(said.split())}")


if __name__ == "__main__":
    sys.exit(main())
