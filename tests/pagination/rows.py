"""Rows to paginate, and a record of the statements that run."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple
from uuid import UUID

from asyncpg.connection import LoggedQuery
from tortoise.connection import get_connection
from tortoise.queryset import QuerySet

from medianest_models.db import transaction
from medianest_models.db.statements import fetch
from medianest_models.enums import ServiceStatus
from medianest_models.models import MediaRequest, Service, ServiceStatusHistory, User
from medianest_models.pagination import CursorPage, SortOrder, paginate_by_cursor
from medianest_models.settings import DEFAULT_ALIAS

_TOO_MANY: Final = 500

START: Final = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def instant(microseconds: int) -> datetime.datetime:
    return START + datetime.timedelta(microseconds=microseconds)


async def make_service() -> Service:
    return await Service.create(name="plex", display_name="Plex")


async def make_checks(service: Service, checks: Iterable[dict[str, Any]]) -> None:
    """Make checks of a service, with equal values in all columns that are not given."""
    default = {"service_id": service.id, "status": ServiceStatus.UP, "checked_at": START}
    await ServiceStatusHistory.bulk_create([ServiceStatusHistory(**{**default, **check}) for check in checks])


async def make_requests(count: int, *, user: User | None = None) -> User:
    """Make so many requests of a user, `Title 0` the oldest of them."""
    owner = user or await User.create(plex_id=f"plex-{count}", plex_username=f"Name {count}")
    await MediaRequest.bulk_create(
        [
            MediaRequest(user_id=owner.id, title=f"Title {number}", media_type="movie", created_at=instant(number))
            for number in range(count)
        ]
    )
    return owner


async def ordered_ids(table: str, column: str, order: SortOrder) -> list[UUID]:
    """Return all ids in the documented order, by a statement with a complete ORDER BY."""
    nulls = "LAST" if order == "asc" else "FIRST"
    rows = await fetch(f"SELECT id FROM {table} ORDER BY {column} {order} NULLS {nulls}, id {order}")
    return [row["id"] for row in rows]


class Walk(NamedTuple):
    """The ids of a list in the order of its pages, and the number of pages."""

    forward: list[Any]
    backward: list[Any]
    pages: int


async def walk(queryset: QuerySet[Any], *, limit: int, **sort: Any) -> Walk:
    """Follow the cursors from the first page to the last, and back again."""
    pages = [await paginate_by_cursor(queryset, limit=limit, **sort)]
    assert pages[0].previous_cursor is None
    while (cursor := pages[-1].next_cursor) is not None:
        pages.append(await paginate_by_cursor(queryset, limit=limit, cursor=cursor, **sort))
        assert len(pages) < _TOO_MANY, "the list has no end"
    back = [pages[-1]]
    while (cursor := back[0].previous_cursor) is not None:
        back.insert(0, await paginate_by_cursor(queryset, limit=limit, cursor=cursor, **sort))
        assert back[0].next_cursor is not None
        assert len(back) < _TOO_MANY, "the list has no beginning"
    return Walk(_ids(pages), _ids(back), len(pages))


def _ids(pages: list[CursorPage[Any]]) -> list[Any]:
    return [row.id for page in pages for row in page.data]


@asynccontextmanager
async def rolled_back() -> AsyncIterator[None]:
    """Roll back the block at its end, for a test that starts again with each example."""
    async with transaction() as whole:
        yield
        await whole.rollback()


@asynccontextmanager
async def recorded() -> AsyncIterator[list[str]]:
    """Record the statements of this test's transaction in the block; the record is complete after the block."""
    statements: list[str] = []

    def note(query: LoggedQuery) -> None:
        statements.append(query.query)

    client = get_connection(DEFAULT_ALIAS)
    async with client.acquire_connection() as connection:
        connection.add_query_logger(note)
    try:
        yield statements
    finally:
        async with client.acquire_connection() as connection:
            connection.remove_query_logger(note)
        await asyncio.sleep(0)  # asyncpg calls its loggers a little later
