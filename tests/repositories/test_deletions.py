"""Deleting what is old: the log, the services' checks, the counters of rate limits, expired sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Final

import pytest
from asyncpg import Connection, Record

from medianest_models.db import transaction
from medianest_models.db.partitions import make_partitions
from medianest_models.db.statements import execute, fetch
from medianest_models.errors import ConfigurationError, InvalidInputError
from medianest_models.repositories import activity, rate_limits, services, sessions
from medianest_models.settings import DatabaseUrl
from tests.repositories.wrong_arguments import wrong

DAY: Final = timedelta(days=1)

Delete = Callable[..., Awaitable[int]]

ROWS: Final = {
    "activity_logs": "INSERT INTO activity_logs (action, created_at) SELECT 'a', {age}",
    "service_status_history": "INSERT INTO service_status_history (service_id, status, checked_at) "
    "SELECT (SELECT min(id) + n % 3 FROM services), 'up', {age}",
    "rate_limits": "INSERT INTO rate_limits (ip_address, endpoint, request_count, window_start) "
    "SELECT '::' || to_hex(n), 'e', 1, {age}",
    "rolling_rate_limits": "INSERT INTO rolling_rate_limits (ip_address, endpoint, window_seconds, counts, expires_at) "
    "SELECT '::1', md5(random()::text), 60, array_fill(1, ARRAY[11]), {age} + interval '1 day'",
    "session_tokens": "INSERT INTO session_tokens (user_id, token_hash, created_at, expires_at) "
    "SELECT (SELECT id FROM users), md5(random()::text), {age}, {age} + interval '1 day'",
}
"""By the table, how to insert rows that are so old."""

DELETES: Final[dict[str, Delete]] = {
    "activity_logs": partial(activity.prune, DAY),
    "service_status_history": partial(services.prune_history, DAY),
    "rate_limits": rate_limits.delete_expired,
    "rolling_rate_limits": rate_limits.delete_expired,
    "session_tokens": sessions.delete_expired,
}
PRUNES: Final = {"activity_logs": activity.prune, "service_status_history": services.prune_history}

of_each_table: Final = pytest.mark.parametrize("table", DELETES)


async def fill(table: str, count: int, age: timedelta = DAY + timedelta(minutes=5)) -> None:
    await execute("INSERT INTO users (plex_id, plex_username) VALUES ('1', 'ann') ON CONFLICT DO NOTHING")
    await execute(
        "INSERT INTO services (name, display_name) SELECT 's' || n, 's' FROM generate_series(1, 3) AS n "
        "WHERE NOT EXISTS (SELECT FROM services)"
    )
    insert = ROWS[table].format(age="statement_timestamp() - $2::float8 * interval '1 second' - n * interval '1 ms'")
    await execute(f"{insert} FROM generate_series(1, $1::int) AS n", count, age.total_seconds())


async def left(table: str) -> int:
    (row,) = await fetch(f"SELECT count(*) FROM {table}")
    return int(row["count"])


@of_each_table
@pytest.mark.parametrize("batch_size", [1, 5, 10, 12, 1000])
async def test_deletes_what_is_older_in_batches(db: DatabaseUrl, table: str, batch_size: int) -> None:
    await fill(table, 10)
    await fill(table, 3, DAY - timedelta(minutes=5))
    assert await DELETES[table](batch_size=batch_size) == 10
    assert await DELETES[table]() == 0
    assert await left(table) == 3


@of_each_table
@wrong(batch_size=[0, -1, 2**31, True, "1", 1.5, None])
async def test_refuses_what_is_no_size(db: DatabaseUrl, table: str, name: str, value: Any) -> None:
    with pytest.raises(InvalidInputError, match=name):
        await DELETES[table](batch_size=value)


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("table", PRUNES)
class TestPrune:
    async def test_by_an_instant(self, table: str) -> None:
        await fill(table, 10)
        column = {"activity_logs": "created_at"}.get(table, "checked_at")
        rows = await fetch(f"SELECT {column} AS instant FROM {table} ORDER BY 1 DESC")
        assert await PRUNES[table](rows[2]["instant"]) == 7
        assert await left(table) == 3

    async def test_a_day_has_24_hours_in_every_time_zone(self, table: str) -> None:
        await execute("SET LOCAL TIME ZONE 'XXX0YYY,J1/0,J183/0'")  # summer in the first half of the year
        age = 182 * DAY
        for minutes in (1, -1):
            await fill(table, 1, age + timedelta(minutes=minutes))
        assert await PRUNES[table](age) == 1

    @pytest.mark.parametrize("older_than", [timedelta(), -DAY, datetime(2026, 1, 1), date(2026, 1, 1), 3600, None])  # noqa: DTZ001 - naive on purpose
    async def test_refuses_what_is_neither_an_age_nor_an_instant(self, table: str, older_than: Any) -> None:
        await fill(table, 1)
        with pytest.raises(InvalidInputError, match="older_than"):
            await PRUNES[table](older_than)
        assert await left(table) == 1

    async def test_refuses_an_age_beyond_the_calendar(self, table: str) -> None:
        with pytest.raises(InvalidInputError, match="out of range"):
            async with transaction():
                await PRUNES[table](timedelta.max)


@pytest.mark.parametrize("delete", [*PRUNES.values(), activity.drop_months, services.drop_history])
async def test_an_age_of_more_years_than_there_were_deletes_nothing(db: DatabaseUrl, delete: Delete) -> None:
    for table in PRUNES:
        await fill(table, 1)
    assert await delete(3000 * 365 * DAY) == 0
    assert [await left(table) for table in PRUNES] == [1, 1]


@pytest.mark.parametrize("table", PRUNES)
async def test_what_no_month_has_is_counted_once(fresh_db: DatabaseUrl, table: str) -> None:
    (row,) = await fetch("SELECT date_trunc('month', now(), 'UTC') AS month, now() AS now")
    await make_partitions(table, since=row["month"] - 60 * DAY)
    for age in (row["now"] - row["month"] + 3 * DAY, 100 * DAY):
        await fill(table, 2, age)
    assert await PRUNES[table](row["month"] - DAY) == 4
    assert await left(table) == 0


@pytest.mark.parametrize("delete", [services.prune_history, services.drop_history])
async def test_a_role_that_may_drop_no_month_changes_nothing(db: DatabaseUrl, delete: Delete) -> None:
    await make_partitions("service_status_history", since=datetime.now(UTC) - 90 * DAY)
    await fill("service_status_history", 3, 70 * DAY)
    await execute("CREATE ROLE guest_of_history")
    await execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO guest_of_history")
    await execute("SET LOCAL ROLE guest_of_history")
    before = await fetch("SELECT * FROM kept_history")
    with pytest.raises(ConfigurationError, match="guest_of_history may not drop partitions"):
        await delete(31 * DAY)
    assert await fetch("SELECT * FROM kept_history") == before
    assert await left("service_status_history") == 3
    await execute("RESET ROLE")


@of_each_table
async def test_can_be_stopped_and_run_again(fresh_db: DatabaseUrl, table: str) -> None:
    await fill(table, 3_000)
    task = asyncio.ensure_future(DELETES[table](batch_size=1))
    await until_some_are_gone(table, 3_000)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    remaining = await left(table)
    assert 0 < remaining < 3_000
    assert await DELETES[table]() == remaining


async def until_some_are_gone(table: str, count: int) -> None:
    async with asyncio.timeout(30):
        while await left(table) == count:
            pass


@of_each_table
async def test_waits_for_nobody_who_holds_a_row(
    fresh_db: DatabaseUrl, connection: Connection[Record], table: str
) -> None:
    await fill(table, 10)
    async with connection.transaction():
        await connection.execute(f"SELECT FROM {table} LIMIT 3 FOR UPDATE")
        assert await asyncio.wait_for(DELETES[table](batch_size=2), 10) == 7
    assert await DELETES[table]() == 3


@pytest.mark.parametrize("table", PRUNES)
async def test_rows_of_other_partitions_in_the_same_place_stay(fresh_db: DatabaseUrl, table: str) -> None:
    await fill(table, 5, age=timedelta(days=200))  # in the default partition
    await fill(table, 5, age=timedelta(0))
    places = await fetch(f"SELECT DISTINCT ctid FROM {table}")
    assert len(places) == 5
    assert await PRUNES[table](100 * DAY, batch_size=2) == 5
    kept = await fetch(f"SELECT tableoid::regclass::text <> '{table}_default' AS is_of_this_month FROM {table}")
    assert [row["is_of_this_month"] for row in kept] == [True] * 5
