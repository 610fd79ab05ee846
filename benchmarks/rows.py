"""The rows of the table: what is measured for each, in what turns. Each returns plain JSON; `page` shows it."""

from __future__ import annotations

import subprocess
from functools import partial
from typing import TYPE_CHECKING, Any

import environments
from server import serving
from subjects import SUBJECTS, Subject
from workers import Figure, Workers, in_turns

from tests.embeddings_server import serving as serving_embeddings

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

Row = list[dict[str, Any]]
_ASYNC = frozenset(
    {("httpx + orjson", "chat_completions"), ("tikhub_ai", "chat_completions"), ("openai", "chat_completions"),
     ("ChatTikHub", "chat_completions"), ("ChatTikHub", "messages"), ("ChatTikHub", "generate_content"),
     ("ChatOpenAI", "chat_completions"), ("ChatAnthropic", "messages"), ("ChatGoogleGenerativeAI", "generate_content"),
     ("ChatDeepSeek", "chat_completions")}
)  # fmt: skip
"""Who is asked with many calls in flight: the others take minutes, and are no faster."""
_LENGTH = 1536
_OURS = "tikhub-langchain"


def _shown(key: Any, figures: dict[str, Figure] | str) -> dict[str, Any]:
    """A line of a row: the key's fields, and the figures or why there are none."""
    return dict(key) | ({"error": figures} if isinstance(figures, str) else {k: list(v) for k, v in figures.items()})


def _line(subject: Subject, **further: Any) -> Hashable:
    named = {"family": subject.family, "name": subject.name, "floor": subject.is_floor, **further}
    return tuple(named.items())


def _chat(
    workers: Workers,
    measure: str,
    url: str,
    chosen: Iterable[tuple[Subject, str]],
    rounds: int,
    *,
    warm: int = 1,
    **given: Any,
) -> Row:
    """A measure of chat calls, of all subjects in turns."""
    asked: dict[Hashable, Callable[[], dict[str, Any]]] = {}
    for one, api in chosen:
        asked[_line(one, api=api)] = partial(
            workers.ask, one.environment, measure, family=one.family, name=one.name, api=api, url=url, **given
        )
    return [_shown(key, figures) for key, figures in in_turns(asked, workers.rounds(rounds), warm=warm).items()]


def _everybody() -> list[tuple[Subject, str]]:
    return [(one, api) for one in SUBJECTS for api in one.apis]


def _of(api: str, *families: str) -> list[tuple[Subject, str]]:
    return [(one, api) for one in SUBJECTS if api in one.apis and one.family in families]


def calls(workers: Workers) -> Row:
    """CPU of a plain call."""
    with serving() as url:
        return _chat(workers, "plain", url, _everybody(), 15, count=30)


def chunks(workers: Workers) -> Row:
    """CPU of a streamed chunk."""
    with serving() as url:
        return _chat(workers, "chunk", url, _everybody(), 11)


def first(workers: Workers) -> Row:
    """Time to the first chunk, of a server that answers at once and of one that takes 200 ms."""
    out = []
    for delay in (0.0, 0.2):
        with serving(delay) as url:
            chosen = _of("chat_completions", "core", "langchain", "llama-index")
            found = _chat(workers, "first", url, chosen, 5, count=3 if delay else 15)
            out += [line | {"delay": delay} for line in found]
    return out


def in_flight(workers: Workers) -> Row:
    """Async calls a second."""
    out = []
    with serving() as url:
        for count, made in ((50, 200), (500, 500), (2000, 2000), (5000, 5000)):
            chosen = [(one, api) for one, api in _everybody() if (one.name, api) in _ASYNC]
            if count == 5000:
                chosen = [pair for pair in chosen if pair[0].environment == _OURS]
            rounds = 5 if count == 50 else 3 if count == 500 else 1  # each connects anew, and so warms up, by itself
            found = _chat(workers, "rate", url, chosen, rounds, warm=0, in_flight=count, calls=made)
            out += [line | {"in_flight": count} for line in found]
    return out


def threads(workers: Workers) -> Row:
    """`batch` of 200 on 50 threads."""
    with serving() as url:
        chosen = [
            pair
            for pair in _of("chat_completions", "langchain")
            if pair[0].name not in {"ChatLiteLLM", "ChatOpenRouter"}
        ]
        chosen += [(one, "chat_completions") for one in SUBJECTS if one.family == "core" and one.is_floor]
        return _chat(workers, "threads", url, chosen, 11, count=200, at_once=50)


def embeddings(workers: Workers) -> Row:
    """10,000 texts, at 50 and at 300 ms a request."""
    kinds = {
        "TikHubEmbeddings": _OURS,
        "OpenAIEmbeddings": "langchain-openai",
        "TikHubEmbedding": "tikhub-llama-index",
        "OpenAIEmbedding": "llama-index-openai",
        "embed_array": "tikhub-numpy",
        "httpx, orjson, base64": "tikhub-numpy",
    }
    out = []
    for delay in (0.05, 0.3):
        with serving_embeddings(_LENGTH, delay) as url:
            for is_async in (False, True):
                asked: dict[Hashable, Callable[[], dict[str, Any]]] = {}
                for kind, environment in kinds.items():
                    if is_async and kind.startswith("httpx"):
                        continue
                    key = tuple({"name": kind, "delay": delay, "async": is_async}.items())
                    asked[key] = partial(
                        workers.ask, environment, "embed", kind=kind, url=url, count=10_000, is_async=is_async
                    )
                out += [_shown(key, figures) for key, figures in in_turns(asked, workers.rounds(3)).items()]
    return out


def arrays(_: Workers) -> Row:
    """200,000 texts as rows of float32. Each in a process of its own, for the memory."""
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("embed_array", "rows", {}),
        ("httpx, orjson, base64", "rows_alone", {"form": "base64"}),
        ("httpx, orjson, lists of floats", "rows_alone", {"form": "float"}),
    ]
    out = []
    with serving_embeddings(_LENGTH) as url:
        for name, measure, given in asked:
            with Workers() as alone:
                count = 200_000 if name == "embed_array" else 20_000
                found = alone.ask("tikhub-numpy", measure, url=url, count=count, **given)
            out.append({"name": name, **found})
    return out


_IMPORT = "import time\n{after}\nstart = time.process_time()\n{statement}\nprint(time.process_time() - start)"
_CORES = {
    "langchain": "from langchain_core.language_models.chat_models import BaseChatModel",
    "llama-index": "import llama_index.core",
    "core": "pass",
}


def imports(workers: Workers) -> Row:
    """CPU milliseconds of each class's import after its framework's core, and MB of its packages beside the core's."""

    def once(interpreter: str, after: str, statement: str) -> dict[str, Any]:
        code = _IMPORT.format(after=after, statement=statement)
        run = subprocess.run([interpreter, "-c", code], capture_output=True, text=True, check=False)
        if run.returncode:
            return {"error": run.stderr.strip().splitlines()[-1][:200]}
        return {"cpu": float(run.stdout) * 1000}

    asked: dict[Hashable, Callable[[], dict[str, Any]]] = {}
    for one in SUBJECTS:
        after = "pass" if one.is_floor else _CORES[one.family]
        asked[_line(one)] = partial(once, environments.python(one.environment), after, one.module)
    every = "import tikhub_ai\n[getattr(tikhub_ai, name) for name in tikhub_ai.__all__]"
    named = {"family": "core", "name": "every name of tikhub_ai", "floor": False}
    asked[tuple(named.items())] = partial(once, environments.python(_OURS), "pass", every)
    base = {name: environments.megabytes(f"floor-{name}") for name in ("langchain", "llama-index")}
    sizes = {
        (one.family, one.name): environments.megabytes(one.environment) - (0 if one.is_floor else base[one.family])
        for one in SUBJECTS
        if one.family in base
    }
    found = [_shown(key, figures) for key, figures in in_turns(asked, workers.rounds(9)).items()]
    return [line | {"megabytes": sizes.get((line["family"], line["name"]))} for line in found]


def large(_: Workers) -> Row:
    """Long streams and large parts, at a quarter and at the whole of their size."""
    million = 1_000_000
    asked = [("chunks", 100_000), ("argument", 5 * million), ("calls", 20_000)]
    cases = [(kind, size, core) for kind, size in asked for core in (True, False)]
    cases += [("image", 20 * million, False), ("image sent", 20 * million, False)]
    out = []
    with serving() as url:
        for kind, size, core in cases:
            line: dict[str, Any] = {"kind": kind, "size": size, "core": core}
            for part, name in ((size // 4, "quarter"), (size, "whole")):
                with Workers() as alone:
                    line[name] = alone.ask(_OURS, "large", url=url, kind=kind, size=part, core=core)
            out.append(line)
    return out


def videos(workers: Workers) -> Row:
    """1,000 jobs waited for at once, and a download of 200 MB."""
    out = []
    with serving() as url:
        for count in (250, 1000):
            with Workers() as alone:
                out.append({"name": f"{count:,} jobs", **alone.ask(_OURS, "jobs", url=url, count=count)})
        with Workers() as ours, Workers() as theirs:
            asked: dict[Hashable, Callable[[], dict[str, Any]]] = {
                (("name", "download"),): partial(ours.ask, _OURS, "download", url=url, is_ours=True),
                (("name", "httpx"),): partial(theirs.ask, _OURS, "download", url=url, is_ours=False),
            }
            out += [_shown(key, figures) for key, figures in in_turns(asked, workers.rounds(5)).items()]
    return out


ROWS: dict[str, Callable[[Workers], Row]] = {
    "chunks": chunks,
    "first": first,
    "calls": calls,
    "in_flight": in_flight,
    "threads": threads,
    "embeddings": embeddings,
    "arrays": arrays,
    "imports": imports,
    "large": large,
    "videos": videos,
}
