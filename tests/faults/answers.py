"""Right answers of every wire, whole and in the pieces that a fault comes between."""

from __future__ import annotations

import base64
import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.faults import wire
from tests.faults.wire import JSON, TEXT, chunked, event, whole

if TYPE_CHECKING:
    from tests.faults.wire import Steps


@dataclass(frozen=True)
class Answers:
    """What a server answers where nothing is wrong. An operation that is never streamed has a chat's stream.

    Attributes:
        plain: A plain call's body.
        first: The events up to the first piece of the text, which is `TEXT[:6]`.
        second: The event of the rest.
        finish: The events with the finish marker.
        done: The event that says that nothing follows; empty where the wire has none.
    """

    plain: bytes
    first: bytes = wire.FIRST
    second: bytes = wire.SECOND
    finish: bytes = wire.FINISH
    done: bytes = wire.DONE

    @property
    def start(self) -> bytes:
        """The events before the first piece of the text."""
        return self.first.removesuffix(self.piece)

    @property
    def piece(self) -> bytes:
        """The event of the first piece of the text."""
        return self.first.split(b"\n\n")[-2] + b"\n\n"

    @property
    def is_file(self) -> bool:
        """Whether a plain call's body is no JSON."""
        return not self.plain.startswith(b"{")

    @property
    def stream(self) -> bytes:
        """A streamed call's body."""
        return self.first + self.second + self.finish + self.done

    def good(self, *, streamed: bool) -> Steps:
        """The steps that send it."""
        return chunked(self.stream) if streamed else whole(self.plain, JSON)


def body(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def named(*payloads: dict[str, Any]) -> bytes:
    """Events whose names stand in them."""
    return b"".join(b"event: %b\n" % payload["type"].encode() + event(payload) for payload in payloads)


MESSAGE: dict[str, Any] = {"id": "1", "type": "message", "role": "assistant", "model": "m"}
USAGE = {"input_tokens": 1, "output_tokens": 2}


def _text(text: str) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}


MESSAGES = Answers(
    body(MESSAGE | {"content": [{"type": "text", "text": TEXT}], "stop_reason": "end_turn", "usage": USAGE}),
    named(
        {"type": "message_start", "message": MESSAGE | {"content": [], "stop_reason": None, "usage": USAGE}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        _text(TEXT[:6]),
    ),
    named(_text(TEXT[6:])),
    named(
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
    ),
    named({"type": "message_stop"}),
)

RESPONSE: dict[str, Any] = {"id": "resp_1", "object": "response", "model": "m", "created_at": 1}
PLACE = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
PART: dict[str, Any] = {"type": "output_text", "annotations": []}
ITEM: dict[str, Any] = {"type": "message", "id": "msg_1", "role": "assistant"}
ITEM_DONE = ITEM | {"status": "completed", "content": [PART | {"text": TEXT}]}
NUMBERS = itertools.count()


def numbered(*payloads: dict[str, Any]) -> bytes:
    """Events of the Responses API, which have numbers."""
    return named(*(payload | {"sequence_number": next(NUMBERS)} for payload in payloads))


RESPONSES = Answers(
    body(RESPONSE | {"status": "completed", "output": [ITEM_DONE]}),
    numbered(
        {"type": "response.created", "response": RESPONSE | {"status": "in_progress", "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": ITEM | {"content": []}},
        {"type": "response.content_part.added", **PLACE, "part": PART | {"text": ""}},
        {"type": "response.output_text.delta", **PLACE, "delta": TEXT[:6]},
    ),
    numbered({"type": "response.output_text.delta", **PLACE, "delta": TEXT[6:]}),
    numbered(
        {"type": "response.output_text.done", **PLACE, "text": TEXT},
        {"type": "response.content_part.done", **PLACE, "part": PART | {"text": TEXT}},
        {"type": "response.output_item.done", "output_index": 0, "item": ITEM_DONE},
        {"type": "response.completed", "response": RESPONSE | {"status": "completed", "output": [ITEM_DONE]}},
    ),
    b"",
)


def _candidate(text: str, **more: Any) -> dict[str, Any]:
    content = {"role": "model", "parts": [{"text": text}] if text else []}
    return {"candidates": [{"index": 0, "content": content, **more}], "modelVersion": "m", "responseId": "1"}


GENERATE_CONTENT = Answers(
    body(_candidate(TEXT, finishReason="STOP")),
    event(_candidate(TEXT[:6])),
    event(_candidate(TEXT[6:])),
    event(_candidate("", finishReason="STOP")),
    b"",
)

CHAT: dict[str, Answers] = {
    "chat_completions": Answers(wire.PLAIN, wire.FIRST, wire.SECOND, wire.FINISH, wire.DONE),
    "messages": MESSAGES,
    "responses": RESPONSES,
    "generate_content": GENERATE_CONTENT,
}
"""By API."""

VECTORS = [[1.0, 2.0], [3.0, 4.0]]
EMBEDDINGS = Answers(
    body(
        {
            "object": "list",
            "model": "m",
            "data": [{"index": index, "embedding": vector} for index, vector in enumerate(VECTORS)],
            "note": TEXT,
        }
    )
)
TRANSCRIPTS = Answers(body({"text": TEXT, "note": "long enough to be cut at a length of forty bytes"}))
OPERATION = "projects/p/locations/l/publishers/google/models/veo-3.1-generate-001/operations/job-1"
JOBS: dict[str, tuple[str, Answers]] = {
    "videos": ("job-1", Answers(body({"id": "job-1", "object": "video", "status": "queued", "model": "m", "n": TEXT}))),
    "seedance": ("job-1", Answers(body({"id": "job-1", "status": "queued", "n": TEXT}))),
    "kling": (
        "job-1",
        Answers(body({"code": 0, "data": {"task_id": "job-1", "task_status": "submitted", "n": TEXT}})),
    ),
    "veo": (
        OPERATION,
        Answers(body({"name": OPERATION, "n": TEXT})),
    ),
}
"""By family: the job's id, and what creates and polls are answered with."""
FILM = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + (2008).to_bytes(4) + b"mdat" + bytes(range(250)) * 8
"""What is downloaded."""
FILM_IN_AN_ANSWER = {"bytesBase64Encoded": base64.b64encode(FILM).decode(), "mimeType": "video/mp4"}
FILES: dict[str, Answers] = {
    **{family: Answers(FILM) for family in ("videos", "seedance", "kling")},
    "veo": Answers(body({"name": OPERATION, "n": TEXT, "done": True, "response": {"videos": [FILM_IN_AN_ANSWER]}})),
}
"""By family: what downloads are answered with. Veo's film stands in the answer to a poll."""
