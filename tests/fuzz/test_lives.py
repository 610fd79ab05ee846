"""State machines: a stream's reader, a stream over a transport, and a video job, in any order of what may happen."""

from __future__ import annotations

import json
import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.faults.answers import CHAT, FILM
from tests.faults.lanes import REQUEST
from tests.faults.wire import TEXT
from tests.fuzz.profiles import LONG, budget
from tikhub_ai import (
    APIConnectionError,
    ChatClient,
    End,
    LostCreateError,
    Settings,
    TextDelta,
    TikHubAIError,
    VideoJob,
    Videos,
)
from tikhub_ai.apis import chat_completions, generate_content, messages, responses
from tikhub_ai.catalog import facts
from tikhub_ai.chat import ChatReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MODULES = (chat_completions, generate_content, messages, responses)
few = settings(budget, max_examples=LONG or 15, stateful_step_count=25)
CODECS: dict[str, Any] = {module.__name__.rpartition(".")[2]: module for module in MODULES}
APIS = st.sampled_from(sorted(CHAT))


class StreamLife(RuleBasedStateMachine):
    """A reader that is fed an answer in any pieces, with pings between, and ended or broken off anywhere."""

    @initialize(api=APIS)
    def begin(self, api: str) -> None:
        self.left = CHAT[api].stream
        self.reader = ChatReader(CODECS[api].decoder(REQUEST, facts("m")), {"content-type": "text/event-stream"})
        self.text = ""
        self.ends = 0
        self.is_ended = False
        self.at_boundary = True

    def take(self, items: Sequence[Any]) -> None:
        for item in items:
            assert not self.ends, "nothing follows the end"
            self.text += item.text if isinstance(item, TextDelta) else ""
            self.ends += isinstance(item, End)

    @precondition(lambda self: self.left and not self.is_ended)
    @rule(size=st.integers(1, 200))
    def feed(self, size: int) -> None:
        was_over = self.reader.is_over
        piece, self.left = self.left[:size], self.left[size:]
        self.at_boundary = piece.endswith(b"\n\n")
        items = self.reader.feed(piece)
        assert not (was_over and items)
        self.take(items)

    @precondition(lambda self: self.at_boundary and not self.is_ended)
    @rule(words=st.sampled_from([b": PING\n\n", b"\n", b"retry: 3\n\n", b"id: 7\n\n", b"event: ping\n\n"]))
    def feed_nothing(self, words: bytes) -> None:
        self.take(self.reader.feed(words))

    @rule()
    def feed_no_bytes(self) -> None:
        self.take(self.reader.feed(b""))

    @rule(breaks=st.booleans())
    def end(self, breaks: bool) -> None:
        self.take(self.reader.end(APIConnectionError("broke", may_have_been_sent=True) if breaks else None))
        self.is_ended = True

    @invariant()
    def the_text_is_the_beginning_of_the_answer(self) -> None:
        if hasattr(self, "reader"):
            assert TEXT.startswith(self.text)

    @invariant()
    def it_is_whole_or_an_error_and_never_both(self) -> None:
        if not hasattr(self, "reader"):
            return
        error = self.reader.error
        assert self.ends <= 1
        assert not (self.ends and error)
        assert self.ends == 0 or self.text == TEXT
        assert not self.is_ended or self.ends or error, "an end says what it was"
        if error is not None:
            partial = getattr(error, "partial", None)
            assert (partial.text if partial else "") == self.text


class Body(httpx.SyncByteStream):
    """A body that tells whether it was closed."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            assert not self.is_closed, "read on after it was closed"
            yield piece

    def close(self) -> None:
        self.is_closed = True


class StreamOverTransport(RuleBasedStateMachine):
    """A stream that is taken from, left, closed and begun anew: each body is closed once nobody reads it."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[Body] = []
        self.streams: list[Any] = []
        self.pieces: list[bytes] = []
        client = httpx.Client(transport=httpx.MockTransport(self.answer))
        self.settings = Settings(api_key="sk-fuzz", base_url="http://gateway.test", max_retries=0, http_client=client)

    def answer(self, _: httpx.Request) -> httpx.Response:
        self.bodies.append(Body(self.pieces))
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=self.bodies[-1])

    @rule(api=APIS, size=st.integers(20, 400), cut=st.integers(0, 3))
    def begin(self, api: str, size: int, cut: int) -> None:
        whole = CHAT[api].stream
        kept = whole if cut < 3 else whole[: len(whole) // 2]
        self.pieces = [kept[at : at + size] for at in range(0, len(kept), size)]
        stream = ChatClient(self.settings, api=api).stream(REQUEST)  # type: ignore[arg-type]  # one of its names
        self.streams.append(stream)
        self.take_from(stream)

    def take_from(self, stream: Any) -> None:
        try:
            next(stream)
        except (StopIteration, TikHubAIError):
            self.streams.remove(stream)

    @precondition(lambda self: self.streams)
    @rule(data=st.data())
    def take(self, data: st.DataObject) -> None:
        self.take_from(self.streams[data.draw(st.integers(0, len(self.streams) - 1))])

    @precondition(lambda self: self.streams)
    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        stream = self.streams.pop(data.draw(st.integers(0, len(self.streams) - 1)))  # hypothesis keeps what it draws
        stream.close()
        stream.close()
        assert next(stream, None) is None

    @precondition(lambda self: self.streams)
    @rule()
    def drop(self) -> None:
        self.streams.pop(0)

    @invariant()
    def no_body_is_open_that_nobody_reads(self) -> None:
        assert sum(not body.is_closed for body in self.bodies) <= len(self.streams)


ANSWERS = ("made", "429", "500", "closed", "garbage", "refused")


class JobLife(RuleBasedStateMachine):
    """Jobs that are made, polled, kept, loaded, waited for, fetched and deleted, by a gateway that fails at will."""

    def __init__(self) -> None:
        super().__init__()
        self.next_answers: list[str] = []
        self.created: list[str] = []
        self.polls: dict[str, int] = {}
        self.creates = 0
        self.jobs: list[VideoJob] = []
        self.maybe_lost = 0
        self.folder = tempfile.TemporaryDirectory()
        self.videos = self.a_client()

    def a_client(self) -> Videos:
        client = httpx.Client(transport=httpx.MockTransport(self.answer))
        return Videos(api_key="sk-fuzz", base_url="http://g.test", retry_wait=0.0, max_retries=1, http_client=client)

    def teardown(self) -> None:
        self.folder.cleanup()

    # --- the gateway ------------------------------------------------------------------------------------------------

    def answer(self, request: httpx.Request) -> httpx.Response:
        is_create = request.method == "POST"
        self.creates += is_create
        how = self.next_answers.pop(0) if self.next_answers else "made"
        if how == "429":
            return httpx.Response(429, json={"error": {"message": "busy"}}, headers={"retry-after": "0"})
        if how == "refused":
            return httpx.Response(400, json={"error": {"message": "no"}})
        if is_create:
            self.created.append(f"job-{len(self.created)}")
            self.polls[self.created[-1]] = 0
        if how == "500":
            return httpx.Response(500, json={"error": {"message": "broke down"}})
        if how == "closed":
            raise httpx.ReadError("closed")
        if how == "garbage":
            return httpx.Response(200, content=b'{"id', headers={"content-type": "application/json"})
        if is_create:
            return self.told(self.created[-1])
        found = re.fullmatch(r"/v1/videos/(job-\d+)(/content)?", request.url.path)
        assert found, request.url
        if found[2]:
            return httpx.Response(200, content=FILM, headers={"content-type": "video/mp4"})
        self.polls[found[1]] += 1
        return self.told(found[1])

    def told(self, job_id: str) -> httpx.Response:
        status = ("queued", "in_progress", "completed")[min(self.polls[job_id], 2)]
        return httpx.Response(200, json={"id": job_id, "object": "video", "status": status, "model": "sora-2"})

    # --- the caller -------------------------------------------------------------------------------------------------

    @rule(answers=st.lists(st.sampled_from(ANSWERS), max_size=3))
    def create(self, answers: list[str]) -> None:
        self.next_answers, before, made = list(answers), self.creates, len(self.created)
        first = next(how for how in [*answers, "made"] if how != "429") if answers[:2] != ["429", "429"] else "429"
        try:
            job = self.videos.create("sora-2", "A rabbit")
        except LostCreateError:
            assert first in {"500", "closed", "garbage"}
            self.maybe_lost += len(self.created) - made
        except TikHubAIError:
            assert first in {"429", "refused"}
            assert len(self.created) == made, "what was made is never a plain error"
        else:
            assert job.id == self.created[-1]
            self.jobs.append(job)
        self.next_answers = []
        assert len(self.created) - made <= 1, "made twice"
        assert self.creates - before <= 1 + answers[:2].count("429"), "sent again, though it may have been made"

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), answers=st.lists(st.sampled_from(ANSWERS), max_size=2))
    def poll(self, data: st.DataObject, answers: list[str]) -> None:
        job = data.draw(st.sampled_from(self.jobs))
        self.next_answers = list(answers)
        before = job.status
        try:
            job.refresh()
        except TikHubAIError:
            assert job.status == before, "an error changes nothing"
        self.next_answers = []

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), as_text=st.booleans())
    def keep_and_load(self, data: st.DataObject, as_text: bool) -> None:
        place = data.draw(st.integers(0, len(self.jobs) - 1))
        job = self.jobs[place]
        kept: Any = job.to_json() if as_text else job.save(Path(self.folder.name) / f"{place}.json")
        again = self.a_client().load(json.loads(kept) if as_text else kept)
        assert (again.id, again.status, again.family) == (job.id, job.status, job.family)
        self.jobs[place] = again

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), answers=st.lists(st.sampled_from(("429", "500", "closed", "garbage")), max_size=3))
    def result(self, data: st.DataObject, answers: list[str]) -> None:
        job = data.draw(st.sampled_from(self.jobs))
        self.next_answers = list(answers)
        assert job.result(timeout=None, poll_interval=0.001).status == "succeeded"
        self.next_answers = []

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), answers=st.lists(st.sampled_from(ANSWERS), max_size=3))
    def download(self, data: st.DataObject, answers: list[str]) -> None:
        job = data.draw(st.sampled_from(self.jobs))
        target = Path(self.folder.name) / "film.mp4"
        self.next_answers = list(answers)
        with suppress(TikHubAIError):  # then what was there is what it was
            job.download(target, overwrite=True)
        self.next_answers = []
        assert not target.exists() or target.read_bytes() == FILM

    @invariant()
    def no_job_is_lost_without_a_word(self) -> None:
        assert len({job.id for job in self.jobs}) + self.maybe_lost == len(self.created)


TestStreamLife = StreamLife.TestCase
TestStreamLife.settings = few
TestStreamOverTransport = StreamOverTransport.TestCase
TestStreamOverTransport.settings = few
TestJobLife = JobLife.TestCase
TestJobLife.settings = few
