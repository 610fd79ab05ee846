"""How exchanges are kept: vcrpy cassettes without secrets, with a host of no machine, and who answered them."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import vcr
import yaml
from vcr import matchers
from vcr.request import Request

from tikhub_ai.doctor.scrubbing import plain_form, secrets_in
from tikhub_ai.http.recording import KEPT_HEADERS

__all__ = ["facts_of", "host_of", "path_of", "recorder", "secrets_in", "sign", "write_readme"]

FOLDER = Path(__file__).parents[1] / "cassettes"
SECRET_QUERY = ("key", "api_key")
_INDENTATION = re.compile(rb"\\n +")
WRITTEN_BY_HAND = "written-by-hand.invalid"
"""The host of answers that a test makes itself. vcrpy would record them too, as if a server had given them."""


def host_of(peer: str) -> str:
    """The host that stands for a server in cassettes; no such host exists."""
    return f"{peer}.invalid"


def recorder(peer: str, mode: str) -> vcr.VCR:
    """vcrpy, set up so that a cassette says nothing of the machine or the key, and matches whatever the port was."""

    def anonymous(request: Request) -> Request:
        parts = urlsplit(request.uri)
        for name in [name for name in request.headers if name.lower() not in KEPT_HEADERS]:
            del request.headers[name]
        request.uri = urlunsplit(("http", host_of(peer), parts.path, parts.query, ""))
        _plain_form(request)
        return request

    keeper = vcr.VCR(
        record_mode=mode,
        match_on=["method", "host", "path", "query", "same body"],
        ignore_hosts=[WRITTEN_BY_HAND],
        filter_query_parameters=list(SECRET_QUERY),
        before_record_request=anonymous,
        before_record_response=_without_passing_headers,
        decode_compressed_response=True,
    )
    keeper.register_matcher("same body", _match_bodies)
    return keeper


def _match_bodies(asked: Request, kept: Request) -> None:
    """vcrpy's own, but for the indentation of tools' docstrings, which the compiler takes out since Python 3.13."""
    if sys.version_info >= (3, 13):
        asked, kept = (
            Request(one.method, one.uri, _INDENTATION.sub(rb"\\n", one.body), one.headers)
            if isinstance(one.body, bytes)
            else one
            for one in (asked, kept)
        )
    matchers.body(asked, kept)


def _plain_form(request: Request) -> None:
    """A form as it is kept: each file lies in tests/data."""
    name = next((name for name in request.headers if name.lower() == "content-type"), "")
    if not isinstance(request.body, bytes):
        return
    body, kind = plain_form(request.body, str(request.headers.get(name, "")))
    if body is request.body:
        return
    request.body, request.headers[name] = body, kind
    for length in [name for name in request.headers if name.lower() == "content-length"]:
        del request.headers[length]


def _without_passing_headers(response: dict[str, Any]) -> dict[str, Any]:
    """Without what is of one moment only, or (`Bearer realm=...`) looks like a key."""
    headers = response["headers"]
    for name in [name for name in headers if name.lower() in {"set-cookie", "date", "www-authenticate"}]:
        del headers[name]
    return response


def path_of(peer: str, scenario: str, api: str = "chat_completions") -> Path:
    """Where a scenario's cassette lies."""
    return FOLDER / peer / api / f"{scenario}.yaml"


def facts_of(version: str, kind: str, model: str) -> dict[str, str]:
    """Who answered, as cassettes say it; today is when."""
    return {"version": version, "kind": kind, "recorded": f"{datetime.now(UTC):%Y-%m-%d}", "model": model}


def sign(path: Path, facts: dict[str, str]) -> None:
    """Write into a cassette who answered it. vcrpy passes over keys that it does not know."""
    document = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({"answered_by": facts, **document}, sort_keys=False, allow_unicode=True, width=120))


def write_readme() -> None:
    """cassettes/README.md, from what the cassettes say of themselves."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for path in sorted(FOLDER.rglob("*.yaml")):
        document = yaml.safe_load(path.read_text())
        facts = document["answered_by"]
        key = (path.parent.relative_to(FOLDER).as_posix(), facts["version"], facts["kind"], facts["recorded"])
        rows.setdefault(key, []).append(f"`{path.stem}` ({len(document['interactions'])})")
    lines = [
        "# Cassettes",
        "",
        "Recorded by vcrpy from servers that really answered, by `make record`; none is written by hand. This page is",
        "made from what the cassettes say of themselves. Behind each name stands its number of exchanges.",
        "",
        "No cassette holds answers that count every kind of token (thinking, written to a cache, heard) on messages,",
        "responses and generate_content: no server at hand tells these apart, and `tests/standard/counting.py` does.",
        "",
    ]
    words = {"model": "a real model", "gateway": "a real model behind a gateway", "mock": "a scripted mock, no model"}
    for (peer, version, kind, recorded), names in sorted(rows.items()):
        lines += [f"## {peer}: {words.get(kind, kind)}", "", f"{version}, recorded {recorded}.", ""]
        lines += [f"- {name}" for name in names] + [""]
    (FOLDER / "README.md").write_text("\n".join(lines).rstrip() + "\n")
