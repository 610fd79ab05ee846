"""The example that saves Gemini's images, over a scripted gateway: plain and streamed give the same files."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import gemini_image
import pytest

from langchain_tikhub import ChatTikHub
from tests.scripted_server import Answer, ScriptedServer, sse

if TYPE_CHECKING:
    from pathlib import Path

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(64))
JPEG = b"\xff\xd8\xff" + bytes(range(32))


def part(data: bytes, mime: str) -> dict[str, Any]:
    return {"inlineData": {"mimeType": mime, "data": base64.b64encode(data).decode()}}


PARTS = [{"text": "Two foxes."}, part(PNG, "image/png"), part(JPEG, "image/jpeg")]


@pytest.mark.parametrize("streaming", [False, True])
def test_images_are_saved_in_their_order_and_kind(server: ScriptedServer, tmp_path: Path, *, streaming: bool) -> None:
    def chunk(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {"candidates": [{"index": 0, "content": {"role": "model", "parts": list(parts)}, **more}]}

    chunks = [*(chunk(one) for one in PARTS), chunk(finishReason="STOP")]
    server.answers = [sse(*chunks, done=False) if streaming else Answer(chunk(*PARTS, finishReason="STOP"))]
    llm = ChatTikHub(
        model="gemini-2.5-flash-image",
        response_modalities=["TEXT", "IMAGE"],
        api_key="sk-x",
        base_url=server.url,
        streaming=streaming,
    )
    answer = llm.invoke("two foxes")
    saved = gemini_image.save_images(answer, tmp_path)
    assert [(path.name, path.read_bytes()) for path in saved] == [("image-1.png", PNG), ("image-2.jpg", JPEG)]
    assert answer.text == "Two foxes."
    assert server.requests[0].json()["generationConfig"]["responseModalities"] == ["TEXT", "IMAGE"]
