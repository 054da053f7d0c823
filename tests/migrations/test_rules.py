"""Migrations follow the rules of docs/migrations.md, and so do the changes that it recommends."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import pytest

from medianest_models.migrate.applying import migrate
from medianest_models.migrate.drift import check_drift
from medianest_models.settings import DatabaseUrl
from tests.migrations.base_rows import insert_all
from tests.migrations.commands import CHECKOUT, FILES, add_migration, aerich
from tests.migrations.contract import TABLES
from tests.migrations.rules import broken_rules
from tests.servers import connection_to

if TYPE_CHECKING:
    Connection = asyncpg.Connection[Any]

NEXT: Final = "900000001_20300101000000_next.py"
RECOMMENDED: Final = re.findall(r"```sql\n(.*?)```", (CHECKOUT / "docs" / "migrations.md").read_text(), re.DOTALL)

# The effect of each change on a database in use.
READS, WRITES = (
    "reads all of {} while nobody can write to it",
    "writes rows of {}, all of which stay locked until it ends",
)
BAD: Final = {
    "ALTER TABLE media_requests ALTER COLUMN title TYPE TEXT USING upper(title)": ["rewrites media_requests"],
    "ALTER TABLE users ADD COLUMN token UUID DEFAULT gen_random_uuid()": ["rewrites users"],
    "ALTER TABLE rate_limits ADD COLUMN number SERIAL": ["rewrites rate_limits"],
    "ALTER TABLE service_status_history ADD COLUMN number SERIAL": ["rewrites service_status_history"],
    "ALTER TABLE youtube_downloads SET UNLOGGED": ["rewrites youtube_downloads"],
    "CREATE INDEX ix_x ON media_requests (imdb_id)": [READS.format("media_requests")],
    "ALTER TABLE rate_limits ADD CONSTRAINT ck_x CHECK (request_count < 1000000)": [READS.format("rate_limits")],
    "ALTER TABLE media_requests ALTER COLUMN title TYPE VARCHAR(100)": ["rewrites media_requests"],
    "ALTER TABLE activity_logs ALTER COLUMN user_id SET NOT NULL": [READS.format("activity_logs")],
    "ALTER TABLE session_tokens ADD CONSTRAINT uq_x UNIQUE (family_id)": [READS.format("session_tokens")],
    (
        "ALTER TABLE users ADD CONSTRAINT ck_x CHECK (email <> 'x') NOT VALID;"
        "ALTER TABLE users VALIDATE CONSTRAINT ck_x"
    ): [READS.format("users")],
    "UPDATE media_requests SET title = upper(title)": [WRITES.format("media_requests")],
    "DELETE FROM session_tokens": [WRITES.format("session_tokens")],
}


async def everything(look: Connection) -> dict[str, list[Any]]:
    """Return every row of every table of the contract."""
    return {
        table: await look.fetchval(f'SELECT array_agg(t::text ORDER BY t::text) FROM "{table}" AS t')
        for table in TABLES
    }


@pytest.mark.parametrize("name", FILES)
async def test_every_file_keeps_to_them(look: Connection, files: Path, name: str) -> None:
    for later in FILES[FILES.index(name) + 1 :]:
        (files / later).unlink()
    text = (files / name).read_text()
    (files / name).unlink()
    if await migrate():
        await insert_all(look)
    (files / name).write_text(text)
    assert await broken_rules(look, files / name) == []


@pytest.mark.parametrize("sql", BAD, ids=lambda sql: sql[:50])
async def test_a_file_that_breaks_one_is_found(fresh_url: DatabaseUrl, files: Path, sql: str) -> None:
    async with connection_to(fresh_url) as connection:
        await insert_all(connection)
        add_migration(files, NEXT, sql)
        assert await broken_rules(connection, files / NEXT) == BAD[sql]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("'SELECT 1'", "''"), "its downgrade does nothing"),
        (("async def downgrade", "async def undo"), "has no downgrade"),
        (("MODELS_STATE", "STATE"), "has no MODELS_STATE"),
        (("IN_TRANSACTION = True", "IN_TRANSACTION = False"), "has no reason to run outside of a transaction"),
        (("IN_TRANSACTION = True", "IN_TRANSACTION = False"), "fails when it is run again"),
    ],
)
async def test_so_is_one_of_a_wrong_form(look: Connection, files: Path, change: tuple[str, str], problem: str) -> None:
    add_migration(files, NEXT, "CREATE TABLE x ()")
    (files / NEXT).write_text((files / NEXT).read_text().replace(*change))
    assert any(problem in found for found in await broken_rules(look, files / NEXT))


async def test_several_statements_outside_of_a_transaction_are_found(look: Connection, files: Path) -> None:
    sql = "CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_x ON users (email)"
    add_migration(files, NEXT, f"{sql}; {sql}", in_transaction=False)
    (problem,) = await broken_rules(look, files / NEXT)
    assert problem.startswith("runs several statements")


async def test_the_recommended_changes_keep_to_them(look: Connection, files: Path) -> None:
    await migrate()
    await insert_all(look)
    names = []
    for number, sql in enumerate(RECOMMENDED, start=1):
        file = f"{900_000_000 + number}_20300101000000_recommended.py"
        name = add_migration(files, file, sql, in_transaction="CONCURRENTLY" not in sql)
        if "CHECK (note IS NOT NULL)" in sql:
            await look.execute("UPDATE media_requests SET note = 'x'")  # the script that fills it
        assert await broken_rules(look, files / name) == [], sql
        assert await migrate() == [name], sql
        names.append(name)
    assert len(names) > 10
    assert (await check_drift()).differences == ()


async def test_a_second_migration_goes_up_and_down_and_loses_nothing(
    empty_url: DatabaseUrl, look: Connection, files: Path
) -> None:
    await migrate()
    await insert_all(look)
    before = await everything(look)
    up = "ALTER TABLE media_requests ADD COLUMN note TEXT"
    add_migration(files, NEXT, up, "ALTER TABLE media_requests DROP COLUMN note")
    upgraded = aerich(empty_url, "upgrade", folder=files.parents[1])
    assert (upgraded.returncode, upgraded.stdout) == (0, f"Success upgrading to {NEXT}\n")
    await look.execute("UPDATE media_requests SET note = 'please'")
    assert (await everything(look)).keys() == before.keys()
    downgraded = aerich(empty_url, "downgrade", "--yes", folder=files.parents[1])
    assert (downgraded.returncode, downgraded.stdout) == (0, f"Success downgrading to {NEXT}\n")
    assert await everything(look) == before
    assert await migrate() == [NEXT]
    assert await look.fetchval("SELECT count(note) FROM media_requests") == 0
