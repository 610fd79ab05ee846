"""Key, base URL, timeouts and retries: read and normalised."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import BeforeValidator, SecretStr

from tikhub_ai.errors import ConfigurationError, MissingKeyError
from tikhub_ai.secret_values import MISSING_KEY, WITHHELD, Key, SecretHeaders, secret_proxy

if TYPE_CHECKING:
    import ssl

    import httpx

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
        case Key():
            return api_key
        case SecretStr():
            return Key(api_key.get_secret_value())
        case str():
            return Key(api_key)
        case None:
            return environment_key()
    if callable(api_key):
        function: KeyFunction = api_key
        return function
    kind, api_key = type(api_key).__name__, None  # what is refused may be secret too
    raise ConfigurationError(f"api_key must be a string or a function that returns one, not {kind}.")


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


def normalised_base_url(base_url: str | None) -> str:
    """The gateway's address without `/v1`, `/v1beta` and trailing slashes.

    Args:
        base_url: As the user gave it; None or empty reads `TIKHUB_AI_BASE_URL`, else the public gateway.

    Raises:
        ConfigurationError: It is no http(s) address, or holds credentials, a query or a fragment.
    """
    url = (base_url or os.environ.get(BASE_URL_VARIABLE) or DEFAULT_BASE_URL).strip()
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise ConfigurationError("base_url holds credentials; give them as api_key= or default_headers= instead.")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        shown = re.split(r"[?#]", url.rpartition("@")[2], maxsplit=1)[0]  # what is refused may hold credentials
        raise ConfigurationError(f"base_url {shown!r} is no address with a scheme, such as {DEFAULT_BASE_URL!r}.")
    if parts.query or parts.fragment:
        shown = re.split(r"[?#]", url, maxsplit=1)[0]
        raise ConfigurationError(f"base_url {shown!r} may hold no query and no fragment.")
    return re.sub(r"/(v1|v1beta)$", "", url.rstrip("/")).rstrip("/")


@dataclass(slots=True, kw_only=True)
class Settings:
    """What every client of the gateway is set up with.

    Args:
        api_key: The key, or a function that gives it (sync, or async for async calls). None reads the environment:
            `TIKHUB_AI_API_KEY`, else `TIKHUB_API_KEY`, at each call.
        base_url: The gateway's address, with or without `/v1`; None reads `TIKHUB_AI_BASE_URL`.
        timeout: Seconds of silence allowed, or an `httpx.Timeout`. None: 10 to connect, 600 for a plain answer, 120
            between the events of a stream.
        max_retries: Further requests after the first, for failures that may pass.
        retry_deadline: Seconds after which no further request of one call is begun. A flowing stream is not bounded.
        default_headers: Sent with every request. Secret.
        http_client: Your own `httpx.Client`, used as it is and never closed here.
        http_async_client: Your own `httpx.AsyncClient`, used as it is and never closed here.
        proxy: Proxy address; None reads the environment as httpx does.
        verify: TLS verification: True, False, a CA file's path or an `ssl.SSLContext`.
        http_backend: The HTTP library of async calls: `httpx`, `aiohttp`, or `auto`, which is aiohttp where it is
            installed. An injected `http_async_client` is used in any case.
        auth_header: The header that carries the key, for every API. None: the API's own, `x-api-key` for messages,
            `x-goog-api-key` for generate_content, `authorization` for the others. `authorization` carries it as a
            bearer token.
        max_event_bytes: Most bytes of one event of a stream, 256 MiB unless set. A larger one, such as an endless line
            of a broken server, is an InvalidResponseError.

    Raises:
        ConfigurationError: `base_url`, `max_retries`, `max_event_bytes`, `http_backend` or `auth_header` cannot work.
    """

    api_key: ApiKey = field(default=None, repr=False)
    base_url: str | None = None
    timeout: float | httpx.Timeout | None = None
    max_retries: int = 2
    retry_deadline: float = 300.0
    default_headers: Mapping[str, str] | SecretHeaders | None = field(default=None, repr=False)
    http_client: httpx.Client | None = field(default=None, repr=False)
    http_async_client: httpx.AsyncClient | None = field(default=None, repr=False)
    proxy: str | SecretStr | None = field(default=None, repr=False)
    verify: bool | str | ssl.SSLContext = field(default=True, repr=False)
    http_backend: Literal["auto", "httpx", "aiohttp"] = "auto"
    auth_header: str | None = None
    max_event_bytes: int = 256 * 1024 * 1024

    def __post_init__(self) -> None:
        self.base_url = normalised_base_url(self.base_url)
        if self.api_key is not None:
            self.api_key = key_source(self.api_key)
        self.default_headers = SecretHeaders.of(self.default_headers)
        self.proxy = secret_proxy(self.proxy)
        for name, least in (("max_retries", 0), ("max_event_bytes", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigurationError(f"{name} must be a whole number from {least} up, not {value!r}.")
        if self.http_backend not in {"auto", "httpx", "aiohttp"}:
            raise ConfigurationError(
                f"http_backend {self.http_backend!r} is not known; use 'auto', 'httpx' or 'aiohttp'."
            )
        if self.auth_header is not None:
            if not re.fullmatch(r"[A-Za-z0-9-]+", self.auth_header):
                raise ConfigurationError(f"auth_header={self.auth_header!r} cannot be the name of a header.")
            self.auth_header = self.auth_header.lower()

    @classmethod
    def from_fields(cls, owner: object) -> Settings:
        """Settings from an object with attributes of the same names, such as a framework's class; others stay default.

        Raises:
            ConfigurationError: One of them cannot work.
        """
        return cls(**{name: getattr(owner, name) for name in cls.__slots__ if hasattr(owner, name)})

    def key(self) -> str:
        """The key, for a sync call.

        Raises:
            MissingKeyError: There is none, or it is empty.
            ConfigurationError: `api_key` is async, or the key holds characters that no header can carry.
        """
        key = self.api_key() if callable(self.api_key) else self.api_key
        if inspect.isawaitable(key):
            if inspect.iscoroutine(key):
                key.close()
            raise ConfigurationError("api_key is an async function: use the async methods, or give a sync one.")
        return self._usable(key)

    async def akey(self) -> str:
        """The key, for an async call. Raises as `key` does."""
        key = self.api_key() if callable(self.api_key) else self.api_key
        return self._usable(await key if inspect.isawaitable(key) else key)

    def _usable(self, key: str | SecretStr | None) -> str:
        if self.proxy == WITHHELD:
            raise ConfigurationError("proxy= held a password and was not pickled: give it again.")
        if key is None:
            key = environment_key()
        text = key.get_secret_value() if isinstance(key, SecretStr) else key
        text = (text or "").strip()
        if not text:
            raise MissingKeyError(key.remedy if isinstance(key, Key) else MISSING_KEY)
        if not _VISIBLE_ASCII.fullmatch(text):
            raise ConfigurationError("The API key holds spaces, line ends or non-ASCII characters: copy it again.")
        return text

    def timeouts(self, *, stream: bool) -> Timeouts:
        """The timeout of each phase, for a plain call or a stream."""
        read = STREAM_READ_TIMEOUT if stream else PLAIN_READ_TIMEOUT
        if self.timeout is None:
            return Timeouts(read=read)
        if isinstance(self.timeout, (int, float)):
            seconds = float(self.timeout)
            return Timeouts(connect=min(CONNECT_TIMEOUT, seconds), read=seconds, write=seconds, pool=seconds)
        given: Any = self.timeout
        return Timeouts(connect=given.connect, read=given.read, write=given.write, pool=given.pool)
