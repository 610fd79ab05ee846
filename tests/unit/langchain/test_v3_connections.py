"""LangChain asks for nothing after a stream's last event: by then its connection must have been given back."""

from __future__ import annotations

from langchain_tikhub import ChatTikHub
from tests.scripted_server import ScriptedServer, sse
from tikhub_ai.http import httpx_backend

CHUNKS = (
    {"id": "a", "choices": [{"index": 0, "delta": {"content": "hi"}}]},
    {"id": "a", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
)


def test_a_v3_stream_that_was_read_holds_no_connection(server: ScriptedServer) -> None:
    server.answers = [sse(*CHUNKS)]
    llm = ChatTikHub(model="gpt-4o", api="chat_completions", api_key="sk-x", base_url=server.url)
    before = set(httpx_backend._open)
    stream = llm.stream_events("hi", version="v3")
    assert [event["event"] for event in stream][-1] == "message-finish"
    assert httpx_backend._open == before
    assert stream is not None  # it was not the garbage collector that closed it
