"""The worker: it pretends to download playlists and to check the services, until SIGTERM or Ctrl-C.

`python -m examples.portal` starts one; start more by hand, as many as you like. examples/worker.py shows real checks.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

from medianest_models import ServiceStatus, YouTubeDownload, database
from medianest_models.repositories import downloads, services
from medianest_models.upkeep import maintain

log = logging.getLogger("portal.worker")


async def fetch_playlist(download: YouTubeDownload, report_progress: downloads.ReportProgress) -> list[str]:
    """Pretend: call your downloader here."""
    for percent in range(10, 101, 10):
        await asyncio.sleep(0.5)
        await report_progress(percent)
    return [f"/videos/{download.id}.mkv"]


async def check_services() -> None:
    """Pretend to check the services."""
    for service in (await services.list_enabled()).data:
        took = random.randint(20, 200)  # noqa: S311 - nothing is secret here
        await services.record_check(service.name, status=ServiceStatus.UP, response_time_ms=took)


async def regularly(what: str, work: Callable[[], Awaitable[object]], *, seconds: float) -> None:
    """Do some work again and again."""
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - whatever it is, the downloads go on
            log.warning("could not %s: %r", what, error)
        await asyncio.sleep(seconds)


async def main() -> None:
    """Work for as long as nobody says stop."""
    async with database():
        others = [
            asyncio.create_task(regularly("check the services", check_services, seconds=60)),
            asyncio.create_task(regularly("look after the database", maintain, seconds=3600)),
        ]
        await downloads.run_worker(fetch_playlist, concurrency=2, lease=timedelta(minutes=1))
        for task in others:
            task.cancel()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main())
