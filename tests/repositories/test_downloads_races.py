"""The queue of downloads with many workers in separate processes, some of which are killed or stopped."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from asyncpg import Connection, Record

from medianest_models.db.statements import execute, fetch_one
from medianest_models.enums import DownloadStatus
from medianest_models.errors import DuplicateDownloadError, InvalidTransitionError, LeaseLostError
from medianest_models.models import User, YouTubeDownload
from medianest_models.repositories import downloads, system_config
from medianest_models.settings import DatabaseUrl
from tests.locks import someone_waits_for_a_lock, until
from tests.processes import run_in_processes
from tests.repositories.download_rows import fill
from tests.servers import connect

SHORT = timedelta(seconds=3)
"""A lease that is long enough for a heartbeat on a busy machine, and short enough for a test."""
LONG = timedelta(minutes=1)


@asynccontextmanager
async def sampled(url: DatabaseUrl) -> AsyncIterator[list[int]]:
    """Sample the number of running downloads without a pause while the block runs."""
    samples: list[int] = []
    connection = await connect(url)

    async def sample() -> None:
        while True:
            samples.append(
                await connection.fetchval("SELECT count(*) FROM youtube_downloads WHERE status = 'downloading'")
            )

    task = asyncio.create_task(sample())
    try:
        yield samples
    finally:
        task.cancel()
        await asyncio.wait({task})
        connection.terminate()


async def running() -> YouTubeDownload:
    """Wait for a running download, and return the only one."""
    async with asyncio.timeout(60):
        while True:
            download = await YouTubeDownload.get_or_none(status=DownloadStatus.DOWNLOADING)
            if download is not None:
                return download
            await asyncio.sleep(0.02)


async def work(tasks: int) -> list[UUID]:
    """Run the workers of one process until no download is open, and return the completed ones."""
    done: list[UUID] = []

    async def worker(name: str) -> None:
        while True:
            download = await downloads.claim(name)
            if download is not None:
                await asyncio.sleep(0.005)
                await downloads.report_progress(download.id, worker_id=name, progress=50)
                await downloads.complete(download.id, worker_id=name)
                done.append(download.id)
            elif not await downloads.wait_for_work(timeout=timedelta(seconds=1)):
                counts = await downloads.counts_by_status()
                if not counts[DownloadStatus.QUEUED] and not counts[DownloadStatus.DOWNLOADING]:
                    return

    async with asyncio.TaskGroup() as group:
        for number in range(tasks):
            group.create_task(worker(f"{os.getpid()}-{number}"))
    return done


async def test_fifty_workers_do_a_thousand_downloads_once_each_and_never_too_many_at_a_time(
    fresh_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_POOL_MAX", "2")  # plus a LISTEN connection for waiting workers
    await fill(1000)
    await system_config.set("youtube.concurrent_downloads", value={"max": 10})
    async with sampled(fresh_db) as samples:
        results = await asyncio.to_thread(run_in_processes, work, 10, 5, url=fresh_db, connected=True, timeout=300)
    done = Counter(key for result in results for key in result)
    assert len(done) == 1000
    assert set(done.values()) == {1}
    assert max(samples) == 10
    assert len(samples) > 100
    assert await YouTubeDownload.filter(status=DownloadStatus.COMPLETED, attempts=1).count() == 1000


OF_NOW, OF_THE_RELEASE_BEFORE = (
    "SELECT count(*) FROM medianest_claim_next_download('w', 60, 1, 3)",
    "SELECT count(*) FROM medianest_claim_download('w', interval '1 minute', 1, 3)",
)


@pytest.mark.parametrize("first", [OF_NOW, OF_THE_RELEASE_BEFORE])
@pytest.mark.parametrize("second", [OF_NOW, OF_THE_RELEASE_BEFORE])
async def test_a_claim_with_a_limit_waits_for_the_one_before(
    fresh_db: DatabaseUrl, connection: Connection[Record], first: str, second: str
) -> None:
    await fill(2)
    async with connection.transaction():
        assert await connection.fetchval(first) == 1
        waiting = asyncio.create_task(fetch_one(second))
        await until(someone_waits_for_a_lock)
    assert tuple(await waiting or ()) == (0,)


@pytest.mark.parametrize("limit", [None, 3])
async def test_a_claim_does_not_wait_for_a_row_that_someone_holds(
    fresh_db: DatabaseUrl, connection: Connection[Record], limit: int | None
) -> None:
    await fill(2)
    async with connection.transaction():
        held = await connection.fetchval("SELECT id FROM youtube_downloads ORDER BY id LIMIT 1 FOR UPDATE")
        async with asyncio.timeout(30):
            got = await downloads.claim("w", max_running=limit)
            assert await downloads.claim("w", max_running=limit) is None
    assert got is not None
    assert got.id != held
    assert await downloads.claim("w", max_running=limit) is not None


async def test_release_expired_does_not_wait_for_a_row_that_someone_holds(
    fresh_db: DatabaseUrl, connection: Connection[Record]
) -> None:
    await fill(2)
    await execute("UPDATE youtube_downloads SET status = 'downloading', lease_expires_at = now(), attempts = 1")
    async with connection.transaction():
        await connection.fetchval("SELECT id FROM youtube_downloads LIMIT 1 FOR UPDATE")
        async with asyncio.timeout(30):
            assert await downloads.release_expired() == 1
    assert await downloads.release_expired() == 1


async def release_expired() -> int:
    return await downloads.release_expired()


async def test_expired_leases_are_released_once(fresh_db: DatabaseUrl) -> None:
    await fill(200)
    await execute("UPDATE youtube_downloads SET status = 'downloading', lease_expires_at = now(), attempts = 1")
    results = await asyncio.to_thread(run_in_processes, release_expired, 4, url=fresh_db, connected=True)
    assert sum(results) == 200
    assert await YouTubeDownload.filter(status=DownloadStatus.QUEUED, attempts=1).count() == 200


async def hold() -> list[str]:
    """Keep a download until its lease is lost, and return the outcome of the worker's further calls."""
    name = str(os.getpid())
    download = await downloads.claim(name, lease=SHORT, max_running=1)
    assert download is not None
    errors: list[str] = []
    while not errors:
        await asyncio.sleep(0.05)
        try:
            await downloads.heartbeat(download.id, worker_id=name, lease=SHORT)
        except LeaseLostError as error:
            errors.append(type(error).__name__)
    for attempt in (
        downloads.report_progress(download.id, worker_id=name, progress=99),
        downloads.complete(download.id, worker_id=name, file_paths=["late"]),
        downloads.fail(download.id, worker_id=name, error_message="late"),
        downloads.release(download.id, worker_id=name),
    ):
        try:
            await attempt
        except LeaseLostError as error:
            errors.append(type(error).__name__)
    return errors


async def test_a_killed_worker_is_replaced_after_its_lease(fresh_db: DatabaseUrl) -> None:
    await fill(1)
    process = asyncio.create_task(
        asyncio.to_thread(run_in_processes, hold, 1, url=fresh_db, connected=True, timeout=120)
    )
    download = await running()
    os.kill(int(download.worker_id or ""), signal.SIGKILL)
    assert await downloads.claim("second", max_running=1) is None  # its lease is still valid
    with pytest.raises(AssertionError, match="status -9"):
        await process
    assert await downloads.wait_for_work(timeout=LONG, max_running=1)
    again = await downloads.claim("second", max_running=1)
    assert again is not None
    assert (again.id, again.attempts) == (download.id, 2)
    await downloads.complete(again.id, worker_id="second")


@pytest.mark.parametrize("is_replaced", [True, False])
async def test_a_stopped_worker_that_comes_back_late_changes_nothing(
    fresh_db: DatabaseUrl, *, is_replaced: bool
) -> None:
    await fill(1)
    process = asyncio.create_task(
        asyncio.to_thread(run_in_processes, hold, 1, url=fresh_db, connected=True, timeout=120)
    )
    download = await running()
    pid = int(download.worker_id or "")
    os.kill(pid, signal.SIGSTOP)
    try:
        assert await downloads.wait_for_work(timeout=LONG, max_running=1)  # the lease is over
        if is_replaced:
            again = await downloads.claim("second", max_running=1)
            assert again is not None
            assert (again.id, again.attempts) == (download.id, 2)
        before = await fetch_one("SELECT * FROM youtube_downloads")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert await process == [["LeaseLostError"] * 5]
    assert await fetch_one("SELECT * FROM youtube_downloads") == before


async def enqueue_at_once(user_id: UUID) -> list[tuple[bool, str]]:
    """Return for each attempt whether it made the download, and the id or the error message."""

    async def attempt() -> tuple[bool, str]:
        try:
            return True, str((await downloads.enqueue(user_id, playlist_url="u")).id)
        except DuplicateDownloadError as error:
            return False, str(error)

    return await asyncio.gather(*(attempt() for _ in range(10)))


async def test_of_many_equal_downloads_one_is_queued_and_the_others_name_it(fresh_db: DatabaseUrl) -> None:
    user = await User.create(plex_id="1", plex_username="ann")
    results = await asyncio.to_thread(run_in_processes, enqueue_at_once, 4, user.id, url=fresh_db, connected=True)
    attempts = [attempt for result in results for attempt in result]
    (made,) = [text for succeeded, text in attempts if succeeded]
    refused = [text for succeeded, text in attempts if not succeeded]
    assert len(refused) == 39
    assert all(made in text for text in refused)
    assert await YouTubeDownload.all().count() == 1


async def end_all() -> list[str]:
    """Cancel and complete every download at once, and return the ids of successful calls."""
    ended = []
    for download in await YouTubeDownload.all().order_by("playlist_url"):
        outcomes = await asyncio.gather(
            downloads.cancel(download.id), downloads.complete(download.id, worker_id="w"), return_exceptions=True
        )
        for outcome in outcomes:
            if isinstance(outcome, YouTubeDownload):
                ended.append(f"{outcome.id} {outcome.status}")
            elif not isinstance(outcome, (InvalidTransitionError, LeaseLostError)):
                raise outcome
    return ended


async def test_a_download_is_cancelled_or_completed_and_never_both(fresh_db: DatabaseUrl) -> None:
    await fill(100)
    await execute(
        "UPDATE youtube_downloads "
        "SET status = 'downloading', worker_id = 'w', lease_expires_at = now() + interval '1 hour', attempts = 1"
    )
    results = await asyncio.to_thread(run_in_processes, end_all, 3, url=fresh_db, connected=True)
    ended = sorted(text for result in results for text in result)
    assert ended == sorted([f"{download.id} {download.status}" for download in await YouTubeDownload.all()])


@pytest.mark.parametrize("scheduled_at", [None, datetime.now(UTC) + timedelta(days=1)])
async def test_two_lists_with_the_same_playlists_do_not_deadlock(
    fresh_db: DatabaseUrl, connection: Connection[Record], scheduled_at: datetime | None
) -> None:
    user = await User.create(plex_id="1", plex_username="ann")
    insert = "INSERT INTO youtube_downloads (user_id, playlist_url, scheduled_at) VALUES ($1, $2, coalesce($3, now()))"
    async with connection.transaction():
        await connection.execute(insert, user.id, "a", scheduled_at)
        waiting = asyncio.create_task(
            downloads.enqueue_many(user.id, playlist_urls=["b", "a"], scheduled_at=scheduled_at)
        )
        await until(someone_waits_for_a_lock)
        await connection.execute(insert, user.id, "b", scheduled_at)
    many = await waiting
    assert [download.playlist_url for download in many.already_active] == ["b", "a"]


async def enqueue_lists(user_id: UUID) -> list[UUID]:
    urls = [str(n) for n in range(100)]
    random.shuffle(urls)
    lists = [urls[start : start + 50] for start in range(0, 60, 10)]
    results = await asyncio.gather(*(downloads.enqueue_many(user_id, playlist_urls=part) for part in lists))
    return [download.id for result in results for download in result.made]


async def test_overlapping_lists_make_each_download_once(fresh_db: DatabaseUrl) -> None:
    user = await User.create(plex_id="1", plex_username="ann")
    results = await asyncio.to_thread(run_in_processes, enqueue_lists, 4, user.id, url=fresh_db, connected=True)
    made = [key for result in results for key in result]
    assert len(made) == len(set(made)) == await YouTubeDownload.all().count()


async def test_prune_leaves_what_is_being_put_back_into_the_queue(
    fresh_db: DatabaseUrl, connection: Connection[Record]
) -> None:
    await fill(2)
    await execute("UPDATE youtube_downloads SET status = 'failed', created_at = '2020-01-01', completed_at = NULL")
    again = await connection.fetchval("SELECT id FROM youtube_downloads LIMIT 1")
    async with connection.transaction():
        await connection.execute("UPDATE youtube_downloads SET status = 'queued' WHERE id = $1", again)
        async with asyncio.timeout(30):
            assert await downloads.prune(timedelta(days=1)) == 1
    assert await downloads.prune(timedelta(days=1)) == 0
    assert (await downloads.get(again)).status == DownloadStatus.QUEUED
