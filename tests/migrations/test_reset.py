"""`medianest db reset` drops only the objects that the migrations created, in their schema."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from medianest_models.db.locks import AdvisoryLock, session_lock
from medianest_models.errors import ConfigurationError, DatabaseTimeoutError, MigrationError, StatementError
from medianest_models.migrate import reset
from medianest_models.migrate.applying import migrate
from medianest_models.migrate.drift import check_drift
from medianest_models.migrate.reset import OwnObjects, drop_own_objects, find_own_objects
from medianest_models.settings import DatabaseUrl
from tests.commands import document, medianest
from tests.migrations import catalog
from tests.migrations.base_rows import INSERTS, insert_all
from tests.migrations.commands import FILES, add_migration
from tests.servers import connection_to

if TYPE_CHECKING:
    Connection = asyncpg.Connection[Any]

TRIGGER = (
    "CREATE TABLE other.x (updated_at timestamptz); CREATE TRIGGER touch BEFORE UPDATE ON other.x "
    "FOR EACH ROW EXECUTE FUNCTION medianest_touch_updated_at()"
)
ROWS = dict.fromkeys(INSERTS, 1) | {"users": 2}


@pytest.fixture
async def look(fresh_url: DatabaseUrl) -> AsyncIterator[Connection]:
    """Connect to a migrated database with rows, and with a foreign schema."""
    async with connection_to(fresh_url) as connection:
        await insert_all(connection)
        await connection.execute("CREATE SCHEMA other")
        yield connection


@pytest.mark.parametrize("path", ['"$user", public', "portal, public", '"My Portal", public'])
async def test_it_acts_where_the_migrations_did(empty_url: DatabaseUrl, path: str) -> None:
    """Resolve the schema by the role's name, or the search path of role or database, like unqualified names."""
    schema = path.partition(",")[0].strip('"').replace("$user", empty_url.user or "")
    async with connection_to(empty_url) as someone:
        await someone.execute(
            f'CREATE TABLE theirs AS SELECT generate_series(1, 1000); CREATE SCHEMA "{schema}";'
            f'ALTER DATABASE "{empty_url.database}" SET search_path = {path}'
        )
        await migrate()
        await someone.execute(f'SET search_path = "{schema}"')
        await insert_all(someone)
        everything = await catalog.objects(someone, f'"{schema}"')
        answer = document("db", "reset", "--yes")
        assert await someone.fetchval("SELECT count(*) FROM public.theirs") == 1000
        assert (answer["schema"], answer["deleted"], answer["applied"]) == (schema, ROWS, FILES)
        assert await catalog.objects(someone, f'"{schema}"') == everything
        assert await someone.fetchval("SELECT count(*) FROM users") == 0
        assert await someone.fetchval("SELECT count(*) FROM services") == len(answer["seed"]["services"]) == 3


async def test_what_would_be_deleted_is_told_before_it_asks(look: Connection) -> None:
    for answer in ("", "n\n"):
        status, _, errors = medianest("db", "reset", text=answer)
        assert status == 1
    assert f"the {len(ROWS)} tables of this package in schema public" in errors
    assert errors.index("  users: 2 rows") < errors.index("Go on?")
    assert await look.fetchval("SELECT count(*) FROM users") == 2
    assert f"Deleted the {len(ROWS)} tables" in medianest("db", "reset", text="y\n")[1]


async def test_nothing_of_others_goes(look: Connection) -> None:
    await look.execute(
        "CREATE TABLE theirs AS SELECT 1; CREATE FUNCTION their_own() RETURNS int RETURN 1;"
        "CREATE VIEW other.users AS SELECT 1; CREATE TYPE other.mood AS ENUM ('sad');"
        "CREATE INDEX their_index ON users (status); CREATE FUNCTION medianest_uuid_v7(int) RETURNS int RETURN 1"
    )
    assert (await drop_own_objects()).rows == ROWS
    left = {"table theirs", "function their_own()", "function medianest_uuid_v7(integer)", "schema other"}
    assert await catalog.objects(look) == left
    assert await catalog.objects(look, "other") >= {"view users", "type mood"}
    assert await migrate() == FILES


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("CREATE TABLE refs (user_id uuid REFERENCES users)", "constraint refs_user_id_fkey on table refs"),
        ("CREATE TABLE other.refs (user_id uuid REFERENCES users)", "refs_user_id_fkey on table other.refs"),
        ("CREATE VIEW other.admins AS SELECT role FROM users", "view other.admins"),
        ("CREATE TABLE other.ids (id uuid DEFAULT medianest_uuid_v7())", "column id of table other.ids"),
        ("CREATE TABLE other.kinds (person users[])", "column person of table other.kinds"),
        ("CREATE TABLE other.heirs () INHERITS (users)", "table other.heirs"),
        ("CREATE FUNCTION other.all() RETURNS SETOF users LANGUAGE sql AS 'TABLE users'", 'function other."all"()'),
        ("CREATE FUNCTION other.key() RETURNS uuid RETURN public.medianest_uuid_v7()", "function other.key()"),
        (TRIGGER, "trigger touch on table other.x"),
        ("CREATE SEQUENCE theirs OWNED BY users.plex_id", "sequence public.theirs"),
        ("CREATE PUBLICATION theirs FOR TABLE services, users", "public.users in publication theirs"),
        ("CREATE TABLE other.y (n int DEFAULT nextval('services_id_seq'))", "column n of table other.y"),
    ],
)
async def test_it_refuses_where_something_of_others_would_go(look: Connection, statement: str, named: str) -> None:
    await look.execute(statement)
    before = await catalog.objects(look), await catalog.objects(look, "other")
    for act in (find_own_objects, drop_own_objects):
        with pytest.raises(MigrationError, match=r"^others' objects depend on what would be dropped: ") as raised:
            await act()
        assert named in str(raised.value)
    assert (await catalog.objects(look), await catalog.objects(look, "other")) == before
    assert await look.fetchval("SELECT count(*) FROM users") == 2


async def test_a_refusal_comes_before_the_question(look: Connection) -> None:
    await look.execute("CREATE VIEW other.admins AS SELECT role FROM users; CREATE VIEW other.all AS TABLE services")
    status, output, errors = medianest("db", "reset", text="y\n")
    assert (status, output) == (1, "")
    (line,) = errors.splitlines()
    assert "view other.admins" in line
    assert 'view other."all"' in line


async def test_what_comes_to_depend_on_it_meanwhile_does_not_go_either(
    look: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = reset._find

    async def then_a_view_is_made(connection: Connection) -> OwnObjects:
        own = await find(connection)
        await look.execute("CREATE VIEW other.admins AS SELECT role FROM users")
        return own

    monkeypatch.setattr(reset, "_find", then_a_view_is_made)
    with pytest.raises(StatementError, match="2BP01"):
        await drop_own_objects()
    assert await look.fetchval("SELECT count(*) FROM other.admins") == 2
    assert (await check_drift()).differences == ()


async def test_it_is_done_as_a_whole_or_not_at_all(look: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_LOCK_TIMEOUT", "0.2")
    async with look.transaction():
        await look.execute("SELECT FROM users")  # a long report, say
        with pytest.raises(DatabaseTimeoutError, match="a lock was not free"):
            await drop_own_objects()
    assert (await check_drift()).differences == ()
    assert await look.fetchval("SELECT count(*) FROM users") == 2


async def test_a_schema_that_was_changed_by_hand(look: Connection) -> None:
    await look.execute(
        "DROP TABLE system_config, activity_logs; DROP FUNCTION medianest_mark_customized(); DROP INDEX ix_users_email"
    )
    await look.execute(
        "ALTER SEQUENCE services_id_seq OWNED BY NONE; ALTER TABLE users ADD latest uuid REFERENCES media_requests"
    )
    assert set((await drop_own_objects()).rows) == ROWS.keys() - {"system_config", "activity_logs"}
    assert await catalog.objects(look) == {"schema other"}
    assert await migrate() == FILES


async def test_what_others_have_in_aerich_s_table_stays(look: Connection) -> None:
    await look.execute("INSERT INTO aerich (version, app, content) VALUES ('0_x.py', 'billing', '{}')")
    await drop_own_objects()
    assert {"table aerich", "table users"} & await catalog.objects(look) == {"table aerich"}
    assert await migrate() == FILES
    assert await look.fetchval("SELECT array_agg(version ORDER BY id) FROM aerich") == ["0_x.py", *FILES]


async def test_another_version_s_migrations_are_left_to_it(look: Connection, files: Path) -> None:
    name = add_migration(files, "900000001_20300101000000_more.py", "CREATE TABLE more (id int)", "DROP TABLE more")
    await migrate()
    (files / name).rename(files / "not_here")
    for act in (find_own_objects, drop_own_objects):
        with pytest.raises(MigrationError, match=f"^{name} was applied by another version of this package"):
            await act()
    assert {"table users", "table more"} <= await catalog.objects(look)
    (files / "not_here").rename(files / name)
    await drop_own_objects()
    assert {"table users", "table more"} & await catalog.objects(look) == set()


async def test_where_there_is_nothing_it_says_so_and_migrates(empty_url: DatabaseUrl) -> None:
    async with connection_to(empty_url) as someone:
        await someone.execute("CREATE TABLE theirs AS SELECT generate_series(1, 1000)")
        status, _, errors = medianest("db", "reset", text="n\n")
        assert status == 1
        assert "this deletes nothing" in errors
        assert await catalog.objects(someone) == {"table theirs"}
        answer = document("db", "reset", "--yes")
        assert (answer["schema"], answer["deleted"], answer["applied"]) == (None, {}, FILES)
        assert await someone.fetchval("SELECT count(*) FROM theirs") == 1000


async def test_where_the_tables_would_be_made_elsewhere_again_nothing_is_dropped(look: Connection) -> None:
    await look.execute("CREATE SCHEMA AUTHORIZATION CURRENT_USER")  # named like the role, so first in the search path
    for act in (find_own_objects, drop_own_objects):
        with pytest.raises(ConfigurationError, match="but the others are in public"):
            await act()
    assert await look.fetchval("SELECT count(*) FROM public.users") == 2


async def test_through_a_pooler_nothing_is_dropped(look: Connection, fresh_url: DatabaseUrl) -> None:
    for act in (find_own_objects, drop_own_objects):
        with pytest.raises(ConfigurationError, match=r"^DATABASE_DIRECT_URL: is needed for migrations"):
            await act(replace(fresh_url, pgbouncer=True))
    assert await look.fetchval("SELECT count(*) FROM users") == 2


async def test_in_production_nothing_is_dropped(look: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIANEST_ENV", "production")
    with pytest.raises(ConfigurationError, match="says production"):
        await drop_own_objects()
    assert await look.fetchval("SELECT count(*) FROM users") == 2


def test_several_at_once_go_one_after_the_other(fresh_url: DatabaseUrl) -> None:
    with ThreadPoolExecutor() as pool:
        ended = list(pool.map(lambda _: medianest("db", "reset", "--yes", "--json"), range(4)))
    assert [status for status, _, _ in ended] == [0] * 4, ended
    assert [json.loads(output)["applied"] for _, output, _ in ended] == [FILES] * 4


async def test_nothing_is_dropped_while_somebody_migrates(look: Connection) -> None:
    async with session_lock(look, AdvisoryLock.MIGRATING, seconds=0, waiting=lambda: None):
        drop = asyncio.create_task(drop_own_objects())
        await asyncio.sleep(0.5)
        assert not drop.done()
        assert await look.fetchval("SELECT count(*) FROM users") == 2
    assert (await drop).rows == ROWS
