"""The diagram of the tables is that of the migrations."""

from __future__ import annotations

from itertools import pairwise

from docs.schema import DIAGRAM, draw, read
from medianest_models.settings import DatabaseUrl


async def test_the_diagram_is_drawn_from_the_migrated_database(fresh_db: DatabaseUrl) -> None:
    tables = await read()
    assert draw(tables) == DIAGRAM.read_text(), "`just diagram` draws it anew"


async def test_every_table_and_reference_is_in_it(fresh_db: DatabaseUrl) -> None:
    tables = await read()
    text = draw(tables)
    assert len(tables) > 15
    assert text.count('class="line"') == sum(len(table.references) for table in tables) > 10
    boxes = sorted((table.left, table.top, table.height) for table in tables)
    for (left, top, height), (next_left, next_top, _) in pairwise(boxes):
        assert next_left > left or next_top > top + height, "two boxes overlap"
