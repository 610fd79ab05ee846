"""Answers of ChatAnthropic, ChatGoogleGenerativeAI and ChatOpenAI as their wires gave them. Pure.

These classes keep an answer's blocks as the wire has them, or as LangChain's v1 blocks (`output_version="v1"`), and
put beside them what had no place there: signatures of calls in `additional_kwargs`, OpenAI's items of reasoning and of
its own tools in v0. Each function here gives an answer's pieces in order, in the wire's own form.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from langchain_core.messages.content import KNOWN_BLOCK_TYPES

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

SIGNATURES = "__gemini_function_call_thought_signatures__"
"""Where ChatGoogleGenerativeAI keeps the signatures of calls, by their ids."""
ITEM_IDS = "__openai_function_call_ids__"
"""Where ChatOpenAI's v0 keeps the ids of the items that calls came in, by the calls' ids."""
_CALLS = frozenset({"tool_call", "tool_call_chunk", "invalid_tool_call"})
_LANGCHAINS = frozenset({*KNOWN_BLOCK_TYPES, "refusal", "server_tool_call", "server_tool_result"} - {"text"})
"""Kinds of blocks that LangChain has and no wire, unless they are made into one of its own here."""


class Piece(NamedTuple):
    """A piece of an answer.

    Attributes:
        wire: The wire's own form of it; None where it has none and is read like a block of any other class.
        block: The block of the message that it stands for: its cache mark, if any, is the caller's.
        call_id: Of a call, the id that the message knows it by.
        signature: Of media, Gemini's thought signature.
    """

    wire: dict[str, Any] | None
    block: Any
    call_id: str | None = None
    signature: str | None = None


def is_v1(message: AIMessage) -> bool:
    """Whether a message's content consists of LangChain's v1 blocks."""
    return message.response_metadata.get("output_version") == "v1"


def _blocks(message: AIMessage) -> list[Any]:
    content: list[Any] = [message.content] if isinstance(message.content, str) else message.content
    return [block for block in content if block not in ("", None)]


def _extras(block: Mapping[str, Any]) -> Mapping[str, Any]:
    extras = block.get("extras")
    return extras if isinstance(extras, Mapping) else {}


def _of_v1(annotations: Any, translate: Any) -> list[Any]:
    return [translate(one) for one in annotations or () if isinstance(one, Mapping)]


# --- ChatAnthropic --------------------------------------------------------------------------------------------------

_OURS = frozenset({"index", "partial_json", "cache_control"})
"""Fields that the class or its user put into the wire's blocks."""
_LOCATIONS = (
    ("start_char_index", "char_location", "document_title"),
    ("search_result_index", "search_result_location", "title"),
    ("start_block_index", "content_block_location", "document_title"),
    ("start_page_number", "page_location", "document_title"),
)
"""Which field of a v1 citation tells which location it is, and what the wire calls its title."""


def claude_pieces(message: AIMessage) -> Iterator[Piece]:
    """An answer of Claude's as content blocks of the Messages API."""
    for block in _blocks(message):
        if isinstance(block, str):
            yield Piece({"type": "text", "text": block}, block)
            continue
        is_standard = is_v1(message) or block.get("type") in _STANDARD
        wire = _claude_of_v1(block) if is_standard else _claude_block(block)
        call_id = str(wire.get("id") or "") if wire is not None and wire.get("type") == "tool_use" else None
        yield Piece(wire, block, call_id)


_STANDARD = frozenset({"reasoning", "server_tool_call", "server_tool_result", "non_standard", *_CALLS})
_NOT_ANTHROPICS = _LANGCHAINS | {"image_url", "tool_result"}


def _claude_block(block: Mapping[str, Any]) -> dict[str, Any] | None:
    kind = block.get("type")
    if kind in _NOT_ANTHROPICS:
        return None
    if kind == "reasoning_content":  # of the class for Bedrock, whose signatures hold everywhere
        said = block.get("reasoning_content")
        said = said if isinstance(said, Mapping) else {}
        return _thinking(said.get("text"), said.get("signature"))
    wire = {name: value for name, value in block.items() if name not in _OURS and value is not None}
    if "input" in block or "partial_json" in block:
        wire["input"] = block.get("input") or _parsed(block.get("partial_json"))
    if kind == "thinking":
        wire.setdefault("thinking", "")
    return wire


def _parsed(text: Any) -> Any:
    try:
        return json.loads(text) if text else {}
    except (TypeError, ValueError):
        return {"partial_json": text}


def _thinking(text: Any, signature: Any) -> dict[str, Any]:
    return {"type": "thinking", "thinking": text or ""} | ({"signature": signature} if signature else {})


def _claude_of_v1(block: Mapping[str, Any]) -> dict[str, Any] | None:
    extras = _extras(block)
    match block.get("type"):
        case "text":
            cited = _of_v1(block.get("annotations"), _claude_citation)
            return {"type": "text", "text": block.get("text") or ""} | ({"citations": cited} if cited else {})
        case "reasoning":
            return _thinking(block.get("reasoning"), extras.get("signature"))
        case "tool_call" | "tool_call_chunk" | "invalid_tool_call":
            args = block.get("args")
            wire = {"type": "tool_use", "id": block.get("id"), "name": block.get("name")}
            more = {name: extras[name] for name in ("caller", "toolset_name") if name in extras}
            return {**wire, "input": args if isinstance(args, dict) else _parsed(args), **more}
        case "server_tool_call":
            return _claude_server_call(block, extras)
        case "server_tool_result" if extras.get("block_type"):
            wire = {"type": extras["block_type"], "tool_use_id": block.get("tool_call_id")}
            wire |= {"content": block["output"]} if "output" in block else {}
            if extras["block_type"] == "mcp_tool_result":
                wire["is_error"] = block.get("status") == "error"
            return wire
        case "non_standard" if isinstance(value := block.get("value"), Mapping):
            return _claude_block(value)
        case kind if kind in _NOT_ANTHROPICS:
            return None
    return _claude_block(block)


def _claude_server_call(block: Mapping[str, Any], extras: Mapping[str, Any]) -> dict[str, Any]:
    name = block.get("name")
    args = block.get("args") or _parsed(extras.get("partial_json"))
    wire = {"type": "server_tool_use", "id": block.get("id"), "name": name, "input": args}
    if name == "code_interpreter":
        wire["name"] = "code_execution"
    elif name == "remote_mcp":
        wire |= {"type": "mcp_tool_use", "name": extras.get("tool_name"), "server_name": extras.get("server_name")}
    return wire


def _claude_citation(annotation: Mapping[str, Any]) -> dict[str, Any]:
    """A citation of v1 in the wire's form; its other fields are in `extras`."""
    if annotation.get("type") == "non_standard_annotation":
        return dict(annotation.get("value") or {})
    extras = _extras(annotation)
    said = {"cited_text": annotation["cited_text"]} if annotation.get("cited_text") else {}
    if "url" in annotation:
        wire = {"type": "web_search_result_location", "url": annotation["url"], **said}
        return wire | ({"title": annotation["title"]} if "title" in annotation else {}) | dict(extras)
    for field, kind, title in _LOCATIONS:
        if field in extras:
            return {"type": kind, **said, **({title: annotation["title"]} if annotation.get("title") else {}), **extras}
    return dict(annotation)


# --- ChatGoogleGenerativeAI -----------------------------------------------------------------------------------------

_OUTCOMES = {1: "OUTCOME_OK", 2: "OUTCOME_FAILED", "1": "OUTCOME_OK", "2": "OUTCOME_FAILED"}


def gemini_pieces(message: AIMessage) -> Iterator[Piece]:
    """An answer of Gemini's as parts of generateContent, its calls last: the class does not keep their places."""
    by_place: dict[int, str] = {}
    for block in _blocks(message):
        if isinstance(block, Mapping) and block.get("type") == "function_call_signature":
            place = block.get("index", len(by_place))
            by_place[place if isinstance(place, int) else len(by_place)] = _text(block.get("signature")) or ""
        elif not isinstance(block, Mapping) or block.get("type") not in {*_CALLS, "function_call", "tool_use"}:
            yield _gemini_piece(block)
    by_id = message.additional_kwargs.get(SIGNATURES)
    in_blocks = {
        block.get("id"): _signature(block)
        for block in _blocks(message)
        if isinstance(block, Mapping) and block.get("type") in _CALLS
    }
    for place, call in enumerate(message.tool_calls):
        signed = by_id.get(call.get("id")) if isinstance(by_id, Mapping) else None
        signature = _text(signed) or by_place.get(place) or in_blocks.get(call.get("id"))
        wire = {"functionCall": {"name": call["name"], "args": call["args"]}}
        yield Piece(_signed(wire, signature), None, call.get("id") or "")


def _gemini_piece(block: Any) -> Piece:
    if isinstance(block, str):
        return Piece({"text": block}, block)
    signature, extras = _signature(block), _extras(block)
    wire: dict[str, Any] | None = None
    match block.get("type"):
        case "text":
            wire = {"text": block.get("text") or ""}
        case "thinking" | "reasoning" | "reasoning_content":
            wire = {"text": _thought(block), "thought": True}
        case "executable_code":
            wire = _code(block.get("executable_code"), block.get("language"))
        case "code_execution_result":
            wire = _code_result(block.get("code_execution_result"), block.get("outcome"))
        case "server_tool_call" if block.get("name") == "code_interpreter":
            args = block.get("args") or {}
            wire = _code(args.get("code"), args.get("language"))
        case "server_tool_result" if extras.get("block_type") == "code_execution_result":
            failed = block.get("status") == "error"
            wire = _code_result(block.get("output"), extras.get("outcome") or (2 if failed else 1))
        case "file_data" if isinstance(block.get("file_uri"), str):
            mime = {"mimeType": block["mime_type"]} if block.get("mime_type") else {}
            wire = {"fileData": {**mime, "fileUri": block["file_uri"]}}
        case "non_standard" if isinstance(block.get("value"), Mapping):
            return _gemini_piece(block["value"])._replace(block=block)
        case None:  # a part of the wire itself
            return Piece(dict(block), block)
        case _:
            return Piece(None, block, signature=signature)
    return Piece(_signed(wire, signature), block)


def _code(code: Any, language: Any) -> dict[str, Any]:
    return {"executableCode": {"language": str(language or "PYTHON").upper(), "code": code or ""}}


def _code_result(output: Any, outcome: Any) -> dict[str, Any]:
    return {"codeExecutionResult": {"outcome": _OUTCOMES.get(outcome, outcome or "OUTCOME_OK"), "output": output or ""}}


def _thought(block: Mapping[str, Any]) -> str:
    said = block.get("thinking", block.get("reasoning"))
    if isinstance(said, str):
        return said
    summary = block.get("summary")
    pieces = summary if isinstance(summary, list) else ()
    return " ".join(str(piece.get("text", "")).strip() for piece in pieces if isinstance(piece, Mapping)).strip()


def _signature(block: Mapping[str, Any]) -> str | None:
    """A signature where v0, v1 or the class for Vertex keeps it."""
    return _text(block.get("thought_signature") or block.get("signature") or _extras(block).get("signature"))


def _text(signature: Any) -> str | None:
    if isinstance(signature, bytes):
        return b64encode(signature).decode()
    return signature if isinstance(signature, str) and signature else None


def _signed(wire: dict[str, Any], signature: str | None) -> dict[str, Any]:
    return {**wire, "thoughtSignature": signature} if signature else wire


# --- ChatOpenAI on Responses ----------------------------------------------------------------------------------------

_MADE_BY_LANGCHAIN = ("lc_", "run-")
_PAIRS = {
    "web_search": ("web_search_call", "action", None),
    "file_search": ("file_search_call", "queries", "results"),
    "code_interpreter": ("code_interpreter_call", "code", "outputs"),
    "mcp_list_tools": ("mcp_list_tools", None, "tools"),
    "tool_search": ("tool_search_call", "arguments", None),
}
"""Tools of OpenAI's by LangChain's names: the item, and where it has what was asked and what was found."""
_OF_A_CALL = frozenset({"type", "name", "id", "args", "extras", "index", "cache_control"})
_STATUS = {"success": "completed", "error": "failed"}


def openai_pieces(message: AIMessage) -> Iterator[Piece]:
    """An answer of Responses as its items, in v0, `responses/v1` and v1."""
    blocks = _v0_blocks(message)
    if is_v1(message) or any(_is_standard(block) for block in blocks):
        blocks = [*_one_by_item(blocks)]
    for block in blocks:
        if isinstance(block, str):
            yield Piece(_message_item({"type": "output_text", "text": block}, None, {}), block)
        elif isinstance(block, Mapping):
            yield _openai_piece(block)


def _is_standard(block: Any) -> bool:
    """Whether only LangChain writes a block so."""
    return isinstance(block, Mapping) and (block.get("type") == "server_tool_call" or "reasoning" in block)


def _openai_piece(block: Mapping[str, Any]) -> Piece:
    kind = block.get("type")
    if kind in {"text", "output_text"}:
        annotations = _of_v1(block.get("annotations"), _openai_annotation)
        content = {"type": "output_text", "text": block.get("text") or "", "annotations": annotations}
        return Piece(_message_item(content, block.get("id"), block), block)
    if kind == "refusal":
        return Piece(
            _message_item({"type": "refusal", "refusal": block.get("refusal") or ""}, block.get("id"), block), block
        )
    if kind in _CALLS:
        wire = _function_call(block)
        return Piece(wire, block, wire["call_id"])
    if kind == "non_standard" and isinstance(block.get("value"), Mapping):
        return _openai_piece(block["value"])._replace(block=block)
    if kind == "server_tool_result" and _extras(block).get("name") == "tool_search":
        output = block.get("output")
        tools = output.get("tools") if isinstance(output, Mapping) else None
        more = {name: value for name, value in _extras(block).items() if name != "name"}
        item = {"type": "tool_search_output", "id": block.get("tool_call_id"), **more}
        return Piece(
            {**item, "status": _STATUS.get(str(block.get("status")), "completed"), "tools": tools or []}, block
        )
    if kind == "image" and isinstance(block.get("base64"), str) and str(block.get("id")).startswith("ig_"):
        wire = {"type": "image_generation_call", "id": block["id"], "status": "completed", **_extras(block)}
        return Piece({**wire, "result": block["base64"]}, block)
    is_item = kind == "reasoning" or str(kind).endswith(("_call", "_output", "_request"))
    if not (kind in _ITEMS or is_item) or (kind in _LANGCHAINS and kind != "reasoning"):
        return Piece(None, block)
    wire = {name: value for name, value in block.items() if name not in {"index", "cache_control"}}
    if kind == "reasoning":
        wire["summary"] = [
            {name: value for name, value in one.items() if name != "index"}
            for one in block.get("summary") or ()
            if isinstance(one, Mapping)
        ]
    if kind in _FUNCTIONS and not (wire.get("name") and wire.get("call_id")):  # a call of nothing
        return Piece(None, block)
    call_id = str(wire["call_id"]) if kind in _FUNCTIONS else None
    return Piece(wire, block, call_id)


_FUNCTIONS = frozenset({"function_call", "custom_tool_call"})
_ITEMS = frozenset({"compaction", "mcp_list_tools"})


def _message_item(content: dict[str, Any], identifier: Any, block: Mapping[str, Any]) -> dict[str, Any]:
    item: dict[str, Any] = {"type": "message", "role": "assistant", "content": [content]}
    if isinstance(identifier, str) and identifier and not identifier.startswith(_MADE_BY_LANGCHAIN):
        item |= {"id": identifier, "status": "completed"}
    phase = block.get("phase") or _extras(block).get("phase")
    return item | ({"phase": phase} if phase else {})


def _function_call(block: Mapping[str, Any]) -> dict[str, Any]:
    extras, args = _extras(block), block.get("args")
    written = extras.get("arguments")
    if not isinstance(written, str):
        written = args if isinstance(args, str) else json.dumps(args or {}, ensure_ascii=False)
    item = {"type": "function_call", "call_id": str(block.get("id") or ""), "name": block.get("name")}
    item |= {"id": extras["item_id"]} if extras.get("item_id") else {}
    more = {name: extras[name] for name in ("status", "namespace", "async") if name in extras}
    return {**item, "arguments": written, **more}


def _openai_annotation(annotation: Mapping[str, Any]) -> dict[str, Any]:
    match annotation.get("type"):
        case "non_standard_annotation":
            return dict(annotation.get("value") or {})
        case "citation":
            extras = dict(_extras(annotation))
            places = {name: annotation[name] for name in ("start_index", "end_index") if name in annotation}
            title = annotation.get("title")
            if "url" in annotation:
                named = {} if title is None else {"title": title}
                return {"type": "url_citation", "url": annotation["url"], **named, **places, **extras}
            return {"type": "file_citation", **({} if title is None else {"filename": title}), **places, **extras}
    return dict(annotation)


def _v0_blocks(message: AIMessage) -> list[Any]:
    """The blocks of `responses/v1`; those of v0 with what it keeps beside them, where the items stood."""
    blocks, kwargs = _blocks(message), message.additional_kwargs
    reasoning = kwargs.get("reasoning")
    outputs = [one for one in kwargs.get("tool_outputs") or () if isinstance(one, Mapping)]
    ids = kwargs.get(ITEM_IDS)
    item_id = message.id if isinstance(message.id, str) and message.id.startswith("msg_") else None
    if not (isinstance(reasoning, Mapping) or outputs or ids or item_id):
        return blocks
    if item_id:
        blocks = [
            {"id": item_id, **block} if isinstance(block, Mapping) and block.get("type") == "text" else block
            for block in blocks
        ]
    thoughts = [{**reasoning, "type": "reasoning"}] if isinstance(reasoning, Mapping) else []
    calls = [
        {
            "type": "function_call",
            "id": ids.get(call["id"]),
            "call_id": call["id"],
            "name": call["name"],
            "arguments": json.dumps(call["args"], ensure_ascii=False),
        }
        for call in message.tool_calls
        if isinstance(ids, Mapping) and ids.get(call["id"])
    ]
    return [*thoughts, *outputs, *blocks, *calls]


def _one_by_item(blocks: Iterable[Any]) -> Iterator[Any]:
    """The blocks of v1, those of one item together: it has a block for each part of a summary, and for a tool two."""
    waiting: list[Mapping[str, Any]] = []
    for block in [*blocks, None]:
        if waiting and not _goes_on(waiting[-1], block):
            yield _whole(waiting)
            waiting = []
        if (isinstance(block, Mapping) and block.get("type") in {"reasoning", "server_tool_call"}) or (
            isinstance(block, Mapping) and waiting
        ):
            waiting.append(block)
        elif block is not None:
            yield block


def _goes_on(before: Mapping[str, Any], block: Any) -> bool:
    if not isinstance(block, Mapping):
        return False
    if before.get("type") == "reasoning":
        return block.get("type") == "reasoning" and block.get("id") == before.get("id") and "reasoning" in block
    return (
        before.get("type") == "server_tool_call"
        and block.get("type") == "server_tool_result"
        and block.get("tool_call_id") == before.get("id")
    )


def _whole(blocks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    first = blocks[0]
    if first.get("type") != "reasoning":
        return _tool_item(first, blocks[1] if len(blocks) > 1 else {})
    item: dict[str, Any] = {"type": "reasoning", "id": first.get("id"), "summary": first.get("summary") or []}
    item["summary"] = [*item["summary"]] + [
        {"type": "summary_text", "text": block["reasoning"]} for block in blocks if block.get("reasoning")
    ]
    for block in blocks:
        item |= {name: value for name, value in _extras(block).items() if name not in {"type", "summary"}}
        item |= {name: block[name] for name in ("encrypted_content", "status", "content") if name in block}
    return item


def _tool_item(call: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    extras, made = dict(_extras(call)), _extras(result)
    extras |= {name: value for name, value in call.items() if name not in _OF_A_CALL}
    name, item = str(call.get("name")), {"id": call.get("id")}
    args, output = call.get("args"), result.get("output")
    if made.get("error"):
        item["error"] = made["error"]
    if name == "remote_mcp":
        written = extras.pop("arguments", None) or json.dumps(args or {}, separators=(",", ":"))
        item |= {"type": "mcp_call", "name": extras.pop("tool_name", None), "arguments": written, "output": output}
        return {**extras, **item}
    kind, asked, found = _PAIRS.get(name, (f"{name}_call", None, None))
    item["type"] = kind
    if name != "mcp_list_tools":
        status = _STATUS.get(str(result.get("status")), made.get("status"))
        item["status"] = status or extras.get("status") or "completed"
    if asked is not None and args is not None:
        item[asked] = args.get(asked, args) if isinstance(args, Mapping) else args
    if found is not None and output is not None:
        item[found] = output
    return {**extras, **item}
