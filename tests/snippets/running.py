"""A program in this process: in a module of its own, in a reader's folder, and with nothing of it left behind."""

from __future__ import annotations

import ast
import asyncio
import inspect
import logging
import os
import sys
import types
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from llama_index.core import Settings as LlamaIndexSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from tests.snippets.programs import Program


def missing(program: Program) -> list[str]:
    """The modules that it imports and that are not installed here."""
    return sorted(name for name in program.imports if not _is_here(name))


def _is_here(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def run(program: Program, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Run it from top to bottom. A page that awaits outside a function is run as a notebook would.

    Args:
        program: What to run.
        folder: Where it finds its files.
        patch: Undoes what is set for it.
    """
    module = types.ModuleType("__main__")
    module.__file__ = str(program.path)
    patch.setitem(sys.modules, "__main__", module)  # where annotations and pickles look for its names
    patch.chdir(folder)
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code = compile(program.source, str(program.path), "exec", flags, dont_inherit=True)
    with _nothing_left_behind():
        if code.co_flags & inspect.CO_COROUTINE:
            asyncio.run(_awaited(code, module.__dict__))
        else:
            exec(code, module.__dict__)


async def _awaited(code: types.CodeType, names: dict[str, Any]) -> None:
    await eval(code, names)


@contextmanager
def _nothing_left_behind() -> Iterator[None]:
    settings = dict(vars(LlamaIndexSettings))
    environment = dict(os.environ)
    root = logging.getLogger()
    handlers, level, ours = root.handlers[:], root.level, logging.getLogger("tikhub_ai").level
    providers = _providers()
    loop = asyncio.new_event_loop()  # else a page may make one that nobody closes
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        asyncio.set_event_loop(None)
        loop.close()
        vars(LlamaIndexSettings).update(settings)
        os.environ.clear()
        os.environ.update(environment)
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.getLogger("tikhub_ai").setLevel(ours)
        for table, kept in providers:
            table.clear()
            table.update(kept)


def _providers() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """LangChain's tables that `register` writes to, and what they hold."""
    from langchain_tikhub.registration import _PLACES, _table

    tables = [_table(module) for module, _ in _PLACES]
    return [(table, dict(table)) for table in tables]
