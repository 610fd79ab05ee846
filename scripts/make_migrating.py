"""Make docs/migrating.md: what each argument, method and key of the vendors' classes is called here.

`make migrating` does it in `.venv-vendors`, where the vendors' classes are; `make test-vendors` runs it with `--check`.

Nothing is written down twice. The arguments and methods are read off the vendors' classes. What ours makes of an
argument is seen by giving it: it becomes a field, is dropped with a warning, is refused, or goes to the wire. Which
keys an answer has is seen by letting both classes read the same answer, of migrating_answers.json. Only the reasons are
kept by hand, in migrating.toml: an argument that ours does not take as it is, and that has no reason there, makes
`--check` fail, and so does a page that is not what this script makes.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import os
import sys
import tomllib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "vendors")]

from against.wire import Answer, Sent, answering  # noqa: E402 - after its folder is on the path

from tikhub_ai import ConfigurationError, TikHubAIWarning  # noqa: E402 - as above
from tikhub_ai.arguments import NATIVE_ARGUMENTS, STRUCTURE_WORDS  # noqa: E402 - as above

PAGE = ROOT / "docs" / "migrating.md"
ANSWERS: dict[str, Any] = json.loads((ROOT / "scripts" / "migrating_answers.json").read_text())
WORDS: dict[str, Any] = tomllib.loads((ROOT / "scripts" / "migrating.toml").read_text())


class Pair(NamedTuple):
    """A vendor's class and ours that takes its place.

    Attributes:
        theirs: Module and name.
        ours: Module and name.
        model: A model that both are made with.
        reads: The answers that both read, by name in migrating_answers.json, and the arguments that make the vendor's
            class ask for such a one.
    """

    theirs: str
    ours: str
    model: str
    reads: Mapping[str, Mapping[str, Any]]


_CHAT, _LLM = "langchain_tikhub:ChatTikHub", "llama_index_tikhub:TikHub"
PAIRS = (
    Pair("langchain_openai:ChatOpenAI", _CHAT, "gpt-5-mini",
         {"chat_completions": {"use_responses_api": False}, "responses": {"use_responses_api": True}}),
    Pair("langchain_anthropic:ChatAnthropic", _CHAT, "claude-sonnet-4-5", {"messages": {}}),
    Pair("langchain_google_genai:ChatGoogleGenerativeAI", _CHAT, "gemini-2.5-flash", {"generate_content": {}}),
    Pair("langchain_deepseek:ChatDeepSeek", _CHAT, "deepseek-reasoner", {"deepseek": {}}),
    Pair("langchain_openai:OpenAIEmbeddings", "langchain_tikhub:TikHubEmbeddings", "text-embedding-3-small", {}),
    Pair("llama_index.llms.openai:OpenAI", _LLM, "gpt-4o", {"chat_completions": {}}),
    Pair("llama_index.llms.openai:OpenAIResponses", _LLM, "gpt-4o", {"responses": {}}),
    Pair("llama_index.llms.anthropic:Anthropic", _LLM, "claude-sonnet-4-5", {"messages": {}}),
    Pair("llama_index.llms.google_genai:GoogleGenAI", _LLM, "gemini-2.5-flash", {"generate_content": {}}),
    Pair("llama_index.embeddings.openai:OpenAIEmbedding", "llama_index_tikhub:TikHubEmbedding",
         "text-embedding-3-small", {}),
)  # fmt: skip


def loaded(name: str) -> Any:
    """The class of a name `module:Class`."""
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


# --- arguments ------------------------------------------------------------------------------------------------------


class Fate(NamedTuple):
    """What becomes of an argument: how, and the field that it sets or what the warning or error says."""

    how: str
    said: str = ""


def framework_base(cls: type[Any]) -> type[Any]:
    """The class of the framework that a vendor's class extends."""
    return next(base for base in cls.__mro__ if base.__module__.startswith(("langchain_core", "llama_index.core")))


def arguments_of(cls: type[Any]) -> list[str]:
    """The names that a vendor's constructor takes beside those of the framework, fields and aliases."""
    names: set[str] = set()
    for name, field in cls.model_fields.items():
        names |= {name, field.alias or name}
    parameters = inspect.signature(cls.__init__).parameters.values()
    names |= {one.name for one in parameters if one.kind in {one.KEYWORD_ONLY, one.POSITIONAL_OR_KEYWORD}}
    return sorted(names - {"self"} - set(getattr(framework_base(cls), "model_fields", ())))


def fate(cls: type[Any], model: str, name: str) -> Fate:
    """What ours makes of an argument, seen by giving it values until one is taken."""
    if name in {"model", "model_name"}:
        return Fate("same") if name in cls.model_fields else Fate("field", "model")
    plain = _made(cls, {"model": model})
    found = Fate("refused")
    for value in _values(name):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                made = _made(cls, {"model": model, name: value})
            except ConfigurationError as error:
                found = Fate("refused", str(error)) if name in str(error) else found
                continue
            except Exception:  # noqa: BLE001, S112 - a value of the wrong kind may raise anything
                continue
        told = [str(one.message) for one in caught if issubclass(one.category, TikHubAIWarning)]
        about = next((text for text in told if repr(name) in text or name in text), "")
        fields = cls.model_fields.keys() - {"callback_manager"}  # LlamaIndex's, of which each object has its own
        changed = sorted(field for field in fields if _shown(made, field) != _shown(plain, field))
        further = next((field for field in ("model_kwargs", "additional_kwargs") if field in changed), None)
        if further and changed == [further] and name not in {"model_kwargs", "additional_kwargs"}:
            keys = sorted(getattr(made, further))
            if name not in keys:  # a word of theirs, and what of ours it became
                return Fate("field", keys[0])
            known = name in NATIVE_ARGUMENTS | STRUCTURE_WORDS
            return Fate("same") if known and not about else Fate("wire", about)
        if changed:
            return Fate("same") if name in changed else Fate("field", changed[0])
        found = Fate("dropped", about) if about else Fate("needless")
    return found


def _made(cls: type[Any], arguments: Mapping[str, Any]) -> Any:
    return cls(**arguments)


_EXAMPLES: dict[str, Any] = {
    "built_in_tool": {"google_search": {}},
    "built_in_tools": [{"type": "web_search"}],
    "cache_idx": -1,
    "client_args": {"proxy": "http://example.com:8080"},
    "client_options": {"api_endpoint": "https://example.com"},
    "default_metadata": [("x", "1")],
    "default_metadata_input": [("x", "1")],
    "generation_config": {"temperature": 0.5},
    "http_options": {"timeout": 5000},
    "response_mime_type": "application/json",
    "response_schema": {"type": "object", "title": "x"},
    "thinking_config": {"thinking_budget": 512},
}
"""Values of arguments that take few others."""


def _values(name: str) -> Iterator[Any]:
    if name in _EXAMPLES:
        yield _EXAMPLES[name]
    if any(part in name for part in ("url", "base", "endpoint")):
        yield "https://example.com"
    elif "proxy" in name:
        yield "http://example.com:8080"
    yield from (
        "x",
        "low",
        "warn",
        1,
        2,
        0.5,
        False,
        True,
        {"x": "1"},
        ["x"],
        {"type": "enabled", "budget_tokens": 2048},
    )


def _shown(made: Any, field: str) -> str:
    value = getattr(made, field, None)
    secret = getattr(value, "get_secret_value", None)
    return repr(dict(value) if isinstance(value, Mapping) else secret() if secret else value)


# --- answers --------------------------------------------------------------------------------------------------------


def keys_of(made: Any, answer: Any) -> set[str]:
    """The keys of an answer as a class of either framework gives it."""
    content = json.dumps(answer).encode()

    def answered(_: Sent) -> Answer:
        return Answer(200, {"content-type": "application/json"}, content)

    with answering(answered), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if hasattr(made, "generate"):
            from langchain_core.messages import HumanMessage  # noqa: PLC0415 - one of two frameworks

            result = made.generate([[HumanMessage("What is the weather in Paris?")]])
            message = result.generations[0][0].message
            said = {
                "response_metadata": message.response_metadata,
                "usage_metadata": message.usage_metadata,
                "additional_kwargs": message.additional_kwargs,
                "llm_output": result.llm_output,
            }
        else:
            from llama_index.core.llms import ChatMessage  # noqa: PLC0415 - the other

            response = made.chat([ChatMessage("What is the weather in Paris?")])
            said = {
                "response.additional_kwargs": response.additional_kwargs,
                "message.additional_kwargs": response.message.additional_kwargs,
                "message.blocks": {type(block).__name__: True for block in response.message.blocks},
            }
    return {path for name, value in said.items() for path in _paths(name, value)}


def _paths(name: str, value: Any, depth: int = 0) -> Iterator[str]:
    yield name
    if isinstance(value, Mapping) and depth < 3:
        for key, item in value.items():
            yield from _paths(f"{name}.{key}", item, depth + 1)


# --- the page -------------------------------------------------------------------------------------------------------


def why(*path: str) -> str:
    """The reason that migrating.toml has for a row of a class, or for all classes; empty where it has none."""
    kind, cls, name = path
    own = WORDS.get(cls, {}).get(kind, {})
    return str(own.get(name) or WORDS.get(kind, {}).get(name) or "")


_HOW = {"same": "the same", "dropped": "left out, with a warning", "refused": "refused", "needless": "not needed"}


class Section:
    """What one pair comes to: lines of the page, and what has no reason yet."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self._theirs, self._ours = loaded(pair.theirs), loaded(pair.ours)
        self.name = f"{pair.theirs.partition(':')[0]}.{self._theirs.__name__}"
        self.open: list[str] = []

    def lines(self) -> Iterator[str]:
        """The section of the page."""
        frame = "LangChain" if "langchain" in self._pair.theirs else "LlamaIndex"
        yield f"## {frame}: {self._theirs.__name__} to {self._ours.__name__}"
        yield ""
        yield from self._arguments()
        yield from self._methods()
        for answer, arguments in self._pair.reads.items():
            yield from self._keys(answer, arguments)

    def _arguments(self) -> Iterator[str]:
        rows, same = [], []
        for name in arguments_of(self._theirs):
            found = fate(self._ours, self._pair.model, name)
            reason = why("arguments", self._theirs.__name__, name)
            if found.how == "same" and not reason:
                same.append(name)
                continue
            if found.how == "field":
                rows.append((f"`{name}`", f"`{found.said}`", reason))
                continue
            if found.how == "wire":
                self.open.append(f"{self.name}({name}=): goes to the wire as it is")
            elif not reason and found.how != "same":
                self.open.append(f"{self.name}({name}=): {found.how}, and migrating.toml does not say why")
            rows.append((f"`{name}`", _HOW.get(found.how, "sent as it is, with a warning"), reason))
        if same:
            yield f"The same here: {', '.join(f'`{name}`' for name in same)}."
            yield ""
        yield from _table(("argument", "here", "why"), rows)

    def _methods(self) -> Iterator[str]:
        base = framework_base(self._theirs)
        decorators = self._theirs.__pydantic_decorators__
        validators = {*decorators.model_validators, *decorators.field_validators, *decorators.validators}
        names = [
            name
            for name, _ in inspect.getmembers(self._theirs, callable)
            if not (name.startswith("_") or hasattr(base, name) or name in _OF_PYDANTIC or name in validators)
        ]
        rows = []
        for name in names:
            reason = why("methods", self._theirs.__name__, name)
            if not hasattr(self._ours, name) and not reason:
                self.open.append(f"{self.name}.{name}(): not here, and migrating.toml does not say why")
            rows.append((f"`{name}`", "the same" if hasattr(self._ours, name) else "–", reason))
        yield from _table(("method", "here", "why"), rows)

    def _keys(self, answer: str, arguments: Mapping[str, Any]) -> Iterator[str]:
        try:
            theirs = keys_of(self._theirs(model=self._pair.model, **arguments), ANSWERS[answer])
        except Exception as error:  # noqa: BLE001 - another's class, with whatever versions are installed
            yield f"Keys of an answer: not compared, since theirs raises {type(error).__name__} with these versions."
            yield ""
            return
        api = "chat_completions" if answer == "deepseek" else answer
        ours = keys_of(self._ours(model=self._pair.model, api=api), ANSWERS[answer])
        same = sorted(path for path in theirs & ours if not any(other.startswith(f"{path}.") for other in theirs))
        yield f"Keys of an answer of `{api}` that are the same: {', '.join(f'`{path}`' for path in same)}."
        yield ""
        rows = []
        missing = sorted(path for path in theirs - ours if path.rpartition(".")[0] in ours or "." not in path)
        for path in missing:
            reason = why("keys", self._theirs.__name__, path)
            if not reason and not path.endswith(_COUNTS):
                self.open.append(f"{self.name}: {path} of {api} is not here, and migrating.toml does not say why")
            rows.append((f"`{path}`", reason or _AS_SENT))
        yield from _table(("key of theirs", "here"), rows)


_COUNTS = ("_tokens", "_details")
_AS_SENT = "There where the provider sends it; theirs adds a zero."
_OF_PYDANTIC = {"construct", "copy", "dict", "from_orm", "json", "parse_file", "parse_obj", "parse_raw", "schema",
                "schema_json", "update_forward_refs", "validate"} | {
    name for name in dir(importlib.import_module("pydantic").BaseModel) if name.startswith("model_")
}  # fmt: skip


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    if not rows:
        return
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"
    yield ""


def page() -> tuple[str, list[str]]:
    """The page, and what it lacks."""
    os.environ |= {
        f"{name}_API_KEY": "sk-not-a-key" for name in ("TIKHUB_AI", "OPENAI", "ANTHROPIC", "GOOGLE", "DEEPSEEK")
    }
    packages = sorted({pair.theirs.partition(":")[0].split(".")[0] for pair in PAIRS} - {"llama_index"})
    packages += ["llama-index-llms-openai", "llama-index-llms-anthropic", "llama-index-llms-google-genai",
                 "llama-index-embeddings-openai"]  # fmt: skip
    versions = ", ".join(f"{name.replace('_', '-')} {version(name)}" for name in packages)
    lines = [
        "# Migrating from the vendors' classes",
        "",
        *WORDS["introduction"].strip().splitlines(),
        "",
        f"Made by `make migrating` from {versions}.",
        "",
    ]
    missing: list[str] = []
    for pair in PAIRS:
        section = Section(pair)
        lines += section.lines()
        missing += section.open
    return "\n".join(lines).rstrip() + "\n", missing


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the page would be another")
    asked = parser.parse_args()
    made, missing = page()
    for line in missing:
        print(line)
    if not asked.check:
        PAGE.write_text(made)
        return 0
    if PAGE.read_text() != made:
        print(f"{PAGE.name} is not what the script makes of these versions: run `make migrating`.")
        return 1
    return int(bool(missing))


if __name__ == "__main__":
    sys.exit(main())
