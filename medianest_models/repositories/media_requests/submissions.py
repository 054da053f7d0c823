"""Requests for a title."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from medianest_models.checks import as_uuid
from medianest_models.db.statements import fetch
from medianest_models.errors import DuplicateRequestError
from medianest_models.models import MediaRequest
from medianest_models.models.base import new_id
from medianest_models.models.columns import as_column, as_name

if TYPE_CHECKING:
    from uuid import UUID

# Raw, because the request and the first entry of its history are one statement, which of two at once lets one
# through and shows the other which one is open: an update that changes nothing returns the row in the way, whose id
# is not the new one.
_SUBMIT: Final = """
WITH request AS (
    INSERT INTO media_requests AS request
        (id, user_id, title, media_type, tmdb_id, imdb_id, overseerr_id, request_data)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb)
    ON CONFLICT (tmdb_id, media_type) WHERE status IN ('pending', 'approved')
    DO UPDATE SET status = request.status
    RETURNING request.*
), noted AS (
    INSERT INTO media_request_status_updates (request_id, status, created_at)
    SELECT id, status, created_at FROM request WHERE id = $1
)
SELECT * FROM request
"""


async def submit(
    user_id: UUID | str,
    *,
    title: str,
    media_type: str,
    tmdb_id: str | None = None,
    imdb_id: str | None = None,
    overseerr_id: str | None = None,
    request_data: Any = None,
) -> MediaRequest:
    """Request a title; the request is pending, which is the first entry of its history.

    Args:
        user_id: Who asks.
        title: The title, of at most 500 characters.
        media_type: Such as `movie` or `tv`; at most 50 characters.
        tmdb_id: The title's id at TMDB. At most one request for it and the media type is open at a time, whoever
            asked; without it nothing is known to be a duplicate.
        imdb_id: Its id at IMDb.
        overseerr_id: The request's id at Overseerr.
        request_data: A JSON document with what else is known.

    Raises:
        DuplicateRequestError: A request for this title is open: `request_id` is its id. Nothing was written.
        InvalidReferenceError: There is no such user.
        InvalidInputError: A text is empty, too long or not storable, or `request_data` is not JSON.
    """
    request_id = new_id()
    (row,) = await fetch(
        _SUBMIT,
        request_id,
        as_uuid(user_id, "user_id"),
        as_name(MediaRequest, "title", title),
        as_name(MediaRequest, "media_type", media_type),
        as_name(MediaRequest, "tmdb_id", tmdb_id),
        as_name(MediaRequest, "imdb_id", imdb_id),
        as_name(MediaRequest, "overseerr_id", overseerr_id),
        as_column(MediaRequest, "request_data", request_data),
    )
    if row["id"] != request_id:
        error = DuplicateRequestError(f"media request {row['id']} for this title is open")
        error.request_id = row["id"]
        raise error
    return MediaRequest.from_row(row)
