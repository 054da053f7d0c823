"""The queue of YouTube downloads."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index

from medianest_models.enums import ACTIVE_DOWNLOAD_STATUSES, DownloadPriority, DownloadStatus
from medianest_models.fields import EnumField, IntEnumField, JSONField, TextField, TimestampField, VarcharField
from medianest_models.models.base import UUIDModel
from medianest_models.models.users import User


class YouTubeDownload(UUIDModel):
    """A playlist to be downloaded. A user has at most one active download of a playlist.

    While it is `downloading` it belongs to `worker_id` until `lease_expires_at`. `turn` is its user's turn among the
    downloads of the same priority, once it is due; the database gives it.
    """

    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="youtube_downloads", on_delete=fields.CASCADE
    )
    user_id: UUID
    playlist_url = TextField()
    playlist_title = VarcharField(max_length=500, null=True)
    status = EnumField(DownloadStatus, max_length=20, default=DownloadStatus.QUEUED, db_default="queued")
    priority = IntEnumField(DownloadPriority, default=DownloadPriority.NORMAL, db_default=10)
    attempts = fields.SmallIntField(default=0, db_default=0)
    worker_id = VarcharField(max_length=255, null=True)
    lease_expires_at = TimestampField(null=True)
    scheduled_at = TimestampField(db_default=Now())
    turn = fields.BigIntField(null=True)
    file_paths = JSONField(null=True)
    plex_collection_id = VarcharField(max_length=255, null=True)
    progress = fields.IntField(default=0, db_default=0)
    error_message = TextField(null=True)
    metadata = JSONField(null=True)
    created_at = TimestampField(db_default=Now())
    started_at = TimestampField(null=True)
    completed_at = TimestampField(null=True)

    class Meta:
        table = "youtube_downloads"
        indexes = (
            Index(fields=("user_id", "created_at", "id"), name="ix_youtube_downloads_user_id_created_at"),
            Index(fields=("status", "created_at", "id"), name="ix_youtube_downloads_status_created_at"),
            Index(fields=("created_at", "id"), name="ix_youtube_downloads_created_at"),
        )

    @property
    def is_active(self) -> bool:
        """Whether the download waits or runs."""
        return self.status in ACTIVE_DOWNLOAD_STATUSES
