"""Which tool must be called, as OpenAI's two APIs say it: of the caller's functions, or of the provider's own tools.

Written in the form of Responses, which is flat; `nested` makes that of Chat Completions of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tikhub_ai.conversation import Tool, ToolChoice

_NESTED = frozenset({"function", "custom"})


def choice_of(choice: ToolChoice, tools: Sequence[Tool]) -> Any:
    """The wire's `tool_choice`, in the form of Responses.

    A name is that of a function, of a custom tool, or of an MCP server, or the type of a provider's own tool, with or
    without its version: `web_search` names a `web_search_preview` too.

    Args:
        choice: What the caller asks. A dict of Chat Completions' form is read, too.
        tools: What the model may call.
    """
    if choice.raw is not None:
        return _completed(_flat(choice.raw), tools)
    if choice.mode != "tool":
        return choice.mode
    return _own_tool(choice.name or "", tools) or {"type": "function", "name": choice.name}


def nested(choice: Any) -> Any:
    """A `tool_choice` in the form of Chat Completions."""
    match choice:
        case {"type": "allowed_tools", "tools": [*tools], **rest}:
            allowed = {name: value for name, value in rest.items() if name != "type"}
            return {"type": "allowed_tools", "allowed_tools": {**allowed, "tools": [nested(tool) for tool in tools]}}
        case {"type": str(kind), "name": name} if kind in _NESTED:
            return {"type": kind, kind: {"name": name}}
        case _:
            return choice


def _flat(choice: dict[str, Any]) -> dict[str, Any]:
    match choice:
        case {"type": "allowed_tools", "allowed_tools": dict(allowed)}:
            return _flat({"type": "allowed_tools", **allowed})
        case {"type": "allowed_tools", "tools": [*tools]}:
            return {**choice, "tools": [_flat(tool) if isinstance(tool, dict) else tool for tool in tools]}
        case {"type": "function" | "custom" as kind} if isinstance(inner := choice.get(kind), dict):
            return {"type": kind, **inner}
        case _:
            return choice


def _completed(choice: dict[str, Any], tools: Sequence[Tool]) -> dict[str, Any]:
    """The choice of an MCP server with its label, which the wire requires, where the caller left it out."""
    if choice.get("type") == "mcp" and "server_label" not in choice:
        return {**choice, **(_own_tool("mcp", tools) or {})}
    return choice


def _own_tool(name: str, tools: Sequence[Tool]) -> dict[str, Any] | None:
    """The choice of a tool that is no function of the caller's; None where the name is none of theirs."""
    if any(tool.raw is None and tool.name == name for tool in tools):
        return None
    own = [tool.raw for tool in tools if tool.raw is not None]
    for tool in own:
        if tool.get("type") == "custom" and name == _flat(tool).get("name"):
            return {"type": "custom", "name": name}
    for names in (_is_called, _is_version):
        for tool in own:
            if names(tool, name):
                label = {"server_label": tool["server_label"]} if "server_label" in tool else {}
                return {"type": tool["type"], **label}
    return None


def _is_called(tool: dict[str, Any], name: str) -> bool:
    return bool(name) and isinstance(tool.get("type"), str) and name in {tool["type"], tool.get("server_label")}


def _is_version(tool: dict[str, Any], name: str) -> bool:
    """Whether one is the other with `_preview`, `_use` or a date behind it."""
    kind = tool.get("type")
    return isinstance(kind, str) and bool(name) and (kind.startswith(f"{name}_") or name.startswith(f"{kind}_"))
