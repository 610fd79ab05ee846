"""What a request needs beside its body: the names of the betas that its fields, tools and blocks belong to.

The wire refuses a field that it knows only by a beta, where `anthropic-beta` does not name that. The tables follow the
types of Anthropic's SDK (2.14): what its types of `/v1/messages?beta=true` have, and those without betas have not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tikhub_ai.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "2023-06-01"
"""Value of `anthropic-version`, which the wire wants on every call."""

_OF_HEADERS = {"user_profile_id": "anthropic-user-profile-id", "workspace_id": "anthropic-workspace-id"}
"""Arguments of the SDK's `create` that travel as headers."""
_CHANGES = "mid-conversation-tool-changes-2026-07-01"
_INLINE = "inline-tools-2026-09-15"
_COMPACT = "compact-2026-01-12"
_COMPACTION = "compact-2026-09-04"
_MCP = "mcp-client-2025-11-20"
_MCP_LATER = "mcp-client-2026-09-15"
_CONTEXT = "context-management-2025-06-27"
_ADVISOR = "advisor-tool-2026-03-01"
_OLD_COMPUTER = "computer-use-2024-10-22"
_FALLBACK = "server-side-fallback-2026-07-01"
_FIELDS = {
    "billing_policy": "user-profiles-billing-2026-10-01",
    "compaction": _COMPACTION,
    "context_management": _CONTEXT,
    "fallback_credit_token": "fallback-credit-2026-07-01",
    "fallbacks": _FALLBACK,
    "mcp_servers": _MCP,
    "speed": "fast-mode-2026-02-01",
    "thread": "message-threads-2026-08-12",
}
"""Fields of the body."""
_TOOLS = {
    "advisor_20260301": _ADVISOR,
    "bash_20241022": _OLD_COMPUTER,
    "computer_20241022": _OLD_COMPUTER,
    "computer_20250124": "computer-use-2025-01-24",
    "computer_20251124": "computer-use-2025-11-24",
    "mcp_toolset": _MCP,
    "memory_20250818": _CONTEXT,
    "text_editor_20241022": _OLD_COMPUTER,
}
"""Tools, by type."""
_BLOCKS = {
    "advisor_tool_result": _ADVISOR,
    "compaction": _COMPACT,
    "fallback": _FALLBACK,
    "mcp_tool_listing": _MCP_LATER,
    "mcp_tool_result": _MCP,
    "mcp_tool_use": _MCP,
    "tool_addition": _CHANGES,
    "tool_removal": _CHANGES,
}
"""Content blocks, by type."""
_EDITS = {"compact_20260112": _COMPACT}
_OF_SYSTEM = {
    "clear_at": "mid-conversation-system-clear-at-2026-08-21",
    "output_config": "mid-conversation-output-config-2026-07-01",
}
"""Fields of a system message within the conversation."""
_APART = frozenset({_COMPACTION, _MCP_LATER})
"""Betas that another version of the same name does not stand for: what they bring is something else."""
_BETA = re.compile(r"[A-Za-z0-9][\w.:-]*( *, *[A-Za-z0-9][\w.:-]*)*", re.ASCII)
_PRINTABLE = re.compile(r"[!-~]+")
_DATE = re.compile(r"-\d{4}-\d\d-\d\d$")


def headers_of(body: dict[str, Any]) -> dict[str, str]:
    """The headers of a request. What the SDK takes as arguments and sends as headers is taken out of its body.

    Args:
        body: The finished body; changed.

    Raises:
        InvalidRequestError: `betas` holds what is no name of a beta, or another of them is no header's value.
    """
    headers = {"anthropic-version": VERSION}
    betas = _named(body.pop("betas", None))
    needed = dict.fromkeys(_needed(body))
    for name, header in _OF_HEADERS.items():
        if (value := body.pop(name, None)) is not None:
            if not isinstance(value, str) or not _PRINTABLE.fullmatch(value):
                raise InvalidRequestError(f"{name} is sent as a header: give printable ASCII, not {value!r}.")
            headers[header] = value
            if name == "user_profile_id":
                needed["user-profiles-2026-03-24"] = None
    if _INLINE in needed or any(_INLINE in beta for beta in betas):
        needed.pop(_CHANGES, None)  # it stands for it
    betas += [beta for beta in needed if not _is_named(beta, betas)]
    if betas:
        headers["anthropic-beta"] = ",".join(betas)
    return headers


def _named(given: Any) -> list[str]:
    """The caller's betas."""
    betas = [given] if isinstance(given, str) else list(given or ())
    for beta in betas:
        if not isinstance(beta, str) or not _BETA.fullmatch(beta):
            raise InvalidRequestError(
                f"betas holds {beta!r}, which is no name of a beta: such as 'context-1m-2025-08-07'."
            )
    return betas


def _is_named(beta: str, betas: list[str]) -> bool:
    """Whether the caller named a beta, or another version of it, which may be the one that is wanted."""
    named = {name.strip() for given in betas for name in given.split(",")}
    return beta in named or (beta not in _APART and _DATE.sub("", beta) in {_DATE.sub("", name) for name in named})


# --- what a body needs ----------------------------------------------------------------------------------------------


def _needed(body: dict[str, Any]) -> Iterator[str]:
    yield from (beta for field, beta in _FIELDS.items() if body.get(field) is not None)
    if _object(body.get("output_config")).get("task_budget") is not None:
        yield "task-budgets-2026-03-13"
    thinking = _object(body.get("thinking"))
    if thinking.get("display") == "updates":
        yield "thinking-display-updates-2026-08-18"
    if thinking.get("block_binding") is not None:
        yield "thinking-binding-controls-2026-08-01"
    for edit in _objects(_object(body.get("context_management")).get("edits")):
        yield from _of_type(_EDITS, edit)
    for tool in _objects(body.get("tools")):
        yield from _of_type(_TOOLS, tool)
    for message in _objects(body.get("messages")):
        if message.get("role") == "system":
            yield from (beta for field, beta in _OF_SYSTEM.items() if message.get(field) is not None)
        for block in _objects(message.get("content")):
            yield from _of_type(_BLOCKS, block)
            if block.get("type") == "tool_addition":
                yield from _added(_object(block.get("tool")))


def _added(tool: dict[str, Any]) -> Iterator[str]:
    """What a tool that is added within the conversation needs, where it is defined there."""
    if tool.get("type") == "tool_definition":
        yield _INLINE
        definition = _object(tool.get("definition"))
        if definition.get("type") == "mcp_toolset":
            yield _MCP_LATER
        else:
            yield from _of_type(_TOOLS, definition)


def _of_type(table: dict[str, str], value: dict[str, Any]) -> Iterator[str]:
    kind = value.get("type")
    if isinstance(kind, str) and kind in table:
        yield table[kind]


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(values: Any) -> Iterator[dict[str, Any]]:
    if isinstance(values, list):
        yield from (value for value in values if isinstance(value, dict))
