"""TikHubEmbedding: LlamaIndex's embedding, over `tikhub_ai.EmbeddingsClient`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from llama_index.core.base.embeddings.base import BaseEmbedding, Embedding
from llama_index.core.bridge.pydantic import ConfigDict, Field, PrivateAttr

from llama_index_tikhub.ahead import aahead, ahead, embeds_ahead
from tikhub_ai import EmbeddingsSession, SettingsMixin, calls_a_copy, constructor_arguments, merged, seal

if TYPE_CHECKING:
    from tikhub_ai import EmbeddingsClient

_CALLS = ("get_query_embedding", "get_text_embedding", "get_text_embedding_batch")


@calls_a_copy(*_CALLS, *(f"a{name}" for name in _CALLS))
@embeds_ahead
class TikHubEmbedding(SettingsMixin, BaseEmbedding):
    """Embeds texts and queries with any embedding model of the TikHub AI gateway.

    Texts are sent as they are, one request for each batch, several at once: fewer where the server refuses for too
    many requests; with a `rate_limiter`, each when core hands it over. A batch that the server refuses as too large is
    sent again in halves. No texts make no request. Where a batch fails for good, the error holds what had come in
    `partial`, vectors by position; `embeddings_cache` has it, and the next call takes it from there in place of paying
    again.

    Example:
        ```python
        from llama_index.core import Settings
        from llama_index_tikhub import TikHubEmbedding

        Settings.embed_model = TikHubEmbedding("text-embedding-3-small")  # key: TIKHUB_AI_API_KEY
        ```

    The settings (`api_key`, `base_url`, `timeout`, ...) are those of `tikhub_ai.Settings`. `get_query_embedding`,
    `get_text_embedding`, `get_text_embedding_batch` and their async forms take some for one call: `timeout`,
    `extra_headers` (beside the constructor's), `api_key`, `model`, `dimensions`, `encoding_format`, `user`,
    `extra_body`.

    Args:
        model: Model name (also `model_name`); `text-embedding-3-small` by default.
        **kwargs: The fields below, by their own or another class's usual names, and what BaseEmbedding takes
            (`callback_manager`, `embeddings_cache`, `rate_limiter`). Others go to `additional_kwargs`, with a warning.

    Raises:
        ConfigurationError: A setting cannot work.
    """

    model_config = ConfigDict(defer_build=False)

    model_name: str = Field(default="text-embedding-3-small", description="Model name. Alias: `model`.")
    embed_batch_size: int = Field(default=256, gt=0, le=2048, description="Most texts of one request, 1 to 2048.")
    num_workers: int | None = Field(
        default=16,
        ge=0,
        description="Most requests of a call at once, sync and async; 1 sends one after another. None means 16.",
    )
    dimensions: int | None = Field(
        default=None,
        gt=0,
        description="Length of the vectors, for models that can shorten them (text-embedding-3-*).",
    )
    requests_per_minute: float | None = Field(
        default=None, gt=0, description="Most requests in any 60 seconds; None sets no limit."
    )
    tokens_per_minute: float | None = Field(
        default=None,
        gt=0,
        description="Most tokens in any 60 seconds, estimated at 3 bytes of UTF-8 each; None sets no limit.",
    )
    encoding_format: Literal["auto", "float", "base64"] = Field(
        default="auto",
        description="How numbers travel: `float`; `base64`, answers of a third of the size that are read several times "
        "as fast; or `auto`: `float`, and `base64` from when the server has answered in it. Either form is read.",
    )
    user: str | None = Field(
        default=None, description="Identifier of the end user, for the provider's detection of abuse."
    )
    extra_body: Mapping[str, Any] | None = Field(
        default=None,
        description="Fields of the request's body, by the names of the wire. Merged over it last, object by object.",
    )
    additional_kwargs: dict[str, Any] = Field(
        default_factory=dict,
        description="Further fields of the request's body. Those that are an argument here are taken out.",
    )

    _session: EmbeddingsSession = PrivateAttr(default_factory=EmbeddingsSession)

    def __init__(self, model: str | None = None, **kwargs: Any) -> None:
        kwargs = seal(kwargs)
        if model is not None:
            kwargs.setdefault("model_name", model)
        super().__init__(**constructor_arguments(kwargs, type(self).model_fields, type(self).__name__))
        # Here and not in a validator, where pydantic would make a ValidationError of our ConfigurationError.
        self.base_url = self.settings_now().base_url

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
        if (found := ahead(texts)) is not None:
            return found
        return self._client().embed(texts).vectors

    async def _aget_query_embedding(self, query: str) -> Embedding:
        return (await self._aget_text_embeddings([query]))[0]

    async def _aget_text_embedding(self, text: str) -> Embedding:
        return (await self._aget_text_embeddings([text]))[0]

    async def _aget_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        if (found := await aahead(texts)) is not None:
            return found
        return (await self._client().aembed(texts)).vectors

    # --- ours -------------------------------------------------------------------------------------------------------

    def _client(self) -> EmbeddingsClient:
        """Made for each call, so that a changed or copied model is followed; connections are shared below."""
        from tikhub_ai import EmbeddingsClient  # noqa: PLC0415 - httpx, which an import need not pay for

        return EmbeddingsClient(
            self.settings_now(),
            model=self.model_name,
            dimensions=self.dimensions,
            encoding_format=self.encoding_format,
            user=self.user,
            extra_body=merged(self.additional_kwargs, self.extra_body),
            batch_size=self.embed_batch_size,
            max_concurrency=self.num_workers or 1,
            requests_per_minute=self.requests_per_minute,
            tokens_per_minute=self.tokens_per_minute,
            session=self._session,
        )
