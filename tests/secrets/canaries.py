"""The canaries, and the search for them in whatever a program can show, keep or send on."""

from __future__ import annotations

import base64
import json
import pickle
import re
import types
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus

from tikhub_ai.media_client import MediaClient

_SECRETS = {
    "key": "4a7f91c0e2d8b653",
    "default header": "9c1e77b04d3fa826",
    "header of a call": "5d01aa6e88f2c497",
    "proxy password": "c3c9f15b70e6d214",
}
"""What is secret in each canary: 16 hex digits. Either half of them is a hit, since a key may be shown in part."""

KEY = f"sk-canary-{_SECRETS['key']}"
DEFAULT_HEADER = f"canary-{_SECRETS['default header']}"
CALL_HEADER = f"canary-{_SECRETS['header of a call']}"
PROXY_PASSWORD = _SECRETS["proxy password"]
DEFAULT_HEADERS = {"X-Default": DEFAULT_HEADER}
CALL_HEADERS = {"X-Call": CALL_HEADER}


def _in_base64(secret: str) -> Iterator[str]:
    """What of a text stays the same in base64 wherever it stands in the encoded bytes."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + secret.encode()).decode().rstrip("=")
        yield encoded[(0, 2, 3)[before] : -1]


_TRACES = [
    (trace, name)
    for name, secret in _SECRETS.items()
    for trace in (secret[:8], secret[8:], *_in_base64(secret), secret.encode().hex(), secret[::-1])
]
_ESCAPED = re.compile(r"\\u00([0-9a-fA-F]{2})|\\x([0-9a-fA-F]{2})")
_LEAVES = (int, float, complex, type(None), types.ModuleType, types.CodeType, types.FrameType, types.TracebackType)
_MOST = 20_000
_SHORT = 1_000


def named_in(text: str | bytes | bytearray | memoryview) -> set[str]:
    """Which canaries a text or bytes hold: plain or in halves, in base64, in hex, url-encoded, escaped or in UTF-16."""
    if isinstance(text, (bytes, bytearray, memoryview)):
        raw = bytes(text)
        text = raw.decode("latin-1") + raw.replace(b"\0", b"").decode("latin-1")
    return set(_named_in_short(text) if len(text) < _SHORT else _named_in(text))


def _named_in(text: str) -> tuple[str, ...]:
    plain = unquote_plus(text) if "%" in text or "+" in text else text
    if "\\" in plain:
        plain = _ESCAPED.sub(lambda found: chr(int(found[1] or found[2], 16)), plain)
    forms = {text, text.lower(), plain, plain.lower()}
    return tuple(name for form in forms for trace, name in _TRACES if trace in form)


_named_in_short = lru_cache(maxsize=20_000)(_named_in)
"""The same address, header or setting hangs on many things, and its text is shown by what it hangs on."""


def found_in(thing: Any) -> list[str]:
    """Where canaries lie in a thing: in its text, and in whatever can be reached from it.

    Attributes, slots, items, keys, closures, bound arguments, an exception's args, notes, cause and context: all are
    followed, names with underscores included. Classes and modules are not, nor the frames of a traceback: these hold
    the variables of the caller's own functions.

    Returns:
        A line for each hit: which canary, and the way to it. Empty where there is none.
    """
    hits: dict[str, None] = {}
    seen: dict[int, Any] = {}
    waiting: list[tuple[str, Any]] = [("", thing)]
    while waiting:
        path, item = waiting.pop()
        if isinstance(item, (str, bytes, bytearray, memoryview)):
            hits |= dict.fromkeys(f"{name} at {path or 'itself'}" for name in named_in(item))
            continue
        if isinstance(item, (type, *_LEAVES)) or id(item) in seen:
            continue
        seen[id(item)] = item
        assert len(seen) < _MOST, f"more than {_MOST} objects hang on {type(thing).__name__}; the last was at {path}"
        for view in (repr, str):
            hits |= dict.fromkeys(f"{name} at {view.__name__}({path or 'itself'})" for name in named_in(view(item)))
        if not isinstance(item, MediaClient):  # which must hold the key; a job leads to it, and so does its error
            waiting += [(f"{path}{step}", part) for step, part in _parts(item)]
    return list(hits)


def _parts(item: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(item, Mapping):
        for key, value in list(item.items()):
            yield f"[{key!r}]", value
            yield f"<key {key!r}>", key
    elif isinstance(item, (list, tuple, set, frozenset, deque)):
        for place, value in enumerate(item):
            yield f"[{place}]", value
    if isinstance(item, BaseException):
        yield ".args", item.args
        yield ".__cause__", item.__cause__
        yield ".__context__", item.__context__
        yield ".__notes__", getattr(item, "__notes__", None)
    if isinstance(item, (types.FunctionType, types.MethodType)):
        yield ".__self__", getattr(item, "__self__", None)
        yield ".__defaults__", item.__defaults__
        for cell in item.__closure__ or ():
            try:
                yield ".<closure>", cell.cell_contents
            except ValueError:  # not filled yet
                continue
        return
    yield from ((f".{name}", value) for name, value in list(getattr(item, "__dict__", {}).items()))
    for kind in type(item).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            full = f"_{kind.__name__.lstrip('_')}{name}" if name.startswith("__") and not name.endswith("__") else name
            if (value := getattr(item, full, None)) is not None:
                yield f".{full}", value
    if is_dataclass(item) and not isinstance(item, type):
        yield from ((f".{field.name}", getattr(item, field.name, None)) for field in fields(item))
    if hasattr(item, "func") and hasattr(item, "keywords"):  # functools.partial
        yield ".<arguments>", (item.func, item.args, item.keywords)


class Search:
    """Looks, counts where it looked, and keeps what it found."""

    def __init__(self) -> None:
        self.places: Counter[str] = Counter()
        self.hits: list[str] = []

    @property
    def searched(self) -> int:
        """How many places were looked into."""
        return self.places.total()

    def through(self, place: str, thing: Any) -> None:
        """Nothing that can be reached from a thing holds a canary."""
        self._judge(place, found_in(thing))

    def shown(self, place: str, thing: Any) -> None:
        """A thing that must hold a secret shows it in no text of its own."""
        views = [repr(thing), str(thing), f"{thing}", f"{[thing]}", f"{thing!a}"]
        self._judge(place, [f"{name} in a text" for view in views for name in named_in(view)])

    def pickled(self, place: str, thing: Any) -> None:
        """No protocol's pickle of a thing holds a secret."""
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            try:
                made = pickle.dumps(thing, protocol)
            except TypeError:
                assert protocol < 2, "only the first two protocols cannot pickle a class with slots"
                continue
            self._judge(f"{place}, protocol {protocol}", sorted(named_in(made)))

    def json(self, place: str, thing: Any) -> None:
        """A value, and what it becomes as JSON."""
        self.through(place, thing)
        self.through(f"{place}, as JSON", json.dumps(thing, default=repr))

    def _judge(self, place: str, hits: list[str]) -> None:
        self.places[place] += 1
        self.hits += (found := [f"{place}: {hit}" for hit in hits])
        assert not found, f"a secret is seen in {place}: {hits}"


search = Search()
"""The one of this test run."""
