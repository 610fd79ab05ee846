"""What the caller sees of a fault, and a row of the fault table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tikhub_ai import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    IncompleteStreamError,
    InvalidResponseError,
    TikHubAIError,
)

if TYPE_CHECKING:
    from tests.faults.wire import Steps


@dataclass(frozen=True)
class Seen:
    """What the caller sees.

    Attributes:
        error: The member of the tree, None where the answer is right.
        retried: Whether it is retryable and was tried again, so that there were 3 requests with `max_retries=2`.
        sent: `may_have_been_sent`, where the member has it.
        partial: The text that the error's partial answer holds; None where it has none.
        cause: The member that it says of what was asked for; None where it says it itself.
    """

    error: type[TikHubAIError] | None = None
    retried: bool = False
    sent: bool | None = None
    partial: str | None = None
    cause: type[TikHubAIError] | None = None


ANSWER = Seen()
NOT_SENT = Seen(APIConnectionError, retried=True, sent=False)
NO_CONNECTION_IN_TIME = Seen(APITimeoutError, retried=True, sent=False)
BROKEN = Seen(APIConnectionError, retried=True, sent=True)
TOO_SLOW = Seen(APITimeoutError, retried=True, sent=True)
NO_ANSWER = Seen(InvalidResponseError)
CUT_AT_ONCE = Seen(IncompleteStreamError, retried=True)
REFUSED_SETTING = Seen(ConfigurationError)


def cut(partial: str) -> Seen:
    """Cut after something was handed out, so that it is not tried again."""
    return Seen(IncompleteStreamError, partial=partial)


@dataclass(frozen=True)
class Row:
    """One fault.

    Attributes:
        name: What the server does.
        fault: The line of the issue's table that it belongs to.
        plain: What a plain call's requests are answered with.
        seen: What its caller sees.
        streamed: The same for a stream; None where it is the same as for a plain call.
        stream_seen: Likewise.
        port: The server's port that is asked.
        scheme: `http` or `https`.
        settings: Of the call.
        elsewhere: What is seen over a backend that judges otherwise.
    """

    name: str
    fault: str
    plain: tuple[Steps, ...] = ()
    seen: Seen = ANSWER
    streamed: tuple[Steps, ...] | None = None
    stream_seen: Seen | None = None
    port: str = "scripts"
    scheme: str = "http"
    settings: dict[str, Any] = field(default_factory=dict)
    elsewhere: dict[str, Seen] = field(default_factory=dict)
