from __future__ import annotations

from typing import Any

import pytest
from tortoise.functions import Count
from tortoise.query_utils import Prefetch

from medianest_models.enums import DownloadPriority, ServiceStatus
from medianest_models.errors import InvalidPaginationError, InvalidSortError
from medianest_models.models import ActivityLog, MediaRequest, Service, ServiceStatusHistory, User, YouTubeDownload
from medianest_models.pagination import paginate_by_cursor, paginate_by_cursor_json
from medianest_models.schemas import YouTubeDownloadRead
from medianest_models.settings import DatabaseUrl
from tests.pagination.rows import START, instant, make_checks, make_requests, make_service, ordered_ids, recorded, walk


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_sorts_by_every_kind_of_column(db: DatabaseUrl, order: Any) -> None:
    users = [await User.create(plex_id=str(number), plex_username="same") for number in range(2)]
    await Service.bulk_create([Service(name=f"s{n}", display_name="é 'q\\", enabled=n % 2 == 0) for n in range(5)])
    await YouTubeDownload.bulk_create(
        [
            YouTubeDownload(
                user_id=users[number % 2].id,
                playlist_url=f"https://example.org/{number}",
                priority=list(DownloadPriority)[number % 3],
                playlist_title=[None, "", "*", "b"][number % 4],
                created_at=instant(number // 2),
                completed_at=[None, START][number % 2],
            )
            for number in range(7)
        ]
    )
    await ActivityLog.bulk_create(
        [ActivityLog(action="a", user_id=[None, users[0].id, users[1].id][n % 3], created_at=START) for n in range(7)]
    )
    for model, columns in (
        (YouTubeDownload, ["status", "priority", "playlist_title", "user_id", "id", "completed_at", "created_at"]),
        (Service, ["enabled", "display_name", "id", "name"]),
        (ActivityLog, ["user_id", "entity_type", "created_at"]),
    ):
        for column in columns:
            expected = await ordered_ids(model._meta.db_table, column, order)
            walked = await walk(model.all(), limit=2, sort_by=column, sort_order=order)
            assert walked.forward == walked.backward == expected


async def test_follows_a_one_column_order_of_the_query_set(db: DatabaseUrl) -> None:
    await make_requests(4)
    for given in (("title",), ("title", "id")):
        walked = await walk(MediaRequest.all().order_by(*given), limit=3)
        assert walked.forward == await ordered_ids("media_requests", "title", "asc")
    walked = await walk(MediaRequest.all().order_by("title"), limit=3, sort_by="created_at")
    assert walked.forward == await ordered_ids("media_requests", "created_at", "desc")


@pytest.mark.parametrize(
    "given", [("title", "status"), ("title", "-id"), ("user__plex_username",), ("title", "id", "status"), ("low",)]
)
async def test_refuses_another_order_of_the_query_set(db: DatabaseUrl, given: Any) -> None:
    with pytest.raises(InvalidSortError):
        await paginate_by_cursor(MediaRequest.annotate(low=Count("id")).order_by(*given))


async def test_refuses_a_limit_an_order_and_a_slice(db: DatabaseUrl) -> None:
    with pytest.raises(InvalidPaginationError, match=r"^limit: "):
        await paginate_by_cursor(MediaRequest.all(), limit=101)
    with pytest.raises(InvalidSortError, match=r"^sort_order: "):
        await paginate_by_cursor(MediaRequest.all(), sort_order="up")  # type: ignore[arg-type]
    with pytest.raises(InvalidPaginationError, match=r"^queryset: "):
        await paginate_by_cursor(MediaRequest.all().limit(3))


# The number of statements


async def test_a_page_takes_one_statement(db: DatabaseUrl) -> None:
    await make_requests(5)
    cursor = None
    async with recorded() as recording:
        for _ in range(3):
            cursor = (await paginate_by_cursor(MediaRequest.all(), limit=2, cursor=cursor)).next_cursor
    assert cursor is None
    assert len(recording) == 3


async def test_a_page_that_reaches_the_rows_without_a_value_takes_two(db: DatabaseUrl) -> None:
    service = await make_service()
    await make_checks(service, [{"response_time_ms": number} for number in (1, 2, 3, 4, 5, 6, None, None, None, None)])
    counts, cursor = [], None
    for _ in range(5):
        async with recorded() as recording:
            page = await paginate_by_cursor(
                ServiceStatusHistory.all(), limit=2, cursor=cursor, sort_by="response_time_ms", sort_order="asc"
            )
        counts.append(len(recording))
        cursor = page.next_cursor
    assert counts == [1, 1, 2, 2, 1]


# While others insert and delete


async def test_a_page_whose_rows_were_deleted_is_empty_and_leads_back(db: DatabaseUrl) -> None:
    await make_requests(4)
    first = await paginate_by_cursor(MediaRequest.all(), limit=2)
    await MediaRequest.filter(title__in=["Title 1", "Title 0"]).delete()
    end = await paginate_by_cursor(MediaRequest.all(), limit=2, cursor=first.next_cursor)
    assert (end.data, end.next_cursor) == ([], None)
    back = await paginate_by_cursor(MediaRequest.all(), limit=2, cursor=end.previous_cursor)
    assert back.data == first.data
    assert back.previous_cursor is None

    second = await paginate_by_cursor(MediaRequest.all(), limit=1, cursor=first.previous_cursor)
    cursor = (await paginate_by_cursor(MediaRequest.all(), limit=1, cursor=second.next_cursor)).previous_cursor
    await MediaRequest.filter(title="Title 3").delete()
    start = await paginate_by_cursor(MediaRequest.all(), limit=1, cursor=cursor)
    assert (start.data, start.previous_cursor) == ([], None)
    forth = await paginate_by_cursor(MediaRequest.all(), limit=1, cursor=start.next_cursor)
    assert [row.title for row in forth.data] == ["Title 2"]


# Features of query sets


async def test_relations_come_along_on_a_page_of_two_statements(db: DatabaseUrl) -> None:
    service = await make_service()
    await make_checks(service, [{"response_time_ms": number} for number in (1, 2, None)])
    history = Prefetch("status_history", queryset=ServiceStatusHistory.filter(response_time_ms=1))
    queryset = ServiceStatusHistory.all().prefetch_related(
        Prefetch("service", queryset=Service.all().prefetch_related(history))
    )
    first = await paginate_by_cursor(queryset, limit=1, sort_by="response_time_ms", sort_order="asc")
    second = await paginate_by_cursor(queryset, cursor=first.next_cursor, sort_by="response_time_ms", sort_order="asc")
    assert [row.response_time_ms for row in second.data] == [2, None]
    assert [[check.response_time_ms for check in row.service.status_history] for row in second.data] == [[1], [1]]


async def test_only(db: DatabaseUrl) -> None:
    await make_requests(5)
    for queryset in (MediaRequest.all().only("title"), MediaRequest.all().only("title").distinct()):
        for kwargs in ({}, {"sort_by": "status"}, {"sort_by": "id"}):
            walked = await walk(queryset, limit=2, **kwargs)
            assert walked.forward == walked.backward
            assert len(walked.forward) == 5


async def test_filters_hold_on_every_page(db: DatabaseUrl) -> None:
    service = await make_service()
    statuses = [ServiceStatus.UP, ServiceStatus.DOWN] * 4
    await make_checks(
        service, [{"status": status, "response_time_ms": [None, 1][n // 4]} for n, status in enumerate(statuses)]
    )
    queryset = ServiceStatusHistory.filter(status=ServiceStatus.DOWN)
    for order in ("asc", "desc"):
        walked = await walk(queryset, limit=1, sort_by="response_time_ms", sort_order=order)
        assert sorted(walked.forward) == sorted(row.id for row in await queryset)
        assert walked.forward == walked.backward


@pytest.mark.parametrize("call", [paginate_by_cursor, paginate_by_cursor_json])
async def test_a_cursor_shows_nothing_that_the_schema_hides(db: DatabaseUrl, call: Any) -> None:
    """Refuse the column: a cursor holds its value of the page's last row, for all to read."""
    hidden = r"^sort_by: YouTubeDownloadRead does not show 'worker_id', which a cursor would$"
    with pytest.raises(InvalidSortError, match=hidden):
        await call(YouTubeDownload.all(), sort_by="worker_id", schema=YouTubeDownloadRead)
    await call(YouTubeDownload.all(), sort_by="priority", schema=YouTubeDownloadRead)
    await paginate_by_cursor(YouTubeDownload.all(), sort_by="worker_id")
