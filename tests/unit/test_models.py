"""list_models: what is asked, the forms in which gateways answer, and what the catalog adds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.scripted_server import Answer, ScriptedServer
from tikhub_ai import AuthenticationError, InvalidResponseError, PermissionDeniedError, ServerError, Settings
from tikhub_ai.catalog import facts
from tikhub_ai.errors import APIStatusError
from tikhub_ai.models import ModelInfo, alist_models, list_models

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

NEW_API: dict[str, Any] = {
    "success": True,
    "object": "list",
    "data": [
        {
            "id": "gpt-4o",
            "object": "model",
            "created": 1626777600,
            "owned_by": "openai",
            "supported_endpoint_types": ["openai"],
        },
        {"id": "a-name-of-tomorrow", "object": "model", "created": 1626777600, "owned_by": "custom", "colour": "red"},
    ],
}
"""tikhub_api.md 9.5."""


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest, server: ScriptedServer) -> Callable[..., Awaitable[list[ModelInfo]]]:
    async def ask(answer: Any = None, **answered: Any) -> list[ModelInfo]:
        if answer is not None or answered:
            server.answers = [Answer(answer, **answered)]
        settings = Settings(api_key="sk-test", base_url=server.url, max_retries=0)
        return list_models(settings) if request.param == "sync" else await alist_models(settings)

    return ask


async def test_models_are_asked_for_with_a_bearer_token_alone(ask: Callable[..., Any], server: ScriptedServer) -> None:
    await ask(NEW_API)
    (request,) = server.requests
    assert (request.method, request.path, request.body) == ("GET", "/v1/models", b"")
    assert request.headers["authorization"] == "Bearer sk-test"
    assert not request.headers.keys() & {"x-api-key", "x-goog-api-key", "anthropic-version", "content-type"}


async def test_the_gateways_entries_come_with_the_catalogs_facts(ask: Callable[..., Any]) -> None:
    known, unknown = await ask(NEW_API)
    assert known == ModelInfo(
        id="gpt-4o",
        owned_by="openai",
        created=1626777600,
        supported_endpoint_types=("openai",),
        facts=facts("gpt-4o"),
        raw=NEW_API["data"][0],
    )
    assert (unknown.id, unknown.supported_endpoint_types) == ("a-name-of-tomorrow", ())
    assert unknown.facts == facts("a-name-of-tomorrow")
    assert unknown.raw["colour"] == "red"


@pytest.mark.parametrize(
    "body",
    [
        {"object": "list", "data": [{"id": "gpt-4o", "object": "model", "created": 1, "owned_by": "system"}]},
        {"data": [{"id": "gpt-4o", "permission": [{"id": "x"}], "root": "gpt-4o", "parent": None}], "success": True},
        {"data": [{"type": "model", "id": "gpt-4o", "display_name": "GPT"}], "first_id": "a", "has_more": False},
        {"models": [{"name": "models/gpt-4o", "displayName": "GPT"}], "nextPageToken": None},
        {"data": ["gpt-4o"]},
        {"data": [None, {"id": 7}, {"object": "model"}, {"id": "gpt-4o"}]},
    ],
    ids=["OpenAI", "older new-api", "Anthropic", "Google", "names", "strange entries"],
)
async def test_every_form_of_the_list_is_read(body: Any, ask: Callable[..., Any]) -> None:
    (model,) = await ask(body)
    assert model.id == "gpt-4o"
    assert model.facts == facts("gpt-4o")


@pytest.mark.parametrize("entries", [[], None])
async def test_a_key_that_may_use_nothing_gets_an_empty_list(entries: Any, ask: Callable[..., Any]) -> None:
    assert await ask({"success": True, "data": entries}) == []


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ({"created": 1726000000.5}, 1726000000),
        ({"created_at": "2025-09-29T00:00:00Z"}, 1759104000),
        ({"created_at": "yesterday"}, None),
        ({"created": True}, None),
        ({}, None),
    ],
)
async def test_times_are_seconds_however_they_are_said(said: Any, seconds: int | None, ask: Callable[..., Any]) -> None:
    (model,) = await ask({"data": [{"id": "m", **said}]})
    assert model.created == seconds


async def test_a_window_that_the_gateway_says_counts_only_where_the_catalog_has_none(ask: Callable[..., Any]) -> None:
    unknown, known = await ask({"data": [{"id": "m", "max_model_len": 2048}, {"id": "gpt-4o", "max_model_len": 9}]})
    assert unknown.facts.context_window == 2048
    assert known.facts.context_window == 128_000


@pytest.mark.parametrize(
    ("answered", "error"),
    [
        (
            {"answer": {"error": {"message": "Invalid token", "type": "new_api_error"}}, "status": 401},
            AuthenticationError,
        ),
        ({"answer": {"success": False, "message": "group is broken"}}, APIStatusError),
        ({"answer": {"error": {"message": "no", "code": "access_denied"}}, "status": 403}, PermissionDeniedError),
        ({"answer": {"error": {"message": "boom"}}, "status": 500}, ServerError),
        ({"answer": b"<!doctype html>"}, InvalidResponseError),
        ({"answer": [1, 2]}, InvalidResponseError),
        ({"answer": {"object": "list"}}, InvalidResponseError),
        ({"answer": {"data": {"gpt-4o": {}}}}, InvalidResponseError),
    ],
)
async def test_what_is_no_list_of_models_is_an_error_of_the_tree(
    answered: dict[str, Any], error: type[Exception], ask: Callable[..., Any]
) -> None:
    with pytest.raises(error):
        await ask(**answered)
