"""Settings of the server, the database and the role: a session overrides them, or connecting says what is wrong.

A connection goes back to its pool as it is. That nothing here leaves state in one is seen after every test.
"""

from __future__ import annotations

import asyncio
import datetime
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tortoise.context import TortoiseContext

from medianest_models.db import connect_database, database, transaction
from medianest_models.db.direct import direct_connection
from medianest_models.db.locks import AdvisoryLock, session_lock
from medianest_models.db.statements import fetch_one
from medianest_models.errors import ConfigurationError, DatabaseTimeoutError
from medianest_models.migrate.applying import migrate
from medianest_models.repositories import users
from medianest_models.settings import DatabaseUrl, load_settings, tortoise_config
from medianest_models.testing.servers import Server
from tests.db.pools import client, deeds, pool_of
from tests.migrations.commands import add_migration, copy_of_migrations, use_folder
from tests.servers import connection_to
from tests.sessions import session_state

PINNED = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, MDY",
    "standard_conforming_strings": "on",
    "default_transaction_isolation": "read committed",
    "idle_session_timeout": "0",
    "jit": "off",
}
ODD = {
    "TimeZone": "Europe/Berlin",
    "DateStyle": "German",
    "standard_conforming_strings": "off",
    "default_transaction_isolation": "serializable",
    "idle_session_timeout": "1h",
    "jit": "on",
}
NOT_BEHIND_PGBOUNCER = ("default_transaction_isolation", "idle_session_timeout", "jit")
SHOWN = "SELECT " + ", ".join(f"current_setting('{name}') AS \"{name}\"" for name in PINNED)


async def choose(url: DatabaseUrl, **settings: str) -> None:
    """Set a default for the role's sessions in this database."""
    role = f'ALTER ROLE CURRENT_USER IN DATABASE "{url.database}"'
    await run(url, *(f"{role} SET {name} = {value}" for name, value in settings.items()))


async def run(url: DatabaseUrl, *statements: str) -> None:
    async with connection_to(url) as connection:
        for statement in statements:
            await connection.execute(statement)


@asynccontextmanager
async def own_database(server: Server, how: str) -> AsyncIterator[DatabaseUrl]:
    """Create a database with other options than those of the tests."""
    url = replace(server.url, database=f"medianest_odd_{os.getpid()}")
    await server.execute(f'CREATE DATABASE "{url.database}" TEMPLATE template0 {how}')
    try:
        yield url
    finally:
        await server.execute(f'DROP DATABASE "{url.database}" WITH (FORCE)')


async def refuses(url: DatabaseUrl, match: str, *, migrating: bool = True) -> None:
    """Check that connecting and migrating each name the problem in one line."""
    with pytest.raises(ConfigurationError, match=match) as caught:
        await connect_database(url)
    assert "\n" not in str(caught.value)
    if migrating:
        with pytest.raises(ConfigurationError, match=match):
            await migrate(url)


async def test_every_connection_begins_with_the_same(fresh_url: DatabaseUrl) -> None:
    shown: list[Any] = []  # from the pool, lent by the pool, of a transaction, direct, for migrations
    chosen = {name: f"'{value}'" for name, value in ODD.items()}
    if fresh_url.pgbouncer:  # it can't pass these on
        for name in NOT_BEHIND_PGBOUNCER:
            del chosen[name]
        chosen["jit"] = "off"  # the role's, as docs/operations.md says
    await choose(fresh_url, **chosen)
    async with database(fresh_url):
        shown += await client().execute_query_dict(SHOWN)
        async with client().acquire_connection() as connection:
            shown += map(dict, await connection.fetch(SHOWN))
        async with transaction():
            shown += await client().execute_query_dict(SHOWN)
            assert await client().execute_query_dict("SHOW transaction_isolation") == [
                {"transaction_isolation": "read committed"}
            ]
    async with direct_connection() as direct:
        shown += map(dict, await direct.fetch(SHOWN))
    async with TortoiseContext() as context:
        await context.init(tortoise_config(load_settings(), for_migrations=True))
        shown += await client().execute_query_dict(SHOWN)
    assert shown == [PINNED] * 5


async def test_a_role_that_ends_idle_sessions_ends_none_of_ours(fresh_url: DatabaseUrl) -> None:
    await choose(fresh_url, idle_session_timeout="100")
    async with (
        direct_connection() as holder,
        session_lock(holder, AdvisoryLock.MIGRATING, seconds=1, waiting=lambda: None),
    ):
        await asyncio.sleep(0.5)
        with pytest.raises(DatabaseTimeoutError, match="still migrating"):
            await migrate(wait=0)


@pytest.mark.parametrize("in_transaction", [True, False])
async def test_a_role_that_limits_transactions_ends_no_migration(
    fresh_url: DatabaseUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, in_transaction: bool
) -> None:
    async with connection_to(fresh_url) as connection:
        if connection.get_server_version() < (17,):
            pytest.skip("transaction_timeout came with PostgreSQL 17")
    await choose(fresh_url, transaction_timeout="200")
    models = copy_of_migrations(tmp_path)
    use_folder(monkeypatch, models.parent)
    name = add_migration(models, "9_20990101000000_slow.py", "SELECT pg_sleep(0.6)", in_transaction=in_transaction)
    assert await migrate() == [name]


async def test_a_day_has_24_hours(fresh_url: DatabaseUrl) -> None:
    await choose(fresh_url, TimeZone="'Europe/Berlin'")
    async with database(fresh_url):
        row = await fetch_one(
            "SELECT '2026-03-29 00:00+01'::timestamptz + $1::interval AS later", datetime.timedelta(days=1)
        )
    assert row is not None
    assert row["later"] == datetime.datetime(2026, 3, 29, 23, tzinfo=datetime.UTC)


async def test_behind_pgbouncer_the_role_has_to_choose_the_isolation(fresh_url: DatabaseUrl) -> None:
    url = replace(fresh_url, pgbouncer=True)  # which does not forward the level
    async with database(url):
        await client().execute_query("SELECT 1")
    await choose(fresh_url, default_transaction_isolation="serializable")
    await refuses(
        url, r"is serializable: ALTER ROLE \w+ SET default_transaction_isolation = 'read committed'$", migrating=False
    )


async def test_a_schema_that_is_not_there(fresh_url: DatabaseUrl) -> None:
    await refuses(replace(fresh_url, schema="nowhere"), r'no schema of the search path \("nowhere"\) is there')


async def test_a_table_that_hides_ours(fresh_url: DatabaseUrl) -> None:
    await run(fresh_url, "CREATE SCHEMA app", "CREATE TABLE app.users ()", "CREATE TABLE app.others ()")
    await choose(fresh_url, search_path="app, public")
    hidden = r"a table users in the search path \(app, public\) hides that in public: add schema=public"
    await refuses(fresh_url, hidden, migrating=False)
    async with database(replace(fresh_url, schema="public")):
        assert await users.find_by_plex_id("nobody") is None


async def test_new_tables_that_would_lie_apart(fresh_url: DatabaseUrl) -> None:
    await run(fresh_url, "CREATE SCHEMA app")
    await choose(fresh_url, search_path="app, public")
    with pytest.raises(ConfigurationError, match="new tables would be made in app, but the others are in public: add"):
        await migrate(fresh_url)
    async with database(fresh_url):
        assert await users.find_by_plex_id("nobody") is None


async def test_a_role_that_may_only_read(fresh_url: DatabaseUrl, caplog: pytest.LogCaptureFixture) -> None:
    await choose(fresh_url, default_transaction_read_only="on")
    remedy = r"read-only: ALTER ROLE \w+ SET default_transaction_read_only = off, or use another role$"
    with pytest.raises(ConfigurationError, match=remedy):
        await migrate(fresh_url)
    async with database(fresh_url):
        assert await users.find_by_plex_id("nobody") is None
    assert "nothing can be written" in caplog.text


async def test_another_encoding(not_connected: None, medianest_server: Server) -> None:
    async with own_database(medianest_server, "ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'") as url:
        await refuses(url, "the database is encoded in LATIN1, which can't hold every text: create it with ENCODING")


async def test_a_locale_without_letters(
    not_connected: None, medianest_server: Server, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    warned = "the database's locale knows the case of ASCII letters only"
    async with database(medianest_server.url, require_migrated=False):
        assert warned not in caplog.text
    async with own_database(medianest_server, "ENCODING 'UTF8' LOCALE_PROVIDER libc LOCALE 'C'") as url:
        await migrate(url)
        assert warned in caplog.text
        caplog.clear()
        async with database(url):
            assert warned in caplog.text


async def test_what_a_session_is_set_to_stays(fresh_url: DatabaseUrl) -> None:
    async with pool_of(1, fresh_url):
        assert await session_state() == []
        await client().execute_script("SET lock_timeout = '3s'; SELECT pg_advisory_lock(7); LISTEN news")
        await client().execute_script("CREATE TEMPORARY TABLE notes (); DECLARE c CURSOR WITH HOLD FOR SELECT 1")
        assert await session_state() == ["cursor c", "listens to news", "lock 7", "set lock_timeout", "table notes"]


async def test_a_transaction_that_is_left_open_is_rolled_back(fresh_url: DatabaseUrl) -> None:
    async with pool_of(1, fresh_url):
        async with client().acquire_connection() as connection:
            await connection.execute("BEGIN; SET LOCAL lock_timeout = '3s'; INSERT INTO deeds VALUES (1, 1)")
        assert await deeds() == []
        assert await session_state() == []


async def test_migrations_may_set_what_they_like(fresh_url: DatabaseUrl) -> None:
    async with TortoiseContext() as context:
        await context.init(tortoise_config(load_settings(), url=fresh_url, for_migrations=True))
        await client().execute_script("SET statement_timeout = '3s'; SELECT pg_advisory_lock(7)")
        assert await session_state() == []
