"""A ChatTikHub without a wire: it answers with given deltas, plain and streamed, and remembers what it was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import PrivateAttr

from langchain_tikhub import ChatTikHub
from tikhub_ai import (
    Accumulator,
    AudioDelta,
    ChatReply,
    ChatRequest,
    Citation,
    CitationDelta,
    Delta,
    End,
    Issuer,
    Media,
    Opaque,
    PartDelta,
    ReasoningDelta,
    RefusalDelta,
    ServerToolCall,
    ServerToolResult,
    TextDelta,
    ToolCallDelta,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from langchain_core.messages import AIMessageChunk

CLAUDE = Issuer("messages", "claude")
USAGE = Usage(7, 5, 12, {"cache_read": 3}, {"reasoning": 2}, {"prompt_tokens": 7, "completion_tokens": 5, "cost": 0.1})


def reply_of(deltas: Sequence[Delta]) -> ChatReply:
    accumulator = Accumulator("messages")
    for delta in deltas:
        accumulator.add(delta)
    accumulator.id, accumulator.model, accumulator.usage = "resp_1", "claude-sonnet-4-5-20250929", USAGE
    accumulator.extras = {"system_fingerprint": "fp", "created": 5, "flag": True, "score": 0.5}
    accumulator.finish_reasons = dict.fromkeys(
        {delta.choice for delta in deltas if not isinstance(delta, End)} or {0}, "stop"
    )
    reply = accumulator.reply()
    reply.headers, reply.request_id = {"x-request-id": "r1"}, "r1"
    return reply


class ScriptedClient:
    """Stands where ChatClient stands. Further answers may follow the first; the last is given again and again."""

    def __init__(self, deltas: Sequence[Delta], error: Exception | None = None) -> None:
        self.further: list[Sequence[Delta]] = []
        self.deltas = deltas
        self.error = error
        self.requests: list[ChatRequest] = []
        self.closed = 0

    def _asked(self, request: ChatRequest) -> None:
        if self.requests and self.further:
            self.deltas = self.further.pop(0)
        self.requests.append(request)

    def complete(self, request: ChatRequest) -> ChatReply:
        self._asked(request)
        if self.error:
            raise self.error
        return reply_of(self.deltas)

    async def acomplete(self, request: ChatRequest) -> ChatReply:
        return self.complete(request)

    def stream(self, request: ChatRequest) -> Iterator[Delta]:
        self._asked(request)
        try:
            yield from self.deltas
            if self.error:
                raise self.error
            yield End(reply_of(self.deltas))
        finally:
            self.closed += 1

    async def astream(self, request: ChatRequest) -> AsyncIterator[Delta]:
        self._asked(request)
        try:
            for delta in self.deltas:
                yield delta
            if self.error:
                raise self.error
            yield End(reply_of(self.deltas))
        finally:
            self.closed += 1


class ScriptedChat(ChatTikHub):
    _script: ScriptedClient = PrivateAttr()

    def __init__(self, deltas: Sequence[Delta] | None = None, error: Exception | None = None, **kwargs: Any) -> None:
        super().__init__(**{"model": "claude-sonnet-4-5", **kwargs})
        self._script = ScriptedClient(TEXT if deltas is None else deltas, error)

    def _chat_client(self, **_: Any) -> Any:
        return self._script

    @property
    def request(self) -> ChatRequest:
        """What was asked last."""
        return self._script.requests[-1]


def summed(chunks: Iterator[AIMessageChunk] | list[AIMessageChunk]) -> AIMessageChunk:
    first, *rest = chunks
    return first + rest


TEXT: list[Delta] = [TextDelta("Hello", 0), TextDelta(", ", 0), TextDelta("world", 0)]
REASONING: list[Delta] = [
    ReasoningDelta("Let me ", 0, state={"signature": "sig"}, issuer=CLAUDE),
    ReasoningDelta("think.", 0),
    ReasoningDelta("", 0, state={"signature": "nature"}, issuer=CLAUDE),
    TextDelta("It is ", 1),
    TextDelta("four.", 1),
]
TOOLS: list[Delta] = [
    TextDelta("I look.", 0),
    ToolCallDelta("", 1, id="call_a", name="weather"),
    ToolCallDelta('{"city": ', 1),
    ToolCallDelta('"Paris"}', 1, state={"thought_signature": "ts", "exact": True}, issuer=CLAUDE),
    ToolCallDelta('{"city": "Rome"}', 2, id="call_b", name="weather"),
    ToolCallDelta("", 3, id="call_c", name="now"),
]
INTERLEAVED: list[Delta] = [
    ReasoningDelta("First.", 0, state={"signature": "s0"}, issuer=CLAUDE),
    TextDelta("Looking ", 1),
    TextDelta("it up. ", 1),
    PartDelta(ServerToolCall("srv_1", "web_search", {"query": "x", "deep": True}, issuer=CLAUDE, state={"raw": 1}), 2),
    PartDelta(ServerToolResult("srv_1", [{"url": "https://a.example", "score": 0.5}], issuer=CLAUDE), 3),
    ReasoningDelta("Second.", 4, state={"signature": "s4"}, issuer=CLAUDE),
    TextDelta("Found.", 5),
    CitationDelta([Citation("url_citation", "https://a.example", "A", start=0, end=6, raw={"p": 0.1})], 5),
    CitationDelta([Citation("char_location", title="B", cited_text="b")], 5),
    PartDelta(Opaque({"type": "new", "rate": 0.25, "on": True}, issuer=CLAUDE), 6),
    PartDelta(Media("image", data="aGk=", mime_type="image/png", issuer=CLAUDE), 7),
    ToolCallDelta('{"a": 1}', 8, id="call_z", name="save"),
]
REFUSAL: list[Delta] = [RefusalDelta("I can", 0), RefusalDelta("not.", 0)]
SPEECH: list[Delta] = [
    AudioDelta(0, data="aGVs", transcript="hel", mime_type="audio/wav", state={"id": "audio_1"}, issuer=CLAUDE),
    AudioDelta(0, data="bA==", transcript="l"),
    AudioDelta(0, data="bw==", transcript="o", state={"expires_at": 99}, issuer=CLAUDE),
]
INVALID: list[Delta] = [ToolCallDelta("not json", 0, id="call_x", name="weather")]
SEVERAL: list[Delta] = [
    TextDelta("one", 0, 0),
    TextDelta("two", 0, 1),
    TextDelta(" uno", 0, 0),
    TextDelta(" dos", 0, 1),
    ToolCallDelta("{}", 1, 1, id="call_o", name="now"),
]
EMPTY: list[Delta] = []
SCRIPTS = {
    "text": TEXT,
    "reasoning": REASONING,
    "tools": TOOLS,
    "interleaved": INTERLEAVED,
    "refusal": REFUSAL,
    "speech": SPEECH,
    "invalid": INVALID,
    "empty": EMPTY,
}
