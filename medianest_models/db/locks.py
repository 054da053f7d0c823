"""The advisory locks of this package, by number, and the two ways to take one.

Other applications on the same database must use other numbers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import IntEnum
from typing import Any, Final

import asyncpg

from medianest_models.db.statements import execute
from medianest_models.errors import DatabaseTimeoutError

_POLL_SECONDS: Final = 0.2


class AdvisoryLock(IntEnum):
    """Work that only one process or one transaction does at a time."""

    MIGRATING = 7_021_406_153_840_117_316
    SEEDING = 7_021_406_153_840_117_317
    BOOTSTRAPPING = 7_021_406_153_840_117_318
    RESETTING = 7_021_406_153_840_117_319
    IMPORTING = 7_021_406_153_840_117_320
    CLAIMING = 5_903_318_274_460_197_125
    """Taken by a function in the database, `medianest_claim_next_download`."""
    WATCHING = 7_021_406_153_840_117_321
    """Shared by those who listen for changes: while nobody does, the database notifies nobody."""
    CHANGING = 7_021_406_153_840_117_322
    """Shared by the transactions that have changed something, until they end."""
    DELETING_USERS = 7_021_406_153_840_117_323
    """Taken by a trigger of the table `users`."""


async def lock_in_transaction(lock: AdvisoryLock) -> None:
    """Hold a lock until the transaction ends; a DatabaseTimeoutError after waiting for `DATABASE_LOCK_TIMEOUT`."""
    await execute("SELECT pg_advisory_xact_lock($1)", lock)


@asynccontextmanager
async def session_lock(
    connection: asyncpg.Connection[Any], lock: AdvisoryLock, *, seconds: float, waiting: Callable[[], None]
) -> AsyncIterator[None]:
    """Hold a lock for the length of an `async with`, in the session of a connection that is no pool's.

    `waiting` is called once if another session holds it; after `seconds` it is a DatabaseTimeoutError.
    """
    deadline = time.monotonic() + seconds
    told = False
    # Polled: waiting inside pg_advisory_lock would hold a snapshot, for which CREATE INDEX CONCURRENTLY of another
    # process would wait, and PostgreSQL does not detect that deadlock.
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", lock):
        if time.monotonic() > deadline:
            raise DatabaseTimeoutError(f"another process was still {lock.name.lower()} after {seconds:g} s")
        if not told:
            waiting()
            told = True
        await asyncio.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", lock)
