"""POST /v1/messages, as Anthropic speaks it; blocks and events as in the recordings of claude-sonnet-4 and -4-5."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from tests.matrix import asked
from tests.matrix.columns import Column, LeftOut, Refused
from tests.matrix.said import CACHED, INPUT, OUTPUT, THOUGHT, Call, Part, Refuse, Said, Say, Search, Think, pieces

if TYPE_CHECKING:
    from tests.matrix.columns import Missing

SIGNATURE = "ErUBCkYIBxgCIkDCTQUXPc3O7nHXd302Zercaz8WrrpddpOqHITxBih5ze"
_WEATHER = {"name": "weather", "input_schema": {"properties": {"city": ...}}}
_CALL = {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Paris"}}
_ROME = {"type": "tool_use", "id": "call_2", "name": "weather", "input": {"city": "Rome"}}


def _result(call_id: str, words: str, **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, "content": words, **more}


def _user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def _shown(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [_user({"type": "text", "text": asked.QUESTION}, *blocks)]}


def _based(kind: str, mime: str, data: str) -> dict[str, Any]:
    return {"type": kind, "source": {"type": "base64", "media_type": mime, "data": data}}


class Messages(Column):
    title = "messages (Claude)"
    api = "messages"
    model = "claude-sonnet-4-5"
    arguments: ClassVar[dict[str, dict[str, Any]]] = {
        "audio out": {"audio": {"voice": "alloy", "format": "wav"}},
        "image out": {"modalities": ["text", "image"]},
        "reasoning out": {"thinking": {"type": "enabled", "budget_tokens": 2048}},
        "reasoning replay": {"thinking": {"type": "enabled", "budget_tokens": 2048}},
        "logprobs": {"logprobs": True},
    }
    own_tools: ClassVar[dict[str, dict[str, Any]]] = {
        "citations": {"type": "web_search_20250305", "name": "web_search"},
        "server tools": {"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
    }
    wants: ClassVar[dict[str, Any]] = {
        "text": {"messages": [{"role": "user", "content": asked.QUESTION}], "max_tokens": ...},
        "system": {"system": asked.SYSTEM, "messages": [{"role": "user", "content": asked.QUESTION}]},
        "multi-turn": {
            "messages": [
                {"role": "user", "content": asked.BEFORE},
                {"role": "assistant", "content": asked.BETWEEN},
                {"role": "user", "content": asked.QUESTION},
            ]
        },
        "tools": {
            "tools": [_WEATHER],
            "messages": [{"role": "assistant", "content": [_CALL]}, _user(_result("call_1", "21 degrees"))],
        },
        "parallel": {
            "tools": [_WEATHER],
            "messages": [
                {"role": "assistant", "content": [_CALL, _ROME]},
                _user(_result("call_1", "21 degrees"), _result("call_2", "30 degrees")),
            ],
        },
        "forced": {"tools": [_WEATHER], "tool_choice": {"type": "any"}},
        "named": {"tools": [_WEATHER], "tool_choice": {"type": "tool", "name": "weather"}},
        "strict": {"tools": [{"strict": True, "input_schema": {"additionalProperties": False}}]},
        "tool error": {"messages": [_user(_result("call_1", asked.FAILURE, is_error=True))]},
        "json_schema": {"output_config": {"format": {"type": "json_schema", "schema": {"properties": {"city": ...}}}}},
        "function_calling": {"tools": [{"name": "Weather"}], "tool_choice": {"type": ...}},
        "json_mode": {"system": "Answer with one JSON object and nothing else: no introduction, no code fence."},
        "image": _shown(
            {"type": "image", "source": {"type": "url", "url": asked.PICTURE_URL}},
            _based("image", "image/png", asked.PNG),
        ),
        "PDF": _shown(_based("document", "application/pdf", asked.PDF)),
        "reasoning out": {"thinking": {"type": "enabled", "budget_tokens": 2048}},
        "reasoning replay": {
            "messages": [
                {
                    "role": "assistant",
                    "content": [{"type": "thinking", "thinking": "It is June.", "signature": SIGNATURE}, _CALL],
                },
                _user(_result("call_1", "21 degrees")),
            ]
        },
        "cache": {"messages": [_user({"text": asked.QUESTION, "cache_control": {"type": "ephemeral"}})]},
        "citations": {"tools": [own_tools["citations"]]},
        "cited documents": {
            "messages": [
                _user(
                    {
                        "type": "document",
                        "source": {"type": "text", "data": asked.DOCUMENT},
                        "title": asked.DOCUMENT_TITLE,
                        "citations": {"enabled": True},
                    },
                    {"type": "text", "text": asked.QUESTION},
                )
            ]
        },
        "server tools": {"tools": [own_tools["server tools"]]},
        "stop": {"stop_sequences": [asked.STOP]},
    }
    missing: ClassVar[dict[str, Missing]] = {
        "audio in": Refused(
            "messages cannot carry audio input", "`InvalidRequestError` names it, before anything is sent"
        ),
        "video in": Refused(
            "messages cannot carry video input", "`InvalidRequestError` names it, before anything is sent"
        ),
        "image out": LeftOut("messages has no 'modalities'", "modalities", "not sent; a warning names `modalities`"),
        "audio out": LeftOut("messages has no 'audio'", "audio", "not sent; a warning names `audio`"),
        "seed": LeftOut("messages has no 'seed'", "seed", "not sent; a warning names `seed`"),
        "n": LeftOut("messages has no 'n'", "n", "not sent; a warning names `n`"),
        "logprobs": LeftOut("messages has no 'logprobs'", "logprobs", "not sent; a warning names `logprobs`"),
    }
    notes: ClassVar[dict[str, str]] = {
        "json_mode": "emulated by an instruction in the system prompt",
        "cache": "by `cache_control` (LlamaIndex: `CachePoint`)",
        "refusal": "stop reason `refusal`, in words of ours where the wire has none",
    }

    # --- answers ----------------------------------------------------------------------------------------------------

    def finish(self, said: Said) -> str:
        return "refusal" if said.of(Refuse) else super().finish(said)

    def _stopped(self, said: Said) -> dict[str, Any]:
        reasons = {"tool_calls": "tool_use", "stop": "end_turn", "length": "max_tokens", "refusal": "refusal"}
        details = {
            "type": "refusal",
            "category": None,
            "explanation": said.of(Refuse)[0].text if said.of(Refuse) else "",
        }
        more = {"stop_details": details} if said.of(Refuse) else {}
        return {"stop_reason": reasons[self.finish(said)], "stop_sequence": None, **more}

    def _usage(self) -> dict[str, Any]:
        """`input_tokens` are those that no cache has to do with."""
        cached = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": CACHED}
        details = {"output_tokens_details": {"thinking_tokens": THOUGHT}}
        return {"input_tokens": INPUT - CACHED, **cached, "output_tokens": OUTPUT, **details}

    def _message(self, content: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        message = {"id": "msg_016pQQm4qHyjyqoM3gGGDDw8", "type": "message", "role": "assistant"}
        return {**message, "model": "claude-sonnet-4-5-20250929", "content": content, **more}

    def plain(self, said: Said) -> dict[str, Any]:
        content = [block for part in said.parts for block in _blocks(part)]
        return self._message(content, **self._stopped(said), usage=self._usage())

    def stream(self, said: Said) -> list[dict[str, Any]]:
        usage = self._usage() | {"output_tokens": 1}
        begun = self._message([], stop_reason=None, stop_sequence=None, usage=usage)
        payloads: list[dict[str, Any]] = [{"type": "message_start", "message": begun}, {"type": "ping"}]
        for index, block in enumerate(block for part in said.parts for block in _blocks(part)):
            start, deltas = _streamed(block)
            payloads.append({"type": "content_block_start", "index": index, "content_block": start})
            payloads += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
            payloads.append({"type": "content_block_stop", "index": index})
        delta = self._stopped(said)
        payloads.append({"type": "message_delta", "delta": delta, "usage": {"output_tokens": OUTPUT}})
        return [*payloads, {"type": "message_stop"}]


def _blocks(part: Part) -> list[dict[str, Any]]:
    match part:
        case Think(text):
            return [{"type": "thinking", "thinking": text, "signature": SIGNATURE}]
        case Say(text):
            return [{"type": "text", "text": text} | ({"citations": [_citation(part)]} if part.source else {})]
        case Call():
            return [{"type": "tool_use", "id": part.id, "name": part.name, "input": part.arguments}]
        case Search(query):
            found = {"type": "web_search_result", "title": "Weather", "url": "https://example.com/weather"}
            result = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1"}
            return [
                {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": query}},
                {**result, "content": [{**found, "encrypted_content": "EqgfCioIARgBIiQ3", "page_age": None}]},
            ]
        case _:
            return []  # a refusal is no block


def _citation(part: Say) -> dict[str, Any]:
    assert part.source is not None
    title, quote, url = part.source
    if url is None:
        place = {"document_index": 0, "document_title": title, "start_char_index": 0, "end_char_index": len(quote)}
        return {"type": "char_location", "cited_text": quote, **place}
    return {
        "type": "web_search_result_location",
        "cited_text": quote,
        "url": url,
        "title": title,
        "encrypted_index": "Eo8BCioIAhgBIiQyYjQ0OWJmZi1lNm",
    }


def _streamed(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    match block["type"]:
        case "thinking":
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"])]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
            return {"type": "thinking", "thinking": "", "signature": ""}, deltas
        case "text":
            deltas = [{"type": "text_delta", "text": piece} for piece in pieces(block["text"])]
            cited = [{"type": "citations_delta", "citation": one} for one in block.get("citations", ())]
            return {"type": "text", "text": ""} | ({"citations": []} if cited else {}), [*cited, *deltas]
        case "tool_use" | "server_tool_use":
            text = json.dumps(block["input"])
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *pieces(text)]]
            return {**block, "input": {}}, deltas
        case _:
            return block, []
