"""`ChatTikHub.profile`: the catalog in LangChain's words."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.language_models import ModelProfile

from langchain_tikhub.profile import profile


def profile_of(model: str) -> dict[str, Any]:
    made = profile(model)
    assert made is not None
    return dict(made)


def test_a_model_that_the_catalog_does_not_know_has_no_profile() -> None:
    assert profile("a-name-of-tomorrow") is None


def test_a_thinking_claude_says_its_limits_its_kinds_and_its_efforts() -> None:
    assert profile_of("claude-opus-5-5") == {
        "name": "claude-opus-5-5",
        "max_input_tokens": 1_000_000,
        "max_output_tokens": 128_000,
        "text_inputs": True,
        "image_inputs": True,
        "image_url_inputs": True,
        "pdf_inputs": True,
        "audio_inputs": False,
        "video_inputs": False,
        "attachment": True,
        "text_outputs": True,
        "image_outputs": False,
        "audio_outputs": False,
        "video_outputs": False,
        "reasoning_output": True,
        "reasoning_effort_levels": ["low", "medium", "high", "xhigh", "max"],
        "reasoning_effort_default": "medium",
        "tool_calling": True,
        "tool_choice": False,
        "tool_call_streaming": True,
        "structured_output": True,
        "temperature": False,
    }


def test_a_model_that_does_not_think_has_no_efforts() -> None:
    made = profile_of("gpt-4o")
    assert not made["reasoning_output"]
    assert made["temperature"]
    assert not made.keys() & {"reasoning_effort_levels", "reasoning_effort_default"}


@pytest.mark.parametrize(("model", "tokens"), [("gpt-5", 272_000), ("gpt-4o", 128_000), ("gemini-2.5-pro", 1_048_576)])
def test_the_input_limit_is_the_windows_unless_it_is_less(model: str, tokens: int) -> None:
    assert profile_of(model)["max_input_tokens"] == tokens


def test_keys_that_an_older_langchain_core_does_not_declare_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """It warns of them, and the user can do nothing about it."""
    monkeypatch.delitem(ModelProfile.__annotations__, "reasoning_effort_levels")
    assert "reasoning_effort_levels" not in profile_of("claude-opus-5-5")
    assert profile_of("claude-opus-5-5")["reasoning_output"]
