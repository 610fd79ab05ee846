"""The `usage` of POST /v1/messages."""

from __future__ import annotations

from typing import Any

from tikhub_ai.apis.fields import number
from tikhub_ai.conversation import Usage

_INPUT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
_BY_TTL = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")


def merged(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """What a stream has said of its usage so far: counts are cumulative, and the last event may lack some.

    Converted upstreams give zeros where they know nothing: those do not replace a count. But where all of the input is
    stated anew, as after a compaction, which leaves another input than the stream began with, that counts as it is.
    """
    said = {key: value for key, value in now.items() if value or (value is not None and not before.get(key))}
    both = {**before, **said}
    if all(now.get(key) is not None for key in _INPUT) and any(number(now[key]) for key in _INPUT):
        both |= {key: now[key] for key in _INPUT}
        if "cache_creation" not in said and not _is_of(both.get("cache_creation"), now["cache_creation_input_tokens"]):
            both.pop("cache_creation", None)
    return both


def _is_of(kept: Any, written: Any) -> bool:
    """Whether what a cache keeps, by how long it lives, is what was written to it."""
    return isinstance(kept, dict) and sum(number(kept.get(key)) for key in _BY_TTL) == number(written)


def usage_of(raw: dict[str, Any]) -> Usage:
    """Token counts. The wire's `input_tokens` are those neither read from a cache nor written to one.

    Where the answer took several steps, the sum of its `iterations` is what was used: the counts beside them leave out
    compactions, advisors and attempts of other models.
    """
    steps = raw.get("iterations")
    steps = [step for step in steps if isinstance(step, dict) and step] if isinstance(steps, list) else []
    counted = _sum(steps) if steps else raw
    read, written = number(counted.get("cache_read_input_tokens")), number(counted.get("cache_creation_input_tokens"))
    given_input = number(counted.get("input_tokens")) + read + written
    output = number(counted.get("output_tokens"))
    input_details = {}
    if counted.get("cache_read_input_tokens") is not None:
        input_details["cache_read"] = read
    if counted.get("cache_creation_input_tokens") is not None:
        input_details["cache_creation"] = written
    if isinstance(kept := counted.get("cache_creation"), dict):  # by how long the cache lives, at two prices
        input_details |= {name: number(kept[name]) for name in _BY_TTL if name in kept}
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


def _sum(steps: list[dict[str, Any]]) -> dict[str, Any]:
    counted: dict[str, Any] = {
        key: sum(number(step.get(key)) for step in steps)
        for key in (*_INPUT, "output_tokens")
        if any(step.get(key) is not None for step in steps)
    }
    kept = [step["cache_creation"] for step in steps if isinstance(step.get("cache_creation"), dict)]
    if kept:
        counted["cache_creation"] = {
            name: sum(number(one.get(name)) for one in kept) for name in _BY_TTL if any(name in one for one in kept)
        }
    return counted
