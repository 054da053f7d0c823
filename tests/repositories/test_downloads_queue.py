"""Putting downloads into the queue, listing and counting them, and taking them out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from medianest_models.db import transaction
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
from tests.repositories.download_rows import claimed, enqueue, stored
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


@pytest.mark.parametrize("function", [downloads.get, downloads.cancel])
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
