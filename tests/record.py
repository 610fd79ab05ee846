"""`make record`: make the cassettes again, from the local servers. `--live`: from TikHub, for a key holder."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import inspect
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
# In place of this folder, whose `secrets` would hide Python's.
sys.path[:1] = [str(ROOT), str(ROOT / "examples")]

from local_models import running  # noqa: E402 - needs the path above

from tests import cassettes  # noqa: E402
from tests.scenarios import Scenario, load  # noqa: E402
from tests.scenarios.answerers import ANSWERERS  # noqa: E402


@dataclass(frozen=True)
class Source:
    """Who answers."""

    base_url: str
    api_key: str
    model: str
    version: str
    kind: str


def main() -> int:
    """Record and write the README; the old cassettes of what is recorded go first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("apis", nargs="*", metavar="API", help=f"record no others than these of {', '.join(ANSWERERS)}")
    parser.add_argument("--live", action="store_true", help="from TikHub; needs TIKHUB_AI_API_KEY and costs money")
    arguments = parser.parse_args()
    if unknown := set(arguments.apis) - set(ANSWERERS):
        parser.error(f"no such API: {', '.join(unknown)}")
    wanted = set(arguments.apis or ANSWERERS)
    scenarios = [item for item in load() if item.api in wanted]
    if arguments.live:
        record_live([item for item in scenarios if not item.is_scripted])
    else:
        with running(*sorted({item.peer for item in scenarios})) as peers:
            sources = {
                name: Source(peer.base_url, peer.api_key, peer.model, peer.version, peer.kind)
                for name, peer in peers.items()
            }
            for api, peer in sorted({(item.api, item.peer) for item in scenarios}):
                chosen = [item for item in scenarios if (item.api, item.peer) == (api, peer)]
                record(chosen, sources[peer], peer)
        if code := record_standard(wanted):
            return code
    cassettes.write_readme()
    return 0


def record_live(scenarios: list[Scenario]) -> None:
    """From TikHub, each API by the model that the table names for it."""
    key = os.environ.get("TIKHUB_AI_API_KEY")
    if not key:
        sys.exit("record-live needs TIKHUB_AI_API_KEY: it asks TikHub, and that costs money.")
    url = os.environ.get("TIKHUB_AI_BASE_URL", "https://ai.tikhub.io")
    for api in sorted({item.api for item in scenarios}):
        live = ANSWERERS[api].live
        model = os.environ.get("DEMO_CHAT_MODEL", live) if api == "chat_completions" else live
        source = Source(url, key, model, f"TikHub AI at {url}", "gateway")
        record([item for item in scenarios if item.api == api], source, "tikhub")


def record(scenarios: list[Scenario], source: Source, folder: str) -> None:
    """Run scenarios of one API against one server and keep what was said."""
    for api in {item.api for item in scenarios}:
        for old in (cassettes.FOLDER / folder / api).glob("*.yaml"):
            old.unlink()
    for item in scenarios:
        path = cassettes.path_of(folder, item.name, item.api)
        connection = item.connection(source.base_url, source.api_key, source.model)
        if folder == "tikhub":
            live: dict[str, Any] = {"dimensions": 1536} if item.api == "embeddings" else {}
            connection = dataclasses.replace(connection, model=source.model, **live)
        with cassettes.recorder(folder, "all").use_cassette(str(path)):
            done = item.run(connection)
            if inspect.iscoroutine(done):
                asyncio.run(done)
        cassettes.sign(path, cassettes.facts_of(source.version, source.kind, source.model))
        refuse_secrets(path)
        print(f"recorded {folder}/{item.api}/{item.name}")


def refuse_secrets(path: Path) -> None:
    """End, and remove the cassette, where it holds what looks like a key."""
    if found := cassettes.secrets_in(path.read_text()):
        path.unlink()
        sys.exit(f"{path.name} held what looks like a key ({len(found)} places); it was removed.")


def record_standard(apis: set[str]) -> int:
    """Run LangChain's integration suites against the servers and keep what was said."""
    for api in apis:
        for old in (cassettes.FOLDER / "standard").glob(f"{api}*"):
            shutil.rmtree(old)
    # `test_stream_time` times a cassette; while that is being made there is nothing to time, and the benchmark warns.
    switches = ["-q", "--record-mode=all", "--force-enable-socket", "-Wignore:Benchmark fixture was not used"]
    suites = [f"tests/standard/test_langchain_{name}.py" for name in ("integration", "embeddings")]
    # In a process of its own: what is imported here, pytest could no longer rewrite there.
    command = [sys.executable, "-m", "pytest", *suites, *switches, f"--record-columns={','.join(sorted(apis))}"]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    for path in (cassettes.FOLDER / "standard").rglob("*.yaml"):
        refuse_secrets(path)
    return code


if __name__ == "__main__":
    sys.exit(main())
