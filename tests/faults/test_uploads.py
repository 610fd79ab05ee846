"""Forms on a real wire: whole at the server, whole again where they are sent again, not sent again where they must not.

Requests are counted where they arrive.
"""

from __future__ import annotations

import io
import json
import re
from functools import partial
from time import sleep
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import python_multipart

from tests.faults.carriers import Carrier, each_carrier
from tests.faults.lanes import KEY, assert_ours
from tests.faults.wire import CLOSE, HOLD, JSON, RESET, UNREAD, head, send, whole
from tests.patience import short
from tests.scripted_server import Answer, ScriptedServer, sse
from tikhub_ai import (
    APIConnectionError,
    APITimeoutError,
    BadRequestError,
    NotFoundError,
    RateLimitError,
    ServerError,
    TikHubAIError,
)
from tikhub_ai.http.reader import StreamReader
from tikhub_ai.wire import ApiRequest, FilePart, FormField, Upload

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.faults.conftest import FaultServer
    from tests.faults.wire import Steps
    from tikhub_ai.wire import ApiResponse, ServerSentEvent

UPLOADS = pytest.mark.fault("uploads")
CONTENT = bytes(range(256)) * 1200
BODY = {"model": "sora-2", "prompt": "a cat"}
LARGE = 24 * 1024 * 1024
"""Bytes: more than the sockets' buffers of both sides hold."""


class Pipe(io.RawIOBase):
    """A source that cannot seek."""

    def __init__(self, content: bytes) -> None:
        self._rest = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def read(self, most: int = -1) -> bytes:
        return self._rest.read(most)


def upload_of(kind: str, folder: Path) -> Upload:
    content: Any = CONTENT
    if kind == "pipe":
        content = Pipe(CONTENT)
        return Upload(content, "talk.mp3", is_seekable=False)
    if kind == "path":
        content = folder / "talk.mp3"
        content.write_bytes(CONTENT)
    if kind == "open file":
        content = io.BytesIO(b"skipped" + CONTENT)
        content.seek(7)
    return Upload(content, "talk.mp3", len(CONTENT), start=7 if kind == "open file" else 0)


def form(upload: Upload, **more: Any) -> ApiRequest:
    file = FilePart("file", 'talk \u00e4"1".mp3', "audio/mpeg", upload)
    return ApiRequest("/v1/audio/transcriptions", form=[FormField("model", "whisper-1"), file], **more)


def parsed(body: bytes, headers: dict[str, str]) -> list[tuple[str, bytes]]:
    """Name and content of each part, as Starlette's parser reads them."""
    found: list[Any] = []
    given = {"Content-Type": headers["content-type"].encode()}
    python_multipart.parse_form(given, io.BytesIO(body), found.append, found.append)
    parts = []
    for one in found:
        if isinstance(one, python_multipart.multipart.File):
            one.file_object.seek(0)
            parts.append(((one.file_name or b"").decode(), one.file_object.read()))
            one.close()
        else:
            parts.append(((one.field_name or b"").decode(), one.value))
    return parts


EXPECTED = [("model", b"whisper-1"), ("talk \u00e4%221%22.mp3", CONTENT)]


@UPLOADS
@each_carrier
@pytest.mark.parametrize("kind", ["bytes", "path", "open file", "pipe"])
async def test_a_form_arrives_whole(server: ScriptedServer, tmp_path: Path, lane: Carrier, kind: str) -> None:
    server.answers = [Answer(b"1\n00:00:00,000 --> 00:00:01,000\nHello\n", headers={"content-type": "text/plain"})]
    request = form(upload_of(kind, tmp_path), accept="text/plain")
    response = await lane.send(request, base_url=server.url, default_headers={"Content-Type": "x/y"})
    assert response.body.startswith(b"1\n00:00"), "an answer may be text"
    (seen,) = server.requests
    assert parsed(seen.body, seen.headers) == EXPECTED
    assert seen.headers["accept"] == "text/plain"
    assert seen.headers.get("content-length") == (None if kind == "pipe" else str(len(seen.body)))
    assert seen.headers.get("transfer-encoding") == ("chunked" if kind == "pipe" else None)


@UPLOADS
@each_carrier
@pytest.mark.parametrize("kind", ["bytes", "path", "open file"])
async def test_a_retry_sends_the_whole_file_again(
    server: ScriptedServer, tmp_path: Path, lane: Carrier, kind: str
) -> None:
    server.answers = [Answer(b"busy", 503), Answer({"error": {"message": "slow down"}}, 429), Answer({"text": "Hello"})]
    response = await lane.send(form(upload_of(kind, tmp_path)), base_url=server.url)
    assert response.json() == {"text": "Hello"}
    assert [parsed(seen.body, seen.headers) for seen in server.requests] == [EXPECTED] * 3


@UPLOADS
@each_carrier
@pytest.mark.parametrize("status", [429, 503])
async def test_a_source_that_cannot_seek_is_sent_once(
    server: ScriptedServer, tmp_path: Path, lane: Carrier, status: int
) -> None:
    server.answers = [Answer({"error": {"message": "later"}}, status), Answer({"text": "Hello"})]
    request = form(upload_of("pipe", tmp_path), made_nothing=lambda _: True)
    with pytest.raises((RateLimitError, ServerError)):
        await lane.send(request, base_url=server.url)
    assert len(server.requests) == 1


@UPLOADS
@each_carrier
async def test_a_source_that_cannot_seek_waits_for_a_connection(
    faults: FaultServer, attempts: list[str], tmp_path: Path, lane: Carrier
) -> None:
    """Nothing was read from it, so nothing is lost."""
    upload = upload_of("pipe", tmp_path)
    with pytest.raises(APIConnectionError):
        await lane.send(form(upload), base_url=faults.url("x", "refusing"))
    assert len(attempts) == 3
    assert upload.content.read() == CONTENT  # type: ignore[union-attr]  # it is a pipe


@UPLOADS
@each_carrier
@pytest.mark.parametrize("again", [True, False])
async def test_an_upload_that_is_cut_is_sent_again_only_where_it_may(
    faults: FaultServer, tmp_path: Path, lane: Carrier, again: bool
) -> None:
    faults.script("x", [UNREAD, RESET], whole(b'{"text": "Hello"}', JSON))
    path = tmp_path / "large.mp3"
    with path.open("wb") as file:
        file.truncate(LARGE)
    call = lane.send(form(Upload(path, "large.mp3", LARGE), retry_when_sent=again), base_url=faults.url())
    if again:
        assert (await call).json() == {"text": "Hello"}
    else:
        with pytest.raises(APIConnectionError) as caught:
            await call
        assert caught.value.may_have_been_sent
        assert_ours(caught.value)
    assert len(faults.seen("x")) == (2 if again else 1)


@UPLOADS
@each_carrier
async def test_a_server_that_stops_reading_runs_into_the_write_timeout(
    faults: FaultServer, tmp_path: Path, lane: Carrier
) -> None:
    faults.script("x", [UNREAD, ("sleep", 20.0)])
    path = tmp_path / "large.mp3"
    with path.open("wb") as file:
        file.truncate(LARGE)
    timeout = httpx.Timeout(connect=60, read=60, write=short(0.2), pool=60)
    request = form(Upload(path, "large.mp3", LARGE))
    with pytest.raises(APITimeoutError) as caught:
        await lane.send(request, base_url=faults.url(), timeout=timeout, max_retries=0)
    assert caught.value.may_have_been_sent
    assert_ours(caught.value)


@UPLOADS
@each_carrier
async def test_a_large_json_body_runs_into_the_write_timeout_too(faults: FaultServer, lane: Carrier) -> None:
    faults.script("x", [UNREAD, ("sleep", 20.0)])
    timeout = httpx.Timeout(connect=60, read=60, write=short(0.2), pool=60)
    request = ApiRequest("/v1/things", body={"image": "x" * LARGE})
    with pytest.raises(APITimeoutError):
        await lane.send(request, base_url=faults.url(), timeout=timeout, max_retries=0)


@UPLOADS
@each_carrier
async def test_a_slow_disk_is_not_the_connections_time(server: ScriptedServer, tmp_path: Path, lane: Carrier) -> None:
    server.answers = [Answer({"text": "Hello"})]

    class Slow(io.BytesIO):
        def read(self, most: int | None = -1) -> bytes:
            sleep(short(0.2))
            return super().read(most)

    content = CONTENT[:100_000]
    timeout = httpx.Timeout(connect=60, read=60, write=short(0.1), pool=60)
    await lane.send(form(Upload(Slow(content), "a.mp3", len(content))), base_url=server.url, timeout=timeout)
    assert parsed(server.requests[0].body, server.requests[0].headers)[1][1] == content


@UPLOADS
@each_carrier
async def test_a_refusal_before_the_body_was_read_is_told_as_what_it_is(faults: FaultServer, lane: Carrier) -> None:
    """nginx answers 413 by the content-length alone."""
    page = b"<html><title>413 Request Entity Too Large</title></html>"
    refusal = whole(page, "connection: close", status="413 Request Entity Too Large")
    faults.script("x", [UNREAD, *refusal, HOLD])
    request = form(Upload(CONTENT[:50_000], "talk.mp3", 50_000))
    with pytest.raises(BadRequestError, match="413"):
        await lane.send(request, base_url=faults.url())
    assert len(faults.seen("x")) == 1


class Failing(io.BytesIO):
    """A file whose disk fails at its second piece."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._reads = 0

    def read(self, most: int | None = -1) -> bytes:
        self._reads += 1
        if self._reads == 2:
            raise OSError(5, "Input/output error")
        return super().read(most)


class Shrinking(Failing):
    def read(self, most: int | None = -1) -> bytes:
        self._reads += 1
        if self._reads == 2:
            self.truncate(70_000)
        return io.BytesIO.read(self, most)


@UPLOADS
@each_carrier
@pytest.mark.parametrize("source", [Failing, Shrinking])
async def test_a_source_that_fails_is_an_error_that_names_it_and_no_whole_request(
    server: ScriptedServer, attempts: list[str], lane: Carrier, source: Any
) -> None:
    server.answers = [Answer({"text": "Hello"})]
    request = form(Upload(source(CONTENT), "talk.mp3", len(CONTENT)))
    with pytest.raises(BadRequestError, match=r"talk .*broken off") as caught:
        await lane.send(request, base_url=server.url)
    assert_ours(caught.value)
    assert not caught.value.is_retryable
    assert len(attempts) == 1
    assert server.requests == []
    frame: Any = caught.value.__traceback__
    while frame is not None:
        code = frame.tb_frame.f_code
        assert not re.search("site-packages/(httpx|httpcore|aiohttp)", code.co_filename), "its frames hold the key"
        frame = frame.tb_next
    assert (await lane.send(form(Upload(b"x", "a.mp3", 1)), base_url=server.url)).json() == {"text": "Hello"}


class Transcript(StreamReader[str]):
    """The events of a transcription, by their names."""

    class Decoder:
        is_complete = is_done = False

        def event(self, event: ServerSentEvent) -> list[str]:
            name = json.loads(event.data)["type"]
            self.is_complete = self.is_done = name == "transcript.text.done"
            return [name]

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__(self.Decoder(), headers)

    def whole(self, response: ApiResponse) -> list[str]:
        raise NotImplementedError(response)

    def partial(self) -> None:
        return None

    def last(self) -> list[str]:
        return []


@UPLOADS
@each_carrier
@pytest.mark.parametrize("kind", ["bytes", "path", "open file"])
async def test_an_answer_to_a_form_may_be_a_stream_and_a_retry_sends_the_whole_file_again(
    server: ScriptedServer, tmp_path: Path, lane: Carrier, kind: str
) -> None:
    events = [{"type": "transcript.text.delta", "delta": "Hello"}, {"type": "transcript.text.done", "text": "Hello"}]
    server.answers = [Answer(b"busy", 503), sse(*events)]
    request = form(upload_of(kind, tmp_path), accept="text/event-stream, application/json")
    found = await lane.stream(request, Transcript, base_url=server.url)
    assert found == ["transcript.text.delta", "transcript.text.done"]
    assert [parsed(seen.body, seen.headers) for seen in server.requests] == [EXPECTED] * 2


# --- what must not be made twice ------------------------------------------------------------------------------------


def made_nothing(error: TikHubAIError) -> bool:
    return isinstance(error, (RateLimitError, NotFoundError))


CREATED = whole(b'{"id": "1"}', JSON)
BUSY = whole(b'{"error": {"message": "slow down"}}', JSON, status="429 Too Many Requests")
FAILED = whole(b'{"error": {"message": "boom"}}', JSON, status="500 Internal Server Error")
CREATES: dict[str, tuple[tuple[Steps, ...], int, type[TikHubAIError] | None]] = {
    "closed after the request was read": (([CLOSE], CREATED), 1, APIConnectionError),
    "reset after the request was read": (([RESET], CREATED), 1, APIConnectionError),
    "reset before the body was read": (([UNREAD, RESET], CREATED), 1, APIConnectionError),
    "no answer in time": (([HOLD], CREATED), 1, APITimeoutError),
    "half an answer": (([*send(head(JSON, "content-length: 99"), b'{"id"'), CLOSE], CREATED), 1, APIConnectionError),
    "500": ((FAILED, CREATED), 1, ServerError),
    "502 in HTML": ((whole(b"<html>", status="502 Bad Gateway"), CREATED), 1, ServerError),
    "429 that made nothing": ((BUSY, BUSY, CREATED), 3, None),
    "429 again and again": ((BUSY,), 3, RateLimitError),
}


@pytest.mark.fault("creates, counted at the server")
@each_carrier
@pytest.mark.parametrize("fault", CREATES)
@pytest.mark.parametrize("has_form", [True, False], ids=["form", "JSON"])
async def test_a_create_is_sent_again_only_where_the_server_made_nothing(
    faults: FaultServer, tmp_path: Path, lane: Carrier, fault: str, has_form: bool
) -> None:
    answers, count, error = CREATES[fault]
    faults.script("x", *answers)
    how: dict[str, Any] = {"retry_when_sent": False, "made_nothing": made_nothing}
    request = form(upload_of("path", tmp_path), **how) if has_form else ApiRequest("/v1/videos", BODY, **how)
    call = partial(
        lane.send, request, base_url=faults.url(), timeout=short(0.3) if fault == "no answer in time" else None
    )
    if error is None:
        assert (await call()).json() == {"id": "1"}
    else:
        with pytest.raises(error) as caught:
            await call()
        assert_ours(caught.value)
    assert len(faults.seen("x")) == count


@pytest.mark.fault("creates, counted at the server")
@each_carrier
@pytest.mark.parametrize("port", ["refusing", "closing", "handshake"])
async def test_a_create_is_tried_again_where_no_connection_stood(
    faults: FaultServer, attempts: list[str], lane: Carrier, port: str
) -> None:
    scheme = "https" if port == "handshake" else "http"
    request = ApiRequest("/v1/videos", BODY, retry_when_sent=False, made_nothing=made_nothing)
    with pytest.raises(TikHubAIError) as caught:
        await lane.send(request, base_url=faults.url("x", port, scheme))
    assert len(attempts) == (3 if not caught.value.may_have_been_sent else 1)  # type: ignore[attr-defined]  # a connection's
    assert (len(attempts) == 1) is (port == "closing")


# --- how errors are judged ------------------------------------------------------------------------------------------


@UPLOADS
@each_carrier
async def test_a_request_judges_its_errors_before_it_is_decided_whether_to_try_again(
    server: ScriptedServer, lane: Carrier
) -> None:
    def judge(error: TikHubAIError) -> TikHubAIError:
        judged = BadRequestError(f"Refused: {error}")
        judged.__cause__ = error
        return judged

    server.answers = [Answer({"error": {"message": f"boom {KEY}"}}, 500)]
    with pytest.raises(BadRequestError, match="Refused: 500 boom") as caught:
        await lane.send(ApiRequest("/v1/videos", BODY, judge=judge), base_url=server.url)
    assert KEY not in str(caught.value)
    assert len(server.requests) == 1


@UPLOADS
@each_carrier
async def test_an_error_in_a_200_is_what_the_codec_says(server: ScriptedServer, lane: Carrier) -> None:
    """A job that failed is a state: nothing is asked again, nothing raised."""
    job = {"id": "1", "status": "failed", "error": {"code": "moderation_blocked", "message": "no"}}
    server.answers = [Answer(job)]
    response = await lane.send(ApiRequest("/v1/videos/1", method="GET"), base_url=server.url)
    assert response.object_in(response.json()) == job
    assert len(server.requests) == 1


@UPLOADS
@each_carrier
async def test_of_an_errors_body_no_more_is_read_than_anybody_reads(faults: FaultServer, lane: Carrier) -> None:
    endless = [("send", head(JSON, status="400 Bad Request").decode() + "x" * 2_000_000), HOLD]
    faults.script("x", endless)
    with pytest.raises(BadRequestError) as caught:
        await lane.send(ApiRequest("/v1/videos", BODY), base_url=faults.url(), timeout=300)
    assert caught.value.response is not None
    assert len(caught.value.response.body) == 1024 * 1024


@UPLOADS
@each_carrier
async def test_an_error_whose_body_is_cut_is_told_by_its_status(faults: FaultServer, lane: Carrier) -> None:
    cut = [*send(head(JSON, "content-length: 99", status="400 Bad Request"), b'{"error": {"mes'), CLOSE]
    faults.script("x", cut)
    with pytest.raises(BadRequestError, match="400"):
        await lane.send(ApiRequest("/v1/videos", BODY, retry_when_sent=False), base_url=faults.url())
    assert len(faults.seen("x")) == 1
