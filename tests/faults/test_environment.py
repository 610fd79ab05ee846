"""What lies between us and the server, and what goes out: proxies, certificates, cookies, headers; all lanes alike."""

from __future__ import annotations

import json
import ssl
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.faults.conftest import CERTIFICATE
from tests.faults.lanes import CORE, KEY, Lane, assert_ours, settings_of
from tests.faults.wire import CLOSE, JSON, PLAIN, TEXT, TLS, good, head, send, whole
from tikhub_ai import APIConnectionError, ChatClient, ChatRequest, ConfigurationError, Message, Text
from tikhub_ai.http import aiohttp_backend, httpx_backend, httpx_family, proxies
from tikhub_ai.http.pools import Pools
from tikhub_ai.http.transport import Transport
from tikhub_ai.wire import ApiRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.conftest import FaultServer

PLAIN_LANES = [lane for lane in CORE if not lane.streamed]
each_lane = pytest.mark.parametrize("lane", PLAIN_LANES, ids=lambda lane: lane.name)
PROXIES = pytest.mark.fault("proxies and certificates")


@pytest.fixture(autouse=True)
def _no_client_from_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Shared clients have read the environment that they were made in."""
    pools = Pools()
    for library in (aiohttp_backend, httpx_backend, httpx_family):
        monkeypatch.setattr(library, "pools", pools)
    for name in ("NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    yield
    pools._at_exit()


# --- which proxy ----------------------------------------------------------------------------------------------------

ENVIRONMENTS: list[dict[str, str]] = [
    {},
    {"HTTP_PROXY": "http://proxy:1"},
    {"HTTPS_PROXY": "proxy:2"},
    {"ALL_PROXY": "http://user:pass@proxy:3"},
    {"HTTP_PROXY": "http://proxy:1", "ALL_PROXY": "https://proxy:3"},
    *(
        {"ALL_PROXY": "http://proxy:3", "NO_PROXY": hosts}
        for hosts in (
            "*",
            "example.com",
            ".example.com",
            "*.example.com",
            "a.example.com, other.org",
            "example.com:8080",
            "example.com:443",
            "http://example.com",
            "https://example.com:8443",
            "http://*.example.com",
            "http://*example.com",
            "127.0.0.1",
            "127.0.0.0/8",
            "::1",
            "localhost",
            "LOCALHOST",
            "EXAMPLE.com",
            ",,",
        )
    ),
]
ADDRESSES = [
    f"{scheme}://{host}{port}/v1"
    for scheme in ("http", "https")
    for host in ("example.com", "a.example.com", "notexample.com", "127.0.0.1", "[::1]", "localhost", "x.localhost")
    for port in ("", ":443", ":8080", ":8443")
]


@pytest.mark.parametrize(
    "environment", ENVIRONMENTS, ids=lambda environment: " ".join(map("=".join, environment.items()))
)
def test_the_environment_names_the_same_proxy_as_to_httpx(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with httpx.Client() as client:
        for address in ADDRESSES:
            transport = client._transport_for_url(httpx.URL(address))
            theirs = None if transport is client._transport else transport._pool._proxy_url  # type: ignore[attr-defined]  # httpx keeps it there
            ours = proxies.environment_proxy(address)
            named = None if ours is None else httpx.URL(ours)
            assert (named and (named.host, named.port)) == (theirs and (theirs.host.decode(), theirs.port)), address


# --- through a proxy ------------------------------------------------------------------------------------------------


@PROXIES
@each_lane
@pytest.mark.parametrize("given", ["environment", "setting"])
async def test_a_call_goes_through_the_proxy(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch, lane: Lane, given: str
) -> None:
    proxy = faults.url("").replace("//", "//user:secret@")
    settings = {"base_url": f"http://gateway.invalid/{faults.named('x')}"}
    if given == "environment":
        monkeypatch.setenv("HTTP_PROXY", proxy)
    else:
        settings["proxy"] = proxy
    faults.script("x", good(streamed=False))
    assert await lane.ask(**settings) == TEXT
    (request,) = faults.seen("x")
    assert request.startswith(f"POST {settings['base_url']}/v1/chat/completions ")
    assert "proxy-authorization: basic dxnlcjpzzwnyzxq=" in request.lower()


@PROXIES
@each_lane
async def test_a_host_in_no_proxy_is_reached_directly(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch, lane: Lane
) -> None:
    monkeypatch.setenv("ALL_PROXY", faults.url("", "refusing"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    faults.script("x", good(streamed=False))
    assert await lane.ask(base_url=faults.url()) == TEXT


@PROXIES
@each_lane
async def test_tls_goes_through_a_tunnel_that_does_not_see_the_key(faults: FaultServer, lane: Lane) -> None:
    faults.script("CONNECT", [*send(head(status="200 Connection established")), TLS])
    faults.script("x", good(streamed=False))
    settings = {
        "base_url": f"https://localhost:4433/{faults.named('x')}",
        "proxy": faults.url(""),
        "verify": str(CERTIFICATE),
    }
    assert await lane.ask(**settings) == TEXT
    (asked,) = faults.seen("CONNECT")
    assert asked.startswith("CONNECT localhost:4433 ")
    assert KEY not in asked
    assert len(faults.seen("x")) == 1


TUNNELS = {
    "refuses": send(head("content-length: 0", status="403 Forbidden")),
    "fails": [*send(head("content-length: 0", status="502 Bad Gateway")), CLOSE],
    "presents an unknown certificate": [*send(head(status="200 OK")), TLS],
}


@PROXIES
@each_lane
@pytest.mark.parametrize("tunnel", TUNNELS)
async def test_through_a_proxy_that_gives_no_tunnel_nothing_was_sent(
    faults: FaultServer, attempts: list[str], lane: Lane, tunnel: str
) -> None:
    faults.script("CONNECT", TUNNELS[tunnel])
    proxy = faults.url("").replace("//", "//user:secret@")
    with pytest.raises(APIConnectionError) as caught:
        await lane.ask(base_url="https://localhost:4433/x", proxy=proxy)
    assert not caught.value.may_have_been_sent
    assert_ours(caught.value)
    assert "secret" not in str(caught.value)
    assert len(attempts) == 3


@PROXIES
@each_lane
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_through_a_proxy_that_is_down_nothing_was_sent(faults: FaultServer, lane: Lane, scheme: str) -> None:
    proxy = faults.url("", "refusing").replace("//", "//user:secret@")
    with pytest.raises(APIConnectionError) as caught:
        await lane.ask(base_url=f"{scheme}://gateway.invalid", proxy=proxy)
    assert not caught.value.may_have_been_sent
    assert_ours(caught.value)
    assert "secret" not in str(caught.value)


@PROXIES
@each_lane
@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "ftp://127.0.0.1:1", "http://[::1"])
async def test_a_proxy_that_cannot_be_used_is_a_configuration_error(lane: Lane, proxy: str) -> None:
    with pytest.raises(ConfigurationError, match=r"prox|SOCKS") as caught:
        await lane.ask(base_url="http://gateway.invalid", proxy=proxy)
    assert_ours(caught.value)


# --- certificates ---------------------------------------------------------------------------------------------------


@PROXIES
@each_lane
@pytest.mark.parametrize("how", ["SSL_CERT_FILE", "a path", "a context", "not at all"])
async def test_a_certificate_is_trusted_as_asked(
    faults: FaultServer, monkeypatch: pytest.MonkeyPatch, lane: Lane, how: str
) -> None:
    settings: dict[str, Any] = {"base_url": faults.url("x", "tls", "https")}
    match how:
        case "SSL_CERT_FILE":
            monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        case "a path":
            settings["verify"] = str(CERTIFICATE)
        case "a context":
            settings["verify"] = ssl.create_default_context(cafile=str(CERTIFICATE))
        case "not at all":
            settings["verify"] = False
    faults.script("x", good(streamed=False))
    assert await lane.ask(**settings) == TEXT


@PROXIES
@each_lane
async def test_a_connection_that_was_not_verified_serves_nobody_who_wants_it_verified(
    faults: FaultServer, lane: Lane
) -> None:
    faults.script("x", good(streamed=False))
    settings = {"base_url": faults.url("x", "tls", "https")}
    assert await lane.ask(**settings, verify=False) == TEXT
    with pytest.raises(APIConnectionError, match="certificate"):
        await lane.ask(**settings)
    assert len(faults.seen("x")) == 1


@PROXIES
@each_lane
async def test_a_connection_through_one_proxy_serves_nobody_who_has_another(faults: FaultServer, lane: Lane) -> None:
    faults.script("x", good(streamed=False))
    asked = faults.url("").replace("//", "//one:secret@"), faults.url("").replace("//", "//other:secret@")
    for proxy in asked:
        assert await lane.ask(base_url=f"http://gateway.invalid/{faults.named('x')}", proxy=proxy) == TEXT
    sent = [line for head in faults.seen("x") for line in head.lower().split("\n") if "proxy-authorization" in line]
    assert len(set(sent)) == 2


@PROXIES
@each_lane
async def test_a_ca_file_that_is_not_there_is_a_configuration_error(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match=r"/no/such\.pem"):
        await lane.ask(base_url="https://gateway.invalid", verify="/no/such.pem")
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such.pem")
    with pytest.raises(ConfigurationError, match="SSL_CERT_FILE"):
        await lane.ask(base_url="https://gateway.invalid")


def test_all_backends_share_one_tls_context() -> None:
    contexts = [vars(library)["pools"].context(True) for library in (aiohttp_backend, httpx_backend)]
    assert contexts[0] is contexts[1]


# --- what goes out and comes in -------------------------------------------------------------------------------------


def names_of(request: str) -> list[str]:
    return sorted(line.partition(":")[0].lower() for line in request.split("\n")[1:])


async def test_every_lane_sends_the_same_headers_and_never_a_cookie(faults: FaultServer) -> None:
    sent: dict[str, list[list[str]]] = {}
    for lane in CORE:
        faults.script("x", [*whole(PLAIN, JSON, "set-cookie: a=b; Path=/"), CLOSE])
        await lane.ask(base_url=faults.url(), default_headers={"X-Mine": "1"})
        await lane.ask(base_url=faults.url(), default_headers={"X-Mine": "1"})
        for request in faults.seen("x"):
            sent.setdefault(lane.name, []).append([name for name in names_of(request) if name != "connection"])
            assert "authorization: Bearer" in request
            assert "br" not in request.lower().partition("accept-encoding:")[2].partition("\n")[0]
    assert len({json.dumps(requests) for requests in sent.values()}) == 1, sent


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_a_call_without_a_body_sends_none_and_is_never_repeated_beneath_us(
    faults: FaultServer, method: Any
) -> None:
    request = ApiRequest("/v1/models", method=method, retry_when_sent=False)
    seen: list[list[str]] = []
    for is_sync, backend in (
        (True, "httpx"),
        (True, "httpx2"),
        (False, "httpx"),
        (False, "httpx2"),
        (False, "aiohttp"),
    ):
        faults.script("x", whole(b"{}", JSON), [CLOSE])
        settings = {"base_url": faults.url(), "http_backend": backend}
        transport = Transport(settings_of(settings))
        for answered in (True, False):
            with nullcontext() if answered else pytest.raises(APIConnectionError, match="broke"):
                if is_sync:
                    transport.send(request, lambda response: response.body)
                else:
                    await transport.asend(request, lambda response: response.body)
            assert len(faults.seen("x")) == (1 if answered else 2)
        # aiohttp says `content-length: 0` in a DELETE as well, which is no harm
        ignored = {"connection", "content-length" if method == "DELETE" else "connection"}
        seen.append([name for name in names_of(faults.seen("x")[0]) if name not in ignored])
    assert seen == [seen[0]] * 5
    assert "content-type" not in seen[0]


async def test_headers_come_back_alike(faults: FaultServer) -> None:
    odd = ("X-Twice: a", "x-twice: b", "X-Name: caf\u00e9", "X-Oneapi-Request-Id: rid-1", "set-cookie: a=b")
    faults.script("x", whole(PLAIN, JSON, *odd))
    request = ChatRequest(model="m", messages=[Message("user", [Text("hi")])])
    sync = ChatClient(settings_of({"base_url": faults.url()})).complete(request)
    for backend in ("httpx", "httpx2", "aiohttp"):
        reply = await ChatClient(settings_of({"base_url": faults.url(), "http_backend": backend})).acomplete(request)
        assert reply.headers == sync.headers
        assert reply.request_id == "rid-1"
    assert sync.headers["x-twice"] == "a, b"
    assert sync.headers["x-name"] == "caf\u00e9"


@each_lane
async def test_a_body_of_5_mb_arrives_whole(faults: FaultServer, lane: Lane) -> None:
    faults.script("x", good(streamed=False))
    big = {"base_url": faults.url(), "http_backend": lane.backend}
    request = ChatRequest(model="m", messages=[Message("user", [Text("a" * 5_000_000)])])
    client = ChatClient(settings_of(big))
    reply = client.complete(request) if lane.is_sync else await client.acomplete(request)
    assert reply.text == TEXT
    (sent,) = faults.seen("x")
    assert "content-length: 50000" in sent.lower()
    assert "transfer-encoding" not in sent.lower()


@each_lane
@pytest.mark.parametrize(
    "headers", [{"x-a": "b\r\nc: d"}, {"x-a": "caf\u00e9"}, {"x a": "b"}, {"x\r\na": "b"}, {"": "b"}]
)
async def test_a_header_that_cannot_be_sent_is_a_configuration_error(
    faults: FaultServer, lane: Lane, headers: dict[str, str]
) -> None:
    faults.script("x", good(streamed=False))
    with pytest.raises(ConfigurationError) as caught:
        await lane.ask(base_url=faults.url(), default_headers=headers)
    assert_ours(caught.value)
    assert faults.seen("x") == []


# --- where aiohttp is missing ---------------------------------------------------------------------------------------


@pytest.fixture
def _without_aiohttp(monkeypatch: pytest.MonkeyPatch) -> None:
    import tikhub_ai.http.backends

    monkeypatch.setitem(sys.modules, "tikhub_ai.http.aiohttp_backend", None)
    monkeypatch.delattr(tikhub_ai.http, "aiohttp_backend", raising=False)


@pytest.mark.usefixtures("_without_aiohttp")
async def test_without_aiohttp_async_calls_go_over_httpx(faults: FaultServer) -> None:
    faults.script("x", good(streamed=False))
    request = ChatRequest(model="m", messages=[Message("user", [Text("hi")])])
    assert (await ChatClient(settings_of({"base_url": faults.url()})).acomplete(request)).text == TEXT
    with pytest.raises(ConfigurationError, match="pip install aiohttp"):
        await ChatClient(settings_of({"base_url": faults.url(), "http_backend": "aiohttp"})).acomplete(request)
