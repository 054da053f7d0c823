"""Requests with their histories, and downloads."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from medianest_models.demo_data.random_source import RandomSource
from medianest_models.demo_data.texts import FAILURES, FILMS, PLAYLISTS, SERIES
from medianest_models.enums import OPEN_REQUEST_STATUSES, DownloadPriority, DownloadStatus, RequestStatus
from medianest_models.models import MediaRequest, MediaRequestFollower, MediaRequestStatusUpdate, User, YouTubeDownload

REQUESTS: Final = 2_000
_DOWNLOADS: Final = 320
_RECENT: Final = timedelta(days=4)
_RUNNING: Final = 3
_WAITING: Final = 9


def make_requests(source: RandomSource, users: list[User]) -> tuple[list[MediaRequest], list[MediaRequestStatusUpdate]]:
    """Make half a year of requests, most of them fulfilled, with at most one that is open for the same."""
    requests: list[MediaRequest] = []
    history: list[MediaRequestStatusUpdate] = []
    open_wishes: set[tuple[str, int | None, bool]] = set()
    for created in sorted(source.ago(timedelta(days=180)) for _ in range(REQUESTS)):
        title, media_type, tmdb_id, season = _title(source)
        quality = source.dice.choice(("720p", "1080p", "2160p"))
        is_4k = quality == "2160p"
        path = _path(source, source.now - created)
        if path[-1] in OPEN_REQUEST_STATUSES:
            if (tmdb_id, season, is_4k) in open_wishes:
                path = (RequestStatus.PENDING, RequestStatus.APPROVED, RequestStatus.AVAILABLE)
            else:
                open_wishes.add((tmdb_id, season, is_4k))
        request = MediaRequest(
            id=source.id_at(created),
            user_id=source.dice.choice(users).id,
            title=title,
            media_type=media_type,
            tmdb_id=tmdb_id,
            season=season,
            is_4k=is_4k,
            status=path[-1],
            request_data={"quality": quality, "language": "en"},
            created_at=created,
        )
        steps = _steps(source, request.id, created, path)
        if path[-1] not in OPEN_REQUEST_STATUSES:
            request.completed_at = steps[-1].created_at
        requests.append(request)
        history += steps
    return requests, history


def make_followers(source: RandomSource, users: list[User], requests: list[MediaRequest]) -> list[MediaRequestFollower]:
    """Make up to three followers of each open request."""
    followers = []
    for request in requests:
        others = [user for user in users if user.id != request.user_id]
        for user in source.dice.sample(others, source.dice.randint(0, 3) if request.is_open else 0):
            when = source.between(request.created_at, source.now)
            followers.append(
                MediaRequestFollower(id=source.id_at(when), request_id=request.id, user_id=user.id, created_at=when)
            )
    return followers


def _title(source: RandomSource) -> tuple[str, str, str, int | None]:
    """Draw a film, or a season of a series: the title, its kind, the id derived from it, and the season."""
    if source.dice.random() < 0.6:  # noqa: PLR2004 - somewhat more films than series
        number, part = source.dice.randrange(len(FILMS)), source.dice.choice((1, 1, 1, 2, 3))
        return FILMS[number] + ("", " II", " III")[part - 1], "movie", str(100_000 + 10 * number + part), None
    number, season = source.dice.randrange(len(SERIES)), source.dice.randint(1, 9)
    return SERIES[number], "tv", str(200_000 + number), season


def _path(source: RandomSource, age: timedelta) -> tuple[RequestStatus, ...]:
    pending, approved, failed = RequestStatus.PENDING, RequestStatus.APPROVED, RequestStatus.FAILED
    paths = (
        (pending, approved, RequestStatus.AVAILABLE),
        (pending, approved),
        (pending,),
        (pending, failed),
        (pending, approved, failed),
    )
    return source.dice.choices(paths, (30, 35, 30, 3, 2) if age < _RECENT else (870, 30, 15, 45, 40))[0]


def _steps(
    source: RandomSource, request_id: UUID, created: datetime, path: tuple[RequestStatus, ...]
) -> list[MediaRequestStatusUpdate]:
    steps, when = [], created
    for status in path:
        if status is not RequestStatus.PENDING:
            when = source.between(when, min(when + timedelta(days=2), source.now))
        message = source.dice.choice(FAILURES) if status is RequestStatus.FAILED else None
        steps.append(
            MediaRequestStatusUpdate(
                id=source.id_at(when), request_id=request_id, status=status, message=message, created_at=when
            )
        )
    return steps


def make_downloads(source: RandomSource, users: list[User]) -> list[YouTubeDownload]:
    """Make two months of downloads; some of them wait, and a few run."""
    created = sorted(source.ago(timedelta(days=60), timedelta(hours=1)) for _ in range(_DOWNLOADS))
    done, waiting = created[: -_RUNNING - _WAITING], created[-_RUNNING - _WAITING :]
    downloads = [_ended(source, users, when) for when in done]
    for place, user in enumerate(source.dice.sample(users, len(waiting))):  # one each: a user may not wait twice
        download = _download(source, user, waiting[place])
        if place < _RUNNING:
            download.status, download.progress, download.attempts = DownloadStatus.DOWNLOADING, 25 * place + 20, 1
            download.worker_id, download.started_at = f"worker-{place + 1}", source.now - timedelta(minutes=4)
            download.lease_expires_at = source.now + timedelta(minutes=5)
        downloads.append(download)
    return downloads


def _ended(source: RandomSource, users: list[User], when: datetime) -> YouTubeDownload:
    download = _download(source, source.dice.choice(users), when)
    download.started_at = when + timedelta(seconds=source.dice.randint(2, 900))
    download.completed_at = download.started_at + timedelta(seconds=source.dice.randint(60, 5_000))
    if source.dice.random() < 0.9:  # noqa: PLR2004 - most succeed
        download.status, download.progress, download.attempts = DownloadStatus.COMPLETED, 100, 1
        download.file_paths = [f"/media/youtube/{download.id}.mkv"]
    else:
        download.status, download.progress, download.attempts = DownloadStatus.FAILED, source.dice.randint(0, 90), 3
        download.error_message = "HTTP Error 403: Forbidden"
    return download


def _download(source: RandomSource, user: User, when: datetime) -> YouTubeDownload:
    return YouTubeDownload(
        id=source.id_at(when),
        user_id=user.id,
        playlist_url=f"https://www.youtube.com/playlist?list=PL{source.token(16)}",
        playlist_title=source.dice.choice(PLAYLISTS),
        priority=source.dice.choices(list(DownloadPriority), (2, 6, 1))[0],
        created_at=when,
        scheduled_at=when,
    )
