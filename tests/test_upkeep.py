"""Upkeep: all that is due is done, by any number of processes, whatever stops them."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from medianest_models.db.partitions import PARTITIONED, end_of_partitions, make_partitions
from medianest_models.db.statements import execute, fetch
from medianest_models.enums import ServiceStatus
from medianest_models.models import ActivityLog, RateLimit, Service, ServiceStatusHistory, SessionToken, User
from medianest_models.repositories import services, system_config
from medianest_models.repositories.services import Incident, Uptime
from medianest_models.settings import DatabaseUrl
from medianest_models.upkeep import MaintenanceReport, maintain, overdue
from tests.processes import run_in_processes

DAY = timedelta(days=1)
SERVICES = ("overseerr", "plex", "radarr")

# A check every four minutes of two days, and one down: 70 days ago, and at last. An entry of the log with each.
OLD_ROWS = """
WITH checks AS (
    INSERT INTO service_status_history (service_id, status, checked_at)
    SELECT id, CASE number WHEN 7 THEN 'down' ELSE 'up' END, now() - days * interval '1 day' + number * interval '4 min'
    FROM services CROSS JOIN (VALUES (70), (2)) AS begins (days) CROSS JOIN generate_series(0, 719) AS number
)
INSERT INTO activity_logs (action, created_at)
SELECT 'login', now() - days * interval '1 day' FROM generate_series(1, 70) AS days
"""

EXPIRED_COUNTER = (
    "INSERT INTO rate_limits (ip_address, endpoint, window_start) VALUES ('::1', 'x', now() - interval '3 days')"
)


@dataclass(frozen=True)
class Answers:
    """The answers about the checks of all services."""

    uptime: list[Uptime | None]
    incidents: list[list[Incident]]


async def answers(until: datetime) -> Answers:
    window: dict[str, Any] = {"since": until - 100 * DAY, "until": until}
    return Answers(
        [await services.uptime(name, **window) for name in SERVICES],
        [await services.incidents(name, **window) for name in SERVICES],
    )


async def now() -> datetime:
    (row,) = await fetch("SELECT now() AS now")
    instant: datetime = row["now"]
    return instant


async def fill() -> None:
    """Make months of three services and of the log, in partitions since 100 days ago."""
    for name in SERVICES:
        await Service.create(name=name, display_name=name)
    for table in PARTITIONED:
        await make_partitions(table, since=await now() - 100 * DAY)
    await execute(OLD_ROWS)


async def keep(**days: int) -> None:
    for kept, number in days.items():
        await system_config.set(f"retention.{kept}", value={"days": number})


async def ended_months(table: str, days: int) -> int:
    """Count the partitions all of whose rows are older than so many days."""
    (row,) = await fetch(
        "SELECT count(*) AS months FROM generate_series("
        "date_trunc('month', now() AT TIME ZONE 'UTC' - interval '100 days'), now() AT TIME ZONE 'UTC', '1 month'"
        ") AS month WHERE (month + interval '1 month') AT TIME ZONE 'UTC' <= now() - $1 * interval '1 day'",
        days,
    )
    months: int = row["months"]
    return months


async def drop_newest(table: str) -> None:
    """Drop the partition of the last month that there is."""
    (row,) = await fetch(
        "SELECT max(relid::regclass::text) AS newest FROM pg_partition_tree($1::regclass)"
        r" WHERE relid::regclass::text ~ '_\d{4}_\d{2}$'",
        table,
    )
    await execute(f"DROP TABLE {row['newest']}")


async def test_does_all_that_is_due(fresh_db: DatabaseUrl) -> None:
    await fill()
    await keep(checks=30, activity=40, downloads=2)
    user = await User.create(plex_id="1", plex_username="ann")
    await execute(EXPIRED_COUNTER)
    await execute(
        "INSERT INTO session_tokens (user_id, token_hash, expires_at, created_at)"
        " VALUES ($1, repeat('a', 64), now() - interval '1 day', now() - interval '2 days')",
        user.id,
    )
    await execute(
        "INSERT INTO youtube_downloads (user_id, playlist_url, status, created_at, completed_at)"
        " VALUES ($1, 'u', 'completed', now() - interval '4 days', now() - interval '3 days')",
        user.id,
    )
    asked = await now()
    before = await answers(asked)
    assert before.uptime[0] is not None
    assert before.uptime[0].down == 2 * timedelta(minutes=4)
    report = await maintain()
    assert await answers(asked) == before
    assert report == MaintenanceReport(
        hours_rolled_up=report.hours_rolled_up,
        partitions_made={"service_status_history": 0, "activity_logs": 0},
        partitions_dropped={
            "service_status_history": await ended_months("service_status_history", 30),
            "activity_logs": await ended_months("activity_logs", 40),
        },
        deleted={"session_tokens": 1, "rate_limits": 1, "youtube_downloads": 1},
        failed={},
    )
    assert report.hours_rolled_up >= 3 * 2 * 24
    assert report.partitions_dropped["service_status_history"] > 0
    assert not await ServiceStatusHistory.filter(checked_at__lt=asked - 62 * DAY).exists()
    assert not await ActivityLog.filter(created_at__lt=asked - 72 * DAY).exists()
    assert not await RateLimit.exists()
    assert not await SessionToken.exists()
    again = await maintain()
    assert (again.hours_rolled_up, {*again.partitions_dropped.values(), *again.deleted.values()}) == (0, {0})


async def test_nothing_old_goes_unless_a_setting_says_so(fresh_db: DatabaseUrl) -> None:
    await fill()
    checks, entries = await ServiceStatusHistory.all().count(), await ActivityLog.all().count()
    report = await maintain()
    assert (report.partitions_dropped, report.deleted) == ({}, {"session_tokens": 0, "rate_limits": 0})
    assert await ServiceStatusHistory.all().count() == checks
    assert await ActivityLog.all().count() == entries


async def test_partitions_are_made_ahead(fresh_db: DatabaseUrl) -> None:
    for table in PARTITIONED:
        await drop_newest(table)
    assert (await maintain()).partitions_made == {"service_status_history": 1, "activity_logs": 1}


async def test_old_rows_that_came_without_a_partition_go_too(fresh_db: DatabaseUrl) -> None:
    await fill()
    old = await now() - 300 * DAY
    await services.record_check("plex", status=ServiceStatus.UP, checked_at=old)
    await execute("INSERT INTO activity_logs (action, created_at) VALUES ('login', $1)", old)
    await keep(checks=30, activity=30)
    await maintain()
    assert not await ServiceStatusHistory.filter(checked_at__lte=old).exists()
    assert not await ActivityLog.filter(created_at__lte=old).exists()
    assert await services.uptime("plex", since=old, until=old + DAY) is not None


async def test_a_part_that_fails_keeps_no_other_from_being_done(
    fresh_db: DatabaseUrl, caplog: pytest.LogCaptureFixture
) -> None:
    await fill()
    await keep(downloads=30)
    await execute("ALTER TABLE session_tokens RENAME TO elsewhere")
    await execute(EXPIRED_COUNTER)
    report = await maintain()
    assert report.failed.keys() == {"delete expired session_tokens"}
    assert (report.deleted, report.hours_rolled_up > 0) == ({"rate_limits": 1, "youtube_downloads": 0}, True)
    assert "could not delete expired session_tokens: " in caplog.text


async def test_a_role_that_may_make_no_tables_does_the_rest(db: DatabaseUrl) -> None:
    for table in PARTITIONED:
        await make_partitions(table, since=await now() - 100 * DAY)
        await drop_newest(table)
    await keep(checks=30)
    await execute(EXPIRED_COUNTER)
    await execute("CREATE ROLE guest_of_upkeep")
    await execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO guest_of_upkeep")
    await execute("SET LOCAL ROLE guest_of_upkeep")
    report = await maintain()
    await execute("RESET ROLE")
    assert {step: reason.partition(":")[0].partition(" may not ")[2] for step, reason in report.failed.items()} == {
        "make partitions of service_status_history": "make partitions of service_status_history",
        "make partitions of activity_logs": "make partitions of activity_logs",
        "drop old checks": "drop partitions of service_status_history",
    }
    assert report.deleted == {"session_tokens": 0, "rate_limits": 1}


@pytest.mark.parametrize("value", ['{"days": 1}', '{"days": 0}', '{"days": "secret"}', "30", '{"days": 30, "more": 1}'])
async def test_a_setting_that_makes_no_sense_removes_nothing(fresh_db: DatabaseUrl, value: str) -> None:
    await fill()
    await execute("INSERT INTO system_config (key, value) VALUES ('retention.checks', $1::jsonb)", value)
    await keep(activity=30)
    checks = await ServiceStatusHistory.all().count()
    report = await maintain()
    reason = (
        "the setting retention.checks in system_config must hold days (2 to 36500) in whole numbers, and nothing else"
    )
    assert report.failed == {"drop old checks": reason}
    assert report.partitions_dropped == {"activity_logs": await ended_months("activity_logs", 30)}
    assert await ServiceStatusHistory.all().count() == checks


async def report_of_maintenance() -> MaintenanceReport:
    return await maintain()


async def test_four_processes_at_once_do_it_once(fresh_db: DatabaseUrl) -> None:
    await fill()
    await keep(checks=30, activity=30)
    asked = await now()
    before, due = await answers(asked), sum((await services.hours_to_roll_up()).values())
    reports = await asyncio.to_thread(run_in_processes, report_of_maintenance, 4, url=fresh_db, connected=True)
    assert [report.failed for report in reports] == [{}] * 4
    assert 0 < sum(report.hours_rolled_up for report in reports) <= due
    reports.append(await maintain())  # each may have left something to another
    assert await services.hours_to_roll_up() == {}
    for table in PARTITIONED:
        assert sum(report.partitions_dropped[table] for report in reports) == await ended_months(table, 30)
        assert await end_of_partitions(table, before=asked - 30 * DAY) is None
    assert await answers(asked) == before


async def die_after_a_batch() -> None:
    await maintain(progress=lambda *_: os.kill(os.getpid(), signal.SIGKILL))


async def test_a_process_that_is_killed_in_the_middle_leaves_every_answer_right(fresh_db: DatabaseUrl) -> None:
    await fill()
    await keep(checks=30)
    asked = await now()
    before, due = await answers(asked), await services.hours_to_roll_up()
    for _ in range(2):
        with pytest.raises(AssertionError, match="status -9"):
            await asyncio.to_thread(run_in_processes, die_after_a_batch, 1, url=fresh_db, connected=True)
        assert await answers(asked) == before
    left = await services.hours_to_roll_up()
    assert 0 < sum(left.values()) < sum(due.values())
    told: list[tuple[int, int]] = []
    report = await maintain(progress=lambda done, total: told.append((done, total)))
    assert report.hours_rolled_up == told[-1][0] <= sum(left.values()) == told[0][1]
    assert report.partitions_dropped["service_status_history"] > 0
    assert await answers(asked) == before


async def test_what_nobody_maintains_is_overdue(fresh_db: DatabaseUrl) -> None:
    assert await overdue() == []
    await Service.create(name="plex", display_name="Plex")
    await services.record_check("plex", status=ServiceStatus.UP, checked_at=await now() - timedelta(hours=20))
    assert await overdue() == []
    await services.record_check("plex", status=ServiceStatus.UP, checked_at=await now() - timedelta(hours=30))
    (late,) = await overdue()
    assert late.startswith(("the checks of 29 hours are not rolled up", "the checks of 30 hours are not rolled up"))
    await maintain()
    assert await overdue() == []
    for number in range(1, 4):
        await drop_newest("activity_logs")
        assert (await overdue() == []) == (number < 3)
    assert await overdue() == ["activity_logs lacks the next month's partition: let `medianest maintain` run regularly"]
