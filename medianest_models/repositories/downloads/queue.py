"""The users' side of the queue: adding, listing, cancelling and repeating downloads, and deleting old ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from pydantic import BaseModel
from typing_extensions import TypeVar

from medianest_models.checks import as_aware, as_text, as_uuid
from medianest_models.db.statements import fetch, fetch_one
from medianest_models.enums import DownloadPriority, DownloadStatus
from medianest_models.errors import DuplicateDownloadError, InvalidInputError, InvalidTransitionError, NotFoundError
from medianest_models.models import YouTubeDownload
from medianest_models.models.base import new_id
from medianest_models.models.columns import as_column
from medianest_models.pagination import PaginatedResult, PaginationParams, paginate
from medianest_models.repositories._bulk import BATCH_SIZE, count_by_status, delete_in_batches, instant_of

DownloadT = TypeVar("DownloadT", bound=BaseModel | YouTubeDownload, default=YouTubeDownload)

_MAX_URL_LENGTH: Final = 2048

# Raw, because the conflicting download must be found in the same statement: DO UPDATE, which changes nothing, waits for
# that row and returns it. DO NOTHING may return no row, and a second statement may come too late.
_ENQUEUE: Final = """
INSERT INTO youtube_downloads (id, user_id, playlist_url, priority, playlist_title, metadata, scheduled_at)
VALUES ($1, $2, $3, $4, $5, $6::jsonb, coalesce($7::timestamptz, now()))
ON CONFLICT (user_id, playlist_url) WHERE status IN ('queued', 'downloading')
DO UPDATE SET playlist_url = EXCLUDED.playlist_url
RETURNING *
"""

# Raw, for the same reason. They are inserted in the order of the list, in which the trigger gives them their turns; a
# microsecond each keeps that order among those that are scheduled.
_ENQUEUE_MANY: Final = """
INSERT INTO youtube_downloads (id, user_id, playlist_url, priority, scheduled_at, created_at)
SELECT id, $1, playlist_url, $2, coalesce($3::timestamptz, now()), now() + number * interval '1 microsecond'
FROM unnest($4::uuid[], $5::text[]) WITH ORDINALITY AS given (id, playlist_url, number)
ORDER BY number
ON CONFLICT (user_id, playlist_url) WHERE status IN ('queued', 'downloading')
DO UPDATE SET playlist_url = EXCLUDED.playlist_url
RETURNING *
"""

# Raw, because one statement checks and changes the download's status, and returns the row. CASE hides the status from
# the planner, as in `leases`.
_CANCEL: Final = """
UPDATE youtube_downloads
SET status = 'failed', error_message = 'cancelled', lease_expires_at = NULL, completed_at = clock_timestamp()
WHERE id = $1 AND CASE WHEN status IN ('queued', 'downloading') THEN TRUE END
RETURNING *
"""

# Raw, for the same reason.
_REQUEUE: Final = """
UPDATE youtube_downloads
SET status = 'queued', attempts = 0, progress = 0, worker_id = NULL, error_message = NULL,
    scheduled_at = clock_timestamp(), started_at = NULL, completed_at = NULL
WHERE id = $1 AND CASE status WHEN 'failed' THEN TRUE END
RETURNING *
"""

# Raw, because the ORM has no DELETE with a LIMIT. What ended long ago was created even before, and that has an index.
_PRUNE: Final = """
DELETE FROM youtube_downloads WHERE id = ANY (ARRAY(
    SELECT id FROM youtube_downloads
    WHERE status IN ('completed', 'failed') AND created_at < $1 AND coalesce(completed_at, created_at) < $1
    LIMIT $2
    FOR UPDATE SKIP LOCKED
))
"""


class Enqueued(NamedTuple):
    """The downloads of the playlists given to `enqueue_many`, each in the order given.

    Attributes:
        made: Those that were added to the queue.
        already_active: Those that were waiting or running before.
    """

    made: list[YouTubeDownload]
    already_active: list[YouTubeDownload]


async def enqueue(
    user_id: UUID | str,
    *,
    playlist_url: str,
    priority: DownloadPriority = DownloadPriority.NORMAL,
    playlist_title: str | None = None,
    metadata: dict[str, Any] | None = None,
    scheduled_at: datetime | None = None,
) -> YouTubeDownload:
    """Add a download to the queue and wake the waiting workers.

    The playlist's URL has at most 2,048 characters, and its title at most 500; the metadata are a JSON document to
    store with it. The highest priority goes first, and nothing before it is scheduled, which is now by default. Among
    equal priorities users take turns. While a transaction with this is open, the user's next call waits for its end.

    Raises:
        DuplicateDownloadError: This user already has an active download of this playlist: `download_id` is its id.
        InvalidReferenceError: There is no such user.
    """
    download_id = new_id()
    (row,) = await fetch(
        _ENQUEUE,
        download_id,
        as_uuid(user_id, "user_id"),
        as_text(playlist_url, "playlist_url", max_length=_MAX_URL_LENGTH),
        as_column(YouTubeDownload, "priority", priority),
        as_column(YouTubeDownload, "playlist_title", playlist_title),
        as_column(YouTubeDownload, "metadata", metadata),
        None if scheduled_at is None else as_aware(scheduled_at, "scheduled_at"),
    )
    download = YouTubeDownload.from_row(row)
    if download.id != download_id:
        error = DuplicateDownloadError(
            f"this user already has an active download of this playlist: {download.id}",
            constraint="uq_youtube_downloads_user_id_playlist_url",
        )
        error.download_id = download.id
        raise error
    return download


async def enqueue_many(
    user_id: UUID | str,
    *,
    playlist_urls: Sequence[str],
    priority: DownloadPriority = DownloadPriority.NORMAL,
    scheduled_at: datetime | None = None,
) -> Enqueued:
    """Add a download of each playlist to the queue, in one statement: all that are not active yet, or none.

    They are done in the order given; a URL that is given twice counts once. The other arguments are `enqueue`'s.

    Raises:
        InvalidReferenceError: There is no such user.
    """
    if isinstance(playlist_urls, (str, bytes)):
        raise InvalidInputError("playlist_urls: must be a list of texts, not one text")
    urls = list(dict.fromkeys(as_text(url, "playlist_urls", max_length=_MAX_URL_LENGTH) for url in playlist_urls))
    ids = [new_id() for _ in urls]
    rows = await fetch(
        _ENQUEUE_MANY,
        as_uuid(user_id, "user_id"),
        as_column(YouTubeDownload, "priority", priority),
        None if scheduled_at is None else as_aware(scheduled_at, "scheduled_at"),
        ids,
        urls,
    )
    by_url = {row["playlist_url"]: YouTubeDownload.from_row(row) for row in rows}
    made = set(ids)
    downloads = [by_url[url] for url in urls]
    return Enqueued([one for one in downloads if one.id in made], [one for one in downloads if one.id not in made])


async def get(download_id: UUID | str) -> YouTubeDownload:
    """Return the download with this id.

    Raises:
        NotFoundError: There is no such download.
    """
    key = as_uuid(download_id, "download_id")
    download = await YouTubeDownload.get_or_none(id=key)
    if download is None:
        raise NotFoundError(f"there is no download {key}")
    return download


async def cancel(download_id: UUID | str) -> YouTubeDownload:
    """Cancel a waiting or running download: its status becomes `failed`, and its error message "cancelled".

    The next heartbeat of its worker raises a `DownloadCancelledError`.

    Raises:
        NotFoundError: There is no such download.
        InvalidTransitionError: It has ended already.
    """
    key = as_uuid(download_id, "download_id")
    row = await fetch_one(_CANCEL, key)
    if row is None:
        ended = await get(key)
        raise InvalidTransitionError(f"download {key} can't be cancelled: it is {ended.status}")
    return YouTubeDownload.from_row(row)


async def requeue(download_id: UUID | str) -> YouTubeDownload:
    """Put a failed download back into the queue, as if it had just been added: its attempts begin anew.

    Raises:
        NotFoundError: There is no such download.
        InvalidTransitionError: It has not failed.
        DuplicateDownloadError: Its user has another active download of the playlist by now.
    """
    key = as_uuid(download_id, "download_id")
    row = await fetch_one(_REQUEUE, key)
    if row is None:
        found = await get(key)
        raise InvalidTransitionError(f"download {key} can't be put back into the queue: it is {found.status}")
    return YouTubeDownload.from_row(row)


async def prune(older_than: timedelta | datetime, *, batch_size: int = BATCH_SIZE) -> int:
    """Delete the downloads that ended longer ago than an age, or before an instant, and return their number.

    It can be stopped at any time, and the downloads deleted so far stay deleted; several processes may run it at once.
    Each time it deletes `batch_size` downloads, in a transaction of their own. The files stay where they are.
    """
    return await delete_in_batches(_PRUNE, await instant_of(older_than), batch_size=batch_size)


async def list_for_user(
    user_id: UUID | str,
    *,
    status: DownloadStatus | None = None,
    params: PaginationParams | None = None,
    schema: type[DownloadT] | None = None,
) -> PaginatedResult[DownloadT]:
    """List a page of a user's downloads."""
    return await list_by_filters(user_id=user_id, status=status, params=params, schema=schema)


async def list_by_filters(
    *,
    status: DownloadStatus | None = None,
    user_id: UUID | str | None = None,
    since: datetime | None = None,
    params: PaginationParams | None = None,
    schema: type[DownloadT] | None = None,
) -> PaginatedResult[DownloadT]:
    """List a page of the downloads that meet every filter given; `since` is when they were created at the earliest."""
    filters: dict[str, Any] = {}
    if status is not None:
        filters["status"] = as_column(YouTubeDownload, "status", status)
    if user_id is not None:
        filters["user_id"] = as_uuid(user_id, "user_id")
    if since is not None:
        filters["created_at__gte"] = as_aware(since, "since")
    return await paginate(YouTubeDownload.filter(**filters), params, schema=schema)


async def counts_by_status(*, user_id: UUID | str | None = None) -> dict[DownloadStatus, int]:
    """Count all downloads, or a user's, by status; also a status with none."""
    return await count_by_status("youtube_downloads", DownloadStatus, user_id)
