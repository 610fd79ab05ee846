"""Whether the llama-index-core of a test run keeps sound."""

from __future__ import annotations

from functools import cache

from llama_index.core.base.llms.types import AudioBlock, ChatMessage
from pydantic import ValidationError


@cache
def keeps_sound() -> bool:
    """Whether it reads its own block of sound back from JSON. 0.14.6 does not."""
    sound = ChatMessage(role="assistant", blocks=[AudioBlock(audio=b"aGVsbG8=", format="wav")])
    try:
        return ChatMessage.model_validate_json(sound.model_dump_json()) == sound
    except ValidationError:
        return False
