"""A worker: it downloads playlists, watches the services and looks after the database, until SIGTERM or Ctrl-C.

Start as many as you like.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from time import monotonic
from urllib.parse import urlsplit

from medianest_models import ServiceStatus, YouTubeDownload, database
from medianest_models.errors import MedianestError
from medianest_models.logs import configure_logging
from medianest_models.repositories import downloads, services
from medianest_models.upkeep import maintain

log = logging.getLogger("worker")


async def fetch_playlist(download: YouTubeDownload, report_progress: downloads.ReportProgress) -> list[str]:
    """Pretend: call your downloader here. An error is a failed attempt, which is repeated later."""
    for percent in range(10, 101, 10):
        await asyncio.sleep(0.3)
        await report_progress(percent)
    return [f"/videos/{download.id}.mkv"]


async def main() -> None:
    """Download; meanwhile, check the services and look after the database."""
    async with database():
        others = [
            asyncio.create_task(regularly("check the services", check_services, seconds=60)),
            asyncio.create_task(regularly("look after the database", maintain, seconds=3600)),
        ]
        await downloads.run_worker(fetch_playlist, concurrency=2, lease=timedelta(minutes=1))
        for task in others:
            task.cancel()


async def regularly(what: str, work: Callable[[], Awaitable[object]], *, seconds: float) -> None:
    """Do some work again and again."""
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - whatever it is, the downloads go on
            log.warning("could not %s: %r", what, error)
        await asyncio.sleep(seconds)


async def check_services() -> None:
    """Check every service that has a URL."""
    for service in (await services.list_enabled()).data:
        if service.url:
            await check(service.name, service.url)


async def check(name: str, url: str) -> None:
    """Record whether a service takes connections, and how fast; one whose URL makes no sense does not."""
    started, status, problem = monotonic(), ServiceStatus.UP, None
    try:
        parts = urlsplit(url)
        _, connection = await asyncio.wait_for(asyncio.open_connection(parts.hostname or "", parts.port or 80), 5)
        connection.close()
    except (OSError, ValueError) as error:
        status, problem = ServiceStatus.DOWN, type(error).__name__
    took = round(1000 * (monotonic() - started))
    with suppress(MedianestError):  # it was deleted meanwhile, for instance: the others are checked all the same
        await services.record_check(name, status=status, response_time_ms=took, error_message=problem)


if __name__ == "__main__":
    configure_logging()  # as LOG_LEVEL and LOG_FORMAT say
    with suppress(KeyboardInterrupt):
        asyncio.run(main())  # or uvloop.run(main()), which does more in the same time
