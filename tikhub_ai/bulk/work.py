"""What a bulk job asks of each row, whatever its kind. Travels to workers by pickle, without any key."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

import orjson

from tikhub_ai.bulk.checkpoints import ADDRESS
from tikhub_ai.errors import ConfigurationError, InvalidRequestError, check_whole
from tikhub_ai.pace import Pace
from tikhub_ai.secret_values import Key, secret_proxy
from tikhub_ai.settings import Settings

ColumnKind: TypeAlias = Literal["text", "number", "whole number", "vector"]
"""What a column holds: strings, 64-bit floats, 64-bit integers, or lists of 32-bit floats; and nulls, each of them."""
Came: TypeAlias = Callable[[Sequence[int], Sequence[bytes]], None]
"""Is told what has come, as soon as it has: the positions of rows in their request, and their answers as bytes."""

_VERSION = 1
"""Of the answers' bytes and of what is hashed: another one asks for everything anew."""


@dataclass(slots=True)
class Ask:
    """A row that can be asked.

    Attributes:
        content: What is sent.
        address: What its answer is found by: a hash of it.
        tokens: How many it is worth, as estimated.
    """

    content: Any
    address: bytes
    tokens: int


class Client(Protocol):
    """What a worker asks with: one for each, safe for threads."""

    def __call__(self, asks: Sequence[Ask], came: Came) -> None:
        """Make the request for some rows. Raises `TikHubAIError`."""


@dataclass(frozen=True, kw_only=True)
class BulkWork(ABC):
    """What all kinds of work have in common.

    Attributes:
        column: The column that is read.
        into: The column that is added, and what the names of further ones begin with.
        error: The column that says why a row has no answer: null where it has one.
        distinct_by: A column of text or whole numbers. Rows that ask the same are asked once, and share the answer,
            unless this column tells them apart. None tells none apart.
        settings: Key, address, timeouts and retries; or a function that makes them in each worker, for what cannot
            travel (secret headers, a proxy with a password, a client of your own). By default, with eight retries. A
            key given as text does not travel: let it come from the environment of the workers or from a function.
        max_concurrency: Most requests at once of one worker.
        give_up_after: So many requests in a row that failed though they might have succeeded (the server is down, the
            network is gone) end the job, in place of giving each further row an error.
    """

    kind: ClassVar[str]
    model: str
    column: str
    into: str
    error: str = "error"
    distinct_by: str | None = None
    settings: Settings | Callable[[], Settings] = field(default_factory=lambda: Settings(max_retries=8), repr=False)
    max_concurrency: int = 16
    give_up_after: int = 64

    def __post_init__(self) -> None:
        if not self.model or not isinstance(self.model, str):
            raise ConfigurationError("No model was named: give model=, a string.")
        check_whole(
            1, max_concurrency=self.max_concurrency, give_up_after=self.give_up_after, batch_size=self.batch_size
        )
        self._check_names()
        given: Any = self.settings
        if not isinstance(given, Settings):
            if not callable(given) or inspect.iscoroutinefunction(given):
                raise ConfigurationError("settings must be Settings, or a function that returns them.")
            return
        if isinstance(given.api_key, Key) and given.api_key.variable is None:
            raise ConfigurationError(
                "A key given as text does not travel to workers: set TIKHUB_AI_API_KEY in their environment, or give a "
                "function of a module, Settings(api_key=read_key)."
            )
        for name in ("default_headers", "http_client", "http_async_client"):
            if getattr(given, name):
                raise ConfigurationError(
                    f"{name} does not travel to workers: give settings=make_settings, a function that returns Settings "
                    "with it, and is called in each of them."
                )
        if given.proxy is not None and "@" in secret_proxy(given.proxy).get_secret_value():
            raise ConfigurationError(
                "A proxy's password does not travel to workers: give settings=make_settings, a function that returns "
                "Settings with it, and is called in each of them."
            )

    def _check_names(self) -> None:
        """Look at the names of columns: two of one name would be one, and an answer lost."""
        named = {"column": self.column, "into": self.into, "error": self.error}
        if self.distinct_by is not None:
            named["distinct_by"] = self.distinct_by
        for name, value in named.items():
            if not isinstance(value, str) or not value:
                raise ConfigurationError(f"{name} must be the name of a column, a string, not {value!r}.")
        read, added = {self.column, self.distinct_by}, [*self.columns, self.error]
        if twice := [name for name in added if name in read or added.count(name) > 1]:
            raise ConfigurationError(f"Two columns would be named {twice[0]!r}: name another with into= or error=.")

    # --- what a job is ----------------------------------------------------------------------------------------------

    @property
    def batch_size(self) -> int:
        """Most rows of one request."""
        return 1

    @property
    @abstractmethod
    def columns(self) -> dict[str, ColumnKind]:
        """The columns that are added, but for the one of errors, and what they hold."""

    @property
    @abstractmethod
    def said(self) -> Mapping[str, Any]:
        """Whatever an answer depends on besides its row, the model and the gateway, as JSON."""

    def settings_here(self) -> Settings:
        """The settings of this process.

        Raises:
            ConfigurationError: The function returned none.
        """
        made: Any = self.settings if isinstance(self.settings, Settings) else self.settings()
        if not isinstance(made, Settings):
            raise ConfigurationError(f"The function that settings is must return Settings, not {type(made).__name__}.")
        return made

    def job(self, settings: Settings) -> bytes:
        """A digest of what all rows ask in common.

        Args:
            settings: Of this process.
        """
        parts = (_VERSION, self.kind, self.model, settings.base_url, self.said)
        whole = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS, default=repr)
        return blake2b(whole, digest_size=8).digest()

    @abstractmethod
    def ask(self, value: Any, mark: Any = None) -> Ask:
        """A row as it is asked.

        Args:
            value: Of `column`.
            mark: Of `distinct_by`.

        Raises:
            InvalidRequestError: It cannot be. Nothing is sent.
        """

    @abstractmethod
    def client(self, settings: Settings, pace: Pace | None = None) -> Client:
        """What asks, for one worker.

        Args:
            settings: Of this process.
            pace: Is asked for a place for each request; one that knows no limit by default.
        """

    @abstractmethod
    def read(self, answer: bytes) -> Sequence[Any]:
        """An answer's values, in the order of `columns`."""


def address_of(mark: Any, *pieces: bytes) -> bytes:
    """What the answer to a row is found by.

    Args:
        mark: Of `distinct_by`; None where nothing tells equal rows apart.
        *pieces: What is asked.
    """
    digest = blake2b(digest_size=ADDRESS)
    for piece in (b"" if mark is None else repr(mark).encode("utf-8", "surrogatepass"), *pieces):
        digest.update(len(piece).to_bytes(8, "little"))
        digest.update(piece)
    return digest.digest()


def utf8_of(value: Any, column: str) -> bytes:
    """A text as UTF-8.

    Raises:
        InvalidRequestError: It is none, or UTF-8 cannot carry it. The column is named.
    """
    if not isinstance(value, str):
        kind = "missing" if value is None else f"of type {type(value).__name__}, not a text"
        raise InvalidRequestError(f"{column} is {kind}.")
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        at = error.start
    raise InvalidRequestError(f"{column} holds half a character at {at}, which UTF-8 cannot carry.")


def refuse_others(what: str, kind: str, given: Mapping[str, Any], known: AbstractSet[str]) -> None:
    """Refuse settings that a kind of work does not have.

    Args:
        what: The work, in words.
        kind: What the settings are called.
        given: The settings.
        known: Those that it has.

    Raises:
        ConfigurationError: There are others, or they are no mapping.
    """
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"{kind}s must be a mapping, not a {type(given).__name__}.")
    if strange := sorted(map(str, given.keys() - known)):
        raise ConfigurationError(
            f"A bulk {what} has no {kind} {', '.join(map(repr, strange))}. Fields of the wire go in "
            f"{kind}s={{'extra_body': ...}}."
        )
