"""LangChain's own unit suite for chat models."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from langchain_tests.unit_tests import ChatModelUnitTests

from langchain_tikhub import ChatTikHub

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


@pytest.mark.filterwarnings("ignore:.*`load` is in beta", "ignore:.*dict.*was deprecated")
class TestUnit(ChatModelUnitTests):
    @pytest.fixture(autouse=True)
    def _loadable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """`test_serdes` allows "all" objects, which means all that LangChain itself lists. Users name our class."""
        load_module = import_module("langchain_core.load.load")
        path = ("langchain_tikhub", "chat_models", "ChatTikHub")
        monkeypatch.setitem(load_module.ALL_SERIALIZABLE_MAPPINGS, path, path)
        monkeypatch.setattr(load_module, "_default_class_paths_cache", {})

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatTikHub

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "gpt-4o", "api_key": "sk-test"}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return (
            {"TIKHUB_AI_API_KEY": "sk-env"},
            {"model": "gpt-4o"},
            {"api_key": "sk-env", "model_name": "gpt-4o"},
        )


class TestUnitOverAModelThatIsNotKnown(TestUnit):
    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "nobody-knows-it", "api_key": "sk-test", "api": "chat_completions"}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return {"TIKHUB_API_KEY": "sk-env"}, {"model": "m"}, {"api_key": "sk-env"}


class TestUnitOverClaude(TestUnit):
    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "claude-sonnet-4-5", "api_key": "sk-test", "thinking": {"type": "disabled"}}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        model = {"model": "claude-sonnet-4-5"}
        return {"TIKHUB_AI_API_KEY": "sk-env"}, model, {"api_key": "sk-env", "model_name": "claude-sonnet-4-5"}


class TestUnitOverGPT(TestUnit):
    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "gpt-5-mini", "api_key": "sk-test", "api": "responses", "reasoning_effort": "low"}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        model = {"model": "gpt-5-mini", "api": "responses"}
        return {"TIKHUB_AI_API_KEY": "sk-env"}, model, {"api_key": "sk-env", "api": "responses"}


class TestUnitOverGemini(TestUnit):
    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "gemini-2.5-flash", "api_key": "sk-test", "thinking_budget": 1024}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        model = {"model": "gemini-2.5-flash"}
        return {"TIKHUB_AI_API_KEY": "sk-env"}, model, {"api_key": "sk-env", "model_name": "gemini-2.5-flash"}


class TestUnitOverDeepSeek(TestUnit):
    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "deepseek-chat", "api_key": "sk-test"}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        model = {"model": "deepseek-chat"}
        return {"TIKHUB_AI_API_KEY": "sk-env"}, model, {"api_key": "sk-env", "model_name": "deepseek-chat"}
