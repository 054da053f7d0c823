"""A page is read from the index with its order, at any depth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from medianest_models.db.statements import fetch
from medianest_models.enums import DownloadStatus, RequestStatus
from medianest_models.models import ActivityLog, MediaRequest, ServiceStatusHistory, User, YouTubeDownload
from medianest_models.pagination import (
    PaginationParams,
    pages,
    paginate,
    paginate_by_cursor,
    paginate_by_cursor_json,
    paginate_json,
)
from medianest_models.pagination.arguments import choose_column
from medianest_models.pagination.cursors import CursorCodec, Position
from medianest_models.schemas import MediaRequestRead
from medianest_models.settings import DatabaseUrl
from tests.plans.big_rows import ROWS, row_id
from tests.plans.conftest import Plan, explain_calls, index_names, nodes, page_plan, seq_scans

LISTS: list[tuple[Any, str]] = [
    (MediaRequest.all, "ix_media_requests_created_at"),
    (lambda: MediaRequest.filter(user_id=row_id(7)), "ix_media_requests_user_id_created_at"),
    (lambda: MediaRequest.filter(status=RequestStatus.FAILED), "ix_media_requests_status_created_at"),
    (YouTubeDownload.all, "ix_youtube_downloads_created_at"),
    (lambda: YouTubeDownload.filter(user_id=row_id(7)), "ix_youtube_downloads_user_id_created_at"),
    (lambda: YouTubeDownload.filter(status=DownloadStatus.QUEUED), "ix_youtube_downloads_status_created_at"),
    (lambda: ServiceStatusHistory.filter(service_id=1), "ix_service_status_history_service_id_checked_at"),
    (ActivityLog.all, "ix_activity_logs_created_at"),
    (User.all, "ix_users_created_at"),
]
ORDERS = pytest.mark.parametrize("order", ["asc", "desc"])
EACH_LIST = pytest.mark.parametrize(("queryset", "index"), LISTS, ids=[index for _, index in LISTS])


@EACH_LIST
@ORDERS
async def test_a_numbered_page(big_database: DatabaseUrl, queryset: Any, index: str, order: Any) -> None:
    (plan,) = await explain_calls(paginate(queryset(), sort_order=order))
    page = page_plan(plan)
    assert index_names(page) == {index}
    assert not seq_scans(page)
    assert "Sort" not in {node["Node Type"] for node in nodes(page)}


@EACH_LIST
@pytest.mark.parametrize("page", [1, 10_000], ids=["full", "past the end"])
async def test_a_capped_total_never_reads_more_than_its_cap(
    big_database: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, queryset: Any, index: str, page: int
) -> None:
    monkeypatch.setattr(pages, "MAX_COUNTED", 50)
    plan = (await explain_calls(paginate(queryset(), limit=10, page=page, total="capped"), analyze=True))[-1]
    counts = [node for node in nodes(plan) if node["Node Type"] == "Aggregate"]
    (counted,) = [child for node in counts for child in node["Plans"] if child["Node Type"] == "Limit"]
    assert sum(node["Actual Rows"] for node in nodes(counted) if "Relation Name" in node) <= 51


@EACH_LIST
@ORDERS
async def test_pages_along_cursors(big_database: DatabaseUrl, queryset: Any, index: str, order: Any) -> None:
    first = await paginate_by_cursor(queryset(), sort_order=order)
    second = await paginate_by_cursor(queryset(), sort_order=order, cursor=first.next_cursor)
    for cursor in (None, first.next_cursor, second.previous_cursor):
        (plan,) = await explain_calls(paginate_by_cursor(queryset(), sort_order=order, cursor=cursor))
        assert index_names(plan) == {index}
        for scan in (node for node in nodes(plan) if "Index Name" in node):  # of each partition
            assert ("_at" in scan.get("Index Cond", "")) == (cursor is not None)
        # The index of the checks has no id, so that those of one instant are read, and some of them filtered out.
        filtered = {node.get("Relation Name") for node in nodes(plan) if "Filter" in node}
        assert filtered <= {"service_status_history", "a small partition"}


@pytest.mark.parametrize(
    ("queryset", "sort_by"),
    [
        (MediaRequest.all, "created_at"),
        (MediaRequest.all, "overseerr_id"),  # NULL in every second row, and its index has no id
        (lambda: MediaRequest.filter(status=RequestStatus.AVAILABLE), "created_at"),
        (User.all, "id"),
    ],
    ids=["all", "nullable", "filtered", "by id"],
)
async def test_the_cost_of_a_page_does_not_grow_with_depth(
    big_database: DatabaseUrl, queryset: Any, sort_by: str
) -> None:
    """Count the blocks of the table and of the index that are read."""
    ordering = choose_column(queryset().model, (), sort_by, "asc")
    codec = CursorCodec.of(queryset(), ordering)
    depths = []
    for number in (100, ROWS // 2, ROWS - 100):
        row = await queryset().model.get(id=row_id(number))
        cursor = codec.encode(Position(False, False, getattr(row, sort_by), row.id))  # noqa: FBT003 - like a cursor
        plans = await explain_calls(
            paginate_by_cursor(queryset(), sort_by=sort_by, sort_order="asc", cursor=cursor), analyze=True
        )
        depths.append(sum(blocks(plan) for plan in plans))
    assert max(depths) < 60, depths


def blocks(plan: Plan) -> int:
    read: int = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return read


@pytest.mark.parametrize(
    "call",
    [
        lambda _: paginate(MediaRequest.all(), limit=5),
        lambda _: paginate_json(MediaRequest.all(), PaginationParams(limit=5), schema=MediaRequestRead),
        lambda cursor: paginate_by_cursor(MediaRequest.all(), limit=5, cursor=cursor),
        lambda cursor: paginate_by_cursor_json(MediaRequest.all(), limit=5, cursor=cursor, schema=MediaRequestRead),
    ],
    ids=["numbered", "JSON", "by cursor", "by cursor, JSON"],
)
async def test_the_plan_of_a_page_is_kept(big_database: DatabaseUrl, call: Callable[[str | None], Any]) -> None:
    """PostgreSQL plans five times, and then keeps a plan for all values if that does not look more expensive."""
    cursor = (await paginate_by_cursor(MediaRequest.all(), limit=5)).next_cursor
    before = await _kept_plans()
    for _ in range(8):
        await call(cursor)
    assert await _kept_plans() - before >= 3


@pytest.mark.parametrize(
    "queryset",
    [
        lambda: MediaRequest.filter(status=RequestStatus.AVAILABLE),
        lambda: MediaRequest.filter(media_type="movie"),
        lambda: ActivityLog.filter(action="action.1"),
    ],
    ids=["status", "type", "action"],
)
@pytest.mark.parametrize(
    "call",
    [paginate_by_cursor, lambda queryset: paginate(queryset, page=2, total=None)],
    ids=["by cursor", "numbered"],
)
async def test_the_plan_of_a_filtered_page_is_not_kept(big_database: DatabaseUrl, queryset: Any, call: Any) -> None:
    """A plan for all values reads the whole table for a value that few rows have."""
    before = await _kept_plans()
    for _ in range(8):
        await call(queryset())
    assert await _kept_plans() == before


async def _kept_plans() -> int:
    (row,) = await fetch(
        "SELECT coalesce(sum(generic_plans), 0)::int AS kept FROM pg_prepared_statements"
        " WHERE statement ~ 'FROM \"(media_requests|activity_logs)\"'"
    )
    kept: int = row["kept"]
    return kept
