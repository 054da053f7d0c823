"""Following committed changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from asyncpg import Connection, Record

from medianest_models.db import connect_database, database, disconnect_database, transaction
from medianest_models.db.locks import AdvisoryLock
from medianest_models.db.statements import execute, fetch
from medianest_models.enums import DownloadStatus, RequestStatus, ServiceStatus
from medianest_models.errors import ConfigurationError, DatabaseTimeoutError, DatabaseUnavailableError
from medianest_models.models import Service, User
from medianest_models.repositories import changes, downloads, media_requests, services
from medianest_models.repositories.changes import (
    Change,
    ChangesMissed,
    ChangeStream,
    DownloadChange,
    RequestChange,
    ServiceChange,
)
from medianest_models.settings import DatabaseUrl
from tests.locks import someone_waits_for_a_lock, until

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
async def user(fresh_db: DatabaseUrl) -> User:
    return await User.create(plex_id="1", plex_username="ann")


async def read(stream: ChangeStream, number: int) -> list[Change]:
    async with asyncio.timeout(30):
        return [await anext(stream) for _ in range(number)]


async def rest(stream: ChangeStream) -> list[Change]:
    """Return what was told before this call."""
    end = RequestChange(UUID(int=0), UUID(int=0), None)
    await execute(
        "SELECT pg_notify('medianest_changes', $1)",
        json.dumps(
            {"schema": "public", "table": "media_requests", "id": str(end.id), "user_id": str(end.id), "status": None}
        ),
    )
    found: list[Change] = []
    async with asyncio.timeout(30):
        while (change := await anext(stream)) != end:
            found.append(change)
    return found


async def submit(user: User, title: str = "a") -> UUID:
    return (await media_requests.submit(user.id, title=title, media_type="movie")).id


async def pids() -> list[int]:
    """Return the server processes that listen for changes in this database."""
    rows = await fetch(
        "SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' "
        "AND objid::bigint = $1 AND mode = 'ShareLock' AND datname = current_database()",
        AdvisoryLock.WATCHING & 0xFFFFFFFF,
    )
    return [row["pid"] for row in rows]


async def test_tells_of_requests(user: User) -> None:
    async with changes.listen() as stream:
        id_ = await submit(user)
        await media_requests.transition(id_, status=RequestStatus.APPROVED)
        await execute("UPDATE media_requests SET title = 'b', status = status")
        other = await User.create(plex_id="2", plex_username="bob")
        await execute("UPDATE media_requests SET user_id = $1", other.id)
        await other.delete()
        assert await read(stream, 4) == [
            RequestChange(id_, user.id, RequestStatus.PENDING),
            RequestChange(id_, user.id, RequestStatus.APPROVED),
            RequestChange(id_, other.id, RequestStatus.APPROVED),
            RequestChange(id_, other.id, None),
        ]


async def test_tells_of_downloads(user: User) -> None:
    async with changes.listen() as stream:
        id_ = (await downloads.enqueue(user.id, playlist_url="a")).id
        await downloads.claim("w")
        await downloads.heartbeat(id_, worker_id="w")
        await downloads.complete(id_, worker_id="w")
        await execute("DELETE FROM youtube_downloads")
        assert await read(stream, 4) == [
            DownloadChange(id_, user.id, DownloadStatus.QUEUED, 0),
            DownloadChange(id_, user.id, DownloadStatus.DOWNLOADING, 0),
            DownloadChange(id_, user.id, DownloadStatus.COMPLETED, 100),
            DownloadChange(id_, user.id, None, 100),
        ]


async def test_tells_of_services_whose_status_changes(user: User) -> None:
    await Service.create(name="plex", display_name="Plex")
    checks: list[tuple[ServiceStatus, int]] = [
        (ServiceStatus.UP, 1),
        (ServiceStatus.UP, 2),
        (ServiceStatus.DOWN, 3),
        (ServiceStatus.UP, 0),  # late
        (ServiceStatus.UP, 4),
    ]
    await services.record_check("plex", status=ServiceStatus.DOWN, checked_at=NOON)
    async with changes.listen() as stream:
        await services.record_check("plex", status=ServiceStatus.DEGRADED, checked_at=NOON - timedelta(minutes=1))
        for status, minute in checks:
            await services.record_check("plex", status=status, checked_at=NOON + timedelta(minutes=minute))
        assert await rest(stream) == [
            ServiceChange("plex", checks[place][0], NOON + timedelta(minutes=checks[place][1])) for place in (0, 2, 4)
        ]


async def test_a_check_that_is_committed_late_changes_nothing(user: User, connection: Connection[Record]) -> None:
    service = await Service.create(name="plex", display_name="Plex")
    async with changes.listen() as stream:
        late = connection.transaction()
        await late.start()
        await connection.execute(
            "INSERT INTO service_status_history (service_id, status, checked_at) VALUES ($1, 'down', $2)",
            service.id,
            NOON,
        )
        await services.record_check("plex", status=ServiceStatus.UP, checked_at=NOON + timedelta(minutes=1))
        await late.commit()
        assert [change.status for change in await rest(stream) if isinstance(change, ServiceChange)] == ["up"]


async def test_many_checks_in_one_statement_tell_once_a_service(user: User) -> None:
    for name in ("plex", "tautulli"):
        await Service.create(name=name, display_name=name)
    async with changes.listen() as stream:
        await services.record_checks(
            (name, status, None, None, NOON + timedelta(minutes=minute))
            for name in ("plex", "tautulli")
            for minute, status in enumerate((ServiceStatus.UP, ServiceStatus.DOWN))
        )
        assert {(change.name, change.status) for change in await rest(stream) if isinstance(change, ServiceChange)} == {
            ("plex", ServiceStatus.DOWN),
            ("tautulli", ServiceStatus.DOWN),
        }


async def test_tells_of_nothing_that_is_rolled_back_or_another_schema_s(user: User) -> None:
    async with changes.listen() as stream:
        with suppress(ZeroDivisionError):
            async with transaction():
                await submit(user)
                raise ZeroDivisionError
        await execute(
            "SELECT pg_notify('medianest_changes', $1)", json.dumps({"schema": "other", "table": "x", "status": None})
        )
        assert await rest(stream) == []


async def test_misses_no_change_of_a_transaction_that_began_before(user: User, connection: Connection[Record]) -> None:
    earlier = connection.transaction()
    await earlier.start()
    await connection.execute(
        "INSERT INTO media_requests (user_id, title, media_type) VALUES ($1, 'a', 'movie')", user.id
    )

    async def follow() -> int:
        async with changes.listen() as stream:
            (row,) = await fetch("SELECT count(*) AS number FROM media_requests")
            return int(row["number"]) + len(await rest(stream))

    following = asyncio.create_task(follow())
    await until(someone_waits_for_a_lock)
    await submit(user, "b")  # of a transaction that begins while the listener waits
    await earlier.commit()
    assert await following >= 2


async def test_a_transaction_that_does_not_end_is_named_after_a_while(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "_BEGIN", changes._BEGIN.replace(f"'{changes._LOCK_SECONDS}s'", "'100ms'"))
    async with transaction():
        await submit(user)
        with pytest.raises(DatabaseTimeoutError, match="lock"):
            async with changes.listen():
                pass


async def test_nobody_is_notified_while_nobody_listens(user: User, connection: Connection[Record]) -> None:
    told: list[Any] = []
    await connection.add_listener("medianest_changes", lambda *given: told.append(given[-1]))
    await submit(user)
    await connection.execute("SELECT 1")
    assert told == []
    async with changes.listen() as stream:
        await submit(user, "b")
        assert len(await rest(stream)) == 1
    await connection.execute("SELECT 1")
    assert len(told) == 2  # with the one that `rest` sends


async def test_progress_is_told_once_a_second_and_its_last_value_always(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "_PROGRESS_SECONDS", 600.0)

    def running(id_: UUID, progress: int) -> Change:
        return DownloadChange(id_, user.id, DownloadStatus.DOWNLOADING, progress)

    ids = [(await downloads.enqueue(user.id, playlist_url=name)).id for name in "ab"]
    for _ in ids:
        await downloads.claim("w")
    async with changes.listen() as stream:
        for progress in (10, 20, 30):
            for id_ in ids:
                await downloads.report_progress(id_, worker_id="w", progress=progress)
        assert await rest(stream) == [running(id_, 10) for id_ in ids]
        monkeypatch.setattr(changes, "_PROGRESS_SECONDS", 0.0)
        assert await read(stream, 2) == [running(id_, 30) for id_ in ids]
        monkeypatch.setattr(changes, "_PROGRESS_SECONDS", 600.0)
        await downloads.report_progress(ids[0], worker_id="w", progress=40)
        await downloads.fail(ids[0], worker_id="w", error_message="x", retry=False)
        (end,) = await rest(stream)
        assert end == DownloadChange(ids[0], user.id, DownloadStatus.FAILED, 40)


async def test_held_back_progress_is_told_by_itself(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "_PROGRESS_SECONDS", 0.3)
    id_ = (await downloads.enqueue(user.id, playlist_url="a")).id
    async with changes.listen() as stream:
        await downloads.claim("w")
        await downloads.report_progress(id_, worker_id="w", progress=10)
        assert await read(stream, 2) == [
            DownloadChange(id_, user.id, DownloadStatus.DOWNLOADING, progress) for progress in (0, 10)
        ]


async def test_a_lost_connection_is_told_as_a_gap(user: User) -> None:
    async with changes.listen() as stream, changes.listen() as another:
        (pid,) = await pids()
        await execute("SELECT pg_terminate_backend($1)", pid)
        assert await read(stream, 1) == await read(another, 1) == [ChangesMissed()]
        assert await pids() != [pid]
        id_ = await submit(user)
        assert await read(stream, 1) == [RequestChange(id_, user.id, RequestStatus.PENDING)]


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "[" * 7_000,
        "{}",
        '{"schema": "public", "table": "media_requests", "status": null, "id": 5}',
        '{"schema": "public", "table": "services", "name": "a", "status": "up", "checked_at": "2026-01-01T00:00:00"}',
    ],
)
async def test_a_notification_that_nobody_understands_is_told_as_a_gap(user: User, payload: str) -> None:
    async with changes.listen() as stream:
        await execute("SELECT pg_notify('medianest_changes', $1)", payload)
        assert await read(stream, 1) == [ChangesMissed()]


async def test_a_reader_that_is_too_slow_gets_a_gap(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "_MOST_PENDING", 5)
    async with changes.listen() as stream, changes.listen() as quick:
        for number in range(6):
            await submit(user, str(number))
            await read(quick, 1)
        id_ = await submit(user)
        assert await read(stream, 2) == [ChangesMissed(), RequestChange(id_, user.id, RequestStatus.PENDING)]


async def stop(stream: ChangeStream) -> None:
    stream.stop()


async def disconnect(_: ChangeStream) -> None:
    await disconnect_database()


@pytest.mark.parametrize("end", [stop, disconnect])
async def test_ends(user: User, fresh_db: DatabaseUrl, end: Callable[[ChangeStream], Any]) -> None:
    async with changes.listen() as stream:
        reading = asyncio.create_task(anext(stream, None))
        await asyncio.sleep(0)
        await end(stream)
        assert await asyncio.wait_for(reading, 30) is None
        assert await anext(stream, None) is None
    await connect_database(fresh_db)


async def test_who_is_cancelled_leaves_the_others_listening(user: User) -> None:
    async def follow() -> None:
        async with changes.listen() as stream:
            async for _ in stream:
                pass

    async with changes.listen() as stream:
        subscribers = stream._listener._subscribers
        task = asyncio.create_task(follow())
        while len(subscribers) < 2:  # noqa: ASYNC110 - in this event loop
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        await submit(user)
        assert len(await read(stream, 1)) == 1


async def test_behind_a_pooler_it_asks_for_a_way_past_it(
    fresh_url: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_DIRECT_URL", raising=False)
    async with database(replace(fresh_url, pgbouncer=True)):
        with pytest.raises(ConfigurationError, match="DATABASE_DIRECT_URL"):
            async with changes.listen():
                pass


async def test_says_when_it_can_t_connect(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_DIRECT_URL", "postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailableError):
        async with changes.listen():
            pass


async def test_an_error_that_is_not_the_connection_s_ends_a_stream(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    async with changes.listen() as stream:
        (pid,) = await pids()
        listener = stream._listener
        listener._begin = "SELECT no_such_function()"
        await execute("SELECT pg_terminate_backend($1)", pid)
        with pytest.raises(Exception, match="lacks a table"):
            await asyncio.wait_for(anext(stream), 30)
