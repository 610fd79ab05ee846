"""The settings as fields of the classes of both frameworks: declared, documented, copied and pickled here alone."""

from __future__ import annotations

import dataclasses
import os
import pickle
from collections.abc import Mapping
from operator import attrgetter, is_
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from tikhub_ai.arguments import field_named, put_together, secrets_taken_out
from tikhub_ai.errors import warn
from tikhub_ai.field_docs import documented
from tikhub_ai.secret_values import Key, SecretHeaders, seal, secret_proxy
from tikhub_ai.settings import (
    BASE_URL_VARIABLE,
    HeadersField,
    HttpBackend,
    KeyField,
    ProxyField,
    Settings,
    key_source,
)

_CLIENTS = ("http_client", "http_async_client")
_UNSAID = frozenset({"callback_manager"})
"""LlamaIndex's own, which its components lose in each pickle."""
_PHASES = ("connect", "read", "write", "pool")
_SETTINGS = attrgetter(*(field.name for field in dataclasses.fields(Settings)))
_UNCHANGING = (type(None), int, float, str, tuple)
"""Forms of a timeout that are not changed in place."""


def _plain_timeout(timeout: Any) -> Any:
    """An `httpx.Timeout` as a dict of its phases, which is taken again."""
    return {name: getattr(timeout, name) for name in _PHASES} if hasattr(timeout, "connect") else timeout


def _plain_proxy(proxy: Any) -> str | None:
    address = "" if proxy is None else secret_proxy(proxy).get_secret_value()
    return None if not address or "@" in address else address


def _plain_verify(verify: Any) -> bool | str:
    return verify if isinstance(verify, (bool, str)) else True


@documented
class SettingsMixin(BaseModel):
    """Mixin, before the framework's base, of every class that calls the gateway: its fields are those of `Settings`.

    Keys, headers and proxies are kept secret however they come in: by the constructor, an assignment or a copy's
    update. Copies share the HTTP clients and the TLS context. A pickle holds neither these nor anything else that
    cannot be pickled, nor a proxy's password: the copy has the defaults there, and a warning names them. The living
    object keeps all.
    """

    model_config = ConfigDict(hide_input_in_errors=True, protected_namespaces=(), defer_build=True)

    # A slot, and no field: it is in no dump, pickle, copy or comparison.
    __slots__ = ("_settings_made",)

    api_key: KeyField = Field(default=None, validate_default=True, exclude=True, repr=False)
    """The key, or a function that returns it and is asked at each request (an async one for async calls). Default: the
    environment variable `TIKHUB_AI_API_KEY`, else `TIKHUB_API_KEY`. Alias: `openai_api_key` or any vendor's. A pickle
    holds where the key came from, never the key: one given as text is missing in the copy."""
    base_url: str | None = None
    """The gateway's address, with or without `/v1`. Default: the environment variable `TIKHUB_AI_BASE_URL`, else
    `https://ai.tikhub.io`. Aliases: `api_base`, `openai_api_base` or any vendor's."""
    timeout: Annotated[Any, PlainSerializer(_plain_timeout)] = None
    """Seconds of silence allowed; `(connect, read)` in seconds; or an `httpx.Timeout`. Default: 10 to connect, 600
    for a plain answer, 120 between the events of a stream. Alias: `request_timeout`."""
    max_retries: int = 2
    """Further requests after the first, for failures that may pass."""
    retry_deadline: float = 300.0
    """Seconds after which no further request of one call is begun."""
    retry_wait: float = 0.5
    """Seconds before the first retry, where the server does not say; doubled for each further one, up to 8."""
    max_retry_after: float = 60.0
    """The longest wait in seconds that the server may ask for (`Retry-After`). Where it asks for more, the call fails
    at once, and the error's `retry_after` says when to ask again."""
    on_retry: Any = Field(default=None, exclude=True, repr=False)
    """A function that is called with a `tikhub_ai.Retry` before each wait for a retry. Must not block: async calls call
    it on the event loop."""
    default_headers: HeadersField = Field(default=None, exclude=True, repr=False)
    """Headers of every request. Secret: neither shown, dumped nor pickled. Aliases: `extra_headers`, `headers`,
    `additional_headers`."""
    http_client: Any = Field(default=None, exclude=True, repr=False)
    """Your own client for sync calls, of httpx or httpx2: used as it is and never closed here. Not pickled."""
    http_async_client: Any = Field(default=None, exclude=True, repr=False)
    """Your own client for async calls, of httpx or httpx2: used as it is and never closed here. Not pickled.
    Alias: `async_http_client`."""
    proxy: Annotated[ProxyField, PlainSerializer(_plain_proxy)] = Field(default=None, repr=False)
    """Address of a proxy. Default: the environment's. Secret, since it may hold a password, with which it is neither
    dumped nor pickled."""
    verify: Annotated[Any, PlainSerializer(_plain_verify)] = Field(default=True, repr=False)
    """TLS verification: True, False, the path of a CA file, or an `ssl.SSLContext`, which is not dumped."""
    http_backend: HttpBackend = "auto"
    """HTTP library: `auto`, which is httpx, and aiohttp for async calls where it is installed; `httpx` or `httpx2` for
    all calls; `aiohttp` for async ones."""
    auth_header: str | None = None
    """Header that carries the key, such as `authorization` or `x-api-key`. Default: the API's own."""

    max_event_bytes: int = 256 * 1024 * 1024
    """Most bytes of one event of a stream. A larger one is an InvalidResponseError."""
    max_response_bytes: int = 1024 * 1024 * 1024
    """Most bytes of one answer in memory, plain or streamed, decompressed. A longer one is an InvalidResponseError."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a field, by its own name or an alias."""
        value = seal({name: value})[name]
        for field, kept in self._kept({name: value}).items():
            super().__setattr__(field, kept)

    if not TYPE_CHECKING:  # else checkers would take any name for an attribute

        def __getattr__(self, name: str) -> Any:
            """A field, by an alias."""
            field = None if name.startswith("_") else field_named(name, type(self).model_fields)
            return super().__getattr__(name) if field is None else getattr(self, field)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, with some fields changed, by their own names or by aliases."""
        update = seal(update or {})
        return super().model_copy(update=self._kept(update), deep=deep)

    def settings_now(self, **of_the_call: Any) -> Settings:
        """The settings as the fields say them now, made anew only where a field holds another object than before.

        Args:
            **of_the_call: Settings of one call, which count in place of the fields.

        Raises:
            ConfigurationError: One of them cannot work.
        """
        if of_the_call or not isinstance(self.timeout, _UNCHANGING):
            return Settings.from_fields(self, **of_the_call)
        now = _SETTINGS(self)
        address = None if self.base_url else os.environ.get(BASE_URL_VARIABLE)
        before: tuple[tuple[Any, ...], str | None, Settings] | None = getattr(self, "_settings_made", None)
        if before is not None and before[1] == address and all(map(is_, before[0], now)):
            return before[2]
        made = Settings.from_fields(self)
        object.__setattr__(self, "_settings_made", (now, address, made))
        return made

    def _kept(self, update: Mapping[str, Any]) -> dict[str, Any]:
        """Values of fields as they are kept: by the fields' names, secrets as such, those in `model_kwargs` apart."""
        kept: dict[str, Any] = {}
        for said, value in update.items():
            name = field_named(said, type(self).model_fields) or said
            if name in {"model_kwargs", "additional_kwargs"} and isinstance(value, Mapping):
                secrets, kept[name] = secrets_taken_out(value, type(self).model_fields)
                for field, secret in secrets.items():
                    kept[field] = put_together(field, kept.get(field, getattr(self, field, None)), secret)
            else:
                kept[name] = _hidden(name, value)
        return kept

    def __getstate__(self) -> dict[Any, Any]:
        """What a pickle holds, in pydantic's form."""
        kept = {name: _hidden(name, value) for name, value in self.__dict__.items()}
        lost = sorted(name for name, value in kept.items() if not _travels(name, value))
        fields = type(self).model_fields
        for name in lost:
            del kept[name]
            if name == "api_key":
                kept[name] = Key("")  # says so where it is missed; no other key takes its place
            elif name in fields:
                kept[name] = fields[name].get_default(call_default_factory=True)
        if told := [name for name in lost if name not in _UNSAID]:
            warn(f"Not pickled, so the copy of this {type(self).__name__} has its defaults: {', '.join(told)}.")
        private = getattr(self, "__pydantic_private__", None)  # pydantic 2.11's model_construct may leave it unset
        if private is not None:
            defaults = type(self).__private_attributes__
            private = {
                name: value if _pickles(value) else defaults[name].get_default() for name, value in private.items()
            }
        return {
            "__dict__": kept,
            "__pydantic_fields_set__": self.__pydantic_fields_set__,
            "__pydantic_extra__": self.__pydantic_extra__,
            "__pydantic_private__": private,
        }

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """A copy that shares what holds connections and locks."""
        memo = {} if memo is None else memo
        shared = (getattr(self, name, None) for name in (*_CLIENTS, "verify"))
        memo |= {id(held): held for held in shared}
        return super().__deepcopy__(memo)


def _hidden(name: str, value: Any) -> Any:
    match name:
        case "api_key":
            return key_source(value)
        case "default_headers":
            return SecretHeaders.of(value)
        case "proxy":
            return secret_proxy(value)
    return value


def _travels(name: str, value: Any) -> bool:
    if value is None:
        return True
    if name == "proxy":
        return _plain_proxy(value) is not None
    return name not in _CLIENTS and _pickles(value)


def _pickles(value: Any) -> bool:
    try:
        pickle.dumps(value)
    except Exception:  # noqa: BLE001 - a pickle may raise anything
        return False
    return True
