"""What stands in for providers that no program on this machine serves: videos, and Gemini's images."""

from __future__ import annotations

import base64
import struct
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from demo_media import gateway

from tests.scripted_server import Answer, ScriptedServer
from tests.video_gateway import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIP_KEY = KEY


@contextmanager
def clips() -> Iterator[str]:
    """The address of a gateway that makes videos, and whose model asks for one, waits, and downloads it."""
    with gateway() as address:
        yield address


def png(width: int = 64, height: int = 64) -> bytes:
    """A picture: one colour fades into another."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(
        b"\0" + bytes((4 * x, 4 * y, 160)[i] for x in range(width) for i in range(3)) for y in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@contextmanager
def pictures() -> Iterator[str]:
    """The address of a Gemini that answers each prompt with a word and a picture."""
    picture = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(png()).decode()}}
    content = {"role": "model", "parts": [{"text": "Here it is."}, picture]}
    usage = {"promptTokenCount": 6, "candidatesTokenCount": 1293, "totalTokenCount": 1299}
    answer = {"candidates": [{"index": 0, "content": content, "finishReason": "STOP"}], "usageMetadata": usage}
    with ScriptedServer() as server:
        server.answer = lambda _: Answer(answer)
        yield server.url
