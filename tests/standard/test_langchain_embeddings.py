"""LangChain's own suites for embeddings, unit and integration."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests

from langchain_tikhub.embeddings import TikHubEmbeddings
from tests.embeddings_gateway import Gateway
from tests.standard.langchain_support import Recorded


class TestUnit(EmbeddingsUnitTests):
    @property
    def embeddings_class(self) -> type[TikHubEmbeddings]:
        return TikHubEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": "text-embedding-3-large", "api_key": "sk-test"}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return (
            {"TIKHUB_AI_API_KEY": "sk-env", "TIKHUB_AI_BASE_URL": "https://mirror.test/v1"},
            {"model": "text-embedding-3-large"},
            {"api_key": "sk-env", "base_url": "https://mirror.test"},
        )


class TestUnitWithTheOtherVariable(TestUnit):
    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return {"TIKHUB_API_KEY": "sk-env"}, {}, {"api_key": "sk-env", "base_url": "https://ai.tikhub.io"}


@pytest.mark.parametrize("encoding_format", ["float", "base64"])
class TestIntegration(EmbeddingsIntegrationTests):
    @pytest.fixture(autouse=True)
    def _gateway(self, encoding_format: str) -> None:
        self._params = {"encoding_format": encoding_format, "batch_size": 2, **Gateway().clients}

    @property
    def embeddings_class(self) -> type[TikHubEmbeddings]:
        return TikHubEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return self._params


@pytest.mark.disable_socket
@pytest.mark.parametrize("encoding_format", ["float", "base64"])
class TestRecorded(Recorded, EmbeddingsIntegrationTests):
    """Over a real model's answers."""

    answered_as = "embeddings"

    @pytest.fixture(autouse=True)
    def _encoding(self, encoding_format: str) -> None:
        self._encoding_format = encoding_format

    @property
    def embeddings_class(self) -> type[TikHubEmbeddings]:
        return TikHubEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        settings = {"base_url": self.url, "api_key": "sk-test", "max_retries": 0}
        return settings | {"model": "multilingual-e5-small", "encoding_format": self._encoding_format}
