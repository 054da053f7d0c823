"""Lists and counts of downloads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from medianest_models.enums import DownloadStatus, RequestStatus
from medianest_models.errors import (
    InvalidInputError,
)
from medianest_models.models import User, YouTubeDownload
from medianest_models.pagination import PaginationParams
from medianest_models.repositories import downloads
from tests.repositories.download_rows import claimed, enqueue

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from medianest_models.settings import DatabaseUrl


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
