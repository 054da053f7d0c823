"""Downloads in the states that tests need."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from medianest_models.db.statements import execute, fetch_one
from medianest_models.models import User, YouTubeDownload
from medianest_models.repositories import downloads


async def fill(number: int, plex_id: str = "1") -> User:
    """Queue a new user's downloads with one statement, without the functions of the queue."""
    user = await User.create(plex_id=plex_id, plex_username="ann")
    await execute(
        "INSERT INTO youtube_downloads (user_id, playlist_url) SELECT $1, 'u' || n FROM generate_series(1, $2) AS n",
        user.id,
        number,
    )
    return user


async def enqueue(user: User, name: str = "a", **values: Any) -> YouTubeDownload:
    return await downloads.enqueue(user.id, playlist_url=f"https://youtube.example/{name}", **values)


async def claim(worker_id: str = "w", **arguments: Any) -> YouTubeDownload:
    download = await downloads.claim(worker_id, **arguments)
    assert download is not None
    return download


async def claimed(user: User, name: str = "a", *, attempts: int = 1) -> YouTubeDownload:
    """Make a download that worker w has claimed, with that number of attempts."""
    download = await enqueue(user, name)
    await execute("UPDATE youtube_downloads SET attempts = $2 WHERE id = $1", download.id, attempts - 1)
    mine = await claim("w", max_running=None)
    assert mine.id == download.id
    return mine


async def let_lease_run_out(download: YouTubeDownload) -> None:
    """Make the lease expire, as if the worker had not responded for long."""
    await execute(
        "UPDATE youtube_downloads SET lease_expires_at = clock_timestamp() - interval '1 ms' WHERE id = $1", download.id
    )


async def stored(download_id: UUID) -> dict[str, Any]:
    row = await fetch_one("SELECT * FROM youtube_downloads WHERE id = $1", download_id)
    assert row is not None
    return dict(row)


async def seconds_from_now(value: datetime) -> float:
    row = await fetch_one("SELECT extract(epoch FROM $1::timestamptz - clock_timestamp())::float8 AS s", value)
    assert row is not None
    return float(row["s"])
