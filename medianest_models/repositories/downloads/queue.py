"""The users' side of the queue: adding, listing and cancelling downloads."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel
from typing_extensions import TypeVar

from medianest_models.checks import as_aware, as_text, as_uuid
from medianest_models.db.statements import fetch, fetch_one
from medianest_models.enums import DownloadPriority, DownloadStatus
from medianest_models.errors import DuplicateDownloadError, InvalidTransitionError, NotFoundError
from medianest_models.models import YouTubeDownload
from medianest_models.models.base import new_id
from medianest_models.models.columns import as_column
from medianest_models.pagination import PaginatedResult, PaginationParams, paginate
from medianest_models.repositories._bulk import count_by_status

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

# Raw, because one statement checks and changes the download's status, and returns the row.
_CANCEL: Final = """
UPDATE youtube_downloads
SET status = 'failed', error_message = 'cancelled', lease_expires_at = NULL, completed_at = clock_timestamp()
WHERE id = $1 AND status IN ('queued', 'downloading')
RETURNING *
"""


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
    store with it. The highest priority goes first, and nothing before it is scheduled, which is now by default.

    Raises:
        DuplicateDownloadError: This user already has an active download of this playlist; the message gives its id.
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
        raise DuplicateDownloadError(
            f"this user already has an active download of this playlist: {download.id}",
            constraint="uq_youtube_downloads_user_id_playlist_url",
        )
    return download


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

    The next heartbeat of its worker raises a `LeaseLostError`.

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
