"""Recording checks, and reading the latest one of each service."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import RFC_4122

import pytest

from medianest_models.db import transaction
from medianest_models.db.statements import fetch
from medianest_models.enums import RequestStatus, ServiceStatus
from medianest_models.errors import DatabaseTimeoutError, InvalidInputError, NotFoundError
from medianest_models.models import Service, ServiceStatusHistory
from medianest_models.repositories import services
from medianest_models.repositories.services import Check
from medianest_models.settings import DatabaseUrl
from tests.locks import elsewhere, someone_waits_for_a_lock, until
from tests.repositories.wrong_arguments import wrong

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
async def plex(db: DatabaseUrl) -> Service:
    return await Service.create(name="plex", display_name="Plex")


async def test_record_check(plex: Service) -> None:
    check = await services.record_check(
        "plex", status=ServiceStatus.DOWN, response_time_ms=0, error_message="no route", checked_at=NOON
    )
    (stored,) = await ServiceStatusHistory.all()
    for found in (check, stored):
        assert (found.id, found.service_id) == (check.id, plex.id)
        assert found.status is ServiceStatus.DOWN
        assert (found.response_time_ms, found.error_message, found.checked_at) == (0, "no route", NOON)


async def test_a_check_is_of_now_by_the_database(plex: Service) -> None:
    check = await services.record_check("plex", status=ServiceStatus.UP)
    await services.record_checks([Check("plex", ServiceStatus.UP)])
    (row,) = await fetch("SELECT now()")
    assert [check.checked_at for check in await ServiceStatusHistory.all()] == [row["now"]] * 2
    assert (check.response_time_ms, check.error_message) == (None, None)


async def test_record_checks_takes_checks_and_tuples(plex: Service) -> None:
    await Service.create(name="overseerr", display_name="Overseerr", enabled=False)

    def checks() -> Iterator[Any]:
        yield Check("plex", ServiceStatus.UP, checked_at=NOON)
        yield ("overseerr", ServiceStatus.DEGRADED, 12, "slow", NOON + timedelta(hours=1))

    assert await services.record_checks(checks()) == 2
    rows = await ServiceStatusHistory.all().order_by("checked_at").select_related("service")
    assert [
        (row.service.name, row.status, row.response_time_ms, row.error_message, row.checked_at) for row in rows
    ] == [
        ("plex", ServiceStatus.UP, None, None, NOON),
        ("overseerr", ServiceStatus.DEGRADED, 12, "slow", NOON + timedelta(hours=1)),
    ]


async def test_no_checks_are_recorded_as_such(plex: Service) -> None:
    assert await services.record_checks([]) == 0


@wrong(
    service=["", None, "x" * 101, "a\0b"],
    status=["sideways", RequestStatus.FAILED, None],
    response_time_ms=[-1, 2**31, 1.5, True],
    error_message=["a\0b", "\ud800", 7],
    checked_at=[datetime(2026, 1, 1), "yesterday"],  # noqa: DTZ001 - that is the point
)
async def test_what_can_not_be_stored_is_refused(plex: Service, name: str, value: Any) -> None:
    check: dict[str, Any] = {"service": "plex", "status": ServiceStatus.UP, name: value}
    with pytest.raises(InvalidInputError, match=name):
        await services.record_check(**check)
    with pytest.raises(InvalidInputError, match=rf"^checks\[1\]: .*{name}"):
        await services.record_checks([Check("plex", ServiceStatus.UP), Check(**check)])
    assert await ServiceStatusHistory.all().count() == 0


@pytest.mark.parametrize("bad", [None, 7, (), ("plex",), (*Check("plex", ServiceStatus.UP), 6)])
async def test_what_is_no_check_is_refused(plex: Service, bad: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"^checks\[0\]: must be a Check"):
        await services.record_checks([bad])


async def test_an_unknown_service_is_not_found(plex: Service) -> None:
    with pytest.raises(NotFoundError, match="'nope'"):
        await services.record_check("nope", status=ServiceStatus.UP)


async def test_record_checks_is_all_or_nothing(plex: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medianest_models.repositories.services.checks._BATCH_SIZE", 2)
    good = [Check("plex", ServiceStatus.UP)] * 5
    with pytest.raises(NotFoundError, match="there is no service 'a', 'b'"):
        await services.record_checks([*good, Check("b", ServiceStatus.UP), Check("a", ServiceStatus.UP)][-6:])
    with pytest.raises(InvalidInputError):
        await services.record_checks([*good, Check("plex", ServiceStatus.UP, -1)])
    assert await ServiceStatusHistory.all().count() == 0
    assert await services.record_checks(good) == 5
    assert await ServiceStatusHistory.all().count() == 5


async def test_a_statement_records_thousands_of_checks(plex: Service, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", "medianest_models.query"):
        count = await services.record_checks(
            Check("plex", ServiceStatus.UP, n % 1000, None, NOON + timedelta(seconds=n)) for n in range(100_000)
        )
    assert count == 100_000
    assert sum("INSERT INTO service_status_history" in line for line in caplog.messages) == 20
    assert await ServiceStatusHistory.all().count() == 100_000


async def test_no_service_is_deleted_while_its_checks_are_recorded(fresh_db: DatabaseUrl) -> None:
    await Service.create(name="plex", display_name="Plex")
    async with transaction() as blocking:
        await blocking.execute_script("LOCK TABLE service_status_history IN SHARE MODE")
        recording = elsewhere(services.record_checks([Check("plex", ServiceStatus.UP)]))
        await until(someone_waits_for_a_lock)
        with pytest.raises(DatabaseTimeoutError, match="lock"):
            await elsewhere(fetch("SELECT FROM services FOR UPDATE NOWAIT"))
    assert await recording == 1


async def test_of_checks_of_one_instant_the_last_one_is_the_latest(plex: Service) -> None:
    checks = [Check("plex", ServiceStatus.UP, number, None, NOON) for number in range(300)]
    for _ in range(3):
        await services.record_checks(checks)
        (latest,) = await services.latest_statuses()
        assert latest.check is not None
        assert latest.check.response_time_ms == 299
    ids = [check.id for check in await ServiceStatusHistory.all()]
    assert len(set(ids)) == 900
    assert {(id_.version, id_.variant) for id_ in ids} == {(7, RFC_4122)}


async def test_latest_statuses(plex: Service) -> None:
    await Service.create(name="overseerr", display_name="Overseerr")
    await Service.create(name="gone", display_name="Gone", enabled=False)
    await services.record_checks(
        [
            Check("plex", ServiceStatus.DOWN, checked_at=NOON),
            Check("plex", ServiceStatus.UP, 5, checked_at=NOON + timedelta(minutes=1)),
            Check("plex", ServiceStatus.DEGRADED, checked_at=NOON - timedelta(days=400)),
            Check("gone", ServiceStatus.UP, checked_at=NOON),
        ]
    )
    never, latest = await services.latest_statuses()
    assert (never.service, never.display_name, never.check) == ("overseerr", "Overseerr", None)
    assert (latest.service, latest.display_name) == ("plex", "Plex")
    assert latest.check is not None
    assert latest.check.status is ServiceStatus.UP
    assert latest.check.service_id == plex.id
    assert (latest.check.response_time_ms, latest.check.checked_at) == (5, NOON + timedelta(minutes=1))


async def test_the_latest_check_is_found_however_old_it_is(plex: Service) -> None:
    for days in (1000, 31, 8, 6, 0, -1):
        checked_at = datetime.now(UTC) - timedelta(days=days)
        await services.record_check("plex", status=ServiceStatus.UP, checked_at=checked_at)
        (latest,) = await services.latest_statuses()
        assert latest.check is not None
        assert latest.check.checked_at == checked_at
