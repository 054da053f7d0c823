"""The example worker, run as a separate process."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib import import_module
from typing import Any, Final
from uuid import uuid4

import pytest

from medianest_models.db import database
from medianest_models.db.statements import execute
from medianest_models.embedded import EmbeddedServer
from medianest_models.enums import DownloadStatus, ServiceStatus
from medianest_models.models import RateLimit, Service, ServiceStatusHistory, User, YouTubeDownload
from medianest_models.repositories import downloads
from medianest_models.settings import DatabaseUrl
from tests.conftest import CHECKOUT

MODULES: Final = ("examples.worker", "examples.portal.worker")
BROKEN: Final = """
import asyncio, importlib, sys

async def fail():
    raise RuntimeError("a defect")

worker = importlib.import_module(sys.argv[1])
worker.maintain = worker.check_services = fail
asyncio.run(worker.main())
"""


@asynccontextmanager
async def a_worker(*program: str) -> AsyncIterator[Process]:
    """Run the worker, or another program; kill it at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *(program or ["examples/worker.py"])),
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONWARNINGS": "error"},
        cwd=CHECKOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def stop(process: Process, number: signal.Signals = signal.SIGTERM) -> str:
    """Send the signal, check that the worker ends at once and without an error, and return its output."""
    process.send_signal(number)
    async with asyncio.timeout(30):
        _, written = await process.communicate()
    log = written.decode()
    assert process.returncode == 0, log
    assert "Traceback" not in log
    assert "Warning" not in log
    return log


async def read_until(pattern: str, process: Process) -> str:
    """Read the worker's output as far as a line that matches, and return it."""
    assert process.stderr is not None
    log = ""
    async with asyncio.timeout(60):
        while not re.search(pattern, log):
            line = await process.stderr.readline()
            assert line, f"the worker ended: {log}"
            log += line.decode()
    return log


async def until(question: Callable[[], Awaitable[Any]], process: Process) -> Any:
    """Wait until the result is true, and return it."""
    async with asyncio.timeout(60):
        while True:
            if answer := await question():
                return answer
            assert process.returncode is None, "the worker ended"
            await asyncio.sleep(0.05)


@pytest.fixture
async def download(fresh_db: DatabaseUrl) -> YouTubeDownload:
    user = await User.create(plex_id="1", plex_username="ann")
    return await downloads.enqueue(user.id, playlist_url="https://youtube.example/a")


async def test_does_what_is_queued_and_checks_services(download: YouTubeDownload) -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await Service.create(name="up", display_name="Up", url=f"http://user:password@127.0.0.1:{port}/path")
    await Service.create(name="down", display_name="Down", url="http://127.0.0.1:1")
    await Service.create(name="nowhere", display_name="Nowhere")

    async def done() -> bool:
        await download.refresh_from_db()
        return download.status == DownloadStatus.COMPLETED

    async def both_checked() -> bool:
        return await ServiceStatusHistory.all().count() >= 2

    async with server, a_worker() as process:
        await until(done, process)
        await another_begins(download, process)  # a notification woke it
        await until(both_checked, process)
        checks = {check.service.name: check for check in await ServiceStatusHistory.all().select_related("service")}
        await stop(process, signal.SIGINT)
    assert download.file_paths == [f"/videos/{download.id}.mkv"]
    assert checks.keys() == {"up", "down"}
    assert (checks["up"].status, checks["up"].error_message) == (ServiceStatus.UP, None)
    assert (checks["down"].status, checks["down"].error_message) == (ServiceStatus.DOWN, "ConnectionRefusedError")


async def downloads_running(download: YouTubeDownload) -> bool:
    return (await downloads.get(download.id)).status == DownloadStatus.DOWNLOADING


async def another_begins(download: YouTubeDownload, process: Process) -> None:
    """Queue another download, and wait until the worker has begun with it; the first may have ended long ago."""
    another = await downloads.enqueue(download.user_id, playlist_url="https://youtube.example/b")
    await until(lambda: downloads_running(another), process)


async def test_looks_after_the_database(fresh_db: DatabaseUrl) -> None:
    await RateLimit.create(ip_address="::1", endpoint="x", window_start=datetime(2026, 1, 1, tzinfo=UTC))

    async def is_gone() -> bool:
        return not await RateLimit.exists()

    async with a_worker() as process:
        await until(is_gone, process)
        await stop(process)


async def test_a_signal_in_the_middle_puts_the_download_back(download: YouTubeDownload) -> None:
    async def half_done() -> bool:
        await download.refresh_from_db()
        return download.progress >= 30

    async with a_worker() as process:
        await until(half_done, process)
        await stop(process)
    await download.refresh_from_db()
    assert (download.status, download.attempts, download.worker_id) == (DownloadStatus.QUEUED, 0, None)
    assert await downloads.claim("another") is not None


async def test_a_signal_ends_a_worker_that_waits(fresh_db: DatabaseUrl) -> None:
    await Service.create(name="down", display_name="Down", url="http://127.0.0.1:1")
    async with a_worker() as process:
        await until(ServiceStatusHistory.exists, process)
        await asyncio.sleep(0.5)
        await stop(process)


@pytest.mark.parametrize(
    "end",
    [
        lambda download: downloads.cancel(download.id),
        lambda download: download.delete(),
        lambda download: User.filter(id=download.user_id).delete(),
    ],
    ids=["cancelled", "deleted", "deleted with its user"],
)
async def test_a_download_that_is_taken_away_while_it_runs_is_given_up(
    download: YouTubeDownload, end: Callable[[YouTubeDownload], Awaitable[object]]
) -> None:
    another = await User.create(plex_id="2", plex_username="bob")
    async with a_worker() as process:
        await until(lambda: downloads_running(download), process)
        await end(download)
        later = await downloads.enqueue(another.id, playlist_url="https://youtube.example/b")
        await until(lambda: downloads_running(later), process)
        log = await stop(process)
    assert re.search(rf"download {download.id} (does not belong to this worker|was cancelled)", log)


async def test_a_url_that_leads_nowhere_is_a_service_that_is_down(download: YouTubeDownload) -> None:
    urls = {
        "port": "http://plex.example:32400x",
        "large": "http://127.0.0.1:99999",
        "bracket": "http://[::1",
        "empty": "http://",
        "label": f"http://{'x' * 64}.example",
        "dots": "http://a..b",
        "text": "plex",
    }
    for name, url in urls.items():
        await Service.create(name=name, display_name=name, url=url)

    async def all_checked() -> bool:
        return await ServiceStatusHistory.all().count() >= len(urls)

    async with a_worker() as process:
        await until(all_checked, process)
        await another_begins(download, process)
        await stop(process)
    checks = {check.service.name: check for check in await ServiceStatusHistory.all().select_related("service")}
    assert checks.keys() == urls.keys()
    assert {check.status for check in checks.values()} == {ServiceStatus.DOWN}
    assert checks["empty"].error_message == checks["text"].error_message == "gaierror"  # it did not try this machine


async def test_a_service_that_can_not_be_recorded_hides_no_other(download: YouTubeDownload) -> None:
    await Service.create(name="", display_name="written by others", url="http://127.0.0.1:1")
    await Service.create(name="down", display_name="Down", url="http://127.0.0.1:1")
    async with a_worker() as process:
        await until(ServiceStatusHistory.filter(service__name="down").exists, process)
        await another_begins(download, process)
        await stop(process)


async def test_services_that_can_not_be_read_stop_no_download(download: YouTubeDownload) -> None:
    await execute("ALTER TABLE services RENAME TO elsewhere")
    async with a_worker() as process:
        await until(lambda: downloads_running(download), process)
        log = await stop(process)
    assert "could not check the services: MigrationError" in log


@pytest.mark.parametrize("module", MODULES)
async def test_a_defect_beside_the_downloads_is_told_and_stops_none(download: YouTubeDownload, module: str) -> None:
    async with a_worker("-c", BROKEN, module) as process:
        await until(lambda: downloads_running(download), process)
        log = await stop(process)
    for work in ("check the services", "look after the database"):
        assert f"could not {work}: RuntimeError('a defect')" in log


@pytest.mark.parametrize("module", MODULES)
async def test_work_that_failed_is_done_again(module: str) -> None:
    outcomes = iter([RuntimeError("a defect"), None])
    again = asyncio.Event()

    async def work() -> None:
        if error := next(outcomes, None):
            raise error
        again.set()

    task = asyncio.create_task(import_module(module).regularly("work", work, seconds=0))
    async with asyncio.timeout(30):
        await again.wait()
    task.cancel()


async def test_a_restart_of_the_database(own_server: EmbeddedServer) -> None:
    async with database():
        user = await User.create(plex_id="1", plex_username="ann")
        first = await downloads.enqueue(user.id, playlist_url="https://youtube.example/a")
        async with a_worker() as process:
            await until(lambda: downloads_running(first), process)
            log = ""
            # In the middle of a download; then while the worker waits, or is about to claim or to wait.
            for seen in ("can't serve this worker", "can't serve this worker|lost the connection"):
                await asyncio.to_thread(own_server.stop)
                log += await read_until(seen, process)
                await asyncio.to_thread(own_server.start)
                later = await downloads.enqueue(user.id, playlist_url=f"https://youtube.example/{uuid4()}")
                await until(lambda: is_done(later), process)  # noqa: B023 - it is awaited here
            log += await stop(process)
    assert "Traceback" not in log
    assert "Warning" not in log


async def is_done(download: YouTubeDownload) -> bool:
    return (await downloads.get(download.id)).status == DownloadStatus.COMPLETED
