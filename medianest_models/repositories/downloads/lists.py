"""Lists and counts of downloads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from medianest_models.checks import as_aware, as_uuid
from medianest_models.db.statements import fetch
from medianest_models.enums import DownloadStatus
from medianest_models.models import YouTubeDownload
from medianest_models.models.columns import as_column
from medianest_models.pagination import paginate

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from medianest_models.pagination import PaginatedResult, PaginationParams

# Raw, because a count per status, each from its own index range, is no query of the ORM's: GROUP BY would read the
# whole table.
_COUNTS: Final = """
SELECT status, (SELECT count(*) FROM youtube_downloads AS download WHERE download.status = wanted.status) AS number
FROM unnest($1::text[]) AS wanted (status)
"""
_COUNTS_OF_USER: Final = "SELECT status, count(*) AS number FROM youtube_downloads WHERE user_id = $1 GROUP BY status"


async def list_for_user(
    user_id: UUID | str, *, status: DownloadStatus | None = None, params: PaginationParams | None = None
) -> PaginatedResult[YouTubeDownload]:
    """A page of a user's downloads, the newest first unless `params` says otherwise.

    Args:
        user_id: The user.
        status: Only those in this status.
        params: Which page, and how it is sorted.

    Raises:
        InvalidPaginationError: The page or the limit is out of range.
        InvalidSortError: Downloads can't be sorted by that name.
        InvalidInputError: An argument is not as said above.
    """
    return await list_by_filters(user_id=user_id, status=status, params=params)


async def list_by_filters(
    *,
    status: DownloadStatus | None = None,
    user_id: UUID | str | None = None,
    since: datetime | None = None,
    params: PaginationParams | None = None,
) -> PaginatedResult[YouTubeDownload]:
    """A page of the downloads that meet every filter given, the newest first unless `params` says otherwise.

    Args:
        status: Only those in this status.
        user_id: Only those of this user.
        since: Only those created at this instant or later.
        params: Which page, and how it is sorted.

    Raises:
        InvalidPaginationError: The page or the limit is out of range.
        InvalidSortError: Downloads can't be sorted by that name.
        InvalidInputError: An argument is not as said above.
    """
    filters: dict[str, Any] = {}
    if status is not None:
        filters["status"] = as_column(YouTubeDownload, "status", status)
    if user_id is not None:
        filters["user_id"] = as_uuid(user_id, "user_id")
    if since is not None:
        filters["created_at__gte"] = as_aware(since, "since")
    return await paginate(YouTubeDownload.filter(**filters), params)


async def counts_by_status(*, user_id: UUID | str | None = None) -> dict[DownloadStatus, int]:
    """How many downloads are in each status; 0 where there are none.

    Args:
        user_id: Count only this user's.

    Raises:
        InvalidInputError: `user_id` is no UUID.
    """
    if user_id is None:
        rows = await fetch(_COUNTS, [str(status) for status in DownloadStatus])
    else:
        rows = await fetch(_COUNTS_OF_USER, as_uuid(user_id, "user_id"))
    return dict.fromkeys(DownloadStatus, 0) | {DownloadStatus(row["status"]): row["number"] for row in rows}
