"""Downloads of before the CHECKs of their timestamps, which refuse every UPDATE of them: they hold nobody up."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from medianest_models.db.statements import execute
from medianest_models.errors import ConstraintError
from medianest_models.models import User, YouTubeDownload
from medianest_models.repositories import downloads
from medianest_models.settings import DatabaseUrl
from tests.repositories.download_rows import claim, enqueue

ALREADY_THERE = """
ALTER TABLE youtube_downloads DROP CONSTRAINT ck_youtube_downloads_{0};
UPDATE youtube_downloads SET {0} = '{1}'{2} WHERE id = '{3}';
ALTER TABLE youtube_downloads ADD CONSTRAINT ck_youtube_downloads_{0}
    CHECK ({0} BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00') NOT VALID
"""
LOST = ", status = 'downloading', worker_id = 'gone', lease_expires_at = '2020-01-01'"


async def spoil(download_id: UUID, column: str, instant: str, changes: str = "") -> None:
    for statement in ALREADY_THERE.format(column, instant, changes, download_id).split(";"):
        await execute(statement)


@pytest.mark.parametrize("limit", [None, 2])
@pytest.mark.parametrize("instant", ["-infinity", "infinity", "0044-03-15 BC"])
@pytest.mark.parametrize("column", ["created_at", "scheduled_at", "completed_at"])
async def test_one_in_the_queue_is_passed_over(user: User, column: str, instant: str, limit: int | None) -> None:
    bad = await enqueue(user, "bad")
    await spoil(bad.id, column, instant)
    good = [await enqueue(user, name) for name in "ab"]
    assert [(await claim(name, max_running=limit)).id for name in "vw"] == [download.id for download in good]
    assert await downloads.claim("x", max_running=None) is None
    assert (await YouTubeDownload.get(id=bad.id)).attempts == 0


async def test_the_error_of_who_changes_one_names_the_column(user: User) -> None:
    bad = await enqueue(user, "bad")
    await spoil(bad.id, "created_at", "-infinity")
    with pytest.raises(ConstraintError, match=r"youtube_downloads: .*ck_youtube_downloads_created_at"):
        await downloads.cancel(bad.id)


async def test_what_a_claim_overwrites_may_be_out_of_range(user: User) -> None:
    bad = await enqueue(user, "bad")
    await spoil(bad.id, "started_at", "-infinity")
    assert (await claim()).id == bad.id


@pytest.mark.parametrize("limit", [None, 1])
@pytest.mark.parametrize("column", ["created_at", "scheduled_at", "started_at"])
async def test_one_whose_worker_is_gone_takes_no_place(user: User, column: str, limit: int | None) -> None:
    bad, good, silent = [await enqueue(user, name) for name in ("bad", "good", "silent")]
    await spoil(bad.id, column, "-infinity", LOST)
    assert (await claim("w", max_running=limit)).id == good.id
    assert await YouTubeDownload.filter(id=silent.id).update(status="downloading", lease_expires_at=None)
    assert await downloads.release_expired() == 1
    assert (await YouTubeDownload.get(id=silent.id)).status == "queued"


async def test_one_whose_worker_is_not_gone_takes_one(user: User) -> None:
    bad = await enqueue(user, "bad")
    await enqueue(user, "good")
    await spoil(bad.id, "created_at", "infinity", LOST.replace("'2020-01-01'", "now() + interval '1 minute'"))
    assert await downloads.claim("w", max_running=1) is None
    await claim("w", max_running=2)


@pytest.mark.parametrize("changes", ["", LOST])
async def test_nobody_wakes_for_one(fresh_db: DatabaseUrl, changes: str) -> None:
    user = await User.create(plex_id="1", plex_username="ann")
    await spoil((await enqueue(user, "bad")).id, "created_at", "-infinity", changes)
    assert not await downloads.wait_for_work(timeout=timedelta(seconds=1))
    await enqueue(user, "good")
    assert await downloads.wait_for_work(timeout=timedelta(seconds=5), max_running=1)
