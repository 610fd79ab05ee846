"""`make bench`: what we cost beside the vendors' classes. Never a test: machines differ.

Each competitor has an environment and a process of its own, and all take turns, so that what else the machine does
falls on everybody alike. What is measured is kept in `.benchmarks/results.json`: rows can be measured one by one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

import environments
import event_streams
import page
from rows import ROWS
from workers import Workers

ROOT = Path(__file__).parents[1]
KEPT = ROOT / ".benchmarks" / "results.json"
PAGE = ROOT / "docs" / "benchmarks.md"


def cpu() -> str:
    """The processor's name, as Linux knows it."""
    try:
        said = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    return said.partition("model name\t: ")[2].partition("\n")[0] or platform.machine()


def read() -> dict[str, Any]:
    """What was measured before."""
    if not KEPT.exists():
        return {"rows": {}, "when": {}}
    kept: dict[str, Any] = json.loads(KEPT.read_text())
    return kept


def main() -> None:
    """Measure, print, and write the page where that was asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(ROWS), help="rows, with commas between: " + ", ".join(ROWS))
    parser.add_argument(
        "--write", action="store_true", help="write docs/benchmarks.md and its plot from all that is kept"
    )
    parser.add_argument("--kept", action="store_true", help="measure nothing")
    parser.add_argument("--part", type=float, default=1.0, help="the part of the rounds that is made, such as 0.3")
    given = parser.parse_args()
    kept = read()
    if not given.kept:
        with Workers(given.part) as workers:
            for name in given.only.split(","):
                print(f"\n{name}, load {os.getloadavg()[0]:.1f}", flush=True)
                found = ROWS[name](workers)
                kept = read()  # another process may have measured another row meanwhile
                kept["rows"][name] = found
                kept["when"][name] = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
                kept["when"][name] += f" UTC (load {os.getloadavg()[0]:.1f})"
                KEPT.parent.mkdir(exist_ok=True)
                KEPT.write_text(json.dumps(kept))
                print(page.SHOWN[name](kept["rows"][name]), flush=True)
        if given.only == ",".join(ROWS):
            event_streams.report()
    if given.write:
        facts = {
            "machine": f"{cpu()}, {os.cpu_count()} processors, {platform.system()}, Python {platform.python_version()}",
            "when": kept["when"],
            "versions": {name: environments.versions(name) for name in environments.REQUIREMENTS},
        }
        tables = {name: page.SHOWN[name](found) for name, found in kept["rows"].items()}
        PAGE.write_text(page.put_into(PAGE.read_text(), tables | {"machine": page.machine(facts)}))
        import plot  # matplotlib

        plot.draw(kept["rows"], PAGE.parent)


if __name__ == "__main__":
    main()
