"""Model facts: they improve defaults and never refuse a name."""

from __future__ import annotations

from typing import Any

import pytest

from tikhub_ai import ConfigurationError, choose_api
from tikhub_ai.catalog import ModelFacts, facts


@pytest.mark.parametrize(
    ("model", "family", "api"),
    [
        ("gpt-4o", "gpt", "responses"),
        ("openai/gpt-4o", "gpt", "responses"),
        ("GPT-5-mini", "gpt", "responses"),
        ("o3-mini", "gpt", "responses"),
        ("chatgpt-4o-latest", "gpt", "responses"),
        ("codex-mini", "gpt", "responses"),
        ("gpt-4o-audio-preview", "gpt", "chat_completions"),
        ("gpt-4o-mini-search-preview", "gpt", "chat_completions"),
        ("gpt-oss-120b", "gpt-oss", "chat_completions"),
        ("claude-sonnet-4-5-20250929", "claude", "messages"),
        ("gemini-2.5-pro", "gemini", "generate_content"),
        ("deepseek-v4-pro", "deepseek", "chat_completions"),
        ("qwen3-max", "qwen", "chat_completions"),
        ("a-name-of-tomorrow", "a", "chat_completions"),
        ("123", "123", "chat_completions"),
    ],
)
def test_a_name_tells_its_family_and_the_api_that_serves_it_best(model: str, family: str, api: str) -> None:
    assert facts(model).family == family
    assert facts(model).api == api
    assert choose_api(model) == "chat_completions"  # the one that is built


@pytest.mark.parametrize(
    ("model", "window"),
    [
        ("gpt-4", 8192),
        ("gpt-4-0613", 8192),
        ("gpt-4-32k-0613", 32_768),
        ("gpt-4-turbo-2024-04-09", 128_000),
        ("gpt-4.1-nano", 1_047_576),
        ("o1-mini", 128_000),
        ("o3", 200_000),
        ("gpt-5-chat-latest", 128_000),
        ("gpt-5", 400_000),
    ],
)
def test_context_windows(model: str, window: int) -> None:
    assert facts(model).context_window == window


def test_an_unknown_name_gets_the_defaults() -> None:
    assert facts("a-name-of-tomorrow") == ModelFacts(family="a")


@pytest.mark.parametrize("api", ["responses", "messages", "generate_content", "telepathy"])
def test_an_api_that_does_not_work_today_is_refused_by_name(api: Any) -> None:
    with pytest.raises(ConfigurationError, match="'chat_completions'"):
        choose_api("gpt-4o", api)
