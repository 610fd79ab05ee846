"""Content blocks of any vendor as neutral parts. Pure, and the messages are never changed.

Any history works: content blocks of LangChain's v0 and v1, of OpenAI's Chat Completions and Responses, of Anthropic and
of Google, whichever class made them. A block of no form known here becomes an `Opaque` part without issuer, which the
codec leaves out with a warning that names it.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tikhub_ai import (
    Document,
    Media,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    answer_naming,
    media_kind,
    warn,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from langchain_core.messages import ToolMessage

    from tikhub_ai import AnyPart, MediaKind

_DATA_URL = re.compile(r"data:([^;,]*)(?:;[^,]*?)?;base64,", re.IGNORECASE)
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
_NOT_OPTIONS = frozenset(
    {"type", "text", "id", "index", "extras", "annotations", "citations"}
    | {"source", "source_type", "url", "base64", "data", "file_id", "file_uri", "mime_type"}
    | {"image_url", "audio_url", "video_url", "file_url", "input_audio", "file", "file_data"}
    | {"filename", "name", "title"}
)
"""Fields that describe a block; all others are options that the wire is asked for."""
_NAMES = ("name", "filename", "title")


def parts_of_content(content: str | Iterable[Any]) -> list[AnyPart]:
    """The parts that a message's content, or a tool result's, consists of.

    Args:
        content: Text, or a list of texts and blocks.
    """
    if isinstance(content, str):
        return [Text(content)] if content else []
    return [part for item in content if (part := part_of(item)) is not None]


def part_of(block: Any) -> AnyPart | None:
    """The part that a block of any known form stands for; None for an empty block."""
    if isinstance(block, str):
        return Text(block) if block else None
    if not isinstance(block, dict):
        return Text(str(block))
    if "type" not in block and (part := _google_part(block)) is not None:
        return part
    kind = str(block.get("type"))
    if block.get("type") is None and isinstance(block.get("text"), str):
        kind = "text"
    reader = _READERS.get(kind)
    if reader is not None and (part := reader(block)) is not None:
        return part
    return None if kind in _EMPTY else Opaque(dict(block))


def _options(block: Mapping[str, Any], *, cites: bool = False) -> dict[str, Any] | None:
    """What the caller asks of the wire for a part: fields such as `cache_control` and `detail`, v1's `extras` too.

    Args:
        block: The block.
        cites: Whether its `citations` are a switch, as of a source, and not those of an answer's text.
    """
    extras = block.get("extras")
    extras = extras if isinstance(extras, dict) else {}
    options = {key: value for key, value in extras.items() if key not in _NAMES}
    options |= {key: value for key, value in block.items() if key not in _NOT_OPTIONS and value is not None}
    if cites and isinstance(block.get("citations"), dict):
        options["citations"] = block["citations"]
    return options or None


# --- text -----------------------------------------------------------------------------------------------------------


def _text(block: Mapping[str, Any]) -> Text | None:
    text = block.get("text")
    options = _options(block)
    if isinstance(cited := block.get("citations"), list) and cited:
        options = {**(options or {}), "citations": cited}
    return Text(text, options=options) if isinstance(text, str) and text else None


def _refusal(block: Mapping[str, Any]) -> Refusal | None:
    text = block.get("refusal")
    return Refusal(text) if isinstance(text, str) and text else None


def _reasoning(block: Mapping[str, Any]) -> Reasoning | None:
    """Reasoning of any class, as text alone: its signatures and ids are known to their issuer only."""
    match block:
        case {"reasoning": str(text)} | {"thinking": str(text)} | {"reasoning_content": {"text": str(text)}}:
            return Reasoning(text=text)
        case {"summary": [*pieces]} | {"content": [*pieces]}:
            return Reasoning(
                text="\n\n".join(str(piece.get("text", "")) for piece in pieces if isinstance(piece, dict))
            )
    return Reasoning()


# --- media ----------------------------------------------------------------------------------------------------------


def _media(kind: MediaKind) -> Callable[[Mapping[str, Any]], AnyPart | None]:
    """A reader of LangChain's own data blocks (v0, v1) and of Anthropic's, which wraps the same in `source`."""

    def read(block: Mapping[str, Any]) -> AnyPart | None:
        source = block.get("source")
        if isinstance(source, dict):
            return _from_source(kind, source, block)
        if kind == "file" and isinstance(block.get("file"), dict):
            return _openai_file(block["file"], block)
        if isinstance(block.get(f"{kind}_url"), (str, dict)):
            return _address(kind)(block)
        return _given(
            kind,
            block,
            url=block.get("url"),
            data=block.get("base64") or block.get("data"),
            file_id=block.get("file_id") or (block.get("id") if block.get("source_type") == "id" else None),
            mime_type=block.get("mime_type"),
            name=_name_of(block),
            text=block.get("text"),
        )

    return read


def _name_of(block: Mapping[str, Any]) -> str | None:
    """A file's name: of the block, or where langchain-core puts it that has it from another form of block."""
    places = (place for key in ("extras", "metadata") if isinstance(place := block.get(key), dict))
    return next((place[key] for place in (block, *places) for key in _NAMES if isinstance(place.get(key), str)), None)


def _given(
    kind: MediaKind,
    block: Mapping[str, Any],
    *,
    url: Any = None,
    data: Any = None,
    file_id: Any = None,
    mime_type: Any = None,
    name: Any = None,
    text: Any = None,
) -> AnyPart | None:
    """A media part of whichever of these is there; a `data:` URL is data. None where none is."""
    if isinstance(url, str) and (found := _DATA_URL.match(url)):
        mime_type, data, url = found.group(1) or mime_type, url[found.end() :], None
    if isinstance(data, bytes):
        data = b64encode(data).decode()
    options = _options(block, cites=True)
    mime_type = mime_type if isinstance(mime_type, str) else None
    if isinstance(data, str) and (found := _DATA_URL.match(data)):
        mime_type, data = found.group(1) or mime_type, data[found.end() :]
    elif isinstance(data, str) and _URL.match(data):  # base64 has no colon
        url, data = data, None
    if isinstance(data, str) and data:
        return Media(kind, data=data, mime_type=mime_type, name=name, options=options)
    if isinstance(file_id, str) and file_id:
        return Media(kind, file_id=file_id, mime_type=mime_type, name=name, options=options)
    if isinstance(url, str) and url:
        return Media(kind, url=url, mime_type=mime_type, name=name, options=options)
    if isinstance(text, str):
        return Document([Text(text)], name, options=options) if text else None
    return None


def _from_source(kind: MediaKind, source: Mapping[str, Any], block: Mapping[str, Any]) -> AnyPart | None:
    """Anthropic's `source`: base64, url, file, text, or content that consists of blocks."""
    text, name = None, block.get("title")
    if source.get("type") == "content":
        return _document(source.get("content"), name, None, block)
    if source.get("type") == "text":
        text, source = source.get("data"), {}
    return _given(
        kind,
        block,
        url=source.get("url"),
        data=source.get("data"),
        file_id=source.get("file_id"),
        mime_type=source.get("media_type"),
        name=name,
        text=text,
    )


def _document(content: Any, title: Any, source: Any, block: Mapping[str, Any]) -> Document:
    parts = [part for part in parts_of_content(content or ()) if isinstance(part, (Text, Media))]
    options = _options({key: value for key, value in block.items() if key != "content"}, cites=True)
    return Document(parts, _word(title), _word(source), options=options)


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _search_result(block: Mapping[str, Any]) -> Document:
    """Anthropic's `search_result`: a source to be cited."""
    return _document(block.get("content"), block.get("title"), block.get("source"), block)


def _address(kind: MediaKind) -> Callable[[Mapping[str, Any]], AnyPart | None]:
    """A reader of OpenAI's `image_url` and its like: an address, or an object with address and options."""

    def read(block: Mapping[str, Any]) -> AnyPart | None:
        said = block.get(f"{kind}_url")
        if isinstance(said, dict):
            rest = {key: value for key, value in said.items() if key not in {"url", "format"}}
            return _given(kind, {**block, **rest}, url=said.get("url"), mime_type=said.get("format"))
        return _given(kind, block, url=said, file_id=block.get("file_id"))

    return read


def _input_audio(block: Mapping[str, Any]) -> AnyPart | None:
    said = block.get("input_audio")
    if not isinstance(said, dict):
        return None
    form = said.get("format")
    return _given("audio", block, data=said.get("data"), mime_type=f"audio/{form}" if form else None)


def _openai_file(said: Mapping[str, Any], block: Mapping[str, Any]) -> AnyPart | None:
    return _given(
        "file",
        block,
        url=said.get("file_url"),
        data=said.get("file_data"),
        file_id=said.get("file_id"),
        name=said.get("filename"),
        mime_type=said.get("format"),
    )


def _google_media(block: Mapping[str, Any]) -> AnyPart | None:
    mime = str(block.get("mime_type") or "")
    return _given(media_kind(mime), block, url=block.get("file_uri"), data=block.get("data"), mime_type=mime or None)


def _google_part(block: Mapping[str, Any]) -> AnyPart | None:
    """A part as Google's wire and SDK have it, which is known by its field: `inlineData`, `functionResponse`, ..."""
    for name, read in _GOOGLE_PARTS.items():
        if isinstance(said := block.get(name), dict):
            return read(said, {key: value for key, value in block.items() if key != name})
    return None


def _google_blob(said: Mapping[str, Any], beside: Mapping[str, Any]) -> AnyPart | None:
    """Google's `Blob` or `FileData`."""
    mime = said.get("mimeType") or said.get("mime_type")
    named = said.get("displayName") or said.get("display_name")
    block = {**beside, **({"display_name": named} if named else {})}
    url = said.get("fileUri") or said.get("file_uri")
    return _given(media_kind(mime), block, url=url, data=said.get("data"), mime_type=mime)


def _google_result(said: Mapping[str, Any], _: Mapping[str, Any]) -> ToolResult:
    """Google's `FunctionResponse`."""
    response = said.get("response")
    content = result_content(said.get("parts") or [])
    if response is not None:
        content.insert(0, Text(json.dumps(response, ensure_ascii=False, default=str)))
    options = {
        name: said[name] for name in ("scheduling", "willContinue", "will_continue") if said.get(name) is not None
    }
    return ToolResult("", content, said.get("name"), options=options or None)


def _google_call(said: Mapping[str, Any], _: Mapping[str, Any]) -> ToolCall | None:
    """Google's `FunctionCall`."""
    return call_part(said) if said.get("name") else None


_GOOGLE_PARTS: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], AnyPart | None]] = {
    "inlineData": _google_blob,
    "inline_data": _google_blob,
    "fileData": _google_blob,
    "file_data": _google_blob,
    "functionResponse": _google_result,
    "function_response": _google_result,
    "functionCall": _google_call,
    "function_call": _google_call,
}

# --- tools ----------------------------------------------------------------------------------------------------------


def call_part(call: Mapping[str, Any]) -> ToolCall:
    """A call in LangChain's form, valid or not, with its arguments as text."""
    return ToolCall(str(call.get("id") or ""), str(call.get("name") or ""), arguments_text(call.get("args")))


def arguments_text(args: Any) -> str:
    """A call's arguments as JSON text, the form that the wire takes."""
    return args if isinstance(args, str) else json.dumps(args or {}, ensure_ascii=False, default=str)


def _tool_use(block: Mapping[str, Any]) -> ToolCall | None:
    """Anthropic's `tool_use`; `partial_json` is a streamed call that was not put together."""
    if not block.get("name"):  # every wire refuses a call of nothing
        return None
    args = block.get("input") or block.get("partial_json")
    return ToolCall(str(block.get("id") or ""), str(block.get("name") or ""), arguments_text(args))


def _function_call(block: Mapping[str, Any]) -> ToolCall | None:
    """OpenAI Responses' `function_call`."""
    if not block.get("name"):
        return None
    identifier = block.get("call_id") or block.get("id") or ""
    return ToolCall(str(identifier), str(block.get("name") or ""), arguments_text(block.get("arguments")))


def _tool_result(block: Mapping[str, Any]) -> ToolResult:
    """Anthropic's `tool_result` and OpenAI Responses' outputs of functions and custom tools."""
    identifier = block.get("tool_use_id") or block.get("tool_call_id") or block.get("call_id") or ""
    found = result_content(block.get("content", block.get("output")) or "")
    result = ToolResult(str(identifier), found, is_error=bool(block.get("is_error")))
    rest = {name: value for name, value in block.items() if name not in _OF_A_RESULT and value is not None}
    if block.get("type") == "tool_result":
        result.options = rest or None
    else:  # what OpenAI's outputs hold besides says nothing to others
        item_id = str(block.get("id") or "lc_")  # LangChain's own ids begin so
        result.state = {"type": block["type"], **({} if item_id.startswith("lc_") else {"id": item_id}), **rest}
    return result


_OF_A_RESULT = frozenset(
    {"id", "type", "call_id", "tool_use_id", "tool_call_id", "content", "output", "is_error", "index"}
)
_OF_AN_ANSWER = ("type", "acknowledged_safety_checks", "approve", "reason")


def tool_answers(message: ToolMessage) -> list[ToolResult | Opaque]:
    """What a `ToolMessage` says: a tool's results, or the item that answers a call of one of OpenAI's own tools.

    `additional_kwargs` may say what the item holds besides, as with ChatOpenAI: its `type`, and
    `acknowledged_safety_checks`; of an approval `approve` and `reason`.
    """
    said = {name: message.additional_kwargs[name] for name in _OF_AN_ANSWER if name in message.additional_kwargs}
    content = message.content
    if isinstance(content, list):
        content = [_unpacked(block) for block in content]
        for block in content:
            if isinstance(block, dict) and (names := answer_naming(str(block.get("type")), message.tool_call_id)):
                if len(content) > 1:
                    warn(f"Beside a {block['type']}, a ToolMessage holds what is not sent: {len(content) - 1} blocks.")
                return [Opaque({**names, **said, **block})]
    results = results_of(content, message.tool_call_id, message.name, is_error=message.status == "error")
    if said:
        results[0].state = {**(results[0].state or {}), **said}
    return [*results]


def _unpacked(block: Any) -> Any:
    """A block as its vendor writes it: LangChain packs those that it has no word for."""
    is_packed = isinstance(block, dict) and block.get("type") == "non_standard"
    return block["value"] if is_packed and isinstance(block.get("value"), dict) else block


def result_content(content: Any) -> list[Text | Media | Document | Opaque]:
    """What a tool returned: text, media, and objects, which a wire sends as its own blocks or as their JSON."""
    if isinstance(content, str):
        return [Text(content)] if content else []
    out: list[Text | Media | Document | Opaque] = []
    for item in content if isinstance(content, (list, tuple)) else [content]:
        part = part_of(item)
        if isinstance(part, (Text, Media, Document, Opaque)) and not _is_bedrocks(item):
            out.append(part)
        elif part is not None:
            value = item.get("json", item) if isinstance(item, dict) else item
            out.append(Text(json.dumps(value, ensure_ascii=False, default=str)))
    return out


def _is_bedrocks(item: Any) -> bool:
    """Whether a block is Bedrock's for JSON."""
    return isinstance(item, dict) and "type" not in item and "json" in item


def results_of(content: Any, identifier: str, name: str | None, *, is_error: bool) -> list[ToolResult]:
    """The results that a tool message holds: its own, and those that stand in it as a wire's whole blocks.

    Args:
        content: The message's content.
        identifier: The id of the call that the message answers.
        name: The name of the function, where known.
        is_error: Whether the message says that the function failed.
    """
    blocks = content if isinstance(content, list) else []
    if not any(_is_result(block) for block in blocks):
        return [ToolResult(identifier, result_content(content), name, is_error=is_error)]
    by_call: dict[str, ToolResult] = {}
    for block in blocks:
        part = part_of(block) if _is_result(block) else ToolResult(identifier, result_content([block]))
        if not isinstance(part, ToolResult):
            continue
        called = part.tool_call_id or identifier
        if (first := by_call.get(called)) is not None:  # the next of a call's results goes on with the first
            first.content, first.is_error = [*first.content, *part.content], first.is_error or part.is_error
        else:
            by_call[called] = replace(part, tool_call_id=called, name=name, is_error=part.is_error or is_error)
    own = by_call.pop(identifier, None)
    return [*by_call.values()] if own is None else [own, *by_call.values()]


def _is_result(block: Any) -> bool:
    return isinstance(block, dict) and (
        _READERS.get(str(block.get("type"))) is _tool_result
        or ("type" not in block and bool(block.keys() & {"functionResponse", "function_response"}))
    )


def _non_standard(block: Mapping[str, Any]) -> AnyPart | None:
    value = block.get("value")
    if not isinstance(value, dict):
        return None
    return part_of(value) if str(value.get("type")) in _READERS else Opaque(dict(value))


_READERS: dict[str, Callable[[Mapping[str, Any]], AnyPart | None]] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "refusal": _refusal,
    "reasoning": _reasoning,
    "reasoning_content": _reasoning,
    "thinking": _reasoning,
    "redacted_thinking": _reasoning,
    "image": _media("image"),
    "audio": _media("audio"),
    "video": _media("video"),
    "file": _media("file"),
    "document": _media("file"),
    "text-plain": _media("file"),
    "search_result": _search_result,
    "image_url": _address("image"),
    "input_image": _address("image"),
    "audio_url": _address("audio"),
    "video_url": _address("video"),
    "input_video": _address("video"),
    "input_audio": _input_audio,
    "input_file": lambda block: _openai_file(block, block),
    "media": _google_media,
    "tool_call": call_part,
    "tool_call_chunk": call_part,
    "invalid_tool_call": call_part,
    "tool_use": _tool_use,
    "function_call": _function_call,
    "tool_result": _tool_result,
    "function_call_output": _tool_result,
    "custom_tool_call_output": _tool_result,
    "non_standard": _non_standard,
}
_EMPTY = frozenset({"text", "input_text", "output_text", "refusal", "input_json_delta"})
"""Kinds of block that are left out where they are empty."""
