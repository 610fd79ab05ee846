"""Whatever a server answers, in whatever order: each text is embedded once, or the call ends and loses nothing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.embeddings_gateway import vector_of
from tikhub_ai import (
    BadRequestError,
    EmbeddingsSession,
    InvalidResponseError,
    RateLimitError,
    ServerError,
    TikHubAIError,
)
from tikhub_ai.apis.embeddings import MAX_TOKENS, EmbeddingsOptions, EmbeddingsReply, estimated_tokens
from tikhub_ai.embedding_batches import Batch, Batches, EmbeddingsBatch, Limits
from tikhub_ai.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import DataObject

FAULTS: dict[str, Callable[[], Exception]] = {
    "too large": lambda: BadRequestError("Too many inputs", status_code=400),
    "refused": lambda: BadRequestError("This input is refused.", status_code=400),
    "busy": lambda: RateLimitError("slow down", status_code=429),
    "down": lambda: ServerError("down", status_code=500),
    "garbage": lambda: InvalidResponseError("no base64"),
    "own": lambda: ZeroDivisionError("the caller's own"),
}


class Clock:
    """A clock that goes on with each look at it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.01
        return self.now


class Call:
    """One call, whose requests are answered one after another as the test draws it."""

    def __init__(self, data: DataObject, texts: list[str], session: EmbeddingsSession, *, size: int, most: int) -> None:
        self.data, self.texts, self.most = data, texts, most
        self.sent: list[Batch] = []
        self.paid: list[str] = []
        self.came: list[EmbeddingsBatch] = []
        self.batches = Batches(
            EmbeddingsOptions("m"), enumerate(texts), len(texts), limits=Limits(size, most), session=session, of="m"
        )
        self.batches._is_probing = session.answers_base64 is None and data.draw(st.booleans())

    def run(self, faults: list[str]) -> None:
        running: dict[int, Batch] = {}
        while (turn := self.batches.turn(running, self._begin)) is not None:
            self.came += turn.given
            assert running or turn.given
            assert len(running) <= self.most
            places = [place for batch in running.values() for place in batch.positions]
            assert len(places) == len(set(places)), "a text is under way twice"
            if running:
                number = self.data.draw(st.sampled_from(sorted(running)))
                batch = running.pop(number)
                fault = self.data.draw(st.sampled_from(faults)) if faults else None
                found = self.batches.settle(batch, partial(self._answer, batch, fault))
                self.came += [found] if found is not None else []
                assert len(self.sent) <= 40 * len(self.texts), "it never ends"

    def _begin(self, batch: Batch) -> int:
        assert self.batches.failure is None, "it goes on after its end"
        assert sum(map(estimated_tokens, batch.texts)) <= MAX_TOKENS or len(batch.texts) == 1
        self.sent.append(batch)
        return len(self.sent)

    def _answer(self, batch: Batch, fault: str | None) -> EmbeddingsReply:
        if fault is not None and fault != "none":
            make = FAULTS[fault]
            raise make()
        self.paid += batch.texts
        return EmbeddingsReply([vector_of(text) for text in batch.texts], "m", is_base64=batch.form == "base64")


@settings(deadline=None, max_examples=300)
@given(
    st.data(),
    st.integers(1, 30),
    st.integers(1, 8),
    st.integers(1, 5),
    st.lists(st.sampled_from([*FAULTS, "none", "none", "none"]), min_size=1, max_size=4),
)
def test_each_text_is_embedded_once_or_the_call_ends_and_its_rest_is_asked_for_alone(
    data: DataObject, count: int, size: int, most: int, faults: list[str]
) -> None:
    texts = [f"text {number}" for number in range(count)]
    session = EmbeddingsSession(Pace(Clock()))
    first = Call(data, texts, session, size=size, most=most)
    first.run([*faults, "none"])
    came = {at: vector for batch in first.came for at, vector in zip(batch.positions, batch.vectors, strict=True)}
    assert sum(len(batch.positions) for batch in first.came) == len(came), "a text came twice"
    assert came == {at: vector_of(texts[at]) for at in came}
    assert sorted(first.paid) == sorted(texts[at] for at in came), "what was paid has come"
    failure = first.batches.failure
    assert (failure is None) == (len(came) == count)
    if isinstance(failure, TikHubAIError):
        assert not set(failure.positions or [-1]) & came.keys()
    session.keep("m", ((texts[at], vector) for at, vector in came.items()))
    again = Call(data, texts, session, size=size, most=most)
    again.run([])
    assert sorted(again.paid) == sorted(text for at, text in enumerate(texts) if at not in came), "it is paid for twice"
    assert sorted(at for batch in again.came for at in batch.positions) == list(range(count))


@pytest.mark.parametrize("fault", FAULTS)
@settings(deadline=None, max_examples=30)
@given(st.data())
def test_a_server_that_never_does_anything_else_ends_the_call(fault: str, data: DataObject) -> None:
    texts = [f"text {number}" for number in range(50)]
    call = Call(data, texts, EmbeddingsSession(Pace(Clock())), size=8, most=4)
    call.run([fault])
    assert call.batches.failure is not None
    assert call.came == []
    assert len(call.sent) < 2 * len(texts)
