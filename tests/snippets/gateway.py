"""All of the gateway in one server: the chat APIs, embeddings, transcription, videos, the list of models.

Chat is answered by `model`, video by `tests/video_gateway.py`. Embeddings are bags of words, so that what is alike is
found, and a recording says one sentence, unless a real server is named for them.
"""

from __future__ import annotations

import base64
import json
import re
import struct
import zlib
from typing import TYPE_CHECKING, Any

from tests.matrix.chat_completions import ChatCompletions, DeepSeek
from tests.matrix.generate_content import GenerateContent
from tests.matrix.messages import Messages
from tests.matrix.responses import Responses
from tests.matrix.said import Said, Say
from tests.scripted_server import Answer
from tests.snippets import model
from tests.snippets.asked import read
from tests.video_gateway import KEY, Gateway, form

if TYPE_CHECKING:
    from tests.matrix.columns import Column
    from tests.scripted_server import Request

__all__ = ["KEY", "StandIn"]

_CHAT: dict[str, type[Column]] = {
    "/v1/chat/completions": ChatCompletions,
    "/v1/responses": Responses,
    "/v1/messages": Messages,
}
_LENGTH = 384
"""As multilingual-e5-small's, which answers the shorter lists of texts of one call (`relay`)."""
_MODELS = ("gpt-4.1-mini", "gpt-5-mini", "claude-sonnet-4-5", "gemini-2.5-flash", "deepseek-chat", "whisper-1")
_WORDS = ["Ruby", "is", "designed", "for", "the", "joy", "of", "programming."]


class StandIn:
    """A ScriptedServer's `answer`."""

    def __init__(self, url: str = "") -> None:
        self.videos = Gateway(polls=1, url=url)

    def __call__(self, request: Request) -> Answer:
        path = request.path.partition("?")[0]
        if column := self._column(path, request):
            return self._chat(column(), path, request.json())
        if path == "/v1/messages/count_tokens":
            return Answer({"input_tokens": len(request.body) // 4})
        if path == "/v1/embeddings":
            return _embeddings(request.json())
        if path in {"/v1/audio/transcriptions", "/v1/audio/translations"}:
            return _transcription(form(request)[0])
        if path == "/v1/models":
            data = [{"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "tikhub"} for name in _MODELS]
            return Answer({"object": "list", "data": data})
        return self.videos(request)

    def _column(self, path: str, request: Request) -> type[Column] | None:
        if re.fullmatch(r"/v1beta/models/[^/]+:(?:streamG|g)enerateContent", path):
            return GenerateContent
        found = _CHAT.get(path)
        if found is ChatCompletions and request.json()["model"].startswith("deepseek"):
            return DeepSeek
        return found

    def _chat(self, column: Column, path: str, body: dict[str, Any]) -> Answer:
        asked = read(column.api, body)
        if column.api == "responses" and (item := _due(asked.server_tools, bool(asked.results))):
            return _responses_item(item, body)
        said = model.answer(asked)
        headers = {"x-request-id": "req_1"}
        if column.streams(path, body):
            return Answer(column.framed(column.stream(said)), headers=headers | {"content-type": "text/event-stream"})
        return Answer(column.plain(said), headers=headers)


def _due(server_tools: list[str], is_answered: bool) -> dict[str, Any] | None:
    """A call that the caller is to answer: of a computer, or one that wants an approval."""
    if is_answered:
        return None
    if "computer" in server_tools:
        action = {"type": "screenshot"}
        call = {"type": "computer_call", "id": "cu_1", "call_id": "call_1", "status": "completed"}
        return {**call, "actions": [action], "pending_safety_checks": []}
    if "mcp" in server_tools:
        return {
            "type": "mcp_approval_request",
            "id": "mcpr_1",
            "name": "ask_question",
            "arguments": "{}",
            "server_label": "deepwiki",
        }
    return None


def _responses_item(item: dict[str, Any], body: dict[str, Any]) -> Answer:
    whole = Responses().plain(Said((Say(""),)))
    return Answer(whole | {"output": [item], "model": body["model"]})


def _embeddings(body: dict[str, Any]) -> Answer:
    given = body["input"] if isinstance(body["input"], list) else [body["input"]]
    length = body.get("dimensions") or _LENGTH
    vectors = [_vector(str(text), length) for text in given]
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(struct.pack(f"<{length}f", *vector)).decode()
            if body.get("encoding_format") == "base64"
            else vector,
        }
        for index, vector in enumerate(vectors)
    ]
    tokens = sum(len(str(text)) for text in given) // 4 + 1
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return Answer({"object": "list", "model": body["model"], "data": data, "usage": usage})


def _vector(text: str, length: int) -> list[float]:
    """A bag of words, hashed, of length one."""
    vector = [0.0] * length
    for word in re.findall(r"\w{3,}", text.lower()):
        vector[zlib.crc32(word.encode()) % length] += 1.0
    vector[0] += 0.01
    size = sum(number * number for number in vector) ** 0.5
    return [number / size for number in vector]


def _transcription(fields: dict[str, str]) -> Answer:
    text = " ".join(_WORDS)
    words = [{"word": word, "start": 0.4 * place, "end": 0.4 * (place + 1)} for place, word in enumerate(_WORDS)]
    whole = {"task": "transcribe", "language": "english", "duration": 3.2, "text": text}
    segment = {"id": 0, "seek": 0, "start": 0.0, "end": 3.2, "text": text, "tokens": [], "temperature": 0.0}
    segment |= {"avg_logprob": -0.2, "compression_ratio": 1.1, "no_speech_prob": 0.01}
    match fields.get("response_format", "json"):
        case "srt":
            return Answer(
                f"1\n00:00:00,000 --> 00:00:03,200\n{text}\n".encode(), headers={"content-type": "text/plain"}
            )
        case "vtt":
            said = f"WEBVTT\n\n00:00:00.000 --> 00:00:03.200\n{text}\n"
            return Answer(said.encode(), headers={"content-type": "text/vtt"})
        case "text":
            return Answer(text.encode(), headers={"content-type": "text/plain"})
        case "verbose_json":
            return Answer({**whole, "segments": [segment], "words": words})
        case "diarized_json":
            speakers = [
                {
                    "type": "transcript.text.segment",
                    "id": "seg_0",
                    "start": 0.0,
                    "end": 3.2,
                    "text": text,
                    "speaker": "A",
                }
            ]
            return Answer({"text": text, "duration": 3.2, "segments": speakers, "task": "transcribe"})
        case _:
            if fields.get("stream") == "true":
                events = [{"type": "transcript.text.delta", "delta": f"{word} "} for word in _WORDS]
                events.append({"type": "transcript.text.done", "text": text})
                sent = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
                return Answer(sent.encode(), headers={"content-type": "text/event-stream"})
            return Answer({"text": text, "usage": {"type": "duration", "seconds": 4}})
