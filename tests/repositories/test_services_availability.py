"""Uptime, incidents and response times, compared with a reference that checks every tick of the clock."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from medianest_models.db import transaction
from medianest_models.db.statements import execute, fetch
from medianest_models.enums import ServiceStatus
from medianest_models.errors import InvalidInputError, NotFoundError
from medianest_models.models import Service, ServiceStatusHistory
from medianest_models.repositories import services
from medianest_models.repositories.services import Check, Uptime, availability, windows
from medianest_models.settings import DatabaseUrl
from tests.repositories.service_reference import (
    HOLD,
    NOON,
    TICK,
    at,
    reference_incidents,
    reference_percentiles,
    reference_uptime,
)

UP, DOWN, DEGRADED = ServiceStatus.UP, ServiceStatus.DOWN, ServiceStatus.DEGRADED
names = (f"service-{number}" for number in itertools.count())


# Comparisons


@dataclass(frozen=True)
class Case:
    checks: list[tuple[int, ServiceStatus, int | None, str | None]]
    since: int
    length: int
    step: int = 7


checks = st.tuples(
    st.integers(-30, 90),
    st.sampled_from(ServiceStatus),
    st.none() | st.integers(0, 10),
    st.none() | st.sampled_from("ab"),
)
cases = st.builds(
    Case,
    checks=st.lists(checks, max_size=30),
    since=st.integers(0, 60),
    length=st.integers(1, 40),
    step=st.integers(1, 50),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases, percentiles=st.lists(st.integers(0, 100) | st.floats(0, 100), min_size=1, max_size=4))
@example(case=Case([], 0, 10), percentiles=[50])
@example(case=Case([(-30, DOWN, 1, "a"), (90, UP, 2, None)], 0, 10), percentiles=[0, 100])
@example(case=Case([(-9, DOWN, None, None), (0, DOWN, None, "b"), (10, DOWN, None, "a")], 0, 30), percentiles=[1])
@example(case=Case([(5, DOWN, 1, "a"), (5, UP, 3, None), (5, DEGRADED, 8, None)], 0, 30), percentiles=[99.9])
async def test_as_the_reference(db: DatabaseUrl, case: Case, percentiles: list[float]) -> None:
    service = await Service.create(name=next(names), display_name="S")
    noise = await Service.create(name=next(names), display_name="S", enabled=False)
    await services.record_checks(
        [Check(service.name, status, ms, error, at(tick)) for tick, status, ms, error in case.checks]
        + [Check(noise.name, DOWN, 5000, "noise", at(tick)) for tick in range(-20, 100, 5)]
    )
    history = await ServiceStatusHistory.filter(service=service)
    since, until = case.since, case.since + case.length
    window: dict[str, Any] = {"since": at(since), "until": at(until)}

    uptime = await services.uptime(service.name, **window)
    assert uptime == reference_uptime(history, since, until)
    incidents = await services.incidents(service.name, **window)
    assert incidents == reference_incidents(history, since, until)
    down = sum((incident.duration for incident in incidents), timedelta())
    assert down == (uptime.down if uptime else timedelta())
    found = await services.response_time_percentiles(service.name, **window, percentiles=percentiles)
    expected = reference_percentiles(history, since, until, percentiles)
    assert found == (None if expected is None else pytest.approx(expected))

    step = case.step * TICK
    ends = [(begin, min(begin + case.step, until)) for begin in range(since, until, case.step)]
    assert await services.uptime(service.name, **window, step=step) == [
        reference_uptime(history, *part) for part in ends
    ]
    assert await services.response_time_percentiles(service.name, **window, percentiles=[50], step=step) == [
        reference_percentiles(history, *part, [50]) for part in ends
    ]


# Examples


@pytest.fixture
async def plex(db: DatabaseUrl) -> str:
    await Service.create(name="plex", display_name="Plex")
    return "plex"


def test_ratios_are_of_the_known_time() -> None:
    minutes = [timedelta(minutes=number) for number in (4, 1, 5)]
    found = Uptime(NOON, NOON + timedelta(minutes=20), *minutes)
    assert found.known == found.unknown == timedelta(minutes=10)
    assert (found.ratio, found.degraded_ratio) == (0.5, 0.1)


async def test_a_step_is_no_day_of_the_calendar(plex: str) -> None:
    await services.record_check(plex, status=UP, checked_at=NOON + timedelta(days=1))
    async with transaction():
        await execute("SET LOCAL TimeZone = 'Europe/Berlin'")
        since = datetime(2026, 3, 28, 12, tzinfo=UTC)  # the clocks change in the night
        found = await services.response_time_percentiles(
            plex, since=since, until=since + timedelta(days=2), step=timedelta(days=1)
        )
        assert found == [None, None]
        rows = await windows.fetch_windows(
            availability._UPTIME, plex, since, since + timedelta(days=2), step=timedelta(days=1)
        )
        assert [row["until"] - row["since"] for row in rows] == [timedelta(days=1)] * 2


async def test_windows_and_steps_have_hours_of_the_clock_that_runs_on(plex: str) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    spring, autumn = datetime(2026, 3, 29, tzinfo=berlin), datetime(2026, 10, 25, 2, tzinfo=berlin)
    await services.record_check(plex, status=UP, checked_at=spring)
    window: dict[str, Any] = {"since": spring, "until": spring + timedelta(days=1)}
    steps = await services.uptime(plex, **window, step=timedelta(hours=1))
    assert len(steps) == 23
    assert steps[0] is not None
    assert steps[0].until - steps[0].since == timedelta(hours=1)
    assert len(await services.response_time_percentiles(plex, **window, step=timedelta(hours=1))) == 23
    assert await services.incidents(plex, since=autumn.replace(minute=30), until=autumn.replace(fold=1)) == []
    with pytest.raises(InvalidInputError, match="since: must be before until"):
        await services.uptime(plex, since=autumn.replace(fold=1), until=autumn.replace(minute=30))


@pytest.mark.parametrize("call", [services.uptime, services.response_time_percentiles])
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"step": timedelta()}, "step: must be more than zero"),
        ({"step": -TICK}, "step: must be more than zero"),
        ({"step": 60}, "step: must be a timedelta, not int"),
        ({"step": HOLD / 1001, "until": NOON + HOLD / 1001 * 1001}, "step: must cut the window into at most 1000"),
        ({"step": TICK, "until": None}, "until: must be given with a step"),
    ],
)
async def test_bad_steps_are_refused(plex: str, call: Any, arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInputError, match=f"^{problem}"):
        await call(plex, **{"since": NOON, "until": NOON + HOLD, **arguments})


async def test_windows_end_now_by_the_database(plex: str) -> None:
    (row,) = await fetch("SELECT now()")
    now: datetime = row["now"]
    await services.record_check(plex, status=DOWN, response_time_ms=3, checked_at=now - timedelta(minutes=2))
    found = await services.uptime(plex, since=now - timedelta(hours=1))
    assert found is not None
    assert (found.until, found.down) == (now, timedelta(minutes=2))
    (incident,) = await services.incidents(plex, since=now - timedelta(hours=1))
    assert incident.is_ongoing
    assert incident.duration == timedelta(minutes=2)
    assert await services.response_time_percentiles(plex, since=now - timedelta(hours=1)) == {50: 3, 95: 3, 99: 3}


async def test_microseconds_are_exact(plex: str) -> None:
    step = timedelta(microseconds=1)
    await services.record_checks(
        [Check(plex, UP, checked_at=NOON), Check(plex, DOWN, checked_at=NOON + step), Check(plex, UP, checked_at=NOON)]
    )
    found = await services.uptime(plex, since=NOON, until=NOON + 2 * step)
    assert found == Uptime(NOON, NOON + 2 * step, step, timedelta(), step)


# Bad input

CALLS = [services.uptime, services.incidents, services.response_time_percentiles]


@pytest.mark.parametrize("call", CALLS)
async def test_an_unknown_service_is_not_found(db: DatabaseUrl, call: Any) -> None:
    with pytest.raises(NotFoundError, match="there is no service 'nope'"):
        await call("nope", since=NOON, until=NOON + HOLD)


NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"since": NAIVE}, "since"),
        ({"since": "yesterday"}, "since"),
        ({"since": None}, "since"),
        ({"until": NAIVE}, "until"),
        ({"until": NOON}, "since"),
        ({"until": NOON - HOLD}, "since"),
        ({"since": datetime.max.replace(tzinfo=UTC), "until": None}, "since"),
        ({"since": datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))}, "since: is out of range in UTC"),
        ({"service": ""}, "service"),
        ({"service": "a\0b"}, "service"),
        ({"service": "x" * 101}, "service"),
    ],
)
async def test_bad_windows_are_refused(plex: str, call: Any, arguments: dict[str, Any], name: str) -> None:
    arguments = {"service": plex, "since": NOON, "until": NOON + HOLD, **arguments}
    with pytest.raises(InvalidInputError, match=f"^{name}"):
        await call(arguments.pop("service"), **arguments)


@pytest.mark.parametrize("call", CALLS)
async def test_a_window_of_all_time_is_no_error(plex: str, call: Any) -> None:
    window: dict[str, Any] = {
        "since": datetime.min.replace(tzinfo=UTC),
        "until": datetime.max.replace(tzinfo=UTC),
    }
    assert not await call(plex, **window)
    await services.record_check(plex, status=UP, checked_at=NOON)
    found = await services.uptime(plex, **window)
    assert found is not None
    assert found.unknown == window["until"] - window["since"] - HOLD - 2 * timedelta(microseconds=1)


@pytest.mark.parametrize(
    "percentiles", [(), None, 50, iter([50]), (101,), (-1,), (float("nan"),), ("50",), (True,), "50"]
)
async def test_bad_percentiles_are_refused(plex: str, percentiles: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"^percentiles: "):
        await services.response_time_percentiles(plex, since=NOON, until=NOON + HOLD, percentiles=percentiles)
