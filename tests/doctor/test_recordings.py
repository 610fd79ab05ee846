"""What `--record` writes: cassettes that vcrpy replays, without what is somebody's own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import vcr
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.doctor.gateways import KEY, as_thought
from tests.doctor.test_doctor import Visit, visit
from tests.scripted_server import Answer, Request, ScriptedServer
from tikhub_ai import ChatClient, ChatRequest, Message, Settings, Text
from tikhub_ai.doctor.cassettes import cassette
from tikhub_ai.doctor.scrubbing import HOST, scrubbed, secrets_in
from tikhub_ai.http.recording import Exchange

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["visit"]

pytestmark = pytest.mark.outside_openapi("asks for refusals, by requests that lack everything")


def test_a_recording_replays_in_vcrpy_as_any_cassette_does(visit: Callable[..., Visit], tmp_path: Path) -> None:
    seen = visit(as_thought, "--spend", "--record", str(tmp_path))
    names = [Path(name).name for name in seen.report["recorded"]]
    assert names == ["gateway.yaml", "paths.yaml", "videos.yaml", "calls.yaml"]
    player = vcr.VCR(record_mode="none", match_on=["method", "host", "path", "query", "body"])
    client = ChatClient(Settings(base_url=f"http://{HOST}", api_key="sk-other", max_retries=0), api="messages")
    request = ChatRequest("claude-haiku-4-5", [Message("user", [Text("Say hello.")])], max_tokens=16)
    with player.use_cassette(str(tmp_path / "calls.yaml")):
        plain = client.complete(request)
        streamed = list(client.stream(request))
    assert plain.text == streamed[-1].reply.text == "Hello!"  # type: ignore[union-attr]  # the last is an End


def test_nothing_of_the_key_the_machine_or_the_account_is_written_down(
    visit: Callable[..., Visit], server: ScriptedServer, tmp_path: Path
) -> None:
    """A server that repeats all that it was sent, and says more of the account than anybody asked."""
    mine = "Jane <jane.doe@corp.example> of org-Zx81Kq20Lm77, from 203.0.113.77 and 2001:db8:0:1:2:3:4:5"

    def telling(request: Request) -> Answer:
        answer = as_thought(request)
        echo = f"{dict(request.headers)!r} {mine} {server.url} (request id: 2026112605120012345)"
        answer.headers |= {"set-cookie": f"session={KEY}", "openai-organization": "org-Zx81Kq20Lm77", "date": "now",
                           "x-echo": request.headers.get("authorization", ""), "cf-ray": "8c1-FRA"}  # fmt: skip
        if isinstance(answer.body, dict):
            answer.body = {**answer.body, "echo": echo, "id": "resp_68af4d7c9b1081a2"}
        return answer

    visit(telling, "--spend", "--record", str(tmp_path))
    written = "".join(path.read_text() for path in tmp_path.iterdir())
    assert written.count("somebody@example.invalid") > 20
    for own in (
        "jane",
        "Zx81",
        "203.0.113",
        "2001:db8",
        "127.0.0.1",
        "20261126",
        "68af4d7c",
        "FRA",
        "session",
        KEY[-8:],
    ):
        assert own not in written, own
    assert secrets_in(written) == []
    for path in tmp_path.iterdir():
        for one in yaml.safe_load(path.read_text())["interactions"]:
            assert urlsplit(one["request"]["uri"]).netloc == HOST
            assert not {"authorization", "x-api-key", "x-goog-api-key", "user-agent"} & set(one["request"]["headers"])


def test_the_accounts_own_jobs_are_in_no_recording(visit: Callable[..., Visit], tmp_path: Path) -> None:
    def busy(request: Request) -> Answer:
        if request.path.startswith("/v1/videos?"):
            return Answer({"object": "list", "data": [{"id": "video_1", "prompt": "My private film"}]})
        return as_thought(request)

    visit(busy, "--record", str(tmp_path))
    assert "private" not in (tmp_path / "videos.yaml").read_text()


def test_the_speech_is_there_by_its_sum(visit: Callable[..., Visit], tmp_path: Path) -> None:
    visit(as_thought, "--spend", "--record", str(tmp_path))
    last = yaml.safe_load((tmp_path / "calls.yaml").read_text())["interactions"][-1]["request"]
    assert re.search(r"16044 bytes, sha256 [0-9a-f]{64}", last["body"])
    assert last["headers"]["content-type"] == "multipart/form-data; boundary=boundary"


_HEADERS = {"content-type": "application/json"}


@given(st.text(st.characters(), max_size=60), st.binary(max_size=40))
def test_any_body_comes_back_from_yaml_as_it_went_in(text: str, content: bytes) -> None:
    said = text.encode("utf-8", "replace").decode()
    exchanges = [
        Exchange("POST", "http://h/v1/x", {}, content, 200, "OK", _HEADERS, bytearray(said.encode())),
        Exchange("POST", "http://h/v1/x", {}, b"", 200, "OK", _HEADERS, bytearray(content)),
    ]
    document: Any = yaml.safe_load(cassette(exchanges, {"kind": "gateway"}, (), "h"))
    first, second = (one["response"]["body"]["string"] for one in document["interactions"])
    assert first == scrubbed(said, (), "h")
    assert second in {content, scrubbed(content.decode("utf-8", "replace"), (), "h")} or isinstance(second, bytes)


def test_the_same_id_gets_the_same_name_and_another_another() -> None:
    text = scrubbed("call_1234567890 msg_1234567890 call_1234567890 call_0987654321", (), "h")
    first, other, again, third = text.split()
    assert first == again
    assert len({first, other, third}) == 3
    assert first.startswith("call_scrubbed")
    assert scrubbed("call_tools user_name finish_reason", (), "h") == "call_tools user_name finish_reason"


def test_an_exchange_of_a_bomb_is_read_to_a_limit() -> None:
    import zlib

    bomb = zlib.compress(bytes(64 * 1024 * 1024), 9)
    exchange = Exchange("GET", "http://h/", {}, b"", 200, "OK", {"content-encoding": "deflate"}, bytearray(bomb))
    assert len(exchange.body) < 5 * 1024 * 1024
