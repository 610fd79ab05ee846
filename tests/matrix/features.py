"""The rows of the matrix: what the model says to each. `in_langchain` and `in_llama_index` ask for it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.matrix.asked import DOCUMENT, DOCUMENT_TITLE, PNG, WAV, WEATHER
from tests.matrix.said import Call, Refuse, Said, Say, Search, Show, Source, Speak, Think

TEXT = "It is sunny in Paris: 21 °C."
_ANSWER = Said((Say(TEXT),))
_PARIS = Call({"city": "Paris"})
_ROME = Call({"city": "Rome"}, id="call_2")
_PAGE = Source("Météo", "Sunny, 21 °C", "https://example.com/weather")
_ALMANAC = Source(DOCUMENT_TITLE, DOCUMENT)
_THOUGHT = Think("It is June.")


@dataclass(frozen=True, eq=False)
class Feature:
    """One row.

    Attributes:
        name: As the table has it.
        says: The model's answers, one after another. Between them the caller's functions are run.
        is_structured: Whether an object is asked for.
    """

    name: str
    says: tuple[Said, ...] = (_ANSWER,)
    is_structured: bool = False


FEATURES = [
    Feature("text"),
    Feature("system"),
    Feature("multi-turn"),
    Feature("tools", (Said((_PARIS,)), _ANSWER)),
    Feature("parallel", (Said((_PARIS, _ROME)), _ANSWER)),
    Feature("forced", (Said((_PARIS,)),)),
    Feature("named", (Said((_PARIS,)),)),
    Feature("strict", (Said((_PARIS,)),)),
    Feature("tool error"),
    Feature("json_schema", (Said((Say(WEATHER.model_dump_json()),)),), is_structured=True),
    Feature("function_calling", (Said((Call(WEATHER.model_dump(), "Weather"),)),), is_structured=True),
    Feature("json_mode", (Said((Say(WEATHER.model_dump_json()),)),), is_structured=True),
    Feature("image"),
    Feature("PDF"),
    Feature("audio in"),
    Feature("video in"),
    Feature("image out", (Said((Say("Here it is:"), Show(PNG))),)),
    Feature("audio out", (Said((Speak(WAV, "Sunny, 21 degrees."),)),)),
    Feature("reasoning out", (Said((_THOUGHT, Say(TEXT))),)),
    Feature("reasoning replay", (Said((_THOUGHT, _PARIS)), _ANSWER)),
    Feature("cache"),
    Feature("citations", (Said((Say("It is "), Say("sunny in Paris: 21 °C.", _PAGE))),)),
    Feature("cited documents", (Said((Say("It never rains there.", _ALMANAC),)),)),
    Feature("server tools", (Said((Search("weather in Paris"), Say(TEXT))),)),
    Feature("refusal", (Said((Refuse("I will not say."),)),)),
    Feature("usage details"),
    Feature("finish reason", (Said((Say("It is"),), finish="length"),)),
    Feature("stop"),
    Feature("seed"),
    Feature("n", (Said((Say(TEXT),), others=("Sunny, I think.",)),)),
    Feature("logprobs", (Said((Say("Sunny in Paris."),), logprobs=True),)),
]
