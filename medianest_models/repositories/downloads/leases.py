"""What a worker does with a download that it has claimed.

Each operation is one UPDATE of a row that still belongs to the worker, so that one whose lease was lost changes
nothing. A lease that ran out is lost, whether or not someone else has the download by now. The time is the clock's
and not now(), which in a transaction is that of its beginning: such a lease would last too long or end too early.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from medianest_models.checks import as_text, as_uuid
from medianest_models.db.statements import fetch_one
from medianest_models.errors import InvalidInputError, LeaseLostError
from medianest_models.models import YouTubeDownload
from medianest_models.models.columns import as_column
from medianest_models.repositories.downloads.policy import (
    FIRST_RETRY_DELAY,
    LEASE,
    MAX_ATTEMPTS,
    as_lease,
    as_worker_id,
)
from medianest_models.repositories.downloads.queue import get

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from uuid import UUID

    from asyncpg import Record

_COMPLETE_PROGRESS: Final = 100

# All are raw, because the ORM's update() returns no row, and a row read before may be another's by now.

# Never to an earlier end than the worker has already.
_HEARTBEAT: Final = """
UPDATE youtube_downloads SET lease_expires_at = greatest(lease_expires_at, clock_timestamp() + $3::interval)
WHERE id = $1 AND worker_id = $2 AND status = 'downloading' AND lease_expires_at > clock_timestamp()
RETURNING id
"""

_REPORT_PROGRESS: Final = """
UPDATE youtube_downloads SET
    lease_expires_at = greatest(lease_expires_at, clock_timestamp() + $3::interval),
    progress = greatest(progress, $4)
WHERE id = $1 AND worker_id = $2 AND status = 'downloading' AND lease_expires_at > clock_timestamp()
RETURNING id
"""

_COMPLETE: Final = """
UPDATE youtube_downloads SET
    status = 'completed', progress = 100, completed_at = clock_timestamp(), lease_expires_at = NULL,
    error_message = NULL,
    file_paths = coalesce($3::jsonb, file_paths),
    plex_collection_id = coalesce($4, plex_collection_id),
    metadata = coalesce($5::jsonb, metadata)
WHERE id = $1 AND worker_id = $2 AND status = 'downloading' AND lease_expires_at > clock_timestamp()
RETURNING *
"""

# $4: whether to try again; $5: the most attempts; $6: the delay after the first.
_FAIL: Final = """
UPDATE youtube_downloads SET
    status = CASE WHEN $4 AND attempts < $5 THEN 'queued' ELSE 'failed' END,
    scheduled_at = CASE WHEN $4 AND attempts < $5
        THEN clock_timestamp() + $6::interval * 2 ^ (attempts - 1) ELSE scheduled_at END,
    progress = CASE WHEN $4 AND attempts < $5 THEN 0 ELSE progress END,
    worker_id = CASE WHEN $4 AND attempts < $5 THEN NULL ELSE worker_id END,
    completed_at = CASE WHEN $4 AND attempts < $5 THEN NULL ELSE clock_timestamp() END,
    lease_expires_at = NULL,
    error_message = $3
WHERE id = $1 AND worker_id = $2 AND status = 'downloading' AND lease_expires_at > clock_timestamp()
RETURNING *
"""

_RELEASE: Final = """
UPDATE youtube_downloads SET
    status = 'queued', attempts = attempts - 1, progress = 0, worker_id = NULL, lease_expires_at = NULL
WHERE id = $1 AND worker_id = $2 AND status = 'downloading' AND lease_expires_at > clock_timestamp()
RETURNING *
"""


async def heartbeat(download_id: UUID | str, *, worker_id: str, lease: timedelta = LEASE) -> None:
    """Keeps a download: it belongs to the worker for `lease` from now, or for as long as it did before.

    Args:
        download_id: The download.
        worker_id: The name under which it was claimed.
        lease: How long the worker may be silent from now on, at most a year.

    Raises:
        LeaseLostError: The download does not belong to this worker, or no longer.
        NotFoundError: There is no such download.
        InvalidInputError: An argument is not as said above.
    """
    await _update(_HEARTBEAT, download_id, worker_id, as_lease(lease))


async def report_progress(download_id: UUID | str, *, worker_id: str, progress: int, lease: timedelta = LEASE) -> None:
    """Says how far a download has come, and keeps it as `heartbeat` does.

    Args:
        download_id: The download.
        worker_id: The name under which it was claimed.
        progress: Percent, from 0 to 100. It never goes back: of reports that overtake each other the highest stays.
        lease: How long the worker may be silent from now on, at most a year.

    Raises:
        LeaseLostError: The download does not belong to this worker, or no longer.
        NotFoundError: There is no such download.
        InvalidInputError: An argument is not as said above.
    """
    if isinstance(progress, bool) or not isinstance(progress, int) or not 0 <= progress <= _COMPLETE_PROGRESS:
        raise InvalidInputError("progress: must be a whole number from 0 to 100")
    await _update(_REPORT_PROGRESS, download_id, worker_id, as_lease(lease), progress)


async def complete(
    download_id: UUID | str,
    *,
    worker_id: str,
    file_paths: Sequence[str] | None = None,
    plex_collection_id: str | None = None,
    metadata: dict[str, Any] | None = None,
) -> YouTubeDownload:
    """Ends a download that succeeded.

    Args:
        download_id: The download.
        worker_id: The name under which it was claimed.
        file_paths: The files it made.
        plex_collection_id: The collection they are in, in at most 255 characters.
        metadata: A JSON document that replaces the one there is; None leaves it.

    Raises:
        LeaseLostError: The download does not belong to this worker, or no longer.
        NotFoundError: There is no such download.
        InvalidInputError: An argument is not as said above.
    """
    row = await _update(
        _COMPLETE,
        download_id,
        worker_id,
        _as_paths(file_paths),
        as_column(YouTubeDownload, "plex_collection_id", plex_collection_id),
        as_column(YouTubeDownload, "metadata", metadata),
    )
    return YouTubeDownload.from_row(row)


async def fail(download_id: UUID | str, *, worker_id: str, error_message: str, retry: bool = True) -> YouTubeDownload:
    """Ends an attempt that did not succeed.

    The download goes back to the queue, to be tried again after a minute and then after two (`FIRST_RETRY_DELAY`,
    doubled each time); after `MAX_ATTEMPTS` attempts it is `failed` for good.

    Args:
        download_id: The download.
        worker_id: The name under which it was claimed.
        error_message: What went wrong, for people. It is shown: no secrets.
        retry: Whether another attempt may help; False fails the download for good at once.

    Raises:
        LeaseLostError: The download does not belong to this worker, or no longer.
        NotFoundError: There is no such download.
        InvalidInputError: An argument is not as said above.
    """
    row = await _update(
        _FAIL,
        download_id,
        worker_id,
        as_column(YouTubeDownload, "error_message", error_message),
        retry,
        MAX_ATTEMPTS,
        FIRST_RETRY_DELAY,
    )
    return YouTubeDownload.from_row(row)


async def release(download_id: UUID | str, *, worker_id: str) -> YouTubeDownload:
    """Gives a download back that the worker can't finish, because it is being stopped.

    Another worker can claim it at once, at its old place in the queue, and the attempt does not count.

    Args:
        download_id: The download.
        worker_id: The name under which it was claimed.

    Raises:
        LeaseLostError: The download does not belong to this worker, or no longer.
        NotFoundError: There is no such download.
        InvalidInputError: An argument is not as said above.
    """
    return YouTubeDownload.from_row(await _update(_RELEASE, download_id, worker_id))


async def _update(sql: str, download_id: UUID | str, worker_id: str, *values: Any) -> Record:
    """The row that a statement returns which changes only a download of that worker's."""
    key, worker = as_uuid(download_id, "download_id"), as_worker_id(worker_id)
    row = await fetch_one(sql, key, worker, *values)
    if row is None:
        await get(key)
        raise LeaseLostError(f"download {key} does not belong to this worker, or no longer: stop working on it")
    return row


def _as_paths(file_paths: Sequence[str] | None) -> Any:
    if file_paths is None:
        return None
    if isinstance(file_paths, (str, bytes)):
        raise InvalidInputError("file_paths: must be a list of texts, not one text")
    return as_column(YouTubeDownload, "file_paths", [as_text(path, "file_paths") for path in file_paths])
