"""Pools of a known size, and checks for leaks from a pool."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast

from asyncpg import Record
from asyncpg.pool import Pool
from tortoise.connection import get_connection

from medianest_models.db import check_database_health, database, transaction
from medianest_models.db.client import Client
from medianest_models.db.statements import fetch
from medianest_models.settings import DatabaseUrl

PATIENCE = 20  # seconds after which a test that hangs fails instead

_IN_TRANSACTION = (
    "SELECT state FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
)


def client() -> Client:
    """Return the current client: the pool, or the current transaction."""
    return cast("Client", get_connection("default"))


@asynccontextmanager
async def pool_of(size: int, url: DatabaseUrl) -> AsyncIterator[Client]:
    """Connect this process with a pool of that size, to a database with a table `deeds`. Nothing may leak from it."""
    async with database(replace(url, pool_max=size)):
        pool_client = client()
        await client().execute_script("CREATE TABLE deeds (doer int, step int, PRIMARY KEY (doer, step))")
        yield pool_client
        if not pool_client.is_disconnected:
            await assert_whole(pool_client)


async def backend() -> int:
    """Find the server's process behind the current connection."""
    (row,) = await fetch("SELECT pg_backend_pid() AS pid")
    return int(row["pid"])


async def do(doer: int, step: int) -> None:
    """Insert a row into the table `deeds`, in the current transaction."""
    await client().execute_insert("INSERT INTO deeds VALUES ($1, $2)", [doer, step])


async def deeds() -> list[tuple[int, int]]:
    """Return the rows of the table `deeds`."""
    rows = await client().execute_query_dict("SELECT doer, step FROM deeds ORDER BY doer, step")
    return [(row["doer"], row["step"]) for row in rows]


async def assert_whole(pool_client: Client) -> None:
    """Check for leaks: no connection is in use or in a transaction, and all of them can be used at once."""
    pool = pool_client.pool
    assert pool is not None
    async with asyncio.timeout(PATIENCE):
        await _all_returned(pool)
        everyone = asyncio.Barrier(pool.get_max_size())

        async def use() -> int:
            async with transaction():
                await everyone.wait()
                pid = await backend()
                await everyone.wait()
                return pid

        users = await asyncio.gather(*(use() for _ in range(pool.get_max_size())))
        assert len(set(users)) == pool.get_max_size()
        await _all_returned(pool)
    assert pool.get_size() == pool.get_max_size()
    async with asyncio.timeout(PATIENCE):
        # A terminated one may not have noticed it yet.
        while await pool_client.execute_query_dict(_IN_TRANSACTION):  # noqa: ASYNC110 - the server sends no event
            await asyncio.sleep(0.02)


async def _all_returned(pool: Pool[Record]) -> None:
    """Wait for all connections to return: the last ones may do so after the end of the task that used them."""
    while pool.get_size() != pool.get_idle_size():  # noqa: ASYNC110 - the pool sends no event
        await asyncio.sleep(0.01)


async def healthy_within_two_seconds() -> bool:
    begun = time.monotonic()
    is_healthy = await check_database_health()
    assert time.monotonic() - begun < 2 + 3  # a busy machine may hold up this process
    return is_healthy
