"""Submitting requests for films, series and their seasons."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from medianest_models.checks import MAX_INT, as_uuid, as_whole
from medianest_models.db.statements import fetch
from medianest_models.db.transactions import transaction
from medianest_models.errors import DuplicateRequestError, InvalidInputError
from medianest_models.models import MediaRequest
from medianest_models.models.base import new_id
from medianest_models.models.columns import as_column, as_name

_FILM: Final = "movie"  # as a CHECK of the table knows it too
_MOST_SEASONS: Final = 200  # in one call; no series has so many

# Raw, because the request and the first entry of its history are one statement, which of two at once lets one
# through and shows the other which one is open: an update that changes nothing returns the row in the way, whose id
# is not the new one.
_SUBMIT: Final = """
WITH request AS (
    INSERT INTO media_requests AS request
        (id, user_id, title, media_type, tmdb_id, season, is_4k, imdb_id, overseerr_id, request_data)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb)
    ON CONFLICT (tmdb_id, media_type, season, is_4k) WHERE status IN ('pending', 'approved') AND tmdb_id IS NOT NULL
    DO UPDATE SET status = request.status
    RETURNING request.*
), followed AS (
    INSERT INTO media_request_followers (request_id, user_id, created_at)
    SELECT id, $2, clock_timestamp() FROM request WHERE $11::bool AND id <> $1 AND user_id <> $2
    ON CONFLICT (request_id, user_id) DO NOTHING
), noted AS (
    INSERT INTO media_request_status_updates (request_id, status, created_at)
    SELECT id, status, created_at FROM request WHERE id = $1
)
SELECT * FROM request
"""


@dataclass(frozen=True)
class SeasonsReport:
    """The outcome for each season that was requested."""

    submitted: list[MediaRequest]
    """The new requests, by season."""
    already_open: dict[int, UUID]
    """The seasons that were requested before, with their open request."""


async def submit(
    user_id: UUID | str,
    *,
    title: str,
    media_type: str,
    tmdb_id: str | None = None,
    season: int | None = None,
    is_4k: bool = False,
    imdb_id: str | None = None,
    overseerr_id: str | None = None,
    request_data: Any = None,
    follow: bool = False,
) -> MediaRequest:
    """Request a title; the request is pending, which is the first entry of its history.

    Where the same is requested already, `follow` decides: by default it is an error; otherwise the user follows that
    request, which is returned instead of a new one, and whose `user_id` says whose it is.

    Args:
        user_id: Who asks.
        title: The title, of at most 500 characters.
        media_type: Such as `movie` or `tv`; at most 50 characters.
        tmdb_id: The title's id at TMDB. At most one request for it, the media type, the season and the quality is open
            at a time, whoever asked; without it nothing is known to be a duplicate.
        season: The number of a season, which TMDB counts from 0, its specials; None for a whole series and for a film.
        is_4k: Whether it is to be in 4K, which can be requested beside the other quality.
        imdb_id: Its id at IMDb.
        overseerr_id: The request's id at Overseerr.
        request_data: A JSON document with what else is known.
        follow: Whether to follow the open request for the same, if there is one.

    Raises:
        DuplicateRequestError: A request for the same is open: `request_id` is its id. Nothing was written. Not with
            `follow`.
        InvalidReferenceError: There is no such user.
    """
    for name, value in (("is_4k", is_4k), ("follow", follow)):
        if not isinstance(value, bool):
            raise InvalidInputError(f"{name}: must be a bool")
    if season is not None and media_type == _FILM:
        raise InvalidInputError("season: must be None for a film")
    request_id = new_id()
    (row,) = await fetch(
        _SUBMIT,
        request_id,
        as_uuid(user_id, "user_id"),
        as_name(MediaRequest, "title", title),
        as_name(MediaRequest, "media_type", media_type),
        as_name(MediaRequest, "tmdb_id", tmdb_id),
        None if season is None else as_whole(season, "season", 0, MAX_INT),
        is_4k,
        as_name(MediaRequest, "imdb_id", imdb_id),
        as_name(MediaRequest, "overseerr_id", overseerr_id),
        as_column(MediaRequest, "request_data", request_data),
        follow,
    )
    if row["id"] != request_id and not follow:
        raise duplicate_of(row["id"], f"media request {row['id']} for this title is open")
    return MediaRequest.from_row(row)


async def submit_seasons(
    user_id: UUID | str,
    *,
    seasons: Iterable[int],
    title: str,
    media_type: str,
    tmdb_id: str | None = None,
    is_4k: bool = False,
    imdb_id: str | None = None,
    overseerr_id: str | None = None,
    request_data: Any = None,
) -> SeasonsReport:
    """Request several seasons of a series in one step: a pending request for each that nobody has requested yet.

    `seasons` are their numbers, each once, at most 200. The other arguments are those of `submit`.

    Raises:
        InvalidInputError: A number is out of range or given twice, or there are none or too many. Nothing was written.
        InvalidReferenceError: There is no such user.
    """
    wanted = [as_whole(season, "seasons", 0, MAX_INT) for season in seasons]
    if not 1 <= len(wanted) <= _MOST_SEASONS:
        raise InvalidInputError(f"seasons: must be 1 to {_MOST_SEASONS} numbers")
    if len(set(wanted)) < len(wanted):
        raise InvalidInputError("seasons: must not hold a number twice")
    report = SeasonsReport([], {})
    async with transaction():
        for season in sorted(wanted):  # in one order, so that no two callers wait for each other
            try:
                async with transaction():  # a savepoint, whose end unlocks an open request that stood in the way
                    request = await submit(
                        user_id,
                        title=title,
                        media_type=media_type,
                        tmdb_id=tmdb_id,
                        season=season,
                        is_4k=is_4k,
                        imdb_id=imdb_id,
                        overseerr_id=overseerr_id,
                        request_data=request_data,
                    )
            except DuplicateRequestError as error:
                if error.request_id is None:
                    raise
                report.already_open[season] = error.request_id
            else:
                report.submitted.append(request)
    return report


def duplicate_of(open_id: UUID, message: str) -> DuplicateRequestError:
    """Make the error that names the open request."""
    error = DuplicateRequestError(message)
    error.request_id = open_id
    return error
