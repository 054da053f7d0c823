"""Giving downloads to workers, and taking them back from those that went silent."""

from __future__ import annotations

import logging
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from medianest_models.db.data_loader import Again, DataLoader
from medianest_models.db.statements import execute, fetch, fetch_one
from medianest_models.errors import MedianestError, StatementError
from medianest_models.models import YouTubeDownload
from medianest_models.repositories.downloads.policy import (
    CONFIGURED,
    LEASE,
    MAX_ATTEMPTS,
    MaxRunning,
    as_lease,
    as_max_running,
    as_worker_id,
)

if TYPE_CHECKING:
    from datetime import timedelta

    from asyncpg import Record

logger = logging.getLogger("medianest_models.downloads")

_INVALID_TRANSACTION_STATE: Final = "25000"

# Raw, because a limit over all workers needs a function in the database, which locks first and then counts.
_CLAIM: Final = "SELECT * FROM medianest_claim_download($1, $2, $3, $4)"

# Raw, because the ORM has no UPDATE with a subquery that locks and skips, nor RETURNING. Two things are there for the
# planner: the first LIMIT, because it takes the second one for a tenth of the queue (no more rows are locked than that
# one says), and the condition that is always true, after which it expects one row and keeps to the index of the ids.
_CLAIM_ANY: Final = """
WITH free AS MATERIALIZED (
    SELECT id FROM (
        SELECT id FROM youtube_downloads
        WHERE status = 'queued' AND scheduled_at <= statement_timestamp()
        ORDER BY priority DESC, scheduled_at, created_at
        LIMIT 200
        FOR UPDATE SKIP LOCKED
    ) AS next
    LIMIT (SELECT cardinality($1::text[]))
), claimed AS (
    SELECT id, row_number() OVER () AS number FROM free
)
UPDATE youtube_downloads SET
    status = 'downloading', attempts = attempts + 1, worker_id = ($1::text[])[number],
    lease_expires_at = clock_timestamp() + ($2::float8[])[number] * interval '1 second', progress = 0,
    started_at = clock_timestamp()
FROM claimed
WHERE youtube_downloads.id = claimed.id AND number % 1 = 0
RETURNING number, youtube_downloads.*
"""

# Raw: it compares which claim it was. A worker may have got the same download again.
_UNDO: Final = """
UPDATE youtube_downloads SET
    status = 'queued', attempts = attempts - 1, progress = 0, worker_id = NULL, lease_expires_at = NULL
WHERE id = $1 AND worker_id = $2 AND started_at = $3 AND status = 'downloading'
"""

# Raw, because claims do the same in the database.
_RELEASE_EXPIRED: Final = "SELECT medianest_release_expired_downloads($1) AS released"


async def claim(
    worker_id: str, *, lease: timedelta = LEASE, max_running: MaxRunning = CONFIGURED
) -> YouTubeDownload | None:
    """The next download, which from now on belongs to this worker; None when there is none, or no place for it.

    The highest priority goes first, then the earliest `scheduled_at`, then the earliest `created_at`. Downloads whose
    lease ran out are put back before, so that a worker that died is replaced; a claim without a limit does that when
    nothing else is free. In a transaction the claim counts from its commit, and claims with a limit wait for that. A
    claim without a limit that is cancelled, outside of a transaction, gives back what it may have got already, unless
    the event loop ends before the process is disconnected, or the database can't be reached: then that waits until
    its lease ends.

    Args:
        worker_id: A name that no two jobs have at the same time, in at most 255 characters: whoever knows it can
            change the download.
        lease: How long the download belongs to the worker without a sign of life, at most a year.
        max_running: How many downloads may run at once, over all workers, which should all say the same; None for
            any number.

    Raises:
        InvalidInputError: An argument is not as said above.
        StatementError: A claim with a limit in a transaction that is REPEATABLE READ or SERIALIZABLE, which does
            not see what others claim.
    """
    worker = as_worker_id(worker_id)
    as_lease(lease)
    if max_running is None:
        row = await _claim_any((worker, lease))
    else:
        row = await _claim_within(as_max_running(max_running), worker, lease)
    return None if row is None else YouTubeDownload.from_row(row)


async def release_expired() -> int:
    """Takes the downloads back from workers whose lease ran out.

    They go back to the queue at once, or fail for good after `MAX_ATTEMPTS` attempts. Claims do this too; run it
    by itself where no worker may be left. It can be interrupted at any time.

    Returns:
        How many downloads.
    """
    row = await fetch_one(_RELEASE_EXPIRED, MAX_ATTEMPTS)
    assert row is not None  # noqa: S101 - a SELECT of one value returns one row
    return int(row["released"])


async def _claim_within(limit: int | None, worker: str, lease: timedelta) -> Record | None:
    try:
        return await fetch_one(_CLAIM, worker, lease, limit, MAX_ATTEMPTS)
    except StatementError as error:
        if error.sqlstate != _INVALID_TRANSACTION_STATE:
            raise
    raise StatementError(
        "a claim with a limit needs READ COMMITTED: in another isolation it does not see what others claim",
        sqlstate=_INVALID_TRANSACTION_STATE,
    )


async def _claim_for(asked: list[tuple[str, timedelta]]) -> list[Record | Again | None]:
    """What workers get that have no limit, in the order in which they came."""
    claimed: list[Record | Again | None] = [*await _claim_free(asked)]
    if claimed:
        return claimed + [Again.TOGETHER] * (len(asked) - len(claimed))
    if await release_expired():
        claimed += await _claim_free(asked)
    return claimed + [None] * (len(asked) - len(claimed))


async def _claim_free(asked: list[tuple[str, timedelta]]) -> list[Record]:
    rows = await fetch(_CLAIM_ANY, [worker for worker, _ in asked], [lease.total_seconds() for _, lease in asked])
    return sorted(rows, key=itemgetter("number"))


async def _give_back(row: Record | None) -> None:
    if row is None:
        return
    try:
        await execute(_UNDO, row["id"], row["worker_id"], row["started_at"])
    except MedianestError as error:
        logger.warning("download %s was claimed for nobody, and waits until its lease ends: %s", row["id"], error)


_claim_any: Final = DataLoader(_claim_for, _give_back)
