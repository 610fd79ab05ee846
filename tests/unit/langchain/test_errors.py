"""Each error is the core's and LangChain's at once, and the tree among them is the core's."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from langchain_core import exceptions as langchain

import langchain_tikhub
import tikhub_ai
from langchain_tikhub.errors import model_errors

NAMES = [
    name
    for name in tikhub_ai.__all__
    if isinstance(getattr(tikhub_ai, name), type) and issubclass(getattr(tikhub_ai, name), tikhub_ai.TikHubAIError)
]


def raised(name: str) -> tikhub_ai.TikHubAIError:
    with pytest.raises(tikhub_ai.TikHubAIError) as caught, model_errors():
        raise getattr(tikhub_ai, name)("what happened")
    return caught.value


@pytest.mark.parametrize("name", NAMES)
def test_every_error_of_the_core_has_its_twin(name: str) -> None:
    error = raised(name)
    assert type(error) is getattr(langchain_tikhub, name)
    assert isinstance(error, (getattr(tikhub_ai, name), langchain.ModelError))
    assert error.__cause__ is error.__context__ is None
    assert error.message == str(error) == "what happened"
    copied = pickle.loads(pickle.dumps(error))
    assert type(copied) is type(error)
    assert copied.__dict__ == error.__dict__


@pytest.mark.parametrize("name", NAMES)
def test_the_tree_is_the_cores(name: str) -> None:
    twin, core = getattr(langchain_tikhub, name), getattr(tikhub_ai, name)
    for other in NAMES:
        assert issubclass(twin, getattr(tikhub_ai, other)) == issubclass(core, getattr(tikhub_ai, other))
        assert issubclass(twin, getattr(langchain_tikhub, other)) == issubclass(core, getattr(tikhub_ai, other))


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("AuthenticationError", langchain.ModelAuthenticationError),
        ("MissingKeyError", langchain.ModelAuthenticationError),
        ("PermissionDeniedError", langchain.ModelPermissionDeniedError),
        ("InsufficientBalanceError", langchain.ModelPermissionDeniedError),
        ("BadRequestError", langchain.ModelInvalidRequestError),
        ("InvalidRequestError", langchain.ModelInvalidRequestError),
        ("ContentBlockedError", langchain.ModelInvalidRequestError),
        ("ContextWindowExceededError", langchain.ModelInvalidRequestError),
        ("ContextWindowExceededError", langchain.ContextOverflowError),
        ("ConfigurationError", langchain.ModelInvalidRequestError),
        ("ModelNotFoundError", langchain.ModelNotFoundError),
        ("NotFoundError", langchain.ModelNotFoundError),
        ("RateLimitError", langchain.ModelRateLimitError),
        ("ServerError", langchain.ModelAPIError),
        ("InvalidResponseError", langchain.ModelAPIError),
        ("APIConnectionError", langchain.ModelConnectionError),
        ("IncompleteStreamError", langchain.ModelConnectionError),
        ("APITimeoutError", langchain.ModelTimeoutError),
    ],
)
def test_each_is_the_member_of_langchains_family_that_means_the_same(name: str, family: type[Any]) -> None:
    assert isinstance(raised(name), family)


@pytest.mark.parametrize("is_retryable", [True, False])
def test_whether_to_try_again_is_what_the_core_found(is_retryable: bool) -> None:
    error = tikhub_ai.ServerError("broken")
    error.is_retryable = is_retryable
    with pytest.raises(langchain.ModelAPIError) as caught, model_errors():
        raise error
    assert caught.value.is_retryable is is_retryable


def test_the_traceback_is_where_it_happened() -> None:
    def happens() -> None:
        raise tikhub_ai.RateLimitError("slow down")

    with pytest.raises(langchain.ModelRateLimitError) as caught, model_errors():
        happens()
    assert caught.traceback[-1].name == "happens"


def test_other_errors_pass() -> None:
    with pytest.raises(KeyError), model_errors():
        raise KeyError("x")
