"""The doctor, against a gateway that is as this library thinks and against many that are not."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.doctor import gateways
from tests.doctor.gateways import KEY, as_thought, only, refusal
from tests.patience import short
from tests.scripted_server import Answer, Request, ScriptedServer
from tikhub_ai.doctor.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.outside_openapi("asks for refusals, by requests that lack everything")
CERTIFICATES = Path(__file__).parents[1] / "faults/certificates"


class Visit:
    """What the doctor said of a gateway."""

    def __init__(self, code: int, printed: str) -> None:
        self.code = code
        self.report: dict[str, Any] = json.loads(printed)
        self.findings = {finding["check"]: finding for finding in self.report["findings"]}

    def of(self, check: str) -> tuple[str, str, str]:
        found = self.findings[check]
        return found["verdict"], found["detail"], found["setting"]

    def verdicts(self) -> dict[str, str]:
        return {name: found["verdict"] for name, found in self.findings.items()}


@pytest.fixture
def visit(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Visit]:
    monkeypatch.setenv("TIKHUB_AI_API_KEY", KEY)

    def visited(answer: Callable[[Request], Answer], *options: str) -> Visit:
        server.answer = answer
        code = main(["doctor", "--json", "--base-url", server.url, *options])
        return Visit(code, capsys.readouterr().out)

    return visited


def test_a_gateway_that_is_as_we_think_passes_every_check(visit: Callable[..., Visit]) -> None:
    seen = visit(as_thought, "--spend")
    others = {name: verdict for name, verdict in seen.verdicts().items() if verdict != "as we think"}
    assert others == {"videos: create, remix": "not asked"}
    assert seen.code == 0


def test_without_spend_nothing_is_asked_that_could_be_billed(
    visit: Callable[..., Visit], server: ScriptedServer
) -> None:
    seen = visit(as_thought)
    assert seen.code == 0
    assert seen.of("messages: plain") == ("not asked", "it costs money: give --spend", "")
    for request in server.requests:
        if request.method == "POST" and "fetchPredictOperation" not in request.path:
            assert request.body == b"{}" or b'name="file"' not in request.body


def test_no_video_is_ever_created(visit: Callable[..., Visit], server: ScriptedServer) -> None:
    visit(as_thought, "--spend")
    for request in server.requests:
        assert not (request.method == "POST" and ("video" in request.path or "tasks" in request.path))
        assert "predictLongRunning" not in request.path


def test_a_gateway_that_serves_one_api_is_told_so_with_what_to_set(visit: Callable[..., Visit]) -> None:
    seen = visit(only("/v1/models", "/v1/chat/completions"), "--spend")
    assert seen.code == 1
    for api in ("responses", "messages", "generate_content"):
        verdict, _, setting = seen.of(f"{api}: path")
        assert (verdict, setting) == ("not served", 'api="chat_completions"')
        assert seen.of(f"{api}: plain")[:2] == ("not asked", "it is not served")
    assert seen.of("chat_completions: streamed")[0] == "as we think"
    assert seen.of("transcription: path")[2] == 'paths={"transcriptions": ...}'
    assert seen.of("seedance: unknown job")[0] == "not served"


def test_a_path_that_is_served_elsewhere_is_found(visit: Callable[..., Visit]) -> None:
    def moved(request: Request) -> Answer:
        if request.path.startswith("/seedance/v3"):
            return refusal(404, f"Invalid URL ({request.method} {request.path})")
        return gateways.UNKNOWN_TASK if request.path.startswith("/api/v3/") else as_thought(request)

    seen = visit(moved)
    verdict, detail, setting = seen.of("seedance: unknown job")
    assert verdict == "not served"
    assert "it is served elsewhere" in detail
    assert setting == "paths={'seedance': '/api/v3/contents/generations/tasks'}"
    again = visit(moved, "--path", "seedance=/api/v3/contents/generations/tasks")
    assert again.of("seedance: unknown job")[0] == "as we think"


def test_a_portal_is_an_html_page_everywhere(visit: Callable[..., Visit]) -> None:
    page = b"<!DOCTYPE html><html><head><title>Log in</title></head></html>"
    seen = visit(lambda _: Answer(page, headers={"content-type": "text/html"}), "--spend")
    assert seen.code == 1
    assert seen.of("a wrong key")[::2] == ("differs", "base_url=")
    assert "HTML page" in seen.of("an unknown path")[1]
    assert seen.of("GET /v1/models")[0] == "not served"
    assert seen.of("messages: path")[:2] == ("not served", "an HTML page")
    assert "as we think" not in set(seen.verdicts().values()) - {seen.verdicts()["reachable"]}


def test_a_key_that_is_refused_is_told_from_a_path_that_is_not_there(visit: Callable[..., Visit]) -> None:
    seen = visit(lambda _: refusal(401, "Invalid token"), "--spend")
    assert seen.code == 1
    verdict, detail, setting = seen.of("messages: path")
    assert (verdict, setting) == ("cannot tell", "TIKHUB_AI_API_KEY")
    assert "the key is refused" in detail


def test_a_gateway_that_takes_bearer_tokens_alone_is_told_by_its_setting(visit: Callable[..., Visit]) -> None:
    def bearer_only(request: Request) -> Answer:
        return as_thought(request) if "authorization" in request.headers else refusal(401, "Invalid token")

    seen = visit(bearer_only)
    for api in ("messages", "generate_content"):
        assert seen.of(f"{api}: path")[::2] == ("differs", 'auth_header="authorization"')
    assert visit(bearer_only, "--auth-header", "authorization").code == 0


def test_veo_that_takes_the_key_as_gemini_does_is_told_by_its_setting(visit: Callable[..., Visit]) -> None:
    def as_gemini(request: Request) -> Answer:
        if "fetchPredictOperation" in request.path and "x-goog-api-key" not in request.headers:
            return refusal(401, "Invalid token")
        return as_thought(request)

    setting = 'Videos(auth_header="x-goog-api-key")'
    assert visit(as_gemini).of("veo.fetch: unknown job")[::2] == ("differs", setting)


def test_a_relay_that_trips_over_base64_is_told_by_its_setting(visit: Callable[..., Visit]) -> None:
    def tripping(request: Request) -> Answer:
        if b"base64" in request.body:
            return refusal(400, "cannot unmarshal string into Go struct field of type []float64")
        return as_thought(request)

    seen = visit(tripping, "--spend")
    assert seen.of("embeddings: base64")[::2] == ("differs", 'encoding_format="float"')
    assert seen.of("embeddings: call")[0] == "as we think"


def test_a_gateway_that_asks_for_no_key_is_said_to(visit: Callable[..., Visit]) -> None:
    seen = visit(
        lambda request: as_thought(
            Request(request.method, request.path, {"authorization": f"Bearer {KEY}"}, request.body)
        )
    )
    assert seen.of("a wrong key")[:2] == ("differs", "no key is asked for: 200 all the same")


def test_wrong_json_is_told_by_what_it_lacks(visit: Callable[..., Visit]) -> None:
    def other(request: Request) -> Answer:
        answer = as_thought(request)
        if isinstance(answer.body, dict) and "choices" in answer.body:
            answer.body = {"result": "Hello!"}
        elif isinstance(answer.body, dict) and "content" in answer.body:
            del answer.body["usage"]
        elif (
            isinstance(answer.body, dict) and isinstance(answer.body.get("data"), list) and "embeddings" in request.path
        ):
            answer.body["data"] = answer.body["data"][:1]
        elif isinstance(answer.body, list) and "messages" in request.path:
            answer.body = answer.body[:4]
        return answer

    seen = visit(other, "--spend")
    assert seen.code == 1
    assert seen.of("chat_completions: plain")[0] == "differs"
    assert seen.of("chat_completions: streamed")[0] == "as we think"
    assert "no tokens are counted" in seen.of("messages: plain")[1]
    assert seen.of("messages: streamed")[0] == "differs"
    assert seen.of("embeddings: call")[0] == "differs"


def test_a_list_of_models_that_serves_ours_otherwise_is_told(
    visit: Callable[..., Visit], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateways, "MODELS", {"claude-haiku-4-5": ["openai"], "brand-new-1": ["openai"]})
    seen = visit(as_thought)
    verdict, detail, setting = seen.of("models and their APIs")
    assert (verdict, setting) == ("differs", "api=")
    assert "claude-haiku-4-5: `auto` takes messages, the gateway says chat_completions" in detail
    assert "whisper-1, which is a default here, is not listed" in seen.of("models and the catalog")[1]
    assert "brand-new-1" in seen.of("models and the catalog")[1]


def test_a_slow_gateway_is_given_up_after_three_silences(visit: Callable[..., Visit], server: ScriptedServer) -> None:
    def slow(request: Request) -> Answer:
        return (
            Answer(held=True)
            if request.path.startswith(("/v1/chat", "/v1/resp", "/v1/mess", "/v1beta"))
            else as_thought(request)
        )

    seen = visit(slow, "--timeout", str(short(0.3)))
    assert seen.code == 1
    assert seen.of("all else")[1] == "3 calls in a row were not answered in time"
    assert len([request for request in server.requests if request.path.startswith("/v1beta")]) <= 1


def test_a_server_that_nobody_runs_ends_the_visit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TIKHUB_AI_API_KEY", KEY)
    code = main(["doctor", "--json", "--base-url", "http://127.0.0.1:9"])
    seen = Visit(code, capsys.readouterr().out)
    assert code == 1
    assert seen.verdicts() == {"reachable": "cannot tell", "all else": "not asked"}


def test_a_certificate_of_nobody_is_told_with_what_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TIKHUB_AI_API_KEY", KEY)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.crt", CERTIFICATES / "server.key")
    server = ScriptedServer()
    gateways.secured(server, context)
    server.answer = as_thought
    with server:
        address = server.url.replace("http://127.0.0.1", "https://localhost")
        seen = Visit(main(["doctor", "--json", "--base-url", address]), capsys.readouterr().out)
        assert seen.of("reachable")[::2] == ("cannot tell", "verify=, SSL_CERT_FILE")
        trusted = main(["doctor", "--json", "--base-url", address, "--ca-file", str(CERTIFICATES / "server.crt")])
        seen = Visit(trusted, capsys.readouterr().out)
    assert seen.of("reachable")[0] == "as we think"
    assert seen.of("reachable")[1].startswith("TLSv1.")
    assert seen.code == 0


def test_a_proxy_that_asks_for_credentials_is_told_from_the_gateway(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TIKHUB_AI_API_KEY", KEY)
    server.answers = [Answer(b"proxy authentication required", 407)]
    code = main(["doctor", "--json", "--base-url", "http://gateway.invalid", "--proxy", server.url])
    seen = Visit(code, capsys.readouterr().out)
    assert code == 1
    assert seen.of("reachable")[::2] == ("cannot tell", "proxy=, HTTPS_PROXY")
    assert seen.of("all else")[:2] == ("not asked", "the proxy lets nothing through")


def test_without_a_key_what_can_be_said_is_said(server: ScriptedServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer = as_thought
    code = main(["doctor", "--base-url", server.url, "--spend"])
    printed = capsys.readouterr().out
    assert code == 2
    assert "none: set TIKHUB_AI_API_KEY" in printed
    assert "a wrong key  as we think" in printed
    assert [request.path for request in server.requests] == ["/v1/models"]


@pytest.mark.parametrize(
    "options",
    [
        ("--base-url", "nonsense"),
        ("--model", "x"),
        ("--model", "sora=y"),
        ("--path", "nothing=/v1/x"),
        ("--ca-file", "/no"),
    ],
)
def test_wrong_usage_is_exit_code_2_with_a_sentence(
    options: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TIKHUB_AI_API_KEY", KEY)
    with pytest.raises(SystemExit) as ended:
        main(["doctor", *options])
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_the_text_has_a_row_for_each_finding_and_the_facts_of_this_machine(
    visit: Callable[..., Visit], server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = visit(as_thought)
    assert main(["doctor", "--base-url", server.url]) == 0
    printed = capsys.readouterr().out
    for check, finding in seen.findings.items():
        assert any(line.startswith(check) and finding["verdict"] in line for line in printed.splitlines()), check
    assert f"key           from TIKHUB_AI_API_KEY{chr(10)}" in printed
    assert max(map(len, printed.splitlines())) <= 120
