"""Metrics of the pool and of the queue, and their collection while the database is away."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from medianest_models.db import check_database_health, connect_database, database, disconnect_database
from medianest_models.embedded import EmbeddedServer
from medianest_models.errors import DatabaseTimeoutError
from medianest_models.models import User
from medianest_models.repositories import downloads
from medianest_models.settings import DatabaseUrl
from medianest_models.telemetry import instrument, queue, queue_metrics, uninstrument
from tests.db.pools import client, pool_of
from tests.locks import until
from tests.telemetry.conftest import Telemetry

STATE = "db.client.connection.state"


def states(telemetry: Telemetry) -> dict[str, int]:
    """Return the number of connections in each state."""
    return {point.attributes[STATE]: point.value for point in telemetry.points("db.client.connection.count")}


async def test_the_connections_of_the_pool(fresh_url: DatabaseUrl, telemetry: Telemetry) -> None:
    async with pool_of(2, fresh_url):
        async with client().acquire_connection():
            assert states(telemetry) == {"idle": 0, "used": 1}
        assert states(telemetry) == {"idle": 1, "used": 0}
        (most,) = telemetry.points("db.client.connection.max")
        name = f"{fresh_url.host}:{fresh_url.port}/{fresh_url.database}"
        assert (most.value, most.attributes) == (2, {"db.client.connection.pool.name": name})
    assert states(telemetry) == {}


async def test_waiting_for_a_connection(
    fresh_url: DatabaseUrl, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_POOL_TIMEOUT", "0.2")
    async with pool_of(1, fresh_url):
        (before,) = telemetry.points("db.client.connection.wait_time")
        assert await check_database_health()  # takes a connection too, and is not counted
        async with client().acquire_connection():
            waiting = [asyncio.create_task(client().acquire()) for _ in range(3)]
            await asyncio.sleep(0)
            (pending,) = telemetry.points("db.client.connection.pending_requests")
            assert pending.value == 3
            await asyncio.wait(waiting)
        assert all(isinstance(task.exception(), DatabaseTimeoutError) for task in waiting)
        (pending,) = telemetry.points("db.client.connection.pending_requests")
        assert pending.value == 0
        (times,) = telemetry.points("db.client.connection.wait_time")
        assert times.count - before.count == 4
        assert times.sum - before.sum >= 3 * 0.19


def queued(telemetry: Telemetry) -> dict[str, int]:
    """Return the number of downloads of each status."""
    return {point.attributes["status"]: point.value for point in telemetry.points("medianest.downloads")}


async def test_the_queue(fresh_db: DatabaseUrl, telemetry: Telemetry) -> None:
    ann = await User.create(plex_id="ann", plex_username="ann")
    now = datetime.now(UTC)
    for number, due in enumerate([now - timedelta(minutes=5), now - timedelta(minutes=1), now + timedelta(days=1)]):
        await downloads.enqueue(ann.id, playlist_url=f"https://youtube.com/{number}", scheduled_at=due)
    async with queue_metrics(meter_provider=telemetry.meters):
        assert queued(telemetry) == {"queued": 3, "downloading": 0, "failed": 0}
        (waited,) = telemetry.points("medianest.downloads.longest_wait")
        assert 300 <= waited.value < 3600
    assert queued(telemetry) == {}
    claimed = await downloads.claim("worker", max_running=None)
    assert claimed
    await downloads.fail(claimed.id, worker_id="worker", error_message="no", retry=False)
    await downloads.claim("worker", max_running=None)
    async with queue_metrics(meter_provider=telemetry.meters):
        assert queued(telemetry) == {"queued": 1, "downloading": 1, "failed": 1}
        (waited,) = telemetry.points("medianest.downloads.longest_wait")
        assert waited.value == 0


async def test_the_queue_is_asked_by_one_statement_however_often_it_is_collected(
    fresh_db: DatabaseUrl, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with queue_metrics(meter_provider=telemetry.meters):
        assert [queued(telemetry) for _ in range(5)] == [{"queued": 0, "downloading": 0, "failed": 0}] * 5
        assert [span.name for span in telemetry.spans] == ["SELECT youtube_downloads"]


async def test_the_queue_is_asked_again(
    fresh_db: DatabaseUrl, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "INTERVAL_SECONDS", 0.01)
    ann = await User.create(plex_id="ann", plex_username="ann")
    async with queue_metrics(meter_provider=telemetry.meters):
        await downloads.enqueue(ann.id, playlist_url="https://youtube.com/1")

        async def is_seen() -> bool:
            return queued(telemetry)["queued"] == 1

        await until(is_seen)


async def test_an_old_answer_is_not_reported(
    fresh_db: DatabaseUrl, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with queue_metrics(meter_provider=telemetry.meters):
        assert queued(telemetry)
        monkeypatch.setattr(queue, "_FRESH_SECONDS", 0.0)
        assert not queued(telemetry)


async def test_a_collection_without_the_database_neither_raises_nor_waits(
    own_server: EmbeddedServer, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(queue, "INTERVAL_SECONDS", 0.01)
    monkeypatch.setenv("DATABASE_CONNECT_TIMEOUT", "1")
    async with database(), queue_metrics(meter_provider=telemetry.meters):

        async def is_reported() -> bool:
            return bool(queued(telemetry))

        async def is_silent() -> bool:
            return not queued(telemetry)

        await asyncio.to_thread(own_server.stop)
        await until(is_silent)
        assert states(telemetry).keys() == {"idle", "used"}
        await asyncio.to_thread(own_server.start)
        await until(is_reported)
    told = [record for record in caplog.records if record.name == "medianest_models.telemetry"]
    assert [record.levelname for record in told] == ["WARNING"]


async def test_collecting_in_another_thread(fresh_db: DatabaseUrl, telemetry: Telemetry) -> None:
    found: list[Any] = []
    async with queue_metrics(meter_provider=telemetry.meters):
        thread = threading.Thread(target=lambda: found.append((queued(telemetry), states(telemetry))))
        thread.start()
        thread.join()  # while the event loop stands still
    ((counts, connections),) = found
    assert counts
    assert connections


async def test_instrumenting_again_reports_again(fresh_url: DatabaseUrl, telemetry: Telemetry) -> None:
    await connect_database(fresh_url)
    try:
        uninstrument()
        assert states(telemetry) == {}
        instrument(tracer_provider=telemetry.tracers, meter_provider=telemetry.meters)
        assert states(telemetry) == {"idle": 1, "used": 0}
    finally:
        await disconnect_database()
