"""The diagram of the tables, docs/schema.svg, from the catalog of a migrated database: `python -m docs.schema`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from medianest_models.db.direct import direct_connection
from medianest_models.migrate.catalog import HISTORY, Catalog, history_schema, read_catalog

DIAGRAM: Final = Path(__file__).with_suffix(".svg")

# Those that others refer to are in the middle, so that every line crosses one gap. A new table comes last.
_PLACES: Final = (
    ("local_credentials", "session_tokens", "rate_limits", "rolling_rate_limits", "media_request_status_updates"),
    ("users", "media_requests", "services", "imported_rows", "kept_history"),
    ("activity_logs", "system_config", "youtube_downloads", "media_request_followers"),
)
_ROW: Final = 17
_WIDTH: Final = 240
_GAP: Final = 56
_SPACE: Final = 22
_TYPES: Final = {
    "timestamp with time zone": "timestamptz",
    "character varying": "varchar",
    "double precision": "float8",
    "boolean": "bool",
}
_STYLE: Final = """
svg { font: 11.5px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.page { fill: #ffffff; } .box { fill: #f6f8fa; stroke: #8c959f; } .head { fill: #1f6feb; }
text { fill: #1f2328; } .type { fill: #59636e; text-anchor: end; } .name { fill: #ffffff; font-weight: bold; }
.key { font-weight: bold; } .line { fill: none; stroke: #59636e; } .end { fill: #59636e; }
@media (prefers-color-scheme: dark) {
.page { fill: #131416; } .box { fill: #1c2128; stroke: #656c76; } .head { fill: #1158c7; }
text { fill: #d1d7e0; } .type { fill: #9198a1; } .name { fill: #ffffff; }
.line { stroke: #9198a1; } .end { fill: #9198a1; }
}
"""


@dataclass
class Table:
    """A table's box."""

    name: str
    key: set[str] = field(default_factory=set)
    references: dict[str, str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    by_month: bool = False
    left: float = 0
    top: float = 0

    @property
    def columns(self) -> list[str]:
        """The names of the columns: the key, the references, the others."""
        return sorted(self.types, key=lambda name: (name not in self.key, name not in self.references, name))

    @property
    def height(self) -> float:
        """The height of the box."""
        return _ROW * (1 + len(self.types)) + 6

    def middle(self, column: str) -> float:
        """Return where a line meets a column."""
        return self.top + _ROW * (self.columns.index(column) + 1.5) + 3


def tables_of(catalog: Catalog) -> list[Table]:
    """Return the tables with their columns and references, without Aerich's."""
    tables: dict[str, Table] = {}
    for thing in catalog:
        if thing.kind in {"table", "partitioned table"} and thing.name != HISTORY:
            tables[thing.name] = Table(thing.name, by_month=thing.kind == "partitioned table")
    for thing, properties in catalog.items():
        table = tables.get(thing.table or "")
        if table is None:
            continue
        if thing.kind == "column":
            mark = "?" if properties["NULL"] == "allowed" else ""
            table.types[thing.name] = (
                re.sub("|".join(_TYPES), lambda found: _TYPES[found[0]], properties["type"]) + mark
            )
        elif key := re.match(r"PRIMARY KEY \((.*)\)", properties.get("definition", "")):
            table.key |= set(key[1].split(", "))
        elif reference := re.match(r"FOREIGN KEY \((\w+)\) REFERENCES (\w+)", properties.get("definition", "")):
            table.references[reference[1]] = reference[2]
    return list(tables.values())


def draw(tables: list[Table]) -> str:
    """Draw the boxes in three columns, and a line for each reference."""
    height = _place(tables)
    width = 3 * _WIDTH + 2 * _GAP + 2 * _SPACE
    parts = [part for table in tables for part in _box(table)]
    parts += _lines({table.name: table for table in tables})
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:g}" width="{width}" role="img">\n'
        f"<title>The tables, their columns and their references</title>\n<style>{_STYLE}</style>\n"
        f'<rect class="page" width="100%" height="100%"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _place(tables: list[Table]) -> float:
    """Place the boxes one below the other, and return the height of all; what has no place goes where room is."""
    bottoms = [float(_SPACE)] * len(_PLACES)
    order = {name: (column, row) for column, names in enumerate(_PLACES) for row, name in enumerate(names)}
    for table in sorted(tables, key=lambda table: (order.get(table.name, (9, 9)), table.name)):
        outer = 0 if bottoms[0] <= bottoms[2] else 2
        column = order.get(table.name, (outer, 0))[0]
        table.left, table.top = _SPACE + column * (_WIDTH + _GAP), bottoms[column]
        bottoms[column] += table.height + _SPACE
    return max(bottoms)


def _box(table: Table) -> Iterator[str]:
    left, right = table.left, table.left + _WIDTH
    yield f'<rect class="box" x="{left:g}" y="{table.top:g}" width="{_WIDTH}" height="{table.height:g}" rx="4"/>'
    yield f'<rect class="head" x="{left:g}" y="{table.top:g}" width="{_WIDTH}" height="{_ROW + 3}" rx="4"/>'
    yield f'<text class="name" x="{left + 8:g}" y="{table.top + 14:g}">{escape(table.name)}</text>'
    if table.by_month:
        yield f'<text class="name" x="{right - 8:g}" y="{table.top + 14:g}" text-anchor="end">by month</text>'
    for column in table.columns:
        y = table.middle(column) + 4
        key = ' class="key"' if column in table.key else ""
        yield f'<text{key} x="{left + 8:g}" y="{y:g}">{escape(column)}</text>'
        yield f'<text class="type" x="{right - 8:g}" y="{y:g}">{escape(table.types[column])}</text>'


def _lines(tables: dict[str, Table]) -> Iterator[str]:
    """Draw each line from its column through a lane of the gap to the key of the other table."""
    lanes = {0: 0, 1: 0}
    for table in tables.values():
        for column, name in sorted(table.references.items()):
            other = tables[name]
            gap = 1 if table.left > other.left else 0
            lanes[gap] += 1
            middle_left = _SPACE + _WIDTH + _GAP
            lane = middle_left - _GAP + 6 + lanes[gap] * 4 if gap == 0 else middle_left + _WIDTH + 6 + lanes[gap] * 4
            start = table.left + (0 if table.left >= other.left else _WIDTH)
            end = other.left + (_WIDTH if table.left > other.left else 0)
            y, to = table.middle(column), other.middle("id")
            yield f'<path class="line" d="M{start:g} {y:g}H{lane:g}V{to:g}H{end:g}"/>'
            tip = 7 if end > other.left else -7
            yield f'<path class="end" d="M{end:g} {to:g}l{tip} -4v8z"/>'


async def read() -> list[Table]:
    """Read the tables of DATABASE_URL, or of the embedded server."""
    async with direct_connection(None) as connection, connection.transaction(readonly=True):
        return tables_of(await read_catalog(connection, str(await history_schema(connection))))


if __name__ == "__main__":
    DIAGRAM.write_text(draw(asyncio.run(read())), encoding="utf-8")
