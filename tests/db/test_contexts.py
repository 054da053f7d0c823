"""The tasks, threads and event loops that can use the connection, and the errors in the others."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from tortoise import Tortoise
from tortoise.context import TortoiseContext
from tortoise.transactions import in_transaction

from medianest_models.db import (
    check_database_health,
    connect_database,
    database,
    database_health,
    disconnect_database,
    get_database_stats,
    transaction,
)
from medianest_models.errors import ConfigurationError, DatabaseUnavailableError
from medianest_models.repositories import users
from medianest_models.settings import DatabaseUrl, load_settings, tortoise_config
from medianest_models.testing.servers import Server
from tests.db.pools import PATIENCE, client, pool_of
from tests.processes import run_in_processes


async def current_database() -> str:
    rows = await client().execute_query_dict("SELECT current_database() AS name")
    return str(rows[0]["name"])


async def in_own_loop(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run it in the event loop of a new thread, which begins with an empty context."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(asyncio.run(work()))
        except BaseException as error:  # noqa: BLE001 - raised below
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    await asyncio.to_thread(thread.join)
    if isinstance(outcome[-1], BaseException):
        raise outcome[-1]
    return outcome[-1]


async def test_tasks_from_before_connecting_work_after_it(fresh_url: DatabaseUrl) -> None:
    connected = asyncio.Event()

    async def worker() -> str:
        with pytest.raises(DatabaseUnavailableError, match=r"call connect_database\(\) first"):
            await current_database()
        await connected.wait()
        async with transaction():
            return await current_database()

    before = asyncio.create_task(worker())
    apart = asyncio.create_task(worker(), context=contextvars.Context())
    await asyncio.sleep(0)
    async with database(fresh_url):
        connected.set()
        after = asyncio.create_task(current_database(), context=contextvars.Context())
        assert set(await asyncio.gather(before, apart, after)) == {fresh_url.database}


async def unconnected() -> list[str]:
    problems = []
    for use in (current_database, transaction, in_transaction, lambda: Tortoise.get_connection("default")):
        try:
            result = use()
            if asyncio.iscoroutine(result):
                await result
        except DatabaseUnavailableError as error:
            problems.append(str(error))
    assert await check_database_health() is False
    assert (await database_health()).error == problems[0]
    assert await get_database_stats() is None
    return problems


async def test_without_connecting_everything_says_so(fresh_url: DatabaseUrl) -> None:
    problem = "not connected to a database: call connect_database() first"
    assert await asyncio.to_thread(run_in_processes, unconnected, 1, url=fresh_url) == [[problem] * 4]
    await connect_database(fresh_url)
    await disconnect_database()
    assert await unconnected() == [problem] * 4


async def test_another_loop_gets_an_error_and_never_another_pool(fresh_url: DatabaseUrl) -> None:
    async def work() -> None:
        for use in (current_database, disconnect_database, lambda: connect_database(fresh_url)):
            with pytest.raises(DatabaseUnavailableError, match="connected on another event loop"):
                await use()
        with pytest.raises(DatabaseUnavailableError, match="connected on another event loop"):
            transaction()
        assert await check_database_health() is False

    async with pool_of(2, fresh_url) as pool_client:
        held = pool_client.pool
        with pytest.raises(DatabaseUnavailableError, match="connected on another event loop"):
            await in_own_loop(lambda: pool_client.execute_query("SELECT 1"))
        await in_own_loop(work)
        async with transaction() as using:
            with pytest.raises(DatabaseUnavailableError, match="connected on another event loop"):
                await asyncio.to_thread(lambda: asyncio.run(current_database()))
            assert await using.execute_query_dict("SELECT 1 AS one") == [{"one": 1}]
        assert client() is pool_client
        assert pool_client.pool is held


async def test_a_thread_can_use_the_connection_through_its_loop(fresh_url: DatabaseUrl) -> None:
    loop = asyncio.get_running_loop()

    def work() -> str:
        return asyncio.run_coroutine_threadsafe(current_database(), loop).result(timeout=20)

    async with database(fresh_url):
        assert await asyncio.to_thread(work) == fresh_url.database


async def test_one_loop_after_the_other(fresh_url: DatabaseUrl) -> None:
    async def work() -> str:
        async with database(fresh_url):
            return await current_database()

    for _ in range(2):
        assert await in_own_loop(work) == fresh_url.database
    assert await work() == fresh_url.database


async def test_of_threads_that_connect_at_once_one_wins(fresh_url: DatabaseUrl) -> None:
    refusals: list[str] = []

    async def work() -> None:
        try:
            async with database(fresh_url), asyncio.timeout(PATIENCE):
                while len(refusals) < 3:  # noqa: ASYNC110 - the others are in other threads
                    await asyncio.sleep(0.01)
                assert await current_database() == fresh_url.database
        except DatabaseUnavailableError as error:
            refusals.append(str(error))

    await asyncio.gather(*(in_own_loop(work) for _ in range(4)))
    assert [refusal[:31] for refusal in refusals] == ["connected on another event loop"] * 3
    async with database(fresh_url):
        assert await current_database() == fresh_url.database


async def leave_behind() -> None:
    """End a loop without disconnecting, twice; in a separate process, because it leaves open sockets."""

    async def connect_only() -> None:
        await connect_database()
        await current_database()

    await in_own_loop(connect_only)
    with pytest.raises(DatabaseUnavailableError, match="on an event loop that has ended: call connect_database"):
        await current_database()
    assert await check_database_health() is False
    async with database():
        await current_database()
    await in_own_loop(connect_only)
    await disconnect_database()
    with pytest.raises(DatabaseUnavailableError, match="not connected"):
        await current_database()


async def test_a_loop_that_ended_without_disconnecting(fresh_url: DatabaseUrl) -> None:
    assert await asyncio.to_thread(run_in_processes, leave_behind, 1, url=fresh_url) == [None]


async def test_two_databases_one_after_the_other(fresh_url: DatabaseUrl, medianest_server: Server) -> None:
    async with medianest_server.database() as second:
        async with database(fresh_url):
            assert await current_database() == fresh_url.database
        async with database(second, require_migrated=False):
            assert await current_database() == second.database
            with pytest.raises(ConfigurationError, match=r"call disconnect_database\(\) first"):
                await connect_database(fresh_url)
            assert await current_database() == second.database


async def test_somebody_elses_tortoise_is_not_overruled(fresh_url: DatabaseUrl) -> None:
    async with TortoiseContext() as context:
        await context.init(tortoise_config(load_settings(), url=fresh_url))
        with pytest.raises(ConfigurationError, match="Tortoise was initialised by something else"):
            await connect_database(fresh_url)
        assert await current_database() == fresh_url.database
        assert await check_database_health()
        async with transaction():
            assert await current_database() == fresh_url.database
    async with database(fresh_url):
        assert await current_database() == fresh_url.database


async def test_a_context_of_its_own_inside_leaves_the_connection_alone(
    fresh_url: DatabaseUrl, medianest_server: Server
) -> None:
    async with medianest_server.database() as other, database(fresh_url):
        pool = client().pool
        async with TortoiseContext() as context:
            await context.init(tortoise_config(load_settings(), url=other))
            assert await current_database() == other.database
        assert await current_database() == fresh_url.database
        assert client().pool is pool


async def test_tortoises_own_closing_disconnects(fresh_url: DatabaseUrl) -> None:
    await connect_database(fresh_url)
    await Tortoise.close_connections()
    with pytest.raises(DatabaseUnavailableError, match="not connected"):
        await current_database()
    async with database(fresh_url):
        assert await current_database() == fresh_url.database


async def test_tortoise_with_another_engine_is_refused(fresh_url: DatabaseUrl) -> None:
    stock = {
        "connections": {
            "default": {"engine": "tortoise.backends.asyncpg", "credentials": dict(fresh_url.connect_arguments())}
        },
        "apps": {"models": {"models": ["medianest_models.models"], "default_connection": "default"}},
    }
    async with TortoiseContext() as context:
        await context.init(config=stock)
        with pytest.raises(ConfigurationError, match="another engine"):
            transaction()
        with pytest.raises(ConfigurationError, match="another engine"):
            await users.find_by_plex_id("nobody")
