"""The doctor at servers that are not TikHub's gateway: what it says of each is what is known of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tikhub_ai.doctor.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    from local_models import Peer

pytestmark = [pytest.mark.peers, pytest.mark.outside_openapi("asks for refusals, by requests that lack everything")]

AS_WE_THINK, DIFFERS, NOT_SERVED = "as we think", "differs", "not served"
CHATS = ("chat_completions", "responses", "messages")
KNOWN = {
    # One API after another, as `examples/local_models/servers.py` describes them.
    "llama": {
        "an unknown path": AS_WE_THINK,
        "generate_content: path": NOT_SERVED,
        "embeddings: path": NOT_SERVED,
        "transcription: path": NOT_SERVED,
        "videos: unknown job": NOT_SERVED,
        "responses: streamed": DIFFERS,  # without sequence_number
        "an unknown model": DIFFERS,  # any name is taken
        **{f"{api}: plain": AS_WE_THINK for api in CHATS},
        **{f"{api}: streamed": AS_WE_THINK for api in ("chat_completions", "messages")},
    },
    "litellm": {
        "a wrong key": DIFFERS,  # a 400
        "GET /v1/models/{unknown}": AS_WE_THINK,
        "generate_content: path": AS_WE_THINK,
        "generate_content: plain": DIFFERS,  # names no model
        "generate_content: streamed": DIFFERS,  # and counts no tokens
        "videos: delete": NOT_SERVED,
        "seedance: unknown job": NOT_SERVED,
        **{f"{api}: path": AS_WE_THINK for api in CHATS},
        **{f"{api}: plain": AS_WE_THINK for api in CHATS},
    },
    "aimock": {
        "a wrong key": AS_WE_THINK,
        "request ids": AS_WE_THINK,
        "videos: unknown job": AS_WE_THINK,
        "videos: list": NOT_SERVED,
        "seedance: unknown job": NOT_SERVED,
        "embeddings: call": DIFFERS,  # counts no tokens
        "transcription: call": AS_WE_THINK,
        **{f"{api}: plain": AS_WE_THINK for api in CHATS},
    },
}


@pytest.mark.parametrize("name", KNOWN)
def test_the_doctor_finds_what_is_known_of_a_server(
    name: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    peer: Peer = request.getfixturevalue(name)
    monkeypatch.setenv("TIKHUB_AI_API_KEY", peer.api_key)
    code = main(["doctor", "--json", "--spend", "--base-url", peer.base_url, "--record", str(tmp_path)])
    report = json.loads(capsys.readouterr().out)
    verdicts = {finding["check"]: finding["verdict"] for finding in report["findings"]}
    assert {check: verdicts[check] for check in KNOWN[name]} == KNOWN[name]
    assert code == 1
    assert verdicts["GET /v1/models, async"] == AS_WE_THINK
    if name == "aimock":
        (moved,) = (finding for finding in report["findings"] if finding["check"] == "seedance: unknown job")
        assert moved["setting"] == "paths={'seedance': '/api/v3/contents/generations/tasks'}"
    assert len(list(tmp_path.iterdir())) == 4
