"""Every recorded answer's blocks in LangChain: streamed in v1, as events of v3, and of the whole, they are the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, message_chunk_to_message

from langchain_tikhub import ChatTikHub
from langchain_tikhub.history import to_conversation
from tests.wire.recordings import exchanges, needs_recordings
from tests.wire.test_frameworks import MODELS, settings
from tikhub_ai import TikHubAIError

if TYPE_CHECKING:
    from tests.wire.recordings import Exchange

pytestmark = [needs_recordings, pytest.mark.filterwarnings("ignore:.*is in beta")]
_FOUND: list[tuple[str, Exchange, str]] = [
    (api, param.values[0], f"{api}-{param.id}") for api in MODELS for param in exchanges(api, "answer")
]
CASES = [pytest.param(api, exchange, id=name) for api, exchange, name in _FOUND]
STREAMS = [pytest.param(api, exchange, id=name) for api, exchange, name in _FOUND if exchange.is_stream]
STATES = {
    "messages": ("signature", "data", "caller", "toolset_name"),
    "responses": ("encrypted_content", "phase", "namespace"),
    "generate_content": ("thoughtSignature",),
}
"""Fields of the wire that a v1 block shows, too."""


def whole(llm: ChatTikHub) -> AIMessage:
    chunks = list(llm.stream("hi"))
    message = message_chunk_to_message(chunks[0] + chunks[1:] if chunks[1:] else chunks[0])
    assert isinstance(message, AIMessage)
    return message


def comparable(blocks: Any) -> list[Any]:
    """Blocks without their numbers; v3 has no block for refusals, and ends calls that are invalid as they came."""
    out: list[Any] = []
    for block in blocks:
        found = {key: value for key, value in block.items() if key not in {"index", "error"}}
        if found["type"] == "tool_call_chunk":
            found["type"] = "invalid_tool_call"
        out.append({"type": "non_standard", "value": found} if found["type"] == "refusal" else found)
    return out


@pytest.mark.parametrize(("api", "exchange"), STREAMS)
def test_a_streams_sum_in_v1_its_events_and_the_whole_have_the_same_blocks(api: str, exchange: Exchange) -> None:
    try:
        wanted = whole(ChatTikHub(**settings(api, exchange)))
    except TikHubAIError:
        pytest.skip("An answer that ends in an error has no blocks.")
    added = whole(ChatTikHub(**settings(api, exchange), output_version="v1"))
    stream = ChatTikHub(**settings(api, exchange)).stream_events("hi", version="v3")
    list(stream)
    assert stream.output_message is not None
    blocks = comparable(wanted.content_blocks)
    assert comparable(added.content) == blocks
    assert comparable(stream.output_message.content) == blocks
    (said,), (back,) = to_conversation([wanted])[:1], to_conversation([added])[:1]
    if not wanted.invalid_tool_calls:
        assert [type(part) for part in back.parts] == [type(part) for part in said.parts]
        assert [part.state for part in back.parts] == [part.state for part in said.parts]


@pytest.mark.parametrize(("api", "exchange"), [param for param in CASES if param.values[0] in STATES])
def test_what_an_answer_was_issued_with_is_in_its_blocks(api: str, exchange: Exchange) -> None:
    llm = ChatTikHub(**settings(api, exchange), output_version="v1")
    try:
        message = whole(llm) if exchange.is_stream else llm.invoke([HumanMessage("hi")])
    except TikHubAIError:
        pytest.skip("An answer that ends in an error has no blocks.")
    shown = json.dumps(message.content, ensure_ascii=False)
    kept = message.additional_kwargs.get("tikhub_parts") or ()
    for entry in kept:
        for value in _found(entry.get("state") or json.loads(entry.get("state_json") or "{}"), STATES[api]):
            assert json.dumps(value, ensure_ascii=False) in shown


def _found(value: Any, names: tuple[str, ...]) -> list[Any]:
    if isinstance(value, dict):
        here = [value[name] for name in names if value.get(name)]
        return here + [one for item in value.values() for one in _found(item, names)]
    return [one for item in value for one in _found(item, names)] if isinstance(value, list) else []
