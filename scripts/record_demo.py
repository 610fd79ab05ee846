"""Records `make demo` as a picture that moves: docs/images/demo.svg.

    python scripts/record_demo.py [COMMAND ...]

The command runs in a terminal of its own; what it prints, and when, becomes an SVG with one animation for each piece
of text. Waits are shortened to a second. A line that is written again and again, such as a progress bar, is shown as
it was in the end. Readers who want no motion see the last picture at once.
"""

from __future__ import annotations

import fcntl
import html
import os
import pty
import re
import select
import shlex
import struct
import subprocess
import sys
import termios
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "images" / "demo.svg"
_COLUMNS, _LONGEST_WAIT = 120, 1.0
_WIDTH, _HEIGHT, _LEFT, _TOP = 7.83, 19, 18, 52
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07|[()][0-9A-Z])")


@dataclass
class _Screen:
    """Lines of pieces, each with the second at which it appeared."""

    lines: list[list[tuple[float, str]]] = field(default_factory=lambda: [[]])
    returns: bool = False

    def write(self, second: float, text: str) -> None:
        for part in re.split(r"(\r\n|\n|\r)", _ESCAPES.sub("", text)):
            if part in {"\n", "\r\n"}:
                self.lines.append([])
                self.returns = False
            elif part == "\r":
                self.returns = True
            elif part:
                if self.returns:
                    self.lines[-1] = []
                    self.returns = False
                self._put(second, part)

    def _put(self, second: float, text: str) -> None:
        while text:
            room = _COLUMNS - sum(len(piece) for _, piece in self.lines[-1])
            if room <= 0:
                self.lines.append([])
                continue
            self.lines[-1].append((second, text[:room]))
            text = text[room:]


def _recorded(command: list[str]) -> tuple[_Screen, float]:
    """What a command shows, and how long it took with its waits shortened."""
    screen = _Screen()
    second = 0.0
    screen.write(second, "$ make demo\n")
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, _COLUMNS, 0, 0))
    environment = os.environ | {"COLUMNS": str(_COLUMNS), "TERM": "xterm-256color", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=terminal, stderr=terminal, cwd=ROOT, env=environment) as process:
        os.close(terminal)
        before = time.monotonic()
        while True:
            ready, _, _ = select.select([main], [], [], 1)
            try:
                piece = os.read(main, 65536) if ready else b""
            except OSError:  # the terminal is closed: the command has ended
                break
            if piece:
                now = time.monotonic()
                second += min(now - before, _LONGEST_WAIT)
                before = now
                screen.write(second, piece.decode(errors="replace"))
    os.close(main)
    if process.returncode:
        sys.exit(f"{shlex.join(command)} ended with {process.returncode}")
    return screen, second


def _drawn(screen: _Screen) -> str:
    lines = screen.lines[:-1] if not screen.lines[-1] else screen.lines
    width, height = round(_COLUMNS * _WIDTH + 2 * _LEFT), _TOP + len(lines) * _HEIGHT + 8
    rows = []
    for number, line in enumerate(lines):
        pieces = "".join(
            f'<tspan style="animation-delay:{second:.2f}s">{html.escape(text)}</tspan>' for second, text in line
        )
        if pieces:
            rows.append(f'<text x="{_LEFT}" y="{_TOP + number * _HEIGHT}">{pieces}</text>')
    lights = "".join(f'<circle cx="{20 + 18 * place}" cy="18" r="5.5" fill="{colour}"/>' for place, colour in _LIGHTS)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>make demo, recorded</title>
<style>
  rect {{ fill: #1b1d29; }}
  text {{ font: 13px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #d8dcea; white-space: pre; }}
  tspan {{ opacity: 0; animation: shown 0.01s forwards; }}
  @keyframes shown {{ to {{ opacity: 1; }} }}
  @media (prefers-reduced-motion: reduce) {{ tspan {{ opacity: 1; animation: none; }} }}
</style>
<rect width="{width}" height="{height}" rx="8"/>{lights}
{chr(10).join(rows)}
</svg>
"""


_LIGHTS = enumerate(("#f2635a", "#f6be4f", "#5fc454"))


def main(command: list[str]) -> None:
    """Record, and draw."""
    screen, seconds = _recorded(command or [sys.executable, "examples/demo.py"])
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(_drawn(screen))
    print(f"{PICTURE.relative_to(ROOT)}: {len(screen.lines)} lines, {seconds:.0f} s, {PICTURE.stat().st_size} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
