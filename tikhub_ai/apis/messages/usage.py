"""The `usage` of POST /v1/messages."""

from __future__ import annotations

from typing import Any

from tikhub_ai.apis.fields import number
from tikhub_ai.conversation import Usage


def merged(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """What a stream has said of its usage so far: counts are cumulative, and the last event may lack some.

    Converted upstreams give zeros where they know nothing: those do not replace a count.
    """
    said = {key: value for key, value in now.items() if value or (value is not None and not before.get(key))}
    return {**before, **said}


def usage_of(raw: dict[str, Any]) -> Usage:
    """Token counts. The wire's `input_tokens` are those neither read from a cache nor written to one."""
    read, written = number(raw.get("cache_read_input_tokens")), number(raw.get("cache_creation_input_tokens"))
    given_input = number(raw.get("input_tokens")) + read + written
    output = number(raw.get("output_tokens"))
    input_details = {}
    if raw.get("cache_read_input_tokens") is not None:
        input_details["cache_read"] = read
    if raw.get("cache_creation_input_tokens") is not None:
        input_details["cache_creation"] = written
    if isinstance(kept := raw.get("cache_creation"), dict):  # by how long the cache lives, at two prices
        input_details |= {
            name: number(kept[name])
            for name in ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
            if name in kept
        }
    details = raw.get("output_tokens_details")
    thinking = details.get("thinking_tokens") if isinstance(details, dict) else None
    return Usage(
        input_tokens=given_input,
        output_tokens=output,
        total_tokens=given_input + output,
        input_details=input_details,
        output_details={} if thinking is None else {"reasoning": number(thinking)},
        raw=raw,
    )
