"""The queue of YouTube downloads."""

from typing import Any
from uuid import UUID

from pydantic import AwareDatetime

from medianest_models.enums import DownloadPriority, DownloadStatus
from medianest_models.models import YouTubeDownload
from medianest_models.schemas._declaration import Declared, read_schema, write_schema


@read_schema(YouTubeDownload)
class YouTubeDownloadRead(Declared):
    """A playlist that waits, is being downloaded, or was; without the worker, whose name is enough to end it."""

    id: UUID
    user_id: UUID
    playlist_url: str
    playlist_title: str | None
    status: DownloadStatus
    priority: DownloadPriority
    attempts: int
    scheduled_at: AwareDatetime
    turn: int | None
    file_paths: Any
    plex_collection_id: str | None
    progress: int
    error_message: str | None
    metadata: Any
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    completed_at: AwareDatetime | None


@read_schema(YouTubeDownload)
class YouTubeDownloadLeaseRead(Declared):
    """Which worker has a download, and until when: for operators, not for the portal's users."""

    id: UUID
    status: DownloadStatus
    worker_id: str | None
    lease_expires_at: AwareDatetime | None


@write_schema(YouTubeDownload)
class YouTubeDownloadCreate(Declared):
    """A download to be queued: the arguments of `downloads.enqueue` beside the user."""

    playlist_url: str
    priority: DownloadPriority = DownloadPriority.NORMAL
    playlist_title: str | None = None
    metadata: dict[str, Any] | None = None
    scheduled_at: AwareDatetime | None = None
