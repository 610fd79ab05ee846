"""What the vendors' classes show in an answer's blocks is in ours: plain, streamed, summed in v1, as events of v3."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage

from langchain_tikhub import ChatTikHub
from langchain_tikhub.history import to_conversation
from tests.unit import messages_streams as claude
from tests.unit import responses_streams as gpt
from tests.unit.langchain.support import REASONING, TEXT, TOOLS, ScriptedChat, summed
from tikhub_ai import Text, Tool

pytestmark = pytest.mark.filterwarnings("ignore:.*is in beta")


def of_gpt(*items: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]], str]:
    events = [gpt.CREATED]
    for index, item in enumerate(items):
        events.append(gpt.added(item, index))
        if item["type"] == "message":
            events += [gpt.text(word, item["id"], index) for word in item["content"][0]["text"].split(" ")]
            item["content"][0]["text"] = item["content"][0]["text"].replace(" ", "")
        events.append(gpt.done(item, index))
    return gpt.response(*items), [*events, gpt.completed(*items)], "gpt-5"


def of_claude(*blocks: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]], str]:
    body = claude.message(*blocks)
    return body, claude.events_of(body), "claude-sonnet-4-5"


def chat(answer: tuple[dict[str, Any], list[dict[str, Any]], str], **settings: Any) -> ChatTikHub:
    body, events, model = answer

    def handler(request: httpx.Request) -> httpx.Response:
        if json.loads(request.content).get("stream"):
            return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=gpt.data(*events))
        return httpx.Response(200, json=body)

    transport = httpx.MockTransport(handler)
    client = {
        "http_client": httpx.Client(transport=transport),
        "http_async_client": httpx.AsyncClient(transport=transport),
    }
    return ChatTikHub(model=model, api_key="k", base_url="http://gateway.test", max_retries=0, **client, **settings)


def shown(answer: tuple[dict[str, Any], list[dict[str, Any]], str]) -> list[Any]:
    """The blocks, which are the same each way."""
    blocks = _without_numbers(chat(answer).invoke("hi").content_blocks)
    whole = summed(chat(answer).stream("hi"))
    added = summed(chat(answer, output_version="v1").stream("hi"))
    stream = chat(answer).stream_events("hi", version="v3")
    list(stream)
    assert stream.output_message is not None
    assert _without_numbers(chat(answer, output_version="v1").invoke("hi").content) == blocks
    for found in (whole.content_blocks, added.content, stream.output_message.content):
        assert _without_numbers(found) == blocks
    return blocks


def _without_numbers(blocks: Any) -> list[Any]:
    return [{key: value for key, value in block.items() if key != "index"} for block in blocks]


def history_of(message: AIMessage) -> list[Any]:
    answers: list[Any] = [ToolMessage("done", tool_call_id=call["id"]) for call in message.tool_calls]
    return [HumanMessage("hi"), message, *(answers or [HumanMessage("And?")])]


# --- what each vendor shows -----------------------------------------------------------------------------------------

THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "S"}
HIDDEN = {"type": "redacted_thinking", "data": "R"}
CALLER = {"type": "code_execution_20250825", "tool_id": "srvtoolu_1"}
COMPACTED = {"type": "compaction", "content": "What was said."}


def test_claudes_signatures_and_redacted_thoughts_stand_where_they_were_thought() -> None:
    assert shown(
        of_claude(THOUGHT, HIDDEN, {"type": "thinking", "thinking": "", "signature": "T"}, claude.text("so"))
    ) == [
        {"type": "reasoning", "reasoning": "Hm.", "extras": {"signature": "S"}},
        {"type": "non_standard", "value": HIDDEN},
        {"type": "reasoning", "reasoning": "", "extras": {"signature": "T"}},
        {"type": "text", "text": "so"},
    ]


def test_who_made_a_programmatic_call_is_told() -> None:
    call = claude.tool_use(a=1) | {"caller": CALLER}
    assert shown(of_claude(THOUGHT, call)) == [
        {"type": "reasoning", "reasoning": "Hm.", "extras": {"signature": "S"}},
        {"type": "tool_call", "id": "toolu_1", "name": "f", "args": {"a": 1}, "extras": {"caller": CALLER}},
    ]


def test_a_compaction_is_a_block_of_its_own() -> None:
    assert shown(of_claude(COMPACTED, claude.text("so"))) == [
        {"type": "non_standard", "value": COMPACTED},
        {"type": "text", "text": "so"},
    ]


SEARCH = {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}}
CODE = {
    "id": "ci_1", "type": "code_interpreter_call", "status": "completed", "code": "1", "container_id": "c",
    "outputs": None,
}  # fmt: skip
IMAGE = {"id": "ig_1", "type": "image_generation_call", "status": "completed", "result": "iVBORw0KGgo=", "size": "1x1"}


def test_openais_items_have_their_ids_and_the_state_that_goes_back() -> None:
    wordless = gpt.reasoning() | {"summary": []}
    call = gpt.function_call() | {"namespace": "n"}
    assert shown(of_gpt(wordless, SEARCH, CODE, IMAGE, gpt.message("so"), call)) == [
        {"type": "reasoning", "reasoning": "", "id": "rs_1", "extras": {"encrypted_content": "gAAA"}},
        {"type": "server_tool_call", "id": "ws_1", "name": "web_search", "args": SEARCH["action"]},
        {"type": "server_tool_result", "tool_call_id": "ws_1", "status": "success"},
        {
            "type": "server_tool_call", "id": "ci_1", "name": "code_interpreter",
            "args": {"code": "1", "container_id": "c"},
        },
        {"type": "server_tool_result", "tool_call_id": "ci_1", "status": "success"},
        {
            "type": "image", "base64": "iVBORw0KGgo=", "mime_type": "image/png", "id": "ig_1",
            "extras": {"status": "completed", "size": "1x1"},
        },
        {"type": "text", "text": "so", "id": "msg_1"},
        {
            "type": "tool_call", "id": "call_1", "name": "get_weather", "args": {"city": "Paris"},
            "extras": {"item_id": "fc_1", "status": "completed", "namespace": "n"},
        },
    ]  # fmt: skip


def test_what_a_search_found_is_its_result() -> None:
    action = {**SEARCH["action"], "sources": [{"type": "url", "url": "u"}]}  # type: ignore[dict-item]  # a dict
    failed = {**SEARCH, "id": "ws_2", "status": "failed"}
    call, result, _, other, _ = shown(of_gpt({**SEARCH, "action": action}, failed, gpt.message("so")))
    assert call["args"] == SEARCH["action"]
    assert result == {
        "type": "server_tool_result", "tool_call_id": "ws_1", "status": "success",
        "output": {"sources": action["sources"]},
    }  # fmt: skip
    assert other == {"type": "server_tool_result", "tool_call_id": "ws_2", "status": "error"}


# --- phases ---------------------------------------------------------------------------------------------------------

COMMENT = {"type": "text", "text": "Ilook.", "phase": "commentary", "id": "msg_1"}
BOTH = (("I look.", "msg_1", "commentary"), ("It is four.", "msg_2", "final_answer"))


def spoken(*said: tuple[str, str, str]) -> tuple[dict[str, Any], list[dict[str, Any]], str]:
    return of_gpt(*(gpt.message(words, id=name, phase=phase) for words, name, phase in said))


def test_text_is_the_final_answer_and_the_commentary_is_shown_before_it() -> None:
    assert shown(spoken(*BOTH)) == [
        COMMENT,
        {"type": "text", "text": "Itisfour.", "phase": "final_answer", "id": "msg_2"},
    ]
    for message in (chat(spoken(*BOTH)).invoke("hi"), summed(chat(spoken(*BOTH)).stream("hi"))):
        assert message.text == "Itisfour."
        assert message.additional_kwargs["commentary"] == "Ilook."


def test_the_pieces_that_a_stream_yields_add_up_to_the_same() -> None:
    for said in (BOTH, BOTH[:1]):
        chunks = list(chat(spoken(*said)).stream("hi"))
        assert "".join(chunk.text for chunk in chunks) == summed(chunks).text == chat(spoken(*said)).invoke("hi").text
        first: list[Any] = [block for chunk in chunks for block in chunk.content_blocks if block.get("index") == 0]
        assert [block["text"] for block in first if block["text"]] == ["I", "look."]
        assert [block["phase"] for block in first if "phase" in block] == ["commentary"]
        plain = chat(spoken(*said)).invoke("hi")
        assert summed(chunks).additional_kwargs == plain.additional_kwargs


def test_where_there_is_no_answer_yet_the_commentary_is_the_text() -> None:
    for call in ((), (gpt.function_call(),)):
        answer = of_gpt(gpt.message("I look.", phase="commentary"), *call)
        assert shown(answer)[0] == COMMENT
        for message in (chat(answer).invoke("hi"), summed(chat(answer).stream("hi"))):
            assert message.text == "Ilook."
            assert len(message.content_blocks) == 1 + len(call)


@pytest.mark.parametrize("said", [BOTH, BOTH[:1]], ids=["both", "commentary"])
@pytest.mark.parametrize("output_version", [None, "v1"])
@pytest.mark.parametrize("streams", [False, True])
def test_phases_go_back_as_they_came(said: Any, output_version: str | None, streams: bool) -> None:
    llm = chat(spoken(*said), output_version=output_version)
    message = summed(llm.stream("hi")) if streams else llm.invoke("hi")
    texts = [part for part in to_conversation([message])[0].parts if isinstance(part, Text)]
    assert [(part.text, (part.state or {}).get("phase")) for part in texts] == [
        (words.replace(" ", ""), phase) for words, _, phase in said
    ]


@pytest.mark.filterwarnings("ignore:.*was edited")
def test_an_edited_answer_is_what_goes_back_beside_its_commentary() -> None:
    message = chat(spoken(*BOTH)).invoke("hi").model_copy(update={"content": "[REDACTED]"})
    (back,) = to_conversation([message])
    assert [part.text for part in back.parts if isinstance(part, Text)] == ["Ilook.", "[REDACTED]"]
    alone = chat(spoken(*BOTH[:1])).invoke("hi").model_copy(update={"content": "[REDACTED]"})
    (back,) = to_conversation([alone])
    assert [part.text for part in back.parts if isinstance(part, Text)] == ["[REDACTED]"]


def test_while_a_stream_goes_on_an_event_says_the_phase() -> None:
    events: list[Any] = list(chat(spoken(*BOTH)).stream_events("hi", version="v3"))
    starts = [event["content"] for event in events if event["event"] == "content-block-start"]
    assert starts == [{"type": "text", "text": "", "phase": "commentary"}, {"type": "text", "text": ""}]


# --- who listens ----------------------------------------------------------------------------------------------------


class Listener(BaseCallbackHandler):
    """A handler of a user's, as for ChatOpenAI: it reads tokens, and pieces of calls from the chunks."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.chunks: list[Any] = []

    def on_llm_new_token(self, token: Any, *, chunk: Any = None, **kwargs: Any) -> None:
        self.tokens.append(token)
        self.chunks.append(getattr(chunk, "message", None))


class AsyncListener(AsyncCallbackHandler):
    def __init__(self) -> None:
        self.heard = Listener()

    async def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        self.heard.on_llm_new_token(token, **kwargs)


@pytest.mark.parametrize("deltas", [TEXT, REASONING, TOOLS], ids=["text", "reasoning", "tools"])
async def test_a_handler_hears_of_a_v3_stream_what_it_hears_of_any_stream(deltas: list[Any]) -> None:
    plain, sync, other = Listener(), Listener(), AsyncListener()
    list(ScriptedChat(deltas).stream("hi", config={"callbacks": [plain]}))
    list(ScriptedChat(deltas).stream_events("hi", config={"callbacks": [sync]}, version="v3"))
    stream = await ScriptedChat(deltas).astream_events("hi", config={"callbacks": [other]}, version="v3")
    async for _ in stream:
        pass
    assert plain.tokens
    pieces = [piece for message in plain.chunks for piece in message.tool_call_chunks]
    assert bool(pieces) == (deltas is TOOLS)
    for heard in (sync, other.heard):
        assert heard.tokens[: len(plain.tokens)] == plain.tokens
        assert [piece for message in heard.chunks for piece in message.tool_call_chunks] == pieces
        assert all(isinstance(message, AIMessageChunk) for message in heard.chunks)


def test_where_nobody_listens_no_message_is_made_of_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    monkeypatch.setattr("langchain_tikhub.reply.AnswerStream.chunk", lambda _, delta: made.append(delta))
    list(ScriptedChat(TEXT).stream_events("hi", config={"callbacks": [BaseCallbackHandler()]}, version="v3"))
    assert not made


def test_nothing_but_the_caller_is_read_back_from_a_calls_extras() -> None:
    message = chat(of_claude(claude.tool_use(a=1) | {"caller": CALLER}), output_version="v1").invoke("hi")
    request = chat(of_claude())._get_request_payload(history_of(message), tools=[])
    (call,) = [part for part in request.messages[1].parts if part.state]
    assert call.state == {"caller": CALLER}
    assert request.tools == list[Tool]()
