"""The first page: how much there is, what is under way, and how the services are."""

from __future__ import annotations

import asyncio
import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from starlette_admin.routing import route
from starlette_admin.views import CustomView

from medianest_models.db import database_health
from medianest_models.enums import DownloadStatus
from medianest_models.pagination import PaginationParams
from medianest_models.repositories import downloads, media_requests, services
from medianest_models.studio.charts import Sample, Span, highest_time, percent, response_chart, uptime_strip
from medianest_models.studio.paging import count_rows
from medianest_models.studio.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from markupsafe import Markup
    from starlette.requests import Request
    from starlette.responses import Response

    from medianest_models.models import ServiceStatusHistory
    from medianest_models.repositories.services import LatestStatus

_HOUR: Final = datetime.timedelta(hours=1)
_DAY: Final = datetime.timedelta(days=1)
_HOLDS: Final = datetime.timedelta(minutes=5)
_PERCENTILES: Final = (50, 95)
_QUEUE_SHOWN: Final = 8


@dataclass(frozen=True)
class ServicePanel:
    """What the page says of a service."""

    name: str
    display_name: str
    check: ServiceStatusHistory | None
    day: str
    day_strip: Markup
    month: str
    month_strip: Markup
    times: Markup
    highest_time: float | None


class Dashboard(CustomView):
    """The first page."""

    def __init__(self) -> None:
        super().__init__(menu_label="Dashboard", icon="fa fa-house", path="/")

    @route("")
    async def index(self, request: Request) -> Response:
        """The page."""
        assert self._admin is not None  # noqa: S101 - the library mounts it before it is asked for
        return self._admin._template_response(  # noqa: SLF001 - as the library's own first page does
            request=request, name="dashboard.html", context={"title": "Dashboard", **await overview()}
        )


async def overview() -> dict[str, Any]:
    """What the page shows."""
    now = datetime.datetime.now(datetime.UTC)
    models = [view.table for view in TABLES]
    counts = {model._meta.db_table: (await count_rows(model.all(), whole_table=True)).text for model in models}
    panels = await asyncio.gather(*(_panel(latest, now) for latest in await services.latest_statuses()))
    newest_first = PaginationParams(limit=_QUEUE_SHOWN)
    running = await downloads.list_by_filters(status=DownloadStatus.DOWNLOADING, params=newest_first)
    waiting = await downloads.list_by_filters(status=DownloadStatus.QUEUED, params=newest_first)
    return {
        "counts": counts,
        "is_empty": counts["users"] == "0",
        "panels": panels,
        "queue": [*running.data, *waiting.data][:_QUEUE_SHOWN],
        "downloads": await downloads.counts_by_status(),
        "requests": await media_requests.counts_by_status(),
        "health": await database_health(),
    }


async def _panel(latest: LatestStatus, now: datetime.datetime) -> ServicePanel:
    name = latest.service
    day = await _spans(latest, now, _HOUR, 24, lambda since: f"{since:%a %H:%M}")
    month = await _spans(latest, now, _DAY, 30, lambda since: f"{since:%d %b}")
    samples = await _samples(latest, now)
    return ServicePanel(
        name=name,
        display_name=latest.display_name,
        check=latest.check,
        day=percent(span.uptime for span in day),
        day_strip=uptime_strip(latest.display_name, day, "the last 24 hours"),
        month=percent(span.uptime for span in month),
        month_strip=uptime_strip(latest.display_name, month, "the last 30 days"),
        times=response_chart(latest.display_name, samples),
        highest_time=highest_time(samples),
    )


async def _spans(
    latest: LatestStatus, now: datetime.datetime, length: datetime.timedelta, number: int, label: Callable[[Any], str]
) -> list[Span]:
    spans = []
    for since in _starts(now, length, number):
        is_known = _is_known(latest, since)
        found = await services.uptime(latest.service, since=since, until=since + length) if is_known else None
        spans.append(Span(since, label(since), found))
    return spans


async def _samples(latest: LatestStatus, now: datetime.datetime) -> list[Sample]:
    samples = []
    for since in _starts(now, _HOUR, 24):
        found = None
        if _is_known(latest, since):
            found = await services.response_time_percentiles(
                latest.service, since=since, until=since + _HOUR, percentiles=_PERCENTILES
            )
        median, high = (None, None) if found is None else (found[50], found[95])
        samples.append(Sample(f"{since:%H:%M}", median, high))
    return samples


def _starts(now: datetime.datetime, length: datetime.timedelta, number: int) -> list[datetime.datetime]:
    return [now - length * back for back in range(number, 0, -1)]


def _is_known(latest: LatestStatus, since: datetime.datetime) -> bool:
    """Whether there can be anything to ask the database for: a check holds for five minutes at most."""
    return latest.check is not None and latest.check.checked_at + _HOLDS > since
