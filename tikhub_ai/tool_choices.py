"""Which tool must be called, in any form that a vendor's users write, as the neutral `ToolChoice`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tikhub_ai.conversation import ToolChoice
from tikhub_ai.errors import ConfigurationError

_MODES = {"auto": "auto", "none": "none", "any": "required", "required": "required"}
_ALONE = "disable_parallel_tool_use"


def read_tool_choice(given: Any, names: Collection[str] = ()) -> ToolChoice | None:
    """`tool_choice` in any form: a mode, a tool's name, True for any, or a dict of OpenAI, Anthropic or the wire.

    Args:
        given: As the user wrote it; None and False mean no choice. A list of names means any of these tools.
        names: The names of the tools, one of which may be that of a mode.

    Returns:
        The choice. A dict with a field that is not known here is sent as it is, so that nothing of it is lost.

    Raises:
        ConfigurationError: It is none of these.
    """
    match given:
        case None | False:
            return None
        case True:
            return ToolChoice("required")
        case ToolChoice():
            return given
        case str() if given in _MODES and given not in names:
            return ToolChoice(_MODES[given])  # type: ignore[arg-type]  # the values are modes
        case str():
            return ToolChoice("tool", given)
        case Mapping():
            return _of_object(dict(given))
        case [str(), *more] if all(isinstance(name, str) for name in more):
            return _of_names(given, names)
    raise ConfigurationError(f"tool_choice must be a string, a bool or a dict, not {type(given).__name__}.")


def _of_names(given: list[str], names: Collection[str]) -> ToolChoice:
    """Any of these tools: Google's `allowed_function_names`, in OpenAI's words, which say the same."""
    if names and (unknown := [name for name in given if name not in names]):
        raise ConfigurationError(f"tool_choice names {unknown[0]!r}, but the tools are {', '.join(names)}.")
    if len(given) == 1:
        return ToolChoice("tool", given[0])
    tools = [{"type": "function", "name": name} for name in given]
    return ToolChoice(raw={"type": "allowed_tools", "mode": "required", "tools": tools})


def allowed_tools(choice: ToolChoice) -> tuple[str, list[str]] | None:
    """The mode and the names where OpenAI's `allowed_tools` limits what may be called to some functions; else None."""
    raw = choice.raw or {}
    if raw.get("type") != "allowed_tools":
        return None
    inner = raw.get("allowed_tools")
    said = inner if isinstance(inner, dict) else raw
    tools = [tool for tool in said.get("tools") or () if isinstance(tool, dict)]
    names = [name for tool in tools if isinstance(name := (tool.get("function") or tool).get("name"), str)]
    return _MODES.get(str(said.get("mode")), "auto"), names


def _of_object(choice: dict[str, Any]) -> ToolChoice:
    alone = choice.get(_ALONE)
    parallel = not alone if isinstance(alone, bool) else None
    rest = {key: value for key, value in choice.items() if value is not None and (key != _ALONE or parallel is None)}
    match rest:
        case {"type": "function", "function": {"name": str(name)}} | {"type": "function", "name": str(name)}:
            return ToolChoice("tool", name, parallel=parallel)
        case {"type": "tool", "name": str(name), **more} if not more:
            return ToolChoice("tool", name, parallel=parallel)
        case {"type": str(mode), **more} if mode in _MODES and not more:
            return ToolChoice(_MODES[mode], parallel=parallel)  # type: ignore[arg-type]  # the values are modes
        case _:
            return ToolChoice(raw=choice)
