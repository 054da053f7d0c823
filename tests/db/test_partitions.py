"""Partitions of months: making them while others write, moving rows into them, dropping them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from medianest_models.db import partitions as partitions_module, transaction
from medianest_models.db.partitions import drop_partitions, make_partitions
from medianest_models.db.statements import execute, fetch
from medianest_models.errors import ConfigurationError, DatabaseTimeoutError, InvalidInputError, MigrationError
from medianest_models.models import Service
from medianest_models.settings import DatabaseUrl
from tests.locks import elsewhere, someone_waits_for_a_lock, until
from tests.servers import connection_to

CHECKS: Final = "service_status_history"
TABLES: Final = (CHECKS, "activity_logs")
INSERT: Final = "INSERT INTO service_status_history (service_id, status, checked_at) VALUES ($1, 'up', $2)"


def months_ago(number: int) -> datetime:
    """Return the beginning of an earlier month."""
    now = datetime.now(UTC)
    year, month = divmod(now.year * 12 + now.month - 1 - number, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)


def name_of(month: datetime) -> str:
    return f"{CHECKS}_{month:%Y_%m}"


async def partitions(table: str = CHECKS) -> list[str]:
    rows = await fetch("SELECT relid::text AS name FROM pg_partition_tree($1::regclass) WHERE isleaf ORDER BY 1", table)
    return [row["name"] for row in rows]


async def places() -> dict[datetime, str]:
    """Return the partition of each check, by its time."""
    rows = await fetch("SELECT checked_at, tableoid::regclass::text AS place FROM service_status_history")
    return {row["checked_at"]: row["place"] for row in rows}


@pytest.fixture
async def plex(fresh_db: DatabaseUrl) -> Service:
    return await Service.create(name="plex", display_name="Plex")


@pytest.mark.parametrize("table", TABLES)
async def test_the_months_from_one_on_are_made_once(db: DatabaseUrl, table: str) -> None:
    before = await partitions(table)
    assert len(before) == 5  # this month, three more, and the default
    assert await make_partitions(table) == 0
    assert await make_partitions(table, since=months_ago(2) + timedelta(microseconds=1)) == 2
    assert await make_partitions(table, since=months_ago(2)) == 0
    made = [f"{table}_{months_ago(number):%Y_%m}" for number in (2, 1)]
    assert await partitions(table) == sorted(before + made)


async def test_one_has_the_key_the_indexes_and_the_rules_of_its_table(db: DatabaseUrl) -> None:
    await make_partitions(CHECKS, since=months_ago(1))

    async def things(table: str) -> list[str]:
        rows = await fetch(
            """
            SELECT pg_get_constraintdef(oid) AS thing FROM pg_constraint
            WHERE conrelid = $1::text::regclass AND contype <> 'n'
            UNION ALL
            SELECT regexp_replace(pg_get_indexdef(indexrelid), '^.* USING ', '') FROM pg_index
            WHERE indrelid = $1::text::regclass AND indisvalid
            ORDER BY 1
            """,
            table,
        )
        return [row["thing"].removesuffix(" NOT VALID") for row in rows]

    assert await things(name_of(months_ago(1))) == await things(CHECKS)
    assert "brin (id) WITH (pages_per_range='16', autosummarize='on')" in await things(CHECKS)


async def test_each_row_of_checks_identifies_itself_for_replicas(db: DatabaseUrl) -> None:
    """Without a key, a publication of all tables would stop every DELETE."""
    await make_partitions(CHECKS, since=months_ago(1))
    rows = await fetch(
        "SELECT DISTINCT relreplident = 'f' AS is_full "
        "FROM pg_partition_tree($1::regclass) JOIN pg_class ON oid = relid WHERE isleaf",
        CHECKS,
    )
    assert [row["is_full"] for row in rows] == [True]


async def test_rows_are_moved_out_of_the_default_partition(db: DatabaseUrl) -> None:
    plex = await Service.create(name="plex", display_name="Plex")
    first, second, far = months_ago(2), months_ago(1), datetime(3000, 1, 1, tzinfo=UTC)
    instant = timedelta(microseconds=1)
    for moment in (first - instant, first, second - instant, second, far):
        await execute(INSERT, plex.id, moment)
    before = await fetch("SELECT * FROM service_status_history ORDER BY checked_at")
    assert set((await places()).values()) == {f"{CHECKS}_default"}
    await execute("SET LOCAL TimeZone = 'Pacific/Kiritimati'")
    assert await make_partitions(CHECKS, since=first) == 2
    await execute("SET LOCAL TimeZone = 'UTC'")
    assert await places() == {
        first - instant: f"{CHECKS}_default",
        first: name_of(first),
        second - instant: name_of(first),
        second: name_of(second),
        far: f"{CHECKS}_default",
    }
    assert await fetch("SELECT * FROM service_status_history ORDER BY checked_at") == before


async def test_several_processes_make_each_once(plex: Service) -> None:
    made = await asyncio.gather(*(elsewhere(make_partitions(CHECKS, since=months_ago(6))) for _ in range(4)))
    assert sum(made) == 6
    assert len(await partitions()) == 11


async def test_the_second_of_two_sees_what_the_first_has_made(plex: Service) -> None:
    async with transaction():
        assert await make_partitions(CHECKS, since=months_ago(1)) == 1
        second = elsewhere(make_partitions(CHECKS, since=months_ago(1)))
        await until(someone_waits_for_a_lock)
    assert await second == 0


async def test_a_row_that_is_not_yet_committed_is_moved_once_it_is(plex: Service) -> None:
    async with transaction():
        await execute(INSERT, plex.id, months_ago(1))
        making = elsewhere(make_partitions(CHECKS, since=months_ago(1)))
        await until(someone_waits_for_a_lock)
    assert await making == 1
    assert await places() == {months_ago(1): name_of(months_ago(1))}


async def test_checks_are_recorded_meanwhile_and_none_is_lost(plex: Service) -> None:
    moments = [months_ago(6) + number * timedelta(hours=5) for number in range(800)]

    async def record() -> None:
        for moment in moments:
            await execute(INSERT, plex.id, moment)

    recording = elsewhere(record())
    while not recording.done():
        await make_partitions(CHECKS, since=months_ago(6))
        for number in range(1, 7):
            await execute(f"ALTER TABLE {CHECKS} DETACH PARTITION {name_of(months_ago(number))}")
            await execute(f"INSERT INTO {CHECKS} SELECT * FROM {name_of(months_ago(number))}")
            await execute(f"DROP TABLE {name_of(months_ago(number))}")
    await recording
    await make_partitions(CHECKS, since=months_ago(6))
    found = await places()
    assert sorted(found) == moments
    assert set(found.values()) == {name_of(moment) for moment in moments}


async def test_an_insert_of_the_moment_finds_the_new_partition(plex: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    async def two_wait() -> bool:
        return len(await fetch("SELECT FROM pg_locks WHERE NOT granted")) == 2

    monkeypatch.setattr(partitions_module, "_LOCK_MILLISECONDS", 60_000)
    async with transaction():
        await fetch("SELECT FROM service_status_history_default")
        making = elsewhere(make_partitions(CHECKS, since=months_ago(1)))
        await until(someone_waits_for_a_lock)
        inserting = elsewhere(execute(INSERT, plex.id, months_ago(1)))
        await until(two_wait)
    assert await making == 1
    await inserting
    assert await places() == {months_ago(1): name_of(months_ago(1))}


async def test_nobody_waits_long_behind_it_and_it_gives_up_in_the_end(
    plex: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_LOCK_TIMEOUT", "0.5")
    before = await partitions()
    async with transaction():
        await fetch("SELECT FROM service_status_history_default")
        making = elsewhere(make_partitions(CHECKS, since=months_ago(1)))
        await until(someone_waits_for_a_lock)
        await elsewhere(execute(INSERT, plex.id, months_ago(1)))  # while that transaction is open
        with pytest.raises(DatabaseTimeoutError):
            await making
    assert await partitions() == before


async def test_a_transaction_keeps_its_own_patience(db: DatabaseUrl) -> None:
    await execute("SET LOCAL lock_timeout = '7s'")
    await make_partitions(CHECKS, since=months_ago(1))
    assert (await fetch("SHOW lock_timeout"))[0]["lock_timeout"] == "7s"


@pytest.mark.parametrize("table", TABLES)
async def test_whole_ones_are_dropped_and_never_the_default(db: DatabaseUrl, table: str) -> None:
    await make_partitions(table, since=months_ago(3))
    assert await drop_partitions(table, before=months_ago(3)) == 0
    assert await drop_partitions(table, before=months_ago(1) - timedelta(microseconds=1)) == 1
    assert await drop_partitions(table, before=months_ago(1)) == 1
    assert f"{table}_{months_ago(1):%Y_%m}" in await partitions(table)
    await drop_partitions(table, before=datetime(9999, 1, 1, tzinfo=UTC))
    assert await partitions(table) == [f"{table}_default"]


async def test_a_drop_is_of_the_caller_s_transaction(plex: Service) -> None:
    await make_partitions(CHECKS, since=months_ago(2))
    await execute(INSERT, plex.id, months_ago(2))
    with suppress(ZeroDivisionError):
        async with transaction():
            assert await drop_partitions(CHECKS, before=months_ago(1)) == 1
            assert await places() == {}
            raise ZeroDivisionError
    assert await places() == {months_ago(2): name_of(months_ago(2))}


async def test_a_role_that_does_not_own_the_table_is_told_so(db: DatabaseUrl) -> None:
    await make_partitions(CHECKS, since=months_ago(1))
    await execute("CREATE ROLE guest_of_partitions")
    await execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest_of_partitions")
    await execute("SET LOCAL ROLE guest_of_partitions")
    assert await make_partitions(CHECKS) == 0
    with pytest.raises(
        ConfigurationError, match="guest_of_partitions may not make partitions of service_status_history"
    ):
        await make_partitions(CHECKS, since=months_ago(2))
    with pytest.raises(ConfigurationError, match="guest_of_partitions may not drop partitions"):
        await drop_partitions(CHECKS, before=months_ago(0))
    await execute("RESET ROLE")


async def test_a_superuser_makes_them_for_the_owner(db: DatabaseUrl) -> None:
    await execute("CREATE ROLE owner_of_partitions")
    await execute("ALTER TABLE service_status_history OWNER TO owner_of_partitions")
    await make_partitions(CHECKS, since=months_ago(1))
    rows = await fetch("SELECT tableowner FROM pg_tables WHERE tablename = $1", name_of(months_ago(1)))
    assert rows[0]["tableowner"] == "owner_of_partitions"


async def test_a_table_of_that_name_is_left_alone(db: DatabaseUrl) -> None:
    await execute(f"CREATE TABLE {name_of(months_ago(1))} (n int)")
    with pytest.raises(ConfigurationError, match="is in the way of a partition"):
        await make_partitions(CHECKS, since=months_ago(1))


async def test_what_makes_no_sense_is_refused(db: DatabaseUrl) -> None:
    with pytest.raises(InvalidInputError, match=r"^table: must be one of service_status_history, activity_logs$"):
        await make_partitions("users")
    with pytest.raises(InvalidInputError, match=r"^since: "):
        await make_partitions(CHECKS, since=datetime(2026, 1, 1))  # noqa: DTZ001 - naive
    await execute("SET LOCAL statement_timeout = '5s'")  # asyncpg sends the first datetime as -infinity
    for since in (datetime(1969, 12, 31, tzinfo=UTC), datetime.min.replace(tzinfo=UTC)):
        with pytest.raises(InvalidInputError, match=r"^since: must not be before 1970"):
            await make_partitions(CHECKS, since=since)
    with pytest.raises(InvalidInputError, match=r"^before: "):
        await drop_partitions(CHECKS, before=datetime(2026, 1, 1))  # noqa: DTZ001 - naive


async def test_without_its_migration_there_are_none(fresh_db: DatabaseUrl) -> None:
    async with connection_to(fresh_db) as connection:
        await connection.execute("DROP TABLE activity_logs; CREATE TABLE activity_logs (id uuid)")
    with pytest.raises(MigrationError, match="run `medianest db migrate`"):
        await make_partitions("activity_logs")
