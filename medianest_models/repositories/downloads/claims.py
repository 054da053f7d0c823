"""Giving downloads to workers, and taking them back from those that went silent."""

from __future__ import annotations

import asyncio
import logging
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from medianest_models.checks import MAX_INT, as_positive
from medianest_models.db.statements import current_client, fetch, fetch_one
from medianest_models.db.transaction_client import TransactionClient
from medianest_models.db.transactions import transaction
from medianest_models.errors import StatementError
from medianest_models.models import YouTubeDownload
from medianest_models.repositories.downloads.leases import BACK_IN_QUEUE, LEASE, MAX_ATTEMPTS, as_lease, as_worker_id

if TYPE_CHECKING:
    from datetime import timedelta

    from asyncpg import Record

    from medianest_models.db.statements import Connection, StatementClient

logger = logging.getLogger("medianest_models.downloads")

_INVALID_TRANSACTION_STATE: Final = "25000"

# Raw, because a limit over all workers needs a function in the database, which locks first and then counts.
_CLAIM: Final = "SELECT * FROM medianest_claim_next_download($1, $2, $3, $4)"

# Raw: it compares which claim it was. The worker may have got the same download again.
_GIVE_BACK: Final = f"""
UPDATE youtube_downloads SET {BACK_IN_QUEUE}
WHERE id = $1 AND worker_id = $2 AND started_at = $3 AND status = 'downloading'
"""  # noqa: S608 - constants

# Raw, because claims do the same in the database.
_RELEASE_EXPIRED: Final = "SELECT medianest_release_expired_downloads($1) AS released"


class Configured(Enum):
    """The type of `CONFIGURED`."""

    CONFIGURED = "configured"


CONFIGURED: Final = Configured.CONFIGURED
"""As `max_running`: what the setting `youtube.concurrent_downloads` says: 3 if that is no number, none below 1."""

MaxRunning: TypeAlias = int | Literal[Configured.CONFIGURED] | None
"""The number of downloads that may run at once, over all workers; None for any number."""

_tasks: Final[set[asyncio.Task[None]]] = set()  # the event loop keeps weak references only


async def claim(
    worker_id: str, *, lease: timedelta = LEASE, max_running: MaxRunning = CONFIGURED
) -> YouTubeDownload | None:
    """Claim the next download, which from now on belongs to this worker.

    The highest priority goes first, then the earliest `scheduled_at`, then the earliest `created_at`. Downloads whose
    lease ran out are put back before, so that a worker that died is replaced; a claim without a limit does that when
    nothing else is free. In a transaction the claim counts from its commit, and claims with a limit wait for that; who
    is cancelled during the commit may have claimed, and the download then waits until its lease ends.

    A claim that is cancelled, by a time limit too, ends at once and leaves nothing claimed: what the database still
    gives it goes back to the queue, the attempt uncounted, before this process is disconnected. It can't where the
    connection fails, the process is killed, the event loop ends without `disconnect_database()`, or a lock is waited
    for when that has waited for 10 seconds: such a download waits until its lease ends.

    Args:
        worker_id: A name that no two jobs have at the same time, in at most 255 characters: whoever knows it can
            change the download.
        lease: How long the download belongs to the worker without a sign of life, at most a year.
        max_running: How many downloads may run at once, over all workers, which should all say the same; None for
            any number.

    Returns:
        The download; None when there is none, or no place for it.

    Raises:
        StatementError: A claim with a limit in a transaction that is REPEATABLE READ or SERIALIZABLE, which does
            not see what others claim.
    """
    worker, seconds = as_worker_id(worker_id), as_lease(lease)
    try:
        row = await _claim(worker, seconds, as_max_running(max_running), MAX_ATTEMPTS)
    except StatementError as error:
        if error.sqlstate != _INVALID_TRANSACTION_STATE:
            raise
    else:
        return None if row is None else YouTubeDownload.from_row(row)
    raise StatementError(
        "a claim with a limit needs READ COMMITTED: in another isolation it does not see what others claim",
        sqlstate=_INVALID_TRANSACTION_STATE,
    )


async def release_expired() -> int:
    """Take the downloads back from workers whose lease ran out, and return how many.

    They go back to the queue at once, or fail for good after `MAX_ATTEMPTS` attempts. Claims do this too; run it
    by itself where no worker may be left. It can be interrupted at any time.
    """
    (row,) = await fetch(_RELEASE_EXPIRED, MAX_ATTEMPTS)
    return int(row["released"])


def as_max_running(value: MaxRunning) -> int | None:
    """Return the number as the database takes it: the largest int for any number, None for the configured one."""
    if value is None:
        return MAX_INT
    return None if value is CONFIGURED else as_positive(value, "max_running")


async def _claim(*arguments: Any) -> Record | None:
    client = current_client()
    if isinstance(client, TransactionClient):
        async with transaction():  # nested: a claim that is cancelled is undone, whatever becomes of the rest
            return await fetch_one(_CLAIM, *arguments)
    return await _Handover(client, *arguments).receive()


class _Handover:
    """A claim that runs to its end in a task of its own, whatever becomes of its caller.

    The task keeps its connection until the caller has the download, or the queue has it again: closing the pool waits
    for connections in use.
    """

    def __init__(self, client: StatementClient, *arguments: Any) -> None:
        self._row: asyncio.Future[Record | None] = asyncio.get_running_loop().create_future()
        self._is_received: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._is_asked = False
        self._task = asyncio.create_task(self._give(client, *arguments))
        _tasks.add(self._task)
        self._task.add_done_callback(_tasks.discard)

    async def receive(self) -> Record | None:
        """Wait for the row, in the caller's task."""
        is_received = False
        try:
            row = await self._row
            is_received = True
        finally:
            self._is_received.set_result(is_received)
            if not self._is_asked:
                self._task.cancel()
        return row

    async def _give(self, client: StatementClient, *arguments: Any) -> None:
        try:
            await client.run(self._claim_on, _CLAIM, *arguments)
        except Exception as error:  # noqa: BLE001 - the caller raises it
            if not self._row.done():
                self._row.set_exception(error)
        finally:
            self._row.cancel()  # where this task was cancelled, as at the event loop's end

    async def _claim_on(self, connection: Connection, sql: str, *arguments: Any) -> None:
        self._is_asked = True
        row = await connection.fetchrow(sql, *arguments)
        if not self._row.done():
            self._row.set_result(row)
        if await self._is_received or row is None:
            return
        try:
            await connection.execute(_GIVE_BACK, row["id"], row["worker_id"], row["started_at"])
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody waits for this
            problem = type(error).__name__
            logger.warning("download %s was claimed for nobody and waits until its lease ends: %s", row["id"], problem)
