"""One part of an answer or of a prompt <-> one block of LlamaIndex.

Pure, but for local files that a block names: they are read. A `url` is passed on, never fetched.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

from llama_index.core.base.llms.types import (
    AudioBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)

from llama_index_tikhub.skeleton import SKELETON, parsed_arguments
from llama_index_tikhub.vendor_state import thought_of
from tikhub_ai import (
    Citation,
    Document,
    InvalidRequestError,
    Media,
    Opaque,
    Reasoning,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    ToolCall,
    ToolResult,
    replay,
    warn,
)

if TYPE_CHECKING:
    from tikhub_ai import AnyPart, MediaKind

MEDIA_BLOCKS = (ImageBlock, AudioBlock, VideoBlock, DocumentBlock)
_AUDIO_MIMES = {"mp3": "audio/mpeg", "m4a": "audio/mp4", "wave": "audio/wav"}
_AUDIO_EXTENSIONS = {"mpeg": "mp3", "mp4": "m4a", "x-wav": "wav"}


# --- block to part --------------------------------------------------------------------------------------------------


def part_of(block: Any) -> AnyPart | None:
    """The part that a block holds; None, with a warning, for a block of a class that is not known here.

    Raises:
        InvalidRequestError: It names a file that cannot be read, or holds nothing.
    """
    match block:
        case TextBlock():
            return Text(block.text)
        case ThinkingBlock():
            return _reasoning(block)
        case ImageBlock():
            options = {"detail": block.detail} if block.detail else None
            return _media("image", block, block.image, block.image_mimetype, options)
        case AudioBlock():
            return _media("audio", block, block.audio, _audio_mime(block.format))
        case VideoBlock():
            options = {name: value for name in ("detail", "fps") if (value := getattr(block, name)) is not None}
            return _media("video", block, block.video, block.video_mimetype, options or None)
        case DocumentBlock():
            return _media("file", block, block.data, block.document_mimetype)
        case _:
            warn(f"{type(block).__name__} is not known here: it is left out.")
            return None


def _reasoning(block: ThinkingBlock) -> AnyPart | None:
    """Reasoning with what was kept beside it, where its text was not edited."""
    kept = block.additional_information.get("tikhub")
    return replay.returned(kept, Reasoning(text=block.content or "")) if isinstance(kept, dict) else thought_of(block)


def citation_of(block: CitationBlock, quoted: str | None) -> Citation:
    """The citation that a block shows; nobody issued it."""
    where = block.additional_location_info
    return Citation("citation", block.source or None, block.title or None, quoted, where.get("start"), where.get("end"))


def shown_citation(citation: Citation) -> Citation:
    """A citation as its block holds it."""
    return citation_of(citation_block(citation), citation.cited_text or "")


def _audio_mime(extension: str | None) -> str | None:
    if not extension or "/" in extension:
        return extension
    return _AUDIO_MIMES.get(extension.lower(), f"audio/{extension.lower()}")


def _media(
    kind: MediaKind, block: Any, data: Any, mime_type: str | None, options: dict[str, Any] | None = None
) -> Media:
    """A block's bytes as base64, from wherever it has them, or its address."""
    media = Media(kind, mime_type=mime_type, name=getattr(block, "title", None), options=options)
    url = str(block.url) if block.url is not None else ""
    if data is not None:
        media.data = _base64(block, data)
    elif block.path is not None:
        media.data = _file(block)
    elif url.startswith("data:") and ";base64," in url:
        mime, _, media.data = url[len("data:") :].partition(";base64,")
        media.mime_type = mime_type or mime or None
    elif url:
        media.url = url
    if not (media.data or media.url):
        raise InvalidRequestError(f"{type(block).__name__} is empty: give it bytes, a path or a url.")
    return media


def _base64(block: Any, data: Any) -> str:
    """The bytes that a block holds: base64 where it was made with them, raw in a stream, which is left where it was."""
    if isinstance(data, bytes):
        try:
            return data.decode("ascii")
        except UnicodeDecodeError:  # set after the block was made
            return base64.b64encode(data).decode()
    try:
        position = data.tell()
        data.seek(0)
        raw = data.read()
        data.seek(position)
    except (OSError, ValueError) as failure:
        raise InvalidRequestError(f"{type(block).__name__} holds a stream that cannot be read: {failure}") from None
    return base64.b64encode(raw).decode()


def _file(block: Any) -> str:
    try:
        return base64.b64encode(Path(block.path).read_bytes()).decode()
    except OSError as failure:
        raise InvalidRequestError(f"{type(block).__name__} names a file that cannot be read: {failure}") from None


# --- part to block --------------------------------------------------------------------------------------------------


def block_of(part: AnyPart, num_tokens: int | None = None) -> Any:
    """The block of a part that is no text.

    Args:
        part: A part of an answer.
        num_tokens: Tokens that the wire counted for reasoning.

    Returns:
        None for a part that is in the skeleton alone, and for text, which is in one block for the whole answer.
    """
    match part:
        case Reasoning():
            return thinking_block(part, num_tokens)
        case ToolCall():
            return tool_call_block(part)
        case Media():
            return media_block(part)
        case Text() | Refusal() | ServerToolCall() | ServerToolResult() | Opaque() | ToolResult() | Document():
            return None
        case _:
            assert_never(part)


def thinking_block(part: Reasoning, num_tokens: int | None) -> ThinkingBlock:
    """Reasoning as a block, with what must be sent back with it.

    A signature stands where LlamaIndex's Anthropic class looks for it, too.
    """
    information: dict[str, Any] = {}
    if isinstance(signature := (part.state or {}).get("signature"), str):
        information["signature"] = signature
    if part.state or part.issuer:
        information["tikhub"] = replay.kept_of(part)
    return ThinkingBlock(content=part.text, num_tokens=num_tokens or None, additional_information=information)


def tool_call_block(part: ToolCall) -> ToolCallBlock:
    """A call as a block: with its arguments parsed, or as text where they are no JSON object."""
    arguments = parsed_arguments(part.arguments)
    return ToolCallBlock(
        tool_call_id=part.id, tool_name=part.name, tool_kwargs=part.arguments if arguments is None else arguments
    )


def tool_call_dict(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    """A call as a plain dict, in OpenAI's shape."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def citation_block(citation: Citation) -> CitationBlock:
    """A citation as a block; of its place LlamaIndex's has room for whole numbers, the rest is in the skeleton."""
    raw = citation.raw or {}
    where = {name: value for name, value in raw.items() if isinstance(value, int) and not isinstance(value, bool)}
    where |= {name: value for name in ("start", "end") if (value := getattr(citation, name)) is not None}
    return CitationBlock(
        cited_content=TextBlock(text=citation.cited_text or ""),
        source=citation.url or word_or_none(raw.get("source")) or "",
        title=citation.title or "",
        additional_location_info=where,
    )


def media_block(part: Media) -> Any:
    """Media of an answer as a block.

    Returns:
        None where only the provider has the bytes, or where the block's class refuses the value, such as a relative
        address. The part is in the skeleton then.
    """
    data = part.data.encode() if part.data else None
    if not data and not part.url:
        return None
    where: dict[str, Any] = {"url": part.url} if part.url else {}  # some versions of core refuse a url that is None
    try:
        match part.kind:
            case "image":
                return ImageBlock(image=data, image_mimetype=part.mime_type, **where)
            case "audio":
                kind = (part.mime_type or "").partition(";")[0].rpartition("/")[2]
                return AudioBlock(audio=data, format=_AUDIO_EXTENSIONS.get(kind, kind) or None, **where)
            case "video":
                return VideoBlock(video=data, video_mimetype=part.mime_type, **where)
            case "file":
                return DocumentBlock(data=data, title=part.name, document_mimetype=part.mime_type, **where)
            case _:
                assert_never(part.kind)
    except ValueError:  # pydantic's ValidationError is one
        said = f" {part.url[:200]!r}" if part.url else ""
        warn(
            f"LlamaIndex has no block for the {part.kind}{said} of an answer: it is in "
            f"additional_kwargs[{SKELETON!r}] of the message alone."
        )
        return None


def word_or_none(value: Any) -> str | None:
    """A string that is not empty, or None."""
    return value if isinstance(value, str) and value else None
