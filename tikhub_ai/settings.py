"""Key, base URL, timeouts and retries: read and normalised."""

from __future__ import annotations

import inspect
import math
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from functools import lru_cache, wraps
from hashlib import blake2b
from numbers import Real
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, TypeVar, cast, get_args
from urllib.parse import urlsplit

from pydantic import BeforeValidator, SecretStr

from tikhub_ai.errors import ConfigurationError, MissingKeyError, TikHubAIError, check_whole
from tikhub_ai.lazy_types import LazyTypes
from tikhub_ai.secret_values import (
    MISSING_KEY,
    WITHHELD,
    Key,
    Refused,
    SecretHeaders,
    SecretProxy,
    seal,
    secret_key,
    secret_proxy,
)

if TYPE_CHECKING:
    import ssl

    import httpx
    import httpx2
else:
    ssl, httpx, httpx2 = LazyTypes("ssl"), LazyTypes("httpx"), LazyTypes("httpx2")

KEY_VARIABLES = ("TIKHUB_AI_API_KEY", "TIKHUB_API_KEY")
"""Environment variables that may hold the key, in order."""

KeyFunction: TypeAlias = Callable[[], str | Awaitable[str]]
"""Returns the key at each request, so that it may rotate; may be async where only async calls are made."""
ApiKey: TypeAlias = str | SecretStr | KeyFunction | None
BASE_URL_VARIABLE = "TIKHUB_AI_BASE_URL"
DEFAULT_BASE_URL = "https://ai.tikhub.io"

CONNECT_TIMEOUT = 10.0
PLAIN_READ_TIMEOUT = 600.0
STREAM_READ_TIMEOUT = 120.0

HttpBackend: TypeAlias = Literal["auto", "httpx", "httpx2", "aiohttp"]
"""Which HTTP library makes the calls. See `Settings`."""

_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]+")


def key_source(api_key: Any) -> Key | KeyFunction | None:
    """The key as it is to be kept: one that pickles as its source.

    Args:
        api_key: As the user gave it. None reads `TIKHUB_AI_API_KEY`, else `TIKHUB_API_KEY`, now.

    Returns:
        A `Key`; the function itself, which pickles by reference; or None where there is no key yet, so that the
        environment is read again at each call.

    Raises:
        ConfigurationError: It is none of these.
    """
    match api_key:
        case str() | SecretStr():
            return secret_key(api_key)
        case None:
            return environment_key()
    if callable(api_key):
        function: KeyFunction = api_key
        return function
    # What is refused may be secret all the same.
    refused = api_key = api_key if isinstance(api_key, Refused) else Refused(api_key)
    raise ConfigurationError(f"api_key must be a string or a function that returns one, not {refused.kind}.")


def _sealed_key(given: Any) -> Any:
    """What `api_key` gave: a key, something to be awaited, None, or what is neither."""
    if isinstance(given, (str, SecretStr)):
        return secret_key(given)
    return given if given is None or inspect.isawaitable(given) else Refused(given)


def environment_key() -> Key | None:
    """The key that the environment holds, or None."""
    return next((Key(value, name) for name in KEY_VARIABLES if (value := os.environ.get(name))), None)


KeyField: TypeAlias = Annotated[SecretStr | KeyFunction | None, BeforeValidator(key_source)]
"""The pydantic field that holds a key, in every class of both frameworks. Nothing else is needed: no `__getstate__`.

    api_key: KeyField = Field(default=None, validate_default=True, exclude=True, repr=False)

With `validate_default` the environment is read at construction. Pass the field's value on as `Settings(api_key=...)`.
The model needs `hide_input_in_errors=True` in its config, since pydantic quotes what it refuses.
"""
HeadersField: TypeAlias = SecretHeaders | None
"""The pydantic field that holds the caller's headers. It takes any mapping from text to text.

    default_headers: HeadersField = Field(default=None, exclude=True, repr=False)
"""
ProxyField: TypeAlias = Annotated[SecretStr | None, BeforeValidator(secret_proxy)]
"""The pydantic field that holds a proxy's address.

    proxy: ProxyField = Field(default=None, exclude=True, repr=False)
"""


_PRINTABLE = re.compile(r"[^\s\\\x00-\x20\x7f-\xa0]+")


@dataclass(slots=True, frozen=True)
class Timeouts:
    """Seconds for each phase of a request; None waits for ever.

    Attributes:
        connect: To open the connection, TLS included.
        read: The longest silence: before the answer, and between real events of a stream.
        write: The longest pause while sending.
        pool: To get a connection from the pool.
    """

    connect: float | None = CONNECT_TIMEOUT
    read: float | None = PLAIN_READ_TIMEOUT
    write: float | None = PLAIN_READ_TIMEOUT
    pool: float | None = PLAIN_READ_TIMEOUT


_PHASES = tuple(phase.name for phase in fields(Timeouts))


def checked_timeout(timeout: Any) -> float | Timeouts | None:
    """A timeout as it is kept.

    Args:
        timeout: None for our own; seconds, also as text; `(connect, read)`, with `write` and `pool` behind it where
            they are another than `read`; an `httpx.Timeout` or `httpx2.Timeout`; or a dict of their four names. In the
            last three, None is no limit.

    Returns:
        Seconds, for every phase; the phases; or None.

    Raises:
        ConfigurationError: It is no time that a call could take.
    """
    if timeout is None:
        return None
    if isinstance(timeout, (tuple, list)):
        if not 2 <= len(timeout) <= 4:
            raise _no_timeout(timeout)
        connect, read, *others = timeout
        write, pool = (*others, *[read] * (2 - len(others)))
        given: Mapping[str, Any] = {"connect": connect, "read": read, "write": write, "pool": pool}
    elif isinstance(timeout, Mapping):
        given = timeout
    elif all(hasattr(timeout, phase) for phase in _PHASES):
        given = {phase: getattr(timeout, phase) for phase in _PHASES}
    else:
        seconds = _seconds(timeout, timeout)
        return seconds if seconds is not None else Timeouts(None, None, None, None)
    if unknown := sorted(map(str, given.keys() - set(_PHASES))):
        raise ConfigurationError(f"timeout has no phase {', '.join(unknown)}: use {', '.join(_PHASES)}.")
    return Timeouts(
        **{phase: None if seconds is None else _seconds(seconds, timeout) for phase, seconds in given.items()}
    )


def _seconds(given: Any, whole: Any) -> float | None:
    """Seconds as a number; None for infinitely many.

    Raises:
        ConfigurationError: They are none.
    """
    if isinstance(given, bool) or not isinstance(given, (Real, Decimal, str)):
        raise _no_timeout(whole)
    try:
        seconds = float(given)
    except (ValueError, OverflowError):
        raise _no_timeout(whole) from None
    if not seconds > 0:  # not a number is none either
        raise _no_timeout(whole)
    return seconds if math.isfinite(seconds) else None


def _no_timeout(given: Any) -> ConfigurationError:
    return ConfigurationError(
        f"timeout={given!r} cannot work: give seconds above 0, (connect, read) in seconds, or an httpx.Timeout."
    )


@dataclass(slots=True, frozen=True)
class Retry:
    """A request that is about to go out again: what `Settings.on_retry` is called with, before the wait.

    Attributes:
        path: Path of the request, such as `/v1/chat/completions`.
        attempt: The number of the attempt that failed, from 1.
        wait: Seconds until the next.
        error: Why it failed.
        is_amended: Whether something else is sent: the server refused a part of the request that can be left out.
    """

    path: str
    attempt: int
    wait: float
    error: TikHubAIError
    is_amended: bool = False


OnRetry: TypeAlias = Callable[[Retry], object]
"""Is told of each retry. Called where the call is made, in async calls on the event loop, so it must not block. What it
raises ends the call."""


def normalised_base_url(base_url: str | None) -> str:
    """The gateway's address without `/v1`, `/v1beta` and trailing slashes.

    Args:
        base_url: As the user gave it; None or empty reads `TIKHUB_AI_BASE_URL`, else the public gateway.

    Raises:
        ConfigurationError: It is no http(s) address, or holds credentials, a query, a fragment, or characters that no
            address may hold.
    """
    if base_url is not None and not isinstance(base_url, str):
        raise ConfigurationError(f"base_url must be a string, not {type(base_url).__name__}.")
    return _normalised((base_url or os.environ.get(BASE_URL_VARIABLE) or DEFAULT_BASE_URL).strip())


@lru_cache(maxsize=128)
def _normalised(url: str) -> str:
    if not _PRINTABLE.fullmatch(url):  # urlsplit drops line ends, and HTTP libraries differ in what they do with others
        raise ConfigurationError("base_url holds spaces, line ends or other characters that no address may hold.")
    try:
        parts = urlsplit(url)
        _ = parts.port, parts.hostname
    except ValueError:
        raise ConfigurationError(
            f"base_url is no address: its host or port cannot be read. Such as {DEFAULT_BASE_URL!r}."
        ) from None
    if parts.username or parts.password:
        raise ConfigurationError("base_url holds credentials; give them as api_key= or default_headers= instead.")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        shown = re.split(r"[?#]", url.rpartition("@")[2], maxsplit=1)[0]  # what is refused may hold credentials
        raise ConfigurationError(f"base_url {shown!r} is no address with a scheme, such as {DEFAULT_BASE_URL!r}.")
    if {".", ".."} & set(parts.path.split("/")):
        raise ConfigurationError("base_url may hold no '.' and no '..' in its path: HTTP libraries differ on them.")
    if parts.query or parts.fragment:
        shown = re.split(r"[?#]", url, maxsplit=1)[0]
        raise ConfigurationError(f"base_url {shown!r} may hold no query and no fragment.")
    return re.sub(r"/(v1|v1beta)$", "", url.rstrip("/")).rstrip("/")


_ClassT = TypeVar("_ClassT", bound=type)


def _sealing(cls: _ClassT) -> _ClassT:
    """A dataclass whose constructor holds no secret in the open, should it refuse its arguments."""
    init: Any = cls.__init__  # type: ignore[misc]  # of a class, as a decorator finds it
    known = {one.name for one in fields(cls)}

    @wraps(init)
    def sealed_init(self: Any, **given: Any) -> None:
        given = seal(given)
        if unknown := sorted(given.keys() - known):
            self = None  # an object without its attributes cannot be shown
            raise TypeError(f"{cls.__name__}() has no argument {unknown[0]!r}.")
        init(self, **given)

    cls.__init__ = sealed_init  # type: ignore[misc]  # as above
    return cls


@_sealing
@dataclass(slots=True, kw_only=True)
class Settings:
    """What every client of the gateway is set up with.

    Args:
        api_key: The key, or a function that gives it (sync, or async for async calls). None reads the environment:
            `TIKHUB_AI_API_KEY`, else `TIKHUB_API_KEY`, at each call.
        base_url: The gateway's address, with or without `/v1`; None reads `TIKHUB_AI_BASE_URL`.
        timeout: Seconds of silence allowed, `(connect, read)`, or a `Timeout` of httpx or httpx2. None: 10 to connect,
            600 for a plain answer, 120 between the events of a stream. Headers that come bit by bit, comments of a
            stream and blank lines before a plain answer are silence.
        max_retries: Further requests after the first, for failures that may pass.
        retry_deadline: Seconds after which no further request of one call is begun. A flowing stream is not bounded.
        retry_wait: Seconds before the first retry, where the server does not say (`Retry-After`). Doubled for each
            further one, up to 8; up to a quarter less at random. What the server says is waited, and up to a quarter
            more at random.
        max_retry_after: The longest wait in seconds that the server may ask for. Where it asks for more, the call fails
            at once; the error's `retry_after` says when to ask again.
        on_retry: Called with a `Retry` before each wait, such as to count them.
        default_headers: Sent with every request. Secret.
        http_client: Your own `httpx.Client` or `httpx2.Client`, used as it is and never closed here.
        http_async_client: Your own `httpx.AsyncClient` or `httpx2.AsyncClient`, used as it is and never closed here.
        proxy: Proxy address; None reads the environment as httpx does.
        verify: TLS verification: True, False, a CA file's path or an `ssl.SSLContext`.
        http_backend: The HTTP library: `auto`, which is httpx, and aiohttp for async calls where it is installed;
            `httpx` or `httpx2` for all calls; `aiohttp` for async ones. An injected client is used in any case.
        auth_header: The header that carries the key, for every API. None: the API's own, `x-api-key` for messages,
            `x-goog-api-key` for generate_content, `authorization` for the others. `authorization` carries it as a
            bearer token.
        max_event_bytes: Most bytes of one event of a stream, 256 MiB unless set. A larger one, such as an endless line
            of a broken server, is an InvalidResponseError.
        max_response_bytes: Most bytes of one answer in memory, plain or streamed, decompressed; 1 GiB unless set. A
            longer one, such as of a server that sends zeros in gzip, is an InvalidResponseError; so is one whose
            framing alone (chunk extensions, trailers, empty blocks of gzip) has twice as many, and one whose headers,
            with the interim answers before them, have more than 96 KiB. Files that are downloaded go to the disk, and
            count only where they come compressed, as films do not.

    Raises:
        ConfigurationError: One of them cannot work.
    """

    api_key: ApiKey = field(default=None, repr=False)
    base_url: str | None = None
    timeout: float | str | tuple[float | None, ...] | httpx.Timeout | httpx2.Timeout | Timeouts | None = None
    max_retries: int = 2
    retry_deadline: float = 300.0
    retry_wait: float = 0.5
    max_retry_after: float = 60.0
    on_retry: OnRetry | None = field(default=None, repr=False)
    default_headers: Mapping[str, str] | SecretHeaders | None = field(default=None, repr=False)
    http_client: httpx.Client | httpx2.Client | None = field(default=None, repr=False)
    http_async_client: httpx.AsyncClient | httpx2.AsyncClient | None = field(default=None, repr=False)
    proxy: str | SecretStr | None = field(default=None, repr=False)
    verify: bool | str | ssl.SSLContext = field(default=True, repr=False)
    http_backend: HttpBackend = "auto"
    auth_header: str | None = None
    max_event_bytes: int = 256 * 1024 * 1024
    max_response_bytes: int = 1024 * 1024 * 1024

    def __post_init__(self) -> None:
        self.base_url = normalised_base_url(self.base_url)
        if self.api_key is not None:
            self.api_key = key_source(self.api_key)
        self.default_headers = SecretHeaders.of(self.default_headers)
        if self.default_headers is not None and (why := self.default_headers.unsendable(travelled=True)):
            raise ConfigurationError(why)  # those that did not travel may be given again before the first call
        if isinstance(self.proxy, Refused):
            raise ConfigurationError(f"proxy must be a string, not {self.proxy.kind}.")
        self.proxy = secret_proxy(self.proxy)
        self.timeout = checked_timeout(self.timeout)
        check_whole(0, max_retries=self.max_retries)
        check_whole(1, max_event_bytes=self.max_event_bytes, max_response_bytes=self.max_response_bytes)
        for name in ("retry_deadline", "retry_wait", "max_retry_after"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
                raise ConfigurationError(f"{name} must be a number of seconds from 0 up, not {value!r}.")
        if self.on_retry is not None and not callable(self.on_retry):
            raise ConfigurationError(f"on_retry must be a function, not {type(self.on_retry).__name__}.")
        if self.http_backend not in get_args(HttpBackend):
            known = ", ".join(map(repr, get_args(HttpBackend)))
            raise ConfigurationError(f"http_backend {self.http_backend!r} is not known; use one of {known}.")
        if self.auth_header is not None:
            if not isinstance(self.auth_header, str) or SecretHeaders({self.auth_header: ""}).unsendable():
                raise ConfigurationError(f"auth_header={self.auth_header!r} cannot be the name of a header.")
            self.auth_header = self.auth_header.lower()

    @classmethod
    def from_fields(cls, owner: object, **instead: Any) -> Settings:
        """Settings from an object with attributes of the same names, such as a framework's class; others stay default.

        Args:
            owner: The object.
            **instead: Settings that count in place of the object's.

        Raises:
            ConfigurationError: One of them cannot work.
        """
        return cls(**{name: getattr(owner, name) for name in cls.__slots__ if hasattr(owner, name)} | instead)

    def identity(self, extra_headers: Mapping[str, str] | SecretHeaders | None = None) -> str:
        """A digest that two callers share only where the gateway cannot tell them apart: by address, key and headers.

        For caches of answers. It is the same in every process, and keyed by the API key, so that nothing can be guessed
        from it. An async function that returns the key cannot be asked here: it counts by its name.

        Args:
            extra_headers: Headers of one call.
        """
        try:
            key = self.key()
        except ConfigurationError:
            key = Key(f"{getattr(self.api_key, '__module__', '')}.{getattr(self.api_key, '__qualname__', '')}")
        digest = blake2b(key=blake2b(key.get_secret_value().encode()).digest(), digest_size=16)
        digest.update(f"{self.base_url}\0{self.auth_header or ''}".encode())
        for headers in (SecretHeaders.of(self.default_headers), SecretHeaders.of(extra_headers)):
            digest.update(repr(sorted((headers or SecretHeaders()).merged().digests().items())).encode())
        return digest.hexdigest()

    def key(self) -> Key:
        """The key, for a sync call.

        Raises:
            MissingKeyError: There is none, or it is empty.
            ConfigurationError: `api_key` is async, or the key holds characters that no header can carry.
        """
        key = _sealed_key(self.api_key() if callable(self.api_key) else self.api_key)
        if inspect.isawaitable(key):
            if inspect.iscoroutine(key):
                key.close()
            raise ConfigurationError("api_key is an async function: use the async methods, or give a sync one.")
        return self._usable(key)

    async def akey(self) -> Key:
        """The key, for an async call. Raises as `key` does."""
        key = _sealed_key(self.api_key() if callable(self.api_key) else self.api_key)
        return self._usable(_sealed_key(await key) if inspect.isawaitable(key) else key)

    def _usable(self, key: Key | Refused | None) -> Key:
        if self.proxy is not None and self.proxy == SecretProxy(WITHHELD):
            raise ConfigurationError("proxy= held a password and was not pickled: give it again.")
        if isinstance(key, Refused):
            raise ConfigurationError(f"The function that api_key is must return a string, not {key.kind}.")
        key = environment_key() if key is None else key
        if key is not None and key.is_usable:
            return key
        if key is None or not key.get_secret_value().strip():
            raise MissingKeyError(MISSING_KEY if key is None else key.remedy)
        if not _VISIBLE_ASCII.fullmatch(key.get_secret_value().strip()):
            raise ConfigurationError("The API key holds spaces, line ends or non-ASCII characters: copy it again.")
        key = key.stripped()
        key.is_usable = True
        return key

    def timeouts(self, *, stream: bool) -> Timeouts:
        """The timeout of each phase, for a plain call or a stream."""
        read = STREAM_READ_TIMEOUT if stream else PLAIN_READ_TIMEOUT
        if self.timeout is None:
            return Timeouts(read=read)
        if isinstance(self.timeout, Timeouts):
            return self.timeout
        seconds = float(cast("float", self.timeout))
        return Timeouts(connect=min(CONNECT_TIMEOUT, seconds), read=seconds, write=seconds, pool=seconds)
