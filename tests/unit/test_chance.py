"""No test may fail by chance: what the source of the tests may not hold, read from its syntax.

What must come is waited for, half a minute and more; how long a short time is, `tests/patience.py` says.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

from tests import patience

pytestmark = pytest.mark.long  # all tests are read, and some run in processes of their own

TESTS = Path(__file__).parents[1]
LEAST = 30.0
"""Seconds that a wait has at least."""
PAUSES = {
    "faults/test_downloads_disk.py": "what is cancelled leaves nothing, wherever it has come to",
    "faults/test_endings.py": "a round of the loop, which is what aiohttp takes to close a socket",
    "faults/test_left_calls.py": "what is left is the same, whether the server has closed it by then or not",
    "faults/test_lifecycle.py": "a call that is cancelled closes its connection, wherever it has come to",
    "unit/test_retries.py": "a program that is interrupted sends nothing more, wherever its threads have come to",
    "peers/test_llmock.py": "its judge tells a retry by the clock",
}
"""Where a test sleeps in the hope of something, and what it says holds without it too."""
WALL_CLOCK = {
    "cassettes.py": "the day of a recording",
    "moves/make_histories.py": "the day of a history",
}
WAITS = {"wait", "join", "result", "communicate"}
"""Methods whose first argument is the seconds until they give up."""
OTHER_WAITS = {"pace.wait", "retries.wait", "call.result", "run.result"}
"""Ours, which mean something else."""
TIMED = {"wait_for", "to_thread", "acquire", "Barrier", "urlopen", "check_output", "subprocess.run"}
"""What is given such seconds in other ways."""


def sources() -> list[str]:
    return sorted(path.relative_to(TESTS).as_posix() for path in TESTS.rglob("*.py"))


SOURCES = sources()


@cache
def tree_of(name: str) -> ast.Module:
    tree = ast.parse((TESTS / name).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            child.above = node  # type: ignore[attr-defined]  # for `within`
    return tree


@cache
def calls(name: str) -> list[tuple[str, ast.Call]]:
    """Each call, and what is called: of what is no chain of names, its last name."""
    found = []
    for node in ast.walk(tree_of(name)):
        if isinstance(node, ast.Call):
            names, called = list[str](), node.func
            while isinstance(called, ast.Attribute):
                names, called = [called.attr, *names], called.value
            found.append((".".join([called.id if isinstance(called, ast.Name) else "()", *names]), node))
    return found


def within(node: ast.AST, *kinds: type[ast.AST]) -> bool:
    """Whether it stands in one of these, of its own function."""
    while (node := getattr(node, "above", None)) is not None and not isinstance(node, ast.FunctionDef | ast.Lambda):  # type: ignore[assignment]  # None ends it
        if isinstance(node, kinds):
            return True
    return False


def seconds(node: ast.AST | None) -> float | None:
    """A number that is written down; None where it is none, or made of another."""
    value = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def places(name: str, nodes: list[ast.Call]) -> list[str]:
    return [f"tests/{name}:{node.lineno}: {ast.unparse(node)[:100]}" for node in nodes]


def test_nobody_sleeps_in_the_hope_that_something_has_happened_by_then() -> None:
    hopes = {
        name: [
            call
            for called, call in calls(name)
            if called in {"time.sleep", "asyncio.sleep"}
            and (seconds(call.args[0]) or 0) > 0
            and not within(call, ast.While, ast.For, ast.AsyncFor, ast.comprehension)
        ]
        for name in SOURCES
    }
    assert [place for name in SOURCES if name not in PAUSES for place in places(name, hopes[name])] == []
    assert {name for name in SOURCES if hopes[name]} == PAUSES.keys(), "none is named that does not"


def times_of(called: str, call: ast.Call) -> list[float]:
    """The seconds that a call is given to be over in."""
    verb = called.rpartition(".")[2]
    given = [word.value for word in call.keywords if word.arg == "timeout"]
    if verb in WAITS and called not in OTHER_WAITS:
        given += call.args[:1]
    if called == "asyncio.wait_for" or (called == "asyncio.to_thread" and ast.unparse(call.args[0]).endswith(".wait")):
        given += call.args[1:2]
    return [time for one in given if (time := seconds(one)) is not None]


def test_what_must_come_is_waited_for_half_a_minute_and_more() -> None:
    """A call's own timeout of whole seconds is one that nobody waits for, as the tests of settings have it."""
    hasty = {
        name: [
            call
            for called, call in calls(name)
            for time in times_of(called, call)
            if 0 < time < (LEAST if {called, called.rpartition(".")[2]} & (WAITS | TIMED) else 1)
            and not within(call, ast.While, ast.For, ast.comprehension, ast.GeneratorExp)
        ]
        for name in SOURCES
    }
    rows = hasty.pop("faults/test_creates.py")
    assert {ast.unparse(row.func) for row in rows} == {"Row"}, "times that are made short where they are used"
    assert [place for name in hasty for place in places(name, hasty[name])] == []


def test_nobody_asks_what_day_or_what_second_it_is() -> None:
    """A test that does fails in another year, at the turn of a second, or an hour from now in another zone."""
    clocks = r"(^|\.)(time\.(time|time_ns|localtime|ctime)|(datetime|date)\.(now|today|utcnow))$"
    asks = {name: [call for called, call in calls(name) if re.search(clocks, called)] for name in SOURCES}
    assert [place for name in SOURCES if name not in WALL_CLOCK for place in places(name, asks[name])] == []


def test_chance_has_a_seed() -> None:
    loose = {
        name: [
            call
            for called, call in calls(name)
            if re.search(r"^random\.(?!Random$)\w+$|(^|\.)uuid[14]$|^secrets\.token|^os\.urandom$", called)
            or (called in {"random.Random", "Random"} and not call.args)
        ]
        for name in SOURCES
        if not name.startswith(("soak/", "vendors/", "fuzz/guided"))  # which are to differ each time
    }
    assert [place for name in loose for place in places(name, loose[name])] == []


def test_hypothesis_tries_the_same_examples_each_time() -> None:
    assert settings().deadline is None
    assert settings().derandomize


def test_a_test_whose_times_were_too_short_is_run_again_with_longer_ones(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TESTS_RUN_ONCE", raising=False)  # of make mutants
    pytester.makepyfile(
        """
        from tests.patience import short

        tried, failed = [], []

        def test_slow(tmp_path):
            assert not list(tmp_path.iterdir())  # nothing of the run before
            (tmp_path / "left").touch()
            tried.append(short(0.5))
            assert tried[-1] >= 4

        def test_wrong():
            assert short(1.0) == 0, "in each run"

        def test_that_never_asked():
            failed.append("once")
            assert len(failed) > 1
        """
    )
    shown = pytester.runpytest_subprocess("-p", "tests.patience", "-p", "tests.brief_reports", "-p", "no:asyncio")
    shown.assert_outcomes(passed=1, failed=2)
    shown.stdout.fnmatch_lines(["*test_slow: passed with times 8 times as long", "*test_wrong: failed*60 times*"])
    shown.stdout.fnmatch_lines(["*assert 1 > 1*"])
    assert patience.TIMES[-1] * 0.5 >= LEAST
