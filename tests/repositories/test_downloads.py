"""The queue of downloads, as one worker and one user see it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from medianest_models.db import transaction
from medianest_models.db.statements import execute, fetch_one
from medianest_models.enums import DownloadPriority, DownloadStatus, RequestStatus, UserRole
from medianest_models.errors import (
    DuplicateDownloadError,
    InvalidInputError,
    InvalidReferenceError,
    InvalidTransitionError,
    LeaseLostError,
    MedianestError,
    NotFoundError,
    StatementError,
)
from medianest_models.models import User, YouTubeDownload
from medianest_models.pagination import PaginationParams
from medianest_models.repositories import downloads, system_config

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from medianest_models.settings import DatabaseUrl

MINUTE = timedelta(minutes=1)
SOON = timedelta(seconds=30)


@pytest.fixture
async def user(db: DatabaseUrl) -> User:
    return await User.create(plex_id="1", plex_username="ann")


async def enqueue(user: User, name: str = "a", **values: Any) -> YouTubeDownload:
    return await downloads.enqueue(user.id, playlist_url=f"https://youtube.example/{name}", **values)


async def claim(worker_id: str = "w", **arguments: Any) -> YouTubeDownload:
    download = await downloads.claim(worker_id, **arguments)
    assert download is not None
    return download


async def claimed(user: User, name: str = "a", *, attempts: int = 1) -> YouTubeDownload:
    """A download that belongs to worker w, in an attempt of that number."""
    download = await enqueue(user, name)
    await execute("UPDATE youtube_downloads SET attempts = $2 WHERE id = $1", download.id, attempts - 1)
    mine = await claim("w", max_running=None)
    assert mine.id == download.id
    return mine


async def let_lease_run_out(download: YouTubeDownload) -> None:
    """As if the worker had been silent for long."""
    await execute(
        "UPDATE youtube_downloads SET lease_expires_at = clock_timestamp() - interval '1 ms' WHERE id = $1", download.id
    )


async def stored(download_id: UUID) -> dict[str, Any]:
    row = await fetch_one("SELECT * FROM youtube_downloads WHERE id = $1", download_id)
    assert row is not None
    return row


async def seconds_from_now(value: datetime) -> float:
    row = await fetch_one("SELECT extract(epoch FROM $1::timestamptz - clock_timestamp())::float8 AS s", value)
    assert row is not None
    return float(row["s"])


# Putting in


async def test_enqueue_returns_what_is_stored(user: User) -> None:
    download = await downloads.enqueue(
        user.id,
        playlist_url="https://youtube.example/a",
        priority=DownloadPriority.HIGH,
        playlist_title="Title",
        metadata={"quality": "1080p"},
    )
    assert (download.status, download.priority) == (DownloadStatus.QUEUED, DownloadPriority.HIGH)
    assert (download.playlist_title, download.metadata) == ("Title", {"quality": "1080p"})
    assert (download.progress, download.attempts, download.worker_id) == (0, 0, None)
    assert download.scheduled_at == download.created_at
    assert dict(await downloads.get(download.id)) == dict(download)


async def test_a_second_active_download_of_a_playlist_is_refused_and_named(user: User) -> None:
    first = await enqueue(user)
    before = await stored(first.id)
    with pytest.raises(DuplicateDownloadError, match=str(first.id)) as caught:
        await enqueue(user, playlist_title="other")
    assert caught.value.constraint == "uq_youtube_downloads_user_id_playlist_url"
    assert await stored(first.id) == before
    assert await YouTubeDownload.all().count() == 1


async def test_a_running_download_is_active_too(user: User) -> None:
    running = await claimed(user)
    with pytest.raises(DuplicateDownloadError, match=str(running.id)):
        await enqueue(user)


async def test_another_user_or_a_playlist_that_has_ended_is_no_duplicate(user: User) -> None:
    other = await User.create(plex_id="2", plex_username="bob")
    first = await enqueue(user)
    await enqueue(other)
    await downloads.cancel(first.id)
    again = await enqueue(user)
    assert again.id != first.id


async def test_a_missing_user_is_an_invalid_reference(db: DatabaseUrl) -> None:
    with pytest.raises(InvalidReferenceError) as caught:
        async with transaction():
            await downloads.enqueue(uuid4(), playlist_url="u")
    assert caught.value.constraint == "fk_youtube_downloads_user_id"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("user_id", {"user_id": "me"}),
        ("playlist_url", {"playlist_url": ""}),
        ("playlist_url", {"playlist_url": "x" * 2049}),
        ("playlist_url", {"playlist_url": "a\0b"}),
        ("playlist_url", {"playlist_url": 7}),
        ("playlist_title", {"playlist_title": "x" * 501}),
        ("playlist_title", {"playlist_title": "\0"}),
        ("priority", {"priority": UserRole.ADMIN}),
        ("priority", {"priority": 11}),
        ("metadata", {"metadata": {"n": float("nan")}}),
        ("metadata", {"metadata": {"s": {1, 2}}}),
        ("scheduled_at", {"scheduled_at": datetime(2030, 1, 1)}),  # noqa: DTZ001 - a naive one is the point
        ("scheduled_at", {"scheduled_at": "tomorrow"}),
    ],
)
async def test_enqueue_refuses(user: User, name: str, values: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {"user_id": user.id, "playlist_url": "u"} | values
    with pytest.raises(InvalidInputError, match=name):
        await downloads.enqueue(arguments.pop("user_id"), **arguments)
    assert await YouTubeDownload.all().count() == 0


async def test_the_longest_url_fits(user: User) -> None:
    await downloads.enqueue(user.id, playlist_url="x" * 2048)


async def test_a_url_too_large_for_its_index_is_bad_input(user: User) -> None:
    with pytest.raises(InvalidInputError):
        async with transaction():
            # Letters at random, which the index can't compress.
            await downloads.enqueue(user.id, playlist_url="".join(chr(0x4E00 + n * 7919 % 20000) for n in range(2048)))


# Claiming


async def test_claim_takes_priority_then_schedule_then_age(user: User) -> None:
    now = datetime.now(UTC)
    for name, priority, scheduled, age in (
        ("4", DownloadPriority.NORMAL, 30, 30),
        ("3", DownloadPriority.NORMAL, 60, 1),
        ("2", DownloadPriority.NORMAL, 60, 20),
        ("5", DownloadPriority.LOW, 900, 900),
        ("1", DownloadPriority.HIGH, 1, 1),
    ):
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
    assert -5 < await seconds_from_now(got.started_at) <= 0
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
async def test_claim_replaces_a_silent_worker(user: User, limit: int | None) -> None:
    download = await claimed(user)
    await let_lease_run_out(download)
    again = await claim("other", max_running=limit)
    assert (again.id, again.worker_id, again.attempts) == (download.id, "other", 2)


@pytest.mark.parametrize("limit", [None, 1])
async def test_a_download_that_silences_every_worker_fails_for_good(user: User, limit: int | None) -> None:
    download = await claimed(user, attempts=3)
    await let_lease_run_out(download)
    assert await downloads.claim("other", max_running=limit) is None
    row = await stored(download.id)
    assert (row["status"], row["worker_id"], row["lease_expires_at"]) == ("failed", "w", None)
    assert "lease ran out" in row["error_message"]
    assert row["completed_at"] is not None


async def test_a_row_that_others_wrote_without_a_lease_does_not_hold_its_place_for_ever(user: User) -> None:
    download = await enqueue(user)
    await execute("UPDATE youtube_downloads SET status = 'downloading'")
    again = await claim("w", max_running=1)
    assert again.id == download.id


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("worker_id", {"worker_id": ""}),
        ("worker_id", {"worker_id": "x" * 256}),
        ("worker_id", {"worker_id": "\0"}),
        ("lease", {"lease": timedelta()}),
        ("lease", {"lease": -SOON}),
        ("lease", {"lease": 30}),
        ("max_running", {"max_running": 0}),
        ("max_running", {"max_running": -1}),
        ("max_running", {"max_running": "3"}),
        ("max_running", {"max_running": True}),
        ("out of range", {"lease": timedelta.max}),
    ],
)
async def test_claim_refuses(user: User, name: str, values: dict[str, Any]) -> None:
    download = await enqueue(user)
    arguments: dict[str, Any] = {"worker_id": "w"} | values
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


# Working


async def test_a_heartbeat_extends_the_lease_and_never_shortens_it(user: User) -> None:
    download = await claimed(user)
    await downloads.heartbeat(download.id, worker_id="w", lease=2 * downloads.LEASE)
    extended = (await stored(download.id))["lease_expires_at"]
    assert await seconds_from_now(extended) == pytest.approx(600, abs=30)
    await downloads.heartbeat(str(download.id), worker_id="w")
    await downloads.report_progress(download.id, worker_id="w", progress=1)
    assert (await stored(download.id))["lease_expires_at"] == extended


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
    assert -5 < await seconds_from_now(done.completed_at) <= 0
    assert dict(await downloads.get(done.id)) == dict(done)


async def test_complete_leaves_what_is_not_given(user: User) -> None:
    await enqueue(user, metadata={"quality": "1080p"})
    download = await claim("w")
    done = await downloads.complete(download.id, worker_id="w")
    assert (done.metadata, done.file_paths) == ({"quality": "1080p"}, None)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("file_paths", {"file_paths": "/a"}),
        ("file_paths", {"file_paths": [1]}),
        ("file_paths", {"file_paths": ["a\0b"]}),
        ("plex_collection_id", {"plex_collection_id": "x" * 256}),
        ("metadata", {"metadata": {1: 2}}),
        ("worker_id", {"worker_id": ""}),
    ],
)
async def test_complete_refuses(user: User, name: str, values: dict[str, Any]) -> None:
    download = await claimed(user)
    with pytest.raises(InvalidInputError, match=name):
        await downloads.complete(download.id, **{"worker_id": "w", **values})
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


@pytest.mark.parametrize("work", WORK, ids=NAMES)
class TestWork:
    async def refused(self, work: Callable[[UUID, str], Awaitable[object]], key: UUID, worker: str) -> None:
        before = await stored(key)
        with pytest.raises(LeaseLostError, match=str(key)):
            await work(key, worker)
        assert await stored(key) == before

    async def test_by_another_worker(self, user: User, work: Any) -> None:
        await self.refused(work, (await claimed(user)).id, "other")

    async def test_after_the_lease(self, user: User, work: Any) -> None:
        download = await claimed(user)
        await let_lease_run_out(download)
        await self.refused(work, download.id, "w")

    async def test_after_another_worker_took_over(self, user: User, work: Any) -> None:
        download = await claimed(user)
        await let_lease_run_out(download)
        await claim("other")
        await self.refused(work, download.id, "w")

    async def test_after_it_was_cancelled(self, user: User, work: Any) -> None:
        download = await claimed(user)
        await downloads.cancel(download.id)
        await self.refused(work, download.id, "w")

    async def test_after_it_was_completed(self, user: User, work: Any) -> None:
        download = await claimed(user)
        await downloads.complete(download.id, worker_id="w")
        await self.refused(work, download.id, "w")

    async def test_after_others_ended_it_in_sql(self, user: User, work: Any) -> None:
        download = await claimed(user)
        await execute("UPDATE youtube_downloads SET status = 'failed'")
        await self.refused(work, download.id, "w")

    async def test_before_it_was_claimed(self, user: User, work: Any) -> None:
        await self.refused(work, (await enqueue(user)).id, "w")

    @pytest.mark.usefixtures("db")
    async def test_of_none(self, work: Any) -> None:
        with pytest.raises(NotFoundError):
            await work(uuid4(), "w")

    @pytest.mark.usefixtures("db")
    async def test_of_no_uuid(self, work: Any) -> None:
        with pytest.raises(InvalidInputError, match="download_id"):
            await work("none", "w")


# Ending without the worker


async def test_cancel_ends_a_waiting_and_a_running_download(user: User) -> None:
    for download in (await claimed(user, "running"), await enqueue(user, "waiting")):
        cancelled = await downloads.cancel(download.id)
        assert (cancelled.status, cancelled.error_message) == (DownloadStatus.FAILED, "cancelled")
        assert cancelled.lease_expires_at is None
        assert cancelled.completed_at is not None
        assert dict(await downloads.get(download.id)) == dict(cancelled)
    assert await downloads.claim("w") is None


async def test_cancel_refuses_what_has_ended(user: User) -> None:
    completed = await claimed(user, "completed")
    await downloads.complete(completed.id, worker_id="w")
    failed = await claimed(user, "failed")
    await downloads.fail(failed.id, worker_id="w", error_message="e", retry=False)
    for download, status in ((completed, "completed"), (failed, "failed")):
        before = await stored(download.id)
        with pytest.raises(InvalidTransitionError, match=status):
            await downloads.cancel(download.id)
        assert await stored(download.id) == before


@pytest.mark.parametrize("function", [downloads.get, downloads.cancel])
async def test_an_unknown_download(db: DatabaseUrl, function: Callable[[Any], Awaitable[object]]) -> None:
    with pytest.raises(NotFoundError):
        await function(uuid4())
    with pytest.raises(InvalidInputError, match="download_id"):
        await function("none")


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


# Lists


async def test_lists_filter(user: User) -> None:
    other = await User.create(plex_id="2", plex_username="bob")
    mine = [await enqueue(user, str(n)) for n in range(3)]
    theirs = await enqueue(other)
    now = datetime.now(UTC)
    for age, download in enumerate([*mine, theirs]):
        await YouTubeDownload.filter(id=download.id).update(created_at=now - timedelta(hours=age))
    await downloads.cancel(mine[1].id)

    async def ids(**filters: Any) -> list[UUID]:
        return [download.id for download in (await downloads.list_by_filters(**filters)).data]

    assert await ids() == [mine[0].id, mine[1].id, mine[2].id, theirs.id]
    assert await ids(status=DownloadStatus.QUEUED) == [mine[0].id, mine[2].id, theirs.id]
    assert await ids(user_id=str(user.id), status=DownloadStatus.FAILED) == [mine[1].id]
    assert await ids(since=now - timedelta(hours=1)) == [mine[0].id, mine[1].id]
    assert await ids(user_id=other.id, since=now - timedelta(hours=1)) == []
    page = await downloads.list_for_user(user.id, params=PaginationParams(limit=2))
    assert [download.id for download in page.data] == [mine[0].id, mine[1].id]
    assert page.pagination.total == 3
    queued = await downloads.list_for_user(user.id, status=DownloadStatus.QUEUED)
    assert queued.pagination.total == 2


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("status", lambda: downloads.list_by_filters(status=RequestStatus.FAILED)),  # type: ignore[arg-type]  # wrong on purpose
        ("status", lambda: downloads.list_by_filters(status="done")),  # type: ignore[arg-type]  # wrong on purpose
        ("user_id", lambda: downloads.list_by_filters(user_id="me")),
        ("user_id", lambda: downloads.list_for_user("me")),
        ("user_id", lambda: downloads.counts_by_status(user_id="me")),
        ("since", lambda: downloads.list_by_filters(since=datetime(2026, 1, 1))),  # noqa: DTZ001 - naive on purpose
        ("limit", lambda: downloads.list_by_filters(params=PaginationParams(limit=0))),
    ],
)
async def test_lists_refuse(db: DatabaseUrl, name: str, call: Callable[[], Awaitable[object]]) -> None:
    with pytest.raises(InvalidInputError, match=name):
        await call()


async def test_counts_by_status(user: User) -> None:
    other = await User.create(plex_id="2", plex_username="bob")
    assert await downloads.counts_by_status() == dict.fromkeys(DownloadStatus, 0)
    await claimed(user, "running")
    for n in range(2):
        await enqueue(user, str(n))
    await downloads.cancel((await enqueue(other)).id)
    assert await downloads.counts_by_status() == {
        DownloadStatus.QUEUED: 2,
        DownloadStatus.DOWNLOADING: 1,
        DownloadStatus.COMPLETED: 0,
        DownloadStatus.FAILED: 1,
    }
    of_other = await downloads.counts_by_status(user_id=other.id)
    assert of_other == dict.fromkeys(DownloadStatus, 0) | {DownloadStatus.FAILED: 1}


async def test_no_message_holds_a_stored_value(user: User) -> None:
    download = await enqueue(user, "secret-playlist", playlist_title="secret title")
    with pytest.raises(MedianestError) as duplicate:
        await enqueue(user, "secret-playlist")
    with pytest.raises(MedianestError) as lost:
        await downloads.heartbeat(download.id, worker_id="w")
    assert "secret" not in str(duplicate.value) + str(lost.value)
