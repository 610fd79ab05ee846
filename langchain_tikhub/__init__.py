"""TikHub AI for LangChain: every chat and embedding model of the gateway behind one key.

The names below load on first use, so that importing the package costs next to nothing. The translator that
`content_blocks` of our messages needs is registered as soon as LangChain loads its own, so that messages of old runs
can be read without making a model first.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from tikhub_ai import __version__

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from langchain_core.messages import AIMessage, AIMessageChunk
    from langchain_core.messages.content import ContentBlock

    from langchain_tikhub.chat_models import ChatTikHub
    from langchain_tikhub.embeddings import TikHubEmbeddings
    from langchain_tikhub.errors import (
        APIConnectionError,
        APIStatusError,
        APITimeoutError,
        AuthenticationError,
        BadRequestError,
        ConfigurationError,
        ContentBlockedError,
        ContextWindowExceededError,
        IncompleteStreamError,
        InsufficientBalanceError,
        InvalidRequestError,
        InvalidResponseError,
        JobFailedError,
        MissingKeyError,
        ModelNotFoundError,
        NotFoundError,
        PermissionDeniedError,
        RateLimitError,
        ServerError,
        TikHubAIError,
    )

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "ChatTikHub",
    "ConfigurationError",
    "ContentBlockedError",
    "ContextWindowExceededError",
    "IncompleteStreamError",
    "InsufficientBalanceError",
    "InvalidRequestError",
    "InvalidResponseError",
    "JobFailedError",
    "MissingKeyError",
    "ModelNotFoundError",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitError",
    "ServerError",
    "TikHubAIError",
    "TikHubEmbeddings",
    "__version__",
]

_HOME_OF = {"ChatTikHub": "chat_models", "TikHubEmbeddings": "embeddings"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


_TRANSLATORS = "langchain_core.messages.block_translators"
_CONTENT = "langchain_tikhub.content"


class _AfterTranslators(MetaPathFinder):
    """Registers our translator once LangChain's are loaded; then it is gone."""

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> ModuleSpec | None:
        if name != _TRANSLATORS:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def then_register(module: ModuleType) -> None:
                execute(module)
                _register(module)

            spec.loader.exec_module = then_register  # type: ignore[method-assign]  # of this one loader
        return spec


def _register(translators: ModuleType) -> None:
    """Register ours, which is loaded when the first message needs it."""

    def content(message: AIMessage) -> list[ContentBlock]:
        blocks: list[ContentBlock] = import_module(_CONTENT).translate_content(message)
        return blocks

    def content_of_chunk(chunk: AIMessageChunk) -> list[ContentBlock]:
        blocks: list[ContentBlock] = import_module(_CONTENT).translate_content_chunk(chunk)
        return blocks

    translators.register_translator("tikhub", content, content_of_chunk)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


if not _is_installed("langchain_core"):
    raise ImportError('langchain_tikhub needs langchain-core: pip install "tikhub-ai[langchain]"')
if _TRANSLATORS in sys.modules:
    _register(sys.modules[_TRANSLATORS])
else:
    sys.meta_path.insert(0, _AfterTranslators())
