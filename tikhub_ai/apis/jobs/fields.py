"""The fields that each family is known to take: of which type, and which belong to another family alone.

Sources: `media_api.md` §4.1 (OpenAI's OpenAPI document), §5 (Ark 1520757, vercel/ai), §6 (Kling's reference, ComfyUI),
§7.1 (google-genai's converters, Vertex' reference). Fields that no family is known to have pass through.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from tikhub_ai.errors import InvalidRequestError

Convert: TypeAlias = Callable[[Any], Any]
"""Makes a field's value what its wire takes. Raises ValueError or TypeError where it cannot."""


def as_text(value: Any) -> Any:
    """Text, since this wire refuses a number: 5 and 5.0 are `"5"`."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise TypeError("text")
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def as_whole(value: Any) -> Any:
    """A whole number, since this wire refuses text: `"5"` and 5.0 are 5."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise TypeError("a whole number")
    found = float(value)
    if not found.is_integer():
        raise ValueError("a whole number")
    return int(value) if isinstance(value, (str, int)) and str(value).strip().lstrip("+-").isdigit() else int(found)


def as_number(value: Any) -> Any:
    """A number, whole or not."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise TypeError("a number")
    found = float(value)
    if not math.isfinite(found):
        raise ValueError("a number")
    return value if isinstance(value, (int, float)) else int(found) if found.is_integer() else found


def as_bool(value: Any) -> Any:
    """True or False, also from `"true"`, `"on"`, 1 and their opposites."""
    known = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}
    word = str(value).strip().lower()
    if not isinstance(value, (bool, int, str)) or word not in known:
        raise TypeError("True or False")
    return known[word]


def as_switch(value: Any) -> Any:
    """`on` or `off`, also from a bool; other words pass."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return as_text(value)


def as_enabled(value: Any) -> Any:
    """`{"enabled": ...}`, also from a bool."""
    return {"enabled": value} if isinstance(value, bool) else as_is(value)


def as_bare(value: Any) -> Any:
    """A URL or bare base64: a `data:` prefix is refused, so it is cut off."""
    return value.partition(",")[2] if isinstance(value, str) and value[:5].lower() == "data:" else value


def as_reference(value: Any) -> Any:
    """`{"image_url": ...}` or `{"file_id": ...}`; an address alone becomes the first."""
    return {"image_url": value} if isinstance(value, str) else value


def as_is(value: Any) -> Any:
    """Whatever it is."""
    return value


def as_shots(value: Any) -> Any:
    """Kling's list of shots, whose durations are text as the whole's is."""
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        raise TypeError("a list of shots")
    return [{**shot, **_converted_in(shot)} if isinstance(shot, Mapping) else shot for shot in value]


def _converted_in(shot: Mapping[str, Any]) -> dict[str, Any]:
    convert: dict[str, Convert] = {"duration": as_text, "index": as_whole, "prompt": as_text}
    return {key: convert[key](value) for key, value in shot.items() if key in convert and value is not None}


FIELDS: dict[str, dict[str, Convert]] = {
    "videos": {
        "seconds": as_text,
        "size": as_text,
        "input_reference": as_reference,
        # What gateways take besides (new-api's TaskSubmitReq; apiyi, laozhang, CometAPI, modelsell):
        "duration": as_is,
        "image": as_is,
        "images": as_is,
        "metadata": as_is,
        "mode": as_is,
        "first_frame": as_is,
        "last_frame": as_is,
        "image_tail": as_is,
        "negative_prompt": as_is,
        "resolution": as_is,
        "ratio": as_is,
        "aspect_ratio": as_is,
        "seed": as_is,
        "generate_audio": as_is,
        "watermark": as_is,
        "callback_url": as_is,
        "fps": as_is,
        "content": as_is,
    },
    "seedance": {
        "content": as_is,
        "resolution": as_text,
        "ratio": as_text,
        "duration": as_whole,
        "frames": as_whole,
        "seed": as_whole,
        "camera_fixed": as_bool,
        "watermark": as_bool,
        "return_last_frame": as_bool,
        "draft": as_bool,
        "generate_audio": as_bool,
        "service_tier": as_text,
        "execution_expires_after": as_whole,
        "callback_url": as_text,
        "safety_identifier": as_text,
        "priority": as_is,
        "tools": as_is,
    },
    "kling": {
        "negative_prompt": as_text,
        "image": as_bare,
        "image_tail": as_bare,
        "duration": as_text,
        "mode": as_text,
        "sound": as_switch,
        "aspect_ratio": as_text,
        "cfg_scale": as_number,
        "camera_control": as_is,
        "static_mask": as_bare,
        "dynamic_masks": as_is,
        "multi_shot": as_bool,
        "shot_type": as_text,
        "multi_prompt": as_shots,
        "element_list": as_is,
        "voice_list": as_is,
        "watermark_info": as_enabled,
        "callback_url": as_text,
        "external_task_id": as_text,
    },
    "veo": {
        "sampleCount": as_whole,
        "durationSeconds": as_whole,
        "aspectRatio": as_text,
        "resolution": as_text,
        "generateAudio": as_bool,
        "personGeneration": as_text,
        "negativePrompt": as_text,
        "seed": as_whole,
        "enhancePrompt": as_bool,
        "storageUri": as_text,
        "compressionQuality": as_text,
        "resizeMode": as_text,
        "fps": as_whole,
        "pubsubTopic": as_text,
        "lastFrame": as_is,
        "referenceImages": as_is,
        "video": as_is,
        "mask": as_is,
        "image": as_is,
    },
}

SAME_TIME = {"videos": "seconds", "seedance": "duration", "kling": "duration", "veo": "durationSeconds"}
"""The field of each family for the video's length in seconds."""
SAME_SIZE = {"videos": "size", "seedance": "ratio", "kling": "aspect_ratio", "veo": "aspectRatio"}
"""The field of each family for the video's size or aspect ratio."""
_SAME: tuple[dict[str, str], ...] = (
    SAME_TIME,
    SAME_SIZE,
    {"kling": "sound", "seedance": "generate_audio", "veo": "generateAudio"},
    {"kling": "negative_prompt", "veo": "negativePrompt"},
    {"kling": "watermark_info", "seedance": "watermark"},
)
"""Fields that mean the same in several families: for a hint."""


def convert_fields(family: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as the family's wire takes them; those of None are left out.

    Args:
        family: The family.
        fields: Fields by the provider's names.

    Raises:
        InvalidRequestError: A field is known to belong to other families alone, or cannot be made what its wire takes.
            Nothing was sent, and nothing is billed.
    """
    known = FIELDS[family]
    converted: dict[str, Any] = {}
    for name, value in fields.items():
        if value is None:
            continue
        if name not in known and (owners := [other for other, theirs in FIELDS.items() if name in theirs]):
            raise InvalidRequestError(_foreign(family, name, owners))
        try:
            converted[name] = known.get(name, as_is)(value)
        except (TypeError, ValueError, OverflowError):
            due = known[name].__doc__ or ""
            raise InvalidRequestError(
                f"{family} takes no {name}={str(value)[:80]!r}. It takes: {due[:1].lower()}{due[1:].split(chr(10))[0]}"
            ) from None
    return converted


def _foreign(family: str, name: str, owners: list[str]) -> str:
    same = next((names[family] for names in _SAME if name in names.values() and family in names), None)
    instead = f" The name here is {same}." if same else ""
    return (
        f"{name} is a field of {' and '.join(owners)}, not of {family}, which would ignore or refuse it.{instead} "
        f"Nothing was sent. To send it all the same, give extra_body={{{name!r}: ...}}; to speak another protocol, "
        "family=."
    )
