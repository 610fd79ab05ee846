"""Of a download, the gateway's own origin gets the key and the caller's headers; every other host nothing of ours."""

from __future__ import annotations

import ssl
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import pytest

from tests.faults.carriers import Carrier, each_carrier
from tests.faults.files import MP4
from tests.scripted_server import Answer, Request, ScriptedServer
from tests.secrets.canaries import CALL_HEADERS, DEFAULT_HEADERS, KEY, found_in, named_in, search
from tikhub_ai import DownloadError
from tikhub_ai.wire import ApiRequest, FilePart, Upload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

OURS = {"user-agent", "accept", "accept-encoding", "host", "connection"}
"""All that another host is told, beside a range."""
SECRETS: dict[str, Any] = {
    "retry_wait": 0.001,
    "api_key": KEY,
    "default_headers": DEFAULT_HEADERS | {"User-Agent": "theirs"},
}
SIGNED = "/a/./b/../v.mp4;x='1'?X-Amz-Credential=A%2f1%2F2&sig=a+b%20c==\"'()*[]{}<>^`|\\;,~!$&empty&%zz&%E4%BD//x?y"


def video(request: Request) -> Answer:
    """A video, whose server tries to make us remember something, and to make us say what we know."""
    cut = 1000 if "range" not in request.headers else None
    start = 0 if cut else 1000
    headers = {"set-cookie": "session=foreign; Path=/", "etag": '"1"', "www-authenticate": "Basic realm=x"}
    if start:
        headers["content-range"] = f"bytes {start}-{len(MP4) - 1}/{len(MP4)}"
    return Answer(MP4[start:], 206 if start else 200, headers, cut_at=cut)


def assert_told_nothing(request: Request) -> None:
    told = set(request.headers)
    assert told <= OURS | {"range", "if-range"}, told - OURS
    assert request.headers["user-agent"].startswith("tikhub-ai/")
    search.through("what another host was sent", request)


@pytest.fixture(params=["own", "injected"])
async def client(request: pytest.FixtureRequest, lane: Carrier) -> AsyncIterator[dict[str, Any]]:
    """Nothing, or a client of the caller's that holds secrets of its own: for the gateway, whose client it is."""
    if request.param == "own" or lane.backend == "aiohttp":
        yield {}
        return
    module: Any = httpx if lane.backend == "httpx" else httpx2
    theirs = {"headers": DEFAULT_HEADERS, "cookies": {"session": KEY}, "auth": ("user", KEY)}
    async with AsyncExitStack() as stack:
        if lane.is_async:
            yield {"http_async_client": await stack.enter_async_context(module.AsyncClient(**theirs))}
        else:
            yield {"http_client": stack.enter_context(module.Client(**theirs))}


@each_carrier
async def test_another_host_is_told_nothing_of_ours(
    server: ScriptedServer, stranger: ScriptedServer, tmp_path: Path, lane: Carrier, client: dict[str, Any]
) -> None:
    stranger.answer = video
    path = await lane.download(f"{stranger.url}/v", tmp_path / "v", base_url=server.url, **SECRETS, **client)
    assert found_in(path) == []
    assert len(stranger.requests) == 2, "the second one for the rest"
    for request in stranger.requests:
        assert_told_nothing(request)
    assert server.requests == []


@each_carrier
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_another_host_tells_it_nothing(
    server: ScriptedServer,
    stranger: ScriptedServer,
    tmp_path: Path,
    lane: Carrier,
    client: dict[str, Any],
    status: int,
) -> None:
    def gateway(request: Request) -> Answer:
        there = f"{stranger.url}/v" if request.path == "/second" else "/second"
        return Answer(b"", status, {"location": there, "set-cookie": "session=ours; Path=/"})

    server.answer, stranger.answer = gateway, video
    source = ApiRequest("/v1/videos/1/content", method="GET", extra_headers=CALL_HEADERS, accept="*/*")
    await lane.download(source, tmp_path / "v", base_url=server.url, **SECRETS, **client)
    for request in stranger.requests:
        assert_told_nothing(request)
    assert [request.path for request in server.requests] == ["/v1/videos/1/content", "/second"] * 2
    for request in server.requests:
        assert request.headers["authorization"] == f"Bearer {KEY}" or client
        assert named_in(str(request.headers)) == {"key", "default header", "header of a call"}
        assert "session=ours" not in request.headers.get("cookie", "") or client


@each_carrier
async def test_a_redirect_back_to_the_gateway_gets_the_key_again(
    server: ScriptedServer, stranger: ScriptedServer, tmp_path: Path, lane: Carrier
) -> None:
    stranger.answers = [Answer(b"", 302, {"location": f"{server.url}/v", "set-cookie": "a=b"})]
    server.answers = [Answer(MP4)]
    await lane.download(f"{stranger.url}/v", tmp_path / "v", base_url=server.url, **SECRETS)
    assert_told_nothing(stranger.requests[0])
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert "cookie" not in server.requests[0].headers


@each_carrier
@pytest.mark.parametrize("circle", ["itself", "two", "endless"])
async def test_redirects_that_lead_nowhere_end(
    server: ScriptedServer, stranger: ScriptedServer, tmp_path: Path, lane: Carrier, circle: str
) -> None:
    def answer(request: Request) -> Answer:
        there = {"itself": request.path, "two": "/b" if request.path == "/a" else "/a"}
        return Answer(b"", 302, {"location": there.get(circle, f"{request.path}a")})

    stranger.answer = answer
    with pytest.raises(DownloadError, match=r"circle|More than 10 redirects"):
        await lane.download(f"{stranger.url}/a", tmp_path / "v", base_url=server.url, **SECRETS)
    assert len(stranger.requests) == {"itself": 1, "two": 2, "endless": 11}[circle]


@each_carrier
@pytest.mark.parametrize("location", [None, "", "file:///etc/passwd", "gs://bucket/v", "https://u:p@host/", "http://"])
async def test_a_redirect_to_no_address_is_an_error(
    server: ScriptedServer, stranger: ScriptedServer, tmp_path: Path, lane: Carrier, location: str | None
) -> None:
    stranger.answers = [Answer(b"", 302, {} if location is None else {"location": location})]
    with pytest.raises(DownloadError):
        await lane.download(f"{stranger.url}/a", tmp_path / "v", base_url=server.url, **SECRETS)
    assert len(stranger.requests) == 1


@each_carrier
async def test_a_signed_query_arrives_byte_for_byte(
    server: ScriptedServer, stranger: ScriptedServer, tmp_path: Path, lane: Carrier, client: dict[str, Any]
) -> None:
    stranger.answers = [Answer(b"", 302, {"location": f"{SIGNED}&second"}), Answer(MP4)]
    await lane.download(stranger.url + SIGNED, tmp_path / "v", base_url=server.url, **SECRETS, **client)
    assert [request.path for request in stranger.requests] == [SIGNED, f"{SIGNED}&second"]


@each_carrier
async def test_no_key_is_needed_where_the_gateway_is_not_asked(
    server: ScriptedServer, stranger: ScriptedServer, tmp_path: Path, lane: Carrier
) -> None:
    stranger.answers = [Answer(MP4)]
    await lane.download(f"{stranger.url}/v", tmp_path / "v", base_url=server.url, api_key=None)
    assert_told_nothing(stranger.requests[0])


@each_carrier
async def test_what_the_gateway_says_in_place_of_a_file_holds_no_key(
    server: ScriptedServer, tmp_path: Path, lane: Carrier
) -> None:
    for answer in (Answer(f"No video for {KEY}".encode(), 200), Answer({"error": {"message": f"Bad {KEY}"}}, 400)):
        server.answers = [answer]
        with pytest.raises(DownloadError) as caught:
            await lane.download("/v", tmp_path / "v", base_url=server.url, **SECRETS)
        assert found_in(caught.value) == []


@each_carrier
async def test_other_hosts_go_through_the_proxy_too_and_it_keeps_its_password(
    server: ScriptedServer, stranger: ScriptedServer, tmp_path: Path, lane: Carrier
) -> None:
    stranger.answers = [Answer(MP4)]
    proxy = stranger.url.replace("//", "//user:pass@")
    await lane.download("http://cdn.invalid/v?a=%2f'", tmp_path / "v", base_url=server.url, proxy=proxy, **SECRETS)
    (request,) = stranger.requests
    assert request.path == "http://cdn.invalid/v?a=%2f'"
    assert request.headers.pop("proxy-authorization")
    request.headers.pop("proxy-connection", None)
    assert_told_nothing(request)


@each_carrier
async def test_each_host_goes_the_way_that_the_environment_names_for_it(
    server: ScriptedServer, stranger: ScriptedServer, tmp_path: Path, lane: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", stranger.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    stranger.answers = [Answer(MP4)]
    server.answers = [Answer(b"", 302, {"location": "http://cdn.invalid/v"})]
    context = ssl.create_default_context()  # no shared client has it, so that one reads this environment
    await lane.download("/v", tmp_path / "v", base_url=server.url, verify=context, **SECRETS)
    assert [request.path for request in stranger.requests] == ["http://cdn.invalid/v"]
    assert [request.path for request in server.requests] == ["/v"]
    assert_told_nothing(stranger.requests[0])


@each_carrier
async def test_a_form_holds_no_key_and_goes_nowhere_but_to_the_gateway(
    server: ScriptedServer, stranger: ScriptedServer, lane: Carrier
) -> None:
    server.answers = [Answer(b"", 307, {"location": f"{stranger.url}/v1/audio/transcriptions"})]
    request = ApiRequest("/v1/audio/transcriptions", form=[FilePart("file", "a", "a/b", Upload(b"x", "a", 1))])
    with pytest.raises(Exception, match="307"):
        await lane.send(request, base_url=server.url, **SECRETS)
    assert stranger.requests == []
    assert named_in(server.requests[0].body) == set()
