"""Lookups of requests."""

from __future__ import annotations

import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel
from typing_extensions import TypeVar

from medianest_models.checks import as_aware, as_text, as_uuid
from medianest_models.db.statements import fetch, fetch_one
from medianest_models.enums import RequestStatus
from medianest_models.errors import NotFoundError
from medianest_models.models import MediaRequest, MediaRequestStatusUpdate
from medianest_models.models.columns import as_column, as_name
from medianest_models.pagination import PaginatedResult, PaginationParams, paginate
from medianest_models.repositories._bulk import count_by_status

RequestT = TypeVar("RequestT", bound=BaseModel | MediaRequest, default=MediaRequest)

# Raw, because it distinguishes a request without a history from a missing one.
_HISTORY: Final = """
SELECT update.*
FROM media_requests AS request LEFT JOIN media_request_status_updates AS update ON update.request_id = request.id
WHERE request.id = $1
ORDER BY update.created_at, update.id
"""

# Raw, because Tortoise can't sort by a condition.
_FIND: Final = """
SELECT * FROM media_requests WHERE {condition}
ORDER BY status IN ('pending', 'approved') DESC, created_at DESC, id DESC LIMIT 1
"""
_FIND_BY_TMDB_ID: Final = _FIND.format(condition="tmdb_id = $1 AND media_type = coalesce($2, media_type)")
_FIND_BY_OVERSEERR_ID: Final = _FIND.format(condition="overseerr_id = $1")


async def get(request_id: UUID | str) -> MediaRequest:
    """Return a request by its id.

    Raises:
        NotFoundError: There is no such request.
    """
    wanted = as_uuid(request_id, "request_id")
    request = await MediaRequest.get_or_none(id=wanted)
    if request is None:
        raise NotFoundError(f"there is no media request {wanted}")
    return request


async def find_by_tmdb_id(tmdb_id: str, *, media_type: str | None = None) -> MediaRequest | None:
    """Find the newest open request for a title, of any season and quality, or else the newest; None if there is none.

    TMDB gives the same id to a film and to a series, which `media_type` tells apart.
    """
    as_text(tmdb_id, "tmdb_id")
    if media_type is not None:
        as_name(MediaRequest, "media_type", media_type)
    row = await fetch_one(_FIND_BY_TMDB_ID, tmdb_id, media_type)
    return None if row is None else MediaRequest.from_row(row)


async def find_by_overseerr_id(overseerr_id: str) -> MediaRequest | None:
    """Find the request with an Overseerr id: the open one, or else the newest; None if there is none."""
    row = await fetch_one(_FIND_BY_OVERSEERR_ID, as_text(overseerr_id, "overseerr_id"))
    return None if row is None else MediaRequest.from_row(row)


async def list_for_user(
    user_id: UUID | str, *, params: PaginationParams | None = None, schema: type[RequestT] | None = None
) -> PaginatedResult[RequestT]:
    """List a page of a user's requests."""
    return await list_by_filters(user_id=user_id, params=params, schema=schema)


async def list_by_filters(
    *,
    user_id: UUID | str | None = None,
    status: RequestStatus | None = None,
    media_type: str | None = None,
    since: datetime.datetime | None = None,
    until: datetime.datetime | None = None,
    params: PaginationParams | None = None,
    schema: type[RequestT] | None = None,
) -> PaginatedResult[RequestT]:
    """List a page of the requests that match all filters; `since` is inclusive, and `until` exclusive."""
    filters: dict[str, Any] = {}
    if user_id is not None:
        filters["user_id"] = as_uuid(user_id, "user_id")
    if status is not None:
        filters["status"] = RequestStatus(as_column(MediaRequest, "status", status))
    if media_type is not None:
        filters["media_type"] = as_name(MediaRequest, "media_type", media_type)
    if since is not None:
        filters["created_at__gte"] = as_aware(since, "since")
    if until is not None:
        filters["created_at__lt"] = as_aware(until, "until")
    return await paginate(MediaRequest.filter(**filters), params, schema=schema)


async def counts_by_status(*, user_id: UUID | str | None = None) -> dict[RequestStatus, int]:
    """Count the requests of each status, everybody's or a user's; 0 where there are none."""
    return await count_by_status("media_requests", RequestStatus, user_id)


async def history(request_id: UUID | str) -> list[MediaRequestStatusUpdate]:
    """List each status that a request has had, oldest first.

    Raises:
        NotFoundError: There is no such request.
    """
    wanted = as_uuid(request_id, "request_id")
    rows = await fetch(_HISTORY, wanted)
    if not rows:
        raise NotFoundError(f"there is no media request {wanted}")
    return [MediaRequestStatusUpdate.from_row(row) for row in rows if row["id"] is not None]
