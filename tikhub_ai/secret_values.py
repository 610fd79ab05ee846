"""Values that nobody may see: the key, a proxy's address, headers of the caller. Opaque, and never pickled.

Whatever walks a program's variables (Sentry, rich, `pytest -l`, `TracebackException(capture_locals=True)`) reads texts
and goes through mappings, sequences and dataclasses. So none of these is one. `get_secret_value()` opens them; what it
gives is passed on within the same expression and bound to no name, since an error shows the names of every frame that
it passes.
"""

from __future__ import annotations

import os
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping
from hashlib import blake2b
from typing import Any

from pydantic import GetCoreSchemaHandler, SecretStr
from pydantic_core import CoreSchema, core_schema

WITHHELD = "\0withheld"
"""Stands for a value that was not pickled; no header and no address can carry it."""

MISSING_KEY = (
    "No TikHub AI key: set the environment variable TIKHUB_AI_API_KEY, or give api_key=. "
    "Keys (sk-...) are made in the console of https://ai.tikhub.io."
)
_KEY_WITHHELD = (
    "The API key was given as text, and such a key is never pickled, so this copy has none. Give it again "
    "with api_key=, or, before pickling, let it come from the environment variable TIKHUB_AI_API_KEY or a function."
)


class Key(SecretStr):
    """An API key that knows where it came from, and pickles as that, never as its text.

    Read from an environment variable, it is read there again by the same name when it is unpickled. Given as text, it
    does not travel: the copy is empty, and its first call raises MissingKeyError. Copies within the process keep it.

    Attributes:
        variable: The environment variable it was read from, or None.
        remedy: What to do where it is empty.
    """

    def __init__(self, secret_value: str, variable: str | None = None, remedy: str = MISSING_KEY) -> None:
        super().__init__(secret_value)
        self.variable = variable
        self.remedy = remedy

    def __reduce__(self) -> tuple[Any, ...]:
        return _key_elsewhere, (self.variable,)

    def __copy__(self) -> Key:
        return self

    def __deepcopy__(self, _memo: dict[int, Any]) -> Key:
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretStr) and self.get_secret_value() == other.get_secret_value()

    __hash__ = SecretStr.__hash__


def _key_elsewhere(variable: str | None) -> Key:
    """What a key is where it is unpickled. No other key takes its place."""
    if variable is None:
        return Key("", remedy=_KEY_WITHHELD)
    remedy = f"The API key comes from the environment variable {variable}, not set in this process: set it here too."
    return Key(os.environ.get(variable, ""), variable, remedy)


class SecretProxy(SecretStr):
    """A proxy's address: shown without its credentials, and not pickled where it has any.

    The first call of an unpickled copy raises ConfigurationError, since no other way to the gateway was asked for.
    """

    def __str__(self) -> str:
        return self.get_secret_value().rpartition("@")[2]

    def __repr__(self) -> str:
        return f"SecretProxy({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        address = self.get_secret_value()
        return SecretProxy, (WITHHELD if "@" in address else address,)

    def __copy__(self) -> SecretProxy:
        return self

    def __deepcopy__(self, _memo: dict[int, Any]) -> SecretProxy:
        return self


def secret_proxy(proxy: Any) -> Any:
    """A proxy's address as it is kept; what is no address is left for others to refuse."""
    match proxy:
        case SecretProxy():
            return proxy
        case SecretStr():
            return SecretProxy(proxy.get_secret_value())
        case str():
            return SecretProxy(proxy)
    return proxy


class SecretHeaders:
    """Headers of the caller: shown by name only, and pickled by name only.

    Reads as a dict does (`headers["X-Tenant"]`, `dict(headers)`, `headers == {...}`) but is none, nor any other
    `Mapping`: tools that walk a program's variables would show its values.

    Their values may be credentials, and do not travel: the first call of an unpickled copy raises ConfigurationError.

    Args:
        headers: Names and values, which may be `SecretStr`s; copied.
    """

    __slots__ = ("_values",)

    def __init__(self, headers: Mapping[str, str] | SecretHeaders | Iterable[tuple[str, str]] = ()) -> None:
        given: dict[str, Any] = dict(headers)
        self._values: dict[str, str] = {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in given.items()
        }

    @classmethod
    def of(cls, headers: Mapping[str, str] | SecretHeaders | None) -> SecretHeaders | None:
        """Headers as they are kept: the same object where they are secret already, None where there are none."""
        return headers if headers is None or isinstance(headers, SecretHeaders) else cls(headers)

    def get_secret_value(self) -> dict[str, str]:
        """A dict of them, in the open."""
        return dict(self._values)

    def digests(self) -> dict[str, str]:
        """The name of each header and a digest of its value, by which two callers differ."""
        return {
            name: blake2b(str(value).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
            for name, value in self._values.items()
        }

    def items(self) -> ItemsView[str, str]:
        """Names with values, in the open."""
        return self._values.items()

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._values.keys()

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __setitem__(self, name: str, value: str) -> None:
        self._values[name] = value

    def __delitem__(self, name: str) -> None:
        del self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __eq__(self, other: object) -> bool:
        if isinstance(other, SecretHeaders):
            return self._values == other._values
        return self._values == other if isinstance(other, Mapping) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # it can be changed, as a dict can

    def __repr__(self) -> str:
        return f"SecretHeaders({', '.join(sorted(map(str, self._values)))})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _headers_elsewhere, (sorted(self._values),)

    def __copy__(self) -> SecretHeaders:
        return SecretHeaders(self)

    def __deepcopy__(self, _memo: dict[int, Any]) -> SecretHeaders:
        return SecretHeaders(self)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """Made of a mapping from text to text; dumped, should somebody do so, as its names."""
        return core_schema.no_info_wrap_validator_function(
            lambda given, read: given if isinstance(given, cls) else cls(read(given)),
            core_schema.dict_schema(core_schema.str_schema(), core_schema.str_schema()),
            serialization=core_schema.plain_serializer_function_ser_schema(sorted),
        )


def _headers_elsewhere(names: list[str]) -> SecretHeaders:
    return SecretHeaders(dict.fromkeys(names, WITHHELD))
