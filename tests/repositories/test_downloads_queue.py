"""Putting downloads into the queue, listing and counting them, and taking them out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from medianest_models.db import transaction
from medianest_models.db.statements import execute
from medianest_models.enums import DownloadPriority, DownloadStatus, RequestStatus, UserRole
from medianest_models.errors import (
    DuplicateDownloadError,
    InvalidInputError,
    InvalidReferenceError,
    InvalidTransitionError,
    NotFoundError,
)
from medianest_models.models import User, YouTubeDownload
from medianest_models.pagination import PaginationParams
from medianest_models.repositories import downloads
from medianest_models.settings import DatabaseUrl
from tests.repositories.download_rows import claim, claimed, enqueue, stored
from tests.repositories.wrong_arguments import wrong


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
    assert caught.value.download_id == first.id
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


@wrong(
    user_id=["me"],
    playlist_url=["", "x" * 2049, "a\0b", 7],
    playlist_title=["x" * 501, "\0"],
    priority=[UserRole.ADMIN, 11],
    metadata=[{"n": float("nan")}, {"s": {1, 2}}],
    scheduled_at=[datetime(2030, 1, 1), "tomorrow"],  # noqa: DTZ001 - a naive one is the point
)
async def test_enqueue_refuses(user: User, name: str, value: Any) -> None:
    arguments: dict[str, Any] = {"user_id": user.id, "playlist_url": "u", name: value}
    with pytest.raises(InvalidInputError, match=name):
        await downloads.enqueue(arguments.pop("user_id"), **arguments)
    assert await YouTubeDownload.all().count() == 0


async def test_the_longest_url_fits(user: User) -> None:
    await downloads.enqueue(user.id, playlist_url="x" * 2048)


async def test_a_url_too_large_for_its_index_is_bad_input(user: User) -> None:
    with pytest.raises(InvalidInputError):
        async with transaction():
            # Random letters, which the index can't compress.
            await downloads.enqueue(user.id, playlist_url="".join(chr(0x4E00 + n * 7919 % 20000) for n in range(2048)))


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


async def test_enqueue_many_says_what_it_made_and_what_was_active(user: User) -> None:
    other = await User.create(plex_id="2", plex_username="bob")
    running, waiting = await claimed(user, "z"), await enqueue(user, "a")
    await enqueue(other, "theirs")
    ended = await enqueue(user, "m")
    await downloads.cancel(ended.id)
    urls = [f"https://youtube.example/{name}" for name in ("z", "new", "m", "a", "theirs", "new", "b")]
    before = [await stored(running.id), await stored(waiting.id)]
    many = await downloads.enqueue_many(user.id, playlist_urls=urls, priority=DownloadPriority.HIGH)
    assert [one.id for one in many.already_active] == [running.id, waiting.id]
    assert [one.playlist_url[24:] for one in many.made] == ["new", "m", "theirs", "b"]
    assert {(one.status, one.priority, one.user_id) for one in many.made} == {("queued", 20, user.id)}
    assert [await stored(running.id), await stored(waiting.id)] == before
    assert [(await claim(max_running=None)).id for _ in many.made] == [one.id for one in many.made]
    assert await downloads.enqueue_many(user.id, playlist_urls=[]) == ([], [])


async def test_enqueue_many_of_a_missing_user_makes_none(db: DatabaseUrl) -> None:
    with pytest.raises(InvalidReferenceError):
        async with transaction():
            await downloads.enqueue_many(uuid4(), playlist_urls=["u"])
    assert await YouTubeDownload.all().count() == 0


@wrong(
    user_id=["me"],
    playlist_urls=["https://youtube.example/a", ["u", ""], ["x" * 2049], ["u", 7]],
    priority=[11],
    scheduled_at=["tomorrow"],
)
async def test_enqueue_many_refuses(user: User, name: str, value: Any) -> None:
    arguments: dict[str, Any] = {"user_id": user.id, "playlist_urls": ["u"], name: value}
    with pytest.raises(InvalidInputError, match=name):
        await downloads.enqueue_many(arguments.pop("user_id"), **arguments)
    assert await YouTubeDownload.all().count() == 0


async def test_requeue_begins_anew(user: User) -> None:
    failed = await claimed(user, attempts=3)
    await downloads.report_progress(failed.id, worker_id="w", progress=50)
    await downloads.fail(failed.id, worker_id="w", error_message="e")
    again = await downloads.requeue(failed.id)
    assert (again.id, again.status, again.attempts, again.progress) == (failed.id, DownloadStatus.QUEUED, 0, 0)
    assert (again.worker_id, again.error_message, again.started_at, again.completed_at) == (None, None, None, None)
    assert (await claim("w")).attempts == 1


async def test_requeue_refuses_what_has_not_failed_and_a_second_active_one(user: User) -> None:
    waiting = await enqueue(user)
    with pytest.raises(InvalidTransitionError, match="queued"):
        await downloads.requeue(waiting.id)
    await downloads.cancel(waiting.id)
    await enqueue(user)
    before = await stored(waiting.id)
    with pytest.raises(DuplicateDownloadError):
        async with transaction():
            await downloads.requeue(waiting.id)
    assert await stored(waiting.id) == before


async def test_prune_deletes_what_ended_long_ago(user: User) -> None:
    day = timedelta(days=1)
    running, old, late, recent = [await claimed(user, name) for name in ("running", "old", "late", "recent")]
    waiting = await enqueue(user, "waiting")
    await downloads.complete(late.id, worker_id="w")
    await downloads.cancel(old.id)
    await execute("UPDATE youtube_downloads SET created_at = now() - interval '3 days' WHERE id <> $1", recent.id)
    await execute("UPDATE youtube_downloads SET completed_at = now() - interval '2 days' WHERE id = $1", old.id)
    await downloads.complete(recent.id, worker_id="w")
    assert await downloads.prune(2.5 * day) == 0
    assert await downloads.prune(day, batch_size=1) == 1
    kept = {download.id for download in await YouTubeDownload.all()}
    assert kept == {running.id, waiting.id, late.id, recent.id}
    await execute(
        "UPDATE youtube_downloads SET completed_at = now() - interval '2 days' WHERE completed_at IS NOT NULL"
    )
    await execute("UPDATE youtube_downloads SET created_at = now() - interval '2 days'")
    assert await downloads.prune(datetime.now(UTC) - day, batch_size=1) == 2


@wrong(older_than=[timedelta(), "a day", datetime(2030, 1, 1)], batch_size=[0])  # noqa: DTZ001 - naive on purpose
async def test_prune_refuses(db: DatabaseUrl, name: str, value: Any) -> None:
    arguments: dict[str, Any] = {"older_than": timedelta(days=1), name: value}
    with pytest.raises(InvalidInputError, match=name):
        await downloads.prune(arguments.pop("older_than"), **arguments)


@pytest.mark.parametrize("function", [downloads.get, downloads.cancel, downloads.requeue])
async def test_an_unknown_download(db: DatabaseUrl, function: Callable[[Any], Awaitable[object]]) -> None:
    with pytest.raises(NotFoundError):
        await function(uuid4())
    with pytest.raises(InvalidInputError, match="download_id"):
        await function("none")


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
