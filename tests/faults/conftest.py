"""The fault server's process, and the table at the end."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.lanes import settings_of
from tests.patience import short
from tests.scripted_server import ScriptedServer
from tikhub_ai.http.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.wire import Steps

HERE = Path(__file__).parent
CERTIFICATE = HERE / "certificates" / "server.crt"


class FaultServer:
    """The other process, as one test speaks to it.

    Its scripts are no other test's: a request that an earlier test gave up may still be on its way to the server.
    """

    def __init__(self, process: subprocess.Popen[str], ports: dict[str, int], test: int) -> None:
        self._process = process
        self.ports = ports
        self._test = test

    def named(self, name: str) -> str:
        """A script's name in paths."""
        return name if name in {"", "CONNECT"} else f"{name}.{self._test}"

    def script(self, name: str, *answers: Steps) -> None:
        """What a script's requests are answered with, one after another, the last one again and again."""
        timed = [[(verb, short(to) if verb == "sleep" else to) for verb, to in steps] for steps in answers]
        self._ask({"script": name, "answers": timed})

    def seen(self, name: str) -> list[str]:
        """Head of each request that came in since the script was set."""
        heads: list[str] = self._ask({"script": name})
        return heads

    def connections(self, name: str) -> int:
        """How many connections the requests of a script came in on."""
        peers: list[int] = self._ask({"script": name, "peers": True})
        return len(set(peers))

    def gone(self, name: str) -> bool:
        """Whether the client of a held connection went away, within a minute."""
        return bool(self._ask({"script": name, "wait": True}))

    def url(self, name: str = "x", port: str = "scripts", scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.ports[port]}/{self.named(name)}"

    def _ask(self, message: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message | {"script": self.named(message["script"])}) + "\n")
        self._process.stdin.flush()
        return said(self._process)


def said(process: subprocess.Popen[str]) -> Any:
    """A line of the other process."""
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


@pytest.fixture(scope="session")
def fault_server() -> Iterator[Callable[[], FaultServer]]:
    command, tests = [sys.executable, str(HERE / "server.py")], itertools.count()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        ports = said(process)
        yield lambda: FaultServer(process, ports, next(tests))
        process.kill()


@pytest.fixture
def faults(fault_server: Callable[[], FaultServer]) -> FaultServer:
    return fault_server()


@pytest.fixture
def cdn() -> Iterator[ScriptedServer]:
    """Another origin than the gateway's."""
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Path]:
    """Where a download goes; whatever happens, nothing else may be left beside it."""
    folder = tmp_path / "videos"
    folder.mkdir()
    yield folder / "rabbit.mp4"
    assert {path.name for path in folder.iterdir()} <= {"rabbit.mp4"}


@pytest.fixture(autouse=True)
def _fresh_connections() -> None:
    """No test begins with a connection of another, which its server may be closing right now: requests are counted."""
    for backend in ("httpx", "httpx2"):
        Transport(settings_of({"http_backend": backend})).close()


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The address of each attempt, also of those that reach no server."""
    made: list[str] = []
    original = Transport._wire

    def counting(self: Transport, *arguments: Any, **more: Any) -> Any:
        wire = original(self, *arguments, **more)
        made.append(wire.url)
        return wire

    visit = Transport._visit

    def counting_abroad(self: Transport, download: Any, key: Any) -> Any:
        if key is None:  # at another origin, which gets nothing that `_wire` adds
            made.append(download.here.url)
        return visit(self, download, key)

    monkeypatch.setattr(Transport, "_wire", counting)
    monkeypatch.setattr(Transport, "_visit", counting_abroad)
    return made


@pytest.fixture(autouse=True)
def _in_the_table(request: pytest.FixtureRequest) -> None:
    """Tells the table which fault and which lane a test is about."""
    parameters = getattr(request.node, "callspec", None)
    marker = request.node.get_closest_marker("fault")
    if parameters is None:
        return
    fault = getattr(parameters.params.get("row"), "fault", None) or (marker.args[0] if marker else None)
    if fault and (lane := parameters.params.get("lane")):
        request.node.user_properties += [("fault", fault), ("lane", lane.name)]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fault(name): the row of the fault table that a test belongs to")
