"""TikHubEmbeddings: LangChain's embeddings, over `tikhub_ai.EmbeddingsClient`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from langchain_core.embeddings import Embeddings
from pydantic import BaseModel, ConfigDict, Field

from langchain_tikhub.errors import model_errors
from tikhub_ai import HeadersField, HttpBackend, KeyField, ProxyField, Settings, SettingsHolder, seal, split_arguments

if TYPE_CHECKING:
    from tikhub_ai import EmbeddingsClient

OnProgress: TypeAlias = Callable[[int, int], None] | None

_ALIASES = {
    "model_name": "model",
    "chunk_size": "batch_size",
    "api_base": "base_url",
    "openai_api_base": "base_url",
    "tikhub_api_base": "base_url",
    "request_timeout": "timeout",
    "headers": "default_headers",
    "additional_headers": "default_headers",
    "openai_proxy": "proxy",
}
"""What OpenAIEmbeddings and other vendors' classes call the same."""
_TOKENIZER_ARGUMENTS = frozenset(
    {
        "allowed_special",
        "check_embedding_ctx_length",
        "disallowed_special",
        "embedding_ctx_length",
        "skip_empty",
        "tiktoken_enabled",
        "tiktoken_model_name",
    }
)
"""Arguments of OpenAIEmbeddings that say how it cuts texts into token ids, or that it shall not. We never do."""


class TikHubEmbeddings(SettingsHolder, BaseModel, Embeddings):
    """Embeds texts with any embedding model of the TikHub AI gateway.

    Texts are sent as they are, in batches, several at once; a batch that the server refuses as too large is sent again
    in halves. No texts make no request. Usage, model and request ids are to be had from `tikhub_ai.EmbeddingsClient`.

    Example:
        ```python
        from langchain_tikhub import TikHubEmbeddings

        embeddings = TikHubEmbeddings(model="text-embedding-3-small")  # key: TIKHUB_AI_API_KEY
        vectors = embeddings.embed_documents(["a text", "another"])
        ```

    Attributes:
        model: Model name (also `model_name`).
        dimensions: Length of the vectors, for models that can shorten them (text-embedding-3-*).
        batch_size: Most texts of one request, up to 2048 (also `chunk_size`).
        max_concurrency: Most requests at once, sync and async.
        show_progress_bar: Whether to draw a bar over documents; needs `tqdm`.
        encoding_format: `float`, or `base64` for smaller answers. Either form is read.
        user: Your end user's id, passed on.
        api_key: The key, or a function that gives it (async for async calls). None reads `TIKHUB_AI_API_KEY`, else
            `TIKHUB_API_KEY`, now. A pickle holds where the key came from, never the key: one given as text is missing
            in the copy.
        base_url: The gateway's address, with or without `/v1`. None reads `TIKHUB_AI_BASE_URL`.
        timeout: Seconds without an answer, or an `httpx.Timeout`. None: 10 to connect, 600 to answer.
        max_retries: Further requests after the first, for failures that may pass.
        retry_deadline: Seconds after which no further request of one batch is begun.
        default_headers: Sent with every request. Secret: shown nowhere, and not pickled.
        http_client: Your own `httpx.Client`, used as it is and never closed here.
        http_async_client: Your own `httpx.AsyncClient`, used as it is and never closed here.
        proxy: Proxy address; None reads the environment.
        verify: TLS verification: True, False, a CA file's path or an `ssl.SSLContext`.
        http_backend: `auto`, `httpx` or `aiohttp`.
        extra_body: Further fields of the request.
        model_kwargs: The same; unknown keyword arguments go here, with a warning.

    Raises:
        ConfigurationError: `base_url` or `max_retries` cannot work.
    """

    model: str = "text-embedding-3-small"
    dimensions: int | None = Field(default=None, gt=0)
    batch_size: int = Field(default=256, gt=0)
    max_concurrency: int = Field(default=8, gt=0)
    show_progress_bar: bool = False
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
    model_kwargs: dict[str, Any] = Field(default_factory=dict)

    model_config = ConfigDict(protected_namespaces=(), hide_input_in_errors=True)

    if not TYPE_CHECKING:  # checkers and editors see the fields

        def __init__(self, **kwargs: Any) -> None:
            kwargs = seal(kwargs)
            known, unknown = split_arguments(kwargs, type(self).model_fields, _ALIASES)
            super().__init__(**known)
            self._pass_on(unknown)
            # Here and not in a validator, where pydantic would make a ValidationError of our ConfigurationError.
            with model_errors():
                self.base_url = Settings.from_fields(self).base_url

    def _pass_on(self, unknown: dict[str, Any]) -> None:
        """Unknown arguments go into the request's body, as LangChain's own classes have it."""
        needless = {name: unknown.pop(name) for name in sorted(unknown.keys() & _TOKENIZER_ARGUMENTS)}
        if needless:
            warnings.warn(f"{', '.join(needless)}: not needed, since texts are sent as they are.", stacklevel=3)
        if unknown:
            names = ", ".join(sorted(unknown))
            warnings.warn(f"{names}: no parameter of {type(self).__name__}; passed on as model_kwargs.", stacklevel=3)
            self.model_kwargs = {**self.model_kwargs, **unknown}

    # --- LangChain's hooks ------------------------------------------------------------------------------------------

    def embed_documents(self, texts: list[str], chunk_size: int | None = None) -> list[list[float]]:
        """Embed documents.

        Args:
            texts: The texts.
            chunk_size: Most texts of one request, in place of `batch_size`.

        Returns:
            One vector for each text, in their order, all of one length.

        Raises:
            TikHubAIError: A member of the tree, which is also one of LangChain's `ModelError`s where there is one that
                fits. A text that is no string, or is too long, is named by its position.
        """
        with model_errors(), self._progress(texts) as on_progress:
            return self._client(chunk_size).embed(texts, on_progress=on_progress).vectors

    def embed_query(self, text: str) -> list[float]:
        """Embed a query. See `embed_documents`."""
        with model_errors():
            return self._client().embed([text]).vectors[0]

    async def aembed_documents(self, texts: list[str], chunk_size: int | None = None) -> list[list[float]]:
        """`embed_documents`, async."""
        with model_errors(), self._progress(texts) as on_progress:
            return (await self._client(chunk_size).aembed(texts, on_progress=on_progress)).vectors

    async def aembed_query(self, text: str) -> list[float]:
        """`embed_query`, async."""
        with model_errors():
            return (await self._client().aembed([text])).vectors[0]

    # --- ours -------------------------------------------------------------------------------------------------------

    def _client(self, batch_size: int | None = None) -> EmbeddingsClient:
        """Made for each call, so that a changed or copied model is followed; connections are shared below."""
        from tikhub_ai import EmbeddingsClient  # noqa: PLC0415 - httpx, which an import need not pay for

        return EmbeddingsClient(
            Settings.from_fields(self),
            model=self.model,
            dimensions=self.dimensions,
            encoding_format=self.encoding_format,
            user=self.user,
            extra_body={**self.model_kwargs, **(self.extra_body or {})},
            batch_size=batch_size or self.batch_size,
            max_concurrency=self.max_concurrency,
        )

    @contextmanager
    def _progress(self, texts: list[str]) -> Iterator[OnProgress]:
        """A progress bar over documents, where it is asked for and tqdm is there."""
        if not self.show_progress_bar:
            yield None
            return
        try:
            tqdm = import_module("tqdm.auto").tqdm
        except ImportError:
            warnings.warn("show_progress_bar=True needs tqdm, which is missing: pip install tqdm", stacklevel=4)
            yield None
            return
        with tqdm(total=len(texts), desc="Embedding", unit="text") as bar:
            yield lambda done, _total: bar.update(done - bar.n)
