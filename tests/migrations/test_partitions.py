"""The checks and the activity log while the migrations partition them: nothing is lost, nobody waits for long."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import pytest

from medianest_models.errors import MigrationError
from medianest_models.migrate.applying import migrate
from medianest_models.migrate.drift import check_drift
from medianest_models.settings import DatabaseUrl
from tests.migrations.commands import FILES, aerich
from tests.servers import connect

if TYPE_CHECKING:
    Connection = asyncpg.Connection[Any]

NAMES: Final = ("index_of_checks", "ids_of_checks", "key_of_activity", "bound_old_rows", "prove_bounds", "partitions")
FIRST: Final = "19"
TABLES: Final = ("service_status_history", "activity_logs")
CHECK: Final = "INSERT INTO service_status_history (service_id, status, checked_at) VALUES (1, 'up', {})"
ENTRY: Final = "INSERT INTO activity_logs (action, created_at, user_id) SELECT 'x', {}, id FROM users"
MOMENTS: Final = (
    "'2001-02-03'",
    "'2026-01-31 23:59:59.999999+00'",
    "'2026-02-01 00:00:00+00'",
    "now()",
    "date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'",
    "(date_trunc('month', now() AT TIME ZONE 'UTC') + interval '2 months') AT TIME ZONE 'UTC' - interval '1 us'",
)
# As the release before has it.
OLD_PRUNE: Final = """
DELETE FROM service_status_history WHERE ctid = ANY (ARRAY (
    SELECT old.ctid FROM services CROSS JOIN LATERAL (
        SELECT ctid FROM service_status_history WHERE service_id = services.id
            AND checked_at < coalesce($1::timestamptz, now() - $2::float8 * interval '1 second')
        ORDER BY checked_at, id LIMIT $3 FOR UPDATE SKIP LOCKED
    ) AS old LIMIT $3
))
"""
NEXT_BOUND: Final = """
SELECT to_char(date_trunc('month', now() AT TIME ZONE 'UTC') + interval '2 months', 'YYYY_MM')
"""


async def rows(look: Connection) -> list[list[Any]]:
    return [[tuple(row) for row in await look.fetch(f"SELECT * FROM {table} ORDER BY id")] for table in TABLES]


async def partitions(look: Connection, table: str) -> list[str]:
    found = await look.fetch("SELECT relid::text FROM pg_partition_tree($1::regclass) WHERE isleaf ORDER BY 1", table)
    return [row[0].removeprefix(f"{table}_") for row in found]


@pytest.fixture
async def later(files: Path, empty_url: DatabaseUrl, look: Connection) -> dict[Path, str]:
    """Apply the migrations before these, insert rows, and return these with their texts."""
    later = {files / file: (files / file).read_text() for file in FILES[FILES.index(named("index_of_checks")) :]}
    for path in later:
        path.unlink()
    await migrate(empty_url)
    await look.execute("INSERT INTO services (name, display_name) VALUES ('plex', 'Plex')")
    await look.execute("INSERT INTO users (plex_id, plex_username) VALUES ('1', 'ann')")
    for moment in MOMENTS:
        await look.execute(CHECK.format(moment))
        await look.execute(ENTRY.format(moment))
    return {path: text for path, text in later.items() if path.name.endswith(tuple(f"_{name}.py" for name in NAMES))}


def named(name: str) -> str:
    return next(file for file in FILES if file.endswith(f"_{name}.py"))


def restore(later: dict[Path, str], *names: str) -> None:
    for path, text in later.items():
        if not names or path.name in map(named, names):
            path.write_text(text)


async def test_nothing_is_lost_up_and_down_and_up_again(
    later: dict[Path, str], empty_url: DatabaseUrl, look: Connection
) -> None:
    before = await rows(look)
    bound = f"before_{await look.fetchval(NEXT_BOUND)}"
    restore(later)
    for _ in range(2):
        await migrate(empty_url)
        assert await rows(look) == before
        for table in TABLES:
            assert await look.fetchval(f"SELECT count(*) FROM {table}_{bound}") == len(MOMENTS)
            assert len(await partitions(look, table)) == 4  # that, the two months after it, and the default
        assert (await check_drift(empty_url)).differences == ()
        await look.execute(CHECK.format("'3000-01-01'"))  # in the default partition
        before = await rows(look)
        folder = next(iter(later)).parents[2]
        assert aerich(empty_url, "downgrade", "-v", FIRST, "--yes", folder=folder).returncode == 0
        assert await rows(look) == before
        report = await check_drift(empty_url)
        assert {difference.problem for difference in report.differences} == {"pending"}
        await look.execute("DELETE FROM service_status_history WHERE checked_at > '2999-01-01'")
        before = await rows(look)


async def test_the_version_before_goes_on_while_they_are_applied(
    later: dict[Path, str], empty_url: DatabaseUrl, look: Connection
) -> None:
    insert = await look.prepare(CHECK.format("'2001-02-03'"))
    read = await look.prepare("SELECT * FROM service_status_history WHERE service_id = 1 AND checked_at < '2002-01-01'")
    await look.execute("SELECT 1")  # ends the transaction in which it prepares
    for number, name in enumerate(NAMES, start=1):
        restore(later, name)
        assert await migrate(empty_url) == [named(name)]
        await insert.fetch()
        assert len(await read.fetch()) == number + 1
        if name != "partitions":
            assert await look.execute(OLD_PRUNE, None, 7e8, 1) == "DELETE 1"
            await insert.fetch()


async def test_its_prune_is_refused_afterwards(
    later: dict[Path, str], empty_url: DatabaseUrl, look: Connection
) -> None:
    restore(later)
    await migrate(empty_url)
    await look.execute(CHECK.format("(SELECT now() + interval '70 days')"))  # has the ctid of the oldest
    before = await rows(look)
    with pytest.raises(asyncpg.FeatureNotSupportedError):
        await look.execute(OLD_PRUNE, None, 1e8, 1000)
    assert await rows(look) == before
    assert await look.execute("DELETE FROM services") == "DELETE 1"
    assert (await rows(look))[0] == []


@pytest.mark.parametrize("ends", [False, True])
async def test_an_open_transaction_is_waited_for_in_turns(
    later: dict[Path, str], empty_url: DatabaseUrl, look: Connection, monkeypatch: pytest.MonkeyPatch, *, ends: bool
) -> None:
    monkeypatch.setenv("DATABASE_LOCK_TIMEOUT", "60" if ends else "1")
    restore(later, *NAMES[:-1])
    await migrate(empty_url)
    restore(later)
    before = await rows(look)
    other = await connect(empty_url)
    try:
        transaction = look.transaction()
        await transaction.start()
        await look.fetch("SELECT FROM activity_logs, service_status_history")
        migrating = asyncio.create_task(migrate(empty_url))
        while not await other.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110 - the database sends no event
            await asyncio.sleep(0.01)
        await other.execute(CHECK.format("'2001-01-01'"))  # returns, while that transaction is open
        if not ends:
            with pytest.raises(MigrationError, match="a lock was not free"):
                await migrating
        await transaction.rollback()
        if ends:
            assert await migrating == [named("partitions")]
        assert await other.execute("DELETE FROM service_status_history WHERE checked_at = '2001-01-01'") == "DELETE 1"
        assert await rows(look) == before
        assert await migrate(empty_url) == ([] if ends else [named("partitions")])
    finally:
        await other.close()


@pytest.mark.parametrize(("moment", "name"), [("'3000-05-06'", "before_3000_06"), ("'infinity'", "before_infinity")])
async def test_a_row_of_the_future_moves_the_bound(
    later: dict[Path, str], empty_url: DatabaseUrl, look: Connection, moment: str, name: str
) -> None:
    await look.execute("ALTER TABLE service_status_history DROP CONSTRAINT ck_service_status_history_checked_at")
    await look.execute(CHECK.format(moment))
    await look.execute(
        "ALTER TABLE service_status_history ADD CONSTRAINT ck_service_status_history_checked_at "
        "CHECK (checked_at BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00') NOT VALID"
    )
    restore(later)
    await migrate(empty_url)
    assert await partitions(look, "service_status_history") == [name, "default"]
    assert await look.fetchval("SELECT count(*) FROM service_status_history") == len(MOMENTS) + 1
    assert (await check_drift(empty_url)).differences == ()


async def test_no_row_is_looked_at_again_under_the_lock(
    later: dict[Path, str], empty_url: DatabaseUrl, look: Connection
) -> None:
    await look.execute("SET session_replication_role = 'replica'")  # so that no foreign key is looked at
    await look.execute(CHECK.format("now()").replace("(1,", "(404,"))
    restore(later)
    await migrate(empty_url)
    assert await look.fetchval("SELECT count(*) FROM service_status_history WHERE service_id = 404") == 1
    assert (await check_drift(empty_url)).differences == ()


async def test_owner_privileges_and_what_others_made_stay(
    later: dict[Path, str], empty_url: DatabaseUrl, look: Connection
) -> None:
    await look.execute(
        """
        CREATE ROLE keeper_of_partitions; CREATE ROLE reader_of_partitions;
        ALTER TABLE activity_logs OWNER TO keeper_of_partitions;
        GRANT SELECT ON activity_logs TO reader_of_partitions WITH GRANT OPTION;
        GRANT INSERT (action) ON activity_logs TO PUBLIC;
        CREATE INDEX ix_mine ON activity_logs (user_agent) WHERE user_agent <> '';
        CREATE FUNCTION mine() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
        CREATE TRIGGER tr_mine BEFORE INSERT ON activity_logs FOR EACH ROW EXECUTE FUNCTION mine();
        """
    )
    have = """
        SELECT relowner::regrole, relacl::text,
               (SELECT array_agg(attacl::text) FROM pg_attribute WHERE attrelid = c.oid AND attacl IS NOT NULL),
               (SELECT pg_get_indexdef('ix_mine'::regclass, 1, TRUE)),
               (SELECT array_agg(tgname ORDER BY tgname) FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal)
        FROM pg_class AS c WHERE oid = 'activity_logs'::regclass
    """
    try:
        before = await look.fetch(have)
        restore(later)
        await migrate(empty_url)
        assert await look.fetch(have) == before
        owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE tablename ~ '^activity_logs'"
        assert [row[0] for row in await look.fetch(owners)] == ["keeper_of_partitions"]
        folder = next(iter(later)).parents[2]
        assert aerich(empty_url, "downgrade", "--yes", folder=folder).returncode == 0
        assert await look.fetch(have) == before
    finally:
        await look.execute("DROP OWNED BY keeper_of_partitions, reader_of_partitions CASCADE")
        await look.execute("DROP ROLE keeper_of_partitions, reader_of_partitions")


@pytest.mark.parametrize(
    ("statement", "named_object"),
    [
        ("CREATE VIEW mine AS SELECT * FROM service_status_history", "view mine"),
        ("CREATE TABLE mine (id uuid REFERENCES service_status_history)", "mine_id_fkey on table mine"),
    ],
)
async def test_what_would_see_the_old_rows_only_stops_it(
    later: dict[Path, str], empty_url: DatabaseUrl, look: Connection, statement: str, named_object: str
) -> None:
    restore(later, *NAMES[:-1])
    await migrate(empty_url)
    await look.execute(statement)
    restore(later)
    path = next(path for path in later if path.name == named("partitions"))
    with pytest.raises(MigrationError, match=named("partitions")):
        await migrate(empty_url)
    sql = path.read_text().split('"""')[3]
    with pytest.raises(asyncpg.DependentObjectsStillExistError, match=named_object):
        await look.execute(sql)
    await look.execute("ROLLBACK")
