"""What the caller's tools returned, as the items that OpenAI's own tools are answered by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.due_calls import KINDS
from tikhub_ai.conversation import Media, Text
from tikhub_ai.errors import InvalidRequestError
from tikhub_ai.json_text import NO_JSON, parsed

if TYPE_CHECKING:
    from tikhub_ai.conversation import ToolResult

_ADDRESSES = ("data:image/", "https://", "http://")


def answer(kind: str, call: dict[str, Any], result: ToolResult) -> dict[str, Any]:
    """The item that answers a call of one of OpenAI's own tools.

    Args:
        kind: The call's type.
        call: The call; empty where the provider keeps it.
        result: What the caller returned.

    Raises:
        InvalidRequestError: It is not what the call asks for.
    """
    said = {name: value for name, value in (result.state or {}).items() if name != "type"}
    names: dict[str, Any] = {**KINDS[kind].naming(result.tool_call_id)}
    caller = {"caller": call["caller"]} if "caller" in call else {}
    text = "\n".join(part.text for part in result.content if isinstance(part, Text))
    match kind:
        case "computer_call":
            return names | {"output": _screen(result, text)} | said
        case "shell_call":
            most = (call.get("action") or {}).get("max_output_length")
            limit = {} if most is None else {"max_output_length": most}
            return names | {"output": _outputs(text, is_error=result.is_error)} | limit | caller | said
        case "local_shell_call":
            return names | {"output": text} | said
        case "apply_patch_call":
            status = "failed" if result.is_error else "completed"
            return names | {"status": status} | ({"output": text} if text else {}) | caller | said
        case "tool_search_call":
            return names | {"execution": "client", "status": "completed", "tools": _tools(result, text)} | said
        case _:
            return names | _approval(result, text, said)


def _screen(result: ToolResult, text: str) -> dict[str, Any]:
    image = next((part for part in result.content if isinstance(part, Media) and part.kind == "image"), None)
    if image is not None and image.file_id:
        return {"type": "computer_screenshot", "file_id": image.file_id}
    url = text if image is None and text.startswith(_ADDRESSES) else image and image.url
    if image is not None and image.data:
        url = f"data:{image.mime_type or 'image/png'};base64,{image.data}"
    if not url:
        raise InvalidRequestError(
            f"The result of the computer call {result.tool_call_id!r} must hold a screenshot: an image block."
        )
    return {"type": "computer_screenshot", "image_url": url}


def _outputs(text: str, *, is_error: bool) -> list[Any]:
    """What a shell's commands printed: the wire's own list as JSON, or the words of one command."""
    found = parsed(text)
    outputs = found if isinstance(found, list) else [found]
    if outputs and all(isinstance(one, dict) and "outcome" in one for one in outputs):
        return outputs
    said = {"stdout": "", "stderr": text} if is_error else {"stdout": text, "stderr": ""}
    return [{**said, "outcome": {"type": "exit", "exit_code": int(is_error)}}]


def _tools(result: ToolResult, text: str) -> list[Any]:
    found = parsed(text) if text else []
    if isinstance(found, dict):
        found = found.get("tools", [found])
    if found is NO_JSON or not isinstance(found, list):
        raise InvalidRequestError(
            f"The result of the tool search {result.tool_call_id!r} must be a JSON list of the tools that were found."
        )
    return found


_WORDS = {"true": True, "yes": True, "approve": True, "approved": True,
          "false": False, "no": False, "deny": False, "denied": False, "reject": False, "rejected": False}  # fmt: skip


def _approval(result: ToolResult, text: str, given: dict[str, Any]) -> dict[str, Any]:
    """Whether an MCP server's tool may be run. Nothing but a plain word is taken for a yes."""
    found = parsed(text)
    said = found if isinstance(found, dict) else {}
    approve = given.get("approve", said.get("approve", _WORDS.get(text.strip().lower().rstrip("."))))
    reason = given.get("reason", said.get("reason"))
    if result.is_error and approve is None:
        approve, reason = False, text or None
    if not isinstance(approve, bool):
        raise InvalidRequestError(
            f"The result of the approval request {result.tool_call_id!r} must say true or false: "
            '"true", "false", or {"approve": false, "reason": "..."} as JSON.'
        )
    return {"approve": approve} | ({"reason": reason} if reason else {})
