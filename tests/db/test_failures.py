"""A database that is gone, silent, full, or refuses: an error that says so in time, and work when it is back."""

# ruff: noqa: PT012 - what has to raise is the end of a block

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from medianest_models.db import check_database_health, connect_database, database, database_health, transaction
from medianest_models.errors import DatabaseTimeoutError, DatabaseUnavailableError, TransactionAbortedError
from tests.db.pools import PATIENCE, assert_whole, client, deeds, do, pool_of
from tests.db.proxies import black_hole, proxy_to
from tests.servers import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from medianest_models.db.embedded import EmbeddedServer
    from medianest_models.settings import DatabaseUrl

PASSWORD = "correct horse"


async def refuses_within(seconds: float, url: DatabaseUrl) -> DatabaseUnavailableError:
    """What connecting raises; it names the place, and not the password."""
    begun = time.monotonic()
    with pytest.raises(DatabaseUnavailableError) as caught:
        await connect_database(url)
    assert time.monotonic() - begun < seconds
    assert url.masked in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert await check_database_health() is False
    return caught.value


async def healthy_within_two_seconds() -> bool:
    begun = time.monotonic()
    is_healthy = await check_database_health()
    assert time.monotonic() - begun < 2.5
    return is_healthy


async def test_nobody_listens(fresh_url: DatabaseUrl) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for url in (
        replace(fresh_url, host="127.0.0.1", port=port, password=SecretStr(PASSWORD)),
        replace(fresh_url, host="localhost", port=port),
        replace(fresh_url, host="/no/such/folder"),
    ):
        assert "nothing listens there" in str(await refuses_within(10, url))


async def test_an_unknown_host(fresh_url: DatabaseUrl) -> None:
    assert "host name is not known" in str(await refuses_within(15, replace(fresh_url, host="db.invalid")))


async def test_a_missing_database(fresh_url: DatabaseUrl) -> None:
    url = fresh_url.with_database("not-there")
    assert "the database does not exist: create it" in str(await refuses_within(10, url))


async def test_a_black_hole(fresh_url: DatabaseUrl) -> None:
    async with black_hole() as port:
        url = replace(fresh_url, host="127.0.0.1", port=port, connect_timeout=0.5, password=SecretStr(PASSWORD))
        for sslmode in ("disable", "prefer"):
            error = await refuses_within(3, replace(url, sslmode=sslmode))
            assert isinstance(error, DatabaseTimeoutError)
            assert "no answer within 0.5 s" in str(error)
        together = await asyncio.gather(*(connect_database(url) for _ in range(20)), return_exceptions=True)
        assert {type(error) for error in together} == {DatabaseTimeoutError}


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
async def test_something_that_is_no_postgresql(fresh_url: DatabaseUrl, answer: bytes) -> None:
    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        for sslmode in ("disable", "prefer"):
            url = replace(fresh_url, host="127.0.0.1", port=port, sslmode=sslmode, connect_timeout=2)
            await refuses_within(5, url)


async def test_an_exhausted_pool_says_how_many_are_in_use(fresh_url: DatabaseUrl) -> None:
    async with pool_of(2, replace(fresh_url, pool_timeout=0.3)) as pool_client:
        async with pool_client.acquire_connection(), transaction():
            begun = time.monotonic()
            with pytest.raises(DatabaseTimeoutError, match=r"within 0\.3 s: 2 of the pool's 2 are in use"):
                await pool_client.execute_query("SELECT 1")
            assert time.monotonic() - begun < 5
            assert await healthy_within_two_seconds()
            health = await database_health()
            assert (health.ok, health.pool_size, health.pool_idle) == (True, 2, 0)
        await do(1, 1)
        await assert_whole(pool_client)


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
            async with transaction() as using:
                await do(1, 1)
                rows = await using.execute_query_dict("SELECT pg_backend_pid() AS pid")
                await pool_client.execute_query("SELECT pg_terminate_backend($1)", [rows[0]["pid"]])
                await asyncio.sleep(0.05)
        with pytest.raises(DatabaseUnavailableError):
            async with transaction() as using:
                await using.execute_query("SELECT pg_terminate_backend(pg_backend_pid())")
        assert await deeds() == []
        await assert_whole(pool_client)


async def test_a_server_that_stops_answering(fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_COMMAND_TIMEOUT", "0.5")
    async with proxy_to(fresh_url) as proxy:
        url = replace(proxy.url, connect_timeout=1, pool_timeout=1)
        async with pool_of(1, url) as pool_client:
            proxy.frozen = True
            async with asyncio.timeout(PATIENCE):
                assert not await healthy_within_two_seconds()
                assert not (await database_health()).ok
                with pytest.raises(DatabaseTimeoutError):
                    await client().execute_query("SELECT 1")
            proxy.heal()
            async with asyncio.timeout(PATIENCE):
                await assert_whole(pool_client)


async def test_a_commit_that_is_not_answered(fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_COMMAND_TIMEOUT", "0.5")
    async with proxy_to(fresh_url) as proxy, pool_of(1, proxy.url) as pool_client:
        with pytest.raises(DatabaseUnavailableError, match="whether it was committed is not known"):
            async with transaction():
                await do(1, 1)
                proxy.frozen = True
        proxy.heal()
        await assert_whole(pool_client)
        assert await deeds() in ([], [(1, 1)])


async def test_a_rollback_that_is_not_answered_shows_the_first_error(
    fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_COMMAND_TIMEOUT", "0.5")
    async with proxy_to(fresh_url) as proxy, pool_of(1, proxy.url) as pool_client:
        with pytest.raises(ZeroDivisionError):
            async with transaction():
                await do(1, 1)
                proxy.frozen = True
                raise ZeroDivisionError
        proxy.heal()
        await assert_whole(pool_client)
        assert await deeds() == []


async def test_a_transaction_that_idles_for_too_long(fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_IDLE_IN_TRANSACTION_TIMEOUT", "0.1")
    async with pool_of(1, fresh_url) as pool_client:
        with pytest.raises((DatabaseUnavailableError, TransactionAbortedError)):
            async with transaction():
                await do(1, 1)
                await asyncio.sleep(0.4)
        assert await deeds() == []
        await assert_whole(pool_client)


async def test_a_restarted_server(new_server: Callable[..., EmbeddedServer]) -> None:
    server = new_server()
    url = await asyncio.to_thread(server.start)
    async with database(url):
        await client().execute_query("SELECT 1")
        await asyncio.to_thread(server.stop)
        with pytest.raises(DatabaseUnavailableError, match="nothing listens there"):
            await client().execute_query("SELECT 1")
        assert not await healthy_within_two_seconds()
        await asyncio.to_thread(server.start)
        assert await client().execute_query_dict("SELECT 1 AS one") == [{"one": 1}]
        assert await healthy_within_two_seconds()
        postmaster = server.status().pid
        assert postmaster is not None
        os.kill(postmaster, signal.SIGSTOP)
        try:
            await healthy_within_two_seconds()  # the sessions there are may still answer
            async with client().acquire_connection():
                assert not await healthy_within_two_seconds()
        finally:
            os.kill(postmaster, signal.SIGCONT)
        assert await healthy_within_two_seconds()


@asynccontextmanager
async def guarded(server: EmbeddedServer) -> AsyncIterator[DatabaseUrl]:
    """A server with a role `guest` who needs a password and may have two connections."""
    url = await asyncio.to_thread(server.start)
    rules = server.data / "pg_hba.conf"
    rules.write_text(f"local all guest scram-sha-256\nlocal all stranger reject\n{rules.read_text()}")
    connection = await connect(url)
    try:
        await connection.execute(f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT 2")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()
    yield replace(url, user="guest", password=SecretStr(PASSWORD))


async def test_a_server_that_refuses(new_server: Callable[..., EmbeddedServer]) -> None:
    async with guarded(new_server()) as url:
        wrong = await refuses_within(10, replace(url, password=SecretStr("wrong " + PASSWORD)))
        assert "the server refused the password" in str(wrong)
        none = await refuses_within(10, replace(url, password=None))
        assert "password" in str(none)
        stranger = await refuses_within(10, replace(url, user="stranger"))
        assert "the server does not let this user in" in str(stranger)
        async with database(replace(url, pool_max=3)) as _, client().acquire_connection():
            async with client().acquire_connection():
                with pytest.raises(DatabaseUnavailableError, match="the server has too many connections"):
                    await client().execute_query("SELECT 1")
            assert await client().execute_query_dict("SELECT 1 AS one") == [{"one": 1}]
            assert await healthy_within_two_seconds()
