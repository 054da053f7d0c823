"""For any rows, the pages together are the list, forwards and backwards, even while rows are added and deleted."""

from __future__ import annotations

import itertools
from typing import Any, Final
from uuid import UUID

from hypothesis import HealthCheck, given, settings, strategies as st

from medianest_models.enums import ServiceStatus
from medianest_models.models import Service, ServiceStatusHistory
from medianest_models.pagination import CursorPage, PaginationParams, SortOrder, paginate, paginate_by_cursor
from medianest_models.settings import DatabaseUrl
from tests.pagination.rows import instant, make_checks, make_service, ordered_ids, rolled_back, walk

# Few values per column, so that many rows are equal, and page boundaries fall between equal rows.
TEXTS: Final = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=3)
CHECK: Final = st.fixed_dictionaries(
    {
        "status": st.sampled_from(ServiceStatus),
        "response_time_ms": st.none() | st.integers(0, 2) | st.just(2**31 - 1),
        "error_message": st.none() | TEXTS,
        "checked_at": st.integers(0, 3).map(instant),
    }
)
CHECKS: Final = st.lists(CHECK, max_size=12)
COLUMN: Final = st.sampled_from(["status", "response_time_ms", "error_message", "checked_at", "service_id", "id"])
ORDER: Final = st.sampled_from(["asc", "desc"])
LIMIT: Final = st.integers(1, 5)
IN_DATABASE: Final = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=150
)


async def _service(checks: list[dict[str, Any]]) -> Service:
    service = await make_service()
    if checks:
        await make_checks(service, checks)
    return service


@IN_DATABASE
@given(checks=CHECKS, column=COLUMN, order=ORDER, limit=LIMIT)
async def test_cursors_lead_through_the_whole_list(
    db: DatabaseUrl, checks: list[dict[str, Any]], column: str, order: SortOrder, limit: int
) -> None:
    async with rolled_back():
        await _service(checks)
        walked = await walk(ServiceStatusHistory.all(), limit=limit, sort_by=column, sort_order=order)
        expected = await ordered_ids("service_status_history", column, order)
        assert walked.forward == expected
        assert walked.backward == expected
        assert walked.pages == max(1, -(-len(checks) // limit))


@IN_DATABASE
@given(checks=CHECKS, column=COLUMN, order=ORDER, limit=LIMIT)
async def test_numbered_pages_are_the_whole_list(
    db: DatabaseUrl, checks: list[dict[str, Any]], column: str, order: SortOrder, limit: int
) -> None:
    async with rolled_back():
        await _service(checks)
        ids: list[UUID] = []
        for page in range(1, len(checks) // limit + 3):
            params = PaginationParams(page, limit, column, order)
            result = await paginate(ServiceStatusHistory.all(), params)
            assert result.pagination.total == len(checks)
            assert len(result.data) == min(limit, max(0, len(checks) - params.offset))
            ids += [row.id for row in result.data]
        assert ids == await ordered_ids("service_status_history", column, order)


@IN_DATABASE
@given(checks=CHECKS, column=COLUMN, order=ORDER, limit=LIMIT, backward=st.booleans(), data=st.data())
async def test_rows_that_stay_are_seen_once(
    db: DatabaseUrl,
    *,
    checks: list[dict[str, Any]],
    column: str,
    order: SortOrder,
    limit: int,
    backward: bool,
    data: st.DataObject,
) -> None:
    async def page(cursor: str | None) -> CursorPage[ServiceStatusHistory]:
        return await paginate_by_cursor(
            ServiceStatusHistory.all(), limit=limit, cursor=cursor, sort_by=column, sort_order=order
        )

    async with rolled_back():
        service = await _service(checks)
        everything = await ordered_ids("service_status_history", column, order)
        stay = data.draw(st.sets(st.sampled_from(everything))) if everything else set()
        seen: list[UUID] = []
        current = await page(None)
        while backward and current.next_cursor is not None:
            current = await page(current.next_cursor)
        for turn in itertools.count():
            assert turn < 100, "the list has no end"
            ids = [row.id for row in current.data]
            seen = ids + seen if backward else seen + ids
            cursor = current.previous_cursor if backward else current.next_cursor
            if cursor is None:
                break
            await _change(service, stay, data)
            current = await page(cursor)
        assert len(seen) == len(set(seen))
        assert [id_ for id_ in seen if id_ in stay] == [id_ for id_ in everything if id_ in stay]


async def _change(service: Service, stay: set[UUID], data: st.DataObject) -> None:
    """Delete some rows that may be deleted, and make others."""
    passing = [row.id for row in await ServiceStatusHistory.all().only("id") if row.id not in stay]
    if passing:
        await ServiceStatusHistory.filter(id__in=data.draw(st.sets(st.sampled_from(passing)))).delete()
    if arriving := data.draw(st.lists(CHECK, max_size=1)):
        await make_checks(service, arriving)
