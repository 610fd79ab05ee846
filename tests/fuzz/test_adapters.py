"""Odd answers through both adapters: each field of each kind of part, delta and reply, replaced by what it is not.

Codecs keep most of this out. What one lets through must leave an adapter as an answer, or as an error of ours that
holds the answer: never as the framework's own.
"""

from __future__ import annotations

import asyncio
import warnings
from copy import deepcopy
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_tikhub.history import to_conversation as of_langchain
from llama_index_tikhub.history import to_conversation as of_llama_index
from llama_index_tikhub.reply import StreamBuilder, chat_response, completion_response
from tests.fuzz.profiles import budget
from tests.unit.langchain.support import SEVERAL, ScriptedChat, ScriptedClient, reply_of
from tests.unit.test_edited_answers import answer
from tikhub_ai import ChatReply, Delta, End, InvalidResponseError, TikHubAIError, TikHubAIWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.filterwarnings("ignore:.*is in beta:langchain_core._api.LangChainBetaWarning")

PROMISED = frozenset({"text", "index", "choice", "arguments", "data", "transcript", "part", "citations", "kind"})
"""Fields of a delta, and of a part that comes whole."""
JUNK: tuple[Any, ...] = (None, True, 7, -1, 1.5, 10**400, float("nan"), "odd", "", "\ud800", b"bytes", [], [7], ["odd"],
                         {}, {"odd": {"n": None}}, [{"odd": 1}])  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all fields below a value."""
    if is_dataclass(value):
        inner: list[tuple[Any, Any]] = [(field.name, getattr(value, field.name)) for field in fields(value)]
    elif isinstance(value, list):
        inner = list(enumerate(value))
    elif isinstance(value, dict):
        inner = list(value.items())
    else:
        return
    for name, item in inner:
        yield (*path, name)
        yield from places(item, (*path, name))


def put(value: Any, path: tuple[Any, ...], junk: Any) -> None:
    *before, last = path
    for step in before:
        value = getattr(value, step) if is_dataclass(value) else value[step]
    if is_dataclass(value):
        setattr(value, last, junk)
    else:
        value[last] = junk


class OddClient(ScriptedClient):
    """Answers with a reply and deltas as they are."""

    def __init__(self, reply: ChatReply, deltas: list[Delta]) -> None:
        super().__init__(deltas)
        self.reply = reply

    def complete(self, request: Any) -> ChatReply:
        return self.reply

    def stream(self, request: Any) -> Iterator[Delta]:
        yield from self.deltas
        yield End(self.reply)


def langchain(reply: ChatReply, deltas: list[Delta], **settings: Any) -> ScriptedChat:
    model = ScriptedChat([], **settings)
    model._script = OddClient(reply, deltas)
    return model


def invoke(reply: ChatReply, deltas: list[Delta]) -> None:
    message = langchain(reply, deltas).invoke("x")
    assert message.content_blocks is not None
    of_langchain([message])


def invoke_v1(reply: ChatReply, deltas: list[Delta]) -> None:
    of_langchain([langchain(reply, deltas, output_version="v1").invoke("x")])


def stream(reply: ChatReply, deltas: list[Delta]) -> None:
    for chunk in langchain(reply, deltas).stream("x"):
        assert chunk.content_blocks is not None


def stream_v1(reply: ChatReply, deltas: list[Delta]) -> None:
    list(langchain(reply, deltas, output_version="v1").stream("x"))


def stream_events(reply: ChatReply, deltas: list[Delta]) -> None:
    list(langchain(reply, deltas).stream_events("x", version="v3"))


def ainvoke(reply: ChatReply, deltas: list[Delta]) -> None:
    asyncio.run(langchain(reply, deltas).ainvoke("x"))


def chat(reply: ChatReply, deltas: list[Delta]) -> None:
    response = chat_response(reply)
    completion_response(response)
    of_llama_index([response.message])


def stream_chat(reply: ChatReply, deltas: list[Delta]) -> None:
    builder = StreamBuilder()
    for delta in [*deltas, End(reply)]:
        builder.add(delta)


WAYS = (invoke, invoke_v1, stream, stream_v1, stream_events, ainvoke, chat, stream_chat)


def whole() -> tuple[ChatReply, list[Delta]]:
    """An answer of every kind of part, with a second choice."""
    deltas = [*answer(), *deepcopy(SEVERAL[1:2])]
    reply = deepcopy(reply_of(deepcopy(deltas)))
    reply.choices[0].logprobs = {
        "content": [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [{"token": "a", "logprob": -0.5}]}]
    }
    reply.extras |= {"note": {"n": 1}}
    return reply, deltas


def is_promised(at: int, path: tuple[Any, ...]) -> bool:
    """Whether a codec has checked it, since it is joined or looked up for every token."""
    of_a_part = len(path) > 2 and path[1] == "part"
    return at == 1 and len(path) == 2 + of_a_part and path[-1] in PROMISED


CASES = [(at, path) for at, value in enumerate(whole()) for path in places(value) if not is_promised(at, path)]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@given(st.sampled_from(CASES), st.sampled_from(JUNK))
@budget
def test_an_odd_answer_is_an_answer_or_an_error_that_holds_it(
    way: Callable[[ChatReply, list[Delta]], None], case: tuple[int, tuple[Any, ...]], junk: Any
) -> None:
    at, path = case
    both = whole()
    put(both[at], path, deepcopy(junk))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TikHubAIWarning)
        error = error_of(lambda: way(*both))
    assert error is None or not isinstance(error, InvalidResponseError) or error.partial is both[0]


def error_of(work: Callable[[], None]) -> TikHubAIError | None:
    """The error of ours that it ends with; any other is raised."""
    try:
        work()
    except TikHubAIError as error:
        return error
    return None
