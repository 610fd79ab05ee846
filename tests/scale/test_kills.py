"""Workers and whole jobs that are killed in the middle: every row is answered, and what is paid twice is counted.

The guarantee: an answer that has come is never paid again. What was in flight at the kill, asked and unanswered, is
asked again, once: at most `max_concurrency` requests of each worker that died.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.scale.conftest import FIGURES, Job, is_alive, kill, until
from tests.scale.paid_server import answer_to, serving, vector_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scale.paid_server import PaidServer

WORKERS, AT_ONCE, TEXTS = 2, 4, 4000


def job_of(engine: str, server: PaidServer, folder: Path, kind: str = "embeddings") -> Job:
    """A job of 4,000 texts, or 400 prompts, for two workers of four requests each."""
    work: dict[str, Any] = {"max_concurrency": AT_ONCE}
    work |= (
        {"batch_size": 20, "encoding_format": "base64"}
        if kind == "embeddings"
        else {"model": "m", "api": "chat_completions"}
    )
    count, column = (TEXTS, "text") if kind == "embeddings" else (TEXTS // 10, "prompt")
    job = Job(engine, kind, server, folder, work, {"workers": WORKERS, "rows_at_once": count // 8})
    job.given({"id": list(range(count)), column: [f"text {number}" for number in range(count)]}, files=4)
    return job


def assert_all_answered(rows: list[dict[str, Any]], kind: str = "embeddings") -> None:
    assert sorted(row["id"] for row in rows) == list(range(TEXTS if kind == "embeddings" else TEXTS // 10))
    assert [row["error"] for row in rows if row["error"] is not None] == []
    if kind == "embeddings":
        assert [row for row in rows if row["embedding"] != vector_of(row["text"])] == []
    else:
        assert [row for row in rows if row["answer"] != answer_to(row["prompt"])] == []


@pytest.mark.parametrize("kind", ["embeddings", "chat"])
def test_of_a_killed_worker_only_what_was_in_flight_is_asked_again(
    engine: str, kind: str, server: PaidServer, tmp_path: Path
) -> None:
    job = job_of(engine, server, tmp_path, kind)
    server.hold(after=40)
    process = job.start()
    flight = job.in_flight(WORKERS * AT_ONCE, WORKERS)
    victim = min(flight)
    kill(victim)
    server.release()
    assert_all_answered(job.finish(process), kind)
    paid = server.paid()
    assert len(flight[victim]) == AT_ONCE * job.work.get("batch_size", 1)
    assert Counter({row: times for row, times in paid.items() if times > 1}) == Counter(flight[victim] * 2)
    FIGURES.append(
        f"{engine}, {kind}: {len(paid)} rows, {sum(paid.values())} paid, {len(flight[victim])} of them in flight"
    )


def test_a_job_that_is_killed_and_run_again_asks_only_for_what_was_in_flight(
    engine: str, server: PaidServer, tmp_path: Path
) -> None:
    job = job_of(engine, server, tmp_path)
    server.hold(after=40)
    process = job.start()
    flight = job.in_flight(WORKERS * AT_ONCE, WORKERS)
    process.kill()
    process.wait()
    until(lambda: not any(map(is_alive, flight)), "the workers have followed their driver")
    server.release()
    job.options |= {"workers": 1, "rows_at_once": 700}  # other batches, and other workers
    job.work |= {"batch_size": 30}
    assert_all_answered(job.run())
    lost = [row for rows in flight.values() for row in rows]
    assert Counter({row: times for row, times in server.paid().items() if times > 1}) == Counter(lost * 2)
    before = sum(server.paid().values())
    assert_all_answered(job.run())
    assert sum(server.paid().values()) == before == TEXTS + len(lost)
    FIGURES.append(f"{engine}: {TEXTS} rows, {before} paid, {len(lost)} of them in flight; run once more: none")


def test_whenever_a_worker_is_killed_no_more_is_asked_again_than_fits_in_flight(engine: str, tmp_path: Path) -> None:
    with serving(seconds=0.4) as server:
        job = job_of(engine, server, tmp_path)
        process = job.start()
        until(lambda: len(server.journal()) >= 40, "the job is under way")
        at_the_kill = server.journal()
        kill(at_the_kill[-1].worker)
        assert_all_answered(job.finish(process))
        paid = server.paid()
        twice = [row for row, times in paid.items() if times > 1]
        assert max(paid.values()) <= 2
        assert len(twice) <= AT_ONCE * job.work["batch_size"]
        FIGURES.append(
            f"{engine}, killed when {len(at_the_kill)} requests had come: {TEXTS} rows, {sum(paid.values())} paid, "
            f"{len(twice)} of them twice"
        )
