"""The columns of the LlamaIndex contract for the APIs that Claude, GPT and Gemini have of their own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from llama_index_tikhub import TikHub
from tests.scripted_server import Answer, Request, sse
from tests.standard.llama_index_columns import KEY, Call, Column, Said, pieces, text_in

if TYPE_CHECKING:
    from llama_index.core.llms.function_calling import FunctionCallingLLM


def named_events(payloads: list[dict[str, Any]]) -> Answer:
    """A stream whose events go by their `type`."""
    lines = [f"event: {payload['type']}\ndata: {json.dumps(payload)}\n\n".encode() for payload in payloads]
    return sse(*lines, done=False)


class MessagesColumn(Column):
    """POST /v1/messages as Anthropic speaks it; frames as in the recordings of claude-sonnet-4."""

    model = "claude-sonnet-4-5"
    wire_model = "claude-sonnet-4-5-20250929"
    signature = "ErUBCkYIBxgCIkDCTQUXPc3O7nHXd302Zercaz8WrrpddpOqHITxBih5ze"

    def llm(self, url: str, **settings: Any) -> FunctionCallingLLM:
        given: dict[str, Any] = {"api": "messages", "api_key": KEY, "base_url": url, "max_retries": 0}
        return TikHub(**{"model": self.model} | given | settings)

    def wants_stream(self, request: Request) -> bool:
        return bool(request.json().get("stream"))

    def usage(self, said: Said) -> dict[str, Any]:
        """`input_tokens` are those that no cache has to do with."""
        cached = {"cache_creation_input_tokens": 14, "cache_read_input_tokens": 50}
        return {"input_tokens": said.prompt_tokens - 64, **cached, "output_tokens": said.completion_tokens}

    def message(self, content: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        message = {"id": "msg_016pQQm4qHyjyqoM3gGGDDw8", "type": "message", "role": "assistant"}
        return {**message, "model": self.wire_model, "content": content, "stop_sequence": None, **more}

    def stop_reason(self, said: Said) -> str:
        return "tool_use" if said.calls else "end_turn"

    def plain(self, said: Said) -> Answer:
        content: list[dict[str, Any]] = []
        if said.reasoning:
            content.append({"type": "thinking", "thinking": said.reasoning, "signature": self.signature})
        if said.text:
            content.append({"type": "text", "text": said.text})
        content += [
            {"type": "tool_use", "id": call.id, "name": call.name, "input": json.loads(call.arguments)}
            for call in said.calls
        ]
        body = self.message(content, stop_reason=self.stop_reason(said), usage=self.usage(said))
        return Answer(body, headers={"request-id": "req_1"})

    def opening(self, said: Said) -> list[dict[str, Any]]:
        usage = self.usage(said) | {"output_tokens": 1}
        return [{"type": "message_start", "message": self.message([], stop_reason=None, usage=usage)}, {"type": "ping"}]

    def block(self, index: int, start: dict[str, Any], deltas: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {"type": "content_block_start", "index": index, "content_block": start},
            *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
            {"type": "content_block_stop", "index": index},
        ]

    def blocks(self, said: Said) -> list[dict[str, Any]]:
        found: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
        if said.reasoning:
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(said.reasoning)]
            deltas.append({"type": "signature_delta", "signature": self.signature})
            found.append(({"type": "thinking", "thinking": "", "signature": ""}, deltas))
        if said.text:
            deltas = [{"type": "text_delta", "text": piece} for piece in pieces(said.text)]
            found.append(({"type": "text", "text": ""}, deltas))
        for call in said.calls:
            start = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *pieces(call.arguments)]]
            found.append((start, deltas))
        return [event for index, (start, deltas) in enumerate(found) for event in self.block(index, start, deltas)]

    def stream(self, said: Said) -> Answer:
        stopped = {"stop_reason": self.stop_reason(said), "stop_sequence": None}
        answer = named_events(
            [
                *self.opening(said),
                *self.blocks(said),
                {"type": "message_delta", "delta": stopped, "usage": {"output_tokens": said.completion_tokens}},
                {"type": "message_stop"},
            ]
        )
        answer.headers["request-id"] = "req_1"
        return answer

    def error(self, kind: str, message: str) -> dict[str, Any]:
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}

    def failure(self, status: int, message: str) -> Answer:
        kind = "invalid_request_error" if status < 500 else "api_error"
        headers = {"retry-after-ms": "1", "request-id": "req_1"}
        return Answer(self.error(kind, message), status=status, headers=headers)

    def failing_stream(self, text: str, message: str) -> Answer:
        opened = self.blocks(Said(text))[:-1]
        return named_events([*self.opening(Said(text)), *opened, self.error("overloaded_error", message)])

    def as_schema(self, request: Request) -> bool:
        return "format" in request.json().get("output_config", {})

    def texts(self, request: Request) -> list[tuple[str, str]]:
        body = request.json()
        system = [("system", text_in(body["system"]))] if "system" in body else []
        return [*system, *((message["role"], text_in(message["content"])) for message in body["messages"])]

    def tools(self, request: Request) -> list[str]:
        return [tool["name"] for tool in request.json().get("tools") or ()]

    def replayed(self, request: Request) -> Said:
        said = Said()
        for block in _blocks([turn for turn in request.json()["messages"] if turn["role"] == "assistant"][-1]):
            match block:
                case {"type": "thinking", "thinking": text}:
                    assert block["signature"] == self.signature
                    said.reasoning += text
                case {"type": "text", "text": text}:
                    said.text += text
                case {"type": "tool_use"}:
                    said.calls.append(Call(block["id"], block["name"], json.dumps(block["input"])))
        return said

    def tool_results(self, request: Request) -> dict[str, str]:
        blocks = [block for turn in request.json()["messages"] for block in _blocks(turn)]
        return {block["tool_use_id"]: text_in(block["content"]) for block in blocks if block["type"] == "tool_result"}


def _blocks(turn: dict[str, Any]) -> list[dict[str, Any]]:
    content = turn["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


class ResponsesColumn(Column):
    """POST /v1/responses as OpenAI speaks it; events as in the recordings of gpt-5.1."""

    model = "gpt-5-mini"
    wire_model = "gpt-5-mini-2025-08-07"
    encrypted = "gAAAAABpPDIVOKrsHNZ0GwsoEKA_IGfuJ5f8Ma_6-EojH4yZFL50qlfUzM7FREdQ"

    def llm(self, url: str, **settings: Any) -> FunctionCallingLLM:
        given: dict[str, Any] = {"api": "responses", "api_key": KEY, "base_url": url, "max_retries": 0}
        return TikHub(**{"model": self.model} | given | settings)

    def wants_stream(self, request: Request) -> bool:
        return bool(request.json().get("stream"))

    def response(self, status: str, **more: Any) -> dict[str, Any]:
        response = {"id": "resp_01830d662ab3856501693c321345c88190", "object": "response", "created_at": 1765552659}
        response |= {"status": status, "model": self.wire_model, "error": None, "incomplete_details": None}
        return {**response, "parallel_tool_calls": True, "store": False, "output": [], "usage": None, **more}

    def usage(self, said: Said) -> dict[str, Any]:
        return {
            "input_tokens": said.prompt_tokens,
            "input_tokens_details": {"cached_tokens": 64},
            "output_tokens": said.completion_tokens,
            "output_tokens_details": {"reasoning_tokens": 4},
            "total_tokens": said.prompt_tokens + said.completion_tokens,
        }

    def items(self, said: Said) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        if said.reasoning:
            summary = [{"type": "summary_text", "text": said.reasoning}]
            found.append({"id": "rs_1", "type": "reasoning", "encrypted_content": self.encrypted, "summary": summary})
        if said.text:
            content = [{"type": "output_text", "annotations": [], "logprobs": [], "text": said.text}]
            message = {"id": "msg_1", "type": "message", "status": "completed", "content": content}
            found.append({**message, "role": "assistant"})
        for number, call in enumerate(said.calls):
            item = {"id": f"fc_{number}", "type": "function_call", "status": "completed", "call_id": call.id}
            found.append({**item, "name": call.name, "arguments": call.arguments})
        return found

    def plain(self, said: Said) -> Answer:
        body = self.response("completed", output=self.items(said), usage=self.usage(said))
        return Answer(body, headers={"x-request-id": "req_1"})

    def opening(self) -> list[dict[str, Any]]:
        began = self.response("in_progress")
        return [{"type": "response.created", "response": began}, {"type": "response.in_progress", "response": began}]

    def written(self, index: int, item: dict[str, Any]) -> list[dict[str, Any]]:
        """The events in which an item comes; the last one has it whole."""
        at = {"item_id": item["id"], "output_index": index}
        begun: dict[str, Any]
        match item["type"]:
            case "reasoning":
                begun, at, name = {"summary": []}, at | {"summary_index": 0}, "reasoning_summary_text"
                text, field = item["summary"][0]["text"], "text"
            case "message":
                begun, at, name = {"content": [], "status": "in_progress"}, at | {"content_index": 0}, "output_text"
                text, field = item["content"][0]["text"], "text"
            case _:
                begun, name = {"arguments": "", "status": "in_progress"}, "function_call_arguments"
                text, field = item["arguments"], "arguments"
        return [
            {"type": "response.output_item.added", "output_index": index, "item": item | begun},
            *({"type": f"response.{name}.delta", **at, "delta": piece, "obfuscation": "x"} for piece in pieces(text)),
            {"type": f"response.{name}.done", **at, field: text},
            {"type": "response.output_item.done", "output_index": index, "item": item},
        ]

    def events(self, payloads: list[dict[str, Any]]) -> Answer:
        return named_events([payload | {"sequence_number": number} for number, payload in enumerate(payloads)])

    def stream(self, said: Said) -> Answer:
        items = self.items(said)
        written = [event for index, item in enumerate(items) for event in self.written(index, item)]
        done = self.response("completed", output=items, usage=self.usage(said))
        answer = self.events([*self.opening(), *written, {"type": "response.completed", "response": done}])
        answer.headers["x-request-id"] = "req_1"
        return answer

    def failure(self, status: int, message: str) -> Answer:
        kind = "invalid_request_error" if status < 500 else "server_error"
        body = {"error": {"message": message, "type": kind, "param": None, "code": None}}
        return Answer(body, status=status, headers={"retry-after-ms": "1", "x-request-id": "req_1"})

    def failing_stream(self, text: str, message: str) -> Answer:
        [item] = self.items(Said(text))
        error = {"type": "error", "code": "server_error", "message": message, "param": None}
        return self.events([*self.opening(), *self.written(0, item)[:-2], error])

    def as_schema(self, request: Request) -> bool:
        form = request.json().get("text", {}).get("format", {})
        return bool(form.get("type") == "json_schema")

    def texts(self, request: Request) -> list[tuple[str, str]]:
        body = request.json()
        system = [("system", body["instructions"])] if "instructions" in body else []
        return [*system, *((item["role"], text_in(item["content"])) for item in body["input"] if "role" in item)]

    def tools(self, request: Request) -> list[str]:
        return [tool["name"] for tool in request.json().get("tools") or ()]

    def replayed(self, request: Request) -> Said:
        said = Said()
        for item in request.json()["input"]:
            match item:
                case {"type": "reasoning", "summary": [{"text": text}]}:
                    assert item["encrypted_content"] == self.encrypted
                    said.reasoning += text
                case {"role": "assistant", "content": content}:
                    said.text += text_in(content)
                case {"type": "function_call"}:
                    said.calls.append(Call(item["call_id"], item["name"], item["arguments"]))
        return said

    def tool_results(self, request: Request) -> dict[str, str]:
        items = request.json()["input"]
        return {item["call_id"]: item["output"] for item in items if item.get("type") == "function_call_output"}


class GenerateContentColumn(Column):
    """POST /v1beta/models/{model}:generateContent as Google speaks it; chunks as in the recordings of Gemini 3."""

    model = "gemini-3-flash-preview"
    signature = "EjQKMgG+Pvb7CkZBbYNbPlcPVcIBNDdKzkMhVUB8dsNBVmxpcIpXbkD0zRPQ"

    def llm(self, url: str, **settings: Any) -> FunctionCallingLLM:
        given: dict[str, Any] = {"api": "generate_content", "api_key": KEY, "base_url": url, "max_retries": 0}
        return TikHub(**{"model": self.model} | given | settings)

    def wants_stream(self, request: Request) -> bool:
        return ":streamGenerateContent" in request.path

    def usage(self, said: Said) -> dict[str, Any]:
        """`candidatesTokenCount` counts no thoughts."""
        return {
            "promptTokenCount": said.prompt_tokens,
            "candidatesTokenCount": said.completion_tokens - 4,
            "thoughtsTokenCount": 4,
            "totalTokenCount": said.prompt_tokens + said.completion_tokens,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": said.prompt_tokens}],
        }

    def payload(self, parts: list[dict[str, Any]], usage: dict[str, Any], **more: Any) -> dict[str, Any]:
        candidate = {"content": {"parts": parts, "role": "model"}, "index": 0, **more}
        answer = {"candidates": [candidate], "usageMetadata": usage}
        return answer | {"modelVersion": self.model, "responseId": "n_NcaYyXNuq9nvgP6Oi5oQU"}

    def calls(self, said: Said) -> list[dict[str, Any]]:
        """Whole, and the first one signed, if the model thought."""
        parts: list[dict[str, Any]] = [
            {"functionCall": {"name": call.name, "args": json.loads(call.arguments), "id": call.id}}
            for call in said.calls
        ]
        if parts and said.reasoning:
            parts[0]["thoughtSignature"] = self.signature
        return parts

    def plain(self, said: Said) -> Answer:
        parts: list[dict[str, Any]] = [{"text": said.reasoning, "thought": True}] if said.reasoning else []
        parts += [{"text": said.text}] if said.text else []
        return Answer(self.payload([*parts, *self.calls(said)], self.usage(said), finishReason="STOP"))

    def chunks(self, said: Said) -> list[dict[str, Any]]:
        parts: list[dict[str, Any]] = [
            *({"text": piece, "thought": True} for piece in pieces(said.reasoning)),
            *({"text": piece} for piece in pieces(said.text)),
            *self.calls(said),
        ]
        so_far = {"promptTokenCount": said.prompt_tokens, "totalTokenCount": said.prompt_tokens}
        return [self.payload([part], so_far) for part in parts]

    def stream(self, said: Said) -> Answer:
        last = self.payload([{"text": ""}], self.usage(said), finishReason="STOP")
        return sse(*self.chunks(said), last, done=False)

    def error(self, status: int, message: str) -> dict[str, Any]:
        return {"error": {"code": status, "message": message, "status": "INTERNAL"}}

    def failure(self, status: int, message: str) -> Answer:
        return Answer(self.error(status, message), status=status, headers={"retry-after-ms": "1"})

    def failing_stream(self, text: str, message: str) -> Answer:
        return sse(*self.chunks(Said(text)), self.error(503, message), done=False)

    def as_schema(self, request: Request) -> bool:
        return bool(self.settings(request).keys() & {"responseJsonSchema", "responseSchema"})

    def settings(self, request: Request) -> dict[str, Any]:
        return dict(request.json().get("generationConfig") or {})

    def texts(self, request: Request) -> list[tuple[str, str]]:
        body = request.json()
        system = [("system", text_in(body["systemInstruction"]["parts"]))] if "systemInstruction" in body else []
        roles = {"user": "user", "model": "assistant"}
        return [*system, *((roles[turn["role"]], text_in(turn["parts"])) for turn in body["contents"])]

    def tools(self, request: Request) -> list[str]:
        tools = request.json().get("tools") or ()
        return [function["name"] for tool in tools for function in tool["functionDeclarations"]]

    def replayed(self, request: Request) -> Said:
        said = Said()
        [*_, turn] = (turn for turn in request.json()["contents"] if turn["role"] == "model")
        for part in turn["parts"]:
            match part:
                case {"functionCall": {"id": str(call_id), "name": str(name), "args": arguments}}:
                    if said.reasoning and not said.calls:
                        assert part["thoughtSignature"] == self.signature
                    said.calls.append(Call(call_id, name, json.dumps(arguments)))
                case {"text": str(text), "thought": True}:
                    said.reasoning += text
                case {"text": str(text)}:
                    said.text += text
        return said

    def tool_results(self, request: Request) -> dict[str, str]:
        parts = [part for turn in request.json()["contents"] for part in turn["parts"]]
        results = [part["functionResponse"] for part in parts if "functionResponse" in part]
        return {result["id"]: result["response"]["output"] for result in results}
