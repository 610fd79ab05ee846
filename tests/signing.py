"""Servers that sign what they say, as Claude, GPT and Gemini do, and refuse a history in which it comes back changed.

What they say is scripted in neutral words: `think`, `say`, `call`. Each wire API has a subclass that writes them as its
blocks, with state of its own (a signature, encrypted reasoning), and finds them again in the next request. State is
compared byte for byte, order exactly; the words of the answer and the arguments of a call may have been edited, since
a human or a middleware may do that, but then what was issued with the words must not come back.
"""

from __future__ import annotations

import json
import random
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tests.scripted_server import Answer, Request, sse

IDS = random.Random(20261126)
"""Of which ids and signatures are made, the same in each run."""


@dataclass
class Think:
    """A thought; hidden ones come encrypted, without words."""

    text: str
    hidden: bool = False


@dataclass
class Say:
    """Words of the answer."""

    text: str


@dataclass
class Call:
    """A call of the tool `weather`."""

    city: str
    id: str = field(default_factory=lambda: f"call_{IDS.randbytes(6).hex()}")


Step = list[Think | Say | Call]


class Signing:
    """Answers one step after another.

    Args:
        *script: What each answer says.
        edited: Whether words and arguments may come back changed.
    """

    api: ClassVar[str]
    model: ClassVar[str]

    def __init__(self, *script: Step, edited: bool = False) -> None:
        self.script = script
        self.edited = edited
        self.issued: list[list[Any]] = []
        self.refused: list[str] = []
        self.bodies: list[Any] = []

    def __call__(self, request: Request) -> Answer:
        body = request.json()
        self.bodies.append(body)
        said = self.history(body)
        fault = self._fault(said)
        if fault:
            self.refused.append(fault)
            return Answer({"type": "error", "error": {"type": "invalid_request_error", "message": fault}}, status=400)
        items = [self.item(part) for part in self.script[len(self.issued)]]
        self.issued.append(items)
        return self.answer(items, streams=self.streams(request))

    def _fault(self, said: list[Any]) -> str | None:
        expected = self._expected()
        if len(said) != len(expected):
            return f"{len(expected)} items were issued, {len(said)} came back: {said}"
        for number, (mine, came) in enumerate(zip(expected, said, strict=True)):
            issued, held = self.said(mine), self.said(came)
            if self.edited and issued and held and issued[0] != held[0]:
                if held[1]:
                    return f"item {number} was edited: {held[1]} was signed for {issued[0]!r}, not {held[0]!r}"
                continue
            if self.signed(mine) != self.signed(came) if self.edited else mine != came:
                return f"item {number} was {mine} and came back as {came}"
        return None

    def _expected(self) -> list[Any]:
        """What must come back."""
        return [item for items in self.issued for item in items]

    # --- what each wire says otherwise ------------------------------------------------------------------------------

    def item(self, part: Think | Say | Call) -> Any:
        """A part as the wire's block, signed."""
        raise NotImplementedError

    def history(self, body: Any) -> list[Any]:
        """What the request says that the model said, block for block."""
        raise NotImplementedError

    def signed(self, item: Any) -> Any:
        """What of a block may not change even where a human edits."""
        raise NotImplementedError

    def said(self, item: Any) -> tuple[str, Any] | None:
        """Words of the answer, and what was issued with them; None of any other block."""
        raise NotImplementedError

    def streams(self, request: Request) -> bool:
        return bool(request.json().get("stream"))

    def answer(self, items: list[Any], *, streams: bool) -> Answer:
        """The wire's answer of these blocks."""
        raise NotImplementedError


def events(payloads: list[dict[str, Any]]) -> Answer:
    """Named events, as Anthropic and OpenAI send them."""
    pieces = [f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in payloads]
    return Answer(pieces, headers={"content-type": "text/event-stream"})


class Claude(Signing):
    """POST /v1/messages."""

    api = "messages"
    model = "claude-sonnet-4-5"

    def item(self, part: Think | Say | Call) -> Any:
        match part:
            case Think(text, hidden=False):
                return {"type": "thinking", "thinking": text, "signature": _secret()}
            case Think():
                return {"type": "redacted_thinking", "data": _secret()}
            case Say(text):
                return {"type": "text", "text": text}
            case Call(city, identifier):
                return {"type": "tool_use", "id": identifier, "name": "weather", "input": {"city": city}}

    def history(self, body: Any) -> list[Any]:
        said: list[Any] = []
        awaited: list[str] = []
        for turn in body["messages"]:
            content = turn["content"]
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
            if turn["role"] == "assistant":
                assert not awaited, "an assistant's turn follows calls that nobody answered"
                said += blocks
                awaited = [block["id"] for block in blocks if block["type"] == "tool_use"]
            else:
                answered = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
                assert answered == awaited, "the results are not those of the calls before"
                awaited = []
        return said

    def signed(self, item: Any) -> Any:
        return {key: value for key, value in item.items() if key not in {"text", "input"}}

    def said(self, item: Any) -> tuple[str, Any] | None:
        return (item["text"], None) if item["type"] == "text" else None

    def answer(self, items: list[Any], *, streams: bool) -> Answer:
        reason = "tool_use" if any(item["type"] == "tool_use" for item in items) else "end_turn"
        usage = {"input_tokens": 9, "output_tokens": 9}
        message = {"id": f"msg_{len(self.issued)}", "type": "message", "role": "assistant", "model": self.model}
        if not streams:
            return Answer({**message, "content": items, "stop_reason": reason, "usage": usage})
        started: dict[str, Any] = {**message, "content": [], "stop_reason": None, "usage": usage}
        payloads: list[dict[str, Any]] = [{"type": "message_start", "message": started}]
        for index, item in enumerate(items):
            payloads += self._streamed(index, item)
        ended = {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 9}}
        return events([*payloads, ended, {"type": "message_stop"}])

    @staticmethod
    def _streamed(index: int, item: Any) -> list[dict[str, Any]]:
        grows = {"thinking": ("thinking", "thinking_delta"), "text": ("text", "text_delta")}
        start, deltas = dict(item), []
        if item["type"] in grows:
            name, kind = grows[item["type"]]
            half = len(item[name]) // 2
            deltas = [{"type": kind, name: piece} for piece in (item[name][:half], item[name][half:])]
            start[name] = ""
        if item["type"] == "thinking":
            deltas.append({"type": "signature_delta", "signature": item["signature"]})
            start["signature"] = ""
        if item["type"] == "tool_use":
            arguments = json.dumps(item["input"])
            pieces = (arguments[:5], arguments[5:])
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
            start["input"] = {}
        return [
            {"type": "content_block_start", "index": index, "content_block": start},
            *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
            {"type": "content_block_stop", "index": index},
        ]


class GPT(Signing):
    """POST /v1/responses."""

    api = "responses"
    model = "gpt-5-mini"

    def item(self, part: Think | Say | Call) -> Any:
        match part:
            case Think(text, hidden):
                summary = [] if hidden else [{"type": "summary_text", "text": text}]
                secret = _secret()
                return {"type": "reasoning", "id": _id("rs"), "summary": summary, "encrypted_content": secret}
            case Say(text):
                content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
                return {"type": "message", "id": _id("msg"), "status": "completed", "role": "assistant",
                        "content": content}  # fmt: skip
            case Call(city, identifier):
                arguments = json.dumps({"city": city})
                return {"type": "function_call", "id": _id("fc"), "call_id": identifier, "name": "weather",
                        "arguments": arguments, "status": "completed"}  # fmt: skip

    def history(self, body: Any) -> list[Any]:
        assert body["store"] is False
        assert "reasoning.encrypted_content" in body["include"]
        said: list[Any] = []
        awaited: list[str] = []
        for item in body["input"]:
            if item.get("type") == "function_call_output":
                awaited.remove(item["call_id"])
            elif item.get("role") == "user":
                assert not awaited, "a user's turn follows calls that nobody answered"
            elif item.get("role") not in {"system", "developer"}:
                said.append(item)
                awaited += [item["call_id"]] if item["type"] == "function_call" else []
        assert not awaited, "calls that nobody answered"
        return said

    def signed(self, item: Any) -> Any:
        return {key: value for key, value in item.items() if key not in {"content", "arguments"}}

    def said(self, item: Any) -> tuple[str, Any] | None:
        if item["type"] != "message":
            return None
        content = item["content"]
        words = content if isinstance(content, str) else "".join(piece["text"] for piece in content)
        return words, item.get("id")

    def answer(self, items: list[Any], *, streams: bool) -> Answer:
        usage = {"input_tokens": 9, "output_tokens": 9, "total_tokens": 18}
        started = {"id": f"resp_{len(self.issued)}", "object": "response", "model": self.model, "output": []}
        whole = {**started, "status": "completed", "output": items, "usage": usage}
        if not streams:
            return Answer(whole)
        payloads: list[dict[str, Any]] = [{"type": "response.created", "response": started}]
        for index, item in enumerate(items):
            payloads += self._streamed(index, item)
        return events([*payloads, {"type": "response.completed", "response": whole}])

    @staticmethod
    def _streamed(index: int, item: Any) -> list[dict[str, Any]]:
        at = {"item_id": item["id"], "output_index": index}
        start, pieces = dict(item), []
        if item["type"] == "reasoning":
            start |= {"summary": [], "encrypted_content": ""}
            for number, part in enumerate(item["summary"]):
                place = {**at, "summary_index": number}
                pieces.append({"type": "response.reasoning_summary_part.added", **place, "part": {**part, "text": ""}})
                pieces.append({"type": "response.reasoning_summary_text.delta", **place, "delta": part["text"]})
        elif item["type"] == "message":
            start["content"] = []
            text = item["content"][0]["text"]
            half = len(text) // 2
            kind = {"type": "response.output_text.delta", **at, "content_index": 0}
            pieces = [{**kind, "delta": piece} for piece in (text[:half], text[half:])]
        else:
            start["arguments"] = ""
            kind = {"type": "response.function_call_arguments.delta", **at}
            pieces = [{**kind, "delta": piece} for piece in (item["arguments"][:5], item["arguments"][5:])]
        return [
            {"type": "response.output_item.added", "output_index": index, "item": start},
            *pieces,
            {"type": "response.output_item.done", "output_index": index, "item": item},
        ]


class Gemini(Signing):
    """POST /v1beta/models/{model}:generateContent and :streamGenerateContent.

    Thoughts are shown and not wanted back; the signature is on what follows them: on words, and on the first of several
    calls. A hidden thought is an empty text that carries its signature alone.
    """

    api = "generate_content"
    model = "gemini-3-pro"

    def __init__(self, *script: Step, edited: bool = False) -> None:
        super().__init__(*script, edited=edited)
        self._calls = 0

    def item(self, part: Think | Say | Call) -> Any:
        signature = {"thoughtSignature": _secret()}
        is_call, self._calls = isinstance(part, Call), self._calls + 1 if isinstance(part, Call) else 0
        match part:
            case Think(text, hidden=False):
                return {"text": text, "thought": True}
            case Think():
                return {"text": "", **signature}
            case Say(text):
                return {"text": text, **signature}
            case Call(city):
                call = {"functionCall": {"name": "weather", "args": {"city": city}}}
                return call if is_call and self._calls > 1 else {**call, **signature}

    def history(self, body: Any) -> list[Any]:
        said: list[Any] = []
        awaited = 0
        for content in body["contents"]:
            parts = content["parts"]
            if content["role"] == "model":
                assert not awaited, "a model's turn follows calls that nobody answered"
                said += [part for part in parts if not part.get("thought")]
                awaited = sum("functionCall" in part for part in parts)
            else:
                assert sum("functionResponse" in part for part in parts) == awaited, "the results are not the calls'"
                awaited = 0
        return said

    def _expected(self) -> list[Any]:
        return [item for item in super()._expected() if not item.get("thought")]

    def signed(self, item: Any) -> Any:
        return {"signature": item.get("thoughtSignature"), "kinds": sorted(item)}

    def said(self, item: Any) -> tuple[str, Any] | None:
        return (item["text"], item.get("thoughtSignature")) if "text" in item and not item.get("thought") else None

    def streams(self, request: Request) -> bool:
        return ":streamGenerateContent" in request.path

    def answer(self, items: list[Any], *, streams: bool) -> Answer:
        counts = {"promptTokenCount": 9, "candidatesTokenCount": 9, "totalTokenCount": 18}
        about = {"modelVersion": self.model, "responseId": f"r{len(self.issued)}", "usageMetadata": counts}
        groups = [[item] for item in items] if streams else [items]
        contents = [{"role": "model", "parts": parts} for parts in groups]
        chunks: list[Any] = [{"candidates": [{"index": 0, "content": content}], **about} for content in contents]
        chunks[-1]["candidates"][0]["finishReason"] = "STOP"
        return sse(*chunks, done=False) if streams else Answer(chunks[0])


def _secret() -> str:
    """Base64, with the characters that careless code changes."""
    return b64encode(b"\xfb\xff" + IDS.randbytes(16)).decode()


def _id(prefix: str) -> str:
    return f"{prefix}_{IDS.randbytes(8).hex()}"


SERVERS: list[type[Signing]] = [Claude, GPT, Gemini]
"""One for each API that signs."""
