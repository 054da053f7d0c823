"""The operations of a worker on its claimed download.

Each operation is one UPDATE of a row that still belongs to the worker, so that a worker whose lease was lost changes
nothing. An expired lease is lost, even if nobody else has claimed the download yet. The lease of a deleted download is
lost too, because it can't be told from a download that never existed. The time is clock_timestamp() and not now(),
which in a transaction is the time of its beginning, so that leases would last too long or end too early.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from asyncpg import Record

from medianest_models.checks import as_duration, as_text, as_uuid, as_whole
from medianest_models.db.statements import fetch_one
from medianest_models.errors import DownloadCancelledError, InvalidInputError, LeaseLostError
from medianest_models.models import YouTubeDownload
from medianest_models.models.columns import as_column

LEASE: Final = timedelta(minutes=5)
"""The longest silence of a worker, unless it asks for another lease."""

LONGEST_LEASE: Final = timedelta(days=365)
"""A lease may not be longer: Python has no instant after the year 9999."""

MAX_ATTEMPTS: Final = 3
"""The number of claims after which a download fails for good."""

FIRST_RETRY_DELAY: Final = timedelta(minutes=1)
"""The wait after the first attempt that failed; twice as long after each further one."""

BACK_IN_QUEUE: Final = (
    "status = 'queued', attempts = attempts - 1, progress = 0, worker_id = NULL, lease_expires_at = NULL"
)
"""The columns of a download whose attempt does not count, in SQL."""

_COMPLETE_PROGRESS: Final = 100

# Raw, because the ORM's update() returns no row, and a row that was read before may belong to another worker by now.
# The planner does not look into CASE: from statistics without a running download it would not look for the id, but
# through all that run.
_UPDATE: Final = """
UPDATE youtube_downloads SET {}
WHERE id = $1 AND CASE status WHEN 'downloading' THEN worker_id = $2 AND lease_expires_at > clock_timestamp() END
RETURNING *
"""

# The lease never gets shorter, and the progress never decreases; $4 is NULL for no progress.
_KEEP: Final = """
    lease_expires_at = greatest(lease_expires_at, clock_timestamp() + $3 * interval '1 second'),
    progress = greatest(progress, $4)
"""

# Raw, to be as short as it is; a worker that gave its own download this message is told the same.
_WAS_CANCELLED: Final = """
SELECT worker_id = $2 AND status = 'failed' AND error_message = 'cancelled' AS was_cancelled
FROM youtube_downloads WHERE id = $1
"""

_COMPLETE: Final = """
    status = 'completed', progress = 100, completed_at = clock_timestamp(), lease_expires_at = NULL,
    error_message = NULL,
    file_paths = coalesce($3::jsonb, file_paths),
    plex_collection_id = coalesce($4, plex_collection_id),
    metadata = coalesce($5::jsonb, metadata)
"""

# $4: whether to try again; $5: the most attempts; $6: the delay after the first, in seconds.
_FAIL: Final = """
    status = CASE WHEN $4 AND attempts < $5 THEN 'queued' ELSE 'failed' END,
    scheduled_at = CASE WHEN $4 AND attempts < $5
        THEN clock_timestamp() + $6 * interval '1 second' * 2 ^ (attempts - 1) ELSE scheduled_at END,
    progress = CASE WHEN $4 AND attempts < $5 THEN 0 ELSE progress END,
    worker_id = CASE WHEN $4 AND attempts < $5 THEN NULL ELSE worker_id END,
    completed_at = CASE WHEN $4 AND attempts < $5 THEN NULL ELSE clock_timestamp() END,
    lease_expires_at = NULL,
    error_message = $3
"""


async def heartbeat(download_id: UUID | str, *, worker_id: str, lease: timedelta = LEASE) -> None:
    """Keep a download for `lease` from now, at most a year, or for as long as the worker had it anyway.

    Raises:
        LeaseLostError: The download does not belong to this worker, or no longer, or is gone.
        DownloadCancelledError: The reason is that it was cancelled.
    """
    await _update(_KEEP, download_id, worker_id, as_lease(lease), None)


async def report_progress(download_id: UUID | str, *, worker_id: str, progress: int, lease: timedelta = LEASE) -> None:
    """Say how many percent of a download are there, from 0 to 100, and keep it as `heartbeat` does.

    It never goes back: of reports that overtake each other the highest stays.

    Raises:
        LeaseLostError: As for `heartbeat`.
    """
    as_whole(progress, "progress", 0, _COMPLETE_PROGRESS)
    await _update(_KEEP, download_id, worker_id, as_lease(lease), progress)


async def complete(
    download_id: UUID | str,
    *,
    worker_id: str,
    file_paths: Sequence[str] | None = None,
    plex_collection_id: str | None = None,
    metadata: dict[str, Any] | None = None,
) -> YouTubeDownload:
    """End a download that succeeded, with the files it made and the id of their collection, of at most 255 characters.

    The metadata are a JSON document that replaces the one there is; None leaves it.

    Raises:
        LeaseLostError: As for `heartbeat`.
    """
    collection = as_column(YouTubeDownload, "plex_collection_id", plex_collection_id)
    document = as_column(YouTubeDownload, "metadata", metadata)
    row = await _update(_COMPLETE, download_id, worker_id, _as_paths(file_paths), collection, document)
    return YouTubeDownload.from_row(row)


async def fail(download_id: UUID | str, *, worker_id: str, error_message: str, retry: bool = True) -> YouTubeDownload:
    """End a failed attempt.

    The download goes back to the queue, to be tried again after a minute and then after two (`FIRST_RETRY_DELAY`,
    doubled each time); after `MAX_ATTEMPTS` attempts, or at once without `retry`, it is `failed` for good. The error
    message is shown to people: no secrets.

    Raises:
        LeaseLostError: As for `heartbeat`.
    """
    message = as_column(YouTubeDownload, "error_message", error_message)
    delay = FIRST_RETRY_DELAY.total_seconds()
    row = await _update(_FAIL, download_id, worker_id, message, retry, MAX_ATTEMPTS, delay)
    return YouTubeDownload.from_row(row)


async def release(download_id: UUID | str, *, worker_id: str) -> YouTubeDownload:
    """Return a download to the queue that the worker can't finish, because it is being stopped.

    Another worker can claim it at once, at its old place in the queue, and the attempt does not count.

    Raises:
        LeaseLostError: As for `heartbeat`.
    """
    return YouTubeDownload.from_row(await _update(BACK_IN_QUEUE, download_id, worker_id))


async def _update(changes: str, download_id: UUID | str, worker_id: str, *values: Any) -> Record:
    """Change a download only if it belongs to this worker."""
    key = as_uuid(download_id, "download_id")
    row = await fetch_one(_UPDATE.format(changes), key, as_worker_id(worker_id), *values)
    if row is None:
        found = await fetch_one(_WAS_CANCELLED, key, worker_id)
        if found is not None and found["was_cancelled"]:
            raise DownloadCancelledError(f"download {key} was cancelled: stop working on it")
        raise LeaseLostError(f"download {key} does not belong to this worker, or no longer: stop working on it")
    return row


def _as_paths(file_paths: Sequence[str] | None) -> Any:
    if file_paths is None:
        return None
    if isinstance(file_paths, (str, bytes)):
        raise InvalidInputError("file_paths: must be a list of texts, not one text")
    return as_column(YouTubeDownload, "file_paths", [as_text(path, "file_paths") for path in file_paths])


def as_worker_id(value: str) -> str:
    """Return the worker's id, a text of 1 to 255 characters."""
    return as_text(value, "worker_id", max_length=255)


def as_lease(value: timedelta) -> float:
    """Return the lease in seconds, because the driver sends a day as a calendar's, which may have 23 hours."""
    if as_duration(value, "lease") > LONGEST_LEASE:
        raise InvalidInputError(f"lease: must be at most {LONGEST_LEASE.days} days")
    return value.total_seconds()
