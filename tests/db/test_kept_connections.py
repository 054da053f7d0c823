"""Connections that are kept for the next statement: nobody waits for one, none is lost, old or in a transaction."""

from __future__ import annotations

import asyncio

import pytest
from tortoise.context import TortoiseContext

from medianest_models.db import database, database_health, kept_connections, transaction
from medianest_models.db.statements import fetch
from medianest_models.settings import DatabaseUrl, load_settings, tortoise_config
from tests.db.pools import PATIENCE, backend, client, pool_of
from tests.locks import until
from tests.servers import connection_to


@pytest.fixture
def forever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep connections until a call takes them."""
    monkeypatch.setattr(kept_connections, "_SECONDS", 10 * PATIENCE)


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

        async def is_back() -> bool:  # a moment after it is kept no more
            return (kept(), client().idle) == (0, 1)

        await until(is_back)


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
