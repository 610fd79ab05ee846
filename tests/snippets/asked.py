"""What a request asks for, out of the body of any of the four wire APIs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class Asked:
    """A request, as the model reads it.

    Attributes:
        question: The last words of the user.
        results: Answers of tools since then.
        tools: The functions that may be called: their schemas by name.
        descriptions: What each is for.
        server_tools: Types or names of the tools that the provider runs.
        forced: The function that must be called; empty for any, None for no need.
        schema: Of the JSON that is asked for; an empty one for any.
        body: All of it.
    """

    body: Json
    question: str = ""
    results: list[str] = field(default_factory=list)
    tools: dict[str, Json] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    server_tools: list[str] = field(default_factory=list)
    forced: str | None = None
    schema: Json | None = None
    thinks: bool = False

    def hear(self, role: str, text: str) -> None:
        """Take words of a turn."""
        if role == "user" and text:
            self.question, self.results = text, []

    def offer(self, function: Json, schema: Any) -> None:
        """Take a function."""
        self.tools[function["name"]] = schema or {"type": "object", "properties": {}}
        self.descriptions[function["name"]] = function.get("description") or ""


def read(api: str, body: Json) -> Asked:
    """What a body of an API asks for."""
    asked = Asked(body)
    {"chat_completions": _chat, "responses": _responses, "messages": _messages, "generate_content": _gemini}[api](
        asked, body
    )
    return asked


def _words(content: Any) -> str:
    """The text of a content, whatever its blocks are called."""
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        return _words(content.get("text") or content.get("content") or "")
    return "\n".join(filter(None, (_words(part) for part in content or ())))


def _chat(asked: Asked, body: Json) -> None:
    for message in body["messages"]:
        if message["role"] == "tool":
            asked.results.append(_words(message["content"]))
        else:
            asked.hear(message["role"], _words(message.get("content")))
    for tool in body.get("tools", ()):
        if tool.get("type") == "function":
            asked.offer(tool["function"], tool["function"].get("parameters"))
        else:
            asked.server_tools.append(tool["type"])
    if "web_search_options" in body:
        asked.server_tools.append("web_search")
    choice = body.get("tool_choice")
    asked.forced = choice["function"]["name"] if isinstance(choice, dict) else "" if choice == "required" else None
    form = body.get("response_format") or {}
    if form.get("type", "text") != "text":
        asked.schema = form.get("json_schema", {}).get("schema", {})
    asked.thinks = bool(body.get("reasoning_effort") or body.get("thinking") or "reasoner" in body["model"])


def _responses(asked: Asked, body: Json) -> None:
    given = body["input"]
    for item in [{"role": "user", "content": given}] if isinstance(given, str) else given:
        if str(item.get("type", "message")).endswith("_output"):
            asked.results.append(_words(item["output"]))
        elif item.get("type") == "mcp_approval_response":
            asked.results.append("approved" if item["approve"] else "not approved")
        else:
            asked.hear(item.get("role", ""), _words(item.get("content")))
    for tool in body.get("tools", ()):
        if tool["type"] == "function":
            asked.offer(tool, tool.get("parameters"))
        else:
            asked.server_tools.append(tool["type"])
    choice = body.get("tool_choice")
    asked.forced = choice.get("name", "") if isinstance(choice, dict) else "" if choice == "required" else None
    form = body.get("text", {}).get("format", {"type": "text"})
    if form["type"] != "text":
        asked.schema = form.get("schema", {})
    asked.thinks = bool(body.get("reasoning"))


def _messages(asked: Asked, body: Json) -> None:
    for message in body["messages"]:
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        asked.hear(message["role"], _words([one for one in blocks if one["type"] != "tool_result"]))
        asked.results += [_words(one.get("content")) for one in blocks if one["type"] == "tool_result"]
    for tool in body.get("tools", ()):
        if "input_schema" in tool:
            asked.offer(tool, tool["input_schema"])
        else:
            asked.server_tools.append(tool["name"])
    choice = body.get("tool_choice", {})
    asked.forced = {"tool": choice.get("name"), "any": ""}.get(choice.get("type", ""))
    form = body.get("output_config", {}).get("format") or body.get("output_format")
    if form:
        asked.schema = form["schema"]
    asked.thinks = body.get("thinking", {"type": "disabled"})["type"] != "disabled"


def _gemini(asked: Asked, body: Json) -> None:
    for content in body["contents"]:
        asked.hear(content.get("role", "user"), _words([part for part in content["parts"] if "text" in part]))
        for part in content["parts"]:
            if "functionResponse" in part:
                said = part["functionResponse"]["response"]
                asked.results.append(
                    " ".join(one if isinstance(one, str) else json.dumps(one) for one in said.values())
                )
    for tool in body.get("tools", ()):
        for function in tool.get("functionDeclarations", ()):
            asked.offer(function, function.get("parametersJsonSchema") or function.get("parameters"))
        asked.server_tools += [name for name in tool if name != "functionDeclarations"]
    choice = body.get("toolConfig", {}).get("functionCallingConfig", {})
    if choice.get("mode") == "ANY":
        asked.forced = (choice.get("allowedFunctionNames") or [""])[0]
    config = body.get("generationConfig", {})
    if config.get("responseMimeType") == "application/json":
        asked.schema = config.get("responseJsonSchema") or config.get("responseSchema") or {}
    asked.thinks = bool(config.get("thinkingConfig", {}).get("includeThoughts"))
