"""Mutated answers through the classes that people use: what comes is an answer, or an error of the tree.

Real answers, with one or two fields replaced, over the whole way: HTTP, codec, adapter, the framework's own classes,
and back into the next request. `test_adapters` puts into the adapters what no codec lets through.
"""

from __future__ import annotations

import asyncio
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage
from llama_index.core.base.llms.types import ChatMessage

from langchain_tikhub import ChatTikHub
from langchain_tikhub.history import to_conversation as of_langchain
from llama_index_tikhub import TikHub
from llama_index_tikhub.history import to_conversation as of_llama_index
from tests.fuzz.answers import CHAT_APIS, MODELS, Answer, answers
from tests.fuzz.gateway import Gateway
from tests.fuzz.mutations import mutants
from tests.fuzz.profiles import LONG, budget
from tikhub_ai import TikHubAIError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.filterwarnings("ignore:.*is in beta:langchain_core._api.LangChainBetaWarning")

GATEWAY = Gateway()
ASKED = [ChatMessage(role="user", content="Hello?")]


def held_by(answer: Answer) -> dict[str, Any]:
    held = GATEWAY.settings
    return {
        "model": MODELS[answer.api],
        "api": answer.api,
        "api_key": "sk-fuzz",
        "base_url": held.base_url,
        "max_retries": 0,
        "http_client": held.http_client,
        "http_async_client": held.http_async_client,
    }


def langchain(answer: Answer, **more: Any) -> ChatTikHub:
    return ChatTikHub(**held_by(answer), **more)


def invoke(answer: Answer) -> None:
    message = langchain(answer).invoke("Hello?")
    assert message.content_blocks is not None
    of_langchain([HumanMessage("Hello?"), message])


def invoke_blocks(answer: Answer) -> None:
    of_langchain([langchain(answer, output_version="v1").invoke("Hello?")])


def ainvoke(answer: Answer) -> None:
    asyncio.run(langchain(answer).ainvoke("Hello?"))


def stream(answer: Answer) -> None:
    first, *rest = langchain(answer).stream("Hello?")
    of_langchain([first + rest])


def stream_blocks(answer: Answer) -> None:
    for chunk in langchain(answer, output_version="v1").stream("Hello?"):
        assert isinstance(chunk.content, list)


def stream_events(answer: Answer) -> None:
    list(langchain(answer).stream_events("Hello?", version="v3"))


def astream(answer: Answer) -> None:
    async def taken() -> None:
        async for _ in langchain(answer).astream("Hello?"):
            pass

    asyncio.run(taken())


def chat(answer: Answer) -> None:
    response = TikHub(**held_by(answer)).chat(ASKED)
    of_llama_index([*ASKED, response.message])


def achat(answer: Answer) -> None:
    asyncio.run(TikHub(**held_by(answer)).achat(ASKED))


def complete(answer: Answer) -> None:
    assert TikHub(**held_by(answer)).complete("Hello?").text is not None


def stream_chat(answer: Answer) -> None:
    model = TikHub(**held_by(answer))
    for item in model.stream_chat(ASKED):
        model.get_tool_calls_from_response(item, error_on_no_tool_call=False)
    of_llama_index([item.message])


def astream_chat(answer: Answer) -> None:
    async def taken() -> None:
        async for _ in await TikHub(**held_by(answer)).astream_chat(ASKED):
            pass

    asyncio.run(taken())


FEW = 40
"""Examples for each way on each API, of which there are 48 pairs."""
PLAIN = (invoke, invoke_blocks, ainvoke, chat, achat, complete)
STREAMED = (stream, stream_blocks, stream_events, astream, stream_chat, astream_chat)


@pytest.fixture(autouse=True)
def _warnings_pass() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("way", [*PLAIN, *STREAMED], ids=lambda way: way.__name__)
@pytest.mark.parametrize("api", CHAT_APIS)
def test_a_mutated_answer_leaves_the_classes_as_an_answer_or_an_error_of_the_tree(
    api: str, way: Callable[[Answer], None]
) -> None:
    given_once = [answer for answer in answers(api) if answer.is_stream is (way in STREAMED)]

    @settings(budget, max_examples=LONG or FEW)
    @given(st.data())
    def hold(data: st.DataObject) -> None:
        answer = data.draw(st.sampled_from(given_once))
        payloads = data.draw(mutants(answer.payloads))
        GATEWAY.body, GATEWAY.content_type = answer.body(payloads), answer.content_type
        with suppress(TikHubAIError):
            way(answer)

    hold()
