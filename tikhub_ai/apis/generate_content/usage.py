"""The `usageMetadata` of generateContent."""

from __future__ import annotations

from typing import Any

from tikhub_ai.apis.fields import mappings, number
from tikhub_ai.conversation import Usage

_MODALITIES = {1: "text", 2: "image", 3: "video", 4: "audio", 5: "document"}
"""By their number, as Vertex sends them with `enum-encoding=int`."""


def has_counts(raw: dict[str, Any]) -> bool:
    """Whether it counts anything: in Vertex's first chunks it only names the kind of traffic."""
    return any(map(raw.get, _COUNTS))


def usage_of(raw: dict[str, Any]) -> Usage:
    """Token counts; each may be missing, null or a string.

    What the model thought counts as output, and what its own tools (search, code) put before it as input: Google counts
    both apart from the prompt and the answer, and its total is the sum of the four.
    """
    said = {name: number(raw.get(name)) for name in _COUNTS}
    given_input = said["promptTokenCount"] + said["toolUsePromptTokenCount"]
    given_output = said["candidatesTokenCount"] + said["thoughtsTokenCount"]
    return Usage(
        input_tokens=given_input,
        output_tokens=given_output,
        total_tokens=said["totalTokenCount"] or given_input + given_output,
        input_details=_details(
            {"cache_read": raw.get("cachedContentTokenCount"), "tool_use": raw.get("toolUsePromptTokenCount")},
            raw.get("promptTokensDetails"),
            raw.get("toolUsePromptTokensDetails"),
        ),
        output_details=_details({"reasoning": raw.get("thoughtsTokenCount")}, raw.get("candidatesTokensDetails")),
        raw=raw,
    )


_COUNTS = (
    "totalTokenCount",
    "promptTokenCount",
    "candidatesTokenCount",
    "thoughtsTokenCount",
    "toolUsePromptTokenCount",
)


def _details(named: dict[str, Any], *by_modality: Any) -> dict[str, int]:
    """Counts by name and by modality; text is what is left."""
    details = {name: number(value) for name, value in named.items() if value is not None}
    for items in by_modality:
        for item in mappings(items):
            modality = item.get("modality")
            name = _MODALITIES.get(modality, "") if isinstance(modality, int) else str(modality or "").lower()
            if name not in {"", "text", "modality_unspecified"}:
                details[name] = details.get(name, 0) + number(item.get("tokenCount"))
    return details
