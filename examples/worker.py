"""A worker: it downloads playlists and watches the services, until SIGTERM or Ctrl-C. Start as many as you like."""

import asyncio
import logging
import os
import signal
from collections.abc import Coroutine
from contextlib import suppress
from datetime import timedelta
from time import monotonic
from urllib.parse import urlsplit

from medianest_models import ServiceStatus, YouTubeDownload, database
from medianest_models.errors import DatabaseUnavailableError, LeaseLostError, MedianestError
from medianest_models.repositories import downloads, services

WORKER_ID = f"{os.uname().nodename}-{os.getpid()}"
LEASE = timedelta(minutes=1)  # the longest silence between two reports of progress
log = logging.getLogger("worker")


async def fetch_playlist(download: YouTubeDownload) -> list[str]:
    """Pretend: call your downloader here. Each report of progress also extends the lease."""
    for percent in range(10, 101, 10):
        await asyncio.sleep(0.3)
        await downloads.report_progress(download.id, worker_id=WORKER_ID, progress=percent, lease=LEASE)
    return [f"/videos/{download.id}.mkv"]


async def run(download: YouTubeDownload) -> None:
    """Do one download and say how it ended."""
    try:
        await downloads.complete(download.id, worker_id=WORKER_ID, file_paths=await fetch_playlist(download))
    except (LeaseLostError, DatabaseUnavailableError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the queue tries again later
        await downloads.fail(download.id, worker_id=WORKER_ID, error_message=repr(error))


async def work(stop: asyncio.Event) -> None:
    """Take downloads from the queue; one that is interrupted goes back to it, and the attempt does not count."""
    while not stop.is_set():
        try:
            download = await downloads.claim(WORKER_ID, lease=LEASE)
            if download is None:
                await unless(stop, downloads.wait_for_work())
            elif not await unless(stop, run(download)):
                await downloads.release(download.id, worker_id=WORKER_ID)
        except MedianestError as error:  # a lost lease, a database that restarts: the download goes to someone else
            log.warning("%s", error)
            await unless(stop, asyncio.sleep(1))


async def unless(stop: asyncio.Event, coroutine: Coroutine[None, None, object]) -> bool:
    """Run something, but cancel it as soon as the worker has to stop; return whether it came to its end."""
    task, stopped = asyncio.create_task(coroutine), asyncio.create_task(stop.wait())
    await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return not task.cancelled()


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


async def watch(stop: asyncio.Event) -> None:
    """Check once a minute every service that has a URL."""
    while not stop.is_set():
        try:
            for service in (await services.list_enabled()).data:
                if service.url:
                    await unless(stop, check(service.name, service.url))
        except Exception as error:  # noqa: BLE001 - whatever it is, the downloads go on
            log.warning("the services can't be checked: %s", error)
        await unless(stop, asyncio.sleep(60))


async def main() -> None:
    """Work until a signal says to stop."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with database():
        await asyncio.gather(work(stop), watch(stop))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main())  # or uvloop.run(main()), which does more in the same time
