"""No statement is repeated that may have been sent: its answer is lost while the server carries it out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from medianest_models.db import database, transaction, with_transaction
from medianest_models.db.statements import fetch
from medianest_models.errors import DatabaseUnavailableError
from medianest_models.models import User, YouTubeDownload
from medianest_models.repositories import downloads, media_requests, rate_limits, sessions
from medianest_models.settings import DatabaseUrl
from tests.db.pools import PATIENCE
from tests.db.proxies import Proxy, proxy_to
from tests.locks import until
from tests.servers import connection_to

# A batch of hits gives up a lock after 50 ms.
WAIT = """
CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0 AS $$
BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END $$
"""
WAITS = "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND NOT granted"
PLAYLIST = "https://youtube.com/playlist?list=1"


@dataclass
class Stage:
    """A server behind a proxy, on which writing to a table may have to wait.

    Attributes:
        proxy: Between this process, which is connected, and the server.
        direct: A connection past the proxy.
        holder: Another one, for which the writes wait.
    """

    proxy: Proxy
    direct: asyncpg.Connection[Any]
    holder: asyncpg.Connection[Any]

    async def hold_up(self, table: str) -> None:
        """Let every statement that writes to a table wait until `lose_the_answer`."""
        await self.holder.execute("SELECT pg_advisory_lock(7)")
        await self.holder.execute(f"CREATE TRIGGER wait AFTER INSERT OR UPDATE ON {table} EXECUTE FUNCTION wait()")

    async def lose_the_answer(self) -> None:
        """Cut the connection of the statement that waits, and wait until the server has carried it out."""
        await until(self._waits)
        self.proxy.cut()
        self.proxy.heal()
        # This gets the lock again when the transaction of that statement is over.
        await self.holder.execute("SELECT pg_advisory_unlock(7)")
        await self.holder.execute("SELECT pg_advisory_xact_lock(7)", timeout=PATIENCE)

    async def _waits(self) -> bool:
        return bool(await self.direct.fetchval(WAITS))


@pytest.fixture
async def stage(fresh_url: DatabaseUrl) -> AsyncIterator[Stage]:
    async with proxy_to(fresh_url) as proxy, connection_to(fresh_url) as direct, connection_to(fresh_url) as holder:
        await direct.execute(WAIT)
        async with database(replace(proxy.url, pool_max=4)):
            yield Stage(proxy, direct, holder)


@asynccontextmanager
async def lost(stage: Stage, *calls: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Make the calls, of which each gets an error, because the answer is lost."""
    tasks = [asyncio.ensure_future(call()) for call in calls]
    await stage.lose_the_answer()
    async with asyncio.timeout(PATIENCE):
        found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [getattr(error, "sent", error) for error in found] == [None] * len(calls)
    yield


async def test_hits_in_one_statement(stage: Stage) -> None:
    user = await User.create(plex_id="1", plex_username="ann")
    await stage.hold_up("rate_limits")

    async def hit() -> None:
        await rate_limits.hit("search", user_id=user.id)

    async with lost(stage, *[hit] * 5):
        rows = await fetch("SELECT request_count FROM rate_limits")
        assert [row["request_count"] for row in rows] == [5]


async def test_hits_of_many_callers(stage: Stage) -> None:
    await stage.hold_up("rate_limits")

    def hit(number: int) -> Callable[[], Awaitable[object]]:
        return lambda: rate_limits.hit("search", ip_address=f"10.0.0.{number}")

    async with lost(stage, *map(hit, range(5))):
        rows = await fetch("SELECT request_count FROM rate_limits")
        assert [row["request_count"] for row in rows] == [1] * 5


async def test_a_request_and_a_session(stage: Stage) -> None:
    user = await User.create(plex_id="1", plex_username="ann")
    await stage.hold_up("media_requests")
    async with lost(stage, lambda: media_requests.submit(user.id, title="t", media_type="movie")):
        assert (await media_requests.list_for_user(user.id)).pagination.total == 1
    await stage.hold_up("session_tokens")
    async with lost(stage, lambda: sessions.issue(user.id)):
        assert (await sessions.list_for_user(user.id)).pagination.total == 1


async def test_a_transaction_that_would_be_repeated_after_a_conflict(stage: Stage) -> None:
    times = 0

    async def add() -> None:
        nonlocal times
        times += 1
        await User.create(plex_id=f"{times}", plex_username="ann")

    await stage.hold_up("users")
    async with lost(stage, lambda: with_transaction(add, retries=5)):
        assert (times, await User.all().count()) == (1, 0)


async def test_a_claim(stage: Stage) -> None:
    user = await User.create(plex_id="1", plex_username="ann")
    await downloads.enqueue(user.id, playlist_url=PLAYLIST)
    await stage.hold_up("youtube_downloads")
    async with lost(stage, lambda: downloads.claim("worker")):
        (row,) = await fetch("SELECT status, attempts FROM youtube_downloads")
        assert (row["status"], row["attempts"]) == ("downloading", 1)


async def test_the_end_of_a_download(stage: Stage) -> None:
    """A worker repeats how a download ended, which takes effect once: the row is its own no more."""
    done: list[str] = []
    user = await User.create(plex_id="1", plex_username="ann")
    first = await downloads.enqueue(user.id, playlist_url=PLAYLIST)

    async def handle(download: YouTubeDownload, _: object) -> None:
        done.append(download.playlist_url)
        if download.id == first.id:
            await stage.hold_up("youtube_downloads")

    async def is_done_twice() -> bool:
        return len(done) == 2

    working = asyncio.create_task(downloads.run_worker(handle, lease=timedelta(minutes=5)))
    try:
        await stage.lose_the_answer()
        await stage.direct.execute("DROP TRIGGER wait ON youtube_downloads")
        (row,) = await stage.direct.fetch("SELECT status, attempts FROM youtube_downloads")
        assert (row["status"], row["attempts"]) == ("completed", 1)
        async with transaction():
            await downloads.enqueue(user.id, playlist_url=f"{PLAYLIST}2")
        await until(is_done_twice)  # the worker has gone on
        assert done == [PLAYLIST, f"{PLAYLIST}2"]
    finally:
        working.cancel()
        with pytest.raises((asyncio.CancelledError, DatabaseUnavailableError)):
            await working
