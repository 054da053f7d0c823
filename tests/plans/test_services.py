"""PostgreSQL's plans for the statements of services."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from medianest_models.db.statements import execute, fetch
from medianest_models.repositories import services
from medianest_models.repositories.services import availability
from medianest_models.settings import DatabaseUrl
from tests.plans.conftest import explain_calls, index_names, nodes, seq_scans

HISTORY = "ix_service_status_history_service_id_checked_at"
DAY = timedelta(days=1)


async def test_latest_statuses_reads_one_check_a_service(big_database: DatabaseUrl) -> None:
    (plan,) = await explain_calls(services.latest_statuses())
    (limit,) = [node for node in nodes(plan) if node["Node Type"] == "Limit"]
    (scan,) = limit["Plans"]
    assert scan["Node Type"] == "Index Scan"
    assert scan["Scan Direction"] == "Backward"


async def test_prune_history_finds_each_batch_through_the_index(big_database: DatabaseUrl) -> None:
    batches = await explain_calls(services.prune_history(550 * DAY, batch_size=1000))
    assert len(batches) > 5
    for plan in batches:
        assert index_names(plan) == {HISTORY}
        assert not seq_scans(plan)


FILL_YEAR = """
INSERT INTO service_status_history (id, service_id, status, response_time_ms, checked_at)
SELECT gen_random_uuid(), $1, CASE n % 10 WHEN 0 THEN 'down' WHEN 1 THEN 'degraded' ELSE 'up' END, n % 500,
       $2::timestamptz - interval '365 days' + n * (interval '365 days' / 1000000)
FROM generate_series(0, 999999) n
"""


async def test_30_days_are_answered_without_reading_the_year(big_database: DatabaseUrl) -> None:
    await execute("INSERT INTO services (name, display_name) VALUES ('busy', 'Busy')")
    (service,) = await fetch("SELECT id, now() FROM services WHERE name = 'busy'")
    await execute("SET LOCAL session_replication_role = replica")  # no foreign key is checked a million times
    await execute(FILL_YEAR, service["id"], service["now"])
    await execute("ANALYZE service_status_history")
    since = service["now"] - 30 * DAY

    for sql in (availability._UPTIME, availability._INCIDENTS):
        (row,) = await fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", "busy", since, None, None, 1)
        plan = json.loads(row["QUERY PLAN"])[0]["Plan"]
        assert index_names(plan) & {HISTORY}
        assert not seq_scans(plan)
        read = sum(
            node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            for node in nodes(plan)
            if node.get("Index Name") == HISTORY
        )
        assert 82_000 < read < 82_500  # 30 days of 365, of a million

    found = await services.uptime("busy", since=since)
    assert found is not None
    assert found.ratio == pytest.approx(0.9, abs=0.001)
    assert found.degraded_ratio == pytest.approx(0.1, abs=0.001)
    assert found.unknown == timedelta()
