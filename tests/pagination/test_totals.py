"""Totals that are counted up to a limit, or not at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tortoise.functions import Count, Lower
from tortoise.queryset import QuerySet

from medianest_models.errors import InvalidPaginationError
from medianest_models.models import MediaRequest, User
from medianest_models.pagination import pages, paginate
from medianest_models.schemas import MediaRequestRead
from medianest_models.settings import DatabaseUrl
from tests.pagination.rows import make_requests, recorded


@pytest.fixture
def _at_most_three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MAX_COUNTED", 3)


BUILDS: list[Any] = [MediaRequest.all, lambda: MediaRequest.annotate(low=Lower("title"))]
BOTH_BUILDS = pytest.mark.parametrize("build", BUILDS, ids=["compiled", "built by Tortoise"])


@BOTH_BUILDS
@pytest.mark.usefixtures("_at_most_three")
@pytest.mark.parametrize(
    ("rows", "page", "found"),
    [
        (0, 1, (0, 0, False)),
        (0, 2, (0, 0, False)),
        (1, 1, (1, 1, False)),
        (2, 1, (2, 1, False)),
        (3, 1, (3, 2, False)),
        (3, 2, (3, 2, False)),
        (3, 3, (3, 2, False)),
        (4, 1, (3, 2, True)),
        (4, 2, (3, 2, True)),
        (5, 3, (3, 2, True)),
        (5, 9, (3, 2, True)),
    ],
)
async def test_a_capped_total_is_exact_up_to_the_cap(
    db: DatabaseUrl, build: Any, rows: int, page: int, found: tuple[int, int, bool]
) -> None:
    await make_requests(rows)
    result = await paginate(build(), page=page, limit=2, total="capped")
    exact = await paginate(build(), page=page, limit=2)
    assert result.data == exact.data
    assert (result.pagination.total, result.pagination.total_pages, result.pagination.more) == found


@BOTH_BUILDS
async def test_an_uncounted_page_takes_one_statement_without_a_count(db: DatabaseUrl, build: Any) -> None:
    await make_requests(5)
    for page in (1, 2, 3, 4):
        async with recorded() as recording:
            result = await paginate(build(), page=page, limit=2, total=None)
        assert len(recording) == 1
        assert "count" not in recording[0].lower()
        assert result.data == (await paginate(build(), page=page, limit=2)).data
        assert (result.pagination.total, result.pagination.total_pages) == (None, None)


@pytest.mark.usefixtures("_at_most_three")
async def test_in_json(db: DatabaseUrl) -> None:
    await make_requests(4)
    capped = await paginate(MediaRequest.all(), limit=2, schema=MediaRequestRead, total="capped")
    place = {"page": 1, "limit": 2, "total": 3, "totalPages": 2, "more": True}
    assert json.loads(capped.model_dump_json())["pagination"] == place
    uncounted = await paginate(MediaRequest.all(), limit=2, schema=MediaRequestRead, total=None)
    assert json.loads(uncounted.model_dump_json())["pagination"] == {
        "page": 1, "limit": 2, "total": None, "totalPages": None
    }  # fmt: skip


@pytest.mark.parametrize("total", ["exact", "capped"])
async def test_counts_the_rows_of_its_page_even_if_they_are_deleted_meanwhile(
    db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, total: Any
) -> None:
    count = pages._count

    async def delete_and_count(*arguments: Any) -> int:
        await MediaRequest.all().delete()
        return await count(*arguments)

    monkeypatch.setattr(pages, "_count", delete_and_count)
    await make_requests(3)
    result = await paginate(MediaRequest.annotate(low=Lower("title")), page=2, limit=1, total=total)
    assert (len(result.data), result.pagination.total, result.pagination.total_pages) == (1, 2, 2)


@pytest.mark.parametrize("total", ["", "all", True, 0, 10_000])
async def test_refuses_another_total(db: DatabaseUrl, total: Any) -> None:
    with pytest.raises(InvalidPaginationError, match=r"^total: must be exact, capped or None, not "):
        await paginate(MediaRequest.all(), total=total)


@pytest.mark.usefixtures("_at_most_three")
async def test_rows_that_tortoise_counts(db: DatabaseUrl) -> None:
    await make_requests(3)
    bob = await make_requests(2)
    querysets: list[tuple[QuerySet[User], int]] = [
        (User.annotate(requests=Count("media_requests")).filter(requests__gte=2), 2),
        (User.filter(media_requests__media_type="movie").distinct(), 2),
        (User.filter(media_requests__media_type="movie", id=bob.id), 2),
        (User.filter(media_requests__media_type="movie"), 3),
        (User.filter(media_requests__media_type="movie").distinct().order_by("plex_username"), 2),
        (User.all().only("plex_username"), 2),
    ]
    for queryset, total in querysets:
        async with recorded() as recording:
            result = await paginate(queryset, page=9, limit=1, total="capped")
        assert "LIMIT" in recording[-1]
        assert result.pagination.total == total
        assert result.pagination.more == (await queryset.count() > 3)
