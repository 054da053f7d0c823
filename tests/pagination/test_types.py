"""The types that type checkers infer; mypy and pyright check the assertions of this file in CI."""

from __future__ import annotations

from typing import assert_type

from pydantic import BaseModel, ConfigDict

from medianest_models.models import MediaRequest, User
from medianest_models.pagination import (
    CursorPage,
    PaginatedResult,
    PaginationParams,
    UncountedResult,
    paginate,
    paginate_by_cursor,
)
from medianest_models.settings import DatabaseUrl


class Name(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    plex_username: str


async def test_types(db: DatabaseUrl) -> None:
    params = PaginationParams(limit=5)
    assert_type(await paginate(User.all()), PaginatedResult[User])
    assert_type(await paginate(User.filter(role="user").order_by("email"), params), PaginatedResult[User])
    assert_type(await paginate(MediaRequest.all().select_related("user"), page=2), PaginatedResult[MediaRequest])
    assert_type((await paginate(User.all())).data, list[User])
    assert_type((await paginate(User.all())).pagination.total_pages, int)
    assert_type(await paginate(User.all(), params, schema=Name), PaginatedResult[Name])
    assert_type(await paginate(User.all(), sort_by="email", sort_order="asc", schema=Name), PaginatedResult[Name])
    assert_type(await paginate_by_cursor(User.all()), CursorPage[User])
    assert_type(await paginate_by_cursor(User.all(), limit=5, schema=Name), CursorPage[Name])
    assert_type((await paginate_by_cursor(User.all())).next_cursor, str | None)
    assert_type(await paginate(User.all(), params, total="exact"), PaginatedResult[User])
    assert_type(await paginate(User.all(), total="capped"), PaginatedResult[User])
    assert_type(await paginate(User.all(), schema=Name, total="capped"), PaginatedResult[Name])
    assert_type((await paginate(User.all(), total="capped")).pagination.total, int)
    assert_type(await paginate(User.all(), schema=Name, total=None), UncountedResult[Name])
    assert_type((await paginate(User.all(), total=None)).pagination.total, None)
