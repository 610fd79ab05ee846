"""What two requests may say in two ways by the providers' documents, brought to one: no difference at all.

chat_completions  `stream: false` is the default; a text is a string or one text part; `max_tokens` is the old name
                  of `max_completion_tokens`; `developer` is the new name of the role `system`.
responses         As before, and: an item without `type` is a message; `instructions` stands for a first message
                  of the role `developer`; a text part without `annotations` and `logprobs` has none.
messages          As the first; `system` is a string or text blocks; a result is no error unless it says so, and
                  an empty list of tools is none.
generate_content  Field names in snake case and in camel case are the same, and so are `"OBJECT"` and `"object"`
                  in a schema; one candidate is the default; empty lists and objects of settings say nothing.
"""

from __future__ import annotations

import re
from typing import Any


def canonical(api: str, body: Any) -> Any:
    """A body in the form in which two of the same meaning are equal. The argument is not changed."""
    if not isinstance(body, dict):
        return body
    body = {"stream": False, **body}
    for name in ("tools", "stop", "stop_sequences", "reasoning"):
        if body.get(name) in ([], {}):
            del body[name]
    if body.get("tool_choice") in ("auto", {"type": "auto"}):
        del body["tool_choice"]
    match api:
        case "chat_completions":
            return _chat_completions(body)
        case "responses":
            return _responses(body)
        case "messages":
            return _messages(body)
        case "generate_content":
            return _generate_content(_camel(body))
    return body


def _chat_completions(body: dict[str, Any]) -> dict[str, Any]:
    body = {"max_completion_tokens" if name == "max_tokens" else name: value for name, value in body.items()}
    return body | {"messages": [_message(one, "text") for one in body.get("messages") or ()]}


def _responses(body: dict[str, Any]) -> dict[str, Any]:
    given = body.get("input")
    items = [{"type": "message", "role": "user", "content": given}] if isinstance(given, str) else list(given or ())
    items = [_item(one) for one in items]
    if (instructions := body.pop("instructions", None)) is not None:
        items.insert(0, _item({"role": "developer", "content": instructions}))
    return body | {"input": items}


def _item(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    if item.get("type", "message") == "message" and "role" in item:
        return _message({"type": "message", **item}, "output_text" if item["role"] == "assistant" else "input_text")
    return item


def _messages(body: dict[str, Any]) -> dict[str, Any]:
    if isinstance(body.get("system"), str):
        body["system"] = [{"type": "text", "text": body["system"]}]
    turns: list[dict[str, Any]] = []
    for turn in (_message(one, "text") for one in body.get("messages") or ()):
        if turns and turns[-1].get("role") == turn.get("role"):
            turns[-1] = {**turns[-1], "content": [*turns[-1]["content"], *turn["content"]]}
        else:
            turns.append(turn)
    return body | {"messages": turns}


def _message(message: Any, kind: str) -> Any:
    if not isinstance(message, dict):
        return message
    message = {name: value for name, value in message.items() if name != "content" or value is not None}
    if message.get("role") == "system":
        message["role"] = "developer"
    if isinstance(message.get("content"), str):
        message["content"] = [{"type": kind, "text": message["content"]}]
    if isinstance(message.get("content"), list):
        message["content"] = [_part(part, kind) for part in message["content"]]
    return message


def _part(part: Any, kind: str) -> Any:
    if isinstance(part, str):
        return {"type": kind, "text": part}
    if not isinstance(part, dict):
        return part
    part = dict(part)
    for name in ("annotations", "logprobs"):
        if part.get(name) == []:
            del part[name]
    if part.get("type") == "tool_result":
        if part.get("is_error") is False:
            del part["is_error"]
        if isinstance(part.get("content"), str):
            part["content"] = [{"type": "text", "text": part["content"]}]
    return part


def _generate_content(body: dict[str, Any]) -> dict[str, Any]:
    settings = {name: value for name, value in (body.get("generationConfig") or {}).items() if value not in ({}, None)}
    if settings.get("candidateCount") == 1:
        del settings["candidateCount"]
    if settings.get("stopSequences") == []:
        del settings["stopSequences"]
    body = {**body, "generationConfig": settings}
    for name in ("safetySettings", "tools"):
        if not body.get(name):
            body.pop(name, None)
    return {name: _lower_types(value) if name == "tools" else value for name, value in body.items()}


def _lower_types(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: item.lower() if key == "type" and isinstance(item, str) else _lower_types(item)
            for key, item in value.items()
            if not (key == "required" and item == [])
        }
    return [_lower_types(item) for item in value] if isinstance(value, list) else value


def _camel(value: Any, at: str = "") -> Any:
    if isinstance(value, dict) and at in {"properties", "args", "response"}:
        return {key: _camel(item) for key, item in value.items()}  # names of the user
    if isinstance(value, dict):
        named = {re.sub(r"_([a-z])", lambda found: found[1].upper(), key): item for key, item in value.items()}
        return {key: _camel(item, key) for key, item in named.items()}
    return [_camel(item) for item in value] if isinstance(value, list) else value
