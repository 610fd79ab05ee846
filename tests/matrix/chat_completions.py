"""POST /v1/chat/completions, as OpenAI speaks it and as DeepSeek does; frames as in the recordings of both."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from tests.matrix import asked
from tests.matrix.columns import Answered400, Column, LeftOut, Refused
from tests.matrix.said import CACHED, INPUT, LOGPROB, OUTPUT, THOUGHT, Call, Refuse, Said, Say, Speak, Think, pieces

if TYPE_CHECKING:
    from tests.matrix.columns import Missing

_QUESTION = {"role": "user", "content": asked.QUESTION}
_WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"properties": {"city": ...}}}}
_CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Paris"}'}}
_ROME = {"id": "call_2", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}


def _result(call_id: str, words: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": words}


def _shown(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": asked.QUESTION}, *blocks]}]}


class ChatCompletions(Column):
    title = "chat_completions (GPT)"
    api = asked_api = "chat_completions"
    model = "gpt-4o-mini"
    wire_model = "gpt-4o-mini-2024-07-18"
    models: ClassVar[dict[str, str]] = {
        "audio in": "gpt-4o-audio-preview",
        "audio out": "gpt-4o-audio-preview",
        "reasoning out": "gpt-5-mini",
        "reasoning replay": "gpt-5-mini",
        "server tools": "gpt-4o-search-preview",
        "citations": "gpt-4o-search-preview",
    }
    arguments: ClassVar[dict[str, dict[str, Any]]] = {
        "audio out": {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "pcm16"}},
        "image out": {"modalities": ["text", "image"]},
        "reasoning out": {"reasoning": {"effort": "low", "summary": "auto"}},
        "cache": {"prompt_cache_key": "paris"},
        "server tools": {"web_search_options": {"search_context_size": "low"}},
        "citations": {"web_search_options": {}},
        "logprobs": {"logprobs": True, "top_logprobs": 1},
    }
    wants: ClassVar[dict[str, Any]] = {
        "text": {"messages": [_QUESTION]},
        "system": {"messages": [{"role": "system", "content": asked.SYSTEM}, _QUESTION]},
        "multi-turn": {
            "messages": [
                {"role": "user", "content": asked.BEFORE},
                {"role": "assistant", "content": asked.BETWEEN},
                _QUESTION,
            ]
        },
        "tools": {
            "tools": [_WEATHER],
            "messages": [_QUESTION, {"role": "assistant", "tool_calls": [_CALL]}, _result("call_1", "21 degrees")],
        },
        "parallel": {
            "tools": [_WEATHER],
            "messages": [
                {"role": "assistant", "tool_calls": [_CALL, _ROME]},
                _result("call_1", "21 degrees"),
                _result("call_2", "30 degrees"),
            ],
        },
        "forced": {"tools": [_WEATHER], "tool_choice": "required"},
        "named": {"tools": [_WEATHER], "tool_choice": {"type": "function", "function": {"name": "weather"}}},
        "strict": {"tools": [{"function": {"strict": True, "parameters": {"additionalProperties": False}}}]},
        "tool error": {"messages": [_result("call_1", asked.FAILURE)]},
        "json_schema": {
            "response_format": {"type": "json_schema", "json_schema": {"schema": {"properties": {"city": ...}}}}
        },
        "function_calling": {"tools": [{"function": {"name": "Weather"}}], "tool_choice": ...},
        "json_mode": {"response_format": {"type": "json_object"}},
        "image": _shown(
            {"type": "image_url", "image_url": {"url": asked.PICTURE_URL}},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{asked.PNG}"}},
        ),
        "PDF": _shown({"type": "file", "file": {"file_data": f"data:application/pdf;base64,{asked.PDF}"}}),
        "audio in": _shown({"type": "input_audio", "input_audio": {"data": asked.WAV, "format": "wav"}}),
        "audio out": {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "pcm16"}},
        "cache": {"prompt_cache_key": "paris"},
        "citations": {"web_search_options": {}},
        "server tools": {"web_search_options": {"search_context_size": "low"}},
        "stop": {"stop": [asked.STOP]},
        "seed": {"seed": asked.SEED},
        "n": {"n": 2},
        "logprobs": {"logprobs": True, "top_logprobs": 1},
    }
    missing: ClassVar[dict[str, Missing]] = {
        "video in": Refused(
            "chat_completions cannot carry video input", "`InvalidRequestError` names it, before anything is sent"
        ),
        "image out": Answered400(
            "Invalid value: 'image'. Supported values are: 'text' and 'audio'.",
            "sent; OpenAI answers 400, and `BadRequestError` has its words; images that relays add are read",
        ),
        "reasoning out": LeftOut(
            r"chat_completions cannot express reasoning\['summary'\]",
            "reasoning",
            "OpenAI shows no thoughts here, and a warning names `summary`; `reasoning_content` of others is read",
        ),
        "reasoning replay": LeftOut(
            "What gpt on chat_completions cannot read is left out: Reasoning of claude on messages",
            "messages.1.reasoning_content",
            "thoughts of other APIs are left out, with a warning",
        ),
        "cited documents": LeftOut(
            "A source is sent as text with its title",
            "messages.0.content.0.citations",
            "sent as text, with a warning that it will not be cited",
        ),
    }
    notes: ClassVar[dict[str, str]] = {
        "tool error": "the wire has no mark for it: the result's words say it",
        "cache": "the provider caches by itself; `prompt_cache_key` steers it, and marks on content mean nothing here",
        "server tools": "by `web_search_options`; the search itself is not shown",
        "refusal": "in the answer's own field",
    }
    shows_searches = False

    # --- answers ----------------------------------------------------------------------------------------------------

    def usage(self) -> dict[str, Any]:
        return {
            "prompt_tokens": INPUT,
            "completion_tokens": OUTPUT,
            "total_tokens": INPUT + OUTPUT,
            "prompt_tokens_details": {"cached_tokens": CACHED, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": THOUGHT, "audio_tokens": 0},
        }

    def answer(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": "chatcmpl-Dx0XpqH8w09uBXwq1zFGYdETjtnEl",
            "object": kind,
            "created": 1782955817,
            "model": self.wire_model,
            "choices": choices,
            "service_tier": "default",
            "system_fingerprint": "fp_d0469e1700",
        }

    def plain(self, said: Said) -> dict[str, Any]:
        choices = [
            {
                "index": 0,
                "message": self.message(said),
                "logprobs": {"content": _tokens(said.text), "refusal": None} if said.logprobs else None,
                "finish_reason": self.finish(said),
            }
        ]
        for number, text in enumerate(said.others, 1):
            message = {"role": "assistant", "content": text, "refusal": None}
            choices.append({"index": number, "message": message, "logprobs": None, "finish_reason": "stop"})
        return {**self.answer("chat.completion", choices), "usage": self.usage()}

    def message(self, said: Said) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": said.text or None, "refusal": None}
        for refusal in said.of(Refuse):
            message["refusal"] = refusal.text
        if calls := said.of(Call):
            message["tool_calls"] = [_call(call) | {"function": _function(call)} for call in calls]
        for spoken in said.of(Speak):
            message["audio"] = {
                **_AUDIO,
                "data": spoken.data,
                "transcript": spoken.transcript,
                "expires_at": 1782959417,
            }
        return message | {"annotations": _annotations(said)}

    def chunk(self, delta: dict[str, Any], finish: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish} | more
        return {**self.answer("chat.completion.chunk", [choice]), "usage": None, "obfuscation": "C63r"}

    def opening(self) -> dict[str, Any]:
        return {"role": "assistant", "content": "", "refusal": None}

    def said_in_pieces(self, text: str, *, logprobs: bool = False) -> list[dict[str, Any]]:
        def more(piece: str) -> dict[str, Any]:
            return {"logprobs": {"content": [_token(piece)]}} if logprobs else {}

        return [self.chunk({"content": piece}, **more(piece)) for piece in pieces(text)]

    def stream(self, said: Said) -> list[dict[str, Any]]:
        chunks = [self.chunk(self.opening())]
        calls = 0
        for part in said.parts:
            match part:
                case Say(text):
                    chunks += self.said_in_pieces(text, logprobs=said.logprobs)
                case Refuse(text):
                    chunks += [self.chunk({"refusal": piece}) for piece in pieces(text)]
                case Call():
                    opened = {"index": calls, **_call(part), "function": _function(part) | {"arguments": ""}}
                    chunks.append(self.chunk({"tool_calls": [opened]}))
                    for piece in pieces(part.json):
                        chunks.append(self.chunk({"tool_calls": [{"index": calls, "function": {"arguments": piece}}]}))
                    calls += 1
                case Speak(data, transcript):
                    spoken: list[dict[str, Any]] = [
                        {**_AUDIO, "transcript": ""},
                        *({"transcript": piece} for piece in pieces(transcript)),
                    ]
                    spoken += [*({"data": piece} for piece in pieces(data)), {"expires_at": 1782959417}]
                    chunks += [self.chunk({"audio": piece}) for piece in spoken]
                case _:
                    pass
        if annotations := _annotations(said):
            chunks.append(self.chunk({"annotations": annotations}))
        for number, text in enumerate(said.others, 1):
            chunks += [self.chunk({"content": piece}, index=number) for piece in pieces(text)]
            chunks.append(self.chunk({}, "stop", index=number))
        return [*chunks, *self.closing(said)]

    def closing(self, said: Said) -> list[dict[str, Any]]:
        counted = {**self.answer("chat.completion.chunk", []), "usage": self.usage()}
        return [self.chunk({}, self.finish(said)), counted]

    def framed(self, payloads: list[dict[str, Any]]) -> bytes:
        return "".join(f"data: {json.dumps(one)}\n\n" for one in payloads).encode() + b"data: [DONE]\n\n"


_AUDIO = {"id": "audio_6a3f"}


def _call(call: Call) -> dict[str, Any]:
    return {"id": call.id, "type": "function"}


def _function(call: Call) -> dict[str, Any]:
    return {"name": call.name, "arguments": call.json}


def _token(piece: str) -> dict[str, Any]:
    token = {"token": piece, "logprob": LOGPROB, "bytes": list(piece.encode())}
    return {**token, "top_logprobs": [token]}


def _tokens(text: str) -> list[dict[str, Any]]:
    return [_token(piece) for piece in pieces(text)]


def _annotations(said: Said) -> list[dict[str, Any]]:
    found = []
    start = 0
    for part in said.of(Say):
        if part.source is not None:
            place = {"start_index": start, "end_index": start + len(part.text)}
            source = {"title": part.source.title, "url": part.source.url, **place}
            found.append({"type": "url_citation", "url_citation": source})
        start += len(part.text)
    return found


_NO_TOOLS = (
    "sent; DeepSeek answers 400, and `BadRequestError` has its words: it runs no tools, and so finds nothing to cite"
)


class DeepSeek(ChatCompletions):
    title = "chat_completions (DeepSeek)"
    asked_api = "auto"
    model = wire_model = "deepseek-chat"
    models: ClassVar[dict[str, str]] = {
        "image": "deepseek-v4-flash",
        "reasoning out": "deepseek-v4-flash",
        "reasoning replay": "deepseek-v4-flash",
    }
    arguments: ClassVar[dict[str, dict[str, Any]]] = ChatCompletions.arguments | {
        "reasoning out": {"reasoning_effort": "high"},
        "cache": {},
    }
    own_tools: ClassVar[dict[str, dict[str, Any]]] = {
        "server tools": {"type": "web_search"},
        "citations": {"type": "web_search"},
    }
    wants: ClassVar[dict[str, Any]] = ChatCompletions.wants | {
        "reasoning out": {"reasoning_effort": "high"},
        "reasoning replay": {
            "messages": [
                {"role": "assistant", "reasoning_content": "It is June.", "tool_calls": [_CALL]},
                _result("call_1", "21 degrees"),
            ]
        },
        "cache": {"messages": [_QUESTION]},
    }
    missing: ClassVar[dict[str, Missing]] = {
        "json_schema": LeftOut(
            "DeepSeek holds no answer to a JSON schema: any JSON object is asked for instead",
            "response_format.json_schema",
            "any JSON object is asked for, with a warning; the parser still checks it",
        ),
        "PDF": Answered400(
            "unknown variant `file`, expected `text`", "sent; DeepSeek answers 400, and `BadRequestError` has its words"
        ),
        "audio in": Answered400(
            "unknown variant `input_audio`, expected `text`",
            "sent; DeepSeek answers 400, and `BadRequestError` has its words",
        ),
        "video in": ChatCompletions.missing["video in"],
        "image out": LeftOut(
            "deepseek-chat refuses 'modalities'", "modalities", "not sent; a warning names `modalities`"
        ),
        "audio out": LeftOut("deepseek-chat refuses 'audio'", "audio", "not sent; a warning names `audio`"),
        "cited documents": ChatCompletions.missing["cited documents"],
        "citations": Answered400("unknown variant `web_search`, expected `function`", _NO_TOOLS),
        "server tools": Answered400("unknown variant `web_search`, expected `function`", _NO_TOOLS),
    }
    notes: ClassVar[dict[str, str]] = {
        "tool error": ChatCompletions.notes["tool error"],
        "cache": "DeepSeek caches by itself: marks on content mean nothing here, and what it read is counted",
        "refusal": "no words for it on the wire: finish reason `content_filter`",
        "seed": "sent; DeepSeek's own documents do not name it",
        "n": "sent; DeepSeek's own documents do not name it",
    }

    def finish(self, said: Said) -> str:
        return "content_filter" if said.of(Refuse) else super().finish(said)

    def expected(self, said: Said) -> Any:
        outcome = super().expected(said)
        outcome.refusal = None
        return outcome

    def usage(self) -> dict[str, Any]:
        return {
            "prompt_tokens": INPUT,
            "completion_tokens": OUTPUT,
            "total_tokens": INPUT + OUTPUT,
            "prompt_tokens_details": {"cached_tokens": CACHED},
            "completion_tokens_details": {"reasoning_tokens": THOUGHT},
            "prompt_cache_hit_tokens": CACHED,
            "prompt_cache_miss_tokens": INPUT - CACHED,
        }

    def message(self, said: Said) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": said.text, "reasoning_content": ""}
        for thought in said.of(Think):
            message["reasoning_content"] = thought.text
        if calls := said.of(Call):
            message["tool_calls"] = [_call(call) | {"function": _function(call)} for call in calls]
        return message

    def opening(self) -> dict[str, Any]:
        return {"role": "assistant", "content": None, "reasoning_content": ""}

    def stream(self, said: Said) -> list[dict[str, Any]]:
        opened, *rest = super().stream(Said(tuple(p for p in said.parts if not isinstance(p, Refuse | Think)),
                                            said.finish, said.others, said.logprobs))  # fmt: skip
        thought = [
            self.chunk({"content": None, "reasoning_content": piece})
            for part in said.of(Think)
            for piece in pieces(part.text)
        ]
        return [opened, *thought, *rest[:-1], self.last(said)]

    def closing(self, said: Said) -> list[dict[str, Any]]:
        return [self.last(said)]

    def last(self, said: Said) -> dict[str, Any]:
        return {**self.chunk({"content": "", "reasoning_content": None}, self.finish(said)), "usage": self.usage()}
