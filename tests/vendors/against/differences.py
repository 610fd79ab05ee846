"""Two JSON bodies compared by path, and the differences that differences.toml documents."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DOCUMENT = Path(__file__).parents[1] / "differences.toml"


class _Absent:
    def __repr__(self) -> str:
        return "absent"


ABSENT: Any = _Absent()


@dataclass
class Difference:
    """One place at which two bodies differ.

    Attributes:
        path: Such as `messages[1].content[0].cache_control`.
        theirs: The vendor's value as JSON, or "absent".
        ours: Ours, likewise.
        documented: The id of the entry of differences.toml that covers it; None where it is a failure.
    """

    path: str
    theirs: str
    ours: str
    documented: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def compared(theirs: Any, ours: Any) -> list[Difference]:
    """All places at which two JSON values differ."""
    return [Difference(path, _text(left), _text(right)) for path, left, right in _walk(theirs, ours, "")]


def _walk(theirs: Any, ours: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in {**theirs, **ours}:
            yield from _walk(theirs.get(key, ABSENT), ours.get(key, ABSENT), f"{path}.{key}" if path else key)
    elif isinstance(theirs, list) and isinstance(ours, list):
        yield from _walk_lists(theirs, ours, path)
    elif _is_json_of(theirs, ours):
        return
    elif theirs != ours or isinstance(theirs, bool) is not isinstance(ours, bool):
        yield path, theirs, ours


def _walk_lists(theirs: list[Any], ours: list[Any], path: str) -> Iterator[tuple[str, Any, Any]]:
    """Elements by position where there are as many; else those of one kind are paired, and the others stand alone."""
    if len(theirs) == len(ours):
        for at, (left, right) in enumerate(zip(theirs, ours, strict=True)):
            yield from _walk(left, right, f"{path}[{at}]")
        return
    matcher = SequenceMatcher(a=[_label(item) for item in theirs], b=[_label(item) for item in ours], autojunk=False)
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        if kind == "equal":
            for i, j in zip(range(i1, i2), range(j1, j2), strict=True):
                yield from _walk(theirs[i], ours[j], f"{path}[{i}]")
            continue
        yield from ((f"{path}[{i}]", theirs[i], ABSENT) for i in range(i1, i2))
        yield from ((f"{path}[{j}]", ABSENT, ours[j]) for j in range(j1, j2))


def _label(item: Any) -> str:
    """What an element is: its kind, role and name, and not what it says."""
    if not isinstance(item, dict):
        return _text(item)
    return _text(
        [item.get(name) for name in ("type", "role", "name", "call_id", "tool_call_id", "tool_use_id")]
        + [key for key in item if key not in {"content", "text"} and "type" not in item and "role" not in item]
    )


def _is_json_of(theirs: Any, ours: Any) -> bool:
    """Whether both are JSON texts of the same value: the arguments of a call, written with other spaces."""
    if not (isinstance(theirs, str) and isinstance(ours, str)) or theirs[:1] not in {"{", "["}:
        return False
    try:
        return bool(json.loads(theirs) == json.loads(ours))
    except ValueError:
        return False


def _text(value: Any) -> str:
    return "absent" if value is ABSENT else json.dumps(value, ensure_ascii=False, sort_keys=True, default=repr)


class Documented:
    """The entries of differences.toml."""

    def __init__(self, path: Path = DOCUMENT) -> None:
        document = tomllib.loads(path.read_text())
        self.bodies: list[dict[str, Any]] = document.get("body", [])
        self.tests: list[dict[str, Any]] = document.get("test", [])
        self.inputs: list[dict[str, Any]] = document.get("input", [])
        self.left_out: list[dict[str, Any]] = document.get("left_out", [])
        self.used: set[str] = set()

    def judge(self, record: dict[str, Any]) -> str:
        """Passed, documented or failed; skipped where the vendor's own suite skips. Notes the entries in the record."""
        found = [Difference(**one) for one in record.get("differences") or ()]
        self.mark(found, record["api"], record["test"])
        record["differences"] = [one.as_dict() for one in found]
        record["documented"] = self._of_error(record) if record["outcome"] == "failed" else None
        if record["outcome"] == "skipped":
            return "skipped"
        if any(one.documented is None for one in found):
            return "failed"
        if record["outcome"] == "failed":
            return "documented" if record["documented"] else "failed"
        return "documented" if found else "passed"

    def mark(self, differences: Iterable[Difference], api: str, test: str) -> None:
        """Say of each difference which entry covers it."""
        for difference in differences:
            difference.documented = self._of_body(difference, api, test)

    def _of_body(self, difference: Difference, api: str, test: str) -> str | None:
        for entry in self.bodies:
            if (
                api in entry.get("apis", [api])
                and any(fnmatchcase(test, _literal(pattern)) for pattern in entry.get("tests", ["*"]))
                and any(_path_matches(difference.path, pattern) for pattern in _listed(entry["path"]))
                and _value_matches(difference.theirs, entry.get("theirs"))
                and _value_matches(difference.ours, entry.get("ours"))
            ):
                self.used.add(entry["id"])
                return str(entry["id"])
        return None

    def _of_error(self, record: dict[str, Any]) -> str | None:
        """The entry that covers a test that fails, or an input that is refused."""
        for entry in self.tests if record["kind"] == "test" else self.inputs:
            named = any(fnmatchcase(record["test"], _literal(pattern)) for pattern in _listed(entry.get("tests", "*")))
            if named and re.search(entry.get("error", ""), f"{record['error']} {record['where']}"):
                self.used.add(entry["id"])
                return str(entry["id"])
        return None

    def unused(self) -> list[str]:
        """The entries that nothing judged so far has shown."""
        entries = (*self.bodies, *self.tests, *self.inputs)
        return [entry["id"] for entry in entries if entry["id"] not in self.used]

    def reason_to_leave_out(self, test: str) -> str | None:
        """Why a test is not run; None where it is."""
        for entry in self.left_out:
            if any(fnmatchcase(test, _literal(pattern)) for pattern in _listed(entry["tests"])):
                return str(entry["reason"])
        return None


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else value


def _literal(pattern: str) -> str:
    return pattern.replace("[", "[[]")  # of a test's parameters, and not fnmatch's sets


def _path_matches(path: str, pattern: str) -> bool:
    """`[*]` is any position, `*` any key, `**` any rest."""
    expression = re.escape(pattern).replace(r"\[\*\]", r"\[\d+\]").replace(r"\*\*", ".*").replace(r"\*", r"[^.\[]*")
    return re.fullmatch(expression, path) is not None


def _value_matches(text: str, pattern: str | None) -> bool:
    return pattern is None or re.fullmatch(pattern, text, re.DOTALL) is not None
