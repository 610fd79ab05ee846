"""The command line."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from tikhub_ai._version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tikhub_ai.doctor.findings import Finding

_EPILOG = (
    "The key is read from TIKHUB_AI_API_KEY, else TIKHUB_API_KEY, and is never shown. "
    "Exit code: 0, all is as this library thinks; 1, something differs; 2, no key, or wrong usage."
)
_APIS = ("chat_completions", "responses", "messages", "generate_content", "embeddings", "transcriptions")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Args:
        arguments: Those after the program's name; None takes the process's.
    """
    parser = _parser()
    asked = parser.parse_args(arguments)
    if asked.command is None:
        parser.print_help()
        return 2
    return _doctor(parser, asked)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tikhub-ai", description="Tools for TikHub AI's gateway.")
    parser.add_argument("--version", action="version", version=f"tikhub-ai {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    doctor = commands.add_parser(
        "doctor",
        help="ask a gateway whether it does what this library thinks",
        description="Asks a gateway whether it does what this library thinks it does. Without --spend, nothing costs.",
        epilog=_EPILOG,
    )
    doctor.add_argument("--spend", action="store_true", help="also make a cheapest call of each API, which costs money")
    doctor.add_argument("--json", action="store_true", help="print JSON in place of a table")
    doctor.add_argument("--record", metavar="DIR", type=Path, help="write down what was said, without keys and ids")
    doctor.add_argument("--base-url", metavar="URL", help="the gateway; default TIKHUB_AI_BASE_URL, else TikHub's")
    doctor.add_argument("--proxy", metavar="URL", help="a proxy, in place of the environment's")
    doctor.add_argument("--ca-file", metavar="FILE", help="authorities to verify TLS by, in place of certifi's")
    doctor.add_argument("--insecure", action="store_true", help="do not verify TLS: everybody on the way sees the key")
    doctor.add_argument("--timeout", metavar="SECONDS", default=30.0, type=float, help="silence allowed; default 30")
    doctor.add_argument("--http-backend", choices=("auto", "httpx", "httpx2", "aiohttp"), default="auto")
    doctor.add_argument("--auth-header", metavar="NAME", help="the header that carries the key, for every API")
    doctor.add_argument(
        *("--model",), metavar="API=NAME", action="append", default=[], help=f"whom to ask; API is {', '.join(_APIS)}"
    )
    doctor.add_argument(
        *("--path",), metavar="NAME=PATH", action="append", default=[], help="where a media operation is: videos, ..."
    )
    return parser


def _doctor(parser: argparse.ArgumentParser, asked: argparse.Namespace) -> int:
    from tikhub_ai.apis.jobs.paths import checked_paths  # noqa: PLC0415 - only the doctor needs all of this
    from tikhub_ai.doctor.examination import Wishes, examine  # noqa: PLC0415
    from tikhub_ai.doctor.report import as_text  # noqa: PLC0415
    from tikhub_ai.errors import ConfigurationError  # noqa: PLC0415
    from tikhub_ai.settings import Settings  # noqa: PLC0415

    models = _pairs(parser, "--model", asked.model)
    if unknown := sorted(models.keys() - set(_APIS)):
        parser.error(f"--model: there is no API {unknown[0]!r}; it is one of {', '.join(_APIS)}")
    wishes = Wishes(asked.spend, models, _pairs(parser, "--path", asked.path), asked.record, _show_progress)
    try:
        checked_paths(wishes.paths)
        settings = Settings(
            base_url=asked.base_url,
            proxy=asked.proxy,
            verify=asked.ca_file or not asked.insecure,
            timeout=asked.timeout,
            http_backend=asked.http_backend,
            auth_header=asked.auth_header,
            max_retries=0,
            max_response_bytes=64 * 1024 * 1024,
        )
        report = examine(settings, wishes)
    except ConfigurationError as error:
        parser.error(error.message)
    if sys.stderr.isatty():
        write("\r\x1b[K", sys.stderr)
    write(json.dumps(report.as_json(), indent=2, ensure_ascii=False) + "\n" if asked.json else as_text(report))
    return report.exit_code


def _pairs(parser: argparse.ArgumentParser, option: str, given: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name or not value:
            parser.error(f"{option} must be NAME=VALUE, not {one!r}")
        pairs[name] = value
    return pairs


def _show_progress(finding: Finding) -> None:
    """A line that the next one takes the place of, on a terminal."""
    if sys.stderr.isatty():
        write(f"\r\x1b[K{finding.check}: {finding.verdict}", sys.stderr)


def write(text: str, to: TextIO | None = None) -> None:
    """The one place that writes to the terminal: in whatever letters it has."""
    stream = to or sys.stdout
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "replace").decode(encoding))
    stream.flush()
