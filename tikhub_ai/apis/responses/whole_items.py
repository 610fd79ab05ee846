"""Output items that come whole: what the provider's own tools did, images, and what is not known here.

Every part keeps its item, which goes back unchanged. Where an item holds a call and its result, the call keeps it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.due_calls import is_due
from tikhub_ai.apis.fields import integer, mapping, name, named
from tikhub_ai.conversation import Citation, Media, Opaque, ServerToolCall, ServerToolResult
from tikhub_ai.json_text import NO_JSON, parsed

if TYPE_CHECKING:
    from tikhub_ai.conversation import AnyPart, Issuer

_GIVEN: dict[str, tuple[str, ...]] = {
    "web_search_call": ("action",),
    "file_search_call": ("queries",),
    "code_interpreter_call": ("code", "container_id"),
    "mcp_call": ("arguments",),
    "mcp_list_tools": ("server_label",),
    "tool_search_call": ("arguments",),
    "shell_call": ("action",),
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
"""Calls that hold their own result, and its fields: there is one, whether or not the wire was asked to tell it."""

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
    kind = name(item.get("type"))
    state = {"item": item}
    if is_due(item):  # not run yet, so no `ServerToolCall`: the caller needs all of it, to run and to answer it
        return [Opaque(item, issuer=issuer)]
    if kind == "image_generation_call" and name(item.get("result")):
        return [_image(item, issuer)]
    if kind in _RESULTS:
        call_id = name(item.get("call_id")) or name(item.get("id"))
        return [ServerToolResult(call_id, output=item.get(_RESULTS[kind]), state=state, issuer=issuer)]
    if kind not in _GIVEN:
        return [Opaque(item, issuer=issuer)]
    call_id = name(item.get("id")) or name(item.get("call_id"))
    parts: list[AnyPart] = [
        ServerToolCall(call_id, _name(item, kind), _arguments(item, kind), state=state, issuer=issuer)
    ]
    if kind in _MADE:
        made = {field: item[field] for field in _MADE[kind] if item.get(field) not in (None, [])}
        if sources := mapping(item.get("action")).get("sources"):
            made["sources"] = sources
        output = next(iter(made.values())) if len(made) == 1 and "sources" not in made else made or None
        failed = "error" in made or item.get("status") == "failed"
        parts.append(ServerToolResult(call_id, output=output, is_error=failed, issuer=issuer))
    return parts


def _image(item: dict[str, Any], issuer: Issuer) -> Media:
    result = name(item["result"])
    rest = {field: value for field, value in item.items() if field != "result"}
    mime = f"image/{name(item.get('output_format')) or 'png'}"
    return Media("image", data=result, mime_type=mime, state={"item": rest}, issuer=issuer)


def _name(item: dict[str, Any], kind: str) -> str:
    """The tool's name, as tools are named in requests; an MCP server's tool has its own."""
    own = name(item.get("name")) if kind == "mcp_call" else ""
    return own or kind.removesuffix("_call")


def _arguments(item: dict[str, Any], kind: str) -> Any:
    given = {field: item[field] for field in _GIVEN[kind] if item.get(field) is not None}
    only = next(iter(given.values())) if len(given) == 1 else None
    if isinstance(only, dict) and kind == "web_search_call":
        return {field: value for field, value in only.items() if field != "sources"}  # what was found
    if isinstance(only, str) and "arguments" in given:
        found = parsed(only)
        return given if found is NO_JSON else found
    return only if isinstance(only, dict) else given


def citation_of(annotation: dict[str, Any]) -> Citation:
    """An annotation of a text: a web page, a file, a file that the code interpreter wrote."""
    return Citation(
        type=name(annotation.get("type")) or "annotation",
        url=named(annotation.get("url")),
        title=named(annotation.get("title")) or named(annotation.get("filename")),
        start=integer(annotation.get("start_index")),
        end=integer(annotation.get("end_index")),
        raw=annotation,
    )
