"""The worker of a bulk job, without any engine: what is asked, what is paid, what a row says that has no answer."""

from __future__ import annotations

import json
import pickle
import threading
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.embeddings_gateway import Gateway, error, vector_of
from tikhub_ai import ConfigurationError, InvalidRequestError, ServerError, Settings, TikHubAIError
from tikhub_ai.bulk import BulkChat, BulkEmbeddings, BulkTranscription, BulkWork, Worker, tables
from tikhub_ai.bulk.travel import travels

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

KEY = "sk-test-of-bulk-work"


def work_of(gateway: Gateway, **options: Any) -> BulkEmbeddings:
    """Work that asks a gateway of this process."""
    clients = {**gateway.clients, "api_key": KEY}
    retries = options.pop("max_retries", 0)
    made = Settings(max_retries=retries, **clients, **options.pop("settings", {}))
    return BulkEmbeddings(**{"batch_size": 8, "max_concurrency": 4, "settings": lambda: made, **options})


def paid(gateway: Gateway) -> Counter[str]:
    return Counter(text for body in gateway.requests for text in body["input"])


def vectors(columns: dict[str, list[Any]]) -> list[list[float] | None]:
    return [None if vector is None else vector.tolist() for vector in columns["embedding"]]


def refusing(gateway: Gateway, is_bad: Callable[[str], bool], answer: httpx.Response) -> Gateway:
    """A gateway that refuses whatever holds a bad text, and answers the rest."""
    refused: list[dict[str, Any]] = []

    def refuse(body: dict[str, Any]) -> httpx.Response | None:
        if any(map(is_bad, body["input"])):
            refused.append(body)
            gateway.requests.remove(body)  # it is not paid
            return answer
        return None

    gateway.refuse = refuse
    return gateway


def test_each_row_has_its_vector_in_order_and_equal_texts_are_asked_once(tmp_path: Path) -> None:
    texts = [f"text {number % 30}" for number in range(100)]
    gateway = Gateway()
    columns = Worker(work_of(gateway), tmp_path)(texts)
    assert vectors(columns) == [vector_of(text) for text in texts]
    assert columns["error"] == [None] * 100
    assert paid(gateway) == Counter(set(texts))


def test_a_column_tells_rows_apart_that_ask_the_same(tmp_path: Path) -> None:
    gateway = Gateway()
    worker = Worker(work_of(gateway, distinct_by="id"), tmp_path)
    worker(["a", "a", "a"], [1, 2, 1])
    assert paid(gateway) == {"a": 2}
    worker(["a", "a"], [2, 3])
    assert paid(gateway) == {"a": 3}


@pytest.mark.parametrize("size", [1, 3, 100])
def test_whatever_was_answered_is_not_asked_again_by_other_workers_in_other_batches(tmp_path: Path, size: int) -> None:
    texts = [f"text {number}" for number in range(60)]
    gateway = Gateway()
    Worker(work_of(gateway), tmp_path)(texts[:40])
    again = Worker(work_of(gateway, batch_size=size, max_concurrency=2), tmp_path)(texts[::-1])
    assert vectors(again) == [vector_of(text) for text in texts[::-1]]
    assert paid(gateway) == Counter(texts)


def test_what_depends_on_something_else_is_asked_anew(tmp_path: Path) -> None:
    gateway = Gateway()
    for options in ({}, {"model": "another"}, {"dimensions": 3}, {"extra_body": {"user": "x"}}):
        Worker(work_of(gateway, **options), tmp_path)(["a"])
    assert paid(gateway) == {"a": 4}


BAD_ROWS = [None, 5, b"bytes", float("nan"), "half \ud800", ["list"]]


def test_a_row_that_cannot_be_sent_has_its_error_beside_the_good_ones(tmp_path: Path) -> None:
    gateway = Gateway()
    columns = Worker(work_of(gateway), tmp_path)(["a", *BAD_ROWS, "b"])
    assert vectors(columns) == [vector_of("a"), *[None] * len(BAD_ROWS), vector_of("b")]
    assert columns["error"][0] is columns["error"][-1] is None
    assert all(said.startswith("InvalidRequestError: text ") for said in columns["error"][1:-1])
    assert paid(gateway) == {"a": 1, "b": 1}


@settings(deadline=None, max_examples=40)
@given(bad=st.sets(st.integers(0, 39), max_size=12), size=st.integers(1, 16), status=st.sampled_from([400, 500]))
def test_however_many_rows_a_server_refuses_all_others_are_answered_and_paid_once(
    tmp_path_factory: pytest.TempPathFactory, bad: set[int], size: int, status: int
) -> None:
    texts = [f"text {number}" for number in range(40)]
    refused = {texts[number] for number in bad}
    gateway = refusing(Gateway(), refused.__contains__, error("Refused.", status))
    worker = Worker(work_of(gateway, batch_size=size, give_up_after=1000), tmp_path_factory.mktemp("checkpoints"))
    columns = worker(texts)
    worker.close()
    assert vectors(columns) == [None if text in refused else vector_of(text) for text in texts]
    assert [said is not None for said in columns["error"]] == [text in refused for text in texts]
    assert paid(gateway) == Counter(set(texts) - refused)


def test_an_error_is_said_without_the_key_and_without_a_position_in_its_request(tmp_path: Path) -> None:
    for bad, words in (("bad", "is refused"), (" ", "is refused"), ("b" * 99, "maximum context length")):
        echo = error(f"Your request with {KEY} {words}.")
        gateway = refusing(Gateway(), bad.__eq__, echo)
        [said] = Worker(work_of(gateway), tmp_path)([bad])["error"]
        assert said.startswith(("BadRequestError: ", "ContextWindowExceededError: "))
        assert words in said
        assert KEY not in said
        assert "texts[" not in said


@pytest.mark.parametrize("status", [401, 503])
def test_what_ends_a_job_names_no_position_in_a_request(tmp_path: Path, status: int) -> None:
    gateway = Gateway(refuse=lambda _: error("no", status))
    with pytest.raises(TikHubAIError, match="no") as caught:
        Worker(work_of(gateway, give_up_after=2), tmp_path)([f"text {number}" for number in range(40)])
    assert "texts[" not in str(caught.value)
    assert caught.value.positions is None


def test_rows_with_errors_are_asked_again_by_the_next_run(tmp_path: Path) -> None:
    gateway = refusing(Gateway(), "bad".__eq__, error("Refused."))
    Worker(work_of(gateway), tmp_path)(["a", "bad"])
    gateway.refuse = lambda body: None
    columns = Worker(work_of(gateway), tmp_path)(["a", "bad"])
    assert columns["error"] == [None, None]
    assert paid(gateway) == {"a": 1, "bad": 1}


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_no_row_can_be_answered_with_ends_the_job_and_what_had_come_is_kept(tmp_path: Path, status: int) -> None:
    texts = [f"text {number}" for number in range(400)]
    gateway = Gateway()
    gateway.refuse = lambda body: error("No more.", status) if len(gateway.requests) > 20 else None
    worker = Worker(work_of(gateway), tmp_path)
    with pytest.raises(Exception, match="No more"):
        worker(texts)
    assert len(gateway.requests) <= 20 + 4
    answered = Counter(text for body in gateway.requests[:20] for text in body["input"])
    gateway.refuse = lambda body: None
    gateway.requests = gateway.requests[:20]
    assert vectors(worker(texts)) == [vector_of(text) for text in texts]
    assert paid(gateway) == Counter(texts)
    assert answered


def test_a_server_that_is_down_ends_the_job_and_not_each_row(tmp_path: Path) -> None:
    gateway = refusing(Gateway(), lambda _: True, error("Down.", 503))
    with pytest.raises(ServerError, match="Down"):
        Worker(work_of(gateway, give_up_after=10), tmp_path)([f"text {number}" for number in range(4000)])


def test_refusals_for_too_many_requests_are_asked_again_while_others_are_answered(tmp_path: Path) -> None:
    gateway, seen = Gateway(delay=0.002), Counter[str]()

    def busy(body: dict[str, Any]) -> httpx.Response | None:
        if gateway._at_once <= 2:
            return None
        gateway.requests.remove(body)
        seen["refused"] += 1
        return httpx.Response(429, json={"error": {"message": "Slow down."}}, headers={"retry-after-ms": "1"})

    gateway.refuse = busy
    texts = [f"text {number}" for number in range(300)]
    columns = Worker(work_of(gateway, max_concurrency=8), tmp_path)(texts)
    assert columns["error"] == [None] * 300
    assert paid(gateway) == Counter(texts)
    assert seen["refused"]


class Counting:
    """A budget that promises every place at once, and counts."""

    def __init__(self) -> None:
        self.reserved: list[int] = []
        self.spent: list[int] = []

    def reserve(self, tokens: int) -> float:
        self.reserved.append(tokens)
        return 0.0

    def spend(self, tokens: int) -> None:
        self.spent.append(tokens)


def test_each_request_asks_for_a_place_and_each_retry_is_counted(tmp_path: Path) -> None:
    gateway, budget = Gateway(), Counting()
    gateway.refuse = lambda body: error("Again.", 503) if len(gateway.requests) in {2, 3} else None
    work = work_of(gateway, max_retries=3, encoding_format="float", max_concurrency=1)
    Worker(work, tmp_path, budget)([f"text {number}" for number in range(32)])
    assert len(budget.reserved) == 4
    assert len(budget.spent) == 2
    assert len(gateway.requests) == 6


def few_at_once(body: dict[str, Any]) -> httpx.Response | None:
    return error("Too many inputs. The max number of inputs is 3.") if len(body["input"]) > 3 else None


def no_base64(body: dict[str, Any]) -> httpx.Response | None:
    return error("base64 is not supported") if body["encoding_format"] == "base64" else None


def no_base64_of_many(body: dict[str, Any]) -> httpx.Response | None:
    return no_base64(body) if len(body["input"]) > 1 else None


@pytest.mark.parametrize("refuse", [lambda _: None, few_at_once, no_base64, no_base64_of_many])
@pytest.mark.parametrize("options", [{}, {"batch_size": 5000}, {"encoding_format": "float"}])
def test_no_request_goes_out_without_a_place(
    tmp_path: Path, refuse: Callable[..., Any], options: dict[str, Any]
) -> None:
    gateway, budget = Gateway(refuse=refuse), Counting()
    texts = [f"text {number}" for number in range(2100 if "batch_size" in options else 40)]
    columns = Worker(work_of(gateway, **options), tmp_path, budget)(texts)
    assert vectors(columns) == [vector_of(text) for text in texts]
    assert columns["error"] == [None] * len(texts)
    assert len(budget.reserved) == len(gateway.requests)
    assert max(gateway.sizes) <= 2048


def test_a_request_that_waits_for_its_place_ends_with_the_job(tmp_path: Path) -> None:
    class Never(Counting):
        def reserve(self, tokens: int) -> float:
            super().reserve(tokens)
            return 3600.0

    budget = Never()
    worker = Worker(work_of(Gateway()), tmp_path, budget)
    worker._mine.has_place, worker._mine.due = True, None
    assert worker.place(5) == 0, "the loop has asked for it"
    assert [worker.place(5) for _ in range(3)] == [1.0] * 3, "it looks each second whether the job goes on"
    assert budget.reserved == [5]
    worker.close()
    with pytest.raises(InterruptedError):
        worker.place(5)


def test_a_place_that_is_promised_for_later_is_waited_for(tmp_path: Path) -> None:
    gateway = Gateway()

    class Later(Counting):
        def reserve(self, tokens: int) -> float:
            super().reserve(tokens)
            return 0.03

    budget = Later()
    Worker(work_of(gateway, encoding_format="float"), tmp_path, budget)([f"text {number}" for number in range(40)])
    assert len(budget.reserved) == 5
    assert gateway.most_at_once <= 2


def test_an_answer_is_on_the_disk_before_the_worker_takes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway()
    worker = Worker(work_of(gateway), tmp_path)
    monkeypatch.setattr(worker, "_settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        worker([f"text {number}" for number in range(100)])
    worker.close()
    asked = paid(gateway)
    columns = Worker(work_of(gateway), tmp_path)(list(asked))
    assert vectors(columns) == [vector_of(text) for text in asked]
    assert paid(gateway) == asked


def test_a_checkpoint_that_cannot_be_written_ends_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway()
    worker = Worker(work_of(gateway), tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(worker.checkpoints, "keep", full)
    with pytest.raises(OSError, match="No space"):
        worker([f"text {number}" for number in range(1000)])
    assert len(gateway.requests) <= 2 * 4


def test_workers_of_one_folder_at_the_same_time_answer_all_rows(tmp_path: Path) -> None:
    gateway = Gateway(delay=0.001)
    parts = [[f"text {number}" for number in range(start, 400, 4)] for start in range(4)]
    found: dict[int, dict[str, list[Any]]] = {}
    threads = [
        threading.Thread(target=lambda n=n: found.update({n: Worker(work_of(gateway), tmp_path)(parts[n])}))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(vectors(found[n]) == [vector_of(text) for text in parts[n]] for n in range(4))
    assert max(paid(gateway).values()) == 1


# --- what travels ---------------------------------------------------------------------------------------------------


def module_settings() -> Settings:
    return Settings(api_key=read_key, default_headers={"x-secret": KEY})


def read_key() -> str:
    return KEY


def settings_that_hold(key: str) -> Settings:
    return Settings(api_key=key)


WORKS: Sequence[Callable[..., BulkWork]] = (BulkEmbeddings, partial(BulkChat, model="m"), BulkTranscription)


@pytest.mark.parametrize("kind", WORKS)
def test_a_pickle_of_the_work_holds_no_key(kind: Callable[..., BulkWork], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKHUB_AI_API_KEY", KEY)
    for given_settings in (None, Settings(), Settings(api_key=read_key), module_settings):
        work = kind() if given_settings is None else kind(settings=given_settings)
        travels(work, pickle.dumps)
        pickled = pickle.dumps(work)
        assert KEY.encode() not in pickled
        assert KEY not in repr(work)
        copy = pickle.loads(pickled)
        assert copy.settings_here().key() == KEY
        assert copy.job(copy.settings_here()) == work.job(work.settings_here())


@pytest.mark.parametrize("kind", WORKS)
def test_what_does_not_travel_is_refused_before_anything_is_sent(kind: Callable[..., BulkWork]) -> None:
    for made in (
        {"api_key": KEY},
        {"default_headers": {"x-secret": KEY}},
        {"http_client": httpx.Client()},
        {"proxy": f"http://me:{KEY}@proxy.test"},
    ):
        with pytest.raises(ConfigurationError, match="travel") as caught:
            kind(settings=Settings(**made))
        assert KEY not in str(caught.value)


def test_a_key_that_an_engine_would_pickle_by_value_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    work = BulkEmbeddings(settings=partial(settings_that_hold, KEY))
    with pytest.raises(ConfigurationError, match="would travel to workers in a pickle") as caught:
        travels(work, pickle.dumps)
    assert KEY not in str(caught.value)
    with pytest.raises(ConfigurationError, match="cannot be pickled"):
        travels(BulkEmbeddings(settings=lambda: settings_that_hold("")), pickle.dumps)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: BulkEmbeddings(model=""), "No model"),
        (lambda: BulkEmbeddings(batch_size=0), "batch_size"),
        (lambda: BulkEmbeddings(dimensions=0), "dimensions"),
        (lambda: BulkEmbeddings(max_concurrency=0), "max_concurrency"),
        (lambda: BulkEmbeddings(give_up_after=True), "give_up_after"),
        (lambda: BulkChat(model="m", arguments={"messages": []}), "messages"),
        (lambda: BulkChat(model="m", arguments={"extra_headers": {}}), "extra_headers"),
        (lambda: BulkChat(model="m", api="other"), "api"),  # type: ignore[arg-type]  # wrong on purpose
        (lambda: BulkTranscription(options={"progress": True}), "progress"),
        (lambda: BulkChat(model="m", arguments=None), "arguments"),  # type: ignore[arg-type]  # wrong on purpose
        (lambda: BulkChat(model="m", system=5), "system"),  # type: ignore[arg-type]  # wrong on purpose
        (lambda: BulkEmbeddings(into=""), "into"),
        (lambda: BulkEmbeddings(distinct_by=5), "distinct_by"),  # type: ignore[arg-type]  # wrong on purpose
        (lambda: BulkEmbeddings(into="error"), "named 'error'"),
        (lambda: BulkEmbeddings(into="text"), "named 'text'"),
        (lambda: BulkEmbeddings(error="id", distinct_by="id"), "named 'id'"),
        (lambda: BulkChat(model="m", error="answer_parts"), "named 'answer_parts'"),
        (lambda: BulkEmbeddings(settings=5), "settings"),  # type: ignore[arg-type]  # wrong on purpose
    ],
)
def test_work_that_cannot_be_done_says_so_where_it_is_made(make: Callable[[], BulkWork], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        make()


# --- chat and transcription -----------------------------------------------------------------------------------------


def served(answers: Callable[[httpx.Request], httpx.Response]) -> Callable[[], Settings]:
    made = Settings(
        api_key=KEY,
        base_url="http://gateway.test",
        max_retries=0,
        http_client=httpx.Client(transport=httpx.MockTransport(answers)),
    )
    return lambda: made


def completion(message: dict[str, Any]) -> httpx.Response:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    return httpx.Response(200, json={"object": "chat.completion", "model": "m", "choices": [choice], "usage": usage})


def test_chats_are_answered_from_texts_and_from_messages_and_nothing_of_an_answer_is_lost(tmp_path: Path) -> None:
    bodies: list[dict[str, Any]] = []

    def answers(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        last = bodies[-1]["messages"][-1]["content"]
        if last == "tool":
            function = {"name": "f", "arguments": "{}"}
            return completion({"content": None, "tool_calls": [{"id": "1", "type": "function", "function": function}]})
        return completion({"content": f"You said: {last}"})

    work = BulkChat(
        model="m",
        api="chat_completions",
        system="Be brief.",
        arguments={"max_tokens": 9},
        settings=served(answers),
        max_concurrency=1,
    )
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
    for _ in range(2):
        columns = Worker(work, tmp_path)(["hi", turns, "tool", [], [{"role": "tool", "content": "x"}], {}, None])
        assert columns["answer"] == ["You said: hi", "You said: c", "", None, None, None, None]
        assert columns["answer_finish_reason"][:3] == ["stop"] * 3
        assert columns["answer_output_tokens"] == [5, 5, 5, None, None, None, None]
        assert [said is None for said in columns["error"]] == [True] * 3 + [False] * 4
        assert columns["answer_parts"][0] is columns["answer_parts"][1] is None
        assert json.loads(columns["answer_parts"][2])[0][0]["name"] == "f"
    assert len(bodies) == 3
    assert all(body["messages"][0] == {"role": "system", "content": "Be brief."} for body in bodies)
    assert all(9 in body.values() for body in bodies)


def test_a_chat_of_one_role_is_not_taken_for_one_of_another(tmp_path: Path) -> None:
    work = BulkChat(model="m")
    asked = [
        work.ask("a"),
        work.ask([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]),
        work.ask([{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]),
        work.ask([{"role": "user", "content": "ab"}]),
    ]
    assert len({one.address for one in asked}) == 4
    assert work.ask([{"role": "user", "content": "a"}]).address == work.ask("a").address


def test_recordings_are_told_apart_by_their_content(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.wav", "b.wav", "c.wav")]
    for path, content in zip(paths, (b"RIFF1111WAVE", b"RIFF1111WAVE", b"RIFF2222WAVE"), strict=True):
        path.write_bytes(content)
    asked: list[bytes] = []

    def answers(request: httpx.Request) -> httpx.Response:
        asked.append(request.read())
        segments = [{"id": 0, "start": 0.0, "end": 1.5, "text": "words"}]
        return httpx.Response(200, json={"text": "words", "language": "en", "duration": 1.5, "segments": segments})

    work = BulkTranscription(settings=served(answers), options={"timestamps": "segment"})
    rows = [*map(str, paths), str(tmp_path / "missing.wav"), b"RIFF2222WAVE", None]
    columns = Worker(work, tmp_path / "checkpoints")(rows)
    assert columns["transcript"] == ["words", "words", "words", None, "words", None]
    assert columns["transcript_duration"][0] == 1.5
    assert json.loads(columns["transcript_segments"][0])[0]["end"] == 1.5
    assert "is not there" in columns["error"][3]
    assert "is missing" in columns["error"][5]
    assert len(asked) == 2


def test_a_row_that_is_no_text_is_refused_in_words() -> None:
    with pytest.raises(InvalidRequestError, match="prompt is neither a text nor a list of messages"):
        BulkChat(model="m").ask([{"role": "user"}])


@pytest.mark.parametrize("said", [{"workers": 0}, {"workers": True}, {"said": 0}, {"said": -1}, {"said": 1.5}])
def test_a_number_of_workers_or_rows_that_cannot_work_says_so(said: dict[str, Any]) -> None:
    work = BulkEmbeddings(batch_size=10, max_concurrency=2)
    assert tables.rows_at_once(work, None, 1) == 256
    assert tables.rows_at_once(work, 7, 1) == 7
    with pytest.raises(ConfigurationError, match="must be a whole number from 1 up"):
        tables.rows_at_once(work, **{"said": None, "workers": 1} | said)
