"""Maintenance windows of the services: planned, begun, ended, cancelled and listed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from medianest_models.db import transaction
from medianest_models.db.statements import fetch
from medianest_models.errors import ConflictError, InvalidInputError, NotFoundError
from medianest_models.models import Service, ServiceMaintenance
from medianest_models.pagination import PaginationParams
from medianest_models.repositories import services
from medianest_models.settings import DatabaseUrl
from tests.locks import elsewhere, someone_waits_for_a_lock, until
from tests.repositories.wrong_arguments import wrong

NOON: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
MICROSECOND: Final = timedelta(microseconds=1)
LATER: Final = datetime(2999, 1, 1, tzinfo=UTC)


@pytest.fixture
async def plex(db: DatabaseUrl) -> Service:
    return await Service.create(name="plex", display_name="Plex")


async def now() -> datetime:
    """Return the instant, by the database's clock."""
    (row,) = await fetch("SELECT clock_timestamp() AS now")
    found: datetime = row["now"]
    return found


async def stored(window: ServiceMaintenance) -> ServiceMaintenance:
    return await ServiceMaintenance.get(id=window.id)


def values(window: ServiceMaintenance) -> dict[str, Any]:
    return dict(window)


async def plan(begins_at: datetime, ends_at: datetime | None) -> ServiceMaintenance:
    return await services.maintenance.plan("plex", begins_at=begins_at, ends_at=ends_at)


@pytest.mark.parametrize("begins_at", [NOON, LATER])
async def test_a_window_is_planned_exactly_also_afterwards(plex: Service, begins_at: datetime) -> None:
    window = await services.maintenance.plan(
        "plex", begins_at=begins_at, ends_at=begins_at + MICROSECOND, reason="new disks"
    )
    assert values(window) == values(await stored(window))
    assert (window.service_id, window.reason) == (plex.id, "new disks")
    assert (window.begins_at, window.ends_at) == (begins_at, begins_at + MICROSECOND)
    assert window.id.version == 7


async def test_a_planned_window_may_last_until_it_is_ended(plex: Service) -> None:
    assert (await plan(LATER, None)).ends_at is None
    open_since_noon = await plan(NOON, None)
    assert [window.id for window in await services.maintenance.current()] == [open_since_noon.id]


@pytest.mark.parametrize("length", [timedelta(), -MICROSECOND])
async def test_a_window_that_ends_before_it_begins_is_refused(plex: Service, length: timedelta) -> None:
    with pytest.raises(InvalidInputError, match=r"^ends_at: must be after begins_at$"):
        await plan(NOON, NOON + length)
    assert not await ServiceMaintenance.exists()


async def test_the_hour_when_the_clocks_go_back_is_long(plex: Service) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    begins_at = datetime(2026, 10, 25, 2, 30, tzinfo=berlin)
    window = await plan(begins_at, begins_at.replace(minute=15, fold=1))
    assert window.ends_at is not None
    assert window.ends_at - window.begins_at == timedelta(minutes=45)


async def test_a_window_begins_now_by_the_database(plex: Service) -> None:
    before = await now()
    first = await services.maintenance.begin("plex")
    second = await services.maintenance.begin("plex", ends_at=LATER, reason="upgrade")
    assert before <= first.begins_at <= second.begins_at <= await now()
    assert (first.ends_at, first.reason) == (None, None)
    assert (second.ends_at, second.reason, second.service_id) == (LATER, "upgrade", plex.id)
    assert [values(window) for window in await services.maintenance.current()] == [values(second), values(first)]


async def test_a_window_that_begins_now_ends_in_the_future(plex: Service) -> None:
    for ends_at in (NOON, await now()):
        with pytest.raises(InvalidInputError, match=r"^ends_at: must be in the future$"):
            await services.maintenance.begin("plex", ends_at=ends_at)
    assert not await ServiceMaintenance.exists()


@pytest.mark.parametrize("ends_at", [None, LATER])
async def test_an_open_window_is_ended_now(plex: Service, ends_at: datetime | None) -> None:
    begun = await services.maintenance.begin("plex", ends_at=ends_at, reason="upgrade")
    before = await now()
    ended = await services.maintenance.end(str(begun.id))
    assert ended.ends_at is not None
    assert before <= ended.ends_at <= await now()
    assert values(ended) == values(await stored(begun)) == values(begun) | {"ends_at": ended.ends_at}
    assert await services.maintenance.current() == []


@pytest.mark.parametrize(
    ("begins_at", "ends_at", "reason"),
    [
        (NOON, NOON + HOUR, "has ended already"),
        (LATER, LATER + HOUR, "has not begun yet: cancel it"),
        (LATER, None, "has not begun yet: cancel it"),
    ],
)
async def test_a_window_that_is_not_open_is_not_ended(
    plex: Service, begins_at: datetime, ends_at: datetime | None, reason: str
) -> None:
    window = await plan(begins_at, ends_at)
    with pytest.raises(ConflictError, match=rf"^maintenance window {window.id} {reason}$"):
        await services.maintenance.end(window.id)
    assert values(await stored(window)) == values(window)


async def test_of_two_ends_at_once_one_wins(fresh_db: DatabaseUrl) -> None:
    await Service.create(name="plex", display_name="Plex")
    window = await services.maintenance.begin("plex", ends_at=LATER)
    async with transaction():
        first = await services.maintenance.end(window.id)
        second = elsewhere(services.maintenance.end(window.id))
        await until(someone_waits_for_a_lock)
    with pytest.raises(ConflictError, match="has ended already"):
        await second
    assert values(await stored(window)) == values(first)


async def test_an_end_waits_for_who_has_locked_the_window(fresh_db: DatabaseUrl) -> None:
    await Service.create(name="plex", display_name="Plex")
    window = await services.maintenance.begin("plex")
    async with transaction():
        await fetch("SELECT FROM service_maintenance FOR UPDATE")
        ending = elsewhere(services.maintenance.end(window.id))
        await until(someone_waits_for_a_lock)
    ended = await ending
    assert values(await stored(window)) == values(ended)


async def test_a_window_is_ended_while_it_is_cancelled(fresh_db: DatabaseUrl) -> None:
    await Service.create(name="plex", display_name="Plex")
    window = await services.maintenance.begin("plex")
    async with transaction():
        await services.maintenance.cancel(window.id)
        others = [elsewhere(services.maintenance.end(window.id)), elsewhere(services.maintenance.cancel(window.id))]
        await until(someone_waits_for_a_lock)
    for other in others:
        with pytest.raises(NotFoundError, match=rf"^there is no maintenance window {window.id}$"):
            await other


@pytest.mark.parametrize(("begins_at", "ends_at"), [(NOON, NOON + HOUR), (NOON, None), (LATER, LATER + HOUR)])
async def test_a_window_is_cancelled_without_a_trace(
    plex: Service, begins_at: datetime, ends_at: datetime | None
) -> None:
    window, stays = await plan(begins_at, ends_at), await plan(begins_at, ends_at)
    await services.maintenance.cancel(str(window.id))
    assert [row.id for row in await ServiceMaintenance.all()] == [stays.id]


@pytest.mark.parametrize("call", [services.maintenance.end, services.maintenance.cancel])
async def test_an_unknown_window_is_not_found(plex: Service, call: Any) -> None:
    for unknown in (uuid4(), str(uuid4())):
        with pytest.raises(NotFoundError, match=rf"^there is no maintenance window {unknown}$"):
            await call(unknown)
    for wrong_id in ("plex", 7, None):
        with pytest.raises(InvalidInputError, match=r"^maintenance_id: must be a UUID"):
            await call(wrong_id)


async def test_an_unknown_service_is_not_found(plex: Service) -> None:
    for call in (
        services.maintenance.plan("nope", begins_at=NOON, ends_at=LATER),
        services.maintenance.plan("nope", begins_at=NOON, ends_at=NOON),
        services.maintenance.begin("nope"),
        services.maintenance.list_for_service("nope"),
    ):
        with pytest.raises(NotFoundError, match=r"^there is no service 'nope'$"):
            await call


@wrong(
    service=["", None, "x" * 101, "a\0b"],
    begins_at=[datetime(2026, 1, 1), "noon", None],  # noqa: DTZ001 - that is the point
    ends_at=[datetime(2026, 1, 1), "noon"],  # noqa: DTZ001 - that is the point
    reason=["", "a\0b", "\ud800", 7],
)
async def test_what_can_not_be_stored_is_refused(plex: Service, name: str, value: Any) -> None:
    arguments: dict[str, Any] = {"service": "plex", "ends_at": LATER, name: value}
    if name != "begins_at":
        with pytest.raises(InvalidInputError, match=rf"^{name}: "):
            await services.maintenance.begin(**arguments)
    with pytest.raises(InvalidInputError, match=rf"^{name}: "):
        await services.maintenance.plan(**{"begins_at": NOON, **arguments})
    assert not await ServiceMaintenance.exists()


async def test_what_is_out_of_range_in_utc_is_refused_by_name(plex: Service) -> None:
    first = datetime(1, 1, 1, tzinfo=timezone(14 * HOUR))
    last = datetime(9999, 12, 31, 23, tzinfo=timezone(-12 * HOUR))
    calls = {
        "begins_at": [services.maintenance.plan("plex", begins_at=first, ends_at=NOON), listed(until=last)],
        "ends_at": [services.maintenance.begin("plex", ends_at=last), listed(since=first)],
    }
    for name, refused in calls.items():
        for call in refused:
            with pytest.raises(InvalidInputError, match=rf"^service_maintenance\.{name}: is out of range"):
                await call


@wrong(
    service=["", None],
    since=[datetime(2026, 1, 1), "noon"],  # noqa: DTZ001 - that is the point
    until=[datetime(2026, 1, 1), "noon"],  # noqa: DTZ001 - that is the point
)
async def test_a_list_refuses_what_is_no_window(plex: Service, name: str, value: Any) -> None:
    with pytest.raises(InvalidInputError, match=rf"^{name}: "):
        await services.maintenance.list_for_service(**{"service": "plex", name: value})


async def listed(**window: Any) -> list[UUID]:
    return [found.id for found in (await services.maintenance.list_for_service("plex", **window)).data]


async def test_a_list_has_what_shares_time_with_the_window_the_latest_first(plex: Service) -> None:
    await Service.create(name="overseerr", display_name="Overseerr")
    await services.maintenance.begin("overseerr")
    unended = (await plan(NOON + 3 * HOUR, None)).id
    long = (await plan(NOON - HOUR, NOON + 9 * HOUR)).id
    first = (await plan(NOON, NOON + HOUR)).id
    assert await listed() == [unended, first, long]
    assert await listed(since=NOON + HOUR) == [unended, long]
    assert await listed(since=NOON + HOUR - MICROSECOND) == [unended, first, long]
    assert await listed(until=NOON) == [long]
    assert await listed(until=NOON + MICROSECOND) == [first, long]
    assert await listed(since=NOON + HOUR, until=NOON + 3 * HOUR) == [long]
    assert await listed(since=NOON + 9 * HOUR, until=NOON + 10 * HOUR) == [unended]
    assert await listed(since=NOON - 2 * HOUR, until=NOON - HOUR) == []
    page = await services.maintenance.list_for_service("plex", params=PaginationParams(page=2, limit=2))
    assert [found.id for found in page.data] == [long]
    by_end = await services.maintenance.list_for_service("plex", params=PaginationParams(sort_by="ends_at"))
    assert [found.id for found in by_end.data] == [unended, long, first]


async def test_the_current_windows_are_those_of_all_services_that_are_open(plex: Service) -> None:
    await Service.create(name="overseerr", display_name="Overseerr", enabled=False)
    other = await services.maintenance.begin("overseerr", ends_at=LATER)
    for begins_at, ends_at in ((NOON, NOON + HOUR), (LATER, LATER + HOUR), (LATER, None)):
        await plan(begins_at, ends_at)
    long, unended = await plan(NOON, LATER), await plan(NOON + HOUR, None)
    found = await services.maintenance.current()
    assert [(window.service.name, window.id) for window in found] == [
        ("overseerr", other.id),
        ("plex", unended.id),
        ("plex", long.id),
    ]


async def test_the_upcoming_windows_are_the_next_ones_of_each_service(plex: Service) -> None:
    await Service.create(name="overseerr", display_name="Overseerr")
    await services.maintenance.begin("overseerr", ends_at=LATER)
    assert await services.maintenance.upcoming() == []
    for begins_at, ends_at in ((NOON, NOON + HOUR), (NOON, None), (LATER + HOUR, LATER + 2 * HOUR)):
        await plan(begins_at, ends_at)
    following = await plan(LATER, None)
    await plan(LATER + MICROSECOND, LATER + HOUR)
    other = await services.maintenance.plan("overseerr", begins_at=LATER, ends_at=LATER + HOUR)
    found = await services.maintenance.upcoming()
    assert [(window.service.name, window.id) for window in found] == [("overseerr", other.id), ("plex", following.id)]


@pytest.mark.parametrize("call", [services.maintenance.current, services.maintenance.upcoming])
async def test_the_windows_of_all_services_are_read_by_one_statement(
    plex: Service, caplog: pytest.LogCaptureFixture, call: Any
) -> None:
    with caplog.at_level("DEBUG", "medianest_models.query"):
        await call()
    assert len(caplog.messages) == 1


async def test_windows_may_overlap_and_are_deleted_with_their_service(plex: Service) -> None:
    for _ in range(2):
        await plan(NOON, NOON + HOUR)
    await plex.delete()
    assert not await ServiceMaintenance.exists()
