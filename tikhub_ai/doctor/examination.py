"""The order in which everything is looked at."""

from __future__ import annotations

from base64 import b64encode
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from tikhub_ai.doctor import calls, gateway, paths, videos
from tikhub_ai.doctor.cassettes import cassette
from tikhub_ai.doctor.findings import Finding, Report
from tikhub_ai.doctor.here import here
from tikhub_ai.doctor.probe import Probe, not_asked
from tikhub_ai.doctor.scrubbing import shown
from tikhub_ai.errors import MissingKeyError
from tikhub_ai.http.proxies import environment_proxy
from tikhub_ai.http.recording import recording_client
from tikhub_ai.secret_values import secret_proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tikhub_ai.http.recording import Exchange
    from tikhub_ai.settings import Settings

_SHORTEST = 6
"""Characters of a password that is looked for by itself."""
_FREE: tuple[tuple[str, Callable[[Probe], Iterator[Finding]]], ...] = (
    ("gateway", gateway.strange_paths),
    ("gateway", gateway.models),
    ("gateway", gateway.models_async),
    ("gateway", gateway.unknown_model),
    ("paths", paths.chat_paths),
    ("paths", paths.bearer_tokens),
    ("paths", paths.other_paths),
    ("paths", paths.counting_paths),
    ("videos", videos.unknown_jobs),
    ("videos", videos.video_operations),
    ("gateway", gateway.request_ids),
)
"""By the recording that they go into."""


@dataclass(slots=True)
class Wishes:
    """What the user asked for.

    Attributes:
        spend: Whether calls that cost money may be made.
        models: Models to ask, by API.
        paths: Paths of the media operations.
        record: The folder for recordings; None keeps none.
        on_progress: Told of each finding as it comes.
    """

    spend: bool = False
    models: dict[str, str] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    record: Path | None = None
    on_progress: Callable[[Finding], None] = lambda _: None


def examine(settings: Settings, wishes: Wishes) -> Report:
    """Look at everything.

    Args:
        settings: Key, address, proxy, certificates. An injected client is not used.
        wishes: What else was asked for.

    Raises:
        ConfigurationError: The proxy, the CA file or a path cannot be used.
    """
    client, tape = recording_client(settings)
    with closing(client):
        probe = Probe(replace(settings, http_client=client), tape, wishes.spend, wishes.models, wishes.paths)
        report = Report(here=here(settings), has_key=_has_key(settings))
        recorded: dict[str, list[Exchange]] = {}
        secrets = _secrets(settings)
        for finding in _findings(probe, has_key=report.has_key, recorded=recorded):
            finding.detail = shown(finding.detail, secrets)  # servers repeat what they were sent
            report.findings.append(finding)
            wishes.on_progress(finding)
        if wishes.record is not None:
            report.recorded = _written(wishes.record, recorded, settings, secrets)
    return report


def _has_key(settings: Settings) -> bool:
    try:
        settings.key()
    except MissingKeyError:
        return False
    return True


def _secrets(settings: Settings) -> list[str]:
    """All that was sent and that nobody may see: the key, and the credentials of a proxy, which a proxy may repeat."""
    found = [settings.key().get_secret_value()] if _has_key(settings) else []
    proxy = secret_proxy(settings.proxy or environment_proxy(str(settings.base_url)))
    whole = "" if proxy is None else urlsplit(proxy.get_secret_value()).netloc.rpartition("@")[0]
    user, _, password = unquote(whole).partition(":")
    if password:
        found.append(f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}")
    return [*found, *([password] if len(password) >= _SHORTEST else [])]


def _findings(probe: Probe, *, has_key: bool, recorded: dict[str, list[Exchange]]) -> Iterator[Finding]:
    """Every finding; keeps what passed for it by the recording that it goes into."""
    rest = (*_FREE, ("calls", calls.all_calls))
    for name, check in (("gateway", gateway.reached), *(rest if has_key else ())):
        before = len(probe.tape.exchanges)
        for finding in check(probe):
            yield finding
            if probe.is_deaf:
                break
        recorded.setdefault(name, []).extend(probe.tape.exchanges[before:])
        if probe.is_deaf:
            yield not_asked("all else", probe.is_deaf)
            return
    if not has_key:
        yield not_asked("all else", "it needs a key")


def _written(folder: Path, recorded: dict[str, list[Exchange]], settings: Settings, secrets: list[str]) -> list[str]:
    """Cassettes of what passed. A list of the account's own jobs is in none."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = {
        "version": "a gateway, by tikhub-ai doctor",
        "kind": "gateway",
        "recorded": f"{datetime.now(UTC):%Y-%m-%d}",
        "model": "several",
    }
    host = urlsplit(str(settings.base_url)).netloc
    written = []
    for name, exchanges in recorded.items():
        public = [one for one in exchanges if not (one.method == "GET" and "?limit=" in one.url)]
        if public:
            path = folder / f"{name}.yaml"
            path.write_text(cassette(public, facts, secrets, host), encoding="utf-8")
            written.append(str(path))
    return written
