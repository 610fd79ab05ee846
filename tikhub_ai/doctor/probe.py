"""One question to the gateway: asked over our own transport, and judged by what came."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tikhub_ai.doctor.findings import Finding, Verdict
from tikhub_ai.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    ConfigurationError,
    InsufficientBalanceError,
    InvalidResponseError,
    ModelNotFoundError,
    PermissionDeniedError,
    RateLimitError,
    TikHubAIError,
)
from tikhub_ai.http.transport import Transport
from tikhub_ai.json_text import NO_JSON, parsed
from tikhub_ai.server_text import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from tikhub_ai.http.recording import Exchange, Tape
    from tikhub_ai.models import ModelInfo
    from tikhub_ai.settings import Settings
    from tikhub_ai.wire import ApiRequest, ApiResponse

NOBODY = "tikhub-ai-doctor"
"""A name that no path, model or job has."""
MOST_SILENCES = 3
_LONGEST_DETAIL = 300
_NO_ROUTE = re.compile(
    r"\bInvalid URL \(|^Not Found$|^File Not Found$|\bCannot (?:GET|POST|DELETE) /|\bno (?:such )?route\b|"
    r"\bpage not found\b|^Method Not Allowed$|\bAPI not implemented\b|\bunknown (?:endpoint|path|url)\b",
    re.IGNORECASE,
)
"""How servers word that they have no such path: new-api, FastAPI, llama.cpp, Express, Go's and others."""


@dataclass(slots=True)
class Outcome:
    """What came of a question.

    Attributes:
        value: What was made of the answer; None where `error` is set.
        error: What was raised.
        exchange: What passed; None where nothing was sent.
    """

    value: Any = None
    error: TikHubAIError | None = None
    exchange: Exchange | None = None

    @property
    def status(self) -> int:
        """The HTTP status; 0 where no answer came."""
        return self.exchange.status_code if self.exchange else 0

    @property
    def is_page(self) -> bool:
        """Whether an HTML page came."""
        return self.exchange is not None and self.exchange.body.lstrip()[:9].lower().startswith(
            (b"<!doctype", b"<html")
        )

    @property
    def json(self) -> Any:
        """The JSON value that came, or None."""
        value = parsed(self.exchange.body) if self.exchange else NO_JSON
        return None if value is NO_JSON else value

    @property
    def said(self) -> str:
        """The server's own words of an error, else the beginning of the body."""
        payload = self.json
        for name in ("error", "detail", "message", "msg"):
            if isinstance(payload, dict) and payload.get(name):
                payload = payload[name]
        if isinstance(payload, dict):
            payload = payload.get("message") or payload
        text = (
            payload
            if isinstance(payload, str)
            else (self.exchange.body[:400].decode("utf-8", "replace") if self.exchange else "")
        )
        return text.strip()


@dataclass(slots=True)
class Probe:
    """What all checks share.

    Attributes:
        settings: With the client that keeps what passes.
        tape: What passed.
        spend: Whether calls that cost money may be made.
        named_models: Models to ask, by API, as the user named them.
        paths: Paths of the media operations, as the user gave them.
        models: What the gateway says that it serves; None where it did not say.
        strangers: What it answers to a path that it cannot know, by method.
        served: Chat APIs and other operations that answered as served, and those that did not.
        is_deaf: Why there is no use in asking anything further; empty where there is.
        silences: Calls in a row that were not answered in time.
    """

    settings: Settings
    tape: Tape
    spend: bool = False
    named_models: dict[str, str] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    models: list[ModelInfo] | None = None
    strangers: dict[str, Outcome] = field(default_factory=dict)
    served: dict[str, bool] = field(default_factory=dict)
    is_deaf: str = ""
    silences: int = 0

    def ask(self, request: ApiRequest, read: Callable[[ApiResponse], Any] = lambda response: response) -> Outcome:
        """Ask by a request of our own."""
        return self.tried(lambda: Transport(self.settings).send(request, read))

    def tried(self, call: Callable[[], Any]) -> Outcome:
        """Ask by a client of ours, and keep what it raises."""
        before = len(self.tape.exchanges)
        outcome = Outcome()
        try:
            outcome.value = call()
        except TikHubAIError as error:
            outcome.error = error.with_traceback(None)
        outcome.exchange = self.tape.exchanges[-1] if len(self.tape.exchanges) > before else None
        self.silences = self.silences + 1 if isinstance(outcome.error, APITimeoutError) else 0
        if self.silences == MOST_SILENCES:
            self.is_deaf = f"{MOST_SILENCES} calls in a row were not answered in time"
        return outcome

    def is_unserved(self, outcome: Outcome) -> bool:
        """Whether an answer says that there is no such path, and not that something else is missing."""
        if outcome.is_page and outcome.status < 500:
            return True
        if outcome.status in {405, 501}:
            return True
        if outcome.status != 404:
            return False
        stranger = self.strangers.get(outcome.exchange.method if outcome.exchange else "")
        same = stranger is not None and stranger.status == 404 and _likeness(stranger) == _likeness(outcome)
        return same or not outcome.said or bool(_NO_ROUTE.search(outcome.said))


def _likeness(outcome: Outcome) -> str:
    """What an answer says, without the path that it may repeat and the id of this one call."""
    text = outcome.said
    if outcome.exchange is not None:
        path = re.sub(r"^\w+://[^/]*", "", outcome.exchange.url)
        text = text.replace(path, "PATH").replace(path.partition("?")[0], "PATH")
    return re.sub(r"\(?request id:[^)]*\)?", "", text).strip()


def finding(
    check: str, thought: str, differences: list[str], notes: list[str] | None = None, setting: str = ""
) -> Finding:
    """What a check found that got an answer."""
    words = "; ".join(differences or notes or [])
    return Finding(check, "differs" if differences else "as we think", shortened(words), setting, thought)


def failed(check: str, thought: str, probe: Probe, outcome: Outcome, setting: str, *, model: str = "") -> Finding:
    """What a check found whose question was answered with an error, or not at all.

    Args:
        check: What was looked at.
        thought: What this library relies on.
        probe: Knows how the gateway answers what it does not serve.
        outcome: With its error.
        setting: What to set where the operation is not served.
        model: The model that was asked.
    """
    verdict, detail, remedy = _judged(probe, outcome, model)
    return Finding(check, verdict, shortened(detail), setting if verdict == "not served" else remedy, thought)


def _judged(probe: Probe, outcome: Outcome, model: str) -> tuple[Verdict, str, str]:
    error = outcome.error
    status = outcome.status
    if outcome.is_page and probe.is_unserved(outcome):
        return "not served", "an HTML page", ""
    match error:
        case None:
            return "as we think", "", ""
        case AuthenticationError():
            return "cannot tell", f"the key is refused: {outcome.said}", "TIKHUB_AI_API_KEY"
        case InsufficientBalanceError():
            return "cannot tell", f"the account has no balance: {outcome.said}", ""
        case RateLimitError():
            return "cannot tell", f"too many requests: {outcome.said}", ""
        case APITimeoutError():
            return "cannot tell", error.message, "--timeout"
        case APIConnectionError() | ConfigurationError():
            return "cannot tell", error.message, ""
        case _ if probe.is_unserved(outcome):
            return "not served", f"{status} {outcome.said}", ""
        case ModelNotFoundError():
            return "cannot tell", f"the gateway has no model {model!r}: {outcome.said}", f"--model API={model or '...'}"
        case PermissionDeniedError():
            return "cannot tell", f"the key may not do this: {outcome.said}", ""
        case InvalidResponseError():
            return "differs", error.message, ""
        case APIStatusError() if status >= 500:
            return "cannot tell", f"{status} {outcome.said}", ""
        case APIStatusError():
            return "differs", f"refused with {status or error.status_code}: {outcome.said or error.message}", ""
    return "differs", error.message, ""


def shortened(text: str) -> str:
    """Words of a server, fit to be shown."""
    return printable(text, _LONGEST_DETAIL).strip()


def not_asked(check: str, why: str, thought: str = "") -> Finding:
    """A check that was left out."""
    return Finding(check, "not asked", why, thought=thought)
