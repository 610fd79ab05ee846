"""LlamaIndex over TikHub AI: an LLM, embeddings, a reader of recordings and tools for videos, for all its models.

The names below load on first use, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from tikhub_ai import __version__

if TYPE_CHECKING:
    from llama_index_tikhub.embeddings import TikHubEmbedding
    from llama_index_tikhub.llms import TikHub, TikHubLLM
    from llama_index_tikhub.readers import TikHubTranscriptionReader
    from llama_index_tikhub.tools import TikHubVideoToolSpec

_HOMES = {
    "TikHub": "llms",
    "TikHubEmbedding": "embeddings",
    "TikHubLLM": "llms",
    "TikHubTranscriptionReader": "readers",
    "TikHubVideoToolSpec": "tools",
}

__all__ = [
    "TikHub",
    "TikHubEmbedding",
    "TikHubLLM",
    "TikHubTranscriptionReader",
    "TikHubVideoToolSpec",
    "__version__",
]


def _is_installed(module: str) -> bool:
    """Whether the module can be imported. Looks for it without importing it."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


if not _is_installed("llama_index.core"):
    raise ImportError('llama_index_tikhub needs llama-index-core: pip install "tikhub-ai[llama-index]"')


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
