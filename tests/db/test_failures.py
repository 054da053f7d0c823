"""Failures of a connected database: a prompt error, and recovery."""

# ruff: noqa: PT012 - the end of a block must raise

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from medianest_models.db import database_health, transaction, transaction_client
from medianest_models.errors import DatabaseTimeoutError, DatabaseUnavailableError, TransactionAbortedError
from medianest_models.settings import DatabaseUrl
from tests.db.pools import PATIENCE, assert_whole, backend, client, deeds, do, healthy_within_two_seconds, pool_of
from tests.db.proxies import proxy_to
from tests.locks import until


async def test_an_exhausted_pool_says_how_many_are_in_use(fresh_url: DatabaseUrl) -> None:
    async with pool_of(2, replace(fresh_url, pool_timeout=0.3)) as pool_client:
        async with asyncio.timeout(PATIENCE), pool_client.acquire_connection(), transaction():
            begun = time.monotonic()
            with pytest.raises(DatabaseTimeoutError, match=r"within 0\.3 s: 2 of the pool's 2 are in use"):
                await pool_client.execute_query("SELECT 1")
            assert time.monotonic() - begun < 5
            assert await healthy_within_two_seconds()
            health = await database_health()
            assert (health.ok, health.pool_size, health.pool_idle) == (True, 2, 0)
        await do(1, 1)


async def test_a_server_that_goes_and_comes_back(fresh_url: DatabaseUrl) -> None:
    async with proxy_to(fresh_url) as proxy, pool_of(3, replace(proxy.url, connect_timeout=2)) as pool_client:
        await assert_whole(pool_client)
        for _ in range(2):
            running = asyncio.create_task(client().execute_query("SELECT pg_sleep(60)"))
            await asyncio.sleep(0.1)
            proxy.cut()
            with pytest.raises(DatabaseUnavailableError):
                await running
            for _ in range(3):
                with pytest.raises(DatabaseUnavailableError, match="can't connect to postgresql://"):
                    await client().execute_query("SELECT 1")
            assert not await healthy_within_two_seconds()
            proxy.heal()
            assert await client().execute_query_dict("SELECT 1 AS one") == [{"one": 1}]
            assert await healthy_within_two_seconds()
        async with asyncio.timeout(PATIENCE):
            await assert_whole(pool_client)


async def test_a_connection_that_is_lost_in_a_transaction(fresh_url: DatabaseUrl) -> None:
    async with pool_of(2, fresh_url) as pool_client:
        with pytest.raises(DatabaseUnavailableError):
            async with transaction():
                await do(1, 1)
                await pool_client.execute_query("SELECT pg_terminate_backend($1)", [await backend()])
                await asyncio.sleep(0.05)
        with pytest.raises(DatabaseUnavailableError):
            async with transaction() as using:
                await using.execute_query("SELECT pg_terminate_backend(pg_backend_pid())")
        assert await deeds() == []


async def test_a_server_that_stops_answering(fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_COMMAND_TIMEOUT", "5")  # enough for a slow machine to connect
    async with proxy_to(fresh_url) as proxy, pool_of(1, proxy.url) as pool_client:
        proxy.frozen = True
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(DatabaseTimeoutError, match="The database did not answer"):
                await client().execute_query("SELECT 1")
            assert not await healthy_within_two_seconds()
            assert not (await database_health()).ok
        proxy.heal()
        async with asyncio.timeout(PATIENCE):
            await assert_whole(pool_client)


async def test_health_does_not_wait_for_its_own_clean_up(fresh_url: DatabaseUrl) -> None:
    async with proxy_to(fresh_url) as proxy, pool_of(2, proxy.url) as pool_client:
        await assert_whole(pool_client)
        proxy.frozen = True
        assert not await healthy_within_two_seconds()
        proxy.heal()
        assert await healthy_within_two_seconds()


async def test_a_commit_that_is_not_answered(fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_COMMAND_TIMEOUT", "5")  # enough for a slow machine to connect
    async with proxy_to(fresh_url) as proxy, pool_of(1, proxy.url) as pool_client:
        with pytest.raises(DatabaseUnavailableError, match="whether it was committed is not known"):
            async with transaction():
                await do(1, 1)
                proxy.frozen = True
        proxy.heal()
        await assert_whole(pool_client)
        assert await deeds() in ([], [(1, 1)])


async def test_a_connection_that_can_not_be_returned_does_not_spoil_what_was_done(fresh_url: DatabaseUrl) -> None:
    async with proxy_to(fresh_url) as proxy, pool_of(1, replace(proxy.url, pool_timeout=0.3)):
        async with client().acquire_connection() as connection:
            await connection.execute("INSERT INTO deeds VALUES (1, 1)")
            proxy.frozen = True
        proxy.heal()
        assert await deeds() == [(1, 1)]


async def test_a_cancelled_call_ends_soon_where_the_server_is_not_told(fresh_url: DatabaseUrl) -> None:
    async def it_runs() -> bool:
        found, _ = await client().execute_query(
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
        )
        return found == 1

    async with proxy_to(fresh_url) as proxy, pool_of(2, replace(proxy.url, pool_timeout=PATIENCE * 2)) as pool_client:
        call = asyncio.create_task(pool_client.execute_query("SELECT pg_sleep(600)"))
        await until(it_runs)
        proxy.closed = True  # the cancel request needs a new connection
        call.cancel()
        await asyncio.wait({call}, timeout=PATIENCE)
        assert call.cancelled()
        proxy.heal()


async def test_a_rollback_that_is_not_answered_shows_the_first_error(
    fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def is_late() -> None:
        await asyncio.sleep(0.1)
        with pytest.raises(TransactionAbortedError):
            await do(1, 2)
        ended.append("the task")

    ended: list[str] = []
    late: list[asyncio.Task[None]] = []
    monkeypatch.setattr(transaction_client, "_ROLLBACK_SECONDS", 1)
    async with proxy_to(fresh_url) as proxy, pool_of(1, proxy.url) as pool_client:
        with pytest.raises(ZeroDivisionError):
            async with asyncio.timeout(PATIENCE), transaction():
                await do(1, 1)
                late.append(asyncio.create_task(is_late()))
                proxy.frozen = True
                raise ZeroDivisionError
        ended.append("the transaction")
        await asyncio.gather(*late)
        assert ended == ["the task", "the transaction"]  # it did not have to wait for the rollback
        proxy.heal()
        await assert_whole(pool_client)
        assert await deeds() == []


async def test_a_transaction_that_idles_for_too_long(fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_IDLE_IN_TRANSACTION_TIMEOUT", "0.5")
    async with pool_of(1, fresh_url):
        with pytest.raises((DatabaseUnavailableError, TransactionAbortedError)):
            async with transaction():
                await do(1, 1)
                await asyncio.sleep(1)
        assert await deeds() == []
