"""A report as text."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tikhub_ai.doctor.findings import Finding, Report

_WIDTH = 118


def as_text(report: Report) -> str:
    """The report, for a terminal or an issue."""
    lines = [*_here(report.here), ""]
    lines += _table(report.findings)
    counts: dict[str, int] = {}
    for finding in report.findings:
        counts[finding.verdict] = counts.get(finding.verdict, 0) + 1
    lines += ["", ", ".join(f"{count} {verdict}" for verdict, count in counts.items()) + "."] if counts else []
    if report.recorded:
        lines += [f"Recorded: {', '.join(report.recorded)}. Read it before you pass it on."]
    if not report.has_key:
        lines += ["There is no key, so that only this much could be asked: set TIKHUB_AI_API_KEY."]
    return "\n".join(lines) + "\n"


def _here(facts: dict[str, str]) -> Iterator[str]:
    widest = max(map(len, facts), default=0)
    for name, words in facts.items():
        yield from _columns([(name, widest)], words)


def _table(findings: list[Finding]) -> Iterator[str]:
    checks = max((len(finding.check) for finding in findings), default=0)
    verdicts = max((len(finding.verdict) for finding in findings), default=0)
    for finding in findings:
        detail = finding.detail
        if finding.setting:
            detail = f"{detail.rstrip('. ')}. Setting: {finding.setting}".removeprefix(". ")
        yield from _columns([(finding.check, checks), (finding.verdict, verdicts)], detail)


def _columns(fixed: list[tuple[str, int]], words: str) -> Iterator[str]:
    """A row whose last column goes on below itself."""
    head = "".join(f"{text.ljust(width)}  " for text, width in fixed)
    room = max(_WIDTH - len(head), 40)
    for place, line in enumerate(textwrap.wrap(words, room, break_on_hyphens=False) or [""]):
        yield f"{head if place == 0 else ' ' * len(head)}{line}".rstrip()
