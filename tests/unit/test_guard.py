"""An answer that a framework refuses is kept: in the skeleton where it can be, else in the error's `partial`."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.exceptions import ModelAPIError
from llama_index.core.base.llms.types import ChatMessage, ImageBlock

import langchain_tikhub
from langchain_tikhub.reply import AnswerStream
from llama_index_tikhub import TikHub
from llama_index_tikhub.history import to_conversation
from llama_index_tikhub.reply import StreamBuilder, chat_response
from tests.scripted_server import Answer, ScriptedServer
from tests.unit.langchain.support import CLAUDE, ScriptedChat, reply_of
from tikhub_ai import (
    Delta,
    End,
    GuardedStream,
    InvalidResponseError,
    Media,
    PartDelta,
    TextDelta,
    TikHubAIError,
    TikHubAIWarning,
    ToolCallDelta,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ADDRESSES = ["files/abc", "//host/x", "no address", "http://", "x" * 70_000]


def drawn(address: str) -> list[Delta]:
    image = Media("image", url=address, mime_type="image/png", state={"signature": "s"}, issuer=CLAUDE)
    return [TextDelta("Here it is.", 0), PartDelta(image, 1)]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.filterwarnings("ignore:LlamaIndex has no block for the image")
def test_an_image_whose_address_llama_index_refuses_is_in_the_skeleton(address: str) -> None:
    reply = reply_of(drawn(address))
    builder = StreamBuilder()
    items = [builder.add(delta) for delta in (*drawn(address), End(reply))]
    for response in (chat_response(reply), items[-1]):
        assert response is not None
        message = ChatMessage.model_validate_json(response.message.model_dump_json())
        assert message.content == "Here it is."
        assert not any(isinstance(block, ImageBlock) for block in message.blocks)
        assert to_conversation([message])[0].parts == reply.parts


def test_that_there_is_no_block_for_it_is_said() -> None:
    with pytest.warns(TikHubAIWarning, match=r"no block for the image 'files/abc'"):
        chat_response(reply_of(drawn("files/abc")))


def test_a_relative_address_over_the_wire(server: ScriptedServer) -> None:
    image = {"type": "image_url", "image_url": {"url": "files/abc"}}
    message = {"role": "assistant", "content": "Here it is.", "images": [image]}
    server.answers = [Answer({"id": "1", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})]
    model = TikHub("gemini-2.5-flash-image", api="chat_completions", api_key="sk-x", base_url=server.url)
    with pytest.warns(TikHubAIWarning, match="no block for the image"):
        assert model.chat([ChatMessage(role="user", content="draw")]).message.content == "Here it is."


# --- what is left ---------------------------------------------------------------------------------------------------


ODD: list[Delta] = [TextDelta("Paid for.", 0), ToolCallDelta("{}", 1, id=7, name=["f"]), TextDelta("More.", 2)]  # type: ignore[arg-type]  # as no codec lets it through


def langchain_plain() -> None:
    ScriptedChat(ODD).invoke("x")


def langchain_streamed() -> None:
    list(ScriptedChat(ODD).stream("x"))


def langchain_events() -> None:
    list(ScriptedChat(ODD).stream_events("x", version="v3"))


def llama_index_plain() -> None:
    chat_response(reply_of(ODD))


def llama_index_streamed() -> None:
    builder = StreamBuilder()
    for delta in [*ODD, End(reply_of(ODD))]:
        builder.add(delta)


@pytest.mark.filterwarnings("ignore:.*is in beta:langchain_core._api.LangChainBetaWarning")
@pytest.mark.parametrize(
    "way",
    [langchain_plain, langchain_streamed, langchain_events, llama_index_plain, llama_index_streamed],
    ids=lambda way: way.__name__,
)
def test_what_a_framework_refuses_is_an_error_that_holds_the_whole_answer(way: Callable[[], None]) -> None:
    with pytest.raises(InvalidResponseError, match="it is in this error's `partial`") as caught:
        way()
    assert caught.value.partial is not None
    assert caught.value.partial.text == "Paid for.More."
    assert caught.value.request_id == "r1"
    if way.__name__.startswith("langchain"):
        assert isinstance(caught.value, langchain_tikhub.InvalidResponseError)
        assert isinstance(caught.value, ModelAPIError)


def test_a_stream_gives_what_came_before_the_odd_piece() -> None:
    stream = AnswerStream("m")
    first, odd, after = (stream.chunk(delta) for delta in ODD)
    assert first is not None
    assert first.text == "Paid for."
    assert odd is None
    assert after is None


def test_a_warning_that_the_caller_made_an_error_is_raised_as_it_is() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", TikHubAIWarning)
        with pytest.raises(TikHubAIWarning):
            chat_response(reply_of(drawn("files/abc")))


def test_an_error_of_ours_is_raised_as_it_is() -> None:
    class Refusing(GuardedStream[Any]):
        def _item(self, delta: Delta) -> Any:
            raise TikHubAIError(f"{type(delta).__name__} is refused.")

    with pytest.raises(TikHubAIError, match="TextDelta is refused"):
        Refusing().item(TextDelta("x", 0))
