"""`tikhub:` for LangChain's `init_chat_model` and `init_embeddings`: opt-in, as there is no public way."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from langchain_tikhub.errors import ConfigurationError
from tikhub_ai import seal

_PLACES = (("langchain.chat_models.base", "ChatTikHub"), ("langchain.embeddings.base", "TikHubEmbeddings"))
_TABLE = "_BUILTIN_PROVIDERS"
"""The name of LangChain's table of providers since langchain 1.2.10: provider -> (module, class, how it is made)."""


def register() -> None:
    """Let `init_chat_model("tikhub:<model>")` and `init_embeddings("tikhub:<model>")` make our classes.

    Adds one entry to each of LangChain's tables of providers, which are not public, so nothing is changed unless they
    have the form that is known. Doing it again changes nothing.

    Raises:
        ImportError: The package `langchain` is not installed.
        ConfigurationError: This version of `langchain` keeps no such table.

    Examples:
        ```python
        import langchain_tikhub
        from langchain.chat_models import init_chat_model

        langchain_tikhub.register()
        llm = init_chat_model("tikhub:claude-sonnet-4-5", temperature=0)
        ```
    """
    tables = [(_table(module), name) for module, name in _PLACES]
    for table, name in tables:
        table["tikhub"] = ("langchain_tikhub", name, _made)


def _table(module: str) -> dict[str, Any]:
    try:
        table = getattr(import_module(module), _TABLE, None)
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] == "langchain":
            raise ImportError("register() is for langchain's init_chat_model: pip install langchain") from None
        raise
    if isinstance(table, dict) and all(isinstance(entry, tuple) and len(entry) == 3 for entry in table.values()):
        return table
    raise ConfigurationError(
        "This version of langchain keeps no table of providers that others may join (1.2.10 to 1.5 do): make "
        "ChatTikHub(model=...) and TikHubEmbeddings(model=...) directly."
    )


def _made(cls: type[Any], **kwargs: Any) -> Any:
    kwargs = seal(kwargs)
    return cls(**kwargs)
