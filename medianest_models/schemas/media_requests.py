"""Requests for films and series, and their history."""

from typing import Any
from uuid import UUID

from pydantic import AwareDatetime

from medianest_models.enums import RequestStatus
from medianest_models.models import MediaRequest, MediaRequestFollower, MediaRequestStatusUpdate
from medianest_models.schemas._declaration import Declared, read_schema, write_schema


@read_schema(MediaRequest)
class MediaRequestRead(Declared):
    """A user's wish for a film, a series or a season of it."""

    id: UUID
    user_id: UUID
    title: str
    media_type: str
    tmdb_id: str | None
    season: int | None
    is_4k: bool
    imdb_id: str | None
    status: RequestStatus
    overseerr_id: str | None
    request_data: Any
    created_at: AwareDatetime
    completed_at: AwareDatetime | None


@write_schema(MediaRequest)
class MediaRequestCreate(Declared):
    """A new request: the arguments of `media_requests.submit` beside the user."""

    title: str
    media_type: str
    tmdb_id: str | None = None
    season: int | None = None
    is_4k: bool = False
    imdb_id: str | None = None
    overseerr_id: str | None = None
    request_data: Any = None


@read_schema(MediaRequestFollower)
class MediaRequestFollowerRead(Declared):
    """A user who waits for a request of somebody else."""

    id: UUID
    request_id: UUID
    user_id: UUID
    created_at: AwareDatetime


@read_schema(MediaRequestStatusUpdate)
class MediaRequestStatusUpdateRead(Declared):
    """One change of a media request's status."""

    id: UUID
    request_id: UUID
    status: RequestStatus
    message: str | None
    created_at: AwareDatetime


@write_schema(MediaRequestStatusUpdate)
class MediaRequestStatusUpdateCreate(Declared):
    """A change of a media request's status: the arguments of `media_requests.transition` beside the request."""

    status: RequestStatus
    message: str | None = None
