"""A request whose names, tool schemas and media every provider of a wire takes.

A tool may be called `Resp[int]`, as pydantic calls a generic class, and an agent "User Onboarding Agent"; a server of
MCP may describe a tool's arguments by a union. Each would be a 400 for every request that has it. The names of calls
are changed back in the answer (`TornCalls`), so that callers find their tool.
"""

from __future__ import annotations

import re
from dataclasses import replace
from operator import is_
from typing import TYPE_CHECKING, Any

from tikhub_ai.conversation import Media, ToolCall, ToolResult
from tikhub_ai.errors import InvalidRequestError, warn
from tikhub_ai.json_schemas import object_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tikhub_ai.conversation import AnyPart, ChatRequest, Message, Tool

_NAMES = {
    "chat_completions": (re.compile(r"[a-zA-Z0-9_-]{1,64}"), re.compile(r"[^a-zA-Z0-9_-]+"), 64),
    "responses": (re.compile(r"[a-zA-Z0-9_-]{1,128}"), re.compile(r"[^a-zA-Z0-9_-]+"), 128),
    "messages": (re.compile(r"[a-zA-Z0-9_-]{1,128}"), re.compile(r"[^a-zA-Z0-9_-]+"), 128),
    "generate_content": (re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}"), re.compile(r"[^a-zA-Z0-9_.:-]+"), 64),
}
"""For each API, the names of tools that it takes, what it takes in none, and their length. From OpenAI's and
Anthropic's OpenAPI documents, and Google's `FunctionDeclaration.name`."""
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_ \t\r\n"
_LOOKED_AT = 65_536
"""Characters at either end of large media: what is no base64 shows there."""
_NO_SPEAKER = re.compile(r"[\s<|\\/>]+")
"""What OpenAI takes in no `name` of a message: its 400 says `^[^\\s<|\\\\/>]+$`."""
_LONGEST_SPEAKER = 64


def fitted(request: ChatRequest, api: str) -> ChatRequest:
    """The request with names and schemas that the API takes; the same one where it takes all of them.

    Args:
        request: What is asked; not changed.
        api: Of the codec.

    Raises:
        InvalidRequestError: Media that nobody can read, of the user or of a tool.
    """
    names = wire_names(request.tools, api)
    tools = [_tool(tool, names) for tool in request.tools]
    messages = [_message(message, names, api) for message in request.messages]
    choice = request.tool_choice
    if choice is not None and choice.name is not None:
        choice = replace(choice, name=_fitting(choice.name, names, api))
    elif choice is not None and choice.raw is not None and names:
        choice = replace(choice, raw=_renamed(choice.raw, names))
    same = all(new is old for new, old in zip(messages, request.messages, strict=True))
    if same and choice == request.tool_choice and tools == request.tools:
        return request
    return replace(request, tools=tools, messages=messages, tool_choice=choice)


def wire_names(tools: Sequence[Tool], api: str) -> dict[str, str]:
    """What the tools whose names the API does not take are called on the wire."""
    fits, *_ = _NAMES[api]
    odd = [tool.name for tool in tools if tool.raw is None and not fits.fullmatch(tool.name)]
    if not odd:
        return {}
    taken = {tool.name for tool in tools} - set(odd)
    names: dict[str, str] = {}
    for name in dict.fromkeys(odd):
        found = base = _made(name, api)
        number = 1
        while found in taken:
            number += 1
            found = f"{base[: _NAMES[api][2] - len(str(number)) - 1]}_{number}"
        taken.add(found)
        names[name] = found
    return names


def _renamed(value: Any, names: dict[str, str]) -> Any:
    """A choice of another form with the names that the wire has."""
    if isinstance(value, dict):
        return {key: _renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value


def _made(name: str, api: str) -> str:
    _, unfit, longest = _NAMES[api]
    made = unfit.sub("_", name)[:longest].rstrip("_") or "unnamed"
    return made if _NAMES[api][0].fullmatch(made) else f"_{made}"[:longest]


def _fitting(name: str, names: dict[str, str], api: str) -> str:
    if found := names.get(name):
        return found
    return name if _NAMES[api][0].fullmatch(name) else _made(name, api)


def _tool(tool: Tool, names: dict[str, str]) -> Tool:
    if tool.raw is not None:
        return tool
    schema, lost = object_schema(tool.parameters)
    if lost:
        warn(f"The arguments of the tool {tool.name!r} must be one object: {', '.join(lost)} is left out.")
    if schema is tool.parameters and tool.name not in names:
        return tool
    return replace(tool, name=names.get(tool.name, tool.name), parameters=schema)


def _message(message: Message, names: dict[str, str], api: str) -> Message:
    name = message.name
    if name and api == "chat_completions":
        name = _NO_SPEAKER.sub("_", name).strip("_")[:_LONGEST_SPEAKER] or None
    parts = [fit for part in message.parts if (fit := _part(part, names, api, message.role)) is not None]
    same = len(parts) == len(message.parts) and all(map(is_, parts, message.parts))
    return message if same and name == message.name else replace(message, name=name, parts=parts)


def _part(part: AnyPart, names: dict[str, str], api: str, role: str) -> AnyPart | None:
    """The part; None for media of the model's own that nobody can read."""
    if isinstance(part, Media):
        if (why := _unreadable(part)) is None:
            return part
        if role == "assistant":
            warn(f"{why} It is left out of the model's turn.")
            return None
        raise InvalidRequestError(why)
    if isinstance(part, ToolResult):
        for inner in part.content:
            if isinstance(inner, Media) and (why := _unreadable(inner)) is not None:
                raise InvalidRequestError(why)
    if not isinstance(part, ToolCall | ToolResult) or part.name is None:
        return part
    name = _fitting(part.name, names, api)
    return part if name == part.name else replace(part, name=name)


def _unreadable(media: Media) -> str | None:
    """Why no provider can read it, if none can: an address without a scheme, or data that is no base64."""
    if media.data is not None:
        ends = media.data if len(media.data) <= 2 * _LOOKED_AT else media.data[:_LOOKED_AT] + media.data[-_LOOKED_AT:]
        if ends.isascii() and not ends.encode().translate(None, _BASE64):
            return None
        return f"The data of the {media.kind} is no base64: it begins with {media.data[:20]!r}."
    url = media.url or ""
    if not url or url.startswith(("data:", "files/")) or ("://" in url and not url.startswith("file:")):
        return None
    return (
        f"The {media.kind} {url[:200]!r} is no address that a provider can read. A file of this machine is sent as "
        "base64: give its bytes."
    )
