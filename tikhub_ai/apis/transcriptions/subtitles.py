"""SubRip and WebVTT read, whichever of the two it is: segments out of cues."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from tikhub_ai.transcript import Segment

if TYPE_CHECKING:
    from collections.abc import Sequence

_TIMES = re.compile(
    r"[ \t]*(?:(\d+):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})[ \t]*-->[ \t]*(?:(\d+):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
)
_VOICE = re.compile(r"<v(?:\.[^ \t>]*)?[ \t]+([^>]+)>")
_MARK = re.compile(r"</?(?:[a-z]+(?:\.[^ >]*)?(?:[ \t][^>]*)?|\d[\d:.]*)>", re.IGNORECASE)


def is_subtitles(text: str) -> bool:
    """Whether a text is subtitles, by its beginning."""
    start = text.removeprefix("\ufeff").lstrip()[:300]
    if re.match(r"WEBVTT(?:\s|$)", start):
        return True
    return any(_TIMES.match(line) for line in start.splitlines()[:2])


def segments_in(text: str) -> list[Segment]:
    """The cues of subtitles, without their marks. Notes, styles and regions are none."""
    lines = text.removeprefix("\ufeff").splitlines()
    starts = [(at, times) for at, line in enumerate(lines) if (times := _TIMES.match(line))]
    segments = []
    for number, (at, times) in enumerate(starts):
        following = starts[number + 1][0] if number + 1 < len(starts) else len(lines)
        said = _payload(lines, at + 1, following)
        voice = _VOICE.search(said)
        name = lines[at - 1].strip() if at and not (at >= 2 and lines[at - 2].strip()) else ""
        segments.append(
            Segment(
                html.unescape(_MARK.sub("", said)).strip(),
                _seconds(times.groups()[:4]),
                _seconds(times.groups()[4:]),
                speaker=html.unescape(voice.group(1)).strip() if voice else None,
                id=name if name and not name.startswith("WEBVTT") else None,
            )
        )
    return segments


def _payload(lines: Sequence[str], start: int, end: int) -> str:
    """A cue's text: up to the blank line that ends it."""
    said = []
    for line in lines[start:end]:
        if not line.strip():
            break
        said.append(line.strip())
    return "\n".join(said)


def _seconds(parts: Sequence[str | None]) -> float:
    hours, minutes, seconds, fraction = parts
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0) + float(f"0.{fraction or 0}")
