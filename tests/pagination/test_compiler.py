"""The query sets that are compiled, and those for which Tortoise must build the query."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import tortoise
from tortoise.context import TortoiseContext
from tortoise.expressions import F, Q, RawSQL, Subquery
from tortoise.functions import Lower
from tortoise.query_utils import Prefetch
from tortoise.queryset import AwaitableQuery, QuerySet

from medianest_models.enums import RequestStatus
from medianest_models.models import MediaRequest, MediaRequestStatusUpdate, Service, User
from medianest_models.pagination import compiler, paginate, paginate_by_cursor
from medianest_models.pagination.arguments import choose_ordering
from medianest_models.pagination.compiler import Select, compile_select
from medianest_models.settings import DatabaseUrl
from tests.pagination.random_querysets import IDS
from tests.pagination.rows import make_requests


def forget() -> None:
    """Clear the caches about query sets, models and filters."""
    for cache in (compiler._state_at_first, compiler._columns_and_order, compiler._lookup):
        cache.cache_clear()


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Clear the caches before and after the test."""
    forget()
    yield
    forget()


def compiled(queryset: QuerySet[Any]) -> Select | None:
    """Compile a query set in its own order."""
    model: Any = queryset.model
    return compile_select(queryset, choose_ordering(model, tuple(queryset._orderings), None, "desc"))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the models whose queries Tortoise builds, in order."""
    found: list[str] = []
    stock = QuerySet._make_query

    def make_query(queryset: QuerySet[Any]) -> None:
        found.append(queryset.model.__name__)
        stock(queryset)

    monkeypatch.setattr(QuerySet, "_make_query", make_query)
    return found


async def test_tortoise_makes_no_query_of_plain_ones(db: DatabaseUrl, made: list[str]) -> None:
    ada, bob = await make_requests(3), await make_requests(5)
    for user, total in ((ada, 3), (bob, 5)):
        page = await paginate(MediaRequest.filter(user_id=user.id), limit=2)
        assert [row.user_id for row in page.data] == [user.id] * 2
        assert page.pagination.total == total
    first = await paginate_by_cursor(MediaRequest.all(), limit=3)
    second = await paginate_by_cursor(MediaRequest.all(), limit=3, cursor=first.next_cursor)
    third = await paginate_by_cursor(MediaRequest.all(), limit=3, cursor=second.next_cursor)
    assert len({row.id for row in (*first.data, *second.data, *third.data)}) == 8
    assert made == []


async def test_what_it_writes(db: DatabaseUrl) -> None:
    condition = ~Q(title="a", tmdb_id__not="b") | Q(status__in=["pending", RequestStatus.FAILED])
    select = compiled(MediaRequest.filter(condition, completed_at=None).order_by("title", "-status"))
    assert select is not None
    _, rows, source, values, _ = select
    where = (
        'FROM "media_requests" WHERE (NOT ("title"=$1 AND ("tmdb_id"<>$2 OR "tmdb_id" IS NULL))'
        ' OR "status" IN ($3,$4)) AND "completed_at" IS NULL'
    )
    assert rows.partition("FROM ")[2] == where.removeprefix("FROM ") + ' ORDER BY "title" ASC,"status" DESC,"id" DESC'
    assert source == where
    assert values == ["a", "b", "pending", "failed"]


PLAIN: dict[str, Any] = {
    "nothing": MediaRequest.all,
    "text": lambda: MediaRequest.filter(title="a"),
    "negated": lambda: User.exclude(email="a_b"),
    "not equal": lambda: User.filter(email__not="a_b"),
    "not equal, negated": lambda: User.exclude(email__not="a_b"),
    "not in": lambda: User.filter(email__not_in=["a_b", "b"]),
    "in, negated": lambda: User.exclude(email__in=["a_b", "b"]),
    "several": lambda: MediaRequest.filter(Q(title="a", media_type="a")),
    "several, one of them": lambda: MediaRequest.filter(Q(title="a", media_type="a", join_type="OR")),
    "several, negated": lambda: MediaRequest.filter(~Q(Q(title="a"), Q(media_type="a"))),
    "grouped": lambda: MediaRequest.filter(Q(Q(title="a"), Q(tmdb_id="1"), join_type="OR"), Q(imdb_id="2")),
    "grouped otherwise": lambda: MediaRequest.filter(Q(title="a") | Q(Q(tmdb_id="1"), Q(imdb_id="2"))),
    "nothing in it": lambda: MediaRequest.filter(Q(Q(), ~Q(), join_type="OR"), ~Q(Q(), Q(title="a"))),
    "enum": lambda: MediaRequest.filter(status=RequestStatus.PENDING),
    "enum's value": lambda: MediaRequest.filter(status="pending"),
    "list": lambda: MediaRequest.filter(status__in=["pending", RequestStatus.FAILED]),
    "other collections": lambda: MediaRequest.filter(title__in={"a"}, tmdb_id__in=("a",), imdb_id__in=frozenset("a")),
    "None": lambda: MediaRequest.filter(completed_at=None),
    "isnull": lambda: MediaRequest.filter(completed_at__isnull=False),
    "Q": lambda: MediaRequest.filter(~Q(title="a") | Q(Q(title__gte="b"), ~Q(tmdb_id__not="c"))),
    "document": lambda: MediaRequest.filter(request_data={"a": 1}),
    "integer key": lambda: Service.filter(pk=1, enabled=True),
    "relation's key": lambda: MediaRequest.filter(user_id=IDS[0]),
    "another database": lambda: MediaRequest.all().using_db(MediaRequest._meta.db),
    "Tortoise's own query set": lambda: QuerySet(User).filter(plex_id="a"),
}


@pytest.mark.parametrize("name", PLAIN)
async def test_is_plain(db: DatabaseUrl, name: str) -> None:
    assert compiled(PLAIN[name]()) is not None


class _Other(QuerySet[Any]):
    def resolve_filters(self, fields_for_select: Any = None) -> None:
        super().resolve_filters(fields_for_select)


class _OtherQ(Q):
    pass


NOT_PLAIN: dict[str, Any] = {
    "asterisk": lambda: MediaRequest.filter(title="*"),
    "asterisk in a list": lambda: MediaRequest.filter(title__in=["a", "*"]),
    "empty list": lambda: MediaRequest.filter(title__in=[]),
    "no empty list": lambda: MediaRequest.filter(title__not_in=()),
    "generator": lambda: MediaRequest.filter(title__in=(text for text in "ab")),
    "range": lambda: MediaRequest.filter(title__range=("a", "b")),
    "like": lambda: MediaRequest.filter(title__contains="a"),
    "whatever the case": lambda: MediaRequest.filter(title__iexact="a"),
    "regex": lambda: MediaRequest.filter(title__posix_regex="a"),
    "part of an instant": lambda: MediaRequest.filter(created_at__year=2026),
    "comparison with None": lambda: MediaRequest.filter(completed_at__gt=None),
    "None in a list": lambda: MediaRequest.filter(title__in=["a", None]),
    "empty text that is NULL": lambda: User.filter(email=""),
    "part of a document": lambda: MediaRequest.filter(request_data__contains={"a": 1}),
    "negation of a negation": lambda: MediaRequest.filter(~Q(~Q(title__in=["a"]))),
    "relation": lambda: MediaRequest.filter(user__role="admin"),
    "relation that is there": lambda: MediaRequest.filter(user=User(id=IDS[0], plex_id="a", plex_username="a")),
    "relation to many": lambda: User.filter(media_requests__title="a"),
    "relation to many, its key": lambda: User.filter(media_requests=IDS[0]),
    "relation to many that is there": lambda: User.filter(media_requests__isnull=False),
    "column": lambda: MediaRequest.filter(tmdb_id=F("imdb_id")),
    "column for a UUID": lambda: MediaRequest.filter(user_id=F("id")),
    "column as a truth": lambda: MediaRequest.filter(title__isnull=F("imdb_id")),
    "function": lambda: MediaRequest.filter(tmdb_id=Lower("imdb_id")),
    "subquery": lambda: MediaRequest.filter(user_id__in=Subquery(User.all().values("id"))),
    "raw UUID": lambda: MediaRequest.filter(user_id=RawSQL("id")),
    "raw value": lambda: MediaRequest.filter(title=RawSQL("'a'")),
    "unknown name": lambda: MediaRequest.filter(nothing=1),
    "secret": lambda: User.filter(plex_token="a"),
    "secret that is there": lambda: User.filter(plex_token__isnull=True),
    "order by a secret": lambda: User.all().order_by("plex_token"),
    "order by a secret, and a wrong value": lambda: User.filter(role="nothing").order_by("plex_token"),
    "order by a relation": lambda: MediaRequest.all().order_by("user__plex_username"),
    "annotation": lambda: MediaRequest.annotate(one=RawSQL("1")),
    "only": lambda: MediaRequest.all().only("id"),
    "distinct": lambda: MediaRequest.all().distinct(),
    "limit": lambda: MediaRequest.all().limit(0),
    "offset": lambda: MediaRequest.all().offset(0),
    "select_related": lambda: MediaRequest.all().select_related("user"),
    "prefetch_related": lambda: MediaRequest.all().prefetch_related("user"),
    "prefetch": lambda: MediaRequest.all().prefetch_related(
        Prefetch("status_updates", MediaRequestStatusUpdate.filter(message="a"))
    ),
    "select_for_update": lambda: MediaRequest.all().select_for_update(),
    "group_by": lambda: MediaRequest.all().group_by("title"),
    "another query set": lambda: _Other(MediaRequest),
    "another Q": lambda: MediaRequest.filter(_OtherQ(title="a")),
    "another Q inside": lambda: MediaRequest.filter(Q(_OtherQ(title="a"), Q(title="b"))),
}


@pytest.mark.parametrize("name", NOT_PLAIN)
async def test_is_not_plain(db: DatabaseUrl, name: str) -> None:
    assert compiled(NOT_PLAIN[name]()) is None


STATE = sorted({*AwaitableQuery.__slots__, *QuerySet.__slots__})
READ = {"_capabilities", "_db", "_orderings", "_q_objects", "fields", "model", "query"}


@pytest.mark.parametrize("name", [name for name in STATE if name not in READ])
async def test_a_query_set_that_holds_more_is_not_plain(db: DatabaseUrl, name: str) -> None:
    queryset = MediaRequest.all()
    setattr(queryset, name, "more")
    assert compiled(queryset) is None


@pytest.mark.parametrize("version", ["1.2.0", "2.0", "1.10.0"])
async def test_another_tortoise_makes_every_query(
    db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr(tortoise, "__version__", version)
    assert compiled(MediaRequest.all()) is None
    assert (await paginate(MediaRequest.all())).data == []
    assert (await paginate_by_cursor(MediaRequest.all())).data == []


async def test_so_it_does_where_models_are_made_in_another_way(
    db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MediaRequest, "_init_from_db", classmethod(lambda cls, **row: cls(**row)), raising=False)
    assert compiled(MediaRequest.all()) is None


@pytest.mark.parametrize(
    ("where", "name", "value"),
    [
        (MediaRequest._meta, "schema", "other"),
        (MediaRequest._meta.fields_map["title"], "function_cast", Lower),
        (MediaRequest._meta.fields_map["id"], "function_cast", Lower),  # of the order
    ],
)
async def test_so_it_does_for_a_table_of_another_schema_and_a_column_that_is_cast(
    db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, where: Any, name: str, value: Any
) -> None:
    assert compiled(MediaRequest.filter(title="a")) is not None
    forget()
    monkeypatch.setattr(where, name, value, raising=False)
    assert compiled(MediaRequest.filter(title="a")) is None


@pytest.mark.parametrize("more", [{"collation": "C"}, {"value_encoder": str}])
async def test_so_it_does_for_a_filter_of_another_kind(
    db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]
) -> None:
    monkeypatch.setitem(MediaRequest._meta.filters, "title", {**MediaRequest._meta.filters["title"], **more})
    assert compiled(MediaRequest.filter(title="a")) is None


class _Odd:
    """A value that only its field supports."""


@pytest.mark.parametrize("encoded", [None, _Odd(), b"a", RequestStatus.PENDING, ["a"], F("id")])
async def test_so_it_does_for_a_value_that_is_encoded_in_another_way(
    db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, encoded: Any
) -> None:
    monkeypatch.setattr(MediaRequest._meta.fields_map["title"], "to_db_value", lambda *_: encoded)
    assert compiled(MediaRequest.filter(title="a")) is None
    assert compiled(MediaRequest.filter(title__in=["a"])) is None


async def test_another_engine_gets_the_query_from_tortoise(fresh_url: DatabaseUrl, made: list[str]) -> None:
    stock = {"engine": "tortoise.backends.asyncpg", "credentials": dict(fresh_url.connect_arguments())}
    config = {
        "connections": {"default": stock},
        "apps": {"models": {"models": ["medianest_models.models"], "default_connection": "default"}},
    }
    async with TortoiseContext() as context:
        await context.init(config=config)
        assert (await paginate(User.all())).data == []
    assert "User" in made
