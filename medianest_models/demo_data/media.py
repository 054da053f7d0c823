"""Requests with their histories, and downloads."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from medianest_models.demo_data.texts import FAILURES, FILMS, PLAYLISTS, SERIES
from medianest_models.enums import OPEN_REQUEST_STATUSES, DownloadPriority, DownloadStatus, RequestStatus
from medianest_models.models import MediaRequest, MediaRequestStatusUpdate, YouTubeDownload

if TYPE_CHECKING:
    from uuid import UUID

    from medianest_models.demo_data.random_source import World
    from medianest_models.models import User

REQUESTS: Final = 2_000
_DOWNLOADS: Final = 320
_RECENT: Final = timedelta(days=4)
_RUNNING: Final = 3
_WAITING: Final = 9


def make_requests(world: World, users: list[User]) -> tuple[list[MediaRequest], list[MediaRequestStatusUpdate]]:
    """Half a year of requests, of which most were fulfilled; a title is open once at most."""
    requests: list[MediaRequest] = []
    history: list[MediaRequestStatusUpdate] = []
    open_titles: set[tuple[str, str]] = set()
    for created in sorted(world.ago(timedelta(days=180)) for _ in range(REQUESTS)):
        title, media_type, tmdb_id = _title(world)
        path = _path(world, world.now - created)
        if path[-1] in OPEN_REQUEST_STATUSES:
            if (tmdb_id, media_type) in open_titles:
                path = (RequestStatus.PENDING, RequestStatus.APPROVED, RequestStatus.AVAILABLE)
            else:
                open_titles.add((tmdb_id, media_type))
        request = MediaRequest(
            id=world.id_at(created),
            user_id=world.dice.choice(users).id,
            title=title,
            media_type=media_type,
            tmdb_id=tmdb_id,
            status=path[-1],
            request_data={"quality": world.dice.choice(("720p", "1080p", "2160p")), "language": "en"},
            created_at=created,
        )
        steps = _steps(world, request.id, created, path)
        if path[-1] not in OPEN_REQUEST_STATUSES:
            request.completed_at = steps[-1].created_at
        requests.append(request)
        history += steps
    return requests, history


def _title(world: World) -> tuple[str, str, str]:
    """A title, its kind, and its id, which is the same whenever the title is."""
    if world.dice.random() < 0.6:  # noqa: PLR2004 - somewhat more films than series
        number, part = world.dice.randrange(len(FILMS)), world.dice.choice((1, 1, 1, 2, 3))
        return FILMS[number] + ("", " II", " III")[part - 1], "movie", str(100_000 + 10 * number + part)
    number, season = world.dice.randrange(len(SERIES)), world.dice.randint(1, 9)
    return f"{SERIES[number]}, season {season}", "tv", str(200_000 + 10 * number + season)


def _path(world: World, age: timedelta) -> tuple[RequestStatus, ...]:
    pending, approved, failed = RequestStatus.PENDING, RequestStatus.APPROVED, RequestStatus.FAILED
    paths = (
        (pending, approved, RequestStatus.AVAILABLE),
        (pending, approved),
        (pending,),
        (pending, failed),
        (pending, approved, failed),
    )
    return world.dice.choices(paths, (30, 35, 30, 3, 2) if age < _RECENT else (870, 30, 15, 45, 40))[0]


def _steps(
    world: World, request_id: UUID, created: datetime, path: tuple[RequestStatus, ...]
) -> list[MediaRequestStatusUpdate]:
    steps, when = [], created
    for status in path:
        if status is not RequestStatus.PENDING:
            when = world.between(when, min(when + timedelta(days=2), world.now))
        message = world.dice.choice(FAILURES) if status is RequestStatus.FAILED else None
        steps.append(
            MediaRequestStatusUpdate(
                id=world.id_at(when), request_id=request_id, status=status, message=message, created_at=when
            )
        )
    return steps


def make_downloads(world: World, users: list[User]) -> list[YouTubeDownload]:
    """Two months of downloads; some are waiting, and a few running."""
    created = sorted(world.ago(timedelta(days=60), timedelta(hours=1)) for _ in range(_DOWNLOADS))
    done, waiting = created[: -_RUNNING - _WAITING], created[-_RUNNING - _WAITING :]
    downloads = [_ended(world, users, when) for when in done]
    for place, user in enumerate(world.dice.sample(users, len(waiting))):  # a user each, as one may not wait twice
        download = _download(world, user, waiting[place])
        if place < _RUNNING:
            download.status, download.progress, download.attempts = DownloadStatus.DOWNLOADING, 25 * place + 20, 1
            download.worker_id, download.started_at = f"worker-{place + 1}", world.now - timedelta(minutes=4)
            download.lease_expires_at = world.now + timedelta(minutes=5)
        downloads.append(download)
    return downloads


def _ended(world: World, users: list[User], when: datetime) -> YouTubeDownload:
    download = _download(world, world.dice.choice(users), when)
    download.started_at = when + timedelta(seconds=world.dice.randint(2, 900))
    download.completed_at = download.started_at + timedelta(seconds=world.dice.randint(60, 5_000))
    if world.dice.random() < 0.9:  # noqa: PLR2004 - most succeed
        download.status, download.progress, download.attempts = DownloadStatus.COMPLETED, 100, 1
        download.file_paths = [f"/media/youtube/{download.id}.mkv"]
    else:
        download.status, download.progress, download.attempts = DownloadStatus.FAILED, world.dice.randint(0, 90), 3
        download.error_message = "HTTP Error 403: Forbidden"
    return download


def _download(world: World, user: User, when: datetime) -> YouTubeDownload:
    return YouTubeDownload(
        id=world.id_at(when),
        user_id=user.id,
        playlist_url=f"https://www.youtube.com/playlist?list=PL{world.token(16)}",
        playlist_title=world.dice.choice(PLAYLISTS),
        priority=world.dice.choices(list(DownloadPriority), (2, 6, 1))[0],
        created_at=when,
        scheduled_at=when,
    )
