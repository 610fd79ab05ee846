"""A server of one file, as CDNs serve them: with ranges, validators, cuts, redirects and signatures, or without."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.scripted_server import Answer

if TYPE_CHECKING:
    from tests.scripted_server import Request

RECORDING = Path(__file__).parents[3] / "shared/wire/videos"
RECORDING /= "xai-video-basic-functionality-xai-grok-imagine-video-can-animate.json"
needs_recording = pytest.mark.skipif(
    not RECORDING.is_file(), reason="needs the recorded video in ../shared/wire/videos, which is not of this repository"
)
_FRAMES = bytes(range(256)) * 2000
MP4 = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + (len(_FRAMES) + 8).to_bytes(4) + b"mdat" + _FRAMES
"""Two boxes, as the smallest films have."""
WEBP = b"RIFF\x10\0\0\0WEBPVP8 " + bytes(2000)
MODIFIED = "Mon, 10 Aug 2026 23:59:48 GMT"


def read(path: Path) -> bytes:
    return path.read_bytes()


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def left(target: Path) -> list[str]:
    """What is in a download's folder."""
    return [path.name for path in target.parent.iterdir()]


def recorded_video() -> tuple[bytes, dict[str, str]]:
    """A video that a provider made, as its CDN served it, and the headers of that answer."""
    response = json.loads(RECORDING.read_text())["interactions"][-1]["response"]
    return base64.b64decode(response["body_b64"]), response["headers"]


@dataclass
class FileServer:
    """Answers for one file; set as a ScriptedServer's `answer`.

    Attributes:
        content: The file.
        cuts: After how many bytes of its body each answer is cut; the further ones are whole.
        headers: Validators and the like.
        has_ranges: Whether it knows ranges.
        changes: Whether the file is another one at each request.
    """

    content: bytes = MP4
    cuts: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=lambda: {"etag": '"1"', "accept-ranges": "bytes"})
    has_ranges: bool = True
    changes: bool = False
    asked: list[str | None] = field(default_factory=list)

    def __call__(self, request: Request) -> Answer:
        asked = request.headers.get("range")
        self.asked.append(asked)
        headers = {"content-type": "video/mp4", **self.headers}
        if self.changes:
            headers["etag"] = f'"{len(self.asked)}"'
        cut = self.cuts.pop(0) if self.cuts else None
        validator = request.headers.get("if-range")
        is_same = validator in {headers.get("etag"), headers.get("last-modified")}
        found = re.fullmatch(r"bytes=(\d+)-", asked or "")
        if not self.has_ranges or found is None or not is_same:
            return Answer(self.content, 200, headers, cut_at=cut)
        start, size = int(found[1]), len(self.content)
        if start >= size:
            return Answer(b"", 416, {"content-range": f"bytes */{size}"})
        headers["content-range"] = f"bytes {start}-{size - 1}/{size}"
        return Answer(self.content[start:], 206, headers, cut_at=cut)
