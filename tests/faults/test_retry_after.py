"""Every form of Retry-After, through every operation: how long is waited, and how often is asked."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.expected import right
from tests.faults.lanes import assert_ours
from tests.faults.operations import CELLS, Cell, operation_of
from tests.faults.thin import crossed
from tests.faults.wire import JSON, whole
from tikhub_ai import DownloadError, JobTimeoutError, RateLimitError, TikHubAIError
from tikhub_ai.http.retries import Tries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.conftest import FaultServer

pytestmark = pytest.mark.outside_openapi("one request again and again; others hold it against the OpenAPI")

FAULT = "every form of Retry-After"
FIRST = 0.5
"""Seconds of the first wait, where the server does not say."""

NOW = 1795652445.5
"""What the clock shows for ever: 26 November 2026, a Thursday."""


@dataclass(frozen=True)
class Form:
    """One form.

    Attributes:
        headers: As the server sends them; `{imf}`, `{rfc850}` and `{asctime}` are a date.
        asked: Seconds that are waited, or a little longer; None where it says nothing, and the wait is ours.
        ahead: Seconds from now to the date.
        is_too_long: Whether it is longer than `max_retry_after`, so that the call fails at once.
    """

    headers: tuple[str, ...]
    asked: float | None = None
    ahead: float = 0.0
    is_too_long: bool = False

    @property
    def least(self) -> float:
        """Seconds of the wait."""
        return 0.75 * FIRST if self.asked is None else self.asked - bool(self.ahead)  # a date has whole seconds

    @property
    def most(self) -> float:
        """Likewise, with what is added so that not all come back at once."""
        return FIRST if self.asked is None else 1.25 * self.asked

    def sent(self) -> list[str]:
        at = NOW + self.ahead
        moment = time.gmtime(at)
        days = time.strftime("%A, %d-%b-%y %H:%M:%S GMT", moment)
        dates = {"imf": formatdate(at, usegmt=True), "rfc850": days, "asctime": time.asctime(moment)}
        return [header.format(**dates) for header in self.headers]


FORMS: dict[str, Form] = {
    "none": Form(()),
    "seconds": Form(("retry-after: 7",), 7),
    "a fraction": Form(("retry-after: 1.5",), 1.5),
    "nought": Form(("retry-after: 0",), 0),
    "blanks around": Form(("retry-after:   3  ",), 3),
    "the RFC's date": Form(("retry-after: {imf}",), 30, 30),
    "RFC 850's date": Form(("retry-after: {rfc850}",), 30, 30),
    "C's date": Form(("retry-after: {asctime}",), 30, 30),
    "a date that is over": Form(("retry-after: {imf}",), 0, -3600),
    "C's date, over": Form(("retry-after: {asctime}",), 0, -3600),
    "negative": Form(("retry-after: -5",)),
    "empty": Form(("retry-after:",)),
    "a word": Form(("retry-after: soon",)),
    "a number in words of a programmer": Form(("retry-after: 1_0",)),
    "not a number": Form(("retry-after: nan",)),
    "infinite": Form(("retry-after: inf",)),
    "a date of no day": Form(("retry-after: Sun, 99 Nov 2026 00:00:10 GMT",)),
    "milliseconds": Form(("retry-after-ms: 250",), 0.25),
    "both": Form(("retry-after: 9", "retry-after-ms: 1500"), 1.5),
    "both, one of rubbish": Form(("retry-after: 9", "retry-after-ms: -1"), 9),
    "twice": Form(("retry-after: 1", "retry-after: 4"), 4),
    "twice a date": Form(("retry-after: {imf}", "retry-after: {imf}"), 30, 30),
    "whether to try at all, which no document tells of": Form(("x-should-retry: false", "retry-after: 2"), 2),
    "an hour": Form(("retry-after: 3600",), 3600, is_too_long=True),
    "huge": Form((f"retry-after: {'9' * 30}",), 1e30, is_too_long=True),
    "a date of tomorrow": Form(("retry-after: {imf}",), 86_400, 86_400, is_too_long=True),
    "more digits than a number has": Form((f"retry-after: {'9' * 400}",)),
}


@pytest.fixture(autouse=True)
def _waits_are_not_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    async def asleep(self: Tries, seconds: float) -> None:
        pass

    monkeypatch.setattr(Tries, "_sleep", lambda self, seconds: None)
    monkeypatch.setattr(Tries, "_asleep", asleep)


@pytest.fixture(autouse=True)
def _time_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: NOW)


@pytest.fixture(autouse=True)
def _another_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """C's date names no zone: that of this machine is not meant."""
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.fault(FAULT)
@pytest.mark.parametrize(
    ("name", "lane"), crossed({name: name for name in FORMS}, CELLS, operation_of, is_costly=lambda _: True)
)
async def test_retry_after(faults: FaultServer, name: str, lane: Cell) -> None:
    form, told = FORMS[name], list[Any]()
    busy = whole(b'{"error": {"message": "busy"}}', JSON, *form.sent(), status="429 Too Many Requests")
    faults.script("x", busy, lane.answers.good(streamed=lane.streamed))
    settings = {"base_url": faults.url(), "retry_wait": FIRST, "on_retry": told.append}
    is_check = lane.what == "poll" and lane.is_tool
    if not (form.is_too_long or is_check):
        assert await lane.ask(**settings) == right(lane)
        [retry] = told
        assert form.least <= retry.wait <= form.most
        assert len(faults.seen("x")) == 2
        return
    with pytest.raises(TikHubAIError) as caught:
        await lane.ask(**settings)
    error: Any = caught.value
    assert_ours(error)
    assert isinstance(error, JobTimeoutError if is_check else DownloadError if lane.is_file else RateLimitError)
    if is_check:  # it asks once, and is asked again by whoever reads when
        error = error.__cause__
        assert isinstance(error, RateLimitError)
    else:
        assert "longer than max_retry_after" in str(error)
    if form.asked is None:
        assert error.retry_after is None
    else:
        assert error.retry_after == pytest.approx(form.asked, abs=1 if form.ahead else 0)
    assert told == []
    assert len(faults.seen("x")) == 1
