"""For any query set, the compiled statements return the same rows and mean the same as Tortoise's."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from medianest_models.models import MediaRequest, User
from medianest_models.pagination import paginate, paginate_by_cursor
from medianest_models.schemas import MediaRequestRead, UserWithoutSecrets
from medianest_models.settings import DatabaseUrl
from tests.pagination.both_ways import Statements, make_rows
from tests.pagination.random_querysets import RandomQuerySet, query_sets
from tests.pagination.test_compiler import NOT_PLAIN, PLAIN

SORTS: Final[st.SearchStrategy[dict[str, Any]]] = st.fixed_dictionaries(
    {
        "sort_by": st.sampled_from([*[None] * 8, *["id"] * 4, "created_at", "title", "plex_token", "status", 1, []]),
        "sort_order": st.sampled_from(["asc", "desc"]),
    }
)
# The rows are made once, because all examples only read them.
READING: Final = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
    max_examples=120,
)


@pytest.fixture
async def rows(db: DatabaseUrl) -> None:
    await make_rows()


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Statements:
    return Statements(monkeypatch)


@READING
@given(queryset=query_sets(), page=st.integers(1, 3), limit=st.integers(1, 4), sort=SORTS)
async def test_numbered_pages(
    rows: None, statements: Statements, *, queryset: RandomQuerySet, page: int, limit: int, sort: dict[str, Any]
) -> None:
    await statements.same(lambda: paginate(queryset.build(), page=page, limit=limit, **sort))


@READING
@given(queryset=query_sets(), limit=st.integers(1, 4), sort=SORTS)
async def test_pages_by_cursor(
    rows: None, statements: Statements, *, queryset: RandomQuerySet, limit: int, sort: dict[str, Any]
) -> None:
    def run(cursor: str | None) -> Any:
        return paginate_by_cursor(queryset.build(), limit=limit, cursor=cursor, **sort)

    first = await statements.same(partial(run, None))
    if first is not None and first.next_cursor is not None:
        second = await statements.same(partial(run, first.next_cursor))
        await statements.same(partial(run, second.previous_cursor))


CASES = {name: make for name, make in {**PLAIN, **NOT_PLAIN}.items() if name != "generator"}  # usable only once


@pytest.mark.parametrize("name", CASES)
async def test_each_case(rows: None, statements: Statements, name: str) -> None:
    await statements.same(lambda: paginate(CASES[name](), limit=2))
    await statements.same(lambda: paginate_by_cursor(CASES[name](), limit=2, sort_by="id"))


@pytest.mark.parametrize(("queryset", "schema"), [(MediaRequest.all, MediaRequestRead), (User.all, UserWithoutSecrets)])
async def test_schemas(rows: None, statements: Statements, queryset: Any, schema: Any) -> None:
    page = await statements.same(lambda: paginate(queryset(), limit=4, schema=schema))
    assert [type(row) for row in page.data] == [schema] * 4
