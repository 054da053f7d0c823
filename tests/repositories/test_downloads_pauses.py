"""Pausing the queue of downloads: what stops, what goes on, and what ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from asyncpg import Connection, Record

from medianest_models.db import transaction
from medianest_models.db.client import Client
from medianest_models.db.statements import execute, fetch_one
from medianest_models.enums import DownloadStatus
from medianest_models.errors import InvalidInputError
from medianest_models.models import SystemConfig, User
from medianest_models.repositories import downloads, system_config
from medianest_models.repositories.downloads import waiting
from medianest_models.settings import DatabaseUrl
from tests.locks import someone_waits_for_a_lock, until
from tests.processes import run_in_processes
from tests.repositories.download_rows import claim, enqueue, fill, let_lease_run_out
from tests.repositories.wrong_arguments import wrong

HOUR = timedelta(hours=1)
LONG = timedelta(minutes=1)
LIMITS = pytest.mark.parametrize("limit", [None, 2, downloads.CONFIGURED])


@LIMITS
async def test_nothing_is_claimed_during_a_pause_and_what_runs_goes_on(user: User, limit: Any) -> None:
    running = await enqueue(user, "running")
    await claim(max_running=limit)
    await downloads.pause(reason="YouTube throttles")
    waits = await enqueue(user, "waits")
    assert await downloads.claim("w", max_running=limit) is None
    await downloads.heartbeat(running.id, worker_id="w")
    await downloads.complete(running.id, worker_id="w")
    assert await downloads.pause_status() == downloads.Pause(None, "YouTube throttles")
    assert await downloads.resume()
    assert await downloads.pause_status() is None
    assert (await claim(max_running=limit)).id == waits.id
    assert not await downloads.resume()


@LIMITS
async def test_a_pause_ends_by_itself(user: User, limit: Any) -> None:
    await enqueue(user)
    end = datetime.now(UTC) + HOUR
    await downloads.pause()
    await downloads.pause(until=end)
    assert await downloads.pause_status() == downloads.Pause(end, None)
    assert await downloads.claim("w", max_running=limit) is None
    ended = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    await execute("UPDATE system_config SET value = jsonb_set(value, '{until}', to_jsonb($1::text))", ended)
    assert await downloads.pause_status() is None
    await claim(max_running=limit)
    assert not await downloads.resume()
    assert await SystemConfig.all().count() == 0


@pytest.mark.parametrize(
    "value", ["7", "null", "[]", "{}", '{"until": "noon"}', '{"until": "12:00:00"}', '{"until": "2026-99-01T00:00Z"}']
)
async def test_a_pause_that_others_wrote_badly_holds_until_it_is_resumed(user: User, value: str) -> None:
    await enqueue(user)
    await execute("INSERT INTO system_config (key, value) VALUES ('youtube.pause', $1::jsonb)", value)
    assert await downloads.claim("w") is None
    assert await downloads.pause_status() == downloads.Pause(None, None)
    assert await downloads.resume()
    await claim()


@LIMITS
async def test_a_pause_that_is_rolled_back_stops_nobody(user: User, limit: Any) -> None:
    await enqueue(user)
    with suppress(ZeroDivisionError):
        async with transaction():
            await downloads.pause()
            raise ZeroDivisionError
    await claim(max_running=limit)


@wrong(
    until=[datetime(2030, 1, 1), "tomorrow", datetime.now(UTC) - HOUR],  # noqa: DTZ001 - a naive one is the point
    reason=["", "x" * 501, "\0", 7],
)
async def test_pause_refuses(db: DatabaseUrl, name: str, value: Any) -> None:
    with pytest.raises(InvalidInputError, match=name):
        await downloads.pause(**{name: value})
    assert await downloads.pause_status() is None


async def test_the_setting_is_written_by_its_functions_alone(db: DatabaseUrl) -> None:
    with pytest.raises(InvalidInputError, match=r"downloads\.pause"):
        await system_config.set("youtube.pause", value={"until": None})


@pytest.mark.parametrize("function", ["medianest_claim_next_download('w', 60, 2, 3)"])
async def test_a_claim_that_waited_sees_a_pause_of_meanwhile(
    fresh_db: DatabaseUrl, connection: Connection[Record], function: str
) -> None:
    await fill(2)
    async with connection.transaction():
        await connection.fetch(f"SELECT * FROM {function}")
        waits = asyncio.create_task(fetch_one(f"SELECT count(*) FROM {function}"))
        await until(someone_waits_for_a_lock)
        await downloads.pause()
    assert tuple(await waits or ()) == (0,)


async def claim_until_paused(limit: int | None) -> list[tuple[datetime, UUID | None]]:
    """Claim without a break until nothing comes; return when each claim began, and what it got."""
    claims: list[tuple[datetime, UUID | None]] = []
    while not claims or claims[-1][1] is not None:
        row = await fetch_one("SELECT clock_timestamp() AS moment")
        assert row is not None
        download = await downloads.claim("w", max_running=limit)
        claims.append((row["moment"], None if download is None else download.id))
    return claims


@pytest.mark.parametrize("limit", [None, 100_000])
async def test_no_process_claims_after_a_pause_has_committed(fresh_db: DatabaseUrl, limit: int | None) -> None:
    await fill(20_000)
    work = asyncio.create_task(
        asyncio.to_thread(run_in_processes, claim_until_paused, 4, limit, url=fresh_db, connected=True)
    )

    async def some_run() -> bool:
        return (await downloads.counts_by_status())[DownloadStatus.DOWNLOADING] >= 20

    await until(some_run)
    await downloads.pause()
    row = await fetch_one("SELECT clock_timestamp() AS moment")
    assert row is not None
    claims = [claim for result in await work for claim in result]
    assert len(claims) > 20
    assert [download for moment, download in claims if moment > row["moment"] and download is not None] == []


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """Record the looks of the waiters, which wake only by a notification or when time is up."""

    async def noted(client: Client, limit: int | None) -> float | None:
        found.append(await look(client, limit))
        return found[-1]

    found: list[float | None] = []
    look = waiting._look
    monkeypatch.setattr(waiting, "_look", noted)
    monkeypatch.setattr(waiting, "_LONGEST_NAP_SECONDS", 600.0)
    return found


async def listens() -> bool:
    row = await fetch_one(
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle' AND query LIKE 'LISTEN%'"
    )
    return row is not None


async def take_a_long_lease_away(user: User) -> None:
    await let_lease_run_out(await claim("silent"))


@pytest.mark.parametrize("has_work", [enqueue, take_a_long_lease_away])
async def test_a_waiter_sleeps_through_a_pause_and_wakes_when_it_is_resumed(
    fresh_db: DatabaseUrl, looks: list[float | None], has_work: Callable[[User], Awaitable[object]]
) -> None:
    user = await User.create(plex_id="1", plex_username="ann")
    await enqueue(user, "first")
    await has_work(user)
    await downloads.pause()
    task = asyncio.create_task(downloads.wait_for_work(timeout=LONG))
    await until(listens)

    async def has_looked() -> bool:
        return bool(looks)

    await until(has_looked)
    await execute("SELECT pg_sleep(1)")
    assert set(looks) == {None}
    assert len(looks) <= 3
    await downloads.resume()
    assert await task
    await claim()


async def test_a_waiter_wakes_at_the_end_of_a_pause(fresh_db: DatabaseUrl, looks: list[float | None]) -> None:
    await fill(1)
    await downloads.pause(until=datetime.now(UTC) + timedelta(seconds=3))
    assert await downloads.wait_for_work(timeout=LONG)
    assert looks[0] is not None
    assert 0 < looks[0] <= 3
    assert len(looks) <= 4
    await claim()


async def test_a_shorter_pause_takes_the_place_of_a_longer_one(
    fresh_db: DatabaseUrl, looks: list[float | None]
) -> None:
    await fill(1)
    await downloads.pause()
    task = asyncio.create_task(downloads.wait_for_work(timeout=LONG))
    await until(listens)
    await downloads.pause(until=datetime.now(UTC) + timedelta(seconds=2))
    assert await task


async def test_nobody_wakes_for_a_pause_that_is_over_and_an_empty_queue(fresh_db: DatabaseUrl) -> None:
    await downloads.pause(until=datetime.now(UTC) + timedelta(milliseconds=100))
    assert not await downloads.wait_for_work(timeout=timedelta(seconds=1))
