"""The rows as tables of Markdown: what `make bench` prints, and what stands between the marks of docs/benchmarks.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rows import Row

FAMILIES = {"core": "no framework", "langchain": "LangChain", "llama-index": "LlamaIndex"}
OURS = {"core": "tikhub_ai", "langchain": "ChatTikHub", "llama-index": "TikHub"}


def put_into(page: str, tables: dict[str, str]) -> str:
    """A page with tables between its marks, `<!-- begin: name -->` and `<!-- end: name -->`."""
    for name, table in tables.items():
        begin, end = f"<!-- begin: {name} -->\n", f"<!-- end: {name} -->"
        if begin not in page or end not in page:
            raise ValueError(f"docs/benchmarks.md has no marks for {name!r}.")
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n{table}\n\n{end}{rest.partition(end)[2]}"
    return page


def _table(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    head = list(head)
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, rule, *map(list, lines)])


def _figure(line: dict[str, Any], name: str, digits: int = 0) -> str:
    if "error" in line:
        return "fails"
    value = line[name]
    median, spread = (value[0], value[1]) if isinstance(value, list) else (value, 0.0)
    return f"{median:,.{digits}f}" + (f" ±{spread * 100:.0f} %" if spread else "")


def _value(line: dict[str, Any] | None, name: str) -> float | None:
    if line is None or "error" in line:
        return None
    return float(line[name][0] if isinstance(line[name], list) else line[name])


def _times(value: float | None, other: float | None) -> str:
    return "" if value is None or not other else f"{value / other:.2f}x"


def _by_api(rows: Row, unit: str) -> str:
    """Subjects by API: CPU and wall, beside the floor of their framework, and how much less ours takes."""
    out = []
    for api in dict.fromkeys(line["api"] for line in rows):
        lines = []
        for family, framework in FAMILIES.items():
            own = [line for line in rows if (line["api"], line["family"]) == (api, family)]
            floor = next((line for line in own if line["floor"]), None)
            ours = next((line for line in own if line["name"] == OURS[family]), None)
            for line in own:
                cpu = _value(line, "cpu")
                is_theirs = not line["floor"] and line is not ours
                name = f"**{line['name']}**" if line is ours else line["name"]
                lines.append(
                    [
                        f"{framework}: {name}",
                        _figure(line, "cpu", 1),
                        _figure(line, "wall", 1),
                        _times(cpu, _value(floor, "cpu")),
                        _times(cpu, _value(ours, "cpu")) if is_theirs else "",
                    ]
                )
        head = (f"`{api}`", f"CPU {unit}", f"wall {unit}", "of the floor", "of ours")
        out.append(_table(head, lines))
    return "\n\n".join(out)


def chunks(rows: Row) -> str:
    return _by_api(rows, "µs a chunk")


def calls(rows: Row) -> str:
    return _by_api(rows, "µs a call")


def first(rows: Row) -> str:
    lines = []
    for line in rows:
        floor = next(one for one in rows if one["delay"] == line["delay"] and one["floor"] and one["family"] == "core")
        lines.append(
            [
                f"{FAMILIES[line['family']]}: {line['name']}",
                f"{line['delay'] * 1000:.0f} ms",
                _figure(line, "wall", 2),
                _times(_value(line, "wall"), _value(floor, "wall")),
                _figure(line, "cpu", 2),
            ]
        )
    return _table(("", "server", "wall ms", "of bare httpx", "CPU ms"), lines)


def in_flight(rows: Row) -> str:
    lines = []
    for line in rows:
        same = [one for one in rows if all(one[key] == line[key] for key in ("in_flight", "family", "api"))]
        ours = next((one for one in same if one["name"] == OURS[line["family"]]), None)
        is_theirs = not line["floor"] and line is not ours
        lines.append(
            [
                f"{FAMILIES[line['family']]}: {line['name']}, `{line['api']}`",
                f"{line['in_flight']:,}",
                _figure(line, "cpu"),
                _figure(line, "wall"),
                "" if "error" in line else f"{_value(line, 'failed'):.0f}",
                _times(_value(ours, "cpu"), _value(line, "cpu")) if is_theirs else "",
            ]
        )
    head = ("", "in flight", "calls a CPU second", "calls a second", "failed", "ours is faster by")
    return _table(head, lines)


def threads(rows: Row) -> str:
    alone = next(line for line in rows if line["family"] == "core")
    return _table(
        ("", "CPU ms", "wall ms", "CPU, of httpx alone"),
        (
            [
                f"{FAMILIES[line['family']]}: {line['name']}",
                _figure(line, "cpu"),
                _figure(line, "wall"),
                _times(_value(line, "cpu"), _value(alone, "cpu")),
            ]
            for line in rows
        ),
    )


_THEIRS = {"TikHubEmbeddings": "OpenAIEmbeddings", "TikHubEmbedding": "OpenAIEmbedding"}
_ROUNDS = 3
"""10,000 texts in requests of 256 are 40, of which 16 go at once."""


def embeddings(rows: Row) -> str:
    lines = []
    for line in rows:
        same = {one["name"]: one for one in rows if (one["delay"], one["async"]) == (line["delay"], line["async"])}
        floor = next(one for one in rows if one["name"].startswith("httpx") and one["delay"] == line["delay"])
        other = same.get(_THEIRS.get(line["name"], ""))
        wall = _value(line, "wall")
        lines.append(
            [
                line["name"] if line is floor else f"{line['name']}, {'async' if line['async'] else 'sync'}",
                f"{line['delay'] * 1000:.0f} ms",
                _figure(line, "wall", 2),
                _figure(line, "cpu", 2),
                "" if other is None else _times(_value(other, "wall"), wall),
                _times(wall, _value(floor, "wall")),
                _times(wall, _ROUNDS * line["delay"]),
            ]
        )
    return _table(("", "a request", "wall s", "CPU s", "faster by", "of httpx alone", "of latency x rounds"), lines)


def arrays(rows: Row) -> str:
    base64 = next(line for line in rows if "base64" in line["name"])
    return _table(
        ("", "CPU µs a vector", "of base64 alone", "memory, of the array"),
        (
            [
                line["name"],
                _figure(line, "cpu", 1),
                _times(_value(line, "cpu"), _value(base64, "cpu")),
                "fails" if "error" in line else f"{line['memory']:.2f}x",
            ]
            for line in rows
        ),
    )


def imports(rows: Row) -> str:
    return _table(
        ("", "CPU ms beyond the core", "MB beyond the core"),
        (
            [
                f"{FAMILIES[line['family']]}: {line['name']}" + (" (the core itself)" if line["floor"] else ""),
                _figure(line, "cpu"),
                "" if line["megabytes"] is None else f"{line['megabytes']:.0f}",
            ]
            for line in rows
        ),
    )


_KINDS = {
    "chunks": "{:,} chunks",
    "argument": "a tool argument of {:,} bytes",
    "calls": "{:,} tool calls",
    "image": "an image of {:,} bytes in the answer",
    "image sent": "an image of {:,} bytes in the request",
}


def large(rows: Row) -> str:
    lines = []
    for line in rows:
        quarter, whole = line["quarter"], line["whole"]
        grows = _value(whole, "cpu"), _value(quarter, "cpu")
        lines.append(
            [
                f"{_KINDS[line['kind']].format(line['size'])}, {'core' if line['core'] else 'LangChain'}",
                _figure(quarter, "cpu"),
                _figure(whole, "cpu"),
                _times(*grows),
                _figure(quarter, "memory"),
                _figure(whole, "memory"),
            ]
        )
    head = ("", "CPU ms of a quarter", "CPU ms", "4x as much takes", "peak MB of a quarter", "peak MB")
    return _table(head, lines)


def videos(rows: Row) -> str:
    return _table(
        ("", "wall s", "CPU", "peak MB", "open sockets"),
        (
            [
                line["name"],
                _figure(line, "wall", 2),
                _figure(line, "cpu", 2) + (" ms a job" if "sockets" in line else " s"),
                _figure(line, "memory", 1),
                _figure(line, "sockets") if "sockets" in line else "",
            ]
            for line in rows
        ),
    )


SHOWN: dict[str, Callable[[Row], str]] = {
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


def machine(facts: dict[str, Any]) -> str:
    """Where and when, and the versions."""
    versions: dict[str, str] = {}
    for found in facts["versions"].values():
        versions |= {name: version for name, version in found.items() if version > versions.get(name, "")}
    listed = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    measured = ", ".join(f"`{row}` {when}" for row, when in facts["when"].items())
    return f"{facts['machine']}.\n\nMeasured: {measured}.\n\nVersions: {listed}."
