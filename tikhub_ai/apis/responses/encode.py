"""A `ChatRequest` as the body of POST /v1/responses."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.fitted import fitted
from tikhub_ai.apis.openai_choices import choice_of
from tikhub_ai.apis.responses.history import encode_items
from tikhub_ai.apis.tool_options import tool_options
from tikhub_ai.arguments import is_held_elsewhere, native_of, send, warn_of_missing
from tikhub_ai.conversation import Issuer
from tikhub_ai.errors import warn
from tikhub_ai.precedence import merged
from tikhub_ai.strict_schemas import held
from tikhub_ai.wire import ApiRequest

if TYPE_CHECKING:
    from collections.abc import Container

    from tikhub_ai.catalog import ModelFacts
    from tikhub_ai.conversation import ChatRequest, ResponseFormat, Tool, ToolChoice
    from tikhub_ai.errors import TikHubAIError

API = "responses"
PATH = "/v1/responses"
ENCRYPTED = "reasoning.encrypted_content"

_SAME_NAME = ("temperature", "top_p", "top_logprobs", "user", "metadata")
TAKES = frozenset(
    {*_SAME_NAME, "logprobs", "max_tokens", "stop", "parallel_tool_calls", "reasoning_effort", "reasoning"}
)
"""The arguments of an answer that this API has; of `stop`, the decoder makes the end."""
_FEWEST_TOKENS = 16
"""OpenAI answers 400 to a smaller `max_output_tokens`."""
LIMIT_FIELDS = (("max_output_tokens",),)
"""Where a body holds the limit of the answer's length."""
_PLACED = frozenset({"verbosity", "include", "store", "instructions", "stream_options"})
"""Arguments that have a place of their own in the body."""
_NAMES_ENCRYPTED = re.compile(r"encrypted[ _]content", re.IGNORECASE)
_NAMES_INCLUDE = re.compile(r"['\"`]include\b|parameters?:? include\b|\binclude(?:\[| is (?:not|un))")


def encode(request: ChatRequest, facts: ModelFacts, *, stream: bool) -> ApiRequest:
    """The request on this wire.

    Args:
        request: What is asked.
        facts: What the catalog knows of the model.
        stream: Whether the answer is to be streamed.

    Raises:
        InvalidRequestError: The conversation holds something that this wire cannot carry, or a tool result without its
            call.
    """
    request = fitted(request, API)
    native = native_of(request, API)
    warn_of_missing(API, request, TAKES)
    body: dict[str, Any] = {"model": request.model}
    stores = native.get("store", bool(native.get("background") or native.get("conversation")))
    if "store" in native or not stores:  # a gateway rotates accounts behind you: what one keeps, another cannot find
        body["store"] = stores
    body |= _conversation(request, facts, native, stores=stores)
    reasoning = dict(request.reasoning or {}) | _said("effort", request.reasoning_effort)
    refused = facts.refused_at(reasoning.get("effort"))
    if include := _include(request, facts, native, refused, stores=stores):
        body["include"] = include
    _tools(body, request, facts, refused)
    _text(body, request, native)
    _sampling(body, request, facts, refused)
    if reasoning:
        body["reasoning"] = reasoning
    if stream:
        body |= {"stream": True} | _said("stream_options", native.get("stream_options"))
    body |= {name: value for name, value in native.items() if name not in _PLACED}
    return ApiRequest(PATH, merged(body, request.extra_body), amend=partial(_amended, request, facts, native))


def _said(name: str, value: Any) -> dict[str, Any]:
    return {} if value is None else {name: value}


def _conversation(
    request: ChatRequest, facts: ModelFacts, native: dict[str, Any], *, stores: bool, replays: bool = True
) -> dict[str, Any]:
    """`instructions`, those that were given and the conversation's own, and `input`."""
    is_whole = not is_held_elsewhere(request)
    found = encode_items(
        request.messages, Issuer(API, facts.family), facts, stores=stores, is_whole=is_whole, replays=replays
    )
    if instructions := native.get("instructions"):
        found["instructions"] = "\n\n".join(filter(None, (instructions, found.get("instructions"))))
    return found


def _include(
    request: ChatRequest, facts: ModelFacts, native: dict[str, Any], refused: Container[str], *, stores: bool
) -> list[str]:
    wanted = list(native.get("include") or ())
    if facts.reasoning and not stores:
        wanted.append(ENCRYPTED)
    if (request.logprobs or request.top_logprobs is not None) and "top_logprobs" not in refused:
        wanted.append("message.output_text.logprobs")
    return list(dict.fromkeys(wanted))


def _sampling(body: dict[str, Any], request: ChatRequest, facts: ModelFacts, refused: Container[str]) -> None:
    send(body, request, _SAME_NAME, refused)
    if request.logprobs and "logprobs" in refused:
        warn(f"{request.model} refuses 'logprobs': logprobs=True is not sent.")
    most = output_limit(request.max_tokens, facts)
    if most != request.max_tokens:
        warn(f"{request.model} takes no max_tokens below {most} here: {request.max_tokens} is sent as {most}.")
    body |= _said("max_output_tokens", most)


def output_limit(said: int | None, facts: ModelFacts) -> int | None:
    """The limit of the answer's length that is sent: the caller's, or the least that GPT takes; None for none."""
    return _FEWEST_TOKENS if said is not None and said < _FEWEST_TOKENS and facts.family == "gpt" else said


def _text(body: dict[str, Any], request: ChatRequest, native: dict[str, Any]) -> None:
    """The `text` object: the answer's form and length."""
    text = _said("verbosity", native.get("verbosity"))
    if request.response_format is not None:
        text["format"] = _format(request.response_format)
    if text:
        body["text"] = text


def _format(wanted: ResponseFormat) -> dict[str, Any]:
    if wanted.type != "json_schema":
        return {"type": wanted.type}
    form, strict = held(wanted.schema or {}, wanted.strict, f"The answer's schema {wanted.name!r}")
    schema: dict[str, Any] = {"type": "json_schema", "name": wanted.name, "schema": form}
    return schema | _said("description", wanted.description) | _said("strict", strict)


def _tools(body: dict[str, Any], request: ChatRequest, facts: ModelFacts, refused: Container[str]) -> None:
    if not request.tools:
        return
    body["tools"] = [_tool(tool, facts) for tool in request.tools]
    send(body, request, ("parallel_tool_calls",), refused)
    if request.tool_choice is not None:
        body["tool_choice"] = _tool_choice(request.tool_choice, request, facts)


def _tool(tool: Tool, facts: ModelFacts) -> dict[str, Any]:
    if tool.raw is not None:
        return tool.raw
    function: dict[str, Any] = {"type": "function", "name": tool.name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"], strict = held(tool.parameters, tool.strict, f"The tool {tool.name!r}")
    function["strict"] = bool(strict)  # left out, it is true here and false on chat_completions
    return function | tool_options(tool, API, facts.family)


def _tool_choice(choice: ToolChoice, request: ChatRequest, facts: ModelFacts) -> Any:
    if choice.raw is None and choice.mode in {"required", "tool"} and not facts.forced_tool_choice:
        warn(f"{request.model} cannot be forced to call a tool while it thinks: tool_choice is 'auto'.")
        return "auto"
    return choice_of(choice, request.tools)


# --- the one resend -------------------------------------------------------------------------------------------------


def _amended(
    request: ChatRequest, facts: ModelFacts, native: dict[str, Any], sent: ApiRequest, error: TikHubAIError
) -> ApiRequest | None:
    """The request without encrypted reasoning, where a 400 names it; else None.

    Models that do not reason refuse `include` (`param` is then `include`), other servers do not know it, and an account
    cannot read what another encrypted (`invalid_encrypted_content`). What was issued beside the encrypted items goes
    too: OpenAI refuses a call or a message by its id where the reasoning before it is missing.
    """
    if getattr(error, "status_code", None) != 400:
        return None
    code, param = getattr(error, "code", None) or "", getattr(error, "param", None) or ""
    is_encrypted = bool(_NAMES_ENCRYPTED.search(f"{error.message} {code} {param}"))
    if not (is_encrypted or param.startswith("include") or _NAMES_INCLUDE.search(error.message)):
        return None
    body = dict(sent.body)
    if include := [name for name in body.pop("include", ()) if is_encrypted and name != ENCRYPTED]:
        body["include"] = include
    if any(isinstance(item, dict) and item.get("encrypted_content") for item in body.get("input") or ()):
        stores = bool(body.get("store", True))
        told = _conversation(request, facts, native, stores=stores, replays=False)
        body |= {name: value for name, value in told.items() if name not in (request.extra_body or {})}
    if body == sent.body:
        return None
    warn(f"{request.model} refused encrypted reasoning or 'include', and was asked again without: {error.message}")
    return replace(sent, body=body)
