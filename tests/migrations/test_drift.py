"""`medianest db check` finds nothing in an unchanged schema, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import pytest

from medianest_models.errors import DatabaseTimeoutError
from medianest_models.migrate.applying import migrate
from medianest_models.migrate.drift import check_drift, compare
from medianest_models.settings import DatabaseUrl
from medianest_models.testing.servers import Server
from tests.commands import medianest
from tests.migrations import catalog
from tests.migrations.base_rows import insert_all
from tests.migrations.commands import FILES, aerich
from tests.servers import connection_to

if TYPE_CHECKING:
    Connection = asyncpg.Connection[Any]

NO_DRIFT: Final[list[str]] = []

# Changes that are allowed in a database in use.
HARMLESS: Final = (
    "ANALYZE; REINDEX TABLE users; CLUSTER users USING pk_users; TRUNCATE services RESTART IDENTITY CASCADE",
    "SELECT nextval('services_id_seq'); ALTER SEQUENCE services_id_seq RESTART 100 CACHE 5",
    "CREATE ROLE {role}; ALTER TABLE users OWNER TO {role}; GRANT SELECT ON services TO {role}",
    "COMMENT ON TABLE users IS 'people'; COMMENT ON COLUMN users.role IS 'what they may do'",
    "ALTER TABLE users SET (fillfactor = 70), ALTER role SET STATISTICS 500, ALTER plex_token SET STORAGE EXTERNAL",
    "ALTER INDEX ix_users_email SET (fillfactor = 70); ALTER INDEX pk_users SET (fillfactor = 70)",
    "ALTER TABLE users REPLICA IDENTITY FULL; CREATE STATISTICS of_users ON role, status FROM users",
    "ALTER TABLE users DROP COLUMN plex_token; ALTER TABLE users ADD COLUMN plex_token text",
    "ALTER FUNCTION medianest_max_running_downloads() COST 1000",
    "CREATE SCHEMA other; CREATE TABLE other.users (id int PRIMARY KEY); CREATE TYPE other.mood AS ENUM ('sad')",
    "CREATE TABLE other.refs (user_id uuid REFERENCES public.users); CREATE INDEX ON other.refs (user_id)",
    "CREATE VIEW other.admins AS SELECT * FROM public.users; CREATE SEQUENCE other.services_id_seq",
    "CREATE FUNCTION other.medianest_uuid_v7() RETURNS int LANGUAGE sql AS 'SELECT 1'",
)


async def drift(url: DatabaseUrl | None = None) -> list[str]:
    return [difference.text for difference in (await check_drift(url)).differences]


async def test_what_anyone_may_do(raw: Connection) -> None:
    await insert_all(raw)
    for statement in HARMLESS:
        await raw.execute(statement.replace("{role}", f"medianest_owner_{os.getpid()}"))
    assert (await compare(raw)).differences == ()


async def test_what_belongs_to_an_extension(raw: Connection) -> None:
    available = "SELECT name FROM pg_available_extensions WHERE name IN ('vector', 'citext') LIMIT 1"
    name = await raw.fetchval(available)
    if name is None:
        pytest.skip("this server has no extension to make")
    await raw.execute(f"CREATE EXTENSION {name}; CREATE TABLE its_own (id serial PRIMARY KEY)")
    assert [difference.name for difference in (await compare(raw)).differences] == ["its_own"]
    await raw.execute("SET LOCAL search_path = public")
    await raw.execute(f"ALTER EXTENSION {name} ADD TABLE its_own; ALTER EXTENSION {name} ADD SEQUENCE its_own_id_seq")
    assert (await compare(raw)).differences == ()


async def test_a_database_in_use(fresh_url: DatabaseUrl) -> None:
    async with connection_to(fresh_url) as someone:
        await insert_all(someone)
        await someone.execute("VACUUM (FULL, ANALYZE)")
        await someone.execute("REINDEX TABLE CONCURRENTLY users")
        async with someone.transaction():
            await someone.execute("UPDATE users SET role = 'admin'; LOCK TABLE services IN ROW EXCLUSIVE MODE")
            assert await asyncio.gather(*(drift() for _ in range(3))) == [NO_DRIFT] * 3


async def test_after_a_downgrade_and_an_upgrade(fresh_url: DatabaseUrl) -> None:
    assert aerich(fresh_url, "downgrade", "-v", "0", "--yes").returncode == 0
    assert await drift() == [f"migration {name} is pending: `medianest db migrate` applies it" for name in FILES]
    assert aerich(fresh_url, "upgrade").returncode == 0
    assert await drift() == NO_DRIFT


async def test_after_a_dump_is_restored(fresh_url: DatabaseUrl, medianest_server: Server) -> None:
    async with connection_to(fresh_url) as someone:
        folder = Path(await someone.fetchval("SELECT setting FROM pg_config WHERE name = 'BINDIR'"))
    if not (folder / "pg_dump").exists():
        pytest.skip("the server runs on another machine")
    dump, restore = folder / "pg_dump", folder / "psql"
    async with medianest_server.database() as once:
        run(restore, once, "--set=ON_ERROR_STOP=1", text=run(dump, fresh_url))
        assert await drift(once) == NO_DRIFT
        async with medianest_server.database() as twice:
            run(restore, twice, "--set=ON_ERROR_STOP=1", text=run(dump, once))
            assert await drift(twice) == NO_DRIFT


def run(program: Path, url: DatabaseUrl, *arguments: str, text: str = "") -> str:
    where = url.for_libpq().get_secret_value()
    command = [str(program), *arguments, f"--dbname={where}"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.parametrize("schema", ["portal", "Our-Portal"])
async def test_a_schema_of_one_s_own(empty_url: DatabaseUrl, schema: str) -> None:
    url = replace(empty_url, schema=schema)
    async with connection_to(empty_url) as someone:
        await someone.execute("CREATE TABLE users (id int); CREATE FUNCTION medianest_uuid_v7() RETURNS int RETURN 1")
        pending = [f"migration {name} is pending: `medianest db migrate` applies it" for name in FILES]
        assert await drift(url) == pending
        await someone.execute(f'CREATE SCHEMA "{schema}"')
        assert await drift(url) == pending
        await migrate(url)
        assert await drift(url) == NO_DRIFT
        await someone.execute(f'CREATE TABLE "{schema}".mine (id int); ALTER TABLE "{schema}".users DROP COLUMN status')
    assert (await check_drift(url)).schema == schema
    assert await drift(url) == [
        "column users.status is missing",
        "constraint ck_users_status on users is missing",
        "index ix_users_status_created_at on users is missing",
        "table mine is extra: no applied migration makes it",
    ]


async def test_nothing_stays_and_no_table_of_ours_is_locked(raw: Connection, schema_url: DatabaseUrl) -> None:
    before = await catalog.objects(raw)
    async with connection_to(schema_url) as someone:
        transaction = someone.transaction()
        await transaction.start()
        await compare(someone)
        locked = "SELECT relation::regclass::text FROM pg_locks WHERE pid = $1 AND relation = ANY ($2::regclass[])"
        tables = [f"public.{name.split()[1]}" for name in before if name.startswith(("table ", "index "))]
        names = {row[0] for row in await raw.fetch(locked, someone.get_server_pid(), tables)}
        assert names == {"aerich", "aerich_pkey", "uq_aerich_app_version"}
        await transaction.rollback()
    await check_drift(schema_url)
    assert await catalog.objects(raw) == before


async def test_waiting_for_someone_s_lock_has_an_end(fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_LOCK_TIMEOUT", "0.2")
    async with connection_to(fresh_url) as someone, someone.transaction():
        await someone.execute("LOCK TABLE aerich")
        with pytest.raises(DatabaseTimeoutError, match="a lock was not free"):
            await asyncio.wait_for(check_drift(), 20)
    assert await drift() == NO_DRIFT


async def test_the_command(fresh_url: DatabaseUrl) -> None:
    assert medianest("db", "reset", "--yes")[0] == 0
    assert medianest("db", "check") == (0, "No difference: the schema public is as its migrations make it.\n", "")
    async with connection_to(fresh_url) as someone:
        await someone.execute("DROP INDEX ix_users_email; ALTER TABLE users ALTER role SET DEFAULT E'x\\ny'")
    assert medianest("db", "check") == (
        1,
        "column users.role: default is 'x y', should be 'user'\nindex ix_users_email on users is missing\n",
        "",
    )
    status, output, errors = medianest("db", "check", "--json")
    assert (status, errors) == (1, "")
    told = json.loads(output)
    assert told["differences"].pop()["text"] == "index ix_users_email on users is missing"
    assert told == {
        "ok": False,
        "schema": "public",
        "migrations": {"applied": FILES, "pending": [], "unknown": []},
        "differences": [
            {
                "kind": "column",
                "name": "role",
                "table": "users",
                "problem": "changed",
                "property": "default",
                "expected": "'user'",
                "found": "'x\ny'",
                "text": "column users.role: default is 'x y', should be 'user'",
            },
        ],
    }
