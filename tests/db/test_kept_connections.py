"""Connections that are kept for the next statement: nobody waits for one, none is lost, old or in a transaction."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tortoise.context import TortoiseContext

from medianest_models.db import database, database_health, kept_connections, transaction
from medianest_models.db.hosts import open_connection
from medianest_models.db.statements import fetch
from medianest_models.errors import DatabaseUnavailableError
from medianest_models.settings import DatabaseUrl, load_settings, tortoise_config
from tests.db.pools import PATIENCE, backend, client, pool_of
from tests.locks import elsewhere, until
from tests.servers import connection_to


@pytest.fixture
def forever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep connections until a call takes them. Two are open from the start, so that no call waits for one to open."""
    monkeypatch.setattr(kept_connections, "_SECONDS", 10 * PATIENCE)
    monkeypatch.setenv("DATABASE_POOL_MIN", "2")


def kept() -> int:
    pool = client().pool
    assert pool is not None
    return client().idle - pool.get_idle_size()


async def backends(number: int) -> set[int]:
    """Run so many statements at once, and return the server's processes that ran them."""
    rows = await asyncio.gather(*(fetch("SELECT pg_backend_pid() AS pid, pg_sleep(0.02)") for _ in range(number)))
    return {row["pid"] for (row,) in rows}


async def test_one_is_kept_for_a_moment_and_counts_as_idle(fresh_url: DatabaseUrl) -> None:
    async with pool_of(1, fresh_url):
        await backend()
        assert kept() == 1
        assert (await database_health()).pool_idle == 1
        await backend()
        assert kept() == 1

        async def is_back() -> bool:
            return kept() == 0 and client().idle == 1

        await until(is_back)


async def test_the_pool_opens_one_more_than_are_used_at_most(
    fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that begins while all of them go back to the pool would find none, there or here."""
    monkeypatch.setattr(kept_connections, "_SECONDS", 0)
    used = 4
    async with pool_of(2 * used + 1, fresh_url) as pool_client:
        together = asyncio.Barrier(used)

        async def call() -> None:
            for ticks in range(200):
                await together.wait()
                await backend()
                await together.wait()
                for _ in range(ticks % 5):
                    await asyncio.sleep(0)

        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            for _ in range(used):
                group.create_task(call())
        assert pool_client.pool is not None
        assert pool_client.pool.get_size() <= used + 1

        async def are_back() -> bool:
            return kept() == 0

        await until(are_back)


@pytest.mark.usefixtures("forever")
async def test_a_call_that_waits_gets_one_at_once(fresh_url: DatabaseUrl) -> None:
    async with pool_of(2, fresh_url), asyncio.timeout(PATIENCE):
        await backends(2)  # none is kept while a call waits until the other connection is open
        assert len(await backends(6)) == 2
        assert kept() == 2
        async with transaction():  # takes one that is kept
            assert len(await backends(3)) == 1
        assert kept() == 1
        client()._kept.give_back()


@pytest.mark.usefixtures("forever")
async def test_a_lost_one_is_not_used(fresh_url: DatabaseUrl) -> None:
    async with pool_of(2, fresh_url):
        before = await backends(2)
        async with connection_to(fresh_url) as admin:
            for pid in before:
                await admin.execute("SELECT pg_terminate_backend($1, 10000)", pid)

        async def has_heard() -> bool:
            return all(map(kept_connections.is_lost, client()._kept._connections))

        await until(has_heard)
        assert kept() == 0  # more would be idle than the pool has
        assert not await backends(2) & before
        client()._kept.give_back()


@pytest.mark.usefixtures("forever")
async def test_an_old_one_is_not_used(fresh_url: DatabaseUrl) -> None:
    """After a failover all connections are replaced, also those that still work."""
    async with pool_of(2, fresh_url):
        before = await backends(2)
        await client()._replace_connections()
        assert not await backends(2) & before
        client()._kept.give_back()


@pytest.mark.usefixtures("forever")
async def test_one_that_was_replaced_during_its_statement_is_not_kept(fresh_url: DatabaseUrl) -> None:
    async with pool_of(1, fresh_url):
        before = await backend()
        slow = asyncio.create_task(fetch("SELECT pg_sleep(0.2)"))
        await asyncio.sleep(0)  # now it has the connection
        await client()._replace_connections()
        await slow
        assert kept() == 0
        assert await backend() != before
        client()._kept.give_back()


async def test_one_that_was_replaced_while_it_was_opened_is_not_kept(
    fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may lead to the server from before a failover, and the pool counts it among the old ones too."""
    async with pool_of(2, fresh_url) as pool_client:

        async def open_late(*arguments: Any, **options: Any) -> Any:
            connection = await open_connection(*arguments, **options)
            await pool_client._replace_connections()
            return connection

        async with transaction():
            monkeypatch.setattr("medianest_models.db.asyncpg_pool.open_connection", open_late)
            await elsewhere(backend())
            monkeypatch.undo()
        assert len(pool_client._kept) == 0


@pytest.mark.usefixtures("forever")
async def test_one_in_a_transaction_is_not_kept(fresh_url: DatabaseUrl) -> None:
    async with pool_of(1, fresh_url):
        await client().execute_script("BEGIN; CREATE TABLE made ()")
        assert kept() == 0
        assert [row["made"] for row in await fetch("SELECT to_regclass('made') AS made")] == [None]
        client()._kept.give_back()


@pytest.mark.usefixtures("forever")
async def test_none_is_kept_for_migrations(empty_url: DatabaseUrl) -> None:
    """The state that a migration leaves in its session ends with it."""
    async with TortoiseContext() as context:
        await context.init(tortoise_config(load_settings(), url=empty_url, for_migrations=True))
        await client().execute_script("SET application_name = 'left behind'")
        assert kept() == 0
        (row,) = await client().execute_query_dict("SHOW application_name")
        assert row["application_name"] != "left behind"


@pytest.mark.usefixtures("forever")
async def test_disconnecting_does_not_wait_for_them(fresh_url: DatabaseUrl, caplog: pytest.LogCaptureFixture) -> None:
    async with database(fresh_url):
        await backends(2)  # none is kept while a call waits until the other connection is open
        await backends(2)
        assert kept() == 2
    assert "still in use" not in caplog.text


async def test_closing_is_not_held_up_by_calls_that_follow_each_other(
    fresh_url: DatabaseUrl, caplog: pytest.LogCaptureFixture
) -> None:
    async def call_for_ever() -> None:
        while True:
            await backend()

    async with TortoiseContext() as context:
        await context.init(tortoise_config(load_settings(), url=fresh_url))
        calls = [asyncio.create_task(call_for_ever()) for _ in range(2)]
        await backends(2)
        await context.close_connections()
        for call in calls:
            with pytest.raises(DatabaseUnavailableError, match=r"^not connected"):
                await call
    assert "still in use" not in caplog.text
