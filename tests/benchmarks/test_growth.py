"""The benchmark of growth, on tables of a thousand rows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from benchmarks.growth import plot
from benchmarks.growth.__main__ import run, table, verdict
from benchmarks.growth.data import make, sizes
from benchmarks.growth.measuring import Cost, Growth
from benchmarks.growth.operations import OF_PORTAL, OF_QUEUE
from benchmarks.server import connect
from medianest_models.embedded import EmbeddedServer
from medianest_models.settings import DatabaseUrl

INDEXES = """
SELECT relname, indkey::text, indoption::text, indisunique, indisvalid, indpred IS NULL AS is_whole, conname
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
LEFT JOIN pg_constraint ON conindid = indexrelid AND contype <> 'f'
WHERE NOT relispartition AND relnamespace = 'public'::regnamespace ORDER BY relname
"""
ROWS = (
    "users", "media_requests", "media_request_status_updates", "youtube_downloads", "session_tokens", "rate_limits",
    "activity_logs", "service_status_history",
)  # fmt: skip


async def test_a_small_run_measures_all_and_draws_it(
    new_server: Callable[..., EmbeddedServer], monkeypatch: pytest.MonkeyPatch, not_connected: None
) -> None:
    for name in ("ENCRYPTION_KEYS", "LOG_LEVEL"):
        monkeypatch.setenv(name, "")  # the run sets them, and they are taken back
    kept = json.loads(json.dumps(await run(new_server(), (1_000, 2_000), rounds=2, calls=3)))
    operations = kept["operations"]
    assert [(o["table"], o["title"]) for o in operations] == [(o.table, o.title) for o in (*OF_PORTAL, *OF_QUEUE)]
    for operation in operations:
        assert operation["rows"] == [1_000, 2_000]
        assert all(0 < cost < 1e6 for part in Cost._fields for cost in operation[part])
        assert all(ratio > 0 for ratio in operation["ratios"].values())
    pages = {f"{o['table']}: {o['title']}": o["pages"] for o in operations}
    assert pages["users: find by Plex id"] == [3, 3]  # the root, a leaf, the row: each call's and no other's
    drawn = ElementTree.fromstring(plot.curves(operations))  # noqa: S314 - our own
    assert len(drawn.findall("{*}polyline")) == 2 * len(operations)


async def test_a_database_has_its_rows_and_all_indexes(
    new_server: Callable[..., EmbeddedServer], fresh_url: DatabaseUrl, not_connected: None
) -> None:
    server = await asyncio.to_thread(new_server().start)
    connection = await connect(fresh_url)
    indexes = await connection.fetch(INDEXES)
    await connection.close()
    for size in sizes((1_000,)):
        connection = await connect(await make(server, size))
        assert await connection.fetch(INDEXES) == indexes
        filled = {name: await connection.fetchval(f"SELECT count(*) FROM {name}") for name in ROWS}
        queued = await connection.fetchval("SELECT count(*) FROM youtube_downloads WHERE status = 'queued'")
        if size.is_queue:
            assert filled == dict.fromkeys(ROWS, 0) | {"users": 20, "youtube_downloads": 1_000}
            assert queued == 1_000
        else:
            assert filled == dict.fromkeys(ROWS, 1_000)
            assert queued == 100
            assert await connection.fetchval("SELECT count(*) FROM service_rollups") > 0
        await connection.close()


def test_a_cost_is_flat_if_it_grows_by_less_than_a_third() -> None:
    few, many = Cost(100, 50, 4), Cost(130, 100, 4)
    growth = Growth("users", "find", {10_000: [few, few, Cost(1, 1, 1)], 100_000: [many, many, Cost(1, 1, 1)]})
    assert verdict(growth).split() == ["users:", "find", "client", "flat,", "server", "x", "2.00,", "pages", "flat"]
    head, line = table("server", [growth])
    assert head.split()[-3:] == ["10,000", "100,000", "ratio"]
    assert line.split() == ["users:", "find", "50", "100", "2.00"]
    assert len(head) - 1 == len(line)
