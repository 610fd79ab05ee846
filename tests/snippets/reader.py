"""What a reader has beside the page: a folder of files, by the names that the pages use."""

from __future__ import annotations

import base64
import shutil
from typing import TYPE_CHECKING

from tests.matrix.asked import PDF, PNG
from tests.snippets.programs import ROOT

if TYPE_CHECKING:
    from pathlib import Path

DATA = ROOT / "tests" / "data"


def fill(folder: Path) -> None:
    """Lay the files into an empty folder.

    There are `documents/` (twelve short texts), `talk.mp3`, `talk.wav`, `talks/` with two recordings, `photo.png`,
    `photo.jpg` and `report.pdf`.
    """
    shutil.copytree(ROOT / "examples" / "documents", folder / "documents")
    (folder / "talks").mkdir()
    for name in ("talk.mp3", "talk.wav", "talks/monday.mp3", "talks/tuesday.mp3"):
        shutil.copyfile((DATA / "speech").with_suffix(name[-4:]), folder / name)
    for name in ("photo.png", "photo.jpg"):
        (folder / name).write_bytes(base64.b64decode(PNG))
    (folder / "report.pdf").write_bytes(base64.b64decode(PDF))
