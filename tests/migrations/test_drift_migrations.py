"""`medianest db check` with migration files that are pending, unknown, or can't be run for the comparison."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import pytest

from medianest_models.errors import DatabaseTimeoutError, DatabaseUnavailableError, MigrationError
from medianest_models.migrate.applying import migrate
from medianest_models.migrate.drift import check_drift, compare
from medianest_models.settings import DatabaseUrl
from tests.migrations.commands import FILES, add_migration
from tests.servers import connection_to

if TYPE_CHECKING:
    Connection = asyncpg.Connection[Any]

GOOD: Final = "900000001_20300101000000_good.py"
NEXT: Final = "900000002_20300101000000_next.py"
UNKNOWN: Final = "is of another version of this package, which may explain what else is listed"
PENDING: Final = "is pending: `medianest db migrate` applies it"


async def drift() -> list[str]:
    return [difference.text for difference in (await check_drift()).differences]


async def test_a_database_behind_is_compared_with_what_it_has(fresh_url: DatabaseUrl, files: Path) -> None:
    add_migration(files, GOOD, "CREATE TABLE more (id int); DROP TABLE activity_logs; DROP INDEX ix_users_email")
    assert await drift() == [f"migration {GOOD} {PENDING}"]
    assert await migrate() == [GOOD]
    assert await drift() == []


async def test_a_database_ahead_says_so_first(fresh_url: DatabaseUrl, files: Path) -> None:
    add_migration(files, GOOD, "CREATE TABLE more (id int)")
    await migrate()
    (files / GOOD).rename(files / NEXT)
    assert await drift() == [
        f"migration {GOOD} {UNKNOWN}",
        f"migration {NEXT} {PENDING}",
        "table more is extra: no applied migration makes it",
    ]


async def test_files_are_run_in_the_order_in_which_they_were_applied(fresh_url: DatabaseUrl, files: Path) -> None:
    add_migration(files, NEXT, "CREATE TABLE more (id int)")
    await migrate()
    add_migration(files, GOOD, "ALTER TABLE more ADD COLUMN name text")  # merged later, with a smaller number
    assert await migrate() == [GOOD]
    assert await drift() == []


async def test_files_that_run_outside_of_transactions(fresh_url: DatabaseUrl, files: Path) -> None:
    for number, statement in enumerate(
        [
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_users_last_login_at ON users (last_login_at)",
            "DROP INDEX CONCURRENTLY IF EXISTS ix_users_email",
            "create unique index concurrently mine on users (lower(email)) where status in ('active', 'suspended')",
        ]
    ):
        add_migration(files, f"90000000{number}_x.py", statement, in_transaction=False)
    assert len(await migrate()) == 3
    assert await drift() == []


async def test_an_index_that_could_not_be_finished(fresh_url: DatabaseUrl, files: Path) -> None:
    sql = "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS uq_users_plex_username ON users (plex_username)"
    add_migration(files, GOOD, sql, in_transaction=False)
    async with connection_to(fresh_url) as someone:
        await someone.execute("INSERT INTO users (plex_id, plex_username) VALUES ('1', 'Anna'), ('2', 'Anna')")
        with pytest.raises(MigrationError):
            await migrate()
        index = "index uq_users_plex_username on users"
        extra = f"{index} is extra: no applied migration makes it, and it is invalid (no query uses it)"
        assert await drift() == [f"migration {GOOD} {PENDING}", extra]
        assert await migrate() == [GOOD]  # because of IF NOT EXISTS
        assert await drift() == [f"{index}: state is invalid (no query uses it), should be valid"]
        await someone.execute("DELETE FROM users; REINDEX INDEX uq_users_plex_username")
        assert await drift() == []


async def test_a_name_that_postgresql_has_too(fresh_url: DatabaseUrl, files: Path) -> None:
    function = "CREATE FUNCTION version() RETURNS text LANGUAGE sql AS $$ SELECT 'ours' $$"
    add_migration(files, GOOD, f"CREATE TABLE pg_user (id int PRIMARY KEY); {function}")
    await migrate()
    assert await drift() == []


async def test_a_file_that_can_t_be_run_to_compare_with(fresh_url: DatabaseUrl, files: Path) -> None:
    add_migration(files, GOOD, "SELECT 1", in_transaction=False)
    await migrate()
    for statement, reason in (
        ("VACUUM", "the database refused the statement (SQLSTATE 25001)"),
        ("SELECT 'canary'::int", "a value has the wrong form for its column"),
        ("DROP TABLE nothing", "the database lacks a table"),
    ):
        add_migration(files, GOOD, statement, in_transaction=False)
        error = await failure()
        assert str(error).startswith(f"migration {GOOD} can't be run in an empty schema to compare with: {reason}")
        assert error.__context__ is None  # the driver's error, which may contain a value
    (files / GOOD).write_text("async def upgrade(db):\n    return await db.execute_script('SELECT 1')\n")
    assert str(await failure()).endswith(": its code raised AttributeError")


async def test_a_file_that_takes_too_long(fresh_url: DatabaseUrl, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_migration(files, GOOD, "SELECT 1")
    await migrate()
    add_migration(files, GOOD, "SELECT pg_sleep(30)")
    monkeypatch.setenv("DATABASE_STATEMENT_TIMEOUT", "0.5")
    with pytest.raises(DatabaseTimeoutError, match="it ran longer than allowed"):
        await check_drift()


async def failure() -> MigrationError:
    with pytest.raises(MigrationError) as raised:
        await check_drift()
    return raised.value


async def test_a_lost_history(raw: Connection) -> None:
    await raw.execute("DROP TABLE aerich")
    report = await compare(raw)
    assert report.migrations.applied == ()
    named = [difference.text for difference in report.differences]
    assert named[: len(FILES)] == [f"migration {name} {PENDING}" for name in FILES]
    assert "table users is extra: no applied migration makes it" in named


async def test_a_role_that_may_not_make_a_schema(raw: Connection) -> None:
    role = f'medianest "guest" {os.getpid()}'
    quoted = '"' + role.replace('"', '""') + '"'
    database = await raw.fetchval("SELECT quote_ident(current_database())")
    await raw.execute(f"CREATE ROLE {quoted}; SET LOCAL ROLE {quoted}")
    with pytest.raises(DatabaseUnavailableError) as raised:
        await compare(raw)
    grant = f"GRANT CREATE ON DATABASE {database} TO {quoted}"
    assert f"rolls back: {grant}, or run it as the role that migrates" in str(raised.value)
    await raw.execute(f"RESET ROLE; {grant}; SET LOCAL ROLE {quoted}")
    with pytest.raises(DatabaseUnavailableError) as raised:
        await compare(raw)
    grant = f"GRANT SELECT ON aerich TO {quoted}"
    assert str(raised.value).endswith(grant)
    await raw.execute(f"RESET ROLE; {grant}; SET LOCAL ROLE {quoted}")
    assert (await compare(raw)).differences == ()


async def test_a_read_only_database(fresh_url: DatabaseUrl) -> None:
    async with connection_to(fresh_url) as someone:
        await someone.execute(f'ALTER DATABASE "{fresh_url.database}" SET default_transaction_read_only = on')
        with pytest.raises(DatabaseUnavailableError, match=r"^the database is read-only: .* on the primary server"):
            await check_drift()
