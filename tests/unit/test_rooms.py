"""The rules of docs/architecture.md, read from the imports of every module, those for type checkers included."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("tikhub_ai", "langchain_tikhub", "llama_index_tikhub")
IO = {"httpx", "httpx2", "aiohttp", "ssl", "socket", "urllib.request"}


def modules() -> dict[str, Path]:
    """Every module of ours, by its name."""
    found: dict[str, Path] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


MODULES = modules()


def _for_type_checkers(tree: ast.AST) -> set[ast.AST]:
    """The statements below `if TYPE_CHECKING`."""
    return {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
    }


@cache
def imports_of(module: str, *, types: bool = True) -> frozenset[str]:
    """What a module imports anywhere: other modules of ours by their names, else what the statement says."""
    tree = ast.parse(MODULES[module].read_text())
    left_out = set() if types else _for_type_checkers(tree)
    names: set[str] = set()
    for node in ast.walk(tree):
        if node in left_out:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                names.add(whole if whole in MODULES else node.module)
    return frozenset(names - {module})


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """The modules that import each other, over however many others."""
    reached: dict[str, set[str]] = {}
    for start in edges:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            for target in edges[waiting.pop()] - seen:
                seen.add(target)
                waiting.append(target)
        reached[start] = seen
    groups = {frozenset(other for other in reached[name] if name in reached[other]) for name in edges}
    return sorted(sorted(group) for group in groups if group)


def test_the_search_for_circles_finds_them() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    assert circles({"a": {"b"}, "b": set()}) == []


def test_no_module_imports_one_that_imports_it_not_even_for_type_checkers() -> None:
    ours = {name: {target for target in imports_of(name) if target in MODULES} for name in MODULES}
    assert circles(ours) == []


@pytest.mark.parametrize("module", [name for name in MODULES if not name.startswith("tikhub_ai.http")])
def test_only_http_imports_an_http_library_or_sockets(module: str) -> None:
    assert not {name for name in imports_of(module, types=False) if any(_is_of(name, library) for library in IO)}


@pytest.mark.parametrize(
    "module", [name for name in MODULES if name.startswith("tikhub_ai.apis") or name == "tikhub_ai.wire"]
)
def test_codecs_and_what_they_share_with_the_transport_know_nothing_of_it(module: str) -> None:
    assert not {name for name in imports_of(module) if _is_of(name, "tikhub_ai.http")}


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("tikhub_ai.")])
def test_nothing_in_the_core_imports_the_package_as_a_whole_or_an_adapter(module: str) -> None:
    assert not {name for name in imports_of(module) if name == "tikhub_ai" or name.partition(".")[0] in PACKAGES[1:]}


def _is_of(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def test_no_file_is_longer_than_can_be_read_at_a_sitting() -> None:
    assert [name for name, path in MODULES.items() if len(path.read_text().splitlines()) > 500] == []


def test_every_room_that_the_page_names_is_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    named = set(re.findall(r"`((?:tikhub_ai|langchain_tikhub|llama_index_tikhub)/[\w/]+\.py)`", page))
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def private_parts_of_others() -> set[str]:
    """Names with an underscore that our modules use, and that none of them defines or stores."""
    ours: set[str] = {"_replace"}  # of named tuples, and public
    used: set[str] = set()
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    ours.add(name)
                case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                    ours.add(name)
                case ast.Assign(targets=[ast.Name(id="__slots__")], value=ast.Tuple(elts=slots)):
                    ours |= {ast.literal_eval(slot) for slot in slots}
                case ast.Attribute(attr=name):
                    used.add(name)
                case ast.Call(
                    func=ast.Name(id="getattr" | "hasattr" | "setattr"), args=[_, ast.Constant(str(name)), *_]
                ):
                    used.add(name)
                case ast.ImportFrom(module=str(source), names=names) if source.partition(".")[0] not in PACKAGES:
                    used |= {*source.split("."), *(alias.name for alias in names)}
                case _:
                    pass
        ours.add(module.rpartition(".")[2])
    return {name for name in used - ours if name.startswith("_") and not name.startswith("__")}


def test_every_private_part_of_others_that_we_lean_on_is_on_the_page_with_its_reason() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    table = page.partition("## Private parts of others")[2].partition("\n## ")[0]
    assert sorted(name for name in private_parts_of_others() if name not in table) == []
    assert "_transport_for_url" in private_parts_of_others()
