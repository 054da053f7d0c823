"""PostgreSQL's plans for the statements of services."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from medianest_models.db.statements import fetch
from medianest_models.repositories import services
from medianest_models.repositories._bulk import delete_in_batches
from medianest_models.repositories.services import retention
from medianest_models.settings import DatabaseUrl
from tests.plans.conftest import explain_calls, index_names, nodes, seq_scans

HISTORY = "ix_service_status_history_service_id_checked_at"
DAY = timedelta(days=1)


async def test_latest_statuses_reads_one_check_a_service_from_recent_partitions(big_database: DatabaseUrl) -> None:
    (plan,) = await explain_calls(services.latest_statuses(), analyze=True)
    scans = [node for node in nodes(plan) if "Partition's Relation Name" in node and node["Actual Loops"]]
    assert len({scan["Partition's Relation Name"] for scan in scans}) <= 6  # of the week, three ahead, and the default
    for scan in scans:
        if scan["Relation Name"] == "service_status_history":
            assert scan["Node Type"] in {"Index Scan", "Index Only Scan"}
            assert scan["Scan Direction"] == "Backward"
            assert scan["Actual Rows"] <= 2  # that, and the next, which is older


async def test_prune_history_finds_each_batch_through_the_index(big_database: DatabaseUrl) -> None:
    """Look at its batches alone: to roll up two years in one transaction takes minutes."""
    (oldest,) = await fetch("SELECT min(checked_at) AS at FROM service_status_history")
    before = oldest["at"] + 15 * DAY
    plans = await explain_calls(delete_in_batches(retention._DELETE, before, batch_size=500))
    assert len(plans) > 5
    for plan in plans:
        assert HISTORY in index_names(plan)
        assert not seq_scans(plan)


@pytest.mark.parametrize("call", [services.uptime, services.incidents])
async def test_30_days_are_answered_without_reading_the_two_years(big_database: DatabaseUrl, call: Any) -> None:
    (plan,) = await explain_calls(call("service-3", since=datetime.now(UTC) - 30 * DAY), analyze=True)
    assert index_names(plan) & {HISTORY}
    assert not seq_scans(plan)
    read = sum(
        node["Actual Rows"] * node["Actual Loops"] + node.get("Rows Removed by Filter", 0)
        for node in nodes(plan)
        if node.get("Relation Name") in {"service_status_history", "a small partition"}
    )
    assert 1_700 < read < 2_800  # one check in 25 minutes, and all of a small partition
