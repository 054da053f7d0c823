"""Whatever the query set is: with the known shapes and without them, the same statements and equal instances."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tortoise.expressions import F, Q

from medianest_models.models import MediaRequest, Service, User
from medianest_models.pagination import paginate, paginate_by_cursor
from medianest_models.pagination.shapes import statements as known
from medianest_models.schemas import MediaRequestRead, UserWithoutSecrets
from tests.pagination.both_ways import Statements, make_rows
from tests.pagination.random_querysets import IDS, QuerySets, query_sets

if TYPE_CHECKING:
    from typing import TypeAlias

    from medianest_models.settings import DatabaseUrl

    Sorts: TypeAlias = tuple[dict[str, Any], dict[str, Any]]

_SORT: Final[st.SearchStrategy[dict[str, Any]]] = st.fixed_dictionaries(
    {
        "sort_by": st.sampled_from([*[None] * 8, *["id"] * 4, "created_at", "title", "plex_token", "status", 1, []]),
        "sort_order": st.sampled_from(["asc", "desc"]),
    }
)
SORTS: Final = _SORT.map(lambda sort: (sort, sort)) | st.tuples(_SORT, _SORT)
# The rows are made once for all examples, which only read.
READING: Final = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=120
)


@pytest.fixture
async def rows(db: DatabaseUrl) -> None:
    await make_rows()


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Statements:
    return Statements(monkeypatch)


@READING
@given(querysets=query_sets(), page=st.integers(1, 3), limit=st.integers(1, 4), sorts=SORTS)
async def test_numbered_pages(
    rows: None, statements: Statements, *, querysets: QuerySets, page: int, limit: int, sorts: Sorts
) -> None:
    for which in (0, 1):  # the second one finds what the first one has left; it may be nearly of its shape

        def run(which: int = which) -> Any:
            return paginate(querysets.build(which), page=page, limit=limit, **sorts[which])

        await statements.same(run)


@READING
@given(querysets=query_sets(), limit=st.integers(1, 4), sorts=SORTS)
async def test_pages_by_cursor(
    rows: None, statements: Statements, *, querysets: QuerySets, limit: int, sorts: Sorts
) -> None:
    for which in (0, 1):

        def run(cursor: str | None, which: int = which) -> Any:
            return paginate_by_cursor(querysets.build(which), limit=limit, cursor=cursor, **sorts[which])

        first = await statements.same(partial(run, None))
        if first is not None and first.next_cursor is not None:
            second = await statements.same(partial(run, first.next_cursor))
            await statements.same(partial(run, second.previous_cursor))


ALIKE: dict[str, list[Any]] = {
    "negated": [lambda: MediaRequest.filter(title="a"), lambda: MediaRequest.exclude(title="a")],
    "joined": [
        lambda: MediaRequest.filter(Q(title="a", media_type="*a")),
        lambda: MediaRequest.filter(Q(title="a", media_type="*a", join_type="OR")),
        lambda: MediaRequest.filter(Q(Q(title="a"), Q(media_type="*a"), join_type="OR")),
        lambda: MediaRequest.filter(Q(Q(title="a"), Q(media_type="*a"))),
    ],
    "grouped": [
        lambda: MediaRequest.filter(Q(Q(title="a"), Q(tmdb_id="1"), join_type="OR"), Q(imdb_id="2")),
        lambda: MediaRequest.filter(Q(title="a"), Q(Q(tmdb_id="1"), Q(imdb_id="2"), join_type="OR")),
    ],
    "NULL": [lambda: User.filter(email="a_b"), lambda: User.filter(email=None), lambda: User.filter(email="")],
    "not NULL": [lambda: User.filter(email__not="a_b"), lambda: User.filter(email__not=None)],
    "isnull": [lambda: User.filter(email__isnull=True), lambda: User.filter(email__isnull=False)],
    "list": [
        lambda: MediaRequest.filter(tmdb_id__in=["1"]),
        lambda: MediaRequest.filter(tmdb_id__in=["1", "2", "3"]),
        lambda: MediaRequest.filter(tmdb_id__in=[]),
        lambda: MediaRequest.filter(tmdb_id__in=["2", "*"]),
    ],
    "asterisk": [lambda: MediaRequest.filter(media_type="a"), lambda: MediaRequest.filter(media_type="*")],
    "distinct": [lambda: User.filter(role="user"), lambda: User.filter(role="user").distinct()],
    "order": [lambda: User.all().order_by("plex_id"), lambda: User.all().order_by("-plex_id"), User.all],
    "key": [lambda: Service.filter(id=1), lambda: Service.filter(pk=1), lambda: Service.filter(id__not=1)],
    "boolean": [lambda: Service.filter(enabled=True), lambda: Service.filter(enabled=False)],
    "column": [lambda: MediaRequest.filter(user_id=IDS[0]), lambda: MediaRequest.filter(user_id=F("id"))],
    "values in the other order": [
        lambda: MediaRequest.filter(title="a", user_id=IDS[0]),
        lambda: MediaRequest.filter(user_id=IDS[0], title="a"),
    ],
}


@pytest.mark.parametrize("name", ALIKE)
async def test_alike(rows: None, statements: Statements, name: str) -> None:
    known._statement_of.cache_clear()
    for make in ALIKE[name] * 2:
        await statements.same(lambda make=make: paginate(make(), limit=2))  # type: ignore[misc]
        await statements.same(lambda make=make: paginate_by_cursor(make(), limit=2, sort_by="id"))  # type: ignore[misc]


@pytest.mark.parametrize(("queryset", "schema"), [(MediaRequest.all, MediaRequestRead), (User.all, UserWithoutSecrets)])
async def test_schemas(rows: None, statements: Statements, queryset: Any, schema: Any) -> None:
    for _ in range(2):
        page = await statements.same(lambda: paginate(queryset(), limit=4, schema=schema))
        assert [type(row) for row in page.data] == [schema] * 4
