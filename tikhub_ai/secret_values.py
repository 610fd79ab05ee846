"""Values that nobody may see: the key, a proxy's address, headers of the caller. Opaque, and never pickled.

Whatever walks a program's variables (Sentry, rich, `pytest -l`, `TracebackException(capture_locals=True)`) reads texts
and goes through mappings, sequences and dataclasses. So none of these is one. `get_secret_value()` opens them; what it
gives is passed on within the same expression and bound to no name, since an error shows the names of every frame that
it passes.
"""

from __future__ import annotations

import os
import re
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from pydantic import GetCoreSchemaHandler, SecretStr, ValidatorFunctionWrapHandler
from pydantic_core import CoreSchema, core_schema

from tikhub_ai.errors import ConfigurationError

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")  # beyond ASCII, HTTP libraries differ in what they send
_OF_THE_CONNECTION = frozenset(
    {"connection", "content-encoding", "content-length", "expect", "keep-alive", "proxy-connection", "te", "trailer",
     "transfer-encoding", "upgrade"}
)  # fmt: skip
"""Headers that say how a request travels, which the HTTP library alone knows: RFC 9110, 7.6.1 and 8.6."""

_LISTS = frozenset({"anthropic-beta", "openai-beta"})
"""Headers that switch on one thing and another: what a call adds takes nothing away that the rest of it needs."""
_VERSION = re.compile(r"[-=](?:\d{4}-\d\d-\d\d|v\d+)$")

WITHHELD = "\0withheld"
"""Stands for a value that was not pickled; no header and no address can carry it."""

MISSING_KEY = (
    "No TikHub AI key: set the environment variable TIKHUB_AI_API_KEY, or give api_key=. "
    "Keys (sk-...) are made in the console of https://ai.tikhub.io."
)
_KEY_WITHHELD = (
    "The API key was given as text, and such a key is never pickled, so this copy has none. For work in several "
    "processes (LlamaIndex's num_workers), set the environment variable TIKHUB_AI_API_KEY, or give a function: "
    "api_key=read_key. A copy of your own is given it again with api_key=."
)


class Key(SecretStr):
    """An API key that knows where it came from, and pickles as that, never as its text.

    Read from an environment variable, it is read there again by the same name when it is unpickled. Given as text, it
    does not travel: the copy is empty, and its first call raises MissingKeyError. Copies within the process keep it.
    It equals its text.

    Attributes:
        variable: The environment variable it was read from, or None.
        remedy: What to do where it is empty.
        is_usable: Whether it was found to be one that a header can carry. No key changes.
    """

    is_usable = False

    def __init__(self, secret_value: str, variable: str | None = None, remedy: str = MISSING_KEY) -> None:
        super().__init__(secret_value)
        self.variable = variable
        self.remedy = remedy

    def stripped(self) -> Key:
        """The key without white space around it."""
        if self.get_secret_value().strip() == self.get_secret_value():
            return self
        return Key(self.get_secret_value().strip(), self.variable, self.remedy)

    def __reduce__(self) -> tuple[Any, ...]:
        return _key_elsewhere, (self.variable,)

    def __copy__(self) -> Key:
        return self

    def __deepcopy__(self, _memo: dict[int, Any]) -> Key:
        return self

    def __eq__(self, other: object) -> bool:
        if isinstance(other, SecretStr):
            return self.get_secret_value() == other.get_secret_value()
        return self.get_secret_value() == other if isinstance(other, str) else NotImplemented

    __hash__ = SecretStr.__hash__


def secret_key(key: str | SecretStr) -> Key:
    """A key as it is kept."""
    return key if isinstance(key, Key) else Key(key.get_secret_value() if isinstance(key, SecretStr) else key)


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

    def __init__(
        self, headers: Mapping[str, str | SecretStr] | SecretHeaders | Iterable[tuple[str, str | SecretStr]] = ()
    ) -> None:
        given: dict[str, Any] = dict(headers)
        self._values: dict[str, str] = {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in given.items()
        }

    @classmethod
    def of(cls, headers: Any) -> SecretHeaders | None:
        """Headers as they are kept: the same object where they are secret already, None where there are none.

        Raises:
            ConfigurationError: They are no mapping.
        """
        if headers is None or isinstance(headers, SecretHeaders):
            return headers
        if isinstance(headers, Mapping):
            return cls(headers)
        refused = headers = headers if isinstance(headers, Refused) else Refused(headers)
        raise ConfigurationError(f"Headers must be a mapping of names to values, not {refused.kind}.")

    def get_secret_value(self) -> dict[str, str]:
        """A dict of them, in the open."""
        return dict(self._values)

    def merged(self, *others: SecretHeaders | None) -> SecretHeaders:
        """These and others together, names in lower case; the last of a name wins, and lists of betas are joined."""
        merged = SecretHeaders()
        for headers in (self, *others):
            for name, value in headers.items() if headers else ():
                name = name.lower()  # noqa: PLW2901
                merged[name] = _joined(merged[name], value) if name in _LISTS and name in merged else value
        return merged

    def unsendable(self, *, travelled: bool = False) -> str | None:
        """Why one of them cannot be sent, or None. Says no value.

        Args:
            travelled: Whether those that were not pickled may be missing still.
        """
        for name, value in self._values.items():
            if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
                return f"{name!r} cannot be the name of a header."
            if name.lower() in _OF_THE_CONNECTION:
                return f"Header {name!r} is set by the HTTP library: leave it out."
            if value == WITHHELD:
                if travelled:
                    continue
                return f"The value of header {name!r} may be secret and was not pickled: give the headers again."
            if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
                return f"Header {name!r} has a value that no header can carry."
        return None

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

        def kept(given: Any, read: ValidatorFunctionWrapHandler) -> SecretHeaders:
            if not isinstance(given, cls):
                return cls(read(given))
            if not all(isinstance(value, str) for value in given.get_secret_value().values()):
                raise ValueError("headers must be texts")
            return given

        return core_schema.no_info_wrap_validator_function(
            kept,
            core_schema.dict_schema(core_schema.str_schema(), core_schema.str_schema()),
            serialization=core_schema.plain_serializer_function_ser_schema(sorted),
        )


def _joined(first: Any, second: Any) -> Any:
    """Two lists of betas as one; of two versions of a beta, the second's counts."""
    if not (isinstance(first, str) and isinstance(second, str)) or WITHHELD in (first, second):
        return second
    named = {_VERSION.sub("", one): one for one in (part.strip() for part in f"{first},{second}".split(",")) if one}
    return ",".join(named.values())


def _headers_elsewhere(names: list[str]) -> SecretHeaders:
    return SecretHeaders(dict.fromkeys(names, WITHHELD))


class Secrets:
    """All that only the server may see of one call, so that it can be masked where the server repeats it."""

    __slots__ = ("_values",)

    def __init__(self, *values: str) -> None:
        self._values = values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)


class Refused:
    """Stands for an argument that ought to be a secret and is of another type.

    Attributes:
        kind: The type's name; of the value nothing is kept.
    """

    __slots__ = ("kind",)

    def __init__(self, value: object) -> None:
        self.kind = type(value).__name__


_SECRET_ARGUMENT = re.compile(r"(?:\w+_)?(api_key|proxy)|(?:(?:default|extra|additional)_)?(headers)")
_HOLDERS = frozenset({"model_kwargs", "additional_kwargs"})
"""Arguments that hold further ones."""
_HOLDERS_OF_VENDORS = frozenset({"http_options", "client_options", "client_args", "generation_config"})
"""Likewise, of the vendors' classes: dicts, or objects of their SDKs."""
_OF_ANOTHER_ACCOUNT = re.compile(r"aws_\w*(?:key|key_id|token)|azure_ad_token\w*|credentials|vertexai_config")
"""Secrets of a cloud that is not asked here. Nothing of them is kept."""


def seal(given: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments with those that are secret made opaque, whatever class knows them by whatever name.

    The first thing that a public function does with arguments that may hold a secret, so that no frame of ours shows
    one: `kwargs = seal(kwargs)`.
    """
    return {name: _sealed(name, value) if may_hold_a_secret(name) else value for name, value in given.items()}


@lru_cache(maxsize=1024)
def may_hold_a_secret(name: str) -> bool:
    """Whether an argument of some name holds a secret, or may hold further arguments that do."""
    return bool(secret_kind(name) or name in _HOLDERS | _HOLDERS_OF_VENDORS or _OF_ANOTHER_ACCOUNT.fullmatch(name))


def fields_of(value: Any) -> dict[str, Any] | None:
    """The fields of a dict or of a vendor's own object, by name; None for anything else."""
    if isinstance(value, Mapping):
        return dict(value)
    names = getattr(type(value), "model_fields", None)
    return {name: getattr(value, name) for name in names} if isinstance(names, Mapping) else None


@lru_cache(maxsize=1024)
def secret_kind(name: str) -> str | None:
    """Which secret an argument of some name holds: `api_key`, `proxy` or `headers`; None where it holds none."""
    found = _SECRET_ARGUMENT.fullmatch(name)
    return None if found is None else found[1] or found[2]


def _sealed(name: str, value: Any) -> Any:
    if name in _HOLDERS and isinstance(value, Mapping):
        return seal(value)
    if name in _HOLDERS_OF_VENDORS and (held := fields_of(value)) is not None:
        return seal(held)
    if value and _OF_ANOTHER_ACCOUNT.fullmatch(name):
        return Refused(value)
    match secret_kind(name):
        case None:
            return value
        case _ if value is None:
            return None
        case "headers":
            return SecretHeaders.of(value) if isinstance(value, (Mapping, SecretHeaders)) else Refused(value)
        case kind if isinstance(value, (str, SecretStr)):
            return secret_proxy(value) if kind == "proxy" else secret_key(value)
    return value if callable(value) else Refused(value)
