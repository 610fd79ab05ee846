"""Model facts: they improve defaults and never refuse a name."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_origin, get_type_hints

import orjson
import pytest

from tikhub_ai import ConfigurationError, choose_api
from tikhub_ai.catalog import FIELDS, ModelFacts, by_rules, facts, matches
from tikhub_ai.routing import CHAT_APIS, needs_of

ROOT = Path(__file__).parents[2]
CATALOG_TEXT = (ROOT / "tikhub_ai" / "catalog.json").read_text()
CATALOG = orjson.loads(CATALOG_TEXT)
SOURCE = tomllib.loads((ROOT / "scripts" / "catalog_rules.toml").read_text())
SAMPLING = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias")
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
KINDS = {
    "api": {"chat_completions", "responses", "messages", "generate_content"},
    "inputs": {"image", "audio", "video", "file"},
    "outputs": {"image", "audio", "video"},
    "thinking": {"adaptive", "budget", "between_tools", "disabled", "effort", "level"},
    "system_role": {"system", "developer", "user"},
    "max_tokens_field": {"max_tokens", "max_completion_tokens"},
}


# --- names ----------------------------------------------------------------------------------------------------------


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
    assert choose_api(model) == api


def test_an_unknown_name_gets_the_defaults() -> None:
    assert facts("a-name-of-tomorrow") == ModelFacts(family="a")


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("claude-sonnet-4-5-20990101", "claude-sonnet-4-5"),
        ("claude-opus-4-6@20990101", "claude-opus-4-6"),
        ("claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5-20251001"),
        ("anthropic/claude-sonnet-4.5", "claude-sonnet-4-5"),
        ("claude-opus-4-5-20251101-thinking", "claude-opus-4-5"),
        ("gpt-5.4-2099-01-01", "gpt-5.4"),
        ("gpt-5-mini-2099-01-01", "gpt-5-mini"),
        ("gpt-5-high", "gpt-5"),
        ("o4-mini:free", "o4-mini"),
        ("gemini-2.5-flash-preview-05-20", "gemini-2.5-flash"),
        ("gemini-2.5-pro-thinking-8192", "gemini-2.5-pro"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
    ],
)
def test_a_dated_or_pinned_name_is_the_model_that_it_pins(name: str, same: str) -> None:
    assert same in CATALOG["models"]
    assert facts(name) == facts(same)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("gpt-4-1106-preview", "gpt-4"),
        ("gpt-4o-audio-preview", "gpt-4o"),
        ("gpt-3.5-turbo-0613", "gpt-3.5-turbo"),
        ("o1-preview-2024-09-12", "o1"),
        ("claude-opus-5-5", "claude-opus-5"),
        ("claude-sonnet-5-6", "claude-sonnet-5-5"),
        ("gemini-2.5-flash-image", "gemini-2.5-flash"),
    ],
)
def test_a_longer_name_of_another_model_is_not_taken_for_a_pinned_one(name: str, other: str) -> None:
    assert facts(name) != facts(other)


@pytest.mark.parametrize(
    ("name", "family", "window"),
    [
        ("gpt-7-nova", "gpt", 1_050_000),
        ("o5-mini", "gpt", 200_000),
        ("claude-opus-6", "claude", 200_000),
        ("gemini-5-flash", "gemini", 1_048_576),
        ("deepseek-v4-ultra", "deepseek", 1_000_000),
    ],
)
def test_a_model_of_tomorrow_of_a_known_family_is_taken_for_its_newest(name: str, family: str, window: int) -> None:
    known = facts(name)
    assert (known.family, known.context_window, known.is_known, known.reasoning) == (family, window, True, True)


# --- facts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "window", "output"),
    [
        ("gpt-4", 8192, 8192),
        ("gpt-4-0613", 8192, 8192),
        ("gpt-4-32k-0613", 32_768, 32_768),
        ("gpt-4-turbo-2024-04-09", 128_000, 4096),
        ("gpt-3.5-turbo", 16_385, 4096),
        ("gpt-3.5-turbo-0613", 4096, 4096),
        ("gpt-4.1-nano", 1_047_576, 32_768),
        ("o1-mini", 128_000, 65_536),
        ("o3", 200_000, 100_000),
        ("gpt-5-chat-latest", 128_000, 16_384),
        ("gpt-5", 400_000, 128_000),
        ("gpt-5.4", 1_050_000, 128_000),
        ("claude-3-haiku-20240307", 200_000, 4096),
        ("claude-opus-4-1", 200_000, 32_000),
        ("claude-sonnet-4-5", 200_000, 64_000),
        ("claude-opus-4-6", 1_000_000, 128_000),
        ("gemini-2.5-pro", 1_048_576, 65_536),
        ("deepseek-chat", 128_000, 8192),
        ("deepseek-v4-flash", 1_000_000, 384_000),
        ("text-embedding-3-small", 8191, None),
    ],
)
def test_limits(model: str, window: int, output: int | None) -> None:
    assert (facts(model).context_window, facts(model).max_output_tokens) == (window, output)


def test_gpt_5_takes_less_input_than_its_window_holds() -> None:
    assert facts("gpt-5").max_input_tokens == 272_000
    assert facts("gpt-4o").max_input_tokens is None


CLAUDE_SAMPLING = ("temperature", "top_p", "top_k")


@pytest.mark.parametrize(
    ("model", "thinking", "refused", "exclusive", "prefill"),
    [
        ("claude-3-5-sonnet-20241022", (), (), (), True),
        ("claude-3-7-sonnet-20250219", ("budget", "disabled"), (), (), True),
        ("claude-sonnet-4-20250514", ("budget", "disabled"), (), (), True),
        ("claude-opus-4-1-20250805", ("budget", "disabled"), (), ("temperature", "top_p"), True),
        ("claude-sonnet-4-5", ("budget", "disabled"), (), ("temperature", "top_p"), True),
        ("claude-opus-4-5", ("budget", "disabled", "effort"), (), ("temperature", "top_p"), True),
        ("claude-opus-4-6", ("adaptive", "budget", "disabled", "effort"), (), ("temperature", "top_p"), False),
        ("claude-opus-4-7", ("adaptive", "disabled", "effort"), CLAUDE_SAMPLING, (), False),
        ("claude-sonnet-5", ("adaptive", "disabled", "effort"), CLAUDE_SAMPLING, (), False),
        ("claude-sonnet-5-5", ("adaptive", "between_tools", "effort"), CLAUDE_SAMPLING, (), False),
        ("claude-opus-5-5", ("adaptive", "effort"), CLAUDE_SAMPLING, (), False),
        ("claude-opus-6", ("adaptive", "effort"), CLAUDE_SAMPLING, (), False),
    ],
)
def test_how_each_claude_thinks_and_what_it_refuses(
    model: str, thinking: Any, refused: Any, exclusive: Any, prefill: Any
) -> None:
    known = facts(model)
    assert (known.thinking, known.refused) == (thinking, refused)
    assert (known.exclusive, known.prefill) == (exclusive, prefill)


@pytest.mark.parametrize(
    ("model", "efforts", "default"),
    [
        ("claude-sonnet-4-5", (), None),
        ("claude-opus-4-5", ("low", "medium", "high"), "high"),
        ("claude-sonnet-4-6", ("low", "medium", "high", "max"), "high"),
        ("claude-opus-5-5", ("low", "medium", "high", "xhigh", "max"), "medium"),
        ("gpt-4o", (), None),
        ("o3", ("low", "medium", "high"), "medium"),
        ("o1-mini", (), None),
        ("gpt-5", ("minimal", "low", "medium", "high"), "medium"),
        ("gpt-5-chat-latest", (), None),
        ("gpt-5-pro", ("high",), "high"),
        ("gpt-5.1", ("none", "low", "medium", "high"), "none"),
        ("gpt-5.2-pro", ("medium", "high", "xhigh"), None),
        ("gpt-5.6", ("none", "low", "medium", "high", "xhigh", "max"), "medium"),
        ("gemini-2.5-pro", (), None),
        ("gemini-3-pro-preview", ("low", "high"), "high"),
        ("gemini-3.8-flash", ("low", "medium", "high"), "medium"),
        ("deepseek-v4-pro", ("low", "high", "max"), "high"),
    ],
)
def test_reasoning_efforts(model: str, efforts: tuple[str, ...], default: str | None) -> None:
    assert (facts(model).reasoning_efforts, facts(model).reasoning_effort_default) == (efforts, default)


@pytest.mark.parametrize(
    ("model", "thinking"),
    [
        ("gemini-2.0-flash", ()),
        ("gemini-2.5-flash", ("budget", "disabled")),
        ("gemini-2.5-pro", ("budget",)),
        ("gemini-2.5-flash-image", ()),
        ("gemini-3-flash-preview", ("level",)),
        ("gemini-flash-latest", ("level",)),
    ],
)
def test_geminis_think_by_budget_until_2_5_and_by_level_since(model: str, thinking: tuple[str, ...]) -> None:
    assert facts(model).thinking == thinking


@pytest.mark.parametrize(
    ("model", "thinks"),
    [
        ("gpt-4o", False),
        ("gpt-5", True),
        ("gpt-5-chat-latest", False),
        ("gpt-5.2", False),
        ("gpt-5.2-pro", True),
        ("gpt-5.6", True),
        ("claude-sonnet-4-5", False),
        ("claude-opus-4-6", False),
        ("claude-opus-4-8", False),
        ("claude-opus-5", True),
        ("claude-opus-5-5", True),
        ("gemini-2.5-pro", True),
        ("gemini-2.5-flash-lite", False),
        ("deepseek-v4-pro", True),
        ("deepseek-chat", False),
    ],
)
def test_which_models_think_where_nobody_asks(model: str, thinks: bool) -> None:
    assert facts(model).reasoning_by_default is thinks


@pytest.mark.parametrize(
    ("model", "effort", "refused"),
    [
        ("gpt-4o", None, ()),
        ("gpt-5", None, SAMPLING),
        ("gpt-5", "low", SAMPLING),
        ("gpt-5.2", None, ()),  # its default effort is `none`
        ("gpt-5.2", "none", ()),
        ("gpt-5.2", "high", SAMPLING),
        ("gpt-5.6", None, SAMPLING),
        ("gpt-5.6", "none", ()),
        ("gpt-6-astra", "low", SAMPLING),
        ("o3", "low", (*SAMPLING, "parallel_tool_calls")),
        ("claude-opus-4-7", "low", CLAUDE_SAMPLING),
    ],
)
def test_newer_gpt_models_take_sampling_parameters_only_while_they_do_not_think(
    model: str, effort: str | None, refused: tuple[str, ...]
) -> None:
    assert facts(model).refused_at(effort) == refused


@pytest.mark.parametrize(
    ("model", "held"),
    [
        ("gpt-4o", True),
        ("gpt-4o-2024-05-13", False),
        ("gpt-4-turbo", False),
        ("claude-opus-4-1", False),
        ("claude-sonnet-4-5-20250929", True),
        ("claude-haiku-5-5", True),
        ("gemini-2.5-flash", True),
        ("deepseek-v4-pro", False),
    ],
)
def test_which_models_hold_an_answer_to_a_schema(model: str, held: bool) -> None:
    assert facts(model).structured_output is held


@pytest.mark.parametrize(
    "model", ["claude-opus-5-5", "claude-sonnet-5-5", "claude-fable-5-1", "deepseek-v4-pro", "deepseek-reasoner"]
)
def test_models_that_no_tool_can_be_forced_on(model: str) -> None:
    assert not facts(model).forced_tool_choice


# --- the file -------------------------------------------------------------------------------------------------------


def test_the_catalog_is_dated_and_says_where_its_facts_come_from() -> None:
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", CATALOG["generated"])
    assert {"langchain-anthropic", "langchain-google-genai", "langchain-openai"} <= CATALOG["sources"].keys()


def test_models_are_sorted_and_each_has_one_line() -> None:
    names = list(CATALOG["models"])
    assert names == sorted(names)
    assert len(names) == len(set(names))
    lines = CATALOG_TEXT.splitlines()
    assert all(sum(line.startswith(f'    "{name}": ') for line in lines) == 1 for name in names)


def test_what_is_listed_of_a_model_are_facts_that_differ_from_the_defaults() -> None:
    for name, listed in CATALOG["models"].items():
        assert listed.keys() <= set(FIELDS) - {"is_known"}, name
        for key, value in listed.items():
            default = getattr(ModelFacts(), key)
            assert value != (list(default) if isinstance(default, tuple) else default), (name, key)


def test_the_facts_of_each_listed_model_have_their_types_and_fit_together() -> None:
    for name in CATALOG["models"]:
        known = facts(name)
        assert known.is_known, name
        for key, kind in get_type_hints(ModelFacts).items():
            value = getattr(known, key)
            items = value if isinstance(value, tuple) else (value,)
            assert isinstance(value, get_origin(kind) if get_origin(kind) is tuple else kind), (name, key)
            assert set(items) <= KINDS.get(key, set(items)), (name, key)
        assert list(known.reasoning_efforts) == sorted(known.reasoning_efforts, key=EFFORTS.index), name
        assert known.reasoning_effort_default in {None, *known.reasoning_efforts}, name
        assert known.reasoning or not known.reasoning_by_default, name
        assert known.reasoning_effort_default != "none" or not known.reasoning_by_default, name
        assert known.reasoning or not known.reasoning_efforts + known.thinking, name
        assert (known.max_input_tokens or 0) < known.context_window, name


def test_the_rules_are_those_of_their_source() -> None:
    """A rule changed in one place only would be lost at the next run of scripts/make_catalog.py."""

    def plain(value: Any) -> Any:
        if isinstance(value, list):
            return [
                item for name in value for item in (SOURCE["lists"].get(name[1:], []) if name[0] == "@" else [name])
            ]
        return value

    for made, source in zip(CATALOG["rules"], SOURCE["rule"], strict=True):
        assert made.keys() <= {*FIELDS, "match"}
        for key, value in source.items():
            wanted = None if value is False and getattr(ModelFacts(), key, False) is None else plain(value)
            assert made[key] == wanted, source["match"]


def test_every_model_that_tikhub_names_is_listed_and_none_that_other_apis_serve() -> None:
    assert set(SOURCE["names"]["tikhub"] + SOURCE["names"]["others"]) <= CATALOG["models"].keys()
    for pattern in SOURCE["names"]["left_out"]:
        assert not [name for name in CATALOG["models"] if matches(name, pattern)]


def test_listed_models_that_only_the_rules_know_say_what_the_rules_say() -> None:
    for name in SOURCE["names"]["others"]:
        known = by_rules(name, CATALOG["rules"]) or {}
        for key in ("context_window", "max_output_tokens", "structured_output", "thinking"):
            default = getattr(ModelFacts(), key)
            said = known.get(key, default)
            assert getattr(facts(name), key) == (tuple(said) if isinstance(said, list) else said), (name, key)


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("gpt-4", "gpt-4", True),
        ("gpt-4", "gpt-4o", False),
        ("gpt-5*", "gpt-5.2", True),
        ("gpt*-audio", "gpt-4o-audio-preview", True),
        ("gpt*-audio", "gpt-audio", True),
        ("gpt*-audio", "gpt-4o", False),
        ("o1*", "gpt-o1", False),
    ],
)
def test_patterns(pattern: str, name: str, fits: bool) -> None:
    assert matches(name, pattern) is fits


def test_the_first_facts_cost_not_much_more_than_reading_the_catalog() -> None:
    code = (
        "import orjson\n"
        "from importlib.resources import files\n"
        "from time import process_time as cpu\n"
        "from tikhub_ai.catalog import facts\n"
        "began = cpu(); facts('gpt-7-nova'); first = cpu() - began\n"
        "path = files('tikhub_ai').joinpath('catalog.json')\n"
        "began = cpu(); [orjson.loads(path.read_bytes()) for _ in range(20)]; print(first / (cpu() - began) * 20)"
    )
    ask = [sys.executable, "-c", code]
    ratios = [float(subprocess.run(ask, capture_output=True, text=True, check=True, cwd=ROOT).stdout) for _ in range(3)]
    assert min(ratios) < 50


# --- choosing the API -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("api", CHAT_APIS)
@pytest.mark.parametrize("model", ["gpt-4o", "claude-sonnet-4-5", "a-name-of-tomorrow"])
def test_what_the_user_says_is_taken(model: str, api: Any) -> None:
    assert choose_api(model, api) == choose_api(model, api, {"seed"}) == api


def test_an_api_that_is_not_known_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="'chat_completions'"):
        choose_api("gpt-4o", "telepathy")  # type: ignore[arg-type]  # what a user may write


@pytest.mark.parametrize(
    ("settings", "needs"),
    [
        ({}, set()),
        ({"n": 1, "presence_penalty": 0, "frequency_penalty": 0.0, "modalities": ["text"], "logit_bias": {}}, set()),
        ({"temperature": 0, "logprobs": True, "top_logprobs": 2, "stop": ["x"]}, set()),
        ({"n": 2}, {"n"}),
        ({"seed": 0}, {"seed"}),
        ({"logit_bias": {"1": 1.0}}, {"logit_bias"}),
        ({"presence_penalty": 0.1, "frequency_penalty": -1}, {"presence_penalty", "frequency_penalty"}),
        ({"modalities": ["text", "audio"], "audio": {"voice": "alloy"}}, {"modalities", "audio"}),
    ],
)
def test_settings_that_responses_cannot_express_choose_chat_completions(
    settings: dict[str, Any], needs: set[str]
) -> None:
    found = needs_of(SimpleNamespace(**settings))
    assert found == needs
    assert choose_api("gpt-4o", "auto", found) == ("chat_completions" if needs else "responses")
    assert choose_api("claude-sonnet-4-5", "auto", found) == "messages"
    assert choose_api("gemini-2.5-pro", "auto", found) == "generate_content"
