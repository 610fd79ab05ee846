"""Which operations are served, free of charge: by requests that are refused for lack of all that they need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tikhub_ai.apis.jobs.paths import DEFAULT_PATHS
from tikhub_ai.doctor.findings import Finding
from tikhub_ai.doctor.probe import Outcome, Probe, failed, finding
from tikhub_ai.errors import AuthenticationError, BadRequestError, ModelNotFoundError, ServerError
from tikhub_ai.routing import CHAT_APIS
from tikhub_ai.wire import ApiRequest, FormField

if TYPE_CHECKING:
    from collections.abc import Iterator

_GEMINI = "gemini-2.5-flash-lite"
CHAT_PATHS: dict[str, tuple[str, str]] = {
    "chat_completions": ("/v1/chat/completions", "authorization"),
    "responses": ("/v1/responses", "authorization"),
    "messages": ("/v1/messages", "x-api-key"),
    "generate_content": (f"/v1beta/models/{_GEMINI}:generateContent", "x-goog-api-key"),
}
"""Where each chat API is, and the header that carries the key there."""
_COUNTING = {
    "responses": ("/v1/responses/input_tokens", "authorization"),
    "messages": ("/v1/messages/count_tokens", "x-api-key"),
    "generate_content": (f"/v1beta/models/{_GEMINI}:countTokens", "x-goog-api-key"),
}
_VERSION = {"anthropic-version": "2023-06-01"}


def chat_paths(probe: Probe) -> Iterator[Finding]:
    """Each chat API: is it there, and is the key taken in the header that we send it in."""
    outcomes = {api: _asked_in_any_header(probe, path, header) for api, (path, header) in CHAT_PATHS.items()}
    probe.served |= {api: not probe.is_unserved(outcome) for api, (outcome, _) in outcomes.items()}
    for api, (outcome, is_bearer_only) in outcomes.items():
        path, header = CHAT_PATHS[api]
        thought = f"POST {path} is served, with the key in {header}"
        if is_bearer_only and probe.served[api]:
            words = [f"the key is refused in {header} and taken as a bearer token"]
            yield finding(f"{api}: path", thought, words, setting='auth_header="authorization"')
        else:
            yield _of_a_path(f"{api}: path", thought, probe, outcome, _other_api(probe, api))


def bearer_tokens(probe: Probe) -> Iterator[Finding]:
    """Whether one header would do for every API."""
    for api in ("messages", "generate_content"):
        path, header = CHAT_PATHS[api]
        thought = f"the key is taken as a bearer token on {path} as well"
        if not probe.served.get(api):
            continue
        outcome = _empty(probe, path, "authorization")
        refused = isinstance(outcome.error, AuthenticationError)
        yield finding(
            f"{api}: bearer", thought, [f"only in {header}: auth_header= must not be set"] if refused else [], []
        )


def counting_paths(probe: Probe) -> Iterator[Finding]:
    """Whether tokens are counted. Nobody promised that they are, so that either answer is as we think."""
    for api, (path, header) in _COUNTING.items():
        thought = f"POST {path} counts tokens, or is not served; then they are estimated"
        outcome, _ = _asked_in_any_header(probe, path, header)
        if probe.is_unserved(outcome):
            yield finding(f"{api}: counting", thought, [], ["not served: tokens are estimated"])
        else:
            yield _of_a_path(f"{api}: counting", thought, probe, outcome, "")


def other_paths(probe: Probe) -> Iterator[Finding]:
    """Embeddings and transcription."""
    outcome = _empty(probe, "/v1/embeddings", "authorization")
    probe.served["embeddings"] = not probe.is_unserved(outcome)
    yield _of_a_path(
        "embeddings: path", "POST /v1/embeddings is served", probe, outcome, "none: use another provider's"
    )
    path = probe.paths.get("transcriptions", DEFAULT_PATHS["transcriptions"])
    form = ApiRequest(path, form=[FormField("response_format", "json")], retry_when_sent=False)
    outcome = probe.ask(form)
    probe.served["transcriptions"] = not probe.is_unserved(outcome)
    setting = 'paths={"transcriptions": ...}'
    yield _of_a_path("transcription: path", f"POST {path} is served, as a form", probe, outcome, setting)


def _asked_in_any_header(probe: Probe, path: str, header: str) -> tuple[Outcome, bool]:
    """What an empty request is answered with, and whether only a bearer token was taken for it.

    Servers that know nothing of the header take it for no key, and say so before they look at the path.
    """
    outcome = _empty(probe, path, header)
    if header == "authorization" or not isinstance(outcome.error, AuthenticationError):
        return outcome, False
    other = _empty(probe, path, "authorization")
    return (outcome, False) if isinstance(other.error, AuthenticationError) else (other, True)


def _empty(probe: Probe, path: str, header: str) -> Outcome:
    """A request without anything in it."""
    headers = _VERSION if "/messages" in path else {}
    return probe.ask(ApiRequest(path, {}, auth_header=header, headers=dict(headers), retry_when_sent=False))


def _of_a_path(check: str, thought: str, probe: Probe, outcome: Outcome, setting: str) -> Finding:
    """An empty request ought to be refused: for its own faults, by what would serve a whole one."""
    error = outcome.error
    if probe.is_unserved(outcome):
        return failed(check, thought, probe, outcome, setting)
    if error is None:
        return finding(check, thought, [f"an empty request is answered with {outcome.status}"])
    is_refusal = isinstance(error, (BadRequestError, ModelNotFoundError)) or outcome.status in {404, 422}
    if is_refusal or (isinstance(error, ServerError) and outcome.json is not None):
        form = "" if isinstance(outcome.json, dict) else " (no JSON)"
        return finding(check, thought, [], [f"an empty request is {outcome.status}{form}"])
    return failed(check, thought, probe, outcome, setting)


def _other_api(probe: Probe, api: str) -> str:
    """By what the models of an API can be asked where it is not served."""
    order = ("chat_completions", *(name for name in CHAT_APIS if name != "chat_completions"))
    served = [name for name in order if name != api and probe.served.get(name)]
    return f'api="{served[0]}"' if served else "base_url="
