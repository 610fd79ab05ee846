"""The arguments of an answer, as fields of the chat classes of both frameworks: declared and documented here alone."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

from tikhub_ai.field_docs import documented
from tikhub_ai.routing import ChatAPI


def _as_list(stop: list[str] | str | None) -> list[str] | None:
    return [stop] if isinstance(stop, str) else stop


@documented
class ChatArgumentsMixin(BaseModel):
    """Mixin, before the framework's base, of the chat classes: each field is an argument of the same name.

    None means: not given, so not sent, and the provider's own default holds. What an API or a model cannot express is
    left out with a warning; `docs/apis.md` has the table. All but `api` and `incomplete_stream` may be given with a
    call, too, which then beats the constructor.
    """

    model_config = ConfigDict(hide_input_in_errors=True, protected_namespaces=(), defer_build=True)

    model: str
    """Model name, sent as it is, such as `gpt-5-mini` or `claude-sonnet-4-5`. Alias: `model_name`."""
    api: ChatAPI = "auto"
    """The wire API: `chat_completions`, `responses`, `messages`, `generate_content`, or `auto`, which chooses by the
    model's name. Each answer says which one it was."""

    temperature: float | None = None
    """Randomness of sampling, from 0 (most predictable) to 2; for Claude to 1. Reasoning models refuse it."""
    top_p: float | None = None
    """Nucleus sampling, from 0 to 1: only the likeliest tokens whose probabilities add up to this are considered."""
    top_k: int | None = None
    """Only the k likeliest tokens are considered. Not for GPT."""
    max_tokens: int | None = None
    """Limit of the answer's length in tokens, reasoning included. Aliases: `max_output_tokens`,
    `max_completion_tokens`."""
    stop: Annotated[list[str] | str | None, AfterValidator(_as_list)] = None
    """Texts at which the answer ends; they are not part of it. A single text may be given as such. Alias:
    `stop_sequences`."""
    seed: int | None = None
    """Seed of sampling: the same seed and request give similar answers, as far as the provider can."""
    n: int | None = None
    """Number of answers, from 1."""
    logprobs: bool | None = None
    """Whether to return the log probability of each token of the answer."""
    top_logprobs: int | None = None
    """Number of likeliest alternatives to return for each token, 0 to 20. chat_completions needs `logprobs=True`
    beside it."""
    presence_penalty: float | None = None
    """Penalty on tokens that have occurred already, -2 to 2. Positive values favour new topics."""
    frequency_penalty: float | None = None
    """Penalty on tokens by how often they have occurred, -2 to 2. Positive values make repetition less likely."""
    logit_bias: dict[str, float] | None = None
    """Token id to bias, -100 (never) to 100 (always)."""
    user: str | None = None
    """Identifier of the end user, for the provider's detection of abuse."""
    request_metadata: dict[str, Any] | None = None
    """The wire's `metadata`: tags for the provider's own log. Anthropic takes `user_id` alone. (`metadata` is
    LangChain's, for tracing.)"""
    modalities: list[str] | None = None
    """Kinds of output: `text`, `audio`, `image`."""
    audio: dict[str, Any] | None = None
    """Audio output: `voice`, such as `alloy`, and `format`: `wav`, `mp3`, `flac`, `opus`, `aac`, `pcm16`."""
    parallel_tool_calls: bool | None = None
    """Whether one answer may call several tools."""

    reasoning_effort: str | None = None
    """How much a reasoning model thinks: `none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`. Not every model
    knows every value, and an unknown one is sent as it is. Models that take a number of tokens instead (older Claude,
    Gemini 2.5) get one that corresponds."""
    thinking: dict[str, Any] | None = None
    """Anthropic's and DeepSeek's switch: `{"type": "enabled", "budget_tokens": 2048}`, `{"type": "adaptive"}` or
    `{"type": "disabled"}`."""
    thinking_budget: int | None = None
    """Tokens that a model may think for: 0 for none, -1 for as many as it wants. Claude takes 1024 or more, fewer than
    `max_tokens`; Gemini 2.5 takes 128 to 32768, the Flash models 0 to 24576."""
    reasoning: dict[str, Any] | None = None
    """OpenAI's object: `effort`, as `reasoning_effort`, and `summary`: `auto`, `concise` or `detailed`."""

    extra_body: dict[str, Any] | None = None
    """Fields of the request's body, by the names of the wire. Merged over it last, object by object."""
    stream_usage: bool = True
    """Whether streams ask for token usage, where the wire must be asked. Some old servers refuse the question."""
    incomplete_stream: Literal["raise", "warn"] = "raise"
    """What happens where a stream ends without its finish marker: `raise` an IncompleteStreamError with the partial
    answer, or `warn` and return the partial answer."""
