"""Waiting for downloads: the events that wake a worker, and those that do not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from medianest_models.db import connect_database, database, disconnect_database, listening, transaction
from medianest_models.db.client import Client, not_connected
from medianest_models.db.connection import connected_client
from medianest_models.db.direct import direct_connection
from medianest_models.db.statements import execute, fetch
from medianest_models.enums import DownloadPriority
from medianest_models.errors import DatabaseTimeoutError, DatabaseUnavailableError, InvalidInputError, MigrationError
from medianest_models.models import User, YouTubeDownload
from medianest_models.repositories import downloads, system_config
from medianest_models.repositories.downloads import waiting
from medianest_models.settings import DatabaseUrl, load_settings
from medianest_models.testing.servers import Server
from tests.db.proxies import proxy_to
from tests.repositories.wrong_arguments import wrong
from tests.servers import connect

A_WHILE = timedelta(seconds=1)
LONG = timedelta(minutes=1)
"""Far less than the time after which a waiter looks without a notification."""
HOUR = timedelta(hours=1)


vain_looks: list[int | None] = []
"""The limits of the waiters that looked while LISTEN was active, and found nothing."""


@pytest.fixture
def notified_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let only a notification wake the waiters, and record `vain_looks`."""

    async def noted(client: Client, limit: int | None) -> float | None:
        listened = await listeners()
        seconds = await look(client, limit)
        if listened and (seconds is None or seconds > 0):
            vain_looks.append(limit)
        return seconds

    look = waiting._look
    monkeypatch.setattr(waiting, "_look", noted)
    monkeypatch.setattr(waiting, "_LONGEST_NAP_SECONDS", 600.0)
    monkeypatch.setattr(listening, "_ALIVE_SECONDS", 600.0)  # or `listeners` would see no LISTEN after its first query


@pytest.fixture
async def user(fresh_db: DatabaseUrl, notified_only: None) -> User:
    return await User.create(plex_id="1", plex_username="ann")


async def enqueue(user: User, name: str = "a", **values: Any) -> YouTubeDownload:
    return await downloads.enqueue(user.id, playlist_url=name, **values)


async def listeners() -> list[int]:
    """Return the server processes of the LISTEN connections."""
    rows = await fetch(
        "SELECT pid FROM pg_stat_activity "
        "WHERE datname = current_database() AND state = 'idle' AND query LIKE 'LISTEN%medianest_downloads%'"
    )
    return [row["pid"] for row in rows]


async def until(condition: Callable[[list[int]], bool]) -> list[int]:
    """Wait until the listeners meet a condition, and return them."""
    async with asyncio.timeout(60):
        while True:
            pids = await listeners()
            if condition(pids):
                return pids
            await asyncio.sleep(0.02)


@asynccontextmanager
async def waiters(number: int = 1, **arguments: Any) -> AsyncIterator[list[asyncio.Task[bool]]]:
    """Start workers, and wait until they have looked during an active LISTEN and found nothing."""
    vain_looks.clear()
    tasks = [asyncio.create_task(downloads.wait_for_work(timeout=LONG, **arguments)) for _ in range(number)]
    try:
        await until(lambda _: len(vain_looks) >= number or any(task.done() for task in tasks))
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


@asynccontextmanager
async def waiter(**arguments: Any) -> AsyncIterator[asyncio.Task[bool]]:
    """Start one waiting worker."""
    async with waiters(**arguments) as (task,):
        yield task


async def insert_by_hand(user: User, url: DatabaseUrl) -> None:
    connection = await connect(url)
    await connection.execute("INSERT INTO youtube_downloads (user_id, playlist_url) VALUES ($1, 'x')", user.id)
    await connection.close()


async def delay_no_longer(user: User, url: DatabaseUrl) -> None:
    await execute("UPDATE youtube_downloads SET scheduled_at = now()")


@pytest.mark.parametrize("how", [lambda user, _: enqueue(user), insert_by_hand, delay_no_longer])
async def test_wakes_when_something_is_queued(
    user: User, fresh_db: DatabaseUrl, how: Callable[[User, DatabaseUrl], Coroutine[Any, Any, None]]
) -> None:
    await enqueue(user, "later", scheduled_at=datetime.now(UTC) + HOUR)
    async with waiter() as task:
        await how(user, fresh_db)
        assert await task
    assert await downloads.claim("w") is not None


ENDS: dict[str, Callable[[YouTubeDownload], Coroutine[Any, Any, Any]]] = {
    "complete": lambda download: downloads.complete(download.id, worker_id="w"),
    "fail": lambda download: downloads.fail(download.id, worker_id="w", error_message="e", retry=False),
    "retry": lambda download: downloads.fail(download.id, worker_id="w", error_message="e"),
    "release": lambda download: downloads.release(download.id, worker_id="w"),
    "cancel": lambda download: downloads.cancel(download.id),
    "delete": lambda download: download.delete(),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
async def test_wakes_when_a_place_under_the_limit_becomes_free(
    user: User, end: Callable[[YouTubeDownload], Coroutine[Any, Any, Any]]
) -> None:
    await enqueue(user, "running")
    running = await downloads.claim("w", max_running=1)
    assert running is not None
    await enqueue(user, "waiting")
    async with waiter(max_running=1) as task:
        await end(running)
        assert await task
    assert await downloads.claim("w", max_running=1) is not None


async def test_does_not_wake_while_all_places_are_taken(user: User) -> None:
    await system_config.set("youtube.concurrent_downloads", value={"max": 1})
    for name in ("running", "waiting"):
        await enqueue(user, name)
    assert await downloads.claim("w") is not None
    assert not await downloads.wait_for_work(timeout=A_WHILE)
    assert not await downloads.wait_for_work(timeout=A_WHILE, max_running=1)
    assert await downloads.wait_for_work(timeout=LONG, max_running=2)
    assert await downloads.wait_for_work(timeout=LONG, max_running=None)


async def test_returns_at_once_when_there_is_work_and_after_the_timeout_when_not(user: User) -> None:
    assert not await downloads.wait_for_work(timeout=timedelta(milliseconds=1))
    assert not await downloads.wait_for_work(timeout=A_WHILE)
    await enqueue(user)
    assert await downloads.wait_for_work()


async def test_wakes_when_the_time_of_a_delayed_download_has_come(user: User) -> None:
    await enqueue(user, "later", scheduled_at=datetime.now(UTC) + HOUR, priority=DownloadPriority.HIGH)
    await enqueue(user, scheduled_at=datetime.now(UTC) + HOUR)
    assert await downloads.claim("w") is None
    await execute("UPDATE youtube_downloads SET scheduled_at = now() + $1 WHERE playlist_url = 'a'", A_WHILE)
    assert await downloads.wait_for_work(timeout=LONG)
    download = await downloads.claim("w")
    assert download is not None
    assert download.playlist_url == "a"


@pytest.mark.parametrize("limit", [1, None])
async def test_wakes_when_a_lease_has_run_out(user: User, limit: int | None) -> None:
    await enqueue(user)
    assert await downloads.claim("silent", lease=A_WHILE, max_running=limit) is not None
    assert await downloads.wait_for_work(timeout=LONG, max_running=limit)
    download = await downloads.claim("w", max_running=limit)
    assert download is not None
    assert download.attempts == 2


async def test_wakes_for_a_row_that_others_wrote_without_a_lease(user: User) -> None:
    await enqueue(user)
    await execute("UPDATE youtube_downloads SET status = 'downloading'")
    assert await downloads.wait_for_work(timeout=LONG, max_running=1)
    assert await downloads.claim("w", max_running=1) is not None


async def test_misses_nothing_that_is_queued_before_it_listens(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    async def late(connection: asyncpg.Connection[Any], *arguments: Any) -> None:
        await until(lambda _: bool(unheard))
        await enqueue(user)
        await listen(connection, *arguments)

    async def unheard_look(client: Client, limit: int | None) -> float | None:
        seconds = await look(client, limit)
        unheard.append(seconds)
        return seconds

    unheard: list[float | None] = []
    listen, look = asyncpg.Connection.add_listener, waiting._look
    monkeypatch.setattr(asyncpg.Connection, "add_listener", late)
    monkeypatch.setattr(waiting, "_look", unheard_look)
    assert await downloads.wait_for_work(timeout=LONG)
    assert unheard[0] is None


async def test_all_waiters_of_a_process_share_one_connection(user: User) -> None:
    async with waiters(30) as tasks:
        assert len(await listeners()) == 1
        await enqueue(user)
        assert all(await asyncio.gather(*tasks))


async def test_the_first_waiter_can_be_cancelled_without_the_others(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "_LINGER_SECONDS", 0)
    async with waiters(3) as (first, *others):
        pids = await listeners()
        first.cancel()
        await asyncio.wait({first})
        await execute("SELECT pg_sleep(0.2)")  # time enough to close a connection
        assert await listeners() == pids
        await enqueue(user)
        assert await asyncio.gather(*others) == [True, True]


async def test_the_connection_outlives_its_last_waiter_for_a_moment_only(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "_LINGER_SECONDS", 600)
    async with waiter():
        pids = await listeners()
    (listener,) = listening._listeners[connected_client()].values()
    closing = listener._closing
    assert closing is not None
    async with waiter():  # which keeps the connection that is about to be closed
        assert closing.cancelled()
        assert await listeners() == pids
        monkeypatch.setattr(listening, "_LINGER_SECONDS", 0.1)
    await until(lambda pids: not pids)
    monkeypatch.setattr(listening, "_LINGER_SECONDS", 600)
    async with waiter() as task:
        (pid,) = await listeners()
        assert pid not in pids
        await enqueue(user)
        assert await task


async def test_waiters_are_told_when_the_process_disconnects(user: User, fresh_db: DatabaseUrl) -> None:
    async with waiters(3) as tasks:
        await disconnect_database()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == [str(not_connected())] * 3
    await connect_database(fresh_db)
    assert not await listeners()
    async with waiter() as task:
        await enqueue(user)
        assert await task


def test_waits_in_one_event_loop_after_the_other(fresh_url: DatabaseUrl) -> None:
    async def wait() -> bool:
        async with database(fresh_url):
            return await downloads.wait_for_work(timeout=A_WHILE)

    assert [asyncio.run(wait()) for _ in range(2)] == [False, False]


async def test_connects_again_when_its_connection_is_lost(user: User, caplog: pytest.LogCaptureFixture) -> None:
    async with waiter() as task:
        first = await listeners()
        await execute("SELECT pg_terminate_backend($1)", *first)
        await until(lambda pids: pids not in ([], first))
        assert not task.done()
        await enqueue(user)
        assert await task
    assert len([record for record in caplog.records if "connecting again" in record.message]) == 1


async def test_misses_nothing_while_its_connection_is_lost(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    async def late(connection: asyncpg.Connection[Any], *arguments: Any) -> None:
        await enqueue(user)
        await listen(connection, *arguments)

    listen = asyncpg.Connection.add_listener
    async with waiters(3) as tasks:
        monkeypatch.setattr(asyncpg.Connection, "add_listener", late)
        await execute("SELECT pg_terminate_backend($1)", *await listeners())
        assert all(await asyncio.gather(*tasks))


@pytest.mark.usefixtures("no_pooler")
async def test_notices_a_connection_that_has_fallen_silent(
    user: User, fresh_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listening, "_ALIVE_SECONDS", 0.5)
    monkeypatch.setattr(listening, "_ANSWER_SECONDS", 1)
    async with proxy_to(fresh_db) as proxy:
        monkeypatch.setenv("DATABASE_DIRECT_URL", proxy.url.render().get_secret_value())
        async with waiter() as task:
            first = await listeners()
            proxy.frozen = True
            await until(lambda _: any("connecting again" in message for message in caplog.messages))
            proxy.heal()
            await until(lambda pids: set(pids) - set(first) != set())
            await enqueue(user)
            assert await task


@pytest.mark.usefixtures("no_pooler")
async def test_notices_a_server_that_has_fallen_silent_before_it_listened(
    user: User, fresh_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "_BEGIN_SECONDS", 0.5)
    async with proxy_to(fresh_db) as proxy:
        monkeypatch.setenv("DATABASE_DIRECT_URL", proxy.url.render().get_secret_value())
        proxy.freezes_at = b"LISTEN"
        with pytest.raises(DatabaseTimeoutError):
            await downloads.wait_for_work(timeout=LONG)


@pytest.mark.usefixtures("no_pooler")
async def test_looks_again_when_the_database_was_away(
    user: User, fresh_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def watched(client: Client, limit: int | None) -> float | None:
        try:
            return await look(client, limit)
        except DatabaseUnavailableError:
            failed.set()
            raise

    look, failed = waiting._look, asyncio.Event()
    monkeypatch.setattr(waiting, "_look", watched)
    monkeypatch.setattr(waiting, "_LONGEST_NAP_SECONDS", 0.3)
    await disconnect_database()
    async with proxy_to(fresh_db) as proxy, database(proxy.url), waiter() as task:
        proxy.cut()
        await asyncio.wait_for(failed.wait(), 30)
        proxy.heal()
        await enqueue(user)
        assert await task
    await connect_database(fresh_db)


@pytest.mark.usefixtures("no_pooler")
async def test_ends_at_once_when_the_server_has_fallen_silent(
    user: User, fresh_db: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_CONNECT_TIMEOUT", "60")
    async with proxy_to(fresh_db) as proxy:
        monkeypatch.setenv("DATABASE_DIRECT_URL", proxy.url.render().get_secret_value())
        async with waiters(2) as (cancelled, timed):
            proxy.frozen = True
            cancelled.cancel()
            late = asyncio.create_task(downloads.wait_for_work(timeout=timedelta(milliseconds=10)))
            _, unfinished = await asyncio.wait({cancelled, late}, timeout=30)
            assert not unfinished
            client = connected_client()
            async with asyncio.timeout(30):
                await disconnect_database()
                assert not client.background
                with pytest.raises(DatabaseUnavailableError, match="not connected"):
                    await timed


async def test_a_look_ends_at_once_when_the_server_has_fallen_silent(
    fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medianest_models.db.client._RELEASE_SECONDS", 60)
    async with proxy_to(fresh_url) as proxy, database(replace(proxy.url, pgbouncer=True)):
        proxy.freezes_at = b"medianest_max_running_downloads"
        async with asyncio.timeout(30):
            assert not await downloads.wait_for_work(timeout=timedelta(milliseconds=500))
        proxy.heal()


async def test_goes_on_connecting_while_the_server_refuses(
    user: User, fresh_db: DatabaseUrl, medianest_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def counted(url: DatabaseUrl | None) -> AbstractAsyncContextManager[Any]:
        tries.append(url)
        if len(tries) == 3:
            tried_thrice.set()
        return direct_connection(url)

    tries: list[DatabaseUrl | None] = []
    tried_thrice = asyncio.Event()
    aside = await connect(fresh_db)  # the pool may want to open another connection, which would be refused
    async with waiter() as task:
        pids = await listeners()
        monkeypatch.setattr(listening, "direct_connection", counted)
        await medianest_server.execute(f'ALTER DATABASE "{fresh_db.database}" ALLOW_CONNECTIONS false')
        try:
            await aside.execute("SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid", pids)
            async with asyncio.timeout(60):
                await tried_thrice.wait()
            await aside.execute("INSERT INTO youtube_downloads (user_id, playlist_url) VALUES ($1, 'x')", user.id)
        finally:
            await medianest_server.execute(f'ALTER DATABASE "{fresh_db.database}" ALLOW_CONNECTIONS true')
        assert await task
    await aside.close()


async def test_says_when_it_can_t_connect_at_all(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_DIRECT_URL", "postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailableError):
        await downloads.wait_for_work(timeout=LONG)


async def test_an_error_that_is_not_the_connection_s_is_raised(user: User) -> None:
    await execute("ALTER TABLE youtube_downloads RENAME COLUMN scheduled_at TO planned_at")
    with pytest.raises(MigrationError):
        await downloads.wait_for_work(timeout=LONG)


@pytest.fixture
def way_past(fresh_url: DatabaseUrl) -> str:
    """Return the URL of the database without the pooler."""
    url = load_settings().direct_url()
    assert url is not None
    return url.render().get_secret_value()


@pytest.fixture
async def behind_a_pooler(
    fresh_url: DatabaseUrl, way_past: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[User]:
    """Connect as if through PgBouncer, without a direct URL; only the setting matters, so no PgBouncer is needed."""
    url = replace(fresh_url, pgbouncer=True)
    monkeypatch.setenv("DATABASE_URL", url.render().get_secret_value())
    monkeypatch.delenv("DATABASE_DIRECT_URL", raising=False)
    waiting._say_that_it_polls.cache_clear()
    async with database():
        yield await User.create(plex_id="1", plex_username="ann")


async def test_behind_a_pooler_it_looks_now_and_then_and_says_so_once(
    behind_a_pooler: User, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any) -> None:
        pytest.fail("listened")

    monkeypatch.setattr(asyncpg.Connection, "add_listener", refuse)
    assert not await downloads.wait_for_work(timeout=A_WHILE)
    task = asyncio.create_task(downloads.wait_for_work(timeout=LONG))
    await asyncio.sleep(0.2)
    await enqueue(behind_a_pooler)
    assert await task
    (message,) = [record.message for record in caplog.records if "DATABASE_DIRECT_URL" in record.message]
    assert "pooler" in message


async def test_one_that_looks_now_and_then_is_told_when_the_process_disconnects(behind_a_pooler: User) -> None:
    task = asyncio.create_task(downloads.wait_for_work(timeout=LONG))
    await asyncio.sleep(0.5)  # it has looked
    await disconnect_database()
    with pytest.raises(DatabaseUnavailableError, match="not connected"):
        await task


async def test_with_a_way_past_the_pooler_it_listens(
    behind_a_pooler: User, way_past: str, notified_only: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_DIRECT_URL", way_past)
    async with waiter() as task:
        await enqueue(behind_a_pooler)
        assert await task


@pytest.mark.usefixtures("no_pooler")
async def test_listens_to_the_database_that_it_is_connected_to(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "DATABASE_DIRECT_URL"):
        monkeypatch.setenv(name, "postgresql://nobody@127.0.0.1:1/another")
    async with waiter() as task:
        await enqueue(user)
        assert await task


async def test_needs_a_connected_process(fresh_url: DatabaseUrl) -> None:
    with pytest.raises(DatabaseUnavailableError, match="not connected"):
        await downloads.wait_for_work(timeout=A_WHILE)


async def test_begins_to_wait_neither_on_another_event_loop_nor_while_the_process_disconnects(
    fresh_db: DatabaseUrl,
) -> None:
    with pytest.raises(DatabaseUnavailableError, match="another event loop"):
        await asyncio.to_thread(lambda: asyncio.run(downloads.wait_for_work(timeout=A_WHILE)))
    client = connected_client()
    assert client not in listening._listeners
    async with transaction():
        leaving = asyncio.create_task(disconnect_database())
        await asyncio.sleep(0.1)
        with pytest.raises(DatabaseUnavailableError, match="not connected"):
            await downloads.wait_for_work(timeout=A_WHILE)
        assert not client.background
    await leaving
    await connect_database(fresh_db)


@wrong(timeout=[timedelta(), 5], max_running=[0, "3"])
async def test_refuses(db: DatabaseUrl, name: str, value: Any) -> None:
    with pytest.raises(InvalidInputError, match=name):
        await downloads.wait_for_work(**{name: value})
