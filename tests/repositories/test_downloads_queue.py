"""Putting downloads into the queue, and taking them out."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from medianest_models.db import transaction
from medianest_models.enums import DownloadPriority, DownloadStatus, UserRole
from medianest_models.errors import (
    DuplicateDownloadError,
    InvalidInputError,
    InvalidReferenceError,
    InvalidTransitionError,
    MedianestError,
    NotFoundError,
)
from medianest_models.models import User, YouTubeDownload
from medianest_models.repositories import downloads
from tests.repositories.download_rows import claimed, enqueue, stored

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from medianest_models.settings import DatabaseUrl


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


async def test_no_message_holds_a_stored_value(user: User) -> None:
    download = await enqueue(user, "secret-playlist", playlist_title="secret title")
    with pytest.raises(MedianestError) as duplicate:
        await enqueue(user, "secret-playlist")
    with pytest.raises(MedianestError) as lost:
        await downloads.heartbeat(download.id, worker_id="w")
    assert "secret" not in str(duplicate.value) + str(lost.value)
