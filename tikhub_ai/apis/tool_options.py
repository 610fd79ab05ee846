"""The fields of a function that not every API has, sorted by API."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tikhub_ai.errors import warn

if TYPE_CHECKING:
    from tikhub_ai.conversation import Tool

_ANTHROPIC = frozenset({"allowed_callers", "cache_control", "defer_loading", "eager_input_streaming", "input_examples"})
"""`BetaToolParam` of Anthropic's SDK."""
_RESPONSES = frozenset({"allowed_callers", "async", "defer_loading", "output_schema"})
"""`FunctionToolParam` of OpenAI's SDK."""
_GOOGLE = frozenset({"behavior", "response", "response_json_schema"})
"""`FunctionDeclaration` of Google's SDK."""
KNOWN = _ANTHROPIC | _RESPONSES | _GOOGLE
"""All options that some API has."""
_TAKES = {
    "chat_completions": frozenset[str](),
    "responses": _RESPONSES,
    "messages": _ANTHROPIC,
    "generate_content": _GOOGLE,
}
_NEEDLESS = frozenset({"cache_control"})
"""What the other APIs do by themselves."""
_CALLERS = {"responses": re.compile("code_execution"), "messages": re.compile("programmatic")}
"""Of `allowed_callers`, which two APIs have, what belongs to the other one."""


def tool_options(tool: Tool, api: str, family: str) -> dict[str, Any]:
    """The options of a function that an API takes.

    Those of other APIs are left out, with a warning that names them where their effect is missed; those that nobody
    here knows are sent.

    Args:
        tool: The function.
        api: The wire API.
        family: The model's: Claude takes its own fields on chat_completions, too, where relays hand them on.
    """
    if not tool.options:
        return {}
    foreign = _CALLERS.get(api)
    takes = _ANTHROPIC if (api, family) == ("chat_completions", "claude") else _TAKES[api]
    sent = {name: value for name, value in tool.options.items() if name in takes or name not in KNOWN}
    if foreign and any(foreign.match(str(caller)) for caller in sent.get("allowed_callers") or ()):
        del sent["allowed_callers"]
    if lost := [name for name in tool.options if name not in sent and name not in _NEEDLESS]:
        warn(f"{api} has no {', '.join(map(repr, lost))} of a function: not sent with {tool.name!r}.")
    return sent
