"""pytest plugin: what the vendors' unit tests put into their own classes, put into ours too, and the bodies compared.

The tests run as they are, on the vendors' classes. Whenever one converts messages or tools, binds tools, asks for
structured output or makes a request, the same input goes through the vendor's class and through ChatTikHub to a
transport that keeps the request. Nothing is compared where the vendor's own class refuses the input.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import NonCallableMock

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from against.canonical import canonical
from against.differences import Difference, compared
from against.wire import Captured, Sent, answering, capture
from langchain_tikhub import ChatTikHub

REPORT = os.environ.get("VENDORS_REPORT", "")
_CLIENT_ARGUMENTS = frozenset(
    {"api_key", "openai_api_key", "anthropic_api_key", "google_api_key", "base_url", "openai_api_base", "api_base",
     "anthropic_api_url", "http_client", "http_async_client", "client", "async_client", "root_client",
     "root_async_client", "openai_proxy", "anthropic_proxy", "callbacks", "cache", "rate_limiter", "max_retries",
     "http_socket_options", "custom_get_token_ids", "output_parser"}
)  # fmt: skip
"""Of the constructor, and nothing of what is sent: left out on both sides, so that requests end where they are kept."""


class Spied(NamedTuple):
    """A vendor's class and the functions whose inputs are taken.

    Attributes:
        module: Where they are.
        name: The class's name.
        requests: The method that makes a request's body.
        functions: Functions of the module by name, and what of their arguments a request is made of.
    """

    module: str
    name: str
    requests: str
    functions: Mapping[str, Callable[..., Sample | None]]


class Sample(NamedTuple):
    """An input: the constructor's arguments beside those of its class, and what is asked of the model."""

    constructed: Mapping[str, Any]
    ask: Callable[[Any], Any]
    shown: str


# --- what is sampled ------------------------------------------------------------------------------------------------


def _of_message(message: Any, api: str = "chat/completions", **_: Any) -> Sample | None:
    """One message, with the others that its place in a conversation requires."""
    return _of_messages([message], **({"use_responses_api": True} if api == "responses" else {}))


def _of_messages(messages: Any, **constructed: Any) -> Sample | None:
    if not isinstance(messages, list) or not all(isinstance(message, BaseMessage) for message in messages):
        return None
    whole = _in_conversation(messages)
    return Sample(constructed, lambda model: model.invoke(whole), repr(messages))


def _of_tool(tool: Any, **kwargs: Any) -> Sample | None:
    kwargs = {name: value for name, value in kwargs.items() if value is not None}
    return Sample({}, lambda model: model.bind_tools([tool], **kwargs).invoke("Hello"), f"{tool!r} {kwargs}")


def _of_tools(tools: Any, **kwargs: Any) -> Sample | None:
    if not isinstance(tools, list):
        return None
    return Sample({}, lambda model: model.bind_tools(tools).invoke("Hello"), repr(tools))


def _of_responses_messages(messages: Any, **_: Any) -> Sample | None:
    return _of_messages(messages, use_responses_api=True)


def _of_messages_only(messages: Any, *_args: Any, **_: Any) -> Sample | None:
    return _of_messages(messages)


def _in_conversation(messages: list[BaseMessage]) -> list[BaseMessage]:
    """The messages with a question before and results behind, as no provider takes a history without them."""
    whole: list[BaseMessage] = [] if messages and messages[0].type in {"human", "system"} else [HumanMessage("Hello")]
    due: list[Any] = []
    for message in messages:
        if isinstance(message, ToolMessage) and message.tool_call_id not in {call["id"] for call in due}:
            call = {"name": message.name or "a_tool", "args": {}, "id": message.tool_call_id, "type": "tool_call"}
            if not due and (not whole or not isinstance(whole[-1], (AIMessage, ToolMessage))):
                whole.append(AIMessage("", tool_calls=[call]))
        elif isinstance(message, ToolMessage):
            due = [call for call in due if call["id"] != message.tool_call_id]
        whole.append(message)
        if isinstance(message, AIMessage):
            due = list(message.tool_calls)
    return whole + [ToolMessage("A result", tool_call_id=call["id"]) for call in due]


VENDORS = {
    "langchain_openai": [
        Spied(
            "langchain_openai.chat_models.base",
            "ChatOpenAI",
            "_get_request_payload",
            {"_convert_message_to_dict": _of_message, "_construct_responses_api_input": _of_responses_messages},
        )
    ],
    "langchain_anthropic": [
        Spied(
            "langchain_anthropic.chat_models",
            "ChatAnthropic",
            "_get_request_payload",
            {"_format_messages": _of_messages_only, "convert_to_anthropic_tool": _of_tool},
        )
    ],
    "langchain_google_genai": [
        Spied(
            "langchain_google_genai.chat_models",
            "ChatGoogleGenerativeAI",
            "_prepare_request",
            {"_parse_chat_history": _of_messages_only},
        ),
        Spied(
            "langchain_google_genai._function_utils",
            "",
            "",
            {"convert_to_genai_function_declarations": _of_tools},
        ),
    ],
    "langchain_deepseek": [Spied("langchain_deepseek.chat_models", "ChatDeepSeek", "_get_request_payload", {})],
}
DEFAULT_MODELS = {
    "langchain_openai": "gpt-4o",
    "langchain_anthropic": "claude-sonnet-4-5-20250929",
    "langchain_google_genai": "gemini-2.5-flash",
    "langchain_deepseek": "deepseek-chat",
}

# --- the comparison -------------------------------------------------------------------------------------------------

_records: dict[tuple[str, str], dict[str, Any]] = {}
_now = {"test": "", "busy": ""}
"""The test that runs, and the input that is being compared, whose own calls are no inputs."""
_made: list[tuple[Any, dict[str, Any]]] = []
"""The vendor's models that the tests made, and the arguments of each."""


def compare(kind: str, cls: type[Any], constructed: Mapping[str, Any], sample: Sample) -> None:
    """Send an input through both classes and keep what differs. Never raises: the vendor's test goes on."""
    if _now["busy"] or not _now["test"] or _holds_mock(constructed) or "Mock" in sample.shown:
        return
    _now["busy"] = kind
    try:
        _compare(kind, cls, constructed, sample)
    finally:
        _now["busy"] = ""


def _compare(kind: str, cls: type[Any], constructed: Mapping[str, Any], sample: Sample) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        arguments = {k: v for k, v in constructed.items() if k not in _CLIENT_ARGUMENTS} | dict(sample.constructed)
        theirs, _ = _sent(lambda: sample.ask(cls(**arguments)))
        if theirs is None or theirs.api == "other":
            return
        caught.clear()
        ours, error = _sent(lambda: sample.ask(_ours(cls, arguments, theirs)))
        told = [str(one.message) for one in caught if one.category.__name__ == "TikHubAIWarning"]
    _keep(kind, sample, arguments, theirs, ours, error, told)


def _ours(cls: type[Any], arguments: Mapping[str, Any], theirs: Sent) -> ChatTikHub:
    """ChatTikHub with the arguments of theirs, its default model and the wire API that it chose."""
    arguments = dict(arguments)
    if not arguments.keys() & {"model", "model_name"}:
        arguments["model"] = _model_of(theirs)
    return ChatTikHub(api=theirs.api, http_backend="httpx", **arguments)


def _model_of(theirs: Sent) -> str:
    if isinstance(theirs.body, dict) and "model" in theirs.body:
        return str(theirs.body["model"])
    return theirs.path.partition("/models/")[2].partition(":")[0]


def _sent(call: Callable[[], Any]) -> tuple[Sent | None, str]:
    with answering(capture):
        try:
            call()
        except Captured as captured:
            return captured.sent, ""
        except Exception as error:  # noqa: BLE001 - what a class refuses is what is compared
            return None, f"{type(error).__name__}: {error}"
    return None, "Nothing was sent."


def _holds_mock(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_mock(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(_holds_mock(item) for item in value)
    return isinstance(value, NonCallableMock)


def _keep(
    kind: str, sample: Sample, arguments: Any, theirs: Sent, ours: Sent | None, error: str, told: list[str]
) -> None:
    differences: list[Difference] = []
    if ours is not None:
        differences = [
            *compared(canonical(theirs.api, theirs.body), canonical(theirs.api, ours.body)),
            *_compared_headers(theirs, ours),
        ]
    record = {
        "test": _now["test"],
        "kind": f"input of {kind}",
        "api": theirs.api,
        "input": f"{ {**arguments}!r} {sample.shown}"[:2000],
        "outcome": "failed" if ours is None else "passed",
        "error": error,
        "where": "",
        "differences": [one.as_dict() for one in differences],
        "warnings": told,
    }
    if differences and ours is not None:
        record["bodies"] = [theirs.body, ours.body]
    _records.setdefault((_now["test"], json.dumps([theirs.body, record["differences"], error], default=repr)), record)


def _compared_headers(theirs: Sent, ours: Sent) -> list[Difference]:
    """The headers that switch features on: the betas of Anthropic."""
    betas = [
        {"betas": {part.strip(): True for part in sent.headers.get("anthropic-beta", "").split(",") if part.strip()}}
        for sent in (theirs, ours)
    ]
    return [Difference(f"header {one.path}", one.theirs, one.ours) for one in compared(*betas)]


# --- the spies ------------------------------------------------------------------------------------------------------


def spy_on(package: str) -> None:
    """Put spies on a vendor's functions, before its tests import them."""
    for spied in VENDORS[package]:
        module = importlib.import_module(spied.module)
        cls = getattr(module, spied.name, None) or getattr(
            importlib.import_module(VENDORS[package][0].module), VENDORS[package][0].name
        )
        for name, sampled in spied.functions.items():
            setattr(module, name, _spied_function(package, cls, name, getattr(module, name), sampled))
        if spied.name:
            _spy_on_class(cls, spied.requests)


def _spied_function(package: str, cls: type[Any], name: str, function: Any, sampled: Any) -> Any:
    def spying(*args: Any, **kwargs: Any) -> Any:
        if sys._getframe(1).f_globals.get("__name__", "").startswith("tests."):
            try:
                sample = sampled(*args, **kwargs)
            except TypeError:
                sample = None
            if sample is not None:
                compare(name, cls, {"model": DEFAULT_MODELS[package]}, sample)
        return function(*args, **kwargs)

    spying.__wrapped__ = function  # type: ignore[attr-defined]  # where inspect looks for it
    return spying


def _spy_on_class(cls: type[Any], requests: str) -> None:
    construct, request = cls.__init__, getattr(cls, requests)

    def constructing(self: Any, *args: Any, **kwargs: Any) -> None:
        construct(self, *args, **kwargs)
        if type(self) is cls and not args:
            _made.append((self, dict(kwargs)))

    def spying_request(self: Any, input_: Any, *args: Any, **kwargs: Any) -> Any:
        asked = {k: v for k, v in kwargs.items() if k not in {"stream", "run_manager"} and v is not None}
        if not args and type(self) is cls:
            _sample_of(self, cls, requests, lambda model: model.invoke(input_, **asked), f"{input_!r} {asked!r}")
        return request(self, input_, *args, **kwargs)

    cls.__init__ = constructing
    setattr(cls, requests, spying_request)
    for name in ("bind_tools", "with_structured_output"):
        setattr(cls, name, _spied_method(cls, name, getattr(cls, name)))


def _spied_method(cls: type[Any], name: str, method: Any) -> Any:
    def spying(self: Any, *args: Any, **kwargs: Any) -> Any:
        if type(self) is cls:
            ask = lambda model: getattr(model, name)(*args, **kwargs).invoke("Hello")  # noqa: E731
            _sample_of(self, cls, name, ask, f"{args!r} {kwargs!r}")
        return method(self, *args, **kwargs)

    return spying


def _sample_of(model: Any, cls: type[Any], kind: str, ask: Callable[[Any], Any], shown: str) -> None:
    constructed = next((kwargs for held, kwargs in _made if held is model), None)
    if constructed is not None:
        compare(kind, cls, constructed, Sample({}, ask, shown))


# --- pytest's hooks -------------------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    os.environ["TIKHUB_AI_API_KEY"] = "sk-not-a-key"
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "DEEPSEEK_API_KEY"):
        os.environ.setdefault(name, "sk-not-a-key")
    spy_on(Path(str(config.rootpath)).name.rpartition("-")[0])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    _now["test"] = item.nodeid
    try:
        return (yield)
    finally:
        _now["test"] = ""


def pytest_sessionfinish(session: pytest.Session) -> None:
    if REPORT:
        Path(REPORT).write_text(json.dumps(list(_records.values()), ensure_ascii=False, indent=1))
