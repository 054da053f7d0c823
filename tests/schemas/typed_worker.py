"""A worker that uses the fields of the schemas: `mypy --strict` and pyright check it, and the tests run it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, assert_type
from uuid import UUID

from pydantic import BaseModel, SecretStr

from medianest_models.enums import DownloadPriority, DownloadStatus, RequestStatus, ServiceStatus, UserRole, UserStatus
from medianest_models.models import MediaRequest, User
from medianest_models.pagination import PaginatedResult, paginate
from medianest_models.schemas import (
    MediaRequestCreate,
    MediaRequestRead,
    MediaRequestStatusUpdateCreate,
    ServiceRead,
    ServiceStatusHistoryCreate,
    ServiceUpdate,
    SystemConfigUpdate,
    UserCreate,
    UserWithoutSecrets,
    YouTubeDownloadCreate,
    YouTubeDownloadRead,
)


class RequestWithUser(MediaRequestRead):
    """A caller's own schema, with a nested one."""

    user: UserWithoutSecrets


class Overview(BaseModel):
    """A caller's own response."""

    users: PaginatedResult[UserWithoutSecrets]
    newest: RequestWithUser | None
    services: list[ServiceRead] = []


async def overview() -> Overview:
    """Return the response of an endpoint."""
    page = await paginate(User.all(), schema=UserWithoutSecrets)
    assert_type(page, PaginatedResult[UserWithoutSecrets])
    newest = await MediaRequest.all().order_by("-created_at").prefetch_related("user").first()
    shown = None if newest is None else RequestWithUser.model_validate(newest)
    assert_type(shown, RequestWithUser | None)
    if shown is not None:
        assert_type(shown.user.email, str | None)
        assert_type(shown.title, str)
    return Overview(users=page, newest=shown)


def written() -> list[BaseModel]:
    """Return the objects that a worker creates."""
    return [
        UserCreate(plex_id="1", plex_username="ada", plex_token=SecretStr("secret")),
        ServiceUpdate(api_key=SecretStr("secret"), config_data={"token": "secret"}),
        MediaRequestCreate(title="Metropolis", media_type="movie"),
        MediaRequestStatusUpdateCreate(status=RequestStatus.APPROVED),
        YouTubeDownloadCreate(playlist_url="https://youtube.com/playlist", priority=DownloadPriority.HIGH),
        ServiceStatusHistoryCreate(status=ServiceStatus.UP, response_time_ms=12),
        SystemConfigUpdate(value={"max": 3}),
    ]


def mistakes(user: UserWithoutSecrets) -> None:
    """Contain code that type checkers must reject: an unneeded ignore would be an error. It is never run."""
    _ = user.plex_token  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    user.role = "admin"  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    UserCreate(plex_id="1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    MediaRequestCreate(title="x", media_type="movie", user_id=UUID(int=0))  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def media_request_read(shown: MediaRequestRead) -> None:
    assert_type(shown.id, UUID)
    assert_type(shown.title, str)
    assert_type(shown.media_type, str)
    assert_type(shown.tmdb_id, str | None)
    assert_type(shown.imdb_id, str | None)
    assert_type(shown.status, RequestStatus)
    assert_type(shown.overseerr_id, str | None)
    assert_type(shown.request_data, Any)
    assert_type(shown.created_at, datetime)
    assert_type(shown.completed_at, datetime | None)
    assert_type(shown.user_id, UUID)


def service_update(shown: ServiceUpdate) -> None:
    assert_type(shown.display_name, str | None)
    assert_type(shown.url, SecretStr | None)
    assert_type(shown.api_key, SecretStr | None)
    assert_type(shown.enabled, bool | None)
    assert_type(shown.config_data, Any)


def user_create(shown: UserCreate) -> None:
    assert_type(shown.plex_id, str)
    assert_type(shown.plex_username, str)
    assert_type(shown.email, str | None)
    assert_type(shown.plex_token, SecretStr | None)


def user_without_secrets(shown: UserWithoutSecrets) -> None:
    assert_type(shown.id, UUID)
    assert_type(shown.plex_id, str)
    assert_type(shown.plex_username, str)
    assert_type(shown.email, str | None)
    assert_type(shown.role, UserRole)
    assert_type(shown.created_at, datetime)
    assert_type(shown.last_login_at, datetime | None)
    assert_type(shown.status, UserStatus)


def you_tube_download_read(shown: YouTubeDownloadRead) -> None:
    assert_type(shown.id, UUID)
    assert_type(shown.playlist_url, str)
    assert_type(shown.playlist_title, str | None)
    assert_type(shown.status, DownloadStatus)
    assert_type(shown.priority, DownloadPriority)
    assert_type(shown.attempts, int)
    assert_type(shown.worker_id, str | None)
    assert_type(shown.lease_expires_at, datetime | None)
    assert_type(shown.scheduled_at, datetime)
    assert_type(shown.file_paths, Any)
    assert_type(shown.plex_collection_id, str | None)
    assert_type(shown.progress, int)
    assert_type(shown.error_message, str | None)
    assert_type(shown.metadata, Any)
    assert_type(shown.created_at, datetime)
    assert_type(shown.started_at, datetime | None)
    assert_type(shown.completed_at, datetime | None)
    assert_type(shown.user_id, UUID)
