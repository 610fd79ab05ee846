"""TikHubEmbedding: LlamaIndex's embedding, over `tikhub_ai.EmbeddingsClient`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from llama_index.core.base.embeddings.base import BaseEmbedding, Embedding
from llama_index.core.bridge.pydantic import ConfigDict, Field

from tikhub_ai import HeadersField, HttpBackend, KeyField, ProxyField, Settings, SettingsHolder, seal, split_arguments

if TYPE_CHECKING:
    from tikhub_ai import EmbeddingsClient

_ALIASES = {
    "api_base": "base_url",
    "async_http_client": "http_async_client",
    "request_timeout": "timeout",
    "headers": "default_headers",
    "additional_headers": "default_headers",
}
"""What OpenAIEmbedding and other vendors' classes call the same."""


class TikHubEmbedding(SettingsHolder, BaseEmbedding):
    """Embeds texts and queries with any embedding model of the TikHub AI gateway.

    Texts are sent as they are, one request for each batch; a batch that the server refuses as too large is sent again
    in halves. No texts make no request.

    Example:
        ```python
        from llama_index_tikhub import TikHubEmbedding

        Settings.embed_model = TikHubEmbedding("text-embedding-3-small")  # key: TIKHUB_AI_API_KEY
        ```

    Args:
        model: Model name (also `model_name`); `text-embedding-3-small` by default.
        embed_batch_size: Most texts of one request, up to 2048.
        num_workers: Most requests at once in async calls. LlamaIndex makes the sync ones one after another.
        dimensions: Length of the vectors, for models that can shorten them (text-embedding-3-*).
        encoding_format: `float`, or `base64` for smaller answers. Either form is read.
        user: Your end user's id, passed on.
        api_key: The key, or a function that gives it (async for async calls). None reads `TIKHUB_AI_API_KEY`, else
            `TIKHUB_API_KEY`, now. A pickle holds where the key came from, never the key: one given as text is missing
            in the copy.
        base_url: The gateway's address, with or without `/v1` (also `api_base`). None reads `TIKHUB_AI_BASE_URL`.
        timeout: Seconds without an answer, or an `httpx.Timeout`. None: 10 to connect, 600 to answer.
        max_retries: Further requests after the first, for failures that may pass.
        retry_deadline: Seconds after which no further request of one batch is begun.
        default_headers: Sent with every request. Secret: shown nowhere, and not pickled.
        http_client: Your own `httpx.Client`, used as it is and never closed here.
        http_async_client: Your own `httpx.AsyncClient` (also `async_http_client`), likewise.
        proxy: Proxy address; None reads the environment.
        verify: TLS verification: True, False, a CA file's path or an `ssl.SSLContext`.
        http_backend: `auto`, `httpx` or `aiohttp`.
        extra_body: Further fields of the request.
        additional_kwargs: The same; unknown keyword arguments go here, with a warning.
        **kwargs: What BaseEmbedding takes: `callback_manager`, `embeddings_cache`, `rate_limiter`.

    Raises:
        ConfigurationError: `base_url` or `max_retries` cannot work.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    model_name: str = "text-embedding-3-small"
    embed_batch_size: int = Field(default=100, gt=0, le=2048, description="Most texts of one request.")
    num_workers: int | None = Field(default=8, description="Most requests at once in async calls.")
    dimensions: int | None = Field(default=None, gt=0)
    encoding_format: Literal["float", "base64"] = "float"
    user: str | None = None
    api_key: KeyField = Field(default=None, validate_default=True, exclude=True, repr=False)
    base_url: str | None = None
    timeout: Any = None
    max_retries: int = 2
    retry_deadline: float = 300.0
    default_headers: HeadersField = Field(default=None, exclude=True, repr=False)
    http_client: Any = Field(default=None, exclude=True, repr=False)
    http_async_client: Any = Field(default=None, exclude=True, repr=False)
    proxy: ProxyField = Field(default=None, exclude=True, repr=False)
    verify: Any = Field(default=True, exclude=True, repr=False)
    http_backend: HttpBackend = "auto"
    extra_body: Mapping[str, Any] | None = None
    additional_kwargs: dict[str, Any] = Field(default_factory=dict)

    def __init__(self, model: str | None = None, **kwargs: Any) -> None:
        if model is not None:
            kwargs.setdefault("model_name", model)
        kwargs = seal(kwargs)
        known, unknown = split_arguments(kwargs, type(self).model_fields, _ALIASES)
        super().__init__(**known)
        if unknown:
            names = ", ".join(sorted(unknown))
            warnings.warn(f"{names}: no parameter of TikHubEmbedding; passed on as additional_kwargs.", stacklevel=2)
            self.additional_kwargs = {**self.additional_kwargs, **unknown}
        # Here and not in a validator, where pydantic would make a ValidationError of our ConfigurationError.
        self.base_url = Settings.from_fields(self).base_url

    @classmethod
    def class_name(cls) -> str:
        """The name in saved pipelines."""
        return "TikHubEmbedding"

    # --- LlamaIndex's hooks -----------------------------------------------------------------------------------------

    def _get_query_embedding(self, query: str) -> Embedding:
        return self._get_text_embeddings([query])[0]

    def _get_text_embedding(self, text: str) -> Embedding:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        return self._client().embed(texts).vectors

    async def _aget_query_embedding(self, query: str) -> Embedding:
        return (await self._aget_text_embeddings([query]))[0]

    async def _aget_text_embedding(self, text: str) -> Embedding:
        return (await self._aget_text_embeddings([text]))[0]

    async def _aget_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        return (await self._client().aembed(texts)).vectors

    # --- ours -------------------------------------------------------------------------------------------------------

    def _client(self) -> EmbeddingsClient:
        """Made for each call, so that a changed or copied model is followed; connections are shared below."""
        from tikhub_ai import EmbeddingsClient  # noqa: PLC0415 - httpx, which an import need not pay for

        return EmbeddingsClient(
            Settings.from_fields(self),
            model=self.model_name,
            dimensions=self.dimensions,
            encoding_format=self.encoding_format,
            user=self.user,
            extra_body={**self.additional_kwargs, **(self.extra_body or {})},
            batch_size=self.embed_batch_size,
            max_concurrency=self.num_workers or 1,
        )
