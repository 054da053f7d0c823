"""The first page: the number of rows, the queue, and the state of the services."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette_admin.routing import route
from starlette_admin.views import CustomView

from medianest_models.db import database_health
from medianest_models.enums import DownloadStatus
from medianest_models.pagination import PaginationParams
from medianest_models.repositories import downloads, media_requests
from medianest_models.settings import load_settings
from medianest_models.studio.charts import lasting
from medianest_models.studio.paging import count_rows
from medianest_models.studio.service_panels import read_panels
from medianest_models.studio.tables import TABLES

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
    models = [view.table for view in TABLES]
    counts = {model._meta.db_table: (await count_rows(model.all(), whole_table=True)).text for model in models}
    newest_first = PaginationParams(limit=_QUEUE_SHOWN)
    running = await downloads.list_by_filters(status=DownloadStatus.DOWNLOADING, params=newest_first)
    waiting = await downloads.list_by_filters(status=DownloadStatus.QUEUED, params=newest_first)
    return {
        "counts": counts,
        "is_empty": counts["users"] == "0",
        "is_production": load_settings().is_production,
        "panels": await read_panels(),
        "lasting": lasting,
        "queue": [*running.data, *waiting.data][:_QUEUE_SHOWN],
        "pause": await downloads.pause_status(),
        "downloads": await downloads.counts_by_status(),
        "requests": await media_requests.counts_by_status(),
        "health": await database_health(),
    }
