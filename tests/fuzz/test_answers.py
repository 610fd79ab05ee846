"""No answer, whatever stands in its fields, leaves the core as anything but a reply or an error of the tree."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.answers import CHAT_APIS, MODELS, Answer, answers
from tests.fuzz.gateway import Gateway
from tests.fuzz.mutations import GONE, ODD, mutants
from tests.fuzz.profiles import budget
from tests.fuzz.well_typed import problems
from tikhub_ai import (
    ChatClient,
    ChatReply,
    ChatRequest,
    EmbeddingsClient,
    End,
    Message,
    Text,
    TikHubAIError,
    list_models,
)
from tikhub_ai.json_text import is_whole

if TYPE_CHECKING:
    from collections.abc import Iterator


GATEWAY = Gateway()


def asked(answer: Answer, payloads: list[Any]) -> ChatReply | None:
    """What the core's client makes of an answer; None for an error of the tree."""
    GATEWAY.body, GATEWAY.content_type = answer.body(payloads), answer.content_type
    request = ChatRequest(MODELS[answer.api], [Message("user", [Text("Hello?")])])
    client = ChatClient(GATEWAY.settings, api=answer.api)  # type: ignore[arg-type]  # one of its names
    found: TikHubAIError | None = None
    try:
        deltas: list[Any] = list(client.stream(request)) if answer.is_stream else [End(client.complete(request))]
    except TikHubAIError as error:
        found = error
    if found is not None:  # and it holds no exception of a codec's, whose frames hold the answer
        assert found.message
        assert isinstance(found.__context__, TikHubAIError | None)
        return None
    for delta in deltas:
        assert not problems(delta)
    assert isinstance(deltas[-1], End)
    return deltas[-1].reply


@pytest.fixture(autouse=True)
def _warnings_pass() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("api", CHAT_APIS)
def test_a_mutated_answer_is_a_reply_or_an_error_of_the_tree(api: str, *, is_stream: bool) -> None:
    given_once = [answer for answer in answers(api) if answer.is_stream is is_stream]

    @budget
    @given(st.data())
    def hold(data: st.DataObject) -> None:
        answer = data.draw(st.sampled_from(given_once))
        reply = asked(answer, data.draw(mutants(answer.payloads)))
        if reply is not None:
            assert not problems(reply)
            assert is_whole(reply.text)

    hold()


EMBEDDED = {
    "object": "list",
    "data": [
        {"object": "embedding", "index": 0, "embedding": [0.5, -0.25]},
        {"object": "embedding", "index": 1, "embedding": "AAAAPwAAgL4="},
    ],
    "model": "text-embedding-3-small",
    "usage": {"prompt_tokens": 2, "total_tokens": 2},
}
LISTED = {
    "object": "list",
    "data": [
        {"id": "gpt-5", "object": "model", "created": 1, "owned_by": "openai", "supported_endpoint_types": ["openai"]},
        {"id": "nobody-knows-it", "created_at": "2025-01-01T00:00:00Z", "context_length": 4096},
    ],
    "success": True,
}


@budget
@given(mutants(EMBEDDED))
def test_mutated_embeddings_are_vectors_or_an_error_of_the_tree(payload: Any) -> None:
    GATEWAY.body, GATEWAY.content_type = (
        Answer("", "embeddings", [], is_stream=False).body([payload]),
        "application/json",
    )
    try:
        reply = EmbeddingsClient(GATEWAY.settings).embed(["a", "b"])
    except TikHubAIError:
        return
    assert not problems(reply)
    assert [len(vector) for vector in reply.vectors] == [2, 2]


@budget
@given(mutants(LISTED))
def test_a_mutated_list_of_models_is_one_or_an_error_of_the_tree(payload: Any) -> None:
    GATEWAY.body, GATEWAY.content_type = Answer("", "models", [], is_stream=False).body([payload]), "application/json"
    try:
        models = list_models(GATEWAY.settings)
    except TikHubAIError:
        return
    assert all(isinstance(model.id, str) and type(model.created) in {int, type(None)} for model in models)


@pytest.mark.parametrize("api", CHAT_APIS)
def test_an_odd_value_in_place_of_a_whole_answer_is_an_error_of_the_tree(api: str) -> None:
    for answer in answers(api)[:2]:
        for odd in ODD:
            assert asked(answer, [] if odd is GONE else [odd]) is None
