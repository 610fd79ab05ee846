"""A model that answers any question at once: what the snippets talk to where no real one runs.

It calls a function that it is made to call, or whose name or description the question speaks of, and fills its
arguments from the question; gives JSON where a schema asks for it; thinks where it is asked to; and has read ANSWERS.
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.matrix.asked import PNG
from tests.matrix.said import Call, Part, Said, Say, Search, Show, Source, Speak, Think
from tests.snippets.samples import names_in, sample

if TYPE_CHECKING:
    from tests.snippets.asked import Asked

ANSWERS: list[dict[str, str]] = tomllib.loads(Path(__file__).with_name("answers.toml").read_text())["answer"]
_SEARCHES = re.compile(r"search|grounding|code_execution|codeExecution|code_interpreter|urlContext|web_fetch")
_PAGE = Source("The sky", "Blue light is scattered most.", "https://example.com/sky")


def answer(asked: Asked) -> Said:
    """What it says."""
    thoughts: tuple[Part, ...] = (Think("The user asks; I look at what I know."),) if asked.thinks else ()
    said = _said(asked)
    others = int(asked.body.get("n") or asked.body.get("generationConfig", {}).get("candidateCount") or 1) - 1
    logprobs = bool(asked.body.get("logprobs") or asked.body.get("generationConfig", {}).get("responseLogprobs"))
    return Said((*thoughts, *said), others=(words(asked),) * others, logprobs=logprobs)


def _said(asked: Asked) -> tuple[Part, ...]:
    if calls := _calls(asked):
        return tuple(calls)
    if asked.schema is not None:
        return (Say(json.dumps(sample(asked.schema, asked.question) if asked.schema else {"answer": words(asked)})),)
    media = str(asked.body.get("modalities") or asked.body.get("generationConfig", {}).get("responseModalities"))
    if "image" in media.lower() or "image_generation" in asked.server_tools:
        return (Say("Here is the picture."), Show(PNG))
    if "audio" in media.lower():
        return (Speak("AAAA" * 60, words(asked)),)
    if any(_SEARCHES.search(tool) for tool in asked.server_tools):
        return (Search(asked.question), Say(words(asked), _PAGE))
    if '"citations": {"enabled": true}' in json.dumps(asked.body):
        return (Say(words(asked), Source("A document", words(asked)[:20])),)
    return (Say(words(asked)),)


def words(asked: Asked) -> str:
    """An answer in words: what the tools said, or what ANSWERS has, or something in general."""
    if asked.results:
        return " ".join(asked.results)
    question = asked.question.lower()
    for one in ANSWERS:
        if one["asked"].lower() in question:
            return one["says"]
    return "That depends on what is asked of it."


def _calls(asked: Asked) -> list[Call]:
    if asked.forced is not None and asked.tools:
        name = asked.forced or _meant(asked, [*asked.tools])[0]
        return [_call(asked, name, 1)]
    if asked.results or not asked.tools:
        return []
    found = [name for name in asked.tools if _is_meant(asked, name)]
    if len(found) == 1 and len(_texts(asked.tools[found[0]])) == 1 and len(names_in(asked.question)) > 1:
        names = names_in(asked.question)
        return [_call(asked, found[0], number, name) for number, name in enumerate(names, 1)]
    return [_call(asked, name, number) for number, name in enumerate(found, 1)]


def _call(asked: Asked, tool: str, number: int, name: str | None = None) -> Call:
    arguments: Any = sample(asked.tools[tool], asked.question, name)
    return Call(arguments, tool, f"call_{number}")


def _texts(schema: dict[str, Any]) -> list[str]:
    return [key for key, value in schema.get("properties", {}).items() if value.get("type") == "string"]


def _meant(asked: Asked, names: list[str]) -> list[str]:
    return [name for name in names if _is_meant(asked, name)] or names


def _is_meant(asked: Asked, name: str) -> bool:
    """Whether a word of four letters or more of a function's name or description is in the question."""
    known = re.findall(r"[a-z]{4,}", f"{name} {asked.descriptions[name]}".lower().replace("_", " "))
    return bool((set(known) - _COMMON) & set(re.findall(r"[a-z]{4,}", asked.question.lower())))


_COMMON = {"this", "that", "what", "which", "with", "from", "have", "your", "about", "tell", "there", "when", "does"}
