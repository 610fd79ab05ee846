"""Images, and other media that a video follows, in the forms that the families take. No I/O: paths are read before."""

from __future__ import annotations

import binascii
import re
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from tikhub_ai.conversation import Media, media_kind
from tikhub_ai.errors import InvalidRequestError
from tikhub_ai.file_types import HEAD, file_type

if TYPE_CHECKING:
    from collections.abc import Mapping

_DATA_URI = re.compile(r"data:([^;,]*)((?:;[^,;]*)*),", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_SHORTEST = 12


def media_of_bytes(content: bytes, name: str | None = None) -> Media:
    """Media out of its bytes.

    Args:
        content: The bytes.
        name: File name, where one is known.

    Raises:
        InvalidRequestError: There are none.
    """
    if not content:
        raise InvalidRequestError(f"The image {name or ''} is empty: there is nothing to send.")
    return _media(b64encode(content).decode(), content[:HEAD], None, name)


def media_of_text(text: str) -> Media | None:
    """Media out of a text that is a URL, a `data:` URI, or base64 of a known kind of file.

    Returns:
        The media; None where the text is none of these, and so may be a path.

    Raises:
        InvalidRequestError: It is a `data:` URI that holds no base64.
    """
    text = text.strip()
    if re.match(r"(?:https?|gs)://", text, re.IGNORECASE):
        return Media("image", url=text)
    if found := _DATA_URI.match(text[:200]):
        data = text[found.end() :]
        if "base64" not in found.group(2).lower() or (head := _decoded(data)) is None:
            raise InvalidRequestError("An image was given as a data: URI that holds no base64: give its bytes instead.")
        return _media(data, head, found.group(1) or None, None)
    head = _decoded(text) if len(text) >= _SHORTEST else None
    if head is not None and file_type(head) is not None:
        return _media(text, head, None, None)
    return None


def _media(data: str, head: bytes, mime_type: str | None, name: str | None) -> Media:
    """Media whose type is what its bytes say; the label counts only where they say nothing."""
    kind = file_type(head)
    said = kind.mime_type if kind else mime_type
    shown = media_kind(said) if said else "image"
    return Media("image" if shown == "file" else shown, data=data, mime_type=said, name=name)


def _decoded(text: str) -> bytes | None:
    """The first bytes that base64 holds; None where the text is none, or empty."""
    start = text[: HEAD * 4 // 3 // 4 * 4]
    if not start or not _BASE64.fullmatch(start.rstrip()):
        return None
    start = start.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return binascii.a2b_base64(start + "=" * (-len(start) % 4)) or None
    except binascii.Error:
        return None


def data_uri(media: Media) -> str:
    """A URL, or the bytes as a `data:` URI."""
    if media.url:
        return media.url
    return f"data:{mime_of(media)};base64,{media.data}"


def bare_base64(media: Media) -> str:
    """A URL, or the bytes in base64 with nothing before it."""
    return media.url or media.data or ""


def image_bytes(media: Media) -> bytes:
    """The bytes.

    Raises:
        InvalidRequestError: The base64 is none.
    """
    data = (media.data or "").replace("-", "+").replace("_", "/")
    try:
        return binascii.a2b_base64(data + "=" * (-len(data) % 4))
    except (binascii.Error, ValueError):
        raise InvalidRequestError("An image is no base64: give its bytes, a path or a URL.") from None


def mime_of(media: Media) -> str:
    """The MIME type, which wires require."""
    defaults = {"image": "image/png", "video": "video/mp4", "audio": "audio/mpeg"}
    return media.mime_type or defaults.get(media.kind, "application/octet-stream")


def is_image(media: Media | Mapping[str, Any]) -> bool:
    """Whether it may serve as a frame. What is given in the provider's own form may."""
    return not isinstance(media, Media) or media.kind == "image"


def check_frames(family: str, **frames: Media | Mapping[str, Any] | None) -> None:
    """Refuse what is no image where a frame is due.

    Raises:
        InvalidRequestError: Something else was given, told by its first bytes.
    """
    for name, media in frames.items():
        if media is not None and not is_image(media):
            raise InvalidRequestError(
                f"{name} is {mime_of(media)}, and {family} takes an image there." if isinstance(media, Media) else name
            )
