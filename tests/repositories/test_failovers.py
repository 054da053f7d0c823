"""Waiters, pages and workers while a standby takes the place of the primary, and the primary that of the standby."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any, TypeVar

import asyncpg
import pytest

from medianest_models.db import database, database_health, listening
from medianest_models.db.client import Client
from medianest_models.db.forks import ForkSafeConnection
from medianest_models.embedded import EmbeddedServer
from medianest_models.enums import DownloadStatus
from medianest_models.errors import DatabaseUnavailableError, NoPrimaryError
from medianest_models.models import User, YouTubeDownload
from medianest_models.repositories import changes, downloads
from medianest_models.repositories.changes import ChangesMissed, DownloadChange, RequestChange
from medianest_models.repositories.downloads import waiting
from medianest_models.settings import DatabaseUrl
from tests.clusters import Node, Pair
from tests.locks import until
from tests.servers import connection_to

T = TypeVar("T")
PATIENCE = 60
SLOTS = 4
HOSTS = 2

LISTENERS = """
SELECT count(*) FROM pg_stat_activity
WHERE state = 'idle' AND (query LIKE 'LISTEN%medianest_downloads%' OR query LIKE '%pg_advisory_unlock%')
"""
CLIENTS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Note the time of each attempt of the package to connect to a host."""

    async def noted(*arguments: Any, **options: Any) -> Any:
        if options.get("connection_class") is ForkSafeConnection:
            times.append(monotonic())
        return await connect(*arguments, **options)

    times: list[float] = []
    connect = asyncpg.connect
    monkeypatch.setattr(asyncpg, "connect", noted)
    return times


@dataclass
class Looks:
    """The waiters that have looked for work since they wait: with an answer, and in vain."""

    done: set[asyncio.Task[Any] | None] = field(default_factory=set)
    in_vain: set[asyncio.Task[Any] | None] = field(default_factory=set)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    async def noted(client: Client, limit: int | None) -> float | None:
        try:
            seconds = await look(client, limit)
        except DatabaseUnavailableError:
            made.in_vain.add(asyncio.current_task())
            raise
        made.done.add(asyncio.current_task())
        return seconds

    made, look = Looks(), waiting._look
    monkeypatch.setattr(waiting, "_look", noted)
    return made


async def tries(attempts: list[float], number: int) -> None:
    """Wait until so many further attempts were made."""
    enough = len(attempts) + number

    async def made() -> bool:
        return len(attempts) >= enough

    await until(made, seconds=PATIENCE)


async def once_there_is_a_primary(call: Callable[[], Awaitable[T]]) -> T:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await call()
            except DatabaseUnavailableError:
                await asyncio.sleep(0.1)


def listen_on(url: DatabaseUrl, number: int) -> Callable[[], Awaitable[bool]]:
    async def do() -> bool:
        async with connection_to(url) as connection:
            return bool(await connection.fetchval(LISTENERS) == number)

    return do


async def follow(node: Node, leader: Node) -> None:
    """Start a server that was stopped, as a standby of another one that had got all of its WAL."""
    (node.data / "standby.signal").touch(0o600)
    os.chown(node.data / "standby.signal", node.account.uid, node.account.gid)
    with (node.data / "postgresql.auto.conf").open("a") as settings:
        settings.write(
            f"primary_conninfo = 'host={leader.url.host} port={leader.url.port} user={leader.url.user}'\n"
            "primary_slot_name = ''\n"
        )
    await node.start()

    async def receives() -> bool:
        return bool(await node.ask("SELECT count(*) = 1 FROM pg_stat_wal_receiver"))

    await until(receives, seconds=PATIENCE)


async def test_waiters_and_pages_get_over_a_failover(
    migrated_pair: Pair, attempts: list[float], looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_LONGEST_NAP_SECONDS", 600.0)
    primary, standby = migrated_pair.primary, migrated_pair.standby
    async with database():
        user = await User.create(plex_id="1", plex_username="ann")
        async with changes.listen() as stream:
            waiter = asyncio.create_task(downloads.wait_for_work())
            await until(lambda: asyncio.sleep(0, looks.done == {waiter}), seconds=PATIENCE)
            await until(listen_on(primary.url, 2))
            await migrated_pair.wait_until_replayed()
            await primary.stop()
            await tries(attempts, 12)
            assert not waiter.done()
            await migrated_pair.promote()
            await until(listen_on(standby.url, 2), seconds=PATIENCE)
            download = await once_there_is_a_primary(lambda: downloads.enqueue(user.id, playlist_url="a"))
            async with asyncio.timeout(PATIENCE):
                assert await waiter
                assert await anext(stream) == ChangesMissed()
                told = await anext(stream)
            assert told == DownloadChange(download.id, user.id, DownloadStatus.QUEUED, 0)


async def test_a_standby_is_not_listened_to(migrated_pair: Pair) -> None:
    standby = replace(migrated_pair.standby.url, target_session_attrs="any")
    async with database(standby):
        with pytest.raises(NoPrimaryError, match="is a standby"):
            await downloads.wait_for_work()
        with pytest.raises(NoPrimaryError, match="is a standby"):
            async with changes.listen():
                pass
    async with database(replace(standby, fallbacks=migrated_pair.primary.url.places)):
        assert (await database_health()).role == "standby"
        async with changes.listen() as stream:
            await migrated_pair.primary.execute(
                "INSERT INTO users (plex_id, plex_username) VALUES ('1', 'ann')",
                "INSERT INTO media_requests (user_id, title, media_type) SELECT id, 'Alien', 'movie' FROM users",
            )
            async with asyncio.timeout(PATIENCE):
                assert isinstance(await anext(stream), RequestChange)


async def test_a_listener_does_not_try_ever_more_seldom(
    own_server: EmbeddedServer, attempts: list[float], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listening, "_PAUSE_SECONDS", 0.05)
    async with database(), changes.listen() as stream:
        await asyncio.to_thread(own_server.stop)
        await tries(attempts, 20)  # doubling, the last pause would be of hours
        await asyncio.to_thread(own_server.start)
        async with asyncio.timeout(PATIENCE):
            assert await anext(stream) == ChangesMissed()
    assert caplog.text.count("connecting again") == 1


async def test_waiters_leave_it_to_the_listener_to_look_for_the_database(
    own_server: EmbeddedServer, attempts: list[float], looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(waiting, "_POLL_SECONDS", 0.05)
    monkeypatch.setattr(waiting, "_LONGEST_NAP_SECONDS", 600.0)
    async with database():
        user = await User.create(plex_id="1", plex_username="ann")
        waiters = {asyncio.create_task(downloads.wait_for_work()) for _ in range(5)}
        await until(lambda: asyncio.sleep(0, looks.done == waiters), seconds=PATIENCE)
        await until(listen_on(own_server.url, 1))
        await asyncio.to_thread(own_server.stop)
        listener = listening.Listener.shared(waiting._CHANNEL)
        await until(lambda: asyncio.sleep(0, not listener.is_listening), seconds=PATIENCE)
        listener._call("wake them")
        await until(lambda: asyncio.sleep(0, looks.in_vain == waiters), seconds=PATIENCE)
        await tries(attempts, 40)
        looks.in_vain.clear()
        await tries(attempts, 40)
        assert not looks.in_vain
        await asyncio.to_thread(own_server.start)
        await once_there_is_a_primary(lambda: downloads.enqueue(user.id, playlist_url="a"))
        async with asyncio.timeout(PATIENCE):
            assert all(await asyncio.gather(*waiters))


async def test_a_worker_gets_over_failovers_there_and_back(migrated_pair: Pair, attempts: list[float]) -> None:
    async def handler(download: YouTubeDownload, _: downloads.ReportProgress) -> None:
        begun.append(download.playlist_url)
        await may_end.wait()

    async def are_done(*names: str) -> None:
        async def all_completed() -> bool:
            completed = YouTubeDownload.filter(playlist_url__in=names, status=DownloadStatus.COMPLETED)
            return await completed.count() == len(names)

        async def await_them() -> None:
            await until(all_completed, seconds=PATIENCE)

        await once_there_is_a_primary(await_them)

    async def enqueue(name: str) -> None:
        await downloads.enqueue(user.id, playlist_url=name)

    async def without_a_primary() -> None:
        since, before = monotonic(), len(attempts)
        await tries(attempts, 50)
        a_second = (len(attempts) - before) / (monotonic() - since)
        # Each slot of the worker and the listener begins a search a second, and a search asks a host each 250 ms.
        assert a_second < HOSTS * (SLOTS + 1 + 4)

    async def nobody_uses_the_standby() -> bool:
        return bool(await first.ask(CLIENTS) == 0)

    begun: list[str] = []
    may_end = asyncio.Event()
    first, second = migrated_pair.primary, migrated_pair.standby
    at_once = [f"during the failover {number}" for number in range(SLOTS)]
    async with database():
        user = await User.create(plex_id="1", plex_username="ann")
        worker = asyncio.create_task(downloads.run_worker(handler, concurrency=SLOTS, max_running=None))
        for name in at_once:
            await enqueue(name)
        await until(lambda: asyncio.sleep(0, len(begun) == SLOTS))
        await first.stop()
        may_end.set()  # all of them, and none can be completed now
        await without_a_primary()
        await migrated_pair.promote()
        await are_done(*at_once)
        await follow(first, second)
        await enqueue("with the first as a standby")
        await are_done("with the first as a standby")
        await until(nobody_uses_the_standby, seconds=PATIENCE)
        await second.stop()
        await without_a_primary()
        assert await first.ask("SELECT pg_promote()")
        await once_there_is_a_primary(lambda: enqueue("after the way back"))
        await are_done("after the way back")
        assert not worker.done()
        worker.cancel()
        await asyncio.wait({worker})
    assert sorted(begun) == sorted([*at_once, "with the first as a standby", "after the way back"])
