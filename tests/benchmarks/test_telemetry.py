"""The benchmark of telemetry: each side does the lookups, and leaves nothing behind."""

from __future__ import annotations

from benchmarks.telemetry import SIDES, measure
from medianest_models.db.observers import observers
from medianest_models.settings import DatabaseUrl


async def test_each_side_is_measured(fresh_db: DatabaseUrl) -> None:
    measured = await measure(1)
    assert measured.keys() == SIDES.keys()
    assert all(len(turns) == 1 and turns[0] > 0 for turns in measured.values())
    assert observers == []
