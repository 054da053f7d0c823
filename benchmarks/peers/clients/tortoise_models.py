"""Plain Tortoise models of the tables."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model
from uuid_utils.compat import uuid7


class User(Model):
    id = fields.UUIDField(primary_key=True)
    plex_id = fields.CharField(max_length=255, unique=True)
    plex_username = fields.CharField(max_length=255)
    email = fields.CharField(max_length=255, null=True)
    role = fields.CharField(max_length=20)
    plex_token = fields.TextField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    last_login_at = fields.DatetimeField(null=True)
    status = fields.CharField(max_length=20)

    class Meta:
        table = "users"


class MediaRequest(Model):
    id = fields.UUIDField(primary_key=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("models.User")
    user_id: UUID
    title = fields.CharField(max_length=500)
    media_type = fields.CharField(max_length=50)
    tmdb_id = fields.CharField(max_length=100, null=True)
    season = fields.IntField(null=True)
    is_4k = fields.BooleanField(default=False)
    imdb_id = fields.CharField(max_length=100, null=True)
    status = fields.CharField(max_length=20)
    overseerr_id = fields.CharField(max_length=255, null=True)
    request_data: Any = fields.JSONField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    completed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "media_requests"


class SessionToken(Model):
    id = fields.UUIDField(primary_key=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("models.User")
    token_hash = fields.CharField(max_length=255, unique=True)
    family_id = fields.UUIDField()
    expires_at = fields.DatetimeField()
    created_at = fields.DatetimeField(auto_now_add=True)
    last_used_at = fields.DatetimeField(null=True)
    rotated_at = fields.DatetimeField(null=True)

    class Meta:
        table = "session_tokens"


class RateLimit(Model):
    id = fields.UUIDField(primary_key=True, default=uuid7)
    ip_address = fields.CharField(max_length=45)
    endpoint = fields.CharField(max_length=255)
    request_count = fields.IntField(default=0)
    window_start = fields.DatetimeField()

    class Meta:
        table = "rate_limits"
        unique_together = (("ip_address", "endpoint", "window_start"),)


class Download(Model):
    id = fields.UUIDField(primary_key=True)
    playlist_url = fields.TextField()
    status = fields.CharField(max_length=20)
    priority = fields.SmallIntField()
    attempts = fields.SmallIntField()
    worker_id = fields.CharField(max_length=255, null=True)
    lease_expires_at = fields.DatetimeField(null=True)
    scheduled_at = fields.DatetimeField()
    progress = fields.IntField()
    created_at = fields.DatetimeField(auto_now_add=True)
    started_at = fields.DatetimeField(null=True)

    class Meta:
        table = "youtube_downloads"


class ServiceStatusHistory(Model):
    id = fields.UUIDField(primary_key=True, default=uuid7)
    service_id = fields.IntField()
    status = fields.CharField(max_length=20)
    response_time_ms = fields.IntField(null=True)
    error_message = fields.TextField(null=True)
    checked_at = fields.DatetimeField()

    class Meta:
        table = "service_status_history"


class Service(Model):
    id = fields.IntField(primary_key=True)
    name = fields.CharField(max_length=100)

    class Meta:
        table = "services"
