"""The examples of docs/speed.md run, and what it says of the package's ways is so."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Coroutine
from typing import Any, Final

import pytest
from pydantic import BaseModel
from starlette.requests import Request
from tortoise.expressions import F
from tortoise.queryset import QuerySet

from medianest_models import schemas
from medianest_models.db import transaction
from medianest_models.models import MediaRequest, User
from medianest_models.pagination.arguments import choose_ordering
from medianest_models.pagination.compiler import compile_select
from medianest_models.pagination.rows import plain_schemas
from medianest_models.repositories import activity, rate_limits, sessions, users
from medianest_models.settings import DatabaseUrl, Settings
from medianest_models.testing import a_media_request, a_user, max_queries
from tests.conftest import CHECKOUT

PAGE: Final = (CHECKOUT / "docs" / "speed.md").read_text()
TEXT: Final = " ".join(PAGE.split())


@pytest.fixture
def names() -> dict[str, Any]:
    """Return the names that the page's examples make, one after the other."""
    made: dict[str, Any] = {}
    for example in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(example, made)  # noqa: S102 - our own documentation
    return made


async def test_the_lists_are_read_by_one_statement(db: DatabaseUrl, names: dict[str, Any]) -> None:
    row = await a_media_request()
    request = Request({"type": "http", "method": "GET", "path": "/", "query_string": b"limit=1", "headers": []})
    for handler in (names["numbered"], names["endless"]):
        with max_queries(1):
            page = await handler(request)
        assert [found["id"] for found in json.loads(page.body)["data"]] == [str(row.id)]


async def test_the_users_of_a_page_are_read_by_one_statement(db: DatabaseUrl, names: dict[str, Any]) -> None:
    requests = [await a_media_request() for _ in range(3)]
    with max_queries(1):
        found = await names["users_of"](requests)
    assert found.keys() == {request.user_id for request in requests}


async def test_the_sign_in_is_recorded(db: DatabaseUrl, names: dict[str, Any]) -> None:
    async def ask_plex(token: str) -> dict[str, str]:
        return {"id": "1", "username": token}

    user = await names["sign_in"]("ann", ask_plex)
    assert (user.plex_username, (await activity.list_for_user(user.id)).pagination.total) == ("ann", 1)


async def test_these_calls_at_once_are_one_statement_and_in_a_transaction_many(
    fresh_db: DatabaseUrl, names: dict[str, Any]
) -> None:
    ann, bob = await a_user(plex_id="ann"), await a_user(plex_id="bob")
    tokens = [(await sessions.issue(user)).token for user in (ann, bob)]
    calls: dict[str, Callable[[], list[Coroutine[Any, Any, Any]]]] = {
        "users.find_by_plex_id": lambda: [users.find_by_plex_id(plex_id) for plex_id in ("ann", "bob")],
        "sessions.verify": lambda: [sessions.verify(token) for token in tokens],
        "rate_limits.hit": lambda: [
            rate_limits.hit("x", user_id=user.id, limit=9, window_seconds=60) for user in (ann, bob)
        ],
    }
    for name, make in calls.items():
        assert f"`{name}`" in TEXT
        with max_queries(1):
            await asyncio.gather(*make())
        with pytest.raises(AssertionError, match="4 statements"), max_queries(1):
            async with transaction():
                await asyncio.gather(*make())
    with max_queries(1):
        assert await names["friends"](["bob", "cat"]) == [bob, None]


SLOW: Final[dict[str, Callable[[], QuerySet[Any]]]] = {
    "distinct": lambda: MediaRequest.all().distinct(),
    "only": lambda: MediaRequest.all().only("id"),
    "annotate": lambda: MediaRequest.annotate(number=F("season")),
    "prefetch_related": lambda: MediaRequest.all().prefetch_related("user"),
    "select_related": lambda: MediaRequest.all().select_related("user"),
    "icontains": lambda: MediaRequest.filter(title__icontains="x"),
    "startswith": lambda: MediaRequest.filter(title__startswith="x"),
    "range": lambda: MediaRequest.filter(season__range=(1, 2)),
    "on a relation": lambda: MediaRequest.filter(user__plex_id="1"),
}


async def test_the_page_tells_which_query_sets_are_simple(db: DatabaseUrl) -> None:
    ordering = choose_ordering(MediaRequest, (), None, "desc")
    for name, make in SLOW.items():
        assert name in TEXT
        assert compile_select(make(), ordering) is None, name
    simple = MediaRequest.filter(season__gte=1, season__lt=2, status="pending").exclude(tmdb_id=None)
    assert compile_select(simple.order_by("-created_at"), ordering)
    assert compile_select(User.filter(plex_id__in=["1"]), choose_ordering(User, (), None, "desc"))


def test_the_page_tells_which_schemas_are_plain() -> None:
    found = {
        name: kind for name, kind in vars(schemas).items() if isinstance(kind, type) and issubclass(kind, BaseModel)
    }
    plain = {name for name, kind in found.items() if kind in plain_schemas}
    read = {name for name in found if name.endswith("Read")}
    assert plain == (read | {"UserWithoutSecrets"}) - {"ServiceRead", "RollingRateLimitRead"}
    assert "the `*Read` schemas and `UserWithoutSecrets`, except `ServiceRead` and `RollingRateLimitRead`" in TEXT


def test_the_page_has_the_settings_defaults() -> None:
    settings = Settings.model_fields
    pool, least = settings["database_pool_max"].default, settings["database_pool_min"].default
    assert f"`DATABASE_POOL_MAX` is {pool} for each process, and `DATABASE_POOL_MIN` {least}" in TEXT
    assert f"Statements of {settings['slow_query_ms'].default:g} ms or more" in TEXT
