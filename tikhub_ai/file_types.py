"""What a file is, by its first bytes: names and labels are often wrong. No I/O."""

from __future__ import annotations

from typing import NamedTuple


class FileType(NamedTuple):
    """A kind of file.

    Attributes:
        extension: Its usual extension, without the dot.
        mime_type: Its MIME type.
    """

    extension: str
    mime_type: str

    @property
    def kind(self) -> str:
        """`audio`, `image`, `video`, `text` or `application`."""
        return self.mime_type.partition("/")[0]


HEAD = 4096
"""So many first bytes are enough for `file_type`, and for the headers that are read besides."""

_BEGINNINGS: tuple[tuple[bytes, FileType], ...] = (
    (b"fLaC", FileType("flac", "audio/flac")),
    (b"OggS", FileType("ogg", "audio/ogg")),
    (b"ID3", FileType("mp3", "audio/mpeg")),
    (b"#!AMR", FileType("amr", "audio/amr")),
    (b"caff", FileType("caf", "audio/x-caf")),
    (b".snd", FileType("au", "audio/basic")),
    (b"\x00\x00\x01\xba", FileType("mpeg", "video/mpeg")),
    (b"\x00\x00\x01\xb3", FileType("mpeg", "video/mpeg")),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", FileType("wma", "audio/x-ms-wma")),
    (b"\x89PNG\r\n\x1a\n", FileType("png", "image/png")),
    (b"\xff\xd8\xff", FileType("jpg", "image/jpeg")),
    (b"GIF87a", FileType("gif", "image/gif")),
    (b"GIF89a", FileType("gif", "image/gif")),
    (b"BM", FileType("bmp", "image/bmp")),
    (b"II*\x00", FileType("tif", "image/tiff")),
    (b"MM\x00*", FileType("tif", "image/tiff")),
    (b"%PDF-", FileType("pdf", "application/pdf")),
    (b"PK\x03\x04", FileType("zip", "application/zip")),
    (b"\x1f\x8b", FileType("gz", "application/gzip")),
)
_IN_RIFF = {
    b"WAVE": FileType("wav", "audio/wav"),
    b"WEBP": FileType("webp", "image/webp"),
    b"AVI ": FileType("avi", "video/x-msvideo"),
}
_BRANDS = {
    b"M4A": FileType("m4a", "audio/mp4"),
    b"M4B": FileType("m4a", "audio/mp4"),
    b"qt ": FileType("mov", "video/quicktime"),
    b"3gp": FileType("3gp", "video/3gpp"),
    b"3g2": FileType("3g2", "video/3gpp2"),
    b"hei": FileType("heic", "image/heic"),
    b"mif": FileType("heic", "image/heic"),
    b"avi": FileType("avif", "image/avif"),
}
MP4 = FileType("mp4", "video/mp4")
WEBM = FileType("webm", "video/webm")


def file_type(head: bytes) -> FileType | None:
    """What a file is.

    Args:
        head: Its first bytes, `HEAD` of them or all.

    Returns:
        The kind of file, or None where its bytes do not tell.
    """
    if head[:4] in {b"RIFF", b"RF64", b"BW64", b"RIFX"}:
        return _IN_RIFF.get(head[8:12])
    if head[:4] == b"FORM" and head[8:12] in {b"AIFF", b"AIFC"}:
        return FileType("aiff", "audio/aiff")
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:11], MP4)
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return FileType("mkv", "video/x-matroska") if b"matroska" in head[:64] else WEBM
    for beginning, kind in _BEGINNINGS:
        if head.startswith(beginning):
            return kind
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return _frame(head[1], head[2])
    return _text(head)


def _frame(second: int, third: int) -> FileType | None:
    """What begins with the eleven set bits of an MPEG frame: MP3, AAC, or something else by chance."""
    if second & 0xF6 == 0xF0:
        return FileType("aac", "audio/aac")
    is_sound = second & 0x18 != 0x08 and second & 0x06 != 0 and third & 0xF0 != 0xF0 and third & 0x0C != 0x0C
    return FileType("mp3", "audio/mpeg") if is_sound else None


def _text(head: bytes) -> FileType | None:
    start = head[:512].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return FileType("html", "text/html")
    if start.startswith((b'{"', b"{\n", b"{ ", b"[{", b"{}")):
        return FileType("json", "application/json")
    return None
