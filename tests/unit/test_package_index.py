"""An index out of reach is told in our words, with what to do, by whichever way it is out of reach."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from local_models import package_index
from local_models.package_index import OUT_OF_REACH, main, why_out_of_reach

ROOT = Path(__file__).parents[2]
RETRYING = "WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by "
NONE = "ERROR: Could not find a version that satisfies the requirement httpx (from versions: none)"

# As pip 25 and 26 and npm 10 write them.
WAYS = {
    "refused": (f"{RETRYING}'NewConnectionError('[Errno 111] Connection refused')': /", "refuses"),
    "no name": (f"{RETRYING}'NameResolutionError('[Errno -3] Temporary failure in name resolution')': /", "its name"),
    "no name, macOS": (f"{RETRYING}'[Errno 8] nodename nor servname provided, or not known': /", "its name"),
    "no network": (f"{RETRYING}'[Errno 101] Network is unreachable': /simple/", "there is no network"),
    "silence": (f"{RETRYING}'ConnectTimeoutError('Connection to pypi.org timed out.')': /", "in time"),
    "certificate": (f"{RETRYING}'SSLError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]')': /", "not trusted"),
    "proxy": (f"{RETRYING}'ProxyError('Tunnel connection failed: 407 Authentication Required')': /", "proxy"),
    "cut": (f"{RETRYING}'ProtocolError('Connection aborted.', RemoteDisconnected('closed'))': /", "breaks"),
    "no retries": (NONE, "lists nothing"),
    "npm refused": ("npm error code ECONNREFUSED", "refuses"),
    "npm no name": ("npm error code ENOTFOUND", "its name"),
    "npm silence": ("npm ERR! code ETIMEDOUT", "in time"),
    "npm certificate": ("npm error code UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "not trusted"),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_is_named_with_its_remedy(way: str) -> None:
    line, reason = WAYS[way]
    told = why_out_of_reach([line, "ERROR: No matching distribution found for httpx"])
    assert told
    assert told.startswith(OUT_OF_REACH)
    assert reason in told
    is_npm = line.startswith("npm")
    for remedy in ("HTTPS_PROXY=", "NODE_EXTRA_CA_CERTS=" if is_npm else "PIP_CERT=", "run the same command again"):
        assert remedy in told
    assert ("npm_config_registry=" if is_npm else "PIP_INDEX_URL=") in told


def test_what_has_another_cause_is_left_to_the_installer() -> None:
    assert why_out_of_reach(["error: subprocess-exited-with-error", "ERROR: Failed building wheel for thing"]) is None
    assert why_out_of_reach(["ERROR: No matching distribution found for httpx<0 (from versions: 0.27, 0.28)"]) is None
    assert why_out_of_reach([]) is None


def test_the_words_of_an_inner_make_are_passed_on_alone() -> None:
    told = why_out_of_reach([NONE])
    assert told
    assert why_out_of_reach([*told.splitlines(), "make[1]: *** [Makefile:138: .venv/.pip] Error 1"]) == told
    assert why_out_of_reach(["Making .venv ...", *told.splitlines(), "make[1]: *** Error 1"]) == told


def test_a_password_in_the_address_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:hush@index.example/simple")
    told = why_out_of_reach([NONE])
    assert told
    assert "PIP_INDEX_URL=https://index.example/simple" in told
    assert "hush" not in told


def test_pip_itself_against_a_closed_port_says_so_and_not_its_retries() -> None:
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": ""}
    alone = {"PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    pip = [sys.executable, "-m", "pip", "install", "no-such-package-of-ours"]
    done = subprocess.run(
        [sys.executable, package_index.__file__, *pip],
        env=os.environ | nowhere | alone,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(OUT_OF_REACH)
    assert "it refuses the connection (PIP_INDEX_URL=http://127.0.0.1:9/simple)" in done.stderr
    assert "Retrying" not in done.stderr


def test_another_failure_and_its_code_come_through(capfd: pytest.CaptureFixture[str]) -> None:
    program = "import sys; print('fine'); print('ERROR: no space left', file=sys.stderr); sys.exit(7)"
    assert main([sys.executable, "-c", program]) == 7
    assert capfd.readouterr() == ("fine\n", "ERROR: no space left\n")


def test_every_install_of_the_makefile_goes_through_these_words() -> None:
    lines = [line for line in (ROOT / "Makefile").read_text().splitlines() if "$(PIP_INSTALL)" in line]
    assert lines
    assert [line for line in lines if "$(WITH_WORDS)" not in line] == []
