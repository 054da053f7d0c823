"""Cancelled claims: a download that no caller received goes back to the queue, and the attempt does not count."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Coroutine, Generator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from asyncpg import Connection, Record

from medianest_models.db import connect_database, database, disconnect_database, transaction
from medianest_models.db.statements import execute, fetch_one
from medianest_models.enums import DownloadStatus
from medianest_models.errors import DatabaseTimeoutError, DatabaseUnavailableError
from medianest_models.models import YouTubeDownload
from medianest_models.repositories import downloads
from medianest_models.settings import DatabaseUrl
from tests.cancelling import cancel_everywhere
from tests.db.pools import PATIENCE, assert_whole, client
from tests.db.proxies import proxy_to
from tests.locks import elsewhere, someone_waits_for_a_lock, until
from tests.processes import run_in_processes
from tests.repositories.download_rows import fill

MANY = 1_000
IN_THE_ANSWER = b"the-playlist-that-is-claimed"

with_and_without_a_limit = pytest.mark.parametrize("limit", [None, MANY, downloads.CONFIGURED])


@pytest.fixture
async def aside(connection: Connection[Record]) -> Connection[Record]:
    """Open a separate connection to a database with one download."""
    await connection.execute("INSERT INTO users (plex_id, plex_username) VALUES ('1', 'ann')")
    await connection.execute(
        "INSERT INTO youtube_downloads (user_id, playlist_url) SELECT id, $1 FROM users", IN_THE_ANSWER.decode()
    )
    return connection


async def stored(connection: Connection[Record]) -> tuple[Any, ...]:
    row = await connection.fetchrow("SELECT status, attempts, worker_id, lease_expires_at FROM youtube_downloads")
    assert row is not None
    return tuple(row)


UNTOUCHED = ("queued", 0, None, None)


async def is_queued(connection: Connection[Record]) -> bool:
    return await stored(connection) == UNTOUCHED


async def cancelled(claim: asyncio.Task[Any]) -> None:
    """Cancel it, and check that it ends at once, whatever the database does."""
    claim.cancel()
    await asyncio.wait({claim}, timeout=PATIENCE)
    assert claim.cancelled()


# The moments, one by one


@with_and_without_a_limit
async def test_cancelled_before_it_has_a_connection(
    fresh_url: DatabaseUrl, aside: Connection[Record], limit: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with database(replace(fresh_url, pool_max=1)):
        with caplog.at_level("DEBUG", "medianest_models.query"):
            async with transaction():
                claim = elsewhere(downloads.claim("w", max_running=limit))
                await asyncio.sleep(0.05)
                await cancelled(claim)
            await execute("SELECT 1")  # it had to wait for the connection
        assert "claim" not in caplog.text
        assert await is_queued(aside)


@with_and_without_a_limit
async def test_cancelled_while_the_statement_waits_for_a_lock(
    fresh_db: DatabaseUrl, aside: Connection[Record], limit: Any
) -> None:
    async with aside.transaction():
        await aside.execute("LOCK TABLE youtube_downloads")
        claim = asyncio.create_task(downloads.claim("w", max_running=limit))
        await until(someone_waits_for_a_lock)
        await cancelled(claim)
    await assert_whole(client())
    assert await is_queued(aside)


@with_and_without_a_limit
async def test_cancelled_when_the_database_has_claimed_and_its_answer_is_on_the_way(
    fresh_url: DatabaseUrl, aside: Connection[Record], limit: Any
) -> None:
    async with proxy_to(fresh_url) as proxy, database(proxy.url):
        proxy.freezes_at = IN_THE_ANSWER
        claim = asyncio.create_task(downloads.claim("w", max_running=limit))
        await until(lambda: frozen(proxy))
        await cancelled(claim)
        assert (await stored(aside))[:3] == ("downloading", 1, "w")
        proxy.heal()
        await until(lambda: is_queued(aside))


async def frozen(proxy: Any) -> bool:
    return bool(proxy.frozen)


class CancelledWhenItGoesOn:
    """Awaits a coroutine, and cancels it after its first awaited result is ready, but before it continues."""

    def __init__(self, coroutine: Coroutine[Any, Any, object]) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, None]:
        steps = self._coroutine.__await__()
        with suppress(Exception):
            yield next(steps)
        steps.throw(asyncio.CancelledError())
        pytest.fail("it went on")


@with_and_without_a_limit
async def test_cancelled_when_the_row_is_there_and_the_caller_has_not_gone_on(
    fresh_db: DatabaseUrl, aside: Connection[Record], limit: Any
) -> None:
    with pytest.raises(asyncio.CancelledError):
        await CancelledWhenItGoesOn(downloads.claim("w", max_running=limit))
    await until(lambda: is_queued(aside))


async def test_cancelled_while_the_error_is_on_the_way(
    fresh_db: DatabaseUrl, aside: Connection[Record], caplog: pytest.LogCaptureFixture
) -> None:
    await aside.execute("DROP FUNCTION medianest_claim_next_download")
    with pytest.raises(asyncio.CancelledError):
        await CancelledWhenItGoesOn(downloads.claim("w"))
    await assert_whole(client())
    assert [record for record in caplog.records if record.name == "asyncio"] == []


async def test_cancelled_at_each_tick(fresh_url: DatabaseUrl, aside: Connection[Record]) -> None:
    received = 0
    for ticks in range(60):
        async with database(replace(fresh_url, pool_max=1)):
            claim = asyncio.create_task(downloads.claim("w"))
            for _ in range(ticks):
                await asyncio.sleep(0)
            claim.cancel()
            others = [asyncio.create_task(fetch_one("SELECT pg_sleep(0.02)")) for _ in range(2)]
            await asyncio.sleep(0)  # they request the connection before the download is back in the queue
        await asyncio.wait(others)
        if not claim.cancelled():
            received += 1
            await aside.execute("UPDATE youtube_downloads SET status = 'queued', attempts = 0, worker_id = NULL")
            await aside.execute("UPDATE youtube_downloads SET lease_expires_at = NULL")
        assert await is_queued(aside)
    assert received < 30


# Returning downloads


async def test_what_goes_back_is_that_claim_alone(fresh_url: DatabaseUrl, aside: Connection[Record]) -> None:
    async with proxy_to(fresh_url) as proxy, database(proxy.url):
        proxy.freezes_at = IN_THE_ANSWER
        claim = asyncio.create_task(downloads.claim("w"))
        await until(lambda: frozen(proxy))
        await cancelled(claim)
        await aside.execute("UPDATE youtube_downloads SET status = 'queued'")
        await aside.execute("SELECT medianest_claim_next_download('w', 60, NULL, 3)")  # by the same worker
        again = await stored(aside)
        proxy.heal()
        await assert_whole(client())
    assert await stored(aside) == again
    assert again[:3] == ("downloading", 2, "w")


async def test_what_can_not_go_back_is_logged_and_waits_until_its_lease_ends(
    fresh_url: DatabaseUrl, aside: Connection[Record], caplog: pytest.LogCaptureFixture
) -> None:
    async with proxy_to(fresh_url) as proxy, database(proxy.url):
        proxy.freezes_at = b"started_at = $3"
        with pytest.raises(asyncio.CancelledError):
            await CancelledWhenItGoesOn(downloads.claim("w", lease=timedelta(seconds=1)))
        await until(lambda: frozen(proxy))
        proxy.cut()
        proxy.frozen = False

        async def is_logged() -> bool:
            return "was claimed for nobody and waits until its lease ends" in caplog.text

        await until(is_logged)
    assert (await stored(aside))[:3] == ("downloading", 1, "w")
    async with database(fresh_url):
        await downloads.wait_for_work()
        assert await downloads.claim("other") is not None


async def test_a_lost_connection_is_an_error_while_somebody_waits(
    fresh_url: DatabaseUrl, aside: Connection[Record]
) -> None:
    async with proxy_to(fresh_url) as proxy, database(proxy.url):
        proxy.freezes_at = IN_THE_ANSWER
        claim = asyncio.create_task(downloads.claim("w"))
        await until(lambda: frozen(proxy))
        proxy.cut()
        with pytest.raises(DatabaseUnavailableError):
            await claim


# Sources of cancellation


@with_and_without_a_limit
async def test_disconnecting_waits_until_it_is_back(
    fresh_url: DatabaseUrl, aside: Connection[Record], limit: Any
) -> None:
    async with proxy_to(fresh_url) as proxy:
        await connect_database(proxy.url)
        proxy.freezes_at = IN_THE_ANSWER
        claim = asyncio.create_task(downloads.claim("w", max_running=limit))
        await until(lambda: frozen(proxy))
        disconnecting = asyncio.create_task(disconnect_database())
        await asyncio.sleep(0.1)
        await cancelled(claim)
        assert not disconnecting.done()
        proxy.heal()
        await disconnecting
        assert await is_queued(aside)


async def test_nothing_is_claimed_any_more_while_this_process_is_disconnected(
    fresh_url: DatabaseUrl, aside: Connection[Record]
) -> None:
    async with aside.transaction():
        await aside.execute("LOCK TABLE youtube_downloads")
        await connect_database(fresh_url)
        early = asyncio.create_task(downloads.claim("early", max_running=None))
        await until(someone_waits_for_a_lock)
        disconnecting = asyncio.create_task(disconnect_database())
        await asyncio.sleep(0.1)
        with pytest.raises(DatabaseUnavailableError, match="not connected"):
            await downloads.claim("late", max_running=None)
    await disconnecting
    claimed = await early
    assert claimed is not None
    assert (await stored(aside))[2] == "early"


@pytest.mark.usefixtures("no_pooler")
async def test_claims_that_nobody_waits_for_hold_no_connection_for_longer_than_a_lock_may_take(
    fresh_url: DatabaseUrl, aside: Connection[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_LOCK_TIMEOUT", "0.5")
    async with database(replace(fresh_url, pool_max=2)), aside.transaction():
        await aside.execute("LOCK TABLE youtube_downloads")
        for _ in range(5):
            with pytest.raises((TimeoutError, DatabaseTimeoutError)):
                await asyncio.wait_for(downloads.claim("w"), 0.05)
        await asyncio.gather(*(execute("SELECT pg_sleep(0.1)") for _ in range(2)))
    assert await is_queued(aside)


if sys.version_info >= (3, 12):

    async def test_eager_tasks(fresh_db: DatabaseUrl, aside: Connection[Record]) -> None:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(asyncio.eager_task_factory)
        try:
            claim = asyncio.create_task(downloads.claim("w"))
            claim.cancel()
            await asyncio.wait({claim})
            await assert_whole(client())
            assert await is_queued(aside)
            assert await downloads.claim("w") is not None
        finally:
            loop.set_task_factory(None)


# In a transaction


@with_and_without_a_limit
async def test_cancelled_at_every_suspension_in_a_transaction_that_goes_on(fresh_db: DatabaseUrl, limit: Any) -> None:
    await fill(100)
    received: list[UUID] = []

    async def claim_and_go_on(number: int) -> None:
        async with transaction():
            await execute("INSERT INTO services (name, display_name) VALUES ($1, 'x')", f"s{number}")
            with suppress(asyncio.CancelledError):
                if download := await downloads.claim("w", max_running=limit):
                    received.append(download.id)

    assert await cancel_everywhere(claim_and_go_on) >= 6  # BEGIN, INSERT, SAVEPOINT, the claim, RELEASE, COMMIT
    await assert_whole(client())
    downloading = await YouTubeDownload.filter(status=DownloadStatus.DOWNLOADING).values_list("id", flat=True)
    assert set(downloading) <= set(received)  # the last step may have been cancelled and rolled back
    assert downloading
    assert await YouTubeDownload.filter(status=DownloadStatus.QUEUED, attempts=0).count() == 100 - len(downloading)


async def test_an_open_transaction_holds_no_more_than_it_claimed(fresh_db: DatabaseUrl) -> None:
    await fill(10)
    async with transaction():
        claimed = [await downloads.claim("a", max_running=None)]
        claimed += [await elsewhere(downloads.claim(str(n), max_running=None)) for n in range(9)]
    assert len({download.id for download in claimed if download}) == 10


# Many at once, in processes of their own


async def claim_and_leave(tasks: int, limit: int | None) -> list[UUID]:
    """Claim often; cancel two of three claims within 4 ms, and return the downloads of the others."""

    async def call(number: int) -> YouTubeDownload | None:
        await asyncio.sleep(number * 37 % 100 / 1000)
        claim = asyncio.create_task(downloads.claim(f"{os.getpid()}-{number}", max_running=limit))
        await asyncio.sleep(number * 61 % 40 / 10_000)
        if number % 3:
            claim.cancel()
        await asyncio.wait({claim})
        return None if claim.cancelled() else claim.result()

    return [download.id for download in await asyncio.gather(*map(call, range(tasks))) if download]


@pytest.mark.usefixtures("no_pooler")  # PgBouncer before 1.19.1 crashes if the client of a cancel request disconnects
@pytest.mark.parametrize("limit", [None, MANY])
async def test_a_storm_leaves_nothing_to_nobody(fresh_db: DatabaseUrl, limit: int | None) -> None:
    await fill(MANY)
    results = await asyncio.to_thread(run_in_processes, claim_and_leave, 4, 200, limit, url=fresh_db, connected=True)
    claimed = Counter(key for result in results for key in result)
    assert set(claimed.values()) == {1}
    assert 4 * 67 <= len(claimed) < 800
    downloading = await YouTubeDownload.filter(status=DownloadStatus.DOWNLOADING).values_list("id", flat=True)
    assert set(downloading) == set(claimed)
    assert await YouTubeDownload.filter(status=DownloadStatus.QUEUED, attempts=0).count() == MANY - len(claimed)
