"""Requests for films and series, and their history."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index

from medianest_models.enums import OPEN_REQUEST_STATUSES, RequestStatus
from medianest_models.fields import EnumField, JSONField, TextField, TimestampField, VarcharField
from medianest_models.models.base import UUIDModel
from medianest_models.models.users import User


class MediaRequest(UUIDModel):
    """A user's wish for a film, a series or a season of it.

    At most one request for the same (`tmdb_id`, `media_type`, `season`, `is_4k`) is open at a time.
    """

    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="media_requests", on_delete=fields.CASCADE
    )
    user_id: UUID
    title = VarcharField(max_length=500)
    media_type = VarcharField(max_length=50)
    tmdb_id = VarcharField(max_length=100, null=True)
    season = fields.IntField(null=True)
    is_4k = fields.BooleanField(default=False, db_default=False)
    imdb_id = VarcharField(max_length=100, null=True)
    status = EnumField(RequestStatus, max_length=20, default=RequestStatus.PENDING, db_default="pending")
    overseerr_id = VarcharField(max_length=255, null=True)
    request_data = JSONField(null=True)
    created_at = TimestampField(db_default=Now())
    completed_at = TimestampField(null=True)

    status_updates: fields.ReverseRelation[MediaRequestStatusUpdate]
    followers: fields.ReverseRelation[MediaRequestFollower]

    class Meta:
        table = "media_requests"
        indexes = (
            Index(fields=("user_id", "created_at", "id"), name="ix_media_requests_user_id_created_at"),
            Index(fields=("status", "created_at", "id"), name="ix_media_requests_status_created_at"),
            Index(fields=("created_at", "id"), name="ix_media_requests_created_at"),
            Index(fields=("tmdb_id", "media_type"), name="ix_media_requests_tmdb_id_media_type"),
            Index(fields=("overseerr_id",), name="ix_media_requests_overseerr_id"),
        )

    @property
    def is_open(self) -> bool:
        """Whether the request still waits for its title."""
        return self.status in OPEN_REQUEST_STATUSES


class MediaRequestStatusUpdate(UUIDModel):
    """One change of a media request's status, written in the transaction that made it."""

    request: fields.ForeignKeyRelation[MediaRequest] = fields.ForeignKeyField(
        "models.MediaRequest", related_name="status_updates", on_delete=fields.CASCADE
    )
    request_id: UUID
    status = EnumField(RequestStatus, max_length=20)
    message = TextField(null=True)
    created_at = TimestampField(db_default=Now())

    class Meta:
        table = "media_request_status_updates"
        indexes = (
            Index(
                fields=("request_id", "created_at"),
                name="ix_media_request_status_updates_request_id_created_at",
            ),
        )


class MediaRequestFollower(UUIDModel):
    """A user who waits for a request of somebody else; the first of them gets it if its owner is deleted."""

    request: fields.ForeignKeyRelation[MediaRequest] = fields.ForeignKeyField(
        "models.MediaRequest", related_name="followers", on_delete=fields.CASCADE
    )
    request_id: UUID
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="followed_requests", on_delete=fields.CASCADE
    )
    user_id: UUID
    created_at = TimestampField(db_default=Now())

    class Meta:
        table = "media_request_followers"
        unique_together = (("request", "user"),)
        indexes = (Index(fields=("user_id", "request_id"), name="ix_media_request_followers_user_id_request_id"),)
