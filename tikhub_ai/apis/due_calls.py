"""Calls of OpenAI's own tools that the caller must run and answer: the screen, a shell, patches, approvals, searches.

No `ToolCall` can hold them: each has a form of its own, and so has its answer. A call is an `Opaque` part with the
wire's item; its answer is one too, or a `ToolResult`, of which Responses makes the item that the call asks for. Who
cannot read a call cannot read its answer either, so these two stay together: what is left out, is left out whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from tikhub_ai.conversation import Message, Opaque, ServerToolCall, ToolResult
from tikhub_ai.errors import warn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tikhub_ai.conversation import AnyPart, Issuer


class Kind(NamedTuple):
    """How a call and its answer name each other.

    Attributes:
        answer: The type of the item that answers it.
        named_by: The call's field that names it.
        names: The answer's fields that say which call it answers.
    """

    answer: str
    named_by: str = "call_id"
    names: tuple[str, ...] = ("call_id",)

    def naming(self, call_id: str) -> dict[str, str]:
        """The fields of an answer that say what it is, and which call it answers."""
        return {"type": self.answer, **dict.fromkeys(self.names, call_id)}


KINDS: dict[str, Kind] = {
    "apply_patch_call": Kind("apply_patch_call_output"),
    "computer_call": Kind("computer_call_output"),
    "local_shell_call": Kind("local_shell_call_output", names=("call_id", "id")),  # OpenAPI requires both
    "mcp_approval_request": Kind("mcp_approval_response", named_by="id", names=("approval_request_id",)),
    "shell_call": Kind("shell_call_output"),
    "tool_search_call": Kind("tool_search_output"),
}
"""Items of OpenAI's Responses that ask for an answer."""
ANSWERS: dict[str, str] = {kind.answer: name for name, kind in KINDS.items()}
"""The items that answer them, and which."""

Answering: TypeAlias = Callable[[str, "dict[str, Any]", ToolResult], "dict[str, Any]"]
"""Makes the item that answers a call of its result: of the call's type, the call, and the result."""


def answer_naming(kind: str, call_id: str) -> dict[str, str]:
    """The fields by which an item of this type answers a call; empty where it answers none of these calls."""
    return KINDS[ANSWERS[kind]].naming(call_id) if kind in ANSWERS else {}


def is_due(item: dict[str, Any]) -> bool:
    """Whether an item is a call that waits for the caller's answer, and not one that the provider runs by itself."""
    match item.get("type"):
        case "tool_search_call":
            return item.get("execution") == "client"
        case "shell_call":
            where = item.get("environment")
            return not isinstance(where, dict) or where.get("type") == "local"
        case kind:
            return kind in KINDS


class _Due(NamedTuple):
    item: dict[str, Any]
    issuer: Issuer | None
    at: int

    @property
    def kind(self) -> str:
        return str(self.item["type"])


def settled(
    messages: Sequence[Message],
    reader: Issuer | None = None,
    answering: Answering | None = None,
    *,
    is_whole: bool = True,
) -> Sequence[Message]:
    """The conversation with the answers of such calls as the wire takes them, or without, where nobody reads the call.

    A call without an answer, with something after it, gets one that says so; a look at the screen cannot be made up, so
    that call is taken out.

    Args:
        messages: The conversation; not changed. It comes back itself where there are no such calls.
        reader: Whom it is encoded for, where that reads such calls.
        answering: Makes items of results, for that reader.
        is_whole: Whether `messages` is all there is. Else a call may be kept, and answered, elsewhere.

    Raises:
        InvalidRequestError: A result is not what the call asks for.
    """
    due = dict(_calls(messages))
    if not due and not (answering and any(_says_kind(part) for message in messages for part in message.parts)):
        return messages
    answered: set[str] = set()
    out: list[Message] = []
    for message in messages:
        found = [_settled(part, due, answered, reader, answering) for part in message.parts]
        parts = [part for part in found if part is not None]
        if parts or not found:
            out.append(Message(message.role, parts, message.name))
    open_calls = {
        name: call
        for name, call in due.items()
        if name not in answered and call.at < len(messages) - 1 and call.issuer in {None, reader}
    }
    return _closed(out, open_calls) if is_whole and open_calls else out


def _calls(messages: Sequence[Message]) -> Iterator[tuple[str, _Due]]:
    for number, message in enumerate(messages):
        if message.role == "assistant":
            for part in message.parts:
                if (item := _item(part)) is not None and is_due(item):
                    name = item.get(KINDS[str(item["type"])].named_by)
                    if isinstance(name, str) and name:
                        yield name, _Due(item, part.issuer, number)


def _item(part: AnyPart) -> dict[str, Any] | None:
    if isinstance(part, Opaque):
        return part.value
    item = (part.state or {}).get("item") if isinstance(part, ServerToolCall) else None  # as earlier versions kept it
    return item if isinstance(item, dict) else None


def _says_kind(part: AnyPart) -> bool:
    return isinstance(part, ToolResult) and (part.state or {}).get("type") in ANSWERS


def _settled(
    part: AnyPart, due: dict[str, _Due], answered: set[str], reader: Issuer | None, answering: Answering | None
) -> AnyPart | None:
    """An answer as the reader takes it, or None where it cannot read the call; any other part as it is."""
    if isinstance(part, Opaque) and part.issuer is None and (kind := ANSWERS.get(str(part.value.get("type")))):
        name = next((str(part.value[field]) for field in KINDS[kind].names if field in part.value), "")
    elif isinstance(part, ToolResult):
        name, kind = part.tool_call_id, ANSWERS.get(str((part.state or {}).get("type")))
    else:
        return part
    call = due.get(name)
    if call is not None:
        answered.add(name)
        kind = call.kind
        if call.issuer not in {None, reader}:
            return None
    if isinstance(part, Opaque) or kind is None or answering is None:
        return part
    return Opaque(answering(kind, call.item if call else {}, part))


_NOT_ANSWERED = "The call was not answered."
_MADE_UP: dict[str, dict[str, Any]] = {
    "apply_patch_call": {"status": "failed", "output": _NOT_ANSWERED},
    "local_shell_call": {"output": _NOT_ANSWERED},
    "mcp_approval_request": {"approve": False, "reason": _NOT_ANSWERED},
    "shell_call": {"output": [{"stdout": "", "stderr": _NOT_ANSWERED, "outcome": {"type": "exit", "exit_code": 1}}]},
    "tool_search_call": {"execution": "client", "status": "completed", "tools": []},
}


def _closed(messages: Sequence[Message], calls: dict[str, _Due]) -> list[Message]:
    """The conversation with an answer made up for each of these calls, or without it."""
    named = ", ".join(f"{call.kind} ({name})" for name, call in calls.items())
    warn(f"Calls that nobody answered, with more of the conversation after them, are said to have failed: {named}.")
    out: list[Message] = []
    for message in messages:
        own = [(name, call) for name, call in calls.items() if any(_item(part) is call.item for part in message.parts)]
        gone = [call.item for _, call in own if call.kind not in _MADE_UP]
        kept = [part for part in message.parts if not any(_item(part) is item for item in gone)]
        out.append(Message(message.role, kept, message.name))
        if answers := [_made_up(name, call) for name, call in own if call.kind in _MADE_UP]:
            out.append(Message("tool", [*answers]))
    return out


def _made_up(name: str, call: _Due) -> Opaque:
    return Opaque({**KINDS[call.kind].naming(name), **_MADE_UP[call.kind]})
