"""The package's worker: what becomes of downloads whose handler returns, fails, hangs or is interrupted."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from medianest_models.db import database, disconnect_database
from medianest_models.db.statements import execute
from medianest_models.embedded import EmbeddedServer
from medianest_models.enums import DownloadStatus
from medianest_models.errors import DatabaseUnavailableError, InvalidInputError
from medianest_models.models import User, YouTubeDownload
from medianest_models.repositories import downloads
from medianest_models.repositories.downloads import jobs
from medianest_models.settings import DatabaseUrl
from tests.locks import until
from tests.processes import run_in_processes
from tests.repositories.download_rows import claim, enqueue, fill, let_lease_run_out, stored
from tests.repositories.wrong_arguments import wrong

SHORT = timedelta(seconds=3)
"""A lease with a heartbeat each second."""


class Hanging:
    """A handler that never ends by itself."""

    def __init__(self) -> None:
        self.begun: list[UUID] = []
        self.ended: list[UUID] = []

    async def __call__(self, download: YouTubeDownload, _: downloads.ReportProgress) -> None:
        self.begun.append(download.id)
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.append(download.id)

    async def runs(self) -> bool:
        return len(self.begun) > len(self.ended)

    async def is_idle(self) -> bool:
        return len(self.begun) == len(self.ended)


async def do_nothing(download: YouTubeDownload, report_progress: downloads.ReportProgress) -> None:
    """Succeed at once."""


@asynccontextmanager
async def working(handler: downloads.Handler, **arguments: Any) -> AsyncIterator[asyncio.Task[None]]:
    """Run a worker meanwhile."""
    task = asyncio.create_task(downloads.run_worker(handler, **arguments))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


def has_status(download: YouTubeDownload, status: DownloadStatus) -> Callable[[], Awaitable[bool]]:
    async def has() -> bool:
        return bool((await stored(download.id))["status"] == status)

    return has


@pytest.fixture
async def user(fresh_db: DatabaseUrl) -> User:
    return await User.create(plex_id="1", plex_username="ann")


@pytest.mark.parametrize(
    ("result", "paths", "collection"),
    [(None, None, None), (["/a.mkv"], ["/a.mkv"], None), (downloads.Result(["/a.mkv"], "7"), ["/a.mkv"], "7")],
)
async def test_a_download_is_completed_with_what_the_handler_returns(
    user: User, result: Any, paths: Any, collection: str | None
) -> None:
    async def handler(download: YouTubeDownload, report_progress: downloads.ReportProgress) -> Any:
        assert download.playlist_url == "https://youtube.example/a"
        await report_progress(40)
        assert (await stored(download.id))["progress"] == 40
        return result

    download = await enqueue(user)
    async with working(handler):
        await until(has_status(download, DownloadStatus.COMPLETED))
    done = await downloads.get(download.id)
    assert (done.file_paths, done.plex_collection_id, done.attempts) == (paths, collection, 1)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("no such playlist"), "ValueError: no such playlist"),
        (OSError(), "OSError"),
        (OSError("GET https://u:p@h/x?token=t failed"), "OSError: GET https://**********@h/x?token=********** failed"),
        (ValueError("a\0b\udc80"), "ValueError: ab?"),
        (TimeoutError("x" * 9_000), "TimeoutError: " + "x" * 986),
        (asyncio.CancelledError(), "RuntimeError: the handler was cancelled, by something else than its worker"),
    ],
)
async def test_an_error_is_a_failed_attempt(
    user: User, error: BaseException, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "medianest_models.downloads")  # a report can't hold half a character

    async def handler(download: YouTubeDownload, report_progress: downloads.ReportProgress) -> None:
        if download.id == bad.id:
            raise error

    bad, good = await enqueue(user, "bad"), await enqueue(user, "good")
    async with working(handler):
        await until(has_status(good, DownloadStatus.COMPLETED))
    row = await stored(bad.id)
    assert (row["status"], row["attempts"], row["error_message"]) == (DownloadStatus.QUEUED, 1, message)
    assert row["scheduled_at"] > row["started_at"]


@pytest.mark.parametrize("result", ["/one/path", 7, [1], downloads.Result(metadata={"n": float("nan")})])
async def test_a_result_that_can_not_be_stored_is_a_failed_attempt(user: User, result: Any) -> None:
    async def handler(download: YouTubeDownload, report_progress: downloads.ReportProgress) -> Any:
        return result if download.id == bad.id else None

    bad, good = await enqueue(user, "bad"), await enqueue(user, "good")
    async with working(handler):
        await until(has_status(good, DownloadStatus.COMPLETED))
    assert (await stored(bad.id))["status"] == DownloadStatus.QUEUED


async def test_a_worker_that_is_cancelled_gives_its_downloads_back(user: User) -> None:
    waiting = [await enqueue(user, name) for name in "abc"]
    hanging = Hanging()
    async with working(hanging, concurrency=2):
        await until(lambda: two_begun(hanging))
    assert sorted(hanging.ended) == sorted(download.id for download in waiting[:2])
    for download in waiting[:2]:
        again = await claim("another")
        assert (again.id, again.attempts) == (download.id, 1)


async def two_begun(hanging: Hanging) -> bool:
    return len(hanging.begun) == 2


async def test_what_has_ended_before_a_worker_is_cancelled_counts(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow(*arguments: Any, **named: Any) -> YouTubeDownload:
        completing.set()
        await goes_on.wait()
        return await complete(*arguments, **named)

    complete, completing, goes_on = downloads.complete, asyncio.Event(), asyncio.Event()
    monkeypatch.setattr(jobs, "complete", slow)
    download = await enqueue(user)
    async with working(do_nothing) as task:
        await completing.wait()
        task.cancel()
        asyncio.get_running_loop().call_soon(goes_on.set)
    assert (await stored(download.id))["status"] == DownloadStatus.COMPLETED


@pytest.mark.parametrize(
    "end",
    [
        lambda download: downloads.cancel(download.id),
        lambda download: download.delete(),
        let_lease_run_out,
    ],
    ids=["cancelled", "deleted", "lost"],
)
async def test_a_handler_is_stopped_when_its_download_is_taken_away(
    user: User, end: Callable[[YouTubeDownload], Awaitable[object]], caplog: pytest.LogCaptureFixture
) -> None:
    download = await enqueue(user)
    hanging = Hanging()
    async with working(hanging, lease=SHORT):
        await until(hanging.runs)
        await end(download)
        await enqueue(user, "b")
        await until(lambda: two_begun(hanging))
        assert hanging.ended == [download.id]
    assert f"download {download.id}" in caplog.text


async def test_heartbeats_keep_a_download(user: User) -> None:
    download = await enqueue(user)
    ends = set()
    hanging = Hanging()

    async def is_kept() -> bool:
        ends.add((await stored(download.id))["lease_expires_at"])
        return len(ends) > 3

    async with working(hanging, lease=SHORT):
        await until(hanging.runs)
        await until(is_kept)
        assert await hanging.runs()
        assert await downloads.release_expired() == 0


async def has_message(download: YouTubeDownload) -> bool:
    return (await stored(download.id))["error_message"] is not None


async def test_a_handler_that_takes_too_long_failed(user: User) -> None:
    download = await enqueue(user)
    hanging = Hanging()
    async with working(hanging, timeout=timedelta(milliseconds=50)):
        await until(lambda: has_message(download))
    row = await stored(download.id)
    assert (row["attempts"], row["error_message"]) == (1, "TimeoutError: it took longer than 0.05 s")


async def test_a_handler_that_does_not_let_itself_be_cancelled_stops_no_worker(
    user: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def stubborn(download: YouTubeDownload, report_progress: downloads.ReportProgress) -> None:
        while download.id == bad.id and not over.is_set():
            with suppress(asyncio.CancelledError):
                await over.wait()

    over = asyncio.Event()
    monkeypatch.setattr(jobs, "_STOP_SECONDS", 0.1)
    bad, good = await enqueue(user, "bad"), await enqueue(user, "good")
    async with working(stubborn, timeout=timedelta(seconds=1)):
        await until(has_status(good, DownloadStatus.COMPLETED))
    over.set()
    assert (await stored(bad.id))["error_message"] == "TimeoutError: it took longer than 1 s"
    assert "does not end when it is cancelled" in caplog.text


async def test_nothing_is_begun_during_a_pause(user: User) -> None:
    await downloads.pause()
    download = await enqueue(user)
    async with working(do_nothing):
        await execute("SELECT pg_sleep(0.5)")
        assert (await stored(download.id))["status"] == DownloadStatus.QUEUED
        await downloads.resume()
        await until(has_status(download, DownloadStatus.COMPLETED))


async def test_a_signal_ends_it_without_an_error(user: User) -> None:
    download = await enqueue(user)
    hanging = Hanging()
    async with working(hanging) as task:
        await until(hanging.runs)
        os.kill(os.getpid(), signal.SIGTERM)
        await task
    assert (await stored(download.id))["attempts"] == 0
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


async def test_a_program_s_own_handler_of_the_signal_stays(user: User) -> None:
    got = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, got.set)
    try:
        hanging = Hanging()
        await enqueue(user)
        async with working(hanging) as task:
            await until(hanging.runs)
            os.kill(os.getpid(), signal.SIGTERM)
            await got.wait()
            assert not task.done()
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)


async def test_it_ends_when_the_process_is_disconnected(user: User) -> None:
    async with working(do_nothing) as task:
        await asyncio.sleep(0)
        await disconnect_database()
        with pytest.raises(DatabaseUnavailableError):
            await task


async def test_it_begins_only_when_the_process_is_connected(not_connected: None) -> None:
    with pytest.raises(DatabaseUnavailableError):
        await downloads.run_worker(do_nothing)


@wrong(concurrency=[0, "2"], lease=[timedelta()], timeout=[3], max_running=[0], worker_id=["", "x" * 241])
async def test_run_worker_refuses(db: DatabaseUrl, name: str, value: Any) -> None:
    with pytest.raises(InvalidInputError, match=name):
        await downloads.run_worker(do_nothing, **{name: value})


async def do_all() -> list[UUID]:
    """Run a worker until nothing is left, and return what it did."""
    done: list[UUID] = []

    async def handler(download: YouTubeDownload, report_progress: downloads.ReportProgress) -> None:
        done.append(download.id)
        await report_progress(50)

    async def is_empty() -> bool:
        return await YouTubeDownload.exclude(status=DownloadStatus.COMPLETED).count() == 0

    async with working(handler, concurrency=4, max_running=None):
        await until(is_empty, seconds=60)
    return done


async def test_workers_of_two_processes_do_no_download_twice(fresh_db: DatabaseUrl) -> None:
    await fill(200)
    results = await asyncio.to_thread(run_in_processes, do_all, 2, url=fresh_db, connected=True, timeout=120)
    done = Counter(key for result in results for key in result)
    assert len(done) == 200
    assert set(done.values()) == {1}
    assert await YouTubeDownload.filter(status=DownloadStatus.COMPLETED, attempts=1).count() == 200


async def test_a_restart_of_the_database(own_server: EmbeddedServer, caplog: pytest.LogCaptureFixture) -> None:
    async def handler(download: YouTubeDownload, report_progress: downloads.ReportProgress) -> list[str]:
        begun.append(download.id)
        has_begun.set()
        await goes_on.wait()
        await report_progress(90)
        return ["/a.mkv"]

    begun: list[UUID] = []
    has_begun, goes_on = asyncio.Event(), asyncio.Event()
    caplog.set_level(logging.INFO, "medianest_models.downloads")
    async with database():
        user = await User.create(plex_id="1", plex_username="ann")
        download = await enqueue(user)
        async with working(handler, lease=timedelta(minutes=5)):
            await has_begun.wait()
            await asyncio.to_thread(own_server.stop)
            goes_on.set()  # it can't be completed now

            async def knows() -> bool:
                return "the database can't serve this worker" in caplog.text

            await until(knows)
            await asyncio.sleep(2)  # some more tries
            assert caplog.text.count("the database can't serve this worker") == 1
            await asyncio.to_thread(own_server.start)
            await until(has_status(download, DownloadStatus.COMPLETED))
            later = await enqueue(user, "later")
            await until(has_status(later, DownloadStatus.COMPLETED))
        assert begun == [download.id, later.id]
        assert (await stored(download.id))["attempts"] == 1
    assert "the database serves this worker again" in caplog.text


async def test_a_handler_is_stopped_when_the_database_is_away_for_longer_than_its_lease(
    own_server: EmbeddedServer,
) -> None:
    async with database():
        download = await enqueue(await User.create(plex_id="1", plex_username="ann"))
        hanging = Hanging()
        async with working(hanging, lease=SHORT):
            await until(hanging.runs)
            await asyncio.to_thread(own_server.stop)
            await until(hanging.is_idle)
            await asyncio.to_thread(own_server.start)
            await until(hanging.runs)
        assert hanging.begun == [download.id] * 2
