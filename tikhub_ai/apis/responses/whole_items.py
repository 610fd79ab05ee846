"""Output items that come whole: what the provider's own tools did, images, and what is not known here.

Every part keeps its item, which goes back unchanged. Where an item holds a call and its result, the call keeps it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from tikhub_ai.conversation import Citation, Media, Opaque, ServerToolCall, ServerToolResult

if TYPE_CHECKING:
    from tikhub_ai.conversation import AnyPart, Issuer

_GIVEN: dict[str, tuple[str, ...]] = {
    "web_search_call": ("action",),
    "file_search_call": ("queries",),
    "code_interpreter_call": ("code", "container_id"),
    "mcp_call": ("arguments",),
    "mcp_list_tools": ("server_label",),
    "mcp_approval_request": ("arguments",),
    "tool_search_call": ("arguments",),
    "computer_call": ("action", "actions"),
    "local_shell_call": ("action",),
    "shell_call": ("action",),
    "apply_patch_call": ("operation",),
    "image_generation_call": (),
}
"""Calls, and the fields that say what was asked of the tool."""

_MADE: dict[str, tuple[str, ...]] = {
    "web_search_call": ("results",),
    "file_search_call": ("results",),
    "code_interpreter_call": ("outputs",),
    "mcp_call": ("output", "error"),
    "mcp_list_tools": ("tools", "error"),
}
"""Calls that hold their own result, and its fields."""

_RESULTS: dict[str, str] = {
    "tool_search_output": "tools",
    "computer_call_output": "output",
    "local_shell_call_output": "output",
    "shell_call_output": "output",
    "apply_patch_call_output": "output",
    "function_call_output": "output",
    "custom_tool_call_output": "output",
}
"""Items that are a result, and the field that holds it."""


def parts_of(item: dict[str, Any], issuer: Issuer) -> list[AnyPart]:
    """An item as parts."""
    kind = str(item.get("type"))
    state = {"item": item}
    if kind == "image_generation_call" and item.get("result"):
        return [_image(item, issuer)]
    if kind in _RESULTS:
        call_id = str(item.get("call_id") or item.get("id") or "")
        return [ServerToolResult(call_id, output=item.get(_RESULTS[kind]), state=state, issuer=issuer)]
    if kind not in _GIVEN:
        return [Opaque(item, issuer=issuer)]
    call_id = str(item.get("id") or item.get("call_id") or "")
    parts: list[AnyPart] = [
        ServerToolCall(call_id, _name(item, kind), _arguments(item, kind), state=state, issuer=issuer)
    ]
    made = {name: item[name] for name in _MADE.get(kind, ()) if item.get(name) not in (None, [])}
    if made:
        output = made if len(made) > 1 else next(iter(made.values()))
        parts.append(ServerToolResult(call_id, output=output, is_error="error" in made, issuer=issuer))
    return parts


def _image(item: dict[str, Any], issuer: Issuer) -> Media:
    result = str(item["result"])
    rest = {name: value for name, value in item.items() if name != "result"}
    mime = f"image/{item.get('output_format') or 'png'}"
    return Media("image", data=result, mime_type=mime, state={"item": rest}, issuer=issuer)


def _name(item: dict[str, Any], kind: str) -> str:
    """The tool's name, as tools are named in requests; an MCP server's tool has its own."""
    if kind in {"mcp_call", "mcp_approval_request"} and item.get("name"):
        return str(item["name"])
    return kind.removesuffix("_call")


def _arguments(item: dict[str, Any], kind: str) -> Any:
    given = {name: item[name] for name in _GIVEN[kind] if item.get(name) is not None}
    only = next(iter(given.values())) if len(given) == 1 else None
    if isinstance(only, str) and "arguments" in given:
        try:
            return orjson.loads(only)
        except ValueError:
            return given
    return only if isinstance(only, dict) else given


def citation_of(annotation: dict[str, Any]) -> Citation:
    """An annotation of a text: a web page, a file, a file that the code interpreter wrote."""
    return Citation(
        type=str(annotation.get("type") or "annotation"),
        url=annotation.get("url"),
        title=annotation.get("title") or annotation.get("filename"),
        start=annotation.get("start_index"),
        end=annotation.get("end_index"),
        raw=annotation,
    )
