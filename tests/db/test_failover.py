"""A failover under a connected process: who needs a connection waits for the new primary, and no call waits twice."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest

from medianest_models.db import client as pool_module, database, hosts, transaction, transaction_client
from medianest_models.db.client import Client
from medianest_models.db.direct import direct_connection
from medianest_models.db.statements import execute, fetch
from medianest_models.errors import DatabaseTimeoutError, DatabaseUnavailableError, NoPrimaryError
from medianest_models.migrate.applying import migrate
from medianest_models.models import User
from medianest_models.repositories import downloads, media_requests, rate_limits, sessions, users
from medianest_models.repositories.rate_limits import counters
from medianest_models.settings import DatabaseUrl
from tests.clusters import Pair
from tests.db.pools import PATIENCE, assert_whole, backend, client, do, pool_of
from tests.db.proxies import proxy_to
from tests.locks import until
from tests.servers import connection_to

LONG = "600"  # seconds, beyond the patience of a test
ADD = "INSERT INTO deeds VALUES (1)"


async def port() -> int:
    (row,) = await fetch("SHOW port")
    return int(row["port"])


async def all_lost(pool_client: Client) -> None:
    """Wait until the pool has noticed that it has no connection any more."""

    async def are_lost() -> bool:
        return pool_client.pool is not None and pool_client.pool.get_size() == 0

    await until(are_lost)


async def standby_has_refused(pair: Pair, url: DatabaseUrl) -> None:
    """Wait until a search for a URL has heard from the standby that it is one."""
    begun = monotonic()

    async def has() -> bool:
        answers = hosts._known[url].answers_since(begun)
        return str(answers.get(pair.standby.url.places[0])) == "is a standby"

    await until(has)


async def use_all(pool_client: Client) -> set[int]:
    """Use all connections of the pool at once, and return the server's processes behind them."""
    assert pool_client.pool is not None
    number = pool_client.pool.get_max_size()
    everyone = asyncio.Barrier(number)

    async def use() -> int:
        async with transaction():
            await everyone.wait()
            return await backend()

    async with asyncio.timeout(PATIENCE):
        return {*await asyncio.gather(*(use() for _ in range(number)))}


async def test_calls_wait_for_the_new_primary(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_FAILOVER_WAIT", LONG)
    url = replace(pair.url, pool_max=2, pool_timeout=0.05, connect_timeout=2)  # a promotion takes longer
    async with asyncio.timeout(3 * PATIENCE), database(url, require_migrated=False):
        await execute("CREATE TABLE deeds (doer int)")
        await pair.wait_until_replayed()
        await pair.primary.stop("immediate")
        await all_lost(client())
        calls = asyncio.gather(*(execute(ADD) for _ in range(6)))  # more than the pool has connections
        await standby_has_refused(pair, url)
        await pair.promote()
        assert await calls == [1] * 6
        assert await port() == pair.standby.url.port
        (row,) = await fetch("SELECT count(*) AS deeds FROM deeds")
        assert row["deeds"] == 6


async def test_calls_wait_for_a_single_host_too(fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a proxy or an address that moves to the new primary."""
    monkeypatch.setenv("DATABASE_FAILOVER_WAIT", LONG)
    async with asyncio.timeout(3 * PATIENCE), proxy_to(fresh_url) as proxy, pool_of(2, proxy.url) as pool_client:
        proxy.cut()
        await all_lost(pool_client)
        calls = asyncio.gather(*(fetch("SELECT 1 AS one") for _ in range(4)))
        asked = proxy.asked

        async def was_asked_again() -> bool:
            return proxy.asked >= asked + 4

        await until(was_asked_again)
        proxy.heal()
        assert [row["one"] for (row,) in await calls] == [1] * 4


async def test_connecting_and_direct_connections_wait_too(
    fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_FAILOVER_WAIT", LONG)

    async def connect(url: DatabaseUrl) -> None:
        async with database(url):
            await fetch("SELECT 1")

    async def connect_directly(url: DatabaseUrl) -> None:
        async with direct_connection(url) as connection:
            await connection.fetchval("SELECT 1")

    async with asyncio.timeout(3 * PATIENCE), proxy_to(fresh_url) as proxy:
        url = replace(proxy.url, connect_timeout=0.5)
        proxy.closed = True
        connecting = asyncio.gather(connect(url), connect_directly(url))

        async def is_asked_for_longer_than_the_connect_timeout() -> bool:
            return proxy.asked >= 2 + 4

        await until(is_asked_for_longer_than_the_connect_timeout)
        proxy.heal()
        await connecting


async def test_the_error_says_what_the_hosts_answered(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    for wait in ("0", "1"):
        monkeypatch.setenv("DATABASE_FAILOVER_WAIT", wait)
        async with database(replace(pair.url, pool_timeout=3, connect_timeout=600), require_migrated=False):
            await pair.primary.stop("immediate")
            await all_lost(client())
            async with asyncio.timeout(PATIENCE):
                with pytest.raises(NoPrimaryError, match=r"nothing listens there.*; 127\.0\.0\.1:\d+ is a standby$"):
                    await fetch("SELECT 1")
            await pair.primary.start()


async def test_an_exhausted_pool_is_not_waited_for(fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_FAILOVER_WAIT", LONG)
    async with pool_of(1, replace(fresh_url, pool_timeout=0.2)), client().acquire_connection():
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(DatabaseTimeoutError, match=r"within 0\.2 s: 1 of the pool's 1 are in use"):
                await fetch("SELECT 1")


async def test_a_primary_that_may_not_be_written_to_any_more_is_left(pair: Pair) -> None:
    async with database(replace(pair.url, pool_max=3), require_migrated=False):
        await execute("CREATE TABLE deeds (doer int)")
        await use_all(client())
        await pair.wait_until_replayed()
        await pair.primary.execute("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")

        async def is_refused() -> bool:
            try:
                await execute(ADD)
            except DatabaseUnavailableError as error:
                return "the database is read-only" in str(error)
            return False

        await pair.promote()
        await until(is_refused)
        assert await asyncio.gather(*(execute(ADD) for _ in range(3))) == [1] * 3
        assert {await port() for _ in range(3)} == {pair.standby.url.port}
        await assert_whole(client())


async def test_the_first_loss_replaces_all_connections(fresh_url: DatabaseUrl) -> None:
    async with pool_of(3, fresh_url) as pool_client, connection_to(fresh_url) as administrator:
        before = await use_all(pool_client)
        sleeping = asyncio.create_task(pool_client.execute_query("SELECT pg_sleep(600)"))
        end = (
            "SELECT count(pg_terminate_backend(pid)) = 1 FROM pg_stat_activity "
            "WHERE wait_event = 'PgSleep' AND datname = current_database()"
        )

        async def is_ended() -> bool:
            return bool(await administrator.fetchval(end))

        await until(is_ended)
        with pytest.raises(DatabaseUnavailableError):
            await sleeping
        assert not before & await use_all(pool_client)


async def test_the_log_does_not_see_that_a_replaced_connection_had_lost_its_server(
    fresh_url: DatabaseUrl, caplog: pytest.LogCaptureFixture
) -> None:
    async with pool_of(1, fresh_url) as pool_client:
        assert pool_client.pool is not None
        async with pool_client.acquire_connection() as connection:
            its_socket = connection._con._socket_transport.get_extra_info("socket")  # type: ignore[attr-defined]  # there is no other way to it
        its_socket.shutdown(socket.SHUT_WR)  # now it can't take its leave
        await pool_client.pool.expire_connections()
        assert await use_all(pool_client)
        gc.collect()  # an error that nobody has seen is logged now
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


@pytest.mark.parametrize("in_transaction", [False, True], ids=["statement", "transaction"])
async def test_of_ten_connections_that_are_silently_lost_one_call_notices(
    fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, *, in_transaction: bool
) -> None:
    async def call() -> None:
        if in_transaction:
            async with transaction():
                await fetch("SELECT 1")
        else:
            await fetch("SELECT 1")

    monkeypatch.setenv("DATABASE_COMMAND_TIMEOUT", "1")
    async with proxy_to(fresh_url) as proxy, pool_of(10, proxy.url) as pool_client:
        await use_all(pool_client)
        proxy.strand()
        with pytest.raises(DatabaseTimeoutError):
            await call()
        await use_all(pool_client)


async def test_a_transaction_does_not_wait_as_long_again_for_its_rollback(
    fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_COMMAND_TIMEOUT", "5")
    monkeypatch.setattr(transaction_client, "_ROLLBACK_SECONDS", 600)
    async with proxy_to(fresh_url) as proxy, pool_of(1, proxy.url):
        proxy.freezes_at = b"INSERT"
        with pytest.raises(DatabaseTimeoutError):
            async with asyncio.timeout(9), transaction():
                await do(1, 1)
        proxy.heal()


async def test_a_hit_does_not_wait_for_its_turn_and_then_as_long_for_a_connection(fresh_url: DatabaseUrl) -> None:
    counter = ("10.0.0.1", "search")
    async with pool_of(1, fresh_url) as pool_client, pool_client.acquire_connection():
        async with counters.turn(counter):
            pool_client.pool_timeout, pool_client.command_timeout = 5, 0
            hit = asyncio.create_task(rate_limits.hit("search", ip_address="10.0.0.1"))

            async def waits_for_its_turn() -> bool:
                return bool(counters._locks[pool_client][counter]._waiters)

            await until(waits_for_its_turn)
            pool_client.pool_timeout = 600  # for the connection, which nobody gives back
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(DatabaseTimeoutError, match="The database did not answer"):
                await hit


def calls_of(user: User) -> dict[str, Callable[[int], Awaitable[Any]]]:
    """Return calls of every kind, each of which takes a number that others do not have."""
    return {
        "claim": lambda number: downloads.claim(f"worker {number}"),
        "find": lambda number: users.find_by_plex_id(str(number)),
        "hit": lambda _: rate_limits.hit("search", user_id=user.id),
        "hits": lambda number: rate_limits.hit("search", ip_address=f"10.0.0.{number}"),
        "issue": lambda number: sessions.issue(user, user_agent=f"browser {number}"),
        "revoke": lambda _: sessions.revoke_all(user.id),
        "submit": lambda number: media_requests.submit(user.id, title="t", media_type="tv", tmdb_id=f"{number}"),
    }


async def test_no_call_outlasts_its_timeouts_while_the_primary_is_frozen(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_COMMAND_TIMEOUT", "1")
    monkeypatch.setenv("DATABASE_POOL_TIMEOUT", "1")
    monkeypatch.setenv("DATABASE_FAILOVER_WAIT", "1")
    monkeypatch.setattr(pool_module, "_RELEASE_SECONDS", 600)  # the time for a statement of which somebody still waits
    monkeypatch.setattr(transaction_client, "_ROLLBACK_SECONDS", 600)
    await migrate(pair.primary.url)
    async with database(replace(pair.primary.url, pool_max=2)):
        user = await User.create(plex_id="1", plex_username="ann")
        calls = calls_of(user)
        for call in calls.values():
            await asyncio.gather(*(call(number) for number in range(4)))
        for name, call in calls.items():
            pair.primary.freeze()
            try:
                async with asyncio.timeout(1 + 1 + 1 + PATIENCE):
                    found = await asyncio.gather(*(call(number) for number in range(6)), return_exceptions=True)
            finally:
                pair.primary.thaw()
            assert all(isinstance(error, DatabaseTimeoutError) for error in found), (name, found)
            async with asyncio.timeout(PATIENCE):
                await assert_whole(client())
