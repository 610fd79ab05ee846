"""Change one place of a module at a time, run the tests that hold it, and list the changes that no test notices.

`make mutants` does it. The changes are those of cosmic-ray, and three kinds that it lacks (`OURS`): a statement, a
keyword argument or an element of a literal is left out. Annotations and docstrings stay as they are. At each place one
of its possible changes is drawn; `--sample` places are drawn per module, by `--seed`, so that a run can be repeated.

Only a copy of the tree is ever changed. Each mutant runs in a process forked from one that has imported pytest and the
frameworks, and is killed, with all that it started, when it takes several times as long as the unchanged module.

    python scripts/mutants.py --sample 20 --seed 11 http/retries replay
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import difflib
import importlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from parso.python.tree import Name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

ROOT = Path(__file__).resolve().parents[1]
MESSAGES = (
    "unit/test_messages_bad_input.py unit/test_messages_requests.py unit/test_messages_options.py "
    "unit/test_messages_history.py unit/test_messages_replay.py unit/test_messages_answers.py"
)
CALLS = "unit/test_transport.py unit/test_retries.py"

# The test files that hold each module, those that fail soonest first: what they miss, a mutant survives.
TESTS = {
    "arguments": (
        "unit/test_arguments.py unit/test_precedence.py unit/test_langchain_embeddings.py secrets/test_arguments.py"
    ),
    "replay": "unit/test_replay.py unit/test_messages_replay.py unit/test_edited_answers.py",
    "http/addresses": "unit/test_addresses.py",
    "http/aiohttp_backend": f"{CALLS} faults/test_product.py faults/test_table.py faults/test_lifecycle.py",
    "http/answers": f"{CALLS} faults/test_product.py faults/test_table.py",
    "http/backends": f"unit/test_pools.py {CALLS} faults/test_environment.py faults/test_lifecycle.py",
    "http/contents": "unit/test_multipart.py unit/test_sources.py faults/test_uploads.py",
    "http/downloads": "faults/test_downloads.py faults/test_downloads_disk.py",
    "http/failures": f"{CALLS} faults/test_product.py faults/test_table.py",
    "http/flow": f"{CALLS} faults/test_lifecycle.py",
    "http/httpx_backend": f"unit/test_http_families.py {CALLS} faults/test_product.py faults/test_lifecycle.py",
    "http/httpx_family": "unit/test_http_families.py faults/test_environment.py faults/test_product.py",
    "http/multipart": "unit/test_multipart.py",
    "http/pools": "unit/test_pools.py faults/test_environment.py faults/test_lifecycle.py",
    "http/proxies": "faults/test_environment.py",
    "http/reader": "unit/test_reader.py unit/test_responses_endings.py unit/test_generate_content_endings.py",
    "http/retries": "unit/test_retries.py unit/test_transport.py faults/test_uploads.py",
    "http/shared": "unit/test_pools.py",
    "http/side_files": "faults/test_downloads.py faults/test_downloads_disk.py",
    "http/sources": "unit/test_sources.py",
    "http/sse": "unit/test_sse.py",
    "http/transport": f"{CALLS} unit/test_responses_resend.py faults/test_downloads.py faults/test_downloads_disk.py",
    "http/watchdog": f"{CALLS} faults/test_product.py faults/test_table.py",
    "apis/messages/count": "unit/test_counting.py",
    "apis/messages/decode": f"unit/test_messages_answers.py {MESSAGES}",
    "apis/messages/encode": MESSAGES,
    "apis/messages/history": f"unit/test_messages_history.py {MESSAGES}",
    "apis/messages/schemas": f"unit/test_messages_options.py {MESSAGES}",
    "apis/messages/usage": "unit/test_messages_answers.py",
}
# Imported once, before the forks. Nothing of our own: it is imported anew, changed, in each.
WARM = (
    "pytest", "hypothesis", "httpx", "httpx2", "aiohttp.web", "pydantic", "tenacity", "anthropic",
    "langchain_core.language_models.chat_models", "langchain_core.tools", "llama_index.core",
)  # fmt: skip
OPTIONS = (
    "-x", "-q", "--timeout=0", "--allow-hosts=127.0.0.1,localhost,::1", "--allow-unix-socket",
    "-m", "not whole_faults",
    "-W", "ignore::pytest.PytestAssertRewriteWarning",  # the plugins among WARM assert nothing
)  # fmt: skip
SHORTEST = 30.0  # seconds a mutant always has; a loaded machine is no finding
CAUGHT, SURVIVED, TIMEOUT = "caught", "survived", "timeout"


class Operator(Protocol):
    """A kind of change, as cosmic-ray has them."""

    def mutation_positions(self, node: Any, /) -> Iterable[tuple[Any, Any]]:
        """From where to where this node can be changed, once for each change."""

    def mutate(self, node: Any, index: int, /) -> Any:
        """The node with the change of that number."""


class StatementRemover:
    """Replaces an expression or an assignment that stands alone with `pass`."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        """The statement, if it is one that does something."""
        if node.type == "simple_stmt" and node.children[0].type in ("expr_stmt", "atom_expr", "await_expr"):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:  # noqa: ARG002 - cosmic-ray's signature
        """The statement without what it did."""
        first = node.get_first_leaf()
        node.children[0] = Name("pass", first.start_pos, first.prefix)
        return node


class KeywordRemover:
    """Leaves out a keyword argument of a call."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        """Each `name=value` of an argument list."""
        for child in self._keywords(node):
            yield child.start_pos, child.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """The list without that argument and the comma beside it."""
        _without(node, self._keywords(node)[index])
        return node

    @staticmethod
    def _keywords(node: Any) -> list[Any]:
        if node.type != "arglist":
            return []
        return [child for child in node.children if child.type == "argument" and child.children[1] == "="]


class ElementRemover:
    """Leaves out an element of a tuple, list or set that is written out."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        """Each element, where there are several."""
        for child in self._elements(node):
            yield child.start_pos, child.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """The literal without that element and the comma beside it."""
        _without(node, self._elements(node)[index])
        return node

    @staticmethod
    def _elements(node: Any) -> list[Any]:
        if node.type not in ("testlist_comp", "dictorsetmaker") or any(child == ":" for child in node.children):
            return []
        if any(child.type in ("sync_comp_for", "comp_for") for child in node.children):
            return []
        return [child for child in node.children if child != ","]


def _without(node: Any, child: Any) -> None:
    at = node.children.index(child)
    comma = slice(at, at + 2) if at + 1 < len(node.children) else slice(max(at - 1, 0), at + 1)
    del node.children[comma]


OURS: tuple[Operator, ...] = (StatementRemover(), KeywordRemover(), ElementRemover())


class Mutant(NamedTuple):
    """A module's text with one place changed."""

    line: int
    text: str


def operators() -> list[Operator]:
    """Those of cosmic-ray that need no arguments, and ours."""
    theirs = [plugins.get_operator(name) for name in sorted(plugins.operator_names())]
    return [kind() for kind in theirs if not kind.arguments()] + list(OURS)


def meaning(text: str) -> str | None:
    """What a module does, without its annotations and docstrings; None where it is no Python."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(value=None)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value = ast.Constant(value=None)
    return ast.dump(tree)


def mutants(text: str, sample: int, draw: random.Random) -> list[Mutant]:
    """The mutants of a module, one for each place, or as many of them as `sample` says (0: all)."""
    nodes = list(ast_nodes(get_ast(text)))
    places: dict[Any, list[tuple[Operator, int]]] = {}
    for operator in operators():
        found = [position for node in nodes for position in operator.mutation_positions(node)]
        for occurrence, place in enumerate(found):
            places.setdefault(place, []).append((operator, occurrence))
    order = sorted(places)
    draw.shuffle(order)
    before, made = meaning(text), []
    for place in order:
        operator, occurrence = draw.choice(places[place])
        changed = mutate_code(text, operator, occurrence)
        if changed is not None and meaning(changed) not in (None, before):
            made.append(Mutant(place[0][0], changed))
        if sample and len(made) == sample:
            break
    return sorted(made)


def outcome(tree: Path, tests: Sequence[str], seconds: float) -> str:
    """Whether the tests fail in this tree, run in a process of their own."""
    child = os.fork()
    if not child:
        _run(tree, tests)
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return CAUGHT if status else SURVIVED
            time.sleep(0.05)
        return TIMEOUT
    finally:
        _end(child)


def _run(tree: Path, tests: Sequence[str]) -> None:
    status = 1
    try:  # whatever comes, a child never goes back into the parent's code
        os.setsid()
        os.chdir(tree)
        paths = [str(tree), str(tree / "examples")]
        os.environ["PYTHONPATH"] = os.pathsep.join(paths)
        os.environ["TESTS_RUN_ONCE"] = "1"  # a mutant that a short time catches is not tried with longer ones
        sys.path[:0] = paths
        sys.dont_write_bytecode = True
        quiet = os.open(tree.parent / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        pytest = importlib.import_module("pytest")
        status = int(pytest.main([*OPTIONS, *(f"tests/{name}" for name in tests)]))
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _end(child: int) -> None:
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        return
    with contextlib.suppress(ChildProcessError):  # it had ended, and only what it started was left
        os.waitpid(child, 0)


def examine(tree: Path, module: str, sample: int, seed: int) -> dict[str, int] | None:
    """Run a module's mutants; prints each that survives as a diff, and returns how many came to which end.

    None, with what pytest printed, where the tests fail without any change: a busy machine fails those with deadlines.
    """
    path = tree / "tikhub_ai" / f"{module}.py"
    name = f"tikhub_ai/{module}.py"
    tests = list(dict.fromkeys(TESTS[module].split()))
    text = path.read_text(encoding="utf-8")
    began = time.monotonic()
    if outcome(tree, tests, 600) != SURVIVED:
        output = (tree.parent / "output.txt").read_text(encoding="utf-8", errors="replace")
        print(f"The tests of {module} fail unchanged:\n{output[-3000:]}", flush=True)
        return None
    limit = max(SHORTEST, 5 * (time.monotonic() - began))
    ends = {CAUGHT: 0, SURVIVED: 0, TIMEOUT: 0}
    try:
        for mutant in mutants(text, sample, random.Random(f"{seed} {module}")):  # noqa: S311 - a sample, no secret
            path.write_text(mutant.text, encoding="utf-8")
            end = outcome(tree, tests, limit)
            ends[end] += 1
            if end == SURVIVED:
                lines = text.splitlines(), mutant.text.splitlines()
                print("\n".join(difflib.unified_diff(*lines, name, name, lineterm="", n=2)), flush=True)
    finally:
        path.write_text(text, encoding="utf-8")
    return ends


def main() -> int:
    """Examine the modules that were named, or all, and print a table of their mutants' ends."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="*", metavar="module", help="as in TESTS; all of them by default")
    parser.add_argument("--sample", type=int, default=20, help="mutants of each module; 0 makes all")
    parser.add_argument("--seed", type=int, default=11, help="which mutants are drawn")
    given = parser.parse_args()
    if unknown := sorted(set(given.modules) - set(TESTS)):
        parser.error(f"no tests are named for {', '.join(unknown)}: choose of {', '.join(TESTS)}")
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        if (ROOT.parent / "shared").exists():
            (tree.parent / "shared").symlink_to((ROOT.parent / "shared").resolve())
        for name in WARM:
            importlib.import_module(name)
        rows, failed = [], 0
        for module in given.modules or TESTS:
            began = time.monotonic()
            ends = examine(tree, module, given.sample, given.seed)
            if ends is None:
                failed = 1
                continue
            row = f"| {module} | {sum(ends.values())} | {ends[CAUGHT]} | {ends[SURVIVED]} | {ends[TIMEOUT]} |"
            rows.append(row)
            print(f"{row} {time.monotonic() - began:.0f} s", flush=True)
    print("\n| Module | Mutants | Caught | Survived | Timeouts |\n| --- | --- | --- | --- | --- |", *rows, sep="\n")
    return failed


if __name__ == "__main__":
    sys.exit(main())
