"""TikHubEmbeddings: LangChain's face of the embeddings client."""

from __future__ import annotations

import pickle
import sys
from typing import Any

import pytest
from langchain_core.exceptions import ContextOverflowError, ModelAuthenticationError, ModelError
from langchain_core.load import dumpd, dumps
from pydantic import SecretStr, ValidationError

import tikhub_ai
from langchain_tikhub.embeddings import TikHubEmbeddings
from tests.embeddings_gateway import Gateway, error, vector_of
from tikhub_ai import ConfigurationError, InvalidRequestError, MissingKeyError, SecretHeaders, TikHubAIWarning

TEXTS = ["one", "two", "three", "four", "five"]
VECTORS = [vector_of(text) for text in TEXTS]


def module_key() -> str:
    return "sk-from-a-function"


async def by_sync(embeddings: TikHubEmbeddings, texts: Any, **options: Any) -> Any:
    return embeddings.embed_documents(texts, **options)


async def by_async(embeddings: TikHubEmbeddings, texts: Any, **options: Any) -> Any:
    return await embeddings.aembed_documents(texts, **options)


each_way = pytest.mark.parametrize("embed", [by_sync, by_async])


@each_way
async def test_documents_and_queries_are_embedded(embed: Any) -> None:
    gateway = Gateway()
    embeddings = TikHubEmbeddings(**gateway.clients, batch_size=2)
    assert await embed(embeddings, TEXTS) == VECTORS
    assert sorted(gateway.sizes) == [1, 2, 2]
    assert embeddings.embed_query("one") == VECTORS[0] == await embeddings.aembed_query("one")
    assert await embed(embeddings, []) == []
    assert len(gateway.requests) == 5


@each_way
async def test_chunk_size_may_be_given_for_one_call(embed: Any) -> None:
    gateway = Gateway()
    assert await embed(TikHubEmbeddings(**gateway.clients), TEXTS, chunk_size=3) == VECTORS
    assert sorted(gateway.sizes) == [2, 3]


@pytest.mark.outside_openapi("fields of other servers")
def test_every_option_reaches_the_wire() -> None:
    gateway = Gateway()
    TikHubEmbeddings(
        model="text-embedding-3-large",
        dimensions=8,
        encoding_format="base64",
        user="u",
        extra_body={"service_tier": "flex"},
        model_kwargs={"priority": 1},
        default_headers={"X-One": "1"},
        **gateway.clients,
    ).embed_query("one")
    expected = {
        "model": "text-embedding-3-large",
        "dimensions": 8,
        "encoding_format": "base64",
        "user": "u",
        "service_tier": "flex",
        "priority": 1,
        "input": ["one"],
    }
    assert gateway.requests == [expected]
    assert gateway.headers[0]["x-one"] == "1"


def test_names_that_other_vendors_use_work() -> None:
    embeddings = TikHubEmbeddings(
        model_name="m",
        chunk_size=7,
        openai_api_key="sk-test",
        openai_api_base="http://gateway.test/v1",
        request_timeout=5,
    )
    assert (embeddings.model, embeddings.batch_size, embeddings.timeout) == ("m", 7, 5)
    assert embeddings.base_url == "http://gateway.test"
    assert embeddings.api_key == SecretStr("sk-test")


@pytest.mark.outside_openapi("a field of another server")
def test_unknown_arguments_go_to_model_kwargs_with_a_warning() -> None:
    gateway = Gateway()
    with pytest.warns(TikHubAIWarning, match="'truncate' is no argument of TikHubEmbeddings: it goes to model_kwargs"):
        embeddings = TikHubEmbeddings(**gateway.clients, truncate="END")
    embeddings.embed_query("one")
    assert gateway.requests[0]["truncate"] == "END"


def test_arguments_about_tokenizers_are_needless_and_not_sent() -> None:
    with pytest.warns(TikHubAIWarning, match="does not need 'check_embedding_ctx_length', 'tiktoken_enabled'"):
        embeddings = TikHubEmbeddings(api_key="k", check_embedding_ctx_length=True, tiktoken_enabled=True)
    assert embeddings.model_kwargs == {}


def test_a_copy_with_another_model_uses_it() -> None:
    gateway = Gateway()
    embeddings = TikHubEmbeddings(**gateway.clients)
    embeddings.embed_query("one")
    embeddings.model_copy(update={"model": "other"}).embed_query("one")
    assert [body["model"] for body in gateway.requests] == ["text-embedding-3-small", "other"]


# --- errors ---------------------------------------------------------------------------------------------------------


@each_way
async def test_errors_are_ours_and_langchains(embed: Any) -> None:
    gateway = Gateway(refuse=lambda _: error("Invalid token", 401))
    with pytest.raises(ModelAuthenticationError) as caught:
        await embed(TikHubEmbeddings(**gateway.clients), TEXTS)
    assert isinstance(caught.value, tikhub_ai.AuthenticationError)
    assert (caught.value.status_code, caught.value.request_id) == (401, "req-refused")


@each_way
async def test_a_text_too_long_is_a_context_overflow_that_names_it(embed: Any) -> None:
    embeddings = TikHubEmbeddings(**Gateway(max_text=10).clients)
    with pytest.raises(ContextOverflowError, match=r"texts\[2\], of 30 characters"):
        await embed(embeddings, ["a", "b", "c" * 30, "d"])


@each_way
async def test_what_is_no_string_is_named(embed: Any) -> None:
    gateway = Gateway()
    with pytest.raises(ModelError, match=r"texts\[1\] is a NoneType") as caught:
        await embed(TikHubEmbeddings(**gateway.clients), ["a", None])
    assert isinstance(caught.value, InvalidRequestError)
    assert gateway.requests == []


async def test_a_query_that_is_no_string_is_named() -> None:
    embeddings = TikHubEmbeddings(**Gateway().clients)
    with pytest.raises(InvalidRequestError):
        embeddings.embed_query(None)  # type: ignore[arg-type]  # the point
    with pytest.raises(InvalidRequestError):
        await embeddings.aembed_query([1, 2])  # type: ignore[arg-type]  # the point


def test_a_base_url_without_a_scheme_raises_our_error_at_construction() -> None:
    with pytest.raises(ConfigurationError, match="scheme"):
        TikHubEmbeddings(base_url="ai.tikhub.io")


def test_what_pydantic_refuses_is_not_quoted() -> None:
    with pytest.raises(ValidationError) as caught:
        TikHubEmbeddings(api_key=b"sk-canary", dimensions=0)
    assert "canary" not in str(caught.value)
    assert "api_key must be a string" in str(caught.value)


# --- the key and other secrets --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["api_key", "tikhub_api_key", "openai_api_key", "azure_openai_api_key"])
def test_a_key_by_any_vendors_name_is_the_key_and_never_sent_in_the_body(name: str) -> None:
    gateway = Gateway()
    given = {key: value for key, value in gateway.clients.items() if key != "api_key"}
    embedding = TikHubEmbeddings(**given, **{name: "sk-canary"})
    embedding.embed_query("one")
    assert gateway.headers[0]["authorization"] == "Bearer sk-canary"
    assert "canary" not in f"{gateway.requests} {embedding!r}"


@each_way
async def test_a_missing_key_raises_at_the_first_call(embed: Any) -> None:
    embeddings = TikHubEmbeddings()
    with pytest.raises(MissingKeyError, match="TIKHUB_AI_API_KEY"):
        await embed(embeddings, TEXTS)


def test_the_key_is_read_at_construction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKHUB_API_KEY", "sk-second")
    assert TikHubEmbeddings().api_key == SecretStr("sk-second")
    monkeypatch.setenv("TIKHUB_AI_API_KEY", "sk-first")
    embeddings = TikHubEmbeddings()
    monkeypatch.delenv("TIKHUB_AI_API_KEY")
    assert embeddings.api_key == SecretStr("sk-first")


@pytest.mark.parametrize("source", ["text", "environment"])
def test_no_secret_is_shown_or_saved(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKHUB_AI_API_KEY", "sk-canary")
    given: dict[str, Any] = {"api_key": "sk-canary"} if source == "text" else {}
    embeddings = TikHubEmbeddings(
        **given,
        default_headers={"X-Secret": "canary"},
        proxy="http://user:canary@proxy.test",
    )
    proxy_free = embeddings.model_copy(update={"proxy": None})
    shown = [
        repr(embeddings),
        str(embeddings),
        repr(embeddings.api_key),
        repr(embeddings.default_headers),
        str(embeddings.model_dump()),
        embeddings.model_dump_json(),
        str(dumpd(embeddings)),
        dumps(embeddings),
        str(embeddings._client().settings),
        pickle.dumps(proxy_free).decode("latin-1"),
    ]
    assert not [text for text in shown if "canary" in text]


def test_a_key_given_as_text_does_not_travel_and_no_other_takes_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    pickled = pickle.dumps(TikHubEmbeddings(api_key="sk-text"))
    assert b"sk-text" not in pickled
    monkeypatch.setenv("TIKHUB_AI_API_KEY", "sk-another")
    for twin in (pickle.loads(pickled), pickle.loads(pickle.dumps(pickle.loads(pickled)))):
        with pytest.raises(MissingKeyError, match="given as text"):
            twin.embed_query("one")


def test_a_key_function_is_pickled_by_reference() -> None:
    twin = pickle.loads(pickle.dumps(TikHubEmbeddings(api_key=module_key)))
    assert twin.api_key is module_key


async def test_an_async_key_function_serves_async_calls() -> None:
    async def rotating() -> str:
        return "sk-rotated"

    gateway = Gateway()
    embeddings = TikHubEmbeddings(**(gateway.clients | {"api_key": rotating}))
    assert await embeddings.aembed_documents(TEXTS) == VECTORS
    assert gateway.headers[0]["authorization"] == "Bearer sk-rotated"
    with pytest.raises(ConfigurationError, match="async"):
        embeddings.embed_query("one")


def test_headers_do_not_travel_and_their_absence_is_told() -> None:
    gateway = Gateway()
    twin = pickle.loads(pickle.dumps(TikHubEmbeddings(api_key=module_key, default_headers={"X-Secret": "canary"})))
    assert isinstance(twin.default_headers, SecretHeaders)
    twin.http_client = gateway.clients["http_client"]
    with pytest.raises(ConfigurationError, match=r"'X-Secret'.*not pickled"):
        twin.embed_query("one")
    twin.default_headers = {"X-Secret": "again"}
    assert twin.embed_query("one") == VECTORS[0]
    assert gateway.headers[0]["x-secret"] == "again"


# --- progress -------------------------------------------------------------------------------------------------------


@each_way
async def test_a_progress_bar_is_drawn_over_documents(embed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    embeddings = TikHubEmbeddings(**Gateway().clients, batch_size=2, show_progress_bar=True)
    assert await embed(embeddings, TEXTS) == VECTORS
    assert "5/5" in capsys.readouterr().err


@each_way
async def test_without_tqdm_a_progress_bar_is_a_warning(embed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    embeddings = TikHubEmbeddings(**Gateway().clients, show_progress_bar=True)
    with pytest.warns(UserWarning, match="pip install tqdm"):
        assert await embed(embeddings, TEXTS) == VECTORS
