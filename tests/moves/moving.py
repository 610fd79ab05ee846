"""Goes on with a history on one of our targets, and tells what the provider got."""

from __future__ import annotations

import atexit
import json
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage, messages_from_dict, messages_to_dict
from llama_index.core.base.llms.types import ChatMessage

from langchain_tikhub import ChatTikHub
from llama_index_tikhub import TikHub
from tests.moves import make_histories, wires
from tests.scripted_server import ScriptedServer
from tikhub_ai import TikHubAIWarning

HERE = Path(__file__).parent
STORED = sorted(path.stem for path in (HERE / "histories").glob("*.json"))
"""Histories of the vendors' classes, by `framework-class-variant`."""
TARGETS = tuple(wires.MODELS)
OURS = [
    *(f"langchain-{target}-{form}" for target in TARGETS for form in ("plain", "stream", "plain-v1", "stream-v1")),
    *(f"llama_index-{target}-{form}" for target in TARGETS for form in ("plain", "stream")),
]
"""Histories of our own classes, likewise, by the target that they were had with."""
HOMES = {
    "ChatAnthropic": "messages",
    "ChatDeepSeek": "deepseek",
    "ChatGoogleGenerativeAI": "generate_content",
    "ChatOpenAI-responses": "responses",
    "Anthropic": "messages",
    "GoogleGenAI": "generate_content",
    "OpenAIResponses": "responses",
}
"""The vendors' classes whose histories hold state, and the target that issued it."""


@dataclass
class Moved:
    """What came of a move.

    Attributes:
        path: Where the request went.
        body: What it held.
        warnings: What we warned of.
        told: The history as JSON, and what the user says now.
    """

    path: str
    body: Any
    warnings: list[str]
    told: str


def framework_of(history: str) -> str:
    return history.partition("-")[0]


def class_of(history: str) -> str:
    """The class of a vendors' history, without its variant; the target of one of ours."""
    name = history.partition("-")[2]
    for variant in ("-plain", "-stream"):
        name = name.partition(variant)[0]
    return name


@cache
def _document(history: str) -> Any:
    return json.loads((HERE / "histories" / f"{history}.json").read_text())


@cache
def _ours(framework: str) -> dict[str, list[Any]]:
    """As they come back from a store: through JSON."""
    if framework == "langchain":
        return {
            name: json.loads(json.dumps(messages_to_dict(said)))
            for name, said in make_histories.our_langchain_histories()
        }
    return {
        name: [json.loads(message.model_dump_json()) for message in said]
        for name, said in make_histories.our_llama_index_histories()
    }


def dumped(history: str) -> list[Any]:
    """The history's messages as JSON."""
    if history in OURS:
        framework, _, name = history.partition("-")
        return _ours(framework)[name]
    messages: list[Any] = _document(history)["messages"]
    return messages


def messages_of(history: str) -> list[Any]:
    """The history's messages as its framework has them."""
    if framework_of(history) == "langchain":
        return list(messages_from_dict(dumped(history)))
    return [ChatMessage.model_validate(message) for message in dumped(history)]


@cache
def _server() -> ScriptedServer:
    """One for all moves, so that they share their client."""
    server = ScriptedServer()
    server.__enter__()
    atexit.register(server.__exit__)
    return server


AFTER_THE_RESULTS = 5
"""How many messages there are up to the results of the tools."""


@cache
def move(history: str, target: str, length: int | None = None) -> Moved:
    """Go on with a history. Each move is made once a process.

    Args:
        history: Its name.
        target: Where it goes on.
        length: How many of its messages; None for all, with one more of the user.
    """
    said = messages_of(history)[:length]
    asked = [] if length else [wires.THIRD_QUESTION]
    server = _server()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        server.answer = provider = wires.provider(target, first=3)
        model = wires.MODELS[target]
        where: dict[str, Any] = {"api": wires.api_of(target), "api_key": "sk-x", "base_url": server.url}
        if framework_of(history) == "langchain":
            answer = str(ChatTikHub(model=model, **where).invoke([*said, *map(HumanMessage, asked)]).text)
        else:
            questions = [ChatMessage(role="user", content=words) for words in asked]
            answer = str(TikHub(model, **where).chat([*said, *questions]).message.content)
    assert answer == wires.END
    assert said == messages_of(history)[:length], "the caller's messages were changed"
    [body], [path] = provider.bodies, provider.paths
    told = json.dumps([dumped(history)[:length], *asked], ensure_ascii=False)
    return Moved(path, body, [str(one.message) for one in caught if issubclass(one.category, TikHubAIWarning)], told)
