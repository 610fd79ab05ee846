"""Ask Gemini for an image and save it: `python examples/gemini_image.py "A fox reading a newspaper"`.

Needs a TikHub AI key in TIKHUB_AI_API_KEY, and `pip install "tikhub-ai[langchain]"`.
"""

from __future__ import annotations

import base64
import mimetypes
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from langchain_tikhub import ChatTikHub

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage


def save_images(message: AIMessage, folder: Path) -> list[Path]:
    """Save the images of an answer.

    Args:
        message: The answer; plain, or the sum of a stream's chunks.
        folder: Where the files go; must exist.

    Returns:
        The files, `image-1.png` and so on, in the answer's order.
    """
    saved: list[Path] = []
    for block in message.content_blocks:
        if block["type"] == "image" and "base64" in block:
            extension = mimetypes.guess_extension(block.get("mime_type") or "image/png") or ".png"
            path = folder / f"image-{len(saved) + 1}{extension}"
            path.write_bytes(base64.b64decode(block["base64"]))
            saved.append(path)
    return saved


def main() -> None:
    """Draw what the command line says, into the working directory."""
    prompt = " ".join(sys.argv[1:]) or "A fox reading a newspaper"
    llm = ChatTikHub(model="gemini-2.5-flash-image", response_modalities=["TEXT", "IMAGE"])
    answer = llm.invoke(prompt)
    print(answer.text)
    for path in save_images(answer, Path.cwd()):
        print(f"saved {path.name}, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
