"""Claiming downloads, and taking them back when a lease expires."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from medianest_models.db import transaction
from medianest_models.db.statements import execute
from medianest_models.enums import DownloadPriority, DownloadStatus
from medianest_models.errors import InvalidInputError, StatementError
from medianest_models.models import User, YouTubeDownload
from medianest_models.repositories import downloads, system_config
from medianest_models.settings import DatabaseUrl
from tests.repositories.download_rows import claim, claimed, enqueue, let_lease_run_out, seconds_from_now, stored
from tests.repositories.wrong_arguments import wrong

MINUTE = timedelta(minutes=1)
SOON = timedelta(seconds=30)


async def test_claim_takes_priority_then_schedule_then_age(db: DatabaseUrl) -> None:
    now = datetime.now(UTC)
    for name, priority, scheduled, age in (
        ("4", DownloadPriority.NORMAL, 30, 30),
        ("3", DownloadPriority.NORMAL, 60, 1),
        ("2", DownloadPriority.NORMAL, 60, 20),
        ("5", DownloadPriority.LOW, 900, 900),
        ("1", DownloadPriority.HIGH, 1, 1),
    ):
        user = await User.create(plex_id=name, plex_username=name)
        download = await enqueue(user, name, priority=priority, scheduled_at=now - timedelta(seconds=scheduled))
        await YouTubeDownload.filter(id=download.id).update(created_at=now - timedelta(seconds=age))
    order = []
    for limit in (None, 5, 5, None, 5):
        download = await claim(max_running=limit)
        order.append(download.playlist_url[-1])
    assert order == ["1", "2", "3", "4", "5"]
    assert await downloads.claim("w", max_running=9) is None
    assert await downloads.claim("w", max_running=None) is None


@pytest.mark.parametrize("limit", [None, 2, downloads.CONFIGURED])
async def test_a_claimed_download_belongs_to_the_worker(user: User, limit: Any) -> None:
    download = await enqueue(user)
    await execute("UPDATE youtube_downloads SET progress = 7, error_message = 'before'")
    got = await claim("w", lease=SOON, max_running=limit)
    assert (got.id, got.status, got.worker_id) == (download.id, DownloadStatus.DOWNLOADING, "w")
    assert (got.attempts, got.progress, got.error_message) == (1, 0, "before")
    assert got.started_at is not None
    assert got.lease_expires_at is not None
    assert got.lease_expires_at - got.started_at == pytest.approx(SOON, abs=timedelta(seconds=1))
    assert -60 < await seconds_from_now(got.started_at) <= 0
    assert dict(await downloads.get(got.id)) == dict(got)


@pytest.mark.parametrize("limit", [None, 2])
async def test_what_is_scheduled_for_later_waits(user: User, limit: int | None) -> None:
    await enqueue(user, "later", scheduled_at=datetime.now(UTC) + MINUTE, priority=DownloadPriority.HIGH)
    assert await downloads.claim("w", max_running=limit) is None
    now = await enqueue(user, "now")
    assert (await claim(max_running=limit)).id == now.id
    assert await downloads.claim("w", max_running=limit) is None


async def test_the_limit_is_three_unless_it_is_configured(user: User) -> None:
    for n in range(6):
        await enqueue(user, str(n))
    assert await claim_all() == 3
    await system_config.set("youtube.concurrent_downloads", value={"max": 5})
    assert await claim_all() == 2
    await system_config.set("youtube.concurrent_downloads", value={"max": 4})
    assert await claim_all() == 0
    assert await claim_all(max_running=6) == 1


@pytest.mark.parametrize("value", ["{}", '{"max": "many"}', '{"max": null}', "[]", "7"])
async def test_a_setting_without_a_number_counts_as_the_default(user: User, value: str) -> None:
    await execute("INSERT INTO system_config (key, value) VALUES ('youtube.concurrent_downloads', $1::jsonb)", value)
    for n in range(5):
        await enqueue(user, str(n))
    assert await claim_all() == system_config.default_value("youtube.concurrent_downloads")["max"]


async def claim_all(**arguments: Any) -> int:
    number = 0
    while await downloads.claim("w", **arguments):
        number += 1
    return number


async def test_a_place_is_free_again_however_a_download_ends(user: User) -> None:
    ends: list[Callable[[YouTubeDownload], Awaitable[object]]] = [
        lambda download: downloads.complete(download.id, worker_id="w"),
        lambda download: downloads.fail(download.id, worker_id="w", error_message="e", retry=False),
        lambda download: downloads.fail(download.id, worker_id="w", error_message="e"),
        lambda download: downloads.release(download.id, worker_id="w"),
        lambda download: downloads.cancel(download.id),
        lambda download: download.delete(),
        let_lease_run_out,
    ]
    for n in range(len(ends) + 2):
        await enqueue(user, str(n))
    for end in ends:
        running = await claim("w", max_running=1)
        assert await downloads.claim("w", max_running=1) is None
        await end(running)
    await claim("w", max_running=1)


@pytest.mark.parametrize("limit", [None, 1])
async def test_a_download_that_silences_every_worker_fails_for_good(user: User, limit: int | None) -> None:
    download = await claimed(user, attempts=3)
    await let_lease_run_out(download)
    assert await downloads.claim("other", max_running=limit) is None
    row = await stored(download.id)
    assert (row["status"], row["worker_id"], row["lease_expires_at"]) == ("failed", "w", None)
    assert "lease ran out" in row["error_message"]
    assert row["completed_at"] is not None


@wrong(
    worker_id=["", "x" * 256, "\0"],
    lease=[timedelta(), -SOON, 30, timedelta(days=366)],
    max_running=[0, -1, "3", True],
)
async def test_claim_refuses(user: User, name: str, value: Any) -> None:
    download = await enqueue(user)
    arguments: dict[str, Any] = {"worker_id": "w", name: value}
    with pytest.raises(InvalidInputError, match=name):
        async with transaction():
            await downloads.claim(arguments.pop("worker_id"), **arguments)
    assert (await stored(download.id))["status"] == "queued"


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
async def test_a_limit_can_t_be_held_on_an_old_snapshot(fresh_db: DatabaseUrl, isolation: Any) -> None:
    user = await User.create(plex_id="1", plex_username="ann")
    await enqueue(user)
    with pytest.raises(StatementError, match="READ COMMITTED"):
        async with transaction(isolation):
            await downloads.claim("w")
    async with transaction(isolation):
        await claim("w", max_running=None)


async def test_release_expired_puts_back_what_went_silent_and_says_how_many(user: User) -> None:
    alive, silent, hopeless = await claimed(user, "a"), await claimed(user, "b"), await claimed(user, "c", attempts=3)
    await downloads.report_progress(silent.id, worker_id="w", progress=50)
    await let_lease_run_out(silent)
    await let_lease_run_out(hopeless)
    assert await downloads.release_expired() == 2
    assert await downloads.release_expired() == 0
    row = await stored(silent.id)
    assert (row["status"], row["attempts"], row["worker_id"], row["progress"]) == ("queued", 1, None, 0)
    assert "lease ran out" in row["error_message"]
    assert row["completed_at"] is None
    assert (await stored(hopeless.id))["status"] == "failed"
    assert (await stored(alive.id))["status"] == "downloading"
    again = await claim("other")
    assert again.id == silent.id
