"""Connecting and disconnecting: once, concurrently, during work, and the log entries."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import pytest
from tortoise.context import TortoiseContext

from medianest_models.db import connect_database, database, disconnect_database, transaction
from medianest_models.db.client import Client
from medianest_models.embedded import EmbeddedServer
from medianest_models.errors import ConfigurationError, DatabaseUnavailableError
from medianest_models.settings import DatabaseUrl, load_settings, tortoise_config
from medianest_models.testing.servers import ENCRYPTION_KEY
from tests.db.pools import PATIENCE, client, deeds, do, pool_of
from tests.db.proxies import proxy_to
from tests.processes import run_in_processes
from tests.servers import connection_to


async def sessions(url: DatabaseUrl) -> int:
    """Return the number of connections to this database, without the one that counts them."""
    async with connection_to(url) as connection:
        count = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = $1 AND backend_type = 'client backend' AND pid <> pg_backend_pid()",
            url.database,
        )
    return int(count)


async def no_sessions(url: DatabaseUrl) -> None:
    """Wait until the server has ended every session of this database."""
    async with asyncio.timeout(PATIENCE):
        while await sessions(url):  # noqa: ASYNC110 - the server sends no event
            await asyncio.sleep(0.02)


async def test_connecting_twice_is_a_no_op(fresh_url: DatabaseUrl) -> None:
    await connect_database(fresh_url)
    pool = client().pool
    await connect_database(fresh_url)
    await connect_database(fresh_url.render().get_secret_value())
    await connect_database()  # DATABASE_URL is the same
    assert client().pool is pool
    await disconnect_database()
    await disconnect_database()
    await no_sessions(fresh_url)


async def test_twenty_tasks_that_connect_at_once_make_one_pool(fresh_url: DatabaseUrl) -> None:
    await asyncio.gather(*(connect_database(fresh_url) for _ in range(20)))
    assert await sessions(fresh_url) == 1
    await asyncio.gather(*(disconnect_database() for _ in range(20)))
    await no_sessions(fresh_url)


async def test_connecting_and_disconnecting_at_once_ends_in_order(fresh_url: DatabaseUrl) -> None:
    async with asyncio.timeout(PATIENCE):
        for _ in range(10):
            await asyncio.gather(*(turn() for _ in range(5) for turn in (connect_database, disconnect_database)))
    await connect_database(fresh_url)
    assert await client().execute_query_dict("SELECT 1 AS one") == [{"one": 1}]
    await disconnect_database()
    await no_sessions(fresh_url)


async def test_a_nested_database_leaves_the_connection(fresh_url: DatabaseUrl) -> None:
    async with database(fresh_url):
        async with database():
            pass
        await client().execute_query("SELECT 1")
    with pytest.raises(DatabaseUnavailableError):
        client()


async def test_connecting_that_is_cancelled_leaves_nothing(fresh_url: DatabaseUrl) -> None:
    for delay in (0, 0.001, 0.003, 0.01, 0.03):
        task = asyncio.create_task(connect_database(fresh_url))
        await asyncio.sleep(delay)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await disconnect_database()
    await no_sessions(fresh_url)
    async with database(fresh_url):
        await client().execute_query("SELECT 1")


async def test_connecting_that_is_cancelled_at_its_last_moment_leaves_nothing(fresh_url: DatabaseUrl) -> None:
    class Cancelling(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage().startswith("connected to"):
                asyncio.get_running_loop().call_soon(task.cancel)

    logger, handler = logging.getLogger("medianest_models.db"), Cancelling(logging.INFO)
    logger.addHandler(handler)
    try:
        task = asyncio.create_task(connect_database(fresh_url))
        await asyncio.wait({task})
    finally:
        logger.removeHandler(handler)
    assert not task.cancelled()  # too late to cancel: a cancelled task does not connect
    await client().execute_query("SELECT 1")
    await disconnect_database()


async def test_a_pool_that_opens_while_it_is_disconnected_is_closed(fresh_url: DatabaseUrl) -> None:
    for milliseconds in range(15):
        async with TortoiseContext() as context:
            await context.init(tortoise_config(load_settings(), url=fresh_url))
            pool_client = cast("Client", context.connections.get("default"))
            statement = asyncio.create_task(pool_client.execute_query("SELECT 1"))
            await asyncio.sleep(milliseconds / 1000)
            await pool_client.disconnect()
            with suppress(DatabaseUnavailableError):
                await statement
            assert pool_client.pool is None
    await no_sessions(fresh_url)


async def test_what_runs_is_finished_when_disconnecting(fresh_url: DatabaseUrl) -> None:
    async def work() -> None:
        async with transaction():
            await do(1, 1)
            started.set()
            await asyncio.sleep(0.2)
            await do(1, 2)

    started = asyncio.Event()
    async with pool_of(2, fresh_url):
        task = asyncio.create_task(work())
        await started.wait()
        await disconnect_database()
        await task
        with pytest.raises(DatabaseUnavailableError, match="not connected"):
            await deeds()
    async with database(fresh_url):
        assert await deeds() == [(1, 1), (1, 2)]


async def test_what_waits_for_a_connection_is_refused_when_disconnecting(fresh_url: DatabaseUrl) -> None:
    async with pool_of(1, fresh_url) as pool_client:
        running = asyncio.create_task(client().execute_query("SELECT pg_sleep(0.2)"))
        waiting = [asyncio.create_task(do(n, 1)) for n in range(3)]
        await asyncio.sleep(0.05)
        await pool_client.disconnect()
        await running
        for task in waiting:
            with pytest.raises(DatabaseUnavailableError, match="not connected"):
                await task
    async with database(fresh_url):
        assert await deeds() == []


async def test_what_does_not_finish_is_ended_when_disconnecting(fresh_url: DatabaseUrl) -> None:
    async def work() -> None:
        async with transaction():
            await do(1, 1)
            await client().execute_query("SELECT pg_sleep(60)")

    async with pool_of(1, fresh_url) as pool_client:
        running = asyncio.create_task(work())
        waiting = asyncio.create_task(do(2, 1))
        await asyncio.sleep(0.1)
        begun = time.monotonic()
        await pool_client.disconnect(seconds=0.2)
        for task in (running, waiting):
            with pytest.raises(DatabaseUnavailableError):
                await task
        assert time.monotonic() - begun < 5
    async with database(fresh_url):
        assert await deeds() == []


async def test_a_client_that_was_kept_does_not_reconnect(fresh_url: DatabaseUrl) -> None:
    async with proxy_to(fresh_url) as proxy:
        async with database(proxy.url):
            kept = client()
        proxy.cut()  # an attempt would raise another error
        with pytest.raises(DatabaseUnavailableError, match="not connected"):
            await kept.execute_query("SELECT 1")
        with pytest.raises(DatabaseUnavailableError, match="not connected"):
            async with kept._in_transaction():
                pytest.fail("must not begin")
    await no_sessions(fresh_url)


async def test_production_needs_encryption_keys(fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIANEST_ENV", "production")
    async with database(fresh_url):
        pass
    monkeypatch.delenv("ENCRYPTION_KEYS")
    with pytest.raises(ConfigurationError, match="ENCRYPTION_KEYS: must be set"):
        await connect_database(fresh_url)
    monkeypatch.setenv("ENCRYPTION_KEYS", f"{ENCRYPTION_KEY},the keys")
    with pytest.raises(ConfigurationError, match=r"^ENCRYPTION_KEYS: key 2 is not 32 bytes in base64; [^,]*$"):
        await connect_database(fresh_url)


async def test_the_log_level_is_a_setting(fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    package = logging.getLogger("medianest_models")
    for level in ("warning", "info"):
        monkeypatch.setenv("LOG_LEVEL", level)
        async with database(fresh_url):
            assert package.level == logging.getLevelNamesMapping()[level.upper()]
    assert package.handlers == []


@pytest.mark.parametrize("url", ["mysql://u@h/d", "postgresql://u:hunter2@h:port/d", ""])
async def test_a_bad_url_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^url: ") as caught:
        await connect_database(url)
    assert "hunter2" not in str(caught.value)


async def test_the_embedded_server_is_started_when_a_connection_is_asked_for(
    new_server: Callable[..., EmbeddedServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = new_server()
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("MEDIANEST_HOME", str(server.home))
    monkeypatch.setenv("PG_BINDIR", str(server.bindir))
    monkeypatch.setenv("DATABASE_CONNECT_TIMEOUT", "60")
    async with database(require_migrated=False):
        rows: list[dict[str, Any]] = await client().execute_query_dict("SELECT current_database() AS name")
        await connect_database(require_migrated=False)  # the same
    assert rows == [{"name": server.url.database}]
    assert server.status().pid is not None


async def ask_before_connecting() -> list[str]:
    """Return the errors that models raise in a process that was never connected."""
    from medianest_models import MedianestError, User  # noqa: PLC0415 - in the child process

    said = []
    for ask in (User.all, lambda: User.create(plex_id="1", plex_username="a"), lambda: User.all().count()):
        try:
            await ask()
        except MedianestError as error:
            said.append(f"{type(error).__name__}: {error}")
    return said


def test_a_model_before_the_first_connect_gets_an_error_of_ours() -> None:
    (said,) = run_in_processes(ask_before_connecting, 1)
    assert said == ["DatabaseUnavailableError: not connected to a database: call connect_database() first"] * 3


IMPORTERS = """
import asyncio, builtins, json, sys

importers, import_ = set(), builtins.__import__

def note(name, globals=None, *arguments, **options):
    if name in {"pwd", "grp", "fcntl"}:
        importers.add((globals or {}).get("__name__", ""))
    return import_(name, globals, *arguments, **options)

builtins.__import__ = note
from medianest_models import database

async def main():
    async with database():
        pass

asyncio.run(main())
print(json.dumps([sorted(importers), sorted(name for name in sys.modules if "embedded" in name)]))
"""


async def test_a_url_loads_nothing_of_the_embedded_server(fresh_url: DatabaseUrl) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", IMPORTERS, stdout=asyncio.subprocess.PIPE)
    told, _ = await process.communicate()
    importers, embedded = json.loads(told)
    assert embedded == []
    assert [name for name in importers if name.startswith("medianest_models")] == []
