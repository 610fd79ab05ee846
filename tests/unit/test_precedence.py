"""What a call says beats what the constructor said, name by name; within each, `extra_body` is merged last, deeply."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from langchain_tikhub import ChatTikHub
from llama_index_tikhub import TikHub
from tests.scripted_server import Answer, ScriptedServer
from tikhub_ai import merged

if TYPE_CHECKING:
    from collections.abc import Callable

MODELS = {
    "chat_completions": "gpt-4o",
    "responses": "gpt-5",
    "messages": "claude-sonnet-4-5",
    "generate_content": "gemini-2.5-pro",
}
FURTHER = {ChatTikHub: "model_kwargs", TikHub: "additional_kwargs"}
each_class = pytest.mark.parametrize("cls", [ChatTikHub, TikHub], ids=lambda cls: cls.__name__)

pytestmark = [pytest.mark.outside_openapi("fields that no server has, on purpose"),
              pytest.mark.filterwarnings("ignore:Keywords not known here", "ignore:.*is no argument of",
                                         "ignore:.*is an argument of its own")]  # fmt: skip


@pytest.fixture
def body_of(server: ScriptedServer) -> Callable[..., dict[str, Any]]:
    """The body of a call, from what the constructor and the call are given. The call fails, as nobody minds."""
    server.answer = lambda _: Answer({"error": {"message": "no", "code": "x"}}, 400)

    def sent(cls: Any, api: str, constructor: dict[str, Any], call: dict[str, Any]) -> dict[str, Any]:
        llm = cls(model=MODELS[api], api=api, api_key="sk-1", base_url=server.url, max_retries=0, **constructor)
        with pytest.raises(Exception, match="no"):
            llm.invoke("hi", **call) if cls is ChatTikHub else llm.complete("hi", **call)
        body: dict[str, Any] = json.loads(server.requests[-1].body)
        return body

    return sent


def at(body: Any, path: str) -> Any:
    for name in path.split("."):
        body = body.get(name) if isinstance(body, dict) else None
    return body


def nested(path: str, value: Any) -> Any:
    for name in reversed(path.split(".")):
        value = {name: value}
    return value


# An argument of the call, with its value, and where the wire has it, with what the constructor's extra_body says there.
WINS: list[tuple[str, dict[str, Any], str, Any, Any]] = [
    ("chat_completions", {"temperature": 0.1}, "temperature", 0.1, 0.9),
    ("chat_completions", {"max_tokens": 5}, "max_tokens", 5, 9),
    ("chat_completions", {"max_completion_tokens": 5}, "max_tokens", 5, 9),
    ("chat_completions", {"stop_sequences": ["a"]}, "stop", ["a"], ["b"]),
    ("chat_completions", {"verbosity": "low"}, "verbosity", "low", "high"),
    ("chat_completions", {"mood": "good"}, "mood", "good", "bad"),
    ("chat_completions", {"extra_body": {"mood": "good"}}, "mood", "good", "bad"),
    ("chat_completions", {"further": {"mood": "good"}}, "mood", "good", "bad"),
    ("chat_completions", {"further": {"temperature": 0.1}}, "temperature", 0.1, 0.9),
    ("chat_completions", {"model": "gpt-4.1"}, "model", "gpt-4.1", "other"),
    ("chat_completions", {"response_format": {"type": "json_object"}}, "response_format.type", "json_object", "text"),
    ("responses", {"max_tokens": 50}, "max_output_tokens", 50, 90),
    ("responses", {"reasoning_effort": "low"}, "reasoning.effort", "low", "high"),
    ("responses", {"reasoning": {"effort": "low"}}, "reasoning.effort", "low", "high"),
    ("responses", {"verbosity": "low"}, "text.verbosity", "low", "high"),
    ("responses", {"store": True}, "store", True, False),
    ("messages", {"max_tokens": 50}, "max_tokens", 50, 90),
    ("messages", {"thinking_budget": 2000}, "thinking.budget_tokens", 2000, 4000),
    ("messages", {"stop": ["a"]}, "stop_sequences", ["a"], ["b"]),
    ("messages", {"user": "a"}, "metadata.user_id", "a", "b"),
    ("generate_content", {"top_p": 0.1}, "generationConfig.topP", 0.1, 0.9),
    ("generate_content", {"max_tokens": 50}, "generationConfig.maxOutputTokens", 50, 90),
    ("generate_content", {"thinking_budget": 200}, "generationConfig.thinkingConfig.thinkingBudget", 200, 400),
    ("generate_content", {"labels": {"a": "1"}}, "labels.a", "1", "2"),
]


@pytest.mark.parametrize(("api", "call", "path", "wanted", "instead"), WINS)
@each_class
def test_a_call_beats_the_constructors_extra_body_by_whatever_name_the_wire_has(
    cls: Any, api: str, call: dict[str, Any], path: str, wanted: Any, instead: Any, body_of: Any
) -> None:
    call = {FURTHER[cls] if name == "further" else name: value for name, value in call.items()}
    plain = body_of(cls, api, {}, call)
    assert at(plain, path) == wanted
    for constructor in ({"extra_body": nested(path, instead)}, {FURTHER[cls]: nested(path, instead)}):
        body = body_of(cls, api, constructor, call)
        assert at(body, path) == wanted
        assert body == plain
    beside = merged(nested(path, instead), {"beside": {"a": 1}})
    assert body_of(cls, api, {"extra_body": beside}, call) == plain | {"beside": {"a": 1}}


@pytest.mark.parametrize(("api", "call", "path", "wanted", "instead"), WINS)
@each_class
def test_the_calls_own_extra_body_beats_its_other_arguments(
    cls: Any, api: str, call: dict[str, Any], path: str, wanted: Any, instead: Any, body_of: Any
) -> None:
    call = {FURTHER[cls] if name == "further" else name: value for name, value in call.items()}
    body = body_of(cls, api, {"extra_body": {"a": 1}}, merged(call, {"extra_body": nested(path, instead)}))
    assert at(body, path) == instead
    assert body["a"] == 1


@pytest.mark.parametrize(("api", "call", "path", "wanted", "instead"), WINS)
@each_class
def test_the_constructors_extra_body_beats_its_other_arguments(
    cls: Any, api: str, call: dict[str, Any], path: str, wanted: Any, instead: Any, body_of: Any
) -> None:
    if "response_format" in call or "model" in call:
        return  # no arguments of the constructor, or one that is given already
    given = {FURTHER[cls] if name == "further" else name: value for name, value in call.items()}
    body = body_of(cls, api, merged(given, {"extra_body": nested(path, instead)}), {})
    assert at(body, path) == instead


RIVALS: list[tuple[str, dict[str, Any], dict[str, Any], str, Any]] = [
    ("responses", {"reasoning_effort": "low"}, {"reasoning": {"effort": "high"}}, "reasoning.effort", "high"),
    ("responses", {"reasoning": {"effort": "low", "summary": "auto"}}, {"reasoning_effort": "high"},
     "reasoning", {"effort": "high", "summary": "auto"}),
    ("messages", {"thinking_budget": 2000}, {"thinking": {"type": "disabled"}}, "thinking", {"type": "disabled"}),
    ("messages", {"thinking": {"type": "enabled", "budget_tokens": 2000}}, {"thinking_budget": 3000},
     "thinking", {"type": "enabled", "budget_tokens": 3000}),
    ("messages", {"reasoning_effort": "low"}, {"output_config": {"effort": "high"}}, "output_config.effort", "high"),
    ("messages", {"effort": "low"}, {"output_config": {"effort": "high"}}, "output_config.effort", "high"),
    ("messages", {"output_config": {"effort": "low", "x": 1}}, {"reasoning_effort": "high"}, "output_config", {"x": 1}),
    ("messages", {"output_config": {"effort": "low", "x": 1}}, {"effort": "high"},
     "output_config", {"effort": "high", "x": 1}),
    ("messages", {"thinking": {"type": "enabled", "budget_tokens": 2000}}, {"reasoning_effort": "low"},
     "thinking.budget_tokens", 2048),
    ("messages", {"request_metadata": {"user_id": "a"}}, {"user": "b"}, "metadata.user_id", "b"),
    ("messages", {"user": "a"}, {"request_metadata": {"user_id": "b"}}, "metadata.user_id", "b"),
    ("generate_content", {"thinking_budget": 2000}, {"reasoning_effort": "low"},
     "generationConfig.thinkingConfig.thinkingBudget", 1024),
    ("generate_content", {"response_modalities": ["TEXT"]}, {"modalities": ["image"]},
     "generationConfig.responseModalities", ["IMAGE"]),
]  # fmt: skip


@pytest.mark.parametrize(("api", "constructor", "call", "path", "wanted"), RIVALS)
@each_class
def test_a_call_beats_what_the_constructor_said_in_other_words(
    cls: Any, api: str, constructor: dict[str, Any], call: dict[str, Any], path: str, wanted: Any, body_of: Any
) -> None:
    assert at(body_of(cls, api, constructor, call), path) == wanted


@each_class
def test_objects_are_merged_field_by_field_and_never_replaced(cls: Any, body_of: Any) -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "r", "schema": {"type": "object"}}}
    for given in ({"extra_body": {"text": {"verbosity": "low"}}}, {FURTHER[cls]: {"text": {"verbosity": "low"}}}):
        for constructor, call in (({}, given), (given, {})):
            body = body_of(cls, "responses", constructor, {"response_format": schema} | call)
            assert body["text"]["verbosity"] == "low"
            assert body["text"]["format"]["name"] == "r"
    body = body_of(cls, "responses", {"reasoning_effort": "low"}, {"extra_body": {"reasoning": {"summary": "auto"}}})
    assert body["reasoning"] == {"effort": "low", "summary": "auto"}
    body = body_of(cls, "chat_completions", {"extra_body": {"a": {"b": 1, "c": 1}}}, {"extra_body": {"a": {"c": 2}}})
    assert body["a"] == {"b": 1, "c": 2}
    body = body_of(cls, "messages", {"reasoning_effort": "low"}, {"extra_body": {"output_config": {"x": 1}}})
    assert body["output_config"]["x"] == 1


@pytest.mark.parametrize(
    ("api", "said", "extra", "path", "wanted"),
    [
        ("chat_completions", {"audio": {"voice": "a"}}, {"audio": {"format": "wav"}}, "audio",
         {"voice": "a", "format": "wav"}),
        ("responses", {"reasoning_effort": "low"}, {"reasoning": {"summary": "auto"}}, "reasoning",
         {"effort": "low", "summary": "auto"}),
        ("messages", {"user": "u"}, {"metadata": {"x": 1}}, "metadata", {"user_id": "u", "x": 1}),
        ("generate_content", {"top_p": 0.5, "thinking_budget": 200},
         {"generationConfig": {"thinkingConfig": {"x": 1}}}, "generationConfig",
         {"topP": 0.5, "thinkingConfig": {"thinkingBudget": 200, "includeThoughts": True, "x": 1}}),
    ],
)  # fmt: skip
@each_class
def test_every_api_merges_extra_body_deeply(
    cls: Any, api: str, said: dict[str, Any], extra: dict[str, Any], path: str, wanted: Any, body_of: Any
) -> None:
    for constructor, call in ((said, {"extra_body": extra}), (said | {"extra_body": extra}, {})):
        assert at(body_of(cls, api, constructor, call), path) == wanted
    assert at(body_of(cls, api, {}, said | {"extra_body": extra}), path) == wanted


def test_merging_changes_neither_object_and_replaces_lists() -> None:
    base, over = {"a": {"b": [1], "c": 1}, "d": 1}, {"a": {"b": [2]}, "d": {"e": 1}}
    assert merged(base, over) == {"a": {"b": [2], "c": 1}, "d": {"e": 1}}
    assert (base, over) == ({"a": {"b": [1], "c": 1}, "d": 1}, {"a": {"b": [2]}, "d": {"e": 1}})
    assert merged(base, None) == base


@each_class
def test_the_calls_extra_body_beats_the_constructors_beside_its_other_arguments(cls: Any, body_of: Any) -> None:
    constructor = {"extra_body": {"mood": "bad", "temperature": 0.9, "a": {"b": 1}}}
    call = {"temperature": 0.1, "extra_body": {"mood": "good", "a": {"c": 2}}}
    body = body_of(cls, "chat_completions", constructor, call)
    assert (body["mood"], body["temperature"], body["a"]) == ("good", 0.1, {"b": 1, "c": 2})


def test_what_is_tried_to_settle_it_warns_of_nothing(body_of: Any) -> None:
    for call, expected in (({"temperature": 0.5}, []), ({"seed": 1}, ["messages has no 'seed': seed=1 is not sent."])):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            body_of(ChatTikHub, "messages", {"extra_body": {"x": 1}}, call)
        assert [str(warning.message) for warning in seen] == expected
