"""A month of checks of the services, with an outage now and then, and their maintenance."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from medianest_models.demo_data.random_source import RandomSource
from medianest_models.enums import ServiceStatus
from medianest_models.repositories.services import Check

_PERIOD: Final = timedelta(days=30)
_EVERY: Final = timedelta(minutes=5)
_GAP_ENDED: Final = timedelta(days=9)
"""The time since the monitor was started again; older checks are moved back by the time it was off."""
_GAP: Final = timedelta(hours=14)
_TYPICAL_MS: Final = (28, 85, 140)
CHECKS: Final = _PERIOD // _EVERY


class Window(NamedTuple):
    """A maintenance window: its beginning, its end, and why."""

    begins_at: datetime
    ends_at: datetime
    reason: str


def make_maintenance(source: RandomSource, place: int) -> list[Window]:
    """Make the windows of the service at a place: a past one, and for the first service also a planned one."""
    began_at = source.now - timedelta(hours=7 + 40 * place)
    windows = [Window(began_at, began_at + timedelta(minutes=90), "new disks")]
    if place == 0:
        begins_at = source.now + timedelta(days=3)
        windows.append(Window(begins_at, begins_at + timedelta(hours=2), "upgrade of the operating system"))
    return windows


def make_checks(source: RandomSource, service: str, place: int, windows: list[Window]) -> Iterator[Check]:
    """Draw the checks of the service at a place, on which its response times and outages depend.

    During maintenance it is down. For some hours the monitor was off, and there are no checks.
    """
    troubles = sorted(_trouble(source) for _ in range(2 + 2 * place))
    troubles += [(window.begins_at, window.ends_at, ServiceStatus.DOWN) for window in windows]
    for number in range(CHECKS):
        when = source.now - _PERIOD + (number + 1) * _EVERY
        if when < source.now - _GAP_ENDED:
            when -= _GAP
        state = next((status for since, until, status in troubles if since <= when < until), ServiceStatus.UP)
        busy = 1 + 0.6 * (16 <= when.hour <= 21)  # noqa: PLR2004 - people watch in the evening
        answer = int(source.dice.gammavariate(6, _TYPICAL_MS[place % len(_TYPICAL_MS)] * busy / 6)) + 4
        if state is ServiceStatus.DOWN:
            yield Check(service, state, None, "connection refused", when)
        else:
            yield Check(service, state, answer * (9 if state is ServiceStatus.DEGRADED else 1), None, when)


def _trouble(source: RandomSource) -> tuple[datetime, datetime, ServiceStatus]:
    since = source.ago(_PERIOD, timedelta(hours=3))
    length = timedelta(minutes=source.dice.choice((10, 15, 25, 40, 90, 150)))
    return since, since + length, source.dice.choice((ServiceStatus.DOWN, ServiceStatus.DOWN, ServiceStatus.DEGRADED))
