"""The main rows as a picture: CPU of a chunk and of a call, for light and for dark pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt  # after the backend is chosen

if TYPE_CHECKING:
    from pathlib import Path

OURS, THEIRS, FLOOR = "#0f8a6d", "#8a94a6", "#c9b458"
INK = "#7d8590"
"""Read well on white and on black alike."""
_TITLES = {"chunks": "CPU of a streamed chunk, µs", "calls": "CPU of a plain call, ms"}
_SHOWN = {"chunks": 1.0, "calls": 1000.0}


_APIS = ("chat_completions", "responses", "messages", "generate_content")


def _bars(axes: Any, rows: list[dict[str, Any]], name: str) -> None:
    own = [line for line in rows if line["family"] == "langchain" and "error" not in line]
    lines = sorted(own, key=lambda line: (_APIS.index(line["api"]), line["cpu"][0]))
    longest = sorted(line["cpu"][0] / _SHOWN[name] for line in lines)[-3] * 1.1
    labels, values, colors = [], [], []
    for line in lines:
        value = line["cpu"][0] / _SHOWN[name]
        labels.append(f"{'floor' if line['floor'] else line['name']} · {line['api']}")
        values.append(value)
        colors.append(FLOOR if line["floor"] else OURS if line["name"] == "ChatTikHub" else THEIRS)
    places = range(len(values), 0, -1)
    axes.barh(places, [min(value, longest) for value in values], color=colors, height=0.72)
    for place, value in zip(places, values, strict=True):
        shown = f"{value:.0f}" if name == "chunks" else f"{value:.2f}"
        axes.text(min(value, longest) + longest * 0.01, place, shown, va="center", color=INK, fontsize=8)
    axes.set_yticks(places, labels, fontsize=8)
    axes.set_xlim(0, longest * 1.12)
    axes.set_title(_TITLES[name], fontsize=10, color=INK, loc="left")


def draw(rows: dict[str, list[dict[str, Any]]], folder: Path) -> None:
    """Write `benchmarks.svg`: readable on light and on dark, since its ground is transparent."""
    mpl.rcParams |= {"svg.hashsalt": "tikhub", "svg.fonttype": "none", "font.family": "sans-serif"}
    figure, both = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
    for axes, name in zip(both, _TITLES, strict=True):
        _bars(axes, rows[name], name)
        axes.tick_params(colors=INK, length=0)
        axes.set_xticks([])
        for side in axes.spines.values():
            side.set_visible(False)
    figure.savefig(folder / "benchmarks.svg", transparent=True, metadata={"Date": None})
