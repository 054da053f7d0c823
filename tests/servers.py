"""Plain connections to the servers that the tests run against, without the code under test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg

from medianest_models.settings import DatabaseUrl, load_settings


async def connect(url: DatabaseUrl) -> asyncpg.Connection[Any]:
    """Open a plain connection, past a PgBouncer."""
    if url.pgbouncer and (direct := load_settings().direct_url()):
        url = replace(direct, database=url.database)
    connection: asyncpg.Connection[Any] = await asyncpg.connect(**url.connect_arguments(), timeout=20)
    return connection


@asynccontextmanager
async def connection_to(url: DatabaseUrl) -> AsyncIterator[asyncpg.Connection[Any]]:
    """Lend a plain connection for the length of an `async with`."""
    connection = await connect(url)
    try:
        yield connection
    finally:
        await connection.close()
