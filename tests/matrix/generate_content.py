"""POST /v1beta/models/{model}:generateContent, as Google speaks it; chunks as recorded of gemini-2.5 and -3."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from tests.matrix import asked
from tests.matrix.columns import Column, LeftOut
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
    Speak,
    Think,
    pieces,
)

if TYPE_CHECKING:
    from tests.matrix.columns import Missing

SIGNATURE = "Co4CAdHtim+rWgXbz2Q4zBWBrhZ8mkz8nSF5O2aL7Xb2XhKo1DxD0Lw3"
_WEATHER = {"functionDeclarations": [{"name": "weather", "parameters": {"properties": {"city": ...}}}]}
_CALL = {"functionCall": {"name": "weather", "args": {"city": "Paris"}}, "thoughtSignature": SIGNATURE}
_ROME = {"functionCall": {"name": "weather", "args": {"city": "Rome"}}}


def _result(**response: str) -> dict[str, Any]:
    return {"functionResponse": {"name": "weather", "response": response}}


def _content(role: str, *parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": role, "parts": list(parts)}


def _words(role: str, text: str) -> dict[str, Any]:
    return _content(role, {"text": text})


def _shown(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"contents": [_content("user", {"text": asked.QUESTION}, *parts)]}


def _inline(mime: str, data: str) -> dict[str, Any]:
    return {"inlineData": {"mimeType": mime, "data": data}}


class GenerateContent(Column):
    title = "generate_content (Gemini)"
    api = "generate_content"
    model = "gemini-2.5-flash"
    models: ClassVar[dict[str, str]] = {
        "image out": "gemini-2.5-flash-image",
        "audio out": "gemini-2.5-flash-preview-tts",
        "reasoning replay": "gemini-3-pro-preview",
    }
    arguments: ClassVar[dict[str, dict[str, Any]]] = {
        "audio out": {"modalities": ["audio"], "audio": {"voice": "Kore"}},
        "image out": {"modalities": ["text", "image"]},
        "reasoning out": {"thinking_budget": 1024, "include_thoughts": True},
        "cache": {"cached_content": "cachedContents/paris"},
        "logprobs": {"logprobs": True, "top_logprobs": 1},
    }
    own_tools: ClassVar[dict[str, dict[str, Any]]] = {
        "citations": {"google_search": {}},
        "server tools": {"code_execution": {}},
    }
    wants: ClassVar[dict[str, Any]] = {
        "text": {"contents": [_words("user", asked.QUESTION)]},
        "system": {
            "systemInstruction": {"parts": [{"text": asked.SYSTEM}]},
            "contents": [_words("user", asked.QUESTION)],
        },
        "multi-turn": {
            "contents": [
                _words("user", asked.BEFORE),
                _words("model", asked.BETWEEN),
                _words("user", asked.QUESTION),
            ]
        },
        "tools": {
            "tools": [_WEATHER],
            "contents": [_content("model", _CALL), _content("user", _result(output="21 degrees"))],
        },
        "parallel": {
            "tools": [_WEATHER],
            "contents": [
                _content("model", _CALL, _ROME),
                _content("user", _result(output="21 degrees"), _result(output="30 degrees")),
            ],
        },
        "forced": {"tools": [_WEATHER], "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
        "named": {
            "tools": [_WEATHER],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
        },
        "tool error": {"contents": [_content("user", _result(error=asked.FAILURE))]},
        "json_schema": {
            "generationConfig": {
                "responseMimeType": "application/json",
                "responseJsonSchema": {"properties": {"city": ...}},
            }
        },
        "function_calling": {
            "tools": [{"functionDeclarations": [{"name": "Weather"}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
        },
        "json_mode": {"generationConfig": {"responseMimeType": "application/json"}},
        "image": _shown(
            {"fileData": {"mimeType": "image/png", "fileUri": asked.PICTURE_URL}}, _inline("image/png", asked.PNG)
        ),
        "PDF": _shown(_inline("application/pdf", asked.PDF)),
        "audio in": _shown(_inline("audio/wav", asked.WAV)),
        "video in": _shown(_inline("video/mp4", asked.MP4)),
        "image out": {"generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}},
        "audio out": {
            "generationConfig": {
                "responseModalities": ["AUDIO"],
                "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
            }
        },
        "reasoning out": {"generationConfig": {"thinkingConfig": {"thinkingBudget": 1024, "includeThoughts": True}}},
        "reasoning replay": {"contents": [_content("model", _CALL), _content("user", _result(output="21 degrees"))]},
        "cache": {"cachedContent": "cachedContents/paris"},
        "citations": {"tools": [{"googleSearch": {}}]},
        "server tools": {"tools": [{"codeExecution": {}}]},
        "stop": {"generationConfig": {"stopSequences": [asked.STOP]}},
        "seed": {"generationConfig": {"seed": asked.SEED}},
        "n": {"generationConfig": {"candidateCount": 2}},
        "logprobs": {"generationConfig": {"responseLogprobs": True, "logprobs": 1}},
    }
    missing: ClassVar[dict[str, Missing]] = {
        "strict": LeftOut(
            "generate_content has no 'strict'",
            "tools.0.functionDeclarations.0.strict",
            "not sent; a warning names `strict`, unless a call is forced: then Gemini holds it to its schema anyway",
        ),
        "cited documents": LeftOut(
            "A source is sent as text with its title",
            "contents.0.parts.0.citations",
            "sent as text, with a warning that it will not be cited",
        ),
    }
    notes: ClassVar[dict[str, str]] = {
        "tool error": "as `error` of the function's response",
        "cache": "the provider caches by itself; `cached_content` names a cache of yours, and marks mean nothing here",
        "server tools": "`code_execution` shows its calls; searches come as citations",
        "refusal": "finish reason SAFETY and the like, in words of ours where the wire has none",
        "reasoning replay": "by thought signatures",
    }
    shows_transcript = False

    # --- answers ----------------------------------------------------------------------------------------------------

    def streams(self, path: str, body: dict[str, Any]) -> bool:
        return ":streamGenerateContent" in path

    def framed(self, payloads: list[dict[str, Any]]) -> bytes:
        return "".join(f"data: {json.dumps(one)}\r\n\r\n" for one in payloads).encode()

    def finish(self, said: Said) -> str:
        return "content_filter" if said.of(Refuse) else super().finish(said)

    def _answer(self, candidates: list[dict[str, Any]]) -> dict[str, Any]:
        usage = {
            "promptTokenCount": INPUT,
            "candidatesTokenCount": OUTPUT - THOUGHT,
            "totalTokenCount": INPUT + OUTPUT,
            "cachedContentTokenCount": CACHED,
            "thoughtsTokenCount": THOUGHT,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": INPUT}],
        }
        return {
            "candidates": candidates,
            "usageMetadata": usage,
            "modelVersion": "gemini-2.5-flash",
            "responseId": "Yx8vaYz7Gd2qxN8P",
        }

    def _ended(self, said: Said) -> dict[str, Any]:
        """What the last candidate says beside its content."""
        if said.of(Refuse):
            return {"finishReason": "SAFETY", "finishMessage": said.of(Refuse)[0].text}
        ended: dict[str, Any] = {"finishReason": "MAX_TOKENS" if said.finish == "length" else "STOP"}
        if grounding := _grounding(said):
            ended["groundingMetadata"] = grounding
        return ended

    def plain(self, said: Said) -> dict[str, Any]:
        parts = [wire for part in _signed(said) for wire in _parts(*part)]
        content = {"content": {"parts": parts, "role": "model"}} if parts else {}
        logprobs = {"logprobsResult": _logprobs(pieces(said.text))} if said.logprobs else {}
        first = {**content, **self._ended(said), "index": 0, **logprobs}
        others = [
            {"content": {"parts": [{"text": text}], "role": "model"}, "finishReason": "STOP", "index": number}
            for number, text in enumerate(said.others, 1)
        ]
        return self._answer([first, *others])

    def stream(self, said: Said) -> list[dict[str, Any]]:
        chunks = []
        for part, is_first_call in _signed(said):
            for wire in _in_pieces(part, is_first_call=is_first_call):
                chunk: dict[str, Any] = {"content": {"parts": [wire], "role": "model"}, "index": 0}
                if said.logprobs:
                    chunk["logprobsResult"] = _logprobs([wire["text"]])
                chunks.append(self._answer([chunk]))
        for number, text in enumerate(said.others, 1):
            other = {"content": {"parts": [{"text": text}], "role": "model"}, "index": number, "finishReason": "STOP"}
            chunks.append(self._answer([other]))
        return [*chunks, self._answer([{**self._ended(said), "index": 0}])]


def _signed(said: Said) -> list[tuple[Part, bool]]:
    """The parts, and of each whether it is the first call, which carries the signature."""
    first = next((part for part in said.parts if isinstance(part, Call)), None)
    return [(part, part is first) for part in said.parts]


def _parts(part: Part, is_first_call: bool) -> list[dict[str, Any]]:
    match part:
        case Think(text):
            return [{"text": text, "thought": True}]
        case Say(text):
            return [{"text": text}]
        case Call():
            call = {"functionCall": {"name": part.name, "args": part.arguments}}
            return [call | ({"thoughtSignature": SIGNATURE} if is_first_call else {})]
        case Search(query):
            code = {"executableCode": {"language": "PYTHON", "code": f"print({query!r})"}}
            return [code, {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": f"{query}\n"}}]
        case Show(data):
            return [_inline("image/png", data)]
        case Speak(data):
            return [_inline("audio/L16;codec=pcm;rate=24000", data)]
        case _:
            return []


def _in_pieces(part: Part, *, is_first_call: bool) -> list[dict[str, Any]]:
    match part:
        case Think(text):
            return [{"text": piece, "thought": True} for piece in pieces(text)]
        case Say(text):
            return [{"text": piece} for piece in pieces(text)]
        case Speak(data):
            return [_inline("audio/L16;codec=pcm;rate=24000", piece) for piece in pieces(data)]
        case _:
            return _parts(part, is_first_call)


def _grounding(said: Said) -> dict[str, Any]:
    chunks: list[Any] = []
    supports: list[Any] = []
    start = 0
    for part in said.of(Say):
        end = start + len(part.text.encode("utf-8", "surrogatepass"))
        if part.source is not None:
            segment = {"startIndex": start, "endIndex": end, "text": part.text}
            supports.append({"segment": segment, "groundingChunkIndices": [len(chunks)]})
            chunks.append({"web": {"uri": part.source.url, "title": part.source.title}})
        start = end
    if not chunks:
        return {}
    return {"webSearchQueries": ["weather"], "groundingChunks": chunks, "groundingSupports": supports}


def _logprobs(tokens: list[str]) -> dict[str, Any]:
    chosen = [{"token": token, "tokenId": 700 + len(token), "logProbability": LOGPROB} for token in tokens]
    return {"topCandidates": [{"candidates": [one]} for one in chosen], "chosenCandidates": chosen}
