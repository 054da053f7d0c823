"""The advisory locks of this package, by number, and the two ways to take one.

Whoever uses the same database takes other numbers.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from medianest_models.db.statements import execute
from medianest_models.errors import DatabaseTimeoutError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import asyncpg

_POLL_SECONDS: Final = 0.2


class AdvisoryLock(IntEnum):
    """The work that one process, or one transaction, at a time does."""

    MIGRATING = 7_021_406_153_840_117_316
    SEEDING = 7_021_406_153_840_117_317
    BOOTSTRAPPING = 7_021_406_153_840_117_318
    RESETTING = 7_021_406_153_840_117_319
    CLAIMING = 5_903_318_274_460_197_125
    """Taken by a function in the database, `medianest_claim_download`."""


async def lock_in_transaction(lock: AdvisoryLock) -> None:
    """Wait for a lock, and hold it until the current transaction ends.

    Raises:
        DatabaseTimeoutError: Another transaction held it for longer than `DATABASE_LOCK_TIMEOUT`.
    """
    await execute("SELECT pg_advisory_xact_lock($1)", lock)


@asynccontextmanager
async def session_lock(
    connection: asyncpg.Connection[Any], lock: AdvisoryLock, *, seconds: float, waiting: Callable[[], None]
) -> AsyncIterator[None]:
    """Hold a lock for the length of an `async with`, in the session of a connection that is no pool's.

    Raises:
        DatabaseTimeoutError: Another session held it for longer than `seconds`; `waiting` was called once before.
    """
    deadline = time.monotonic() + seconds
    told = False
    # Asked for again and again: to wait inside pg_advisory_lock holds a snapshot, for which another process's
    # CREATE INDEX CONCURRENTLY waits in turn, and PostgreSQL sees no deadlock in that.
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
