"""A `ChatRequest` as the body of POST /v1/chat/completions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.chat_completions.history import encode_messages
from tikhub_ai.apis.fitted import fitted
from tikhub_ai.apis.openai_choices import choice_of, nested
from tikhub_ai.apis.tool_options import tool_options
from tikhub_ai.arguments import native_of, send, warn_of_missing
from tikhub_ai.conversation import Issuer
from tikhub_ai.errors import warn
from tikhub_ai.precedence import merged
from tikhub_ai.strict_schemas import held, strict_schema
from tikhub_ai.wire import ApiRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tikhub_ai.catalog import ModelFacts
    from tikhub_ai.conversation import ChatRequest, ResponseFormat, Tool, ToolChoice

API = "chat_completions"
PATH = "/v1/chat/completions"

_SAME_NAME = (
    "temperature",
    "top_p",
    "seed",
    "n",
    "logprobs",
    "top_logprobs",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "user",
    "metadata",
    "modalities",
    "audio",
)
TAKES = frozenset(
    {*_SAME_NAME, "max_tokens", "top_k", "stop", "parallel_tool_calls", "reasoning_effort", "reasoning", "thinking",
     "thinking_budget"}
)  # fmt: skip
"""The arguments of an answer that this API has."""
LIMIT_FIELDS = (("max_completion_tokens",), ("max_tokens",))
"""Where a body holds the limit of the answer's length."""


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
    body: dict[str, Any] = {
        "model": request.model,
        "messages": encode_messages(request.messages, Issuer(API, facts.family), facts),
    }
    _tools(body, request, facts)
    if request.response_format is not None:
        body["response_format"] = _response_format(request.response_format, facts)
    _sampling(body, request, facts)
    _reasoning(body, request, facts)
    native = native_of(request, API)
    options = native.pop("stream_options", None) or {}
    if stream:
        body["stream"] = True
        if options := {**options, **({"include_usage": True} if request.stream_usage else {})}:
            body["stream_options"] = options
    body |= native
    warn_of_missing(API, request, TAKES)
    return ApiRequest(PATH, merged(body, request.extra_body))


def _sampling(body: dict[str, Any], request: ChatRequest, facts: ModelFacts) -> None:
    refused = facts.refused_at(_effort(request))
    send(body, request, (*_SAME_NAME, "stop") if request.stop else _SAME_NAME, refused)
    if (limit := output_limit(request.max_tokens, facts)) is not None:
        body[facts.max_tokens_field] = limit
    if request.top_k is not None:
        if facts.family == "gpt":
            warn(f"{request.model} has no 'top_k': top_k={request.top_k} is not sent.")
        else:
            body["top_k"] = request.top_k


def _reasoning(body: dict[str, Any], request: ChatRequest, facts: ModelFacts) -> None:
    """Each family's own switch for how much it thinks."""
    if rest := sorted((request.reasoning or {}).keys() - {"effort"}):
        warn(f"chat_completions cannot express reasoning{rest}: only 'effort' is sent.")
    if (effort := _effort(request)) is not None:
        body["reasoning_effort"] = effort
    thinking = dict(request.thinking) if request.thinking else None
    if request.thinking_budget is not None:
        if facts.family == "qwen":
            body |= {"enable_thinking": request.thinking_budget != 0, "thinking_budget": request.thinking_budget}
        elif facts.family == "claude":
            thinking = {"type": "enabled", "budget_tokens": request.thinking_budget} | (thinking or {})
        else:
            warn(f"{request.model} takes no thinking budget on chat_completions: thinking_budget is not sent.")
    if thinking is not None:
        if facts.family == "gpt":
            warn(f"{request.model} has no 'thinking': use reasoning_effort. It is not sent.")
        else:
            body["thinking"] = thinking
    if facts.family == "deepseek" and _thinks(body, facts) and _is_open_round(body["messages"]):
        body["thinking"] = {"type": "disabled"}
        body.pop("reasoning_effort", None)
        warn(
            f"{request.model} does not think in this turn: its round of tools began without a thought of its own, as "
            "where another model made the call."
        )


def _thinks(body: dict[str, Any], facts: ModelFacts) -> bool:
    """Whether a model that can be told not to think is going to."""
    if "disabled" not in facts.thinking:
        return False
    said = body.get("thinking")
    return said.get("type") != "disabled" if isinstance(said, dict) else facts.reasoning_by_default


def _is_open_round(messages: Sequence[dict[str, Any]]) -> bool:
    """Whether results of tools end the conversation, and no call of the round has a thought beside it.

    DeepSeek answers 400 to such a round while it thinks: "The `reasoning_content` in the thinking mode must be passed
    back to the API."
    """
    if messages[-1]["role"] != "tool":
        return False
    asked = next((at for at in range(len(messages) - 1, -1, -1) if messages[at]["role"] == "user"), -1)
    return not any(message.keys() & _THOUGHTS for message in messages[asked + 1 :])


_THOUGHTS = frozenset({"reasoning_content", "reasoning", "reasoning_details"})


def _effort(request: ChatRequest) -> str | None:
    return request.reasoning_effort or (request.reasoning or {}).get("effort")


def _tools(body: dict[str, Any], request: ChatRequest, facts: ModelFacts) -> None:
    if not request.tools:
        return
    form = request.response_format
    strict = facts.family == "gpt" and form is not None and form.type == "json_schema" and form.strict is not False
    body["tools"] = [_tool(_exact(tool) if strict else tool, facts) for tool in request.tools]
    send(body, request, ("parallel_tool_calls",), facts.refused_at(_effort(request)))
    if request.tool_choice is not None:
        body["tool_choice"] = _tool_choice(request.tool_choice, request, facts)


def _exact(tool: Tool) -> Tool:
    """The function with `strict`, which OpenAI requires beside an exact answer, where its schema can be held to."""
    is_open = tool.strict is not None or strict_schema(tool.parameters or _NO_PARAMETERS) is None
    return tool if tool.raw is not None or is_open else replace(tool, strict=True)


_NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}


def _tool(tool: Tool, facts: ModelFacts) -> dict[str, Any]:
    if tool.raw is not None:
        return tool.raw
    function: dict[str, Any] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"], strict = held(tool.parameters, tool.strict, f"The tool {tool.name!r}")
    if strict is not None:
        function["strict"] = strict
    return {"type": "function", "function": function, **tool_options(tool, API, facts.family)}


def output_limit(said: int | None, facts: ModelFacts) -> int | None:  # noqa: ARG001 - the codecs' signature
    """The limit of the answer's length that is sent: the caller's; None for none."""
    return said


def _tool_choice(choice: ToolChoice, request: ChatRequest, facts: ModelFacts) -> Any:
    kind = (request.thinking or {}).get("type")
    by_budget = facts.family == "claude" and (kind == "enabled" or bool(request.thinking_budget))
    cannot = by_budget or not (facts.forced_tool_choice or kind == "disabled")
    if choice.raw is None and choice.mode in {"required", "tool"} and cannot:
        warn(f"{request.model} cannot be forced to call a tool while it thinks: tool_choice is 'auto'.")
        return "auto"
    return nested(choice_of(choice, request.tools))


def _response_format(wanted: ResponseFormat, facts: ModelFacts) -> dict[str, Any]:
    if wanted.type != "json_schema":
        return {"type": wanted.type}
    if facts.is_known and not facts.structured_output and facts.family == "deepseek":
        warn("DeepSeek holds no answer to a JSON schema: any JSON object is asked for instead.")
        return {"type": "json_object"}
    form, strict = held(wanted.schema or {}, wanted.strict, f"The answer's schema {wanted.name!r}")
    schema: dict[str, Any] = {"name": wanted.name, "schema": form}
    if wanted.description:
        schema["description"] = wanted.description
    if strict is not None:
        schema["strict"] = strict
    return {"type": "json_schema", "json_schema": schema}
