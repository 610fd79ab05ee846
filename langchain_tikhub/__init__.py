"""TikHub AI for LangChain: every chat, embedding, transcription and video model of the gateway behind one key.

The names below load on first use. The translator that `content_blocks` of our messages needs is registered with the
package, so that messages of old runs can be read without making a model first.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

try:
    from langchain_core.messages.block_translators import register_translator
except ModuleNotFoundError as missing:
    raise ImportError('langchain_tikhub needs langchain-core: pip install "tikhub-ai[langchain]"') from missing

from tikhub_ai import __version__

if TYPE_CHECKING:
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
        DownloadError,
        IncompleteStreamError,
        InsufficientBalanceError,
        InvalidRequestError,
        InvalidResponseError,
        JobBlockedError,
        JobCancelledError,
        JobExpiredError,
        JobFailedError,
        JobTimeoutError,
        LostCreateError,
        MissingKeyError,
        ModelNotFoundError,
        NotFoundError,
        PermissionDeniedError,
        RateLimitError,
        ServerError,
        TikHubAIError,
    )
    from langchain_tikhub.middleware import PromptCachingMiddleware
    from langchain_tikhub.registration import register
    from langchain_tikhub.transcription import TikHubTranscriptionLoader, TikHubTranscriptionParser
    from langchain_tikhub.videos import TikHubVideoToolkit

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
    "DownloadError",
    "IncompleteStreamError",
    "InsufficientBalanceError",
    "InvalidRequestError",
    "InvalidResponseError",
    "JobBlockedError",
    "JobCancelledError",
    "JobExpiredError",
    "JobFailedError",
    "JobTimeoutError",
    "LostCreateError",
    "MissingKeyError",
    "ModelNotFoundError",
    "NotFoundError",
    "PermissionDeniedError",
    "PromptCachingMiddleware",
    "RateLimitError",
    "ServerError",
    "TikHubAIError",
    "TikHubEmbeddings",
    "TikHubTranscriptionLoader",
    "TikHubTranscriptionParser",
    "TikHubVideoToolkit",
    "__version__",
    "register",
]

_HOME_OF = {
    "ChatTikHub": "chat_models",
    "PromptCachingMiddleware": "middleware",
    "TikHubEmbeddings": "embeddings",
    "TikHubTranscriptionLoader": "transcription",
    "TikHubTranscriptionParser": "transcription",
    "TikHubVideoToolkit": "videos",
    "register": "registration",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


_CONTENT = "langchain_tikhub.content_blocks"


def _translate(message: AIMessage) -> list[ContentBlock]:
    blocks: list[ContentBlock] = import_module(_CONTENT).translate_content(message)
    return blocks


def _translate_chunk(message: AIMessageChunk) -> list[ContentBlock]:
    blocks: list[ContentBlock] = import_module(_CONTENT).translate_content_chunk(message)
    return blocks


register_translator("tikhub", _translate, _translate_chunk)
