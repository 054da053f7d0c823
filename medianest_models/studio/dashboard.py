"""The first page: the number of rows, the queue, and the state of the services."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette_admin.routing import route
from starlette_admin.views import CustomView

from medianest_models.db import database_health
from medianest_models.enums import DownloadStatus
from medianest_models.pagination import PaginationParams
from medianest_models.repositories import downloads, media_requests, services
from medianest_models.repositories.services import LatestStatus
from medianest_models.settings import load_settings
from medianest_models.studio.charts import Span, percent, response_chart, uptime_strip
from medianest_models.studio.paging import count_rows
from medianest_models.studio.tables import TABLES

_HOUR: Final = datetime.timedelta(hours=1)
_DAY: Final = datetime.timedelta(days=1)
_MONTH: Final = datetime.timedelta(days=30)
_QUEUE_SHOWN: Final = 8


class Dashboard(CustomView):
    """The first page."""

    def __init__(self) -> None:
        super().__init__(menu_label="Dashboard", icon="fa fa-house", path="/")

    @route("")
    async def index(self, request: Request) -> Response:
        """Return the page."""
        assert self._admin is not None  # noqa: S101 - the library mounts it before any request
        return self._admin._template_response(  # noqa: SLF001 - as the library's own first page does
            request=request, name="dashboard.html", context={"title": "Dashboard", **await overview()}
        )


async def overview() -> dict[str, Any]:
    """Read the values of the page."""
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
        "is_production": load_settings().is_production,
        "panels": panels,
        "queue": [*running.data, *waiting.data][:_QUEUE_SHOWN],
        "pause": await downloads.pause_status(),
        "downloads": await downloads.counts_by_status(),
        "requests": await media_requests.counts_by_status(),
        "health": await database_health(),
    }


async def _panel(latest: LatestStatus, now: datetime.datetime) -> dict[str, Any]:
    """Read the values of the page for one service."""
    name = latest.display_name
    day = await _spans(latest.service, now - _DAY, now, _HOUR, "%a %H:%M")
    month = await _spans(latest.service, now - _MONTH, now, _DAY, "%d %b")
    hours = await services.response_time_percentiles(
        latest.service, since=now - _DAY, until=now, percentiles=(50, 95), step=_HOUR
    )
    medians, highs = ([found[percentile] if found else None for found in hours] for percentile in (50, 95))
    return {
        "display_name": name,
        "check": latest.check,
        "day": percent(span.uptime for span in day),
        "day_strip": uptime_strip(name, day, "the last 24 hours"),
        "month": percent(span.uptime for span in month),
        "month_strip": uptime_strip(name, month, "the last 30 days"),
        "times": response_chart(name, medians, highs),
        "highest_time": max((high for high in highs if high is not None), default=None),
    }


async def _spans(
    service: str, since: datetime.datetime, until: datetime.datetime, step: datetime.timedelta, label: str
) -> list[Span]:
    steps = await services.uptime(service, since=since, until=until, step=step)
    return [Span(format(since + step * number, label), uptime) for number, uptime in enumerate(steps)]
