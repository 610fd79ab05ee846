"""What a check found, and what all of them together come to."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

Verdict: TypeAlias = Literal["as we think", "differs", "not served", "cannot tell", "not asked"]
"""`as we think`: what this library relies on holds. `differs`: it does not. `not served`: the gateway has no such
operation where it was asked. `cannot tell`: something else went wrong. `not asked`: it was not tried."""

ALL_AS_THOUGHT, SOMETHING_DIFFERS, CANNOT_ASK = 0, 1, 2
"""Exit codes."""


@dataclass(slots=True)
class Finding:
    """What one check found.

    Attributes:
        check: What was looked at.
        verdict: See `Verdict`.
        detail: How it differs, or what else is worth knowing.
        setting: What to set in this library, where something is to be set.
        thought: What this library relies on.
    """

    check: str
    verdict: Verdict
    detail: str = ""
    setting: str = ""
    thought: str = ""


@dataclass(slots=True)
class Report:
    """All that was found.

    Attributes:
        here: What can be said without asking anybody: versions, where the key comes from, address, proxy.
        findings: What the gateway does, in the order in which it was asked.
        has_key: Whether there is a key to ask with.
        recorded: Files that hold what was said.
    """

    here: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    has_key: bool = True
    recorded: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """See `ALL_AS_THOUGHT` and its like."""
        if not self.has_key:
            return CANNOT_ASK
        told = {finding.verdict for finding in self.findings} - {"as we think", "not asked"}
        return SOMETHING_DIFFERS if told else ALL_AS_THOUGHT

    def as_json(self) -> dict[str, Any]:
        """A JSON value of it."""
        return {
            "here": self.here,
            "findings": [asdict(finding) for finding in self.findings],
            "recorded": self.recorded,
            "exit_code": self.exit_code,
        }
