"""When the SQL of a known shape is used, and when a query set goes Tortoise's own way."""

from __future__ import annotations

import asyncio
import copy
from typing import TYPE_CHECKING, Any

import pytest
import tortoise
from tortoise.expressions import F, Q, RawSQL
from tortoise.queryset import QuerySet

from medianest_models.db import transaction
from medianest_models.enums import RequestStatus
from medianest_models.errors import InvalidSortError
from medianest_models.models import MediaRequest, Service, User
from medianest_models.models.hydration import _made
from medianest_models.pagination import paginate, paginate_by_cursor
from medianest_models.pagination.querysets import parameterized
from medianest_models.pagination.shapes import LIMIT, prepare, statements, support
from tests.pagination.rows import make_requests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medianest_models.pagination.shapes import Prepared
    from medianest_models.settings import DatabaseUrl


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """No shape is known at first, and none of the test's own afterwards."""
    caches = (statements._statement_of, support._knows_tortoise, support._is_stock)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


def prepared(queryset: QuerySet[Any], variant: object = None) -> Prepared[Any] | None:
    """The statement of a query set without an order."""
    return prepare(queryset, variant, lambda: parameterized(queryset.limit(LIMIT)), (LIMIT,))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models whose queries Tortoise makes, one by one."""
    found: list[str] = []
    stock = QuerySet._make_query

    def make_query(queryset: QuerySet[Any]) -> None:
        found.append(queryset.model.__name__)
        stock(queryset)

    monkeypatch.setattr(QuerySet, "_make_query", make_query)
    return found


async def test_a_shape_is_made_once(db: DatabaseUrl, made: list[str]) -> None:
    ada, bob = await make_requests(3), await make_requests(5)
    for user, total in ((ada, 3), (bob, 5)):
        page = await paginate(MediaRequest.filter(user_id=user.id), page=1, limit=2)
        assert [row.user_id for row in page.data] == [user.id] * 2
        assert page.pagination.total == total
    assert made == ["MediaRequest"]
    first = await paginate_by_cursor(MediaRequest.all(), limit=3)
    second = await paginate_by_cursor(MediaRequest.all(), limit=3, cursor=first.next_cursor)
    third = await paginate_by_cursor(MediaRequest.all(), limit=3, cursor=second.next_cursor)
    assert made == ["MediaRequest"] * 3  # the first page has no condition
    assert len({row.id for row in (*first.data, *second.data, *third.data)}) == 8


async def test_equal_values_do_not_tell_which_is_which(db: DatabaseUrl, made: list[str]) -> None:
    user = await make_requests(1)
    await MediaRequest.all().update(tmdb_id="1", imdb_id="2")
    for _ in range(2):
        assert (await paginate(MediaRequest.filter(tmdb_id="1", imdb_id="1"))).data == []
    assert len(made) == 2
    for _ in range(2):
        [row] = (await paginate(MediaRequest.filter(tmdb_id="1", imdb_id="2"))).data
        assert row.user_id == user.id
    assert len(made) == 3
    assert (await paginate(MediaRequest.filter(tmdb_id="1", imdb_id="1"))).data == []
    assert len(made) == 3


UNDERSTOOD: dict[str, Any] = {
    "text": lambda: MediaRequest.filter(title="a"),
    "enum": lambda: MediaRequest.filter(status=RequestStatus.PENDING),
    "enum's value": lambda: MediaRequest.filter(status="pending"),
    "list": lambda: MediaRequest.filter(status__in=["pending", RequestStatus.FAILED]),
    "empty list": lambda: MediaRequest.filter(status__not_in=()),
    "None": lambda: MediaRequest.filter(completed_at=None),
    "isnull": lambda: MediaRequest.filter(completed_at__isnull=False),
    "range": lambda: MediaRequest.filter(title__range=("a", "b")),
    "Q": lambda: MediaRequest.filter(~Q(title="a") | Q(Q(title__gte="b"), ~Q(tmdb_id__not="c"))),
    "distinct": lambda: MediaRequest.filter(title="a").distinct(),
    "integer key": lambda: Service.filter(pk=1, enabled=True),
    "Tortoise's own query set": lambda: QuerySet(User).filter(plex_id="a"),
}


@pytest.mark.parametrize("name", UNDERSTOOD)
async def test_is_understood(db: DatabaseUrl, name: str) -> None:
    assert prepared(UNDERSTOOD[name]()) is not None


class _Other(QuerySet[Any]):
    def resolve_filters(self, fields_for_select: Any = None) -> None:
        super().resolve_filters(fields_for_select)


class _OtherQ(Q):
    pass


NOT_UNDERSTOOD: dict[str, Any] = {
    "asterisk": lambda: MediaRequest.filter(title="*"),
    "asterisk in a list": lambda: MediaRequest.filter(title__in=["a", "*"]),
    "long list": lambda: MediaRequest.filter(title__in=[str(number) for number in range(101)]),
    "generator": lambda: MediaRequest.filter(title__in=(text for text in "ab")),
    "like": lambda: MediaRequest.filter(title__contains="a"),
    "regex": lambda: MediaRequest.filter(title__posix_regex="a"),
    "part of an instant": lambda: MediaRequest.filter(created_at__year=2026),
    "comparison with None": lambda: MediaRequest.filter(completed_at__gt=None),
    "empty text that is NULL": lambda: User.filter(email=""),
    "document": lambda: MediaRequest.filter(request_data__contains={"a": 1}),
    "relation": lambda: MediaRequest.filter(user__role="admin"),
    "relation to many": lambda: User.filter(media_requests__title="a"),
    "instance": lambda: MediaRequest.filter(user=User(plex_id="a", plex_username="a")),
    "column": lambda: MediaRequest.filter(tmdb_id=F("imdb_id")),
    "column for a UUID": lambda: MediaRequest.filter(user_id=F("id")),
    "raw UUID": lambda: MediaRequest.filter(user_id=RawSQL("id")),
    "raw value": lambda: MediaRequest.filter(title=RawSQL("'a'")),
    "wrong value": lambda: MediaRequest.filter(status="nothing"),
    "unknown name": lambda: MediaRequest.filter(nothing=1),
    "secret": lambda: User.filter(plex_token="a"),
    "annotation": lambda: MediaRequest.annotate(one=RawSQL("1")),
    "only": lambda: MediaRequest.all().only("id"),
    "select_related": lambda: MediaRequest.all().select_related("user"),
    "prefetch_related": lambda: MediaRequest.all().prefetch_related("user"),
    "select_for_update": lambda: MediaRequest.all().select_for_update(),
    "group_by": lambda: MediaRequest.all().group_by("title"),
    "another query set": lambda: _Other(MediaRequest),
    "another Q": lambda: MediaRequest.filter(_OtherQ(title="a")),
}


@pytest.mark.parametrize("name", NOT_UNDERSTOOD)
async def test_is_not_understood(db: DatabaseUrl, name: str) -> None:
    assert prepared(NOT_UNDERSTOOD[name]()) is None


async def test_what_stands_in_the_text_is_not_kept(db: DatabaseUrl) -> None:
    """A value that is no parameter of the statement, and a parameter that is no value, are seen when it is made."""
    queryset = MediaRequest.filter(title="a")
    assert prepare(queryset, 1, lambda: ("SELECT 'a' LIMIT $1", [LIMIT]), (LIMIT,)) is None
    assert prepare(queryset, 2, lambda: ("SELECT $1 LIMIT $2", ["b", LIMIT]), (LIMIT,)) is None
    assert prepare(queryset, 3, lambda: ("SELECT $1 LIMIT $2", ["a", LIMIT]), (LIMIT,)) is not None
    assert prepare(queryset, 1, lambda: ("SELECT $1 LIMIT $2", ["a", LIMIT]), (LIMIT,)) is None, "decided once"


async def test_so_many_shapes_are_kept(db: DatabaseUrl) -> None:
    queryset = MediaRequest.all()
    sql, values = parameterized(queryset.limit(LIMIT))
    for variant in range(statements.MOST_SHAPES + 10):
        assert prepare(queryset, variant, lambda: (sql, values), (LIMIT,)) is not None
    assert statements._statement_of.cache_info().currsize == statements.MOST_SHAPES


@pytest.mark.parametrize("sort_by", ["x" * 1000, "plex_token", []])
async def test_what_a_caller_may_not_sort_by_is_not_kept(db: DatabaseUrl, sort_by: Any) -> None:
    with pytest.raises(InvalidSortError):
        await paginate(User.all(), sort_by=sort_by)
    with pytest.raises(InvalidSortError):
        await paginate_by_cursor(User.all(), sort_by=sort_by)
    assert statements._statement_of.cache_info().currsize == 0


@pytest.mark.parametrize("version", ["1.2.0", "2.0", "1.10.0"])
async def test_another_tortoise_goes_its_own_way(
    db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr(tortoise, "__version__", version)
    assert prepared(MediaRequest.all()) is None
    assert (await paginate(MediaRequest.all())).data == []


@pytest.mark.parametrize("lost", ["_orderings", "_prefetch_map"])
async def test_a_query_set_with_something_new_goes_its_own_way(
    db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    monkeypatch.setattr(support, "STATE", support.STATE - {lost})
    assert prepared(MediaRequest.all()) is None


async def test_a_name_that_is_gone_lets_it_go_its_own_way(db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(support, "_QUERY_SET_METHODS", ("_nothing",))
    assert prepared(MediaRequest.all()) is None


async def test_after_tortoise_was_initialised_again_it_is_made_again(
    db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, made: list[str]
) -> None:
    assert prepared(MediaRequest.all()) is not None
    meta = MediaRequest._meta
    monkeypatch.setattr(meta, "basequery_all_fields", copy.copy(meta.basequery_all_fields))
    assert prepared(MediaRequest.all()) is not None
    assert prepared(MediaRequest.all()) is not None
    assert made == ["MediaRequest"] * 2


class _Upper:
    """An attribute that changes what is assigned."""

    def __set__(self, instance: Any, value: str) -> None:
        vars(instance)["title"] = value.upper()


async def test_an_attribute_of_the_class_gets_its_value(db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MediaRequest, "title", _Upper(), raising=False)
    row = dict.fromkeys(MediaRequest._meta.db_fields) | {"title": "a", "other": 1}
    hydrate = _made.__wrapped__(MediaRequest, tuple(row), 0)
    assert hydrate is not None
    [made] = hydrate([row.values()])
    assert vars(made) == vars(MediaRequest._init_from_db(**row))
    assert vars(made)["title"] == "A"


async def test_many_at_once_get_their_own_rows(fresh_db: DatabaseUrl) -> None:
    users = [await make_requests(count) for count in range(1, 9)]

    async def page(user: User, count: int) -> None:
        result = await paginate(MediaRequest.filter(user_id=user.id), limit=count)
        assert [row.user_id for row in result.data] == [user.id] * count
        cursors = await paginate_by_cursor(MediaRequest.filter(user_id=user.id), limit=count)
        assert cursors.data == result.data

    await asyncio.gather(*(page(user, count) for count, user in enumerate(users, start=1) for _ in range(5)))


async def test_a_transaction_sees_its_own_rows(fresh_db: DatabaseUrl) -> None:
    assert (await paginate(MediaRequest.all())).pagination.total == 0
    async with transaction():
        await make_requests(2)
        assert (await paginate(MediaRequest.all())).pagination.total == 2
        assert len((await paginate_by_cursor(MediaRequest.all())).data) == 2
    assert (await paginate(MediaRequest.all())).pagination.total == 2
