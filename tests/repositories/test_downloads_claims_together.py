"""Claims of one moment, which go to the database together: those without a limit."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from medianest_models.db import connect_database, database, disconnect_database, transaction
from medianest_models.db.statements import execute, fetch, fetch_one
from medianest_models.enums import DownloadStatus
from medianest_models.errors import DatabaseUnavailableError
from medianest_models.models import YouTubeDownload
from medianest_models.repositories import downloads
from medianest_models.repositories.downloads import claims
from tests.locks import elsewhere, until
from tests.processes import run_in_processes
from tests.repositories.download_rows import fill
from tests.servers import connect

if TYPE_CHECKING:
    from uuid import UUID

    from medianest_models.settings import DatabaseUrl


async def claim_all() -> list[UUID]:
    keys: list[UUID] = []

    async def worker(name: str) -> None:
        while download := await downloads.claim(name, max_running=None):
            keys.append(download.id)

    await asyncio.gather(*(worker(f"{os.getpid()}-{number}") for number in range(5)))
    return keys


async def test_claims_of_one_process_go_in_the_order_in_which_they_came(fresh_db: DatabaseUrl) -> None:
    await fill(30)
    await execute(
        "UPDATE youtube_downloads SET created_at = now() - substr(playlist_url, 2)::int * interval '1 second'"
    )
    claims = (downloads.claim(str(n), lease=timedelta(minutes=n), max_running=None) for n in range(1, 41))
    claimed = await asyncio.gather(*claims)
    assert claimed[30:] == [None] * 10
    for number, download in enumerate(claimed[:30], start=1):
        assert download is not None
        assert download.lease_expires_at is not None
        assert download.started_at is not None
        assert (download.playlist_url, download.worker_id) == (f"u{31 - number}", str(number))
        assert download.lease_expires_at - download.started_at == pytest.approx(
            timedelta(minutes=number), abs=timedelta(seconds=3)
        )
        assert await YouTubeDownload.get(id=download.id) == download


async def test_an_open_transaction_holds_no_more_than_it_claimed(fresh_db: DatabaseUrl) -> None:
    await fill(10)
    async with transaction():
        claimed = [await downloads.claim("a", max_running=None)]
        claimed += [await elsewhere(downloads.claim(str(n), max_running=None)) for n in range(9)]
    assert len({download.id for download in claimed if download}) == 10


async def test_of_claims_of_one_moment_some_replace_silent_workers(fresh_db: DatabaseUrl) -> None:
    await fill(3)
    for name in "ab":
        await downloads.claim(name, max_running=None)
    await execute("UPDATE youtube_downloads SET lease_expires_at = now() WHERE status = 'downloading'")
    claimed = await asyncio.gather(*(downloads.claim(name, max_running=None) for name in "cdef"))
    assert sorted(download.attempts for download in claimed if download) == [1, 2, 2]


async def claim_and_leave(tasks: int) -> list[UUID]:
    """Claims that are cancelled at any moment, each third one not at all; what those got who were not."""

    async def call(number: int) -> YouTubeDownload | None:
        await asyncio.sleep(number * 37 % 100 / 1000)
        claim = asyncio.create_task(downloads.claim(f"{os.getpid()}-{number}", max_running=None))
        await asyncio.sleep(number * 61 % 100 / 10_000)
        if number % 3:
            claim.cancel()
        await asyncio.wait({claim})
        return None if claim.cancelled() else claim.result()

    claimed = [download.id for download in await asyncio.gather(*map(call, range(tasks))) if download]
    await asyncio.sleep(1)  # what goes back is on its way
    return claimed


async def test_a_claim_that_is_cancelled_leaves_no_download_to_nobody(fresh_db: DatabaseUrl) -> None:
    await fill(1000)
    results = await asyncio.to_thread(run_in_processes, claim_and_leave, 4, 200, url=fresh_db, connected=True)
    claimed = Counter(key for result in results for key in result)
    assert set(claimed.values()) == {1}
    assert 4 * 67 <= len(claimed) < 800
    downloading = await YouTubeDownload.filter(status=DownloadStatus.DOWNLOADING).values_list("id", flat=True)
    assert set(downloading) == set(claimed)
    assert await YouTubeDownload.filter(status=DownloadStatus.QUEUED, attempts=0).count() == 1000 - len(claimed)


async def test_a_claim_that_is_cancelled_is_undone_before_this_process_is_disconnected(fresh_url: DatabaseUrl) -> None:
    async with database(fresh_url):
        await fill(100)
    got = 0
    for ticks in range(40):
        async with database(replace(fresh_url, pool_max=1)):
            claim = asyncio.create_task(downloads.claim("w", max_running=None))
            for _ in range(ticks):
                await asyncio.sleep(0)
            claim.cancel()
            others = [asyncio.create_task(fetch_one("SELECT pg_sleep(0.02)")) for _ in range(2)]
            await asyncio.sleep(0)  # they want the connection before the claim is undone
        await asyncio.wait(others)
        got += not claim.cancelled()
        async with database(fresh_url):
            assert await YouTubeDownload.filter(status=DownloadStatus.QUEUED, attempts=0).count() == 100 - got
    assert got < 20


async def test_nothing_is_claimed_any_more_while_this_process_is_disconnected(fresh_url: DatabaseUrl) -> None:
    async with database(fresh_url):
        await fill(2)
    connection = await connect(fresh_url)

    async def a_claim_waits() -> bool:
        return bool(await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE youtube_downloads")
            await connect_database(fresh_url)
            early = asyncio.create_task(downloads.claim("early", max_running=None))
            await until(a_claim_waits)
            disconnecting = asyncio.create_task(disconnect_database())
            await asyncio.sleep(0.1)
            with pytest.raises(DatabaseUnavailableError, match="not connected"):
                await downloads.claim("late", max_running=None)
        await disconnecting
        claimed = await early
        assert claimed is not None
        assert await connection.fetchval("SELECT count(*) FROM youtube_downloads WHERE status = 'queued'") == 1
    finally:
        await connection.close()


async def test_a_claim_is_undone_only_if_it_is_still_that_one(fresh_db: DatabaseUrl) -> None:
    await fill(1)
    first = await claims._claim_any(("w", downloads.LEASE))
    assert first is not None
    await downloads.release(first["id"], worker_id="w")
    second = await claims._claim_any(("w", downloads.LEASE))
    assert second is not None
    await claims._give_back(first)
    download = await YouTubeDownload.get()
    assert (download.status, download.started_at) == (DownloadStatus.DOWNLOADING, second["started_at"])
    await claims._give_back(second)
    assert (await YouTubeDownload.get()).status is DownloadStatus.QUEUED


async def test_a_download_that_can_not_be_read_is_the_problem_of_one_worker(fresh_db: DatabaseUrl) -> None:
    await fill(5)
    await execute(
        "UPDATE youtube_downloads SET metadata = (repeat('[', 2000) || repeat(']', 2000))::jsonb, priority = 20 "
        "WHERE playlist_url = 'u3'"
    )
    error, *claimed = await asyncio.gather(
        *(downloads.claim(str(number), max_running=None) for number in range(4)), return_exceptions=True
    )
    assert isinstance(error, Exception)
    assert {download.playlist_url for download in claimed if isinstance(download, YouTubeDownload)} == {
        "u1",
        "u2",
        "u4",
    }
    (row,) = await fetch("SELECT count(*) AS number FROM youtube_downloads WHERE status = 'downloading'")
    assert row["number"] == 4


async def test_of_many_workers_without_work_few_statements_come(
    fresh_db: DatabaseUrl, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(1)
    with caplog.at_level("DEBUG", "medianest_models.query"):
        claimed = await asyncio.gather(*(downloads.claim(str(number), max_running=None) for number in range(50)))
    assert [download.worker_id for download in claimed if download] == ["0"]
    assert len(caplog.messages) == 3  # one for all, one for the rest, and between them one for silent workers


async def test_no_download_is_claimed_twice_without_a_limit(fresh_db: DatabaseUrl) -> None:
    await fill(400)
    results = await asyncio.to_thread(run_in_processes, claim_all, 4, url=fresh_db, connected=True)
    claimed = Counter(key for result in results for key in result)
    assert len(claimed) == 400
    assert set(claimed.values()) == {1}
    assert await YouTubeDownload.filter(attempts=1).count() == 400
