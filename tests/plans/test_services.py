"""What the queries about services read."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from medianest_models.db.statements import execute, fetch
from medianest_models.enums import ServiceStatus
from medianest_models.repositories import services
from medianest_models.repositories.services import Check, availability
from tests.plans.conftest import explain_calls, index_names, nodes, seq_scans

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from medianest_models.settings import DatabaseUrl

    Call = Callable[[], Coroutine[Any, Any, Any]]

HISTORY = "ix_service_status_history_service_id_checked_at"
DAY = timedelta(days=1)
NOW = datetime.now(UTC)


def days_ago(days: int) -> datetime:
    return datetime.now(UTC) - days * DAY


LOOKUPS: list[Call] = [
    lambda: services.uptime("service-3", since=days_ago(30)),
    lambda: services.incidents("service-3", since=days_ago(30)),
    lambda: services.response_time_percentiles("service-3", since=days_ago(30)),
    lambda: services.uptime("service-3", since=NOW - 30 * DAY, until=NOW, step=DAY),
    lambda: services.response_time_percentiles("service-3", since=NOW - 30 * DAY, until=NOW, step=DAY),
    services.latest_statuses,
]


@pytest.mark.parametrize("lookup", LOOKUPS)
async def test_the_history_is_read_through_its_index(big_database: DatabaseUrl, lookup: Call) -> None:
    *_, plan = await explain_calls(lookup())  # the driver may ask for the type of an array first
    assert index_names(plan) & {HISTORY}
    assert not seq_scans(plan)


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


@pytest.mark.parametrize(
    "call",
    [
        lambda: services.get("service-3"),
        services.list_enabled,
        lambda: services.configure("service-3", url="http://new"),
        lambda: services.record_check("service-3", status=ServiceStatus.UP),
        lambda: services.record_checks([Check("service-3", ServiceStatus.UP)]),
    ],
)
async def test_the_others_do_not_read_the_history(big_database: DatabaseUrl, call: Call) -> None:
    for plan in await explain_calls(call()):
        read = {node.get("Relation Name") for node in nodes(plan) if node["Node Type"] != "ModifyTable"}
        assert "service_status_history" not in read


# A year of one service

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
