"""`stream_events(version="v3")` over every API that signs: valid events, and the same message as the plain answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langchain_tests.utils.stream_lifecycle import assert_valid_event_stream

from langchain_tikhub import ChatTikHub
from tests.signing import SERVERS, Call, Say, Signing, Step, Think

if TYPE_CHECKING:
    from tests.scripted_server import ScriptedServer

pytestmark = [
    pytest.mark.parametrize("signing", SERVERS, ids=lambda kind: kind.api),
    pytest.mark.filterwarnings("ignore:.*is in beta"),
]

CALLS = [Call("Paris", "call_1"), Call("Lyon", "call_2")]
STEP: Step = [Think("Two cities."), Think("", hidden=True), Say("I look it up."), *CALLS]


def model(signing: type[Signing], server: ScriptedServer, **settings: Any) -> ChatTikHub:
    return ChatTikHub(model=signing.model, api=signing.api, api_key="sk-x", base_url=server.url, **settings)


@pytest.mark.parametrize("output_version", [None, "v1"])
def test_events_are_valid_and_end_in_the_same_message(
    signing: type[Signing], server: ScriptedServer, output_version: str | None
) -> None:
    provider = signing(STEP)
    items = [provider.item(part) for part in STEP]
    server.answer = lambda request: provider.answer(items, streams=provider.streams(request))
    llm = model(signing, server, output_version=output_version)
    stream = llm.stream_events("hi", version="v3")
    events = list(stream)
    assert_valid_event_stream(events)
    whole = llm.invoke("hi")
    kinds = [block["type"] for block in whole.content_blocks]
    assert stream.output_message is not None
    assert [block["type"] for block in stream.output_message.content_blocks] == kinds
    assert stream.output_message.text == whole.text == "I look it up."
    assert [call["args"] for call in stream.output_message.tool_calls] == [{"city": "Paris"}, {"city": "Lyon"}]


async def test_async_events_are_valid_too(signing: type[Signing], server: ScriptedServer) -> None:
    server.answer = signing(STEP)
    stream = await model(signing, server).astream_events("hi", version="v3")
    assert_valid_event_stream([event async for event in stream])
