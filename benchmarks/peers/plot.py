"""Drawings of the results of `just bench --json`: one bar per peer and operation, and the time of a page by its depth.

python -m benchmarks.peers.plot results.json docs/performance
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from math import log10
from pathlib import Path
from statistics import median
from typing import Any, Final
from xml.sax.saxutils import escape

_COLOURS: Final = {
    "medianest": "#1f6feb", "raw": "#8b949e", "tuned": "#57606a", "prisma": "#a371f7", "sqlalchemy": "#d29922",
    "tortoise": "#3fb950", "procrastinate": "#db6d28", "pgqueuer": "#f778ba", "plain": "#1a7f37",
}  # fmt: skip
_BAR: Final = 15
_LABEL: Final = 165
_WIDTH: Final = 640
_HEIGHT: Final = 300
_MARGIN: Final = 60


def bars(results: Iterable[dict[str, Any]]) -> str:
    """Draw the operations per second of each peer for each operation; the fastest peer has the longest bar."""
    parts: list[str] = []
    top = 0
    for result in results:
        rates = {label: median(peer["rates"]) for label, peer in result["peers"].items()}
        parts.append(text(0, top + 16, result["title"], bold=True))
        top += 24
        for label, rate in rates.items():
            width = (_WIDTH - _LABEL - 70) * rate / max(rates.values())
            colour = _COLOURS[label.partition("/")[0]]
            parts.append(text(0, top + 11, label))
            parts.append(f'<rect x="{_LABEL}" y="{top}" width="{width:.1f}" height="{_BAR - 3}" fill="{colour}"/>')
            parts.append(text(_LABEL + width + 5, top + 11, f"{rate:,.0f}"))
            top += _BAR
        top += 14
    return svg(top, parts)


def depth_curves(results: Iterable[dict[str, Any]]) -> str:
    """Draw the milliseconds of a page by its depth, both on logarithmic scales."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for result in results:
        name, _, depth = result["name"].partition("@")
        for label, peer in result["peers"].items():
            line = f"{label.partition('/')[0]}, {name}"
            lines.setdefault(line, []).append((log10(int(depth)), log10(median(peer["p50"]))))
    points = [point for line in lines.values() for point in line]
    (left, right), (low, high) = ((min(values), max(values)) for values in zip(*points, strict=True))

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - left) / (right - left or 1) * (_WIDTH - 3 * _MARGIN)
        up = (y - low) / (high - low or 1) * (_HEIGHT - _MARGIN)
        return _MARGIN + across, _HEIGHT - _MARGIN / 2 - up

    parts = [text(_MARGIN, 12, "milliseconds of a page of 20, by the rows before it (logarithmic)", bold=True)]
    parts += [text(place(x, low)[0] - 12, _HEIGHT - 2, f"{10**x:,.0f}") for x in sorted({x for x, _ in points})]
    parts += [text(0, place(left, y)[1], f"{10**y:.2f} ms") for y in (low, high)]
    for line, path in lines.items():
        colour = _COLOURS[line.partition(",")[0]]
        dash = ' stroke-dasharray="4 3"' if line.endswith("offset") else ""
        spots = " ".join("{:.1f},{:.1f}".format(*place(*point)) for point in path)
        parts.append(f'<polyline points="{spots}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        x, y = place(*path[-1])
        parts.append(text(x + 5, y, line))
    return svg(_HEIGHT, parts)


def text(x: float, y: float, words: str, *, bold: bool = False) -> str:
    """Write words at a place."""
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{weight}>{escape(words)}</text>'


def svg(height: float, parts: list[str]) -> str:
    """Write a drawing of these parts."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" width="{_WIDTH}"'
        ' font-family="sans-serif" font-size="11" fill="#24292f">'
    )
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>"]) + "\n"


def _of(results: list[dict[str, Any]], *, depths: bool) -> Iterator[dict[str, Any]]:
    for result in results:
        if ("@" in result["name"]) == depths and result["name"] != "startup":
            yield result


def main() -> None:
    """Draw; the arguments are the file of results and the folder for the drawings."""
    source, folder = map(Path, sys.argv[1:])
    results = json.loads(source.read_text())["results"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "operations.svg").write_text(bars(_of(results, depths=False)))
    (folder / "depth.svg").write_text(depth_curves(_of(results, depths=True)))


if __name__ == "__main__":
    main()
