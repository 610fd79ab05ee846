"""A `ChatRequest` as the body of POST /v1/messages."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.fitted import fitted, wire_names
from tikhub_ai.apis.messages.betas import headers_of
from tikhub_ai.apis.messages.history import encode_conversation
from tikhub_ai.apis.messages.limits import output_limit, with_less
from tikhub_ai.apis.messages.schemas import json_schema_of, unheld
from tikhub_ai.apis.messages.turns import is_open_round
from tikhub_ai.apis.tool_options import tool_options
from tikhub_ai.arguments import native_of, send, warn_of_missing
from tikhub_ai.conversation import Issuer
from tikhub_ai.errors import warn
from tikhub_ai.json_schemas import object_schema
from tikhub_ai.precedence import merged
from tikhub_ai.tool_choices import allowed_tools
from tikhub_ai.wire import ApiRequest

if TYPE_CHECKING:
    from tikhub_ai.catalog import ModelFacts
    from tikhub_ai.conversation import ChatRequest, ResponseFormat, Tool, ToolChoice

API = "messages"
PATH = "/v1/messages"

_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768, "max": 32768}
"""Tokens of thinking for a `reasoning_effort`, on models that take a budget and no effort."""
_LEAST_BUDGET = 1024
_SHOWN = frozenset({"adaptive", "enabled"})
"""The types of `thinking` that have a `display`."""
_LEAST_TOP_P_OF_THOUGHT = 0.95
"""Anthropic's guide to extended thinking, feature compatibility."""
_NO_TOOL_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_SAMPLING = ("temperature", "top_p", "top_k")
TAKES = frozenset(
    {*_SAMPLING, "max_tokens", "stop", "parallel_tool_calls", "reasoning_effort", "reasoning", "thinking",
     "thinking_budget", "user", "metadata"}
)  # fmt: skip
"""The arguments of an answer that this API has."""
_JSON_ONLY = "Answer with one JSON object and nothing else: no introduction, no code fence."


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
    limit = output_limit(request.max_tokens, facts)
    body: dict[str, Any] = {"model": request.model, "max_tokens": limit}
    instruction = _JSON_ONLY if request.response_format and request.response_format.type == "json_object" else None
    body |= encode_conversation(
        request.messages, Issuer(API, facts.family), instruction, later_system=facts.later_system
    )
    native = native_of(request, API)
    _thinking(body, request, facts, native.pop("effort", None))
    _without_thoughts(body)
    _sampling(body, request, facts)
    _tools(body, request, facts)
    wanted = request.response_format
    if wanted is not None and wanted.type == "json_schema" and emulated_format(request, facts) is None:
        schema = json_schema_of(wanted.schema or {})
        body.setdefault("output_config", {})["format"] = {"type": "json_schema", "schema": schema}
    _metadata(body, request)
    if stream:
        body["stream"] = True
    if output := native.pop("output_config", None):
        body["output_config"] = merged(output, body.get("output_config"))
    body = merged(body | native, request.extra_body)
    amend = partial(with_less, limit) if request.max_tokens is None else None
    return ApiRequest(PATH, body, auth_header="x-api-key", headers=headers_of(body), amend=amend)


def emulated_format(request: ChatRequest, facts: ModelFacts) -> ResponseFormat | None:
    """The answer's form where a tool stands for it: the model holds no answer to a schema, or not to this one."""
    wanted = request.response_format
    if wanted is None or wanted.type != "json_schema":
        return None
    is_native = facts.structured_output and (not wanted.schema or unheld(wanted.schema) is None)
    return None if is_native else wanted


def format_tool_name(request: ChatRequest, wanted: ResponseFormat) -> str:
    """The name of the tool that stands for an answer's form: such as the wire takes, and no other tool's."""
    name = _NO_TOOL_NAME.sub("_", wanted.name)[:60] or "response"
    names = wire_names(request.tools, API)
    taken = {names.get(tool.name, tool.name) for tool in request.tools}
    while name in taken:
        name += "_"
    return name


# --- thinking -------------------------------------------------------------------------------------------------------


def _thinking(body: dict[str, Any], request: ChatRequest, facts: ModelFacts, native_effort: str | None) -> None:
    """The four words for how much a model thinks, in the two that this wire has: `thinking` and `effort`."""
    effort = native_effort or request.reasoning_effort
    if request.reasoning:
        effort = effort or request.reasoning.get("effort")
        if rest := sorted(request.reasoning.keys() - {"effort", "summary"}):
            warn(f"messages cannot express reasoning{rest}: only 'effort' and 'summary' are sent.")
    thinking: dict[str, Any] | None = dict(request.thinking) if request.thinking else None
    if request.thinking_budget is not None:
        thinking = _with_budget(request.thinking_budget, request, facts) | (thinking or {})
    if effort == "none":
        thinking, effort = thinking or _switched_off(request, facts), None
    if effort is not None:
        thinking = _with_effort(body, effort, thinking, facts, is_native=native_effort is not None)
    if thinking:
        body["thinking"] = thinking
    if thinking and request.reasoning and request.reasoning.get("summary") and thinking.get("type") in _SHOWN:
        thinking.setdefault("display", "summarized")


def _without_thoughts(body: dict[str, Any]) -> None:
    """No thinking in the middle of a round of tools that began without: the wire refuses it (400).

    "Expected `thinking`, but found `tool_use`": another model made the call, or its thought could not be kept. Where
    thinking is adaptive, the wire does not ask for it (Anthropic's guide to adaptive thinking, validation changes).
    """
    if (body.get("thinking") or {}).get("type") != "enabled" or not is_open_round(body["messages"]):
        return
    del body["thinking"]
    warn(
        f"{body['model']} does not think in this turn: its round of tools began without a thought of its own, as where "
        "another model made the call."
    )


def _with_budget(budget: int, request: ChatRequest, facts: ModelFacts) -> dict[str, Any]:
    """A number of tokens for thinking: 0 for none, less for as many as the model wants."""
    if budget == 0:
        return _switched_off(request, facts)
    if facts.is_known and not facts.thinking:
        warn(f"{request.model} does not think: thinking_budget={budget} is not sent.")
        return {}
    if "adaptive" not in facts.thinking or (budget > 0 and "budget" in facts.thinking):
        return _enabled(budget if budget > 0 else _LEAST_BUDGET)
    if budget > 0:
        warn(f"{request.model} thinks as much as it wants: thinking_budget={budget} is not sent; use reasoning_effort.")
    return _adaptive(facts)


def _switched_off(request: ChatRequest, facts: ModelFacts) -> dict[str, Any]:
    """`thinking` for none; nothing where the model thinks always, or never."""
    if "disabled" in facts.thinking or not facts.is_known:
        return {"type": "disabled"}
    if "between_tools" in facts.thinking:  # the least that such a model can be asked for
        return {"type": "between_tools"}
    if facts.thinking:
        warn(f"{request.model} always thinks: that it should not is not sent.")
    return {}


def _with_effort(
    body: dict[str, Any], effort: str, thinking: dict[str, Any] | None, facts: ModelFacts, *, is_native: bool
) -> dict[str, Any] | None:
    """`output_config.effort` where the model has it, with thinking that adapts; else a budget that stands for it."""
    if is_native or "effort" in facts.thinking or not facts.is_known:
        body["output_config"] = {"effort": "low" if effort == "minimal" else effort}
        # Where thinking has a budget, too, `effort` is more than how much it thinks, and does not switch it on.
        adapts = "adaptive" in facts.thinking and not (is_native and "budget" in facts.thinking)
        return thinking or (_adaptive(facts) if adapts else None)
    if "budget" not in facts.thinking:
        warn(f"{body['model']} does not think by effort: reasoning_effort={effort!r} is not sent.")
        return thinking
    if thinking is not None:
        return thinking
    room = body["max_tokens"] - 1
    if room < _LEAST_BUDGET:
        warn(f"max_tokens={room + 1} leaves no room for thinking: reasoning_effort={effort!r} is not sent.")
        return None
    return _enabled(min(_BUDGETS.get(effort, _BUDGETS["medium"]), room))


def _adaptive(facts: ModelFacts) -> dict[str, Any]:
    """Thinking that adapts. Where there is no other, from opus 4.7 on, thoughts come empty unless asked for."""
    return {"type": "adaptive"} if "budget" in facts.thinking else {"type": "adaptive", "display": "summarized"}


def _enabled(budget: int) -> dict[str, Any]:
    return {"type": "enabled", "budget_tokens": budget}


def _kind_of_thinking(body: dict[str, Any]) -> str | None:
    thinking = body.get("thinking")
    return thinking.get("type") if isinstance(thinking, dict) else None


# --- sampling and the rest ------------------------------------------------------------------------------------------


def _sampling(body: dict[str, Any], request: ChatRequest, facts: ModelFacts) -> None:
    send(body, request, _SAMPLING, _refused(body, request, facts))
    stops = [stop for stop in request.stop or () if stop.strip()]
    if stops:
        body["stop_sequences"] = stops
    if blank := len(request.stop or ()) - len(stops):
        warn(f"messages takes no stop sequence of white space alone: {blank} left out.")
    warn_of_missing(API, request, TAKES)


def _refused(body: dict[str, Any], request: ChatRequest, facts: ModelFacts) -> dict[str, str]:
    """The arguments of sampling that the model does not take here, and why."""
    why: dict[str, str] = {}
    if _kind_of_thinking(body) not in (None, "disabled"):
        why = {name: f"takes no {name!r} while it thinks" for name in _SAMPLING}
        if request.top_p is not None and request.top_p >= _LEAST_TOP_P_OF_THOUGHT:
            del why["top_p"]
    first, *others = [name for name in facts.exclusive if getattr(request, name, None) is not None] or [""]
    why |= {name: f"takes {first!r} or {name!r}, not both" for name in others}
    return why | {name: f"refuses {name!r}" for name in facts.refused}


def _metadata(body: dict[str, Any], request: ChatRequest) -> None:
    given = dict(request.metadata or {})
    user = given.pop("user_id", None) or request.user
    if given:
        warn(f"messages takes no metadata but 'user_id': {', '.join(map(repr, given))} is not sent.")
    if user is not None:
        body["metadata"] = {"user_id": user}


# --- tools ----------------------------------------------------------------------------------------------------------


def _tools(body: dict[str, Any], request: ChatRequest, facts: ModelFacts) -> None:
    tools = [_tool(tool, facts) for tool in request.tools]
    choice = _tool_choice(request.tool_choice) if request.tools and request.tool_choice is not None else None
    if (wanted := emulated_format(request, facts)) is not None:
        tools.append(
            {
                "name": format_tool_name(request, wanted),
                "description": wanted.description or "Gives the final answer. Call it once, with the whole answer.",
                "input_schema": _form(wanted),
            }
        )
        mode = choice.get("type") if choice else "auto"
        if not request.tools or mode == "none":
            choice = {"type": "tool", "name": tools[-1]["name"]}
        elif mode == "auto":  # words alone would not have the form
            choice = {"type": "any"}
    if not tools:
        return
    body["tools"] = tools
    if choice is not None and choice.get("type") in {"any", "tool"} and _cannot_be_forced(body, facts):
        warn(f"{request.model} cannot be forced to call a tool while it thinks: tool_choice is 'auto'.")
        choice = {"type": "auto"}
    if request.parallel_tool_calls is False and (choice or {}).get("type") != "none":
        choice = {**(choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    if choice is not None:
        body["tool_choice"] = choice


def _form(wanted: ResponseFormat) -> dict[str, Any]:
    """The schema of the tool that stands for an answer's form."""
    schema, lost = object_schema(wanted.schema or {})
    if lost:
        warn(f"The answer's schema {wanted.name!r} must be one object: {', '.join(lost)} is left out.")
    return schema


def _cannot_be_forced(body: dict[str, Any], facts: ModelFacts) -> bool:
    """Thinking by a budget forbids it, which adapts does not; some models never take it."""
    return _kind_of_thinking(body) == "enabled" or not facts.forced_tool_choice


def _tool(tool: Tool, facts: ModelFacts) -> dict[str, Any]:
    if tool.raw is not None:
        return tool.raw
    wire: dict[str, Any] = {"name": tool.name}
    if tool.description:
        wire["description"] = tool.description
    wire["input_schema"] = tool.parameters
    if tool.strict and (place := unheld(tool.parameters)) is not None:
        warn(f"The tool {tool.name!r} is not strict: {place} has a form that messages cannot hold a model to.")
    elif tool.strict:
        wire |= {"input_schema": json_schema_of(tool.parameters), "strict": True}
    elif tool.strict is not None:
        wire["strict"] = tool.strict
    return wire | tool_options(tool, API, facts.family)


def _tool_choice(choice: ToolChoice) -> dict[str, Any]:
    if (allowed := allowed_tools(choice)) is not None:
        mode, names = allowed
        warn(f"messages limits no model to some of its tools: {', '.join(names)} is not said, only {mode!r}.")
        return {"type": "any" if mode == "required" else mode}
    if choice.raw is not None:
        return dict(choice.raw)
    if choice.mode == "tool":
        return {"type": "tool", "name": choice.name}
    return {"type": "any" if choice.mode == "required" else choice.mode}
