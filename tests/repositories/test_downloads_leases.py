"""The operations of a worker on its own download, which fail on another worker's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from medianest_models.db.statements import execute, fetch
from medianest_models.enums import DownloadStatus
from medianest_models.errors import DownloadCancelledError, InvalidInputError, LeaseLostError
from medianest_models.models import User, YouTubeDownload
from medianest_models.repositories import downloads
from tests.repositories.download_rows import claim, claimed, enqueue, let_lease_run_out, seconds_from_now, stored
from tests.repositories.wrong_arguments import wrong


async def test_a_heartbeat_extends_the_lease_and_never_shortens_it(user: User) -> None:
    download = await claimed(user)
    await downloads.heartbeat(download.id, worker_id="w", lease=2 * downloads.LEASE)
    extended = (await stored(download.id))["lease_expires_at"]
    assert await seconds_from_now(extended) == pytest.approx(600, abs=30)
    await downloads.heartbeat(str(download.id), worker_id="w")
    await downloads.report_progress(download.id, worker_id="w", progress=1)
    assert (await stored(download.id))["lease_expires_at"] == extended


@pytest.mark.parametrize("lease", [timedelta(), timedelta(days=366)])
async def test_a_lease_is_more_than_nothing_and_at_most_a_year(user: User, lease: timedelta) -> None:
    download = await claimed(user)
    for call in (
        downloads.heartbeat(download.id, worker_id="w", lease=lease),
        downloads.report_progress(download.id, worker_id="w", progress=1, lease=lease),
    ):
        with pytest.raises(InvalidInputError, match="lease"):
            await call
    assert (await stored(download.id))["lease_expires_at"] == download.lease_expires_at


@pytest.mark.parametrize("days", [100, 180, 260])  # one of them spans a clock change on any day
async def test_a_day_of_a_lease_has_24_hours(user: User, days: int) -> None:
    await execute("SET LOCAL TIME ZONE 'America/New_York'")
    await enqueue(user)
    lease = timedelta(days=days)
    download = await claim("w", lease=lease)
    assert download.started_at is not None
    assert download.lease_expires_at == download.started_at + lease
    for call in (
        downloads.heartbeat(download.id, worker_id="w", lease=lease),
        downloads.report_progress(download.id, worker_id="w", progress=1, lease=lease),
    ):
        await execute("UPDATE youtube_downloads SET lease_expires_at = now() + interval '1 minute'")
        await call
        expires_at = (await stored(download.id))["lease_expires_at"]
        assert await seconds_from_now(expires_at) == pytest.approx(lease.total_seconds(), abs=60)


async def test_progress_never_goes_back_and_extends_the_lease(user: User) -> None:
    download = await claimed(user)
    for progress, expected in ((0, 0), (40, 40), (30, 40), (100, 100)):
        await downloads.report_progress(download.id, worker_id="w", progress=progress)
        assert (await stored(download.id))["progress"] == expected
    await downloads.report_progress(download.id, worker_id="w", progress=1, lease=2 * downloads.LEASE)
    assert await seconds_from_now((await stored(download.id))["lease_expires_at"]) == pytest.approx(600, abs=30)


@pytest.mark.parametrize("progress", [-1, 101, 5.0, "5", True, None])
async def test_progress_is_a_percentage(user: User, progress: Any) -> None:
    download = await claimed(user)
    with pytest.raises(InvalidInputError, match="progress"):
        await downloads.report_progress(download.id, worker_id="w", progress=progress)
    assert (await stored(download.id))["progress"] == 0


async def test_complete(user: User) -> None:
    download = await claimed(user)
    await execute("UPDATE youtube_downloads SET error_message = 'of the attempt before'")
    done = await downloads.complete(
        download.id, worker_id="w", file_paths=("/a", "/b"), plex_collection_id="7", metadata={"n": 1}
    )
    assert (done.status, done.progress, done.error_message) == (DownloadStatus.COMPLETED, 100, None)
    assert (done.file_paths, done.plex_collection_id, done.metadata) == (["/a", "/b"], "7", {"n": 1})
    assert (done.worker_id, done.lease_expires_at) == ("w", None)
    assert done.completed_at is not None
    assert -60 < await seconds_from_now(done.completed_at) <= 0
    assert dict(await downloads.get(done.id)) == dict(done)


async def test_complete_leaves_what_is_not_given(user: User) -> None:
    await enqueue(user, metadata={"quality": "1080p"})
    download = await claim("w")
    done = await downloads.complete(download.id, worker_id="w")
    assert (done.metadata, done.file_paths) == ({"quality": "1080p"}, None)


@wrong(
    file_paths=["/a", [1], ["a\0b"]],
    plex_collection_id=["x" * 256],
    metadata=[{1: 2}],
    worker_id=[""],
)
async def test_complete_refuses(user: User, name: str, value: Any) -> None:
    download = await claimed(user)
    with pytest.raises(InvalidInputError, match=name):
        await downloads.complete(download.id, **{"worker_id": "w", name: value})
    assert (await stored(download.id))["status"] == "downloading"


async def test_a_failed_attempt_is_repeated_later_each_time_and_three_times_at_most(user: User) -> None:
    download = await enqueue(user)
    for attempt, minutes in ((1, 1), (2, 2)):
        await claim("w")
        await downloads.report_progress(download.id, worker_id="w", progress=50)
        failed = await downloads.fail(download.id, worker_id="w", error_message=f"error {attempt}")
        assert (failed.status, failed.attempts, failed.error_message) == ("queued", attempt, f"error {attempt}")
        assert (failed.worker_id, failed.lease_expires_at, failed.progress) == (None, None, 0)
        assert failed.completed_at is None
        assert await seconds_from_now(failed.scheduled_at) == pytest.approx(60 * minutes, abs=20)
        assert await downloads.claim("w") is None
        await execute("UPDATE youtube_downloads SET scheduled_at = now()")
    await claim("w")
    last = await downloads.fail(download.id, worker_id="w", error_message="error 3")
    assert (last.status, last.attempts, last.worker_id) == (DownloadStatus.FAILED, 3, "w")
    assert last.completed_at is not None
    assert dict(await downloads.get(download.id)) == dict(last)


async def test_fail_without_a_retry_is_final(user: User) -> None:
    download = await claimed(user)
    failed = await downloads.fail(download.id, worker_id="w", error_message="private playlist", retry=False)
    assert (failed.status, failed.attempts, failed.lease_expires_at) == (DownloadStatus.FAILED, 1, None)


async def test_release_gives_the_attempt_back(user: User) -> None:
    download = await claimed(user, attempts=3)
    released = await downloads.release(download.id, worker_id="w")
    assert (released.status, released.attempts, released.worker_id) == (DownloadStatus.QUEUED, 2, None)
    assert released.lease_expires_at is None
    again = await claim("other")
    assert again.id == download.id


WORK: list[Callable[[UUID, str], Awaitable[object]]] = [
    lambda key, worker: downloads.heartbeat(key, worker_id=worker),
    lambda key, worker: downloads.report_progress(key, worker_id=worker, progress=9),
    lambda key, worker: downloads.complete(key, worker_id=worker),
    lambda key, worker: downloads.fail(key, worker_id=worker, error_message="e"),
    lambda key, worker: downloads.fail(key, worker_id=worker, error_message="e", retry=False),
    lambda key, worker: downloads.release(key, worker_id=worker),
]
NAMES = ["heartbeat", "report_progress", "complete", "fail", "fail for good", "release"]


EVENTS: dict[str, Callable[[YouTubeDownload], Awaitable[object]]] = {
    "the lease runs out": let_lease_run_out,
    "it is cancelled": lambda download: downloads.cancel(download.id),
    "it is completed": lambda download: downloads.complete(download.id, worker_id="w"),
    "it is given back": lambda download: downloads.release(download.id, worker_id="w"),
    "others end it in SQL": lambda _: execute("UPDATE youtube_downloads SET status = 'failed'"),
    "it is deleted": lambda download: download.delete(),
    "its user is deleted": lambda _: execute("DELETE FROM users"),
}
of_each_work = pytest.mark.parametrize("work", WORK, ids=NAMES)


@of_each_work
@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
async def test_a_lease_that_is_lost_is_an_error_and_changes_nothing(user: User, work: Any, event: Any) -> None:
    download = await claimed(user)
    await event(download)
    await refused(work, download.id, "w")


@of_each_work
async def test_what_belongs_to_another_worker_stays_as_it_is(user: User, work: Any) -> None:
    download = await claimed(user)
    await refused(work, download.id, "other")
    await let_lease_run_out(download)
    await claim("other")
    await refused(work, download.id, "w")


@of_each_work
async def test_work_on_no_download(user: User, work: Any) -> None:
    await refused(work, uuid4(), "w")
    with pytest.raises(InvalidInputError, match="download_id"):
        await work("none", "w")


async def refused(work: Callable[[UUID, str], Awaitable[object]], key: UUID, worker: str) -> None:
    before = await fetch("SELECT * FROM youtube_downloads")
    with pytest.raises(LeaseLostError, match=str(key)):
        await work(key, worker)
    assert await fetch("SELECT * FROM youtube_downloads") == before


async def test_the_worker_of_a_cancelled_download_is_told_so_and_no_other(user: User) -> None:
    cancelled, lost = await claimed(user, "a"), await claimed(user, "b")
    await downloads.cancel(cancelled.id)
    await let_lease_run_out(lost)
    for worker_id, download, error in (
        ("w", cancelled, DownloadCancelledError),
        ("other", cancelled, LeaseLostError),
        ("w", lost, LeaseLostError),
    ):
        with pytest.raises(LeaseLostError) as caught:
            await downloads.heartbeat(download.id, worker_id=worker_id)
        assert type(caught.value) is error
