"""Google's own fields of a request where the wire has them.

They come by the names of Google's SDK, which has one object for all of them, or by those of the wire: as keywords, in
`extra_body`, or in a `generation_config`. Which belong to `generationConfig` and which stand beside it is what the SDK
(3.6) does with its `GenerateContentConfig`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.generate_content.names import camel, camelised

if TYPE_CHECKING:
    from collections.abc import Mapping

_IN_CONFIG = frozenset(
    {"audioTimestamp", "audioTranscriptionConfig", "candidateCount", "enableAffectiveDialog",
     "enableEnhancedCivicAnswers", "frequencyPenalty", "imageConfig", "logprobs", "maxOutputTokens", "mediaResolution",
     "modelConfig", "presencePenalty", "responseJsonSchema", "responseLogprobs", "responseMimeType",
     "responseModalities", "responseSchema", "routingConfig", "seed", "speechConfig", "stopSequences", "temperature",
     "thinkingConfig", "topK", "topP", "translationConfig"}
)  # fmt: skip
_BESIDE = frozenset(
    {"cachedContent", "contents", "continuationToken", "labels", "modelArmorConfig", "outputConfig", "safetySettings",
     "serviceTier", "store", "systemInstruction", "toolConfig", "tools"}
)  # fmt: skip
_OTHERWISE = {"modelSelectionConfig": "modelConfig", "generationOutputConfig": "outputConfig"}
_CONFIG = "generationConfig"


def placed(fields: Mapping[str, Any] | None) -> dict[str, Any]:
    """Fields of a body, each where the wire has it and by its name there; those not known here stay as they are.

    Args:
        fields: As the caller wrote them; not changed.
    """
    out: dict[str, Any] = {}
    config: dict[str, Any] = {}
    for name, value in (fields or {}).items():
        wire = _wire(name)
        if wire in _IN_CONFIG:
            config[wire] = camelised(value)
        elif wire in _BESIDE:
            out[wire] = _instruction(value) if wire == "systemInstruction" else camelised(value)
        elif wire != _CONFIG or not isinstance(value, dict):
            out[name] = value
    for spelled in ("generation_config", _CONFIG):
        for name, value in _object((fields or {}).get(spelled)).items():
            wire = _wire(name)
            (out if wire in _BESIDE else config)[wire if wire in _BESIDE | _IN_CONFIG else name] = camelised(value)
    return {**out, _CONFIG: config} if config else out


def _wire(name: str) -> str:
    spelled = camel(name)
    return _OTHERWISE.get(spelled, spelled)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _instruction(value: Any) -> Any:
    """The SDK takes words for a system instruction, the wire a content."""
    words = [value] if isinstance(value, str) else value
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        return {"parts": [{"text": word} for word in words]}
    return camelised(value)
