"""A worker that uses the fields of the schemas: `mypy --strict` and pyright check it, and the tests run it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, assert_type
from uuid import UUID

from pydantic import BaseModel, SecretStr

from medianest_models.enums import RequestStatus
from medianest_models.models import MediaRequest, User
from medianest_models.pagination import PaginatedResult, paginate
from medianest_models.schemas import (
    MediaRequestCreate,
    MediaRequestRead,
    ServiceRead,
    UserCreate,
    UserWithoutSecrets,
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


def mistakes(user: UserWithoutSecrets) -> None:
    """Contain code that type checkers must reject: an unneeded ignore would be an error. It is never run."""
    _ = user.plex_token  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    user.role = "admin"  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    UserCreate(plex_id="1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    MediaRequestCreate(title="x", media_type="movie", user_id=UUID(int=0))  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def media_request_read(shown: MediaRequestRead) -> None:
    assert_type(shown.id, UUID)
    assert_type(shown.title, str)
    assert_type(shown.status, RequestStatus)
    assert_type(shown.request_data, Any)
    assert_type(shown.created_at, datetime)


def user_create(shown: UserCreate) -> None:
    assert_type(shown.plex_id, str)
    assert_type(shown.email, str | None)
    assert_type(shown.plex_token, SecretStr | None)
