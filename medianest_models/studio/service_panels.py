"""The services on the first page: their uptime, response times, incidents and maintenance, read for all at once."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any, Final, NamedTuple

from medianest_models.repositories import services
from medianest_models.repositories.services import Uptime
from medianest_models.studio.charts import Span, percent, response_chart, total, unknown_share, uptime_strip

_HOUR: Final = datetime.timedelta(hours=1)
_DAY: Final = datetime.timedelta(days=1)
_NOTHING: Final = datetime.timedelta()
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_INCIDENTS_SHOWN: Final = 3


class Period(NamedTuple):
    """The time of a strip, which has `number` parts, each with its label (in the form of `strftime`)."""

    name: str
    phrase: str
    step: datetime.timedelta
    number: int
    label: str

    def since(self, now: datetime.datetime) -> datetime.datetime:
        """Return the beginning of the first part; the last one is that of the hour or the day (UTC) that is not over.

        So whole hours and days are read from the roll-ups.
        """
        unit = min(self.step, _DAY)
        return now - ((now - _EPOCH) % unit or unit) + unit - self.number * self.step


_A_DAY: Final = Period("24 hours", "the last 24 hours", _HOUR, 24, "%a %H:%M")
_A_MONTH: Final = Period("30 days", "the last 30 days", _DAY, 30, "%d %b")
_A_YEAR: Final = Period("a year", "the last year", 7 * _DAY, 52, "week from %d %b %Y")
_PERIODS: Final = (_A_DAY, _A_MONTH, _A_YEAR)


async def read_panels() -> list[dict[str, Any]]:
    """Read the values of the page for each enabled service, by name."""
    now = datetime.datetime.now(datetime.UTC)
    since = _A_DAY.since(now)
    latest, incidents, times, strips = await asyncio.gather(
        services.latest_statuses(),
        services.incidents_by_service(since=_A_MONTH.since(now), until=now),
        services.response_time_percentiles_by_service(since=since, until=now, percentiles=(50, 95), step=_HOUR),
        asyncio.gather(*(_read_spans(period, now) for period in _PERIODS)),
    )
    current, upcoming = await services.maintenance.current(), await services.maintenance.upcoming()
    # A service that was added or disabled while this was read is not in all of it: the next time it is, or is gone.
    complete = set(incidents).intersection(times, *strips)
    return [
        {
            "display_name": status.display_name,
            "check": status.check,
            "strips": [
                _strip(status.display_name, period, spans[status.service])
                for period, spans in zip(_PERIODS, strips, strict=True)
            ],
            **_times(status.display_name, times[status.service]),
            "incidents": incidents[status.service][: -_INCIDENTS_SHOWN - 1 : -1],
            "incident_count": len(incidents[status.service]),
            "maintenance": [window for window in current if window.service.name == status.service],
            "planned": next((window for window in upcoming if window.service.name == status.service), None),
        }
        for status in latest
        if status.service in complete
    ]


async def _read_spans(period: Period, now: datetime.datetime) -> dict[str, list[Span]]:
    """Read a strip of each service. Its last part ends now: what is to come is neither up nor unknown."""
    since = period.since(now)
    found = await services.uptime_by_service(since=since, until=now, step=period.step)
    begins = [since + number * period.step for number in range(period.number)]
    parts = [(format(begin, period.label), begin, end) for begin, end in zip(begins, [*begins[1:], now], strict=True)]
    return {
        name: [
            Span(label, uptime or Uptime(begin, end, _NOTHING, _NOTHING, _NOTHING))
            for (label, begin, end), uptime in zip(parts, uptimes, strict=True)
        ]
        for name, uptimes in found.items()
    }


def _strip(name: str, period: Period, spans: list[Span]) -> dict[str, Any]:
    found = total(spans)
    return {
        "period": period.name,
        "percent": percent(found),
        "unknown": unknown_share(found) if found.ratio is not None else 0.0,
        "drawn": uptime_strip(name, spans, period.phrase),
    }


def _times(name: str, hours: list[dict[float, float] | None]) -> dict[str, Any]:
    medians, highs = ([found[percentile] if found else None for found in hours] for percentile in (50, 95))
    return {
        "times": response_chart(name, medians, highs),
        "highest_time": max((high for high in highs if high is not None), default=None),
    }
