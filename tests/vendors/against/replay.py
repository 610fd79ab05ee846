"""pytest plugin: the vendors' recorded integration tests, with our classes in the place of theirs.

A request of ours gets the answer of the recorded request that it resembles most, so that what a class makes of an
answer shows even where it asks in other words. Each difference of the two bodies is noted: a test passes where its own
assertions hold and no difference is left that differences.toml does not document.
"""

from __future__ import annotations

import gzip
import importlib
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ConfigDict

from against.canonical import canonical
from against.differences import Difference, Documented, compared
from against.wire import Answer, Captured, Sent, answering, capture
from langchain_tikhub import ChatTikHub, TikHubEmbeddings

REPORT = os.environ.get("VENDORS_REPORT", "")
PLACES = {
    "ChatOpenAI": ("langchain_openai", "langchain_openai.chat_models", "langchain_openai.chat_models.base"),
    "_ChatOpenAICodex": ("langchain_openai.chat_models.codex",),
    "ChatAnthropic": ("langchain_anthropic", "langchain_anthropic.chat_models"),
    "OpenAIEmbeddings": ("langchain_openai", "langchain_openai.embeddings", "langchain_openai.embeddings.base"),
}
"""The vendors' classes, and the modules from which their tests and LangChain's `init_chat_model` take them."""


class NothingRecordedError(BaseException):
    """A request for which the cassette has no answer."""


class TooManyRequestsError(BaseException):
    """A loop that no recording ends; no agent catches a BaseException, so it ends here."""


@dataclass
class Exchange:
    """A recorded request and its answer."""

    method: str
    body: Any
    answer: Answer
    is_played: bool = False


@dataclass
class Cassette:
    """The recordings of one test, and what was asked of them.

    Attributes:
        test: The test's name.
        api: The wire API of the recordings.
        exchanges: In order.
        differences: Of each request of ours that came, from the recorded one that it resembles most.
    """

    test: str
    api: str
    exchanges: list[Exchange]
    differences: list[Difference] = field(default_factory=list)
    asked: int = 0

    def answer(self, sent: Sent) -> Answer:
        """The answer to a request."""
        self.asked += 1
        if self.asked > 3 * len(self.exchanges) + 3:
            raise TooManyRequestsError(f"{self.asked} requests, where {len(self.exchanges)} were recorded.")
        ranked = []
        for at, exchange in enumerate(self.exchanges):
            if exchange.method != sent.method:
                continue
            found = self._compared(exchange, sent)
            undocumented = sum(one.documented is None for one in found)
            other_way = any(one.path == "stream" for one in found)
            rank = (other_way, bool(undocumented) and exchange.is_played, undocumented, len(found), at)
            ranked.append((rank, exchange, found))
        if not ranked:
            raise NothingRecordedError(f"No {sent.method} was recorded; asked was {sent.path}.")
        _, exchange, found = min(ranked, key=lambda one: one[0])
        exchange.is_played = True
        self.differences += found
        return exchange.answer

    def _compared(self, exchange: Exchange, sent: Sent) -> list[Difference]:
        if not (isinstance(exchange.body, dict) and isinstance(sent.body, dict)):
            return []  # a file, fetched by the test
        found = compared(canonical(self.api, exchange.body), canonical(self.api, sent.body))
        DOCUMENTED.mark(found, sent.api, self.test)
        return found


DOCUMENTED = Documented()
_playing: list[Cassette] = []
"""The cassette of the test that runs; empty between tests."""


def read_cassette(path: Path, test: str) -> Cassette:
    """A cassette as the vendors keep it: YAML in gzip, its headers and addresses taken out."""
    document = yaml.load(gzip.decompress(path.read_bytes()), yaml.CSafeLoader)
    exchanges = []
    for request, response in zip(document["requests"], document["responses"], strict=True):
        content = response["body"]["string"]
        content = content.encode() if isinstance(content, str) else content
        kind = "text/event-stream" if content.lstrip()[:6] in {b"event:", b"data: "} else "application/json"
        exchanges.append(
            Exchange(
                request["method"],
                _json(request["body"]),
                Answer(response["status"]["code"], {"content-type": kind}, content),
            )
        )
    return Cassette(test, _api_of(exchanges, path), exchanges)


def _json(body: Any) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return repr(body)  # an upload


def _api_of(exchanges: list[Exchange], path: Path) -> str:
    if "langchain_anthropic" in str(path):
        return "messages"
    asked: dict[str, Any] = next((one.body for one in exchanges if isinstance(one.body, dict)), {})
    if "messages" in asked:
        return "chat_completions"
    return "embeddings" if "embedding" in str(asked.get("model")) else "responses"


# --- our classes in their place -------------------------------------------------------------------------------------


class ChatInTheirPlace(ChatTikHub):
    """ChatTikHub, told what a user who moves would set: a key, and the wire API that the recordings are of."""

    model_config = ConfigDict(title="ChatTikHub")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("http_backend", "httpx")  # the answers come from httpx's transport
        if _playing and _playing[0].api != "embeddings":
            kwargs.setdefault("api", _playing[0].api)
        super().__init__(*args, **kwargs)

    def _get_request_payload(self, input_: Any, **kwargs: Any) -> Any:
        """By this name, the vendors' tests look into the body that would be sent; ours means another thing."""
        caller = sys._getframe(1).f_globals.get("__name__", "")
        if not caller.startswith("tests."):
            return super()._get_request_payload(input_, **kwargs)
        with answering(capture):
            try:
                self.invoke(input_, **kwargs)
            except Captured as captured:
                return captured.sent.body
        raise AssertionError("Nothing was sent.")


class AlwaysStreaming(ChatInTheirPlace):
    """In the place of a class whose service answers in streams only."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"streaming": True, **kwargs})


class EmbeddingsInTheirPlace(TikHubEmbeddings):
    """TikHubEmbeddings with the vendor's default model."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("model", "text-embedding-ada-002")
        kwargs.setdefault("http_backend", "httpx")
        super().__init__(*args, **kwargs)


BASES: dict[str, type[Any]] = {
    "ChatOpenAI": ChatInTheirPlace,
    "_ChatOpenAICodex": AlwaysStreaming,
    "ChatAnthropic": ChatInTheirPlace,
    "OpenAIEmbeddings": EmbeddingsInTheirPlace,
}


def put_in_place() -> None:
    """Put our classes where the vendors' tests take theirs from."""
    for name, modules in PLACES.items():
        for module_name in modules:
            try:
                module = importlib.import_module(module_name)
            except ImportError:
                continue
            getattr(module, name)
            base = BASES[name]
            setattr(module, name, type(name, (base,), {"__module__": __name__, "__doc__": base.__doc__}))


# --- pytest's hooks -------------------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    os.environ["TIKHUB_AI_API_KEY"] = "sk-not-a-key"
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "DEEPSEEK_API_KEY"):
        os.environ.setdefault(name, "sk-not-a-key")
    put_in_place()


def cassette_path(item: pytest.Item) -> Path | None:
    """Where a test's cassette is; None where it has none."""
    if item.get_closest_marker("vcr") is None:
        return None
    owner = getattr(item, "cls", None)
    name = f"{owner.__name__}.{item.name}" if owner else item.name
    here = Path(str(item.config.rootpath)) / "tests" / "cassettes"
    marked = item.get_closest_marker("default_cassette")
    names = [marked.args[0] if marked else name, name.partition("[")[0]]
    return next((path for name in names if (path := here / _suffixed(name)).is_file()), None)


def _suffixed(name: str) -> str:
    return name if name.endswith(".yaml.gz") else f"{name}.yaml.gz"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    recorded = [item for item in items if cassette_path(item) and not DOCUMENTED.reason_to_leave_out(item.nodeid)]
    config.hook.pytest_deselected(items=[item for item in items if item not in recorded])
    items[:] = recorded


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Any:
    path = cassette_path(item)
    assert path is not None
    cassette = read_cassette(path, item.nodeid)
    _playing[:] = [cassette]
    try:
        with answering(cassette.answer):
            return (yield)
    finally:
        _playing.clear()


_outcomes: dict[str, dict[str, Any]] = {}
_warnings: dict[str, list[str]] = {}


def pytest_warning_recorded(warning_message: Any, when: str, nodeid: str) -> None:
    if warning_message.category.__name__ == "TikHubAIWarning":
        _warnings.setdefault(nodeid, []).append(str(warning_message.message))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Any:
    report = yield
    if report.when == "call" or report.outcome != "passed":
        kept = _outcomes.setdefault(item.nodeid, {"test": item.nodeid, "kind": "test"})
        is_expected = hasattr(report, "wasxfail")
        kept["outcome"] = "passed" if report.outcome == "passed" or is_expected else report.outcome
        error = call.excinfo
        kept["error"] = f"{error.typename}: {error.value}" if error and kept["outcome"] == "failed" else ""
        kept["where"] = _where(error, item) if error and kept["outcome"] == "failed" else ""
        for cassette in _playing:
            kept["api"] = cassette.api
            kept["differences"] = [one.as_dict() for one in cassette.differences]
    return report


def _where(error: Any, item: pytest.Item) -> str:
    for entry in reversed(error.traceback):
        if str(entry.path).startswith(str(item.config.rootpath)) or "langchain_tests" in str(entry.path):
            return f"{entry.path.name}:{entry.lineno + 1}: {str(entry.statement).strip()[:300]}"
    return ""


def pytest_sessionfinish(session: pytest.Session) -> None:
    for name, record in _outcomes.items():
        record["warnings"] = _warnings.get(name, [])
    if REPORT:
        Path(REPORT).write_text(json.dumps(list(_outcomes.values()), ensure_ascii=False, indent=1))
