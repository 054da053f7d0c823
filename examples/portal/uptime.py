"""The state of the services, and their uptime in the last 30 days."""

from __future__ import annotations

import datetime
from typing import Final

from pydantic import BaseModel

from medianest_models import ServiceStatus
from medianest_models.repositories import services
from medianest_models.repositories.services import Uptime

_DAY: Final = datetime.timedelta(days=1)
DAYS: Final = 30
_GOOD: Final = 0.995


class Day(BaseModel):
    """A day of the strip, in UTC; the ratio is None if nothing is known of it."""

    date: datetime.date
    ratio: float | None

    @property
    def grade(self) -> str:
        """The class of the day in the style sheet."""
        if self.ratio is None:
            return "unknown"
        return "good" if self.ratio >= _GOOD else "poor"


class ServiceOverview(BaseModel):
    """A service; status and time are None if it was never checked."""

    name: str
    display_name: str
    status: ServiceStatus | None
    checked_at: datetime.datetime | None
    in_maintenance: bool
    ratio: float | None
    days: list[Day]


async def read_overview() -> list[ServiceOverview]:
    """Read all enabled services, by name, with the same four statements for any number of them."""
    now = datetime.datetime.now(datetime.UTC)
    since = now.replace(hour=0, minute=0, second=0, microsecond=0) - (DAYS - 1) * _DAY
    latest = await services.latest_statuses()
    whole = await services.uptime_by_service(since=since, until=now)
    by_day = await services.uptime_by_service(since=since, until=now, step=_DAY)
    maintained = {window.service.name for window in await services.maintenance.current()}
    return [
        ServiceOverview(
            name=one.service,
            display_name=one.display_name,
            status=None if one.check is None else one.check.status,
            checked_at=None if one.check is None else one.check.checked_at,
            in_maintenance=one.service in maintained,
            ratio=_ratio(whole.get(one.service)),
            days=[
                Day(date=(since + number * _DAY).date(), ratio=_ratio(uptime))
                for number, uptime in enumerate(by_day.get(one.service, []))  # it may be new since the first statement
            ],
        )
        for one in latest
    ]


def _ratio(uptime: Uptime | None) -> float | None:
    return None if uptime is None else uptime.ratio
