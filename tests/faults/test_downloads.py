"""Downloads over a real wire: whole or not at all, gone on with after a cut, and never a text for a film."""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.carriers import Carrier, each_carrier
from tests.faults.files import MODIFIED, MP4, WEBP, FileServer, left, needs_recording, read, recorded_video, write
from tests.faults.lanes import KEY, assert_ours
from tests.faults.wire import CLOSE, HOLD, head, send
from tests.patience import short
from tests.scripted_server import Answer, ScriptedServer
from tikhub_ai import AuthenticationError, DownloadError, TikHubAIError, TikHubAIWarning
from tikhub_ai.video_job import InlineData
from tikhub_ai.wire import ApiRequest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.conftest import FaultServer

DOWNLOADS = pytest.mark.fault("downloads")


# --- cuts -----------------------------------------------------------------------------------------------------------


@DOWNLOADS
@each_carrier
@needs_recording
async def test_a_real_video_comes_whole_through_three_cuts(
    server: ScriptedServer, cdn: ScriptedServer, target: Path, lane: Carrier
) -> None:
    content, headers = recorded_video()
    kept = {name: headers[name] for name in ("etag", "last-modified", "accept-ranges")}
    cdn.answer = files = FileServer(content, [100_000, 1, 200_000], kept)
    assert await lane.download(f"{cdn.url}/v.mp4", target, base_url=server.url) == target
    assert read(target) == content
    assert files.asked == [None, "bytes=100000-", "bytes=100001-", "bytes=300001-"]
    assert server.requests == []


@DOWNLOADS
@each_carrier
@pytest.mark.parametrize(
    ("headers", "resumes"),
    [
        ({"etag": '"1"'}, True),
        ({"last-modified": MODIFIED}, True),
        ({"etag": 'W/"1"', "last-modified": MODIFIED}, True),
        ({"etag": 'W/"1"'}, False),
        ({"etag": '"1"', "accept-ranges": "none"}, False),
        ({"accept-ranges": "bytes"}, False),
        ({}, False),
    ],
    ids=str,
)
async def test_a_cut_download_goes_on_where_a_validator_says_that_it_is_the_same_file_else_begins_again(
    server: ScriptedServer, cdn: ScriptedServer, target: Path, lane: Carrier, headers: dict[str, str], resumes: bool
) -> None:
    cdn.answer = files = FileServer(cuts=[1000], headers=headers)
    await lane.download(f"{cdn.url}/v.mp4", target, base_url=server.url)
    assert read(target) == MP4
    assert files.asked == [None, "bytes=1000-" if resumes else None]


@DOWNLOADS
@each_carrier
async def test_a_file_that_changes_between_two_attempts_is_never_mixed(
    server: ScriptedServer, cdn: ScriptedServer, target: Path, lane: Carrier
) -> None:
    cdn.answer = FileServer(cuts=[1000, 2000], changes=True)
    await lane.download(f"{cdn.url}/v.mp4", target, base_url=server.url)
    assert read(target) == MP4


@DOWNLOADS
@each_carrier
async def test_a_server_that_answers_a_range_with_all_begins_again(
    server: ScriptedServer, cdn: ScriptedServer, target: Path, lane: Carrier
) -> None:
    cdn.answer = FileServer(cuts=[9000, 8000], has_ranges=False)
    await lane.download(f"{cdn.url}/v.mp4", target, base_url=server.url)
    assert read(target) == MP4


WRONG_PARTS: dict[str, dict[str, str]] = {
    "another start": {"content-range": f"bytes 5-{len(MP4) - 1}/{len(MP4)}"},
    "another length": {"content-range": f"bytes 1000-{len(MP4)}/{len(MP4) + 1}"},
    "another etag": {"content-range": f"bytes 1000-{len(MP4) - 1}/{len(MP4)}", "etag": '"2"'},
    "no range": {},
    "several": {"content-type": "multipart/byteranges; boundary=x"},
    "rubbish": {"content-range": "bytes one-two/three"},
}


@DOWNLOADS
@each_carrier
@pytest.mark.parametrize("wrong", WRONG_PARTS)
async def test_another_part_than_was_asked_for_is_not_taken(
    server: ScriptedServer, cdn: ScriptedServer, target: Path, lane: Carrier, wrong: str
) -> None:
    cdn.answers = [
        Answer(MP4, headers={"etag": '"1"'}, cut_at=1000),
        Answer(MP4[1000:], 206, WRONG_PARTS[wrong]),
        Answer(MP4, headers={"etag": '"1"'}),
    ]
    await lane.download(f"{cdn.url}/v.mp4", target, base_url=server.url)
    assert read(target) == MP4
    assert [request.headers.get("range") for request in cdn.requests] == [None, "bytes=1000-", None]


@DOWNLOADS
@each_carrier
async def test_a_server_that_sends_parts_only_is_asked_for_the_next(
    server: ScriptedServer, cdn: ScriptedServer, target: Path, lane: Carrier
) -> None:
    size, part = len(MP4), 100_000

    def answer(request: Any) -> Answer:
        start = int(request.headers.get("range", "bytes=0-")[6:-1])
        piece = MP4[start : start + part]
        return Answer(piece, 206, {"etag": '"1"', "content-range": f"bytes {start}-{start + len(piece) - 1}/{size}"})

    cdn.answer = answer
    await lane.download(f"{cdn.url}/v.mp4", target, base_url=server.url, max_retries=1)
    assert read(target) == MP4
    assert len(cdn.requests) == -(-size // part)


@DOWNLOADS
@each_carrier
@pytest.mark.parametrize("said", [len(MP4), len(MP4) + 5, None], ids=["all is there", "another length", "no length"])
async def test_a_range_that_cannot_be_had(
    server: ScriptedServer, cdn: ScriptedServer, target: Path, lane: Carrier, said: int | None
) -> None:
    """The answer was chunked, and cut where only its last chunk was missing."""
    gone = Answer(b"", 416, {} if said is None else {"content-range": f"bytes */{said}"})
    cdn.answers = [Answer([MP4], headers={"etag": '"1"'}, cut=True), gone, Answer(MP4)]
    await lane.download(f"{cdn.url}/v.mp4", target, base_url=server.url)
    assert read(target) == MP4
    assert len(cdn.requests) == (2 if said == len(MP4) else 3)


@DOWNLOADS
@each_carrier
async def test_one_that_gets_no_further_is_given_up(
    server: ScriptedServer, cdn: ScriptedServer, target: Path, lane: Carrier
) -> None:
    cdn.answer = FileServer(cuts=[5000, 0, 0, 0, 0, 0])
    with pytest.raises(DownloadError, match=r"after 5,000 bytes.*do not create it again") as caught:
        await lane.download(f"{cdn.url}/v.mp4", target, base_url=server.url)
    assert_ours(caught.value)
    assert caught.value.is_retryable
    assert len(cdn.requests) == 3
    assert left(target) == []


@DOWNLOADS
@each_carrier
async def test_one_that_never_gets_anywhere_is_tried_as_often_as_any_call(
    faults: FaultServer, server: ScriptedServer, target: Path, lane: Carrier
) -> None:
    faults.script("x", [HOLD])
    with pytest.raises(DownloadError, match="did not answer in time") as caught:
        await lane.download(f"{faults.url('x')}/v.mp4", target, base_url=server.url, timeout=short(0.1))
    assert_ours(caught.value)
    assert len(faults.seen("x")) == 3


@DOWNLOADS
@each_carrier
async def test_a_body_that_falls_silent_goes_on(
    faults: FaultServer, server: ScriptedServer, target: Path, lane: Carrier
) -> None:
    first = head('etag: "1"', f"content-length: {len(MP4)}") + MP4[:3000]
    rest = head(
        f"content-range: bytes 3000-{len(MP4) - 1}/{len(MP4)}",
        f"content-length: {len(MP4) - 3000}",
        status="206 Partial Content",
    )
    faults.script("x", [*send(first), HOLD], send(rest + MP4[3000:]))
    await lane.download(f"{faults.url('x')}/v.mp4", target, base_url=server.url, timeout=short(0.2))
    assert read(target) == MP4


@DOWNLOADS
@each_carrier
async def test_a_film_of_which_nobody_said_how_long_it_is_is_cut_where_its_own_structure_says_so(
    faults: FaultServer, server: ScriptedServer, target: Path, lane: Carrier
) -> None:
    """HTTP/1.0: the answer ends with the connection, well or not."""
    faults.script("x", [*send(head() + MP4[:9000]), CLOSE], [*send(head() + MP4), CLOSE])
    await lane.download(f"{faults.url('x')}/v", target, base_url=server.url)
    assert read(target) == MP4
    assert len(faults.seen("x")) == 2


# --- what is no file ------------------------------------------------------------------------------------------------

TEXTS: dict[str, tuple[Answer, str]] = {
    "JSON": (Answer({"error": {"message": "task expired"}}), "task expired"),
    "JSON called video": (Answer(b'{"code": 1203, "message": "gone"}', headers={"content-type": "video/mp4"}), "gone"),
    "long JSON called video": (
        Answer(json.dumps({"why": "x" * 3000, "end": 1}).encode(), headers={"content-type": "video/mp4"}),
        "why",
    ),
    "HTML": (Answer(b"<!DOCTYPE html><html><title>Sign in</title>", headers={"content-type": "text/html"}), "Sign in"),
    "HTML called video": (
        Answer(b"\xef\xbb\xbf \n<html><head><title>502</title></head></html>", headers={"content-type": "video/mp4"}),
        "502",
    ),
    "XML": (Answer(b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"), "AccessDenied"),
    "plain text": (Answer("视频已过期".encode(), headers={"content-type": "application/octet-stream"}), "视频已过期"),
    "an endless text": (Answer([b"x" * 1000] * 200), "xxx"),
    "nothing": (Answer(b"", headers={"content-type": "video/mp4"}), "no bytes at all"),
    "204": (Answer(b"", 204), "no bytes at all"),
}


@DOWNLOADS
@each_carrier
@pytest.mark.parametrize("text", TEXTS)
async def test_a_text_in_place_of_a_film_is_an_error_with_it(
    server: ScriptedServer, cdn: ScriptedServer, target: Path, lane: Carrier, text: str
) -> None:
    write(target, b"before")
    answer, words = TEXTS[text]
    cdn.answers = [answer]
    with pytest.raises(DownloadError, match=words) as caught:
        await lane.download(f"{cdn.url}/v.mp4", target, {"overwrite": True}, base_url=server.url)
    assert_ours(caught.value)
    assert not caught.value.is_retryable
    assert len(cdn.requests) == 1
    assert read(target) == b"before"
    if answer.body:
        assert caught.value.response is not None
        assert words in caught.value.response.text


@DOWNLOADS
@each_carrier
@pytest.mark.parametrize(
    "content", [MP4, WEBP, MP4[:60], b"\x1a\x45\xdf\xa3" + bytes(900)], ids=["mp4", "webp", "short", "webm"]
)
async def test_a_file_is_what_its_bytes_are_whatever_its_label(
    server: ScriptedServer, cdn: ScriptedServer, target: Path, lane: Carrier, content: bytes
) -> None:
    cdn.answers = [Answer(content, headers={"content-type": "text/html"})]
    await lane.download(f"{cdn.url}/v", target, base_url=server.url)
    assert read(target) == content


@DOWNLOADS
@each_carrier
async def test_bytes_of_no_known_kind_are_kept_with_a_warning(
    server: ScriptedServer, cdn: ScriptedServer, target: Path, lane: Carrier
) -> None:
    cdn.answers = [Answer(bytes(range(256)) * 9)]
    with pytest.warns(TikHubAIWarning, match="00 01 02"):
        await lane.download(f"{cdn.url}/v", target, base_url=server.url)
    assert read(target) == bytes(range(256)) * 9


@DOWNLOADS
@each_carrier
async def test_a_compressed_file_is_unpacked_and_not_measured_by_its_packed_length(
    server: ScriptedServer, cdn: ScriptedServer, target: Path, lane: Carrier
) -> None:
    cdn.answers = [Answer(gzip.compress(MP4), headers={"content-encoding": "gzip", "etag": '"1"'})]
    await lane.download(f"{cdn.url}/v", target, base_url=server.url)
    assert read(target) == MP4
    assert cdn.requests[0].headers["accept-encoding"] == "identity"


# --- errors ---------------------------------------------------------------------------------------------------------


@DOWNLOADS
@each_carrier
@pytest.mark.parametrize(("status", "count"), [(404, 1), (451, 1), (501, 1), (408, 3), (429, 3), (500, 3), (503, 3)])
async def test_an_error_of_another_host_is_a_download_error_and_tried_again_where_that_may_help(
    server: ScriptedServer, cdn: ScriptedServer, target: Path, lane: Carrier, status: int, count: int
) -> None:
    cdn.answers = [Answer(b"<Error><Code>Gone</Code><Message>No such key</Message></Error>", status)]
    with pytest.raises(DownloadError, match=f"{status}: Gone: No such key") as caught:
        await lane.download(f"{cdn.url}/v.mp4?X-Signature=hidden", target, base_url=server.url)
    assert_ours(caught.value)
    assert "hidden" not in str(caught.value)
    assert "base_url" not in str(caught.value)
    assert caught.value.response is not None
    assert caught.value.response.status_code == status
    assert len(cdn.requests) == count


@DOWNLOADS
@each_carrier
@pytest.mark.parametrize(
    ("status", "count", "kind"), [(401, 1, AuthenticationError), (404, 1, DownloadError), (502, 3, DownloadError)]
)
async def test_an_error_of_the_gateway_is_judged_by_its_request(
    server: ScriptedServer, target: Path, lane: Carrier, status: int, count: int, kind: type[TikHubAIError]
) -> None:
    def judge(error: TikHubAIError) -> TikHubAIError:
        error.message += " Judged."
        error.args = (error.message,)
        return error

    server.answers = [Answer({"error": {"message": f"Failed to fetch {KEY}"}}, status)]
    source = ApiRequest("/v1/videos/1/content", method="GET", judge=judge, accept="video/*")
    with pytest.raises(kind, match="Judged") as caught:
        await lane.download(source, target, base_url=server.url)
    assert_ours(caught.value)
    assert len(server.requests) == count
    assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {KEY}"}
    assert server.requests[0].headers["accept"] == "video/*"


@DOWNLOADS
@each_carrier
@pytest.mark.parametrize("status", [403, 410])
async def test_an_address_that_is_no_longer_served_is_refreshed_once(
    server: ScriptedServer, cdn: ScriptedServer, target: Path, lane: Carrier, status: int
) -> None:
    def answer(request: Any) -> Answer:
        return FileServer(cuts=cuts)(request) if request.path == "/new" else Answer(b"expired", status)

    cuts = [1000]
    cdn.answer = answer
    asked: list[int] = []

    def refresh() -> str:
        asked.append(1)
        return f"{cdn.url}/new"

    await lane.download(f"{cdn.url}/old", target, {"refresh": refresh}, base_url=server.url)
    assert read(target) == MP4
    cdn.answer = None
    cdn.answers = [Answer(b"expired", status)]
    with pytest.raises(DownloadError, match=f"{status}: expired"):
        await lane.download(f"{cdn.url}/old", target, {"refresh": refresh, "overwrite": True}, base_url=server.url)
    assert len(asked) == 2
    assert read(target) == MP4


@DOWNLOADS
@each_carrier
async def test_an_address_that_expires_within_a_download_is_refreshed_and_gone_on_with(
    server: ScriptedServer, cdn: ScriptedServer, target: Path, lane: Carrier
) -> None:
    files = FileServer(cuts=[1000])
    cdn.answer = lambda request: Answer(b"", 403) if files.asked and request.path == "/old" else files(request)
    await lane.download(f"{cdn.url}/old", target, {"refresh": lambda: f"{cdn.url}/new"}, base_url=server.url)
    assert read(target) == MP4
    assert files.asked == [None, "bytes=1000-"]


@DOWNLOADS
@each_carrier
async def test_a_refresh_may_find_the_file_within_the_answer(
    server: ScriptedServer, cdn: ScriptedServer, target: Path, lane: Carrier
) -> None:
    cdn.answers = [Answer(b"", 410)]
    inline = InlineData(base64.b64encode(MP4).decode())
    await lane.download(f"{cdn.url}/old", target, {"refresh": lambda: inline}, base_url=server.url)
    assert read(target) == MP4


# --- what is told ---------------------------------------------------------------------------------------------------


@DOWNLOADS
@each_carrier
async def test_a_retry_is_told_by_the_address_without_its_signature(
    server: ScriptedServer, cdn: ScriptedServer, target: Path, lane: Carrier
) -> None:
    cdn.answer = FileServer(cuts=[1000])
    told: list[Any] = []
    await lane.download(f"{cdn.url}/v.mp4?sig=hidden", target, base_url=server.url, on_retry=told.append)
    assert [retry.path for retry in told] == [f"{cdn.url}/v.mp4"]
