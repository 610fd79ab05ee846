"""`make test-vendors`: fetch the vendors' source distributions, hold their tests against our classes, say what differs.

Run by the Python of `.venv-vendors`. Nothing that is fetched is kept in this repository: it goes to `.vendors/`.

    run.py                      everything
    run.py langchain_openai     one vendor
    run.py --show 20            print up to 20 failures of each kind instead of 3
    run.py --json report.json   keep every record; --read report.json judges them again

Three sorts of result. *Passed*: the vendor's own assertions hold with our class in the place of theirs, both classes
send the same body for an input, or the same state with a thread that theirs began over recorded traffic (threads.py).
*Documented*: what differs is an entry of differences.toml, with its reason.
*Failed*: all else. The exit code is 1 where anything failed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tarfile
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FETCHED = ROOT / ".vendors"

sys.path.insert(0, str(HERE))

from against.differences import Documented  # noqa: E402


class Suite(NamedTuple):
    """One way to hold a vendor's tests against our classes: a pytest plugin, and the tests it runs over."""

    package: str
    plugin: str
    tests: str


SUITES = (
    Suite("langchain_openai", "replay", "tests/integration_tests"),
    Suite("langchain_anthropic", "replay", "tests/integration_tests"),
    Suite("langchain_openai", "inputs", "tests/unit_tests"),
    Suite("langchain_anthropic", "inputs", "tests/unit_tests"),
    Suite("langchain_google_genai", "inputs", "tests/unit_tests"),
    Suite("langchain_deepseek", "inputs", "tests/unit_tests"),
)


def fetch(package: str) -> Path:
    """The source tree of the version that is installed here, from the package index."""
    name = f"{package}-{version(package)}"
    tree = FETCHED / name
    if not tree.is_dir():
        print(f"Fetching {name} ...", flush=True)
        FETCHED.mkdir(exist_ok=True)
        asked = f"{package.replace('_', '-')}=={version(package)}"
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "-qq", "--no-deps"]
        subprocess.run([*command, "--no-binary", package.replace("_", "-"), "-d", str(FETCHED), asked], check=True)
        with tarfile.open(FETCHED / f"{name}.tar.gz") as archive:
            archive.extractall(FETCHED, filter="data")
    return tree


def run(suite: Suite) -> list[dict[str, Any]]:
    """The records of one suite.

    Raises:
        SystemExit: Its tests could not be run.
    """
    tree = fetch(suite.package)
    report = FETCHED / f"{suite.package}.{suite.plugin}.json"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-c", str(HERE / "pytest.ini"), "--rootdir", str(tree), "--tb=no"]
    found = subprocess.run(
        [*command, "-p", f"against.{suite.plugin}", suite.tests],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": f"{HERE}{os.pathsep}{ROOT}", "VENDORS_REPORT": str(report)},
        capture_output=True,
        text=True,
        check=False,
    )
    if not report.is_file() or found.returncode not in {0, 1}:
        raise SystemExit(f"{suite.package} {suite.plugin}:\n{found.stdout[-4000:]}{found.stderr[-4000:]}")
    records: list[dict[str, Any]] = json.loads(report.read_text())
    return [{"package": suite.package, **record} for record in records]


def threads(packages: list[str]) -> list[dict[str, Any]]:
    """The records of the threads that their classes begin over recorded traffic, and ours goes on with.

    Raises:
        SystemExit: They could not be had.
    """
    report = FETCHED / "threads.json"
    report.unlink(missing_ok=True)
    found = subprocess.run(
        [sys.executable, str(HERE / "threads.py"), str(report), *packages],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if not report.is_file():
        raise SystemExit(f"threads:\n{found.stdout[-4000:]}{found.stderr[-4000:]}")
    records: list[dict[str, Any]] = json.loads(report.read_text())
    return records


def kind_of(record: dict[str, Any]) -> list[tuple[str, str]]:
    """What is wrong with a record, so that equal ones are counted together, and an example of each."""
    out = []
    if record["outcome"] == "failed" and not record.get("documented"):
        error = re.sub(r"0x[0-9a-f]+|'[^']{12,}'|\d+", "…", record["error"])[:110].replace("\n", " ")
        out.append((f"{record['api']}: {error}", record["where"] or record["error"][:200]))
    for one in record.get("differences") or ():
        if one["documented"] is None:
            path = re.sub(r"\[\d+\]", "[*]", one["path"])
            ways = {"absent": "not sent"}
            way = f"{ways.get(one['theirs'], 'sent')} by theirs, {ways.get(one['ours'], 'sent')} by ours"
            out.append((f"{record['api']}: {path or 'the body'} {way}", f"{one['theirs'][:90]} | {one['ours'][:90]}"))
    return out


def tell(records: list[dict[str, Any]], shown: int) -> int:
    """Print the counts, what is documented and what failed; the number of failures."""
    print(f"\n{'':32}{'passed':>9}{'documented':>12}{'failed':>8}{'skipped':>9}")
    rows: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        row = {"test": "recorded tests", "thread": "threads"}.get(record["kind"], "inputs")
        rows[f"{record['package']}, {row}"][record["verdict"]] += 1
    for row, counts in [*rows.items(), ("all", sum(rows.values(), Counter()))]:
        print(f"{row:32}{counts['passed']:9}{counts['documented']:12}{counts['failed']:8}{counts['skipped']:9}")

    entries = Counter(
        entry
        for record in records
        for entry in {record.get("documented"), *(one["documented"] for one in record.get("differences") or ())}
        if entry
    )
    print("\nDocumented differences (tests/vendors/differences.toml), and how many tests and inputs show each:")
    for entry, count in entries.most_common():
        print(f"{count:6} {entry}")

    failed = [record for record in records if record["verdict"] == "failed"]
    kinds: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for record in failed:
        for kind, example in kind_of(record):
            kinds[kind].append((record["test"], example))
    if kinds:
        print("\nFailures by kind:")
    for kind, found in sorted(kinds.items(), key=lambda one: -len(one[1])):
        print(f"{len(found):6} {kind}")
        for test, example in found[:shown]:
            print(f"         {test.rpartition('::')[2]}: {example}")
    return len(failed)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", help="vendors; default: all")
    parser.add_argument("--show", type=int, default=3, help="examples of each kind of failure")
    parser.add_argument("--json", type=Path, help="a file for all records")
    parser.add_argument("--read", type=Path, help="judge the records of such a file again, and run nothing")
    asked = parser.parse_args()
    suites = [] if asked.read else [suite for suite in SUITES if not asked.packages or suite.package in asked.packages]
    for package in {suite.package for suite in suites}:
        fetch(package)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        going_on = [pool.submit(threads, asked.packages)] if suites else []
        records = [record for found in pool.map(run, suites) for record in found]
        records += [record for found in going_on for record in found.result()]
    if asked.read:
        records = json.loads(asked.read.read_text())
    documented = Documented()
    for record in records:
        record["verdict"] = documented.judge(record)
    if asked.json:
        asked.json.write_text(json.dumps(records, ensure_ascii=False, indent=1))
    failures = tell(records, asked.show)
    if not asked.packages and (unused := documented.unused()):
        print(f"\nNothing shows these entries of differences.toml any more: {', '.join(unused)}.")
        failures += len(unused)
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
