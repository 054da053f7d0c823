"""Roll-ups: the same answers before and after, while checks are late, change and go."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, event, given, settings, strategies as st

from medianest_models.enums import ServiceStatus
from medianest_models.models import Service, ServiceStatusHistory
from medianest_models.repositories import services
from medianest_models.repositories.services import Check
from medianest_models.settings import DatabaseUrl
from tests.repositories.service_reference import at, reference_incidents, reference_percentiles, reference_uptime

UP, DOWN, DEGRADED = ServiceStatus.UP, ServiceStatus.DOWN, ServiceStatus.DEGRADED
HOUR = timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
names = (f"service-{number}" for number in itertools.count())


class Step(NamedTuple):
    """The next event: checks arrive, are removed or change, or the hours are rolled up."""

    action: str
    checks: list[tuple[int, ServiceStatus, int | None, str | None]]


TICKS_A_DAY = 2 * 60 * 24
checks = st.lists(
    st.tuples(
        st.integers(-30, 500) | st.integers(TICKS_A_DAY - 30, TICKS_A_DAY + 30) | st.integers(110, 130),
        st.sampled_from(ServiceStatus),
        st.none() | st.integers(0, 1000),
        st.none() | st.sampled_from("ab"),
    ),
    max_size=20,
)
steps = st.builds(Step, st.sampled_from(["record", "record", "record", "remove", "change", "roll up"]), checks)
windows = st.tuples(st.integers(-40, 600), st.integers(1, 600) | st.integers(TICKS_A_DAY, TICKS_A_DAY + 200))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=st.lists(steps, min_size=1, max_size=6), asked=st.lists(windows, min_size=3, max_size=3))
async def test_as_the_reference(db: DatabaseUrl, plan: list[Step], asked: list[tuple[int, int]]) -> None:
    service = await Service.create(name=next(names), display_name="S")
    for step in [*plan, Step("roll up", [])]:
        await take(step, service)
        await compare(service.name, await ServiceStatusHistory.filter(service=service), asked)


async def take(step: Step, service: Service) -> None:
    if step.action == "record":
        await services.record_checks(
            [Check(service.name, status, ms, error, at(tick)) for tick, status, ms, error in step.checks]
        )
    elif step.action == "roll up":
        event(f"rolled up {await services.roll_up()} hours")
        assert await services.roll_up() == 0
    else:
        some = await ServiceStatusHistory.filter(service=service).order_by("checked_at").limit(len(step.checks))
        for check, (tick, status, _, error) in zip(some, step.checks, strict=False):
            if step.action == "remove":
                await check.delete()
            else:
                check.checked_at, check.status, check.error_message = at(tick), status, error
                await check.save()


async def compare(name: str, history: list[ServiceStatusHistory], asked: Sequence[tuple[int, int]]) -> None:
    for since, length in asked:
        window: dict[str, Any] = {"since": at(since), "until": at(since + length)}
        assert await services.uptime(name, **window) == reference_uptime(history, since, since + length)
        assert await services.incidents(name, **window) == reference_incidents(history, since, since + length)
        found = await services.response_time_percentiles(name, **window)
        expected = reference_percentiles(history, since, since + length, [50, 95, 99])
        assert found == (None if expected is None else pytest.approx(expected, rel=0.02))


async def test_the_answers_for_all_services_are_those_for_each(
    db: DatabaseUrl, caplog: pytest.LogCaptureFixture
) -> None:
    for number, enabled in enumerate((True, True, True, False)):
        await Service.create(name=f"all-{number}", display_name="S", enabled=enabled)
    for number in (1, 2, 3):
        found = [(UP, DOWN, DEGRADED, DOWN)[(tick // 7 + number) % 4] for tick in range(400)]
        await services.record_checks(
            Check(f"all-{number}", status, 10 * number, f"error {tick}" if tick % 3 else None, at(tick))
            for tick, status in enumerate(found)
        )
    await services.maintenance.plan("all-1", begins_at=at(100), ends_at=at(171), reason="new disks")
    await services.roll_up()
    await services.record_check("all-2", status=DOWN, checked_at=at(20))  # the hour is read from its checks now
    window: dict[str, Any] = {"since": at(3), "until": at(363)}
    names = ["all-0", "all-1", "all-2"]
    calls: list[tuple[Any, Any, dict[str, Any]]] = [
        (services.uptime_by_service, services.uptime, {}),
        (services.uptime_by_service, services.uptime, {"step": HOUR}),
        (services.incidents_by_service, services.incidents, {}),
        (services.response_time_percentiles_by_service, services.response_time_percentiles, {}),
        (services.response_time_percentiles_by_service, services.response_time_percentiles, {"step": HOUR}),
    ]
    for of_all, of_one, step in calls:
        caplog.clear()
        with caplog.at_level("DEBUG", "medianest_models.query"):
            together = await of_all(**window, **step)
        assert len(caplog.messages) == 1
        assert list(together) == names
        assert together == {name: await of_one(name, **window, **step) for name in names}
    found_incidents = await services.incidents_by_service(**window)
    assert found_incidents["all-0"] == []
    assert len(found_incidents["all-1"]) != len(found_incidents["all-2"])


@pytest.mark.parametrize(
    "day", [datetime(1, 1, 1, 12, tzinfo=UTC), datetime(1, 12, 31, tzinfo=UTC), EPOCH, -HOUR + EPOCH]
)
async def test_checks_of_any_year_are_rolled_up(db: DatabaseUrl, day: datetime) -> None:
    await Service.create(name="old", display_name="S")
    await services.record_checks(Check("old", DOWN, None, None, day + number * HOUR) for number in range(30))
    windows: list[dict[str, Any]] = [
        {"since": datetime.min.replace(tzinfo=UTC), "until": at(0)},
        {"since": day - HOUR / 2, "until": day + 13.01 * HOUR},
        {"since": day + HOUR, "until": day + 29 * HOUR},
    ]
    before = [(await services.uptime("old", **window), await services.incidents("old", **window)) for window in windows]
    assert await services.roll_up() == 30
    after = [(await services.uptime("old", **window), await services.incidents("old", **window)) for window in windows]
    assert after == before
    assert await services.roll_up() == 0
