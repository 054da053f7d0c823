"""Claiming downloads for workers, and taking them back when a lease expires."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from enum import Enum
from typing import Any, Final, Literal, TypeAlias

from asyncpg import Record

from medianest_models.checks import MAX_INT, as_positive
from medianest_models.db.replicas import on_primary
from medianest_models.db.statements import Connection, StatementClient, current_client, fetch, fetch_one
from medianest_models.db.transaction_client import TransactionClient
from medianest_models.db.transactions import transaction
from medianest_models.errors import StatementError
from medianest_models.models import YouTubeDownload
from medianest_models.repositories.downloads.leases import BACK_IN_QUEUE, LEASE, MAX_ATTEMPTS, as_lease, as_worker_id

logger = logging.getLogger("medianest_models.downloads")

_INVALID_TRANSACTION_STATE: Final = "25000"

# Raw, because a limit over all workers needs a database function that locks first and then counts.
_CLAIM: Final = "SELECT * FROM medianest_claim_next_download($1, $2, $3, $4)"

# Raw: it matches this claim only, because the worker may have claimed the same download again.
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


@on_primary
async def claim(
    worker_id: str, *, lease: timedelta = LEASE, max_running: MaxRunning = CONFIGURED
) -> YouTubeDownload | None:
    """Claim the next download for this worker.

    The highest priority goes first; then users take turns (`turn`); then the earliest `scheduled_at` goes first, then
    the earliest `created_at`. Nothing is claimed during a `pause`. Downloads with an expired lease go back to the queue
    before, so that another worker replaces a dead one; a claim without a limit does this only if no other download is
    free. In a transaction, the claim takes effect on commit, and other claims with a limit wait for that. If it is
    cancelled during the commit, the claim may have taken effect: the download then waits until its lease expires.

    A user with as many running downloads as the setting `youtube.concurrent_downloads_per_user` allows is passed over.
    With that setting, every claim is one with a limit.

    A claim that is cancelled or times out ends at once and leaves nothing claimed: a download that the database still
    returns goes back to the queue before this process is disconnected, and the attempt does not count. This fails if
    the connection fails, the process is killed, the event loop ends without `disconnect_database()`, or the claim still
    waits for a lock after disconnecting has waited for 10 seconds: the download then waits until its lease expires.

    Args:
        worker_id: A name of at most 255 characters that only one job has at a time: any caller who knows it can change
            the download.
        lease: The time for which the download belongs to the worker without a heartbeat, at most a year.
        max_running: The maximum number of running downloads of all workers, which should all pass the same value; None
            for no limit.

    Returns:
        The download; None if the queue has none, or if the limit is reached.

    Raises:
        StatementError: The claim has a limit, and the transaction is REPEATABLE READ or SERIALIZABLE, so that it does
            not see the claims of others.
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
    """Take back the downloads with an expired lease, and return their number.

    They go back to the queue at once, or fail permanently after `MAX_ATTEMPTS` attempts. Claims do this too; call it
    separately if no worker may be left. It can be interrupted at any time.
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
        async with transaction():  # a savepoint: it undoes a cancelled claim, even if the rest is committed
            return await fetch_one(_CLAIM, *arguments)
    return await _Handover(client, *arguments).receive()


class _Handover:
    """A claim that runs to its end in its own task, even if its caller is cancelled.

    The task keeps its connection until the caller has received the download, or the download is back in the queue:
    closing the pool waits for connections in use.
    """

    def __init__(self, client: StatementClient, *arguments: Any) -> None:
        self._row: asyncio.Future[Record | None] = asyncio.get_running_loop().create_future()
        self._caller_went_on = asyncio.Event()
        self._is_asked = self._is_received = False
        self._task = asyncio.create_task(self._give(client, *arguments))
        _tasks.add(self._task)
        self._task.add_done_callback(_tasks.discard)

    async def receive(self) -> Record | None:
        """Wait for the row, in the caller's task."""
        try:
            row = await self._row
            self._is_received = True
        finally:
            self._caller_went_on.set()
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
            self._row.cancel()  # if this task was cancelled, as at the event loop's end

    async def _claim_on(self, connection: Connection, sql: str, *arguments: Any) -> None:
        self._is_asked = True
        row = await connection.fetchrow(sql, *arguments)
        if not self._row.done():
            self._row.set_result(row)
            await self._caller_went_on.wait()
        if row is None or self._is_received:
            return
        try:
            await connection.execute(_GIVE_BACK, row["id"], row["worker_id"], row["started_at"])
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody waits for this
            problem = type(error).__name__
            logger.warning("download %s was claimed for nobody and waits until its lease ends: %s", row["id"], problem)
