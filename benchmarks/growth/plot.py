"""A drawing of the results of `just bench-growth --json`: what each operation costs by the rows of its table.

python -m benchmarks.growth.plot growth.json docs/performance
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from itertools import groupby
from math import log10
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from benchmarks.peers.plot import svg, text

_COLOURS: Final = ("#1f6feb", "#d29922", "#3fb950", "#a371f7", "#db6d28", "#f778ba", "#57606a", "#0598bc")
_PARTS: Final = {"server": "microseconds of the server's CPU", "pages": "pages read"}
_CHART: Final = 170
_HEIGHT: Final = 110
_MARGIN: Final = 45
_LEGEND: Final = 2 * (_MARGIN + _CHART) + 15
_LINE: Final = 14


def curves(operations: Sequence[dict[str, Any]]) -> str:
    """Draw two charts for each table, with a line for each operation; all scales are logarithmic."""
    parts: list[str] = []
    top = 0
    for table, group in groupby(operations, key=itemgetter("table")):
        its = list(group)
        parts.append(text(0, top + 12, table, bold=True))
        for place, (part, title) in enumerate(_PARTS.items()):
            left = _MARGIN + place * (_MARGIN + _CHART)
            parts.append(text(left, top + 28, title))
            parts += _chart([(operation["rows"], operation[part]) for operation in its], left, top + 42)
        for number, operation in enumerate(its):
            y = top + 46 + number * _LINE
            parts.append(f'<rect x="{_LEGEND}" y="{y - 8}" width="8" height="8" fill="{_COLOURS[number]}"/>')
            parts.append(text(_LEGEND + 12, y, operation["title"]))
        top += _HEIGHT + 80
    return svg(top, parts)


def _chart(lines: Sequence[tuple[list[int], list[float]]], left: float, top: float) -> list[str]:
    """Draw a chart of lines, each given by its numbers of rows and its costs, which are above 0."""
    rows = lines[0][0]
    across = _CHART / (log10(rows[-1] / rows[0]) or 1)
    costs = [log10(cost) for _, line in lines for cost in line]
    low, high = min(costs), max(costs)
    up = _HEIGHT / max(high - low, 1)
    parts = [text(left + across * log10(number / rows[0]) - 12, top + _HEIGHT + 14, _short(number)) for number in rows]
    parts += [text(left - _MARGIN + 8, top + _HEIGHT - up * (y - low), f"{10**y:,.0f}") for y in (low, high)]
    for colour, (_, line) in zip(_COLOURS, lines, strict=False):
        spots = " ".join(
            f"{left + across * log10(number / rows[0]):.1f},{top + _HEIGHT - up * (log10(cost) - low):.1f}"
            for number, cost in zip(rows, line, strict=True)
        )
        parts.append(f'<polyline points="{spots}" fill="none" stroke="{colour}" stroke-width="2"/>')
    return parts


def _short(number: int) -> str:
    return f"{number // 1_000_000}M" if number >= 1_000_000 else f"{number // 1000}k"  # noqa: PLR2004


def main() -> None:
    """Draw; the arguments are the file of results and the folder for the drawing."""
    source, folder = map(Path, sys.argv[1:])
    (folder / "growth.svg").write_text(curves(json.loads(source.read_text())["operations"]))


if __name__ == "__main__":
    main()
