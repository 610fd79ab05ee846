"""TikHubEmbeddings: LangChain's embeddings, over `tikhub_ai.EmbeddingsClient`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sized
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from langchain_core.embeddings import Embeddings
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from langchain_tikhub.errors import model_errors
from tikhub_ai import (
    ConfigurationError,
    EmbeddingsSession,
    SettingsMixin,
    constructor_arguments,
    for_a_call,
    merged,
    seal,
    warn,
)

if TYPE_CHECKING:
    from tikhub_ai import EmbeddingsClient

OnProgress: TypeAlias = Callable[[int, int], None] | None


class TikHubEmbeddings(SettingsMixin, BaseModel, Embeddings):
    """Embeds texts with any embedding model of the TikHub AI gateway.

    Texts are sent as they are, in batches, several at once: fewer where the server refuses for too many requests. A
    batch that it refuses as too large is sent again in halves. No texts make no request. Where a batch fails for good,
    the error holds what had come in `partial`, vectors by position, and the next call takes them from there in place of
    paying again. Usage, model and request ids are to be had from `tikhub_ai.EmbeddingsClient`.

    Example:
        ```python
        from langchain_tikhub import TikHubEmbeddings

        embeddings = TikHubEmbeddings(model="text-embedding-3-small")  # key: TIKHUB_AI_API_KEY
        vectors = embeddings.embed_documents(["a text", "another"])
        ```

    The settings (`api_key`, `base_url`, `timeout`, ...) are those of `tikhub_ai.Settings`. Arguments that are not known
    here go to `model_kwargs`, with a warning.

    Raises:
        ConfigurationError: A setting cannot work.
    """

    model: str = "text-embedding-3-small"
    """Model name. Alias: `model_name`."""
    dimensions: int | None = Field(default=None, gt=0)
    """Length of the vectors, for models that can shorten them (text-embedding-3-*)."""
    batch_size: int = Field(default=256, gt=0)
    """Most texts of one request, 1 to 2048. Alias: `chunk_size`."""
    max_concurrency: int = Field(default=16, gt=0)
    """Most requests of one call at once, sync and async."""
    show_progress_bar: bool = False
    """Whether to draw a bar over documents; needs `tqdm`."""
    requests_per_minute: float | None = Field(default=None, gt=0)
    """Most requests in any 60 seconds; None sets no limit."""
    tokens_per_minute: float | None = Field(default=None, gt=0)
    """Most tokens in any 60 seconds, estimated at 3 bytes of UTF-8 each; None sets no limit."""
    encoding_format: Literal["auto", "float", "base64"] = "auto"
    """How numbers travel: `float`; `base64`, answers of a third of the size that are read several times as fast; or
    `auto`: `float`, and `base64` from when the server has answered in it. Either form is read whatever was asked."""
    user: str | None = None
    """Identifier of the end user, for the provider's detection of abuse."""
    extra_body: Mapping[str, Any] | None = None
    """Fields of the request's body, by the names of the wire. Merged over it last, object by object."""
    model_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Further fields of the request's body. Those that are an argument here are taken out."""

    _session: EmbeddingsSession = PrivateAttr(default_factory=EmbeddingsSession)

    model_config = ConfigDict(protected_namespaces=(), defer_build=False)

    # Checkers see this and not the fields, which are stricter: a key may be plain text, a name an alias.
    def __init__(self, **kwargs: Any) -> None:
        kwargs = seal(kwargs)
        super().__init__(**constructor_arguments(kwargs, type(self).model_fields, type(self).__name__))
        # Here and not in a validator, where pydantic would make a ValidationError of our ConfigurationError.
        with model_errors():
            self.base_url = self.settings_now().base_url

    # --- LangChain's hooks ------------------------------------------------------------------------------------------

    def embed_documents(self, texts: list[str], chunk_size: int | None = None, **kwargs: Any) -> list[list[float]]:
        """Embed documents.

        Args:
            texts: The texts.
            chunk_size: Most texts of one request, in place of `batch_size`.
            **kwargs: For this call: `timeout`, `extra_headers` (beside the constructor's), `api_key`, `model`,
                `dimensions`, `encoding_format`, `user`, `extra_body`.

        Returns:
            One vector for each text, in their order, all of one length.

        Raises:
            ConfigurationError: A keyword that only the constructor takes, or that is not known.
            TikHubAIError: A member of the tree, which is also one of LangChain's `ModelError`s where there is one that
                fits. A text that is no string, or is too long, is named by its position.
        """
        kwargs = seal(kwargs)
        with model_errors(), self._progress(texts) as on_progress:
            return self._client(kwargs, chunk_size).embed(texts, on_progress=on_progress).vectors

    def embed_query(self, text: str, **kwargs: Any) -> list[float]:
        """Embed a query. See `embed_documents`."""
        kwargs = seal(kwargs)
        with model_errors():
            return self._client(kwargs).embed([text]).vectors[0]

    async def aembed_documents(
        self, texts: list[str], chunk_size: int | None = None, **kwargs: Any
    ) -> list[list[float]]:
        """`embed_documents`, async."""
        kwargs = seal(kwargs)
        with model_errors(), self._progress(texts) as on_progress:
            return (await self._client(kwargs, chunk_size).aembed(texts, on_progress=on_progress)).vectors

    async def aembed_query(self, text: str, **kwargs: Any) -> list[float]:
        """`embed_query`, async."""
        kwargs = seal(kwargs)
        with model_errors():
            return (await self._client(kwargs).aembed([text])).vectors[0]

    # --- ours -------------------------------------------------------------------------------------------------------

    def _client(self, call: Mapping[str, Any] | None = None, batch_size: int | None = None) -> EmbeddingsClient:
        """Made for each call, so that a changed or copied model is followed; connections are shared below.

        Args:
            call: The call's keywords, sealed.
            batch_size: Its own, or None.
        """
        from tikhub_ai import EmbeddingsClient  # noqa: PLC0415 - httpx, which an import need not pay for

        own, rest = for_a_call(self, call or {})
        if rest:
            raise ConfigurationError(
                f"{', '.join(map(repr, sorted(rest)))} cannot be given with a call: give it to {type(self).__name__}, "
                "or in extra_body where it is a field of the request."
            )
        return EmbeddingsClient(
            own.settings_now(),
            model=own.model,
            dimensions=own.dimensions,
            encoding_format=own.encoding_format,
            user=own.user,
            extra_body=merged(own.model_kwargs, own.extra_body),
            batch_size=batch_size or own.batch_size,
            max_concurrency=own.max_concurrency,
            requests_per_minute=own.requests_per_minute,
            tokens_per_minute=own.tokens_per_minute,
            session=self._session,
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
            warn("show_progress_bar=True needs tqdm, which is missing: pip install tqdm")
            yield None
            return
        with tqdm(total=len(texts) if isinstance(texts, Sized) else None, desc="Embedding", unit="text") as bar:

            def on_progress(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            yield on_progress
