"""The JSON Schemas of tools and classes whose references langchain-core's own conversion loses.

It replaces every `$ref` by what it refers to, and one that refers to what it stands in by nothing (`"items": {}`): the
model is then told nothing of a tree's branches. It also leaves `discriminator.mapping` to definitions that are gone.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, is_typeddict

from langchain_core.tools import BaseTool
from langchain_core.tools.base import create_schema_from_function
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import PydanticUserError, TypeAdapter

if TYPE_CHECKING:
    from collections.abc import Iterator


def undereferenced(tool: Any) -> dict[str, Any] | None:
    """The schema of a tool's arguments with its references, where without them something is lost; else None.

    Args:
        tool: A function, class or `BaseTool`; anything else has its schema as it wrote it.
    """
    schema = _schema_of(tool)
    if schema is None or not ("discriminator" in _keys(schema) or _is_cyclic(schema)):
        return None
    bare: dict[str, Any] = _untitled(
        {key: value for key, value in schema.items() if key not in {"title", "description"}}
    )
    return bare


def _schema_of(tool: Any) -> dict[str, Any] | None:
    if isinstance(tool, BaseTool):
        tool = tool.tool_call_schema
        if isinstance(tool, dict):  # of a server of MCP
            return tool
    elif not isinstance(tool, type | dict) and callable(tool):
        tool = create_schema_from_function(
            tool.__name__,
            tool,
            filter_args=(),
            parse_docstring=True,
            error_on_invalid_docstring=False,
            include_injected=False,
        )
    if isinstance(tool, type) and is_basemodel_subclass(tool):
        schema = tool.model_json_schema if hasattr(tool, "model_json_schema") else tool.schema  # type: ignore[attr-defined]  # pydantic 1
        found: dict[str, Any] = schema()
        return found
    if is_typeddict(tool):
        with suppress(PydanticUserError):  # before Python 3.12, pydantic reads those of typing_extensions alone
            return TypeAdapter(tool).json_schema()
    return None


def _keys(node: Any) -> Iterator[str]:
    """Every key of a schema."""
    if isinstance(node, dict):
        yield from node
        for value in node.values():
            yield from _keys(value)
    elif isinstance(node, list):
        for item in node:
            yield from _keys(item)


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(reference := node.get("$ref"), str):
            yield reference
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for item in node:
            yield from _references(item)


def _is_cyclic(schema: dict[str, Any]) -> bool:
    """Whether a definition leads back to itself."""
    named = {
        f"#/{word}/{name}": node for word in ("$defs", "definitions") for name, node in schema.get(word, {}).items()
    }
    leads = {name: set(_references(node)) for name, node in named.items()}
    for name, first in leads.items():
        seen: set[str] = set()
        due = set(first)
        while due:
            step = due.pop()
            if step == name:
                return True
            if step not in seen:
                seen.add(step)
                due |= leads.get(step, set())
    return False


def _untitled(node: Any, *, of_properties: bool = False) -> Any:
    """Without the titles that pydantic makes, as langchain-core leaves them out of tools."""
    if isinstance(node, list):
        return [_untitled(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _untitled(value, of_properties=key in {"properties", "$defs", "definitions"} and not of_properties)
        for key, value in node.items()
        if of_properties or key != "title" or not isinstance(value, str)
    }
