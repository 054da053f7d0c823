"""The queue of downloads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medianest_models.enums import DownloadStatus
from medianest_models.errors import InvalidTransitionError
from medianest_models.models import YouTubeDownload
from medianest_models.repositories import downloads
from medianest_models.studio.editing import EditableView

if TYPE_CHECKING:
    from tortoise.models import Model


class YouTubeDownloads(EditableView):
    """The queue. Workers change a download's status; here it can be cancelled."""

    table = YouTubeDownload
    icon = "fa fa-download"
    name_of_row = "playlist_url"
    unlisted = (
        "attempts",
        "worker_id",
        "lease_expires_at",
        "file_paths",
        "plex_collection_id",
        "error_message",
        "metadata",
        "started_at",
    )
    fixed = ("attempts", "worker_id", "lease_expires_at", "progress", "created_at", "started_at", "completed_at")
    fixed_later = ("user", "playlist_url")
    set_later = ("status", "file_paths", "plex_collection_id", "error_message")
    make = staticmethod(downloads.enqueue)

    async def change(self, row: Model, values: dict[str, Any]) -> None:
        """Change a download; its status only to `failed`, which cancels it."""
        status = values.pop("status", None)
        await super().change(row, values)
        if status == DownloadStatus.FAILED:
            await downloads.cancel(row.pk)
        elif status is not None:
            raise InvalidTransitionError("only a worker changes it so; here a download can be cancelled: failed")
