"""LlamaIndex's own OpenAI class through the same contract, for comparison; no part of `make test`.

Where llama-index-llms-openai is installed (its clients are left open, hence the options; the last line is the count):

    pytest tests/standard/compare_llama_index_openai.py -q --tb=line -W default -p no:unraisableexception
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.standard.llama_index_columns import KEY, ChatCompletionsColumn, DeepSeekColumn
from tests.standard.llama_index_contract import LlamaIndexContract, ReasoningContract

if TYPE_CHECKING:
    from llama_index.core.llms.function_calling import FunctionCallingLLM

openai: Any = pytest.importorskip("llama_index.llms.openai")


class OpenAIColumn(ChatCompletionsColumn):
    def llm(self, url: str, **settings: Any) -> FunctionCallingLLM:
        llm: FunctionCallingLLM = openai.OpenAI(
            **{"model": self.model, "api_key": KEY, "api_base": f"{url}/v1", "max_retries": 0} | settings
        )
        return llm


class OpenAIOnDeepSeekColumn(DeepSeekColumn):
    def llm(self, url: str, **settings: Any) -> FunctionCallingLLM:
        llm: FunctionCallingLLM = openai.OpenAI(
            **{"model": "gpt-4o", "api_key": KEY, "api_base": f"{url}/v1", "max_retries": 0} | settings
        )
        return llm


class TestOpenAI(LlamaIndexContract):
    column = OpenAIColumn()


class TestOpenAIOnDeepSeek(ReasoningContract):
    column = OpenAIOnDeepSeekColumn()
