"""What the gateway says of itself, free of charge: whether it is there, its errors, its models."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from tikhub_ai import catalog
from tikhub_ai.doctor.findings import Finding
from tikhub_ai.doctor.probe import NOBODY, Outcome, Probe, failed, finding, not_asked
from tikhub_ai.embeddings import DEFAULT_MODEL as EMBEDDING_MODEL
from tikhub_ai.error_bodies import request_id_of
from tikhub_ai.errors import APIConnectionError, APITimeoutError, AuthenticationError, ConfigurationError, NotFoundError
from tikhub_ai.models import PATH, ModelInfo, alist_models, list_models
from tikhub_ai.routing import choose_api
from tikhub_ai.transcription import DEFAULT_MODEL as SPEECH_MODEL
from tikhub_ai.wire import ApiRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

STRANGE_PATH = f"/v1/{NOBODY}"
_APIS_OF_TYPES = {
    "openai": "chat_completions",
    "openai-response": "responses",
    "anthropic": "messages",
    "gemini": "generate_content",
}
"""new-api's words for the APIs by which a model is served."""
_MOST_NAMES = 8

_REACHABLE = "an HTTP answer comes from the address"
_WRONG_KEY = "a wrong key is a 401 with an error in JSON"
_STRANGE = "an unknown path is a 404 with an error in JSON"
_MODELS = "GET /v1/models with a bearer token lists what the key may use, under `data`"
_ASYNC = "async calls get the same answer, over aiohttp where that is installed"
_CATALOG = "the models are those of the catalog, and the default ones are among them"
_ROUTES = "each model is served by the API that `auto` chooses for it"
_UNKNOWN_MODEL = "GET /v1/models/{unknown} is an error, by its status or inside a 200"
_IDS = "every answer has the call's id in x-oneapi-request-id, x-request-id or request-id"


def reached(probe: Probe) -> Iterator[Finding]:
    """Whether anything answers, by a call with a wrong key: what it should be answered with is known, too."""
    wrong = replace(probe.settings, api_key=f"sk-{NOBODY}")
    outcome = replace(probe, settings=wrong).ask(ApiRequest(PATH, method="GET"))
    if isinstance(outcome.error, (APIConnectionError, APITimeoutError, ConfigurationError)) and not outcome.status:
        probe.is_deaf = "the gateway could not be reached"
        yield Finding("reachable", "cannot tell", outcome.error.message, _remedy(outcome.error.message), _REACHABLE)
        return
    if outcome.status == 407:
        probe.is_deaf = "the proxy lets nothing through"
        said = f"407: the proxy asks for credentials, or others: {outcome.said}"
        yield Finding("reachable", "cannot tell", said, "proxy=, HTTPS_PROXY", _REACHABLE)
        return
    yield Finding("reachable", "as we think", _tls_words(probe), thought=_REACHABLE)
    if outcome.is_page:
        differences = ["an HTML page came in place of an answer: a web site or a portal stands at the address"]
        yield finding("a wrong key", _WRONG_KEY, differences, setting="base_url=")
    elif outcome.error is None:
        yield finding("a wrong key", _WRONG_KEY, [f"no key is asked for: {outcome.status} all the same"])
    elif not isinstance(outcome.error, AuthenticationError):
        name = type(outcome.error).__name__
        yield finding("a wrong key", _WRONG_KEY, [f"it is {name} here: {outcome.status} {outcome.said}"])
    else:
        form = [] if isinstance(outcome.json, dict) else ["its body is no JSON object"]
        yield finding("a wrong key", _WRONG_KEY, form, [_form_of(outcome)])


def _remedy(message: str) -> str:
    """What a failed connection speaks of."""
    words = message.lower()
    if "certificate" in words or "ssl" in words or "tls" in words:
        return "verify=, SSL_CERT_FILE"
    return "proxy=, HTTPS_PROXY" if "proxy" in words or "407" in words else "base_url="


def _tls_words(probe: Probe) -> str:
    certificate = probe.tape.certificate
    if certificate is None:
        return "without TLS" if str(probe.settings.base_url).startswith("http:") else ""
    if not certificate.issuer:
        return f"{certificate.version}, certificate not verified"
    return f"{certificate.version}, certificate by {certificate.issuer}, until {certificate.expires}"


def _form_of(outcome: Outcome) -> str:
    """The form of an error body, by the names of its fields."""
    payload = outcome.json
    inner = payload.get("error") if isinstance(payload, dict) else None
    if isinstance(inner, dict):
        return f"error{{{', '.join(sorted(inner))}}}"
    return f"{{{', '.join(sorted(payload))}}}" if isinstance(payload, dict) else ""


def strange_paths(probe: Probe) -> Iterator[Finding]:
    """How the gateway answers what it cannot know: so that what it does not serve is told from what it does."""
    differences: list[str] = []
    notes: list[str] = []
    for request in (ApiRequest(STRANGE_PATH, method="GET"), ApiRequest(STRANGE_PATH, {})):
        method, outcome = request.method, probe.ask(request)
        probe.strangers[method] = outcome
        if outcome.is_page:
            differences.append(f"{method} is answered with an HTML page, status {outcome.status}")
        elif outcome.error is None:
            differences.append(f"{method} is answered with {outcome.status} as if it were there")
        elif not isinstance(outcome.error, NotFoundError):
            differences.append(f"{method} is {type(outcome.error).__name__}: {outcome.status} {outcome.said}")
        elif not isinstance(outcome.json, dict):
            differences.append(f"{method}: the 404 has no JSON object")
        else:
            notes.append(f"{method}: {outcome.said}")
    yield finding("an unknown path", _STRANGE, differences, notes)


def models(probe: Probe) -> Iterator[Finding]:
    """The list of models, its form, and what it has in common with the catalog."""
    outcome = probe.tried(lambda: list_models(probe.settings))
    if outcome.error is not None:
        yield failed("GET /v1/models", _MODELS, probe, outcome, "none: list_models() cannot be used")
        yield not_asked("models and the catalog", "there is no list", _CATALOG)
        yield not_asked("models and their APIs", "there is no list", _ROUTES)
        return
    found: list[ModelInfo] = outcome.value
    probe.models = found
    payload = outcome.json
    under = "data" if isinstance(payload, dict) and isinstance(payload.get("data"), list) else "models"
    differences = [] if under == "data" else ["the list is under `models`"]
    differences += [] if found else ["the list is empty: the key may use nothing"]
    yield finding("GET /v1/models", _MODELS, differences, [f"{len(found)} model{'s' * (len(found) != 1)}"])
    yield _against_the_catalog(found)
    yield _against_the_routes(found)


def _against_the_catalog(found: list[ModelInfo]) -> Finding:
    names = {model.id for model in found}
    unknown = [model.id for model in found if not model.facts.is_known]
    lacking = [name for name in (EMBEDDING_MODEL, SPEECH_MODEL) if name not in names]
    families: dict[str, int] = {}
    for name in names:
        family = catalog.facts(name).family
        families[family] = families.get(family, 0) + 1
    largest = sorted(families.items(), key=lambda item: (-item[1], item[0]))[:_MOST_NAMES]
    notes = [", ".join(f"{count} {family}" for family, count in largest)]
    notes += [f"{len(unknown)} not in the catalog: {_some(unknown)}"] if unknown else []
    differences = [f"{name}, which is a default here, is not listed" for name in lacking] if found else ["no models"]
    if differences:
        return finding("models and the catalog", _CATALOG, differences + notes, setting="model=")
    return finding("models and the catalog", _CATALOG, [], notes)


def _against_the_routes(found: list[ModelInfo]) -> Finding:
    otherwise: dict[tuple[str, str], list[str]] = {}
    told = 0
    for model in found:
        apis = [_APIS_OF_TYPES[kind] for kind in model.supported_endpoint_types if kind in _APIS_OF_TYPES]
        told += bool(apis)
        if apis and (ours := choose_api(model.id)) not in apis:
            otherwise.setdefault((ours, " or ".join(apis)), []).append(model.id)
    differences = [
        f"{_some(names)}: `auto` takes {ours}, the gateway says {theirs}" for (ours, theirs), names in otherwise.items()
    ]
    if not told:
        return not_asked("models and their APIs", "the list does not say by which APIs they are served", _ROUTES)
    return finding(
        "models and their APIs", _ROUTES, differences, [f"{told} models say theirs"], "api=" * bool(differences)
    )


def _some(names: list[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def models_async(probe: Probe) -> Iterator[Finding]:
    """The list again, by the library of async calls, which has a proxy and certificates of its own to cope with."""
    check = "GET /v1/models, async"
    if probe.models is None:
        yield not_asked(check, "the sync call failed", _ASYNC)
        return
    settings = replace(probe.settings, http_client=None)
    outcome = probe.tried(lambda: asyncio.run(alist_models(settings)))
    if outcome.error is not None:
        yield Finding(check, "differs", outcome.error.message, 'http_backend="httpx"', _ASYNC)
        return
    names = [{model.id for model in listed} for listed in (probe.models, outcome.value)]
    yield finding(check, _ASYNC, [] if names[0] == names[1] else ["the list is another"])


def unknown_model(probe: Probe) -> Iterator[Finding]:
    """A model that nobody has."""
    outcome = probe.ask(ApiRequest(f"{PATH}/{NOBODY}", method="GET"), lambda response: response.json_object())
    check = "GET /v1/models/{unknown}"
    if outcome.is_page:
        yield failed(check, _UNKNOWN_MODEL, probe, outcome, "base_url=")
    elif outcome.error is None:
        yield finding(check, _UNKNOWN_MODEL, [f"it is answered with {outcome.status} as if it were there"])
    elif probe.is_unserved(outcome) or isinstance(outcome.error, NotFoundError):
        where = "inside a 200" if outcome.status == 200 else str(outcome.status)
        yield finding(check, _UNKNOWN_MODEL, [], [f"{type(outcome.error).__name__}, {where}: {outcome.said}"])
    else:
        yield failed(check, _UNKNOWN_MODEL, probe, outcome, "")


def request_ids(probe: Probe) -> Iterator[Finding]:
    """Whether what has been answered so far can be spoken of to the gateway's support."""
    answered = [one for one in probe.tape.exchanges if one.status_code]
    without = [one for one in answered if request_id_of(one.answer_headers) is None]
    differences = [f"{len(without)} of {len(answered)} answers have none"] if without else []
    yield finding("request ids", _IDS, differences, [f"{len(answered)} of {len(answered)} answers have one"])
