"""POST /v1/responses, as OpenAI speaks it; items and events as in the recordings of gpt-4o and gpt-5."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from tests.matrix import asked
from tests.matrix.columns import Column, LeftOut, Refused
from tests.matrix.said import (
    CACHED,
    INPUT,
    LOGPROB,
    OUTPUT,
    THOUGHT,
    Call,
    Part,
    Refuse,
    Said,
    Say,
    Search,
    Show,
    Think,
    pieces,
)

if TYPE_CHECKING:
    from tests.matrix.columns import Missing

_QUESTION = {"role": "user", "content": asked.QUESTION}
_WEATHER = {"type": "function", "name": "weather", "parameters": {"properties": {"city": ...}}}
_CALL = {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city": "Paris"}'}
_ROME = {"type": "function_call", "call_id": "call_2", "name": "weather", "arguments": '{"city": "Rome"}'}
SECRET = "gAAAAABpPDIUph8czEXzDePCV2lJ27wm7TsbCvazrvHSn0yWitN7RGWq8sjrPtfEYNkSVR8GZzB59nmPMV9haW4H"


def _result(call_id: str, words: str) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": words}


def _shown(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"input": [{"role": "user", "content": [{"type": "input_text", "text": asked.QUESTION}, *blocks]}]}


class Responses(Column):
    title = "responses (GPT)"
    api = "responses"
    model = "gpt-4o-mini"
    models: ClassVar[dict[str, str]] = {"reasoning out": "gpt-5-mini", "reasoning replay": "gpt-5-mini"}
    arguments: ClassVar[dict[str, dict[str, Any]]] = {
        "audio out": {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "pcm16"}},
        "reasoning out": {"reasoning": {"effort": "low", "summary": "auto"}},
        "cache": {"prompt_cache_key": "paris"},
        "logprobs": {"logprobs": True, "top_logprobs": 1},
    }
    own_tools: ClassVar[dict[str, dict[str, Any]]] = {
        "citations": {"type": "web_search"},
        "server tools": {"type": "web_search", "search_context_size": "low"},
        "image out": {"type": "image_generation", "quality": "low"},
    }
    wants: ClassVar[dict[str, Any]] = {
        "text": {"input": [_QUESTION], "store": False},
        "system": {"instructions": asked.SYSTEM, "input": [_QUESTION]},
        "multi-turn": {
            "input": [
                {"role": "user", "content": asked.BEFORE},
                {"role": "assistant", "content": asked.BETWEEN},
                _QUESTION,
            ]
        },
        "tools": {"tools": [_WEATHER], "input": [_QUESTION, _CALL, _result("call_1", "21 degrees")]},
        "parallel": {
            "tools": [_WEATHER],
            "input": [_CALL, _ROME, _result("call_1", "21 degrees"), _result("call_2", "30 degrees")],
        },
        "forced": {"tools": [_WEATHER], "tool_choice": "required"},
        "named": {"tools": [_WEATHER], "tool_choice": {"type": "function", "name": "weather"}},
        "strict": {"tools": [{"strict": True, "parameters": {"additionalProperties": False}}]},
        "tool error": {"input": [_result("call_1", asked.FAILURE)]},
        "json_schema": {"text": {"format": {"type": "json_schema", "schema": {"properties": {"city": ...}}}}},
        "function_calling": {"tools": [{"name": "Weather"}], "tool_choice": ...},
        "json_mode": {"text": {"format": {"type": "json_object"}}},
        "image": _shown(
            {"type": "input_image", "image_url": asked.PICTURE_URL},
            {"type": "input_image", "image_url": f"data:image/png;base64,{asked.PNG}"},
        ),
        "PDF": _shown({"type": "input_file", "file_data": f"data:application/pdf;base64,{asked.PDF}"}),
        "image out": {"tools": [own_tools["image out"]]},
        "reasoning out": {
            "reasoning": {"effort": "low", "summary": "auto"},
            "include": ["reasoning.encrypted_content"],
        },
        "reasoning replay": {
            "input": [
                {
                    "type": "reasoning",
                    "id": "rs_0",
                    "encrypted_content": SECRET,
                    "summary": [{"type": "summary_text", "text": "It is June."}],
                },
                _CALL | {"id": "fc_1"},
                _result("call_1", "21 degrees"),
            ]
        },
        "cache": {"prompt_cache_key": "paris"},
        "citations": {"tools": [own_tools["citations"]]},
        "server tools": {"tools": [own_tools["server tools"]]},
        "logprobs": {"include": ["message.output_text.logprobs"], "top_logprobs": 1},
    }
    missing: ClassVar[dict[str, Missing]] = {
        "audio in": Refused(
            "responses cannot carry audio input", "`InvalidRequestError` names it, before anything is sent"
        ),
        "video in": Refused(
            "responses cannot carry video input", "`InvalidRequestError` names it, before anything is sent"
        ),
        "audio out": LeftOut(
            "responses has no 'audio'",
            "audio",
            "not sent with a call, and a warning names it; given to the class, it makes `auto` choose chat_completions",
        ),
        "cited documents": LeftOut(
            "A source is sent as text with its title",
            "input.0.content.0.citations",
            "sent as text, with a warning that it will not be cited",
        ),
        "seed": LeftOut(
            "responses has no 'seed'",
            "seed",
            "not sent with a call, and a warning names it; given to the class, it makes `auto` choose chat_completions",
        ),
        "n": LeftOut(
            "responses has no 'n'",
            "n",
            "not sent with a call, and a warning names it; given to the class, it makes `auto` choose chat_completions",
        ),
    }
    notes: ClassVar[dict[str, str]] = {
        "tool error": "the wire has no mark for it: the result's words say it",
        "image out": "by the tool `image_generation`",
        "cache": "the provider caches by itself; `prompt_cache_key` steers it, and marks on content mean nothing here",
        "stop": "the wire has no field for it: we cut the text at the match, and read on until the tokens are counted",
    }

    # --- answers ----------------------------------------------------------------------------------------------------

    def says(self, feature: str, said: Said) -> Said:
        return replace(said, parts=(Say(f"{said.text}{asked.STOP} of it."),)) if feature == "stop" else said

    def response(self, output: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        return {
            "id": "resp_01830d662ab3856501693c3213d7088190",
            "object": "response",
            "created_at": 1782955817,
            "model": "gpt-4o-mini-2024-07-18",
            "status": "in_progress",
            "error": None,
            "incomplete_details": None,
            "output": output,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "service_tier": "default",
            "store": False,
            "usage": None,
        } | more

    def ended(self, said: Said) -> dict[str, Any]:
        usage = {
            "input_tokens": INPUT,
            "input_tokens_details": {"cached_tokens": CACHED, "cache_write_tokens": 0},
            "output_tokens": OUTPUT,
            "output_tokens_details": {"reasoning_tokens": THOUGHT},
            "total_tokens": INPUT + OUTPUT,
        }
        items = [_item(number, part, said) for number, part in enumerate(said.parts)]
        if said.finish == "length":
            details = {"reason": "max_output_tokens"}
            return self.response(items, status="incomplete", incomplete_details=details, usage=usage)
        return self.response(items, status="completed", usage=usage)

    def plain(self, said: Said) -> dict[str, Any]:
        return self.ended(said)

    def stream(self, said: Said) -> list[dict[str, Any]]:
        begun = self.response([])
        payloads = [{"type": f"response.{name}", "response": begun} for name in ("created", "in_progress")]
        for number, part in enumerate(said.parts):
            payloads += _events(number, part, said)
        whole = self.ended(said)
        payloads.append({"type": f"response.{whole['status']}", "response": whole})
        return [{**payload, "sequence_number": number} for number, payload in enumerate(payloads)]


def _item(number: int, part: Part, said: Said) -> dict[str, Any]:
    match part:
        case Think(text):
            summary = [{"type": "summary_text", "text": text}]
            return {"id": f"rs_{number}", "type": "reasoning", "summary": summary, "encrypted_content": SECRET}
        case Say() | Refuse():
            item = {"id": f"msg_{number}", "type": "message", "status": "completed", "role": "assistant"}
            return item | {"content": [_content(part, said)]}
        case Call():
            item = {"id": f"fc_{number}", "type": "function_call", "status": "completed", "arguments": part.json}
            return item | {"call_id": part.id, "name": part.name}
        case Search(query):
            action = {"type": "search", "query": query}
            return {"id": f"ws_{number}", "type": "web_search_call", "status": "completed", "action": action}
        case Show(data):
            item = {"id": f"ig_{number}", "type": "image_generation_call", "status": "completed", "quality": "low"}
            return item | {"output_format": "png", "result": data}
        case _:
            raise TypeError(part)


def _content(part: Say | Refuse, said: Said) -> dict[str, Any]:
    if isinstance(part, Refuse):
        return {"type": "refusal", "refusal": part.text}
    logprobs = [_token(piece) for piece in pieces(part.text)] if said.logprobs else []
    annotations = [_annotation(part)] if part.source else []
    return {"type": "output_text", "text": part.text, "annotations": annotations, "logprobs": logprobs}


def _annotation(part: Say) -> dict[str, Any]:
    assert part.source is not None
    place = {"start_index": 0, "end_index": len(part.text)}
    return {"type": "url_citation", **place, "title": part.source.title, "url": part.source.url}


def _token(piece: str) -> dict[str, Any]:
    token = {"token": piece, "logprob": LOGPROB, "bytes": list(piece.encode())}
    return {**token, "top_logprobs": [token]}


def _events(number: int, part: Part, said: Said) -> list[dict[str, Any]]:
    whole = _item(number, part, said)
    at = {"item_id": whole["id"], "output_index": number}
    inside: list[dict[str, Any]] = []
    begun = {**whole, "status": "in_progress"}
    match part:
        case Think(text):
            begun = {**whole, "summary": [], "encrypted_content": ""}
            place = {**at, "summary_index": 0}
            empty = {"type": "summary_text", "text": ""}
            inside.append({"type": "response.reasoning_summary_part.added", **place, "part": empty})
            kind = "response.reasoning_summary_text.delta"
            inside += [{"type": kind, **place, "delta": piece} for piece in pieces(text)]
            inside.append({"type": "response.reasoning_summary_part.done", **place, "part": whole["summary"][0]})
        case Say(text) | Refuse(text):
            begun["content"] = []
            inside = _content_events(part, text, {**at, "content_index": 0}, said)
        case Call():
            begun["arguments"] = ""
            kind = "response.function_call_arguments"
            inside = [{"type": f"{kind}.delta", **at, "delta": piece} for piece in pieces(part.json)]
            inside.append({"type": f"{kind}.done", **at, "arguments": part.json, "name": part.name})
        case Search():
            del begun["action"]
            inside = [{"type": f"response.web_search_call.{name}", **at} for name in ("searching", "completed")]
        case _:
            begun["result"] = None
            inside = [{"type": "response.image_generation_call.generating", **at}]
    return [
        {"type": "response.output_item.added", "output_index": number, "item": begun},
        *inside,
        {"type": "response.output_item.done", "output_index": number, "item": whole},
    ]


def _content_events(part: Say | Refuse, text: str, place: dict[str, Any], said: Said) -> list[dict[str, Any]]:
    whole = _content(part, said)
    begun: dict[str, Any]
    if isinstance(part, Refuse):
        begun, kind, done = {"type": "refusal", "refusal": ""}, "response.refusal", {"refusal": text}
    else:
        begun, kind, done = (
            {**whole, "text": "", "annotations": [], "logprobs": []},
            "response.output_text",
            {"text": text, "logprobs": whole["logprobs"]},
        )
    events = [{"type": "response.content_part.added", **place, "part": begun}]
    for piece in pieces(text):
        logprobs = {"logprobs": [_token(piece)] if said.logprobs else []} if isinstance(part, Say) else {}
        events.append({"type": f"{kind}.delta", **place, "delta": piece, **logprobs})
    for annotation in whole.get("annotations", ()):
        added = {"type": "response.output_text.annotation.added", **place, "annotation_index": 0}
        events.append({**added, "annotation": annotation})
    events.append({"type": f"{kind}.done", **place, **done})
    return [*events, {"type": "response.content_part.done", **place, "part": whole}]
