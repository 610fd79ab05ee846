"""`response.raw`: the answer as a dict in the shape of chat_completions, which reads as the vendor's object, too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from llama_index_tikhub.content_blocks import tool_call_dict

if TYPE_CHECKING:
    from collections.abc import Container

    from tikhub_ai import ChatReply, Choice, Usage

_UNSAID = frozenset(
    {"accepted_prediction_tokens", "annotations", "audio", "audio_tokens", "cache_write_tokens", "cached_tokens",
     "completion_tokens_details", "content", "created", "custom", "finish_reason", "function", "function_call",
     "image_tokens", "logprobs", "metadata", "moderation", "prompt_tokens_details", "reasoning_content",
     "reasoning_tokens", "refusal", "rejected_prediction_tokens", "service_tier", "system_fingerprint", "text_tokens",
     "tool_calls"}
)  # fmt: skip
"""Fields of OpenAI's `ChatCompletion`, and DeepSeek's, that an answer may lack: read as attributes, they are None."""


class Raw(dict[str, Any]):
    """A dict whose keys read as attributes, for code that comes from LlamaIndex's `OpenAI`.

    There, `response.raw` is an object of OpenAI's SDK: `raw.usage.total_tokens`, `raw.choices[0].message`,
    `raw.model_dump()`. All of this works here; what it cannot do is be assigned to by attribute. It is a dict
    otherwise: it compares, pickles and is written as JSON as one. A key that is also a method's name (`items`,
    `keys`, ...) is read by item.
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # asked for by copy, pickle, pydantic, IPython, ...: a server does not answer these
            raise AttributeError(name)
        if name not in self:
            if name in _UNSAID:
                return None
            raise AttributeError(f"The answer has no {name!r} here; it has: {', '.join(map(str, self))}.")
        value = self[name]
        if type(value) is dict or type(value) is list:
            value = self[name] = _readable(value)
        return value

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *map(str, self)]

    def copy(self) -> Raw:
        """A shallow copy."""
        return Raw(self)

    def model_dump(
        self,
        *,
        include: Container[str] | None = None,
        exclude: Container[str] | None = None,
        exclude_none: bool = False,
        **_: Any,
    ) -> dict[str, Any]:
        """A plain dict of plain dicts.

        Args:
            include: Keys of this level to keep; None keeps all.
            exclude: Keys of this level to leave out.
            exclude_none: Whether to leave out what is None, on every level.
            **_: Pydantic's other options; nothing here depends on them.
        """
        kept = {
            name: value
            for name, value in self.items()
            if (include is None or name in include) and (exclude is None or name not in exclude)
        }
        plain: dict[str, Any] = _plain(kept, exclude_none)
        return plain

    def model_dump_json(self, *, indent: int | None = None, **options: Any) -> str:
        """`model_dump`, as JSON.

        Args:
            indent: Spaces for each level; None writes one line.
            **options: Those of `model_dump`.
        """
        separators = (",", ":") if indent is None else None
        return json.dumps(self.model_dump(**options), indent=indent, ensure_ascii=False, separators=separators)

    def to_dict(self, **options: Any) -> dict[str, Any]:
        """`model_dump`, by its name in OpenAI's SDK."""
        return self.model_dump(**options)

    def to_json(self, *, indent: int | None = 2, **options: Any) -> str:
        """`model_dump_json`, by its name in OpenAI's SDK, which indents."""
        return self.model_dump_json(indent=indent, **options)


def _readable(value: Any) -> Any:
    if type(value) is dict:
        return Raw(value)
    if type(value) is list:
        return [_readable(item) for item in value]
    return value


def _plain(value: Any, exclude_none: bool) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item, exclude_none) for name, item in value.items() if not (exclude_none and item is None)}
    if isinstance(value, list):
        return [_plain(item, exclude_none) for item in value]
    return value


def raw_of(reply: ChatReply) -> Raw:
    """The answer as JSON in the shape of chat_completions, whichever API served it.

    `usage` has the wire's own counts, and `prompt_tokens`, `completion_tokens` and `total_tokens` for every API: these
    are the names that LlamaIndex's token counter and the tracers look for.
    """
    return Raw(
        {
            **reply.extras,
            "id": reply.id,
            "object": "chat.completion",
            "api": reply.api,
            "model": reply.model,
            "choices": [_raw_choice(number, choice) for number, choice in enumerate(reply.choices)],
            "usage": _raw_usage(reply.usage) if reply.usage else None,
            "request_id": reply.request_id,
            "headers": reply.headers,
        }
    )


def _raw_choice(number: int, choice: Choice) -> Raw:
    message = Raw(role="assistant", content=choice.text)
    if choice.reasoning:
        message["reasoning_content"] = choice.reasoning
    if choice.tool_calls:
        message["tool_calls"] = [tool_call_dict(call.id, call.name, call.arguments) for call in choice.tool_calls]
    if choice.refusal is not None:
        message["refusal"] = choice.refusal
    return Raw(
        {
            **choice.extras,
            "index": number,
            "message": message,
            "finish_reason": choice.finish_reason,
            "logprobs": choice.logprobs,
        }
    )


def _raw_usage(usage: Usage) -> Raw:
    raw = Raw({**usage.raw, **token_counts(usage)})
    if "cache_read" in usage.input_details:
        raw.setdefault("prompt_tokens_details", {"cached_tokens": usage.input_details["cache_read"]})
    if "reasoning" in usage.output_details:
        raw.setdefault("completion_tokens_details", {"reasoning_tokens": usage.output_details["reasoning"]})
    return raw


def token_counts(usage: Usage) -> dict[str, int]:
    """An answer's tokens, by the names of chat_completions."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
    }
