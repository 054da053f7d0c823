"""Uptime, incidents and percentiles of a service, found by looking at every tick of the clock."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from medianest_models.enums import ServiceStatus
from medianest_models.models import ServiceStatusHistory
from medianest_models.repositories.services import Incident, Uptime

UP, DOWN, DEGRADED = ServiceStatus.UP, ServiceStatus.DOWN, ServiceStatus.DEGRADED
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TICK = timedelta(seconds=30)
HOLD = timedelta(minutes=5)


def at(tick: int) -> datetime:
    return NOON + tick * TICK


def check_at(history: list[ServiceStatusHistory], instant: datetime) -> ServiceStatusHistory | None:
    """Return the check that determines the service's state at a time."""
    before = [check for check in history if check.checked_at <= instant]
    if not before:
        return None
    latest = max(before, key=lambda check: (check.checked_at, check.id))
    return latest if instant - latest.checked_at < HOLD else None


def reference_uptime(history: list[ServiceStatusHistory], since: int, until: int) -> Uptime | None:
    totals = dict.fromkeys(ServiceStatus, timedelta())
    for tick in range(since, until):
        check = check_at(history, at(tick))
        if check is not None:
            totals[check.status] += TICK
    if not any(totals.values()):
        return None
    return Uptime(at(since), at(until), totals[UP], totals[DEGRADED], totals[DOWN])


def reference_incidents(history: list[ServiceStatusHistory], since: int, until: int) -> list[Incident]:
    found = []
    tick = since
    while tick < until:
        start = tick
        errors = []
        while tick < until and (check := check_at(history, at(tick))) is not None and check.status is DOWN:
            if check.error_message is not None:
                errors.append(check.error_message)
            tick += 1
        if tick > start:
            ended_at = at(tick) if tick < until else None
            found.append(Incident(at(start), ended_at, (tick - start) * TICK, errors[0] if errors else None))
        else:
            tick += 1
    return found


def reference_percentiles(
    history: list[ServiceStatusHistory], since: int, until: int, percentiles: list[float]
) -> dict[float, float] | None:
    times = sorted(
        check.response_time_ms
        for check in history
        if check.response_time_ms is not None and at(since) <= check.checked_at < at(until)
    )
    if not times:
        return None
    found = {}
    for percentile in percentiles:
        place = percentile / 100 * (len(times) - 1)
        low, high = times[math.floor(place)], times[math.ceil(place)]
        found[percentile] = low + (place - math.floor(place)) * (high - low)
    return found
