"""`langchain_tikhub.register()`: opt-in, and it changes nothing in a LangChain that it does not know."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from langchain.chat_models import base as chat_models
from langchain.chat_models import init_chat_model
from langchain.embeddings import base as embeddings
from langchain.embeddings import init_embeddings

import langchain_tikhub
from langchain_tikhub import ChatTikHub, ConfigurationError, TikHubEmbeddings

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    for module in (chat_models, embeddings):
        module._BUILTIN_PROVIDERS.pop("tikhub", None)
    chat_models._get_chat_model_creator.cache_clear()


def test_nothing_is_registered_unasked() -> None:
    with pytest.raises(ValueError, match="provider"):
        init_chat_model("tikhub:claude-sonnet-4-5")


def test_init_chat_model_makes_ours() -> None:
    langchain_tikhub.register()
    langchain_tikhub.register()
    llm = init_chat_model("tikhub:claude-sonnet-4-5", temperature=0, max_tokens=9)
    assert isinstance(llm, ChatTikHub)
    assert (llm.model, llm.temperature, llm.max_tokens) == ("claude-sonnet-4-5", 0, 9)
    assert isinstance(init_chat_model("gemini-2.5-pro", model_provider="tikhub"), ChatTikHub)


def test_a_configurable_model_chooses_ours_at_run_time() -> None:
    langchain_tikhub.register()
    configurable = init_chat_model("tikhub:gpt-4o", configurable_fields=("model", "model_provider"))
    assert isinstance(configurable._model({"configurable": {"model": "tikhub:deepseek-chat"}}), ChatTikHub)


def test_init_embeddings_makes_ours() -> None:
    langchain_tikhub.register()
    made = init_embeddings("tikhub:text-embedding-3-small", dimensions=256)
    assert isinstance(made, TikHubEmbeddings)
    assert (made.model, made.dimensions) == ("text-embedding-3-small", 256)


@pytest.mark.parametrize("table", [None, {"openai": "langchain_openai"}, ["openai"]])
def test_a_langchain_of_another_form_is_left_alone(table: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "_BUILTIN_PROVIDERS", table)
    with pytest.raises(ConfigurationError, match="ChatTikHub"):
        langchain_tikhub.register()
    assert "tikhub" not in chat_models._BUILTIN_PROVIDERS
    monkeypatch.undo()


def test_without_langchain_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langchain.chat_models.base", None)
    monkeypatch.setitem(sys.modules, "langchain", None)
    with pytest.raises(ImportError, match="pip install langchain"):
        langchain_tikhub.register()
