"""Media as parts of generateContent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.generate_content.names import GEMINI_3, camel, camelised, is_from

if TYPE_CHECKING:
    from tikhub_ai.apis.generate_content.names import Generation
    from tikhub_ai.conversation import Media

_DEFAULT_MIME = {"image": "image/png", "audio": "audio/mpeg", "video": "video/mp4", "file": "application/pdf"}
_MIME_OF_ENDING = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "html": "text/html",
    "csv": "text/csv",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "aac": "audio/aac",
    "m4a": "audio/mp4",
    "aiff": "audio/aiff",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "avi": "video/x-msvideo",
    "mpg": "video/mpeg",
    "mpeg": "video/mpeg",
}
_OF_ANY = frozenset({"partMetadata", "speechMetadata"})
_OF_MEDIA = _OF_ANY | {
    "audioMetadata", "audioTranscription", "documentMetadata", "mediaProcessing", "spreadsheetMetadata",
}  # fmt: skip
"""Fields of Google's `Part` that the caller may say; all but `videoMetadata` and `mediaResolution`."""
_YOUTUBE = ("https://www.youtube.com/", "https://youtube.com/", "https://youtu.be/", "https://m.youtube.com/")


def media_data(part: Media) -> dict[str, Any]:
    """The `inlineData` or `fileData` of a part: base64 goes in itself, an address or file id as a URI."""
    options = part.options or {}
    named = options.get("display_name") or options.get("displayName")
    label = {"displayName": named} if named else {}
    if part.data is not None:
        return {"inlineData": {"mimeType": _mime_of(part), "data": part.data, **label}}
    uri = part.url or part.file_id or ""
    if uri.startswith("data:") and ";base64," in uri:
        mime, _, data = uri[5:].partition(";base64,")
        return {"inlineData": {"mimeType": mime or _mime_of(part), "data": data, **label}}
    if uri.startswith(_YOUTUBE) and not part.mime_type:  # Google reads the film, and wants no type for it
        return {"fileData": {"fileUri": uri, **label}}
    return {"fileData": {"mimeType": _mime_of(part), "fileUri": uri, **label}}


def media_part(part: Media, generation: Generation | None) -> dict[str, Any]:
    """A part of a content, with the caller's options for it."""
    return media_data(part) | part_options(part.options, _OF_MEDIA) | _options(part.options or {}, generation)


def part_options(options: dict[str, Any] | None, names: frozenset[str] = _OF_ANY) -> dict[str, Any]:
    """The caller's options that stand beside a part's own field, by the names of Google's `Part`."""
    found = {camel(name): value for name, value in (options or {}).items() if camel(name) in names}
    return {
        name: _processing(value) if name == "mediaProcessing" else value if name == "partMetadata" else camelised(value)
        for name, value in found.items()
    }


def _processing(word: Any) -> Any:
    """`agentic` as the wire spells it."""
    return word.upper() if isinstance(word, str) else camelised(word)


def _mime_of(part: Media) -> str:
    if part.mime_type:
        return part.mime_type
    path = (part.url or part.file_id or part.name or "").partition("?")[0].partition("#")[0]
    return _MIME_OF_ENDING.get(
        path.rsplit(".", 1)[-1].lower(), _DEFAULT_MIME.get(part.kind, "application/octet-stream")
    )


def _options(options: dict[str, Any], generation: Generation | None) -> dict[str, Any]:
    out: dict[str, Any] = {}
    given = options.get("video_metadata") or options.get("videoMetadata")
    video: dict[str, Any] = camelised(given) if isinstance(given, dict) else {}
    for name, wire in (("fps", "fps"), ("start_offset", "startOffset"), ("end_offset", "endOffset")):
        if options.get(name) is not None:
            video[wire] = options[name]
    for name in ("startOffset", "endOffset"):
        if isinstance(video.get(name), int | float):
            video[name] = f"{video[name]:g}s"
    if video:
        out["videoMetadata"] = video
    resolution = options.get("media_resolution") or options.get("mediaResolution")
    if resolution is None and options.get("detail") in {"low", "high"} and is_from(generation, GEMINI_3):
        resolution = options["detail"]  # OpenAI's word; older models have one resolution for the whole request
    if resolution is not None:
        out["mediaResolution"] = (
            camelised(resolution) if isinstance(resolution, dict) else {"level": resolution_level(resolution)}
        )
    return out


def resolution_level(word: Any) -> str:
    """`low` as `MEDIA_RESOLUTION_LOW`."""
    level = str(getattr(word, "value", word)).upper()
    return level if level.startswith("MEDIA_RESOLUTION_") else f"MEDIA_RESOLUTION_{level}"
