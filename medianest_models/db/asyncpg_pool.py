"""asyncpg's pool, inside the client: how it is opened, and how to tell that all of its connections are in use."""

from __future__ import annotations

import logging
from time import monotonic
from typing import Any

import asyncpg

from medianest_models.db.forks import ForkSafeConnection
from medianest_models.db.hosts import open_connection
from medianest_models.db.statements import Connection
from medianest_models.errors import DatabaseTimeoutError
from medianest_models.settings import DatabaseUrl


def _strip_traceback(record: logging.LogRecord) -> bool:
    """Log an exception by its name: while a server is gone, asyncpg tells a traceback a try to keep connections."""
    if record.exc_info and record.exc_info[0]:
        record.msg, record.exc_info = f"{record.msg}: {record.exc_info[0].__name__}", None
    return True


logging.getLogger("asyncpg.pool").addFilter(_strip_traceback)


async def open_pool(
    url: DatabaseUrl, *, least: int, most: int, resets: bool, **options: Any
) -> asyncpg.Pool[asyncpg.Record]:
    """Open a pool, each connection of which notes when the search for its server was `begun`, by `monotonic`.

    Args:
        url: Where its connections lead.
        least: The number of connections that are opened at once.
        most: The number that may be open.
        resets: As of `Client`.
        **options: Those of `open_connection`.
    """

    async def connect(*_: Any, **__: Any) -> ForkSafeConnection:  # asyncpg adds arguments of its own
        begun = monotonic()
        made = await open_connection(url, **options)
        made.notes["begun"] = begun
        return made

    return await asyncpg.create_pool(
        connect=connect,
        connection_class=ForkSafeConnection,
        reset=None if resets else _keep_session,
        setup=_lift_time_limit if resets else None,
        min_size=least,
        max_size=most,
    )


async def _keep_session(connection: asyncpg.Connection[Any]) -> None:
    """Let a connection go back to its pool as it is, which saves a round trip a statement.

    asyncpg rolls back an open transaction all the same. Nothing in this package leaves anything else in a session: what
    has to listen, or to hold a lock for longer than a transaction, takes a connection of its own.
    """


async def _lift_time_limit(connection: Connection) -> None:
    """Let a migration's transaction take its time, where the server could limit that (PostgreSQL 17)."""
    await connection.execute("SELECT set_config(name, '0', FALSE) FROM pg_settings WHERE name = 'transaction_timeout'")


def is_exhausted(pool: asyncpg.Pool[asyncpg.Record]) -> bool:
    """Return whether all connections that a pool can have are in use."""
    return pool.get_size() - pool.get_idle_size() >= pool.get_max_size()


def exhausted(pool: asyncpg.Pool[asyncpg.Record], seconds: float | None) -> DatabaseTimeoutError:
    """Make the error for having waited so many seconds for a connection of an exhausted pool."""
    in_use = pool.get_max_size()
    return DatabaseTimeoutError(
        f"no connection became free within {seconds or 0:g} s: {in_use} of the pool's {in_use} are in use; "
        "shorten the transactions, or raise DATABASE_POOL_MAX",
        sent=False,
    )
