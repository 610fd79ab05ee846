"""Every way to call, through success and every kind of failure: nothing that comes out holds a secret."""

from __future__ import annotations

import copy
import json
import pickle
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import short
from tests.scripted_server import Answer, Request, ScriptedServer, sse
from tests.secrets.callers import CALLERS, LANES, STREAM, Outcome, event, pairs, secrets, success
from tests.secrets.canaries import CALL_HEADER, DEFAULT_HEADER, KEY, PROXY_PASSWORD, search
from tikhub_ai import TikHubAIError

if TYPE_CHECKING:
    from collections.abc import Callable

each_caller = pytest.mark.parametrize("name", CALLERS)
each_lane = pytest.mark.parametrize(("name", "backend"), LANES)


def search_through(place: str, outcome: Outcome) -> None:
    """All that a call leaves: what it gave, warned of, raised and printed; and what others make of the exception."""
    search.through(f"{place}: what it gave", outcome.gave)
    search.through(f"{place}: warnings", outcome.warned)
    if (error := outcome.error) is None:
        return
    assert isinstance(error, TikHubAIError), outcome.printed
    search.through(f"{place}: exception and its causes", error)
    search.through(f"{place}: traceback", outcome.printed)
    search.pickled(f"{place}: pickled exception", error)
    search.through(f"{place}: unpickled exception", pickle.loads(pickle.dumps(error)))
    search.through(f"{place}: copied exception", [copy.copy(error), copy.deepcopy(error)])


def refusal(said: str, status: int = 401) -> Answer:
    """A refusal that repeats what it was told, in all fields of the body and in a header that is no server's own."""
    error = {"message": f"Wrong: {said}", "type": said, "code": said, "param": said, "metadata": {"sent": [said]}}
    return Answer({"error": error, "request": said}, status, {"x-oneapi-request-id": said, "retry-after-ms": "1"})


def html(said: str) -> Answer:
    page = f"<html><title>Sign in, {said}</title><body>{said}</body></html>"
    return Answer(page.encode(), headers={"content-type": "text/html", "x-echo": said})


def of_a_stream(request: Request, answer: Answer) -> Answer:
    """A fault that only a stream has; plain calls get a cut body instead, since they too read to the end."""
    if request.json().get("stream"):
        return answer
    return Answer([b'{"id": "c1", "cho'], cut=True)


FAULTS: dict[str, Callable[[Request, str], Answer]] = {
    "success": lambda request, _: success(request),
    "401": lambda _, said: refusal(said),
    "403": lambda _, said: refusal(said, 403),
    "429": lambda _, said: refusal(said, 429),
    "500": lambda _, said: refusal(said, 500),
    "401 in plain text": lambda _, said: Answer(f"no: {said}".encode(), 401, {"content-type": "text/plain"}),
    "401 as HTML": lambda _, said: Answer(html(said).body, 401, {"content-type": "text/html"}),
    "error in a 200": lambda _, said: Answer(refusal(said).body),
    "success: false": lambda _, said: Answer({"success": False, "message": said, "code": said}),
    "success, its headers repeat": lambda request, said: replace(
        success(request), headers={**success(request).headers, "x-echo": said, "x-request-id": said}
    ),
    "quoted up to the middle of it": lambda _, said: Answer(b"." * (80 - len(said) // 2 - 7) + said.encode()),
    "401 quoted up to the middle of it": lambda _, said: Answer(
        b"." * (300 - len(said) // 2 - 7) + said.encode(), 401, {"content-type": "text/plain"}
    ),
    "HTML": lambda _, said: html(said),
    "not JSON": lambda _, said: Answer(f"hello {said}".encode()),
    "JSON of another kind": lambda _, said: Answer([said, {said: said}]),
    "wrong fields": lambda _, said: Answer({"choices": said, "data": said, "id": said}),
    "redirect": lambda _, said: Answer(b"", 307, {"location": f"http://127.0.0.1:9/{said}"}),
    "timeout": lambda *_: Answer(held=True),
    "cut": lambda request, _: of_a_stream(request, Answer(sse(*STREAM[:1]).body, cut=True)),
    "ended quietly": lambda request, _: of_a_stream(request, sse(*STREAM[:1], done=False)),
    "error in a stream": lambda request, said: of_a_stream(request, sse(event(content="Hel"), refusal(said).body)),
    "bare error line": lambda request, said: of_a_stream(
        request, sse(event(content="Hel"), json.dumps(refusal(said).body).encode() + b"\n\n")
    ),
    "no JSON in a stream": lambda request, said: of_a_stream(
        request, sse(event(content="a"), f"data: {said}\n\n".encode())
    ),
}


TELLING = frozenset({"success", "401", "error in a 200", "cut", "error in a stream"})
"""Faults that frameworks might treat in ways of their own."""


def call(name: str, server: ScriptedServer, fault: str, said: str, **settings: Any) -> Outcome:
    server.answer = lambda request: FAULTS[fault](request, said)
    caller = CALLERS[name]
    timeout = short(0.4) if fault == "timeout" else 300
    outcome = caller.run(caller.make(**secrets(base_url=server.url, timeout=timeout, **settings)))
    assert server.requests, "the fault was never met"
    for request in server.requests:
        assert request.headers["authorization"] == f"Bearer {KEY}"
        assert request.headers["x-default"] == DEFAULT_HEADER
        assert request.headers.get("x-call") == (CALL_HEADER if caller.takes_call_headers else None)
    return outcome


@pytest.mark.heard_by_httpcore("servers here echo the key in their headers, and httpcore logs what it hears")
@pytest.mark.parametrize(("name", "fault"), pairs(FAULTS, TELLING))
def test_a_key_that_the_server_repeats_is_passed_on_to_nobody(name: str, fault: str, server: ScriptedServer) -> None:
    outcome = call(name, server, fault, KEY)
    if fault.startswith("success,") or fault == "success":
        assert outcome.error is None, outcome.printed
        assert outcome.gave
    search_through(fault, outcome)


@pytest.mark.parametrize(
    ("name", "fault"), pairs(["success", "401", "500", "HTML", "redirect", "cut", "error in a stream"], TELLING)
)
def test_no_log_shows_a_secret_that_only_the_request_holds(name: str, fault: str, server: ScriptedServer) -> None:
    search_through(f"{fault}, not echoed", call(name, server, fault, "nothing", http_backend="httpx"))


@pytest.mark.heard_by_httpcore("as above")
@pytest.mark.parametrize(
    ("name", "fault"),
    pairs([name for name in FAULTS if not name.startswith(("success", "timeout", "cut"))], TELLING),
)
def test_headers_that_the_server_repeats_are_passed_on_to_nobody(name: str, fault: str, server: ScriptedServer) -> None:
    said = DEFAULT_HEADER + (f", {CALL_HEADER}" if CALLERS[name].takes_call_headers else "")
    search_through(f"{fault}, headers echoed", call(name, server, fault, said))


@pytest.mark.heard_by_httpcore("as above")
@each_caller
def test_what_was_retried_keeps_no_trace_of_the_first_attempt(name: str, server: ScriptedServer) -> None:
    outcome = call(name, server, "500", KEY, max_retries=2)
    assert len(server.requests) == 3
    search_through("500 after retries", outcome)


def closed_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
    return port


@each_lane
def test_a_refused_connection_tells_nothing(name: str, backend: str) -> None:
    caller = CALLERS[name]
    base_url = f"http://127.0.0.1:{closed_port()}"
    outcome = caller.run(caller.make(**secrets(base_url=base_url, http_backend=backend)))
    assert outcome.error is not None
    search_through("refused", outcome)


@each_lane
def test_a_name_that_is_not_known_tells_nothing(name: str, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    caller = CALLERS[name]
    outcome = caller.run(caller.make(**secrets(base_url="http://gateway.invalid", http_backend=backend)))
    assert outcome.error is not None
    search_through("DNS failure", outcome)


def through_proxy(name: str, port: int, base_url: str, backend: str) -> Outcome:
    caller = CALLERS[name]
    proxy = f"http://someone:{PROXY_PASSWORD}@127.0.0.1:{port}"
    return caller.run(caller.make(**secrets(base_url=base_url, proxy=proxy, http_backend=backend, timeout=300)))


@each_lane
def test_a_proxys_password_goes_to_the_proxy_alone(name: str, backend: str, server: ScriptedServer) -> None:
    server.answer = success
    outcome = through_proxy(name, int(server.url.rpartition(":")[2]), "http://gateway.invalid", backend)
    assert outcome.error is None, outcome.printed
    assert server.requests[0].headers["proxy-authorization"].startswith("Basic ")
    search_through("proxy", outcome)


PROXY_FAULTS = {
    "refused": "http://gateway.invalid",
    "407": "http://gateway.invalid",
    "no CONNECT": "https://gateway.invalid",
}


@pytest.mark.parametrize("fault", PROXY_FAULTS)
@each_lane
def test_a_proxy_that_fails_leaves_no_trace_of_its_password(
    name: str, backend: str, fault: str, server: ScriptedServer
) -> None:
    server.answers = [Answer(b"proxy authentication required", 407)]
    port = closed_port() if fault == "refused" else int(server.url.rpartition(":")[2])
    outcome = through_proxy(name, port, PROXY_FAULTS[fault], backend)
    assert outcome.error is not None
    search_through(f"proxy: {fault}", outcome)


@pytest.mark.parametrize(
    "proxy", [f"nonsense://u:{PROXY_PASSWORD}@p", f"http://u:{PROXY_PASSWORD}@[::bad", "http://\0"]
)
@each_lane
def test_a_proxy_address_that_cannot_work_is_not_quoted(name: str, backend: str, proxy: str) -> None:
    caller = CALLERS[name]
    try:
        subject = caller.make(**secrets(base_url="http://gateway.invalid", proxy=proxy, http_backend=backend))
    except ValueError as error:
        search.through("proxy address refused", error)
        return
    outcome = caller.run(subject)
    assert outcome.error is not None
    search_through("unusable proxy", outcome)
