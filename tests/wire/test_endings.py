"""Recorded exchanges that are no answer although their status is 200: failures after it, and streams that were cut."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.wire.reading import client_of, request_of
from tests.wire.recordings import ENDPOINTS, exchanges, needs_recordings, outcome
from tikhub_ai import End, IncompleteStreamError, TextDelta, TikHubAIError

if TYPE_CHECKING:
    from tests.wire.recordings import Exchange, Outcome

pytestmark = needs_recordings


def recorded(ending: Outcome) -> list[object]:
    return [
        pytest.param(api, param.values[0], id=f"{api}-{param.id}")
        for api in ENDPOINTS
        if api != "embeddings"
        for param in exchanges(api, ending)
    ]


@pytest.mark.parametrize(("api", "exchange"), recorded("failed"))
def test_a_failure_after_the_status_is_an_error_and_no_answer(api: str, exchange: Exchange) -> None:
    client, request = client_of(api, exchange), request_of(exchange)
    with pytest.raises(TikHubAIError) as caught:
        _ = list(client.stream(request)) if exchange.is_stream else client.complete(request)
    assert not isinstance(caught.value, IncompleteStreamError)


def halved() -> list[Any]:
    """Every recorded stream without its second half, where its end is in that."""
    cut = []
    for api in ENDPOINTS:
        for param in [] if api == "embeddings" else exchanges(api, "answer"):
            exchange = param.values[0]
            events = exchange.body.split(b"\n\n")
            half = replace(exchange, body=b"\n\n".join(events[: len(events) // 2]) + b"\n\n")
            if exchange.is_stream and outcome(api, half) == "cut":
                cut.append(pytest.param(api, half, id=f"{api}-{param.id}-half"))
    return cut


@pytest.mark.parametrize(("api", "exchange"), [*recorded("cut"), *halved()])
def test_a_cut_stream_is_never_an_answer_and_keeps_what_had_come(api: str, exchange: Exchange) -> None:
    deltas: list[object] = []
    with pytest.raises(IncompleteStreamError) as caught:
        deltas.extend(client_of(api, exchange).stream(request_of(exchange)))
    said = [delta.text for delta in deltas if isinstance(delta, TextDelta) and not delta.choice]
    assert not any(isinstance(delta, End) for delta in deltas)
    assert (caught.value.partial.text if caught.value.partial else "") == "".join(said)
