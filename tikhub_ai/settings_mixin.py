"""What the classes of both frameworks share whose fields are our settings: how these are set, copied and pickled."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

from tikhub_ai.errors import warn
from tikhub_ai.secret_values import Key, SecretHeaders, secret_proxy
from tikhub_ai.settings import key_source

if TYPE_CHECKING:
    from typing import Self

    from pydantic import BaseModel as _Model
else:
    _Model = object  # a mixin: the class's own base is the framework's

_CLIENTS = ("http_client", "http_async_client")
_UNSAID = frozenset({"callback_manager"})
"""LlamaIndex's own, which its components lose in each pickle."""


class SettingsHolder(_Model):
    """Mixin, before the framework's base, of a pydantic class with the fields of `Settings`.

    A key or headers that are set later are kept as secret as those given at construction. Copies share the HTTP
    clients and the TLS context. A pickle holds neither these nor anything else that cannot be pickled, nor a proxy's
    password: the copy has the defaults there, and a warning names them. The living object keeps all.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a field."""
        if name == "api_key":
            value = key_source(value)
        elif name == "default_headers":
            value = SecretHeaders.of(value)
        elif name == "proxy":
            value = secret_proxy(value)
        super().__setattr__(name, value)

    def __getstate__(self) -> dict[Any, Any]:
        """What a pickle holds, in pydantic's form."""
        kept = dict(self.__dict__)
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
        private = self.__pydantic_private__
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


def _travels(name: str, value: Any) -> bool:
    if value is None:
        return True
    if name == "proxy":
        return "@" not in value.get_secret_value()
    return name not in _CLIENTS and _pickles(value)


def _pickles(value: Any) -> bool:
    try:
        pickle.dumps(value)
    except Exception:  # noqa: BLE001 - a pickle may raise anything
        return False
    return True
