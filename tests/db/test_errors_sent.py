"""Whether an error says that nothing was sent: then, and only then, what failed can be run again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from medianest_models.db import connect_database, database, transaction
from medianest_models.db.client import Client
from medianest_models.db.direct import direct_connection
from medianest_models.db.statements import execute, fetch
from medianest_models.errors import DatabaseTimeoutError, DatabaseUnavailableError
from medianest_models.models import User
from medianest_models.repositories import activity, rate_limits
from medianest_models.repositories.rate_limits import counters
from medianest_models.settings import DatabaseUrl
from tests.db.pools import PATIENCE, client, do, pool_of
from tests.db.proxies import Proxy, black_hole, proxy_to
from tests.locks import until

Way = Callable[[Proxy, DatabaseUrl], Awaitable[object]]
"""A way to fail, of a process that is connected through the proxy with one connection; the URL bypasses the proxy."""

NOBODY = DatabaseUrl(host="/no/such/folder", database="none", user="nobody")


async def without_connecting(proxy: Proxy, url: DatabaseUrl) -> None:
    client().is_disconnected = True
    try:
        await fetch("SELECT 1")
    finally:
        client().is_disconnected = False


async def in_another_event_loop(proxy: Proxy, url: DatabaseUrl) -> None:
    async def ask() -> None:
        await client().execute_query("SELECT 1")

    await asyncio.to_thread(lambda: asyncio.run(ask()))


async def connecting_where_nothing_listens(proxy: Proxy, url: DatabaseUrl) -> None:
    async with direct_connection(NOBODY):
        pass


async def connecting_where_all_is_silent(proxy: Proxy, url: DatabaseUrl) -> None:
    async with black_hole() as port, direct_connection(replace(url, host="127.0.0.1", port=port, connect_timeout=0.3)):
        pass


async def with_an_exhausted_pool(proxy: Proxy, url: DatabaseUrl) -> None:
    async with client().acquire_connection():
        await fetch("SELECT 1")


async def waiting_for_the_turn_of_a_counter(proxy: Proxy, url: DatabaseUrl) -> None:
    async with counters.turn(("10.0.0.1", "search")):
        await rate_limits.hit("search", ip_address="10.0.0.1")


async def beginning_with_an_exhausted_pool(proxy: Proxy, url: DatabaseUrl) -> None:
    async with client().acquire_connection(), transaction():
        pass


async def after_the_server_is_gone(proxy: Proxy, url: DatabaseUrl) -> None:
    proxy.cut()

    async def is_noticed() -> bool:
        pool = client().pool
        return pool is not None and pool.get_size() == 0

    await until(is_noticed)
    await fetch("SELECT 1")


async def beginning_without_an_answer(proxy: Proxy, url: DatabaseUrl) -> None:
    proxy.freezes_at = b"BEGIN"
    async with transaction():
        await do(1, 1)


async def in_a_statement_without_an_answer(proxy: Proxy, url: DatabaseUrl) -> None:
    proxy.freezes_at = b"INSERT"
    await do(1, 1)


async def in_a_transaction_without_an_answer(proxy: Proxy, url: DatabaseUrl) -> None:
    proxy.freezes_at = b"INSERT"
    async with transaction():
        await do(1, 1)


async def in_a_commit_without_an_answer(proxy: Proxy, url: DatabaseUrl) -> None:
    proxy.freezes_at = b"COMMIT"
    async with transaction():
        await do(1, 1)


async def in_a_statement_that_is_cut_off(proxy: Proxy, url: DatabaseUrl) -> None:
    asyncio.get_running_loop().call_later(0.2, proxy.cut)
    await fetch("SELECT pg_sleep(600)")


async def in_a_session_that_is_ended(proxy: Proxy, url: DatabaseUrl) -> None:
    await fetch("SELECT pg_terminate_backend(pg_backend_pid())")


async def on_a_server_that_is_read_only(proxy: Proxy, url: DatabaseUrl) -> None:
    async with transaction():
        await execute("SET TRANSACTION READ ONLY")
        await do(1, 1)


async def waiting_for_a_lock(proxy: Proxy, url: DatabaseUrl) -> None:
    async with direct_connection(url) as other:
        await other.execute("BEGIN; LOCK TABLE deeds")
        async with transaction():
            await execute("SET LOCAL lock_timeout = '10ms'")
            await do(1, 1)


NOTHING_SENT: list[Way] = [
    without_connecting,
    in_another_event_loop,
    connecting_where_nothing_listens,
    connecting_where_all_is_silent,
    with_an_exhausted_pool,
    waiting_for_the_turn_of_a_counter,
    beginning_with_an_exhausted_pool,
    after_the_server_is_gone,
    beginning_without_an_answer,
]
UNKNOWN: list[Way] = [
    in_a_statement_without_an_answer,
    in_a_transaction_without_an_answer,
    in_a_commit_without_an_answer,
    in_a_statement_that_is_cut_off,
    in_a_session_that_is_ended,
    on_a_server_that_is_read_only,
    waiting_for_a_lock,
]


@pytest.mark.parametrize(
    ("fail", "sent"),
    [*((way, False) for way in NOTHING_SENT), *((way, None) for way in UNKNOWN)],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
async def test_an_error_says_whether_anything_was_sent(
    fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, fail: Way, *, sent: bool | None
) -> None:
    monkeypatch.setenv("DATABASE_COMMAND_TIMEOUT", "1")
    async with proxy_to(fresh_url) as proxy, pool_of(1, replace(proxy.url, pool_timeout=1)):
        with pytest.raises(DatabaseUnavailableError) as caught:
            async with asyncio.timeout(PATIENCE):
                await fail(proxy, fresh_url)
        proxy.heal()
        assert caught.value.sent is sent


async def test_an_error_of_connecting_says_so_too(fresh_url: DatabaseUrl) -> None:
    with pytest.raises(DatabaseUnavailableError) as caught:
        await connect_database(NOBODY)
    assert caught.value.sent is False


async def keep_the_connection(pool_client: Client, is_over: asyncio.Event) -> None:
    """Take the pool's only connection when it is free, and keep it."""
    async with pool_client.acquire_connection():
        await is_over.wait()


async def test_a_call_whose_first_batch_is_deleted_does_not_say_that_nothing_was_sent(fresh_url: DatabaseUrl) -> None:
    is_over = asyncio.Event()
    async with database(replace(fresh_url, pool_max=1, pool_timeout=1)):
        for _ in range(3):
            await activity.record("import")
        async with client().acquire_connection():
            pruning = asyncio.create_task(activity.prune(datetime.now(UTC) + timedelta(days=1), batch_size=1))
            await asyncio.sleep(0)
            keeping = asyncio.create_task(keep_the_connection(client(), is_over))
            await asyncio.sleep(0)
        with pytest.raises(DatabaseTimeoutError, match="no connection became free") as caught:
            await pruning
        assert caught.value.sent is None
        is_over.set()
        await keeping
        assert [row["count"] for row in await fetch("SELECT count(*) FROM activity_logs")] == [2]


async def test_hits_of_which_some_are_counted_do_not_say_that_nothing_was_sent(fresh_url: DatabaseUrl) -> None:
    is_over = asyncio.Event()

    async def forget_the_hits_and_keep_the_connection() -> None:
        await execute("DELETE FROM rate_limits")
        await keep_the_connection(client(), is_over)

    async with database(replace(fresh_url, pool_max=1, pool_timeout=1)):
        user = await User.create(plex_id="1", plex_username="ann")

        async def hit() -> None:
            await rate_limits.hit("search", user_id=user.id, limit=4, window_seconds=86_400)

        await hit()
        await hit()
        async with client().acquire_connection():
            # Two of four are one too many each: two fit. Meanwhile the first two are forgotten, so that two more fit.
            hits = [asyncio.create_task(hit()) for _ in range(4)]
            for _ in range(5):
                await asyncio.sleep(0)
            keeping = asyncio.create_task(forget_the_hits_and_keep_the_connection())
            await asyncio.sleep(0)
        errors = await asyncio.gather(*hits, return_exceptions=True)
        assert [error.sent for error in errors if isinstance(error, DatabaseTimeoutError)] == [None] * 4
        is_over.set()
        await keeping
        assert [row["request_count"] for row in await fetch("SELECT request_count FROM rate_limits")] == [2]
