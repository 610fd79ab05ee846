"""What a user does wrong or finds broken, through each framework: one member of the tree, with a remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.exceptions import ModelError
from langchain_core.messages import HumanMessage, ToolMessage
from llama_index.core.llms import ChatMessage

import tikhub_ai
from langchain_tikhub import ChatTikHub, TikHubEmbeddings
from llama_index_tikhub import TikHub, TikHubEmbedding
from tests.scripted_server import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scripted_server import ScriptedServer

KEY = "sk-canary-4711"
HTML = Answer(b"<html><title>TikHub</title></html>", headers={"content-type": "text/html"})


def error(status: int, message: str, code: str = "") -> Answer:
    return Answer({"error": {"message": message, "type": "new_api_error", "param": "", "code": code}}, status=status)


def langchain(**settings: Any) -> Any:
    model = ChatTikHub(**({"model": "gpt-4o", "api": "chat_completions", "api_key": KEY} | settings))
    return lambda: model.invoke("hi")


def langchain_stream(**settings: Any) -> Any:
    model = ChatTikHub(**({"model": "gpt-4o", "api": "chat_completions", "api_key": KEY} | settings))
    return lambda: list(model.stream("hi"))


def langchain_embeddings(**settings: Any) -> Any:
    model = TikHubEmbeddings(**({"model": "e", "api_key": KEY} | settings))
    return lambda: model.embed_query("hi")


def llama_index(**settings: Any) -> Any:
    model = TikHub(**({"model": "gpt-4o", "api": "chat_completions", "api_key": KEY} | settings))
    return lambda: model.chat([ChatMessage(role="user", content="hi")])


def llama_index_stream(**settings: Any) -> Any:
    model = TikHub(**({"model": "gpt-4o", "api": "chat_completions", "api_key": KEY} | settings))
    return lambda: list(model.stream_chat([ChatMessage(role="user", content="hi")]))


def llama_index_embeddings(**settings: Any) -> Any:
    model = TikHubEmbedding(**({"model_name": "e", "api_key": KEY} | settings))
    return lambda: model.get_text_embedding("hi")


CLASSES = [langchain, langchain_stream, langchain_embeddings, llama_index, llama_index_stream, llama_index_embeddings]
every_class = pytest.mark.parametrize("made", CLASSES, ids=lambda made: made.__name__)


def failure_of(made: Callable[..., Any], **settings: Any) -> tikhub_ai.TikHubAIError:
    with pytest.raises(tikhub_ai.TikHubAIError) as caught:
        made(**settings)()
    found = caught.value
    assert KEY not in f"{found!r} {found} {found.__dict__}"
    if made.__name__.startswith("langchain"):
        assert isinstance(found, ModelError)
    return found


LISTED = "tikhub_ai.list_models(Settings())"


@every_class
@pytest.mark.parametrize(
    ("answer", "member", "remedy"),
    [
        (error(401, f"Invalid token {KEY} (request id: 2026abc)"), "AuthenticationError", "TIKHUB_AI_API_KEY"),
        (error(403, "quota is used up", "insufficient_user_quota"), "InsufficientBalanceError", "Add balance"),
        (
            error(503, "No available channel for model x", "model_not_found"),
            "ModelNotFoundError",
            LISTED,
        ),
        (HTML, "InvalidResponseError", "base_url"),
        (error(200, "no", "model_not_found"), "ModelNotFoundError", LISTED),
    ],
    ids=["wrong key", "no balance", "unknown model", "html", "error in a 200"],
)
def test_an_answer_that_will_not_change_is_asked_for_once(
    server: ScriptedServer, made: Callable[..., Any], answer: Answer, member: str, remedy: str
) -> None:
    server.answers = [answer]
    found = failure_of(made, base_url=server.url)
    assert member in {kind.__name__ for kind in type(found).__mro__}
    assert remedy in str(found)
    assert len(server.requests) == 1
    assert isinstance(found, tikhub_ai.APIStatusError | tikhub_ai.InvalidResponseError)
    assert found.status_code in {200, 401, 403, 404, 503}
    if member == "AuthenticationError":
        assert found.request_id == "2026abc"


@every_class
@pytest.mark.parametrize("key", [None, ""])
def test_no_key_is_said_at_the_first_call(server: ScriptedServer, made: Callable[..., Any], key: str | None) -> None:
    found = failure_of(made, base_url=server.url, api_key=key)
    assert isinstance(found, tikhub_ai.MissingKeyError)
    assert "TIKHUB_AI_API_KEY" in str(found)
    assert server.requests == []


@every_class
def test_a_server_that_is_down_is_named(made: Callable[..., Any]) -> None:
    found = failure_of(made, base_url="http://127.0.0.1:9", max_retries=0)
    assert isinstance(found, tikhub_ai.APIConnectionError)
    assert "127.0.0.1:9" in str(found)


@every_class
def test_a_base_url_without_a_scheme_is_refused(made: Callable[..., Any]) -> None:
    found = failure_of(made, base_url="ai.tikhub.io")
    assert isinstance(found, tikhub_ai.ConfigurationError)
    assert "https://ai.tikhub.io" in str(found)


@every_class
def test_max_retries_2_is_3_requests(server: ScriptedServer, made: Callable[..., Any]) -> None:
    server.answers = [error(500, "boom", "do_request_failed")]
    assert isinstance(failure_of(made, base_url=server.url, max_retries=2, retry_wait=0.001), tikhub_ai.ServerError)
    assert len(server.requests) == 3


@pytest.mark.parametrize("made", [ChatTikHub, TikHub])
def test_an_api_that_is_not_known_says_at_once_which_are(made: type[Any]) -> None:
    with pytest.raises((tikhub_ai.ConfigurationError, ValueError), match="'chat_completions'"):
        made(model="claude-sonnet-4-5", api="telepathy")


def test_an_empty_message_list_is_refused_before_it_is_sent(server: ScriptedServer) -> None:
    for ask in (
        lambda: ChatTikHub(model="m", api_key=KEY, base_url=server.url).invoke([]),
        lambda: TikHub(model="m", api_key=KEY, base_url=server.url).chat([]),
    ):
        with pytest.raises(tikhub_ai.InvalidRequestError, match="empty"):
            ask()
    assert server.requests == []


def test_a_tool_result_without_its_call_is_refused_by_its_id(server: ScriptedServer) -> None:
    chat = ChatTikHub(model="m", api_key=KEY, base_url=server.url)
    with pytest.raises(tikhub_ai.InvalidRequestError, match="c9"):
        chat.invoke([HumanMessage("hi"), ToolMessage("21C", tool_call_id="c9")])
    result = ChatMessage(role="tool", content="21C", additional_kwargs={"tool_call_id": "c9"})
    with pytest.raises(tikhub_ai.InvalidRequestError, match="c9"):
        TikHub(model="m", api_key=KEY, base_url=server.url).chat([ChatMessage(role="user", content="hi"), result])
    assert server.requests == []


@pytest.mark.parametrize("wrong", [None, 7, b"bytes", [1, 2]])
def test_an_embedding_input_that_is_no_text_is_refused_by_its_position(server: ScriptedServer, wrong: Any) -> None:
    with pytest.raises(tikhub_ai.InvalidRequestError, match=r"\[1\]"):
        TikHubEmbeddings(model="e", api_key=KEY, base_url=server.url).embed_documents(["fine", wrong])
    with pytest.raises(tikhub_ai.InvalidRequestError, match=r"\[1\]"):
        TikHubEmbedding(model_name="e", api_key=KEY, base_url=server.url).get_text_embedding_batch(["fine", wrong])
    assert server.requests == []
